# SPDX-License-Identifier: Apache-2.0
"""TLS reports from end to end: sessions of several kinds, a restart, and what the domains hear by mail and HTTPS."""

import gzip
import json
import signal
import sqlite3
import threading
import time

import dkim
import pytest
import tlsrig
from gateway import eventually, free_port
from httpsrig import Authority, HttpsRig, answer

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
PERIOD_S = 12
# Port 25 of these: without TLS, and with a certificate of its own making.
CLEAR, SECURE = "127.0.11.1", "127.0.11.2"
HTTPS = "127.0.11.3"
TESTING = b"version: STSv1\nmode: testing\nmx: mx.demo.test\nmax_age: 86400\n"
ENFORCE = b"version: STSv1\nmode: enforce\nmx: mx.other.test\nmax_age: 86400\n"
BY_MAIL, BY_HTTPS = "mailto:alice@demo.test", "https://reports.test/v1/tls"


def domain(name, host, rua, **types):
    return {name: {"MX": [[10, host]], **types}, f"_smtp._tls.{name}": {"TXT": [f"v=TLSRPTv1; rua={rua}"]}}


NAMES = {
    **domain("clear.test", "mx.clear.test", BY_MAIL),
    **domain("fine.test", "mx.demo.test", BY_HTTPS),
    **domain("sts.test", "mx.demo.test", f"{BY_MAIL},{BY_HTTPS}"),
    **domain("strict.test", "mx.demo.test", BY_MAIL),
    **domain("dane.test", "mx.dane.test", BY_MAIL, secure=True),
    **domain("demo.test", "mx.demo.test", BY_MAIL),
    "silent.test": {"MX": [[10, "mx.clear.test"]]},
    "_mta-sts.sts.test": {"TXT": ["v=STSv1; id=1"]},
    "mta-sts.sts.test": {"A": [HTTPS]},
    "_mta-sts.strict.test": {"TXT": ["v=STSv1; id=1"]},
    "mta-sts.strict.test": {"A": [HTTPS]},
    "reports.test": {"A": [HTTPS]},
    "mx.clear.test": {"A": [CLEAR]},
    "mx.demo.test": {"A": [SECURE]},
    "mx.dane.test": {"A": [SECURE], "secure": True},
    "_25._tcp.mx.dane.test": {"TLSA": [[3, 1, 1, "00" * 32]], "secure": True},
}


def respond(rig):
    def script(tls):
        request = rig.requests[-1]
        policy = ENFORCE if b"mta-sts.strict.test" in request else TESTING
        tls.sendall(answer(policy) if request.startswith(b"GET ") else answer(b"", "201 Created"))
        tls.unwrap()

    return script


@pytest.fixture
def world(gatepost, sink, scratch):
    """The gateway that reports, and those that it speaks with."""
    authority = Authority(scratch)
    certificate = authority.issue("mta-sts.sts.test", "mta-sts.strict.test", "reports.test")
    try:
        clear = sink(address=(CLEAR, 25))
    except PermissionError:
        pytest.skip("mail hosts listen on port 25, which needs root")
    pem, key = tlsrig.make(scratch, name="other.test")
    port = free_port()
    there = gatepost(
        listen=[{"address": f"{address}", "service": "inbound"} for address in (f"127.0.0.1:{port}", f"{SECURE}:25")],
        tls={"certificate": [str(pem)], "key": [str(key)]},
        domains={
            "demo.test": {"recipients": ["alice"], "deliver": {"maildir": "mail/{domain}/{local}"}},
            **{f"{name}.test": {"recipients": "any", "deliver": "discard"} for name in ("fine", "sts", "dane")},
        },
    )
    rig = HttpsRig(certificate, None, address=HTTPS)
    rig.script = respond(rig)
    with rig:
        here = gatepost(
            names=NAMES,
            relay_networks=["127.0.0.0/8"],
            domains={"here.test": {"recipients": "any", "deliver": "discard"}},
            fetch={"ca_file": str(authority.path), "port": rig.port, "private_addresses": True},
            reports={"tls_interval": f"{PERIOD_S}s", "organization": "Example", "from": "tlsrpt@here.test"},
        )
        yield here, there, clear, rig
    assert not rig.complaints


def events(server, name, **fields):
    return [line for line in server.log_lines() if line["event"] == name and fields.items() <= line.items()]


def policies(report):
    """By type: domain, successes, failures, {result: sessions}."""
    assert (report["organization-name"], report["contact-info"]) == ("Example", "tlsrpt@here.test")
    found = {}
    for p in report["policies"]:
        details = {d["result-type"]: d["failed-session-count"] for d in p.get("failure-details", [])}
        policy, summary = p["policy"], p["summary"]
        counts = summary["total-successful-session-count"], summary["total-failure-session-count"]
        found[policy["policy-type"]] = (policy["policy-domain"], *counts, details)
    return found


def mailed(server):
    """Domain to report, of those in the mailbox."""
    found = {}
    for mail in server.wait_for_mails("alice", 0):
        attachment = list(mail.iter_parts())[1]
        assert mail["TLS-Report-Domain"] not in found, "a report came twice"
        assert mail["Return-Path"] == "<>"
        found[mail["TLS-Report-Domain"]] = json.loads(gzip.decompress(attachment.get_content()))
    return found


def make_keys(server, domain="here.test"):
    """DKIM's, for the domain that its reports are from; the names that they are published under, with their texts."""
    done = server.run("domain", "add", domain, "--json")
    names = {}
    for record in json.loads(done.stdout)["records"]:
        names[record["name"]] = {"TXT": ["".join(record["value"].strip('"').split('" "'))]}
    (server.folder / "published.json").write_text(json.dumps(names), encoding="utf-8")
    done = server.run("domain", "rotate", domain, "--dns", server.folder / "published.json")
    assert done.returncode == 0, done.stderr
    return names


def signed_by(raw, names):
    """The domain of each signature, all of which verify."""
    def txt(name, timeout=5):
        return names[name.decode().rstrip(".")]["TXT"][0].encode()

    found = []
    for i in range((b"\n" + raw).count(b"\nDKIM-Signature:")):
        verifier = dkim.DKIM(raw)
        assert verifier.verify(idx=i, dnsfunc=txt)
        found.append(verifier.domain.decode())
    return found


def posted(rig):
    """The same of those that were posted; the domain is in the report's policies alone."""
    found = {}
    for request in list(rig.requests):
        head, _, body = request.partition(b"\r\n\r\n")
        if head.startswith(b"GET "):
            continue
        assert head.startswith(b"POST /v1/tls HTTP/1.1\r\n")
        assert b"content-type: application/tlsrpt+gzip" in head.lower()
        report = json.loads(gzip.decompress(body))
        domain = report["policies"][0]["policy"]["policy-domain"]
        assert domain not in found, "a report came twice"
        found[domain] = report
    return found


def test_what_sessions_came_to_is_told_once(world):
    here, there, clear, rig = world
    time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.1)
    for name in ("strict", "clear", "fine", "sts", "dane", "silent"):
        here.send(MESSAGE, to=[f"you@{name}.test"])
    eventually(lambda: len(events(here, "session")) == 5, what="the sessions")
    # There was none with the host that its policy does not name.
    eventually(lambda: events(here, "deferred", to="you@strict.test"), what="its deferral")
    time.sleep(1.5)  # they are on disk
    names = make_keys(here)
    here.stop()
    here.start()
    eventually(lambda: len(mailed(there)) == 4 and len(posted(rig)) == 2, 3 * PERIOD_S, "the reports")
    by_mail, by_https = mailed(there), posted(rig)
    assert {name: policies(report) for name, report in by_mail.items()} == {
        "clear.test": {"no-policy-found": ("clear.test", 0, 1, {"starttls-not-supported": 1})},
        "sts.test": {"sts": ("sts.test", 0, 1, {"certificate-not-trusted": 1})},
        "strict.test": {"sts": ("strict.test", 0, 1, {"validation-failure": 1})},
        "dane.test": {"tlsa": ("mx.dane.test", 0, 1, {"tlsa-invalid": 1})},
    }
    for raw in there.mails("alice"):
        assert signed_by(raw, names) == ["here.test"] * 2
    assert policies(by_https["fine.test"]) == {"no-policy-found": ("fine.test", 1, 0, {})}
    assert by_https["sts.test"] == by_mail["sts.test"]
    (detail,) = by_mail["clear.test"]["policies"][0]["failure-details"]
    assert (detail["receiving-mx-hostname"], detail["receiving-ip"]) == ("mx.clear.test", CLEAR)
    assert detail["sending-mta-ip"].startswith("127.0.")
    # One more restart and period: nothing is told again, and nobody is told of the telling.
    here.stop()
    here.start()
    time.sleep(2 * PERIOD_S)
    assert mailed(there).keys() == by_mail.keys()
    assert posted(rig).keys() == by_https.keys()


def test_a_session_that_goes_on_at_a_stop_is_counted(gatepost, sink):
    """Longer than spool waits for it: what it came to is told when spool is gone."""
    released = threading.Event()

    def greet(_):
        released.wait(60)
        return "220 slow.test"

    try:
        there = sink({"connect": greet}, address=(CLEAR, 25))
    except PermissionError:
        pytest.skip("mail hosts listen on port 25, which needs root")
    server = gatepost(relay_networks=["127.0.0.0/8"], names=domain("slow.test", "mx.clear.test", BY_MAIL) | {
        "mx.clear.test": {"A": [CLEAR]}})
    server.send(MESSAGE, to=["you@slow.test"])
    eventually(lambda: there.connections, what="the session")
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: not server.pids("spool"), what="that spool waits no longer")
    server.settle("relay", "reports")
    released.set()
    server.stop()
    assert events(server, "session") and not events(server, "results_lost")
    with sqlite3.connect(server.folder / "state/reports/reports.db") as db:
        assert db.execute("SELECT domain, successes FROM tls_policy").fetchall() == [("slow.test", 0)]


def test_mail_does_not_mind_a_database_that_cannot_be_opened(gatepost, sink):
    there = sink()
    server = gatepost(relay_networks=["127.0.0.0/8"], smarthost={"address": f"127.0.0.1:{there.port}"})
    server.crash_is_expected = True
    database = server.folder / "state/reports/reports.db"
    server.stop()
    (database.parent / "reports.db-wal").unlink()  # all that was written so far is there
    database.write_bytes(b"not a database " * 100)
    server.start()
    for _ in range(5):
        server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: len(there.messages) == 5, what="delivery")
    eventually(lambda: events(server, "reports_not_opened"), what="the complaint")
    assert database.read_bytes().startswith(b"not a database ")
