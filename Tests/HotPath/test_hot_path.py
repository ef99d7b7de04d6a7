"""Answers from memory, under callgrind: no allocation, no reference count, no exclusivity check, and no more instructions
than ceilings.json allows. Runs the release program, since it is that which counts: `make test-hot-path`."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

import pytest

from callgrind import Callgrind

AVOUCH = os.environ.get("AVOUCH", "")
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "ceilings.json")) as ceilings:
    CEILINGS = json.load(ceilings)
COUNT = 400
WARM_UP = 50
# What an answer from memory has no need of. Sweeps and the once-a-second date may do a little of it.
FORBIDDEN = re.compile(
    r"malloc|calloc|realloc|memalign|^_?_?(libc_)?free|swift_(retain|release|bridgeObject|unknownObject|alloc|dealloc|slowAlloc"
    r"|slowDealloc|beginAccess|initStackObject|allocObject|projectBox|dynamicCast|getTypeBy|conformsTo)")
STARTUP_SECONDS = 180


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.folder, self.port = str(folder), free_port()
        self.log = os.path.join(self.folder, "log")
        self.output = open(self.log, "w")
        self.callgrind = Callgrind(
            self.folder, [AVOUCH, "demo", "--dir", os.path.join(self.folder, "demo"), "--port", str(self.port)],
            dict(os.environ, AVOUCH_WORKERS="1"), self.output)
        end = time.monotonic() + STARTUP_SECONDS
        while "Ctrl-C ends it" not in self.said():
            assert self.callgrind.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.1)

    def said(self):
        with open(self.log) as file:
            return file.read()

    def stop(self):
        self.callgrind.stop()
        self.output.close()

    def request(self, *options):
        """The DER that OpenSSL makes of a question about the good certificate."""
        demo, path = os.path.join(self.folder, "demo"), os.path.join(self.folder, "request.der")
        subprocess.run(
            ["openssl", "ocsp", *options, "-issuer", demo + "/ca.pem", "-cert", demo + "/good.pem", "-no_nonce",
             "-reqout", path], check=True, capture_output=True)
        with open(path, "rb") as file:
            return file.read()


class Asker:
    """Sends one request after another and reads each answer to its end."""

    def __init__(self, port, closes=False):
        self.port, self.closes, self.socket = port, closes, None

    def ask(self, request, has_body=True):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
        self.socket.sendall(request)
        octets = b""
        while b"\r\n\r\n" not in octets:
            octets += self.receive()
        head, body = octets.split(b"\r\n\r\n", 1)
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        while has_body and length and len(body) < int(length[1]):
            body += self.receive()
        if self.closes:
            self.socket.close()
            self.socket = None
        return head.decode(), body

    def receive(self):
        part = self.socket.recv(65536)
        assert part, "the connection ended"
        return part


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    for tool in ("valgrind", "callgrind_control", "openssl"):
        assert shutil.which(tool), f"{tool} is missing: make test-hot-path installs it"
    assert os.access(AVOUCH, os.X_OK), "AVOUCH has to name the release program: make test-hot-path"
    server = Server(tmp_path_factory.mktemp("hot-path"))
    yield server
    server.stop()


def get(der, method="GET", fields=""):
    target = urllib.parse.quote(base64.b64encode(der), safe="")
    return f"{method} /{target} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}\r\n".encode()


def post(der):
    return (f"POST / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/ocsp-request\r\n"
            f"Content-Length: {len(der)}\r\n\r\n").encode() + der


def measure(server, name, request, status="200 OK", has_body=True, closes=False):
    asker = Asker(server.port, closes)

    def ask(count):
        for _ in range(count):
            head, _ = asker.ask(request, has_body)
            assert head.startswith(f"HTTP/1.1 {status}"), head
    ask(WARM_UP)
    total, calls = server.callgrind.measure(lambda: ask(COUNT))
    each = total / COUNT
    print(f"{name}: {each:.0f} instructions a request (ceiling {CEILINGS[name]})")
    forbidden = {name: count / COUNT for name, count in calls.items() if FORBIDDEN.search(name)}
    # One in twenty requests may fall into a turn that sweeps.
    assert all(rate < 0.05 for rate in forbidden.values()), forbidden
    assert CEILINGS[name] * 0.5 < each <= CEILINGS[name]


def test_get(server):
    measure(server, "GET", get(server.request()))


def test_get_sha256(server):
    measure(server, "GET, SHA-256", get(server.request("-sha256")))


def test_post(server):
    measure(server, "POST", post(server.request()))


def test_head(server):
    measure(server, "HEAD", get(server.request(), "HEAD"), has_body=False)


def test_not_modified(server):
    request = server.request()
    head, _ = Asker(server.port).ask(get(request))
    tag = re.search(r"(?i)\r\netag: (\S+)", head)[1]
    measure(server, "GET, not modified", get(request, fields=f"If-None-Match: {tag}\r\n"), "304 Not Modified",
            has_body=False)


def test_one_request_each(server):
    measure(server, "GET, one request each", get(server.request(), fields="Connection: close\r\n"), closes=True)
