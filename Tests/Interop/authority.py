"""A CA made with Python's cryptography, its records as files, and a configuration of Avouch for it."""
import datetime
import ipaddress
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import avouch

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)

KEYS = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Interop"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def hash_for(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def key_usage(encipher=False):
    return x509.KeyUsage(True, False, encipher, False, False, False, False, False, False)


class Authority:
    """One CA, its delegated responder, and a folder with everything."""

    def __init__(self, folder, kind="p256", is_delegated=True, ca_name="Interop CA", days=90, ca_days=3650,
                 ca_before=-2000):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.key = KEYS[kind]()
        self.certificate = self._build(name(ca_name), self.key, name(ca_name), [
            (x509.BasicConstraints(True, None), True),
            (x509.KeyUsage(True, False, False, False, False, True, True, False, False), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)], days=ca_days, before=ca_before)
        self.write("ca.pem", self.certificate)
        self.write("ca.key", self.key)
        self.is_delegated = is_delegated
        self.serials = 1000
        self.rows = []
        if is_delegated:
            self.responder_key = KEYS[kind]()
            self.responder = self.issue_responder(self.responder_key, days=days)
            self.write("responder.pem", self.responder)
            self.write("responder.key", self.responder_key)

    def _build(self, subject, key, issuer, extensions, serial=None, days=90, before=0):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
                   .public_key(key.public_key()).serial_number(serial or x509.random_serial_number())
                   .not_valid_before(NOW - 2 * DAY + before * DAY).not_valid_after(NOW + days * DAY))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hash_for(self.key))

    def issue_responder(self, key, usage=ExtendedKeyUsageOID.OCSP_SIGNING, nocheck=True, days=90):
        extensions = [
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.KeyUsage(True, False, False, False, False, False, False, False, False), True),
            (x509.ExtendedKeyUsage([usage]), False)]
        if nocheck:
            extensions.append((x509.OCSPNoCheck(), False))
        return self._build(name("Interop Responder"), key, self.certificate.subject, extensions, days=days)

    def issue_profile(self, changes=(), days=90, before=0):
        """Writes a responder certificate of the profile of TLS BR 7.1.2.8, with other extensions in the place of its
        own or beside them; None takes one out."""
        key = self.responder_key.public_key()
        extensions = {
            x509.AuthorityKeyIdentifier: (
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
            x509.SubjectKeyIdentifier: (x509.SubjectKeyIdentifier.from_public_key(key), False),
            x509.KeyUsage: (key_usage(), True),
            x509.ExtendedKeyUsage: (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False),
            x509.OCSPNoCheck: (x509.OCSPNoCheck(), False)}
        for kind, extension in changes:
            extensions[kind] = extension
        self.responder = self._build(
            name("Interop Responder"), self.responder_key, self.certificate.subject,
            [one for one in extensions.values() if one], days=days, before=before)
        self.write("responder.pem", self.responder)
        return self.responder

    def issue(self, common_name, url="http://ocsp.example/", serial=None, days=90, key=None):
        key = key or KEYS["p256"]()
        extensions = [
            (x509.BasicConstraints(False, None), True),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False),
            (x509.SubjectAlternativeName([x509.DNSName(common_name)]), False),
            (x509.AuthorityInformationAccess([x509.AccessDescription(
                x509.oid.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))]), False)]
        certificate = self._build(name(common_name), key, self.certificate.subject, extensions, serial, days)
        self.write(common_name + ".pem", certificate)
        return certificate

    def issue_server(self, address, until):
        """Writes server.pem and server.key, for a server at an IP address, up to that time."""
        key = KEYS["p256"]()
        self.write("server.key", key)
        return self.write("server.pem", self._build(name("Server"), key, self.certificate.subject, [
            (x509.BasicConstraints(False, None), True),
            (x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)],
            days=(until - NOW) / DAY))

    def record(self, certificate, revoked=None, reason=None):
        """A row of index.txt."""
        expiry = certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
        field = ""
        if revoked is not None:
            field = revoked.strftime("%y%m%d%H%M%SZ") + (f",{reason}" if reason else "")
        self.rows.append(f"{'V' if revoked is None else 'R'}\t{expiry}\t{field}\t{certificate.serial_number:X}"
                         f"\tunknown\t/CN=x\n")

    def path(self, file):
        return self.folder / file

    def write(self, file, value):
        if isinstance(value, x509.Certificate):
            octets = value.public_bytes(serialization.Encoding.PEM)
            mode = 0o644
        else:
            octets = value.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption())
            mode = 0o600
        self.path(file).write_bytes(octets)
        self.path(file).chmod(mode)
        return self.path(file)

    def configure(self, signer=None, limits=None, **issuer):
        """Writes avouch.json5; keyword arguments are keys of the issuer."""
        own = {"certificate": "responder.pem", "key": "responder.key"} if self.is_delegated else {"key": "ca.key"}
        settings = {
            "store": "avouch.sqlite", "listen": ["127.0.0.1:0"], "control": "unix:control",
            "cache": {"memory": "4MiB"}, "limits": limits or {},
            "issuers": [{"name": "interop", "certificate": "ca.pem", "signer": {**own, **(signer or {})}, **issuer}]}
        self.path("avouch.json5").write_text(json.dumps(settings))
        return self.path("avouch.json5")

    def import_index(self):
        self.path("index.txt").write_text("".join(self.rows))
        result = avouch.run("import", "--config", self.path("avouch.json5"), "--issuer", "interop",
                            "--index", self.path("index.txt"))
        assert result.returncode == 0, result.stderr
        return result

    def serve(self, **options):
        return avouch.Server("serve", "--config", self.path("avouch.json5"), **options)
