"""Runs a program on a terminal of its own and types into it.

    pty.py [--background] [--raw] ACTION... -- PROGRAM ARGUMENT...

Actions, in order: expect:TEXT (waits until it was shown), send:TEXT (with Python escapes),
run:COMMAND (of the shell, to its end), wait:SECONDS, hangup. Prints what the terminal showed, then a line "exit=N lines=B echo=B" with the
program's exit status and the state of the terminal after it.
"""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import tty


def child(argv, background):
    if not background:
        os.execvp(argv[0], argv)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.execvp(argv[0], argv)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


class Terminal:
    def __init__(self, argv, background, raw):
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        if raw:
            tty.setraw(self.slave)
        self.shown = b""
        self.searched = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 64)
            child(argv, background)

    def pump(self, seconds, to_send=b""):
        """Reads for so long, or until all of to_send was taken."""
        until = time.monotonic() + seconds
        while self.master is not None and time.monotonic() < until:
            readable, writable, _ = select.select(
                [self.master], [self.master] if to_send else [], [], 0.02
            )
            if readable:
                self.shown += os.read(self.master, 65536)
            if writable:
                to_send = to_send[os.write(self.master, to_send[:256]):]
                if not to_send:
                    return
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return

    def expect(self, text):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = self.shown.find(text, self.searched)
            if found >= 0:
                self.searched = found + len(text)
                return
            self.pump(0.002)
        sys.exit(f"never shown: {text!r} in {self.shown!r}")

    def hangup(self):
        os.close(self.slave)
        os.close(self.master)
        self.master = None

    def finish(self):
        self.pump(30)
        if self.master is None:
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), 0
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 65536)
        if not os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return status, termios.tcgetattr(self.slave)[3]


def main():
    arguments = sys.argv[1:]
    actions, program = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    terminal = Terminal(program, "--background" in actions, "--raw" in actions)
    for action in actions:
        verb, _, rest = action.partition(":")
        if verb == "expect":
            terminal.expect(rest.encode())
        elif verb == "send":
            data = rest.encode().decode("unicode_escape").encode("latin-1")
            terminal.pump(10, data)
        elif verb == "run":
            subprocess.run(rest, shell=True, check=True)
        elif verb == "wait":
            terminal.pump(float(rest))
        elif verb == "hangup":
            terminal.hangup()
    status, flags = terminal.finish()
    sys.stdout.buffer.write(terminal.shown)
    lines, echo = bool(flags & termios.ICANON), bool(flags & termios.ECHO)
    print(f"\nexit={status} lines={lines} echo={echo}")


main()
