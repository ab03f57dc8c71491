# SPDX-License-Identifier: Apache-2.0
"""Others' reports in a PostgreSQL that hangs, dies, is full, or does not let us: nobody waits for ever, and nothing is
lost or counted twice."""

import gzip
import os
import random
import signal
import socket
import subprocess
import time

import pytest
import reports_field
from gateway import PROGRAM, Gateway, eventually, run
from pggate import Gate
from test_ingest import aggregate, mail
from test_received_reports import ROW, xml
from test_reports_postgresql import assert_truth, import_, summary

IMPATIENT = "&options=-cstatement_timeout%3D2000"


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
    assert (done.returncode, 8 < took_s < 30) == (4, True), took_s
    assert "timeout expired" in done.stderr


def test_a_server_that_stops_in_the_middle(gate, postgresql, field):
    """It has read a part, and then neither reads nor answers."""
    url = postgresql.url()
    through = gate.url(url) + IMPATIENT
    gate.break_after(60_000, closes=False)
    done, took_s = timed(import_, through, field.folder)
    assert gate.broken.is_set()
    assert (done.returncode, done.stderr) == (
        4, "gatepost reports: the database: the server has not answered for 7 s\n")
    assert 6 < took_s < 30


def test_a_stopped_server_is_not_asked_twice(gate, filled):
    gate.break_after(3000, closes=False)
    done, took_s = timed(run, "reports", "summary", "--database", gate.url(filled) + IMPATIENT)
    assert gate.broken.is_set()
    assert (done.returncode, 6 < took_s < 30) == (4, True), took_s
    assert "the server has not answered for 7 s" in done.stderr


def test_a_statement_that_takes_too_long(postgresql, filled, tmp_path):
    postgresql.ask("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                   " 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';"
                   "CREATE TRIGGER slow BEFORE INSERT ON report FOR EACH ROW EXECUTE FUNCTION slow()", filled)
    (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
    done, took_s = timed(import_, filled + IMPATIENT, tmp_path / "b.xml")
    assert (done.returncode, took_s < 20) == (4, True)
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
            assert (done.returncode, took_s < 20) == (4, True)
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


def test_of_several_hosts_the_one_that_answers(postgresql, filled):
    several = filled.replace("host=", "host=/nowhere,").replace("port=", f"port={postgresql.port},")
    assert summary(several + "&target_session_attrs=read-write")["messages"] == 5


# --- the gateway, whose mail with reports waits ---


@pytest.fixture
def gate_role(postgresql):
    """One that is no superuser, as limits are not for those."""
    postgresql.ask("DROP ROLE IF EXISTS gate; CREATE ROLE gate LOGIN", "postgres")
    url = postgresql.url()
    postgresql.ask("GRANT ALL ON SCHEMA public TO gate", url)
    yield url
    postgresql.ask("REASSIGN OWNED BY gate TO postgres; DROP OWNED BY gate; DROP ROLE gate", url)


@pytest.fixture
def server(tmp_path, gate_role):
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"] |= {"reports": "reports"}
    server.settings["retry"] = {"first": "1s", "max": "2s", "for": "1h"}
    url = gate_role.replace("user=postgres", "user=gate")
    server.settings["reports"] = {"received_database": url}
    server.start()
    yield server
    server.stop()


def send(server, ident):
    server.send(mail(gzip.compress(aggregate(ident))), to=["reports@demo.test"])


PUT_OUT = ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
           " WHERE datname = current_database() AND pid <> pg_backend_pid()")
TROUBLES = {
    "no connection": ("ALTER DATABASE {name} CONNECTION LIMIT 0", "ALTER DATABASE {name} CONNECTION LIMIT -1",
                      "too many connections for database"),
    "no rights": ("REASSIGN OWNED BY gate TO postgres", "GRANT ALL ON ALL TABLES IN SCHEMA public TO gate",
                  "permission denied for table"),
    "a later version": ("INSERT INTO gatepost_tables VALUES (999)", "DELETE FROM gatepost_tables WHERE version = 999",
                        "its tables are of another version of gatepost"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_mail_waits_until_the_database_lets_us(server, gate_role, postgresql, trouble):
    breaks, mends, said = trouble
    name = gate_role.partition("?")[0].rpartition("/")[2]
    send(server, "before")
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    postgresql.ask(breaks.format(name=name), gate_role)
    postgresql.ask(PUT_OUT, gate_role)
    send(server, "meanwhile")
    eventually(lambda: said in server.log_text(), 30, what="a reason")
    assert len(server.queued()) == 1
    postgresql.ask(mends.format(name=name), gate_role)
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    assert summary(gate_role, "--since", "2020-01-01", "--unauthenticated")["messages"] == 14


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's process is stopped as root only")
def test_a_server_that_is_stopped_costs_no_report(server, gate_role, postgresql):
    send(server, "before")
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    pids = [int(pid) for (pid,) in postgresql.ask(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'gate'", gate_role)]
    assert len(pids) == 2
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        send(server, "meanwhile")
        eventually(lambda: "the server has not answered for 20 s" in server.log_text(), 40, what="a reason")
        eventually(lambda: server.queued() == [], 60, what="an empty queue")
        assert "role_hangs" not in server.log_text()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: len(postgresql.ask(
        "SELECT 1 FROM pg_stat_activity WHERE usename = 'gate'", gate_role)) == 2, what="two who are connected")
    assert summary(gate_role, "--since", "2020-01-01", "--unauthenticated")["messages"] == 14


# --- who has to prove who he is ---


SECRET = "cRocodile-19"


@pytest.fixture
def locked(postgresql):
    """A database by TLS, for one who needs a password."""
    access = postgresql.folder / "data/pg_hba.conf"
    before = access.read_text()
    access.write_text("hostssl all locked 127.0.0.1/32 scram-sha-256\n" + before)
    postgresql.ask(f"SELECT pg_reload_conf(); CREATE ROLE locked LOGIN PASSWORD '{SECRET}'", "postgres")
    url = postgresql.url(tls=True)
    name = url.partition("?")[0].rpartition("/")[2]
    postgresql.ask(f"ALTER DATABASE {name} OWNER TO locked", "postgres")
    yield url.replace("postgres@", "locked@")
    access.write_text(before)
    postgresql.ask("SELECT pg_reload_conf()", "postgres")
    postgresql.ask(f"DROP DATABASE {name} (FORCE)", "postgres")
    postgresql.ask("DROP ROLE locked", "postgres")


def write_password(path, password):
    path.write_text(f"localhost:*:*:locked:{password}\n")
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    return path


def test_a_password_is_in_a_file(locked, tmp_path):
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    wrong = SECRET[::-1]
    for password, code in ((wrong, 4), (SECRET, 0)):
        path = write_password(tmp_path / "pgpass", password)
        for url, env in ((f"{locked}&passfile={path}", os.environ), (locked, {**os.environ, "PGPASSFILE": str(path)})):
            done = import_(url, tmp_path / "a.xml", env=env)
            assert done.returncode == code, done.stderr
            assert password not in done.stdout + done.stderr
            assert (code == 0) != ("password authentication failed" in done.stderr)


def test_a_gateways_password_is_in_no_log(locked, tmp_path, postgresql):
    server = Gateway(tmp_path)
    server.settings["log"] = {"level": "debug"}
    server.settings["domains"]["demo.test"] |= {"reports": "reports"}
    server.settings["retry"] = {"first": "1s", "max": "2s", "for": "1h"}
    path = write_password(postgresql.folder / "pgpass", SECRET[::-1])
    server.settings["reports"] = {"received_database": f"{locked}&passfile={path}"}
    server.start()
    try:
        eventually(lambda: "password authentication failed" in server.log_text(), what="a reason")
        send(server, "a")
        write_password(path, SECRET)
        eventually(lambda: server.queued() == [], 60, what="an empty queue")
        log = server.log_text()
        assert SECRET not in log and SECRET[::-1] not in log
    finally:
        server.stop()


# --- a full disk ---


@pytest.fixture
def small(postgresql):
    """A file system of 40 MB, and a database in it."""
    if os.geteuid() != 0:
        pytest.skip("a file system is mounted as root only")
    folder = postgresql.folder / "small"
    folder.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", f"size=40m,mode=755,uid={postgresql.user.pw_uid}", "small", folder]
    if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        url = postgresql.url()
        name = url.partition("?")[0].rpartition("/")[2]
        postgresql.ask(f"CREATE TABLESPACE small LOCATION '{folder}'", "postgres")
        postgresql.ask(f"ALTER DATABASE {name} SET TABLESPACE small", "postgres")
        yield url, folder
        postgresql.ask(f"DROP DATABASE {name}", "postgres")
        postgresql.ask("DROP TABLESPACE small", "postgres")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_there(small, field):
    url, folder = small
    (field.folder / "none").mkdir(exist_ok=True)
    assert import_(url, field.folder / "none").returncode == 0
    with open(folder / "ballast", "wb") as ballast:
        with pytest.raises(OSError):
            while True:
                ballast.write(b"x" * 65536)
                ballast.flush()
    done = import_(url, field.folder)
    assert done.returncode == 4
    assert "No space left on device" in done.stderr
    assert summary(url)["messages"] == 0
    (folder / "ballast").unlink()
    assert import_(url, field.folder).returncode == 1
    assert_truth(url, field.truth)
