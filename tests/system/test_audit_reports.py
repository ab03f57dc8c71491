# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --reports: what others reported counts, by a database that gatepost reports made."""

import json

import pytest
import reports_field
from gateway import run

DAY_S = 86400
TODAY = 20600  # 2026-05-27
KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SENDERS = [  # who sends, how many a day
    (reports_field.Sender("ours", "20.0.0.1", True, True, "sends.test", "learnt"), 100),
    (reports_field.Sender("threat", "20.0.0.2", False, False, "sends.test", ""), 20),  # signs nothing; see below
    (reports_field.Sender("threat", "20.0.9.9", False, False, "bulk.example", ""), 5),
]
NAMES = {
    "sends.test": {"MX": [[10, "mx.sends.test"]], "TXT": ["v=spf1 ip4:20.0.0.1 ip4:20.0.0.2 -all"]},
    "mx.sends.test": {"A": ["20.0.0.1"]},
    "_dmarc.sends.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:r@sends.test"]},
    "learnt._domainkey.sends.test": {"TXT": [KEY]},
    "default._domainkey.sends.test": {"TXT": [KEY.replace("11qY", "22qY")]},
    "silent.test": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"]},
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Reports of 100 days about sends.test, a day each."""
    folder = tmp_path_factory.mktemp("reports")
    files = folder / "in"
    files.mkdir()
    for day in range(TODAY - 100, TODAY):
        begin = day * DAY_S
        rows = "".join(reports_field.record(sender, "sends.test", count, "none", False, False)
                       for sender, count in SENDERS)
        text = reports_field.head("r.example", f"id{day}", "sends.test", begin, begin + DAY_S - 1, "none", "")
        (files / f"{day}.xml").write_text(text + rows + "</feedback>\n", encoding="utf-8")
    done = run("reports", "import", "--database", folder / "received.db", files)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "received.db"


@pytest.fixture
def audit(tmp_path):
    world = tmp_path / "names.json"
    world.write_text(json.dumps(NAMES), encoding="utf-8")

    def look(*argv, code=0):
        done = run("audit", "--json", "--dns", world, "--time", TODAY * DAY_S, *argv, "sends.test", "silent.test")
        assert done.returncode == code, done.stderr
        found = map(json.loads, done.stdout.splitlines())
        return {one["domain"]: {f["id"]: f for f in one["findings"]} for one in found}

    return look


def check(found):
    sends, silent = found["sends.test"], found["silent.test"]
    assert sends["dkim.unused"]["evidence"] == "default"
    assert sends["dmarc.no.pass.path"]["severity"] == "medium"
    # Of the last 30 days; the day of today has none yet.
    assert sends["dmarc.no.pass.path"]["evidence"] == "20.0.0.2 (600); 20.0.9.9 (150)"
    assert sends["dmarc.p.none"]["evidence"].startswith("p=none in reports since 2026-02-16: ")
    assert "would have hit 750 of 3750 messages (20.0 %), most of them from 20.0.0.2 (600); 20.0.9.9 (150)" in (
        sends["dmarc.p.none"]["fix"])
    assert not {"dkim.unused", "dmarc.no.pass.path"} & set(silent)


def test_reports_count(audit, database):
    check(audit("--reports", database))


def test_the_database_of_a_configuration(audit, database, tmp_path):
    config = tmp_path / "gatepost.json"
    settings = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "state": str(tmp_path / "state")}
    config.write_text(json.dumps(settings), encoding="utf-8")
    without = audit("-c", config)
    assert "dkim.unused" not in without["sends.test"]
    (tmp_path / "state" / "reports").mkdir(parents=True)
    (tmp_path / "state" / "reports" / "received.db").symlink_to(database)
    check(audit("-c", config))


def test_without_it_nothing_is_said(audit):
    sends = audit()["sends.test"]
    assert not {"dkim.unused", "dmarc.no.pass.path"} & set(sends)
    assert "would have hit" not in sends["dmarc.p.none"]["fix"]


def test_a_file_that_is_no_database(audit, tmp_path):
    assert audit("--reports", tmp_path / "absent.db", code=4) == {}
    (tmp_path / "odd.db").write_bytes(b"no database at all" * 100)
    assert audit("--reports", tmp_path / "odd.db", code=4) == {}
