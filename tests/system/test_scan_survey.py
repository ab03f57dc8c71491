# SPDX-License-Identifier: Apache-2.0
"""gatepost scan --tls-survey: servers of other people, in odd settings, and those that do their worst."""

import json
import os
import shutil
import ssl
import subprocess
import time

import pytest
from gateway import free_port, run
from test_scan import (
    DAY,
    EC,
    SAID_UNASKED,
    failed,
    make_certificate,
    named,
    raw_server,
    scan,
    spki_sha256,
    states,
    verbs,
    with_tls,
    write_zone,
)

WHOLE = "--tls-survey=1000"
RSA = ("rsa:2048",)


def survey_of(found):
    return found["starttls"]["survey"]


def spoken(found):
    return {v["version"] for v in survey_of(found)["versions"] if v["spoken"]}


def suites(found, version):
    (v,) = [v for v in survey_of(found)["versions"] if v["version"] == version]
    return set(v["ciphers"])


def postfix(peers, folder, **settings):
    port = free_port()
    make_certificate(folder, "postfix.test", RSA)
    files = {"smtpd_tls_cert_file": folder / "postfix.test.crt", "smtpd_tls_key_file": folder / "postfix.test.key"}
    peers.postfix(port, free_port(), smtpd_tls_security_level="may", **files, **settings)
    return f"127.0.0.1:{port}"


# --- what is found ---


def test_postfix(peers, tmp_path):
    target = postfix(
        peers, tmp_path, smtpd_tls_protocols=">=TLSv1", smtpd_tls_ciphers="low",
        tls_low_cipherlist="AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-NULL-SHA:@SECLEVEL=0",
    )  # fmt: skip
    (found,) = scan(target, WHOLE)
    assert spoken(found) == {"TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}
    assert suites(found, "TLS 1.0") == {"TLS_RSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_NULL_SHA"}
    assert suites(found, "TLS 1.2") == suites(found, "TLS 1.0") | {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
    assert survey_of(found)["cut"] is None and "x25519" in survey_of(found)["groups"]
    faults = {"tls.version.tls1_0", "tls.version.tls1_1", "tls.cipher.null", "tls.cipher.no_forward_secrecy"}
    assert faults <= failed(found)
    assert {"tls.cipher.anon", "tls.cipher.rc4", "tls.version.ssl3"} <= set(states(found)) - failed(found)
    fixes = {f["id"]: f["fix"] for f in found["findings"]}
    assert "main.cf: smtpd_tls_protocols = >=TLSv1.2" in fixes["tls.version.tls1_0"]
    # What was seen of one handshake says no more than all of them.
    assert not {"tls.version_old", "tls.cipher_weak", "tls.exchange_weak"} & set(states(found))


def test_both_chains_are_seen_and_judged(peers, tmp_path):
    names = {"RSA": ("rsa.mx.test", RSA, 5), "EC": ("ec.mx.test", EC, 30)}
    settings = {}
    for kind, (name, key, days) in names.items():
        make_certificate(tmp_path, name, key, until_s=days * DAY)
        prefix = "smtpd_tls_ec" if kind == "EC" else "smtpd_tls_"
        settings |= {f"{prefix}cert_file": tmp_path / f"{name}.crt", f"{prefix}key_file": tmp_path / f"{name}.key"}
    port = free_port()
    peers.postfix(port, free_port(), smtpd_tls_security_level="may", **settings)
    zone = {
        "own.test": {"MX": [[10, "ec.mx.test"]], "secure": True},
        "ec.mx.test": {"A": ["127.0.0.1"], "secure": True},
        f"_{port}._tcp.ec.mx.test": {"TLSA": [[3, 1, 1, spki_sha256(tmp_path / "ec.mx.test.crt")]], "secure": True},
    }
    (found,) = named(write_zone(tmp_path, zone), "--mx", "--port", port, "own.test", WHOLE)
    chains = survey_of(found)["chains"]
    assert {c["names"]: c["chain"][0]["bits"] for c in chains} == {"rsa.mx.test": 2048, "ec.mx.test": 256}
    judged = {(f["id"], f["evidence"].split(":")[0]): f["state"] for f in found["findings"]}
    assert judged["cert.expires_soon", "RSA"] == "fail" and judged["cert.expired", "ECDSA"] == "pass"
    assert judged["cert.name", "RSA"] == "fail" and judged["cert.name", "ECDSA"] == "pass"
    assert judged["dane.mismatch", "RSA"] == "fail" and judged["dane.mismatch", "ECDSA"] == "pass"


def test_it_is_not_run_unasked(sink, tmp_path):
    end = sink(certificate=make_certificate(tmp_path, "mx.test"))
    (found,) = scan(f"127.0.0.1:{end.port}")
    assert end.connections == 1 and "survey" not in found["starttls"]


def test_a_server_of_python(sink, tmp_path):
    end = with_tls(sink, make_certificate(tmp_path, "mx.test"))
    end.context.minimum_version = end.context.maximum_version = ssl.TLSVersion.TLSv1_2
    end.context.set_ciphers("ECDHE+AESGCM")
    (found,) = scan(f"127.0.0.1:{end.port}", WHOLE)
    assert spoken(found) == {"TLS 1.2"}
    assert suites(found, "TLS 1.2") == {
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    }  # fmt: skip
    assert survey_of(found)["connections"] + found["connections"] == end.connections
    assert verbs(end) <= SAID_UNASKED


def test_what_is_resumed(sink, tmp_path):
    end = with_tls(sink, make_certificate(tmp_path, "mx.test"))
    (found,) = scan(f"127.0.0.1:{end.port}", WHOLE)
    assert found["starttls"]["resumed"] is True and states(found)["tls.resumption"] == "pass"
    end.context.num_tickets = 0
    (found,) = scan(f"127.0.0.1:{end.port}", WHOLE)
    assert found["starttls"]["resumed"] is False and states(found)["tls.resumption"] == "fail"
    assert found["connections"] == 2


def test_a_survey_that_is_cut_says_so(sink, tmp_path):
    end = with_tls(sink, make_certificate(tmp_path, "mx.test", RSA))
    (found,) = scan(f"127.0.0.1:{end.port}", "--tls-survey=8")
    assert end.connections == 8 + 2  # the probe's, and one more to resume it
    assert survey_of(found)["cut"] == "no more connections are spent"
    assert states(found)["tls.survey_cut"] == "not_measured"


def test_the_rehearsal_tells_of_it():
    done = run("scan", "--dry-run", "--helo", "a.test", "--tls-survey=9")
    assert "-- a survey: 9 connections at most, each:\n" in done.stdout
    assert done.stdout.count("-- the handshake\n") == 2  # the probe's, and one to be resumed


def test_the_rehearsal_begins_as_the_ports_do():
    done = run("scan", "--dry-run", "--helo", "a.test", "--port", "25,587,465")
    assert done.stdout.startswith("-- a connection\nS: 220 server\n")
    assert done.stdout.count("-- a connection\n-- the handshake\n") == 1  # 465; 25 and 587 are the same
    assert done.stdout.count("C: STARTTLS\n") == 1


def test_who_has_no_tls_is_not_surveyed(sink):
    end = sink()
    (found,) = scan(f"127.0.0.1:{end.port}", WHOLE)
    assert end.connections == 1 and found["starttls"] == {"state": "absent"}


@pytest.mark.parametrize("form", ["text", "html"])
def test_people_see_versions_suites_and_groups(sink, tmp_path, form):
    end = with_tls(sink, make_certificate(tmp_path, "mx.test"))
    argv = ["--private", "--no-dns", "--helo", "a.test", "--rate", "0", "--format", form, WHOLE]
    done = run("scan", *argv, f"127.0.0.1:{end.port}")
    assert done.returncode == 0, done.stderr
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    for said in ("TLS 1.0      yes", "SSLv3        no", suite, "x25519", "connections"):
        assert said in done.stdout


# --- manners ---


def test_budgets_hold_for_the_survey(tmp_path):
    open_now, most, times = [0], [0], []

    def serve(connection):
        open_now[0] += 1
        times.append(time.monotonic())
        most[0] = max(most[0], open_now[0])
        connection.sendall(b"220 a\r\n")
        while line := connection.recv(5000):
            if line[0] in (0x16, 0x80) or line == b"QUIT\r\n":
                time.sleep(0.3)
                open_now[0] -= 1
                connection.sendall(b"\x15\3\1\0\2\2\x28")
                break
            connection.sendall(b"250-a\r\n250 STARTTLS\r\n" if line.startswith(b"EHLO") else b"220 a\r\n")

    with raw_server(serve) as port:
        (found,) = scan(f"127.0.0.1:{port}", WHOLE, "--per-address", "4", "--per-network", "2", "--rate", "20")
    assert most[0] == 2 and states(found)["tls.survey"] == "not_measured"
    assert times[-1] - times[0] > (len(times) - 2) / 20


# --- hostile servers ---


def hostile(in_tls, greeting=b"220 a\r\n"):
    """A server that is one until a ClientHello comes, and then does this."""

    def serve(connection):
        connection.sendall(greeting)
        while line := connection.recv(5000):
            if line[0] in (0x16, 0x80):
                in_tls(connection)
                return
            connection.sendall(b"250-a\r\n250 STARTTLS\r\n" if line.startswith(b"EHLO") else b"220 a\r\n")

    return serve


def endless_flight(connection):
    """A certificate of 16 MB, in records of 16 KB."""
    hello = b"\2\0\0\x26\3\3" + bytes(32) + b"\0\xc0\x2f\0"
    data = hello + b"\x0b\xff\xff\xff" + bytes(16384 - len(hello) - 4)
    while True:
        connection.sendall(b"\x16\3\3\x40\0" + data)
        data = bytes(16384)


def endless_warnings(connection):
    while True:
        connection.sendall(b"\x15\3\3\0\2\1\x70" * 1000)


def slow_flight(connection):
    """An octet a second."""
    for octet in b"\x16\3\3\x40\0\2\0\0\x26\3\3" + bytes(1000):
        connection.sendall(bytes([octet]))
        time.sleep(1)


def clear_text(connection):
    connection.sendall(b"250 \x1b]0;owned\x07" * 1000 + b"\r\n")


@pytest.mark.parametrize("attack", [endless_flight, endless_warnings, clear_text])
def test_hostile_flights_cost_little(attack):
    begun = time.monotonic()
    with raw_server(hostile(attack)) as port:
        (found,) = scan(f"127.0.0.1:{port}", WHOLE)
    assert "TLS 1.3" not in spoken(found)
    assert time.monotonic() - begun < 20
    assert survey_of(found)["octets"] <= 1_100_000


def test_a_slow_flight_is_not_waited_for_without_end():
    begun = time.monotonic()
    with raw_server(hostile(slow_flight)) as port:
        (found,) = scan(f"127.0.0.1:{port}", WHOLE, timeout_s=90)
    assert time.monotonic() - begun < 65
    assert states(found)["tls.survey"] == "not_measured"


# --- the log ---


def test_the_same_survey_without_a_network(sink, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    end = with_tls(sink, make_certificate(tmp_path, "mx.test", RSA))
    log = tmp_path / "log"
    live = scan(f"127.0.0.1:{end.port}", WHOLE, "--log", log)
    connections = end.connections
    done = run("scan", "--json", "--replay", log)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == live
    assert end.connections == connections


# --- a second opinion ---


def ask_testssl(target, folder):
    """Suites by version, as testssl.sh lists them."""
    program = shutil.which("testssl")
    if program is None:
        pytest.skip("testssl.sh is not installed")
    report = folder / "report.json"
    argv = [program, "--quiet", "--warnings", "off", "--color", "0", "--openssl", "/usr/bin/openssl", "--nodns", "none"]
    argv += ["--protocols", "--cipher-per-proto", "--jsonfile", report, "--starttls", "smtp", target]
    environment = {**os.environ, "HOME": str(folder), "TERM": "dumb"}
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=900, check=False, env=environment)
    found = {}
    for line in json.loads(report.read_text(encoding="utf-8")):
        if line["id"].startswith("cipher-tls1"):
            # "TLS 1   xc014   ECDHE-RSA-AES256-SHA   ECDH 521   AES   256   TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
            version = line["finding"][:8].strip()
            found.setdefault("TLS 1.0" if version == "TLS 1" else version, set()).add(line["finding"].split()[-1])
    return found


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason="takes minutes; GATEPOST_SLOW_TESTS=1 runs it")
def test_testssl_agrees(peers, tmp_path):
    target = postfix(
        peers, tmp_path, smtpd_tls_protocols=">=TLSv1", smtpd_tls_ciphers="low",
        tls_low_cipherlist="ALL:COMPLEMENTOFALL:!aECDSA:@SECLEVEL=0",
    )  # fmt: skip
    (found,) = scan(target, WHOLE)
    theirs = ask_testssl(target, tmp_path)
    ours = {v["version"]: set(v["ciphers"]) for v in survey_of(found)["versions"] if v["spoken"]}
    for version in sorted(ours | theirs):
        one, other = ours.get(version, set()), theirs.get(version, set())
        print(f"{version}: {len(one & other)} suites agreed on; ours alone {one - other}; theirs alone {other - one}")
    assert ours == theirs and len(ours["TLS 1.2"]) > 50
