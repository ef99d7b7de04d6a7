"""Asking a server over a connection of our own, and what the times that it takes come to."""
import socket
import sys

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
