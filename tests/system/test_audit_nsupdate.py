# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --nsupdate: its commands are carried out by the nsupdate of BIND, at a Knot that takes updates signed
with a key; what dig then reads by the same key is what --zone has, and nothing that was there for others is lost."""

import json
import re
import shutil
import subprocess

import dnsrig
import pytest
from gateway import run
from knotrig import Knot

NAME, ALGORITHM, SECRET = "updates.test", "hmac-sha512", "dXBkYXRlcyBvZiBleGFtcGxlcw=="
ADDRESS = "127.0.53.16"
VERIFICATION = ["some-site-verification=1", ["in two ", "strings"], "another=v=spf1"]
ZONES = {
    # Records in many strings, others' beside them, and a place for reports in another zone.
    "bad.test": {
        "bad.test": {
            "MX": [[10, "mx.bad.test"], [20, "mx.gone.test"]],
            "TXT": [["v=spf1 mx ipv4:20.0.0.9 ", "include:a.test ", "?all"], *VERIFICATION],
            "CAA": [[0, "issue", "ca.test; accounturi=https://ca.test/a"]],
        },
        "mx.bad.test": {"A": ["20.0.0.1"]},
        "_dmarc.bad.test": {"TXT": [["v=DMARC1; p=no", "ne; pct=50; ", "rua=mailto:r@b.test"]]},
        "s1._domainkey.bad.test": {"TXT": ["v=DKIM1; t=y; p=" + "A" * 300]},
    },
    "parked.test": {"parked.test": {"TXT": [["v=spf1 ", "-all"], "kept"], "A": ["20.0.0.2"]}},
    # What a stranger could have written.
    "odd.test": {
        "odd.test": {
            "MX": [[10, "mx.odd.test"], [20, "mx.gone.test"]],
            "TXT": ['v=spf1 +all "\\ ;', 'kept "\\ ; \r\nupdate add odd.test. 1 A 20.6.6.6'],
            "CAA": [[0, "issue", 'ca.test"\\'], [128, "x", "\r\nsend"]],
        },
        "mx.odd.test": {"A": ["20.0.0.3"]},
    },
}
OTHERS = {"b.test": {"A": ["20.0.0.4"]}, "a.test": {"TXT": ["v=spf1 ip4:20.0.0.8 -all"]}}


@pytest.fixture
def knot(tmp_path):
    for tool in ("nsupdate", "dig"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path / "knot"
    folder.mkdir()
    zones = {apex: dnsrig.zone(names, apex) for apex, names in ZONES.items()}
    try:
        with Knot(folder, zones, ADDRESS, (NAME, ALGORITHM, SECRET)) as knot:
            knot.key = folder / "key"
            knot.key.write_text(f'key "{NAME}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};', encoding="ascii")
            yield knot
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))


def update(knot, commands):
    text = f"server {ADDRESS} {knot.port}\n" + commands
    argv = ["nsupdate", "-k", knot.key]
    return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)


def read(knot, apex):
    """Its records as dig tells them: (name, type, data), texts as one."""
    argv = ["dig", "-k", knot.key, "-p", str(knot.port), f"@{ADDRESS}", apex, "AXFR", "+noall", "+answer", "+onesoa"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    lines = [line.split(None, 4) for line in done.stdout.splitlines() if line and not line.startswith(";")]
    return {(name.lower(), kind, joined(kind, data)) for name, _, _, kind, data in lines if kind not in ("SOA", "NS")}


def joined(kind, data):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', data)) if kind == "TXT" else data


def patched(zone):
    """The same of the records of a patch."""
    lines = [line.split("\t", 4) for line in zone.splitlines() if not line.startswith(";")]
    return {(name, kind, joined(kind, data)) for name, _, _, kind, data in lines}


def audit(world, *argv):
    done = run("audit", "--dns", world, "--time", "1", "--selector", "s1", *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def world(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps({name: types for names in [*ZONES.values(), OTHERS] for name, types in names.items()}))
    return path


@pytest.mark.parametrize("apex", ZONES)
def test_what_is_written_is_done(knot, world, apex):
    before = read(knot, apex)
    zone, commands = audit(world, "--zone", apex), audit(world, "--nsupdate", apex)
    done = update(knot, commands)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", ""), commands
    after = read(knot, apex)
    wanted = {one for one in patched(zone) if one[0].endswith(f"{apex}.")}
    assert wanted and wanted <= after
    places = {one[:2] for one in wanted}
    # What is gone has given way at its own place, and to what has its purpose.
    assert all(one[:2] in places for one in before - after)
    assert after - before <= wanted
    assert any("p=reject" in data for _, _, data in after) == (apex == "parked.test")
    assert "another zone" not in commands or f"{apex}._report._dmarc.b.test" in commands


def count(knot, name, text):
    argv = ["dig", "-p", str(knot.port), f"@{ADDRESS}", name, "TXT", "+short"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.count(text)


def texts(zone, name):
    return {data for owner, kind, data in zone if (owner, kind) == (name, "TXT")}


def test_what_others_have_there_stays(knot, world):
    assert update(knot, audit(world, "--nsupdate", "bad.test")).returncode == 0
    after = texts(read(knot, "bad.test"), "bad.test.")
    assert {"some-site-verification=1", "in two strings", "another=v=spf1"} <= after
    assert sum(text.startswith("v=spf1 ") for text in after) == 1, "one in strings is replaced, too"
    assert len(texts(read(knot, "bad.test"), "_dmarc.bad.test.")) == 1
    # What stays as it is, but for its strings, stays one.
    assert update(knot, audit(world, "--nsupdate", "parked.test")).returncode == 0
    assert count(knot, "parked.test", "v=spf1") == 1


def test_it_can_be_done_twice(knot, world):
    commands = audit(world, "--nsupdate", "bad.test", "parked.test")
    assert update(knot, commands).returncode == 0
    first = [read(knot, apex) for apex in ("bad.test", "parked.test")]
    assert update(knot, commands).returncode == 0
    assert [read(knot, apex) for apex in ("bad.test", "parked.test")] == first


def test_it_is_refused_without_the_key(knot, world):
    knot.key.write_text(knot.key.read_text(encoding="ascii").replace(SECRET, "YW5vdGhlcg=="), encoding="ascii")
    done = update(knot, audit(world, "--nsupdate", "parked.test"))
    assert (done.returncode != 0, "NOTAUTH" in done.stderr) == (True, True)


def test_gatepost_reads_by_the_same_key(knot, world):
    argv = ["--axfr", f"bad.test@{knot.server}"]
    assert '"domain": "mx.bad.test"' in audit(world, "--json", "--tsig-key", knot.key, *argv).replace('":"', '": "')
