# SPDX-License-Identifier: Apache-2.0
"""The bench's own sums: what it says of a server is only as good as these."""

import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

import pytest

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "bench"
sys.path.insert(0, str(BENCH))

import accounting
import measure
import report
import scan
from servers import verified

import dnsrig
import sink

# Spends some 0.3 s of CPU in a child that is gone at once, then waits.
SPENDER = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo done; exec sleep 60"


def row(per_s, cpu, good=True):
    return {"per_s": per_s, "accepted_per_s": per_s, "cpu_s_per_1000": cpu, "good": good}


RESULTS = {
    "when": "now",
    "machine": "a machine",
    "servers": ["ours", "theirs"],
    "settings": ["Ours 1", "Theirs 2"],
    "passes": 3,
    "cells": {
        "relay-4k-one-50": [
            {"ours": row(1000, 0.1), "theirs": row(100, 2.0)},
            {"ours": row(500, 0.2), "theirs": row(20, 4.0)},
            {"ours": row(900, 0.1), "theirs": row(300, 1.0)},
            {"ours": row(9999, 0.1, good=False), "theirs": row(1, 1.0)},
        ]
    },
    "calls": {"relay-4k-one-50": {"ours": {"sync": 0.25}}},
    "idle": {"ours": {"kib_per_connection": 1.5, "held": 1000}},
    "ceiling": {},
}


def test_ratios_are_made_within_a_pass_and_failed_runs_are_no_figures():
    passes = RESULTS["cells"]["relay-4k-one-50"]
    assert report.ratios(passes, "per_s", "ours", "theirs") == [10, 25, 3]
    assert report.ratios(passes, "cpu_s_per_1000", "ours", "theirs", inverse=True) == [20, 20, 10]
    text = report.markdown(RESULTS)
    assert "| relay-4k-one-50 | 10.0 (3.0-25.0) | 10.0 (3.0-25.0) | 20.0 (10.0-20.0) |" in text
    assert "| relay-4k-one-50 | ours | 900 | 900 | 0.100 |" in text
    assert "3, 1 failed" in text


def test_the_first_is_set_against_each_of_the_others():
    passes = [{"ours": row(100, 1), "theirs": row(10, 3), "others": row(20, 2)}]
    text = report.markdown(RESULTS | {"servers": ["ours", "theirs", "others"], "cells": {"relay-4k-one-50": passes}})
    assert text.index("ours against theirs") < text.index("| relay-4k-one-50 | 10.0 | 10.0 | 3.0 |")
    assert text.index("ours against others") < text.index("| relay-4k-one-50 | 5.0 | 5.0 | 2.0 |")


def test_tables_are_even():
    rows = [line.count("|") for line in report.markdown(RESULTS).splitlines() if line.startswith("|")]
    assert rows[:3] == [5, 5, 5]
    assert set(rows[3:]) == {12}


def test_the_chart_is_well_formed():
    root = xml.etree.ElementTree.fromstring(report.svg(RESULTS))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "relay-4k-one-50" in texts and "900" in texts and "60" in texts


@pytest.mark.parametrize("make", [accounting.Tree, accounting.account])
def test_dead_children_count_and_strangers_do_not(make):
    group = make()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        with group.inside():
            process = subprocess.Popen(["sh", "-c", SPENDER], stdout=subprocess.PIPE, text=True)
        before = time.process_time()
        assert process.stdout.readline() == "done\n"
        spent = group.cpu_s()
        assert 0.05 < spent < 10
        assert time.process_time() - before < spent
        assert process.pid in group.pids()
        assert stranger.pid not in group.pids()
        assert 0 < accounting.pss_mib(group.pids()) < 50
    finally:
        for one in (stranger, process):
            one.kill()
            one.wait()
        group.close()
    assert group.pids() == [] if isinstance(group, accounting.Tree) else not group.path.exists()


def test_strace_is_read():
    text = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.00    0.001000          10       100           fdatasync
 10.00    0.000100          10        10         2 openat
------ ----------- ----------- --------- --------- ----------------
100.00    0.001100          10       110         2 total
"""
    assert measure.parse_strace(text, 200) == {"fdatasync": 0.5, "openat": 0.05}


def test_openssl_speed_is_read():
    text = """                  sign    verify    sign/s verify/s
rsa 2048 bits 0.000590s 0.000017s   1694.1  58133.3
                              sign    verify    sign/s verify/s
 256 bits ecdsa (nistp256)   0.0000s   0.0001s  71629.4  23247.4
                              op      op/s
 253 bits ecdh (X25519)   0.0000s  42348.6
"""
    rsa = {"rsa_sign": 1694.1, "rsa_verify": 58133.3}
    assert measure.parse_speed(text) == {"sign": 71629.4, "verify": 23247.4, "exchange": 42348.6, **rsa}


def test_handshakes_are_told_by_message():
    cells = {"relay-4k-one-50-tlsin": [{"ours": row(1, 1) | {"handshakes": 1.0, "resumed": 0.25}}]}
    shaken = {"per_s": 1000, "cpu_ms": 0.3, "load_cpu_ms": 0.4, "resumed": 0.9}
    results = RESULTS | {
        "cells": cells,
        "handshakes": {"ours": {"full": shaken, "resumed": shaken, "s_time_new": None, "s_time_reuse": 500}},
    }
    text = report.markdown(results)
    assert "TLS, relay-4k-one-50-tlsin, ours: 1.00 handshakes a message, 25 % resumed." in text
    assert "Handshakes, full, ours: 1,000/s from 200 sessions (90 % resumed), 0.300 ms CPU each" in text
    assert "openssl s_time, one after the other, ours: -/s new, 500/s reused." in text


def test_all_workloads_have_names_of_their_own():
    names = [measure.workload_name(w) for w in measure.all_workloads()]
    assert len(names) == len(set(names)) == 31
    assert "relay-4k-one-50" in names and "maildir-100k-many-200" in names and "relay-4k-one-50-tlsout" in names
    assert "verify-4k-one-50" in names and "verify-4k-one-200" in names


class Unproven:
    """A server that takes everything for check.test and passes it on, with what it says of it."""

    name = "unproven"

    def __init__(self, says, refuses_after=1000):
        self.left = refuses_after
        self.sink_port = measure.servers.free_port()
        self.says = says
        self.front = sink.Sink({".": self.pass_on})
        self.port = self.front.port

    def pass_on(self, _):
        self.left -= 1
        if self.left < 0:
            return "550 5.7.1 no"
        verified.send(self.sink_port, "a@x.test", f"Authentication-Results: {self.says}\r\n\r\n".encode())
        return "250 fine"


GOOD_RESULTS = "mx.test;\r\n\tspf=pass smtp.mailfrom=a@x.test; dkim=pass header.d=x.test;\r\n\tdmarc=pass"


@pytest.mark.parametrize(
    "says, refuses_after, complaint",
    [
        ("mx.test; none", 1, "does not say spf=pass, dkim=pass, dmarc=pass"),
        (GOOD_RESULTS.replace("dkim=pass", "dkim=temperror"), 1, "does not say dkim=pass"),
        (GOOD_RESULTS, 1000, "answers 250 to a forged message"),
        (GOOD_RESULTS, 0, "code 550"),
        (GOOD_RESULTS, 1, None),
    ],
)
def test_a_server_that_does_not_verify_is_not_measured(says, refuses_after, complaint):
    server = Unproven(says, refuses_after)
    try:
        if complaint:
            with pytest.raises(RuntimeError, match=complaint):
                verified.check(server)
        else:
            verified.check(server)
    finally:
        server.front.stop()


def test_verified_mail_is_measured():
    try:
        with measure.Bench("gatepost", "verify") as bench:
            row = bench.run(measure.Workload("verify", 4096, 1, 20), 100)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert row["good"] and row["delivered"] == 100
    assert row["accept_p99_ms"] < 5000  # an answer that is not looked at costs the 10 s that the end of data waits


def scanned(per_s, good=True, peak_mib=50):
    return {"per_s": per_s, "cpu_s": 1, "peak_mib": peak_mib, "hosts": 100, "good": good}


@pytest.mark.parametrize(
    ("ours", "theirs", "enough"),
    [
        (scanned(60), scanned(1), True),
        (scanned(40), scanned(1), False),
        (scanned(60, peak_mib=201), scanned(1), False),
        (scanned(60, good=False), scanned(1), False),
        (scanned(60), scanned(1, good=False), False),
    ],
)
def test_a_scan_has_reached_what_was_asked_for_or_has_not(ours, theirs, enough):
    results = {"fields": {"postfix": [{"gatepost": ours, "nmap": theirs}]}}
    assert scan.reached(results) == enough
    assert ("passes failed" in scan.table(results)) == (not (ours["good"] and theirs["good"]))


def test_a_host_is_good_when_it_was_seen_as_what_it_is():
    def found(end, version, *ids):
        tls = {"state": "ok", "version": version} if version else {"state": "not_offered"}
        return {"end": end, "starttls": tls, "findings": [{"id": i, "state": "fail"} for i in ids]}

    postfix, sink = scan.FIELDS["postfix"], scan.FIELDS["sink"]
    assert scan.is_good(found("quit", "TLSv1.3", "cert.untrusted"), postfix)
    assert scan.is_good(found("quit", None, "tls.absent"), sink)
    assert not scan.is_good(found("quit", None, "tls.absent"), postfix)
    assert not scan.is_good(found("timeout", "TLSv1.3", "cert.untrusted"), postfix)
    assert not scan.is_good(found("quit", "TLSv1.3", "cert.untrusted", "smtp.name"), postfix)
