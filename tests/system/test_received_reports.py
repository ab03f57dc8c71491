# SPDX-License-Identifier: Apache-2.0
"""gatepost reports: what others sent is read, kept once, and adds up to what was sent."""

import csv
import datetime
import io
import json
import mailbox
import os
import sqlite3
import subprocess

import pytest
import reports_field
from gateway import PROGRAM, run

DAY_S = 86400
SINCE = ["--since", "2026-01-01"]


def day_text(day):
    return datetime.datetime.fromtimestamp(day * DAY_S, datetime.timezone.utc).strftime("%Y-%m-%d")


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    field = reports_field.Field(tmp_path_factory.mktemp("field"), seed=7)
    field.fill(domains=4, days=15, reporters=10, sources=30)
    return field


class Reports:
    """gatepost reports VERB with a database of the test's own."""

    def __init__(self, database, look):
        self.database = database
        self.look = look

    def __call__(self, verb, *argv, code=0, **options):
        done = run("reports", verb, "--database", self.database, *argv, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def rows(self, sql):
        return [tuple(int(x) if str(x).isdigit() else x for x in row) for row in self.look(sql)]


@pytest.fixture(params=["sqlite", "postgresql"])
def reports(request, tmp_path):
    if request.param == "sqlite":
        path = tmp_path / "received.db"

        def look(sql):
            with sqlite3.connect(path) as db:
                return db.execute(sql).fetchall()

        return Reports(path, look)
    server = request.getfixturevalue("postgresql")
    url = server.url()
    return Reports(url, lambda sql: server.ask(sql, url))


def asked(done):
    return json.loads(done.stdout)


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def xml(ident="1", domain="ours.example", org="reporter.example", rows="", begin=1780272000, end=1780358399):
    return (reports_field.head(org, ident, domain, begin, end, "reject", "") + rows + "</feedback>\n").encode()


OURS = reports_field.Sender("ours", "192.0.2.1", True, True, "ours.example", "s1")
ROW = reports_field.record(OURS, "ours.example", 5, "none", False, False)


def test_a_report_is_shown_without_what_it_does_not_tell(reports, tmp_path):
    text = xml(rows=ROW).replace(b"<sp>reject</sp>", b"")
    (tmp_path / "a.xml").write_bytes(text.replace(b"<header_from>ours.example</header_from>", b""))
    reports("import", tmp_path / "a.xml")
    lines = reports("show", "1").stdout.splitlines()
    assert "  policy           p=reject adkim=r aspf=r" in lines
    assert "      from what is not told" in lines


def test_before_the_first_mail_nothing_is_refused(tmp_path):
    done = run("reports", "refused", "--database", tmp_path / "received.db")
    assert done.returncode == 4 and "is not there: the gateway makes it" in done.stderr


def test_totals_are_the_truth(field, reports):
    truth = field.truth
    done = asked(reports("import", "--json", field.folder, code=1))
    assert (done["imported"], done["records"], done["duplicates"], done["lost"]) == (
        truth.imported, truth.records, truth.duplicates, truth.lost)
    assert len([q for q in done["quarantined"] if "record" not in q]) == truth.refused
    assert len([q for q in done["quarantined"] if "record" in q]) == truth.lost

    summary = asked(reports("summary", "--json", *SINCE))
    assert {d["domain"]: {name: d[name] for name in reports_field.FIGURES} for d in summary["domains"]} == truth.domains
    assert summary["messages"] == sum(d["messages"] for d in truth.domains.values())
    assert summary["estimated"] == sum(truth.estimated.values())
    for domain, figures in truth.domains.items():
        one = asked(reports("summary", "--json", "--domain", domain.upper(), *SINCE, "--max", "1000"))
        assert {name: one[name] for name in reports_field.FIGURES} == figures
        assert {s["ip"]: {"count": s["count"], "class": s["class"]} for s in one["sources"]} == truth.sources[domain]
        known = {d["day"]: d["messages"] - d["estimated"] for d in one["days"] if d["messages"] > d["estimated"]}
        assert known == {day_text(day): n for day, n in truth.days[domain].items()}
        assert sum(d["messages"] for d in one["days"]) == figures["messages"]


def test_a_second_import_changes_nothing(field, reports):
    reports("import", field.folder, code=1)
    before = reports("summary", "--json", *SINCE).stdout
    done = asked(reports("import", "--json", field.folder, code=1))
    assert (done["imported"], done["records"]) == (0, 0)
    assert done["duplicates"] == field.truth.imported + field.truth.duplicates
    assert reports("summary", "--json", *SINCE).stdout == before


def test_sessions_and_failures_are_the_truth(field, reports):
    reports("import", field.folder, code=1)
    told = lines(reports("export", "--kind", "tls", "--format", "json"))
    policies = [line["policy"] for line in told if "policy" in line]
    sums = {}
    for p in policies:
        one = sums.setdefault(p["domain"], [0, 0])
        one[0], one[1] = one[0] + p["successful"], one[1] + p["failed"]
    assert sums == field.truth.sessions
    added = reports.rows("SELECT domain, sum(successful), sum(failed) FROM tls_day GROUP BY domain")
    assert {domain: list(rest) for domain, *rest in added} == sums
    failures = lines(reports("export", "--kind", "failure", "--format", "json"))
    assert sum(f["failure"]["incidents"] for f in failures) == field.truth.incidents


def test_the_unauthenticated_are_in_no_figure(reports, tmp_path):
    (tmp_path / "forged.xml").write_bytes(xml(rows=ROW * 3))
    (tmp_path / "true.xml").write_bytes(xml(rows=ROW))
    assert asked(reports("import", "--json", "--unauthenticated", tmp_path / "forged.xml"))["imported"] == 1
    # It cannot take the place of the true one, whose id it has.
    assert asked(reports("import", "--json", tmp_path / "true.xml"))["imported"] == 1
    summary = asked(reports("summary", "--json", *SINCE))
    assert (summary["messages"], summary["unauthenticated"]) == (5, 15)
    assert asked(reports("summary", "--json", "--unauthenticated", *SINCE))["messages"] == 15
    assert "15 more are in unauthenticated reports" in reports("summary", *SINCE).stdout


def test_the_same_id_for_another_domain_or_range(reports, tmp_path):
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    (tmp_path / "b.xml").write_bytes(xml(rows=ROW, domain="other.example"))
    (tmp_path / "c.xml").write_bytes(xml(rows=ROW, begin=1780272001))
    (tmp_path / "d.xml").write_bytes(xml(rows=ROW, org="else.example"))
    done = asked(reports("import", "--json", *(tmp_path / f"{n}.xml" for n in "abcda")))
    assert (done["imported"], done["duplicates"]) == (4, 1)


def mail(ident):
    return reports_field.packed(xml(ident, rows=ROW).decode(), "mail", "ours.example")[1]


def test_maildirs_mboxes_and_standard_input(reports, tmp_path):
    maildir = mailbox.Maildir(tmp_path / "Maildir")
    for ident in ["1", "2"]:
        maildir.add(mail(ident))
    (tmp_path / "Maildir/tmp/half").write_bytes(mail("never"))
    (tmp_path / "Maildir/dovecot-uidlist").write_text("3 V1 N1\n")
    (tmp_path / "Maildir/.index").mkdir()
    (tmp_path / "Maildir/.index/of the server").write_text("no mail")
    maildir.add_folder("Reports").add(mail("8"))
    assert asked(reports("import", "--json", tmp_path / "Maildir"))["imported"] == 3

    box = mailbox.mbox(tmp_path / "box")
    for ident in ["2", "3", "4"]:
        box.add(mail(ident))
    box.add(b"Subject: no report\n\nFrom here on nothing follows.\n")
    box.flush()
    done = asked(reports("import", "--json", tmp_path / "box", code=1))
    assert (done["imported"], done["duplicates"]) == (2, 1)
    assert [q["file"] for q in done["quarantined"]] == [f"{tmp_path}/box, mail 4"]

    with open(tmp_path / "box", "rb") as f:
        assert asked(reports("import", "--json", "-", stdin=f, code=1))["duplicates"] == 3
    done = asked(reports("import", "--json", "-", input=xml("9", rows=ROW).decode()))
    assert done["imported"] == 1


def test_what_is_in_quarantine(reports, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a-large.xml").write_bytes(xml("1", rows=ROW * 100))
    (folder / "a-larger.xml").write_bytes(xml("4", rows=ROW * 1000))  # too large to be read here and handed on
    (folder / "b-text").write_text("hello")
    (folder / "c-empty").write_text("")
    (folder / "d-good.xml").write_bytes(xml("2", rows=ROW))
    (folder / "e-future.xml").write_bytes(xml("3", rows=ROW, begin=4000000000, end=4000000001))
    (folder / "link").symlink_to("/etc/passwd")
    done = asked(reports("import", "--json", "--max-size", "20kB", folder, tmp_path / "none", code=1))
    assert done["imported"] == 1
    assert {q["file"].removeprefix(f"{folder}/"): q["reason"] for q in done["quarantined"]} == {
        "a-large.xml": "it is larger than --max-size",
        "a-larger.xml": "it is larger than --max-size",
        "b-text": "it is neither a mail nor a report",
        "c-empty": "it is empty",
        "e-future.xml": "its range is in the future",
        f"{tmp_path}/none": "No such file or directory",
    }
    assert reports.rows("SELECT count(*) FROM flaw WHERE report IS NULL") == [(6,)]
    done = reports("import", folder, code=1)
    assert "not imported: 3 files\n" in done.stderr
    assert done.stdout == "2 reports imported, with 1100 records; 1 were there already\n"
    assert f"{folder}/c-empty: it is empty" in done.stderr


def test_caps_are_raised_for_a_large_report(reports, tmp_path):
    (tmp_path / "large.xml").write_bytes(xml(rows=ROW * 120_000))
    done = asked(reports("import", "--json", tmp_path / "large.xml", code=1))
    assert done["imported"] == 0
    done = asked(reports("import", "--json", "--max-size", "100MB", tmp_path / "large.xml", code=1))
    assert (done["imported"], done["quarantined"][0]["reason"]) == (0, "it has more than 100000 records")
    argv = ["--max-size", "100MB", "--max-records", "200000"]
    done = asked(reports("import", "--json", *argv, tmp_path / "large.xml"))
    assert (done["imported"], done["records"]) == (1, 120_000)
    assert asked(reports("summary", "--json", *SINCE))["messages"] == 600_000


def test_export_does_not_calculate(reports, tmp_path):
    evil = ["=cmd()", "+1", "-1", "@SUM(A1)"]
    for i, org in enumerate(evil):
        (tmp_path / f"{i}.xml").write_bytes(xml(str(i), org=org, rows=ROW))
    reports("import", *(tmp_path / f"{i}.xml" for i in range(len(evil))))
    rows = list(csv.DictReader(io.StringIO(reports("export").stdout)))
    assert sorted(row["org"] for row in rows) == sorted("'" + org for org in evil)
    assert rows[0]["source"] == "192.0.2.1"
    assert rows[0]["dkim_results"] == "pass ours.example s1"
    reports("export", "-o", tmp_path / "out.json", "--format", "json", "--domain", "ours.example")
    told = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    assert sorted(line["org"] for line in told) == sorted(evil)
    assert told[0]["row"]["messages"] == 5


def test_list_and_show(reports, tmp_path):
    (tmp_path / "a.xml").write_bytes(xml("<1>", rows=ROW))
    (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW, end=1780272000 + 7 * DAY_S - 1))
    reports("import", tmp_path / "a.xml", tmp_path / "b.xml")
    listed = lines(reports("list", "--json"))
    said = [(r["id"], r["records"], r["messages"], r["estimated"]) for r in listed]
    assert said == [("2", 1, 5, True), ("<1>", 1, 5, False)]
    told = lines(reports("show", "--json", str(listed[1]["number"])))
    assert told[0]["report"]["policy"]["p"] == "reject"
    assert told[1]["row"]["dkim_results"] == [{"result": "pass", "domain": "ours.example", "selector": "s1"}]
    assert "192.0.2.1: 5 messages" in reports("show", str(listed[1]["number"])).stdout
    assert "there is no report" in reports("show", "77", code=1).stderr
    assert lines(reports("list", "--json", "--domain", "other.example")) == []


def test_the_summary_in_words(reports, tmp_path):
    forged = reports_field.Sender("threat", "198.51.100.9", False, False, "spam.example", "")
    row = reports_field.record(forged, "ours.example", 5, "reject", False, False)
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW + row))
    reports("import", tmp_path / "a.xml")
    said = reports("summary", "--domain", "ours.example", "--since", "2026-06-01", "--until", "2026-06-30").stdout
    assert "10 messages, 50.0 % aligned" in said
    assert "5 messages do not align: what p=reject would hit" in said
    assert "####################--------------------" in said
    assert "ours  " in said and "threat" in said
    assert "\033" not in said


def test_a_summary_has_the_cause_of_what_does_not_align(reports, tmp_path):
    forged = reports_field.Sender("threat", "198.51.100.9", False, False, "spam.example", "")
    broken = reports_field.Sender("ours", "192.0.2.7", True, False, "lists.example", "s1")
    row = reports_field.record(broken, "ours.example", 7, "none", False, False)
    row = row.replace("<dkim>pass</dkim>", "<dkim>fail</dkim>").replace("<result>pass</result></dkim>",
                                                                        "<result>fail</result></dkim>")
    row += reports_field.record(forged, "ours.example", 3, "none", False, False)
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW + row))
    reports("import", tmp_path / "a.xml")
    words = ("the signature of ours.example does not verify (selector s1); SPF passes for lists.example,"
             " not for ours.example: a forwarder or a list changed it, or it is forged")
    for argv in (SINCE, [*SINCE, "--domain", "ours.example"]):
        lines = reports("summary", *argv).stdout.splitlines()
        (at,) = (i for i, line in enumerate(lines) if line.startswith("  192.0.2.7 "))
        folded = lines[at + 1 : at + 4]
        assert max(map(len, folded)) <= 80 and all(line.startswith("      ") for line in folded)
        assert " ".join(map(str.strip, folded)).startswith(words)
        (at,) = (i for i, line in enumerate(lines) if line.startswith("  192.0.2.1 "))
        assert not lines[at + 1].startswith("     ")
        causes = {s["ip"]: s["cause"] for s in asked(reports("summary", "--json", *argv))["sources"]}
        assert causes["192.0.2.1"] is None
        assert causes["192.0.2.7"]["dkim"] == "broken" and causes["192.0.2.7"]["signer"] == "ours.example"
        assert (causes["198.51.100.9"]["spf"], causes["198.51.100.9"]["messages"]) == ("other_envelope", 3)
        assert causes["192.0.2.7"]["words"] == words.strip()
    assert words in " ".join(reports("show", "1").stdout.split())
    told_lines = list(map(json.loads, reports("show", "--json", "1").stdout.splitlines()))
    told = {line["row"]["source"]: line["row"]["cause"] for line in told_lines if "row" in line}
    assert told["192.0.2.7"] == words.strip() and told["192.0.2.1"] is None


def test_a_summary_says_where_messages_are(reports, tmp_path):
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    reports("import", tmp_path / "a.xml")
    assert "no messages were ever reported" in reports("summary", "--domain", "other.example").stdout
    day = "2026-06-01"
    assert f"the newest ones are of {day}: --until {day}" in reports("summary", "--until", "2026-05-01").stdout
    found = reports("summary", "--until", day).stdout.splitlines()  # and the 30 days before
    assert found[0] == f"all domains, 2026-05-02 to {day}"
    assert max(map(len, found)) <= 80 and any(line.startswith(f"  {day} ") for line in found)


def test_a_summary_of_nothing_has_no_shares(reports, tmp_path):
    second = xml("2", rows=ROW, begin=1780272000 + 2 * DAY_S, end=1780358399 + 2 * DAY_S)
    for name, text in (("a.xml", xml(rows=ROW)), ("b.xml", second)):
        (tmp_path / name).write_bytes(text)
        reports("import", tmp_path / name)
    told = reports("summary", *SINCE).stdout.splitlines()
    between = next(line for line in told if line.startswith("  2026-06-02"))
    assert between.split() == ["2026-06-02", "0"]
    told = reports("summary", "--since", "2026-01-01", "--until", "2026-01-31").stdout
    assert "no messages are reported in these days" in told and "%" not in told


def test_what_is_old_is_forgotten(reports, tmp_path):
    (tmp_path / "old.xml").write_bytes(xml("1", rows=ROW, begin=1500000000, end=1500000001))
    (tmp_path / "new.xml").write_bytes(xml("2", rows=ROW))
    now = int(datetime.datetime.now().timestamp())
    (tmp_path / "now.xml").write_bytes(xml("3", rows=ROW, begin=now - 3600, end=now))
    done = asked(reports("import", "--json", "--keep", "30", *(tmp_path / f"{n}.xml" for n in ["old", "new", "now"])))
    assert done["imported"] == 3
    assert asked(reports("summary", "--json", "--since", "2017-01-01"))["messages"] == 5
    assert asked(reports("import", "--json", tmp_path / "old.xml"))["old"] == 1


def test_the_database_of_the_configuration(tmp_path):
    config = tmp_path / "gatepost.yaml"
    (tmp_path / "state").mkdir()
    config.write_text(json.dumps({"hostname": "mx.test", "state": "state", "listen": [{"address": "127.0.0.1:2525"}]}))
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    assert run("reports", "import", "-c", config, tmp_path / "a.xml").returncode == 0
    path = tmp_path / "state/reports/received.db"
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(run("reports", "summary", "--json", "-c", config, *SINCE).stdout)["messages"] == 5


MISUSE = [[], ["import"], ["list", "x"], ["show"], ["summary", "--since", "soon"], ["export", "--format", "xml"],
          ["import", "--max-size", "5", "x"], ["summary", "--domain", "a b"], ["nothing"]]


@pytest.mark.parametrize("argv", MISUSE)
def test_misuse(argv):
    assert run("reports", *argv).returncode == 2


def test_no_database(reports):
    assert "it is not there" in reports("summary", code=4).stderr


def test_names_of_files_are_of_any_octets(reports, tmp_path):
    """A name is a stranger's, where files are saved under the names that mails give them."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "\x1b[2Ja\nb\u009b.xml").write_text("hello")
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.xml"), "wb") as file:
        file.write(xml("1", rows=ROW.replace("192.0.2.1", "nowhere")))
    done = reports("import", folder, code=1)
    assert f"{folder}/?[2Ja?b?.xml: it is neither" in done.stderr
    assert f"{folder}/caf\ufffd.xml, record 1: its source_ip" in done.stderr
    done = asked(reports("import", "--json", folder, code=1))
    assert [q["file"] for q in done["quarantined"]] == [f"{folder}/\x1b[2Ja\nb\u009b.xml"]
    (listed,) = lines(reports("list", "--json"))
    assert listed["file"] in (f"{folder}/caf\ufffd.xml", f"{folder}/caf?.xml")  # PostgreSQL keeps no other octets


def test_letters_take_the_columns_that_are_seen(reports, tmp_path):
    for ident, domain in enumerate(["b\u00fccher.example", "ours.example"]):
        (tmp_path / f"{ident}.xml").write_bytes(xml(str(ident), domain=domain, org="B\u00fc Ltd.", rows=ROW))
    reports("import", tmp_path / "0.xml", tmp_path / "1.xml")
    first, second = reports("list").stdout.splitlines()[1:]
    assert first.index("B\u00fc Ltd.") == second.index("B\u00fc Ltd.") and len(first) == len(second)
    text = reports("summary", *SINCE).stdout
    assert len({line.index("100.0 %") for line in text.splitlines() if ".example  " in line and "%" in line}) == 1


def test_a_day_is_one_of_the_calendar(reports, tmp_path):
    (tmp_path / "1.xml").write_bytes(xml(rows=ROW))
    reports("import", tmp_path / "1.xml")
    for day in ("2026-02-30", "2026-04-31", "2025-02-29", "2026-1-1"):
        assert "is neither a day" in reports("list", "--since", day, code=2).stderr, day
    assert reports("list", "--since", "2024-02-29").stdout


def test_what_cannot_be_printed_is_told(reports, tmp_path):
    (tmp_path / "1.xml").write_bytes(xml(rows=ROW))
    reports("import", tmp_path / "1.xml")
    words = ["list", "list --json", "show 1", "show --json 1", "summary", "summary --json", "tls", "export", "weekly",
             f"import {tmp_path}/1.xml", f"import --json {tmp_path}/1.xml"]  # fmt: skip
    for verb, *argv in map(str.split, words):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, "reports", verb, "--database", reports.database, *argv], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)  # fmt: skip
        assert (done.returncode, done.stderr) == (4, WRITTEN), (verb, argv)
    assert reports("export", "-o", "/dev/full", code=4).stderr == "gatepost reports: /dev/full cannot be written\n"


WRITTEN = "gatepost reports: standard output cannot be written\n"
