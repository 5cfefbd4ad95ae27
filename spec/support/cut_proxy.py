"""A TCP proxy on 127.0.0.1 before a PostgreSQL socket that cuts a connection at a chosen point.

    cut_proxy.py SOCKET RULE [APPLICATION]

It prints "port N", then "fired" when the rule has struck, which it does once: other connections, and those
that come later, are left alone. APPLICATION is the application_name of the connection meant (default: dixis).
N counts from 1. RULE is one of

    none
    startup:N            connection N, whoever it is, ends before its first message reaches the server
    message:N            the client's Nth message is the last that reaches the server
    answer:N             the server's Nth message is the last that reaches the client
    before_script:N      the Nth simple query does not reach the server
    before_commit:N      the Nth COMMIT does not reach the server
    after_commit:N       the Nth COMMIT reaches it, is done, and its answer is dropped
    with_commit:N        the Nth COMMIT reaches it, and both ends are closed at once
    silent_before:N      before the Nth COMMIT, and silent_after:N after it: nothing is forwarded any more on
    silent_after:N       this connection, and nothing is closed
    dead_before:N        the same for all connections, also for those to come, of which each that is meant
    dead_after:N         prints "asked"
"""

import os
import socket
import struct
import sys
import threading

upstream, (rule, _, number) = sys.argv[1], sys.argv[2].partition(":")
number = int(number or 0)
application = (sys.argv[3] if len(sys.argv) > 3 else "dixis").encode()

lock = threading.Lock()
counts = {"connection": 0, "commit": 0}
state = {"fired": False, "dead": False}


def say(text):
    os.write(1, (text + "\n").encode())


def strike():
    """True for the one that may carry the rule out."""
    with lock:
        if state["fired"]:
            return False
        state["fired"] = True
    say("fired")
    return True


class Gone(Exception):
    pass


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise Gone
        data += chunk
    return data


def read_message(sock):
    head = read_exactly(sock, 5)
    return head[:1], head + read_exactly(sock, struct.unpack("!I", head[1:])[0] - 4)


class Link:
    def __init__(self, client):
        self.client, self.server = client, None
        self.meant, self.silent, self.drop_answers, self.mute = False, False, False, False
        self.sent = self.answered = self.scripts = 0
        self.committing = False

    def close(self):
        for end in (self.client, self.server):
            if end is not None:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def quiet(self):
        return self.silent or state["dead"]

    def read_startup(self):
        while True:
            size = struct.unpack("!I", read_exactly(self.client, 4))[0]
            body = read_exactly(self.client, size - 4)
            code = struct.unpack("!I", body[:4])[0]
            if code in (80877103, 80877104):  # TLS, GSSAPI
                self.client.sendall(b"N")
                continue
            self.meant = b"application_name\0" + application + b"\0" in body
            return size, body

    def startup(self):
        size, body = self.read_startup()
        with lock:
            counts["connection"] += 1
            nth = counts["connection"]
        if rule == "startup" and nth == number and strike():
            raise Gone
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(upstream)
        self.server.sendall(struct.pack("!I", size) + body)

    def is_commit(self, kind, message):
        # Parse: the statement's name, the statement
        if kind != b"P" or not message[5:].split(b"\0", 2)[1].strip().upper() == b"COMMIT":
            return False
        with lock:
            counts["commit"] += 1
            return counts["commit"] == number

    def forward(self):
        while True:
            kind, message = read_message(self.client)
            if self.quiet():
                continue
            if self.meant:
                self.sent += 1
                self.scripts += kind == b"Q"
                if rule == "before_script" and self.scripts == number and strike():
                    raise Gone
                if self.is_commit(kind, message):
                    if rule == "before_commit" and strike():
                        raise Gone
                    if rule in ("silent_before", "dead_before") and strike():
                        self.silent = True
                        state["dead"] = rule == "dead_before"
                        continue
                    self.committing = True
                    if rule == "after_commit" and strike():
                        self.drop_answers = True
                    # Before it is sent: its answer may be faster than we are.
                    self.mute = rule in ("silent_after", "dead_after")
            self.server.sendall(message)
            if not self.meant:
                continue
            if rule == "message" and self.sent == number and strike():
                raise Gone
            if kind == b"S" and self.committing:
                self.committing = False
                if rule == "with_commit" and strike():
                    raise Gone
                if rule in ("silent_after", "dead_after") and strike():
                    self.silent = True
                    state["dead"] = rule == "dead_after"

    def answer(self):
        while True:
            kind, message = read_message(self.server)
            if self.drop_answers:
                if kind == b"Z":
                    raise Gone
                continue
            if self.mute or self.quiet():
                continue
            self.client.sendall(message)
            if self.meant:
                self.answered += 1
                if rule == "answer" and self.answered == number and strike():
                    raise Gone

    def guarded(self, work):
        try:
            work()
        except (Gone, OSError):
            # Who is silent does not say either that the other end is gone.
            if not self.quiet():
                self.close()

    def run(self):
        try:
            if state["dead"]:  # accepted, and never answered
                self.read_startup()
                if self.meant:
                    say("asked")
                return
            self.startup()
        except (Gone, OSError):
            self.close()
            return
        threading.Thread(target=self.guarded, args=(self.answer,), daemon=True).start()
        self.guarded(self.forward)


listener = socket.create_server(("127.0.0.1", 0), backlog=64)
say("port %d" % listener.getsockname()[1])
links = []  # kept, so that no silent connection is closed
while True:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    links.append(Link(connection))
    threading.Thread(target=links[-1].run, daemon=True).start()
