# SPDX-License-Identifier: Apache-2.0
"""The reports role on its own, in its sandbox, with its peers played; and what a fallen peer can do to it."""

import email
import email.policy
import gzip
import json
import os
import pathlib
import re
import select
import shutil
import sqlite3
import subprocess
import time
import xml.etree.ElementTree

import pytest
import rolerig
from gateway import eventually

TLSA, STS, NO_POLICY = 1, 2, 3
SUCCESS, NO_STARTTLS, MISMATCH, EXPIRED, UNTRUSTED, VALIDATION = range(1, 7)
DNS_OK, DNS_NODATA, DNS_NXDOMAIN, DNS_SERVFAIL = 1, 2, 3, 4
KEPT, FULL, FAILED, TOO_BIG, REFUSED = 1, 2, 3, 4, 5
FETCH_OK, FETCH_HTTP_STATUS = 1, 8
POST = 2
PATIENCE_S = 60
PERIOD_S = 2
DOMAIN = "example.test"


def settings(interval=f"{PERIOD_S}s", **reports):
    return {
        "hostname": "mx.gatepost.test",
        "state": "/nowhere",
        "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
        "reports": {"tls_interval": interval, "dmarc_interval": interval, **reports},
        "log": {"level": "debug"},
    }


def count(result=SUCCESS, type=NO_POLICY, domain=DOMAIN, strings=b"", mx=b"", reason=b""):
    return {
        "type": type,
        "result": result,
        "domain": domain.encode(),
        "strings": strings,
        "mx": mx,
        "reason": reason,
    }


def message_result(row, **policy):
    return {
        "policy": {
            "domain": DOMAIN.encode(), "p": 3, "sp": 3, "np": 3, "adkim_strict": 0, "aspf_strict": 0, "testing": 0,
            "fo": 0, "flaw": b"", **policy,
        },
        "row": {
            "source": b"192.0.2.1", "disposition": 1, "override": 0, "dkim_aligned": 0, "spf_aligned": 0,
            "header_from": DOMAIN.encode(), "envelope_from": b"", "spf_domain": b"", "spf": 0, "signatures": [],
            **row,
        },
    }  # fmt: skip


def txt(*texts):
    return [{"data": bytes([len(t)]) + t.encode()} for t in texts]


class Reports:
    """The role, and the four that it asks."""

    signers = ()  # whose mail is signed

    def __init__(self, folder, **options):
        self.role = rolerig.Role("reports", settings(**options), directories=[folder])

    def __enter__(self):
        self.role.__enter__()
        self.relay = self.role.peer("relay")
        self.smtpd = self.role.peer("smtpd")
        self.connect()
        return self

    def connect(self):
        names = ("resolver", "fetch", "spool", "signer")
        self.resolver, self.fetch, self.spool, self.signer = (self.role.peer(name) for name in names)
        for peer in (self.resolver, self.fetch, self.spool, self.signer):
            peer.end.settimeout(PATIENCE_S)
        self.say_signers()

    def say_signers(self):
        self.signer.say("dkim_signers", signers=list(self.signers))

    def __exit__(self, *_):
        self.role.__exit__()

    def stop(self):
        assert self.role.stop() == 0, self.role.log()

    def say(self, *counts, domain=DOMAIN, mx_host="mx.example.test", sending=b"\x7f\0\0\1", receiving=b"\xc0\0\2\1"):
        self.relay.say(
            "tls_result",
            domain=domain.encode(),
            mx_host=mx_host.encode(),
            sending=sending,
            receiving=receiving,
            counts=list(counts),
        )

    def say_dmarc(self, row=None, **policy):
        self.smtpd.say("dmarc_result", **message_result(row or {}, **policy))

    def hear(self, peer, name):
        heard = peer.hear()
        assert heard is not None, "reports closed:\n" + self.role.log()
        assert heard[0] == name
        return heard[1]

    def answer_dns(self, records=(), status=DNS_OK, type=16):
        asked = self.hear(self.resolver, "resolve")
        assert asked["type"] == type
        self.resolver.say(
            "answer",
            ticket=asked["ticket"],
            status=status,
            secure=0,
            canonical=asked["name"],
            records=list(records),
        )
        return asked["name"].decode()

    def wait_for_question(self, patience_s=3 * PATIENCE_S):
        """The name; None: what comes next is a letter."""
        self.pending = None
        self.resolver.end.settimeout(0.2)
        for _ in range(patience_s * 5):
            try:
                self.pending = self.hear(self.resolver, "resolve")
                self.resolver.end.settimeout(PATIENCE_S)
                return self.pending["name"].decode()
            except TimeoutError:
                if select.select([self.spool.end], [], [], 0)[0]:
                    break
        self.resolver.end.settimeout(PATIENCE_S)
        return None

    def answer_pending(self, records=(), status=DNS_OK):
        asked = self.pending
        self.resolver.say(
            "answer",
            ticket=asked["ticket"],
            status=status,
            secure=0,
            canonical=asked["name"],
            records=list(records),
        )

    def answer_record(self, rua, domain=DOMAIN):
        assert self.answer_dns(txt(f"v=TLSRPTv1; rua={rua}")) == f"_smtp._tls.{domain}"

    def take_letter(self, result=KEPT):
        letter = self.hear(self.spool, "letter")
        if result:
            self.spool.say("letter_kept", ticket=letter["ticket"], result=result)
        return letter["to"].decode(), email.message_from_bytes(letter["body"], policy=email.policy.SMTP)

    def take_post(self, result=FETCH_OK, status=200):
        order = self.hear(self.fetch, "fetch")
        self.fetch.say("fetched", ticket=order["ticket"], result=result, status=status, body=b"", reason=b"no")
        return order

    def is_quiet(self, peer, for_s):
        peer.end.settimeout(for_s)
        try:
            return peer.hear() is None
        except TimeoutError:
            return True
        finally:
            peer.end.settimeout(PATIENCE_S)


def json_of(message):
    text, attachment = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert attachment.get_content_type() == "application/tlsrpt+gzip"
    return json.loads(gzip.decompress(attachment.get_content()))


def at_period_start():
    """What is said now falls into one period."""
    time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.05)


def test_a_report_is_mailed(tmp_path):
    strings = b"version: STSv1\nmode: testing\nmx: mx.example.test\nmax_age: 86400"
    with Reports(tmp_path, organization="Example: Ltd.", **{"from": "reports@gatepost.test"}) as r:
        at_period_start()
        for _ in range(3):
            r.say(count(type=STS, strings=strings, mx=b"mx.example.test"))
        for result, reason in [(MISMATCH, b""), (VALIDATION, b'say "no"'), (VALIDATION, b'say "no"')]:
            r.say(count(result, STS, strings=strings, mx=b"mx.example.test", reason=reason))
        r.say(count(NO_STARTTLS), mx_host="", sending=b"", receiving=b"\x20\1\x0d\xb8" + bytes(11) + b"\1")
        r.answer_record("mailto:tls@example.test")
        to, message = r.take_letter()
        r.stop()
    assert (to, message["To"], message["From"]) == ("tls@example.test", "tls@example.test", "reports@gatepost.test")
    assert (message["TLS-Report-Domain"], message["TLS-Report-Submitter"]) == (DOMAIN, "gatepost.test")
    assert message["TLS-Required"] == "No"
    report = json_of(message)
    assert (report["organization-name"], report["contact-info"]) == ("Example: Ltd.", "reports@gatepost.test")
    sts, none = report["policies"]
    assert sts["policy"] == {
        "policy-type": "sts",
        "policy-string": strings.decode().split("\n"),
        "policy-domain": DOMAIN,
        "mx-host": ["mx.example.test"],
    }
    assert sts["summary"] == {"total-successful-session-count": 3, "total-failure-session-count": 3}
    alike = {
        "sending-mta-ip": "127.0.0.1",
        "receiving-mx-hostname": "mx.example.test",
        "receiving-ip": "192.0.2.1",
    }
    assert sorted(sts["failure-details"], key=lambda d: d["result-type"]) == [
        {"result-type": "certificate-host-mismatch", "failed-session-count": 1, **alike},
        {
            "result-type": "validation-failure",
            "failed-session-count": 2,
            "failure-reason-code": 'say "no"',
            **alike,
        },
    ]
    assert none["policy"] == {"policy-type": "no-policy-found", "policy-domain": DOMAIN}
    assert none["failure-details"] == [
        {"result-type": "starttls-not-supported", "receiving-ip": "2001:db8::1", "failed-session-count": 1}
    ]


def test_a_report_is_posted_and_what_failed_is_tried_again(tmp_path):
    with Reports(tmp_path) as r:
        r.say(count())
        for result in (FETCH_HTTP_STATUS, FETCH_OK):
            r.answer_record("https://Reports.Example.test/tls?a=b\\,mailto:tls@example.test".replace("\\", ""))
            assert r.answer_dns(type=28, status=DNS_NODATA) == "reports.example.test"
            assert r.answer_dns([{"data": b"\x7f\0\7\1"}], type=1) == "reports.example.test"
            order = r.take_post(result)
            assert (order["kind"], order["host"], order["path"]) == (POST, b"reports.example.test", b"/tls?a=b")
            assert order["media_type"] == b"application/tlsrpt+gzip"
            assert [a["octets"] for a in order["addresses"]] == [b"\x7f\0\7\1"]
            posted = json.loads(gzip.decompress(order["body"]))
            if result == FETCH_HTTP_STATUS:
                # The other place is tried at once, and not again with the first.
                assert json_of(r.take_letter()[1]) == posted
        assert r.is_quiet(r.resolver, 2 * PERIOD_S)
        r.stop()


def test_a_restart_neither_loses_nor_doubles(tmp_path):
    with Reports(tmp_path) as r:
        r.say(count())
        time.sleep(1.5)  # it is on disk
        r.role.process.kill()
    with Reports(tmp_path) as r:
        r.answer_record("mailto:one@example.test,mailto:two@example.test")
        to, first = r.take_letter()
        assert to == "one@example.test"
        to, second = r.take_letter(None)  # and whether the queue has it nobody knows
        assert to == "two@example.test"
        r.role.process.kill()
    with Reports(tmp_path) as r:
        r.answer_record("mailto:one@example.test,mailto:two@example.test")
        to, again = r.take_letter()
        assert (to, again["Message-ID"]) == ("two@example.test", second["Message-ID"])
        assert json_of(again) == json_of(second) == json_of(first)
        r.stop()
    with Reports(tmp_path) as r:
        assert r.is_quiet(r.resolver, 2 * PERIOD_S)
        r.stop()


def test_at_a_stop_all_is_counted_that_is_told(tmp_path):
    """Sessions of relay go on for some seconds, and what web and smtpd told may be unread when they are gone."""
    with Reports(tmp_path, interval="1d") as r:
        web = r.role.peer("web")
        r.spool.close()
        r.role.control.say("stop", empty=0)
        r.role.hear_pong()
        for _ in range(50):
            r.say(count())
        web.say("report_over_limit", reporter=b"them.example", octets=1)
        r.say_dmarc()
        for peer in (r.relay, web, r.smtpd):
            peer.close()
        assert r.role.process.wait(10) == 0, "it waits for nobody"
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT domain, successes FROM tls_policy").fetchall() == [(DOMAIN, 50)]
        assert db.execute("SELECT domain FROM dmarc_policy").fetchall() == [(DOMAIN,)]
    with sqlite3.connect(tmp_path / "received.db") as db:
        assert db.execute("SELECT reporter, reports FROM over_limit").fetchall() == [("them.example", 1)]


def test_a_stop_does_not_wait_for_a_server_that_hangs(tmp_path):
    """Its report is as it was, and is tried again; those who tell of results are waited for longer."""
    with Reports(tmp_path) as r:
        r.say(count())
        r.answer_record("https://reports.example.test/tls")
        r.answer_dns(type=28, status=DNS_NODATA)
        r.answer_dns([{"data": b"\x7f\0\7\1"}], type=1)
        assert r.hear(r.fetch, "fetch")
        r.spool.close()
        r.smtpd.close()
        r.role.control.say("stop", empty=0)
        r.role.hear_pong()
        r.say(count(), domain="late.test")
        r.relay.close()
        assert r.role.process.wait(15) == 0
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT domain, state FROM report").fetchall() == [(DOMAIN, "open")]
        assert db.execute("SELECT domain FROM tls_policy WHERE domain = 'late.test'").fetchall() == [("late.test",)]


def test_who_does_not_ask_gets_none_and_the_counts_stay(tmp_path):
    with Reports(tmp_path) as r:
        r.say(count())
        r.answer_dns(status=DNS_NXDOMAIN)
        assert r.is_quiet(r.spool, PERIOD_S)
        assert r.is_quiet(r.resolver, 0.1)
        r.stop()
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("SELECT domain, successes FROM tls_policy").fetchall() == [(DOMAIN, 1)]
        assert db.execute("SELECT state FROM report").fetchall() == [("unasked",)]


def test_trouble_with_the_dns_is_tried_again(tmp_path):
    with Reports(tmp_path, interval="4s") as r:
        r.say(count())
        r.answer_dns(status=DNS_SERVFAIL)
        r.answer_record("mailto:tls@example.test")
        assert r.take_letter()[0] == "tls@example.test"
        r.stop()


def test_peers_that_are_gone_are_asked_again(tmp_path):
    with Reports(tmp_path, interval="4s") as r:
        r.say(count())
        r.hear(r.resolver, "resolve")
        for peer in (r.resolver, r.fetch, r.spool):
            peer.close()
        r.connect()
        r.answer_record("mailto:tls@example.test")
        assert r.take_letter()[0] == "tls@example.test"
        r.stop()


def test_a_report_is_signed_by_each_key_of_its_domain(tmp_path):
    keys = [{"domain": b"ours.test", "selector": s, "algorithm": i + 1} for i, s in enumerate((b"r", b"e"))]

    class Signed(Reports):
        signers = [{"domain": b"other.test", "selector": b"x", "algorithm": 1}, *keys]

    with Signed(tmp_path, interval="8s", **{"from": "tlsrpt@ours.test"}) as r:
        r.say(count())
        r.answer_record("mailto:tls@example.test")
        for key in keys:
            asked = r.hear(r.signer, "dkim_sign")
            assert (asked["domain"], asked["selector"], len(asked["digest"])) == (b"ours.test", key["selector"], 32)
            r.signer.say("dkim_signature", ticket=asked["ticket"], result=1, signature=b"signature")
        _, mail = r.take_letter()
        fields = [re.sub(r"\s+", "", f) for f in mail.get_all("DKIM-Signature")]
        assert [re.search("s=(.);", f)[1] for f in fields] == ["r", "e"]
        assert all("d=ours.test;" in f and f.endswith("b=c2lnbmF0dXJl") for f in fields)
        r.stop()


def test_a_report_that_is_not_signed_waits(tmp_path):
    class Signed(Reports):
        signers = [{"domain": b"ours.test", "selector": b"r", "algorithm": 1}]

    with Signed(tmp_path, interval="8s", **{"from": "tlsrpt@ours.test"}) as r:
        r.say(count())
        r.answer_record("mailto:tls@example.test")
        asked = r.hear(r.signer, "dkim_sign")
        r.signer.say("dkim_signature", ticket=asked["ticket"], result=3, signature=b"")
        r.answer_record("mailto:tls@example.test")  # the next attempt
        r.hear(r.signer, "dkim_sign")
        for peer in (r.resolver, r.fetch, r.spool, r.signer):
            peer.close()
        r.connect()
        r.answer_record("mailto:tls@example.test")
        asked = r.hear(r.signer, "dkim_sign")
        r.signer.say("dkim_signature", ticket=asked["ticket"], result=1, signature=b"signature")
        assert r.take_letter()[1]["DKIM-Signature"]
        r.stop()


def test_a_place_that_refuses_is_not_asked_again(tmp_path):
    with Reports(tmp_path) as r:
        r.say(count())
        r.answer_record("mailto:nobody@example.test,https://example.test:8443/")
        r.take_letter(REFUSED)
        assert r.is_quiet(r.resolver, 2 * PERIOD_S)
        assert "report_refused" in r.role.log()
        r.stop()


# --- DMARC ---


def xml_of(mail):
    text, attachment = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert attachment.get_content_type() == "application/gzip"
    return gzip.decompress(attachment.get_content()).decode()


def answer_walks(r, records):
    """Whatever is asked of the DNS, until nothing more is."""
    asked = []
    while (name := r.wait_for_question()) is not None:
        record = records.get(name, DNS_NXDOMAIN)
        if isinstance(record, str):
            r.answer_pending(txt(record))
        else:
            r.answer_pending(status=record)
        asked.append(name)
    return asked


OWN = {f"_dmarc.{DOMAIN}": f"v=DMARC1; p=reject; rua=mailto:one@{DOMAIN},mailto:two@{DOMAIN}"}


def test_a_dmarc_report_is_mailed_in_parts(tmp_path):
    with Reports(tmp_path, interval="8s", dmarc_size="1000") as r:
        time.sleep(8 - time.time() % 8 + 0.05)
        for i in range(150):
            r.say_dmarc({"source": b"192.0.2.%d" % (i % 256), "envelope_from": os.urandom(16).hex().encode()})
        r.say_dmarc({"source": b"192.0.2.1", "envelope_from": b"twice.test"})
        r.say_dmarc({"source": b"192.0.2.1", "envelope_from": b"twice.test"})
        answer_walks(r, OWN)
        ids, rows, letters = set(), [], 0
        while len(rows) < 151:
            for to in ("one", "two"):
                got, mail = r.take_letter()
                text = xml_of(mail)
                assert got == f"{to}@{DOMAIN}"
                letters += 1
            unique = re.search("<report_id>(.*)</report_id>", text)[1]
            assert f"<{unique}>" in mail["Subject"] and unique not in ids
            ids.add(unique)
            rows += re.findall("<envelope_from>(.*)</envelope_from>", text)
        assert len(set(rows)) == 151 and len(ids) > 4
        assert r.is_quiet(r.spool, 1)
        r.stop()


def test_a_restart_goes_on_with_the_part_that_was_not_taken(tmp_path):
    with Reports(tmp_path, interval="8s", dmarc_size="1000") as r:
        time.sleep(8 - time.time() % 8 + 0.05)
        for i in range(60):
            r.say_dmarc({"envelope_from": os.urandom(16).hex().encode()})
        answer_walks(r, OWN)
        for _ in range(3):
            r.take_letter()
        to, lost = r.take_letter(None)
        assert to == f"two@{DOMAIN}"
        r.role.process.kill()
    with Reports(tmp_path, interval="8s", dmarc_size="1000") as r:
        answer_walks(r, OWN)
        to, again = r.take_letter()
        assert (to, again["Message-ID"]) == (f"two@{DOMAIN}", lost["Message-ID"])
        assert xml_of(again) == xml_of(lost)
        r.stop()


def test_a_place_is_asked_for_again_when_the_dns_did_not_say_whether_it_agreed(tmp_path):
    record = {f"_dmarc.{DOMAIN}": f"v=DMARC1; p=none; rua=mailto:one@{DOMAIN},mailto:in@other.test"}
    agreement = f"{DOMAIN}._report._dmarc.other.test"
    with Reports(tmp_path, interval="8s") as r:
        r.say_dmarc()
        answer_walks(r, {**record, agreement: DNS_SERVFAIL})
        assert r.take_letter()[0] == f"one@{DOMAIN}"
        asked = answer_walks(r, {**record, agreement: "v=DMARC1"})
        assert agreement in asked
        assert r.take_letter()[0] == "in@other.test"
        r.stop()


def test_a_dmarc_report_is_what_its_schema_says(tmp_path):
    suites = os.environ.get("GATEPOST_SUITES", pathlib.Path(__file__).parents[2] / "../shared/suites")
    schema = pathlib.Path(suites) / "dmarc-xsd/dmarc-xml-0.2.xsd"
    if not schema.exists():
        pytest.skip(f"{schema} is not there: set GATEPOST_SUITES")
    if not shutil.which("xmllint"):
        pytest.skip("xmllint is not there: install libxml2-utils")
    with Reports(tmp_path, interval="4s") as r:
        time.sleep(4 - time.time() % 4 + 0.05)
        for i in range(1, 5):
            signatures = [{"domain": b"a.test", "selector": b"s", "result": k} for k in range(i, i + 3)]
            row = {"disposition": i, "override": i - 1, "spf": i + 2, "spf_domain": b"b.test", "signatures": signatures}
            r.say_dmarc({**row, "dkim_aligned": i % 2}, testing=i % 2, fo=15, flaw=b"x=]]>", sp=1, np=2)
        r.say_dmarc({"source": b"2001:db8::1"}, fo=15)
        answer_walks(r, OWN)
        (tmp_path / "report.xml").write_text(xml_of(r.take_letter()[1]), encoding="utf-8")
        r.stop()
    command = ["xmllint", "--noout", "--schema", schema, tmp_path / "report.xml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


SENSELESS_MESSAGES = {
    "no domain": ({}, {"domain": b""}),
    "no name": ({}, {"domain": b"a b"}),
    "policy 0": ({}, {"p": 0}),
    "policy 4": ({}, {"np": 4}),
    "no source": ({"source": b""}, {}),
    "a source that is none": ({"source": b"<b>"}, {}),
    "disposition 0": ({"disposition": 0}, {}),
    "disposition 5": ({"disposition": 5}, {}),
    "override 5": ({"override": 5}, {}),
    "SPF 7": ({"spf": 7}, {}),
    "no author": ({"header_from": b""}, {}),
    "signature 0": ({"signatures": [{"domain": b"a", "selector": b"s", "result": 0}]}, {}),
    "a selector of two lines": ({"signatures": [{"domain": b"a", "selector": b"s\n", "result": 1}]}, {}),
    "no selector": ({"signatures": [{"domain": b"a", "selector": b"", "result": 1}]}, {}),
}


def test_a_senseless_message_ends_its_channel_only(tmp_path):
    with Reports(tmp_path, interval="4s") as r:
        time.sleep(4 - time.time() % 4 + 0.05)
        for what, (row, policy) in SENSELESS_MESSAGES.items():
            r.say_dmarc(row, **policy)
            assert r.smtpd.hear() is None, what
            r.smtpd = r.role.peer("smtpd")
            r.say_dmarc()
        answer_walks(r, OWN)
        assert f"<count>{len(SENSELESS_MESSAGES)}</count>" in xml_of(r.take_letter()[1])
        r.stop()


def test_odd_texts_of_messages_are_only_texts(tmp_path):
    odd = {"envelope_from": b"]]>\0<!--&\xff", "spf_domain": b"'; DROP TABLE dmarc_row; --" + b"x" * 200}
    signature = {"domain": b"\xff" * 253, "selector": b"<" * 63, "result": 1}
    with Reports(tmp_path, interval="4s") as r:
        r.say_dmarc({**odd, "signatures": [signature] * 5}, flaw=b"\x01" * 255)
        answer_walks(r, OWN)
        text = xml_of(r.take_letter()[1])
        assert "<envelope_from>]]&gt;?&lt;!--&amp;?</envelope_from>" in text
        assert text.count(f"<selector>{'&lt;' * 63}</selector>") == 5
        xml.etree.ElementTree.fromstring(text)
        r.stop()


# --- a relay that has fallen ---


def test_many_kinds_are_added_up(tmp_path):
    with Reports(tmp_path, interval="4s") as r:
        time.sleep(4 - time.time() % 4 + 0.05)
        for i in range(300):
            r.say(count(EXPIRED, reason=b"%d" % i))
            r.say(count(SUCCESS, TLSA, domain=f"mx{i}.example.test"))
        r.answer_record("mailto:tls@example.test")
        report = json_of(r.take_letter()[1])
        r.stop()
    assert len(report["policies"]) == 16
    none = report["policies"][0]
    assert none["summary"]["total-failure-session-count"] == 300
    sessions = [d["failed-session-count"] for d in none["failure-details"]]
    assert sorted(sessions) == [1] * 100 + [200]


LONG = {"domain": "d" * 255, "strings": b"s" * 8192, "mx": b"\n" * 8192, "reason": b"\xff" * 512}
ODD = {
    "as long as may be": ([count(MISMATCH, STS, **LONG)] * 3, {"mx_host": "m" * 255}),
    "a NUL": ([count(MISMATCH, reason=b"a\0b")], {"mx_host": "a\0b"}),
    "SQL": ([count(MISMATCH, reason=b"'; DROP TABLE tls_policy; --")], {"mx_host": "' OR 1"}),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_texts_are_only_texts(tmp_path, what):
    with Reports(tmp_path) as r:
        counts, fields = ODD[what]
        at_period_start()
        r.say(*counts, **fields)
        r.answer_record("mailto:tls@example.test")
        report = json_of(r.take_letter()[1])
        assert report["policies"][0]["summary"]["total-failure-session-count"] == len(counts)
        r.stop()


SENSELESS = {
    "no domain": ([count()], {"domain": ""}),
    "no count": ([], {}),
    "policy 0": ([count(type=0)], {}),
    "policy 4": ([count(type=4)], {}),
    "result 0": ([count(0)], {}),
    "result 14": ([count(14)], {}),
    "an address of 5 octets": ([count()], {"sending": b"12345"}),
}


def test_a_senseless_result_ends_its_channel_only(tmp_path):
    with Reports(tmp_path) as r:
        at_period_start()
        for what, (counts, fields) in SENSELESS.items():
            r.say(*counts, **fields)
            assert r.relay.hear() is None, what
            r.relay = r.role.peer("relay")
            r.say(count())
        r.answer_record("mailto:tls@example.test")
        (policy,) = json_of(r.take_letter()[1])["policies"]
        assert policy["summary"] == {
            "total-successful-session-count": len(SENSELESS),
            "total-failure-session-count": 0,
        }
        r.stop()


def test_a_message_that_relay_may_not_say_ends_its_channel_only(tmp_path):
    with Reports(tmp_path, interval="1d") as r:
        other = r.role.peer("relay", 1)
        for number in range(len(rolerig.MESSAGES) + 2):
            r.relay.say_raw(number, b"\xff" * 7)
            assert r.relay.hear() is None, number
            r.relay = r.role.peer("relay")
        other.end.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.hear()
        r.stop()


def test_answers_that_nobody_asked_for_are_passed_over(tmp_path):
    with Reports(tmp_path) as r:
        r.fetch.say("fetched", ticket=1, result=FETCH_OK, status=200, body=b"", reason=b"")
        r.spool.say("letter_kept", ticket=1, result=KEPT)
        r.say(count())
        asked = r.hear(r.resolver, "resolve")
        ticket, name = asked["ticket"], asked["name"]
        # The ticket of another question does not count here.
        r.spool.say("letter_kept", ticket=ticket, result=KEPT)
        r.fetch.say("fetched", ticket=ticket, result=FETCH_OK, status=200, body=b"", reason=b"")
        answer = {"status": DNS_OK, "secure": 0, "canonical": name}
        r.resolver.say("answer", ticket=ticket + 9, records=[], **answer)
        r.resolver.say("answer", ticket=ticket, records=txt("v=TLSRPTv1;rua=mailto:tls@example.test"), **answer)
        assert r.take_letter()[0] == "tls@example.test"
        r.stop()


def test_a_database_of_a_later_version_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "reports.db") as db:
        db.execute("PRAGMA user_version = 99")
    os.chmod(tmp_path / "reports.db", 0o666)
    os.chmod(tmp_path, 0o777)
    with rolerig.Role("reports", settings(), directories=[tmp_path]) as role:
        assert role.process.wait(10) == 1
        assert "reports_not_opened" in role.log()
    with sqlite3.connect(tmp_path / "reports.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


def counted(folder, copy):
    """What a reader of a running gateway sees: the files, copied. None: they are not all there yet."""
    copy.mkdir(exist_ok=True)
    try:
        for name in ("reports.db", "reports.db-wal"):
            shutil.copy(folder / name, copy / name)
        with sqlite3.connect(copy / "reports.db") as db:
            return db.execute("SELECT sum(successes) FROM tls_policy").fetchone()[0]
    except (FileNotFoundError, sqlite3.OperationalError):
        return None


def test_counts_are_on_disk_within_seconds(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    with Reports(folder, interval="1d") as r:
        assert r.is_quiet(r.relay, 0.5)
        r.say(count())
        eventually(lambda: counted(folder, tmp_path / "copy") == 1, what="the count")
        r.stop()
    with Reports(folder, interval="1d") as r:
        r.say(count())
        eventually(lambda: counted(folder, tmp_path / "copy") == 2, what="the count")
        r.stop()
