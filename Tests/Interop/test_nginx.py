"""nginx staples our answers: it asks with GET over HTTP/1.0, and verifies what it staples."""
import socket
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import avouch
from authority import DAY, NOW, Authority

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/tls ssl;
        ssl_certificate {folder}/{name}.pem;
        ssl_certificate_key {folder}/{name}.key;
        ssl_trusted_certificate {folder}/ca.pem;
        ssl_stapling on;
        ssl_stapling_verify on;
        ssl_stapling_responder {url};
    }}
}}
"""


@pytest.fixture(scope="module", params=[True, False], ids=["delegate", "authority"])
def stapled(request, tmp_path_factory):
    """An authority whose answers its delegate signs, or it itself, and two certificates that a server may have."""
    authority = Authority(tmp_path_factory.mktemp("nginx") / "ca", is_delegated=request.param)
    for name, revoked in (("good", None), ("revoked", NOW - DAY)):
        key = ec.generate_private_key(ec.SECP256R1())
        authority.write(name + ".key", key)
        authority.record(authority.issue(name, key=key), revoked, "superseded" if revoked else None)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        authority.url = server.url
        yield authority


class Nginx:
    """An nginx of our own, with everything it writes in one folder; listens once it is made."""

    def __init__(self, authority, name, path):
        self.folder = authority.folder
        self.socket = authority.path("tls")
        file = authority.path(name + ".conf")
        file.write_text(CONFIGURATION.format(folder=self.folder, name=name, url=authority.url + path))
        self.log = authority.path(name + ".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(["nginx", "-p", self.folder, "-e", "stderr", "-c", file], stderr=log)
        avouch.wait_until(lambda: self.is_listening() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text()

    def is_listening(self):
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(avouch.PATIENCE)

    def handshake(self):
        """What a client sees of the stapled answer."""
        result = subprocess.run(
            ["openssl", "s_client", "-unix", self.socket, "-status", "-CAfile", self.folder / "ca.pem"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=avouch.PATIENCE)
        assert "Verify return code: 0 (ok)" in result.stdout, result.stdout + result.stderr
        return result.stdout


@pytest.mark.parametrize("path", ["", "/", "/ocsp//"])
def test_a_good_answer_is_stapled(stapled, path):
    with Nginx(stapled, "good", path) as server:
        # The first handshake has nginx ask; a later one has the answer.
        output = avouch.ask_until(server.handshake, lambda text: "OCSP Response Status: successful" in text)
        assert "Cert Status: good" in output
        assert "OCSP" not in server.log.read_text(), "it has nothing to say against the answer"


def test_a_revoked_one_is_understood(stapled):
    with Nginx(stapled, "revoked", "") as server:
        assert "OCSP response: no response sent" in server.handshake()
        avouch.ask_until(server.log.read_text, lambda text: 'certificate status "revoked" in the OCSP response' in text)
        assert "OCSP response: no response sent" in server.handshake(), "it staples good ones only"
