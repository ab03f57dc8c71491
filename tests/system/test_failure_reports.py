# SPDX-License-Identifier: Apache-2.0
"""DMARC failure reports from end to end: forged mail, and what the owner of the name in From hears of it."""

import email
import email.policy
import re
import shutil
import sqlite3
import smtplib
import subprocess
import time

import pytest
from gateway import eventually
from test_authentication import message, send
from test_reports import DOMAIN, Reports, answer_walks
from test_tls_reports import make_keys, signed_by

RUF = "ruf=mailto:owner@demo.test"
AGREED = {"TXT": ["v=DMARC1"]}

NAMES = {
    "bank.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.bank.test": {"TXT": [f"v=DMARC1; p=reject; {RUF}"]},
    "bank.test._report._dmarc.demo.test": AGREED,
    # SPF passes; asks for failures of either, of signatures, and of both together.
    **{f"{name}.test": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]} for name in ("any", "signature", "both")},
    "_dmarc.any.test": {"TXT": [f"v=DMARC1; p=none; fo=1; {RUF}"]},
    "_dmarc.signature.test": {"TXT": [f"v=DMARC1; p=none; fo=d; {RUF}"]},
    "_dmarc.both.test": {"TXT": [f"v=DMARC1; p=none; fo=0; {RUF}"]},
    **{f"{name}.test._report._dmarc.demo.test": AGREED for name in ("any", "signature", "both", "quiet")},
    "_dmarc.quiet.test": {"TXT": [f"v=DMARC1; p=none; {RUF}"]},
    # Its reports would go to somebody who has not asked for them.
    "_dmarc.flood.test": {"TXT": ["v=DMARC1; p=none; ruf=mailto:victim@victim.test"]},
    "_dmarc.counted.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:owner@demo.test"]},
}


def start(gatepost, **reports):
    return gatepost(
        names=NAMES,
        domains={
            "demo.test": {"recipients": ["alice", "owner"], "deliver": {"maildir": "mail/{domain}/{local}"}},
            "victim.test": {"recipients": ["victim"], "deliver": {"maildir": "mail/{domain}/{local}"}},
            "here.test": {"recipients": "any", "deliver": "discard"},
        },
        reports={"from": "dmarc@here.test", "failure": "on", "failure_window": "1s", **reports},
    )


def read(raw):
    """The three parts: text, fields of the report, fields of the message."""
    mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert not mail.defects
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "feedback-report"
    assert (mail["Return-Path"], mail["From"]) == ("<>", "dmarc@here.test")
    text, feedback, header = mail.iter_parts()
    assert text.get_content_type() == "text/plain" and feedback.get_content_type() == "message/feedback-report"
    assert header.get_content_type() == "text/rfc822-headers"
    (fields,) = feedback.iter_parts()
    return mail, fields, email.message_from_string(header.get_content(), policy=email.policy.SMTP)


def reports(server, count):
    eventually(lambda: len(server.mails("owner")) >= count, what=f"{count} reports")
    return [read(raw) for raw in server.mails("owner")]


def about(server):
    return sorted(fields["Reported-Domain"] for _, fields, _ in reports(server, 0))


def test_the_owner_hears_of_forged_mail(gatepost):
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed")
    server = start(gatepost)
    published = make_keys(server)
    server.stop()  # and signer knows the keys at once
    server.start()
    argv = ["swaks", "--server", f"127.0.0.1:{server.port}", "--helo", "client.example.com", "--from", "ceo@bank.test"]
    argv += ["--to", "alice@demo.test", "--header", "Subject: your account", "--body", "very secret body"]
    argv += ["--header", "To: Alice Liddell <alice@demo.test>", "--header", "Message-Id: <1@bank.test>"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert done.returncode == 26, done.stdout  # refused at the end of data
    ((mail, fields, header),) = reports(server, 1)
    assert mail["To"] == "owner@demo.test" and mail["Auto-Submitted"] == "auto-generated"
    assert fields["Feedback-Type"] == "auth-failure" and fields["Version"] == "1"
    assert fields["Auth-Failure"] == "dmarc" and fields["Identity-Alignment"] == "dkim, spf"
    assert fields["Delivery-Result"] == "reject" and fields["Source-IP"] == "127.0.0.1"
    assert fields["Reported-Domain"] == "bank.test"
    assert fields["SPF-DNS"] == 'txt : bank.test : "v=spf1 ip4:192.0.2.1 -all"'
    assert "dmarc=fail header.from=bank.test" in fields["Authentication-Results"]
    assert re.fullmatch(r"<[A-Za-z0-9+/]{20}@bank\.test>", fields["Original-Mail-From"])
    assert header["From"] == "ceo@bank.test" and header["Message-ID"] == "<1@bank.test>"
    assert re.fullmatch(r"[A-Za-z0-9+/]{20}@demo\.test", header["To"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{20}", header["Subject"])
    (raw,) = server.mails("owner")
    for private in (b"alice", b"Liddell", b"account", b"secret body"):
        assert private not in raw
    assert signed_by(raw, published) == ["here.test"] * 2
    # The text that is hidden is the same token after a restart.
    server.stop()
    server.start()
    time.sleep(1.1)
    assert send(server, message("Subject: your account", sender="ceo@bank.test"))[0] == 550
    again = reports(server, 2)[1][2]
    assert again["To"] == header["To"]


def test_fo_decides(gatepost):
    server = start(gatepost)
    broken = "DKIM-Signature: v=1; a=rsa-sha256; d={}.test; s=none; h=from; bh=AAAA; b=AAAA"
    for name in ("any", "both", "signature"):
        assert send(server, message(sender=f"me@{name}.test"), sender=f"me@{name}.test")[0] == 250
    eventually(lambda: about(server) == ["any.test"], what="the report of fo=1")
    time.sleep(1.1)
    for name in ("both", "signature"):
        assert send(server, message(broken.format(name), sender=f"me@{name}.test"), sender=f"me@{name}.test")[0] == 250
    eventually(lambda: about(server) == ["any.test", "signature.test"], what="the report of fo=d")
    fields = [fields for _, fields, _ in reports(server, 2)]
    (one,) = [f for f in fields if f["Reported-Domain"] == "any.test"]
    assert (one["Auth-Failure"], one["Identity-Alignment"], one["Delivery-Result"]) == ("dmarc", "dkim", "delivered")
    (other,) = [f for f in fields if f["Reported-Domain"] == "signature.test"]
    assert other["Auth-Failure"] == "signature"
    assert (other["DKIM-Domain"], other["DKIM-Selector"]) == ("signature.test", "none")
    # None of these is told: no such tag, nobody who agreed, and mail that may be a report.
    for text, sender in (
        (message(sender="me@counted.test"), "someone@elsewhere.test"),
        (message(sender="me@flood.test"), "someone@elsewhere.test"),
        (message(sender="me@quiet.test"), ""),
        (message("Auto-Submitted: auto-generated", sender="me@quiet.test"), "someone@elsewhere.test"),
        (message("Content-Type: multipart/report; report-type=feedback-report", sender="me@quiet.test"), "a@b.test"),
        (message("Authentication-Results: mx.gatepost.test; none", sender="me@quiet.test"), "a@b.test"),
    ):
        assert send(server, text, sender=sender)[0] == 250
    eventually(lambda: "report_unwanted" in server.log_text(), what="a report that nobody has agreed to take")
    time.sleep(2)
    assert about(server) == ["any.test", "signature.test"]
    assert not (server.folder / "mail/victim.test").exists()
    # And this one is, so they would have been.
    assert send(server, message(sender="me@quiet.test"))[0] == 250
    eventually(lambda: about(server) == ["any.test", "quiet.test", "signature.test"], what="the last one")


def test_none_are_made_where_they_are_not_switched_on(gatepost):
    server = start(gatepost, failure="off")
    assert send(server, message(sender="me@quiet.test"))[0] == 250
    time.sleep(3)
    assert not server.mails("owner")
    assert not [line for line in server.log_lines() if line["event"].startswith("report_")]


def send_from(server, host, name):
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20, source_address=(f"127.0.0.{host}", 0)) as c:
        c.ehlo("client.example.com")
        assert c.sendmail("someone@elsewhere.test", "alice@demo.test", message(sender=f"me@{name}.test")) == {}


def test_a_flood_is_one_report(gatepost):
    server = start(gatepost, failure_window="12s")
    for host in (1, 1, 2, 1, 1):
        send_from(server, host, "quiet")
        time.sleep(0.6)
    eventually(lambda: len(about(server)) == 2, what="a report for each client")
    found = reports(server, 2)
    assert sorted((f["Source-IP"], f["Incidents"]) for _, f, _ in found) == [("127.0.0.1", "4"), ("127.0.0.2", "1")]
    one, other = (header["Subject"] for _, _, header in found)
    assert one != other  # a key for each
    # What comes after it begins the next one.
    send_from(server, 1, "quiet")
    eventually(lambda: len(about(server)) == 3, what="the next report")


def flood(server, name, hosts):
    """One each second: of those of the same second one is told."""
    for host in hosts:
        send_from(server, host, name)
        time.sleep(1.1)


def test_there_are_only_so_many(gatepost):
    server = start(gatepost, failure_per_hour=2, failure_per_day=3)
    flood(server, "quiet", (1, 2, 3, 4))
    eventually(lambda: about(server) == ["quiet.test"] * 2, what="two reports")
    flood(server, "both", (2, 3))
    eventually(lambda: about(server) == ["both.test"] + ["quiet.test"] * 2, what="the day's last report")
    # A restart is no new hour.
    server.stop()
    server.start()
    flood(server, "quiet", (5,))
    time.sleep(3)
    assert len(server.mails("owner")) == 3
    lines = [line for line in server.log_lines() if line["event"] == "failures_left_out"]
    assert lines and all(line["messages"] > 0 for line in lines)


def test_a_hostile_header_stays_a_header(gatepost):
    server = start(gatepost, failure_redact="false")
    text = b"".join(
        (
            b"From: me@quiet.test\r\nTo: alice@demo.test\r\n",
            b"Subject: --=_0123456789abcdef01234567\r\n\t--=_x\r\n",
            b"--=_boundary: x\r\n",
            b"X-Eight: \xc3\xa4\xff\x80\r\n",
            b"Content-Type: multipart/mixed; boundary=\"=_\"\r\n",
            b"X-Blank: x\r\n \r\n y\r\n",
            b"".join(b"X-%d: %s\r\n" % (i, b"v" * 900) for i in range(110)),
            b"\r\nbody\r\n--=_--\r\n",
        )
    )
    assert len(text) > 100_000
    assert send(server, text)[0] == 250
    ((mail, fields, header),) = reports(server, 1)
    assert fields["Reported-Domain"] == "quiet.test"
    assert header["Subject"] == "--=_0123456789abcdef01234567 --=_x"
    assert header["X-Eight"] == "????" and header["X-Blank"] == "x y"
    assert "X-30" in header and "X-109" not in header and "--=_boundary" not in header
    (raw,) = server.mails("owner")
    assert raw.isascii() and max(len(line) for line in raw.split(b"\n")) <= 998
    assert b"body" not in raw
    assert mail.get_boundary().encode() not in text


# --- the role on its own, with its peers played ---


def incident(**changes):
    return {
        "cause": 1, "delivery": 3, "arrival_s": 1800000000, "policy_domain": DOMAIN.encode(),
        "organization": DOMAIN.encode(),
        "header_from": DOMAIN.encode(), "source": b"192.0.2.1", "sender": b"me@else.test", "passed": 0,
        "dkim_aligned": 0, "spf_aligned": 0, "dkim": 0, "dkim_domain": b"", "dkim_selector": b"",
        "dkim_identity": b"", "spf": 3, "spf_domain": b"else.test", "spf_record": b"v=spf1 -all",
        "header": b"From: me@example.test\r\nSubject: hello\r\n", **changes,
    }  # fmt: skip


OWN = {f"_dmarc.{DOMAIN}": f"v=DMARC1; p=reject; ruf=mailto:one@{DOMAIN},mailto:in@other.test"}
AGREEMENT = f"{DOMAIN}._report._dmarc.other.test"


def say(r, **changes):
    r.smtpd.say("dmarc_failure", incident=incident(**changes))


def test_a_restart_tells_what_was_not_told(tmp_path):
    with Reports(tmp_path, failure="on", failure_window="1s") as r:
        say(r)
        answer_walks(r, {**OWN, AGREEMENT: "v=DMARC1; ruf=mailto:failures@other.test"})
        assert r.take_letter()[0] == f"one@{DOMAIN}"
        to, lost = r.take_letter(None)
        assert to == "failures@other.test"
        r.role.process.kill()
    # What is due next is due after a quarter of an hour; here the clock of the database goes ahead.
    with sqlite3.connect(tmp_path / "reports.db") as db:
        db.execute("UPDATE report SET due_s = 0")
    db.close()
    with Reports(tmp_path, failure="on", failure_window="1s") as r:
        answer_walks(r, {**OWN, AGREEMENT: "v=DMARC1; ruf=mailto:failures@other.test"})
        to, again = r.take_letter()
        assert (to, again["Message-ID"]) == ("failures@other.test", lost["Message-ID"])
        assert [p.as_string() for p in again.iter_parts()] == [p.as_string() for p in lost.iter_parts()]
        assert r.is_quiet(r.spool, 1)
        r.stop()
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT state FROM report").fetchall() == [("sent",)]
        assert db.execute("SELECT count(*) FROM failure").fetchone() == (0,)
    db.close()


class BeforeSigner(Reports):
    def say_signers(self):
        pass  # it still reads its keys


def test_no_attempt_is_made_before_it_is_known_who_signs(tmp_path):
    with BeforeSigner(tmp_path, failure="on", failure_window="1s") as r:
        say(r)
        assert r.is_quiet(r.resolver, 3)
        Reports.say_signers(r)
        answer_walks(r, {**OWN, AGREEMENT: 3})
        assert r.take_letter()[0] == f"one@{DOMAIN}"
        r.stop()


def test_what_waits_is_dropped_when_it_is_switched_off(tmp_path):
    with Reports(tmp_path, failure="on") as r:
        say(r)
        time.sleep(1.5)  # on the disk
        r.role.process.kill()
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT incidents FROM failure").fetchall() == [(1,)]
        db.execute("UPDATE report SET due_s = 0")
    db.close()
    with Reports(tmp_path) as r:
        assert r.is_quiet(r.resolver, 2)
        r.stop()
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT state FROM report").fetchall() == [("unasked",)]
        assert db.execute("SELECT count(*) FROM failure").fetchone() == (0,)
    db.close()


def test_nothing_is_kept_where_it_is_off(tmp_path):
    with Reports(tmp_path) as r:
        say(r)
        assert r.is_quiet(r.resolver, 2)
        r.stop()


SENSELESS = {
    "cause 0": {"cause": 0},
    "cause 5": {"cause": 5},
    "delivery 0": {"delivery": 0},
    "delivery 4": {"delivery": 4},
    "no domain": {"policy_domain": b""},
    "no organization": {"organization": b""},
    "a domain of two lines": {"header_from": b"a\r\nb"},
    "no source": {"source": b""},
    "a source that is none": {"source": b"<b>"},
    "a null sender": {"sender": b""},
    "DKIM 7": {"dkim": 7, "dkim_domain": b"a.test", "dkim_selector": b"s"},
    "a signature of nobody": {"dkim": 2},
    "a selector of two lines": {"dkim": 2, "dkim_domain": b"a.test", "dkim_selector": b"s\n"},
    "SPF 7": {"spf": 7},
}


def test_a_senseless_failure_ends_its_channel_only(tmp_path):
    with Reports(tmp_path, failure="on", failure_window="1s") as r:
        for what, changes in SENSELESS.items():
            r.smtpd = r.role.peer("smtpd")
            r.smtpd.end.settimeout(10)
            say(r, **changes)
            assert r.smtpd.hear() is None, what
        r.smtpd = r.role.peer("smtpd")
        say(r)
        answer_walks(r, {**OWN, AGREEMENT: 3})
        assert r.take_letter()[0] == f"one@{DOMAIN}"
        r.stop()


def test_a_fallen_peer_makes_no_fields(tmp_path):
    """Of texts that are honest in nothing but their length."""
    evil = b"\r\n\r\n--=_x\r\nEvil: x\r\n\x00\xff<@>\""
    with Reports(tmp_path, failure="on", failure_window="1s", failure_redact="false") as r:
        say(
            r, sender=evil, dkim=2, dkim_domain=b"a.test", dkim_selector=b"s", dkim_identity=evil, spf_domain=evil,
            spf_record=evil, header=(b"X: y\r\n" + evil) * 900,
        )  # fmt: skip
        answer_walks(r, {**OWN, AGREEMENT: 3})
        letter = r.take_letter()[1]
        read(b"Return-Path: <>\r\nFrom: dmarc@here.test\r\n" + letter.as_bytes().replace(b"From:", b"X-From:", 1))
        assert b"\nEvil" not in letter.as_bytes() and letter.as_bytes().isascii()
        r.stop()
