"""A small HTTP server for specs: http_server.py PORT_FILE [CERTIFICATE KEY]

Writes its port to PORT_FILE and serves until its stdin ends.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        getattr(self, "do" + url.path.replace("/", "_"), self.unknown)(query, body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = handle_any

    def unknown(self, query, body):
        self.answer(404, b"no such page")

    def do_echo(self, query, body):
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("latin-1"),
        }
        self.answer(int(query.get("status", 200)), json.dumps(told).encode())

    def do_note(self, query, body):
        with open(query["file"], "a") as file:
            file.write(f"{self.command} {query['text']}\n")
        self.answer(int(query.get("status", 200)), b"noted")

    def do_keep(self, query, body):
        """Keeps the body, as a line of JSON."""
        with open(query["file"], "a") as file:
            file.write(json.dumps(body.decode()) + "\n")
        self.answer(int(query.get("status", 200)), b"kept")

    def do_bytes(self, query, body):
        self.answer(200, b"x" * int(query["n"]))

    def do_flaky(self, query, body):
        """Answers 503 so many times before it answers 200."""
        left = self.server.left.setdefault(query["key"], int(query["n"]))
        self.server.left[query["key"]] = left - 1
        self.answer(503 if left > 0 else 200, b"flaky")

    def do_twice(self, query, body):
        self.answer(200, b"", [("X-Twice", "a"), ("x-twice", "b"), ("X-Empty", ""), ("X-Space", " v ")])

    def do_many(self, query, body):
        self.answer(200, b"", [(f"X-{n}", "x" * 4000) for n in range(90)])

    def do_redirect(self, query, body):
        left = int(query["n"])
        goal = f"/redirect?n={left - 1}" if left > 1 else query.get("to", "/echo")
        self.answer(302, b"moved", [("Location", goal), ("X-Hop", str(left))])

    def do_slow(self, query, body):
        time.sleep(float(query["s"]))
        self.answer(200, b"late")

    def do_endless(self, query, body):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def do_torn(self, query, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    def do_reset(self, query, body):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def do_garbage(self, query, body):
        self.wfile.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    left = {}

    def handle_error(self, *_):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    sys.stdin.read()


main()
