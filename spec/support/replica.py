"""A replica that receives and never replays: replica.py SOCKET_FOLDER PORT USER

Speaks the streaming protocol as far as the server needs it to show a replica in pg_stat_replication, until its
stdin ends.
"""

import os
import select
import socket
import struct
import sys
import time


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


class Server:
    def __init__(self, folder, port, user):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{folder}/.s.PGSQL.{port}")
        self.buffer = b""
        pairs = {"user": user, "replication": "true", "application_name": "stuck"}
        body = b"".join(f"{key}\0{value}\0".encode() for key, value in pairs.items()) + b"\0"
        self.socket.sendall(struct.pack("!II", len(body) + 8, 196608) + body)

    def read(self):
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack("!I", self.buffer[1:5])[0]:
            data = self.socket.recv(65536)
            if not data:
                sys.exit(0)
            self.buffer += data
        size = struct.unpack("!I", self.buffer[1:5])[0] + 1
        kind, body, self.buffer = self.buffer[:1], self.buffer[5:size], self.buffer[size:]
        if kind == b"E":
            sys.exit(body.decode(errors="replace"))
        return kind, body

    def query(self, text, until):
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        rows = []
        while True:
            kind, body = self.read()
            if kind == b"D":
                rows.append(body)
            if kind == until:
                return rows


def main():
    server = Server(sys.argv[1], sys.argv[2], sys.argv[3])
    while server.read()[0] != b"Z":
        pass
    row = server.query("IDENTIFY_SYSTEM", b"Z")[0]
    fields, at = [], 2
    while at < len(row):
        size = struct.unpack("!i", row[at : at + 4])[0]
        fields.append(row[at + 4 : at + 4 + max(size, 0)])
        at += 4 + max(size, 0)
    position = fields[2].decode()
    high, low = (int(part, 16) for part in position.split("/"))
    server.query(f"START_REPLICATION PHYSICAL {position}", b"W")
    here = (high << 32) + low
    while True:
        now = int((time.time() - 946684800) * 1e6)
        server.socket.sendall(message(b"d", b"r" + struct.pack("!QQQqB", here, here, here, now, 0)))
        ready = select.select([server.socket, sys.stdin], [], [], 0.2)[0]
        if sys.stdin in ready and not os.read(0, 1):
            return
        if server.socket in ready and not server.socket.recv(65536):
            return


main()
