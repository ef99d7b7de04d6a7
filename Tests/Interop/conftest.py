import contextlib
import pathlib

import pytest

import avouch
from authority import DAY, NOW, Authority
from redis_servers import RedisServer


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """`avouch demo`, as the README starts it."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with avouch.Server("demo", "--dir", folder, "--port", "0") as server:
        server.folder = folder
        yield server


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A CA with its own records, served with the defaults."""
    authority = Authority(tmp_path_factory.mktemp("world") / "ca")
    authority.good = authority.issue("good.example")
    authority.revoked = authority.issue("revoked.example")
    authority.unknown = authority.issue("unknown.example")
    authority.record(authority.good)
    authority.record(authority.revoked, NOW - DAY, "keyCompromise")
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        authority.server = server
        yield authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def stack():
    """What a test starts ends with it, the last first."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def redis(tmp_path, stack):
    return stack.enter_context(RedisServer(tmp_path / "redis"))


def pem(folder: pathlib.Path, name: str) -> str:
    return str(folder / f"{name}.pem")
