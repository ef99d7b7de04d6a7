"""What import takes and warns of, and files that hold more than the one thing they should."""
import json

import pytest
from cryptography.hazmat.primitives import serialization

from authority import DAY, NOW, Authority
from avouch import run
from test_commands import crl, import_file


def index(authority, *rows):
    authority.path("index.txt").write_text("".join(rows))
    return import_file(authority, "--index", authority.path("index.txt"))


def rows(authority, count, **options):
    authority.rows = []
    for number in range(count):
        authority.record(authority.issue(f"{len(list(authority.folder.iterdir()))}-{number}.example"), **options)
    return list(authority.rows)


def test_a_file_of_another_authority_is_warned_of(authority, tmp_path):
    authority.configure()
    own = rows(authority, 3)
    assert "warning" not in index(authority, *own).stderr
    result = index(authority, *rows(Authority(tmp_path / "other", ca_name="Other CA"), 2))
    assert result.returncode == 0 and "2 added" in result.stdout
    assert "warning" in result.stderr and "another CA" in result.stderr and "'interop'" in result.stderr
    # With one that is known it is a newer file of the same CA.
    assert "warning" not in index(authority, own[0], *rows(authority, 2)).stderr
    path = authority.path("a.csv")
    path.write_text("serial\n77\n78\n")
    assert "another CA" in import_file(authority, "--csv", path).stderr
    entries = [(authority.issue("never.example"), None)]
    authority.path("a.crl").write_bytes(crl(authority, entries).public_bytes(serialization.Encoding.DER))
    result = import_file(authority, "--crl", authority.path("a.crl"))
    assert result.returncode == 0 and "on record" in result.stderr


@pytest.mark.parametrize("option, text", [
    ("--index", ""), ("--index", "# a comment\n\n"), ("--csv", "serial,status\n")])
def test_a_file_without_records_is_warned_of(authority, option, text):
    authority.configure()
    path = authority.path("empty")
    path.write_text(text)
    result = import_file(authority, option, path)
    assert result.returncode == 0 and "0 added" in result.stdout
    assert "warning" in result.stderr and "no record" in result.stderr and str(path) in result.stderr


def test_dev_null_is_warned_of_and_an_empty_crl_is_not(authority):
    authority.configure()
    assert "no record" in import_file(authority, "--index", "/dev/null").stderr
    authority.path("a.crl").write_bytes(crl(authority, []).public_bytes(serialization.Encoding.PEM))
    result = import_file(authority, "--crl", authority.path("a.crl"))
    assert result.returncode == 0 and "warning" not in result.stderr


def test_holds_are_taken_and_counted(authority):
    authority.configure()
    held = rows(authority, 2, revoked=NOW - DAY, reason="certificateHold")
    result = index(authority, *held, *rows(authority, 1, revoked=NOW - DAY, reason="superseded"))
    assert result.returncode == 0 and "3 added" in result.stdout
    assert "2 certificates answered as recorded: certificateHold is forbidden" in result.stderr
    assert "superseded" not in result.stderr
    serial = held[0].split("\t")[3]
    shown = json.loads(run("status", "--json", "--config", authority.path("avouch.json5"), "--issuer", "interop",
                           "--serial", serial).stdout)
    assert shown["reason"] == "certificateHold"
    authority.configure(publicProgramme=False)
    assert "certificateHold" not in index(authority, *held).stderr


@pytest.mark.parametrize("is_public", [True, False])
@pytest.mark.parametrize("extensions, word", [
    ("300806022a0304020500" * 2, "1.2.3"), ("300b06022a030101ff04020500", "critical"),
    ("300f06092b0601050507300102040205" + "00", "nonce"), ("300a0603551d1504030a0101", "reasonCode")])
def test_extensions_that_no_answer_should_have(authority, extensions, word, is_public):
    authority.configure(publicProgramme=is_public)
    path = authority.path("a.csv")
    path.write_text(f"serial,extensions\n01,\n0BAD,{extensions}\n02,\n")
    result = import_file(authority, "--csv", path)
    assert result.returncode == 1 and result.stdout == ""
    assert f"{path}, line 3: the serial 0BAD, column extensions: " in result.stderr and word in result.stderr
    path.write_text("serial\n01\n0BAD\n02\n")
    assert "3 added" in import_file(authority, "--csv", path).stdout, "nothing was taken of the refused one"


def test_remove_from_crl_is_for_people_to_settle(authority):
    authority.configure()
    good, = rows(authority, 1)
    held, = rows(authority, 1, revoked=NOW - DAY, reason="removeFromCRL")
    serial = held.split("\t")[3]
    result = index(authority, good, held)
    assert result.returncode == 1 and result.stdout == ""
    assert "index.txt, line 2: the serial " in result.stderr and serial in result.stderr
    assert "the status V" in result.stderr
    fields = held.split("\t")
    assert "2 added" in index(authority, good, "\t".join(["V", fields[1], "", *fields[3:]])).stdout


def test_one_is_singular(authority):
    authority.configure()
    result = index(authority, *rows(authority, 1))
    assert ": 1 certificate in" in result.stderr
    with authority.serve() as server:
        assert "ready: 1 certificate, 0 answers loaded, 1 signed" in "".join(server.output)


def test_a_file_with_two_lists_is_refused(authority):
    authority.configure()
    path = authority.path("two.crl")
    path.write_bytes(crl(authority, []).public_bytes(serialization.Encoding.PEM) * 2)
    result = import_file(authority, "--crl", path)
    assert result.returncode == 1 and str(path) in result.stderr and "2 blocks" in result.stderr


@pytest.mark.parametrize("file", ["ca.pem", "responder.pem"])
def test_a_file_with_two_certificates_is_refused(authority, file):
    path = authority.path(file)
    path.write_bytes(authority.path("responder.pem").read_bytes() + authority.path("ca.pem").read_bytes())
    result = run("config", "check", authority.configure())
    assert result.returncode == 1 and str(path) in result.stderr and "2 certificates" in result.stderr


def test_check_takes_the_first_of_a_chain(world, tmp_path):
    chain = tmp_path / "chain.pem"
    chain.write_bytes(world.path("good.example.pem").read_bytes() + world.path("ca.pem").read_bytes())
    result = run("check", "--issuer", world.path("ca.pem"), "--cert", chain, world.server.url)
    assert result.returncode == 0, result.stderr
    result = run("check", "--issuer", chain, "--cert", chain, world.server.url)
    assert result.returncode == 1 and "2 certificates" in result.stderr
