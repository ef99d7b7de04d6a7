"""Requests in every shape that clients send, and in shapes that nobody should."""
import base64
import hashlib
import itertools
import socket
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp as cocsp

import ocsp
from authority import Authority
from avouch import Answer, base64_target, read_all

MALFORMED = bytes.fromhex("30030a0101")
TRY_LATER = bytes.fromhex("30030a0103")
UNAUTHORIZED = bytes.fromhex("30030a0106")


def spellings(der):
    """GET targets that all mean the same request (standards, section 3)."""
    plain = base64.b64encode(der).decode()
    coded = urllib.parse.quote(plain, safe="")
    lower = coded.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d")
    url_safe = base64.urlsafe_b64encode(der).decode()
    return {
        "raw": "/" + plain, "coded": "/" + coded, "coded-lower": "/" + lower, "url-safe": "/" + url_safe,
        "unpadded": "/" + plain.rstrip("="), "url-safe-unpadded": "/" + url_safe.rstrip("="),
        "double-slash": "//" + coded, "prefix": "/ocsp/v1/" + coded, "prefix-double-slash": "/ocsp//" + coded,
        "prefix-like-base64": "/MyCA/MFE/" + coded, "query": "/" + coded + "?x=1",
        "plus-as-space": "/" + coded.replace("%2B", "%20"),
        "double-coded": "/" + urllib.parse.quote(coded, safe=""), "line-ends": "/" + plain[:40] + "%0D%0A" + plain[40:],
        "everything-coded": "/" + "".join(f"%{octet:02x}" for octet in plain.encode()),
        "absolute": "http://ocsp.example/" + coded, "absolute-prefix": "http://ocsp.example:80/a//" + coded,
        "slash-coded": "/%2F" + coded,
    }


def is_telling(der):
    """Whether its base64 has all that the spellings differ about."""
    text = base64.b64encode(der).decode()
    return "+" in text and "//" in text and text.endswith("=")


def telling_certificates(authority):
    """Certificates whose serials make every request for them a telling one, whatever its hash."""
    for number in itertools.count():
        tail = hashlib.sha256(b"%d" % number).digest()[:10 + number % 5]
        certificate = authority.issue("spelled.example", serial=int.from_bytes(b"\x7f\xff\xff\xff\xff" + tail))
        if all(is_telling(ocsp.request(certificate, authority.certificate, one)) for one in ("sha1", "sha256")):
            yield certificate


@pytest.fixture(scope="module")
def spelled(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("spelled") / "ca")
    authority.certificates = list(itertools.islice(telling_certificates(authority), 6))
    for certificate in authority.certificates:
        authority.record(certificate)
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        authority.server = server
        yield authority


@pytest.mark.parametrize("spelling", list(spellings(b"\x30\x00")))
def test_get_spellings(spelled, spelling):
    for certificate in spelled.certificates:
        for algorithm in ("sha1", "sha256"):
            targets = spellings(ocsp.request(certificate, spelled.certificate, algorithm))
            assert len(set(targets.values())) == len(targets), "two spellings are the same"
            answer = spelled.server.get(targets[spelling])
            assert answer.status == 200
            response = ocsp.verified(answer.body, spelled.certificate, certificate, algorithm)
            assert response.certificate_status == cocsp.OCSPCertStatus.GOOD


def test_base64_with_slashes_inside(world):
    """Serials are chosen so that // and /M, where a request could begin, stand inside the base64."""
    for number in range(0x3F3F3F3F3F3F, 0x3F3F3F3F3F3F + 64):
        builder = cocsp.OCSPRequestBuilder().add_certificate_by_hash(
            b"\x0f\xff\xfc\xcf" * 5, b"\xff\xf3\x0f" * 6 + b"\xff\xff", number, hashes.SHA1())
        der = builder.build().public_bytes(serialization.Encoding.DER)
        text = base64.b64encode(der).decode()
        assert "//" in text and "/M" in text
        for target in spellings(der).values():
            answer = world.server.get(target)
            assert (answer.status, answer.body) == (200, UNAUTHORIZED), target


def test_query_is_no_place_for_a_request(world):
    """Who leaves the query out of a cache's key would serve it under the path before it."""
    def target(certificate):
        der = ocsp.request(certificate, world.certificate)
        return "/" + urllib.parse.quote(base64.b64encode(der).decode(), safe="")
    good, revoked = target(world.good), target(world.revoked)
    for separator in "?", "?x=", "#", "?%2F":
        answer = world.server.get(good + separator + revoked)
        response = ocsp.verified(answer.body, world.certificate, world.good)
        assert response.certificate_status == cocsp.OCSPCertStatus.GOOD
        for path in "/", "/ocsp", "/MFE":
            answer = world.server.get(path + separator + revoked)
            assert (answer.status, answer.body) == (200, MALFORMED), path + separator


@pytest.mark.parametrize("headers", [
    ["Content-Type: application/ocsp-request"], [], ["Content-Type: application/x-www-form-urlencoded"],
    ["Content-Type: text/plain; a=b"]])
@pytest.mark.parametrize("target", ["/", "/q?x=1", "//x/y", "http://ocsp.example/a"])
def test_post(world, headers, target):
    answer = world.server.post(ocsp.request(world.revoked, world.certificate), *headers, target=target)
    response = ocsp.verified(answer.body, world.certificate, world.revoked)
    assert response.certificate_status == cocsp.OCSPCertStatus.REVOKED
    assert response.revocation_reason == x509.ReasonFlags.key_compromise
    assert answer.headers["content-type"] == "application/ocsp-response"


def test_post_chunked(world):
    der = ocsp.request(world.good, world.certificate)
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(der[i:i + 7]), der[i:i + 7]) for i in range(0, len(der), 7))
    answer = Answer(world.server.exchange(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks
        + b"0\r\nTrailer: x\r\n\r\n"))
    ocsp.verified(answer.body, world.certificate, world.good)


@pytest.mark.parametrize("size, trailer", [
    (b"%x x", b""), (b"%x\t", b""), (b"0x%x", b""), (b"+%x", b""), (b"%x\n", b""), (b"%x;a\rb", b""), (b"%x;a\nb", b""),
    (b"%x", b"x\r\n"), (b"%x", b" x: y\r\n"), (b"%x", b"x : y\r\n"), (b"%x", b"x: y\n")])
def test_chunks_that_could_hide_a_request(world, size, trailer):
    der = ocsp.request(world.good, world.certificate)
    line = size % len(der)
    request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n%s\r\n0\r\n%s\r\n"
    answer = Answer(world.server.exchange(request % (line, der, trailer) + b"GET /hidden HTTP/1.0\r\n\r\n"))
    assert answer.status == 400 and answer.headers["connection"] == "close" and b"HTTP/1.1 200" not in answer.body


CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("fields", [
    CHUNKED + b"Transfer-Encoding: gzip\r\n" + CHUNKED, CHUNKED * 2, CHUNKED * 3, b"Transfer-Encoding: gzip\r\n",
    b"Transfer-Encoding: chunked;q=1\r\n", b"Transfer-Encoding: \x0bchunked\r\n", b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n", CHUNKED + b"Content-Length: 0\r\n", b"Content-Length: 0\r\n" + CHUNKED,
    b"Content-Length: +0\r\n", b"Content-Length: 0, 0\r\n", b"Content-Length: 0\r\nContent-Length: 5\r\n",
    b"Content-Length: 0x0\r\n", b"Content-Length:\r\n", b"Content-Length : 0\r\n", b"X: y\r\n z\r\n", b"X: y\rz\r\n",
    b"X: \0\r\n", b"X\r\n"])
def test_heads_that_could_hide_a_request(world, fields):
    start = b"POST / HTTP/1.1\r\nHost: a\r\n"
    hidden = b"\r\n0\r\n\r\nGET /hidden HTTP/1.0\r\n\r\n"
    for octets in (start + fields + hidden, b"\r" + start + hidden):
        answer = Answer(world.server.exchange(octets))
        assert answer.status == 400 and answer.headers["connection"] == "close"
        assert b"HTTP/1.1 200" not in answer.body


def test_http_1_0_without_host(world):
    target = base64_target(ocsp.request(world.good, world.certificate))
    answer = Answer(world.server.exchange(f"GET {target} HTTP/1.0\r\n\r\n".encode()))
    assert answer.headers["connection"] == "close"
    ocsp.verified(answer.body, world.certificate, world.good)


@pytest.mark.parametrize("host", [
    "[::1", "example:99999", "example:abc", "example.com evil", "user@example", "example/x", "[::g]"])
def test_odd_hosts(world, host):
    """RFC 9112 3.2 has them refused; old clients, which send odd ones, are answered all the same (quirk 11)."""
    target = base64_target(ocsp.request(world.good, world.certificate))
    exchange = world.server.exchange
    answer = Answer(exchange(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\nGET {target} HTTP/1.0\r\n\r\n".encode()))
    assert answer.status == 400 and answer.headers["connection"] == "close"
    assert b"HTTP/1.1 200" not in answer.body, "what comes behind is nobody's"
    answer = Answer(exchange(f"GET {target} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()))
    ocsp.verified(answer.body, world.certificate, world.good)


@pytest.mark.parametrize("host", ["", "a", "a_b.example:80", "[::1]:8080", "10.0.0.1:", "ocsp.example."])
def test_hosts(world, host):
    target = base64_target(ocsp.request(world.good, world.certificate))
    answer = Answer(world.server.exchange(
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()))
    ocsp.verified(answer.body, world.certificate, world.good)


@pytest.mark.parametrize("length", [1, 8, 16, 23, 32, 64, 127, 128])
def test_nonce_is_echoed(world, length):
    nonce = bytes(range(length))
    der = ocsp.request(world.good, world.certificate, nonce=nonce)
    for answer in (world.server.post(der), world.server.get(base64_target(der))):
        ocsp.verified(answer.body, world.certificate, world.good, nonce=nonce)
        assert answer.headers["cache-control"] == "max-age=0, must-revalidate, no-transform"
        assert "etag" not in answer.headers


@pytest.mark.parametrize("length", [129, 200, 1000])
def test_long_nonce_is_malformed(world, length):
    assert world.server.post(ocsp.request(world.good, world.certificate, nonce=bytes(length))).body == MALFORMED


def test_empty_nonce_is_malformed(world):
    # cryptography makes no empty nonce: one of one octet, cut down by hand.
    der = bytearray(ocsp.request(world.good, world.certificate, nonce=b"\xaa"))
    assert der[-3:] == b"\x04\x01\xaa"
    der[-3:] = b"\x04\x00"
    place = der.rindex(bytes.fromhex("2b0601050507300102"))
    # Every length that counts the octet is one less: the OCTET STRING, Extension, Extensions, [2], TBSRequest, request.
    der[place + 9 + 1] -= 1
    for offset in (place - 3, place - 5, place - 7, 3, 1):
        der[offset] -= 1
    assert world.server.post(bytes(der)).body == MALFORMED


def test_unknown_extensions(world):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    for critical, expected in ((False, None), (True, MALFORMED)):
        builder = cocsp.OCSPRequestBuilder().add_certificate(world.good, world.certificate, hashes.SHA1())
        der = builder.add_extension(extension, critical).build().public_bytes(serialization.Encoding.DER)
        body = world.server.post(der).body
        if expected is None:
            ocsp.verified(body, world.certificate, world.good)
        else:
            assert body == expected


def test_unissued_and_unknown_issuer_are_unauthorized(world):
    answer = world.server.post(ocsp.request(world.unknown, world.certificate))
    assert answer.status == 200 and answer.body == UNAUTHORIZED
    assert answer.headers["cache-control"] == "no-store"
    der = ocsp.request(world.good, world.certificate)
    place = der.index(bytes.fromhex("0414")) + 5
    assert world.server.post(der[:place] + bytes([der[place] ^ 1]) + der[place + 1:]).body == UNAUTHORIZED


def test_every_truncation_and_every_changed_octet(world):
    der = ocsp.request(world.good, world.certificate, nonce=b"12345678")
    bodies = [der[:count] for count in range(len(der))]
    for body in bodies:
        assert world.server.post(body).body == MALFORMED
    for index in range(len(der)):
        changed = bytearray(der)
        changed[index] ^= 0xFF
        answer = world.server.post(bytes(changed))
        assert answer.status == 200 and answer.headers["content-type"] == "application/ocsp-response"
        if answer.body not in (MALFORMED, UNAUTHORIZED):
            assert ocsp.parse(answer.body).response_status == cocsp.OCSPResponseStatus.SUCCESSFUL
    assert world.server.post(der + b"\0").body == MALFORMED
    assert world.server.post(b"").body == MALFORMED


@pytest.mark.parametrize("target", ["/", "/favicon.ico", "//", "/MA", "/%", "/MFEwTzBN", "/" + "M" * 3000, "/?MFEw"])
def test_get_of_nothing_is_malformed(world, target):
    answer = world.server.get(target)
    assert (answer.status, answer.body) == (200, MALFORMED)
    assert answer.headers["cache-control"] == "no-store"


def test_pipelined_requests_are_answered_in_order(world):
    """Cached, live, unauthorized and malformed ones mixed."""
    good = ocsp.request(world.good, world.certificate)
    live = ocsp.request(world.revoked, world.certificate, nonce=b"abcdefgh")
    foreign = ocsp.request(world.unknown, world.certificate)
    bodies = [good, live, foreign, b"junk", good, live] * 5
    octets = b"".join(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
    rest = world.server.exchange(octets)
    for body in bodies:
        head, _, rest = rest.partition(b"\r\n\r\n")
        length = int([line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")][0].split()[1])
        answer, rest = rest[:length], rest[length:]
        if body is good:
            ocsp.verified(answer, world.certificate, world.good)
        elif body is live:
            ocsp.verified(answer, world.certificate, world.revoked, nonce=b"abcdefgh")
        else:
            assert answer == (UNAUTHORIZED if body is foreign else MALFORMED)
    assert rest == b""


def test_slow_and_broken_clients_do_not_hold_others_up(world):
    der = ocsp.request(world.good, world.certificate)
    idle = [world.server.connect() for _ in range(50)]
    for number, connection in enumerate(idle):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80\r\n\r\n"[:number + 5])
    ocsp.verified(world.server.post(der).body, world.certificate, world.good)
    for connection in idle:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    ocsp.verified(world.server.post(der).body, world.certificate, world.good)


def test_head_and_conditional_requests(world):
    target = base64_target(ocsp.request(world.good, world.certificate))
    get = world.server.get(target)
    head = world.server.get(target, method="HEAD")
    assert head.body == b""
    same = ("content-length", "etag", "last-modified", "expires", "content-type")
    assert {name: head.headers[name] for name in same} == {name: get.headers[name] for name in same}
    for condition in (f"If-None-Match: {get.headers['etag']}", f"If-None-Match: \"x\", W/{get.headers['etag']}",
                      "If-None-Match: *", f"If-Modified-Since: {get.headers['last-modified']}"):
        for method in ("GET", "HEAD"):
            answer = world.server.get(target, condition, method=method)
            assert answer.status == 304 and answer.body == b"", condition
            for name in ("etag", "cache-control", "expires", "date"):
                assert name in answer.headers
            assert "content-length" not in answer.headers
    for condition in ('If-None-Match: "x"', "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"):
        assert world.server.get(target, condition).status == 200
    tag, since = f"If-None-Match: {get.headers['etag']}", f"If-Modified-Since: {get.headers['last-modified']}"
    assert world.server.get(target, 'If-None-Match: "x"', tag).status == 304
    assert world.server.get(target, since, since).status == 200
    # A hash that is not signed ahead is answered after a wait; it is conditional all the same.
    slow = base64_target(ocsp.request(world.good, world.certificate, "sha512"))
    assert world.server.get(slow, "If-None-Match: *").status == 304


def test_a_date_alone_never_renews_a_good_answer_past_a_revocation(world):
    """`good` and `revoked` may be signed in the same second: who asks by the date alone gets the whole answer."""
    target = base64_target(ocsp.request(world.revoked, world.certificate))
    get = world.server.get(target)
    since = f"If-Modified-Since: {get.headers['last-modified']}"
    answer = world.server.get(target, since)
    assert answer.status == 200 and answer.body == get.body
    assert world.server.get(target, f"If-None-Match: {get.headers['etag']}").status == 304
    assert world.server.get(target, since, f"If-None-Match: {get.headers['etag']}").status == 304
    good = base64_target(ocsp.request(world.good, world.certificate))
    since = f"If-Modified-Since: {world.server.get(good).headers['last-modified']}"
    assert world.server.get(good, since).status == 304


@pytest.mark.parametrize("rest, status", [
    (b" / HTTP/1.1\r\n\r\n", 400), (b" / HTTP/3.0\r\n\r\n", 505),
    (b" /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b" / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n", 413)])
def test_refused_head_has_no_body(world, rest, status):
    head, get = (Answer(world.server.exchange(method + rest)) for method in (b"HEAD", b"GET"))
    assert head.status == get.status == status
    assert head.body == b"" and len(get.body) == int(head.headers["content-length"]) > 0


def test_other_methods(world):
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"):
        answer = world.server.get("/", method=method)
        assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD, POST"
    # Not recognised at all, which is another thing (RFC 9110 15.6.2); methods are case-sensitive.
    for method in ("FOO", "get", "Post", "GETS", "PROPFIND"):
        answer = world.server.get("/", method=method)
        assert answer.status == 501 and "allow" not in answer.headers and answer.body
    assert Answer(world.server.exchange(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).status == 405


def test_client_that_half_closes_gets_its_live_answer(world):
    der = ocsp.request(world.good, world.certificate, nonce=b"x" * 32)
    with world.server.connect() as connection:
        connection.sendall(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(der) + der)
        connection.shutdown(socket.SHUT_WR)
        ocsp.verified(Answer(read_all(connection)).body, world.certificate, world.good, nonce=b"x" * 32)
