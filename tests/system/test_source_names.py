# SPDX-License-Identifier: Apache-2.0
"""gatepost reports names: sources get the names that forward and reverse DNS agree on, and no others."""

import json

import dnsrig
import pytest
import reports_field
from gateway import run
from test_audit import SETTINGS
from test_received_reports import SINCE, asked, xml

SENT = {"192.0.2.1": 40, "192.0.2.2": 30, "192.0.2.3": 20, "192.0.2.4": 10, "2001:db8::5": 5}
WORLD = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["MX.Ours.Example"]},
    "mx.ours.example": {"A": ["192.0.2.1"]},
    "2.2.0.192.in-addr.arpa": {"PTR": ["a8-31.smtp-out.amazonses.com"]},
    "a8-31.smtp-out.amazonses.com": {"A": ["192.0.2.2", "192.0.2.99"]},
    # Its owner says what he likes.
    "3.2.0.192.in-addr.arpa": {"PTR": ["o1.ptr1.sendgrid.net"]},
    "o1.ptr1.sendgrid.net": {"A": ["198.51.100.1"]},
    "4.2.0.192.in-addr.arpa": "TIMEOUT",
    "5.0.0.0" + ".0" * 20 + ".8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["six.example"]},
    "six.example": {"AAAA": ["2001:db8::5"]},
}
NAMES = {
    "192.0.2.1": ("mx.ours.example", None),
    "192.0.2.2": ("a8-31.smtp-out.amazonses.com", "Amazon SES"),
    "192.0.2.3": (None, None),
    "192.0.2.4": (None, None),
    "2001:db8::5": ("six.example", None),
}


def report(sent):
    senders = [reports_field.Sender("some", ip, True, False, "ours.example", "s1") for ip in sent]
    rows = [reports_field.record(s, "ours.example", n, "none", False, False) for s, n in zip(senders, sent.values())]
    return xml(rows="".join(rows).replace("<result>pass</result></spf>", "<result>fail</result></spf>"))


@pytest.fixture
def reports(tmp_path):
    def ask(verb, *argv, world=None, code=0, **options):
        if world is not None:
            (tmp_path / "dns.json").write_text(json.dumps(world), encoding="utf-8")
            argv = ["--dns", tmp_path / "dns.json", *argv]
        done = run("reports", verb, "--database", tmp_path / "received.db", *argv, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    (tmp_path / "report.xml").write_bytes(report(SENT))
    ask.file = tmp_path / "report.xml"
    return ask


def sources(reports):
    return asked(reports("summary", "--json", *SINCE))["sources"]


def names(reports):
    return {s["ip"]: (s["name"], s["provider"]) for s in sources(reports)}


def test_names_are_confirmed(reports):
    reports("import", reports.file)
    assert set(names(reports).values()) == {(None, None)}
    assert {s["class"] for s in sources(reports)} == {"forwarder"}
    found = asked(reports("names", "--json", *SINCE, world=WORLD))
    assert found == {"named": 3, "nameless": 1, "silent": 1}
    assert names(reports) == NAMES
    # Signed for us, and SPF fails: a forwarder, unless it is known that it is none.
    classes = {s["ip"]: s["class"] for s in sources(reports)}
    assert classes.pop("192.0.2.2") == "provider"
    assert set(classes.values()) == {"forwarder"}
    text = reports("summary", *SINCE).stdout
    assert "a8-31.smtp-out.amazonses.com (Amazon SES)\n" in text
    assert "mx.ours.example\n" in text


def test_the_same_by_a_name_server(reports):
    """More sources than are asked about together, each of which has its name in two rounds."""
    sent = {f"192.0.2.{i}": 300 - i for i in range(1, 151)}
    world = {f"{i}.2.0.192.in-addr.arpa": {"PTR": [f"mx{i % 9}.ours.example"]} for i in range(1, 151)}
    world |= {f"mx{n}.ours.example": {"A": [ip for i, ip in enumerate(sent, 1) if i % 9 == n]} for n in range(9)}
    world["7.2.0.192.in-addr.arpa"] = "SERVFAIL"
    config = reports.file.parent / "gatepost.yaml"
    config.write_text(json.dumps(SETTINGS), encoding="utf-8")
    reports.file.write_bytes(report(sent))
    reports("import", reports.file)
    try:
        with dnsrig.DnsRig(world) as rig:
            found = asked(reports("names", "--json", "-c", config, *SINCE, "--resolver", rig.server, "--rate", "1000"))
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert found == {"named": 149, "nameless": 0, "silent": 1}
    known = {s["ip"]: s["name"] for s in asked(reports("summary", "--json", "--max", "200", *SINCE))["sources"]}
    assert known == {ip: f"mx{i % 9}.ours.example" if i != 7 else None for i, ip in enumerate(sent, 1)}


def test_nobody_is_asked_twice(reports):
    reports("import", reports.file)
    found = asked(reports("names", "--json", *SINCE, "--max", "2", world=WORLD))
    assert found == {"named": 2, "nameless": 0, "silent": 0}
    # Those with most messages were first.
    assert {ip for ip, (name, _) in names(reports).items() if name} == {"192.0.2.1", "192.0.2.2"}
    assert asked(reports("names", "--json", *SINCE, world=WORLD)) == {"named": 1, "nameless": 1, "silent": 1}
    assert asked(reports("names", "--json", *SINCE, world=WORLD)) == {"named": 0, "nameless": 0, "silent": 0}
    assert names(reports) == NAMES


def test_an_import_looks_them_up(reports):
    done = asked(reports("import", "--json", "--names", *SINCE, reports.file, world=WORLD))
    assert (done["imported"], done["names"]) == (1, {"named": 3, "nameless": 1, "silent": 1})
    assert names(reports) == NAMES
    assert "names" not in asked(reports("import", "--json", reports.file))
    assert "0 sources have names" in reports("import", "--names", reports.file, world=WORLD).stdout
    # What was imported stays, also where there is no DNS.
    reports.file.write_bytes(report(SENT).replace(b">1<", b">another<"))
    reports("import", "--names", reports.file, "--dns", reports.file.parent / "absent", code=2)


def test_odd_names_come_to_no_terminal(reports):
    """Both zones are the stranger's, so all of these are confirmed."""
    odd = ["\\027[31mred.example", "\\194\\155.example", "a\\032b.example", "x\\010.example", "<b>.example",
           "fine_1.example"]
    sent = {f"192.0.2.{10 + i}": 10 for i in range(len(odd))}
    world = {f"{10 + i}.2.0.192.in-addr.arpa": {"PTR": [name]} for i, name in enumerate(odd)}
    world |= {name: {"A": [f"192.0.2.{10 + i}"]} for i, name in enumerate(odd)}
    reports.file.write_bytes(report(sent))
    reports("import", reports.file)
    found = reports("names", "--json", *SINCE, world=world)
    assert asked(found) == {"named": 1, "nameless": len(odd) - 1, "silent": 0}
    assert [s["name"] for s in sources(reports) if s["name"]] == ["fine_1.example"]
    assert "\x1b" not in reports("summary", *SINCE).stdout


BOTH = ["--dns", "x", "--resolver", "127.0.0.1"]


@pytest.mark.parametrize("argv", [["--rate", "0"], ["--max", "0"], BOTH, ["operand"]])
def test_misuse(reports, argv):
    reports("names", *argv, code=2)


def test_it_needs_a_database(reports):
    assert "is not there" in reports("names", world=WORLD, code=4).stderr
