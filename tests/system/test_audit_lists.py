# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --dnsbl: own addresses, each once, in block lists that work and in some that do not."""

import json

import dnsrig
import pytest
from gateway import run

NAMES = {
    "a.test": {"MX": [[10, "mx.a.test"]], "TXT": ["v=spf1 mx ip4:20.0.1.0/31 ip4:20.8.0.0/16 -all"]},
    "mx.a.test": {"A": ["20.0.0.1"]},
    **{f"{name}.test": {"MX": [[10, "mx.a.test"]], "TXT": ["v=spf1 mx -all"]} for name in "bcde"},
    "2.0.0.127.bl.test": {"A": ["127.0.0.2"]},
    "1.0.0.20.bl.test": {"A": ["127.0.0.4"], "TXT": ["it sent \u202espam\na.test TXT v=spf1 +all"]},
    "2.0.0.127.all.test": {"A": ["127.0.0.2"]},
    "1.0.0.127.all.test": {"A": ["127.0.0.2"]},
    "1.0.0.20.all.test": {"A": ["127.0.0.2"]},
    "2.0.0.127.closed.test": {"A": ["127.255.255.254"]},
    "1.0.0.20.closed.test": {"A": ["127.255.255.254"]},
    "1.0.0.20.gone.test": {"A": ["192.0.2.1"]},
    "2.0.0.127.mute.test": "SERVFAIL",
}
LISTS = ["bl", "all", "closed", "gone", "mute"]


def look(folder, names, *argv, code=0):
    world = folder / "names.json"
    world.write_text(json.dumps(names), encoding="utf-8")
    done = run("audit", "--dns", world, "--json", *argv)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def lists_of(told):
    return [(f["state"], f["evidence"]) for f in told["findings"] if f["id"] == "dns.blocklist"]


def dnsbl(*names):
    return [word for name in names for word in ("--dnsbl", f"{name}.test")]


def test_a_list_is_believed_when_its_test_points_are(tmp_path):
    (told,) = (o for o in look(tmp_path, NAMES, *dnsbl(*LISTS), "a.test") if o.get("address") == "20.0.0.1")
    states = lists_of(told)
    assert [state for state, _ in states] == ["fail"] + 4 * ["not_measured"]
    assert states[0][1] == "in bl.test: 127.0.0.4; of a.test"
    assert told["findings"][0]["fix"].endswith(": it sent <U+202E>spam<U+000A>a.test TXT v=spf1 +all")
    for (_, why), word in zip(states[1:], ["has all", "this resolver", "no list", "no answer"], strict=True):
        assert word in why


def test_each_address_is_told_of_once(tmp_path):
    argv = [*dnsbl("bl"), "--address", "20.0.0.9", "--address", "20.0.0.1", *(f"{n}.test" for n in "abcde")]
    told = look(tmp_path, NAMES, *argv)
    assert [o["domain"] for o in told if "domain" in o] == [f"{n}.test" for n in "abcde"]
    assert [o["address"] for o in told if "address" in o] == ["20.0.0.1", "20.0.1.0", "20.0.1.1", "20.0.0.9"]
    evidence = {o["address"]: lists_of(o) for o in told if "address" in o}
    assert evidence["20.0.0.1"][0][1].endswith("; of a.test, b.test, c.test and 2 more")
    assert evidence["20.0.0.9"] == [("pass", "not in bl.test")]
    # A network that is too large is not passed over in silence.
    assert [state for state, _ in lists_of(told[0])] == ["not_measured"]


def test_more_addresses_than_are_asked_at_once(tmp_path):
    many = [w for i in range(150) for w in ("--address", f"20.0.3.{i}")]
    names = NAMES | {f"{i}.3.0.20.bl.test": {"A": ["127.0.0.2"]} for i in (0, 63, 64, 149)}
    told = look(tmp_path, names, *dnsbl("bl"), *many, "--fail-on", "high", code=1)
    assert [o["address"] for o in told] == [f"20.0.3.{i}" for i in range(150)]
    listed = [o["address"] for o in told if lists_of(o)[0][0] == "fail"]
    assert listed == [f"20.0.3.{i}" for i in (0, 63, 64, 149)]


def test_a_server_that_is_asked_comes_to_the_same(tmp_path):
    config = tmp_path / "gatepost.yaml"
    settings = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": {"trust_anchor": "none"}}
    config.write_text(json.dumps(settings), encoding="utf-8")
    argv = [*dnsbl("bl", "all", "closed", "gone"), "a.test", "b.test"]
    try:
        with dnsrig.DnsRig(NAMES) as rig:
            asked = run("audit", "--no-probe", "-c", config, "--resolver", rig.server, "--json", *argv)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert asked.returncode == 0, asked.stderr
    told = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [o for o in told if "address" in o] == [o for o in look(tmp_path, NAMES, *argv) if "address" in o]


def test_what_makes_no_sense_is_refused():
    for argv in (
        ["--address", "20.0.0.1"],
        ["--dnsbl", "a..b", "a.test"],
        ["--dnsbl", "bl.test", "--address", "20.0.0.256"],
        ["--zone", "--dnsbl", "bl.test", "a.test"],
        9 * ["--dnsbl", "bl.test"] + ["a.test"],
    ):
        assert run("audit", *argv).returncode == 2
