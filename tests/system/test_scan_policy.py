# SPDX-License-Identifier: Apache-2.0
"""gatepost scan --mx --mta-sts: policies of domains, and hosts that keep to them or do not."""

import json
import os

import pytest
from gateway import run
from httpsrig import Authority, HttpsRig, answer
from test_scan import failed, home, named, states, with_tls, write_zone  # noqa: F401 (home: a fixture)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="port 443 is root's")

POLICY = b"version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n"
WEB = "127.0.7.1"


def endless(tls):
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        tls.sendall(b"mx: a.test\r\n" * 1000)


def look(sink, folder, script, record="v=STSv1; id=1;", names="mx.own.test", argv=()):
    """The one object of a scan of own.test, whose policy is the script's."""
    authority = Authority(folder)
    end = with_tls(sink, authority.issue(names))
    zone = {
        "own.test": {"MX": [[10, "mx.own.test"]]},
        "mx.own.test": {"A": ["127.0.0.1"]},
        "mta-sts.own.test": {"A": [WEB]},
        "_mta-sts.own.test": {"TXT": [record] if record else []},
    }
    argv = ["--mx", "--mta-sts", "--ca", authority.path, "--port", end.port, "own.test", *argv]
    if script is None:
        return named(write_zone(folder, zone), *argv)
    with HttpsRig(authority.issue("mta-sts.own.test"), script, WEB, 443) as web:
        found = named(write_zone(folder, zone), *argv)
        assert web.names == ["mta-sts.own.test"] and web.connections == 1
        return found


@pytest.mark.parametrize(
    "mode,mx,names,faults",
    [
        (b"enforce", b"mx.own.test", "mx.own.test", set()),
        (b"enforce", b"*.own.test", "mx.own.test", set()),
        (b"enforce", b"mx.other.test", "mx.own.test", {"mtasts.mx"}),
        (b"enforce", b"mx.own.test", "mx.other.test", {"mtasts.certificate"}),
        (b"testing", b"mx.other.test", "mx.other.test", {"mtasts.mx", "mtasts.certificate"}),
        (b"none", b"mx.other.test", "mx.other.test", set()),
    ],
)
def test_hosts_are_held_against_the_policy(sink, tmp_path, mode, mx, names, faults):
    (found,) = look(sink, tmp_path, answer(POLICY % (mode, mx)), names=names)
    assert {i for i in failed(found) if i.startswith("mtasts.")} == faults
    assert states(found)["mtasts.broken"] == "pass" and found["mta_sts"]["mode"] == mode.decode()
    severities = {f["severity"] for f in found["findings"] if f["id"] in ("mtasts.mx", "mtasts.certificate")}
    assert severities <= ({"high"} if mode == b"enforce" else {"low"})


@pytest.mark.parametrize(
    "script", [answer(status="404 Not Found"), answer(b"nonsense"), endless], ids=["404", "nonsense", "endless"]
)
def test_a_policy_that_cannot_be_had(sink, tmp_path, script):
    (found,) = look(sink, tmp_path, script)
    assert {i for i in failed(found) if i.startswith("mtasts.")} == {"mtasts.broken"}


def test_who_announces_none_is_not_asked(sink, tmp_path):
    (found,) = look(sink, tmp_path, None, record="")
    assert {i for i in failed(found) if i.startswith("mtasts.")} == {"mtasts.absent"}


def test_the_same_without_a_network(sink, home):  # noqa: F811
    live = look(sink, home, answer(POLICY % (b"enforce", b"mx.other.test")), argv=["--log", home / "log"])
    done = run("scan", "--json", "--replay", home / "log")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == live


def test_a_policy_at_a_special_address_wants_private(tmp_path):
    zone = {
        "own.test": {"MX": [[10, "mx.own.test"]]},
        "mx.own.test": {"A": ["127.0.0.1"]},
        "mta-sts.own.test": {"A": [WEB]},
        "_mta-sts.own.test": {"TXT": ["v=STSv1; id=1;"]},
    }
    argv = ["scan", "--mx", "--mta-sts", "--dns", write_zone(tmp_path, zone), "--helo", "a.test", "--json", "own.test"]
    with HttpsRig(Authority(tmp_path).issue("mta-sts.own.test"), answer(), WEB, 443) as web:
        (found,) = [json.loads(line) for line in run(*map(str, argv)).stdout.splitlines()]
        assert web.connections == 0
    assert "no address that may be asked" in found["mta_sts"]["reason"] and found["left_out"]


def test_it_belongs_to_domains():
    assert run("scan", "--helo", "a.test", "--mta-sts", "192.0.2.1").returncode == 2
