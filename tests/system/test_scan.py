# SPDX-License-Identifier: Apache-2.0
"""gatepost scan: against servers that do as they are told, and against those that do their worst."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
from gateway import PROGRAM, free_port, run

RECIPIENT = ["--authorised", "the tests' owner", "--recipient", "canary@own.test"]
SAID_UNASKED = {"EHLO", "HELO", "HELP", "XGATEPOST", "STARTTLS", "QUIT"}
DAY = 86400
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def scan(*targets, code=0, names=("--no-dns",), **options):
    """The objects of --json. By default without the DNS."""
    argv = ["scan", "--private", *names, "--helo", "scanner.test", "--json", "--rate", "0", *map(str, targets)]
    done = run(*argv, **options)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def named(zone, *targets, **options):
    return scan(*targets, names=("--dns", str(zone)), **options)


def write_zone(folder, zone):
    (folder / "zone.json").write_text(json.dumps(zone))
    return folder / "zone.json"


def states(found):
    return {f["id"]: f["state"] for f in found["findings"]}


def failed(found):
    return {f["id"] for f in found["findings"] if f["state"] == "fail"}


def verbs(server):
    return {line.split(" ")[0].upper() for line in server.lines}


def make_certificate(folder, name, key=EC, since_s=-DAY, until_s=30 * DAY):
    """A file with a self-signed certificate for the name and its key; times from now on."""
    stem = folder / name
    stem.with_suffix(".cnf").write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={stem}.db\nnew_certs_dir={folder}\nrand_serial=yes\n"
        f"default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:{name}\n"
    )
    (folder / f"{name}.db").touch()

    def openssl(*argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)

    new = ["-new", "-nodes", "-newkey", *key, "-subj", f"/CN={name}", "-keyout", f"{stem}.key", "-out", f"{stem}.csr"]
    openssl("req", *new)
    since, until = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + s)) for s in (since_s, until_s))
    openssl(
        "ca", "-batch", "-selfsign", "-config", stem.with_suffix(".cnf"), "-extensions", "names", "-notext",
        "-keyfile", f"{stem}.key", "-in", f"{stem}.csr", "-out", f"{stem}.crt", "-startdate", since, "-enddate", until,
    )  # fmt: skip
    both = folder / f"{name}.pem"
    both.write_bytes((folder / f"{name}.crt").read_bytes() + (folder / f"{name}.key").read_bytes())
    return both


def with_tls(sink, certificate, **options):
    """A server that takes weak certificates of its own, which Python's would not."""
    end = sink(**options)
    end.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end.context.set_ciphers("ALL:@SECLEVEL=0")
    end.context.minimum_version = ssl.TLSVersion.TLSv1
    end.context.load_cert_chain(certificate)
    return end


@contextlib.contextmanager
def raw_server(serve):
    """serve(connection) is run in a thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection):
        with contextlib.suppress(OSError), connection:
            serve(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def receiver(tmp_path):
    """gatepost sink --canary: its port and its list."""
    listed, port = tmp_path / "arrived", free_port()
    with subprocess.Popen([PROGRAM, "sink", "--listen", f"127.0.0.1:{port}", "--canary", listed, "-q"]) as process:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port, listed
        process.terminate()


# --- what is said, and what is told ---


def test_the_object(sink):
    end = sink(extensions=("PIPELINING", "SIZE 1000", "AUTH PLAIN LOGIN"))
    (found,) = scan(f"127.0.0.1:{end.port}")
    assert (found["target"], found["address"], found["port"]) == ("127.0.0.1", "127.0.0.1", end.port)
    assert found["banner"] == "sink.test ESMTP"
    assert found["ehlo"] == ["PIPELINING", "SIZE 1000", "AUTH PLAIN LOGIN"]
    assert found["starttls"]["state"] == "absent"
    assert found["auth"] == {"before_tls": ["PLAIN", "LOGIN"], "after_tls": []}
    assert found["relay"] == {"verdict": "not_measured", "tests": []}
    assert found["end"] == "quit" and found["connections"] == 1
    assert {"tls.absent", "auth.in_clear"} <= failed(found)
    for finding in found["findings"]:
        assert set(finding) == {"id", "severity", "state", "title", "evidence", "why", "fix", "records"}
        assert finding["severity"] in ("critical", "high", "medium", "low", "info")


def test_nothing_is_said_unasked(sink, tmp_path):
    end = sink(certificate=make_certificate(tmp_path, "mx.test"))
    scan(f"127.0.0.1:{end.port}")
    assert verbs(end) <= SAID_UNASKED
    assert "QUIT" in verbs(end) and end.connections == 1


def test_the_rehearsal_is_what_is_said(sink):
    end = sink()
    scan(f"127.0.0.1:{end.port}", "--mode", "clear")
    done = run("scan", "--dry-run", "--mode", "clear", "--helo", "scanner.test")
    assert done.returncode == 0
    assert [line[3:] for line in done.stdout.splitlines() if line.startswith("C: ")] == end.lines


@pytest.mark.parametrize("test", ["--relay-test", "--canary", "--vrfy", "--inject", "--smuggle", "--ntlm"])
def test_what_goes_further_wants_consent(sink, test):
    end = sink()
    scan(f"127.0.0.1:{end.port}", test, "--recipient", "x@y.test", code=2)
    if test in ("--relay-test", "--canary", "--smuggle"):
        scan(f"127.0.0.1:{end.port}", test, "--authorised", "me", code=2)
    assert end.connections == 0


def test_who_is_not_asked_has_the_same_members(sink):
    port = sink().port
    (asked,) = scan(f"127.0.0.1:{port}")
    done = run("scan", "--no-dns", "--json", "127.0.0.1:25", "a.invalid")
    for found in map(json.loads, done.stdout.splitlines()):
        assert set(asked) - set(found) <= {"time", "replies", "end", "connections", "octets", "reverse", "cached"}
        assert found["starttls"] == {"state": "not_measured"} and found["relay"]["verdict"] == "not_measured"


def test_special_addresses_want_private(sink):
    end = sink()
    done = run("scan", "--helo", "a.test", "--json", f"127.0.0.1:{end.port}", "10.0.0.1", "192.168.1.1:25")
    assert done.returncode == 3  # nothing was measured
    assert all(json.loads(line)["left_out"] for line in done.stdout.splitlines())
    done = run("scan", "--no-dns", "127.0.0.1", "0.0.0.0")
    assert {line.split()[0]: line.endswith("; --private looks at it, too") for line in done.stdout.splitlines()} == {
        "127.0.0.1": True, "0.0.0.0": False}
    assert end.connections == 0


def test_severities_decide_the_exit(sink):
    end = sink(extensions=("AUTH PLAIN",))
    for severity, code in (("critical", 0), ("medium", 1), ("info", 1)):
        scan(f"127.0.0.1:{end.port}", "--fail-on", severity, code=code)


# --- TLS ---


@pytest.mark.parametrize(
    "key,since_s,until_s,ids",
    [
        (EC, -DAY, 30 * DAY, set()),
        (("rsa:2048",), -DAY, 30 * DAY, set()),
        (("rsa:1024",), -DAY, 30 * DAY, {"cert.weak_key"}),
        (EC, -DAY, 5 * DAY, {"cert.expires_soon"}),
        (EC, -9 * DAY, -DAY, {"cert.expired"}),
        (EC, DAY, 30 * DAY, {"cert.not_yet_valid"}),
    ],
)
def test_certificates(sink, tmp_path, key, since_s, until_s, ids):
    end = with_tls(sink, make_certificate(tmp_path, "mx.good.test", key, since_s, until_s))
    zone = write_zone(tmp_path, {"mx.good.test": {"A": ["127.0.0.1"]}})
    (found,) = named(zone, f"mx.good.test:{end.port}")
    assert found["starttls"]["state"] == "ok" and found["starttls"]["names"] == "mx.good.test"
    assert states(found)["cert.name"] == "pass"
    assert {i for i in failed(found) if i.startswith("cert.")} - {"cert.untrusted"} == ids


def test_a_certificate_of_another_name(sink, tmp_path):
    end = sink(certificate=make_certificate(tmp_path, "mx.good.test"))
    (found,) = named(write_zone(tmp_path, {"mx.other.test": {"A": ["127.0.0.1"]}}), f"mx.other.test:{end.port}")
    assert "cert.name" in failed(found)


@pytest.mark.parametrize(
    "version,cipher,ids",
    [
        (ssl.TLSVersion.TLSv1_3, "ALL", set()),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", set()),
        (ssl.TLSVersion.TLSv1_2, "AES128-SHA", {"tls.cipher_weak"}),
        (ssl.TLSVersion.TLSv1, "ECDHE-RSA-AES128-SHA", {"tls.version_old"}),
    ],
)
def test_old_and_weak_tls(sink, tmp_path, version, cipher, ids):
    end = with_tls(sink, make_certificate(tmp_path, "mx.test", ("rsa:2048",)))
    end.context.maximum_version = version
    end.context.set_ciphers(cipher + ":@SECLEVEL=0")
    (found,) = scan(f"127.0.0.1:{end.port}")
    assert {i for i in failed(found) if i.startswith("tls.")} == ids
    assert found["starttls"]["state"] == "ok"


def test_tls_that_is_offered_and_fails(sink, tmp_path):
    end = sink(certificate=make_certificate(tmp_path, "mx.test"))
    end.broken_handshakes = 5
    (found,) = scan(f"127.0.0.1:{end.port}")
    assert found["starttls"]["state"] == "broken" and "tls.broken" in failed(found)
    assert found["connections"] == 2 and found["end"] == "quit"  # the rest was asked in clear


def spki_sha256(certificate):
    pem = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    argv = ["openssl", "pkey", "-pubin", "-outform", "DER"]
    return hashlib.sha256(subprocess.run(argv, input=pem.stdout, check=True, capture_output=True).stdout).hexdigest()


def test_dane(sink, tmp_path):
    certificate = make_certificate(tmp_path, "mx.dane.test")
    end = sink(certificate=certificate)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "mx.dane.test.crt").read_text())
    records = {
        "spki": ([3, 1, 1, spki_sha256(certificate)], "pass"),
        "whole": ([3, 0, 2, hashlib.sha512(der).hexdigest()], "pass"),
        "full": ([3, 0, 0, der.hex()], "pass"),
        "other": ([3, 1, 1, "00" * 32], "fail"),
        "anchor": ([2, 0, 1, hashlib.sha256(der).hexdigest()], "fail"),  # the server's own is no authority of it
    }
    zone = {}
    for name, (record, _) in records.items():
        zone[f"{name}.test"] = {"MX": [[10, f"mx.{name}.test"]], "secure": True}
        zone[f"mx.{name}.test"] = {"A": ["127.0.0.1"], "secure": True}
        zone[f"_{end.port}._tcp.mx.{name}.test"] = {"TLSA": [record], "secure": True}
    zone_file, targets = write_zone(tmp_path, zone), [f"{name}.test" for name in records]
    for name, (_, state) in records.items():
        (found,) = named(zone_file, "--mx", "--port", end.port, f"{name}.test")
        assert states(found)["dane.mismatch"] == state
    end.connections = 0
    found = named(zone_file, "--mx", "--port", end.port, *targets)
    assert sum(states(f)["dane.mismatch"] == "pass" for f in found) == 3
    assert end.connections == 1  # one address, however many domains


def test_block_lists(sink, home):
    end = sink()
    zone = write_zone(
        home,
        {
            "1.0.0.127.a.test": {"A": ["127.0.0.4"], "TXT": ["it sent \x1b[31mspam"]},
            "1.0.0.127.b.test": {"A": ["127.255.255.254"]},
            "1.0.0.127.d.test": "TIMEOUT",
        },
    )
    lists = [word for name in "abcd" for word in ("--dnsbl", f"{name}.test")]
    (found,) = named(zone, f"127.0.0.1:{end.port}", *lists, "--log", home / "log")
    assert [(x["zone"], x["state"]) for x in found["blocklists"]] == [
        ("a.test", "listed"), ("b.test", "refused"), ("c.test", "not_listed"), ("d.test", "not_measured"),
    ]  # fmt: skip
    told = [(f["state"], f["evidence"]) for f in found["findings"] if f["id"] == "dns.blocklist"]
    assert [state for state, _ in told] == ["fail", "not_measured", "pass", "not_measured"]
    assert told[0][1].startswith("a.test: 127.0.0.4 it sent ") and "\x1b" not in told[0][1]
    assert [json.loads(run("scan", "--json", "--replay", home / "log").stdout)] == [found]
    scan(f"127.0.0.1:{end.port}", *lists, code=2)  # --no-dns


# --- targets ---


def test_one_host_of_many_domains_is_asked_once(sink, tmp_path):
    end = sink()
    zone = {f"d{i}.test": {"MX": [[10, "mx.shared.test"]]} for i in range(50)}
    zone["mx.shared.test"] = {"A": ["127.0.0.1"]}
    zone["null.test"] = {"MX": [[0, "."]]}
    domains = "\n".join(f"d{i}.test" for i in range(50))
    (tmp_path / "domains").write_text(f"# ours\n{domains}\nnull.test gone.test")
    found = named(write_zone(tmp_path, zone), "--mx", "--port", end.port, "--file", tmp_path / "domains")
    assert len(found) == 52 and end.connections == 1
    assert sorted(f["target"] for f in found if f.get("unresolved")) == ["gone.test", "null.test"]


def test_targets_from_standard_input(sink):
    end = sink()
    assert len(scan("-", input=f"127.0.0.1:{end.port} # one\n127.0.0.2:1, 127.0.0.3:1\n")) == 3


def test_who_asked_to_be_left_out_is(sink, tmp_path):
    end = sink()
    (tmp_path / "out").write_text("127.0.0.0/30 # the neighbours\nwish.test\n")
    zone = {"a.wish.test": {"A": ["127.0.0.9"]}, "9.0.0.127.in-addr.arpa": {"PTR": ["x.wish.test"]}}
    targets = [f"127.0.0.1:{end.port}", f"127.0.0.9:{end.port}", f"a.wish.test:{end.port}"]
    found = named(write_zone(tmp_path, zone), "--opt-out", tmp_path / "out", *targets, code=3)
    assert len(found) == 3 and all("left_out" in f or "unresolved" in f for f in found)
    assert end.connections == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["127.0.0.1/8"],
        ["--port", "0", "a.test"],
        ["--shard", "1/2", "a.test"],
        [],
        ["--rate", "-1", "a.test"],
        ["--resume", "/nowhere", "-o", "/nowhere", "--format", "sarif", "a.test"],
        [""],
        ["--file", "/dev/null"],
        ["--metrics", "", "a.test"],
        ["--resume", "", "a.test"],
    ],
)
def test_mistakes_are_told(argv):
    done = run("scan", "--helo", "a.test", *argv)
    assert done.returncode == 2 and done.stderr.startswith("gatepost scan: ")


@pytest.mark.parametrize("option", ["--metrics", "--resume"])
def test_what_is_no_file_is_not_replaced_by_one(sink, tmp_path, option):
    os.mkfifo(tmp_path / "fifo")
    scan(f"127.0.0.1:{sink().port}", option, tmp_path / "fifo", code=2)
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


def test_shards_are_the_whole():
    seen = []
    for k in (1, 2, 3):
        found = scan("--seed", "5", "--shard", f"{k}/3", f"127.9.0.0/26:{free_port()}", code=3)
        seen += [f["address"] for f in found]
    assert len(seen) == 64


# --- manners ---


def test_the_rate_is_kept():
    begun = time.monotonic()
    scan("--rate", "20/s", f"127.9.0.0/27:{free_port()}", code=3)
    assert 1.4 < time.monotonic() - begun < 20


def test_budgets_are_kept():
    lock, now, most = threading.Lock(), [0], [0]

    def serve(connection):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.2)
        with lock:
            now[0] -= 1
        connection.sendall(b"554 no\r\n")
        connection.recv(100)

    with raw_server(serve) as port:
        scan("--per-address", 3, *[f"127.0.0.1:{port}"] * 12)
    assert most[0] == 3


def test_421_is_backed_off_from():
    times = []

    def serve(connection):
        times.append(time.monotonic())
        connection.sendall(b"421 4.7.0 too many\r\n")
        connection.recv(100)

    with raw_server(serve) as port:
        found = scan("--per-address", 1, *[f"127.0.0.1:{port}"] * 3)
    assert all(f["end"] == "too_much" for f in found)
    assert times[1] - times[0] > 0.9 and times[-1] - times[0] > 2.5


# --- hostile servers ---


@pytest.mark.parametrize(
    "text",
    [b"220-more\r\n" * 100, b"x" * 10000, b"\0" * 10000, b"\x1b]0;owned\x07\x1b[2J" * 100, b"220 ok\r\n" * 100],
    ids=["greeting", "line", "nul", "escapes", "replies"],
)
def test_endless_answers_cost_little(text):
    def serve(connection):
        while True:
            connection.sendall(text)

    begun = time.monotonic()
    with raw_server(serve) as port:
        (found,) = scan(f"127.0.0.1:{port}")
    assert found["octets"] <= 1_100_000
    assert time.monotonic() - begun < 20
    assert found["end"] in ("endless", "not_smtp", "garbage", "closed")


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_of_a_server_acts_on_a_terminal(form):
    evil = b"\x1b[31m\x9b2J\xe2\x80\xaeevil\x07\r"
    offer = b"250-a" + evil + b"\r\n250 AUTH " + evil + b"\r\n"

    def serve(connection):
        connection.sendall(b"220 " + evil + b"\r\n")
        while line := connection.recv(1000):
            connection.sendall(offer if line.startswith(b"EHLO") else b"221 " + evil + b"\r\n")

    with raw_server(serve) as port:
        done = run("scan", "--private", "--no-dns", "--helo", "a.test", "--format", form, f"127.0.0.1:{port}")
    assert done.returncode == 0 and "evil" in done.stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.stdout)


def test_silence_is_waited_for_and_told():
    with raw_server(lambda connection: time.sleep(60)) as port:
        (found,) = scan(f"127.0.0.1:{port}", timeout_s=90)
    assert found["end"] == "timeout"


def test_a_slow_greeting_is_waited_for(sink):
    end = sink({"connect": lambda _: time.sleep(7) or "220 slow.test ESMTP"})
    (found,) = scan(f"127.0.0.1:{end.port}")
    assert found["end"] == "quit" and found["banner"] == "slow.test ESMTP"


# --- with consent ---


def test_a_relay_that_refuses(sink):
    end = sink({"RCPT": "554 5.7.1 relay access denied"})
    (found,) = scan(f"127.0.0.1:{end.port}", "--relay-test", *RECIPIENT)
    assert found["relay"]["verdict"] == "refused"
    assert {t["state"] for t in found["relay"]["tests"]} <= {"refused", "not_tested"}
    assert "DATA" not in verbs(end)


def test_a_relay_that_says_later_is_not_called_safe(sink):
    end = sink({"RCPT": "451 4.7.1 greylisted"})
    (found,) = scan(f"127.0.0.1:{end.port}", "--relay-test", *RECIPIENT, timeout_s=100)
    assert found["relay"]["verdict"] == "not_measured"
    assert states(found)["smtp.open_relay"] == "not_measured"


def test_a_relay_that_takes_and_drops(sink, receiver):
    (found,) = scan(
        f"127.0.0.1:{sink().port}", "--canary", *RECIPIENT, "--canary-list", receiver[1], "--canary-wait", 1
    )
    assert found["relay"]["verdict"] == "accepted_unproven"


def test_a_list_of_arrivals_that_is_not_there_is_told(sink, tmp_path):
    argv = ["scan", "--private", "--no-dns", "--helo", "a.test", *RECIPIENT, "--canary", "--canary-wait", "0"]
    done = run(*argv, "--canary-list", tmp_path / "other", f"127.0.0.1:{sink().port}", "-o", tmp_path / "out")
    assert done.returncode == 0 and "other: No such file or directory; nothing is proven" in done.stderr


def test_a_relay_is_proven_by_arrivals(receiver):
    port, listed = receiver
    wait = ["--canary-list", listed, "--canary-wait", 1]
    (found,) = scan(f"127.0.0.1:{port}", "--canary", *RECIPIENT, *wait, "--fail-on", "high", code=1)
    assert found["relay"]["verdict"] == "proven"
    assert "smtp.open_relay" in failed(found)
    assert all(re.fullmatch(r"\d+ [0-9a-z]+-\w+", line) for line in listed.read_text().splitlines())


# --- the log ---


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_the_same_results_without_a_network(sink, home):
    end = sink(certificate=make_certificate(home, "mx.test"))
    log = home / "log"
    targets = [f"127.0.0.1:{end.port}", f"127.0.0.1:{free_port()}", "224.0.0.1"]
    live = scan(*targets, "--log", log, "--relay-test", *RECIPIENT)
    connections = end.connections
    done = run("scan", "--json", "--replay", log)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == live
    assert end.connections == connections
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["authorised"] == "the tests' owner"
    said = "".join(line.get("out", "") for line in lines).encode("latin-1").decode()
    assert said.split("\r\n")[:-1] == end.lines


@pytest.mark.parametrize("change", ["word", "line", "cut", "more", "key"])
def test_a_log_that_was_changed_is_told(sink, home, change):
    log, argv = home / "log", []
    scan(f"127.0.0.1:{sink().port}", "--log", log)
    lines = log.read_text().splitlines(keepends=True)
    if change == "word":
        lines = [line.replace("220 sink.test", "220 evil.test") for line in lines]
    elif change == "line":
        del lines[4]
    elif change == "cut":
        del lines[-1]
    elif change == "more":
        lines.append(lines[-2])
    else:
        argv = ["--log-key", home / "another.pem"]
    log.write_text("".join(lines))
    done = run("scan", "--json", "--replay", log, *argv)
    assert done.returncode == 1 and done.stdout == ""


def test_a_log_is_never_written_over(sink, home):
    (home / "log").write_text("precious")
    scan(f"127.0.0.1:{sink().port}", "--log", home / "log", code=2)
    assert (home / "log").read_text() == "precious"


def test_who_permitted_it_can_be_read(sink, tmp_path):
    words = 'Müller: "№ 5", 許可\\'
    scan(f"127.0.0.1:{sink().port}", "--vrfy", "--authorised", words, "--log", tmp_path / "log")
    assert json.loads((tmp_path / "log").read_text(encoding="utf-8").splitlines()[0])["authorised"] == words
    assert run("scan", "--replay", tmp_path / "log").returncode == 0


@pytest.mark.parametrize("option", ["--log", "--resume", "--metrics"])
def test_a_replay_is_no_run_of_which_something_is_kept(sink, tmp_path, option):
    scan(f"127.0.0.1:{sink().port}", "--log", tmp_path / "log")
    done = run("scan", "--replay", tmp_path / "log", option, tmp_path / "kept")
    assert (done.returncode, done.stdout) == (2, "") and not (tmp_path / "kept").exists()


def test_runs_that_need_a_key_at_once_have_the_same(sink, tmp_path):
    end = sink()
    for n in range(8):
        argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "a.test", "-q", "--log-key", tmp_path / f"key{n}"]
        runs = [
            subprocess.Popen([*argv, "--log", tmp_path / f"{n}.{k}", f"127.0.0.1:{end.port}", "-o", tmp_path / f"{k}"])
            for k in range(3)
        ]
        assert [process.wait(30) for process in runs] == [0, 0, 0]
        for k in range(3):
            replayed = run("scan", "--replay", tmp_path / f"{n}.{k}", "--log-key", tmp_path / f"key{n}")
            assert replayed.returncode == 0


# --- the sandbox ---


def status(pid):
    """What the kernel says of a process, by its name there."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_it_is_confined_before_a_server_says_anything(tmp_path):
    """What the sandbox lets through is sandbox_test's; here it is that the scan is in it, and still does its work."""
    state, metrics = tmp_path / "state", tmp_path / "metrics"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "a.test", "-q", "--resume", state]
        argv += ["--metrics", metrics, f"127.0.0.1:{silent.getsockname()[1]}"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            connection, _ = silent.accept()
            seen = status(process.pid)
            connection.close()
            process.communicate(timeout=10)
    assert (seen["Seccomp"], seen["NoNewPrivs"], seen["CapEff"].strip("0")) == ("2", "1", "")
    assert state.exists() and metrics.exists() and process.returncode == 0


def test_a_replay_is_confined_and_opens_nothing(sink, tmp_path):
    scan(*[f"127.0.0.1:{sink().port}"] * 3, "--log", tmp_path / "log")
    trace = ["strace", "-f", "-e", "trace=seccomp,socket,openat", "-o", tmp_path / "trace"]
    subprocess.run([*trace, PROGRAM, "scan", "--replay", tmp_path / "log"], check=True, capture_output=True)
    after = (tmp_path / "trace").read_text().rpartition("SECCOMP_SET_MODE_FILTER")[2]
    assert after and "socket(" not in after and "openat(" not in after


# --- numbers ---


def test_metrics(sink, tmp_path):
    scan(f"127.0.0.1:{sink().port}", f"127.0.0.1:{free_port()}", "--metrics", tmp_path / "m")
    text = (tmp_path / "m").read_text()
    assert 'gatepost_scan_hosts_total{result="answered"} 1\n' in text
    assert 'gatepost_scan_hosts_total{result="silent"} 1\n' in text
    assert "gatepost_scan_turns_done_total 2\n" in text
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{\w+="\w+"\})? [0-9.]+', line)


def test_thousands_of_hosts_in_little_memory(tmp_path):
    port = free_port()
    argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "a.test", "--json", "--rate", "0"]
    argv += ["--connections", "2000", f"127.20.0.0/19:{port}", "-o", tmp_path / "out"]
    measure = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode;"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    with subprocess.Popen([PROGRAM, "sink", "--listen", f"0.0.0.0:{port}", "--tls", "starttls", "-q"]) as server:
        time.sleep(0.5)
        argv = ["/usr/bin/python3", "-c", measure, *map(str, argv)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=100)
        server.terminate()
    code, memory_kb = map(int, done.stdout.split())
    assert code == 0 and memory_kb < 200_000
    assert len((tmp_path / "out").read_text().splitlines()) == 8192


# --- real servers ---


def test_postfix(peers, tmp_path):
    port = free_port()
    make_certificate(tmp_path, "postfix.test")
    certificate, key = tmp_path / "postfix.test.crt", tmp_path / "postfix.test.key"
    peers.postfix(
        port, free_port(), smtpd_tls_eccert_file=certificate, smtpd_tls_eckey_file=key, smtpd_tls_security_level="may"
    )
    (found,) = scan(f"127.0.0.1:{port}")
    assert found["software"][0]["name"] == "Postfix"
    assert found["starttls"]["state"] == "ok" and found["end"] == "quit"
    assert not {"tls.absent", "smtp.open_relay"} & failed(found)


def test_postfix_as_an_open_relay(peers, receiver):
    port = free_port()
    next_hop, listed = receiver
    peers.postfix(port, next_hop)
    wait = ["--canary-list", listed, "--canary-wait", 5]
    (found,) = scan(f"127.0.0.1:{port}", "--canary", *RECIPIENT, *wait, timeout_s=300)
    assert found["relay"]["verdict"] == "proven"


def test_postfix_as_a_closed_relay(peers):
    port = free_port()
    peers.postfix(port, free_port(), mynetworks="10.0.0.0/8")
    (found,) = scan(f"127.0.0.1:{port}", "--relay-test", *RECIPIENT, timeout_s=300)
    assert found["relay"]["verdict"] == "refused"
    assert states(found)["smtp.open_relay"] == "pass"


def test_exim(peers):
    port = free_port()
    peers.exim(port, ("127.0.0.1", free_port()))
    (found,) = scan(f"127.0.0.1:{port}")
    assert found["software"][0]["name"] == "Exim"


# --- documents ---


@pytest.mark.parametrize("form", ["csv", "markdown", "sarif", "junit", "html"])
def test_findings_in_other_forms(sink, form):
    end = sink()
    argv = ["--private", "--no-dns", "--helo", "a.test", "--rate", "0", "--format", form]
    done = run("scan", *argv, f"127.0.0.1:{end.port}", f"127.0.0.2:{free_port()}")
    assert done.returncode == 0, done.stderr
    said = done.stdout.replace("\\", "")  # Markdown's
    assert f"127.0.0.1:{end.port}" in said and ("tls.absent" in said or form == "markdown")
    if form == "sarif":
        results = json.loads(done.stdout)["runs"][0]["results"]
        assert "tls.absent" in {r["ruleId"] for r in results}
    elif form in ("junit", "html"):
        assert done.stdout.rstrip().endswith("</testsuites>" if form == "junit" else "</html>")
