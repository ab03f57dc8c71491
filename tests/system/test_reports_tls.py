# SPDX-License-Identifier: Apache-2.0
"""gatepost reports tls: what others reported of TLS, held against a look at our domains' servers, and at no others."""

import contextlib
import json

import dnsrig
import httpsrig
import pytest
from gateway import run
from test_audit import SETTINGS
from test_audit_hosts import Chooser, Talker, give_addresses, is_alone
from test_reports_watch import World, day

HERE = ["--since", day(0), "--until", day(40)]
CLEAR = b"250 mx.a.test\r\n"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def report(world):
    world.tls(1, 90, 10, mx="mx1.a.test", domain="a.test")
    world.tls(3, 80, 20, mx="mx1.a.test", domain="a.test", org="other.example")
    world.tls(2, 95, 5, mx="mx2.a.test", domain="a.test", result="starttls-not-supported", org="two.example")
    world.tls(2, 97, 3, mx="mx9.victim.test", domain="a.test", org="three.example")
    world.tls(2, 50, 50, mx="mx1.victim.test", domain="victim.test")
    world.load()


def ask(world, *argv, code=0):
    done = run("reports", "tls", "--database", world.database, *HERE, *argv)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_failures_by_server_and_result(world):
    report(world)
    assert ask(world).stdout.splitlines() == [
        "a.test: 38 of 400 sessions failed",
        f"          30  certificate-expired at mx1.a.test, {day(1)} to {day(3)}",
        "              reported by other.example, sender.example",
        f"           5  starttls-not-supported at mx2.a.test, {day(2)} to {day(2)}",
        "              reported by two.example",
        f"           3  certificate-expired at mx9.victim.test, {day(2)} to {day(2)}",
        "              reported by three.example",
        "victim.test: 50 of 100 sessions failed",
        f"          50  certificate-expired at mx1.victim.test, {day(2)} to {day(2)}",
        "              reported by sender.example",
    ]
    (one,) = json.loads(ask(world, "--json", "--domain", "victim.test").stdout)["domains"]
    (failure,) = one.pop("failures")
    assert one == {"domain": "victim.test", "sessions": 100, "failed": 50}
    assert failure["now"] is None and failure["reporters"] == [{"org": "sender.example", "sessions": 50}]
    assert "no sessions are reported" in ask(world, "--domain", "c.test").stdout


@contextlib.contextmanager
def name_server(names):
    try:
        with dnsrig.DnsRig(names) as rig:
            yield rig
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))


@pytest.mark.skipif(not is_alone(), reason="it gives itself addresses, in a network of its own")
def test_a_look_at_our_servers_and_no_others(world, tmp_path):
    report(world)
    give_addresses("20.0.0.1", "20.0.0.2", "20.0.0.9")
    authority = httpsrig.Authority(tmp_path)
    servers = [
        Chooser("20.0.0.1", {"mx1.a.test": authority.issue("mx1.a.test")}),
        Talker("20.0.0.2", b"220 mx2.a.test ESMTP\r\n", CLEAR),
        Talker("20.0.0.9", b"220 mx1.victim.test ESMTP\r\n", CLEAR),
    ]
    names = {
        "a.test": {"MX": [[10, "mx1.a.test"], [20, "mx2.a.test"]]},
        "mx1.a.test": {"A": ["20.0.0.1"]},
        "mx2.a.test": {"A": ["20.0.0.2"]},
        "victim.test": {"MX": [[10, "mx1.victim.test"]]},
        "mx1.victim.test": {"A": ["20.0.0.9"]},
        "mx9.victim.test": {"A": ["20.0.0.9"]},
    }
    (tmp_path / "names.dns").write_text(json.dumps(names), encoding="utf-8")
    config = tmp_path / "gatepost.yaml"
    ours = {"domains": {"a.test": {"recipients": "any", "deliver": "discard"}}}
    config.write_text(json.dumps(SETTINGS | ours), encoding="utf-8")
    argv = ["-c", config, "--look", "--helo", "a.test", "--dns", tmp_path / "names.dns", "--ca", authority.path]
    domains = {d["domain"]: d["failures"] for d in json.loads(ask(world, "--json", *argv).stdout)["domains"]}
    now = {(f["mx"], f["result"]): (f["now"]["state"], f["now"]["words"]) for f in domains["a.test"]}
    state, words = now["mx1.a.test", "certificate-expired"]
    assert state == "mended" and words.startswith("the certificate of 20.0.0.1 is valid until 20")
    assert now["mx2.a.test", "starttls-not-supported"] == ("still", "20.0.0.2 does not offer STARTTLS")
    assert now["mx9.victim.test", "certificate-expired"] == ("gone", "it is no MX host of the domain")
    (victim,) = domains["victim.test"]
    assert victim["now"] is None
    assert servers[0].asked and servers[1].connections > 0 and servers[2].connections == 0
    with name_server(names) as rig:
        at = argv.index("--dns")
        argv[at : at + 2] = ["--resolver", rig.server]
        lines = ask(world, *argv).stdout.splitlines()
    assert "              still: 20.0.0.2 does not offer STARTTLS" in lines
    assert "              gone: it is no MX host of the domain" in lines
    assert servers[2].connections == 0
    for server in servers:
        server.stop()


MISUSE = [
    (["tls", "--look", "--database", "x"], "--look wants a --domain of ours"),
    (["summary", "--look"], "are options of tls"),
    (["tls", "--helo", "a b"], "is no name"),
    (["tls", "a.test"], "takes options alone"),
]


@pytest.mark.parametrize(("argv", "why"), MISUSE)
def test_misuse(argv, why):
    done = run("reports", *argv)
    assert done.returncode == 2
    assert why in done.stderr
