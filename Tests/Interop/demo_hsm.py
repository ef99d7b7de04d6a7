"""A demo whose responder's key lies in a token, and the token as others see it: what the tests of it share."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

from cryptography import x509

import avouch
from avouch import run

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


class Demo:
    """The demo in one folder."""

    def __init__(self, folder):
        self.folder = folder

    def start(self, environment=None):
        return avouch.Server(
            "demo", "--hsm", "softhsm", "--dir", self.folder, "--port", "0", environment=environment)

    def run(self):
        return run("demo", "--hsm", "softhsm", "--dir", self.folder, "--port", "0", timeout=avouch.PATIENCE)

    def path(self, name):
        return self.folder / name

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.path("softhsm/softhsm2.conf"))}

    @property
    def pin(self):
        return self.path("softhsm/pin").read_text().strip()

    def opensc(self, *arguments, login=True):
        """OpenSC's tool on the token."""
        words = ["--token-label", "avouch-demo", "--login", "--pin", self.pin] if login else []
        return subprocess.run(
            ["pkcs11-tool", "--module", MODULE, *words, *map(str, arguments)], capture_output=True, text=True,
            timeout=avouch.PATIENCE, env={**os.environ, **self.environment})

    def steal(self):
        """What the token answers to one who knows the PIN and asks for the private key."""
        done = subprocess.run(
            [sys.executable, pathlib.Path(__file__).with_name("key_thief.py"), MODULE], input=self.pin,
            capture_output=True, text=True, timeout=avouch.PATIENCE, env={**os.environ, **self.environment})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def key_id(self):
        listed = self.opensc("--list-objects", "--type", "privkey").stdout
        assert listed.count("Private Key Object") == 1, listed
        return re.search(r"ID: +(\w+)", listed).group(1)

    def certificate(self):
        return x509.load_pem_x509_certificate(self.path("responder.pem").read_bytes())

    def ask(self, server, leaf):
        """What `openssl ocsp` makes of the answer, which it has to have verified."""
        done = subprocess.run(
            ["openssl", "ocsp", "-issuer", self.path("ca.pem"), "-CAfile", self.path("ca.pem"), "-url", server.url,
             "-cert", self.path(f"{leaf}.pem"), "-text"], capture_output=True, text=True, timeout=avouch.PATIENCE)
        assert "Response verify OK" in done.stderr, done.stderr
        assert self.path("responder.pem").read_text() in done.stdout
        return re.search(rf"{leaf}.pem: (\w+)", done.stdout).group(1)

    def make(self):
        with self.start() as server:
            assert server.stop(signal.SIGINT) == 0
        return self


def preload(folder, source):
    """The environment in which C functions stand in front of the C library's."""
    file, library = folder / "preload.c", folder / "preload.so"
    file.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, file, "-ldl"], check=True,
                   timeout=avouch.PATIENCE)
    return {"LD_PRELOAD": str(library)}
