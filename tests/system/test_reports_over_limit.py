# SPDX-License-Identifier: Apache-2.0
"""The reports role on its own: reporters who sent more than is taken in a day, whose names are strangers' choice."""

import sqlite3
import time

import pytest
from gateway import eventually
from test_reports import PATIENCE_S, Reports


def over_limit(folder):
    with sqlite3.connect(folder / "received.db") as db:
        return dict(db.execute("SELECT reporter, reports FROM over_limit").fetchall())


def test_reporters_over_their_limit_are_counted(tmp_path):
    """By name, but for those beyond the first 500 of a day, as strangers choose names."""
    with Reports(tmp_path) as reports:
        for i in range(503):
            reports.smtpd.say("report_over_limit", reporter=f"d{i}.test".encode(), octets=10)
        reports.smtpd.say("report_over_limit", reporter=b"d7.test", octets=5)
        eventually(lambda: sum(over_limit(tmp_path).values()) == 504, what="all of them")
        told = over_limit(tmp_path)
        assert len(told) == 501 and (told[""], told["d7.test"]) == (3, 2)
        # What a role says that has fallen is no text of a stranger's.
        reports.smtpd.say("report_over_limit", reporter=b"\x1b[2J", octets=1)
        eventually(lambda: "result_refused" in reports.role.log(), what="a word about it")


def test_a_crash_loses_nobody_who_was_over_his_limit(tmp_path):
    with Reports(tmp_path) as r:
        web = r.role.peer("web")
        web.say("report_over_limit", reporter=b"them.example", octets=1)
        web.hear_all()
        r.role.process.kill()
    assert over_limit(tmp_path) == {"them.example": 1}


def test_a_new_process_gives_no_more_names_of_a_day(tmp_path):
    """Strangers choose them, so that there are 500 of those over their limit; the rest is counted together."""
    for first, last in ((0, 600), (400, 700)):
        with Reports(tmp_path) as r:
            web = r.role.peer("web")
            for i in range(first, last):
                web.say("report_over_limit", reporter=f"{i}.example".encode(), octets=1)
            web.close()
            r.stop()
    assert over_limit(tmp_path) == {f"{i}.example": 1 + (i >= 400) for i in range(500)} | {"": 100 + 200}


# --- while a report is open, which keeps all else from the disk ---


def open_report(r):
    ingest = r.role.peer("ingest")
    ingest.say("report_begin", ticket=1, file=b"mail 1", authenticated=0)
    ingest.hear_all()
    ingest.end.settimeout(PATIENCE_S)
    return ingest


def tell_meanwhile(r):
    r.smtpd.say("report_over_limit", reporter=b"them.example", octets=1)
    r.smtpd.hear_all()
    assert over_limit(r.folder) == {}


@pytest.fixture
def reports(tmp_path):
    with Reports(tmp_path) as r:
        r.folder = tmp_path
        yield r


def test_who_was_told_of_within_a_report_is_on_disk_behind_it(reports):
    ingest = open_report(reports)
    tell_meanwhile(reports)
    time.sleep(1.5)  # longer than anything that is told waits for the disk
    ingest.close()
    eventually(lambda: over_limit(reports.folder) == {"them.example": 1}, what="that it is on disk")


def test_a_stop_loses_nobody_who_was_told_of_within_a_report(reports):
    open_report(reports)
    tell_meanwhile(reports)
    for peer in (reports.smtpd, reports.relay, reports.spool):
        peer.close()
    reports.role.control.say("stop", empty=0)
    assert reports.role.process.wait(PATIENCE_S) == 0
    assert over_limit(reports.folder) == {"them.example": 1}


def test_a_report_without_an_end_is_given_up(reports):
    """Whoever tells it answers when it is asked whether it is there, or nobody asks it."""
    ingest = open_report(reports)
    tell_meanwhile(reports)
    assert ingest.hear() is None
    assert "report_refused" in reports.role.log()
    eventually(lambda: over_limit(reports.folder) == {"them.example": 1}, what="that it is on disk")
    # The next one is heard.
    ingest = open_report(reports)
    ingest.say("report_end", refused=b"it is odd")
    assert ingest.hear() == ("report_kept", {"ticket": 1, "outcome": 3, "reason": b"it is odd"})


@pytest.mark.parametrize("teller", ["smtpd", "web"])
def test_who_tells_nonsense_does_not_hold_up_a_stop(tmp_path, teller):
    """Its channel ends, so nothing is waited for, though it may keep its own end."""
    with Reports(tmp_path) as r:
        peers = {"smtpd": r.smtpd, "web": r.role.peer("web")}
        r.role.control.say("stop", empty=0)
        r.role.hear_pong()
        for peer in (r.spool, r.relay, *(peer for name, peer in peers.items() if name != teller)):
            peer.close()
        r.role.hear_pong()
        peers[teller].say("report_over_limit", reporter=b"\x1b[2J", octets=1)
        assert r.role.process.wait(10) == 0, r.role.log()
        assert "result_refused" in r.role.log()
