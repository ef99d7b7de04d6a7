"""What goes wrong between an origin and its edges, under load: no wrong answer, what is in memory is served all the
time, nobody waits past his deadline, and all heals by itself."""
import datetime
import signal
import subprocess

import pytest

from authority import Authority
from avouch import wait_until
from fleet import GOOD, REVOKED, TRY_LATER, UNAUTHORIZED, Fleet, Load
from redis_servers import HOST, Cluster, RedisServer, Sentinels, Wire


@pytest.fixture
def fleet(tmp_path, stack, redis):
    return Fleet(tmp_path, stack, {"nodes": [redis.address]})


def answer_keys(redis):
    """Under what the answers are kept that are signed ahead, by serial."""
    return {int(key.rpartition(":")[2], 16): key for key in redis.keys("avouch:r:*:sha1:*")}


def expect_no_gaps(fleet):
    """Nothing was lost, so that memory had to be emptied nowhere."""
    assert [edge.gaps for edge in fleet.edges] == [0] * len(fleet.edges)


def wait_until_deaf(*edges):
    for edge in edges:
        wait_until(lambda: edge.readiness()[0] == 503)
        assert "the stream of updates has not been heard for" in edge.readiness()[1]["reasons"][0]


def wait_until_checking(*edges):
    """Until what is in memory is looked up in Redis before it is given."""
    for edge in edges:
        wait_until(lambda: edge.metric("avouch_edge_checking") == 1)


# A server that is gone, or empty

@pytest.mark.parametrize("is_emptied", [False, True], ids=["with-its-data", "without-its-data"])
def test_redis_is_killed(tmp_path, stack, is_emptied):
    options = [] if is_emptied else ["--appendonly", "yes", "--appendfsync", "always"]
    redis = stack.enter_context(RedisServer(tmp_path / "redis", *options))
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]})
    with Load(fleet) as load:
        redis.kill()
        wait_until_deaf(*fleet.edges)
        wait_until_checking(*fleet.edges)
        # The origin takes a revocation, of which nobody else can hear yet.
        missed = fleet.revoke()
        assert fleet.ask(fleet.origin, missed) == REVOKED
        absent = fleet.cold.pop()
        for edge in fleet.edges:
            assert fleet.ask(edge, absent) == TRY_LATER
            assert fleet.ask_unissued(edge) == TRY_LATER
        load.wait_for(50)
        redis.start_again()
        fleet.wait_until_revoked(missed)
        fleet.wait_until_served(absent)
        fleet.wait_until_healed()
        if not is_emptied:
            expect_no_gaps(fleet)


def test_redis_comes_back_with_older_data(tmp_path, stack):
    """As from a snapshot: it has good of what is revoked, nothing of what is new, and vouches for that."""
    redis = stack.enter_context(RedisServer(tmp_path / "redis"))
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]})
    with Load(fleet) as load:
        redis.command("SAVE")
        missed = fleet.revoke()
        fleet.wait_until_revoked(missed)
        fleet.wait_until_revoked(missed, fleet.nodes, "sha256")
        new = fleet.authority.issue("new.example")
        fleet.authority.record(new)
        fleet.authority.import_into(fleet.origin)
        # Nobody has asked for it yet.
        wait_until(lambda: new.serial_number in answer_keys(redis))
        redis.kill()
        redis.start_again()
        for edge in fleet.edges:
            for _ in range(20):
                assert fleet.ask(edge, new) in (GOOD, TRY_LATER)
                assert fleet.ask(edge, missed) == REVOKED
        load.wait_for(50)
        fleet.wait_until_served(new)
        fleet.wait_until_healed()


def test_redis_hangs(fleet, redis):
    with Load(fleet) as load:
        with redis.hanging():
            wait_until_deaf(*fleet.edges)
            wait_until_checking(*fleet.edges)
            missed = fleet.revoke()
            absent = fleet.cold.pop()
            for edge in fleet.edges:
                assert fleet.ask(edge, absent) == TRY_LATER
            # Longer than the lease.
            wait_until(lambda: fleet.origin.metric("avouch_fleet_leading") == 0)
            load.wait_for(50)
        fleet.wait_until_revoked(missed)
        fleet.wait_until_served(absent)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_redis_is_emptied(fleet, redis):
    with Load(fleet) as load:
        for _ in range(3):
            absent = fleet.cold.pop()
            redis.command("FLUSHALL")
            for edge in fleet.edges:
                assert fleet.ask(edge, absent) in (GOOD, TRY_LATER)
            load.wait_for(30)
            fleet.wait_until_served(absent)
            fleet.wait_until_healed()
        # What nobody asks for is there again, too, and vouched for.
        wait_until(lambda: len(answer_keys(redis)) == len(fleet.authority.issued))
        wait_until(lambda: redis.keys("avouch:complete:*"))


# Several servers

@pytest.mark.parametrize("reads", ["master", "replicas"])
def test_the_master_is_lost(tmp_path, stack, reads):
    sentinels = Sentinels(tmp_path, stack)
    fleet = Fleet(tmp_path, stack, {**sentinels.settings, "reads": reads})
    with Load(fleet) as load:
        lost = sentinels.master
        lost.kill()
        missed = fleet.revoke()
        wait_until(lambda: sentinels.master is not lost)
        fleet.wait_until_revoked(missed)
        load.wait_for(50)
        fleet.wait_until_healed()
        # Until the sentinels have had their say it takes itself for the master, and has nothing.
        lost.start_again()
        load.wait_for(50)
        fleet.wait_until_healed()


def test_a_cluster(tmp_path, stack):
    cluster = Cluster(tmp_path, stack)
    fleet = Fleet(tmp_path, stack, cluster.settings)
    fleet.wait_until_served(fleet.cold[0])
    with Load(fleet) as load:
        # The stream of updates, the lease, and an answer.
        answer = next(key for server in cluster.servers for key in server.keys("avouch:r:*"))
        for key in ("avouch:updates", "avouch:origin", answer):
            cluster.move(key)
            fleet.wait_until_healed()
        lost = cluster.master_of("avouch:updates")
        server = cluster.server(lost)
        server.kill()
        missed = fleet.revoke()
        fleet.wait_until_revoked(missed)
        load.wait_for(50)
        fleet.wait_until_healed()
        server.start_again()
        fleet.wait_until_healed()


# Who may come in

def test_a_password_that_is_changed(tmp_path, stack):
    redis = stack.enter_context(RedisServer(tmp_path / "redis"))
    file = tmp_path / "password"
    file.write_text("first\n")
    redis.command("ACL", "SETUSER", "avouch", "on", ">first", "~avouch:*", "+@all")
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address], "user": "avouch", "passwordFile": str(file)})
    with Load(fleet) as load:
        redis.command("ACL", "SETUSER", "avouch", "resetpass", ">second")
        # Who is in stays in: the connections have to end.
        redis.command("CLIENT", "KILL", "USER", "avouch")
        wait_until_deaf(*fleet.edges)
        for node in fleet.nodes:
            wait_until(lambda: "WRONGPASS" in str(node.readiness()[1]))
        missed = fleet.revoke()
        load.wait_for(50)
        file.write_text("second\n")
        fleet.wait_until_revoked(missed)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_a_certificate_that_has_ended(tmp_path, stack):
    authority = Authority(tmp_path / "redis-ca", is_delegated=False, ca_name="Redis CA")

    def issue(**lasting):
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**lasting)
        authority.issue_server(HOST, until)
        return until
    until = issue(seconds=8)
    redis = stack.enter_context(RedisServer(
        tmp_path / "redis", "--tls-cert-file", authority.path("server.pem"), "--tls-key-file",
        authority.path("server.key"), "--tls-auth-clients", "no", is_encrypted=True))
    redis.access = ["--tls", "--cacert", authority.path("ca.pem")]
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address], "tls": {
        "enabled": True, "authority": str(authority.path("ca.pem"))}})
    with Load(fleet) as load:
        wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > until)
        # Who is in stays in.
        redis.kill()
        redis.start_again()
        wait_until_deaf(*fleet.edges)
        wait_until(lambda: all("certificate" in edge.readiness()[1]["reasons"][0] for edge in fleet.edges))
        missed = fleet.revoke()
        load.wait_for(50)
        redis.kill()
        issue(days=1)
        redis.start_again()
        fleet.wait_until_revoked(missed)
        fleet.wait_until_healed()


# No room

def test_memory_is_full(fleet, redis):
    with Load(fleet) as load:
        redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        redis.command("CONFIG", "SET", "maxmemory", "1")
        missed = fleet.revoke()
        wait_until(lambda: any("OOM" in text for text in fleet.origin.readiness()[1]["warnings"]))
        # A certificate that is new cannot be told of, and must not be called unknown.
        wait_until(lambda: not redis.keys("avouch:complete:*"))
        new = fleet.authority.issue("new.example")
        fleet.authority.record(new)
        fleet.authority.import_into(fleet.origin)
        for edge in fleet.edges:
            assert fleet.ask(edge, new) == TRY_LATER
        # What is in Redis can be read.
        for edge in fleet.edges:
            assert fleet.ask(edge, fleet.cold[-1]) == GOOD
        # Longer than the lease, which cannot be renewed either.
        wait_until(lambda: fleet.origin.metric("avouch_fleet_leading") == 0)
        load.wait_for(50)
        redis.command("CONFIG", "SET", "maxmemory", "0")
        fleet.wait_until_served(new)
        fleet.wait_until_revoked(missed)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_answers_are_thrown_away(tmp_path, stack):
    """Whatever is absent may have been issued."""
    redis = stack.enter_context(RedisServer(
        tmp_path / "redis", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"))
    # The answers are signed and sent, and nobody vouches for them.
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]}, is_complete=False)
    assert redis.keys("avouch:complete:*") == []
    with Load(fleet) as load:
        used = int(redis.information()["used_memory"])
        redis.command("CONFIG", "SET", "maxmemory", used + 100_000)
        # No more than what the answers and the stream take.
        redis.command("EVAL", "for n = 1, 3000 do redis.call('SET', 'filler:' .. n, string.rep('x', 100)) end", 0)
        assert int(redis.information()["evicted_keys"]) > 0
        for certificate in fleet.cold:
            for edge in fleet.edges:
                assert fleet.ask(edge, certificate) in (GOOD, TRY_LATER)
        load.wait_for(50)
        # With the origin gone nobody can say what was never there.
        with load.without(fleet.origin):
            fleet.origin.send(signal.SIGSTOP)
            redis.command("FLUSHALL")
            for edge in fleet.edges:
                assert fleet.ask_unissued(edge) == TRY_LATER
                assert fleet.ask(edge, fleet.authority.issued[0]) in (GOOD, TRY_LATER)
            fleet.origin.send(signal.SIGCONT)
        redis.command("CONFIG", "SET", "maxmemory", 0)
        fleet.wait_until_healed()


def test_a_server_begins_to_throw_away(fleet, redis):
    """Somebody changes its policy while all is vouched for: what was said until then is taken back."""
    with Load(fleet):
        redis.command("CONFIG", "SET", "maxmemory", "64mb", "maxmemory-policy", "allkeys-lru")
        # As often as it is said anew.
        wait_until(lambda: not redis.keys("avouch:complete:*"))
        absent = fleet.cold.pop()
        for edge in fleet.edges:
            redis.command("DEL", answer_keys(redis).get(absent.serial_number, "none"))
            assert fleet.ask(edge, absent) in (GOOD, TRY_LATER)
        redis.command("CONFIG", "SET", "maxmemory", "0")
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


# What is there is no good

def damages(redis, key):
    """Ways to spoil a value, each as a command."""
    octets = len(redis.command("GET", key))
    return {
        "rubbish": ("SET", key, "rubbish"),
        "nothing": ("SET", key, ""),
        "token": ("SETRANGE", key, 4, "\x7f\x7f\x7f\x7f"),
        "revision": ("SETRANGE", key, 12, "zzzz"),
        "response": ("SETRANGE", key, octets // 2, "ZZZZ"),
        "tail": ("APPEND", key, "x"),
    }


def test_values_are_damaged(fleet, redis):
    with Load(fleet):
        keys = answer_keys(redis)
        kinds = list(damages(redis, next(iter(keys.values()))))
        for kind in kinds:
            certificate = fleet.cold.pop()
            key = keys[certificate.serial_number]
            before = redis.command("GET", key)
            redis.command(*damages(redis, key)[kind])
            assert redis.command("GET", key) != before
            fleet.wait_until_served(certificate, [fleet.edges[0]])
            # The origin has put it right for the others.
            assert redis.command("GET", key) == before, kind
        # In the place of one stands what belongs to another.
        first, second = fleet.cold.pop(), fleet.cold.pop()
        redis.command("COPY", keys[first.serial_number], keys[second.serial_number], "REPLACE")
        fleet.wait_until_served(second)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_values_of_another_kind(fleet, redis):
    with Load(fleet):
        keys = answer_keys(redis)
        for certificate in (fleet.cold.pop(), fleet.cold.pop()):
            key = keys[certificate.serial_number]
            redis.command("DEL", key)
            redis.command("RPUSH", key, "x")
            fleet.wait_until_served(certificate)
        fleet.wait_until_healed()


# The stream

@pytest.mark.parametrize("words", [("XTRIM", "avouch:updates", "MAXLEN", "0"), ("DEL", "avouch:updates"),
                                   ("FLUSHALL",)], ids=lambda words: words[0])
def test_an_edge_misses_entries(fleet, redis, words):
    edge = fleet.edges[0]
    with Load(fleet) as load:
        with load.without(edge):
            edge.send(signal.SIGSTOP)
            missed = [fleet.revoke() for _ in range(3)]
            fleet.wait_until_revoked(missed[-1], [fleet.origin, fleet.edges[1]])
            redis.command(*words)
            edge.send(signal.SIGCONT)
        for certificate in missed:
            fleet.wait_until_revoked(certificate)
        assert edge.gaps == 1
        fleet.wait_until_healed()


def test_entries_are_damaged(fleet, redis):
    with Load(fleet):
        redis.command("XADD", "avouch:updates", "*", "e", "rubbish")
        redis.command("XADD", "avouch:updates", "*", "a", "b", "c", "d")
        redis.command("XADD", "avouch:wanted", "*", "k", "rubbish")
        for edge in fleet.edges:
            wait_until(lambda: edge.gaps == 2)
        fleet.wait_until_healed()


@pytest.fixture
def wire(redis, stack):
    return stack.enter_context(Wire(redis.port))


@pytest.fixture
def fleet_behind_wire(tmp_path, stack, redis, wire):
    """One of two edges reaches Redis through a wire that can be cut."""
    return Fleet(tmp_path, stack, {"nodes": [redis.address]}, [{"nodes": [wire.address]}, {}])


def test_an_edge_hears_nothing_and_can_look(fleet_behind_wire, wire):
    fleet, edge = fleet_behind_wire, fleet_behind_wire.edges[0]
    with Load(fleet) as load:
        wire.cut(lambda octets: b"avouch:updates" in octets)
        wait_until_deaf(edge)
        wait_until_checking(edge)
        # It hears nothing of it, and finds it in Redis.
        certificate = fleet.revoke()
        fleet.wait_until_revoked(certificate)
        assert edge.metric("avouch_edge_hearing") == 0
        fleet.wait_until_served(fleet.cold.pop())
        # What is absent may be news.
        assert fleet.ask_unissued(edge) == TRY_LATER
        load.wait_for(20)
        wire.mend()
        wait_until(lambda: edge.is_ready)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_an_edge_is_cut_off(fleet_behind_wire, wire):
    fleet, edge = fleet_behind_wire, fleet_behind_wire.edges[0]
    with Load(fleet) as load:
        wire.cut()
        wait_until_deaf(edge)
        missed, absent = fleet.revoke(), fleet.cold.pop()
        fleet.wait_until_revoked(missed, [fleet.origin, fleet.edges[1]])
        fleet.wait_until_served(absent, [fleet.origin, fleet.edges[1]])
        assert fleet.ask(edge, absent) == TRY_LATER
        assert fleet.ask_unissued(edge) == TRY_LATER
        wait_until_checking(edge)
        load.wait_for(50)
        assert fleet.edges[1].is_ready and fleet.origin.is_ready
        wire.mend()
        fleet.wait_until_revoked(missed)
        fleet.wait_until_served(absent)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


# The origin

def test_the_origin_is_cut_off(tmp_path, stack, redis, wire):
    """It signs for its own clients, and edges have what they have."""
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]}, origin={"nodes": [wire.address]})
    with Load(fleet) as load:
        wire.cut()
        wait_until(lambda: "Redis cannot be reached" in str(fleet.origin.readiness()[1]["warnings"]))
        wait_until_the_lease_is_over(redis)
        missed = fleet.revoke()
        assert fleet.origin.is_ready
        for edge in fleet.edges:
            assert fleet.ask(edge, fleet.cold[-1]) == GOOD
            # Not signed ahead: there is nobody who would sign.
            assert fleet.ask(edge, fleet.cold[-1], "sha512") == TRY_LATER
        load.wait_for(50)
        wire.mend()
        fleet.wait_until_revoked(missed)
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def wait_until_the_lease_is_over(redis):
    def is_over():
        seconds, microseconds = redis.command("TIME").split()
        return int(redis.command("HGET", "avouch:origin", "end")) < int(seconds) * 1000 + int(microseconds) // 1000
    wait_until(is_over)


def test_the_origin_is_paused(fleet, redis):
    with Load(fleet) as load:
        token = fleet.origin.metric("avouch_fleet_token")
        with load.without(fleet.origin):
            fleet.origin.send(signal.SIGSTOP)
            wait_until_the_lease_is_over(redis)
            fleet.origin.send(signal.SIGCONT)
        wait_until(lambda: fleet.origin.metric("avouch_fleet_token") > token)
        assert fleet.origin.is_ready
        fleet.wait_until_healed()
        expect_no_gaps(fleet)


def test_the_origin_is_replaced_while_it_is_paused(fleet, redis):
    """A copy of its store goes on, as after the loss of a machine: who comes back signs nothing."""
    first = fleet.origin
    second = fleet.node("second", dict(first.settings), {})
    with Load(fleet, fleet.edges):
        first.send(signal.SIGSTOP)
        subprocess.run(["sqlite3", first.folder / "avouch.sqlite", f".backup {second.folder / 'avouch.sqlite'}"],
                       check=True, timeout=30)
        wait_until_the_lease_is_over(redis)
        second.start()
        wait_until(lambda: second.metric("avouch_fleet_leading") == 1)
        fleet.origin = fleet.judge.origin = second
        missed = fleet.revoke()
        fleet.wait_until_revoked(missed)
        first.send(signal.SIGCONT)
        wait_until(lambda: first.readiness()[0] == 503)
        assert f"(process {second.server.process.pid}) is the origin since" in first.readiness()[1]["reasons"][0]
        assert fleet.ask(first, missed) == TRY_LATER and fleet.ask(first, fleet.cold[-1], "sha256") == TRY_LATER
        fleet.wait_until_healed()


# All at once

def test_an_edge_is_the_only_one_that_remembers(tmp_path, stack):
    """While it is paused a certificate is revoked, Redis loses everything, and the origin starts again."""
    redis = stack.enter_context(RedisServer(tmp_path / "redis"))
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]})
    edge = fleet.edges[0]
    with Load(fleet) as load:
        with load.without(edge, fleet.origin):
            edge.send(signal.SIGSTOP)
            missed = fleet.revoke()
            redis.kill()
            redis.start_again()
            fleet.restart(fleet.origin)
            fleet.wait_until_revoked(missed, [fleet.origin, fleet.edges[1]])
            edge.send(signal.SIGCONT)
        fleet.wait_until_revoked(missed)
        fleet.wait_until_healed()


def test_all_start_without_redis(fleet, redis):
    redis.kill()
    for node in fleet.nodes:
        node.stop(signal.SIGKILL)
        fleet.judge.forget(node)
    # The origin has its own clients, and all it needs for them.
    fleet.origin.start()
    assert fleet.ask(fleet.origin, fleet.cold[-1]) == GOOD
    missed = fleet.revoke()
    for edge in fleet.edges:
        edge.start(is_ready=False)
    wait_until_deaf(*fleet.edges)
    for edge in fleet.edges:
        assert fleet.ask(edge, missed) == TRY_LATER
        assert fleet.ask_unissued(edge) == TRY_LATER
    redis.start_again()
    fleet.wait_until_revoked(missed)
    with Load(fleet):
        fleet.wait_until_healed()
