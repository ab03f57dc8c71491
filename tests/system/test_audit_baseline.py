# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --baseline: shipped rules and one's own, in every format, with their exit code."""

import json
import xml.etree.ElementTree as ElementTree

import pytest
from gateway import run
from test_audit import audit, world  # noqa: F401, a fixture

OURS = """\
baseline ours What we ask
document The handbook

rule policy The policy is reject
section 7.2
need dmarc.p >= reject

rule spf SPF is without faults
for sending
without spf.* >= high

rule parked Parked domains say so
for parked
need spf.nobody = yes

rule tls Hosts take TLS
without tls.none

rule people People know
manual ask them
"""


@pytest.fixture
def ours(tmp_path):
    path = tmp_path / "ours.txt"
    path.write_text(OURS, encoding="ascii")
    return path


def results(domain, name):
    return {rule["id"]: rule["result"] for rule in domain["baselines"][name]}


def test_rules_of_ones_own(world, ours):  # noqa: F811
    found = audit("--dns", world, "--baseline", ours, "bad.test", "locked.test", "absent.test", "silent.test", code=1)
    unknown, none = "not_measured", "not_applicable"
    expected = {
        "bad.test": ["fail", "fail", none, unknown, unknown],
        "locked.test": ["pass", none, "pass", unknown, unknown],
        "absent.test": [none] * 5,
        "silent.test": [unknown] * 5,
    }
    for name, each in expected.items():
        assert list(results(found[name], "ours").values()) == each, name
    policy, spf = found["bad.test"]["baselines"]["ours"][:2]
    assert policy == {
        "id": "policy",
        "text": "The policy is reject",
        "document": "The handbook",
        "section": "7.2",
        "result": "fail",
        "evidence": "dmarc.p is none",
        "findings": [],
    }
    assert {"spf.all.plus", "spf.all.neutral", "spf.syntax"} == set(spf["findings"])
    assert "spf.all.plus: bad.test > a.test: include:b.test: its record ends in +all" in spf["evidence"]


def test_shipped_ones(world):  # noqa: F811
    names = ["bod-18-01", "bsi", "google-yahoo", "m3aawg-parked", "microsoft", "ncsc", "nist-800-177r1", "nl", "nz"]
    names.append("pci-dss-5.4.1")
    argv = [word for name in names for word in ("--baseline", name)]
    found = audit("--dns", world, *argv, "locked.test", "bad.test", code=1)
    assert list(found["locked.test"]["baselines"]) == names
    assert set(results(found["locked.test"], "m3aawg-parked").values()) == {"pass"}
    assert set(results(found["bad.test"], "m3aawg-parked").values()) == {"not_applicable"}
    assert results(found["bad.test"], "microsoft")["spf"] == "fail"
    assert results(found["bad.test"], "microsoft")["dmarc"] == "pass"
    assert results(found["bad.test"], "microsoft")["dkim"] == "not_measured"
    assert results(found["bad.test"], "bod-18-01")["starttls"] == "not_measured"


def test_only_a_rule_that_fails_is_exit_1(world):  # noqa: F811
    argv = ["--dns", world, "--fail-on", "never", "locked.test"]
    assert audit(*argv)["locked.test"]["baselines"] == {}
    audit(*argv, "--baseline", "m3aawg-parked")
    audit(*argv, "--baseline", "bod-18-01", code=1)


def test_every_format_tells_of_rules(world, ours):  # noqa: F811
    def told(form, *domains):
        done = run("audit", "--dns", world, "--baseline", ours, "--format", form, *domains)
        assert done.stderr == ""
        return done.stdout

    text = told("text", "bad.test", "locked.test")
    assert "  baseline     ours: 0 pass, 2 fail, 2 not measured, 1 not applicable\n" in text
    assert "  fail         The policy is reject [policy]\n               dmarc.p is none\n" in text
    assert "  not measured Hosts take TLS [tls]\n               tls.none: the hosts were not looked at\n" in text
    assert "[parked]" not in text
    results = json.loads(told("sarif", "bad.test"))["runs"][0]["results"]
    kinds = {r["ruleId"]: r["kind"] for r in results if r["ruleId"].startswith("ours.")}
    assert kinds == {"ours.policy": "fail", "ours.spf": "fail", "ours.tls": "open", "ours.people": "open"}
    cases = ElementTree.fromstring(told("junit", "locked.test")).iter("testcase")
    assert {"ours.policy", "ours.parked", "ours.tls", "ours.people"} <= {c.get("name") for c in cases}
    assert "bad.test,ours.policy,medium,fail," in told("csv", "bad.test").replace('"', "")
    assert "The policy is reject" in told("markdown", "bad.test")
    assert "The policy is reject" in told("html", "bad.test")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ": there is no rule"),
        ("baseline b Ours\nrule r Text\nneed spf.vali = yes\n", ':3: no fact has this name: "spf.vali"'),
        ("baseline b Ours\nrule r Text\nneed \u202eno\n", ':3: no fact has this name: "<U+202E>no"'),
        ("#" * 2_000_000, ": File too large"),
    ],
    ids=["empty", "fact", "hidden", "large"],
)
def test_mistakes_in_a_file(world, tmp_path, text, why):  # noqa: F811
    path = tmp_path / "rules"
    path.write_text(text, encoding="utf-8")
    done = run("audit", "--dns", world, "--baseline", path, "locked.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gatepost audit: ")
    assert done.stderr.endswith(f"{path}{why}\n")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--baseline", "bod"], "--baseline bod: no file, and none of bod-18-01, bsi, google-yahoo,"),
        (["--baseline", "/absent"], "--baseline /absent: No such file or directory"),
        (["--baseline", "nl", "--baseline", "nl"], "--baseline nl: nl was given before"),
        (["--baseline", "nl", "--zone"], "records to publish are held against no --baseline"),
        (["--baseline", "nl"] * 33, "is one baseline too many"),
    ],
)
def test_mistakes_are_told(world, argv, why):  # noqa: F811
    done = run("audit", "--dns", world, *argv, "locked.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
