"""A CA with a responder, certificates by the thousand, and requests for them."""
import functools
import json
import os
import random
import re
import sqlite3
import subprocess
import sys

from .processes import AVOUCH, BENCHMARKS, free_port, output, wait_until
from .servers import Node

EXTENSIONS = """basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
authorityKeyIdentifier = keyid
"""
# What Benchmarks/make-index makes: sixteen octets, the first of which needs no zero before it.
SERIAL_OCTETS = 16


CURVE = ("-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    """A CA in a folder: its key, a responder's, an index.txt of `count` made-up certificates.

    `make_request` writes the responder's request for a certificate (ocsp.csr) where its key is not to be a file."""

    def __init__(self, folder, count, make_request=None):
        self.folder, self.count = folder, count
        output("openssl", "req", "-x509", "-newkey", "ec", *CURVE, "-nodes", "-days", "30", "-subj",
               "/CN=Benchmark CA", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        (make_request or self.make_request)(self.path("ocsp.csr"))
        with open(self.path("extensions"), "w") as file:
            file.write(EXTENSIONS)
        output("openssl", "x509", "-req", "-in", self.path("ocsp.csr"), "-CA", self.path("ca.pem"), "-CAkey",
               self.path("ca.key"), "-days", "30", "-extfile", self.path("extensions"), "-out", self.path("ocsp.pem"))
        with open(self.path("index.txt"), "w") as file:
            subprocess.run([BENCHMARKS / "make-index", str(count)], stdout=file, check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_request(self, path):
        output("openssl", "req", "-new", "-newkey", "ec", *CURVE, "-nodes", "-subj", "/CN=OCSP", "-keyout",
               self.path("ocsp.key"), "-out", path)
        os.chmod(self.path("ocsp.key"), 0o600)

    # MARK: - Certificates

    def rows(self):
        """Status and serial (hexadecimal) of each row of the index."""
        with open(self.path("index.txt")) as file:
            for line in file:
                fields = line.split("\t")
                yield fields[0], fields[3]

    @functools.cached_property
    def serials(self):
        return [serial for _, serial in self.rows()]

    @functools.cached_property
    def good(self):
        return [serial for status, serial in self.rows() if status == "V"]

    def some_serials(self, most):
        """So many of the serials, drawn at random and in no order, all where there are not more."""
        draw = random.Random(2)
        chosen = set(draw.sample(range(self.count), min(most, self.count)))
        found = [serial for number, (_, serial) in enumerate(self.rows()) if number in chosen]
        draw.shuffle(found)
        return found

    def import_index(self, name, **options):
        """Takes the index into the store of a configuration."""
        return output(AVOUCH, "import", "--config", self.path(name + ".json5"), "--issuer", "bench", "--index",
                      self.path("index.txt"), **options)

    # MARK: - Nodes

    def write(self, name, **settings):
        """A configuration file; its HTTP port."""
        port = free_port()
        with open(self.path(name + ".json5"), "w") as file:
            json.dump({"listen": [f"127.0.0.1:{port}"], "control": f"unix:{name}.control", **settings}, file)
        return port

    def write_origin(self, name, redis=None, events=None, caches=None, **settings):
        """`events` is a sender (`events.Sender`) whose events are received; `caches` are purged."""
        shared = {"redis": {"nodes": [redis.address]}} if redis else {}
        issuer = {"name": "bench", "certificate": "ca.pem", "signer": {"certificate": "ocsp.pem", "key": "ocsp.key"}}
        if events:
            shared["events"] = {"listen": [f"127.0.0.1:{events.port}"], "requestBody": "64MiB"}
            issuer["events"] = {"secretFiles": [events.write_secret(self.folder)]}
        if caches:
            shared["surrogateKeys"] = ["Surrogate-Key"]
            shared["purge"] = [{"name": name, "driver": "varnish", "endpoint": cache.url,
                                "by": "key" if cache.uses_xkey else "url"} for name, cache in caches.items()]
            issuer["urls"] = ["http://ocsp.bench/"]
        settings = {"store": "store.sqlite", "cache": {"memory": f"{max(64, self.count // 1000)}MiB"}, **settings}
        return self.write(name, issuers=[issuer], **shared, **settings)

    def write_edge(self, name, redis, memory):
        return self.write(
            name, role="edge", cache={"memory": memory}, redis={"nodes": [redis.address]},
            surrogateKeys=["Surrogate-Key"],
            issuers=[{"name": "bench", "certificate": "ca.pem", "publicProgramme": False}])

    def start(self, name, **options):
        return Node(self.folder, self.path(name + ".json5"), **options)

    def sign_all(self):
        """Imports all certificates, signs their answers and has them stored."""
        self.write_origin("alone")
        self.import_index("alone")
        node = self.start("alone")
        try:
            node.wait_until_ready()
            wait_until(lambda: self.stored() >= self.count, "all answers in the store", node.process)
        finally:
            node.stop()

    def stored(self):
        with sqlite3.connect(f"file:{self.path('store.sqlite')}?mode=ro", uri=True) as store:
            return store.execute("SELECT count(*) FROM responses").fetchone()[0]

    # MARK: - Requests

    def requests(self, serials):
        """The DER of a request for each serial (hexadecimal), by the pattern of one that OpenSSL makes."""
        first = serials[0]
        request = self.path("request.der")
        output("openssl", "ocsp", "-issuer", self.path("ca.pem"), "-serial", "0x" + first, "-no_nonce", "-reqout",
               request)
        with open(request, "rb") as file:
            pattern = file.read()
        before, after = pattern.split(bytes.fromhex(first))
        for serial in serials:
            if len(serial) != 2 * SERIAL_OCTETS:
                sys.exit(f"{serial}: a serial of {SERIAL_OCTETS} octets is expected")
            yield before + bytes.fromhex(serial) + after

    def request_with_nonce(self, serial):
        """The DER of a request whose answer has to be signed for it alone."""
        output("openssl", "ocsp", "-issuer", self.path("ca.pem"), "-serial", "0x" + serial, "-nonce", "-reqout",
               self.path("nonce.der"))
        with open(self.path("nonce.der"), "rb") as file:
            return file.read()

    def shared_keys(self, redis, serials):
        """The keys of the answers in Redis, by the pattern of one that is there."""
        cursor, found = b"0", None
        while not found:
            cursor, keys = redis.call("SCAN", cursor, "MATCH", "avouch:r:*", "COUNT", "1000")
            found = keys[0] if keys else None
        pattern = re.fullmatch(rb"(.*:)([0-9A-Fa-f]+)", found)
        is_lower = pattern[2] == pattern[2].lower()
        return [pattern[1].decode() + (serial.lower() if is_lower else serial) for serial in serials]
