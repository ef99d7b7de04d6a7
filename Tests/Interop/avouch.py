"""Starts Avouch and speaks to it: what all tests here share."""
import base64
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("AVOUCH", str(ROOT / ".build" / "debug" / "avouch"))
PATIENCE = 30
START_PATIENCE = 120


def run(*arguments, **options):
    """A command of Avouch, with its output as text."""
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, **{"timeout": 120, **options})


def wait_until(is_true):
    """Asks again and again until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def ask_until(ask, is_enough):
    """Asks again and again until the answer will do, and gives it."""
    answers = []

    def is_true():
        answers.append(ask())
        return is_enough(answers[-1])
    wait_until(is_true)
    return answers[-1]


class NotStarted(AssertionError):
    """It ended before it was ready; the text has what it printed."""


class Server:
    """A running `avouch`; `url` once it is ready. `until="serving"` is for one that will not be."""

    def __init__(self, *arguments, environment=None, until="ready"):
        self.process = subprocess.Popen(
            [BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})})
        self.errors = []
        self.reader = threading.Thread(target=self._read_errors, daemon=True)
        self.reader.start()
        self.urls = []
        self.output = []
        # One that is never ready must not keep the tests from ending.
        watchdog = threading.Timer(START_PATIENCE, self.process.kill)
        watchdog.daemon = True
        watchdog.start()
        for line in self.process.stdout:
            self.output.append(line)
            if match := re.match(r"serving (http://\S+?)/?$", line.strip()):
                self.urls.append(match.group(1))
                if until == "serving":
                    break
            if line.startswith(("ready:", "started:")):
                break
        else:
            watchdog.cancel()
            self.process.wait(PATIENCE)
            self.reader.join(PATIENCE)
            raise NotStarted("avouch did not start: " + "".join(self.output + self.errors))
        watchdog.cancel()
        self.url = self.urls[0] if self.urls else None
        # Whatever else it prints must not fill the pipe.
        self.drain = threading.Thread(target=self._read_output, daemon=True)
        self.drain.start()

    def _read_output(self):
        self.output.extend(self.process.stdout)

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    @property
    def address(self):
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname, parts.port

    def stop(self, how=signal.SIGTERM):
        """Ends it and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)

    # Raw HTTP, octet for octet.

    def connect(self):
        return socket.create_connection(self.address, PATIENCE)

    def exchange(self, request):
        """Sends octets and reads until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    def get(self, target, *headers, method="GET"):
        lines = [f"{method} {target} HTTP/1.1", "Host: ocsp.example", "Connection: close", *headers]
        return Answer(self.exchange("\r\n".join([*lines, "", ""]).encode()))

    def post(self, body, *headers, target="/"):
        lines = [f"POST {target} HTTP/1.1", "Host: ocsp.example", "Connection: close",
                 f"Content-Length: {len(body)}", *headers]
        return Answer(self.exchange("\r\n".join([*lines, "", ""]).encode() + body))


class Answer:
    """One HTTP answer, parsed no further than needed."""

    def __init__(self, octets):
        head, _, self.body = octets.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert name.lower() not in self.headers, f"{name} is there twice"
            self.headers[name.lower()] = value.strip()


def read_all(connection):
    octets = b""
    while chunk := connection.recv(65536):
        octets += chunk
    return octets


def base64_target(der):
    return "/" + urllib.parse.quote(base64.b64encode(der).decode(), safe="")


def check(server, issuer, *arguments):
    """`avouch check --json`: its exit code and its object."""
    result = run("check", "--json", "--issuer", issuer, *arguments, server.url)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)
