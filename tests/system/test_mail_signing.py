# SPDX-License-Identifier: Apache-2.0
"""What our users send is signed by the keys of the domain it is from: from `gatepost domain add` to a verifier that is
not ours."""

import json
import os
import re
import signal
import smtplib
import time

import dkim
import pytest
import tlsrig
from gateway import Talk, are_silent, eventually, free_port, make_users

ALICE = ("alice@demo.test", "wonderland")
BODY = b"Hello  there, \r\n\r\n.dot\r\n\r\n\r\n"
DKIM = re.compile(rb"^DKIM-Signature:", re.M | re.I)


class World:
    """A gateway with submission within TLS and port 25, and the DNS of its domain."""

    def __init__(self, gatepost, scratch, **settings):
        certificate, key = tlsrig.make(scratch, "mx.gatepost.test")
        ports = [free_port() for _ in range(2)]
        self.server = gatepost(
            listen=[
                {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                {"address": f"127.0.0.1:{ports[1]}", "service": "submission", "tls": "implicit"},
            ],
            tls={"certificate": str(certificate), "key": str(key)},
            users={"file": make_users(scratch, ALICE)},
            **settings,
        )
        self.server.tls_port = ports[1]
        eventually(self.server.all_are_ready, what="every role")

    def domain(self, verb, *argv):
        (self.server.folder / "dns.json").write_text(json.dumps(self.server.names), encoding="utf-8")
        if verb == "rotate":
            argv = (*argv, "--dns", self.server.folder / "dns.json")
        done = self.server.run("domain", verb, "demo.test", "--json", *argv)
        said = json.loads(done.stdout)
        for record in said.get("records", []) + said.get("publish", []):
            if "._domainkey." in record["name"]:
                text = "".join(record["value"].strip('"').split('" "'))
                self.server.names[record["name"]] = {"TXT": [text]}
        return done.returncode

    def reload(self):
        before = self.server.log_text().count('"event":"dkim_keys"')
        self.server.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.server.log_text().count('"event":"dkim_keys"') > before, what="the keys")
        self.server.settle("signer", "smtpd", "spool")  # signer tells them after it has said so

    def make_keys(self):
        assert self.domain("add") == 0
        assert self.domain("rotate") == 0
        self.reload()

    def submit(self, message, to="bob@demo.test"):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.tls_port, timeout=20, context=tlsrig.context()) as c:
            c.ehlo("client.example.com")
            c.login(*ALICE)
            c.mail(ALICE[0])
            c.rcpt(to)
            return c.data(message)

    def txt(self, name, timeout=5):
        found = self.server.names.get(name.decode().rstrip("."))
        return found["TXT"][0].encode() if found else None

    def signatures(self, raw):
        """(algorithm, selector) of each signature that verifies; one that does not fails the test."""
        found = []
        for i in range(len(DKIM.findall(raw))):
            verifier = dkim.DKIM(raw)
            assert verifier.verify(idx=i, dnsfunc=self.txt), f"signature {i} of\n{raw.decode()}"
            fields = verifier.signature_fields
            assert fields[b"d"] == b"demo.test"
            found.append((fields[b"a"].decode(), fields[b"s"].decode()))
        return sorted(found)

    def newest(self, count):
        self.server.wait_for_mails("bob", count)
        return self.server.mails("bob")[-1]


@pytest.fixture
def world(gatepost, scratch):
    def start(**settings):
        return World(gatepost, scratch, **settings)

    return start


def message(sender="alice@demo.test", body=BODY, more=b""):
    return b"From: Alice <" + sender.encode() + b">\r\nTo: bob@demo.test\r\nSubject: hello\r\n" + more + b"\r\n" + body


def algorithms(found):
    return [algorithm for algorithm, _ in found]


BOTH = ["ed25519-sha256", "rsa-sha256"]


def test_submitted_mail_is_signed_by_both_keys(world):
    w = world()
    assert w.submit(message())[0] == 250
    assert w.signatures(w.newest(1)) == [], "there are no keys yet"
    assert w.domain("add") == 0
    w.reload()
    assert w.submit(message())[0] == 250
    assert w.signatures(w.newest(2)) == [], "they were not seen yet"
    assert w.domain("rotate") == 0
    w.reload()
    assert w.submit(message())[0] == 250
    raw = w.newest(3)
    assert algorithms(w.signatures(raw)) == BOTH
    head = raw.split(b"\r\n\r\n")[0]
    assert head.index(b"DKIM-Signature") < head.index(b"Received:"), "they stand on top"
    for line in (b"Date: ", b"Message-ID: "):
        assert line in head, "what we add is there before it is signed"
    # One From more, and no signature is good.
    forged = raw.replace(b"From: Alice", b"From: mallory@demo.test\r\nFrom: Alice", 1)
    with pytest.raises(AssertionError):
        w.signatures(forged)


BODIES = {
    "none": b"",
    "lines alone": b"\r\n\r\n\r\n",
    "without a last line end": b"hello",
    "in memory": b"0123456789 abcdef\t\r\n" * 3000,
    "staged": b"0123456789 abcdef \r\n" * 60_000,
    "with eight bits": "grüße\r\n".encode() * 10,
}


@pytest.mark.parametrize("what", BODIES)
def test_every_body_is_hashed_as_it_goes_by(world, what):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    assert w.submit(message(body=BODIES[what]))[0] == 250
    assert algorithms(w.signatures(w.newest(1))) == BOTH


def test_a_large_header_is_signed(world):
    w = world()
    w.make_keys()
    assert w.submit(message(more=b"X-Long: " + b"y" * 900 + b"\r\n" + b"".join(
        b"X-%d: %s\r\n" % (i, b"z" * 900) for i in range(200))))[0] == 250
    assert algorithms(w.signatures(w.newest(1))) == BOTH


def test_octets_one_by_one_make_no_difference(world):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    with w.server.talk() as t:
        t.until_data("bob@demo.test", "alice@demo.test")
        for octet in message(body=b"a\r\n\r\nb \r\n\r\n") + b".\r\n":
            t.write(bytes([octet]))
        assert t.reply().startswith("250")
    assert algorithms(w.signatures(w.newest(1))) == BOTH


def test_mail_of_relay_networks_is_signed_and_mail_of_strangers_is_not(world):
    w = world(relay_networks=["127.0.0.1/32"])
    w.make_keys()
    w.server.send(message(), to=["bob@demo.test"])
    assert algorithms(w.signatures(w.newest(1))) == BOTH
    with Talk(w.server.port, source="127.0.0.2") as t:
        t.until_data("bob@demo.test", "alice@demo.test")
        t.write(message() + b".\r\n")
        assert t.reply().startswith("250")
    assert w.signatures(w.newest(2)) == []


@pytest.mark.parametrize("large", [False, True])
def test_what_is_signed_is_what_goes_on(world, large):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    forged = b"Authentication-Results: mx.gatepost.test; dmarc=pass\r\n"
    body = b"x" * 76 + b"\r\n"
    w.server.send(forged + message(more=forged, body=body * (10000 if large else 1)), to=["bob@demo.test"])
    raw = w.newest(1)
    assert algorithms(w.signatures(raw)) == BOTH
    assert b"Authentication-Results" not in raw


OTHERS = {
    "another domain": b"From: alice@elsewhere.test\r\n\r\nhello\r\n",
    "below ours": b"From: alice@sub.demo.test\r\n\r\nhello\r\n",
    "nobody": b"Subject: hello\r\n\r\nhello\r\n",
    "two": b"From: alice@demo.test\r\nFrom: alice@demo.test\r\n\r\nhello\r\n",
    "no address": b"From: alice at demo.test\r\n\r\nhello\r\n",
    "no header": b"\r\nFrom: alice@demo.test\r\n\r\nhello\r\n",
}


@pytest.mark.parametrize("what", OTHERS)
def test_from_decides(world, what):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    w.server.send(OTHERS[what], to=["bob@demo.test"])
    assert w.signatures(w.newest(1)) == []
    w.server.send(b"fRoM: \"a@b\"\r\n <alice@DEMO.test> (x@elsewhere.test)\r\n\r\nhello\r\n", to=["bob@demo.test"])
    assert algorithms(w.signatures(w.newest(2))) == BOTH


def test_a_change_of_keys(world):
    w = world()
    w.make_keys()
    w.submit(message())
    old = w.newest(1)
    first = w.signatures(old)
    assert w.domain("rotate") == 0  # makes the next pair, and the test publishes it
    assert w.domain("rotate") == 0
    w.reload()
    w.submit(message())
    second = w.signatures(w.newest(2))
    assert algorithms(second) == BOTH and not set(first) & set(second)
    assert w.signatures(old) == first, "what was signed before is good for as long as the old records stay"


def test_without_signer_mail_waits(world):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    pid = w.server.pid_of("signer")
    os.kill(pid, signal.SIGSTOP)
    with w.server.talk() as slow, w.server.talk() as other:
        slow.until_data("bob@demo.test", "alice@demo.test")
        began = time.monotonic()
        slow.write(message() + b".\r\n")
        other.until_data("bob@demo.test", "someone@elsewhere.test")
        other.write(OTHERS["another domain"] + b".\r\n")
        assert other.reply().startswith("250"), "who needs no signature waits for none"
        assert are_silent(slow.socket), "nor until others have waited"
        assert slow.reply().startswith("451 4.3.0 Could not sign")
        assert time.monotonic() - began > 4
        assert slow.say("NOOP").startswith("250"), "the session goes on"
    w.server.crash_is_expected = True
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: set(w.server.pids("signer")) - {pid}, what="another signer")

    def again():
        with w.server.client() as c:
            c.ehlo("client.example.com")
            c.mail("alice@demo.test")
            c.rcpt("bob@demo.test")
            return c.data(message())[0] == 250

    eventually(again, what="mail that is signed")
    assert algorithms(w.signatures(w.newest(2))) == BOTH


def test_keys_that_cannot_be_read_hold_up_their_domain_only(world):
    w = world(relay_networks=["127.0.0.0/8"])
    w.make_keys()
    keys = w.server.folder / "state/dkim/demo.test.keys"
    keys.write_text("gatepost-dkim 1\ngarbage\n")
    w.reload()
    assert '"event":"dkim_keys_refused"' in w.server.log_text()
    with w.server.client() as c:
        c.ehlo("client.example.com")
        c.mail("alice@demo.test")
        c.rcpt("bob@demo.test")
        assert c.data(message()) == (451, b"4.3.0 Could not sign the message, try again later")
    w.server.send(OTHERS["another domain"], to=["bob@demo.test"])
    assert w.signatures(w.newest(1)) == []
