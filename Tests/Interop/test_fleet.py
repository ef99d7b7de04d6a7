"""A fleet in its ordinary life: one origin signs, edges answer, and Redis is between them."""
import json
import re
import signal
import subprocess

import pytest

import ocsp
from avouch import run, wait_until
from fleet import GOOD, REVOKED, TRY_LATER, UNAUTHORIZED, Fleet, FleetAuthority, Load, Questioner


@pytest.fixture
def fleet(tmp_path, stack, redis):
    return Fleet(tmp_path, stack, {"nodes": [redis.address]})


def test_a_revocation_reaches_every_edge(fleet):
    with Load(fleet):
        for _ in range(3):
            certificate = fleet.revoke()
            fleet.wait_until_revoked(certificate)
            # What was signed on demand for another hash is no better.
            for node in fleet.nodes:
                assert fleet.ask(node, certificate, "sha256") in (REVOKED, TRY_LATER)
                wait_until(lambda: fleet.ask(node, certificate, "sha256") == REVOKED)
        fleet.wait_until_healed()


@pytest.mark.parametrize("is_origin_new", [False, True], ids=["", "origin-restarted"])
def test_an_answer_on_demand_is_not_good_for_ever(fleet, is_origin_new):
    """An edge without memory finds in Redis what was signed before the revocation, and has heard nothing of it."""
    certificate, edge = fleet.doomed.pop(), fleet.edges[0]
    assert fleet.ask(edge, certificate, "sha256") == GOOD
    if is_origin_new:
        fleet.restart(fleet.origin)
    fleet.revoke(certificate)
    fleet.wait_until_revoked(certificate)
    fleet.restart(edge)
    fleet.wait_until_complete()
    # Before the answer that is signed ahead, which would tell the edge of the change.
    assert fleet.ask(edge, certificate, "sha256") in (REVOKED, TRY_LATER)
    assert fleet.ask(edge, certificate) == REVOKED
    wait_until(lambda: fleet.ask(edge, certificate, "sha256") == REVOKED)
    fleet.judge.check()


def test_openssl_asks_an_edge(fleet):
    revoked = fleet.revoke()
    fleet.wait_until_revoked(revoked)
    ca = fleet.authority.path("ca.pem")
    for certificate, word in ((fleet.cold.pop(), "good"), (revoked, "revoked")):
        # An edge leaves the nonce out, which it could not sign.
        for nonce in ([], ["-no_nonce"]):
            result = subprocess.run(
                ["openssl", "ocsp", "-issuer", ca, "-CAfile", ca, "-serial", f"0x{certificate.serial_number:x}",
                 "-url", fleet.edges[0].server.url, *nonce],
                capture_output=True, text=True, timeout=30)
            assert result.returncode == 0 and "Response verify OK" in result.stderr, result.stderr
            assert f": {word}" in result.stdout


def test_surrogate_keys_at_an_edge(fleet):
    """On answers out of Redis, signed by somebody whom the edge meets with the first of them."""
    edge = fleet.node("tagged", {"role": "edge", "issuers": [fleet.authority.of_edge],
                                 "surrogateKeys": ["Cache-Tag"]}, {})
    edge.start()
    for certificate in (fleet.cold[0], fleet.cold[0], fleet.cold[1]):
        serial = certificate.serial_number
        octets = serial.to_bytes(serial.bit_length() // 8 + 1, "big").hex().upper()
        for algorithm in ("sha1", "sha256"):
            answer = edge.server.post(fleet.authority.question(certificate, algorithm))
            assert answer.headers["cache-tag"] == f"c-{octets}-interop,i-interop"


def test_what_is_not_issued(fleet):
    for node in fleet.nodes:
        assert fleet.ask_unissued(node) == UNAUTHORIZED


def test_a_hash_that_is_not_signed_ahead(fleet):
    """The edge asks the origin for it."""
    for edge in fleet.edges:
        certificate = fleet.cold.pop()
        assert fleet.ask(edge, certificate, "sha256") == GOOD
        assert edge.metric("avouch_edge_wanted_total") == 1
        assert fleet.ask(edge, certificate, "sha384") == GOOD
        assert fleet.ask(fleet.edges[0], certificate, "sha384") == GOOD
    # In memory it is kept up, by news.
    assert fleet.ask(edge, certificate, "sha256") == GOOD
    assert edge.metric("avouch_edge_wanted_total") == 2
    fleet.judge.check()


def status(node, authority, certificate):
    """The response's own, of a certificate that may be known or not."""
    questioner = Questioner(node)
    try:
        return ocsp.parse(questioner.post(authority.question(certificate, "sha1"))).response_status.name
    finally:
        questioner.close()


def test_a_certificate_that_is_imported_meanwhile(fleet):
    new = fleet.authority.issue("new.example")
    with Load(fleet):
        for edge in fleet.edges:
            assert status(edge, fleet.authority, new) == UNAUTHORIZED
        fleet.authority.record(new)
        assert "1 added" in fleet.authority.import_into(fleet.origin).stdout
        # Until it is in Redis an edge may yet say that it was never issued.
        for edge in fleet.edges:
            wait_until(lambda: status(edge, fleet.authority, new) == "SUCCESSFUL")
        fleet.wait_until_served(new)


def test_the_origin_starts_again(fleet):
    with Load(fleet) as load:
        token = fleet.origin.metric("avouch_fleet_token")
        with load.without(fleet.origin):
            fleet.origin.stop()
            load.wait_for(50)
            # Edges go on, and what memory has not got they find in Redis.
            for edge in fleet.edges:
                assert fleet.ask(edge, fleet.cold[-1]) == GOOD
                assert edge.is_ready
            fleet.judge.forget(fleet.origin)
            fleet.origin.start()
        assert fleet.origin.metric("avouch_fleet_leading") == 1
        assert fleet.origin.metric("avouch_fleet_token") > token
        fleet.wait_until_healed()


def test_the_origin_is_killed(fleet):
    """Nobody gives the lease up. Whoever has the lock on its store knows that it is gone, and need not wait."""
    with Load(fleet) as load:
        token = fleet.origin.metric("avouch_fleet_token")
        with load.without(fleet.origin):
            fleet.origin.stop(signal.SIGKILL)
            fleet.judge.forget(fleet.origin)
            fleet.origin.start()
        assert fleet.origin.metric("avouch_fleet_leading") == 1
        assert fleet.origin.metric("avouch_fleet_token") > token
        fleet.wait_until_healed()


def test_an_edge_starts_again(fleet):
    certificate, edge = fleet.revoke(), fleet.edges[0]
    fleet.wait_until_revoked(certificate)
    with Load(fleet) as load:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with load.without(edge):
                edge.stop(how)
                missed = fleet.revoke()
                fleet.judge.forget(edge)
                edge.start()
                for revoked in (certificate, missed):
                    fleet.wait_until_revoked(revoked, [edge])
            load.wait_for(50)
        fleet.wait_until_healed()


def test_a_second_issuer(fleet, tmp_path):
    other = FleetAuthority(tmp_path / "other", 3, "other", ca_name="Other CA")

    def statuses():
        return [status(node, other, other.issued[0]) for node in fleet.nodes]
    with Load(fleet):
        assert statuses() == [UNAUTHORIZED] * 3
        fleet.origin.write(issuers=[fleet.authority.of_origin, other.of_origin])
        other.import_into(fleet.origin)
        for edge in fleet.edges:
            edge.write(issuers=[fleet.authority.of_edge, other.of_edge])
        # Edges before the origin: what nobody vouches for yet is not called unknown.
        for node in [*fleet.edges, fleet.origin]:
            node.send(signal.SIGHUP)
            wait_until(lambda: node.has_logged("the configuration was read again: 2 issuers"))
            if node is not fleet.origin:
                assert status(node, other, other.issued[0]) == TRY_LATER
        wait_until(lambda: statuses() == ["SUCCESSFUL"] * 3)
        octets = Questioner(fleet.edges[0]).post(other.question(other.issued[0], "sha1"))
        ocsp.verified(octets, other.certificate, other.issued[0])
        # An edge keeps what is in force where the new configuration is no good.
        fleet.edges[0].path.write_text("{")
        fleet.edges[0].send(signal.SIGHUP)
        wait_until(lambda: fleet.edges[0].has_logged("the one before stays in force"))
        assert statuses() == ["SUCCESSFUL"] * 3
        fleet.wait_until_healed()


@pytest.mark.parametrize("push", ["demand", "recent"])
def test_what_is_pushed(tmp_path, stack, redis, push):
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address], "push": push}, count=24)
    assert redis.keys("avouch:r:*") == [] and redis.keys("avouch:complete:*") == []
    wanted = fleet.cold.pop()
    assert fleet.ask(fleet.edges[0], wanted) == GOOD
    assert [int(key.rpartition(":")[2], 16) for key in redis.keys("avouch:r:*")] == [wanted.serial_number]
    for edge in fleet.edges:
        assert fleet.ask_unissued(edge) == UNAUTHORIZED
    assert redis.keys("avouch:complete:*") == []
    with Load(fleet):
        fleet.wait_until_healed()


# Who the origin is

def second_origin(fleet):
    """Another node with keys for the same CA, and a store of its own."""
    second = fleet.node("second", {"store": "avouch.sqlite", "issuers": [fleet.authority.of_origin]}, {})
    fleet.authority.import_into(second)
    return second


def test_a_second_origin_signs_nothing(fleet, redis):
    second = second_origin(fleet)
    second.start(is_ready=False)
    since = rf"\(process {fleet.origin.server.process.pid}\) is the origin since \d{{4}}-\d\d-\d\dT"
    with Load(fleet):
        status, said = second.readiness()
        assert status == 503 and re.search(since, said["reasons"][0]), said
        assert second.metric("avouch_fleet_leading") == 0
        for algorithm in ("sha1", "sha256"):
            assert fleet.ask(second, fleet.warm[0], algorithm) == TRY_LATER
        assert second.metric("avouch_signatures_total") == 0
    fleet.origin.stop()
    # What the fleet serves is another store's, and stays so until an operator says otherwise.
    wait_until(lambda: "redis.takeOver" in second.readiness()[1]["reasons"][0])
    second.stop()
    redis.command("FLUSHALL")
    second.write(redis={**second.settings["redis"], "takeOver": True})
    second.start()
    assert second.is_ready and second.metric("avouch_fleet_leading") == 1
    fleet.origin = second
    fleet.judge.origin = second
    fleet.wait_until_complete()
    for node in fleet.nodes:
        fleet.wait_until_served(fleet.cold[-1], [node])
    fleet.wait_until_revoked(fleet.revoke())
    fleet.judge.check()


def test_a_store_that_was_restored(fleet):
    """It is older than what the fleet was told: revocations of it would be lost."""
    copy = fleet.origin.folder / "copy.sqlite"
    # As a backup is made.
    subprocess.run(["sqlite3", fleet.origin.folder / "avouch.sqlite", f".backup {copy}"], check=True, timeout=30)
    fleet.wait_until_revoked(fleet.revoke())
    fleet.origin.stop()
    for path in fleet.origin.folder.glob("avouch.sqlite-*"):
        path.unlink()
    copy.replace(fleet.origin.folder / "avouch.sqlite")
    fleet.origin.start(is_ready=False)
    status, said = fleet.origin.readiness()
    assert status == 503 and "restored from an older copy" in said["reasons"][0], said
    fleet.judge.check()


# Commands and configurations

def test_an_edge_has_no_revisions(fleet):
    answer = fleet.edges[0].control("/v1/applied?revision=1", "POST")
    assert answer.status == 409 and b"this node is an edge" in answer.body


@pytest.mark.parametrize("words", [["revoke", "--serial", "1234"], ["status", "--serial", "1234"],
                                   ["import", "--index", "../ca/index.txt"]], ids=lambda words: words[0])
def test_commands_that_need_a_store(fleet, words):
    edge = fleet.edges[0]
    result = run(words[0], "--config", edge.path, "--issuer", "interop", *words[1:], cwd=edge.folder)
    assert result.returncode == 1 and "role is \"edge\"" in result.stderr, result.stderr
    assert "origin" in result.stderr and not (edge.folder / "avouch.sqlite").exists()


@pytest.mark.parametrize("settings, words", [
    ({"redis": {}}, "redis.nodes: is missing; an edge has nothing but Redis to answer from"),
    ({"redis": {"nodes": ["here"]}}, "redis.nodes[0]: \"here\" is not possible"),
    ({"redis": {"nodes": ["a:1", "b:1"]}}, "redis.topology is \"standalone\", which has one"),
    ({"redis": {"nodes": ["a:1"], "topology": "sentinel"}}, "redis.masterName: is missing"),
    ({"redis": {"nodes": ["a:1"], "topology": "replicas"}}, "one server; \"replicas\" has the master first"),
    ({"redis": {"nodes": ["a:1"], "topology": "cluster", "database": 1}}, "redis.database: 1 is not possible"),
    ({"redis": {"nodes": ["a:1"], "takeOver": True}}, "redis.takeOver: an edge takes nothing over"),
    ({"redis": {"nodes": ["a:1"], "user": "avouch"}}, "redis.user: a user without a password"),
    ({"redis": {"nodes": ["a:1"], "passwordFile": "missing"}}, "the file that redis.passwordFile names"),
    ({"redis": {"nodes": ["a:1"], "tls": {"authority": "missing"}}}, "redis.tls.enabled is false"),
    ({"redis": {"nodes": ["a:1"], "tls": {"enabled": True, "authority": "missing"}}},
     "the file that redis.tls.authority names"),
    ({"redis": {"nodes": ["a:1"], "lease": "1s"}}, "redis.lease"),
    ({"redis": {"nodes": ["a:1"]}, "role": "relay"}, "role"),
], ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "")
def test_configurations_that_are_refused(tmp_path, settings, words):
    authority = FleetAuthority(tmp_path / "ca", 1)
    path = tmp_path / "avouch.json5"
    path.write_text(json.dumps({"role": "edge", "listen": ["127.0.0.1:0"], "control": "unix:control",
                                "issuers": [authority.of_edge], **settings}))
    for command in (["config", "check", path], ["serve", "--config", path]):
        result = run(*command, timeout=20)
        assert result.returncode == 1 and words in result.stderr, result.stderr
