# SPDX-License-Identifier: Apache-2.0
"""The way to p=reject of gatepost audit: what --zone has for a domain that sends mail, published in zones of Debian's
nsd step by step, and what is found after each; all forms say the same of the step."""

import contextlib
import html
import json
import re
import subprocess

import auditzones
import dnsrig
import peers as peers_module
import pytest
from gateway import BUILD, run

WORLDS = BUILD / "tests/posture_test"
NSD, RESOLVER = "127.0.53.13", "127.0.53.14"
SETTINGS = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}]}
SEVERITIES = ["info", "low", "medium", "high", "critical"]
POLICIES = ["none", "quarantine", "reject"]


def rows_of(id):
    """Of the planted faults those of this id, in worlds of their own."""
    if not WORLDS.exists():
        pytest.skip(f"{WORLDS} is not built")
    done = subprocess.run([WORLDS, "--worlds"], capture_output=True, text=True, check=True)
    rows = [row for row in json.loads(done.stdout) if row["id"] == id]
    return [auditzones.Row(number, row) for number, row in enumerate(rows)]


@contextlib.contextmanager
def served(rows, peer_root, folder):
    """The command's options that ask about these rows' zones."""
    folder.mkdir()
    peers = peers_module.Peers(peer_root, folder)
    try:
        zones = auditzones.AuditZones(peers, rows, NSD)
        with dnsrig.DnsRig({}, RESOLVER, root=NSD, anchor=zones.anchor) as rig:
            config = folder / "gatepost.yaml"
            settings = SETTINGS | {"dns": {"trust_anchor": str(zones.anchor)}}
            config.write_text(json.dumps(settings), encoding="utf-8")
            yield ["audit", "-c", config, "--resolver", rig.server, "--no-probe", "--time", "1", "--selector", "s1"]
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    finally:
        peers.stop()


def told(argv):
    done = run(*argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def faults(argv):
    """What is found, by id."""
    return {f["id"]: f for f in json.loads(told([*argv, "--json"]))["findings"] if f["state"] == "fail"}


def records(zone):
    """The TXT records of a patch."""
    lines = re.findall(r'^(\S+)\.\t3600\tIN\tTXT\t"(.*)"$', zone, re.M)
    return [{"name": name, "type": "TXT", "value": value.replace('\\"', '"')} for name, value in lines]


def check_forms(argv, record):
    """Every form has the record that is published, and none has another policy to publish now."""
    text, page = told(argv), html.unescape(told([*argv, "--format", "html"]))
    updates, octodns = told([*argv, "--nsupdate"]), told([*argv, "--octodns"])
    assert record["value"] in text and record["value"] in page
    assert f'update add {record["name"]}. 3600 IN TXT "{record["value"]}"\n' in updates
    assert record["value"].replace(";", "\\\\;") in octodns
    for output in (re.sub(r"^(?:[;#]|update delete).*\n", "", form, flags=re.M) for form in (updates, octodns)):
        assert len(re.findall("v=DMARC1", output)) == 1


def test_a_domain_that_sends_goes_up_step_by_step(peer_root, tmp_path):
    row = rows_of("dmarc.missing")[0]
    assert not row.parked
    policies, then = [], None
    for step in range(len(POLICIES) + 1):
        with served([row], peer_root, tmp_path / str(step)) as argv:
            now = faults([*argv, row.domain])
            new = [f for id, f in now.items() if then is not None and id not in then]
            assert all(SEVERITIES.index(f["severity"]) <= grave for f in new), new
            patch = [r for r in records(told([*argv, "--zone", row.domain])) if r["name"] == f"_dmarc.{row.domain}"]
            if not patch:
                break
            check_forms([*argv, row.domain], patch[0])
        (fault,) = (f for f in now.values() if patch[0] in f["records"])
        grave, then = SEVERITIES.index(fault["severity"]), now
        policies.append(re.search("p=([a-z]+); rua=", patch[0]["value"])[1])
        auditzones.publish(row.names, patch)
    assert policies == POLICIES
    assert not now


def test_a_parked_domain_is_locked_at_once(peer_root, tmp_path):
    row = rows_of("dmarc.missing")[1]
    assert row.parked
    with served([row], peer_root, tmp_path / "open") as argv:
        patch = records(told([*argv, "--zone", row.domain]))
    auditzones.publish(row.names, patch)
    with served([row], peer_root, tmp_path / "locked") as argv:
        assert not faults([*argv, row.domain])


WORLD = {
    "d.test": {"MX": [[10, "mx.d.test"]], "TXT": ["v=spf1 mx -all"]},
    "mx.d.test": {"A": ["20.0.0.1"], "TXT": ["v=spf1 a -all"]},
}


@pytest.mark.parametrize(
    "published, stage, patched",
    [
        (None, "next", "v=DMARC1; p=none; rua=mailto:dmarc-reports@d.test"),
        (None, "none", "v=DMARC1; p=none; rua=mailto:dmarc-reports@d.test"),
        (None, "reject", "v=DMARC1; p=reject; rua=mailto:dmarc-reports@d.test"),
        ("v=DMARC1; p=none", "next", "v=DMARC1; p=none; rua=mailto:dmarc-reports@d.test"),
        ("v=DMARC1; p=none; pct=5; rua=mailto:r@d.test", "next", "v=DMARC1; p=quarantine; rua=mailto:r@d.test"),
        ("v=DMARC1; p=none; rua=mailto:r@d.test", "reject", "v=DMARC1; p=reject; rua=mailto:r@d.test"),
        ("v=DMARC1; p=quarantine; t=y; rua=mailto:r@d.test", "next", "v=DMARC1; p=quarantine; rua=mailto:r@d.test"),
        ("v=DMARC1; p=quarantine; rua=mailto:r@d.test", "none", None),
        ("v=DMARC1 p=reject rua=mailto:r@d.test", "next", "v=DMARC1; p=none; rua=mailto:r@d.test"),
    ],
)
def test_a_patch_has_one_step(tmp_path, published, stage, patched):
    world = tmp_path / "names.json"
    world.write_text(json.dumps(WORLD | ({"_dmarc.d.test": {"TXT": [published]}} if published else {})))
    zone = told(["audit", "--dns", world, "--zone", "--stage", stage, "d.test"])
    assert [r["value"] for r in records(zone) if r["name"] == "_dmarc.d.test"] == ([patched] if patched else [])


def test_a_step_waits_for_what_the_store_saw(tmp_path):
    world, store, day = tmp_path / "names.json", tmp_path / "audits.db", 86400
    world.write_text(json.dumps(WORLD | {"_dmarc.d.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:r@d.test"]}}))
    for days, proposed in ((0, True), (1, False), (29, False), (30, True)):
        now = str((20_000 + days) * day)
        done = run("audit", "--json", "--dns", world, "--store", store, "--time", now, "d.test")
        (found,) = (f for f in json.loads(done.stdout)["findings"] if f["id"] == "dmarc.p.none")
        assert bool(found["records"]) == proposed, days
        assert ("p=none has had its 30 days" in found["fix"]) == (days == 0)


def test_a_stage_that_is_none():
    done = run("audit", "--stage", "soon", "d.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is none of next, none, quarantine and reject" in done.stderr
