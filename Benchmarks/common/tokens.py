"""A SoftHSM token in a folder, and the bare C loop over C_Sign beside it."""
import os

from .processes import AVOUCH, compiled, output

PIN = "1234"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"


class Token:
    """A token of its own, which this process and those that it starts see from now on."""

    def __init__(self, folder, module):
        self.module = module
        tokens, configuration = os.path.join(folder, "tokens"), os.path.join(folder, "softhsm.conf")
        os.mkdir(tokens)
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ.update(SOFTHSM2_CONF=configuration, PIN=PIN)
        output("softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", PIN, "--so-pin", "87654321")

    def make_key(self, name, kind):
        """Its URI."""
        uri = self.uri(name)
        output(AVOUCH, "keys", "generate", "--kind", kind, uri)
        return uri

    def uri(self, name):
        return f"pkcs11:token=bench;object={name}?module-path={self.module}&pin-source=env:PIN"

    def signatures(self, floor, name, threads, seconds):
        """Signatures a second of the bare loop; a key is named as its kind: ecdsa or rsa."""
        return float(output(floor, self.module, "bench", name, name, threads, seconds))


def build_floor(folder):
    flags = output("pkg-config", "--cflags", "p11-kit-1").split()
    return compiled(folder, "pkcs11", *flags, "-lpthread", "-ldl")
