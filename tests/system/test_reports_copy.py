# SPDX-License-Identifier: Apache-2.0
"""gatepost reports copy: from a file to PostgreSQL and back, all of it and once, whenever it is killed."""

import json
import random
import re
import shutil
import sqlite3
import subprocess
import time

import pytest
import reports_field
from gateway import PROGRAM, eventually, run
from test_received_reports import ROW, SINCE, xml

# Such as came before records stood in blocks; and what stands in columns that may be empty.
BEFORE_BLOCKS = """
INSERT INTO report SELECT 900000 + id, kind, trusted, org, name || '-old', domain, begin_s, end_s, email, contact,
 version, generator, p, sp, np, adkim_strict, aspf_strict, testing, pct, fo, discovery, file, received_s, 1, 0, 0, 7
 FROM report WHERE kind = 1 ORDER BY id LIMIT 1;
INSERT INTO detail SELECT id, 1, 1, 2, 2, 'ours.example', '', '', '', '', '' FROM report WHERE name LIKE '%-old';
INSERT INTO record SELECT id, x'c0000209', 1, 7, 1 FROM report WHERE name LIKE '%-old';
INSERT INTO over_limit VALUES (20500, 'many.example', 7, 70000);
UPDATE kept SET reports = reports + 1 WHERE kind = 1 AND trusted = 1;
INSERT INTO name SELECT DISTINCT source, 'host.example', 1790000000, 1790000600, 0 FROM source LIMIT 40;
INSERT INTO over_limit VALUES (20700, 'many.example', 12, 34567);
"""


# What says of whom a database has which counts.
OF_OTHERS = ["self", "tally_of", "over_limit_of"]


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    field = reports_field.Field(tmp_path_factory.mktemp("field"), seed=13)
    field.fill(domains=3, days=12, reporters=8, sources=20)
    return field


@pytest.fixture(scope="module")
def reports(field, tmp_path_factory):
    """A file that has something in each of its tables."""
    path = tmp_path_factory.mktemp("reports") / "received.db"
    assert run("reports", "import", "--database", path, field.folder).returncode == 1
    other = tmp_path_factory.mktemp("others")
    bad = ROW.replace("192.0.2.1", "nowhere")
    (other / "many.xml").write_bytes(xml("many", rows=ROW + 150 * bad + ROW))
    (other / "forged.xml").write_bytes(xml("forged", rows=ROW))
    assert run("reports", "import", "--database", path, other / "many.xml").returncode == 1
    assert run("reports", "import", "--unauthenticated", "--database", path, other / "forged.xml").returncode == 0
    with sqlite3.connect(path) as db:
        db.executescript(BEFORE_BLOCKS)
    db.close()
    assert [table for table, rows in tables_of(path).items() if not rows] == OF_OTHERS
    return path


@pytest.fixture
def look(postgresql):
    """All that is in all tables: of a file, or a URL."""
    def rows(where):
        return tables_of(where) if "://" not in str(where) else {
            table: sorted(line for (line,) in postgresql.ask(f"SELECT row_to_json(t) FROM {table} t", where))
            for (table,) in postgresql.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                                           " AND tablename <> 'gatepost_tables'", where)}

    return lambda where: {table: sorted(json.dumps(json.loads(line)) for line in lines)
                          for table, lines in rows(where).items() if table not in OF_OTHERS}


def tables_of(path):
    with sqlite3.connect(path) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in names:
            cursor = db.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            found[table] = [
                json.dumps({name: "\\x" + value.hex() if isinstance(value, bytes) else value
                            for name, value in zip(columns, row, strict=True)}) for row in cursor]
    db.close()
    return found


def copy(source, where, code=0):
    done = run("reports", "copy", "--json", "--database", where, source)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


SAID = [
    ["summary", "--json"], ["summary", "--json", "--unauthenticated"], ["tls", "--json"],
    ["list", "--json", "--max", "10000"], ["list", "--json", "--unauthenticated"], ["export", "--format", "csv"],
    ["export", "--kind", "failure", "--format", "json"], ["weekly", "--until", "2026-02-20"],
    ["watch", "--dry-run", "--until", "2026-02-20", "--state", "/nowhere/state"],
]


def said_of(where):
    said = []
    for verb, *argv in SAID:
        since = SINCE if verb in ("summary", "tls") else []
        done = run("reports", verb, *argv, *since, "--database", where)
        said.append((verb, done.returncode, done.stdout))
    for report in map(json.loads, said[3][2].splitlines()):
        said.append(run("reports", "show", "--json", str(report["number"]), "--database", where).stdout)
    return said


def test_there_and_back(reports, postgresql, look, tmp_path):
    url, back = postgresql.url(), tmp_path / "back.db"
    done = copy(reports, url)
    assert (done["duplicates"], done["old"]) == (0, 0)
    assert done["copied"] == len(look(reports)["report"])
    copy(url, back)
    assert look(url) == look(reports)
    assert look(back) == look(reports)
    said = said_of(reports)
    assert said_of(url) == said
    assert said_of(back) == said


def test_reports_that_come_after_it_are_others(reports, postgresql, tmp_path):
    (tmp_path / "a.xml").write_bytes(xml("after", rows=ROW))
    (tmp_path / "b.xml").write_bytes(xml("after", rows=ROW + ROW.replace("192.0.2.1", "nowhere")))
    for where in (postgresql.url(), tmp_path / "received.db"):
        copy(reports, where)
        for name, code in (("a.xml", 0), ("b.xml", 0)):
            assert run("reports", "import", "--database", where, tmp_path / name).returncode == code
        (first, *_) = run("reports", "list", "--json", "--database", where).stdout.splitlines()
        assert json.loads(first)["id"] == "after"


def test_a_second_time_changes_nothing(reports, postgresql, look):
    url = postgresql.url()
    copied = copy(reports, url)["copied"]
    before = look(url)
    done = copy(reports, url)
    assert (done["copied"], done["quarantined"], done["duplicates"]) == (0, 0, copied)
    assert look(url) == before


@pytest.mark.parametrize("back", [False, True], ids=["to PostgreSQL", "to a file"])
def test_killed_at_any_moment(reports, postgresql, look, tmp_path, back):
    """It is there whole, or not at all."""
    url, file = postgresql.url(), tmp_path / "received.db"
    source, where = reports, url
    if back:
        copy(reports, url)
        source, where = url, file
    there = (lambda: look(where).get("report")) if where is url else lambda: file.exists() and look(where).get("report")
    unfinished = 0
    while not there():
        one = subprocess.Popen([PROGRAM, "reports", "copy", "--database", where, source],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.01 * unfinished)
        one.kill()
        one.wait()
        unfinished += 1
    assert unfinished > 2
    assert look(where) == look(reports)
    copy(source, where)
    assert look(where) == look(reports)


def figures(found):
    """What does not depend on the order in which it came."""
    return {table: sorted(re.sub(', "top": .', "", line) for line in lines) for table, lines in found.items()
            if table.endswith(("day", "week", "policy", "source", "name")) and table != "tls_policy"}


def split(folder, to):
    """The reports in two halves, with a third of them in both."""
    halves = [to / "0", to / "1"]
    for half in halves:
        half.mkdir()
    for i, path in enumerate(sorted(folder.glob("*/*"))):
        for k, half in enumerate(halves):
            if i % 3 in (k, 2):
                shutil.copy(path, half / path.name)
    return halves


def test_two_files_are_put_together(field, postgresql, look, tmp_path):
    """As though all had come there: what both had counts once."""
    url, whole = postgresql.url(), tmp_path / "whole.db"
    run("reports", "import", "--database", whole, field.folder)
    for half in split(field.folder, tmp_path):
        run("reports", "import", "--database", f"{half}.db", half)
        copy(f"{half}.db", url)
    assert figures(look(url)) == figures(look(whole))
    for where in (url, whole):
        assert run("reports", "list", "--json", "--max", "10000", "--database", where).stdout.count("\n") == \
            field.truth.imported
    told = [sorted(json.dumps({k: v for k, v in json.loads(line).items() if k not in ("number", "file", "received")})
                   for line in run("reports", "list", "--json", "--max", "10000", "--database", where)
                   .stdout.splitlines()) for where in (url, whole)]
    assert told[0] == told[1]


def test_killed_while_it_puts_together(reports, postgresql, look, tmp_path):
    url, calm = postgresql.url(), postgresql.url()
    (tmp_path / "first.xml").write_bytes(xml("first", rows=ROW))
    for where in (url, calm):
        assert run("reports", "import", "--database", where, tmp_path / "first.xml").returncode == 0
    rng = random.Random(7)
    for _ in range(6):
        one = subprocess.Popen([PROGRAM, "reports", "copy", "--database", url, reports],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.05, 0.3))
        one.kill()
        one.wait()
    copy(reports, url)
    copy(reports, calm)
    assert figures(look(url)) == figures(look(calm))
    assert len(look(url)["report"]) == len(look(reports)["report"]) + 1


# --- what is counted of no report that is kept ---


def counted(path, many, times):
    """One that has met each report twice more, two that it refused, and reporters over their limit."""
    reports = path.with_suffix(".in")
    reports.mkdir(exist_ok=True)
    (reports / "a.xml").write_bytes(xml(path.stem, rows=ROW))
    (reports / "bad.xml").write_bytes(b"nothing of the kind")
    for _ in range(times):
        assert run("reports", "import", "--database", path, reports).returncode == 1
    add_over_limit(path, many)
    return path


def add_over_limit(path, reports):
    with sqlite3.connect(path) as db:
        for reporter in ("many.example", f"{path.stem}.example"):
            db.execute("INSERT INTO over_limit VALUES (20700, ?1, ?2, 1000 * ?2) ON CONFLICT DO UPDATE SET"
                       " reports = reports + excluded.reports, octets = octets + excluded.octets", (reporter, reports))
    db.close()


def counts_of(found):
    tally = {row["name"]: row["value"] for row in map(json.loads, found["tally"])}
    over = {row["reporter"].partition(".")[0]: (row["reports"], row["octets"])
            for row in map(json.loads, found["over_limit"])}
    return tally["duplicates"], tally["refused"], over


@pytest.fixture(params=["to PostgreSQL", "to a file"])
def where(request, postgresql, tmp_path):
    return postgresql.url() if request.param == "to PostgreSQL" else tmp_path / "to.db"


def test_counts_are_added_up(where, look, tmp_path):
    """Each time what is more since the last one; what the copy meets there is not counted."""
    a, b = counted(tmp_path / "a.db", 7, times=3), counted(tmp_path / "b.db", 20, times=2)
    copy(a, where)
    assert counts_of(look(where)) == counts_of(look(a)) == (2, 3, {"many": (7, 7000), "a": (7, 7000)})
    for _ in range(3):
        copy(b, where)
        copy(a, where)
        assert counts_of(look(where)) == \
            (3, 5, {"many": (27, 27000), "a": (7, 7000), "b": (20, 20000)})
    counted(a, 1, times=1)
    before = counts_of(look(where))
    copy(a, where)
    after = counts_of(look(where))
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
    assert (after[2]["many"][0] - before[2]["many"][0], after[2]["a"]) == (1, (8, 8000))


def test_counts_that_come_by_several_ways(where, look, tmp_path):
    """By another one, by itself, and back to where they were counted."""
    a, b = counted(tmp_path / "a.db", 7, times=3), counted(tmp_path / "b.db", 20, times=2)
    copy(a, b)
    both = counts_of(look(b))
    assert both == (3, 5, {"many": (27, 27000), "a": (7, 7000), "b": (20, 20000)})
    for source, to in [(a, where), (b, where), (a, where), (where, a), (where, b), (b, where), (a, b)]:
        copy(source, to)
    assert counts_of(look(where)) == counts_of(look(a)) == counts_of(look(b)) == both


def test_both_ways_at_once(tmp_path):
    """While reports come from one the other is copied to it for the first time, with what it has counted: that is its
    own when it comes back."""
    a, b = counted(tmp_path / "a.db", 7, times=3), counted(tmp_path / "b.db", 20, times=2)
    copy(a, tmp_path / "c.db")
    before = counts_of(tables_of(b))
    with sqlite3.connect(a) as db:
        db.executescript("INSERT INTO tally_of VALUES ('duplicates', 77, 1); UPDATE tally SET value = value + 1"
                         " WHERE name = 'duplicates'; INSERT INTO over_limit_of VALUES (20700, 'b.example', 77, 20,"
                         " 20000); INSERT INTO over_limit VALUES (20700, 'b.example', 20, 20000);")
    db.close()
    with sqlite3.connect(b) as db:
        db.execute("CREATE TRIGGER meanwhile AFTER INSERT ON report BEGIN INSERT INTO self VALUES (77); END")
    db.close()
    assert copy(a, b)["copied"] == 1
    after = counts_of(tables_of(b))
    assert after == (before[0] + 2, before[1] + 3, {"many": (27, 27000), "a": (7, 7000), "b": (20, 20000)})


def test_killed_while_it_adds_up(where, look, tmp_path):
    a, b = counted(tmp_path / "a.db", 7, times=3), counted(tmp_path / "b.db", 20, times=2)
    copy(a, where)
    for i in range(12):
        one = subprocess.Popen([PROGRAM, "reports", "copy", "--database", where, b], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        time.sleep(0.01 * i)
        one.kill()
        one.wait()
    copy(b, where)
    assert counts_of(look(where)) == (3, 5, {"many": (27, 27000), "a": (7, 7000), "b": (20, 20000)})


def test_counts_of_days_that_were_forgotten_stay_so(where, look, tmp_path):
    a, b = counted(tmp_path / "a.db", 7, times=3), counted(tmp_path / "b.db", 20, times=2)
    copy(a, where)
    copy(b, where)
    days = int(time.time()) // 86400 - 20701  # the one behind that of add_over_limit()
    assert run("reports", "import", "--keep", str(days), "--database", where, b.with_suffix(".in")).returncode == 1
    assert look(where)["over_limit"] == []
    copy(b, where)
    assert look(where)["over_limit"] == []


# --- mail of which something was refused ---

MAILS = """
CREATE TABLE mail (id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, why TEXT NOT NULL,
 trusted INTEGER NOT NULL, received_s INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE piece (mail INTEGER NOT NULL REFERENCES mail ON DELETE CASCADE, number INTEGER NOT NULL,
 octets BLOB NOT NULL, UNIQUE (mail, number));
PRAGMA user_version = 1;
"""


def refused(folder, name, mails):
    """A gateway's folder: a file with a report, and one with mails of these sizes, as the gateway would make it."""
    folder.mkdir()
    (folder / "report.xml").write_bytes(xml(name, rows=ROW))
    assert run("reports", "import", "--database", folder / "received.db", folder / "report.xml").returncode == 0
    with sqlite3.connect(folder / "refused.db") as db:
        db.executescript(MAILS)
        for i, size in enumerate(mails, 1):
            db.execute("INSERT INTO mail VALUES (?, ?, 'it is odd', 1, ?, ?)", (i, f"{name}-{i}", 1000 + i, size))
            octets = (f"{name}-{i}:".encode() * size)[:size]
            for k in range(0, size, 262144):
                db.execute("INSERT INTO piece VALUES (?, ?, ?)", (i, k // 262144, octets[k:k + 262144]))
    db.close()
    return folder / "received.db"


def mails_of(*where):
    done = run("reports", "refused", "--json", "--max", "1000", *where)
    assert done.returncode == 0, done.stderr
    return sorted((mail["file"], mail["size"]) for mail in map(json.loads, done.stdout.splitlines()))


def test_refused_mails_of_two_gateways(tmp_path):
    a = refused(tmp_path / "a", "a", [10, 300_000])
    b = refused(tmp_path / "b", "b", [524_288, 5, 7])
    to = tmp_path / "to" / "received.db"
    to.parent.mkdir()
    assert [copy(source, to)["mails"] for source in (a, b, a, b)] == [2, 3, 0, 0]
    assert mails_of("--database", to) == [("a-1", 10), ("a-2", 300_000), ("b-1", 524_288), ("b-2", 5), ("b-3", 7)]
    assert (to.parent / "refused.db").stat().st_mode & 0o777 == 0o600
    for database in (a, b, to):
        done = run("reports", "refused", "--database", database, "-o", f"{database}.mails", "all")
        assert done.returncode == 0, done.stderr
    contents = [{path.read_bytes() for path in (database.parent / "received.db.mails").iterdir()}
                for database in (a, b, to)]
    assert contents[0] | contents[1] == contents[2] and len(contents[2]) == 5


def test_refused_mails_killed_at_any_moment(tmp_path):
    a = refused(tmp_path / "a", "a", 300 * [300_000])
    to = tmp_path / "to" / "received.db"
    to.parent.mkdir()
    unfinished = 0
    for i in range(10):
        one = subprocess.Popen([PROGRAM, "reports", "copy", "--database", to, a], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        time.sleep(0.05 * i)
        unfinished += one.poll() is None
        one.kill()
        one.wait()
    assert unfinished > 2
    copy(a, to)
    assert mails_of("--database", to) == mails_of("--database", a)


def test_refused_mails_of_a_gateway_that_drops_some(tmp_path):
    """What was there when it began is copied; who writes meanwhile is not held up."""
    def count(database):
        with sqlite3.connect(database.parent / "refused.db") as db:
            ((mails,),) = db.execute("SELECT count(*) FROM mail")
        db.close()
        return mails

    a = refused(tmp_path / "a", "a", 500 * [300_000])
    with sqlite3.connect(a.parent / "refused.db") as db:
        db.execute("PRAGMA journal_mode = WAL")
    db.close()
    to = refused(tmp_path / "to", "to", [])
    one = subprocess.Popen([PROGRAM, "reports", "copy", "--quiet", "--database", to, a], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    eventually(lambda: count(to), what="the first")
    with sqlite3.connect(a.parent / "refused.db", timeout=1) as db:
        db.executescript("PRAGMA foreign_keys = ON; DELETE FROM mail WHERE id <= 250")
    db.close()
    seen = count(to)
    assert (one.communicate(timeout=60)[1], one.returncode) == ("", 0)
    assert seen < 250 and (count(to), count(a)) == (500, 250)


@pytest.mark.parametrize("broken", ["a", "to"])
def test_refused_mails_that_cannot_be_copied(tmp_path, broken):
    """It is said of which file."""
    a, to = (refused(tmp_path / name, name, [10, 300_000]) for name in ("a", "to"))
    with sqlite3.connect(tmp_path / broken / "refused.db") as db:
        db.executescript("DELETE FROM piece WHERE mail = 2" if broken == "a" else
                         "CREATE TRIGGER no BEFORE INSERT ON piece BEGIN SELECT raise(ABORT, 'no'); END")
    db.close()
    done = run("reports", "copy", "--quiet", "--database", to, a)
    assert (done.returncode, done.stderr) == (
        4, f"gatepost reports: {tmp_path}/{broken}/refused.db: Input/output error\n")


def test_refused_mails_beside_a_server(postgresql, tmp_path):
    """They go to the gateway of the configuration, in its bounds, which may be the one that has them."""
    a = refused(tmp_path / "a", "a", [10, 3_000_000, 3_000_000])
    url = postgresql.url()
    done = run("reports", "copy", "--json", "--database", url, a)
    assert (done.returncode, json.loads(done.stdout)["mails"]) == (0, 0)
    assert f"{a.parent}/refused.db stay there alone: -c names" in done.stderr
    state = tmp_path / "state"
    (state / "reports").mkdir(parents=True)
    config = tmp_path / "config"
    config.write_text(json.dumps({
        "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}], "hostname": "mx.example", "state": str(state),
        "reports": {"refused_size": "10MB", "received_database": url}}))
    for mails in (2, 0):
        done = run("reports", "copy", "--json", "-c", config, a)
        assert (done.returncode, done.stderr, json.loads(done.stdout)["mails"]) == (0, "", mails)
    assert mails_of("-c", config) == [("a-1", 10), ("a-3", 3_000_000)]
    before = (state / "reports" / "refused.db").read_bytes()
    run("reports", "import", "--database", state / "reports" / "received.db", a.parent / "report.xml")
    done = run("reports", "copy", "--json", "-c", config, state / "reports" / "received.db")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["mails"]) == (0, "", 0)
    assert (state / "reports" / "refused.db").read_bytes() == before


def test_flaws_without_number_are_counted(reports, tmp_path):
    """Of 150 a hundred are kept."""
    (tmp_path / "first.xml").write_bytes(xml("first", rows=ROW))
    where = tmp_path / "received.db"
    assert run("reports", "import", "--database", where, tmp_path / "first.xml").returncode == 0
    copy(reports, where)
    many = [[r for r in map(json.loads, run("reports", "list", "--json", "--max", "10000", "--database", db)
                            .stdout.splitlines()) if r["id"] == "many"][0] for db in (reports, where)]
    assert many[0]["lost"] == many[1]["lost"] == 150
    assert {**many[0], "number": 0} == {**many[1], "number": 0}


def test_what_a_gateway_has_begun_with_is_empty(reports, postgresql, look):
    """It writes down at its start what is too old to come."""
    url = postgresql.url()
    assert run("reports", "import", "--keep", "3000", "--database", url, "/dev/null").returncode == 1
    postgresql.ask("DELETE FROM flaw; DELETE FROM tally WHERE name NOT LIKE 'forgotten%'", url)
    copy(reports, url)
    found, there = look(url), look(reports)
    forgotten = [line for line in found["tally"] if "forgotten" in line]
    found["tally"] = [line for line in found["tally"] if "forgotten" not in line]
    assert found == there
    assert {row["name"]: row["value"] for row in map(json.loads, forgotten)} == \
        dict.fromkeys(["forgotten_before_day", "forgotten_all_before_day"], int(time.time()) // 86400 - 3000)


def test_one_whose_reports_were_all_forgotten(reports, look, tmp_path):
    """Of a report that told of nothing it knows that there was one, and no more."""
    (tmp_path / "none.json").write_text(json.dumps({
        "organization-name": "reporter.example", "contact-info": "tls@reporter.example", "report-id": "none",
        "date-range": {"start-datetime": "2020-01-01T00:00:00Z", "end-datetime": "2020-01-01T23:59:59Z"},
        "policies": []}))
    (tmp_path / "empty").mkdir()
    where = tmp_path / "received.db"
    assert run("reports", "import", "--database", where, tmp_path / "none.json").returncode == 0
    assert run("reports", "import", "--keep", "30", "--database", where, tmp_path / "empty").returncode == 0
    found = look(where)
    assert [table for table, rows in found.items() if rows] == ["tally", "kept"]
    copied = copy(reports, where)
    assert copied["copied"] + copied["old"] == len(look(reports)["report"])


def test_what_stands_in_its_way(reports, postgresql, tmp_path):
    url = postgresql.url()
    assert "is not there" in copy(tmp_path / "none.db", url, code=4)
    assert "into another one" in copy(url, url, code=2)
    assert "name the database" in run("reports", "copy", "--database", url).stderr
    postgresql.ask("CREATE ROLE nobody_there LOGIN", "postgres")
    other = url.replace("user=postgres", "user=nobody_there")
    assert "permission denied" in copy(reports, other, code=4)
    copy(reports, url)
    assert "the database that is copied: ERROR:  permission denied" in copy(other, tmp_path / "to.db", code=4)
