"""A fleet: an origin, edges, and somebody who never stops asking and takes no wrong answer."""
import contextlib
import http.client
import json
import random
import socket
import threading
import time

from cryptography import x509
from cryptography.x509 import ocsp as cocsp

import avouch
import exposition
import ocsp
from authority import KEYS, Authority
from avouch import Answer, read_all, wait_until

# The least that can be configured.
QUESTION_DEADLINE = 1
# For a machine that is busy with something else.
MARGIN = 3
# Between two questions of one asker: the machine has other things to do.
PAUSE = 0.005

GOOD, REVOKED = "GOOD", "REVOKED"
TRY_LATER, UNAUTHORIZED = "TRY_LATER", "UNAUTHORIZED"


class Node:
    """An `avouch`, its public side and its control socket."""

    def __init__(self, name, folder, settings):
        self.name = name
        self.folder = folder
        self.settings = settings
        self.server = None
        folder.mkdir(exist_ok=True)
        self.write()

    @property
    def path(self):
        return self.folder / "avouch.json5"

    def write(self, **settings):
        """Writes the configuration, with other settings beside or in the place of those before."""
        self.settings.update(settings)
        self.path.write_text(json.dumps(self.settings))

    def start(self, is_ready=True):
        """Waits until it is ready, where it will be; else until it serves."""
        self.server = avouch.Server("serve", "--config", self.path, until="ready" if is_ready else "serving")
        if not is_ready:
            wait_until(lambda: (self.folder / "control").exists())

    def stop(self, *how):
        return self.server.stop(*how)

    def send(self, number):
        self.server.process.send_signal(number)

    def control(self, target, method="GET"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(avouch.PATIENCE)
            connection.connect(str(self.folder / "control"))
            connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n".encode())
            return Answer(read_all(connection))

    def readiness(self):
        """The status, and what is said of it."""
        answer = self.control("/readyz")
        return answer.status, json.loads(answer.body)

    @property
    def is_ready(self):
        return self.readiness()[0] == 200

    def metric(self, name):
        return exposition.read(self.control("/metrics").body.decode())[name]

    @property
    def gaps(self):
        return self.metric("avouch_edge_gaps_total")

    def has_logged(self, text):
        return any(text in line for line in list(self.server.errors))


class Questioner:
    """One connection to a node, kept alive, over which one question after another is asked."""

    def __init__(self, node):
        self.node = node
        self.connection = None

    def post(self, der):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.node.server.address, timeout=avouch.PATIENCE)
        try:
            self.connection.request("POST", "/", der, {"Content-Type": "application/ocsp-request"})
            return self.connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Judge:
    """Knows what may be said, by what was done and said before. Any thread may ask."""

    def __init__(self, authority, origin):
        self.authority = authority
        self.origin = origin
        self.lock = threading.Lock()
        self.faults = []
        # Acknowledged by the origin.
        self.revoked = set()
        self.changing = set()
        # Node, serial and hash of what was answered, so that it ought to be in memory.
        self.answered = set()
        # Node and serial of what was said to be revoked.
        self.said_revoked = set()
        self.verified = {}
        # Gaps in the stream that each edge has met, each of which has emptied its memory.
        self.gaps = {}

    def ask(self, questioner, certificate, algorithm="sha1"):
        """The status that the node gives of an issued certificate. Whatever is wrong is noted down, and None."""
        node, serial = questioner.node, certificate.serial_number
        place = (node.name, serial, algorithm)
        with self.lock:
            must_be_revoked = serial in self.revoked and (
                node is self.origin or (node.name, serial) in self.said_revoked)
            was_answered = place in self.answered and serial not in self.changing
        try:
            octets, seconds = self._post(questioner, certificate, algorithm)
            status = self._status(octets, certificate, algorithm)
        except Exception as error:
            return self._fault(node, f"asked of {serial:x} ({algorithm}): {error!r}")
        with self.lock:
            if status in (GOOD, REVOKED):
                self.answered.add(place)
            if status == REVOKED:
                self.said_revoked.add((node.name, serial))
            is_changing = serial in self.changing
        if seconds > QUESTION_DEADLINE + MARGIN:
            self._fault(node, f"was asked of {serial:x}, and answered {status} after {seconds:.1f} s")
        if must_be_revoked and status == GOOD:
            self._fault(node, f"says good of {serial:x}, which is revoked")
        if status == REVOKED and not is_changing:
            self._fault(node, f"says revoked of {serial:x}, which is not")
        if status == UNAUTHORIZED:
            self._fault(node, f"does not know {serial:x} ({algorithm}), which was issued")
        if was_answered and algorithm == "sha1" and status == TRY_LATER and not is_changing and not self._has_gap(node):
            self._fault(node, f"had {serial:x}, and says tryLater of it")
        return status

    def ask_unissued(self, questioner):
        """The status that the node gives of a serial that nobody has issued."""
        builder = cocsp.OCSPRequestBuilder().add_certificate_by_hash(
            *self.authority.hashes, x509.random_serial_number(), ocsp.HASHES["sha1"]())
        began = time.monotonic()
        try:
            response = ocsp.parse(questioner.post(builder.build().public_bytes(ocsp.serialization.Encoding.DER)))
        except Exception as error:
            return self._fault(questioner.node, f"asked of what was not issued: {error!r}")
        seconds, status = time.monotonic() - began, response.response_status.name
        if seconds > QUESTION_DEADLINE + MARGIN:
            self._fault(questioner.node, f"answered {status} of what was not issued after {seconds:.1f} s")
        if status not in (UNAUTHORIZED, TRY_LATER):
            self._fault(questioner.node, f"says {status} of what was not issued")
        return status

    def forget(self, node, gaps=0):
        """The node's memory is empty from here on; what it has said stays said."""
        with self.lock:
            self.gaps[node.name] = gaps
            self.answered = {place for place in self.answered if place[0] != node.name}

    def _has_gap(self, node):
        """Whether an edge has noticed since the last time that it missed something, and emptied its memory."""
        if node is self.origin:
            return False
        gaps = node.gaps
        if gaps == self.gaps.get(node.name, 0):
            return False
        self.forget(node, gaps)
        return True

    def _post(self, questioner, certificate, algorithm):
        der = self.authority.question(certificate, algorithm)
        began = time.monotonic()
        octets = questioner.post(der)
        return octets, time.monotonic() - began

    def _status(self, octets, certificate, algorithm):
        # The same answer comes a hundred times: its signature is looked at once.
        known = self.verified.get((octets, certificate.serial_number, algorithm))
        if known is not None:
            return known
        response = ocsp.parse(octets)
        if response.response_status is not cocsp.OCSPResponseStatus.SUCCESSFUL:
            return response.response_status.name
        status = ocsp.verified(octets, self.authority.certificate, certificate, algorithm).certificate_status.name
        self.verified[(octets, certificate.serial_number, algorithm)] = status
        return status

    def _fault(self, node, what):
        with self.lock:
            self.faults.append(f"{node.name} {what}")

    def check(self):
        with self.lock:
            assert not self.faults, "\n".join([f"{len(self.faults)} faults:", *self.faults[:20]])


class FleetAuthority(Authority):
    """A CA with many certificates of one key, and the questions for them."""

    def __init__(self, folder, count=24, name="interop", **options):
        super().__init__(folder, **options)
        self.name = name
        self.questions = {}
        key = KEYS["p256"]()
        self.issued = [self.issue(f"certificate-{number}", key=key) for number in range(count)]
        for certificate in self.issued:
            self.record(certificate)
        whole = cocsp.load_der_ocsp_request(self.question(self.issued[0], "sha1"))
        self.hashes = whole.issuer_name_hash, whole.issuer_key_hash

    def question(self, certificate, algorithm):
        place = (certificate.serial_number, algorithm)
        if place not in self.questions:
            self.questions[place] = ocsp.request(certificate, self.certificate, algorithm)
        return self.questions[place]

    @property
    def of_origin(self):
        return {**self.of_edge, "signer": {"certificate": str(self.path("responder.pem")),
                                           "key": str(self.path("responder.key"))}}

    @property
    def of_edge(self):
        return {"name": self.name, "certificate": str(self.path("ca.pem"))}

    def import_into(self, node):
        self.path("index.txt").write_text("".join(self.rows))
        result = avouch.run("import", "--config", node.path, "--issuer", self.name, "--index", self.path("index.txt"))
        assert result.returncode == 0, result.stderr
        return result


class Fleet:
    """An origin and its edges, from their start to the end of the stack."""

    def __init__(self, folder, stack, redis, edges=({}, {}), origin=None, count=48, is_complete=True):
        """`redis` is what the configurations say of it, `edges` and `origin` what theirs say instead; `is_complete`
        where all that is signed ahead will be in Redis, and vouched for."""
        self.folder = folder
        self.stack = stack
        self.redis = {"lease": "3s", "checkAfter": "1s", **redis}
        self.authority = FleetAuthority(folder / "ca", count)
        self.origin = self.node("origin", {"store": "avouch.sqlite", "issuers": [self.authority.of_origin]},
                                origin or {})
        self.edges = [self.edge(f"edge-{number}", settings) for number, settings in enumerate(edges)]
        self.judge = Judge(self.authority, self.origin)
        # A third is never asked for by the load, a third is to be revoked: both in the order of their use.
        third = count // 3
        self.cold = self.authority.issued[:third]
        self.doomed = self.authority.issued[third:2 * third]
        self.warm = self.authority.issued[third:]
        self.authority.import_into(self.origin)
        self.origin.start()
        for edge in self.edges:
            edge.start()
        if is_complete:
            self.wait_until_complete()

    @property
    def nodes(self):
        return [self.origin, *self.edges]

    def node(self, name, settings, redis):
        """One of the fleet that is not started."""
        node = Node(name, self.folder / name, {
            "listen": ["127.0.0.1:0"], "control": "unix:control", "cache": {"memory": "4MiB"},
            "limits": {"questionDeadline": f"{QUESTION_DEADLINE}s"}, "redis": {**self.redis, **redis}, **settings})
        self.stack.callback(lambda: node.server and node.server.__exit__())
        return node

    def edge(self, name, redis=None):
        return self.node(name, {"role": "edge", "issuers": [self.authority.of_edge]}, redis or {})

    def wait_until_complete(self):
        """Until everything that is signed ahead is in Redis; only where it is pushed."""
        if self.redis.get("push", "all") == "all":
            wait_until(lambda: self.origin.metric("avouch_fleet_complete_issuers") == 1)

    def restart(self, node):
        """Ends a node and starts it, while nobody asks it (`Load.without`)."""
        node.stop()
        self.judge.forget(node)
        node.start()

    def ask(self, node, certificate, algorithm="sha1"):
        """Once, over a connection of its own."""
        questioner = Questioner(node)
        try:
            return self.judge.ask(questioner, certificate, algorithm)
        finally:
            questioner.close()

    def ask_unissued(self, node):
        questioner = Questioner(node)
        try:
            return self.judge.ask_unissued(questioner)
        finally:
            questioner.close()

    def revoke(self, certificate=None):
        """Has the origin acknowledge a revocation, of the next doomed certificate where none is given."""
        certificate = certificate or self.doomed.pop()
        serial = certificate.serial_number
        with self.judge.lock:
            self.judge.changing.add(serial)
        result = avouch.run("revoke", "--config", self.origin.path, "--issuer", "interop", "--serial", f"{serial:X}",
                            "--reason", "keyCompromise")
        assert result.returncode == 0 and "answers so from now on" in result.stdout, result.stdout + result.stderr
        with self.judge.lock:
            self.judge.revoked.add(serial)
        return certificate

    def wait_until_revoked(self, certificate, nodes=None, algorithm="sha1"):
        for node in nodes or self.nodes:
            wait_until(lambda: self.ask(node, certificate, algorithm) == REVOKED)

    def wait_until_served(self, certificate, nodes=None):
        for node in nodes or self.nodes:
            wait_until(lambda: self.ask(node, certificate) == GOOD)

    def wait_until_healed(self):
        """A new revocation reaches every node, what no memory has is served, and what was not issued is known."""
        self.wait_until_revoked(self.revoke())
        self.wait_until_served(self.cold.pop())
        for node in self.nodes:
            wait_until(lambda: self.ask_unissued(node) == UNAUTHORIZED)
            wait_until(lambda: node.is_ready)


class Load:
    """Asks each node of what was issued and what was not, until the end of the `with`: nothing may have been wrong."""

    def __init__(self, fleet, nodes=None):
        self.fleet = fleet
        self.nodes = nodes or fleet.nodes
        self.is_over = threading.Event()
        self.counts = {node.name: 0 for node in self.nodes}
        # Nodes that a test stops: nobody is there to be asked.
        self.absent = set()
        # Held while a node is asked.
        self.locks = {node.name: threading.Lock() for node in self.nodes}
        self.threads = [threading.Thread(target=self._run, args=(node,), daemon=True) for node in self.nodes]

    def _run(self, node):
        questioner = Questioner(node)
        order = random.Random(node.name)
        # All of them once, so that memory has them.
        queue = list(self.fleet.warm)
        while not self.is_over.wait(PAUSE):
            with self.locks[node.name]:
                if node.name in self.absent:
                    questioner.close()
                    continue
                self._ask(questioner, queue, order)
                self.counts[node.name] += 1
        questioner.close()

    def _ask(self, questioner, queue, order):
        judge = self.fleet.judge
        if queue:
            judge.ask(questioner, queue.pop())
        elif order.random() < 0.1:
            judge.ask_unissued(questioner)
        else:
            judge.ask(questioner, order.choice(self.fleet.warm), "sha256" if order.random() < 0.05 else "sha1")

    def wait_for(self, count):
        """Until each node has been asked so many more questions."""
        ends = {name: self.counts[name] + count for name in self.counts}
        wait_until(lambda: all(self.counts[name] >= end for name, end in ends.items() if name not in self.absent))

    @contextlib.contextmanager
    def without(self, *nodes):
        """Nobody asks these nodes meanwhile, and no question is under way."""
        names = {node.name for node in nodes}
        self.absent |= names
        for name in names & self.locks.keys():
            with self.locks[name]:
                pass
        try:
            yield
        finally:
            self.absent -= names

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        # Each of the certificates, and some more.
        self.wait_for(len(self.fleet.warm) + 20)
        return self

    def __exit__(self, kind, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join(avouch.PATIENCE)
        if kind is None:
            self.fleet.judge.check()
        # The test has failed already; this may be why.
        print(*self.fleet.judge.faults[:20], sep="\n")
