# SPDX-License-Identifier: Apache-2.0
"""Others' reports in a PostgreSQL that hangs, dies, is full, or does not let us: nobody waits for ever, and nothing is
lost or counted twice."""

import random
import signal
import socket
import subprocess
import time

import pytest
import reports_field
from gateway import PROGRAM, eventually, run
from pggate import Gate
from test_received_reports import ROW, xml
from test_reports_postgresql import assert_truth, import_, summary

IMPATIENT = "&options=-cstatement_timeout%3D1000"


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    field = reports_field.Field(tmp_path_factory.mktemp("field"), seed=12)
    field.fill(domains=3, days=10, reporters=8, sources=20)
    return field


@pytest.fixture
def gate(postgresql):
    gate = Gate(postgresql)
    yield gate
    gate.close()


@pytest.fixture
def filled(postgresql, tmp_path):
    """A database with one report in it."""
    url = postgresql.url()
    (tmp_path / "first.xml").write_bytes(xml("first", rows=ROW))
    assert import_(url, tmp_path / "first.xml").returncode == 0
    return url


class Holder:
    """A session that does so, and then nothing."""

    def __init__(self, postgresql, url, sql):
        argv = [postgresql.programs / "psql", "-q", "-c", f"BEGIN; {sql}; SELECT pg_sleep(60)", url]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.ask = lambda what: postgresql.ask(
            f"SELECT {what} FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'", url)
        eventually(lambda: self.ask("1"), what="a lock")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ask("pg_terminate_backend(pid)")
        self.process.wait()


def timed(do, *argv, **options):
    begin = time.monotonic()
    done = do(*argv, **options)
    return done, time.monotonic() - begin


# --- nobody waits for ever ---


def test_who_accepts_and_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        done, took_s = timed(run, "reports", "summary", "--database", f"postgresql://127.0.0.1:{port}/x")
    assert (done.returncode, 8 < took_s < 15) == (4, True), took_s
    assert "timeout expired" in done.stderr


def test_a_server_that_stops_in_the_middle(gate, postgresql, field):
    """It has read a part, and then neither reads nor answers."""
    url = postgresql.url()
    through = gate.url(url) + IMPATIENT
    gate.break_after(60_000, closes=False)
    done, took_s = timed(import_, through, field.folder)
    assert gate.broken.is_set()
    assert (done.returncode, done.stderr) == (
        4, "gatepost reports: the database: the server has not answered for 6 s\n")
    assert 5 < took_s < 12


def test_a_stopped_server_is_not_asked_twice(gate, filled):
    gate.break_after(3000, closes=False)
    done, took_s = timed(run, "reports", "summary", "--database", gate.url(filled) + IMPATIENT)
    assert gate.broken.is_set()
    assert (done.returncode, 5 < took_s < 12) == (4, True), took_s
    assert "the server has not answered for 6 s" in done.stderr


def test_a_statement_that_takes_too_long(postgresql, filled, tmp_path):
    postgresql.ask("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                   " 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';"
                   "CREATE TRIGGER slow BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION slow()", filled)
    (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
    done, took_s = timed(import_, filled + IMPATIENT, tmp_path / "b.xml")
    assert (done.returncode, took_s < 5) == (4, True)
    assert "canceling statement due to statement timeout" in done.stderr
    postgresql.ask("DROP TRIGGER slow ON report", filled)
    assert import_(filled, tmp_path / "b.xml").returncode == 0
    assert summary(filled)["messages"] == 10


def test_a_table_that_somebody_keeps(postgresql, filled, tmp_path):
    """As while its owner changes it."""
    impatient = f"{filled}&options=-clock_timeout%3D500"
    (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
    with Holder(postgresql, filled, "LOCK TABLE report, day"):
        for do in (lambda: import_(impatient, tmp_path / "b.xml"),
                   lambda: run("reports", "summary", "--database", impatient)):
            done, took_s = timed(do)
            assert (done.returncode, took_s < 5) == (4, True)
            assert "somebody else" in done.stderr
    assert import_(filled, tmp_path / "b.xml").returncode == 0


def stop_while_it_writes(postgresql, url, one):
    """In the middle of a transaction, whose lock all wait for."""
    idle = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
    for _ in range(100):
        time.sleep(0.01)
        one.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        if postgresql.ask(idle, url):
            return
        assert one.poll() is None, "it was over too soon"
        one.send_signal(signal.SIGCONT)
    raise AssertionError("it was never in the middle")


def test_who_stops_while_he_writes_is_put_out(postgresql, field, filled, tmp_path):
    url = f"{filled}&options=-cidle_in_transaction_session_timeout%3D1000"
    one = subprocess.Popen([PROGRAM, "reports", "import", "--database", url, field.folder],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stop_while_it_writes(postgresql, filled, one)
        (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
        assert import_(filled, tmp_path / "b.xml").returncode == 0
    finally:
        one.kill()
        one.wait()


def test_whoever_writes_may_stop_for_five_minutes(postgresql, tmp_path):
    """What a session is begun with, where the URL says nothing: a trigger of ours tells."""
    url = postgresql.url()
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    assert import_(url, tmp_path / "a.xml").returncode == 0
    names = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"]
    said = ", ".join(f"current_setting('{name}')" for name in names)
    postgresql.ask("CREATE TABLE said (a TEXT, b TEXT, c TEXT); CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql"
                   f" AS $$BEGIN INSERT INTO said VALUES ({said}); RETURN NEW; END$$;"
                   "CREATE TRIGGER say BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION say()", url)
    (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
    assert import_(url, tmp_path / "b.xml").returncode == 0
    assert postgresql.ask("SELECT * FROM said", url) == [("10s", "1min", "5min")]


# --- connections that break ---


def test_connections_that_break_anywhere(gate, postgresql, field):
    """Whatever got through: told again, all of it is there once."""
    url = postgresql.url()
    rng, broken = random.Random(4), 0
    for _ in range(12):
        gate.break_after(rng.randrange(2_000, 400_000))
        done = import_(gate.url(url), field.folder)
        broken += gate.broken.is_set()
        assert done.returncode == 4 if gate.broken.is_set() else done.returncode == 1, done.stderr
    assert broken >= 6
    gate.passes = None
    assert import_(gate.url(url), field.folder).returncode == 1
    assert_truth(url, field.truth)
