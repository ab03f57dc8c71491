# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --octodns: held against what octoDNS documents of a zone's file, and published, it mends the domain.

octoDNS is not in Debian: what its YamlProvider takes by default is written down here. Where the module is there, it
reads the file, too.
"""

import functools
import importlib.util
import json
import re

import pytest
import yaml
from gateway import run

# The names in an order that is not theirs; long and odd texts; what stays as it is.
NAMES = {
    "bad.test": {
        "MX": [[10, "mx.bad.test"], [20, "mx10.bad.test"], [30, "mx2.bad.test"], [40, "mx.gone.test"]],
        "TXT": ["v=spf1 mx ipv4:20.0.0.9 ?all", 'other="a;b" \\ \u00e9', "x" * 300],
        "CAA": [[0, "issue", "ca.test; accounturi=https://ca.test/a"]],
    },
    "mx.bad.test": {"A": ["20.0.0.1"]},
    "mx10.bad.test": {"A": ["20.0.0.10"]},
    "mx2.bad.test": {"A": ["20.0.0.2"]},
    "_dmarc.bad.test": {"TXT": ["v=DMARC1; p=none; pct=50; rua=mailto:r@b.test"]},
    "b.test": {"MX": [[10, "mx.bad.test"]]},
    "parked.test": {"MX": [[0, "."]]},
    "clean.test": {"MX": [[0, "."]], "TXT": ["v=spf1 -all"], "CAA": [[0, "issue", ";"], [0, "issuemail", ";"]]},
    "_dmarc.clean.test": {"TXT": ["v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s"]},
    "*._domainkey.clean.test": {"TXT": ["v=DKIM1; p="]},
}
DOMAINS = ["bad.test", "parked.test", "clean.test"]
NAME = re.compile(r"^(\.|([a-z0-9_*-]+\.)+)$")


def natural(text):
    """As natsort orders: runs of digits are numbers."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", text))]


class Loader(yaml.SafeLoader):
    """Keys must be in order, and each there once."""


def mapping(loader, node):
    pairs = loader.construct_pairs(node, deep=True)
    keys = [key for key, _ in pairs]
    assert keys == sorted(keys, key=natural), keys
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def check_txt(value):
    assert isinstance(value, str)
    assert value.isascii() and value.isprintable()
    assert not re.search(r"\w;", value), "a bare semicolon"
    assert not re.search(r"\\\\;", value), "one that is escaped twice"


def check_mx(value):
    assert set(value) == {"exchange", "preference"}
    assert NAME.match(value["exchange"])
    assert 0 <= value["preference"] <= 65535


def check_caa(value):
    assert set(value) == {"flags", "tag", "value"}
    assert 0 <= value["flags"] <= 255
    assert re.fullmatch("[a-z0-9]+", value["tag"])
    assert isinstance(value["value"], str)


CHECKS = {"TXT": check_txt, "MX": check_mx, "CAA": check_caa}


def check(zone):
    for label, sets in zone.items():
        assert label == "" or NAME.match(label + ".")
        kinds = [records["type"] for records in sets]
        assert len(kinds) == len(set(kinds))
        for records in sets:
            assert set(records) == {"ttl", "type", "values"}
            assert records["ttl"] > 0
            assert records["values"]
            for value in records["values"]:
                CHECKS[records["type"]](value)


def text(value):
    octets = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1])), value).encode("latin-1")
    return octets.decode("utf-8").replace("\\;", ";")


BACK = {
    "TXT": text,
    "MX": lambda v: [v["preference"], v["exchange"].rstrip(".") or "."],
    "CAA": lambda v: [v["flags"], v["tag"], v["value"]],
}


def published(names, domain, zone):
    merged = json.loads(json.dumps(names))
    for label, sets in zone.items():
        types = merged.setdefault(f"{label}.{domain}" if label else domain, {})
        types.update({r["type"]: [BACK[r["type"]](value) for value in r["values"]] for r in sets})
    return merged


def audit(world, *argv):
    done = run("audit", "--no-probe", "--dns", world, "--time", "1790000000", *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def world(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES), encoding="utf-8")
    return path


def test_each_domain_is_a_document_that_octodns_takes(world):
    out = audit(world, "--octodns", *DOMAINS)
    zones = list(yaml.load_all(out, Loader=Loader))
    assert [f"# {name}.yaml (" in out for name in DOMAINS] == 3 * [True]
    assert len(zones) == len(DOMAINS)
    for zone in zones:
        check(zone)
    bad, parked, clean = zones
    assert list(bad)[0] == ""
    assert [label for label in bad if label.startswith("mx")] == ["mx", "mx2", "mx10"]
    assert "*._domainkey" in parked
    assert clean == {}
    # What others must publish is no record of ours.
    assert "# in another zone: bad.test._report._dmarc.b.test. TXT v=DMARC1" in out
    assert not any("_report" in label for label in bad)


def test_a_set_is_told_with_what_stays(world):
    (bad,) = yaml.load_all(audit(world, "--octodns", "bad.test"), Loader=Loader)
    (txt,) = (records["values"] for records in bad[""] if records["type"] == "TXT")
    values = [text(value) for value in txt]
    assert 'other="a;b" \\ \u00e9' in values
    assert "x" * 300 in values
    assert len(values) == 3
    assert sum(value.startswith("v=spf1 ") for value in values) == 1


def test_what_is_published_mends_all(world, tmp_path):
    zones = yaml.load_all(audit(world, "--octodns", "--stage", "reject", "bad.test", "parked.test"), Loader=Loader)
    names = functools.reduce(
        lambda all_of, pair: published(all_of, *pair), zip(["bad.test", "parked.test"], zones, strict=True), NAMES
    )
    names["bad.test._report._dmarc.b.test"] = {"TXT": ["v=DMARC1"]}
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(names), encoding="utf-8")
    for line in audit(mended, "--json", "bad.test", "parked.test").splitlines():
        found = json.loads(line)
        assert not [f["id"] for f in found["findings"] if f["state"] == "fail" and f["records"]], found["domain"]


def test_octodns_itself_reads_it(world, tmp_path):
    if not importlib.util.find_spec("octodns"):
        pytest.skip("octoDNS is not on this machine, nor in Debian")
    from octodns.provider.yaml import YamlProvider  # pylint: disable=import-outside-toplevel,import-error
    from octodns.zone import Zone  # pylint: disable=import-outside-toplevel,import-error

    (tmp_path / "bad.test.yaml").write_text(audit(world, "--octodns", "bad.test"), encoding="utf-8")
    zone = Zone("bad.test.", [])
    YamlProvider("config", str(tmp_path)).populate(zone)
    assert {record.name for record in zone.records} >= {"", "_dmarc", "mx2"}
