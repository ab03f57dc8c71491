# SPDX-License-Identifier: Apache-2.0
"""Others' reports in PostgreSQL: several who write, one who dies, a server that goes away, odd texts."""

import gzip
import json
import os
import random
import shutil
import subprocess
import time

import pytest
import reports_field
from dashrig import Dashboard
from gateway import BUILD, PROGRAM, Gateway, eventually, run
from test_ingest import aggregate, mail, read
from test_received_reports import ROW, SINCE, xml

UNITS = ["forget_test", "reportdb_test", "sources_test", "told_test", "pages_test", "put_test"]


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    field = reports_field.Field(tmp_path_factory.mktemp("field"), seed=11)
    field.fill(domains=4, days=20, reporters=10, sources=30)
    return field


def import_(url, *paths, **options):
    return run("reports", "import", "--json", "--database", url, *paths, **options)


def summary(url, *argv):
    done = run("reports", "summary", "--json", "--database", url, *SINCE, *argv)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_truth(url, truth):
    told = summary(url)
    assert {d["domain"]: {name: d[name] for name in reports_field.FIGURES} for d in told["domains"]} == truth.domains
    assert told["messages"] == sum(d["messages"] for d in truth.domains.values())
    for domain in truth.domains:
        one = summary(url, "--domain", domain, "--max", "1000")
        assert {s["ip"]: {"count": s["count"], "class": s["class"]} for s in one["sources"]} == truth.sources[domain]


@pytest.mark.parametrize("name", UNITS)
def test_units_hold_there(postgresql, name):
    env = dict(os.environ, GATEPOST_TEST_POSTGRES=postgresql.url())
    done = subprocess.run([BUILD / "tests" / name], env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


# --- several who write ---


def import_at_once(url, *folders):
    argv = [PROGRAM, "reports", "import", "--json", "--database", url]
    running = [subprocess.Popen([*argv, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for folder in folders]
    told = [one.communicate(timeout=120) for one in running]
    assert all(one.returncode in (0, 1) for one in running), told
    return [json.loads(out) for out, _ in told]


def test_two_importers_add_up(postgresql, field, tmp_path):
    """Each has half of the reports: all that both add to the same rows is there."""
    url = postgresql.url()
    for i, path in enumerate(sorted(field.folder.glob("*/*"))):
        half = tmp_path / str(i % 2) / path.parent.name
        half.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, half / path.name)
    done = import_at_once(url, tmp_path / "0", tmp_path / "1")
    assert all(one["imported"] > 50 for one in done)
    assert sum(one["imported"] for one in done) == field.truth.imported
    assert_truth(url, field.truth)


def numbers_of(url):
    done = run("reports", "list", "--json", "--max", "10000", "--database", url)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["number"] for line in done.stdout.splitlines()]


def test_two_importers_of_the_same(postgresql, field):
    """Each report is one's or the other's, and none is missing in the list."""
    url = postgresql.url()
    done = import_at_once(url, field.folder, field.folder)
    assert sum(one["imported"] for one in done) == field.truth.imported
    assert sum(one["duplicates"] for one in done) == field.truth.imported + 2 * field.truth.duplicates
    assert_truth(url, field.truth)
    assert sorted(numbers_of(url)) == list(range(1, field.truth.imported + 1))


def test_the_first_one_makes_the_tables(postgresql, tmp_path):
    for i in range(6):
        (tmp_path / str(i)).mkdir()
        (tmp_path / str(i) / "a.xml").write_bytes(xml(str(i), rows=ROW))
    for _ in range(3):
        url = postgresql.url()
        done = import_at_once(url, *(tmp_path / str(i) for i in range(6)))
        assert [one["imported"] for one in done] == [1] * 6
        assert summary(url)["messages"] == 30


def test_one_who_waits_too_long_says_so(postgresql, tmp_path):
    url = postgresql.url()
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    assert import_(url, tmp_path / "a.xml").returncode == 0
    lock = "SELECT pg_advisory_lock(7449363237674382196), pg_sleep(60)"
    holder = subprocess.Popen([postgresql.programs / "psql", "-q", "-c", lock, url], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        (tmp_path / "b.xml").write_bytes(xml("2", rows=ROW))
        done = import_(f"{url}&options=-clock_timeout%3D300", tmp_path / "b.xml")
        assert (done.returncode, done.stderr) == (4, "gatepost reports: the database: somebody else writes to it\n")
    finally:
        holder.kill()
        holder.wait()


def test_a_killed_importer_leaves_nothing_half(postgresql, field):
    url = postgresql.url()
    rng = random.Random(3)
    for _ in range(6):
        one = subprocess.Popen([PROGRAM, "reports", "import", "--database", url, field.folder],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.05, 0.25))
        one.kill()
        one.wait()
    assert import_(url, field.folder).returncode == 1
    assert sorted(numbers_of(url)) == list(range(1, field.truth.imported + 1))
    assert_truth(url, field.truth)


# --- who may, and who may not ---


@pytest.mark.parametrize(("at", "more"), [("gate:pssst@", ""), ("gate@", "&password=pssst"),
                                          ("gate@", "&%70assword=pssst"), ("gate@", "&sslpassword=pssst")])
def test_a_password_is_not_for_all_to_see(at, more):
    done = run("reports", "summary", "--database", f"postgresql://{at}127.0.0.1:1/x?connect_timeout=2{more}")
    assert done.returncode == 4
    assert "a password may not stand there" in done.stderr and "pssst" not in done.stderr


def test_a_server_that_proves_nothing(postgresql):
    url = postgresql.url(tls=True)
    other = url.replace("localhost", "other.example")
    done = run("reports", "summary", "--database", other)
    assert done.returncode == 4
    assert 'server certificate for "localhost"' in done.stderr and "other.example" in done.stderr


def test_a_network_is_not_believed_of_itself(postgresql, field):
    """Whoever stands between could say that there is no TLS, ask for the password, and read and write reports."""
    url = postgresql.url(tls=True).partition("&sslrootcert=")[0]
    done = run("reports", "summary", "--database", url)
    assert done.returncode == 4
    assert "certificate" in done.stderr
    # As its owner wants it.
    assert import_(url + "&sslmode=disable", field.folder).returncode == 1


def test_no_server():
    done = run("reports", "summary", "--database", "postgresql:///x?host=/nowhere")
    assert done.returncode == 4
    assert "No such file or directory" in done.stderr


def test_another_encoding_is_refused(postgresql):
    postgresql.ask("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", "postgres")
    where = postgresql.url().split("?")[1]
    done = run("reports", "summary", "--database", f"postgresql:///latin?{where}")
    assert (done.returncode, done.stderr) == (
        4, "gatepost reports: the database: the database's encoding is not UTF8\n")


def test_who_may_only_read(postgresql, tmp_path):
    url = postgresql.url()
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    assert import_(url, tmp_path / "a.xml").returncode == 0
    postgresql.ask("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", url)
    reader = url.replace("user=postgres", "user=reader")
    assert summary(reader)["messages"] == 5
    done = import_(reader, tmp_path / "a.xml")
    assert done.returncode == 4
    assert "permission denied" in done.stderr


def test_a_later_versions_tables_are_left_alone(postgresql, tmp_path):
    url = postgresql.url()
    (tmp_path / "a.xml").write_bytes(xml(rows=ROW))
    assert import_(url, tmp_path / "a.xml").returncode == 0
    postgresql.ask("INSERT INTO gatepost_tables VALUES (999)", url)
    for done in (import_(url, tmp_path / "a.xml"), run("reports", "summary", "--database", url)):
        assert done.returncode == 4
        assert "its tables are of another version" in done.stderr


# --- texts ---


LONG_NAME = ".".join(["a" * 60] * 4) + ".example"


def any_text(rng, octets):
    """Of characters that do not compress, as UTF-8."""
    text = ""
    while len(text.encode()) < octets - 4:
        text += chr(rng.choice([rng.randrange(0x4E00, 0x9FA5), rng.randrange(0x20000, 0x2A6D0)]))
    return text


def tls_of_long_texts(rng):
    text = lambda: any_text(rng, 1024)  # noqa: E731
    failure = {"result-type": text(), "receiving-mx-hostname": text(), "receiving-mx-helo": text(),
               "additional-information": text(), "failure-reason-code": text(), "failed-session-count": 2,
               "sending-mta-ip": "192.0.2.1", "receiving-ip": "192.0.2.2"}
    many = [text() for _ in range(32)]
    policy = {"policy-type": text(), "policy-domain": LONG_NAME, "policy-string": many, "mx-host": many}
    counts = {"total-successful-session-count": 1, "total-failure-session-count": 2}
    return {"organization-name": text(), "report-id": text(), "contact-info": text(),
            "date-range": {"start-datetime": "2026-06-01T00:00:00Z", "end-datetime": "2026-06-01T23:59:59Z"},
            "policies": [{"policy": policy, "summary": counts, "failure-details": [failure]}]}


def aggregate_of_long_texts(rng):
    text = lambda: any_text(rng, 1024)  # noqa: E731
    row = (
        "<record><row><source_ip>192.0.2.9</source_ip><count>1</count><policy_evaluated><disposition>none</disposition>"
        f"<dkim>pass</dkim><spf>pass</spf><reason><type>other</type><comment>{text()}</comment></reason>"
        f"</policy_evaluated></row><identifiers><header_from>{LONG_NAME}</header_from>"
        f"<envelope_from>{text()}</envelope_from><envelope_to>{text()}</envelope_to></identifiers><auth_results>"
        f"<dkim><domain>{text()}</domain><selector>{text()}</selector><result>pass</result>"
        f"<human_result>{text()}</human_result></dkim>"
        f"<spf><domain>{text()}</domain><scope>{text()}</scope><result>pass</result></spf></auth_results></record>"
    )
    return xml(text(), rows=row, org=text(), domain=LONG_NAME)


def told_of(where):
    listed = [json.loads(line) for line in run("reports", "list", "--json", "--database", where).stdout.splitlines()]
    return [run("reports", "show", "--json", "--database", where, str(r["number"])).stdout for r in listed]


def test_the_longest_texts_fit(postgresql, tmp_path):
    """Keys of an index hold 2,700 octets there: a stranger's report must not stop those beside it."""
    rng = random.Random(5)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.json").write_text(json.dumps(tls_of_long_texts(rng)))
    (tmp_path / "in/b.xml").write_bytes(aggregate_of_long_texts(rng))
    (tmp_path / "in/c.xml").write_bytes(xml(rows=ROW))
    url, file = postgresql.url(), tmp_path / "received.db"
    for where in (url, file):
        done = import_(where, tmp_path / "in")
        assert json.loads(done.stdout)["imported"] == 3, done.stdout + done.stderr
    assert told_of(url) == told_of(file)


def test_names_of_files_may_be_any_octets(postgresql, tmp_path):
    url = postgresql.url()
    folder = os.fsencode(tmp_path) + b"/in"
    os.mkdir(folder)
    for name, octets in ((b"\xff\xfe.xml", xml(rows=ROW)), (b"\xed\xa0\x80.txt", b"no report")):
        with open(folder + b"/" + name, "wb") as f:
            f.write(octets)
    argv = [os.fsencode(PROGRAM), b"reports", b"import", b"--json", b"--database", url.encode(), folder]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["imported"] == 1
    ((kept,),) = postgresql.ask("SELECT file FROM report", url)
    assert kept.endswith("/in/??.xml")
    ((why, file),) = postgresql.ask("SELECT why, file FROM flaw", url)
    assert why == "it is neither a mail nor a report" and file.endswith(".txt")


# --- the gateway ---


@pytest.fixture
def server(request, tmp_path, postgresql):
    server = Gateway(tmp_path)
    server.settings["domains"]["demo.test"] |= {"reports": "reports"}
    server.settings["retry"] = {"first": "1s", "max": "2s", "for": "1h"}
    server.settings["reports"] = {"received_database": postgresql.url(tls=getattr(request, "param", False))}
    server.start()
    yield server
    server.stop()


def kept_of(server):
    done = run("reports", "summary", "--json", "-c", server.folder / "gatepost.yaml", "--since", "2020-01-01",
               "--unauthenticated")
    return json.loads(done.stdout)["messages"] if done.returncode == 0 else None


@pytest.mark.parametrize("server", [False, True], indirect=True, ids=["socket", "TLS"])
def test_reports_that_are_mailed_in(server):
    server.send(mail(gzip.compress(aggregate())), to=["reports@demo.test"])
    (said,) = read(server)
    assert (said["kept"], said["known"], said["refused"]) == (1, 0, 0)
    assert kept_of(server) == 7
    assert not (server.folder / "state/reports/received.db").exists()


def test_a_server_that_goes_away_costs_no_report(server, postgresql):
    for i in range(6):
        server.send(mail(gzip.compress(aggregate(f"r{i}", [1] * 200))), to=["reports@demo.test"])
        if i == 2:
            postgresql.stop()
        if i == 3:
            postgresql.start()
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    assert kept_of(server) == 6 * 200
    renewed = [line for line in server.log_lines() if line["event"] == "reports_renewed"]
    assert 1 <= len(renewed) <= 3


def test_another_database_is_taken_up(server, postgresql):
    other = postgresql.url()
    server.settings["reports"] = {"received_database": other}
    server.write_config()
    server.process.send_signal(1)
    eventually(lambda: "the database of others' reports is another" in server.log_text(), what="another process")
    server.send(mail(gzip.compress(aggregate())), to=["reports@demo.test"])
    read(server)
    assert summary(other, "--since", "2020-01-01", "--unauthenticated")["messages"] == 7


ANSWERS = [
    "overview", "overview?domain=ours.example", "domains", "sources", "sources?order=unaligned&domain=ours.example",
    "source?domain=ours.example&address=203.0.113.30", "policy", "signers", "reporters", "tls",
    "failures?domain=ours.example",
]


def test_the_dashboard_shows_the_same(gatepost, scratch, postgresql):
    """The same reports in a file, and there."""
    url = postgresql.url()
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    subprocess.run([BUILD / "tests/figures_test", "fill", url, yesterday], check=True, timeout=60)
    shown = []
    for i, reports in enumerate([{"received_database": url}, {}]):
        (scratch / str(i)).mkdir()
        dashboard = Dashboard(gatepost, scratch / str(i), filled=not reports, reports=reports)
        dashboard.sign_in()
        answers = [dashboard.get(f"/api/v1/{name}") for name in ANSWERS]
        assert [answer.status for answer in answers] == [200] * len(ANSWERS)
        shown.append([answer.json for answer in answers])
    assert shown[0][0]["total"]["messages"] > 0
    assert shown[0] == shown[1]
