"""A CA with a responder, certificates by the thousand, and requests for them."""
import json
import os
import re
import subprocess
import sys

from .processes import AVOUCH, HERE, Node, free_port, output, wait_until

EXTENSIONS = """basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = OCSPSigning
noCheck = ignored
authorityKeyIdentifier = keyid
"""
# What Benchmarks/make-index makes: sixteen octets, the first of which needs no zero before it.
SERIAL_OCTETS = 16


class Authority:
    """The folder of a fleet: one origin with its store, and edges."""

    def __init__(self, folder, count):
        self.folder, self.count = folder, count
        self.make_keys()
        with open(self.path("index.txt"), "w") as file:
            subprocess.run([os.path.join(HERE, "..", "make-index"), str(count)], stdout=file, check=True)
        with open(self.path("index.txt")) as file:
            rows = [line.split("\t") for line in file]
        self.serials = [row[3] for row in rows]
        self.good = [row[3] for row in rows if row[0] == "V"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_keys(self):
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256")
        output("openssl", "req", "-x509", "-newkey", "ec", *curve, "-nodes", "-days", "30", "-subj",
               "/CN=Benchmark CA", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        output("openssl", "req", "-new", "-newkey", "ec", *curve, "-nodes", "-subj", "/CN=OCSP", "-keyout",
               self.path("ocsp.key"), "-out", self.path("ocsp.csr"))
        os.chmod(self.path("ocsp.key"), 0o600)
        with open(self.path("extensions"), "w") as file:
            file.write(EXTENSIONS)
        output("openssl", "x509", "-req", "-in", self.path("ocsp.csr"), "-CA", self.path("ca.pem"), "-CAkey",
               self.path("ca.key"), "-days", "30", "-extfile", self.path("extensions"), "-out", self.path("ocsp.pem"))

    # MARK: - Nodes

    def write(self, name, **settings):
        """A configuration file; its HTTP port."""
        port = free_port()
        with open(self.path(name + ".json5"), "w") as file:
            json.dump({"listen": [f"127.0.0.1:{port}"], "control": f"unix:{name}.control", **settings}, file)
        return port

    def write_origin(self, name, redis=None, events=None, caches=None):
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
        return self.write(
            name, store="store.sqlite", cache={"memory": f"{max(64, self.count // 1000)}MiB"}, issuers=[issuer],
            **shared)

    def write_edge(self, name, redis, memory):
        return self.write(
            name, role="edge", cache={"memory": memory}, redis={"nodes": [redis.address]},
            surrogateKeys=["Surrogate-Key"],
            issuers=[{"name": "bench", "certificate": "ca.pem", "publicProgramme": False}])

    def start(self, name):
        return Node(self.folder, self.path(name + ".json5"))

    def sign_all(self):
        """Imports all certificates, signs their answers and has them stored."""
        self.write_origin("alone")
        output(AVOUCH, "import", "--config", self.path("alone.json5"), "--issuer", "bench", "--index",
               self.path("index.txt"))
        node = self.start("alone")
        try:
            node.wait_until_ready()
            wait_until(lambda: self.stored() >= self.count, "all answers in the store", node.process)
        finally:
            node.stop()

    def stored(self):
        import sqlite3
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

    def shared_keys(self, redis, serials):
        """The keys of the answers in Redis, by the pattern of one that is there."""
        cursor, found = b"0", None
        while not found:
            cursor, keys = redis.call("SCAN", cursor, "MATCH", "avouch:r:*", "COUNT", "1000")
            found = keys[0] if keys else None
        pattern = re.fullmatch(rb"(.*:)([0-9A-Fa-f]+)", found)
        is_lower = pattern[2] == pattern[2].lower()
        return [pattern[1].decode() + (serial.lower() if is_lower else serial) for serial in serials]
