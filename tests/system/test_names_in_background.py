# SPDX-License-Identifier: Apache-2.0
"""The gateway finds the host names of sources itself, of authenticated reports alone, so many a day."""

import json
import signal
import time

import pytest
from gateway import Gateway, eventually, run
from test_ingest import RECORD, REPORT, mail

DAY_S = 86400
NAMES = {
    "reporter.example": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"], "A": ["127.0.0.1"]},
    "_dmarc.reporter.example": {"TXT": ["v=DMARC1; p=none"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["MX.Ours.Example"]},
    "mx.ours.example": {"A": ["192.0.2.1"]},
    # Its owner says what he likes.
    "2.2.0.192.in-addr.arpa": {"PTR": ["o1.ptr1.sendgrid.net"]},
    "3.2.0.192.in-addr.arpa": {"PTR": ["odd\\032name.example"]},
    "odd\\032name.example": {"A": ["192.0.2.3"]},
    "4.2.0.192.in-addr.arpa": {"PTR": ["a4.smtp-out.amazonses.com"]},
    "a4.smtp-out.amazonses.com": {"A": ["192.0.2.4"]},
}


def report(ident, sources):
    begin = int(time.time()) // DAY_S * DAY_S - DAY_S
    rows = "".join(RECORD.format(last=last, count=n) for last, n in sources.items())
    return mail(REPORT.format(id=ident, begin=begin, end=begin + DAY_S - 1, records=rows).encode(), "text/xml")


@pytest.fixture
def start(tmp_path):
    running = []

    def start(**reports):
        server = Gateway(tmp_path)
        running.append(server)
        server.settings["domains"]["demo.test"]["reports"] = "reports"
        server.settings["reports"] = reports
        server.settings["log"]["level"] = "debug"
        server.names = NAMES
        return server.start()

    yield start
    for server in running:
        server.stop()


def mail_in(server, sender, ident, sources):
    before = server.log_text().count("report_mail_read")
    server.send(report(ident, sources), to=["reports@demo.test"], sender=sender)
    eventually(lambda: server.log_text().count("report_mail_read") > before, 30, what="a report that was read")


def names(server, *argv):
    database = server.folder / "state/reports/received.db"
    done = run("reports", "summary", "--json", "--database", database, *argv)
    assert done.returncode == 0, done.stderr
    return {int(s["ip"].split(".")[3]): s["name"] for s in json.loads(done.stdout)["sources"]}


def looked_up(server):
    return sum(int(x["sources"]) for x in server.log_lines() if x["event"] == "sources_looked_up")


def test_names_come_by_themselves(start):
    server = start()
    mail_in(server, "", "apart", {4: 1000})
    mail_in(server, "dmarc@reporter.example", "true", {1: 30, 2: 20, 3: 10})
    eventually(lambda: looked_up(server) == 3, 30, what="names")
    # Nobody answers for the other report: its sources are a stranger's choice.
    assert names(server) == {1: "mx.ours.example", 2: None, 3: None}
    assert names(server, "--unauthenticated") == {4: None}


def test_a_day_has_its_share(start):
    server = start(names_per_day=1)
    mail_in(server, "dmarc@reporter.example", "one", {1: 5, 4: 30})
    eventually(lambda: looked_up(server) == 1, 30, what="a name")
    # As many messages as nobody can send take the next place, and no more.
    mail_in(server, "dmarc@reporter.example", "two", {3: 10**9})
    time.sleep(12)
    assert looked_up(server) == 1
    assert names(server) == {3: None, 4: "a4.smtp-out.amazonses.com", 1: None}
    # Nor is a restart a new day.
    server.stop()
    server.start()
    time.sleep(8)
    assert names(server) == {3: None, 4: "a4.smtp-out.amazonses.com", 1: None}
    server.settings["reports"] = {"names_per_day": 3}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: looked_up(server) == 3, 30, what="the rest of the day")
    assert names(server) == {3: None, 4: "a4.smtp-out.amazonses.com", 1: "mx.ours.example"}


def test_nobody_is_asked(start):
    server = start(names_per_day=0)
    mail_in(server, "dmarc@reporter.example", "one", {1: 30})
    time.sleep(8)
    assert (looked_up(server), names(server)) == (0, {1: None})
