# SPDX-License-Identifier: Apache-2.0
"""gatepost audit watch: one night after the other, and who is told what of them, by mail, webhook or a terminal."""

import email
import email.policy
import hashlib
import hmac
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import time

import httpsrig
import pytest
import tlsrig
from gateway import PROGRAM, eventually, free_port, make_users, run

DAY_S = 24 * 3600
START_S = 1_790_000_000
SECRET = "correct horse battery staple"
GOOD = {
    "a.test": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"], "secure": True},
    "_dmarc.a.test": {"TXT": ["v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s"]},
    "*._domainkey.a.test": {"TXT": ["v=DKIM1; p="]},
    "2.0.0.127.bl.test": {"A": ["127.0.0.2"]},
    "hooks.test": {"A": ["127.0.7.1"]},
}
BAD = GOOD | {"_dmarc.a.test": {"TXT": ["v=DMARC1; p=none; sp=reject; np=reject; adkim=s; aspf=s"]}}
SILENT = GOOD | {"a.test": "SERVFAIL", "_dmarc.a.test": "SERVFAIL", "*._domainkey.a.test": "SERVFAIL"}
LISTED = GOOD | {"9.0.0.20.bl.test": {"A": ["127.0.0.4"], "TXT": ["see https://bl.test/ \u202e now"]}}


class Watcher:
    """A store, and the worlds of one night after the other."""

    def __init__(self, folder):
        self.folder, self.night = folder, 0
        self.store = folder / "audit.db"

    def watch(self, names, *argv, code=0, domains=("a.test",), **options):
        world = self.folder / "names.json"
        world.write_text(json.dumps(names), encoding="utf-8")
        self.night += 1
        when = START_S + self.night * DAY_S
        argv = ["--dns", world, "--store", self.store, "--time", str(when), *argv, *domains]
        done = run("audit", "watch", *argv, **options)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def sql(self, query):
        with sqlite3.connect(self.store) as db:
            return db.execute(query).fetchall()


@pytest.fixture
def watcher(tmp_path):
    return Watcher(tmp_path)


def test_a_store_of_an_older_version_goes_on(watcher):
    with sqlite3.connect(watcher.store) as db:
        db.executescript(
            "CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, time_s INTEGER NOT NULL);"
            "CREATE TABLE look (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
            " domain TEXT NOT NULL, answers BLOB, UNIQUE (domain, run)); CREATE INDEX look_run ON look (run);"
            "CREATE TABLE fact (look INTEGER NOT NULL REFERENCES look ON DELETE CASCADE, name TEXT NOT NULL,"
            " value TEXT NOT NULL, PRIMARY KEY (look, name)) WITHOUT ROWID;"
            "CREATE TABLE finding (look INTEGER NOT NULL REFERENCES look ON DELETE CASCADE, number INTEGER NOT NULL,"
            " id TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL, evidence TEXT NOT NULL,"
            " evidence_sha256 BLOB NOT NULL, PRIMARY KEY (look, number)) WITHOUT ROWID;"
            "INSERT INTO run VALUES (1, 1); INSERT INTO look VALUES (1, 1, 'a.test', NULL);"
            "INSERT INTO finding VALUES (1, 0, 'spf.missing', 'fail', 'high', 'a.test', x'00');"
            "PRAGMA user_version = 1;"
        )
    watcher.watch(GOOD)
    assert watcher.sql("SELECT id, mend FROM finding WHERE look = 1") == [("spf.missing", "")]
    assert watcher.sql("SELECT channel, domain FROM told") == [("output", "a.test")]


def lines(done, sign):
    return [line for line in done.stdout.splitlines() if line.startswith(f"  {sign} ")]


def test_only_what_is_news_is_told(watcher):
    assert watcher.watch(GOOD).stdout == ""
    bad = watcher.watch(BAD)
    assert "\na.test\n" in bad.stdout
    assert any("dmarc.p" in line or "dmarc.parked.weak" in line for line in lines(bad, "+"))
    assert "      > _dmarc.a.test TXT v=DMARC1; p=reject" in bad.stdout
    assert "  = dmarc.p: none (was reject)" in bad.stdout
    assert watcher.watch(BAD).stdout == ""
    # A night without an answer is no news, and the next one neither.
    assert watcher.watch(SILENT, code=3).stdout == ""
    assert watcher.watch(BAD).stdout == ""
    went = watcher.watch(GOOD)
    assert len(lines(went, "-")) == len(lines(bad, "+"))
    assert not lines(went, "+")
    assert watcher.watch(GOOD).stdout == ""


def test_long_records_of_some_leave_room_for_others(watcher):
    domains = ["a.test", "e0.test", "e1.test", "e2.test", "e3.test"]

    def names(end):
        long = 60000 * "\x7f" + end
        spf = {name: {"TXT": ["v=spf1 " + long], "A": ["20.0.0.1"]} for name in domains[1:]}
        return spf | {"_dmarc." + name: {"TXT": ["v=DMARC1; p=none; x=" + long]} for name in spf}

    watcher.watch(names("1") | GOOD, domains=domains)
    told = watcher.watch(names("2") | BAD, domains=domains).stdout
    assert "  = dmarc.p: none (was reject)" in told
    assert sum(line.startswith("  = spf.record: v=spf1 <U+007F>") for line in told.splitlines()) == 4
    assert len(told) < 500_000


def test_what_is_not_grave_enough_is_not_told(watcher):
    watcher.watch(GOOD, "--alert-on", "critical")
    assert not lines(watcher.watch(BAD, "--alert-on", "critical"), "+")


def test_an_address_that_a_list_has_is_told_once(watcher):
    argv = ["--dnsbl", "bl.test", "--address", "20.0.0.9"]
    assert watcher.watch(GOOD, *argv).stdout == ""
    told = watcher.watch(LISTED, *argv).stdout
    assert "\n20.0.0.9\n  + high dns.blocklist: in bl.test: 127.0.0.4\n" in told
    assert "      > " in told and "see https://bl.test/ <U+202E> now" in told
    assert watcher.watch(LISTED, *argv).stdout == ""
    # The list is away, was given up, or its new owner has all addresses: none of that takes anything back.
    assert watcher.watch(LISTED | {"2.0.0.127.bl.test": "SERVFAIL"}, *argv).stdout == ""
    assert watcher.watch(GOOD | {"2.0.0.127.bl.test": {"TXT": ["gone"]}}, *argv).stdout == ""
    assert watcher.watch(GOOD | {"1.0.0.127.bl.test": {"A": ["127.0.0.2"]}}, *argv).stdout == ""
    assert "\n20.0.0.9\n  - high dns.blocklist: " in watcher.watch(GOOD, *argv).stdout


def mail_argv(server, *to):
    argv = [w for address in to for w in ("--mail-to", address)]
    return [*argv, "--mail-from", "audit@gatepost.test", "--mail-server", f"127.0.0.1:{server.port}"]


def read(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_mail_is_told_until_it_is_taken(watcher, sink):
    server = sink({"RCPT": "451 4.3.0 come back later"})
    argv = mail_argv(server, "ops@a.test")
    watcher.watch(GOOD, *argv)
    refused = watcher.watch(BAD, *argv, code=4)
    assert "ops@a.test" in refused.stderr and "come back later" in refused.stderr
    del server.script["RCPT"]
    done = watcher.watch(BAD, *argv)
    assert done.stdout.startswith("mail:ops@a.test: told of ")
    assert watcher.watch(BAD, *argv).stdout == ""
    ((mail_from, rcpts, octets),) = server.messages
    assert ("<audit@gatepost.test>" in mail_from, len(rcpts)) == (True, 1)
    message = read(octets)
    assert message["Subject"].startswith("Mail posture: a.test: ")
    assert (message["To"], message["Auto-Submitted"]) == ("ops@a.test", "auto-generated")
    assert "\na.test\n  + " in message.get_content().replace("\r", "")
    assert "_dmarc.a.test TXT v=DMARC1; p=reject" in message.get_content()
    assert max(map(len, octets.split(b"\r\n"))) <= 78


def test_a_gateway_takes_it_from_a_user(watcher, gatepost, scratch):
    """Our own submission, by STARTTLS: the password is for a server that has proved its name."""
    certificate, key = tlsrig.make(scratch, "localhost")
    port = free_port()
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{free_port()}", "service": "inbound"},
            {"address": f"127.0.0.1:{port}", "service": "submission"},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
        users={"file": make_users(scratch, ("alice@demo.test", "wonderland", "--scram"), ("bob@demo.test", "builder"))},
        smarthost={"address": f"127.0.0.1:{free_port()}"},
    )
    eventually(server.all_are_ready, what="every role")
    password = scratch / "password"
    password.write_text("wonderland\n", encoding="utf-8")
    argv = ["--mail-to", "bob@demo.test", "--mail-from", "alice@demo.test", "--mail-server", f"localhost:{port}"]
    argv += ["--mail-user", "alice@demo.test", "--mail-password-file", password]
    watcher.watch(BAD, *argv, code=4)  # nobody stands behind the certificate
    watcher.watch(BAD, *argv, "--ca", certificate)
    (mail,) = server.wait_for_mails("bob")
    assert " with ESMTPSA" in mail["Received"]
    assert "_dmarc.a.test TXT v=DMARC1; p=reject" in mail.get_content()


def test_each_reader_is_told_by_himself(watcher, sink):
    server = sink({"RCPT": lambda line: "550 5.1.1 no" if "b@" in line else "250 2.1.5 ok"})
    argv = mail_argv(server, "a@a.test", "b@a.test")
    watcher.watch(BAD, *argv, code=4)
    server.script = {}
    watcher.watch(BAD, *argv)
    assert [rcpts[0].split("<")[1].split(">")[0] for _, rcpts, _ in server.messages] == ["a@a.test", "b@a.test"]
    assert "looked at for the first time" in read(server.messages[1][2]).get_content()


def test_the_same_alert_has_the_same_id(watcher, sink):
    """It was taken, but the server could not say so: then it comes twice, and is known for the same."""
    argv = mail_argv(server := sink({".": None}), "ops@a.test")
    (watcher.folder / "copy").mkdir()
    watcher.watch(GOOD, *argv)
    watcher.watch(BAD, *argv, code=4)
    copies = []
    for _ in range(2):
        other = Watcher(watcher.folder / "copy")
        other.store.unlink(missing_ok=True)
        other.watch(BAD, *mail_argv(good := sink(), "ops@a.test"))
        copies.append(read(good.messages[0][2])["Message-ID"])
    assert copies[0] == copies[1]
    assert server.messages == []


def test_a_message_has_an_end(watcher, sink):
    names = {f"d{i}.test": {"MX": [[10, f"mx.d{i}.test"]], "TXT": ["v=spf1 +all"]} for i in range(200)}
    server = sink()
    watcher.watch(names, *mail_argv(server, "ops@a.test"), domains=sorted(names))
    text = read(server.messages[0][2]).get_content()
    assert text.count("\n  + ") == 500
    assert "more: gatepost audit diff tells all of it." in text
    assert watcher.watch(names, *mail_argv(server, "ops@a.test"), domains=sorted(names)).stdout == ""


@pytest.fixture
def authority(tmp_path):
    return httpsrig.Authority(tmp_path)


def hook_argv(authority, rig, path="/t/0123secret?x=1"):
    return ["--webhook", f"https://hooks.test:{rig.port}{path}", "--ca", authority.path]


def test_a_webhook_is_signed_and_told_once(watcher, authority):
    secret = watcher.folder / "secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    with httpsrig.HttpsRig(authority.issue("hooks.test"), httpsrig.answer(status="202 Accepted")) as rig:
        argv = [*hook_argv(authority, rig), "--webhook-secret-file", secret]
        watcher.watch(GOOD, *argv)
        assert rig.requests == []
        told = watcher.watch(BAD, *argv)
        assert "0123secret" not in told.stdout + told.stderr
        assert watcher.watch(BAD, *argv).stdout == ""
    (request,) = rig.requests
    head, _, body = request.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert head.startswith(b"POST /t/0123secret?x=1 HTTP/1.1\r\n")
    assert fields["Content-Type"] == "application/json"
    stamp, mac = (part.split("=")[1] for part in fields["Gatepost-Signature"].split(","))
    assert abs(int(stamp) - time.time()) < 60
    assert mac == hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    alert = json.loads(body)
    assert (alert["run"], alert["looked_at"], alert["left_out"]) == (2, 1, 0)
    (domain,) = alert["domains"]
    assert (domain["domain"], domain["first"], domain["worse"]) == ("a.test", False, True)
    came = [c for c in domain["changes"] if c["change"] == "came"]
    assert any(line.startswith("_dmarc.a.test TXT ") for c in came for line in c["mend"])
    # A store is read by many: the URL is not in it.
    assert "hooks.test" not in str(watcher.sql("SELECT DISTINCT channel FROM told"))


@pytest.mark.parametrize(
    "status, fields", [("302 Found", ["Location: https://hooks.test/"]), ("500 Sorry", []), ("404 No", [])]
)
def test_a_webhook_that_does_not_take_it_is_told_again(watcher, authority, status, fields):
    with httpsrig.HttpsRig(authority.issue("hooks.test"), httpsrig.answer(status=status, fields=fields)) as rig:
        argv = hook_argv(authority, rig)
        refused = watcher.watch(BAD, *argv, code=4)
        assert f"status {status[:3]}" in refused.stderr
        rig.script = httpsrig.answer(status="204 No Content", length=False)
        watcher.watch(BAD, *argv)
        assert len(rig.requests) == 2


def test_a_webhook_must_prove_its_name(watcher, authority):
    with httpsrig.HttpsRig(authority.issue("other.test"), httpsrig.answer()) as rig:
        argv = hook_argv(authority, rig)
        assert "0123secret" not in watcher.watch(BAD, *argv, code=4).stderr
        assert rig.requests == []


def test_secrets_come_from_the_environment_too(watcher, authority):
    with httpsrig.HttpsRig(authority.issue("hooks.test"), httpsrig.answer()) as rig:
        env = {"GATEPOST_WEBHOOK": f"https://hooks.test:{rig.port}/", "GATEPOST_WEBHOOK_SECRET": SECRET}
        watcher.watch(BAD, "--ca", authority.path, env=env)
        assert b"Gatepost-Signature: t=" in rig.requests[0]


def test_one_channel_that_fails_holds_up_no_other(watcher, authority, sink):
    server = sink({"MAIL": "451 4.3.0 no"})
    with httpsrig.HttpsRig(authority.issue("hooks.test"), httpsrig.answer()) as rig:
        argv = [*mail_argv(server, "ops@a.test"), *hook_argv(authority, rig)]
        watcher.watch(BAD, *argv, code=4)
        server.script = {}
        watcher.watch(BAD, *argv)
        assert (len(rig.requests), len(server.messages)) == (1, 1)


def test_what_makes_no_sense_is_refused(watcher):
    store = ["--store", watcher.store]
    for argv in (
        ["watch", "a.test"],
        ["watch", *store, "--zone", "a.test"],
        ["watch", *store],
        ["--alert-on", "low", "a.test"],
        ["watch", *store, "--mail-to", "a@a.test", "a.test"],
        ["watch", *store, "--mail-to", "a@a.test\r\nBcc: b@b.test", "--mail-from", "a@a.test", "a.test"],
        ["watch", *store, "--mail-to", "a@a.test", "--mail-from", "<a@a.test>", "a.test"],
        ["watch", *store, "--mail-user", "me", "a.test"],
        ["watch", *store, "--alert-on", "never", "a.test"],
        ["watch", *store, "--webhook-secret-file", "/dev/null", "a.test"],
        *(
            ["watch", *store, "--webhook", url, "a.test"]
            for url in ("http://hooks.test/", "https://127.0.0.1/", "https://me@hooks.test/", "https://a.test/\r\nX: y")
        ),
    ):
        done = run("audit", *argv)
        assert done.returncode == 2, argv
    assert not watcher.store.exists()


PACKAGING = pathlib.Path(__file__).parents[2] / "packaging"


def exec_start(unit):
    (line,) = (x for x in unit.splitlines() if x.startswith("ExecStart="))
    return line.removeprefix("ExecStart=")


def test_the_units_are_as_systemd_wants_them(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze on this machine")
    for name in "gatepost-audit.service", "gatepost-audit.timer":
        text = (PACKAGING / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/usr/bin/gatepost", str(PROGRAM)), encoding="utf-8")
    argv = ["systemd-analyze", "verify", "--man=no", *(str(p) for p in sorted(tmp_path.glob("gatepost-audit.*")))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "gatepost-audit" in line]
    assert (done.returncode, ours) == (0, []), done.stderr
    argv = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(tmp_path / "gatepost-audit.service")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def expand(words):
    """Names of system calls, and those of systemd's sets; what this version does not know is none."""
    names = set()
    for word in words:
        if not word.startswith("@"):
            names.add(word)
            continue
        done = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=False)
        names |= expand(line.strip() for line in done.stdout.splitlines()[1:] if line.strip() and "#" not in line)
    return names


def let_through(unit):
    """What the unit's filter lets through: it is made line by line."""
    names = expand(["@default"])
    for line in unit.splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        value = line.removeprefix("SystemCallFilter=")
        words = expand(value.lstrip("~").split())
        names = names - words if value.startswith("~") else names | words
    return names


def test_the_unit_lets_its_calls_through(watcher):
    """Those of a whole run, by strace: the program gives up more by itself, and has to be able to."""
    for tool in "systemd-analyze", "strace":
        if not shutil.which(tool):
            pytest.skip(f"no {tool} on this machine")
    watcher.watch(GOOD)
    trace, world = watcher.folder / "trace", watcher.folder / "names.json"
    argv = ["audit", "watch", "--store", watcher.store, "--dns", world, "a.test"]
    argv = ["strace", "-f", "-qq", "-o", trace, PROGRAM, *argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    called = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", trace.read_text(encoding="utf-8"), re.M))
    assert {"capset", "seccomp", "landlock_restrict_self"} <= called
    called -= {"fchown"}  # SQLite's, for root alone, whom the unit does not know
    assert called - let_through((PACKAGING / "gatepost-audit.service").read_text(encoding="utf-8")) == set()


def test_the_service_says_what_the_program_takes(watcher):
    """Its command line with the variables that systemd would fill in."""
    domains = watcher.folder / "domains"
    domains.write_text("a.test # parked\n", encoding="utf-8")
    watcher.watch(GOOD)  # the world's file, and a store that is there
    options = f"--dns {watcher.folder / 'names.json'}"
    words = {f"${{{name}_DIRECTORY}}": watcher.folder for name in ("STATE", "CREDENTIALS")}
    words["$AUDIT_OPTIONS"] = options
    command = exec_start((PACKAGING / "gatepost-audit.service").read_text(encoding="utf-8"))
    for name, value in words.items():
        command = command.replace(name, str(value))
    argv = command.split()
    assert argv[0] == "/usr/bin/gatepost"
    done = run(*argv[1:])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert watcher.sql("SELECT count(*) FROM run") == [(2,)]
