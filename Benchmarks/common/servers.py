"""Redis and nodes of Avouch, on loopback ports of their own."""
import os
import re
import socket
import sys

from .processes import AVOUCH, end, free_port, start, wait_until


class Redis:
    """A server that keeps nothing on the disk."""

    def __init__(self, folder):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = start(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", folder], log=os.path.join(folder, "redis.log"))
        wait_until(self.answers, "redis-server", self.process)
        self.connection = socket.create_connection(("127.0.0.1", self.port), 10)
        self.reader = self.connection.makefile("rb")

    @property
    def pid(self):
        return self.process.pid

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def call(self, *words):
        """A command; integers, octets and lists of them come back."""
        octets = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.connection.sendall(b"*%d\r\n" % len(octets) + b"".join(b"$%d\r\n%s\r\n" % (len(o), o) for o in octets))
        return self.reply()

    def reply(self):
        line = self.reader.readline().rstrip()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            sys.exit(f"Redis: {rest.decode()}")
        return int(rest) if kind == b":" else rest

    def empty(self):
        self.call("FLUSHALL", "SYNC")
        self.call("CONFIG", "RESETSTAT")

    def calls(self):
        """By command: how often, and microseconds a call inside Redis."""
        found = re.findall(r"cmdstat_(\S+?):calls=(\d+),usec=\d+,usec_per_call=([\d.]+)",
                           self.call("INFO", "commandstats").decode())
        return {name: (int(count), float(each)) for name, count, each in found}

    def stop(self):
        self.connection.close()
        end(self.process)


class Node:
    """`avouch serve`, with an HTTP port and a control socket."""

    def __init__(self, folder, configuration, **options):
        self.name = os.path.basename(configuration).removesuffix(".json5")
        self.control = os.path.join(folder, self.name + ".control")
        self.log_path = os.path.join(folder, self.name + ".log")
        self.process = start([AVOUCH, "serve", "--config", configuration], log=self.log_path, cwd=folder, **options)

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.log_path) as log:
            return log.read()

    @property
    def is_ready(self):
        return "\nready:" in self.said()

    def wait_until_ready(self):
        wait_until(lambda: self.is_ready, f"{self.name} (see {self.log_path})", self.process)

    def metrics(self):
        """Values by name and labels, over a socket: a program started for each look would take time from what is
        measured."""
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(5)
                control.connect(self.control)
                control.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                said = b""
                while piece := control.recv(1 << 16):
                    said += piece
        except OSError:
            return {}  # it does not listen yet
        return {name: float(value) for name, value in re.findall(r"^(avouch\S+) (\S+)$", said.decode(), re.MULTILINE)}

    def metric(self, name):
        return self.metrics().get(name, 0)

    def stop(self, seconds=20):
        end(self.process, seconds)
