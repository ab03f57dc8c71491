# SPDX-License-Identifier: Apache-2.0
"""The resolver role on its own, in its sandbox, with a real name server or answers from a file."""

import contextlib
import json
import os
import subprocess
import time

import dnsrig
import pytest
import rolerig
import signedrig

A, CNAME, PTR, MX, TXT, AAAA, TLSA = 1, 5, 12, 15, 16, 28, 52
OK, NODATA, NXDOMAIN, SERVFAIL, TIMEOUT = 1, 2, 3, 4, 5
SLOW = "takes 30 s and more; GATEPOST_SLOW_TESTS=1 runs it"
ROOT_KEY = "/usr/share/dns/root.key"

NAMES = {
    "example.test": {"MX": [[10, "mx.example.test"], [20, "alias.test"]], "TXT": ["v=spf1 -all", ["a", "b"]]},
    "mx.example.test": {"A": ["127.0.0.9", "127.0.0.10"], "AAAA": ["fd00::9"]},
    "alias.test": {"CNAME": "other.test"},
    "other.test": {"CNAME": "mx.example.test"},
    "null.test": {"MX": [[0, "."]]},
    "big.test": {"TXT": [f"{i:03d} " + "x" * 240 for i in range(100)]},
    "dangling.test": {"CNAME": "gone.test"},
    "circle.test": {"CNAME": "circle2.test"},
    "circle2.test": {"CNAME": "circle.test"},
    "_25._tcp.mx.example.test": {"TLSA": [[3, 1, 1, "ab" * 32]]},
    "9.1.168.192.in-addr.arpa": {"PTR": ["mx.example.test"]},
    "broken.test": "SERVFAIL",
    "slow.test": "TIMEOUT",
}

MX_DATA = b"\x02mx\x07example\x04test\0"

# What is asked, and status, end of the chain, records' data.
QUESTIONS = [
    ("example.test", MX, OK, "example.test", [b"\0\x0a" + MX_DATA, b"\0\x14\x05alias\x04test\0"]),
    ("EXAMPLE.Test.", MX, OK, "example.test", [b"\0\x0a" + MX_DATA, b"\0\x14\x05alias\x04test\0"]),
    ("example.test", TXT, OK, "example.test", [b"\x02ab", b"\x0bv=spf1 -all"]),
    ("example.test", A, NODATA, "example.test", []),
    ("mx.example.test", A, OK, "mx.example.test", [b"\x7f\0\0\x09", b"\x7f\0\0\x0a"]),
    ("mx.example.test", AAAA, OK, "mx.example.test", [b"\xfd" + b"\0" * 14 + b"\x09"]),
    ("alias.test", A, OK, "mx.example.test", [b"\x7f\0\0\x09", b"\x7f\0\0\x0a"]),
    ("alias.test", CNAME, OK, "alias.test", [b"\x05other\x04test\0"]),
    ("alias.test", MX, NODATA, "mx.example.test", []),
    ("null.test", MX, OK, "null.test", [b"\0\0\0"]),
    ("nothing.test", MX, NXDOMAIN, "nothing.test", []),
    ("dangling.test", A, NXDOMAIN, "gone.test", []),
    ("_25._tcp.mx.example.test", TLSA, OK, "_25._tcp.mx.example.test", [b"\3\1\1" + b"\xab" * 32]),
    ("9.1.168.192.in-addr.arpa", PTR, OK, "9.1.168.192.in-addr.arpa", [MX_DATA]),
    ("broken.test", A, SERVFAIL, "broken.test", []),
    ("circle.test", A, SERVFAIL, "circle.test", []),
    ("no..name", A, NXDOMAIN, ".", []),
    ("example.test", 255, SERVFAIL, ".", []),
]


@pytest.fixture(scope="module")
def dns():
    try:
        rig = dnsrig.DnsRig(NAMES).start()
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    yield rig
    rig.stop()


def settings(**dns):
    """The rig's root is not signed, so nothing is validated unless a test names the key, or None for the default."""
    dns = {"trust_anchor": "none", **dns}
    if dns["trust_anchor"] is None:
        del dns["trust_anchor"]
    return {
        "hostname": "mx.gatepost.test",
        "state": "/var/lib/gatepost",
        "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
        "dns": dns,
    }


def start(**dns):
    return rolerig.Role("resolver", settings(**dns))


def ask(peer, name, kind, ticket=1):
    peer.say("resolve", ticket=ticket, type=kind, name=name.encode())


def hear(peer, role):
    heard = peer.hear()
    assert heard is not None, "the resolver closed:\n" + role.log()
    assert heard[0] == "answer"
    return heard[1]


def check_question(peer, role, question):
    name, kind, status, canonical, data = question
    ask(peer, name, kind, ticket=kind << 32 | 7)
    answer = hear(peer, role)
    assert answer["ticket"] == kind << 32 | 7
    assert (answer["status"], answer["canonical"].decode()) == (status, canonical)
    assert sorted(r["data"] for r in answer["records"]) == sorted(data)
    assert not answer["secure"]


def check_clean_end(role):
    assert role.stop() == 0, role.log()


def test_the_network_answers(dns):
    with start(server=dns.server) as role:
        peer = role.peer("relay")
        for question in QUESTIONS:
            check_question(peer, role, question)
        check_clean_end(role)


def test_a_file_answers():
    names = {**NAMES, "later.test": "TIMEOUT"}
    with start(answers={"text": json.dumps(names)}) as role:
        peer = role.peer("relay")
        for question in QUESTIONS:
            name, kind, status, canonical, data = question
            if name in ("EXAMPLE.Test.", "circle.test"):  # a file keeps the spelling; a circle ends where it was left
                continue
            check_question(peer, role, (name, kind, status, canonical, data))
        check_question(peer, role, ("later.test", A, TIMEOUT, "later.test", []))
        check_clean_end(role)


def test_an_answer_over_tcp(dns):
    with start(server=dns.server) as role:
        peer = role.peer("relay")
        ask(peer, "big.test", TXT)
        answer = hear(peer, role)
        assert answer["status"] == OK and len(answer["records"]) == 100
        check_clean_end(role)


def test_many_questions_at_once(dns):
    """All of them wait for the network together; each has its own answer."""
    with start(server=dns.server) as role:
        peers = [role.peer("relay"), role.peer("relay")]
        for ticket in range(400):
            ask(peers[ticket % 2], f"n{ticket}.test", A, ticket)
        for i, peer in enumerate(peers):
            answers = [hear(peer, role) for _ in range(200)]
            assert sorted(a["ticket"] for a in answers) == list(range(i, 400, 2))
            assert {a["status"] for a in answers} == {NXDOMAIN}
            assert all(a["canonical"].decode() == f"n{a['ticket']}.test" for a in answers)
        check_clean_end(role)


def test_more_than_a_thousand_are_refused(dns):
    with start(server=dns.server) as role:
        peer = role.peer("relay")
        for ticket in range(1010):
            ask(peer, f"n{ticket}.slow.test", A, ticket)
        refused = [hear(peer, role) for _ in range(10)]
        assert [a["ticket"] for a in refused] == list(range(1000, 1010))
        assert {a["status"] for a in refused} == {SERVFAIL}
        assert role.log().count("resolver_full") == 1
        check_clean_end(role)


def test_a_peer_that_goes_takes_its_questions_along(dns):
    with start(server=dns.server) as role:
        going, staying = role.peer("relay"), role.peer("relay")
        for ticket in range(1000):
            ask(going, f"m{ticket}.slow.test", A, ticket)
        ask(staying, "example.test", MX)
        assert hear(staying, role)["status"] == SERVFAIL
        going.close()
        time.sleep(0.3)
        ask(staying, "example.test", MX)
        assert hear(staying, role)["status"] == OK
        check_clean_end(role)


@pytest.mark.parametrize(
    "number, payload, length",
    [
        (17, b"\1", None),  # resolve, cut short
        (17, b"\0" * 8 + b"\1\0" + b"\xff\xff\xff\xff", None),  # a name longer than the message
        (17, b"\0" * 8 + b"\1\0" + b"\1\0\0\0a" + b"more", None),
        (18, b"", None),  # an answer is ours to give
        (1, b"", None),  # the configuration comes from another
        (4711, b"", None),
        (17, b"", 1 << 31),
    ],
)
def test_a_peer_that_breaks_the_rules_loses_its_channel_and_nothing_else(number, payload, length):
    with start(answers={"text": json.dumps(NAMES)}) as role:
        bad, good = role.peer("relay"), role.peer("relay")
        bad.say_raw(number, payload, length=length)
        assert bad.hear() is None
        check_question(good, role, QUESTIONS[0])
        check_clean_end(role)


@pytest.mark.parametrize("anchor", [ROOT_KEY, None])
def test_an_unsigned_root_is_no_answer_under_a_trust_anchor(dns, anchor):
    if not os.path.exists(ROOT_KEY):
        pytest.skip("no " + ROOT_KEY + " (package dns-root-data)")
    with start(server=dns.server, trust_anchor=anchor) as role:
        peer = role.peer("relay")
        ask(peer, "example.test", MX)
        assert hear(peer, role)["status"] == SERVFAIL
        check_clean_end(role)
        assert "dns_trouble" in role.log()


@pytest.mark.skipif(os.geteuid() != 0, reason="hides the system's key by a mount, which needs root")
def test_without_a_key_nothing_is_validated_and_the_log_says_so(dns):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow namespaces (unshare)")
    hide = 'mount -t tmpfs none "$1" && exec "$2"'
    wrapper = ["unshare", "--mount", "sh", "-c", hide, "sh", os.path.dirname(ROOT_KEY)]
    with rolerig.Role("resolver", settings(server=dns.server, trust_anchor=None), wrapper) as role:
        check_question(role.peer("relay"), role, QUESTIONS[0])
        check_clean_end(role)
        assert "no_trust_anchor" in role.log()


def test_who_wants_no_validation_is_not_warned(dns):
    with start(server=dns.server, trust_anchor="none") as role:
        check_question(role.peer("relay"), role, QUESTIONS[0])
        check_clean_end(role)
        assert "no_trust_anchor" not in role.log()


SIGNED = {
    "mx.test": {"A": ["127.0.0.9"]},
    "_25._tcp.mx.test": {"TLSA": [[3, 1, 1, "0123" * 16]]},
    "_26._tcp.mx.test": {"TLSA": [[3, 1, 1, "0123" * 16]]},
    "mx.plain": {"A": ["127.0.0.9"]},
}
# Status, and whether it is proven.
PROVEN = {
    ("mx.test", A): (OK, True),
    ("mx.test", MX): (NODATA, True),
    ("nothing.test", A): (NXDOMAIN, True),
    ("mx.plain", A): (OK, False),
    ("_25._tcp.mx.test", TLSA): (SERVFAIL, False),
    ("_26._tcp.mx.test", TLSA): (OK, True),
    ("mx.broken.test", A): (SERVFAIL, False),
}


@pytest.mark.parametrize("between", [None, "unbound"])
def test_signatures_are_validated_by_the_key_that_is_named(peers, between):
    """From who has the zone, and from a server between that only hands on."""
    with contextlib.ExitStack() as cleanup:
        zones = signedrig.SignedZones(peers, SIGNED, ["_25._tcp.mx.test"], ["broken.test"], "plain", "127.0.53.2")
        server = zones.server
        if between:
            server = cleanup.enter_context(dnsrig.DnsRig({}, forward=zones.server)).server
        role = cleanup.enter_context(start(server=server, trust_anchor=str(zones.anchor)))
        peer = role.peer("relay")
        for (name, kind), answer in PROVEN.items():
            ask(peer, name, kind)
            heard = hear(peer, role)
            assert (heard["status"], bool(heard["secure"])) == answer, name
        check_clean_end(role)


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason=SLOW)
def test_no_server_at_all():
    """Nobody listens: an answer all the same, and no other than SERVFAIL or TIMEOUT."""
    with start(server="127.0.0.54:9") as role:
        peer = role.peer("relay")
        ask(peer, "example.test", MX)
        assert hear(peer, role)["status"] in (SERVFAIL, TIMEOUT)
        check_clean_end(role)


def test_no_settings_at_all():
    """The servers of /etc/resolv.conf are taken over at the start; localhost is answered in the house."""
    with start(trust_anchor=None) as role:
        check_question(role.peer("relay"), role, ("localhost", A, OK, "localhost", [b"\x7f\0\0\1"]))
        check_clean_end(role)


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason=SLOW)
def test_a_server_that_returns_is_used_again():
    rig = dnsrig.DnsRig(NAMES)
    with start(server=rig.server) as role:
        peer = role.peer("relay")
        for i in range(3):
            ask(peer, f"a{i}.test", A)
            assert hear(peer, role)["status"] in (SERVFAIL, TIMEOUT)
        began = time.monotonic()
        with rig:
            status = SERVFAIL
            while status != NXDOMAIN:
                assert time.monotonic() - began < 90
                time.sleep(1)
                ask(peer, f"b{time.monotonic_ns()}.test", A)
                status = hear(peer, role)["status"]
        check_clean_end(role)


def test_new_dns_settings_need_a_new_process(dns):
    with start(server=dns.server) as role:
        role.tell_config({**settings(server=dns.server), "log": {"level": "debug"}})
        peer = role.peer("relay")
        check_question(peer, role, QUESTIONS[0])
        role.tell_config(settings(answers={"text": "{}"}))
        assert role.process.wait(10) == 0, role.log()


@pytest.mark.parametrize("dns", [{"answers": {"text": "{]"}}, {"trust_anchor": "/nonexistent"}])
def test_bad_settings_are_named(dns):
    with start(**dns) as role:
        assert role.process.wait(10) == 1
        assert "resolver_setup_failed" in role.log()


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason=SLOW)
def test_silence_ends_after_thirty_seconds(dns):
    with start(server=dns.server) as role:
        peer = role.peer("relay")
        began = time.monotonic()
        ask(peer, "slow.test", A)
        assert hear(peer, role)["status"] in (SERVFAIL, TIMEOUT)
        assert time.monotonic() - began < 31
        check_clean_end(role)


def test_the_rig_says_what_it_was_told(dns):
    server = (dns.address, dns.port)
    assert dnsrig.ask(server, "example.test", MX) == 0
    assert dnsrig.ask(server, "nothing.test", MX) == 3
    assert dnsrig.ask(server, "broken.test", A) == 2
    assert dnsrig.ask(server, "below.broken.test", A) == 2
    assert dnsrig.ask(server, "slow.test", A, timeout_s=0.3) is None


def test_the_rig_refuses_what_it_cannot_say():
    with pytest.raises(ValueError):
        dnsrig.zone({"a.test": {"A": "SERVFAIL"}})
