"""A CA that `openssl ca` keeps, with an index.txt and CRLs: what docs/ca shows, word for word."""
import subprocess

CONFIGURATION = """
[ca]
default_ca = own
[own]
dir = {folder}
database = $dir/index.txt
new_certs_dir = $dir/issued
serial = $dir/serial
crlnumber = $dir/crlnumber
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_days = 90
default_crl_days = 7
policy = any
unique_subject = no
crl_extensions = crl_extensions
[any]
commonName = supplied
[crl_extensions]
authorityKeyIdentifier = keyid
[req]
distinguished_name = dn
[dn]
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class OpenSSLCA:
    def __init__(self, folder, subject="/CN=OpenSSL CA"):
        self.folder = folder
        (folder / "issued").mkdir(parents=True)
        for name, text in (("index.txt", ""), ("serial", "01\n"), ("crlnumber", "01\n"),
                           ("ca.cnf", CONFIGURATION.format(folder=folder))):
            (folder / name).write_text(text)
        self.openssl("req", "-x509", *KEY, "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"), "-days", "3650",
                     "-subj", subject, "-config", self.path("ca.cnf"), "-extensions", "v3_ca")

    def path(self, name):
        return self.folder / name

    def openssl(self, *words):
        result = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    def ca(self, *words):
        return self.openssl("ca", "-config", self.path("ca.cnf"), "-batch", *words)

    def issue(self, name):
        self.openssl("req", *KEY, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"),
                     "-subj", "/CN=" + name, "-config", self.path("ca.cnf"))
        self.ca("-in", self.path(name + ".csr"), "-out", self.path(name + ".pem"), "-notext")

    def revoke(self, name, reason="keyCompromise"):
        self.ca("-revoke", self.path(name + ".pem"), "-crl_reason", reason)

    def lift_hold(self):
        """What `openssl ca` has no word for: every row on hold is good again."""
        rows = [row.split("\t") for row in self.path("index.txt").read_text().splitlines()]
        for row in rows:
            if row[2].endswith(",certificateHold"):
                row[0], row[2] = "V", ""
        self.path("index.txt").write_text("".join("\t".join(row) + "\n" for row in rows))

    def crl(self, *words, name="ca.crl"):
        """Writes a CRL as openssl does: over the file that is there."""
        self.ca("-gencrl", *words, "-out", self.path(name))
        return self.path(name)

    def der(self, *words):
        """The octets of a new CRL."""
        made = self.crl(*words, name="made.crl")
        self.openssl("crl", "-in", made, "-outform", "DER", "-out", self.path("made.der"))
        return self.path("made.der").read_bytes()

    def ask(self, server, name):
        """What `openssl ocsp` makes of the answer: good, revoked, or what it says instead."""
        result = subprocess.run(
            ["openssl", "ocsp", "-issuer", self.path("ca.pem"), "-CAfile", self.path("ca.pem"), "-cert",
             self.path(name + ".pem"), "-url", server.url], capture_output=True, text=True, timeout=60, check=False)
        lines = [line for line in result.stdout.splitlines() if line.startswith(str(self.path(name + ".pem")))]
        if lines:
            assert "Response verify OK" in result.stderr, result.stderr
            return lines[0].split(": ")[1]
        return (result.stdout + result.stderr).strip()
