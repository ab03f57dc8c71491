# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --store and audit diff: two worlds, one after the other, and what is told of the difference."""

import hashlib
import json
import sqlite3

import dnsrig
import pytest
from gateway import run

SPF = "v=spf1 ip4:20.0.0.1 -all"
BEFORE = {
    "worse.test": {"MX": [[10, "mx.worse.test"]], "TXT": [SPF]},
    "mx.worse.test": {"A": ["20.0.0.1"]},
    "_dmarc.worse.test": {"TXT": ["v=DMARC1; p=reject"]},
    "better.test": {"MX": [[0, "."]], "TXT": ["v=spf1 +all"]},
    "same.test": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"]},
    "silent.test": {"TXT": ["v=spf1 +all"]},
}
NOW = BEFORE | {
    "worse.test": {"MX": [[10, "mx.worse.test"]], "TXT": ["v=spf1 ip4:20.0.0.1 +all"]},
    "_dmarc.worse.test": {"TXT": ["v=DMARC1; p=none"]},
    "better.test": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"]},
    "silent.test": "SERVFAIL",
}
DOMAINS = ["worse.test", "better.test", "same.test", "silent.test"]
DAY_S = 24 * 3600


class Keeper:
    """A store, and worlds that are looked at for it."""

    def __init__(self, folder):
        self.folder = folder
        self.store = folder / "audit.db"

    def look(self, names, *argv, time=DAY_S, code=0):
        world = self.folder / "names.json"
        world.write_text(json.dumps(names), encoding="utf-8")
        done = run("audit", "--dns", world, "--store", self.store, "--time", str(time), "-o", "/dev/null", *argv)
        assert done.returncode == code, done.stderr
        return done

    def diff(self, *argv, code=0):
        done = run("audit", "diff", "--store", self.store, *argv)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def objects(self, *argv, code=0):
        return {o["domain"]: o for o in map(json.loads, self.diff("--json", *argv, code=code).stdout.splitlines())}

    def sql(self, query, *values):
        with sqlite3.connect(self.store) as db:
            return db.execute(query, values).fetchall()


@pytest.fixture
def keeper(tmp_path):
    return Keeper(tmp_path)


@pytest.fixture
def two_runs(keeper):
    keeper.look(BEFORE, *DOMAINS)
    keeper.look(NOW, *DOMAINS, time=2 * DAY_S)
    return keeper


def told(domain, change):
    return {c["id"] for c in domain["changes"] if c["change"] == change}


def facts(domain):
    return {c["fact"]: (c["before"], c["now"]) for c in domain["changes"] if c["change"] == "fact"}


def test_what_came_went_and_was_lost(two_runs):
    found = two_runs.objects(code=1)
    assert list(found) == sorted(DOMAINS)
    worse, better, same, silent = (found[name] for name in DOMAINS)
    assert (worse["before"], worse["now"]) == ({"run": 1, "time": DAY_S}, {"run": 2, "time": 2 * DAY_S})
    assert {"spf.all.plus", "dmarc.p.none"} <= told(worse, "came")
    assert facts(worse)["dmarc.p"] == ("reject", "none")
    assert "spf.all.plus" in told(better, "went")
    assert (same["worse"], same["changes"]) == (False, [])
    assert told(silent, "lost") or told(silent, "went")
    assert "spf.all.plus" in told(silent, "lost")
    assert not told(silent, "went")
    assert facts(silent)["class"][1] == "unknown"
    assert [worse["worse"], better["worse"], silent["worse"]] == [True, False, False]


def test_it_is_told_as_text(two_runs):
    text = two_runs.diff("worse.test", code=1).stdout
    assert text.startswith(
        "worse.test: worse, from run 1 (1970-01-02T00:00:00Z) to run 2 (1970-01-03T00:00:00Z)\n"
    )
    assert "\n  + critical spf.all.plus: " in text
    assert "\n    dmarc.p: none (was reject)\n" in text
    assert two_runs.diff("same.test").stdout.startswith("same.test: no change, from run 1 ")
    assert "\n  - " in two_runs.diff("better.test").stdout


def test_of_all_domains_those_without_a_change_are_only_counted(two_runs):
    two_runs.look(BEFORE | {"new.test": {"TXT": ["v=spf1 -all"]}}, "new.test", time=3 * DAY_S)
    text = two_runs.diff(code=1).stdout
    heads = [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert heads == ["better.test", "new.test", "silent.test", "worse.test", "5 domains"]
    assert text.endswith("5 domains: 3 changed, 1 for the worse; 1 seen for the first time\n")


def test_a_strangers_file_does_nothing_to_a_terminal(two_runs):
    two_runs.sql("UPDATE finding SET id = id || ?1, evidence = evidence || ?1", "\x1b[31m")
    two_runs.sql("UPDATE fact SET value = value || ?1 || look", "\x1b[31m")
    for argv in [], ["worse.test"], ["--json"]:
        done = two_runs.diff(*argv, code=1)
        assert "\x1b" not in done.stdout
        assert "<U+001B>[31m" in done.stdout


def test_since_a_run_and_what_nobody_has_seen(two_runs):
    two_runs.look(NOW | {"new.test": {"TXT": ["v=spf1 -all"]}}, "worse.test", "new.test")
    assert two_runs.objects("worse.test")["worse.test"]["changes"] == []
    assert two_runs.objects("--since", "1", "worse.test", code=1)["worse.test"]["before"]["run"] == 1
    # The second run did not look at it again; the newest look is what counts.
    assert two_runs.objects("better.test")["better.test"]["now"]["run"] == 2
    assert two_runs.objects("new.test", code=3)["new.test"]["before"] is None
    assert "no run has looked at it" in two_runs.diff("never.test", code=3).stderr


def test_a_store_can_be_read_by_others(two_runs):
    rows = two_runs.sql(
        "SELECT f.severity, f.evidence, f.evidence_sha256 FROM finding f JOIN look l ON l.id = f.look"
        " WHERE l.domain = 'worse.test' AND f.id = 'spf.all.plus' AND f.state = 'fail'"
    )
    assert len(rows) == 1
    severity, evidence, digest = rows[0]
    assert (severity, digest) == ("critical", hashlib.sha256(evidence.encode()).digest())
    assert two_runs.sql("SELECT id, time_s FROM run") == [(1, DAY_S), (2, 2 * DAY_S)]
    assert two_runs.sql("SELECT count(answers) FROM look") == [(0,)]
    assert two_runs.sql("PRAGMA foreign_key_check") == []


def test_answers_of_a_name_server_are_kept(keeper):
    try:
        with dnsrig.DnsRig(BEFORE) as rig:
            config = keeper.folder / "gatepost.yaml"
            settings = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}]}
            config.write_text(json.dumps(settings | {"dns": {"trust_anchor": "none"}}), encoding="utf-8")
            for _ in range(2):
                argv = ["--no-probe", "-c", config, "--resolver", rig.server, "--store", keeper.store, "worse.test"]
                done = run("audit", *argv)
                assert done.returncode == 0, done.stderr
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    for (answers,) in keeper.sql("SELECT answers FROM look"):
        assert SPF.encode() in answers
    assert keeper.objects("worse.test")["worse.test"]["changes"] == []


def test_a_flood_of_faults_hides_none(keeper):
    names = {"full.test": {"TXT": ["v=spf1 include:a.test ~all"]}, "a.test": {"TXT": ["v=spf1 -all"]}}
    keeper.look(names, "--fail-on", "critical", "full.test", code=1)
    names["a.test"]["TXT"] = ["v=spf1 " + " ".join(f"include:a..{i}.test" for i in range(250)) + " -all"]
    keeper.look(names, "--fail-on", "critical", "full.test", time=2 * DAY_S, code=1)
    changes = keeper.objects("full.test", code=1)["full.test"]
    assert told(changes, "went") == set()
    assert "dkim.none.found" in told(changes, "lost")
    assert "dmarc.missing" not in told(changes, "lost")


def test_old_runs_are_forgotten(two_runs):
    two_runs.look(NOW, "same.test", "--keep", "1", time=3 * DAY_S)
    assert two_runs.sql("SELECT id FROM run") == [(2,), (3,)]
    two_runs.look(NOW, "same.test", "--keep", "1", time=9 * DAY_S)
    assert two_runs.sql("SELECT id FROM run") == [(4,)]
    assert two_runs.sql("SELECT count(*) FROM finding WHERE look NOT IN (SELECT id FROM look)") == [(0,)]
    assert two_runs.sql("SELECT DISTINCT run FROM look") == [(4,)]


def test_a_run_that_failed_is_not_kept(two_runs):
    two_runs.sql("CREATE TRIGGER full BEFORE INSERT ON look WHEN new.domain = 'same.test'"
                 " BEGIN SELECT raise(ABORT, 'no room'); END")
    done = two_runs.look(NOW, *DOMAINS, code=4)
    assert done.stderr == f"gatepost audit: {two_runs.store}: no room\n"
    assert two_runs.sql("SELECT count(*) FROM run") == [(2,)]
    assert two_runs.sql("SELECT max(run) FROM look") == [(2,)]


def test_what_is_no_store_is_left_alone(keeper):
    keeper.diff("a.test", code=4)
    assert not keeper.store.exists()
    keeper.store.write_text("some other file of more than a hundred octets " * 9, encoding="utf-8")
    before = keeper.store.read_bytes()
    assert "not a database" in keeper.look(NOW, "same.test", code=4).stderr
    assert keeper.store.read_bytes() == before


def test_a_later_version_is_left_alone(two_runs):
    two_runs.sql("PRAGMA user_version = 99")
    assert "later version" in two_runs.look(NOW, "same.test", code=4).stderr
    assert "later version" in two_runs.diff(code=4).stderr
    assert two_runs.sql("SELECT count(*) FROM run") == [(2,)]


@pytest.mark.parametrize("argv", [[], ["--store"], ["--since", "0"], ["--store", "x", "--since", "a"]])
def test_mistakes(argv):
    assert run("audit", "diff", *argv).returncode == 2


def test_what_would_be_published_is_not_kept(keeper):
    done = run("audit", "--zone", "--store", keeper.store, "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert not keeper.store.exists()


def test_help():
    done = run("audit", "diff", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: gatepost audit diff --store FILE")


def test_what_earlier_runs_saw_counts(keeper):
    key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    names = BEFORE | {"s1._domainkey.worse.test": {"TXT": [key]}}
    monitored = names | {"_dmarc.worse.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:r@worse.test"]}}

    def found(names, day):
        keeper.look(names, "--selector", "s1", "--keep", "1", "worse.test", time=day * DAY_S)
        rows = keeper.sql("SELECT id, severity, evidence FROM finding WHERE state = 'fail'")
        return {id: (severity, evidence) for id, severity, evidence in rows}

    found(names | {"_dmarc.worse.test": {}}, 1)
    assert found(monitored, 2)["dmarc.p.none"][0] == "medium"
    for day, expected in (3, "medium"), (92, "medium"), (93, "high"):
        severity, evidence = found(monitored, day)["dmarc.p.none"]
        assert (severity, evidence.split(":")[0]) == (expected, "p=none since 1970-01-03")
    assert "dkim.old" not in found(names, 366)
    assert found(names, 367)["dkim.old"] == ("low", "s1: the same since 1970-01-02")
    assert found(monitored, 368)["dmarc.p.none"][0] == "high", "a step back"
    keeper.look(names | {"worse.test": {"TXT": ["v=spf1 -all"]}}, "worse.test", time=369 * DAY_S)
    changes = facts(keeper.objects(code=1)["worse.test"])
    assert changes["spf.record"] == (SPF, "v=spf1 -all")
    assert changes["dmarc.record"] == ("v=DMARC1; p=none; rua=mailto:r@worse.test", "v=DMARC1; p=reject")
