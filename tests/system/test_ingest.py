# SPDX-License-Identifier: Apache-2.0
"""Reports of others that come by mail are read, kept and not delivered; and what hostile ones cost."""

import base64
import contextlib
import gzip
import json
import os
import signal
import sqlite3
import struct
import time
import zlib

import pytest
import rolerig
from gateway import Gateway, eventually, run

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<feedback>
 <report_metadata><org_name>reporter.example</org_name><email>dmarc@reporter.example</email>
  <report_id>{id}</report_id><date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>
 <policy_published><domain>demo.test</domain><p>none</p></policy_published>
 {records}
</feedback>
"""
RECORD = """<record><row><source_ip>192.0.2.{last}</source_ip><count>{count}</count>
 <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
 <identifiers><header_from>demo.test</header_from></identifiers>
 <auth_results><spf><domain>demo.test</domain><result>fail</result></spf></auth_results></record>
"""
DAY = 1790000000 - 1790000000 % 86400
TLS = {
    "organization-name": "tls.example",
    "date-range": {"start-datetime": "2026-09-20T00:00:00Z", "end-datetime": "2026-09-20T23:59:59Z"},
    "report-id": "t1",
    "policies": [
        {
            "policy": {"policy-type": "sts", "policy-domain": "demo.test"},
            "summary": {"total-successful-session-count": 7, "total-failure-session-count": 0},
        }
    ],
}


def settings_of_a_role():
    listen = [{"address": "127.0.0.1:2525", "service": "inbound"}]
    return {"hostname": "mx.gatepost.test", "state": "/nowhere", "listen": listen, "log": {"level": "debug"}}


def aggregate(id_="r1", counts=(3, 4)):
    records = "".join(RECORD.format(last=i + 1, count=n) for i, n in enumerate(counts))
    return REPORT.format(id=id_, begin=DAY, end=DAY + 86399, records=records).encode()


def mail(octets, type_="application/gzip"):
    return (
        b"From: dmarc@reporter.example\r\nTo: reports@demo.test\r\nSubject: Report domain: demo.test\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: " + type_.encode() + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets).replace(b"\n", b"\r\n")
    )


@pytest.fixture
def server(tmp_path):
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"] |= {
        "reports": "reports",
        "aliases": {"dmarc": ["reports"], "both": ["reports", "alice"]},
    }
    server.settings["retry"] = {"first": "1s", "max": "2s", "for": "1h"}
    server.start()
    yield server
    server.stop()


def read(server, count=1):
    """What became of so many mails."""

    def said():
        lines = [x for x in server.log_lines() if x["event"] == "report_mail_read"]
        return lines if len(lines) >= count else None

    return eventually(said, 30, what="mails that were read")


def kept(server, what):
    done = run("reports", *what, "--database", server.folder / "state/reports/received.db", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_report_is_read_and_kept_before_its_mail_is_gone(server):
    server.send(mail(gzip.compress(aggregate())), to=["reports@demo.test"])
    (said,) = read(server)
    assert (said["kept"], said["known"], said["refused"]) == (1, 0, 0)
    eventually(lambda: server.queued() == [], what="an empty queue")
    summary = kept(server, ["summary", "--domain", "demo.test", "--since", "2020-01-01", "--unauthenticated"])
    assert summary["messages"] == 7


@pytest.mark.parametrize(
    ("octets", "kept_", "known", "refused"),
    [
        (mail(gzip.compress(aggregate("a"))), 1, 0, 0),
        (mail(json.dumps(TLS).encode(), "application/tlsrpt+json"), 1, 0, 0),
        (mail(mail(gzip.compress(aggregate("a"))), "application/octet-stream; name=report.eml"), 1, 0, 0),
        (mail(b"unused", "text/plain"), 0, 0, 1),
        (mail(gzip.compress(b"<!DOCTYPE a [<!ENTITY b 'c'>]><feedback>&b;</feedback>")), 0, 0, 1),
        (mail(gzip.compress(b" " * 30_000_000)), 0, 0, 1),
        (b"From: a@b.test\r\n\r\nno report at all\r\n", 0, 0, 1),
    ],
    ids=["aggregate", "TLS", "forwarded as a file", "unused", "entity", "bomb", "words"],
)
def test_each_mail_comes_to_an_end(server, octets, kept_, known, refused):
    server.send(octets, to=["dmarc@demo.test"])
    (said,) = read(server)
    assert (said["kept"], said["known"], said["refused"]) == (kept_, known, refused)
    eventually(lambda: server.queued() == [], what="an empty queue")


def refused(server, *argv):
    return run("reports", "refused", "-c", server.config, *argv)


def listed(server, *argv):
    done = refused(server, "--json", *argv)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


BOMB = mail(gzip.compress(b" " * 30_000_000))
FUTURE = mail(gzip.compress(aggregate("f").replace(str(DAY).encode(), b"4000000000").replace(
    str(DAY + 86399).encode(), b"4000000100")))  # fmt: skip


def test_what_is_refused_is_kept_as_it_came(server, tmp_path):
    """The mail itself, whoever refused it: ingest, or reports; also a large one, in a descriptor."""
    words = b"From: a@b.test\r\n\r\nno report at all \xff\r\n"
    large = mail(b"unused " * 400_000, "text/plain")
    assert len(large) > 3_000_000
    mails = [BOMB, FUTURE, words, large]
    for octets in mails:
        server.send(octets, to=["reports@demo.test"])
    read(server, len(mails))
    eventually(lambda: server.queued() == [], what="an empty queue")
    assert listed(server) == []  # of those whom we know
    found = sorted(listed(server, "--unauthenticated"), key=lambda m: m["number"])
    assert [m["authenticated"] for m in found] == [False] * len(mails)
    assert "so much comes out" in found[0]["why"] and "future" in found[1]["why"]
    for sent, kept_ in zip(mails, found, strict=True):
        file = tmp_path / f"{kept_['number']}"
        assert refused(server, str(kept_["number"]), "-o", file).returncode == 0
        octets = file.read_bytes()
        assert octets.endswith(sent)
        assert (len(octets), oct(file.stat().st_mode)[-3:]) == (kept_["size"], "600")
    for name in ("refused.db", "received.db"):
        assert oct((server.folder / "state/reports" / name).stat().st_mode)[-3:] == "600"


def test_what_was_refused_can_be_imported(server, tmp_path):
    """By a version that knows better: here, the same one with other bounds."""
    blanks = b"\n".join(b" " * 400 + b"<!-- %s -->" % os.urandom(4).hex().encode() for _ in range(60_000))
    server.send(mail(gzip.compress(aggregate("large") + blanks)), to=["reports@demo.test"])
    server.send(mail(gzip.compress(aggregate("fine"))), to=["reports@demo.test"])
    read(server, 2)
    folder = tmp_path / "refused"
    done = refused(server, "all", "--unauthenticated", "-o", folder)
    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("*.eml"))) == 1
    assert refused(server, "all", "--unauthenticated", "-o", folder).returncode == 0
    done = run("reports", "import", "--json", "--max-size", "100MB", "--database", tmp_path / "r.db", folder)
    assert json.loads(done.stdout)["imported"] == 1, done.stdout


def test_a_mail_is_not_gone_before_it_is_kept(server):
    """A database that cannot take it: the mail waits, and is read again."""
    server.stop()
    folder = server.folder / "state/reports"
    for file in folder.glob("refused.db*"):
        file.unlink()
    (folder / "refused.db").mkdir()
    server.start()
    server.send(BOMB, to=["reports@demo.test"])
    eventually(lambda: any(x["event"] == "refused_mail_not_kept" for x in server.log_lines()), what="a failure")
    assert len(server.queued()) == 1
    server.stop()
    (folder / "refused.db").rmdir()
    server.start()
    eventually(lambda: server.queued() == [], 30, what="an empty queue")
    assert len(listed(server, "--unauthenticated")) == 1


def test_a_role_that_dies_while_it_keeps_a_mail(server):
    pid = server.pid_of("reports")
    os.kill(pid, signal.SIGSTOP)
    server.send(BOMB, to=["reports@demo.test"])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.queued() == [], 30, what="an empty queue")
    assert len(listed(server, "--unauthenticated")) == 1


def test_the_same_again_is_known(server):
    for _ in range(2):
        server.send(mail(zlib.compress(aggregate(), wbits=31)), to=["reports@demo.test"])
    said = read(server, 2)
    assert sorted((x["kept"], x["known"]) for x in said) == [(0, 1), (1, 0)]


def test_other_recipients_of_the_mail_have_it(server):
    server.send(mail(gzip.compress(aggregate())), to=["both@demo.test"])
    (said,) = read(server)
    assert said["kept"] == 1
    server.wait_for_mails("alice")


NAMES = {
    "reporter.example": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"], "A": ["127.0.0.1"]},
    "_dmarc.reporter.example": {"TXT": ["v=DMARC1; p=none"]},
}
PASSED = b"Authentication-Results: mx.gatepost.test; dmarc=pass header.from=reporter.example\r\n"


def test_another_servers_word_is_nothing(tmp_path):
    """Of a host that is not looked at, there is no field of ours above its own."""
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"]["reports"] = "reports"
    server.settings["relay_networks"] = ["127.0.0.0/8"]
    server.start()
    try:
        theirs = PASSED.replace(b"mx.gatepost", b"other")
        server.send(theirs + mail(gzip.compress(aggregate())), to=["reports@demo.test"])
        read(server)
        assert kept(server, ["summary", "--since", "2020-01-01"])["messages"] == 0
    finally:
        server.stop()


def test_a_reporter_has_a_day(tmp_path):
    """By its organization, whatever name below it mail is from; and who is nobody by his network."""
    spf = {"TXT": ["v=spf1 ip4:127.0.0.1 -all"], "A": ["127.0.0.1"]}
    server = Gateway(tmp_path)
    server.settings |= {"reports": {"received_per_day": 2}, "workers": 1}
    server.settings["domains"]["demo.test"]["reports"] = "reports"
    server.names = NAMES | {f"{name}.reporter.example": spf for name in "abc"}
    server.start()
    try:

        def code(domain, number, to="reports@demo.test"):
            octets = mail(gzip.compress(aggregate(f"r{number}"))).replace(b"@reporter.example", b"@" + domain.encode())
            with server.client() as client:
                client.ehlo("client.example.com")
                client.mail(f"x@{domain}")
                client.rcpt(to)
                return client.data(octets)

        assert [code(f"{name}.reporter.example", name)[0] for name in "ab"] == [250, 250]
        refused = code("c.reporter.example", "c")
        assert refused[0] == 451 and refused[1].startswith(b"4.7.1 "), refused
        assert code("reporter.example", "d")[0] == 451
        # Whatever is not for reports goes on, and so does mail of others.
        assert code("reporter.example", "e", to="alice@demo.test")[0] == 250
        assert [code("nobody.example", n)[0] for n in range(3)] == [250, 250, 451]
        read(server, 4)
        assert [x["domain"] for x in server.log_lines() if x["event"] == "reporter_over_limit"] == [
            "reporter.example", "reporter.example", ""]

        def told():
            return {o["reporter"]: o["reports"] for o in kept(server, ["summary"])["over_limit"] if o["octets"] > 100}

        eventually(lambda: told() == {"reporter.example": 2, "127.0.0.0/24": 1}, what="who was over his limit")
    finally:
        server.stop()


# --- what a fallen ingest can do to reports ---

HEAD_OF_A_FRAME = b"\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    "said",
    [
        [("report_told", {"frames": b""})],
        [("report_end", {"refused": b""})],
        [("report_begin", {}), ("report_begin", {})],
        [("report_begin", {}), ("report_told", {"frames": HEAD_OF_A_FRAME})],
        [("report_begin", {}), ("report_told", {"frames": b"\x01\0\0\0\x63"})],
        [("report_begin", {}), ("report_end", {"refused": b"a\nb"})],
        [("report_begin", {"file": b"a\x1b[2J"}), ("report_end", {"refused": b""})],
        [("report_begin", {}), ("report_mail", {})],
        [("report_mail", {"size": 5})],
        [("report_mail", {"file": b"a\x1b[2J"})],
        [("report_mail", {"reason": b"a\nb"})],
    ],
    ids=["frames", "end", "twice", "length", "kind", "reason", "place", "within", "size", "mail's place", "why"],
)
def test_what_makes_no_sense_ends_the_channel(tmp_path, said):
    with rolerig.Role("reports", settings_of_a_role(), directories=[tmp_path]) as role:
        ingest = role.peer("ingest")
        for name, values in said:
            preset = {"ticket": 1, "file": b"mail x", "authenticated": 0} if name != "report_told" else {}
            preset |= {"reason": b"odd", "size": 1, "body": b"x"} if name == "report_mail" else {}
            preset = {} if name == "report_end" else preset
            ingest.say(name, **(preset | values))
        ingest.end.settimeout(10)
        assert ingest.hear() is None
        assert "report_refused" in role.log()
        # The next one is heard.
        ingest = role.peer("ingest")
        ingest.end.settimeout(10)
        ingest.say("report_begin", ticket=2, file=b"mail y", authenticated=0)
        ingest.say("report_end", refused=b"it is odd")
        assert ingest.hear() == ("report_kept", {"ticket": 2, "outcome": 3, "reason": b"it is odd"})


@pytest.mark.parametrize(
    ("names", "head", "authenticated"),
    [
        (NAMES, b"", True),
        ({}, b"", False),
        ({}, PASSED, False),
        ({}, b"Received: from a by b; Thu, 1 Oct 2026 00:00:00 +0000\r\n" + PASSED, False),
        (NAMES | {"reporter.example": {"TXT": ["v=spf1 -all"]}}, b"", False),
    ],
    ids=["passed", "unknown", "forged", "forged below", "failed"],
)
def test_who_is_believed(tmp_path, names, head, authenticated):
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"]["reports"] = "reports"
    server.names = names
    server.start()
    try:
        server.send(head + mail(gzip.compress(aggregate())), to=["reports@demo.test"], sender="x@reporter.example")
        read(server)
        since = ["summary", "--since", "2020-01-01"]
        assert kept(server, since)["messages"] == (7 if authenticated else 0)
        assert kept(server, [*since, "--unauthenticated"])["messages"] == (0 if authenticated else 7)
    finally:
        server.stop()


def test_what_is_old_is_forgotten(tmp_path):
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"]["reports"] = "reports"
    server.settings["reports"] = {"keep_received": "1d"}
    server.start()
    try:
        server.send(mail(gzip.compress(aggregate())), to=["reports@demo.test"])
        (said,) = read(server)
        assert (said["kept"], said["known"]) == (0, 1)
    finally:
        server.stop()


@pytest.mark.parametrize("role", ["ingest", "reports"])
def test_a_role_that_dies_costs_no_report(server, role):
    server.crash_is_expected = True
    for i in range(20):
        server.send(mail(gzip.compress(aggregate(f"r{i}", [1] * 200))), to=["reports@demo.test"])
        if i % 5 == 2:
            pid = server.pid_of(role)
            os.kill(pid, signal.SIGKILL)
            eventually(lambda gone=pid: set(server.pids(role)) - {gone}, what="another one")
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    with sqlite3.connect(f"file:{server.folder}/state/reports/received.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*), sum(messages) FROM report").fetchone() == (20, 20 * 200)


def test_a_report_waits_in_the_queue_until_it_is_on_disk(server):
    server.crash_is_expected = True
    pid = server.pid_of("reports")
    os.kill(pid, signal.SIGSTOP)
    server.send(mail(gzip.compress(aggregate("r0", [1] * 200))), to=["reports@demo.test"])
    time.sleep(1)  # it is read by now, and told to who does not hear it
    assert len(server.queued()) == 1
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    with sqlite3.connect(f"file:{server.folder}/state/reports/received.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*), sum(messages) FROM report").fetchone() == (1, 200)


# --- the role reports, and an ingest that has fallen ---


def octets_of(*texts):
    return b"".join(struct.pack("<I", len(t)) + t for t in texts)


def frame(kind, fields):
    """As core/ingest/wire.h has it."""
    return octets_of(bytes([kind]) + fields)


def told_head(domain=b"demo.test", kind=1, id_=b"r1"):
    texts = octets_of(b"reporter.example", b"", b"", id_, domain, b"", b"", b"", b"")
    return frame(1, bytes([kind]) + texts + struct.pack("<qq6Bi", DAY, DAY + 86399, 1, 0, 0, 0, 0, 0, -1))


@pytest.fixture
def told(tmp_path):
    """Tells the role reports of a document in these frames; what becomes of it."""
    tmp_path.chmod(0o777)
    settings = settings_of_a_role() | {"domains": {"demo.test": {"recipients": "any", "deliver": "discard"}}}
    with rolerig.Role("reports", settings, directories=[tmp_path]) as role:
        ingest = role.peer("ingest")

        def tell(*frames):
            ingest.say("report_begin", ticket=1, file=b"mail 1", authenticated=1)
            ingest.say("report_told", frames=b"".join(frames))
            ingest.say("report_end", refused=b"")
            answer = ingest.hear()
            assert answer, role.log()
            return answer[1]["outcome"], answer[1]["reason"]

        tell.web = role.peer("web")
        yield tell


def test_nonsense_is_refused_and_the_next_is_kept(told):
    assert told(told_head(), told_head(id_=b"r2")) == (3, b"what was told of it makes no sense")
    assert told(told_head()) == (1, b"")


def told_policy(domain, number=1, successful=7):
    lists = bytes(2)  # no lines, no hosts
    return frame(4, struct.pack("<Q", number) + octets_of(b"sts", domain) + lists + struct.pack("<QQ", successful, 2))


TLS_FAILURE = frame(5, octets_of(b"certificate-expired", b"", b"", b"", b"", b"", b"") + struct.pack("<Q", 2))


def test_what_the_database_cannot_take_is_said(told, tmp_path):
    assert told(told_head()) == (1, b"")
    with sqlite3.connect(tmp_path / "received.db", isolation_level=None) as db:
        db.execute("ALTER TABLE tls_policy RENAME TO elsewhere")
        assert told(told_head(kind=2), told_policy(b"demo.test")) == (4, b"")
        db.execute("ALTER TABLE elsewhere RENAME TO tls_policy")
    assert told(told_head(kind=2), told_policy(b"demo.test")) == (1, b"")


@pytest.mark.parametrize(
    ("domain", "trusted"),
    [(b"demo.test", 1), (b"sub.demo.test", 1), (b"other.example", 0), (b"notdemo.test", 0), (b"test", 0), (b"", 0)],
)
def test_reports_of_other_domains_are_apart(told, tmp_path, domain, trusted):
    """Whoever can pass DMARC could fill our figures with them."""
    assert told(told_head(domain)) == (1, b"")
    with sqlite3.connect(tmp_path / "received.db") as db:
        assert db.execute("SELECT trusted FROM report").fetchall() == [(trusted,)]
        flaws = [why for (why,) in db.execute("SELECT why FROM flaw")]
    assert flaws == ([] if trusted else ["it is about a domain that is not ours: it is kept apart"])


def test_sessions_of_other_domains_are_left_out(told, tmp_path):
    policies = told_policy(b"demo.test"), TLS_FAILURE, told_policy(b"other.example", 2), TLS_FAILURE
    assert told(told_head(kind=2), *policies, told_policy(b"", 3)) == (1, b"")
    with sqlite3.connect(tmp_path / "received.db") as db:
        assert db.execute("SELECT domain, successful, failed FROM tls_day").fetchall() == [("demo.test", 14, 4)]
        assert db.execute("SELECT domain, sessions FROM tls_failure_day").fetchall() == [("demo.test", 2)]
        assert db.execute("SELECT record, lost, why FROM flaw").fetchall() == [
            (2, 1, "it is about a domain that is not ours")
        ]


def test_sessions_by_dane_are_about_our_host(told, tmp_path):
    """RFC 8460 section 1.1: a policy of DANE goes by the name of the server."""
    host = b"mx.gatepost.test"
    assert told(told_head(host, kind=2), told_policy(host), told_policy(b"demo.test", 2)) == (1, b"")
    assert told(told_head(host), told_head(host, id_=b"r2"))[0] == 3
    assert told(told_head(host, id_=b"r3")) == (1, b"")
    with sqlite3.connect(tmp_path / "received.db") as db:
        assert db.execute("SELECT kind, trusted FROM report ORDER BY id").fetchall() == [(2, 1), (1, 0)]
        assert sorted(db.execute("SELECT domain, successful FROM tls_day")) == [("demo.test", 7), (host.decode(), 7)]


def test_refused_mail_is_forgotten_without_the_database(tmp_path):
    """Addresses of people are in it, and a server of PostgreSQL's may be away for long."""
    tmp_path.chmod(0o777)
    with rolerig.Role("reports", settings_of_a_role(), directories=[tmp_path]) as role:
        ingest = role.peer("ingest")
        ingest.say("report_begin", ticket=1, file=b"mail 1", authenticated=1)
        ingest.say("report_end", refused=b"nothing is in it")
        assert ingest.hear(), role.log()
    with contextlib.closing(sqlite3.connect(tmp_path / "refused.db", isolation_level=None)) as db:
        db.execute("INSERT INTO mail (file, why, trusted, received_s, size) VALUES ('a', 'b', 1, 1000, 0)")
    for name in ("received.db", "received.db-wal", "received.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "received.db").write_bytes(b"no database" * 100)
    with rolerig.Role("reports", settings_of_a_role(), directories=[tmp_path]) as role:
        eventually(lambda: "received_not_opened" in role.log(), what="a complaint")
    with contextlib.closing(sqlite3.connect(tmp_path / "refused.db")) as db:
        assert db.execute("SELECT count(*) FROM mail").fetchone() == (0,)


def told_long_row(number):
    """With as much text as a row may have."""
    text, name = b'"' * 1024, b".".join([b"a" * 60] * 4)
    results = bytes([16]) + (b"\x02" + octets_of(name, text, b"", b"")) * 16
    address = bytes(10) + b"\xff\xff\xc0\0\2\1"
    detail = bytes([7, 1, 3, 3]) + octets_of(text, text, text) + bytes(1) + results * 2
    return frame(2, detail) + frame(3, b"\7" + struct.pack("<Q", number) + address + struct.pack("<Q", 1))


def test_long_texts_hide_no_source(told):
    for first in range(1, 101, 10):
        told(told_head(id_=b"r%d" % first), *(told_long_row(n) for n in range(first, first + 10)))
    day = DAY // 86400
    told.web.say(
        "figures_wanted", ticket=1, kind=4, domain=b"demo.test", from_day=day, to_day=day,
        source=bytes(10) + b"\xff\xff\xc0\0\2\1", by_unaligned=0, unauthenticated=0, severity=0, text=b"", start=0,
    )  # fmt: skip
    _, answer = told.web.hear()
    assert answer["result"] == 1
    said = json.loads(answer["json"])
    assert said["days"][0]["figures"]["messages"] == 100
    assert 10 < len(said["rows"]) < 100
    assert len(said["rows"]) + said["rows_more"] == 100
