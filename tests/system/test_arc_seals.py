# SPDX-License-Identifier: Apache-2.0
"""Gateway A seals what it hands on, and others verify it; gateway B believes those whom it trusts, and nobody else."""

import json
import os
import re
import signal
import smtplib
import time

import dkim
import pytest
from gateway import Talk, are_silent, eventually, run
from test_authentication import key, message, signed, verified  # noqa: F401 (key is a fixture)

A, CLIENT = "127.0.0.1", "127.0.0.2"  # who B hears from, and who A does
LIST = b"mx.list.test"


class World:
    """Two gateways and one DNS. Mail for team@demo.test goes through A on to x@far.test at B."""

    def __init__(self, gatepost, signing_key):
        self.gatepost, self.key = gatepost, signing_key
        self.names = {
            # bank.test sends from the client's address alone, and signs by s.
            "bank.test": {"TXT": [f"v=spf1 ip4:{CLIENT} -all"]},
            "_dmarc.bank.test": {"TXT": ["v=DMARC1; p=reject"]},
            **{
                f"s._domainkey.{name}": {"TXT": [f"v=DKIM1; p={signing_key[1]}"]}
                for name in ("bank.test", "list.test", "evil.test")
            },
        }

    def start_b(self, **authentication):
        self.b = self.gatepost(
            names=self.names,
            hostname="mx.far.test",
            domains={"far.test": {"recipients": ["x"], "deliver": {"maildir": "mail/{domain}/{local}"}}},
            authentication=authentication,
        )

    def start_a(self, seal="forwarded", **settings):
        next_hop = f"127.0.0.1:{self.b.port}" if hasattr(self, "b") else "127.0.0.1:9"
        self.a = self.gatepost(
            names=self.names,
            domains={
                "demo.test": {
                    "recipients": ["alice"],
                    "aliases": {"team": ["x@far.test"], "both": ["alice", "x@far.test"]},
                    "deliver": {"maildir": "mail/{domain}/{local}"},
                }
            },
            routes={"far.test": next_hop},
            arc={"seal": seal, "domain": "demo.test"},
            **settings,
        )

    def make_keys(self):
        """A's. Whoever starts later knows their records."""
        for record in json.loads(self.a.run("domain", "add", "demo.test", "--json").stdout)["records"]:
            text = "".join(record["value"].strip('"').split('" "'))
            self.names[record["name"]] = {"TXT": [text]}
        (self.a.folder / "dns.json").write_text(json.dumps(self.names), encoding="utf-8")
        done = self.a.run("domain", "rotate", "demo.test", "--dns", self.a.folder / "dns.json")
        assert done.returncode == 0, done.stderr
        self.reload_a()

    def reload_a(self):
        self.a.write_config()
        before = self.a.log_text().count('"event":"dkim_keys"')
        self.a.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.a.log_text().count('"event":"dkim_keys"') > before, what="the keys")
        self.a.settle("signer", "smtpd", "relay", "spool")  # signer tells them after it has said so

    def txt(self, name, timeout=5):
        found = self.names.get(name.decode().rstrip("."))
        return found["TXT"][0].encode() if found else None

    def judge(self, raw):
        """What dkimpy and gatepost say of a chain, which is the same."""
        cv, results, _ = dkim.ARC(raw).verify(dnsfunc=self.txt)
        folder = self.a.folder
        (folder / "dns.json").write_text(json.dumps(self.names), encoding="utf-8")
        (folder / "message").write_bytes(raw)
        done = run("arc", "verify", "--json", "--dns", folder / "dns.json", folder / "message")
        said = json.loads(done.stdout)
        assert said["result"].encode() == (cv or b"fail"), (said, cv)
        return said["result"], len(results or ())

    def list_seals(self, raw, results, domain=b"list.test"):
        """As a mailing list does it that is not ours."""
        arrived = b"Authentication-Results: " + LIST + b"; " + results + b"\r\n" + raw
        return b"".join(dkim.arc_sign(arrived, b"s", domain, self.key[0], LIST)) + raw


@pytest.fixture
def world(gatepost, key):  # noqa: F811
    return World(gatepost, key)


def send(server, text, to="x@far.test", sender="ceo@bank.test", source=A):
    """The end of data's answer."""
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20, source_address=(source, 0)) as c:
        c.ehlo("client.example.com")
        assert c.mail(sender)[0] == 250
        assert c.rcpt(to)[0] == 250
        code, reply = c.data(text)
        return code, reply.decode()


def sealed(raw):
    return re.findall(rb"^ARC-Seal:", raw, re.M)


def at_alice(w, count=1):
    eventually(lambda: len(w.a.mails("alice")) == count, what="the mail")
    return w.a.mails("alice")[-1].replace(b"\n", b"\r\n")


def at_b(w, count=1):
    eventually(lambda: len(w.b.mails("x", "far.test")) == count, what="the mail at B")
    return w.b.mails("x", "far.test")[-1].replace(b"\n", b"\r\n")


def refused(server):
    return [line for line in server.log_lines() if (line.get("code"), line.get("status")) == (550, "5.7.1")]


# --- A seals ---


def test_what_is_forwarded_is_sealed_and_the_rest_is_not(world):
    world.start_b(dmarc="tag")
    world.start_a()
    world.make_keys()
    assert send(world.a, message(), "both@demo.test", source=CLIENT)[0] == 250
    raw = at_b(world)
    assert len(sealed(raw)) == 1
    assert world.judge(raw) == ("pass", 1)
    # RFC 8617 section 4.1.1: it hands on what stands in our own field.
    fields = re.findall(rb"^(?:ARC-)?Authentication-Results:(?:[^\r\n]|\r\n\s)*", raw, re.M)
    fields = [re.sub(rb"\s+", b" ", field) for field in fields]
    ours = [f for f in fields if b" mx.gatepost.test; " in f]
    chained, plain = sorted(ours)
    assert chained.replace(b"ARC-", b"").replace(b" i=1;", b"") == plain
    assert b"spf=pass smtp.mailfrom=ceo@bank.test" in plain and b"dmarc=pass" in plain
    assert b"cv=none" in raw and b"a=rsa-sha256" in raw
    at_alice(world)
    assert send(world.a, message(), "alice@demo.test", source=CLIENT)[0] == 250
    assert not sealed(at_alice(world, 2))


def test_all_that_was_looked_at_is_sealed(world):
    world.start_a("all")
    world.make_keys()
    big = message(body=(b"x" * 76 + b"\r\n") * 20000)  # in a staging file
    odd = message().replace(b"Subject: x", b"Subject: \xff\x01y")
    forged = b"Authentication-Results: mx.gatepost.test; dmarc=pass header.from=bank.test\r\n"
    for n, text in enumerate((big, forged + message(), message(body=b""), odd), 1):
        assert send(world.a, text, "alice@demo.test", source=CLIENT)[0] == 250
        assert world.judge(at_alice(world, n)) == ("pass", 1)


def test_a_chain_goes_on(world):
    world.start_a("all")
    world.make_keys()
    assert send(world.a, world.list_seals(message(), b"arc=none"), "alice@demo.test", source=CLIENT)[0] == 250
    raw = at_alice(world)
    assert world.judge(raw) == ("pass", 2)
    assert b"cv=pass" in raw


def test_a_broken_chain_is_closed_once(world):
    world.start_a("all")
    world.make_keys()
    broken = world.list_seals(message(), b"arc=none").replace(b"hello", b"hallo")
    assert send(world.a, broken, "alice@demo.test", source=CLIENT)[0] == 250
    raw = at_alice(world)
    assert len(sealed(raw)) == 2 and b"cv=fail" in raw
    assert world.judge(raw)[0] == "fail"
    # Nobody adds to what is closed (RFC 8617 section 5.1.2).
    again = raw[raw.index(b"ARC-Seal:") :]  # without the marks of the mailbox
    assert send(world.a, again, "alice@demo.test", source=CLIENT)[0] == 250
    assert len(sealed(at_alice(world, 2))) == 2
    (line,) = [line for line in world.a.log_lines() if line["event"] == "not_sealed"]
    assert "broken" in line["reason"]


def test_a_chain_that_the_dns_does_not_tell_is_left_alone(world):
    world.names["s._domainkey.evil.test"] = "SERVFAIL"
    world.start_a("all")
    world.make_keys()
    text = world.list_seals(message(), b"arc=none", b"evil.test")
    assert send(world.a, text, "alice@demo.test", source=CLIENT)[0] == 250
    assert len(sealed(at_alice(world))) == 1
    (line,) = [line for line in world.a.log_lines() if line["event"] == "not_sealed"]
    assert "DNS" in line["reason"]


def test_without_keys_it_goes_without(world):
    world.start_a("all")
    assert send(world.a, message(), "alice@demo.test", source=CLIENT)[0] == 250
    assert not sealed(at_alice(world))
    assert [line["event"] for line in world.a.log_lines() if "sealed" in line["event"]] == ["not_sealed"]


def test_signer_hangs_and_nobody_else_waits(world):
    world.start_a()
    world.make_keys()
    signer = world.a.pid_of("signer")
    os.kill(signer, signal.SIGSTOP)
    try:
        with smtplib.SMTP("127.0.0.1", world.a.port, timeout=20, source_address=(CLIENT, 0)) as c:
            c.ehlo("client.example.com")
            c.mail("ceo@bank.test")
            c.rcpt("team@demo.test")
            c.putcmd("data")
            assert c.getreply()[0] == 354
            c.send(message() + b".\r\n")
            assert send(world.a, message(), "alice@demo.test", source=CLIENT)[0] == 250
            assert are_silent(c.sock)
            code, text = c.getreply()
            assert (code, text[:5]) == (451, b"4.3.0")
    finally:
        os.kill(signer, signal.SIGCONT)
    assert send(world.a, message(), "team@demo.test", source=CLIENT)[0] == 250


def test_what_waits_for_seals_is_bounded(world):
    sessions = 140
    world.start_a("all", workers=1, limits={"connections_per_source": 500, "connections_per_network": 500})
    world.make_keys()
    signer = world.a.pid_of("signer")
    subject = ("Subject: " + "\r\n ".join(["x" * 900] * 250)).encode()
    large = message().replace(b"Subject: x", subject)
    os.kill(signer, signal.SIGSTOP)
    talks = [Talk(world.a.port, CLIENT) for _ in range(sessions)]
    try:
        for talk in talks:
            talk.until_data(sender="ceo@bank.test")
            talk.write(large + b".\r\n")
        answers = {talk.reply()[:9] for talk in talks}
    finally:
        os.kill(signer, signal.SIGCONT)
        for talk in talks:
            talk.__exit__()
    assert answers == {"451 4.3.0"}
    reasons = [line["reason"] for line in world.a.log_lines() if line["event"] == "mail_not_signed"]
    assert len(reasons) == sessions
    assert 0 < reasons.count("too much waits for seals") < sessions
    # Nothing of it stays counted.
    assert send(world.a, large, "alice@demo.test", source=CLIENT)[0] == 250
    assert sealed(at_alice(world))


# --- B trusts ---


def test_trust_lets_forwarded_mail_in(world):
    world.start_a()
    world.make_keys()
    world.start_b(trusted_sealers=["demo.test"])
    world.a.settings["routes"] = {"far.test": f"127.0.0.1:{world.b.port}"}
    world.reload_a()
    assert send(world.a, message(), "team@demo.test", source=CLIENT)[0] == 250
    raw = at_b(world)
    assert world.judge(raw) == ("pass", 1)
    (line,) = verified(world.b)
    assert (line["dmarc"], line["policy"], line["arc"]) == ("fail", "reject", "pass")
    assert (line["action"], line["by"], line["sealer"]) == ("accept", "arc", "demo.test")
    results = re.search(rb"^Authentication-Results: mx.far.test;(?:[^\r\n]|\r\n\s)*", raw, re.M).group()
    assert b"dmarc=fail" in results and b"arc=pass" in results


def test_without_trust_it_is_refused(world):
    world.start_a()
    world.make_keys()
    world.start_b(trusted_sealers=["other.test", ".demo.test"])
    world.a.settings["routes"] = {"far.test": f"127.0.0.1:{world.b.port}"}
    world.reload_a()
    assert send(world.a, message(), "team@demo.test", source=CLIENT)[0] == 250
    eventually(lambda: verified(world.b), what="the verdict of B")
    (line,) = verified(world.b)
    assert (line["arc"], line["action"], line["by"], line["sealer"]) == ("pass", "refuse", "dmarc", "")
    eventually(lambda: refused(world.a), what="the refusal at A")
    assert refused(world.a)[0]["to"] == "x@far.test"
    assert not world.b.mails("x", "far.test")


PASS = b"dmarc=pass header.from=bank.test"
FAIL = b"dmarc=fail header.from=bank.test"


def test_a_list_that_changes_the_body(world):
    """A seals, the list changes the body and seals again: its word counts, where it is trusted."""
    world.start_a("all")
    world.make_keys()
    assert send(world.a, signed(message(), world.key), "alice@demo.test", source=CLIENT)[0] == 250
    raw = at_alice(world)
    changed = raw.replace(b"hello", b"hello\r\n-- \r\nthe list")
    listed = {says: world.list_seals(changed, b"arc=pass; " + says) for says in (PASS, FAIL)}
    for trusted, says, code in (
        (["list.test", "demo.test"], FAIL, 250),  # A found that it passed
        (["list.test"], PASS, 250),
        (["list.test"], FAIL, 550),
        (["demo.test"], PASS, 550),  # the list could have changed anything
        ([], PASS, 550),
    ):
        world.start_b(trusted_sealers=trusted)
        answer = send(world.b, listed[says])
        assert (answer[0], trusted, says) == (code, trusted, says)
        if code == 550:
            assert answer[1].startswith("5.7.1")
        # A replay over another body, a results field that nobody sealed.
        assert send(world.b, listed[says].replace(b"the list", b"the lost"))[0] == 550
        forged = b"ARC-Authentication-Results: i=3; mx.list.test; " + PASS + b"\r\n" + listed[says]
        assert send(world.b, forged)[0] == 550
        # And one who is trusted by nobody on top of it.
        assert send(world.b, world.list_seals(listed[says], b"arc=pass; " + PASS, b"evil.test"))[0] == 550
        world.b.stop()
