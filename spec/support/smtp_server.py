"""A small mail server for specs: smtp_server.py PORT_FILE MAILBOX [CERTIFICATE KEY [implicit]]

Writes its port to PORT_FILE, appends each mail as a line of JSON to MAILBOX, and serves until its stdin
ends. With a certificate it offers STARTTLS (or speaks TLS at once) and AUTH with user/p@ss word only. A
recipient refused@... is refused; one slow@... is answered after 20 seconds.
"""

import base64
import json
import os
import socketserver
import ssl
import sys
import threading
import time

PORT_FILE, MAILBOX, *TLS = sys.argv[1:]
CONTEXT = None
if TLS:
    CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CONTEXT.load_cert_chain(TLS[0], TLS[1])
IMPLICIT = TLS[2:] == ["implicit"]


class Session(socketserver.BaseRequestHandler):
    def say(self, *lines):
        self.request.sendall("".join(line + "\r\n" for line in lines).encode())

    def line(self):
        return self.file.readline().rstrip(b"\r\n").decode("utf-8", "replace")

    def setup(self):
        self.tls = IMPLICIT
        if IMPLICIT:
            self.request = CONTEXT.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile("rb")
        self.mail = {"to": [], "user": None}

    def upgrade(self):
        self.say("220 go on")
        self.request = CONTEXT.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile("rb")
        self.tls = True

    def authenticate(self, words):
        given = words[2] if len(words) > 2 else self.ask("")
        if base64.b64decode(given) == b"\0user\0p@ss word":
            self.mail["user"] = "user"
            self.say("235 welcome")
        else:
            self.say("535 5.7.8 no: " + given)

    def ask(self, text):
        self.say("334 " + text)
        return self.line()

    def data(self):
        self.say("354 go on")
        lines = []
        while (line := self.file.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        self.mail.update(tls=self.tls, text=b"".join(lines).decode())
        with open(MAILBOX, "a") as file:
            file.write(json.dumps(self.mail) + "\n")
        self.say("250 taken")

    def handle(self):
        self.say("220 spec")
        while command := self.line():
            words = command.split(" ")
            verb = words[0].upper()
            if verb == "EHLO":
                extras = ["STARTTLS"] if CONTEXT and not self.tls else []
                extras += ["AUTH PLAIN"] if self.tls or not CONTEXT else []
                self.say("250-spec", *["250-" + extra for extra in extras], "250 8BITMIME")
            elif verb == "STARTTLS":
                self.upgrade()
            elif verb == "AUTH":
                self.authenticate(words)
            elif verb == "MAIL":
                self.mail["from"] = command[10:].split(">")[0].strip("<>")
                self.say("250 ok")
            elif verb == "RCPT":
                to = command[8:].split(">")[0].strip("<>")
                if to.startswith("slow@"):
                    time.sleep(20)
                self.mail["to"].append(to)
                self.say("550 no such person" if to.startswith("refused@") else "250 ok")
            elif verb == "DATA":
                self.data()
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("500 what")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Session)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(PORT_FILE + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(PORT_FILE + ".new", PORT_FILE)
sys.stdin.read()
