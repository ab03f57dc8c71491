# SPDX-License-Identifier: Apache-2.0
"""gatepost audit over many domains: how fast it asks, how far it is, and how a run that was stopped goes on."""

import json
import signal
import subprocess
import time

import dnsrig
import pytest
from gateway import PROGRAM, eventually, run

NAMES = {
    "spf.prov.test": {"TXT": ["v=spf1 ip4:20.0.0.0/24 -all"]},
    "mx.prov.test": {"A": ["20.0.0.1"]},
    "1.0.0.20.in-addr.arpa": {"PTR": ["mx.prov.test"]},
}
DOMAINS = [f"d{i}.test" for i in range(40)]
SETTINGS = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": {"trust_anchor": "none"}}


def world():
    each = {"MX": [[10, "mx.prov.test"]], "TXT": ["v=spf1 include:spf.prov.test -all"]}
    return NAMES | {name: each for name in DOMAINS}


@pytest.fixture
def asked(tmp_path):
    """The beginning of a command that asks a name server; --dns needs none."""
    (tmp_path / "gatepost.yaml").write_text(json.dumps(SETTINGS), encoding="utf-8")
    (tmp_path / "domains").write_text("\n".join(DOMAINS), encoding="utf-8")
    try:
        with dnsrig.DnsRig(world()) as rig:
            yield [
                "audit", "--no-probe", "-c", tmp_path / "gatepost.yaml", "--resolver", rig.server,
                "--json", "--selector", "s1", "--file", tmp_path / "domains",
            ]  # fmt: skip
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))


def figure(path, name):
    """Of a file of metrics; 0 before it is there."""
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith(f"gatepost_audit_{name} ")), 0)


def domains_of(text):
    return [json.loads(line)["domain"] for line in text.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_goes_on(asked, tmp_path, number):
    out, kept = tmp_path / "out", tmp_path / "kept"
    options = ["--resume", kept, "-o", out, "--at-once", "2"]
    argv = [PROGRAM, *asked, *options, "--rate", "60"]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    eventually(lambda: out.exists() and out.read_text().count("\n") >= 3, what="some domains")
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    before = domains_of(out.read_text())
    assert process.returncode == 3, said
    assert f"stopped after {len(before)} of 40 domains; the same command goes on from here" in said
    assert 3 <= len(before) < 40
    again = run(*asked, *options, "--rate", "0")
    assert (again.returncode, again.stderr) == (0, "")
    assert domains_of(out.read_text()) == DOMAINS
    nothing = run(*asked, *options, "--rate", "0")
    assert (nothing.returncode, domains_of(out.read_text())) == (0, DOMAINS)


def test_whoever_has_no_file_is_told_of_it(asked, tmp_path):
    process = subprocess.Popen(
        [PROGRAM, *asked, "--rate", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert "with --resume FILE the same command would go on here" in process.communicate(timeout=20)[1]
    other = tmp_path / "kept"
    other.write_text("gatepost audit 1\nlist 00000000 40\ndone 3\n", encoding="utf-8")
    done = run(*asked, "--resume", other)
    assert (done.returncode, "it was not written by an audit of these domains" in done.stderr) == (2, True)
    done = run("audit", "--resume", other, "--format", "html", "a.test")
    assert (done.returncode, "--resume goes with text" in done.stderr) == (2, True)


def test_the_rate_is_kept(asked, tmp_path):
    metrics = tmp_path / "metrics"
    begun = time.monotonic()
    done = run(*asked, "--rate", "200", "--progress", "--metrics", metrics)
    took = time.monotonic() - begun
    assert (done.returncode, domains_of(done.stdout)) == (0, DOMAINS)
    figures = dict(line.split(" ") for line in metrics.read_text().splitlines() if not line.startswith("#"))
    questions = int(figures["gatepost_audit_questions_total"])
    assert questions == int(figures["gatepost_audit_answers_total"]) > 5 * 40
    assert took >= (questions - 50) / 200
    assert figures["gatepost_audit_domains_done_total"] == "40"
    assert figures['gatepost_audit_findings_total{severity="critical"}'] == "40"
    assert "40 of 40, " in done.stderr
    assert f"{questions} questions, 0 without an answer; 40 critical, " in done.stderr


def test_a_silent_domain_holds_up_no_others(tmp_path):
    """They are told of behind it, and looked at meanwhile."""
    metrics, config = tmp_path / "metrics", tmp_path / "gatepost.yaml"
    config.write_text(json.dumps(SETTINGS), encoding="utf-8")
    try:
        rig = dnsrig.DnsRig(world() | {"silent.test": "TIMEOUT"}).start()
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    argv = [PROGRAM, "audit", "-c", config, "--resolver", rig.server, "--selector", "s1", "--no-probe", "--rate", "0"]
    argv += ["--at-once", "2", "--metrics", metrics, "silent.test", *DOMAINS]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: figure(metrics, "answers_total") > 5 * 40, what="the others' answers")
        assert figure(metrics, "domains_done_total") == 0
        process.send_signal(signal.SIGINT)
        assert "stopped after 0 of 41 domains" in process.communicate(timeout=20)[1]
    finally:
        process.kill()
        rig.stop()


def test_a_file_of_answers_can_be_stopped_too(tmp_path):
    names, kept = tmp_path / "names", tmp_path / "kept"
    names.write_text(json.dumps(world()), encoding="utf-8")
    done = run("audit", "--dns", names, "--json", "--resume", kept, "-q", *DOMAINS)
    assert (done.returncode, domains_of(done.stdout), done.stderr) == (0, DOMAINS, "")
    assert kept.read_text().endswith(" 40\ndone 40\n")


def test_equal_faults_are_told_once(tmp_path):
    names = tmp_path / "names"
    names.write_text(json.dumps(world()), encoding="utf-8")
    argv = ["audit", "--dns", names, *DOMAINS]
    done = run(*argv, "--summary=only")
    assert done.stdout.startswith("summary of 40 domains: 40 critical\n"), done.stderr
    assert "  40 domains: dmarc.missing (critical): no DMARC record\n      d0.test, d1.test" in done.stdout
    assert "d4.test and 35 more\n" in done.stdout
    assert "  mail to prov.test: 40 domains: 40 critical\n" in done.stdout
    lines = run(*argv, "--summary", "--json").stdout.splitlines()
    summary = json.loads(lines[-1])["summary"]
    assert (len(lines), summary["domains"], summary["worst"]["critical"]) == (41, 40, 40)
    page = run(*argv, "--summary", "--format", "html").stdout
    assert page.count("<section") == 41
    assert page.index('<section id="summary">') > page.index("d39.test")
    assert page.rstrip().endswith("</html>")
    for more in (["--format", "csv"], ["--zone"], ["--resume", tmp_path / "kept"]):
        assert "--summary goes with text" in run(*argv, "--summary", *more).stderr
