# SPDX-License-Identifier: Apache-2.0
"""Mail from strangers is verified before its 250: SPF, DKIM, DMARC, and From fields that are made to mislead."""

import contextlib
import email
import email.policy
import os
import re
import signal
import smtplib
import time

import dkim
import pytest
from gateway import are_silent, eventually

STRICT = {"from": "refuse"}


@pytest.fixture(scope="module")
def key(module_scratch):
    """A private key in PEM, and its record's p=."""
    import subprocess

    pem = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    der = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True
    ).stdout
    import base64

    return pem, base64.b64encode(der).decode()


def names(key=None, policy="reject", **more):
    """bank.test sends from 127.0.0.1 alone where spf says so, signs by selector s, and wishes the policy."""
    zone = {
        "bank.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
        "_dmarc.bank.test": {"TXT": [f"v=DMARC1; p={policy}"]},
        "good.test": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]},
        "_dmarc.good.test": {"TXT": ["v=DMARC1; p=reject"]},
        "client.example.com": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]},
    }
    if key:
        zone["s._domainkey.bank.test"] = {"TXT": [f"v=DKIM1; p={key[1]}"]}
    return {**zone, **more}


def message(*fields, body=b"hello\r\n", sender="ceo@bank.test"):
    fields = [f"From: {sender}", "To: alice@demo.test", "Subject: x", *fields]
    return "".join(f + "\r\n" for f in fields if f).encode() + b"\r\n" + body


def signed(text, key, domain=b"bank.test", **options):
    options = {"include_headers": [b"from", b"to", b"subject"], **options}
    return dkim.sign(text, b"s", domain, key[0], canonicalize=(b"relaxed", b"relaxed"), **options) + text


def send(server, text, sender="someone@elsewhere.test"):
    """The end of data's answer."""
    with server.client() as c:
        c.ehlo("client.example.com")
        assert c.mail(sender)[0] == 250
        assert c.rcpt("alice@demo.test")[0] == 250
        code, reply = c.data(text)
        return code, reply.decode()


def results(mail):
    """Our Authentication-Results: method and result."""
    (field,) = [f for f in mail.get_all("Authentication-Results") if f.startswith("mx.gatepost.test")]
    return re.findall(r"(\w+)=(\w+)", " ".join(part.split()[0] for part in field.split(";")[1:])), field


def verified(server):
    return [line for line in server.log_lines() if line["event"] == "verified"]


def test_forged_mail_is_refused_in_the_session(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    code, text = send(server, message())
    assert (code, text[:5]) == (550, "5.7.1")
    assert "DMARC policy of bank.test" in text
    (line,) = verified(server)
    assert (line["dmarc"], line["policy"], line["action"], line["by"]) == ("fail", "reject", "refuse", "dmarc")
    assert not server.queued()


def test_spf_proves(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    assert send(server, message(sender="ceo@good.test"), "ceo@good.test")[0] == 250
    (mail,) = server.wait_for_mails("alice")
    found, field = results(mail)
    assert found == [("spf", "pass"), ("spf", "pass"), ("dkim", "none"), ("dmarc", "pass")]
    assert "smtp.mailfrom=ceo@good.test" in field
    assert "smtp.helo=client.example.com" in field
    assert "header.from=good.test" in field
    assert "policy.dmarc=reject" in field
    # Above our own trace field.
    names_of = [name.lower() for name, _ in mail.items()]
    assert names_of.index("authentication-results") < names_of.index("received")


def test_a_signature_proves(gatepost, key):
    server = gatepost(names=names(key), authentication=STRICT)
    good = signed(message(), key)
    assert send(server, good)[0] == 250
    (mail,) = server.wait_for_mails("alice")
    found, field = results(mail)
    assert ("dkim", "pass") in found and ("dmarc", "pass") in found
    assert "header.d=bank.test" in field and "header.s=s" in field
    code, text = send(server, good.replace(b"hello", b"hallo"))
    assert (code, text[:5]) == (550, "5.7.1")
    assert verified(server)[-1]["dkim"] == "fail:bank.test"


def test_a_signature_over_a_part_proves_nothing(gatepost, key):
    server = gatepost(names=names(key), authentication=STRICT)
    part = signed(message(), key, length=True)
    assert send(server, part)[0] == 250
    assert send(server, part + b"and more\r\n")[0] == 550
    assert verified(server)[-1]["dkim"] == "pass:bank.test"


def test_a_chain_is_told(gatepost, key):
    server = gatepost(names=names(key), authentication=STRICT)
    arrived = b"Authentication-Results: list.test; arc=none\r\n" + signed(message(), key)
    chained = b"".join(dkim.arc_sign(arrived, b"s", b"bank.test", key[0], b"list.test")) + arrived
    assert send(server, chained)[0] == 250
    (mail,) = server.wait_for_mails("alice")
    found, field = results(mail)
    assert found[-1] == ("arc", "pass")
    assert "smtp.remote-ip=127.0.0.1" in field and "header.oldest-pass=0" in field
    assert verified(server)[-1]["arc"] == "pass"
    # It is no proof of who wrote it.
    assert send(server, chained.replace(b"hello", b"hallo"))[0] == 550
    assert verified(server)[-1]["arc"] == "fail"


def test_a_signature_over_a_staged_body(gatepost, key):
    server = gatepost(names=names(key), authentication=STRICT)
    body = (b"x" * 76 + b"\r\n") * 65000  # 5 MB
    forged = "Authentication-Results: mx.gatepost.test; dmarc=pass header.from=bank.test"
    good = signed(message(forged, body=body), key)
    assert send(server, good)[0] == 250
    assert send(server, good[:-10] + b"y" + good[-9:])[0] == 550
    (mail,) = server.wait_for_mails("alice")
    found, _ = results(mail)
    assert ("dkim", "pass") in found and ("dmarc", "pass") in found
    assert len(mail.get_all("Authentication-Results")) == 1
    (text,) = server.mails("alice")
    assert text.endswith(b"Subject: x\n\n" + body.replace(b"\r\n", b"\n"))
    assert text.count(b"DKIM-Signature") == 1


@pytest.mark.parametrize("large", [False, True])
def test_results_in_our_name_are_removed(gatepost, large):
    server = gatepost(names=names(), authentication=STRICT)
    forged = [
        "Authentication-Results: mx.gatepost.test; dmarc=pass header.from=bank.test",
        "AUTHENTICATION-RESULTS: (c) \"MX.Gatepost.TEST\" 1;\r\n dmarc=pass",
        "Authentication-Results : mx.gatepost.test.; spf=pass",
    ]
    other = "Authentication-Results: other.test; spf=fail smtp.mailfrom=x.test"
    body = b"y" * 70 + b"\r\n"
    text = message(forged[0], other, *forged[1:], sender="ceo@good.test", body=body * (10000 if large else 1))
    assert send(server, text, "ceo@good.test")[0] == 250
    (mail,) = server.wait_for_mails("alice")
    fields = mail.get_all("Authentication-Results")
    assert len(fields) == 2
    assert fields[1].startswith("other.test")
    assert mail["Subject"] == "x"
    (kept,) = server.mails("alice")
    assert kept.endswith(b"Subject: x\nAuthentication-Results: other.test; spf=fail smtp.mailfrom=x.test\n\n"
                         + body.replace(b"\r\n", b"\n") * (10000 if large else 1))


def test_our_own_are_not_verified_but_cleaned(gatepost):
    server = gatepost(names=names(), authentication=STRICT, relay_networks=["127.0.0.0/8"])
    assert send(server, message("Authentication-Results: mx.gatepost.test; spf=pass"))[0] == 250
    (mail,) = server.wait_for_mails("alice")
    assert mail["Authentication-Results"] is None
    assert not verified(server)


def junk(server):
    """The messages in alice's folder for junk, one at least."""
    folder = server.mailbox("alice") / ".Junk" / "new"
    eventually(lambda: list(folder.glob("*")), what="junk")
    return [email.message_from_bytes(f.read_bytes(), policy=email.policy.SMTP) for f in folder.glob("*")]


def test_quarantine_marks(gatepost):
    server = gatepost(names=names(policy="quarantine"), authentication=STRICT)
    assert send(server, message())[0] == 250
    (mail,) = junk(server)
    assert mail["X-Gatepost-Quarantine"] == "dmarc"
    assert ("dmarc", "fail") in results(mail)[0]
    assert server.mails("alice") == []
    assert send(server, message(sender="ceo@good.test"), "ceo@good.test")[0] == 250
    server.wait_for_mails("alice")
    assert len(junk(server)) == 1


@pytest.mark.parametrize(
    "setting, code, marked",
    [
        ({"dmarc": "quarantine"}, 250, True),
        ({"dmarc": "tag"}, 250, False),
        ({"dmarc": "off"}, 250, False),
        ({"overrides": {"bank.test": {"dmarc": "tag"}}}, 250, False),
        ({"overrides": {".bank.test": {"dmarc": "tag"}}}, 550, False),
        ({"dmarc": "tag", "overrides": {"bank.test": {"dmarc": "enforce"}}}, 550, False),
        ({"exempt": ["127.0.0.0/8"]}, 250, False),
    ],
)
def test_the_operator_decides(gatepost, setting, code, marked):
    server = gatepost(names=names(), authentication={**STRICT, **setting})
    assert send(server, message())[0] == code
    if code == 250:
        (mail,) = junk(server) if marked else server.wait_for_mails("alice")
        assert (mail["X-Gatepost-Quarantine"] is not None) == marked
        assert (mail["Authentication-Results"] is None) == ("exempt" in setting)


def test_spf_enforced(gatepost, key):
    server = gatepost(names=names(key), authentication={**STRICT, "spf": "enforce"})
    code, text = send(server, message(sender="x@elsewhere.test"), "ceo@bank.test")
    assert (code, text[:6]) == (550, "5.7.23")
    assert "bank.test" in text
    # A signature that DMARC takes is a better proof than the way that a message took.
    assert send(server, signed(message(), key), "ceo@bank.test")[0] == 250


def test_a_null_reverse_path_is_checked_by_helo(gatepost):
    zone = names(**{"_dmarc.client.example.com": {"TXT": ["v=DMARC1; p=reject"]}})
    server = gatepost(names=zone, authentication=STRICT)
    assert send(server, message(sender="postmaster@client.example.com"), "")[0] == 250
    (mail,) = server.wait_for_mails("alice")
    found, field = results(mail)
    assert found == [("spf", "pass"), ("dkim", "none"), ("dmarc", "pass")]
    assert "smtp.helo=client.example.com" in field


@pytest.mark.parametrize(
    "zone, code",
    [
        ({"_dmarc.bank.test": "SERVFAIL"}, 451),
        ({"_dmarc.bank.test": "TIMEOUT"}, 451),
        ({"s._domainkey.bank.test": "SERVFAIL"}, 451),
        # What cannot change the decision defers nobody.
        ({"s._domainkey.bank.test": "SERVFAIL", "_dmarc.bank.test": {"TXT": ["v=DMARC1; p=none"]}}, 250),
        ({"elsewhere.test": "SERVFAIL", "client.example.com": "SERVFAIL"}, 550),
    ],
)
def test_trouble_of_the_dns_defers_where_it_matters(gatepost, key, zone, code):
    server = gatepost(names=names(key, **zone), authentication=STRICT)
    tampered = signed(message(), key) if "s._domainkey.bank.test" in zone else message()
    assert send(server, tampered)[0] == code


def test_a_resolver_that_dies_defers_in_time(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    server.crash_is_expected = True
    eventually(server.all_are_ready, what="every role")
    pid = server.pid_of("resolver")
    os.kill(pid, signal.SIGSTOP)
    with server.client() as c, server.client() as other:
        c.ehlo("client.example.com")
        assert c.mail("someone@elsewhere.test")[0] == 250
        assert c.rcpt("alice@demo.test")[0] == 250
        assert c.docmd("DATA")[0] == 354
        c.send(message() + b".\r\n")
        # Who waits holds up nobody.
        assert other.ehlo("other.example.com")[0] == 250
        assert are_silent(c.sock)
        os.kill(pid, signal.SIGKILL)
        code, text = c.getreply()
        assert (code, text[:5]) == (451, b"4.4.3")
    eventually(lambda: send(server, message())[0] == 550, what="a resolver")


def test_what_comes_behind_waits_in_its_place(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    eventually(server.all_are_ready, what="every role")
    pid = server.pid_of("resolver")
    os.kill(pid, signal.SIGSTOP)
    with server.talk() as t:
        t.until_data(sender="ceo@good.test")
        good = message(sender="ceo@good.test")
        begin = b"MAIL FROM:<ceo@bank.test>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n"
        t.write(good + b".\r\n" + begin + message() + b".\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n")
        time.sleep(0.5)
        os.kill(pid, signal.SIGCONT)
        assert [t.reply()[:3] for _ in range(8)] == ["250", "250", "250", "354", "550", "250", "250", "221"]
    server.wait_for_mails("alice")


def test_chunks_are_verified_as_lines_are(gatepost, key):
    server = gatepost(names=names(key), authentication=STRICT)
    text = signed(message(), key)
    with server.talk() as t:
        assert t.say("EHLO client.example.com").startswith("250")
        for at in (3, text.index(b"\r\n\r\n") + 1, text.index(b"\r\n\r\n") + 3):
            assert t.say("MAIL FROM:<someone@elsewhere.test>").startswith("250")
            assert t.say("RCPT TO:<alice@demo.test>").startswith("250")
            t.write(b"BDAT %d\r\n" % at + text[:at] + b"BDAT %d LAST\r\n" % (len(text) - at) + text[at:])
            assert t.reply().startswith("250")
            assert t.reply().startswith("250 2.0.0 Queued")
    assert [line["dkim"] for line in verified(server)] == ["pass:bank.test"] * 3


def test_a_reload_changes_what_is_done(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    assert send(server, message())[0] == 550
    server.settings["authentication"] = {"dmarc": "tag"}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: send(server, message())[0] == 250, what="the new configuration")


def test_a_resolver_that_is_silent_defers_in_time(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    eventually(server.all_are_ready, what="every role")
    pid = server.pid_of("resolver")
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert send(server, message())[0] == 451
        assert 8 < time.monotonic() - began < 30
    finally:
        os.kill(pid, signal.SIGCONT)


def test_who_holds_the_largest_headers_drives_out_his_own(gatepost):
    """All that is held of headers has a bound; who comes next with a small one is not who pays for it."""
    many = {"connections_per_source": 1000, "connections_per_network": 1000}
    server = gatepost(names=names(), authentication=STRICT, workers=1, limits=many)
    fields = [f"X-{n}: {'x' * 900}" for n in range(280)]
    usual = message(*fields[:20], sender="ceo@good.test")
    with contextlib.ExitStack() as held:
        talks = [held.enter_context(server.talk()) for _ in range(300)]
        for n, talk in enumerate(talks):
            talk.until_data()
            # 252 that fill up the 64 MiB of a worker, nearly; and usual ones, more than there is room for beside them.
            talk.write("".join(f + "\r\n" for f in fields[: 280 if n < 252 else 20]).encode())
        assert send(server, usual, "ceo@good.test")[0] == 250
        for talk in talks:
            talk.write(b"From: me@example.com\r\n\r\n.\r\n")
        said = [talk.reply()[:9] for talk in talks]
    assert said[252:] == ["250 2.0.0"] * 48
    # Fields that are read have a third more: when all are at once, 70 too many.
    assert 0 < said[:252].count("451 4.3.0") < 90


TRICKS = {
    "no From": ([""], "no From"),
    "several": (["From: a@good.test", "From: ceo@bank.test"], "more than one From field"),
    "in another case": (["FROM: a@good.test", "from: ceo@bank.test"], "more than one From field"),
    "of several domains": (["From: a@good.test, ceo@bank.test"], "more than one domain"),
    "a group": (["From: ceo@bank.test:a@good.test;"], None),
    "a named group": (["From: Bank:a@good.test;"], "group"),
    "an empty group": (["From: undisclosed:;"], "nobody"),
    "text behind it": (["From: <a@good.test>ceo@bank.test"], "malformed"),
    "an encoded address": (["From: =?utf-8?b?PGNlb0BiYW5rLnRlc3Q+?=,<a@good.test>"], "malformed"),
    "an encoded local part": (["From: <=?utf-8?q?ceo=40bank.test=00?=@good.test>"], "hides an address"),
    "a quoted address": (['From: "ceo@bank.test>"@good.test'], "hides an address"),
    "two without a comma": (["From: a@good.test\r\n ceo@bank.test"], "malformed"),
    "a space before it": ([" From: ceo@bank.test", "From: a@good.test"], "nearly a From"),
    "a fold in its name": (["From: a@good.test", "From\r\n : ceo@bank.test"], "nearly a From"),
    "a source route": (["From: <@good.test:ceo@bank.test>"], "malformed"),
    "nobody": (["From:"], "malformed"),
    "no domain": (["From: ceo@bank-.test"], None),
    "ten thousand octets": (["From: " + "(" * 90 + "x@good.test," * 800 + "ceo@bank.test"], "malformed"),
    "ten thousand mailboxes": (["From: " + "x@good.test,\r\n " * 800 + "ceo@bank.test"], None),
}


def test_from_fields_that_mislead_are_refused(gatepost):
    server = gatepost(names=names(), authentication=STRICT)
    with server.client() as c:
        c.ehlo("client.example.com")
        for what, (fields, why) in TRICKS.items():
            assert c.mail("a@good.test")[0] == 250
            assert c.rcpt("alice@demo.test")[0] == 250
            text = "".join(f + "\r\n" for f in fields if f) + "Subject: x\r\n\r\nx\r\n"
            code, reply = c.data(text.encode())
            assert code == 550, (what, code, reply)
            assert reply.startswith((b"5.7.1 ", b"5.6.0 ")), (what, reply)
            assert why is None or why.encode() in reply, (what, reply)
            c.ehlo("client.example.com")
    assert len(verified(server)) == len(TRICKS)


BROKEN = {
    "a comma": b"Doe, John <%s>",
    "Latin-1": b"J\xf6hn <%s>",
    "a quote that is not closed": b'"Doe, John <%s>',
    "a comment that is not closed": b"John <%s> (Sales",
    "a comma in an encoded word": b"=?utf-8?Q?Doe,_J=C3=B6hn?= <%s>",
}


def test_from_fields_that_are_written_wrongly_need_a_proof(gatepost):
    """Nobody can mistake the one address in them: DMARC is held against it."""
    server = gatepost(names=names(), authentication=STRICT)
    for field in BROKEN.values():
        ours = b"From: " + field % b"ceo@good.test" + b"\r\nSubject: proven\r\n\r\nx\r\n"
        theirs = b"From: " + field % b"me@nobody.test" + b"\r\nSubject: not\r\n\r\nx\r\n"
        forged = b"From: " + field % b"ceo@bank.test" + b"\r\nSubject: forged\r\n\r\nx\r\n"
        assert send(server, ours, "ceo@good.test")[0] == 250, field
        assert send(server, theirs)[0] == 250, field
        assert send(server, forged)[0] == 550, field
    mails = server.wait_for_mails("alice", len(BROKEN))
    eventually(lambda: len(junk(server)) == len(BROKEN), what="the other half in the folder Junk")
    assert all(mail["Subject"] == "proven" and "malformed" in results(mail)[1] for mail in mails)
    for mail in junk(server):
        assert (mail["Subject"], mail["X-Gatepost-Quarantine"]) == ("not", "from")
    actions = [(line["action"], line["by"]) for line in verified(server)]
    assert actions == [("accept", ""), ("quarantine", "from"), ("refuse", "dmarc")] * len(BROKEN)


def test_the_same_are_tagged(gatepost):
    server = gatepost(names=names(), authentication={"from": "tag"})
    assert send(server, b"From: a@good.test\r\nFrom: ceo@bank.test\r\n\r\nx\r\n")[0] == 250
    (mail,) = server.wait_for_mails("alice")
    found, field = results(mail)
    assert ("dmarc", "permerror") in found
    assert "more than one From field" in field
