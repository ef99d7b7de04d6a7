"""Connections that cost a server something and bring it nothing: idle ones, slow askers, slow readers.

    crowd.py PORT COUNT TARGET

Of ten connections one sends its requests an octet a second. Of five hundred one asks as much as the server lets it, and
reads an octet a second: few of them, since the kernel keeps two mebibytes for each. The rest says nothing. One that the
server ends is opened anew. Prints `open` once all are, and on SIGTERM what became of them, as JSON.
"""
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time

IDLE, ASKER, READER = "idle", "slow askers", "slow readers"
KINDS = (IDLE, ASKER, READER)
STEP_SECONDS, PARTS = 1, 100
# In a row, and how often at most: the answers are more than all buffers between the two take.
QUESTIONS, ROWS = 256, 60
# A slow reader does not see that the server has given up: what it has not read stands before the end.
LIFE_SECONDS = 15
# So many are opened in a row before the server gets time to take them.
BATCH = 200


class Crowd:
    def __init__(self, port, count, target):
        self.port, self.count = port, count
        self.request = f"GET {target} HTTP/1.1\r\nHost: crowd\r\n\r\n".encode()
        self.selector = selectors.DefaultSelector()
        self.opened = dict.fromkeys(KINDS, 0)
        self.ended = dict.fromkeys(KINDS, 0)
        self.refused = 0
        self.slow = {}  # socket: kind, and the octets that are still to be sent, or when it is to be replaced
        self.is_over = False

    def open(self, kind):
        client = socket.socket()
        if kind == READER:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        try:
            client.settimeout(5)
            client.connect(("127.0.0.1", self.port))
            client.setblocking(False)
            if kind == READER:
                self.fill(client)
        except OSError:
            self.refused += 1
            client.close()
            return
        self.opened[kind] += 1
        if kind != IDLE:
            self.slow[client] = (kind, self.request if kind == ASKER else time.monotonic() + LIFE_SECONDS)
        if kind != READER:  # what it has not read yet would have it looked at all the time
            self.selector.register(client, selectors.EVENT_READ, kind)

    def fill(self, client):
        rest = memoryview(self.request * QUESTIONS * ROWS)
        while rest:
            try:
                rest = rest[client.send(rest):]
            except BlockingIOError:
                return

    def close(self, client, kind):
        self.ended[kind] += 1
        if kind != READER:
            self.selector.unregister(client)
        self.slow.pop(client, None)
        client.close()
        if not self.is_over:
            self.open(kind)

    def run(self):
        for number in range(self.count):
            self.open(READER if number % 500 == 499 else ASKER if number % 10 == 0 else IDLE)
            if number % BATCH == 0:
                time.sleep(0.01)
        print("open", flush=True)
        # A real crowd is on other machines: this one keeps out of the server's and the load's way.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        later, part = time.monotonic(), 0
        while not self.is_over:
            for key, _ in self.selector.select(max(0, later - time.monotonic())):
                self.look(key.fileobj, key.data)
            if time.monotonic() >= later:
                later += STEP_SECONDS / PARTS
                self.step(part)
                part = (part + 1) % PARTS

    def look(self, client, kind):
        """An idle one or an asker has something to read: an answer, or the end."""
        try:
            if client.recv(4096):
                return
        except OSError:
            pass
        self.close(client, kind)

    def step(self, part):
        """One of the parts: all of them at the same moment would be a burst, and no crowd."""
        for client, (kind, rest) in [(client, each) for client, each in self.slow.items()
                                     if client.fileno() % PARTS == part]:
            try:
                if kind == ASKER:
                    rest = rest or self.request
                    client.send(rest[:1])
                    self.slow[client] = (kind, rest[1:])
                elif not client.recv(1) or time.monotonic() > rest:
                    self.close(client, kind)
            except BlockingIOError:
                pass
            except OSError:
                self.close(client, kind)

    def end(self, *_):
        self.is_over = True


def main():
    port, count, target = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if count + 100 > most:
        sys.exit(f"{count} connections need as many descriptors; {most} are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(port, count, target)
    signal.signal(signal.SIGTERM, crowd.end)
    crowd.run()
    print(json.dumps({"opened": crowd.opened, "ended": crowd.ended, "refused": crowd.refused}), flush=True)


if __name__ == "__main__":
    main()
