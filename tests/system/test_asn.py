# SPDX-License-Identifier: Apache-2.0
"""Whose networks sources are in, by a database on the disk: in the commands' answers and on the dashboard."""

import csv
import ipaddress
import json
import os
import random
import re
import shutil
import subprocess

import mmdb
import pytest
from dashrig import Dashboard
from gateway import eventually, run
from test_audit import SETTINGS
from test_received_reports import SINCE, asked
from test_source_names import SENT, report

NETWORKS = {
    "192.0.2.0/30": (64500, "Example Networks"),
    "192.0.2.4/32": (4200000000, "Größe & <b>Söhne</b>, \x1b[31m"),
    "2001:db8::/32": (11377, "SENDGRID"),
}
KNOWN = {
    "192.0.2.1": (64500, "Example Networks"),
    "192.0.2.2": (64500, "Example Networks"),
    "192.0.2.3": (64500, "Example Networks"),
    "192.0.2.4": (4200000000, None),
    "2001:db8::5": (11377, "SENDGRID"),
}


@pytest.fixture
def reports(tmp_path):
    """A command about a database with one report; .asn is a database of networks."""

    def ask(verb, *argv, code=0, database=True, **options):
        where = ["--database", tmp_path / "received.db"] if database else []
        done = run("reports", verb, *where, *argv, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    ask.asn = tmp_path / "asn.mmdb"
    ask.asn.write_bytes(mmdb.database(NETWORKS))
    ask.file = tmp_path / "report.xml"
    ask.file.write_bytes(report(SENT))
    ask("import", ask.file)
    return ask


def networks(summary):
    return {s["ip"]: (s["asn"], s["as_name"]) for s in asked(summary)["sources"]}


def test_a_summary_tells_of_networks(reports):
    by = ["--asn-database", reports.asn, *SINCE]
    assert networks(reports("summary", "--json", *by)) == KNOWN
    assert set(networks(reports("summary", "--json", *SINCE)).values()) == {(None, None)}
    text = reports("summary", *by).stdout
    assert "(SendGrid) (AS11377 SENDGRID)\n" in text
    assert "(AS64500 Example Networks)\n" in text and "(AS4200000000)\n" in text and "\x1b" not in text
    # It signs for us and SPF fails: a forwarder, unless it is known that it is none.
    classes = {s["ip"]: s["class"] for s in asked(reports("summary", "--json", *by))["sources"]}
    assert (classes["2001:db8::5"], classes["192.0.2.1"]) == ("provider", "forwarder")


def test_so_do_show_and_export(reports):
    by = ["--asn-database", reports.asn]
    assert "192.0.2.1 (AS64500 Example Networks): 40 messages" in reports("show", "1", *by).stdout
    lines = [json.loads(line) for line in reports("show", "1", "--json", *by).stdout.splitlines()]
    rows = [line["row"] for line in lines if "row" in line]
    assert {r["source"]: (r["asn"], r["as_name"]) for r in rows} == KNOWN
    lines = reports("export", *by, *SINCE).stdout.splitlines()
    assert lines[0].endswith(",asn,as_name")
    found = {r["source"]: (int(r["asn"]), r["as_name"] or None) for r in csv.DictReader(lines)}
    assert found == KNOWN
    bare = csv.DictReader(reports("export", *SINCE).stdout.splitlines())
    assert {(r["asn"], r["as_name"]) for r in bare} == {("", "")}
    exported = [json.loads(x) for x in reports("export", "--format", "json", *by, *SINCE).stdout.splitlines()]
    assert {r["row"]["source"]: (r["row"]["asn"], r["row"]["as_name"]) for r in exported} == KNOWN


def test_a_broken_one_is_said(reports):
    whole = reports.asn.read_bytes()
    for octets, why in [
        (whole[:-200], "it is no MaxMind DB, or its end is missing"),
        (b"", "it is no MaxMind DB, or its end is missing"),
        (mmdb.database(NETWORKS, kind="GeoLite2-City"), "it is a database of something else than ASNs"),
    ]:
        reports.asn.write_bytes(octets)
        for verb in (["summary"], ["show", "1"], ["export"]):
            assert why in reports(*verb, "--asn-database", reports.asn, code=4).stderr
    reports.asn.unlink()
    assert "No such file" in reports("summary", "--asn-database", reports.asn, code=4).stderr
    assert "it is no file" in reports("summary", "--asn-database", reports.asn.parent, code=4).stderr


def test_the_configuration_may_name_it(reports):
    state = reports.asn.parent / "state"
    (state / "reports").mkdir(parents=True)
    config = reports.asn.parent / "gatepost.yaml"
    settings = SETTINGS | {"state": str(state), "reports": {"asn_database": "asn.mmdb"}}
    config.write_text(json.dumps(settings), encoding="utf-8")
    reports("import", "-c", config, reports.file, database=False)
    ask = ["summary", "-c", config, "--json", *SINCE]
    assert networks(reports(*ask, database=False)) == KNOWN
    # What is wrong with it holds nobody up.
    reports.asn.write_bytes(b"no database")
    done = reports(*ask, database=False)
    assert "it is no MaxMind DB" in done.stderr
    assert set(networks(done).values()) == {(None, None)}


@pytest.mark.parametrize("record_size", [24, 28, 32])
def test_mmdblookup_reads_the_same(reports, record_size):
    """A second opinion, by libmaxminddb."""
    if not shutil.which("mmdblookup"):
        pytest.skip("mmdb-bin is not installed")
    rng = random.Random(record_size)
    made = {}
    for _ in range(200):
        six = rng.random() < 0.3
        address = rng.getrandbits(96) | 0x20010DB8 << 96 if six else rng.getrandbits(32)
        bits = rng.randrange(33, 100) if six else rng.randrange(9, 33)
        network = ipaddress.ip_network((address, bits), strict=False)
        if not any(network.version == n.version and network.overlaps(n) for n in made):
            made[network] = (rng.randrange(1, 2**32), "x" * rng.choice([1, 28, 29, 30, 200]))
    reports.asn.write_bytes(mmdb.database(made, record_size))
    inside = [str(n[rng.randrange(min(n.num_addresses, 2**60))]) for n in made]
    sent = {ip: 1 for ip in inside[:60]} | {str(ipaddress.ip_address(rng.getrandbits(32))): 1 for _ in range(20)}
    reports.file.write_bytes(report(sent).replace(b"<report_id>1<", b"<report_id>another<"))
    reports("import", reports.file)
    found = networks(reports("summary", "--json", "--max", "200", "--asn-database", reports.asn, *SINCE))
    assert set(sent) <= set(found) and sum(asn is not None for asn, _ in found.values()) >= 50
    for ip in sent:
        said = subprocess.run(["mmdblookup", "--file", reports.asn, "--ip", ip], capture_output=True, text=True).stdout
        number = re.search(r"(\d+) <uint32>", said)
        name = re.search(r'"(x+)" <utf8_string>', said)
        assert found[ip] == ((int(number[1]), name[1]) if number else (None, None)), ip


# --- the gateway ---


def sources(dashboard):
    found = dashboard.get("/api/v1/sources?domain=ours.example").json["sources"]
    return {s["address"]: (s["asn"], s["as_name"]) for s in found}


def place(path, octets):
    """In place of what is there at once, as those do who bring new ones."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(octets)
    os.replace(fresh, path)


def test_the_dashboard_has_the_newest(gatepost, scratch):
    path = scratch / "asn.mmdb"
    place(path, mmdb.database(NETWORKS))
    dashboard = Dashboard(gatepost, scratch, filled=True, reports={"asn_database": str(path)})
    dashboard.sign_in("reader")
    assert sources(dashboard)["192.0.2.10"] == (None, None)
    assert sources(dashboard)["2001:db8::bd"] == (11377, "SENDGRID")

    def becomes(asn, octets=None):
        if octets is not None:
            place(path, octets)
        eventually(lambda: sources(dashboard)["192.0.2.10"] == asn, what=f"{asn}")

    becomes((64501, "New"), mmdb.database({"192.0.2.0/24": (64501, "New")}, 28))
    one = dashboard.get("/api/v1/source?domain=ours.example&address=192.0.2.10").json
    assert (one["asn"], one["as_name"], one["name"], one["class"]) == (64501, "New", "mx.ours.example", "ours")
    becomes((None, None), mmdb.database({"192.0.2.0/24": (64502, "Cut off")})[:-9])
    eventually(lambda: "asn_database_refused" in dashboard.server.log_text(), what="a word about it")
    becomes((64503, "Whole"), mmdb.database({"192.0.2.0/24": (64503, "Whole")}))
    # Over it, and shorter, while the role has it.
    with open(path, "r+b") as file:
        file.truncate(100)
    becomes((None, None))
    path.unlink()
    eventually(lambda: "no_asn_database" in dashboard.server.log_text(), what="a word about it")
    becomes((64504, "Back"), mmdb.database({"192.0.2.0/24": (64504, "Back")}))
    dashboard.reload(reports={})
    becomes((None, None))
    dashboard.reload(reports={"asn_database": str(path)})
    becomes((64504, "Back"))
    dashboard.reload(reports={"asn_database": "/dev/null"})
    becomes((None, None))
    assert "role_died" not in dashboard.server.log_text()
