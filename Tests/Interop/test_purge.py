"""Caches in front are told to forget: real Varnish, real nginx, and recorded interfaces of CDNs."""
import base64
import contextlib
import json
import re
import signal
import socket
import sqlite3
import urllib.parse

import pytest
from akamai.edgegrid import edgegrid
from requests import Request

import exposition
import ocsp
from authority import NOW, Authority
from avouch import read_all, run, wait_until
from caches import Nginx, Recorder, Varnish
from events import Sender, event, new_secret, receive
from fleet import Fleet, Load
from redis_servers import HOST, free_port

URL = "http://ocsp.example/"


class Purged(Authority):
    """A CA whose answers caches in front hold, with a webhook for its events."""

    def prepare(self, count=3, **issuer):
        self.leaves = [self.issue(f"leaf-{number}.example") for number in range(count)]
        for leaf in self.leaves:
            self.record(leaf)
        self.port = free_port()
        self.configure(publicProgramme=False, urls=[URL], **issuer)
        self.secret = new_secret()
        receive(self, self.secret)
        self.set(listen=[f"{HOST}:{self.port}"])
        self.import_index()

    def set(self, **settings):
        path = self.path("avouch.json5")
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))

    def metrics(self):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.path("control")))
            control.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return exposition.read(read_all(control).partition(b"\r\n\r\n")[2].decode())

    def count(self, result, cache="front"):
        return self.metrics()[f'avouch_purges_total{{cache="{cache}",result="{result}"}}']

    def waiting(self, cache="front"):
        """As the store has it: the metric is up to a second behind."""
        with contextlib.closing(sqlite3.connect(self.path("avouch.sqlite"))) as database:
            return database.execute("SELECT count(*) FROM purges JOIN purge_caches ON purge_caches.id = cache "
                                    "WHERE name = ?", (cache,)).fetchone()[0]

    def revoke(self, *leaves, sender=None):
        sender = sender or Sender(self.server, self.secret)
        code, _, said = sender.send(event("revoked", certificates=rows(map(serial, leaves), "superseded")))
        assert code == 200 and said["changed"] == len(leaves), said


def serial(leaf):
    return f"{leaf.serial_number:X}"


def octets(leaf):
    """The serial as Avouch prints it, octet for octet."""
    text = serial(leaf)
    return "0" * (len(text) % 2) + text


def rows(serials, reason=None):
    return [{"serial": one, **({"reason": reason} if reason else {})} for one in serials]


@pytest.fixture
def ca(tmp_path):
    authority = Purged(tmp_path / "ca")
    authority.prepare()
    return authority


def requests_of(ca, leaf):
    """Every way in which clients write the request, as DER: built here, by another encoder than Avouch's."""
    ders = []
    for algorithm in ("sha1", "sha256"):
        der = ocsp.request(leaf, ca.certificate, algorithm)
        ders.append(der)
        # AlgorithmIdentifier without its NULL: two octets less, in all that is around it.
        position = der.index(b"\x05\x00")
        without = bytearray(der[:position] + der[position + 2:])
        for place in containers(der, position):
            without[place] -= 2
        ders.append(bytes(without))
    return ders


def containers(der, position):
    """Where the lengths of the SEQUENCEs stand that the octet at `position` is inside of; all short ones."""
    places, start = [], 0
    while start < position:
        tag, length = der[start], der[start + 1]
        assert length < 128
        if tag == 0x30 and start + 2 + length > position:
            places.append(start + 1)
            start += 2
        else:
            start += 2 + length
    return places


def targets(ca, leaf):
    found = []
    for der in requests_of(ca, leaf):
        text = base64.b64encode(der).decode()
        upper = urllib.parse.quote(text, safe="")
        for slashes in ("/", "//"):
            found += [slashes + text, slashes + upper, slashes + re.sub("%..", lambda m: m[0].lower(), upper),
                      slashes + urllib.parse.quote(text)]
    return list(dict.fromkeys(found))


def status(body):
    response = ocsp.parse(body)
    return response.certificate_status.name.lower() if response.response_status.value == 0 else "error"


def said(cache, target):
    return status(cache.fetch("GET", target)[2])


def is_kept(cache, target):
    """Whether the cache answers by itself."""
    _, fields, _ = cache.fetch("GET", target)
    return int(fields.get("Age", "0")) >= 0 and (
        " " in fields.get("X-Varnish", "") or fields.get("X-Cache") == "HIT")


@pytest.fixture(params=["varnish-url", "varnish-ban", "varnish-xkey", "nginx"])
def front(request, ca, tmp_path, stack):
    """A CA behind a real cache."""
    kind, _, how = request.param.partition("-")
    cache = (Nginx(tmp_path / "cache", ca.port) if kind == "nginx"
             else Varnish(tmp_path / "cache", ca.port, uses_xkey=how == "xkey"))
    stack.enter_context(cache)
    by = "key" if how in ("ban", "xkey") else "url"
    ca.set(surrogateKeys=["Surrogate-Key"],
           purge=[{"name": "front", "driver": kind, "by": by, "check": "all", "repeatAfter": "1s",
                   "endpoint": cache.url + ("/purge" if kind == "nginx" else "")}])
    ca.server = stack.enter_context(ca.serve())
    ca.cache = cache
    return ca


def test_every_form_of_url_is_forgotten(front):
    leaf, other = front.leaves[:2]
    all_targets = targets(front, leaf)
    assert len(all_targets) >= 16
    for target in all_targets + targets(front, other):
        assert said(front.cache, target) == "good"
    if isinstance(front.cache, Varnish):
        assert all(is_kept(front.cache, target) for target in all_targets)
    front.revoke(leaf)
    wait_until(lambda: front.count("purged") == 1)
    for target in all_targets:
        assert said(front.cache, target) == "revoked", target
    # What has not changed is still there.
    if isinstance(front.cache, Varnish):
        assert all(is_kept(front.cache, target) for target in targets(front, other))
    # Once more, for what was on its way; then nothing waits.
    wait_until(lambda: front.count("repeated") == 1 and front.waiting() == 0)
    assert front.count("stale") == front.count("refused") == front.count("unavailable") == 0


def test_another_spelling_of_the_host_is_forgotten_too(front):
    leaf, other = front.leaves[:2]
    target = targets(front, leaf)[0]
    hosts = ["OCSP.example", "ocsp.example:80", "ocsp.example.", "Ocsp.EXAMPLE.:80", "ocsp.example"]
    for certificate in (leaf, other):
        for number, host in enumerate(hosts):
            _, fields, body = front.cache.fetch("GET", targets(front, certificate)[0], Host=host)
            assert status(body) == "good"
            assert "Surrogate-Key" not in fields
            # The first one has asked for all of them.
            assert number == 0 or int(fields.get("X-Varnish", "0 0").count(" ")) == 1, host
            assert number == 0 or fields.get("X-Cache", "HIT") == "HIT", host
    front.revoke(leaf)
    wait_until(lambda: front.count("purged") == 1)
    for host in hosts:
        assert status(front.cache.fetch("GET", target, Host=host)[2]) == "revoked", host


def test_a_lifted_hold_is_forgotten_too(front):
    leaf = front.leaves[0]
    sender = Sender(front.server, front.secret)
    target = targets(front, leaf)[0]
    assert sender.send(event("revoked", serial=serial(leaf), reason="certificateHold"))[0] == 200
    wait_until(lambda: front.count("purged") == 1)
    assert said(front.cache, target) == "revoked"
    assert sender.send(event("released", serial=serial(leaf)))[0] == 200
    wait_until(lambda: front.count("purged") == 2)
    assert said(front.cache, target) == "good"


# What goes wrong

@pytest.fixture
def varnish(ca, tmp_path, stack):
    """A CA behind Varnish, which is purged by URL; served by the test."""
    ca.cache = stack.enter_context(Varnish(tmp_path / "cache", ca.port))
    ca.front = {"name": "front", "driver": "varnish", "endpoint": ca.cache.url, "repeatAfter": "1s"}
    ca.set(purge=[ca.front])
    return ca


def test_a_cache_that_is_away_is_purged_when_it_is_back(varnish, stack):
    varnish.server = stack.enter_context(varnish.serve())
    first, second, third = varnish.leaves
    asked = {leaf: targets(varnish, leaf)[0] for leaf in varnish.leaves}
    for target in asked.values():
        assert said(varnish.cache, target) == "good"
    varnish.cache.process.send_signal(signal.SIGSTOP)
    varnish.revoke(first)
    wait_until(lambda: varnish.waiting() == 1)
    varnish.revoke(second)
    varnish.revoke(third)
    varnish.cache.process.send_signal(signal.SIGCONT)
    wait_until(lambda: varnish.count("purged") == 3)
    assert [said(varnish.cache, target) for target in asked.values()] == ["revoked"] * 3


def test_nothing_is_lost_when_the_process_is_killed(varnish, stack):
    server = stack.enter_context(varnish.serve())
    varnish.server = server
    leaf = varnish.leaves[0]
    target = targets(varnish, leaf)[0]
    assert said(varnish.cache, target) == "good"
    varnish.cache.process.send_signal(signal.SIGSTOP)
    varnish.revoke(leaf)
    server.stop(signal.SIGKILL)
    varnish.cache.process.send_signal(signal.SIGCONT)
    assert said(varnish.cache, target) == "good" and varnish.waiting() == 1
    varnish.server = stack.enter_context(varnish.serve())
    wait_until(lambda: varnish.count("purged") == 1)
    assert said(varnish.cache, target) == "revoked"


def test_what_a_command_revokes_while_nothing_runs_is_purged_by_the_next_start(varnish, stack):
    leaf = varnish.leaves[0]
    target = targets(varnish, leaf)[0]
    with varnish.serve():
        assert said(varnish.cache, target) == "good"
    result = run("revoke", "--config", varnish.path("avouch.json5"), "--issuer", "interop", "--serial", serial(leaf))
    assert varnish.waiting() == 1, result.stderr
    assert "caches in front (front) go on with what they have until a responder runs" in result.stdout
    varnish.server = stack.enter_context(varnish.serve())
    wait_until(lambda: varnish.count("purged") == 1)
    assert said(varnish.cache, target) == "revoked"


def test_a_certificate_that_is_revoked_once_more_is_purged_once_more(varnish, stack):
    varnish.server = stack.enter_context(varnish.serve())
    words = ["revoke", "--config", varnish.path("avouch.json5"), "--issuer", "interop",
             "--serial", serial(varnish.leaves[0])]
    for purged in (1, 2):
        result = run(*words)
        assert result.returncode == 0, result.stderr
        assert "the cache front forgets it in a moment (avouch purge shows what waits)" in result.stdout
        assert ("already" in result.stdout) == (purged == 2)
        wait_until(lambda: varnish.count("purged") == purged)
        wait_until(lambda: varnish.waiting() == 0)


def test_a_cache_that_knows_no_purges_is_told_of(ca, stack, tmp_path):
    """Avouch itself is one."""
    ca.set(purge=[{"name": "front", "driver": "varnish", "endpoint": f"http://{HOST}:{ca.port}", "check": "none"}])
    ca.server = stack.enter_context(ca.serve())
    ca.revoke(ca.leaves[0])
    wait_until(lambda: ca.metrics()['avouch_purge_working{cache="front"}'] == 0)
    wait_until(lambda: any("docs/cdn/varnish.vcl" in line and "HTTP 501" in line for line in ca.server.errors))
    assert ca.waiting() == 1 and ca.count("purged") == 0
    # Mended by a reload, without a restart.
    cache = stack.enter_context(Varnish(tmp_path / "cache", ca.port))
    ca.set(purge=[{"name": "front", "driver": "varnish", "endpoint": cache.url, "repeatAfter": "1s"}])
    ca.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ca.count("purged") == 1)
    wait_until(lambda: ca.waiting() == 0)


def test_a_cache_that_keeps_the_old_answer_is_found_out(ca, stack, tmp_path):
    """It says that it has purged, and has not: the check sees what it still answers."""
    cache = stack.enter_context(Varnish(tmp_path / "cache", ca.port))
    with Recorder(lambda request: (200, {})) as liar:
        ca.set(purge=[{"name": "front", "driver": "varnish", "endpoint": liar.url, "checkAt": cache.url}])
        ca.server = stack.enter_context(ca.serve())
        leaf = ca.leaves[0]
        target = targets(ca, leaf)[1]
        assert said(cache, target) == "good"
        ca.revoke(leaf)
        wait_until(lambda: any("the cache still answered: good" in line for line in ca.server.errors))
        assert ca.waiting() == 1 and ca.count("purged") == 0 and ca.count("stale") >= 6
        assert any("certificates fail again and again" in line for line in ready(ca)["warnings"])
        # Somebody purges by hand.
        cache.fetch("PURGE", target)
        wait_until(lambda: ca.count("purged") == 1)


def ready(ca):
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(ca.path("control")))
        control.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        return json.loads(read_all(control).partition(b"\r\n\r\n")[2])


def test_each_cache_has_a_line_of_its_own(varnish, stack, tmp_path):
    """One that is away keeps no other from being purged; what waits for it is told where it is configured no more."""
    away = {"name": "away", "driver": "varnish", "endpoint": f"http://{HOST}:{free_port()}"}
    varnish.set(purge=[varnish.front, away])
    varnish.server = stack.enter_context(varnish.serve())
    varnish.revoke(*varnish.leaves)
    wait_until(lambda: varnish.count("purged") == 3)
    wait_until(lambda: varnish.waiting("front") == 0)
    assert varnish.waiting("away") == 3
    assert any("purge 'away'" in line for line in ready(varnish)["warnings"])
    varnish.set(purge=[varnish.front])
    varnish.server.process.send_signal(signal.SIGHUP)
    told = "purge 'away' is configured no more: 3 certificates"
    wait_until(lambda: any(told in line for line in varnish.server.errors))
    assert ready(varnish)["warnings"] == []


def test_what_is_issued_is_purged_where_answers_for_unissued_serials_are_cached(tmp_path, stack):
    ca = Purged(tmp_path / "ca")
    ca.prepare(unissued="unknown")
    cache = stack.enter_context(Varnish(tmp_path / "cache", ca.port))
    ca.set(purge=[{"name": "front", "driver": "varnish", "endpoint": cache.url, "repeatAfter": "never"}])
    ca.server = stack.enter_context(ca.serve())
    new = ca.issue("new.example")
    target = targets(ca, new)[0]
    assert said(cache, target) == "unknown"
    assert Sender(ca.server, ca.secret).send(event("issued", serial=serial(new)))[0] == 200
    wait_until(lambda: ca.count("purged") == 1)
    assert said(cache, target) == "good"
    wait_until(lambda: ca.waiting() == 0)


def test_an_import_purges_what_it_changes_and_nothing_else(varnish, stack):
    varnish.server = stack.enter_context(varnish.serve())
    leaf = varnish.leaves[1]
    varnish.rows = []
    for one in varnish.leaves:
        varnish.record(one, *([NOW, "superseded"] if one is leaf else []))
    varnish.record(varnish.issue("another.example"), NOW, "superseded")
    varnish.import_index()
    wait_until(lambda: varnish.count("purged") == 1)
    wait_until(lambda: varnish.waiting() == 0)
    assert varnish.count("purged") == 1


# Interfaces of CDNs, recorded: the real ones are not to be reached from a test

def fastly(request):
    if request.headers.get("Fastly-Key") != "t0ken":
        return 401, {"msg": "Provided credentials are missing or invalid"}
    return 200, {"status": "ok", "id": "108-1391560174-974124"}


def cloudflare(request):
    if request.headers.get("Authorization") != "Bearer t0ken":
        return 403, {"success": False, "errors": [{"code": 9109, "message": "Invalid access token"}]}
    return 200, {"success": True, "errors": [], "messages": [], "result": {"id": "9a7806061c88ada191ed06f989cc3dac"}}


EDGERC = """[default]
client_secret = c2VjcmV0LXNlY3JldA==
host = akab-host.luna.akamaiapis.net
access_token = akab-access-bbb
client_token = akab-client-aaa
"""


def akamai(request):
    """Signed as Akamai's own module signs it, or refused."""
    field = request.headers.get("Authorization", "")
    parts = dict(part.split("=", 1) for part in field.removeprefix("EG1-HMAC-SHA256 ").split(";") if part)
    signer = edgegrid.EdgeGridAuth("akab-client-aaa", "c2VjcmV0LXNlY3JldA==", "akab-access-bbb")
    prepared = Request("POST", f"http://{request.headers['Host']}{request.target}", data=request.body).prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgegrid, "eg_timestamp", lambda: parts["timestamp"])
        patch.setattr(edgegrid, "new_nonce", lambda: parts["nonce"])
        if signer(prepared).headers["Authorization"] != field:
            return 401, {"title": "Signature does not match"}
    if len(request.body) > 50_000:
        return 413, {"title": "Request body too large"}
    return 201, {"httpStatus": 201, "detail": "Request accepted", "estimatedSeconds": 5, "purgeId": "e535071c-26b2"}


def template(request):
    return (200, {}) if request.headers.get("X-Token") == "t0ken" else (403, {"error": "who are you"})


PROVIDERS = {
    "fastly-url": (fastly, {"driver": "fastly"}),
    "fastly-key": (fastly, {"driver": "fastly", "by": "key", "service": "SVC1"}),
    "cloudflare-url": (cloudflare, {"driver": "cloudflare", "service": "z0ne"}),
    "cloudflare-key": (cloudflare, {"driver": "cloudflare", "service": "z0ne", "by": "key"}),
    "akamai-url": (akamai, {"driver": "akamai"}),
    "akamai-key": (akamai, {"driver": "akamai", "by": "key", "network": "staging"}),
    "http-url": (template, {"driver": "http", "request": {
        "url": "{base}/purge", "headers": ["X-Token: {secret}", "Content-Type: application/json"],
        "body": '{"urls":["{url}"]}'}}),
    "http-key": (template, {"driver": "http", "by": "key", "request": {
        "method": "DELETE", "url": "{base}/keys/{key}", "headers": ["X-Token: {secret}"]}}),
}


def configure_provider(ca, settings, recorder, secret):
    ca.path("token").write_text(secret)
    ca.path("token").chmod(0o600)
    settings = json.loads(json.dumps(settings).replace("{base}", recorder.url))
    if settings["driver"] != "http":
        settings["endpoint"] = recorder.url
    ca.set(surrogateKeys=["Surrogate-Key", "Cache-Tag", "Edge-Cache-Tag"],
           purge=[{"name": "front", "check": "none", "secretFile": "token", "repeatAfter": "never", **settings}])


def purged_urls(requests):
    """The URLs that were purged, whatever the provider's way to be told."""
    found = []
    for request in requests:
        if request.target.startswith("/purge/"):
            found.append("http://" + request.target.removeprefix("/purge/"))
        elif request.method == "POST":
            found += next(iter(request.json.values()))
    return found


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_is_told_what_to_forget(ca, stack, name):
    answer, settings = PROVIDERS[name]
    recorder = stack.enter_context(Recorder(answer))
    configure_provider(ca, settings, recorder, EDGERC if answer is akamai else "t0ken\n")
    ca.server = stack.enter_context(ca.serve())
    leaf, other = ca.leaves[:2]
    ca.revoke(leaf)
    wait_until(lambda: ca.count("purged") == 1)
    wait_until(lambda: ca.waiting() == 0)
    key = f"c-{octets(leaf)}-interop"
    if name.endswith("url"):
        urls = purged_urls(recorder.requests)
        assert len(urls) == len(set(urls))
        for target in targets(ca, leaf):
            assert "http://ocsp.example" + target in urls
        assert not any("http://ocsp.example" + target in urls for target in targets(ca, other))
    elif settings["driver"] == "http":
        assert [(one.method, one.target) for one in recorder.requests] == [("DELETE", f"/keys/{key}")]
    else:
        assert [next(iter(one.json.values())) for one in recorder.requests] == [[key]]
    assert ca.count("unavailable") == ca.count("refused") == 0
    # The number that the provider has given it, for its support.
    reference = {fastly: "108-1391560174-974124", cloudflare: "9a7806061c88ada191ed06f989cc3dac",
                 akamai: "e535071c-26b2"}.get(answer)
    if reference:
        wait_until(lambda: any(reference in line and octets(leaf) in line for line in ca.server.errors))
    assert not any("t0ken" in line or "c2VjcmV0" in line for line in ca.server.errors + ca.server.output)


@pytest.mark.parametrize("name", ["fastly-key", "cloudflare-url", "akamai-url", "http-url"])
def test_a_wrong_secret_keeps_everything_until_it_is_mended(ca, stack, name):
    answer, settings = PROVIDERS[name]
    recorder = stack.enter_context(Recorder(answer))
    right = EDGERC if answer is akamai else "t0ken"
    configure_provider(ca, settings, recorder, right.replace("c2Vj", "AAAA").replace("t0ken", "wrong"))
    ca.server = stack.enter_context(ca.serve())
    ca.revoke(ca.leaves[0])
    wait_until(lambda: ca.count("unavailable") >= 2)
    assert ca.waiting() == 1 and ca.count("purged") == 0
    assert re.search("HTTP 40[13]", ready(ca)["warnings"][0])
    ca.path("token").write_text(right)
    ca.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: ca.count("purged") == 1)
    assert ready(ca)["warnings"] == []


def test_a_limit_is_kept_for_as_long_as_the_provider_says(ca, stack):
    limited = [True]

    def answer(request):
        return (429, {}, ("Retry-After", "1")) if limited[0] else fastly(request)
    recorder = stack.enter_context(Recorder(answer))
    configure_provider(ca, PROVIDERS["fastly-key"][1], recorder, "t0ken")
    ca.server = stack.enter_context(ca.serve())
    for leaf in ca.leaves:
        ca.revoke(leaf)
    # Refused once more: by then all of them wait, however long the commands took.
    refused = len(recorder.requests)
    wait_until(lambda: len(recorder.requests) > refused)
    limited[0] = False
    wait_until(lambda: ca.count("purged") == 3)
    # After the pause all of them went in one request.
    assert len(recorder.requests[-1].json["surrogate_keys"]) == 3


def test_a_limit_that_a_certificate_alone_is_over_is_lived_with(ca, stack, tmp_path):
    """A few URLs at a time, each of them once: what was taken is not asked again, and what is whole is proved."""
    cache = stack.enter_context(Varnish(tmp_path / "cache", ca.port))
    left = [25]

    def answer(request):
        if left[0] == 0:
            left[0] = 25
            return 429, {}, ("Retry-After", "1")
        left[0] -= 1
        cache.fetch("PURGE", request.target.removeprefix("/purge/ocsp.example"))
        return fastly(request)
    recorder = stack.enter_context(Recorder(answer))
    configure_provider(ca, {"driver": "fastly", "check": "all", "checkAt": cache.url}, recorder, "t0ken")
    ca.server = stack.enter_context(ca.serve())
    asked = [target for leaf in ca.leaves for target in targets(ca, leaf)]
    assert {said(cache, target) for target in asked} == {"good"}
    ca.revoke(*ca.leaves)
    wait_until(lambda: ca.count("purged") == 3)
    assert {said(cache, target) for target in asked} == {"revoked"}
    taken = [one.target for one in recorder.requests]
    assert len(taken) - len(set(taken)) <= 3 * 10, "only what was refused, and what had not begun, is asked twice"


def test_one_that_a_provider_does_not_take_keeps_no_other_from_being_purged(ca, stack):
    bad = octets(ca.leaves[1])

    def answer(request):
        return (400, {"msg": "no"}) if bad.encode() in request.body else fastly(request)
    recorder = stack.enter_context(Recorder(answer))
    configure_provider(ca, PROVIDERS["fastly-key"][1], recorder, "t0ken")
    ca.server = stack.enter_context(ca.serve())
    ca.revoke(*ca.leaves)
    wait_until(lambda: ca.count("purged") == 2)
    wait_until(lambda: any(bad in line and "tried 6 times in vain" in line for line in ca.server.errors))
    assert ca.waiting() == 1


def test_a_path_for_checks_that_hangs_keeps_no_purge_waiting(ca, stack):
    recorder = stack.enter_context(Recorder(fastly))
    listener = stack.enter_context(socket.create_server((HOST, 0)))
    configure_provider(ca, {**PROVIDERS["fastly-key"][1], "check": "common", "timeout": "1s",
                            "checkAt": f"http://{HOST}:{listener.getsockname()[1]}"}, recorder, "t0ken")
    ca.server = stack.enter_context(ca.serve())
    sender = Sender(ca.server, ca.secret)
    many = [f"{0x5000 + number:X}" for number in range(3000)]
    assert sender.send(event("issued", certificates=rows(many)))[0] == 200
    assert sender.send(event("revoked", certificates=rows(many, "superseded")))[0] == 200
    wait_until(lambda: len({key for one in recorder.requests for key in one.json["surrogate_keys"]}) == 3000)
    ca.revoke(ca.leaves[0])
    wait_until(lambda: f"c-{octets(ca.leaves[0])}-interop" in recorder.requests[-1].body.decode())
    wait_until(lambda: any("cannot be looked" in line and "checkAt" not in line for line in ready(ca)["warnings"]))
    assert ca.count("purged") == 0 and ca.waiting() == 3001


def test_a_store_that_somebody_else_writes_to_for_long_keeps_no_purge_waiting(varnish, stack):
    varnish.server = stack.enter_context(varnish.serve())
    first, second, _ = varnish.leaves
    kept = {leaf: targets(varnish, leaf)[0] for leaf in (first, second)}
    for target in kept.values():
        assert said(varnish.cache, target) == "good"
    varnish.revoke(first, second)
    with contextlib.closing(sqlite3.connect(varnish.path("avouch.sqlite"), isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        wait_until(lambda: varnish.count("purged") == 2)
        assert [said(varnish.cache, target) for target in kept.values()] == ["revoked"] * 2
        assert ready(varnish)["warnings"] == []
        database.execute("ROLLBACK")
    wait_until(lambda: varnish.waiting() == 0)


def test_a_million_would_not_be_a_million_requests(ca, stack):
    """Keys travel together: a hundred and more certificates at once."""
    leaves = [f"{0x5000 + number:X}" for number in range(600)]
    recorder = stack.enter_context(Recorder(fastly))
    configure_provider(ca, PROVIDERS["fastly-key"][1], recorder, "t0ken")
    ca.server = stack.enter_context(ca.serve())
    sender = Sender(ca.server, ca.secret)
    assert sender.send(event("issued", certificates=rows(leaves)))[0] == 200
    assert sender.send(event("revoked", certificates=rows(leaves, "superseded")))[0] == 200
    wait_until(lambda: ca.count("purged") == 600)
    assert sum(len(one.json["surrogate_keys"]) for one in recorder.requests) == 600
    assert len(recorder.requests) < 60


# Configuration

@pytest.mark.parametrize("text, problem", [
    ("", "its first line is no secret"), ("\x01", "its first line is no secret"), (None, "No such file")])
def test_a_secret_that_is_none_is_told_of_before_the_start(ca, text, problem):
    ca.set(purge=[{"name": "front", "driver": "fastly", "secretFile": "token"}])
    if text is not None:
        ca.path("token").write_text(text)
    for command in (["config", "check", ca.path("avouch.json5")], ["serve", "--config", ca.path("avouch.json5")]):
        result = run(*command)
        assert result.returncode == 1 and "purge[0].secretFile" in result.stderr and problem in result.stderr


def test_an_edgerc_that_is_none_is_told_of(ca):
    ca.path("token").write_text("[default]\nhost = h\n")
    ca.set(purge=[{"name": "front", "driver": "akamai", "secretFile": "token"}])
    result = run("config", "check", ca.path("avouch.json5"))
    assert result.returncode == 1 and "'client_token' is missing" in result.stderr


# In a fleet

def test_a_cache_before_an_edge_never_gets_the_old_answer_back(tmp_path, stack, redis):
    fleet = Fleet(tmp_path, stack, {"nodes": [redis.address]}, edges=({},))
    cache = stack.enter_context(Varnish(tmp_path / "cache", fleet.edges[0].server.address[1]))
    fleet.origin.write(
        issuers=[{**fleet.authority.of_origin, "urls": [URL]}],
        purge=[{"name": "front", "driver": "varnish", "endpoint": cache.url, "repeatAfter": "1s", "check": "all"}])
    fleet.origin.send(signal.SIGHUP)
    wait_until(lambda: 'avouch_purge_waiting{cache="front"}' in fleet.origin.control("/metrics").body.decode())
    with Load(fleet):
        for number in range(1, 9):
            certificate = fleet.doomed[-1]
            asked = targets(fleet.authority, certificate)
            assert {said(cache, target) for target in asked} == {"good"}
            fleet.revoke()
            wait_until(lambda: fleet.origin.metric('avouch_purges_total{cache="front",result="purged"}') == number)
            assert {said(cache, target) for target in asked} == {"revoked"}
    # The edge had heard before the cache was told: no purge found the old answer.
    assert fleet.origin.metric('avouch_purges_total{cache="front",result="stale"}') == 0


# By hand

def purge(ca, *words):
    return run("purge", "--config", ca.path("avouch.json5"), *words)


def test_a_command_has_certificates_forgotten_and_shows_what_waits(varnish, stack):
    one, two, _ = varnish.leaves
    assert purge(varnish, "--issuer", "interop", "--serial", serial(one)).returncode == 1, "nobody has served yet"
    with varnish.serve() as varnish.server:
        wait_until(lambda: "nothing waits" in purge(varnish).stdout)
        kept = {leaf: targets(varnish, leaf)[0] for leaf in (one, two)}
        for target in kept.values():
            assert said(varnish.cache, target) == "good" and is_kept(varnish.cache, target)
        result = purge(varnish, "--issuer", "interop", "--serial", serial(one))
        assert result.returncode == 0 and "1 purge\n" in result.stdout
        wait_until(lambda: varnish.count("purged") == 1)
        assert is_kept(varnish.cache, kept[two])
        wait_until(lambda: varnish.waiting() == 0)
    result = purge(varnish, "--issuer", "interop", "--all")
    assert result.returncode == 0 and "3 certificates of issuer 'interop' put in line: 3 purges" in result.stdout
    shown = purge(varnish).stdout
    assert "purge 'front': 3 certificates waiting" in shown and f"{octets(two)} of issuer 'interop'" in shown
    assert "not tried yet" in shown
    varnish.server = stack.enter_context(varnish.serve())
    wait_until(lambda: varnish.count("purged") == 3)


@pytest.mark.parametrize("words", [["--serial", "01"], ["--all"], ["--issuer", "interop"],
                                   ["--issuer", "interop", "--all", "--serial", "01"]])
def test_a_command_that_names_too_little_or_too_much_is_wrong_use(varnish, words):
    assert purge(varnish, *words).returncode == 2
