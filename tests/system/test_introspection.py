# SPDX-License-Identifier: Apache-2.0
"""Tokens that their issuer is asked about (RFC 7662): the role auth between a resolver and a fetch that the test plays,
and a whole gateway beside an issuer's HTTPS server."""

import json
import os
import smtplib
import time
import urllib.parse

import pytest
import rolerig
import tlsrig
from gateway import eventually, free_port
from httpsrig import Authority, HttpsRig
from httpsrig import answer as http_answer
from test_auth import BAD, ELSEWHERE, HERE, OK, TEMPORARY, Smtpd, bearer, settings

A, AAAA = 1, 28
DNS_OK, NODATA = 1, 2
POST, FETCH_OK, CONNECT_FAILED, HTTP_STATUS = 2, 1, 3, 8  # of ipc/values.h
OAUTH = {
    "introspection_url": "https://login.test/introspect",
    "client_id": "gateway",
    "client_secret_file": "/nowhere/secret",
    "audience": "mail",
}
ALICE = {"active": True, "email": "Alice@example.org", "aud": "mail"}


class Issuer:
    """What resolver and fetch say of it, in its name."""

    def __init__(self, role):
        self.resolver, self.fetch = role.peer("resolver"), role.peer("fetch")

    def resolve(self, **addresses):
        """Answers both questions; addresses: AAAA=, A=."""
        for kind, number in (("AAAA", AAAA), ("A", A)):
            name, asked = self.resolver.hear()
            assert (name, asked["type"], asked["name"]) == ("resolve", number, b"login.test")
            records = [{"data": a} for a in addresses.get(kind, [])]
            status = DNS_OK if records else NODATA
            fixed = {"secure": False, "canonical": b"login.test"}
            self.resolver.say("answer", ticket=asked["ticket"], status=status, records=records, **fixed)

    def asked(self, A=(b"\x7f\0\0\1",), **more):
        """The question, as fetch is given it."""
        self.resolve(A=A, **more)
        name, order = self.fetch.hear()
        assert name == "fetch"
        return order

    def say(self, order, body=b"", result=FETCH_OK, status=200, reason=b""):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.fetch.say("fetched", ticket=order["ticket"], result=result, status=status, body=body, reason=reason)


def tell_secret(role, text):
    fd = os.memfd_create("secret")
    os.write(fd, text)
    role.control.say("secret", fd=fd, kind=4)
    os.close(fd)


@pytest.fixture
def auth():
    """auth(...) starts the role, whose issuer is the test; the keys are those of `auth: {oauth:}`."""
    running = []

    def start(**oauth):
        role = rolerig.Role("auth", settings(auth={"delay": "0", "oauth": {**OAUTH, **oauth}}), users="")
        running.append(role.start())
        tell_secret(role, b"our secret\nand a second line\n")
        return role, Issuer(role), Smtpd(role)

    yield start
    for role in running:
        assert role.process.poll() is None, role.log()
        assert role.stop() == 0, role.log()


def begin(smtpd, token=b"opaque", address=HERE):
    smtpd.begin("OAUTHBEARER", b"n,,\1auth=Bearer %s\1\1" % token, address)


def end(smtpd):
    """The result, behind the reason that a refusal is told with."""
    name, values = smtpd.hear()
    if name == "auth_result":
        return values
    assert json.loads(values["challenge"])["status"] == "invalid_token"
    smtpd.step(b"\1")
    return smtpd.result()


def test_the_issuer_says_whose_it_is(auth):
    role, issuer, smtpd = auth()
    begin(smtpd)
    order = issuer.asked(AAAA=[b"\0" * 15 + b"\1"])
    assert (order["kind"], order["host"], order["path"]) == (POST, b"login.test", b"/introspect")
    assert [a["octets"] for a in order["addresses"]] == [b"\0" * 15 + b"\1", b"\x7f\0\0\1"]
    assert order["media_type"] == b"application/x-www-form-urlencoded"
    assert urllib.parse.parse_qs(order["body"].decode()) == {
        "token": ["opaque"],
        "token_type_hint": ["access_token"],
        "client_id": ["gateway"],
        "client_secret": ["our secret"],
    }
    issuer.say(order, ALICE)
    result = end(smtpd)
    assert (result["result"], result["user"]) == (OK, b"alice@example.org")
    # It is known by now, to another client too, and asked about in no other's name.
    assert bearer(smtpd, b"opaque", address=ELSEWHERE)["result"] == OK
    assert bearer(smtpd, b"opaque", b"bob@example.org")["result"] == BAD
    assert "opaque" not in role.log() and "our secret" not in role.log()


@pytest.mark.parametrize(
    "word",
    [
        {"active": False},
        {**ALICE, "active": False},
        {**ALICE, "aud": "web"},
        {**ALICE, "exp": 1},
        {**ALICE, "cnf": {"jkt": "x"}},
        {"active": True, "aud": "mail", "sub": "alice@example.org"},
    ],
)
def test_what_is_not_good_is_refused(auth, word):
    _, issuer, smtpd = auth()
    for _ in range(2):  # and asked about again
        begin(smtpd)
        issuer.say(issuer.asked(), word)
        assert end(smtpd)["result"] == BAD


def test_an_owner_that_cannot_be_a_user_is_none(auth):
    _, issuer, smtpd = auth()
    begin(smtpd)
    issuer.say(issuer.asked(), {**ALICE, "email": "al ice"})
    assert end(smtpd)["result"] == BAD
    assert bearer(smtpd, b"opaque")["result"] == BAD  # known by now


@pytest.mark.parametrize(
    "trouble",
    [
        {"body": b"<html>"},
        {"body": {"email": "alice@example.org", "aud": "mail"}},
        {"body": {**ALICE, "active": "true"}},
        {"result": HTTP_STATUS, "status": 401},
        {"result": HTTP_STATUS, "status": 500, "body": ALICE},
        {"result": CONNECT_FAILED, "status": 0, "reason": b"nobody is there"},
    ],
)
def test_what_nobody_could_say_lets_nobody_in(auth, trouble):
    role, issuer, smtpd = auth()
    begin(smtpd)
    issuer.say(issuer.asked(), **trouble)
    assert end(smtpd)["result"] == TEMPORARY
    assert "issuer_not_asked" in role.log()


def test_a_host_without_an_address_lets_nobody_in(auth):
    _, issuer, smtpd = auth()
    begin(smtpd)
    issuer.resolve()
    assert end(smtpd)["result"] == TEMPORARY


@pytest.mark.parametrize("who", ["resolver", "fetch"])
def test_those_who_ask_for_us_may_die(auth, who):
    role, issuer, smtpd = auth()
    begin(smtpd)
    if who == "resolver":
        issuer.resolver.hear()
        issuer.resolver.close()
    else:
        issuer.asked()
        issuer.fetch.close()
    assert end(smtpd)["result"] == TEMPORARY
    # They are there again.
    again = Issuer(role)
    begin(smtpd)
    again.say(again.asked(), ALICE)
    assert end(smtpd)["result"] == OK


def test_a_good_token_is_known_until_it_ends(auth):
    _, issuer, smtpd = auth()
    begin(smtpd)
    issuer.say(issuer.asked(), {**ALICE, "exp": time.time() + 2})
    assert end(smtpd)["result"] == OK
    assert bearer(smtpd, b"opaque")["result"] == OK
    time.sleep(2.1)
    begin(smtpd)
    issuer.say(issuer.asked(), {"active": False})
    assert end(smtpd)["result"] == BAD


def test_a_reload_forgets_what_is_known(auth):
    role, issuer, smtpd = auth()
    begin(smtpd)
    issuer.say(issuer.asked(), ALICE)
    assert end(smtpd)["result"] == OK
    begin(smtpd, b"under-way", ELSEWHERE)
    order = issuer.asked()
    role.tell_config(settings(auth={"delay": "0", "oauth": {**OAUTH, "audience": "other"}}))
    assert end(smtpd)["result"] == TEMPORARY
    issuer.say(order, ALICE)  # too late
    begin(smtpd)
    issuer.say(issuer.asked(), ALICE)
    assert end(smtpd)["result"] == BAD


def test_questions_of_one_source_wait_for_each_other(auth):
    _, issuer, smtpd = auth()
    begin(smtpd, b"first")
    begin(smtpd, b"second")
    first = issuer.asked()
    begin(smtpd, b"third", ELSEWHERE)
    third = issuer.asked()
    assert b"token=first&" in first["body"] and b"token=third&" in third["body"]
    for order in (first, third):
        issuer.say(order, ALICE)
        assert smtpd.result()["result"] == OK
    issuer.say(issuer.asked(), ALICE)
    assert smtpd.result()["result"] == OK


def test_answers_that_nobody_asked_for_are_passed_over(auth):
    _, issuer, smtpd = auth()
    issuer.say({"ticket": 7}, ALICE)
    begin(smtpd)
    name, asked = issuer.resolver.hear()
    issuer.say(asked, ALICE)  # by fetch, to a question that it was not asked
    fixed = {"secure": False, "canonical": b"login.test", "records": []}
    issuer.resolver.say("answer", ticket=asked["ticket"], status=NODATA, **fixed)
    name, asked = issuer.resolver.hear()
    issuer.resolver.say(
        "answer", ticket=asked["ticket"], status=DNS_OK, **{**fixed, "records": [{"data": b"\x7f\0\0\1"}]}
    )
    name, order = issuer.fetch.hear()
    issuer.say(order, ALICE)
    assert end(smtpd)["result"] == OK


# --- from end to end ---

ISSUER_HOST = "127.0.29.1"


def test_a_user_logs_in_with_a_token(gatepost, scratch):
    authority = Authority(scratch)
    certificate, key = tlsrig.make(scratch, "mx.gatepost.test")
    (scratch / "secret").write_text("our secret\n", encoding="ascii")
    ports = [free_port() for _ in range(2)]
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    said = [refusal, {"active": False}, {**ALICE, "email": "alice@demo.test"}]

    def word(tls):
        one = said.pop(0)
        fields = ["Content-Type: application/json"]
        tls.sendall(one if isinstance(one, bytes) else http_answer(json.dumps(one).encode(), fields=fields))

    with HttpsRig(authority.issue("login.test"), word, ISSUER_HOST) as rig:
        server = gatepost(
            {"login.test": {"A": [ISSUER_HOST]}},
            listen=[
                {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                {"address": f"127.0.0.1:{ports[1]}", "service": "submission", "tls": "implicit"},
            ],
            tls={"certificate": str(certificate), "key": str(key)},
            fetch={"ca_file": str(authority.path), "private_addresses": True, "port": rig.port},
            auth={"delay": "0", "oauth": {**OAUTH, "client_secret_file": str(scratch / "secret")}},
        )
        eventually(server.all_are_ready, what="every role")
        bearer = "n,a=alice@demo.test,\1auth=Bearer opaque\1\1"
        with smtplib.SMTP_SSL("127.0.0.1", ports[1], timeout=20, context=tlsrig.context()) as c:
            c.ehlo("client.example.com")
            assert "OAUTHBEARER" in c.esmtp_features["auth"]
            answers = []
            for _ in range(3):
                try:
                    answers.append(c.auth("OAUTHBEARER", lambda challenge=None: "\1" if challenge else bearer)[0])
                except smtplib.SMTPAuthenticationError as refusal:
                    answers.append(refusal.smtp_code)
            assert answers == [454, 535, 235]
            assert c.mail("alice@demo.test")[0] == 250
        assert not rig.complaints and len(rig.requests) == 3
        assert b"client_secret=our%20secret" in rig.requests[0]
    assert "our secret" not in server.log_text() and "opaque" not in server.log_text()
