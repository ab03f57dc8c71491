# SPDX-License-Identifier: Apache-2.0
"""gatepost audit: domains from everywhere, in every format, and the same by a real name server as by a file."""

import csv
import io
import json
import os
import stat
import xml.etree.ElementTree as ElementTree

import dnsrig
import pytest
from gateway import run

SETTINGS = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": {"trust_anchor": "none"}}
LOCKED = "v=DMARC1; p=reject; sp=reject; np=reject; adkim=s; aspf=s"
# Addresses that anybody could have; nobody is connected to.
NAMES = {
    "locked.test": {
        "MX": [[0, "."]],
        "TXT": ["v=spf1 -all"],
        "CAA": [[0, "issue", ";"], [0, "issuemail", ";"]],
        "secure": True,
    },
    "_dmarc.locked.test": {"TXT": [LOCKED]},
    "*._domainkey.locked.test": {"TXT": ["v=DKIM1; p="]},
    "bad.test": {
        "MX": [[10, "mx.bad.test"], [20, "mx.gone.test"]],
        "TXT": ["v=spf1 mx ipv4:20.0.0.9 include:a.test ?all"],
        "CAA": [[0, "issue", "ca.test; accounturi=https://ca.test/a"]],
        "secure": True,
    },
    "mx.bad.test": {"A": ["20.0.0.1"]},
    "1.0.0.20.in-addr.arpa": {"PTR": ["mx.bad.test"]},
    "a.test": {"TXT": ["v=spf1 include:b.test -all"]},
    "b.test": {"TXT": ["v=spf1 +all"]},
    "_dmarc.bad.test": {"TXT": ["v=DMARC1; p=none; pct=50; rua=mailto:r@b.test"]},
    "named._domainkey.bad.test": {"TXT": ["v=DKIM1; p="]},
    "silent.test": "SERVFAIL",
    "_dmarc.silent.test": "SERVFAIL",
}
BAD = {
    "caa.issuemail",
    "dmarc.rua.dead",
    "mx.dangling",
    "spf.all.neutral",
    "spf.all.plus",
    "spf.helo",
    "spf.syntax",
    "dkim.none.found",
    "dmarc.p.none",
    "dmarc.pct",
    "dmarc.rua.external.unauth",
    "sts.missing",
    "tlsrpt.missing",
    "dane.none",
}


@pytest.fixture
def world(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES), encoding="utf-8")
    return path


def audit(*argv, code=0, **options):
    """The objects of --json, by domain, in their order."""
    done = run("audit", "--json", *argv, **options)
    assert done.returncode == code, done.stderr
    return {one["domain"]: one for one in map(json.loads, done.stdout.splitlines())}


def ids(domain, state="fail"):
    return {f["id"] for f in domain["findings"] if f["state"] == state}


def test_findings_with_records(world):
    found = audit("--dns", world, "locked.test", "bad.test", "absent.test")
    assert list(found) == ["locked.test", "bad.test", "absent.test"]
    assert (found["locked.test"]["class"], ids(found["locked.test"])) == ("parked", set())
    assert (found["absent.test"]["class"], ids(found["absent.test"])) == ("absent", {"domain.absent"})
    assert (found["bad.test"]["class"], ids(found["bad.test"])) == ("sending", BAD)
    by_id = {f["id"]: f for f in found["bad.test"]["findings"]}
    assert by_id["spf.all.plus"]["evidence"] == "bad.test > a.test: include:b.test: its record ends in +all"
    assert by_id["mx.dangling"]["records"] == [{"name": "bad.test", "type": "MX", "value": "10 mx.bad.test"}]
    agreed = {"name": "bad.test._report._dmarc.b.test", "type": "TXT", "value": "v=DMARC1"}
    assert by_id["dmarc.rua.external.unauth"]["records"] == [agreed]


def test_the_same_by_a_name_server(world, tmp_path):
    domains = ["locked.test", "bad.test", "absent.test"]
    config = tmp_path / "gatepost.yaml"
    config.write_text(json.dumps(SETTINGS), encoding="utf-8")
    try:
        with dnsrig.DnsRig(NAMES) as rig:
            asked = audit("--no-probe", "-c", config, "--resolver", rig.server, *domains)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    for name, known in audit("--dns", world, *domains).items():
        assert ids(asked[name]) == ids(known), name
        assert asked[name]["class"] == known["class"]


def test_what_the_dns_does_not_say_is_not_measured(world):
    found = audit("--dns", world, "silent.test", code=3)["silent.test"]
    assert found["class"] == "unknown"
    assert ids(found) == set()
    assert {"mx.none", "spf.temperror"} <= ids(found, "not_measured")
    assert set(audit("--dns", world, "silent.test", "locked.test")) == {"silent.test", "locked.test"}


def published(names, zone):
    """The names with the zone file's records in place of those of the same purpose."""
    new = {}
    for line in zone.splitlines():
        if line.startswith(";"):
            continue
        name, _, _, kind, value = line.split("\t")
        types = new.setdefault(name.rstrip("."), {}).setdefault(kind, [])
        if kind == "TXT":
            types.append(value.strip('"').replace('" "', "").replace('\\"', '"'))
        elif kind == "CAA":
            flags, tag, text = value.split(" ", 2)
            types.append([int(flags), tag, text.strip('"')])
        else:
            preference, host = value.split(" ")
            types.append([int(preference), host.rstrip(".") or "."])
    merged = json.loads(json.dumps(names))
    for name, types in new.items():
        merged.setdefault(name, {}).update(types)
    return merged


def test_a_zone_mends_all_at_once(world, tmp_path):
    domains = ["bad.test", "locked.test", "silent.test", "lone.test"]
    done = run("audit", "--zone", "--stage", "reject", "--dns", world, *domains)
    assert (done.returncode, done.stderr) == (0, "")
    assert "; locked.test (parked)\n; silent.test (unknown)\n; lone.test (absent)\n" in done.stdout
    assert 'bad.test.\t3600\tIN\tTXT\t"v=spf1 mx ip4:20.0.0.9 -all"\n' in done.stdout
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(published(NAMES, done.stdout)), encoding="utf-8")
    before, after = (audit("--dns", path, "bad.test")["bad.test"] for path in (world, mended))
    assert not [f["id"] for f in after["findings"] if f["records"]]
    # A single host is left, and a policy is yet to be served, as the zone's comments say.
    assert ids(after) - ids(before) == {"mx.single", "sts.policy.fetch"}
    assert all(f"; {name}: not mended" in done.stdout for name in ids(after))


def test_a_zone_mends_the_same_fault_at_each_place(world, tmp_path):
    keys = [f"v=DKIM1; k=ed25519; t=y; p={'AQID'[i]}" + "A" * 42 + "=" for i in range(3)]
    names = NAMES | {f"s{i}._domainkey.bad.test": {"TXT": [key]} for i, key in enumerate(keys)}
    path, after = tmp_path / "names.json", tmp_path / "after.json"
    path.write_text(json.dumps(names), encoding="utf-8")
    argv = [argument for i in range(3) for argument in ("--selector", f"s{i}")]
    done = run("audit", "--zone", *argv, "--dns", path, "bad.test")
    after.write_text(json.dumps(published(names, done.stdout)), encoding="utf-8")
    before, mended = (audit("--dns", each, *argv, "bad.test")["bad.test"] for each in (path, after))
    assert "dkim.testing" in ids(before) - ids(mended)


def test_a_name_below_leaves_the_record_above_to_its_own_patch(tmp_path):
    path, after = tmp_path / "names.json", tmp_path / "after.json"
    names = {
        "d.test": {"TXT": ["v=spf1 mx -all"], "MX": [[10, "mx.d.test"]]},
        "s.d.test": {"TXT": ["v=spf1 -all"], "A": ["20.0.0.9"]},
        "mx.d.test": {"A": ["20.0.0.1"]},
        "_dmarc.d.test": {"TXT": ["v=DMARC1; p=none; pct=50; xx=1; rua=mailto:r@d.test"]},
    }
    path.write_text(json.dumps(names), encoding="utf-8")
    zone = run("audit", "--zone", "--dns", path, "s.d.test", "d.test").stdout
    lines = [line for line in zone.splitlines() if not line.startswith(";")]
    assert len([line for line in lines if line.startswith("_dmarc.d.test.")]) == 1
    assert "; of a domain above: _dmarc.d.test.\t3600\tIN\tTXT\t" in zone
    after.write_text(json.dumps(published(names, zone)), encoding="utf-8")
    assert "dmarc.multiple" not in ids(audit("--dns", after, "d.test")["d.test"])


def test_what_is_replaced_is_told(world):
    argv = ["audit", "--dns", world, "--time", "1", "bad.test"]
    zone, commands = run(*argv, "--zone").stdout, run(*argv, "--nsupdate").stdout
    assert "; in place of bad.test.\tMX\t20 mx.gone.test.\n" in zone
    assert "in place of bad.test.\tMX\t10" not in zone
    assert '; in place of bad.test.\tTXT\t"v=spf1 mx ipv4:20.0.0.9 include:a.test ?all"\n' in zone
    assert zone.count("; in place of bad.test.\tTXT") == 1
    lines = [line for line in commands.splitlines() if not line.startswith(";")]
    assert lines[0] == "update delete bad.test. IN MX 20 mx.gone.test."
    assert 'update add bad.test. 3600 IN TXT "v=spf1 mx ip4:20.0.0.9 -all"' in lines
    assert lines[-1] == "send"
    assert lines.count("send") == 1


def test_what_a_stranger_wrote_is_no_line_of_a_patch(tmp_path):
    path = tmp_path / "names.json"
    line = "update add victim.test. 3600 IN A 20.6.6.6"
    hosts = [r'a;b\"(c$.evil.test', r"x\\\010;y.evil.test"]
    names = {
        "evil.test": {
            "MX": [[10, hosts[0]], [20, hosts[1]], [30, "mx.gone.test"]],
            "TXT": ["v=spf1 mx -all"],
            "CAA": [
                [0, "issue", "ca.test"],
                [0, "issue", f'%\n{line}\n$INCLUDE /etc/passwd"\\'],
                [128, "x", f"\r\n{line}"],
            ],
        },
        hosts[0]: {"A": ["20.0.0.1"]},
        hosts[1]: {"A": ["20.0.0.2"]},
    }
    path.write_text(json.dumps(names), encoding="utf-8")
    zone, commands = (run("audit", form, "--dns", path, "evil.test").stdout for form in ("--zone", "--nsupdate"))
    assert all(one.startswith((";", "update ", "send")) for one in commands.splitlines()), commands
    assert all(one.startswith(";") or "\t3600\tIN\t" in one for one in zone.splitlines()), zone
    assert line not in commands.splitlines()
    assert rf'update delete evil.test. IN CAA 128 x "\013\010{line}"' in commands.splitlines()
    assert '; in place of evil.test.\tCAA\t0 issue "%\\010update add' in zone
    assert 'evil.test.\t3600\tIN\tMX\t10 a\\;b\\"\\(c\\$.evil.test.\n' in zone
    assert 'x\\\\\\010\\;y.evil.test.\t3600\tIN\tTXT\t"v=spf1 a -all"\n' in zone


def test_a_record_that_asks_less_is_one_for_spf_too(tmp_path):
    costly = "v=spf1 " + " ".join(f"a:h{i}.test" for i in range(9))
    names = {
        "wide.test": {"TXT": ["other \"text\"", "v=spf1 include:a.test include:b.test -all"]},
        "a.test": {"TXT": [costly + " -all"]},
        "b.test": {"TXT": [costly + "".join(f" ip4:21.0.{i}.128" for i in range(60)) + " -all"]},
        **{f"h{i}.test": {"A": [f"20.0.0.{i}"], "AAAA": [f"2a00::{i + 1}"]} for i in range(9)},
    }
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(names), encoding="utf-8")
    zone = run("audit", "--zone", "--dns", before, "wide.test").stdout
    assert any(len(line) > 300 for line in zone.splitlines()), "strings of 255 octets, joined"
    after.write_text(json.dumps(published(names, zone)), encoding="utf-8")

    def verdict(path, address):
        argv = ["spf", "--json", "--dns", path, "--ip", address, "--mail-from", "x@wide.test"]
        return json.loads(run(*argv).stdout)["result"]

    assert verdict(before, "21.0.59.128") == "permerror"
    good = ["21.0.0.128", "21.0.59.128", "20.0.0.8", "2a00::9"]
    assert [verdict(after, address) for address in good] == ["pass"] * 4
    assert [verdict(after, address) for address in ("21.0.59.129", "20.0.0.9", "2a00::a")] == ["fail"] * 3


def test_a_zone_by_a_name_server(world, tmp_path):
    config = tmp_path / "gatepost.yaml"
    config.write_text(json.dumps(SETTINGS), encoding="utf-8")
    argv = ["audit", "--no-probe", "--zone", "--time", "1", "bad.test", "locked.test"]
    try:
        with dnsrig.DnsRig(NAMES) as rig:
            asked = run(*argv, "-c", config, "--resolver", rig.server)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert asked.stdout == run(*argv, "--dns", world).stdout


def test_selectors_are_those_of_sample_mails(world, tmp_path):
    """Each at its own domain, whatever else its signature says."""
    mail = tmp_path / "mail.eml"
    signature = "DKIM-Signature: v=1; a=rsa-sha256; d=Bad.test; s=named;\n h=from; bh=AA==; b=AA==\n"
    mail.write_text(f"{signature}From: a@bad.test\n\nHello\n", encoding="ascii")
    guessed = audit("--dns", world, "bad.test", "absent.test")
    found = audit("--dns", world, "--sample", mail, "bad.test", "absent.test")
    assert "dkim.revoked" not in ids(guessed["bad.test"]) and "dkim.revoked" in ids(found["bad.test"])
    assert ids(found["absent.test"]) == ids(guessed["absent.test"])
    mail.write_text("From: a@bad.test\n\nHello\n", encoding="ascii")
    done = run("audit", "--dns", world, "--sample", mail, "bad.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"gatepost audit: {mail}: no DKIM signature in it names a selector\n"


def test_selectors_and_reporters_are_named(world):
    found = audit("--dns", world, "--selector", "named", "--reports-to", "dmarc@a.test", "bad.test", "absent.test")
    assert "dkim.revoked" in ids(found["bad.test"])
    missing = next(f for f in found["bad.test"]["findings"] if f["id"] == "tlsrpt.missing")
    assert missing["records"][0]["value"] == "v=TLSRPTv1; rua=mailto:dmarc@a.test"


def test_domains_come_from_files_and_standard_input(world, tmp_path):
    more = tmp_path / "domains"
    more.write_text("# ours\n\nLOCKED.test. # again\nbücher.test\n", encoding="utf-8")
    found = audit("--dns", world, "--file", more, "-", input="locked.test\r\nbad.test\n")
    assert list(found) == ["locked.test", "bad.test", "xn--bcher-kva.test"]


def test_many_keep_their_order(world):
    names = [f"n{i}.test" for i in range(500)]
    assert list(audit("--dns", world, "--at-once", "7", "-", input="\n".join(names))) == names


@pytest.mark.parametrize(("severity", "code"), [("critical", 1), ("never", 0)])
def test_fail_on(world, severity, code):
    audit("--dns", world, "--fail-on", severity, "locked.test", "bad.test", code=code)
    audit("--dns", world, "--fail-on", severity, "locked.test")


def test_every_format_can_be_read(world, tmp_path):
    def told(form):
        path = tmp_path / form
        done = run("audit", "--dns", world, "--format", form, "-o", path, "bad.test", "locked.test")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return path.read_text(encoding="utf-8")

    assert {row[1] for row in list(csv.reader(io.StringIO(told("csv"))))[1:]} >= BAD
    results = json.loads(told("sarif"))["runs"][0]["results"]
    assert {r["ruleId"] for r in results} >= BAD
    assert {c.get("name") for c in ElementTree.fromstring(told("junit")).iter("testcase")}
    assert "everybody may send" in told("markdown")
    assert "<html" in told("html")
    text = told("text")
    assert text.startswith("bad.test (sending)\n")
    assert "\nlocked.test (parked)\n" in text


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--format", "xml", "a.test"],
        ["--selector", "a b", "a.test"],
        ["--reports-to", "nobody", "a.test"],
        ["--reports-to", "a;p=none@b.test", "a.test"],
        ["--fail-on", "bad", "a.test"],
        ["a..test"],
        ["--file", "/absent"],
        ["--dns", "/absent", "a.test"],
        [""],
        ["192.0.2.1"],
        ["--file", "/dev/null"],
        ["--store", "", "a.test"],
        ["--metrics", "", "a.test"],
        ["diff", "--store", ""],
    ],
)
def test_mistakes_are_told(argv):
    done = run("audit", *argv)
    assert done.returncode == 2
    assert done.stderr.startswith("gatepost audit")
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--metrics", "--resume", "--pdf", "--evidence"])
def test_what_is_no_file_is_not_replaced_by_one(world, tmp_path, option):
    os.mkfifo(tmp_path / "fifo.zip")
    assert run("audit", "--dns", world, option, tmp_path / "fifo.zip", "bad.test").returncode == 2
    assert stat.S_ISFIFO((tmp_path / "fifo.zip").stat().st_mode)


def test_a_full_disk_is_told_by_its_name(world):
    done = run("audit", "--dns", world, "-o", "/dev/full", "bad.test")
    assert (done.returncode, done.stderr) == (4, "gatepost audit: No space left on device\n")


ZONE = """$TTL 1h
@        IN SOA ns host ( 1 2 3
                 4 5 ) ; no domain of ours
         IN NS  ns
         IN MX  0 .
www 300  IN A   192.0.2.1
         IN TXT "v=spf1" " -all"
_dmarc.shop TXT "v=DMARC1\\; p=reject"
_spf     IN TXT "v=spf1 -all"
*        IN A   192.0.2.1
alias    IN CNAME www
"""


def test_domains_come_from_a_zone(world, tmp_path):
    zone = tmp_path / "zone"
    zone.write_text(ZONE, encoding="utf-8")
    found = audit("--dns", world, "--zone-file", zone, "--origin", "ours.test.", "first.test")
    assert list(found) == ["first.test", "ours.test", "www.ours.test", "shop.ours.test"]
    zone.write_text("$ORIGIN theirs.test.\n" + ZONE, encoding="utf-8")
    assert list(audit("--dns", world, "--zone-file", zone))[0] == "theirs.test"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("www A 192.0.2.1\n", ":1: www: is relative, and there is no origin"),
        ("a.test. A 192.0.2.1\n\n$INCLUDE /etc/passwd\n", ":3: $INCLUDE: is not followed; name that file too"),
        ("a.test. TXT (\n\x1b[31m\n", ":3: (: is not closed"),
        ("a.test. \x1b[31m\n", ":1: <U+001B>[31m: is no type"),
    ],
)
def test_a_zone_that_is_wrong_is_not_read_in_part(world, tmp_path, text, complaint):
    zone = tmp_path / "zone"
    zone.write_text(text, encoding="utf-8")
    done = run("audit", "--dns", world, "--zone-file", zone)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gatepost audit: {zone}{complaint}\n")


def test_a_zone_that_is_not_there(world, tmp_path):
    done = run("audit", "--dns", world, "--zone-file", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such file" in done.stderr
    assert run("audit", "--origin", "a..b", "--zone-file", tmp_path / "none").stderr.endswith("is no name\n")
