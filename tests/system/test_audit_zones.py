# SPDX-License-Identifier: Apache-2.0
"""gatepost audit by real name servers: every fault that the DNS can plant, in zones that ldns signs and Debian's nsd
serves, behind an unbound that walks down from their root and validates. What is found is what is found in a file of
--dns with the same records; dig and drill say the same of the answers."""

import contextlib
import copy
import json
import re
import shutil
import subprocess

import auditzones
import dnsrig
import peers as peers_module
import pytest
from gateway import BUILD, run

WORLDS = BUILD / "tests/posture_test"
PLACES = ("127.0.53.9", "127.0.53.10"), ("127.0.53.11", "127.0.53.12")  # of a name server, and of a resolver
SETTINGS = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}]}


class Field:
    """All rows' domains, with the resolver that knows them."""

    def __init__(self, rows, zones, rig, folder):
        self.rows, self.zones, self.rig = rows, zones, rig
        self.world, self.config, self.list = (folder / name for name in ("names.json", "gatepost.yaml", "domains"))
        self.names = {name: types for row in rows for name, types in row.world().items()}
        self.world.write_text(json.dumps(self.names), encoding="utf-8")
        settings = SETTINGS | {"dns": {"trust_anchor": str(zones.anchor)}}
        self.config.write_text(json.dumps(settings), encoding="utf-8")
        self.list.write_text("\n".join(row.domain for row in rows), encoding="utf-8")

    def audit(self, *argv):
        """What was found in each row's domain, as ids with their findings."""
        argv = ["audit", "--json", "--no-probe", "--time", "1", "--selector", "s1", "--selector", "s2", *argv]
        done = run(*argv, "--file", self.list, timeout_s=180)
        assert done.returncode == 0, done.stderr
        objects = {one["domain"]: one for one in map(json.loads, done.stdout.splitlines())}
        return [
            {f["id"]: f for f in objects[row.domain]["findings"] if f["state"] == "fail"} for row in self.rows
        ]


@contextlib.contextmanager
def served(rows, peer_root, folder, nsd, resolver):
    folder.mkdir()
    peers = peers_module.Peers(peer_root, folder)
    try:
        zones = auditzones.AuditZones(peers, rows, nsd)
        with dnsrig.DnsRig({}, resolver, root=nsd, anchor=zones.anchor) as rig:
            yield Field(rows, zones, rig, folder)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    finally:
        peers.stop()


@pytest.fixture(scope="module")
def field(peer_root, tmp_path_factory):
    if not WORLDS.exists():
        pytest.skip(f"{WORLDS} is not built")
    done = subprocess.run([WORLDS, "--worlds"], capture_output=True, text=True, check=True)
    rows = [auditzones.Row(number, row) for number, row in enumerate(json.loads(done.stdout))]
    with served(rows, peer_root, tmp_path_factory.mktemp("zones") / "planted", *PLACES[0]) as field:
        yield field


@pytest.fixture(scope="module")
def asked(field):
    return field.audit("-c", field.config, "--resolver", field.rig.server)


def test_each_fault_is_found_as_in_a_file(field, asked):
    known = field.audit("--dns", field.world)
    wrong = []
    for row, by_server, by_file in zip(field.rows, asked, known):
        if set(by_server) != set(by_file) or (row.id not in by_server if row.id else by_server):
            wrong.append(f"{row.domain} {row.id}: by server {sorted(by_server)}, by file {sorted(by_file)}")
    assert not wrong, "\n".join(wrong)


def test_what_the_resolver_says_is_told(field, asked):
    def evidence(id):
        return [found[id]["evidence"] for row, found in zip(field.rows, asked) if row.id == id]

    broken, forged = evidence("dane.servfail")
    assert broken.endswith(": SERVFAIL: no server gave a usable answer; its name servers: ns.root")
    assert ": SERVFAIL, bogus: validation failure <" in forged
    assert all(": validation failure <" in text for text in evidence("dnssec.bogus"))
    weak = [text.split(".test ", 1)[1] for text in evidence("dnssec.weakalg")]
    assert "DNSKEY: algorithm 5, RSASHA1" in weak[0]
    assert "DNSKEY: algorithm 7, RSASHA1-NSEC3-SHA1" in weak[1]
    assert weak[2] == "DS: digests by SHA-1 alone"


SEVERITIES = ["info", "low", "medium", "high", "critical"]
STEPS = {"dmarc.p.none", "dmarc.p.quarantine", "dmarc.sp.weak"}


def new_faults(mended, then, found):
    """Those that are still there, or new; but a DMARC policy goes up a step at a time, to nothing graver."""
    new = {id for id in found if id == mended or id not in then}
    grave = SEVERITIES.index(then[mended]["severity"])
    steps = {id for id in new & STEPS if SEVERITIES.index(found[id]["severity"]) <= grave}
    return new - (steps if mended.startswith("dmarc.") else set())


def test_what_is_proposed_mends_the_zones(field, asked, peer_root, tmp_path_factory):
    rows = [copy.deepcopy(row) for row in field.rows]
    mended = {row.domain for row, found in zip(rows, asked) if row.id and found[row.id]["records"]}
    for row, found in zip(rows, asked):
        if row.domain in mended:
            auditzones.publish(row.names, found[row.id]["records"])
    with served(rows, peer_root, tmp_path_factory.mktemp("zones") / "mended", *PLACES[1]) as after:
        now = after.audit("-c", after.config, "--resolver", after.rig.server)
    wrong = [
        f"{row.domain} {row.id}: {sorted(then)}, then {sorted(found)}"
        for row, then, found in zip(rows, asked, now)
        if row.domain in mended and new_faults(row.id, then, found)
    ]
    assert not wrong, "\n".join(wrong)
    assert len(mended) > 70


# --- second opinions ---

HEADER = re.compile(r"^;; ->>HEADER<<- opcode: QUERY, (?:status|rcode): (\w+).*?^;; flags: ([a-z ]+)", re.M | re.S)


def answers(text):
    """Status, whether it is proven, and the lines of each answer that dig or drill printed."""
    parts = re.split(r"(?=^;; ->>HEADER<<-)", text, flags=re.M)[1:]
    for part in parts:
        status, flags = HEADER.match(part).groups()
        lines = [line.split(None, 4) for line in part.splitlines() if line and not line.startswith(";")]
        yield status, "ad" in flags.split(), [line for line in lines if line[3] not in ("RRSIG", "CNAME")]


def expected(types, kind):
    """The values as a zone file has them; None: there is no such name."""
    if types is None:
        return None
    return sorted(line.split(None, 4)[4] for line in dnsrig.records("x", {kind: types.get(kind, [])}))


def questions(field):
    """Those of which the file says what they come to; below a wildcard more is there than it says."""
    for row in field.rows:
        if f"*.{row.domain}" in row.names:
            continue
        for name, kind in (row.domain, "MX"), (row.domain, "TXT"), (row.domain, "CAA"), (f"_dmarc.{row.domain}", "TXT"):
            yield row, name, kind


def test_dig_sees_the_same(field, tmp_path):
    if not shutil.which("dig"):
        pytest.skip("there is no dig (bind9-dnsutils)")
    asked = list(questions(field))
    batch = tmp_path / "batch"
    batch.write_text("".join(f"{name} {kind}\n" for _, name, kind in asked), encoding="ascii")
    address, port = field.rig.server.split(":")
    argv = ["dig", f"@{address}", "-p", port, "-f", batch, "+noall", "+comments", "+answer", "+adflag", "+nocookie"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout
    told = list(answers(said))
    assert len(told) == len(asked)
    for (row, name, kind), (status, proven, lines) in zip(asked, told):
        types = field.names.get(name)
        if types == "BOGUS" or (types or {}).get(kind) == "BOGUS":
            assert status == "SERVFAIL", (row.id, name, kind)
        elif not types:
            assert not lines, (row.id, name, kind)
        else:
            assert (status, sorted(line[4] for line in lines)) == ("NOERROR", expected(types, kind)), (row.id, name)
            assert proven == (row.domain not in row.unsigned), (row.id, name, kind)


def test_drill_sees_the_same(field):
    address, port = field.rig.server.split(":")
    lines = [f"drill -D -p {port} @{address} {row.domain} MX\n" for row in field.rows]
    script = "".join(lines)
    work = field.zones.peers.folder("drill")
    (work / "script").write_text(script, encoding="ascii")
    said = field.zones.peers.run("sh", "/own/script", work=work)
    told = list(answers(said))
    assert len(told) == len(field.rows)
    for row, (status, proven, lines) in zip(field.rows, told):
        types = field.names.get(row.domain)
        if types is None:
            assert status == "NXDOMAIN"
        elif types == "BOGUS" or types.get("MX") == "BOGUS":
            assert status == "SERVFAIL", row.id
        else:
            values = sorted(line[4] for line in lines if line[3] == "MX")
            assert (status, values) == ("NOERROR", expected(types, "MX")), row.id
            assert proven == (row.domain not in row.unsigned), row.id
