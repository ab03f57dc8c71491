# SPDX-License-Identifier: Apache-2.0
"""gatepost dmarc, with answers from a file and from a name server."""

import json

import dnsrig
import pytest
from gateway import run

OK, BAD, USAGE, UNKNOWN = 0, 1, 2, 3
NAMES = {
    "_dmarc.demo.test": {"TXT": ["v=DMARC1; p=reject; sp=quarantine; fo=\x1b"]},
    "_dmarc.strict.test": {"TXT": ["v=DMARC1; p=reject; adkim=s; aspf=s"]},
    "_dmarc.broken.test": "SERVFAIL",
    "demo.test": {"A": ["192.0.2.1"]},
}


@pytest.fixture
def ask(tmp_path):
    """Asks with --json: the exit code, and the object."""
    (tmp_path / "names.json").write_text(json.dumps(NAMES), encoding="utf-8")

    def ask(*argv):
        done = run("dmarc", "--dns", tmp_path / "names.json", "--json", *argv)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return ask


def test_pass(ask):
    code, found = ask("--from-domain", "News.Demo.test.", "--spf-domain", "x.test", "--dkim-domain", "demo.test")
    assert code == OK
    assert found == {
        "result": "pass",
        "from_domain": "news.demo.test",
        "org_domain": "demo.test",
        "policy_domain": "demo.test",
        "policy": "quarantine",
        "disposition": "none",
        "spf_aligned": False,
        "dkim_aligned": True,
        "reason": "aligned with news.demo.test: DKIM",
    }


def test_fail(ask):
    code, found = ask("--from-domain", "demo.test", "--spf", "fail", "--spf-domain", "demo.test")
    assert code == BAD
    assert (found["result"], found["policy"], found["disposition"]) == ("fail", "reject", "reject")
    assert not found["spf_aligned"] and not found["dkim_aligned"]


def test_strict(ask):
    argv = "--from-domain", "strict.test", "--dkim-domain", "a.strict.test"
    assert ask(*argv)[0] == BAD
    assert ask(*argv, "--dkim-domain", "strict.test")[0] == OK


def test_no_record(ask):
    code, found = ask("--from-domain", "other.test", "--spf-domain", "other.test", "--spf", "pass")
    assert code == OK
    assert (found["result"], found["policy_domain"], found["policy"]) == ("none", None, None)
    assert found["disposition"] == "none"


def test_trouble(ask):
    code, found = ask("--from-domain", "broken.test", "--spf-domain", "broken.test")
    assert (code, found["result"], found["org_domain"]) == (UNKNOWN, "temperror", None)
    code, found = ask("--from-domain", "demo.test", "--spf-domain", "demo.test", "--spf", "temperror")
    assert (code, found["result"], found["policy"]) == (UNKNOWN, "temperror", "reject")


def test_names_in_utf8(ask):
    code, found = ask("--from-domain", "b\u00fccher.test")
    assert (code, found["from_domain"]) == (OK, "xn--bcher-kva.test")


def test_trace(ask, tmp_path):
    _, found = ask("--from-domain", "demo.test", "--spf-domain", "a.demo.test", "--trace")
    assert found["trail"][0] == '_dmarc.demo.test: "v=DMARC1; p=reject; sp=quarantine; fo=?"'
    assert any("RFC 9989 section 4.10.2" in line for line in found["trail"])
    done = run("dmarc", "--dns", tmp_path / "names.json", "--from-domain", "demo.test", "--trace")
    assert done.returncode == BAD
    assert done.stdout.startswith("fail: nothing that passed is aligned with demo.test\n")
    assert "policy       reject, by the record of demo.test" in done.stdout
    assert 'because      _dmarc.demo.test: "v=DMARC1' in done.stdout
    assert "SPF pass" not in done.stdout, "nobody said so"
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--from-domain", "no domain"],
        ["--from-domain", "[192.0.2.1]"],
        ["--from-domain", "d.test", "--spf", "pass"],
        ["--from-domain", "d.test", "--spf-domain", "d.test", "--spf", "maybe"],
        ["--from-domain", "d.test", "--spf-domain", "a@d.test"],
        ["--from-domain", "d.test", "--dkim-domain", "d..test"],
        ["--from-domain", "d.test", "operand"],
        ["--from-domain", "d.test", "--no-such-option"],
        ["--from-domain", "d.test", "--dns", "/no/such/file"],
        ["--from-domain", "d.test", "--resolver", "nonsense"],
    ],
)
def test_mistakes(argv):
    done = run("dmarc", *argv)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert "gatepost dmarc" in done.stderr


def test_a_name_server_is_asked(tmp_path):
    settings = {
        "hostname": "mx.demo.test",
        "state": "state",
        "listen": [{"address": "127.0.0.1:2525"}],
        "domains": {"demo.test": {"recipients": "any", "deliver": "discard"}},
        "dns": {"trust_anchor": "none"},
    }
    (tmp_path / "gatepost.yaml").write_text(json.dumps(settings), encoding="utf-8")
    names = {
        "_dmarc.demo.test": {"TXT": ["v=DMARC1; p=none; np=reject"]},
        "here.demo.test": {"A": ["192.0.2.1"]},
    }
    policies = []
    try:
        with dnsrig.DnsRig(names) as rig:
            for domain in "here.demo.test", "gone.demo.test":
                argv = ["-c", tmp_path / "gatepost.yaml", "--resolver", rig.server, "--from-domain", domain]
                done = run("dmarc", *argv, "--json")
                assert done.returncode == BAD, done.stderr
                policies.append(json.loads(done.stdout)["policy"])
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert policies == ["none", "reject"]
