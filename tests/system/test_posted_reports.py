# SPDX-License-Identifier: Apache-2.0
"""TLS reports that others post (RFC 8460 section 5.4): to curl, and to those who mean no good."""

import concurrent.futures
import gzip
import json
import os
import signal
import sqlite3
import ssl
import time

import pytest
import rolerig
from gateway import eventually, run
from webrig import NAMES, Host

HOST = "mx.gatepost.test"
PATH = "/tls-reports/second.test"
GZIP = "Content-Type: application/tlsrpt+gzip"
JSON = "Content-Type: application/tlsrpt+json"
SESSIONS_OF_A_SOURCE_MAX = 16  # of listener.c


def report(id_="r1", domain="second.test", **more):
    policy = {"policy-type": "sts", "policy-domain": domain}
    summary = {"total-successful-session-count": 7, "total-failure-session-count": 0}
    return {
        "organization-name": "tls.example",
        "date-range": {"start-datetime": "2026-09-20T00:00:00Z", "end-datetime": "2026-09-20T23:59:59Z"},
        "report-id": id_,
        "policies": [{"policy": policy, "summary": summary}],
        **more,
    }


def octets(*argv, **more):
    return json.dumps(report(*argv, **more)).encode()


def packed(*argv, **more):
    return gzip.compress(octets(*argv, **more))


class Door(Host):
    def __init__(self, gatepost, folder, **web):
        super().__init__(gatepost, folder, second={"tls_rpt_https": True}, web=web)

    def post(self, body, *argv, host=HOST, path=PATH, type_=GZIP, source="127.0.0.1"):
        """What curl hears: the status and the body."""
        file = self.folder / f"post-{source}"
        file.write_bytes(body)
        sent = ["-X", "POST", "-H", type_, "--data-binary", f"@{file}", "--interface", source]
        code, said = self.curl(host, *sent, "-w", "\n%{http_code}", *argv, path=path)
        assert code == 0, said
        text, _, status = said.rpartition("\n")
        return int(status), text

    def kept(self):
        database = self.server.folder / "state/reports/received.db"
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
            return db.execute("SELECT name, trusted FROM report ORDER BY name").fetchall()

    def head(self, length, *fields):
        fields = (f"Host: {HOST}", GZIP, f"Content-Length: {length}", *fields)
        return (f"POST {PATH} HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode()


@pytest.fixture
def door(gatepost, scratch):
    return Door(gatepost, scratch)


def test_what_is_posted_is_on_disk_before_the_answer(door):
    assert door.post(packed("a")) == (200, "200 OK\r\n")
    assert door.kept() == [("a", 0)]
    assert door.post(octets("b"), type_=JSON)[0] == 200
    assert door.post(packed("c"), host=NAMES[1], type_=GZIP + "; charset=x")[0] == 200
    # The same again is fine, and is kept once.
    assert door.post(packed("a"))[0] == 200
    assert door.kept() == [("a", 0), ("b", 0), ("c", 0)]


def test_nobody_proves_who_he_is_so_no_figure_has_it(door):
    assert door.post(packed("a"))[0] == 200
    database = ["--database", door.server.folder / "state/reports/received.db", "--since", "2020-01-01", "--json"]
    assert "post of 127.0.0.1" not in run("reports", "list", *database).stdout
    assert "post of 127.0.0.1" in run("reports", "list", *database, "--unauthenticated").stdout


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"unused", "neither gzip nor JSON"),
        (b"From: a@b.test\r\n\r\n" + octets(), "neither gzip nor JSON"),
        (packed("a", "demo.test"), "not about the domain"),
        (b"{", ""),
        (octets()[:-40], ""),
        (gzip.compress(b"<feedback><report_metadata><report_id>1</report_id></report_metadata></feedback>"), ""),
        (gzip.compress(b"{" + b" " * 30_000_000), ""),
        (gzip.compress(b"[" * 100_000), ""),
        (packed()[:-9], ""),
        (packed() + packed(), ""),
        (gzip.compress(packed()), ""),
        (b"\x1f\x8b\x08" + os.urandom(5000), ""),
    ],
    ids=["words", "mail", "domain", "brace", "cut", "XML", "bomb", "deep", "cut-gzip", "members", "twice", "noise"],
)
def test_what_cannot_be_read_is_refused_with_its_reason(door, body, reason):
    status, text = door.post(body)
    assert status == 400 and reason in text and len(text.splitlines()) == 2
    assert door.kept() == []
    assert door.post(packed())[0] == 200


def test_only_who_asks_for_reports_gets_them(door):
    for host, path, status in [
        (HOST, "/tls-reports/demo.test", 404),
        (HOST, "/tls-reports/", 404),
        (NAMES[0], PATH, 421),
        (HOST, PATH + "/x", 404),
        (HOST, "/", 421),
        (HOST, "/api/v1/overview", 421),
    ]:
        assert door.post(packed(), host=host, path=path)[0] == status, path
    assert door.post(packed(), "-X", "GET")[0] == 405
    assert door.post(packed(), type_="Content-Type: application/json")[0] == 415
    assert door.post(packed(), "-H", "Content-Encoding: gzip")[0] == 415
    assert door.post(packed(), "-H", "Transfer-Encoding: chunked")[0] == 411
    assert door.post(os.urandom(1_100_000))[0] == 413
    assert door.kept() == []


def test_a_large_one_is_taken_as_a_whole(door):
    failures = [
        {"result-type": "certificate-expired", "receiving-mx-hostname": f"mx{i}.second.test",
         "additional-information": os.urandom(60).hex(), "failed-session-count": 1}
        for i in range(5000)
    ]
    one = report()
    one["policies"][0]["failure-details"] = failures
    body = gzip.compress(json.dumps(one).encode())
    assert 300_000 < len(body) < 1_000_000
    assert door.post(body)[0] == 200


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        (["Content-Length: 5"], b"x" * 10, b"400"),
        (["Transfer-Encoding: chunked"], b"0\r\n\r\n", b"4"),
        (["Host: " + NAMES[0]], b"x" * 10, b"400"),
        (["X: " + "x" * 20000], b"", b"4"),
    ],
)
def test_odd_heads(door, fields, body, status):
    answer = door.ask(door.head(10, *fields) + body, host=HOST)
    assert answer.startswith(b"HTTP/1.1 " + status) and answer.count(b"HTTP/1.1 ") == 1
    assert door.post(packed())[0] == 200


def test_what_follows_a_body_is_no_request(door):
    body = packed()
    answer = door.ask(door.head(len(body)) + body + door.head(len(body)) + packed("hidden"), host=HOST)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1
    assert door.kept() == [("r1", 0)]


def is_held(tls):
    """Whether the other end has not closed it."""
    tls.setblocking(False)
    try:
        return tls.recv(1) != b""
    except ssl.SSLWantReadError:
        return True


def test_slow_bodies_end_and_keep_nobody_out(door):
    slow = [door.connect(HOST, source=f"127.0.11.{i}") for i in range(1, 6) for _ in range(SESSIONS_OF_A_SOURCE_MAX)]
    begun = time.monotonic()
    try:
        for s in slow:
            s.sendall(door.head(1_000_000) + b"x" * 1000)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda i: door.post(packed(f"s{i}"), source=f"127.0.12.{i}"), range(1, 9)))
        assert [status for status, _ in done] == [200] * 8
        assert all(map(is_held, slow)), "they waited for the end of these"
        for s in slow:
            s.settimeout(60)
            assert s.recv(1) == b""
        assert time.monotonic() - begun < 45
    finally:
        for s in slow:
            s.close()


def test_a_source_posts_so_often(gatepost, scratch):
    door = Door(gatepost, scratch, posts_per_minute=3)
    assert [door.post(packed(f"a{i}"))[0] for i in range(4)] == [200, 200, 200, 429]
    code, head = door.curl(HOST, "-X", "POST", "-H", GZIP, "-d", "x", "-D", "-", path=PATH)
    assert code == 0 and "\r\nRetry-After: 300\r\n" in head
    # Others are not meant, but for those of the same network.
    assert door.post(packed("b"), source="127.0.1.1")[0] == 200
    got = [door.post(packed(f"c{i}"), source=f"127.0.0.{i}")[0] for i in range(2, 13)]
    assert (got.count(200), got.count(429)) == (9, 2)


def test_who_posts_too_much_in_a_day_is_told_of(door):
    door.server.settings["reports"] = {"received_per_day": 2}
    door.server.write_config()
    door.server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reloaded" in door.server.log_text(), what="the reload")
    assert [door.post(packed(f"a{i}"))[0] for i in range(3)] == [200, 200, 429]
    database = door.server.folder / "state/reports/received.db"

    def told():
        return run("reports", "summary", "--database", database).stdout

    eventually(lambda: "127.0.0.0/24" in told(), what="who it was")
    assert "reports that were not taken" in told()


def test_a_role_that_is_away_is_503_and_comes_back(door):
    for name in ("ingest", "reports"):
        pid = door.server.pid_of(name)
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        assert door.post(packed(name))[0] == 503
        assert 4 < time.monotonic() - begun < 30
        os.kill(pid, signal.SIGKILL)
        eventually(lambda name=name: door.post(packed(name))[0] == 200, what=f"a post after the end of {name}")


def test_its_record_is_what_domain_show_prints(door):
    done = run("domain", "show", "second.test", "-c", door.server.config, "--json")
    (record,) = [r for r in json.loads(done.stdout)["records"] if r["name"].startswith("_smtp._tls.")]
    assert record["value"].strip('"') == f"v=TLSRPTv1; rua=https://{HOST}{PATH}"


def keep_one(reports):
    """Plays the role reports: hears a report to its end, and has it on disk."""
    ticket = None
    while (heard := reports.hear())[0] != "report_end":
        ticket = heard[1].get("ticket", ticket)
    reports.say("report_kept", ticket=ticket, outcome=1, reason=b"")


def test_web_posts_one_thing_at_a_time():
    """One that has fallen keeps no mail waiting: a second report before the first is kept ends its channel."""
    listen = [{"address": "127.0.0.1:2525", "service": "inbound"}]
    post = {"domain": b"second.test", "client": b"192.0.2.1", "body": packed()}
    with rolerig.Role("ingest", {"hostname": HOST, "state": "/nowhere", "listen": listen}) as ingest:
        reports, web = ingest.peer("reports"), ingest.peer("web")
        web.end.settimeout(10)
        for ticket in (1, 2):
            web.say("posted", ticket=ticket, **post)
        assert web.hear() is None
        keep_one(reports)
        web = ingest.peer("web")
        web.end.settimeout(10)
        for ticket in (3, 4):
            web.say("posted", ticket=ticket, **post)
            keep_one(reports)
            assert web.hear() == ("posted_kept", {"ticket": ticket, "outcome": 1, "reason": b""})
