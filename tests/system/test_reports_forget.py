# SPDX-License-Identifier: Apache-2.0
"""Others' reports that are too old go slice by slice: all of them, no others, and meanwhile the role answers."""

import json
import sqlite3
import subprocess
import time

import pytest
from dashrig import Dashboard
from gateway import BUILD, run
from test_reports_copy import field, look, reports, tables_of  # noqa: F401

TODAY = int(time.time()) // 86400

# What is too old, of each table; ?1 is the first day that is kept.
TOO_OLD = {
    "report": "end_s <= ?1 * 86400 AND begin_s < ?1 * 86400",
    "flaw": "report IS NULL AND received_s < ?1 * 86400",
    "source_week": "week < ?1 / 7",
    "source_span": "span < ?1 / 28",
    "source": "last_day < ?1",
    "policy": "last_day < ?1",
    **{table: "day < ?1" for table in ("day", "source_day", "selector_day", "spf_day", "override_day", "reporter_day",
                                       "tls_day", "tls_failure_day", "over_limit")},
}
OF_REPORTS = ["block", "record", "detail", "tls_policy", "tls_failure", "failure", "flaw"]


def forget_at_once(path, first_day):
    """What a database has to have left, by few statements that look through all of it."""
    with sqlite3.connect(path) as db:
        for table in OF_REPORTS:
            db.execute(f"DELETE FROM {table} WHERE report IN (SELECT id FROM report WHERE {TOO_OLD['report']})",
                       (first_day,))
        for table, which in TOO_OLD.items():
            db.execute(f"DELETE FROM {table} WHERE {which}", (first_day,))
        db.execute("DELETE FROM name WHERE source NOT IN (SELECT source FROM source WHERE trusted = 1 AND domain = '')")
        db.execute("UPDATE kept SET reports = (SELECT count(*) FROM report"
                   " WHERE report.kind = kept.kind AND report.trusted = kept.trusted)")
    db.close()


def without_marks(found):
    return {**found, "tally": [line for line in found["tally"] if "forgotten" not in line]}


@pytest.mark.parametrize("server", [False, True], ids=["of a file", "of PostgreSQL"])
def test_what_is_too_old_goes_and_nothing_else(reports, postgresql, look, tmp_path, server):  # noqa: F811
    """From before the first day to behind the last one."""
    where, expected = tmp_path / "received.db", tmp_path / "expected.db"
    for path in (where, expected):
        assert run("reports", "copy", "--database", path, reports).returncode == 0
    days = sorted({row["end_s"] // 86400 for row in map(json.loads, tables_of(where)["report"])})
    if server:
        where = postgresql.url()
        assert run("reports", "copy", "--database", where, expected).returncode == 0
    (tmp_path / "empty").mkdir()
    sizes = []
    for day in (days[0], days[len(days) // 3], days[len(days) // 2], days[-1], days[-1] + 28):
        argv = ["--keep", str(TODAY - day), "--database", where]
        assert run("reports", "import", *argv, tmp_path / "empty").returncode == 0
        forget_at_once(expected, day)
        left = look(where)
        assert without_marks(left) == without_marks(look(expected))
        sizes.append(sum(map(len, left.values())))
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes)
    # What came today, and what is counted ever.
    assert {table for table, rows in left.items() if rows} == {"tally", "kept", "over_limit", "flaw"}


# --- beside other work ---

# Reports of a month that ended before what is kept, each with a source of its own.
FILL = """
INSERT INTO report SELECT 1000000 + n, 1, 1, 'many.example', 'old-' || n, 'ours.example', {day} * 86400 - n,
 {day} * 86400, '', '', '', '', 1, 1, 1, 0, 0, 0, 100, '', '', 'old.xml', 1, 1, 0, 0, 1 FROM {numbers};
INSERT INTO source_day SELECT 1, 'ours.example', {day} - n % 30, {source}, 1, 1, 1, 1, 0, 0, 0, 0, 0 FROM {numbers};
INSERT INTO source SELECT 1, 'ours.example', {source}, {day} - 30, {day} FROM {numbers};
UPDATE kept SET reports = reports + {many} WHERE kind = 1 AND trusted = 1;
DELETE FROM tally WHERE name LIKE 'forgotten%';
"""
# A server takes longer for each.
FILE = {"many": 200_000,
        "numbers": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000)"
                   " SELECT n FROM c)",
        "source": "unhex(printf('%08x', 167772160 + n))"}
SERVER = {"many": 30_000,
          "numbers": "generate_series(1, 30000) AS c(n)",
          "source": "decode(lpad(to_hex(167772160 + n), 8, '0'), 'hex')"}
LEFT = """SELECT (SELECT count(*) FROM report WHERE org = 'many.example')
 + (SELECT count(*) FROM source_day WHERE day < {day}) + (SELECT count(*) FROM source WHERE last_day < {day})"""


def ask_file(path, sql):
    with sqlite3.connect(path) as db:
        db.create_function("unhex", 1, bytes.fromhex)
        rows = [] if ";" in sql else db.execute(sql).fetchall()
        if ";" in sql:
            db.executescript(sql)
    db.close()
    return rows


@pytest.fixture(params=[False, True], ids=["of a file", "of PostgreSQL"])
def many(request, gatepost, scratch, postgresql):
    """A gateway that has much to forget, and what is left of it."""
    url = postgresql.url()
    path = scratch / "received.db"
    where = url if request.param else path
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    subprocess.run([BUILD / "tests/figures_test", "fill", where, yesterday], check=True, timeout=60)

    def ask(sql):
        return postgresql.ask(sql, url) if request.param else ask_file(where, sql)

    words = SERVER if request.param else FILE
    ask(FILL.format(day=TODAY - 100, **words))
    settings = {"received_database": url} if request.param else {}
    dashboard = Dashboard(gatepost, scratch, filled=False if request.param else path,
                          reports={"keep_received": "60d", **settings})
    if not request.param:
        where = scratch / "dashboard-state/reports/received.db"
    return dashboard, 3 * words["many"], lambda: int(ask(LEFT.format(day=TODAY - 60))[0][0])


def test_it_answers_while_it_forgets(many):
    """One who forgot all of it first would answer when nothing is left."""
    dashboard, before, left = many
    seen = []
    dashboard.sign_in()
    while not seen or seen[-1] > 0:
        answer = dashboard.get("/api/v1/overview")
        assert answer.status == 200 and answer.json["total"]["messages"] > 0
        seen.append(left())
    assert len([n for n in seen if 0 < n < before]) >= 3, seen
    dashboard.server.stop()
