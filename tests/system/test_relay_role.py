# SPDX-License-Identifier: Apache-2.0
"""The relay role on its own, in its sandbox: what those it asks can do to it when they have fallen."""

import pytest
import rolerig

OK, NODATA = 1, 2
MX, A = 15, 1
DEFERRED = 3
DOMAIN = b"example.test"
RECORDS = {(DOMAIN, MX): b"\0\x0a\x02mx\x07example\x04test\0", (b"mx.example.test", A): b"\x7f\0\0\x09"}
SETTINGS = {
    "hostname": "mx.gatepost.test",
    "state": "/nowhere",
    "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
    "log": {"format": "json"},
}


@pytest.fixture
def relay():
    with rolerig.Role("relay", SETTINGS) as role:
        yield role
        assert role.process.poll() is None, role.log()


def say_deliver(spool, lease=1):
    rcpt = {"address": b"you@" + DOMAIN, "orcpt": b"", "notify": 0, "forwarded": False}
    texts = dict.fromkeys(("forwarder", "envid", "client_addr", "client_helo"), b"")
    envelope = {"sender": b"me@example.com", "rcpts": [rcpt], "ret": 0, "flags": 0, "arrival_ms": 1, **texts}
    route = {"transport": 3, "host": b"", "port": 0, "domain": DOMAIN, "mailbox": b"", "destination": b"mx:" + DOMAIN}
    spool.say("deliver", lease=lease, id=lease, envelope=envelope, route=route, body_size=0, body=b"Subject: x\r\n\r\n")


def answer(resolver):
    """The next question's answer, of RECORDS."""
    name, question = resolver.hear()
    assert name == "resolve"
    data = RECORDS.get((question["name"], question["type"]))
    resolver.say(
        "answer",
        ticket=question["ticket"],
        status=NODATA if data is None else OK,
        secure=0,
        canonical=question["name"],
        records=[] if data is None else [{"data": data}],
    )
    return question


def hear_policy(resolver, fetch):
    """Answers questions until fetch is asked for the policy."""
    resolver.end.settimeout(0.2)
    fetch.end.settimeout(0.2)
    for _ in range(20):
        for peer, take in ((resolver, answer), (fetch, lambda f: f.hear())):
            try:
                got = take(peer)
            except TimeoutError:
                continue
            if peer is fetch:
                return got[1]
    raise AssertionError("fetch was never asked")


@pytest.mark.parametrize("senseless", [{"failure": 4}, {"failure": 255}, {"action": 4}])
def test_a_senseless_word_of_fetch_costs_its_channel_only(relay, senseless):
    spool, resolver, fetch = relay.peer("spool"), relay.peer("resolver"), relay.peer("fetch")
    say_deliver(spool)
    asked = hear_policy(resolver, fetch)
    known = {"action": 0, "failure": 0, "id": b"", "text": b"", "reason": b"", **senseless}
    fetch.say("policy_known", ticket=asked["ticket"], **known)
    name, outcomes = spool.hear()
    assert name == "outcomes", relay.log()
    assert outcomes["outcomes"][0]["kind"] == DEFERRED
    assert fetch.hear() is None
