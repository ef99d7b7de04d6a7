"""Redis servers of the tests' own: alone, watched by sentinels, and as a cluster; and a wire that can be cut."""
import contextlib
import random
import select
import signal
import socket
import subprocess
import threading

import avouch

HOST = "127.0.0.1"
# Said by redis-cli in the place of an answer.
ERRORS = ("ERR", "OOM", "NOAUTH", "WRONGPASS", "Could not connect", "Error:", "CLUSTERDOWN", "LOADING", "MASTERDOWN",
          "READONLY", "NOSCRIPT", "AUTH failed", "I/O error")


def free_port():
    """A port that is free, probably. Below those that the system hands out: a client that tries again and again to
    reach a server that is gone would else meet itself one day. The bus of a cluster is 10000 above."""
    while True:
        port = random.randrange(10_000, 22_000)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind((HOST, port))
            bus.bind((HOST, port + 10_000))
            return port


class RedisError(AssertionError):
    """What redis-cli has said instead of an answer."""


class RedisServer:
    """A redis-server, from its making to the end of the `with` around it."""

    def __init__(self, folder, *options, sentinel=None, is_encrypted=False):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.options = options
        # Its configuration, where it is a sentinel.
        self.sentinel = sentinel
        self.is_encrypted = is_encrypted
        # How redis-cli gets in.
        self.access = []
        self.process = None
        avouch.wait_until(self._start_somewhere)

    def _start_somewhere(self):
        self.port = free_port()
        return self.start()

    def start(self):
        """False where somebody else has the port."""
        ports = ["--port", "0", "--tls-port"] if self.is_encrypted else ["--port"]
        kind = [self.sentinel, "--sentinel"] if self.sentinel else []
        path = self.folder / "log"
        with open(path, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                ["redis-server", *kind, "--bind", HOST, *ports, str(self.port), "--dir", str(self.folder),
                 *([] if self.sentinel else ["--save", "", "--appendonly", "no"]), *map(str, self.options)],
                stdout=log, stderr=log)
        word = b"+monitor master" if self.sentinel else b"Ready to accept connections"
        # What it says itself: something else may answer at the port.
        avouch.wait_until(lambda: self.process.poll() is not None or word in path.read_bytes()[before:])
        if self.process.poll() is None:
            return True
        assert b"ddress already in use" in path.read_bytes()[before:], path.read_text()
        return False

    def start_again(self):
        """On the same port, which what was there before may hold for a moment yet."""
        avouch.wait_until(self.start)

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def command(self, *words, octets=None):
        """What redis-cli says; `octets` are the last word."""
        result = subprocess.run(
            ["redis-cli", "-h", HOST, "-p", str(self.port), *self.access, *(["-x"] if octets is not None else []),
             *map(str, words)], input=octets, stdin=None if octets is not None else subprocess.DEVNULL,
            capture_output=True, timeout=avouch.PATIENCE)
        text = (result.stdout + result.stderr).decode("latin-1").strip()
        if text.startswith(ERRORS) or "-NOAUTH" in text:
            raise RedisError(f"{words}: {text}")
        return text

    def keys(self, pattern):
        return self.command("--scan", "--pattern", pattern).split()

    def information(self):
        """INFO, as a dictionary."""
        return dict(line.strip().split(":", 1) for line in self.command("INFO").splitlines() if ":" in line)

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(avouch.PATIENCE)

    @contextlib.contextmanager
    def hanging(self):
        """Alive, and answers nobody."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Sentinels:
    """A master, two replicas, and three sentinels that watch them."""
    NAME = "fleet"

    def __init__(self, folder, stack):
        self.servers = [stack.enter_context(RedisServer(folder / "redis-0"))]
        for number in (1, 2):
            self.servers.append(stack.enter_context(RedisServer(
                folder / f"redis-{number}", "--replicaof", HOST, self.servers[0].port,
                "--repl-diskless-sync-delay", "0")))
        self.sentinels = []
        for number in range(3):
            # The sentinel writes into its configuration what it learns.
            file = folder / f"sentinel-{number}.conf"
            file.write_text(
                f"sentinel monitor {self.NAME} {HOST} {self.servers[0].port} 2\n"
                f"sentinel down-after-milliseconds {self.NAME} 500\n"
                f"sentinel failover-timeout {self.NAME} 3000\n")
            self.sentinels.append(stack.enter_context(RedisServer(
                folder / f"sentinel-{number}", sentinel=file)))
        avouch.wait_until(lambda: all(self._sees_everything(one) for one in self.sentinels))

    def _sees_everything(self, sentinel):
        words = sentinel.command("SENTINEL", "MASTER", self.NAME).splitlines()
        fields = dict(zip(words[::2], words[1::2]))
        return (fields["num-slaves"], fields["num-other-sentinels"]) == ("2", "2")

    @property
    def master(self):
        """As the sentinels see it."""
        _, port = self.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.NAME).split()
        return next(one for one in self.servers if one.port == int(port))

    @property
    def settings(self):
        return {"nodes": [one.address for one in self.sentinels], "topology": "sentinel", "masterName": self.NAME}


class Cluster:
    """Three masters, and a replica of each."""

    def __init__(self, folder, stack):
        # The file of a cluster is relative to the folder of its server.
        self.servers = [stack.enter_context(RedisServer(
            folder / f"redis-{number}", "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
            "--repl-diskless-sync-delay", "0")) for number in range(6)]
        created = subprocess.run(
            ["redis-cli", "--cluster", "create", *[one.address for one in self.servers], "--cluster-replicas", "1",
             "--cluster-yes"], capture_output=True, text=True, timeout=avouch.PATIENCE)
        assert created.returncode == 0, created.stdout + created.stderr
        avouch.wait_until(lambda: all(
            "cluster_state:ok" in one.command("CLUSTER", "INFO") for one in self.servers))

    @property
    def settings(self):
        return {"nodes": [one.address for one in self.servers], "topology": "cluster"}

    def nodes(self):
        """CLUSTER NODES of a server that is alive: the fields of each line."""
        witness = next(one for one in self.servers if one.process.poll() is None)
        return [line.split() for line in witness.command("CLUSTER", "NODES").splitlines()]

    def server(self, node):
        port = int(node[1].partition("@")[0].rpartition(":")[2])
        return next(one for one in self.servers if one.port == port)

    def masters(self):
        """Those that are alive, with their slots."""
        return [node for node in self.nodes()
                if "master" in node[2] and "fail" not in node[2] and len(node) > 8]

    def slot(self, key):
        return int(self.servers[-1].command("CLUSTER", "KEYSLOT", key))

    def master_of(self, key):
        """The fields of the master that has a key."""
        slot = self.slot(key)

        def has(span):
            if span.startswith("["):
                return False
            first, _, last = span.partition("-")
            return int(first) <= slot <= int(last or first)
        return next(node for node in self.masters() if any(has(span) for span in node[8:]))

    def move(self, key):
        """Moves the slot of a key, with all that is in it, to another master, as redis-cli reshards."""
        slot, source = self.slot(key), self.master_of(key)
        target = next(node for node in self.masters() if node[0] != source[0])
        here, there = self.server(source), self.server(target)
        there.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source[0])
        here.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target[0])
        while keys := here.command("CLUSTER", "GETKEYSINSLOT", slot, 100).split():
            here.command("MIGRATE", HOST, there.port, "", 0, 5000, "KEYS", *keys)
        for server in [there, here, *[self.server(node) for node in self.masters()]]:
            server.command("CLUSTER", "SETSLOT", slot, "NODE", target[0])


class Wire:
    """A TCP proxy in front of a server, which can be told to forward nothing more."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"{HOST}:{self.port}"
        # Whether what a client sends stops its connection for good; read by the threads of all connections.
        self.stops = lambda octets: False
        self.is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, stops=lambda octets: True):
        self.stops = stops

    def mend(self):
        """Connections that were stopped stay so: whoever has one must see that it is dead."""
        self.stops = lambda octets: False

    def _accept(self):
        with contextlib.suppress(OSError):
            while not self.is_closed:
                client, _ = self.listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection((HOST, self.target)) as server:
            is_stopped = False
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    octets = ready.recv(65536)
                    if not octets:
                        return
                    is_stopped = is_stopped or self.stops(octets)
                    # Swallowed, as by a network that is gone: nobody is told.
                    if not is_stopped:
                        (server if ready is client else client).sendall(octets)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_closed = True
        self.listener.close()
