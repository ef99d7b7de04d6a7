"""What revoke and status say of a certificate's record, and of what keeps them from saying it."""
import json
import sqlite3

import pytest

from authority import DAY
from avouch import run
from fixed_answer import FixedAnswer


@pytest.fixture
def issued(authority):
    """A CA with one good certificate on record."""
    authority.good = authority.issue("good.example")
    authority.record(authority.good)
    authority.configure()
    authority.import_index()
    return authority


def on_record(command, authority, *words, serial=None, **options):
    serial = serial or f"{authority.good.serial_number:X}"
    return run(command, "--config", authority.path("avouch.json5"), "--issuer", "interop", f"--serial={serial}", *words,
               **options)


# Revoking

@pytest.mark.parametrize("reason", ["certificateHold", "aACompromise"])
def test_reasons_that_the_programmes_forbid(issued, reason):
    result = on_record("revoke", issued, "--reason", reason)
    assert result.returncode == 2 and reason in result.stderr
    assert "TLS BR" in result.stderr and "publicProgramme: false" in result.stderr
    assert "status         good" in on_record("status", issued).stdout
    issued.configure(publicProgramme=False)
    assert on_record("revoke", issued, "--reason", reason).returncode == 0


def test_a_compromised_authority_is_a_reason(issued):
    assert on_record("revoke", issued, "--reason", "caCompromise").returncode == 0
    assert "cACompromise" in on_record("revoke", issued).stdout


def test_an_unknown_reason_is_told_the_known_ones(issued):
    result = on_record("revoke", issued, "--reason", "boredom")
    first = result.stderr.split("\n", maxsplit=1)[0]
    assert result.returncode == 2 and all(one in first for one in ("cACompromise", "aACompromise", "keyCompromise"))
    assert "removeFromCRL" not in first


def test_nothing_was_revoked_before_the_authority_began(issued):
    begin = issued.certificate.not_valid_before_utc
    result = on_record("revoke", issued, "--at", (begin - DAY).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert result.returncode == 2 and begin.strftime("%Y-%m-%dT%H:%M:%SZ") in result.stderr
    assert on_record("revoke", issued, "--at", (begin + DAY).strftime("%Y-%m-%dT%H:%M:%SZ")).returncode == 0


def test_revoking_again_says_what_changed(issued):
    assert "was" not in on_record("revoke", issued, "--reason", "superseded").stdout
    result = on_record("revoke", issued, "--reason", "keyCompromise")
    assert result.returncode == 0 and "was superseded since" in result.stdout
    assert "is keyCompromise since" in result.stdout
    result = on_record("revoke", issued, "--reason", "keyCompromise")
    assert "nothing changed" in result.stdout


def test_revoke_makes_neither_store_nor_issuer(issued):
    path = issued.path("avouch.json5")
    settings = json.loads(path.read_text())
    settings["issuers"].append({**settings["issuers"][0], "name": "other"})
    path.write_text(json.dumps(settings))
    result = run("revoke", "--config", path, "--issuer", "other", "--serial", "01")
    assert result.returncode == 1 and "nothing of issuer 'other'" in result.stderr
    with sqlite3.connect(issued.path("avouch.sqlite")) as database:
        assert database.execute("SELECT name FROM issuers").fetchall() == [("interop",)]
    issued.path("avouch.sqlite").unlink()
    for command in ("revoke", "status"):
        result = on_record(command, issued)
        assert result.returncode == 1 and "no such store" in result.stderr and "import" in result.stderr
        assert not issued.path("avouch.sqlite").exists()


def control(authority, address):
    """The same configuration with another control address."""
    path = authority.path("avouch.json5")
    path.write_text(json.dumps({**json.loads(path.read_text()), "control": address}))


def test_a_responder_that_is_asked_by_many_is_asked_again(issued):
    with FixedAnswer(b"applied\n", content_type="text/plain", earlier=[503, 503]) as server:
        control(issued, server.url.removeprefix("http://"))
        result = on_record("revoke", issued)
        assert result.returncode == 0 and "answers so from now on" in result.stdout, result.stderr
    with FixedAnswer(b"no\n", status=500, content_type="text/plain") as server:
        control(issued, server.url.removeprefix("http://"))
        assert on_record("revoke", issued).returncode == 1


# Status

def test_status_tells_of_the_store_where_the_responder_cannot_be_asked(issued):
    for address, word in (("unix:index.txt/control", "Not a directory"), ("unix:missing", "no responder is running")):
        control(issued, address)
        result = on_record("status", issued)
        assert result.returncode == 0 and "status         good" in result.stdout and word in result.stdout
        shown = json.loads(on_record("status", issued, "--json").stdout)
        assert shown["status"] == "good" and shown["memory"] is None and word in shown["memoryError"]
    for body in (b"{}", b"busy"):
        with FixedAnswer(body, content_type="text/plain") as server:
            control(issued, server.url.removeprefix("http://"))
            assert "in memory      not known" in on_record("status", issued).stdout
            assert json.loads(on_record("status", issued, "--json").stdout)["memory"] is None


def test_status_is_for_people(issued):
    with issued.serve():
        text = on_record("status", issued).stdout
        assert "{" not in text and "in memory      sha1: produced" in text
        assert "in memory      no answer; " in on_record("status", issued, serial="01").stdout
        shown = json.loads(on_record("status", issued, "--json").stdout)
        assert shown["memory"]["answers"][0]["hash"] == "sha1" and shown["memoryError"] is None


def test_serials_as_people_give_them(issued):
    serial = f"{issued.good.serial_number:X}"
    assert on_record("status", issued, serial=f"  {serial}\t").returncode == 0
    result = on_record("status", issued, serial="-5")
    assert result.returncode == 1 and "negative" in result.stderr and "FB" in result.stderr
    for text in ("", " ", "5 5", "xyz"):
        result = on_record("revoke", issued, serial=text or " ")
        assert result.returncode == 2 and "hexadecimal" in result.stderr
