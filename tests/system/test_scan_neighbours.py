# SPDX-License-Identifier: Apache-2.0
"""gatepost scan: what one host, name or zone does is not held against another, and costs it nothing."""

import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import time

import pytest
from gateway import PROGRAM, run
from test_scan import failed, make_certificate, named, raw_server, scan, spki_sha256, states, write_zone


def test_what_one_name_was_shown_is_not_held_against_another(sink, tmp_path):
    """A server may have a certificate for each name, and shows the one that was asked for."""
    certificates = {name: make_certificate(tmp_path, name) for name in ("mx.a.test", "mx.b.test")}
    contexts, zone = {}, {}
    for name, certificate in certificates.items():
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(certificate)
        zone[name] = {"A": ["127.0.0.1"], "secure": True}
    end = sink(certificate=certificates["mx.a.test"])
    end.context = contexts["mx.a.test"]
    end.context.sni_callback = lambda connection, name, _: setattr(connection, "context", contexts[name])
    for name, certificate in certificates.items():
        zone[f"_{end.port}._tcp.{name}"] = {"TLSA": [[3, 1, 1, spki_sha256(certificate)]], "secure": True}
    log = tmp_path / "log"
    targets = [f"{name}:{end.port}" for name in certificates]
    found = named(write_zone(tmp_path, zone), *targets, "--log", log, "--log-key", tmp_path / "key")
    assert end.connections == 1
    first, second = sorted(found, key=lambda f: f["cached"])
    assert states(first)["cert.name"] == "pass" and states(first)["dane.mismatch"] == "pass"
    assert states(second)["cert.name"] == "not_measured" and states(second)["dane.mismatch"] == "not_measured"
    assert [json.loads(line) for line in run("scan", "--json", "--replay", log).stdout.splitlines()] == found


def test_a_name_that_is_left_out_is_so_as_an_mx_host_and_by_an_alias_too(sink, tmp_path):
    end = sink()
    (tmp_path / "out").write_text("wish.test\n")
    zone = {"a.test": {"MX": [[10, "mx.wish.test"]]}, "b.test": {"MX": [[10, "mx.b.test"]]}}
    zone |= {"mx.wish.test": {"A": ["127.0.0.1"]}, "mx.b.test": {"CNAME": "mx.wish.test"}}
    options = ["--mx", "--port", end.port, "--opt-out", tmp_path / "out"]
    found = named(write_zone(tmp_path, zone), *options, "a.test", "b.test", code=3)
    assert ["asked not to be scanned" in f["unresolved"] for f in found] == [True, True]
    assert end.connections == 0


@pytest.mark.parametrize("form", ["csv", "markdown", "sarif", "junit", "html"])
def test_who_was_not_asked_is_in_findings_alone_too(sink, tmp_path, form):
    zone = write_zone(tmp_path, {"here.test": {"A": ["127.0.0.1"]}, "out.test": {"A": ["127.0.0.1"]}})
    (tmp_path / "out").write_text("out.test\n")
    argv = ["scan", "--private", "--helo", "a.test", "--dns", zone, "--port", sink().port, "--format", form]
    done = run(*argv, "--opt-out", tmp_path / "out", "here.test", "gone.test", "out.test")
    assert done.returncode == 0, done.stderr
    for said in ("here.test", "gone.test", "out.test", "no address", "asked not to be scanned"):
        assert said in done.stdout.replace("\\.", ".")


@pytest.mark.parametrize("domain", ["own.test", "other.test"])
def test_who_has_the_recipients_mail_too_is_no_relay_for_taking_it(sink, tmp_path, domain):
    """Many domains share a provider: a host that the scan came to by one of them has the user's own mail as well."""
    end = sink()
    zone = {"theirs.test": {"MX": [[10, "mx.shared.test"]]}, "own.test": {"MX": [[10, "mx.shared.test"]]}}
    zone["mx.shared.test"] = {"A": ["127.0.0.1"]}
    consent = ["--relay-test", "--authorised", "the tests' owner", "--recipient", f"user@{domain}"]
    (found,) = named(write_zone(tmp_path, zone), "--mx", "--port", end.port, "theirs.test", *consent)
    assert found["relay"]["verdict"] == ("not_measured" if domain == "own.test" else "accepted_unproven")
    assert any(line.startswith("MAIL") for line in end.lines) == (domain != "own.test")


def test_what_one_host_is_told_proves_nothing_of_another(sink):
    """Whoever is sent a canary knows his own token, and is not to make up his neighbour's from it."""
    ends = [sink(), sink()]
    consent = ["--canary", "--authorised", "the tests' owner", "--recipient", "canary@own.test"]
    scan(*[f"127.0.0.1:{end.port}" for end in ends], *consent)
    tokens = [set(re.findall(r"X-Gatepost-Canary: (\w+)-", repr(vars(end)))) for end in ends]
    assert [len(t) for t in tokens] == [1, 1]
    one, other = (t.pop() for t in tokens)
    assert len(one) >= 16 and os.path.commonprefix([one, other]) in ("", one[:1], one[:2], one[:3])


@pytest.mark.parametrize("script", [{"connect": "421 4.7.0 busy"}, {"EHLO": "421 4.7.0 busy"}])
def test_who_would_not_talk_is_not_said_to_have_no_tls(sink, tmp_path, script):
    end = sink(script)
    zone = {"mx.test": {"A": ["127.0.0.1"], "secure": True}}
    zone[f"_{end.port}._tcp.mx.test"] = {"TLSA": [[3, 1, 1, "00" * 32]], "secure": True}
    (found,) = named(write_zone(tmp_path, zone), f"mx.test:{end.port}")
    assert states(found)["dane.mismatch"] == "not_measured" and "dane.no_tls" not in failed(found)


def test_tickets_without_end_cost_little(tmp_path):
    """What TLS has for itself is counted as replies are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path, "mx.test"))
    context.num_tickets = 100_000_000
    log = tmp_path / "log"

    def serve(connection):
        connection.sendall(b"220 mx.test\r\n")
        for said in (b"250-mx.test\r\n250 STARTTLS\r\n", b"220 go\r\n"):
            connection.recv(1000)
            connection.sendall(said)
        context.wrap_socket(connection, server_side=True)

    begun = time.monotonic()
    with raw_server(serve) as port:
        found = scan(f"127.0.0.1:{port}", "--log", log, "--log-key", tmp_path / "key")
    assert found[0]["end"] == "endless" and time.monotonic() - begun < 25
    assert [json.loads(line) for line in run("scan", "--json", "--replay", log).stdout.splitlines()] == found


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own, and a mount over the DNSSEC key, need root")
@pytest.mark.parametrize("target", [["198.51.0.1"], ["--mx", "large.org"]])
def test_a_zone_without_end_costs_nobody_else_his_results(target):
    """The owner of an address or of a domain says what its names lead to, and may say too much."""
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow namespaces (unshare)")
    server = pathlib.Path(__file__).with_name("largedns.py")
    inside = (
        "mount -t tmpfs none /usr/share/dns && ip link set lo up && ip address add 198.51.0.1/32 dev lo && "
        f"{{ {sys.executable} {server} 127.0.0.1 & }} && sleep 0.5 && \"$@\"; code=$?; kill %1; exit $code"
    )
    argv = ["scan", "--private", "--helo", "a.test", "--json", "--resolver", "127.0.0.1", *target, "127.0.0.2"]
    done = subprocess.run(
        ["unshare", "--mount", "--net", "bash", "-c", inside, "bash", PROGRAM, *argv],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr  # nobody listens
    found = {f["target"].split(":")[0]: f for f in map(json.loads, done.stdout.splitlines())}
    assert set(found) == {target[-1], "127.0.0.2"}
    assert "room" in found[target[-1]].get("unresolved", "room")
