"""`avouch demo --hsm softhsm`: a responder whose key lies in a token; OpenSSL, OpenSC and GnuTLS are the witnesses."""
import os
import pathlib
import re
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import avouch
from authority import DAY, NOW
from avouch import run
from demo_hsm import MODULE, Demo, preload
from test_demo import contents


def shell(command, **environment):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=avouch.PATIENCE,
                          env={**os.environ, **environment})


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("hsm") / "demo-softhsm")
    with demo.start() as server:
        demo.server = server
        yield demo


@pytest.fixture
def demo(tmp_path):
    return Demo(tmp_path / "demo")


def hints(server):
    avouch.wait_until(lambda: server.output and server.output[-1].startswith("Ctrl-C"))
    return "".join(server.output)


def test_openssl_verifies_what_the_token_signed(running):
    assert running.ask(running.server, "good") == "good"
    assert running.ask(running.server, "revoked-keyCompromise") == "revoked"
    assert running.ask(running.server, "unknown") == "unknown"
    nonce = subprocess.run(
        [avouch.BINARY, "check", "--issuer", running.path("ca.pem"), "--cert", running.path("good.pem"), "--nonce",
         running.server.url], capture_output=True, text=True, timeout=avouch.PATIENCE)
    assert nonce.returncode == 0, nonce.stdout


def test_the_key_is_in_the_token_and_does_not_come_out(running):
    # As the demo tells people to look at it.
    lines = [line.strip() for line in hints(running.server).splitlines()]
    commands = [line for line in lines if line.startswith("export SOFTHSM2_CONF=") or " pkcs11-tool " in line]
    assert len(commands) == 2
    listed = shell("\n".join(commands)).stdout
    assert listed.count("Private Key Object") == 1 and "responder" in listed
    assert "sensitive, always sensitive, never extractable, local" in listed
    assert re.search(r"Usage: +sign$", listed, re.M)
    # CKR_ATTRIBUTE_SENSITIVE and CKR_KEY_UNEXTRACTABLE.
    assert running.steal() == {"label": "responder", "plain": 0x11, "wrapped": 0x6A}
    public = subprocess.run(
        ["p11tool", "--provider", MODULE, "--login", "--batch", "--export",
         "pkcs11:token=avouch-demo;object=responder;type=public"], capture_output=True, check=True,
        timeout=avouch.PATIENCE, env={**os.environ, **running.environment, "GNUTLS_PIN": running.pin}).stdout
    assert serialization.load_pem_public_key(public) == running.certificate().public_key()


def test_the_thief_would_get_what_the_token_gives(demo):
    """The same requests for a key that may leave its token."""
    demo.make()
    key = demo.folder / "plain.der"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER",
                    "-out", key], check=True, timeout=avouch.PATIENCE)
    assert demo.opensc("--delete-object", "--type", "privkey", "--label", "responder").returncode == 0
    written = demo.opensc("--write-object", key, "--type", "privkey", "--label", "plain", "--extractable")
    assert written.returncode == 0, written.stderr
    assert demo.steal() == {"label": "plain", "plain": 0x11, "wrapped": 0}


def test_the_readme_shows_the_token(running):
    text = (avouch.ROOT / "README.md").read_text().split("as it stands: token -->")[1]
    script = text.split("```sh\n")[1].split("```")[0].replace("http://127.0.0.1:8080", running.server.url)
    done = subprocess.run(["bash", "-ec", script], cwd=running.folder.parent, capture_output=True, text=True,
                          timeout=avouch.PATIENCE)
    assert done.returncode == 0 and "Response verify OK" in done.stderr, done.stderr
    assert "never extractable" in done.stdout and "good.pem: good" in done.stdout


def test_no_file_has_the_key_and_only_one_the_pin(running):
    hints(running.server)
    pins = {name: running.path(f"softhsm/{name}") for name in ("pin", "so-pin")}
    secrets = [path.read_text().strip() for path in pins.values()]
    assert all(path.stat().st_mode & 0o7777 == 0o600 for path in pins.values())
    assert all(len(secret) == 32 for secret in secrets) and len(set(secrets)) == 2
    assert running.path("softhsm").stat().st_mode & 0o7777 == 0o700
    files = [path for path in running.folder.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        octets = path.read_bytes()
        assert path in pins.values() or not any(secret.encode() in octets for secret in secrets), path
        assert b"PRIVATE KEY" not in octets or path.name == "ca.key", path
    process = pathlib.Path("/proc") / str(running.server.process.pid)
    said = "".join(running.server.output + running.server.errors).encode()
    for octets in (said, (process / "cmdline").read_bytes(), (process / "environ").read_bytes()):
        assert not any(secret.encode() in octets for secret in secrets)


def test_a_second_start_uses_what_is_there(demo):
    def held():
        files = [*demo.folder.glob("*.pem"), *demo.folder.glob("*.key"), *demo.path("softhsm").glob("*pin")]
        return demo.key_id(), {path.name: path.read_bytes() for path in files}
    demo.make()
    before = held()
    with demo.start() as server:
        assert "using the demo CA" in "".join(server.output)
        assert "6 answers loaded, 0 signed" in "".join(server.output)
        assert demo.ask(server, "good-2") == "good"
    assert held() == before
    assert len(list(demo.path("softhsm/tokens").iterdir())) == 1


def test_the_configuration_is_served_without_the_demo(demo):
    with demo.start() as server:
        serve = re.search(r"\S+ serve --config (\S+)", hints(server)).group(1)
        assert server.stop(signal.SIGINT) == 0
    text = pathlib.Path(serve).read_text()
    assert f"module-path={MODULE}&pin-source=file:{demo.folder}/softhsm/pin" in text
    checked = run("config", "check", serve, env={**os.environ, **demo.environment}, timeout=avouch.PATIENCE)
    assert checked.returncode == 0, checked.stderr
    with avouch.Server("serve", "--config", serve, environment=demo.environment) as server:
        assert demo.ask(server, "revoked-superseded") == "revoked"
        assert server.stop() == 0


def test_the_certificate_is_renewed_for_the_same_key(demo):
    demo.make()
    key = demo.certificate().public_key()
    authority = serialization.load_pem_private_key(demo.path("ca.key").read_bytes(), None)
    ending = (x509.CertificateBuilder().subject_name(demo.certificate().subject)
              .issuer_name(demo.certificate().issuer).public_key(key).serial_number(x509.random_serial_number())
              .not_valid_before(NOW - 80 * DAY).not_valid_after(NOW + 3 * DAY).sign(authority, hashes.SHA256()))
    demo.path("responder.pem").write_bytes(ending.public_bytes(serialization.Encoding.PEM))
    with demo.start() as server:
        assert demo.ask(server, "good") == "good"
    assert demo.certificate().public_key() == key
    assert demo.certificate().not_valid_after_utc > NOW + 80 * DAY


def test_a_folder_may_be_moved_and_have_any_name(tmp_path):
    demo = Demo(tmp_path / "it's 100% mine; a&b?").make()
    before = demo.key_id()
    demo.folder = demo.folder.rename(tmp_path / "else where")
    with demo.start() as server:
        commands = re.findall(r"^ +(export .*|PIN=.*)$", hints(server), re.M)
        assert before in shell("\n".join(commands)).stdout
        assert demo.ask(server, "good") == "good"
        assert "edited" not in "".join(server.output)
        assert server.stop(signal.SIGINT) == 0
    path = demo.path("avouch.json5")
    assert "else%20where/softhsm/pin" in path.read_text()
    # Another key than the demo's own is somebody's choice.
    edited = path.read_text().replace("object=responder?", "object=responder;type=private?")
    path.write_text(edited)
    with demo.start() as server:
        assert "as it has been edited" in "".join(server.output)
    assert path.read_text() == edited


@pytest.mark.parametrize("name", ["a#b", "a=b", "a\nb", "/".join(["a" * 200] * 5)])
def test_a_path_that_softhsm_cannot_read_is_refused(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    done = Demo(tmp_path / name).run()
    assert done.returncode == 1 and "SoftHSM cannot keep a token under this path" in done.stderr
    assert not list((tmp_path / name).iterdir())


def test_demos_of_two_kinds_do_not_share_a_folder(demo, tmp_path):
    plain = tmp_path / "plain"
    with avouch.Server("demo", "--dir", plain, "--port", "0") as server:
        assert server.stop(signal.SIGINT) == 0
    before = contents(plain)
    done = Demo(plain).run()
    assert done.returncode == 1 and "in the file responder.key" in done.stderr and "`avouch demo`" in done.stderr
    assert contents(plain) == before
    demo.make()
    done = run("demo", "--dir", demo.folder, "--port", "0", timeout=avouch.PATIENCE)
    assert done.returncode == 1 and "in a SoftHSM token" in done.stderr
    assert "`avouch demo --hsm softhsm`" in done.stderr and "--dir" in done.stderr
    assert not demo.path("responder.key").exists()


@pytest.mark.parametrize("name", ["other", "", "SoftHSM", "/usr/lib/softhsm/libsofthsm2.so"])
def test_another_hsm_is_wrong_use(tmp_path, name):
    done = run("demo", "--hsm", name, "--dir", tmp_path / "demo", timeout=avouch.PATIENCE)
    assert done.returncode == 2 and f"'{name}'; expected softhsm" in done.stderr
    assert not (tmp_path / "demo").exists()
    assert "--hsm" in run("demo", "--help").stdout


def test_without_softhsm_the_package_is_named(demo, tmp_path):
    hidden = preload(tmp_path, r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <string.h>

        int access(const char *path, int mode) {
          if (strstr(path, "libsofthsm2")) { errno = ENOENT; return -1; }
          return ((int (*)(const char *, int))dlsym(RTLD_NEXT, "access"))(path, mode);
        }
        """)
    done = run("demo", "--hsm", "softhsm", "--dir", demo.folder, env={**os.environ, **hidden}, timeout=avouch.PATIENCE)
    assert done.returncode == 1 and "softhsm2" in done.stderr
    for path in (MODULE, "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"):
        assert path in done.stderr
    assert not demo.folder.exists()
