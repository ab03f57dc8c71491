# SPDX-License-Identifier: Apache-2.0
"""The relay role on its own, in its sandbox: what those it asks can do to it when they have fallen."""

import os
import socket
import time

import pytest
import rolerig

OK, NODATA = 1, 2
MX, A, TXT = 15, 1, 16
DEFERRED = 3
FETCH = 3  # what is to be done, of core/mtasts/state.h
STS, POLICY_FETCH_ERROR = 2, 10  # of core/tlsrpt/words.h
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


def say_deliver(spool, lease=1, fd=None, **changed):
    rcpt = {"address": b"you@" + DOMAIN, "orcpt": b"", "notify": 0, "forwarded": False}
    texts = dict.fromkeys(("forwarder", "envid", "client_addr", "client_helo"), b"")
    envelope = {"sender": b"me@example.com", "rcpts": [rcpt], "ret": 0, "flags": 0, "arrival_ms": 1, **texts}
    route = {"transport": 3, "host": b"", "port": 0, "domain": DOMAIN, "mailbox": b"", "destination": b"mx:" + DOMAIN}
    message = {"envelope": envelope, "route": route, "body_size": 0, "body": b"Subject: x\r\n\r\n", **changed}
    for part in (envelope, route):
        part.update((name, message.pop(name)) for name in part.keys() & message.keys())
    spool.say("deliver", fd=fd, lease=lease, id=lease, **message)


def answer(resolver, records=RECORDS):
    """The next question's answer."""
    name, question = resolver.hear()
    assert name == "resolve"
    say_answer(resolver, question, records)
    return question


def say_answer(resolver, question, records):
    data = records.get((question["name"], question["type"]))
    resolver.say(
        "answer",
        ticket=question["ticket"],
        status=NODATA if data is None else OK,
        secure=0,
        canonical=question["name"],
        records=[] if data is None else [{"data": data}],
    )


def answer_until(take, resolver, records=RECORDS):
    """Answers questions until take(), which is asked in between, has something to return."""
    resolver.end.settimeout(0.2)
    for _ in range(300):
        for one in (lambda: answer(resolver, records) and None, take):
            try:
                got = one()
            except TimeoutError:
                continue
            if got:
                return got
    raise AssertionError("it never came")


def hear_policy(resolver, fetch, records=RECORDS):
    """Answers questions until fetch is asked for the policy."""
    fetch.end.settimeout(0.2)
    return answer_until(fetch.hear, resolver, records)[1]


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


def test_mail_waits_where_there_was_no_room_to_fetch(relay):
    """Sent to fetch though it came with addresses: nobody knows whether the domain demands proof."""
    address = {(b"mta-sts." + DOMAIN, A): b"\x08\x08\x08\x08"}
    records = {**RECORDS, (b"_mta-sts." + DOMAIN, TXT): b"\x10v=STSv1; id=abc;", **address}
    spool, resolver, fetch = relay.peer("spool"), relay.peer("resolver"), relay.peer("fetch")
    nothing = {"failure": 0, "id": b"", "text": b"", "reason": b""}
    say_deliver(spool)
    for addresses in (0, 1):
        asked = hear_policy(resolver, fetch, records)
        assert len(asked["addresses"]) == addresses
        fetch.say("policy_known", ticket=asked["ticket"], action=FETCH, **nothing)
    name, outcomes = spool.hear()
    assert name == "outcomes", relay.log()
    assert outcomes["outcomes"][0]["kind"] == DEFERRED
    assert outcomes["outcomes"][0]["reply"]["text"] == b"MTA-STS policies cannot be asked for now"


def test_a_policy_host_without_an_address_is_told_of(relay):
    """The domain has a policy: that there is nowhere to fetch it from is not as if it had none."""
    records = {**RECORDS, (b"_mta-sts." + DOMAIN, TXT): b"\x10v=STSv1; id=abc;"}
    spool, resolver, fetch, reports = (relay.peer(name) for name in ("spool", "resolver", "fetch", "reports"))
    reports.end.settimeout(10)
    nothing = {"failure": 0, "id": b"", "text": b"", "reason": b""}
    fetch.end.settimeout(0.2)
    with socket.create_server(("127.0.0.9", 25)) as server:
        server.settimeout(0.2)

        def accept():
            """Meanwhile fetch says what it says where it is given no address."""
            try:
                fetch.say("policy_known", ticket=fetch.hear()[1]["ticket"], action=FETCH, **nothing)
            except TimeoutError:
                return server.accept()
            return None

        say_deliver(spool)
        session, _ = answer_until(accept, resolver, records)
    with session:
        session.settimeout(10)
        session.sendall(b"220 mx.example.test\r\n")
        assert session.recv(1000).startswith(b"EHLO ")
        session.sendall(b"250 mx.example.test\r\n")
        _, told = reports.hear()
    assert [(c["type"], c["result"]) for c in told["counts"]] == [(STS, POLICY_FETCH_ERROR)]
    assert "policy_trouble" in relay.log()


def test_at_a_stop_it_waits_for_what_spool_has_handed_out():
    with rolerig.Role("relay", SETTINGS) as relay:
        spool, resolver = relay.peer("spool"), relay.peer("resolver")
        relay.control.say("stop", empty=0)
        relay.hear_pong()
        say_deliver(spool)
        _, question = resolver.hear()
        spool.close()
        relay.hear_pong()
        say_answer(resolver, question, {})
        while heard := resolver.hear():
            say_answer(resolver, heard[1], {})
        assert relay.process.wait(10) == 0, relay.log()


def hear_mail(listener):
    """Plays a server that takes lines alone, without waiting for anything: yields until it hears MAIL."""
    listener.setblocking(False)
    heard, session = b"", None
    while b"MAIL FROM" not in heard:
        yield
        try:
            if session is None:
                session = listener.accept()[0]
                session.setblocking(False)
                session.sendall(b"220 far.test\r\n")
            heard += session.recv(1000)
        except BlockingIOError:
            continue
        if heard.startswith(b"EHLO ") and heard.count(b"\r\n") == 1:
            session.sendall(b"250-far.test\r\n250 8BITMIME\r\n")
    session.close()


def test_a_large_binary_message_keeps_nobody_waiting(relay):
    """All of it is read, to see whether lines can be made of it, before a server hears of it that takes lines alone."""
    spool, size, binary = relay.peer("spool"), 300 << 20, 4
    message = os.memfd_create("message")
    os.pwrite(message, b"Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n", 0)
    os.ftruncate(message, size)
    longest_s = 0
    with socket.create_server(("127.0.0.9", 2525)) as listener:
        began = time.monotonic()
        say_deliver(spool, fd=message, body=b"", body_size=size, flags=binary, host=b"127.0.0.9", port=2525)
        for _ in hear_mail(listener):
            asked = time.monotonic()
            relay.hear_pong()
            longest_s = max(longest_s, time.monotonic() - asked)
        took_s = time.monotonic() - began
    os.close(message)
    assert longest_s < took_s / 4, f"{longest_s} of {took_s} s"
