"""Asking a server over a connection of our own, and what the times that it takes come to."""
import os
import socket
import sys
import threading
import time

LONGEST_SECONDS = 10


class Asker:
    """A connection to a node, kept alive."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), LONGEST_SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request):
        self.connection.sendall(
            b"POST / HTTP/1.1\r\nHost: edge\r\nContent-Type: application/ocsp-request\r\nContent-Length: "
            + str(len(request)).encode() + b"\r\n\r\n" + request)

    def answer(self):
        octets = b""
        while (head := octets.find(b"\r\n\r\n")) < 0:
            octets += self.piece()
        fields = dict(line.lower().split(b": ", 1) for line in octets[:head].split(b"\r\n")[1:])
        whole = head + 4 + int(fields[b"content-length"])
        while len(octets) < whole:
            octets += self.piece()
        return octets[head + 4:]

    def piece(self):
        piece = self.connection.recv(1 << 16)
        if not piece:
            sys.exit("an edge closed the connection")
        return piece


def go_before_others():
    """The calling thread goes before the load on its processor, whose time is not the server's. For root alone."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -15)
    except PermissionError:
        pass


class Witness(threading.Thread):
    """Asks a loaded server again and again, each time over a new connection, and takes the time of what it says."""

    PAUSE_SECONDS = 0.005
    # So long what it sees does not count: the load begins to come, and a flood is told from a burst after a tenth.
    SETTLE_SECONDS = 1
    TRY_LATER = bytes.fromhex("30030a0103")

    def __init__(self, port, request, serial):
        super().__init__(daemon=True)
        self.port, self.request, self.serial = port, request, bytes.fromhex(serial)
        self.times = {"answered": [], "tryLater": [], "refused": [], "failed": []}
        self.is_over = False

    def run(self):
        octets = (b"POST / HTTP/1.1\r\nHost: witness\r\nConnection: close\r\nContent-Type: "
                  b"application/ocsp-request\r\nContent-Length: %d\r\n\r\n%s" % (len(self.request), self.request))
        go_before_others()
        first = time.monotonic()
        while not self.is_over:
            begin = time.monotonic()
            kind = self.ask(octets)
            if begin > first + self.SETTLE_SECONDS:
                self.times[kind].append((time.monotonic() - begin) * 1e3)
            time.sleep(self.PAUSE_SECONDS)

    def ask(self, octets):
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), LONGEST_SECONDS) as client:
                try:
                    client.sendall(octets)
                except OSError:
                    pass  # told 503 before it had asked: that can still be read
                while piece := client.recv(1 << 16):
                    answer += piece
        except OSError:
            pass  # a reset behind an answer takes nothing from it
        head, _, body = answer.partition(b"\r\n\r\n")
        code = head[9:12]
        if code in (b"503", b"429"):
            return "refused"
        if code == b"200" and body == self.TRY_LATER:
            return "tryLater"
        return "answered" if code == b"200" and status(body, self.serial) else "failed"

    def stop(self):
        """Milliseconds by what was said."""
        self.is_over = True
        self.join()
        return self.times


def status(answer, serial):
    """`revoked`, `good` or None: in a SingleResponse the status follows the serial number (RFC 6960 4.2.1)."""
    place = answer.find(serial)
    if place < 0:
        return None
    return {0xA1: "revoked", 0x80: "good"}.get(answer[place + len(serial)])


def quantiles(values):
    values = sorted(values)
    return {"p50": values[len(values) // 2], "p99": values[min(len(values) - 1, len(values) * 99 // 100)],
            "max": values[-1]}


def words(found):
    return f"p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, max {found['max']:.1f} ms"
