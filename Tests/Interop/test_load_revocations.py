"""Revocations while `avouch load` runs: how soon each place says so, and what is a failure."""
import pytest

import forgetful
from events import new_secret, receive, receiver_of
from loads import counts, load


@pytest.fixture
def revocable(authority, stack):
    """A CA with a receiver of events and certificates to revoke."""
    authority.good = authority.issue("good.example")
    authority.record(authority.good)
    authority.victims = [authority.issue(f"victim-{number}.example") for number in range(3)]
    for victim in authority.victims:
        authority.record(victim)
    authority.configure(publicProgramme=False)
    authority.secret = new_secret()
    receive(authority, authority.secret)
    authority.import_index()
    authority.server = stack.enter_context(authority.serve())
    authority.path("victims.txt").write_text("".join(f"{one.serial_number:X}\n" for one in authority.victims))
    return authority


def revoke_under_load(ca, secret, *arguments, duration="2s"):
    host, port = receiver_of(ca.server)
    ca.path("secret").write_text(secret + "\n")
    return load(
        ca.server.url, ca, "--revoke-webhook", f"http://{host}:{port}/v1/events", "--revoke-secret", ca.path("secret"),
        "--revoke-issuer", "interop", "--revoke-serials", ca.path("victims.txt"), "--revoke-every", "50ms", "--rate",
        "200", *arguments, brief=("--warmup", "0ms", "--duration", duration, "--quiet"))


def test_revocations_under_load_are_seen_and_stay(revocable):
    result, measured = revoke_under_load(revocable, revocable.secret)
    assert result.returncode == 0, result.stdout + result.stderr
    assert [probe["serial"] for probe in measured["probes"]] == [
        f"{one.serial_number:X}".zfill(2 * ((one.serial_number.bit_length() + 8) // 8)) for one in revocable.victims]
    for probe in measured["probes"]:
        assert probe["acknowledgedAfterMilliseconds"] > 0
        [watch] = probe["watches"]
        assert watch["url"] == revocable.server.url
        # Good was seen before it was revoked, so at the latest with the acknowledgement it is gone.
        assert 0 < watch["revokedAfterMilliseconds"]
        assert (watch["lastGoodAfterMilliseconds"] or 0) < watch["revokedAfterMilliseconds"]
    assert set(counts(measured["runs"][0])) <= {"good", "revoked"}


def test_a_revocation_that_is_refused_is_a_failure(revocable):
    result, measured = revoke_under_load(revocable, new_secret(), duration="300ms")
    assert result.returncode == 1
    assert "HTTP 401" in measured["probes"][0]["problem"]
    assert "FAILURE: the revocation of" in result.stderr


def test_a_cache_that_says_good_again_is_a_failure(revocable, tmp_path):
    """A watched place that forgets what it has said: first revoked, then good."""
    with forgetful.Responder(revocable.server) as url:
        result, measured = revoke_under_load(revocable, revocable.secret, "--watch", url, duration="300ms")
    assert result.returncode == 1
    [watch] = measured["probes"][0]["watches"]
    assert watch["lastGoodAfterMilliseconds"] > watch["revokedAfterMilliseconds"]
    assert "GOOD AGAIN" in result.stderr
