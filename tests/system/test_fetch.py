# SPDX-License-Identifier: Apache-2.0
"""The fetch role on its own, in its sandbox, against HTTPS servers at their worst."""

import ctypes
import os
import socket
import threading
import time

import pytest
import rolerig
from httpsrig import Authority, HttpsRig, answer

GET_TEXT, POST = 1, 2
OK, REFUSED, CONNECT_FAILED, TLS_FAILED, TIMEOUT, BROKEN, REDIRECT, HTTP_STATUS, BAD_CONTENT = range(1, 10)
TOO_LARGE, NO_ROOM = 10, 11
HOST = "mta-sts.example.test"
PATH = "/.well-known/mta-sts.txt"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmax_age: 86400\r\n"
KB = 1024
changing, changed = threading.Event(), threading.Event()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue(HOST)


def settings(authority, port, private=True):
    return {
        "hostname": "mx.gatepost.test",
        "state": "/nowhere",
        "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
        "fetch": {"ca_file": {"text": authority.pem}, "port": port, "private_addresses": private},
        "log": {"level": "debug"},
    }


def start(authority, port, private=True):
    return rolerig.Role("fetch", settings(authority, port, private))


def octets(address):
    return {"octets": socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)}


def say_fetch(
    peer, addresses, ticket=1, host=HOST, path=PATH, kind=GET_TEXT, time_max_ms=20000, media_type="", body=b""
):
    peer.say(
        "fetch",
        ticket=ticket,
        kind=kind,
        time_max_ms=time_max_ms,
        host=host.encode(),
        path=path.encode(),
        addresses=[octets(a) for a in addresses],
        media_type=media_type.encode(),
        body=body,
    )


def hear(peer, role):
    heard = peer.hear()
    assert heard is not None, "fetch closed:\n" + role.log()
    assert heard[0] == "fetched"
    return heard[1]


def fetch(authority, rig, **order):
    """The one answer of a role that lives on."""
    order = {"addresses": [rig.address], **order}
    with start(authority, rig.port) as role:
        peer = role.peer("relay")
        say_fetch(peer, **order)
        got = hear(peer, role)
        assert role.stop() == 0, role.log()
    return got


def test_a_server_that_only_changes_its_keys_holds_nobody_up(authority, certificate):
    other = "mta-sts.other.test"
    with HttpsRig(certificate, changes_of_keys) as bad:
        with HttpsRig(authority.issue(other), answer(POLICY), address="127.0.7.2", port=bad.port) as good:
            with start(authority, bad.port) as role:
                peer = role.peer("relay")
                say_fetch(peer, [bad.address], ticket=1, time_max_ms=60000)
                assert changing.wait(60)
                say_fetch(peer, [good.address], ticket=2, host=other)
                got = hear(peer, role)
                assert not changed.is_set(), "it was answered when all the changes had been read"
                assert (got["ticket"], got["result"]) == (2, OK)


def test_a_policy_comes(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig:
        got = fetch(authority, rig, ticket=7)
        assert (got["ticket"], got["result"], got["status"], got["body"]) == (7, OK, 200, POLICY)
        (request,) = rig.requests
        lines = request.split(b"\r\n")
        assert lines[0] == f"GET {PATH} HTTP/1.1".encode()
        assert f"Host: {HOST}:{rig.port}".encode() in lines
        assert rig.names == [HOST]


def chunked(body, trailer=b""):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailer)


def slow_drip(tls):
    tls.sendall(answer(POLICY)[:-40])
    for _ in range(300):
        tls.sendall(b"x")
        time.sleep(0.1)


def silent(tls):
    tls.recv(1)


def changes_of_keys(tls, count=300_000):
    """RFC 8446 section 4.6.3, octets made ahead; Python's ssl does not have it, but stands on what has."""
    libssl, libcrypto = ctypes.CDLL("libssl.so.3"), ctypes.CDLL("libcrypto.so.3")
    libcrypto.BIO_s_mem.restype = libcrypto.BIO_new.restype = ctypes.c_void_p
    inside = ctypes.c_void_p.from_address(id(tls._sslobj) + object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p))
    memory = ctypes.c_void_p(libcrypto.BIO_new(ctypes.c_void_p(libcrypto.BIO_s_mem())))
    libssl.SSL_set0_wbio(inside, memory)
    for _ in range(count):
        assert libssl.SSL_key_update(inside, 0) == 1 and libssl.SSL_do_handshake(inside) == 1
    made = ctypes.create_string_buffer(count * 64)
    length = libcrypto.BIO_read(memory, made, len(made))
    with socket.socket(fileno=os.dup(tls.fileno())) as raw:
        raw.settimeout(60)
        changing.set()
        raw.sendall(memoryview(made)[:length])
        changed.set()
        raw.recv(1)


def endless(tls):
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    for _ in range(4096):
        tls.sendall(b"x" * 16 * KB)
    raise AssertionError("somebody read 64 MB")


def endless_fields(tls):
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
    for _ in range(64):
        tls.sendall((b"X: " + b"y" * 1000 + b"\r\n") * KB)
    raise AssertionError("somebody read 64 MB")


MANY_FIELDS = ["Content-Type: text/plain"] + ["X: " + "y" * 1000] * 17
REDIRECT_FIELDS = (f"Location: https://{HOST}/other", "Content-Type: text/plain")
ANSWERS = {
    "64 KiB": (answer(b"x" * 64 * KB), OK, 200),
    "64 KiB and one": (answer(b"x" * (64 * KB + 1)), TOO_LARGE, 200),
    "64 KiB and one, in a chunk": (chunked(b"x" * (64 * KB + 1)), TOO_LARGE, 200),
    "no end": (endless, TOO_LARGE, 200),
    "a chunk": (chunked(POLICY), OK, 200),
    "no length": (answer(POLICY, length=False), OK, 200),
    "15 KiB of header fields": (answer(POLICY, fields=MANY_FIELDS[:16]), OK, 200),
    "17 KiB of header fields": (answer(POLICY, fields=MANY_FIELDS), TOO_LARGE, 200),
    "header fields without end": (endless_fields, TOO_LARGE, 200),
    "a trailer": (chunked(POLICY, b"X: y\r\n"), OK, 200),
    "a long trailer": (chunked(POLICY, b"X: " + b"y" * 17 * KB + b"\r\n"), BROKEN, 200),
    "trailers without end": (chunked(POLICY, b"X: yyyyyyyy\r\n" * 2000), TOO_LARGE, 200),
    "301": (answer(POLICY, "301 Moved", REDIRECT_FIELDS), REDIRECT, 301),
    "302": (answer(POLICY, "302 Found", REDIRECT_FIELDS), REDIRECT, 302),
    "308": (answer(POLICY, "308 Permanent", REDIRECT_FIELDS), REDIRECT, 308),
    "304": (answer(b"", "304 Not Modified"), REDIRECT, 304),
    "404": (answer(b"gone", "404 Not Found"), HTTP_STATUS, 404),
    "500": (answer(b"oh", "500 Oh"), HTTP_STATUS, 500),
    "201": (answer(POLICY, "201 Created"), HTTP_STATUS, 201),
    "204": (answer(b"", "204 No Content"), HTTP_STATUS, 204),
    "206": (answer(POLICY, "206 Partial Content"), HTTP_STATUS, 206),
    "html": (answer(POLICY, fields=["Content-Type: text/html"]), BAD_CONTENT, 200),
    "no type": (answer(POLICY, fields=[]), BAD_CONTENT, 200),
    "a type that begins so": (answer(POLICY, fields=["Content-Type: text/plainly"]), BAD_CONTENT, 200),
    "a body cut short": (answer(POLICY)[:-10], BROKEN, 200),
    "HTTP/0.9": (POLICY, BROKEN, 0),
    "nothing": (b"", BROKEN, 0),
    "another protocol": (b"220 mx.test ESMTP\r\n" * 3, BROKEN, 0),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer(authority, certificate, what):
    script, result, status = ANSWERS[what]
    with HttpsRig(certificate, script) as rig:
        got = fetch(authority, rig)
        assert (got["result"], got["status"]) == (result, status), got
        assert rig.connections == 1
        assert not rig.complaints
        assert bool(got["body"]) == (result == OK)
        assert bool(got["reason"]) == (result != OK)


@pytest.mark.parametrize("script", [slow_drip, silent])
def test_it_takes_no_longer_than_it_may(authority, certificate, script):
    with HttpsRig(certificate, script) as rig:
        began = time.monotonic()
        got = fetch(authority, rig, time_max_ms=700)
        assert got["result"] == TIMEOUT
        assert 0.6 < time.monotonic() - began < 30


def test_a_handshake_takes_no_longer_either(authority):
    with socket.create_server(("127.0.7.2", 0)) as mute:
        with start(authority, mute.getsockname()[1]) as role:
            peer = role.peer("relay")
            say_fetch(peer, ["127.0.7.2"], time_max_ms=500)
            assert hear(peer, role)["result"] == TIMEOUT


CERTIFICATES = {
    "another name": (dict(names=["example.test"]), TLS_FAILED),
    "a name below": (dict(names=["a." + HOST]), TLS_FAILED),
    "expired": (dict(names=[HOST], expired=True), TLS_FAILED),
    "self-signed": (dict(names=[HOST], self_signed=True), TLS_FAILED),
    "a common name alone": (dict(names=[], common_name=HOST), TLS_FAILED),
    "a common name beside another": (dict(names=["other.test"], common_name=HOST), TLS_FAILED),
    "a wildcard": (dict(names=["*.example.test"]), OK),
    "a wildcard over two labels": (dict(names=["*.test"]), TLS_FAILED),
    "a part of a label": (dict(names=["mta-*.example.test"]), TLS_FAILED),
    "one of several": (dict(names=["example.test", HOST.upper()]), OK),
}


@pytest.mark.parametrize("what", CERTIFICATES)
def test_a_certificate(authority, what):
    wanted, result = CERTIFICATES[what]
    wanted = dict(wanted)
    with HttpsRig(authority.issue(*wanted.pop("names"), **wanted), answer(POLICY)) as rig:
        got = fetch(authority, rig)
        assert got["result"] == result, got
        assert len(rig.requests) == (result == OK)


def test_another_authority_is_not_believed(authority, tmp_path):
    other = Authority(tmp_path, "other")
    with HttpsRig(other.issue(HOST), answer(POLICY)) as rig:
        assert fetch(authority, rig)["result"] == TLS_FAILED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
def test_tls_1_0_is_refused(authority, certificate):
    with HttpsRig(certificate, answer(POLICY), old=True) as rig:
        assert fetch(authority, rig)["result"] == TLS_FAILED
        assert not rig.requests


def test_nobody_listens(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig:
        got = fetch(authority, rig, addresses=["127.0.7.9"])
        assert got["result"] == CONNECT_FAILED


def test_the_next_address_is_tried(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig:
        got = fetch(authority, rig, addresses=["127.0.7.9", "::1", rig.address])
        assert got["result"] == OK


SPECIAL = ["127.0.7.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.7.1", "fd00::1"]


def test_private_addresses_are_not_dialled(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port, private=False) as role:
        peer = role.peer("relay")
        for address in SPECIAL:
            say_fetch(peer, [address])
            assert hear(peer, role)["result"] == REFUSED, address
        assert rig.connections == 0
        assert role.stop() == 0, role.log()


SENSELESS = {
    "no address": dict(addresses=[]),
    "an address as name": dict(host="127.0.7.1"),
    "an address, in short": dict(host="127.1"),
    "a host with a port": dict(host=HOST + ":25"),
    "a host with a user": dict(host="user@" + HOST),
    "a host with a path": dict(host=HOST + "/x"),
    "a final dot": dict(host=HOST + "."),
    "a line end": dict(path="/a\r\nX: y"),
    "a space": dict(path="/a b"),
    "no slash": dict(path="a"),
    "a fragment": dict(path="/a#b"),
    "no kind": dict(kind=0),
    "another kind": dict(kind=3),
    "a POST without a type": dict(kind=POST),
    "a POST of two fields": dict(kind=POST, media_type="a/b\r\nX: y"),
}


def test_senseless_orders_are_refused(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        peer = role.peer("relay")
        for what, order in SENSELESS.items():
            say_fetch(peer, **{"addresses": [rig.address], **order})
            assert hear(peer, role)["result"] == REFUSED, what
        say_fetch(peer, [rig.address])
        assert hear(peer, role)["result"] == OK
        assert rig.connections == 1
        assert role.stop() == 0, role.log()


@pytest.mark.parametrize("status, result", [("200 OK", OK), ("201 Created", OK), ("400 Bad", HTTP_STATUS)])
def test_a_report_is_posted(authority, certificate, status, result):
    report = bytes(range(256)) * 4000  # it travels in an unnamed file
    said = b'{"any": "json"}'
    with HttpsRig(certificate, answer(said, status, ["Content-Type: application/json"])) as rig:
        got = fetch(authority, rig, kind=POST, path="/v1?a=b", media_type="application/tlsrpt+gzip", body=report)
        assert (got["result"], got["body"]) == (result, said)
        head, _, body = rig.requests[0].partition(b"\r\n\r\n")
        assert body == report
        assert head.startswith(b"POST /v1?a=b HTTP/1.1\r\n")
        assert b"\r\nContent-Type: application/tlsrpt+gzip" in head and b"Expect" not in head


def test_one_at_a_time_to_a_host(authority, certificate):
    def answer_late(tls):
        time.sleep(0.05)
        tls.sendall(answer(POLICY))

    with HttpsRig(certificate, answer_late) as rig, start(authority, rig.port) as role:
        peers = [role.peer("relay", 0), role.peer("relay", 1)]
        for ticket in range(10):
            say_fetch(peers[ticket % 2], [rig.address], ticket=ticket, host=HOST if ticket % 3 else HOST.upper())
        for i, peer in enumerate(peers):
            answers = [hear(peer, role) for _ in range(5)]
            assert [a["ticket"] for a in answers] == list(range(i, 10, 2))
            assert {a["result"] for a in answers} == {OK}
        assert rig.connections == 10
        # The next one may begin before the server's thread has noticed that the last one ended.
        assert rig.most <= 2


def test_64_at_once(authority):
    certificate = authority.issue("*.example.test")
    with HttpsRig(certificate, silent) as rig, start(authority, rig.port) as role:
        peer = role.peer("relay")
        for i in range(100):
            time_max_ms = 3000 if i < 64 else 1000
            say_fetch(peer, [rig.address], ticket=i, host=f"h{i}.example.test", time_max_ms=time_max_ms)
        results = [hear(peer, role)["result"] for _ in range(100)]
        assert results == 36 * [NO_ROOM] + 64 * [TIMEOUT]
        assert rig.most == 64
        assert role.stop() == 0, role.log()


def test_more_than_1024_are_refused(authority, certificate):
    with HttpsRig(certificate, silent) as rig, start(authority, rig.port) as role:
        peer = role.peer("relay")
        for i in range(1030):
            say_fetch(peer, [rig.address], ticket=i)
        refused = [hear(peer, role) for _ in range(6)]
        assert [(a["ticket"], a["result"]) for a in refused] == [(i, NO_ROOM) for i in range(1024, 1030)]
        peer.close()
        other = role.peer("relay", 1)
        rig.script = answer(POLICY)
        say_fetch(other, [rig.address])
        assert hear(other, role)["result"] == OK
        assert role.stop() == 0, role.log()


def test_new_settings_end_it(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        role.tell_config(settings(authority, rig.port))
        peer = role.peer("relay")
        say_fetch(peer, [rig.address])
        assert hear(peer, role)["result"] == OK
        role.tell_config(settings(authority, rig.port, private=False))
        assert role.process.wait(10) == 0
        assert "fetch_renewed" in role.log()


# --- policies: what is kept, and when it is fetched ---------------------------------------------------------------

DO_NOTHING, APPLY, REFRESH, FETCH = range(4)  # enum gp_mtasts_action
RECORD_OK, RECORD_NONE, RECORD_SEVERAL, RECORD_INVALID, RECORD_UNKNOWN = range(5)
FETCHED, FETCH_ERROR, POLICY_INVALID, WEBPKI_INVALID = range(4)
DOMAIN = "example.test"


def say_policy(peer, addresses=(), id="1", record=RECORD_OK, domain=DOMAIN, ticket=1):
    peer.say(
        "policy",
        ticket=ticket,
        record=record,
        id=id.encode(),
        domain=domain.encode(),
        addresses=[octets(a) for a in addresses],
    )


def hear_policy(peer, role):
    heard = peer.hear()
    assert heard is not None, "fetch closed:\n" + role.log()
    assert heard[0] == "policy_known"
    return heard[1]


class Asker:
    """Answers in short: what to do, the failure to report, the id and the text of what is kept."""

    def __init__(self, role, index=0):
        self.role, self.peer = role, role.peer("relay", index)

    def __call__(self, addresses=(), **question):
        say_policy(self.peer, addresses, **question)
        got = hear_policy(self.peer, self.role)
        return got["action"], got["failure"], got["id"].decode(), got["text"]


NOTHING = (DO_NOTHING, FETCHED, "", b"")


def test_a_policy_is_fetched_once_and_kept(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        ask = Asker(role)
        assert ask(record=RECORD_NONE, id="") == NOTHING
        assert ask() == (FETCH, FETCHED, "", b"")
        assert ask([rig.address]) == (APPLY, FETCHED, "1", POLICY)
        assert rig.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n") and rig.names == [HOST]
        for question in ({}, dict(record=RECORD_NONE, id=""), dict(record=RECORD_UNKNOWN, id="")):
            assert ask([rig.address], **question) == (APPLY, FETCHED, "1", POLICY)
        assert rig.connections == 1
        assert ask([rig.address], domain="other.test", record=RECORD_NONE, id="") == NOTHING
        assert role.stop() == 0, role.log()


def test_a_new_id_is_a_new_policy(authority, certificate):
    testing = POLICY.replace(b"enforce", b"testing")
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        ask = Asker(role)
        ask([rig.address])
        rig.script = answer(testing)
        assert ask(id="2") == (FETCH, FETCHED, "1", POLICY)
        assert ask([rig.address], id="2") == (APPLY, FETCHED, "2", testing)


FAILURES = {
    "404": (answer(b"gone", "404 Not Found"), FETCH_ERROR),
    "a redirect": (answer(POLICY, "301 Moved", REDIRECT_FIELDS), FETCH_ERROR),
    "html": (answer(POLICY, fields=["Content-Type: text/html"]), POLICY_INVALID),
    "no policy": (answer(b"hello"), POLICY_INVALID),
    "no mode": (answer(POLICY.replace(b"mode", b"mood")), POLICY_INVALID),
    "64 KiB and one": (answer(POLICY + b"mx: x.test\r\n" * 6000), POLICY_INVALID),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_is_remembered_and_takes_nothing_away(authority, certificate, what):
    script, failure = FAILURES[what]
    with HttpsRig(certificate, script) as rig, start(authority, rig.port) as role:
        ask = Asker(role)
        assert ask([rig.address]) == (DO_NOTHING, failure, "", b"")
        assert ask([rig.address]) == (DO_NOTHING, failure, "", b"")
        assert rig.connections == 1
        rig.script = answer(POLICY)
        assert ask([rig.address], id="2") == (APPLY, FETCHED, "2", POLICY)
        rig.script = script
        assert ask([rig.address], id="3") == (APPLY, failure, "2", POLICY)
        assert ask([rig.address], id="3") == (APPLY, failure, "2", POLICY)
        assert rig.connections == 3
        assert role.stop() == 0, role.log()


def test_a_bad_certificate_is_told_apart(authority):
    with HttpsRig(authority.issue("other.test"), answer(POLICY)) as rig, start(authority, rig.port) as role:
        assert Asker(role)([rig.address]) == (DO_NOTHING, WEBPKI_INVALID, "", b"")


def test_who_asks_together_hears_together(authority, certificate):
    def answer_late(tls):
        time.sleep(0.2)
        tls.sendall(answer(POLICY))

    with HttpsRig(certificate, answer_late) as rig, start(authority, rig.port) as role:
        peers = [role.peer("relay", i) for i in range(3)]
        gone = role.peer("relay", 3)
        say_policy(gone, [rig.address])
        for ticket in range(30):
            say_policy(peers[ticket % 3], [rig.address], ticket=ticket)
        gone.close()
        for i, peer in enumerate(peers):
            answers = [hear_policy(peer, role) for _ in range(10)]
            assert [a["ticket"] for a in answers] == list(range(i, 30, 3))
            assert all((a["action"], a["text"]) == (APPLY, POLICY) for a in answers)
        assert rig.connections == 1
        assert role.stop() == 0, role.log()


def test_an_old_policy_is_refreshed_beside_the_delivery(authority, certificate):
    brief = POLICY.replace(b"86400", b"6")  # from half of it on it is refreshed
    with HttpsRig(certificate, answer(brief)) as rig, start(authority, rig.port) as role:
        ask = Asker(role)
        ask([rig.address])
        time.sleep(4.5)
        assert ask() == (REFRESH, FETCHED, "1", brief)
        assert ask([rig.address], record=RECORD_UNKNOWN, id="") == (APPLY, FETCHED, "1", brief)
        time.sleep(1.7)
        assert ask() == (APPLY, FETCHED, "1", brief)
        assert rig.connections == 2
        time.sleep(4.5)
        rig.script = answer(b"gone", "404 Not Found")
        assert ask([rig.address], record=RECORD_NONE, id="") == NOTHING


def test_what_cannot_be_tried_is_not_remembered(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port, private=False) as role:
        ask = Asker(role)
        for _ in range(3):
            assert ask([rig.address]) == (DO_NOTHING, FETCH_ERROR, "", b"")
            assert ask() == (FETCH, FETCHED, "", b"")
        assert rig.connections == 0


QUESTIONS = {
    "an unknown record": dict(record=5),
    "no id": dict(id=""),
    "an id without a record": dict(record=RECORD_NONE),
    "upper case": dict(domain="Example.test"),
}


@pytest.mark.parametrize("what", QUESTIONS)
def test_a_senseless_question_ends_its_channel_only(authority, certificate, what):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        hostile, ask = role.peer("relay", 1), Asker(role)
        say_policy(hostile, [rig.address], **QUESTIONS[what])
        assert hostile.hear() is None
        assert ask([rig.address]) == (APPLY, FETCHED, "1", POLICY)


LONGEST = "x" * 60 + ".test" * 38 + ".xy"


@pytest.mark.parametrize("domain", ["", "localhost", "127.0.0.1", "a.0x7f", "a.test/x", LONGEST])
def test_a_domain_that_can_have_no_policy_has_none(authority, certificate, domain):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        ask = Asker(role)
        assert ask([rig.address], domain=domain) == NOTHING
        assert ask([rig.address]) == (APPLY, FETCHED, "1", POLICY)
        assert rig.connections == 1


def keeping(authority, rig, folder):
    return rolerig.Role("fetch", settings(authority, rig.port), directories=[folder])


def test_policies_survive_a_restart(authority, tmp_path):
    with HttpsRig(authority.issue(HOST, "mta-sts.other.test", "mta-sts.third.test"), answer(POLICY)) as rig:
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            for domain in (DOMAIN, "other.test", "third.test"):
                ask([rig.address], domain=domain)
            rig.script = answer(POLICY + b"x: y\r\n")
            ask([rig.address], id="2")
            role.process.kill()
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            assert ask(record=RECORD_UNKNOWN, id="") == (APPLY, FETCHED, "2", POLICY + b"x: y\r\n")
            assert ask(domain="other.test") == (APPLY, FETCHED, "1", POLICY)
            assert role.stop() == 0, role.log()
        assert rig.connections == 4


def test_damage_costs_what_was_damaged(authority, tmp_path):
    names = [f"d{i}.test" for i in range(5)]
    with HttpsRig(authority.issue(*(f"mta-sts.{name}" for name in names)), answer(POLICY)) as rig:
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            for name in names:
                assert ask([rig.address], domain=name)[0] == APPLY
            assert role.stop() == 0, role.log()
        (file,) = [f for f in tmp_path.iterdir() if f.stat().st_size]
        data = bytearray(file.read_bytes())
        data[data.index(b"d2.test")] ^= 1
        file.write_bytes(data[:-3])
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            found = [ask(domain=name, record=RECORD_UNKNOWN, id="")[0] for name in names]
            assert found == [APPLY, APPLY, DO_NOTHING, APPLY, DO_NOTHING]
            assert "policies_damaged" in role.log()
            assert ask([rig.address], domain="d2.test")[0] == APPLY
            assert role.stop() == 0, role.log()
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            found = [ask(domain=name, record=RECORD_UNKNOWN, id="")[0] for name in names]
            assert found == [APPLY, APPLY, APPLY, APPLY, DO_NOTHING]


def test_the_files_stay_small(authority, certificate, tmp_path):
    long = POLICY + b"".join(b"k%d: %s\r\n" % (i, b"v" * 60) for i in range(900))
    with HttpsRig(certificate, answer(long)) as rig:
        with keeping(authority, rig, tmp_path) as role:
            ask = Asker(role)
            for i in range(60):
                assert ask([rig.address], id=str(i)) == (APPLY, FETCHED, str(i), long)
                sizes = sorted(f.stat().st_size for f in tmp_path.iterdir())
                assert sizes[0] == 0 and sizes[1] < 1200 * KB
            assert 59 * len(long) > 2 * 1200 * KB
            role.process.kill()
        with keeping(authority, rig, tmp_path) as role:
            assert Asker(role)(id="59") == (APPLY, FETCHED, "59", long)


def test_a_message_that_a_peer_may_not_say_ends_its_channel_only(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        for number in range(len(rolerig.MESSAGES) + 2):
            hostile = role.peer("relay", 1)
            hostile.say_raw(number, b"\xff" * 7)
            assert hostile.hear() is None, number
        assert Asker(role)([rig.address]) == (APPLY, FETCHED, "1", POLICY)
        assert role.stop() == 0, role.log()


def test_a_peer_that_reads_nothing_holds_up_nobody(authority, certificate):
    with HttpsRig(certificate, answer(b"x" * 64 * KB)) as rig, start(authority, rig.port) as role:
        deaf, peer = role.peer("relay", 1), role.peer("relay")
        for ticket in range(50):
            say_fetch(deaf, [rig.address], ticket=ticket)
        say_fetch(peer, [rig.address])
        assert hear(peer, role)["result"] == OK
        assert role.stop() == 0, role.log()


def test_each_request_has_its_own_addresses(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig, start(authority, rig.port) as role:
        peer = role.peer("relay")
        for address, result in (("127.0.7.9", CONNECT_FAILED), (rig.address, OK), ("127.0.7.9", CONNECT_FAILED)):
            say_fetch(peer, [address])
            assert hear(peer, role)["result"] == result


def test_without_authorities_nobody_is_believed(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig:
        wanted = settings(authority, rig.port)
        wanted["fetch"]["ca_file"] = {"text": "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"}
        with rolerig.Role("fetch", wanted) as role:
            peer = role.peer("relay")
            say_fetch(peer, [rig.address])
            assert hear(peer, role)["result"] == TLS_FAILED
            assert "no_authorities" in role.log()


@pytest.mark.skipif(not os.path.exists("/etc/ssl/certs/ca-certificates.crt"), reason="no ca-certificates here")
def test_the_systems_authorities_are_those_by_default(authority, certificate):
    with HttpsRig(certificate, answer(POLICY)) as rig:
        wanted = settings(authority, rig.port)
        del wanted["fetch"]["ca_file"]
        with rolerig.Role("fetch", wanted) as role:
            peer = role.peer("relay")
            say_fetch(peer, [rig.address])
            assert hear(peer, role)["result"] == TLS_FAILED
            assert "no_authorities" not in role.log()
