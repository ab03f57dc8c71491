# SPDX-License-Identifier: Apache-2.0
"""gatepost spf: answers from a file and from a name server; and what other implementations say to the same."""

import json
import os
import pathlib

import dnsrig
import pytest
import spfpeers
import yaml
from gateway import ROOT, run

OK, BAD, USAGE, UNKNOWN = 0, 1, 2, 3
SUITES = pathlib.Path(os.environ.get("GATEPOST_SUITES") or ROOT.parent / "shared" / "suites")

NAMES = {
    "d.test": {"TXT": ["v=spf1 mx include:e.test -all exp=x.test"], "MX": [[10, "mx.d.test"]]},
    "mx.d.test": {"A": ["192.0.2.1"]},
    "e.test": {"TXT": ["v=spf1 ip4:192.0.2.9 ?all"]},
    "x.test": {"TXT": ["%{i} at %{t}"]},
    "soft.test": {"TXT": ["v=spf1 ~all"]},
    "neutral.test": {"TXT": ["v=spf1"]},
    "wrong.test": {"TXT": ["v=spf1 moo"]},
    "slow.test": "TIMEOUT",
}


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES), encoding="utf-8")
    return path


def ask(names, *argv):
    """The exit code, and the object that was printed."""
    done = run("spf", "--dns", names, "--json", *argv)
    return done.returncode, json.loads(done.stdout)


def test_a_pass_is_told(names):
    code, found = ask(names, "--ip", "192.0.2.1", "--helo", "h.test", "--mail-from", "a@d.test")
    assert code == OK
    assert found == {
        "result": "pass",
        "domain": "d.test",
        "scope": "mfrom",
        "mechanism": "mx",
        "explanation": None,
        "lookups": 1,
        "void_lookups": 0,
        "reason": "d.test: mx: match (RFC 7208 section 4.6.2)",
    }


def test_a_fail_is_explained(names):
    argv = ["--ip", "192.0.2.2", "--mail-from", "<a@d.test>", "--time", "1700000000"]
    code, found = ask(names, *argv, "--trace")
    assert (code, found["result"], found["mechanism"]) == (BAD, "fail", "all")
    assert found["explanation"] == "192.0.2.2 at 1700000000"
    assert "  e.test: ip4:192.0.2.9: no match (RFC 7208 section 5.6)" in found["trace"]
    done = run("spf", "--dns", names, *argv, "--trace")
    assert done.returncode == BAD
    assert done.stdout.startswith("fail\n  domain       d.test, by MAIL FROM\n")
    assert "d.test: include:e.test: no match (RFC 7208 section 5.2)\n" in done.stdout


@pytest.mark.parametrize(
    "argv, code, result",
    [
        (["--mail-from", "a@soft.test"], BAD, "softfail"),
        (["--mail-from", "a@neutral.test"], OK, "neutral"),
        (["--mail-from", "a@none.test"], OK, "none"),
        (["--mail-from", "a@wrong.test"], BAD, "permerror"),
        (["--mail-from", "a@slow.test"], UNKNOWN, "temperror"),
        (["--helo", "soft.test"], BAD, "softfail"),
        (["--helo", "soft.test", "--mail-from", ""], BAD, "softfail"),
        (["--helo", "soft.test", "--mail-from", "<>"], BAD, "softfail"),
        (["--helo", "soft.test", "--mail-from", "a@d.test"], BAD, "fail"),
    ],
)
def test_exit_codes(names, argv, code, result):
    got, found = ask(names, "--ip", "192.0.2.2", *argv)
    assert (got, found["result"]) == (code, result)
    assert found["scope"] == ("mfrom" if "--mail-from" in argv else "helo")


@pytest.mark.parametrize(
    "argv",
    [
        ["--mail-from", "a@d.test"],
        ["--ip", "192.0.2.2"],
        ["--ip", "192.0.2.2", "--mail-from", "<>"],
        ["--ip", "192.0.2", "--mail-from", "a@d.test"],
        ["--ip", "192.0.2.2", "--mail-from", "a@d.test", "--time", "now"],
        ["--ip", "192.0.2.2", "--mail-from", "a@d.test", "--resolver", "127.0.0.1"],
        ["--ip", "192.0.2.2", "--mail-from", "a@d.test", "-c", "/nowhere"],
        ["--ip", "192.0.2.2", "--mail-from", "a@d.test", "operand"],
    ],
)
def test_mistakes_are_told(names, argv):
    done = run("spf", "--dns", names, *argv)
    assert done.returncode == USAGE and done.stderr and not done.stdout


def test_a_name_server_is_asked(tmp_path):
    settings = {
        "hostname": "mx.gatepost.test",
        "listen": [{"address": "127.0.0.1:2525"}],
        "dns": {"trust_anchor": "none"},
        "domains": {"demo.test": {"recipients": "any", "deliver": "discard"}},
    }
    (tmp_path / "gatepost.yaml").write_text(json.dumps(settings), encoding="utf-8")
    names = {
        **{name: types for name, types in NAMES.items() if name != "slow.test"},
        "broken.test": "SERVFAIL",
        "many.test": {"TXT": ["v=spf1 exists:%{l}.x.test include:many2.test -all"]},
        "many2.test": {"TXT": ["v=spf1 a:a\\032b.test mx:d.test -all"]},
    }
    argv = ["spf", "-c", tmp_path / "gatepost.yaml", "--json", "--ip", "192.0.2.1", "--mail-from"]
    try:
        with dnsrig.DnsRig(names) as rig:
            done = {
                sender: run(*argv, sender, "--resolver", rig.server)
                for sender in ("a@d.test", "a@broken.test", "a@none.test", "a b@many.test")
            }
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    results = {sender: json.loads(one.stdout)["result"] for sender, one in done.items()}
    assert results == {
        "a@d.test": "pass",
        "a@broken.test": "temperror",
        "a@none.test": "none",
        "a b@many.test": "pass",
    }
    assert done["a@broken.test"].returncode == UNKNOWN


# --- other implementations ---


def zone_of(zonedata):
    """A zone of the suite: SPF stands for TXT where there is none, TIMEOUT for what is not there."""
    zone = {}
    for name, entries in zonedata.items():
        types = {}
        for entry in entries:
            for rtype, value in entry.items() if isinstance(entry, dict) else ():
                value = [value[0], value[1]] if rtype == "MX" else value
                types.setdefault(rtype, []).append(value)
        types.setdefault("TXT", types.get("SPF", []))
        types["TXT"] = [value for value in types["TXT"] if value != "NONE" and value != []]
        types.pop("SPF", None)
        if "TIMEOUT" in entries:
            types = {rtype: types.get(rtype) or "TIMEOUT" for rtype in spfpeers.TYPES}
        zone[str(name).lower()] = {rtype: values for rtype, values in types.items() if values}
    return zone


def suite_cases():
    path = SUITES / "spf-rfc7208" / "rfc7208-tests.yml"
    if not path.exists():
        pytest.skip(f"{path} is not there: set GATEPOST_SUITES")
    cases = {}
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        zone = zone_of(document["zonedata"])
        for name, test in document["tests"].items():
            case = {"ip": test["host"], "helo": test["helo"], "sender": test["mailfrom"], "zone": zone}
            cases[name] = (case, test["result"])
    return cases


def ours(case, tmp_path):
    path = tmp_path / "zone.json"
    path.write_text(json.dumps(spfpeers.as_dns_file(case["zone"])), encoding="utf-8")
    argv = ["spf", "--dns", path, "--json", "--ip", case["ip"], "--helo", case["helo"], "--mail-from", case["sender"]]
    return json.loads(run(*argv).stdout)["result"]


# (case, peer): what we say, what they say. docs/spf.md explains each.
DIFFERENCES = {
    ("cidr6-0-ip4", "Mail::SPF"): ("neutral", "pass"),
    ("cidr6-ip4", "Mail::SPF"): ("neutral", "pass"),
    ("mx-limit", "Mail::SPF"): ("permerror", "neutral"),
}


def test_others_agree_over_the_suite(tmp_path):
    cases = suite_cases()
    said = {name: ours(case, tmp_path) for name, (case, _) in cases.items()}
    for name, (_, accepted) in cases.items():
        assert said[name] in (accepted if isinstance(accepted, list) else [accepted]), name
    peers = {
        "pyspf": spfpeers.pyspf([case for case, _ in cases.values()]),
        "Mail::SPF": spfpeers.mail_spf([case for case, _ in cases.values()]),
    }
    peers = {peer: verdicts for peer, verdicts in peers.items() if verdicts}
    if not peers:
        pytest.skip("neither python3-spf nor libmail-spf-perl is installed")
    differ = {}
    for peer, verdicts in peers.items():
        for name, theirs in zip(cases, verdicts):
            if theirs != said[name]:
                differ[name, peer] = (said[name], theirs)
    assert differ == {key: value for key, value in DIFFERENCES.items() if key[1] in peers}
