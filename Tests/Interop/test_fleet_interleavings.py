"""Whatever happens between real servers, in whatever order: nobody says good again, and all heals. The simulation in
Tests/FleetTests does the same a thousand times as often, over a level in memory."""
import contextlib
import random
import signal
import threading

import pytest

from fleet import Fleet, Load
from redis_servers import RedisServer

STEPS = 12


@contextlib.contextmanager
def paused(node, load):
    """Nobody waits for who cannot answer."""
    with load.without(node):
        node.send(signal.SIGSTOP)
        try:
            yield
        finally:
            node.send(signal.SIGCONT)


def is_hung(redis, fleet, load):
    with redis.hanging():
        load.wait_for(20)


def is_restarted_empty(redis, fleet, load):
    redis.kill()
    load.wait_for(10)
    redis.start_again()


def is_emptied(redis, fleet, load):
    redis.command("FLUSHALL")


def loses_its_news(redis, fleet, load):
    redis.command("XTRIM", "avouch:updates", "MAXLEN", "0")


def is_damaged(redis, fleet, load):
    for key in redis.keys("avouch:r:*")[:10]:
        redis.command("SET", key, "rubbish")


def edge_is_paused(redis, fleet, load):
    with paused(random.choice(fleet.edges), load):
        load.wait_for(20)


def origin_is_paused(redis, fleet, load):
    with paused(fleet.origin, load):
        load.wait_for(40)


def nothing_happens(redis, fleet, load):
    load.wait_for(20)


FAULTS = (is_hung, is_restarted_empty, is_emptied, loses_its_news, is_damaged, edge_is_paused, origin_is_paused,
          nothing_happens)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_in_whatever_order(tmp_path, stack, seed):
    order = random.Random(seed)
    random.seed(seed)
    redis = stack.enter_context(RedisServer(tmp_path / "redis"))
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]}, count=90)
    faults = [order.choice(FAULTS) for _ in range(STEPS)]
    with Load(fleet) as load:
        for fault in faults:
            # A revocation before or during it; the origin cannot be told of one while it is paused.
            revoked = []
            with contextlib.ExitStack() as beside:
                if fault is not origin_is_paused and order.random() < 0.7:
                    thread = threading.Thread(target=lambda: revoked.append(fleet.revoke()))
                    thread.start()
                    beside.callback(thread.join)
                fault(redis, fleet, load)
        fleet.wait_until_healed()
        for certificate in fleet.authority.issued:
            if certificate.serial_number in fleet.judge.revoked:
                fleet.wait_until_revoked(certificate)
            else:
                fleet.wait_until_served(certificate)
