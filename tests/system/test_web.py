# SPDX-License-Identifier: Apache-2.0
"""web: our domains' MTA-STS policies by HTTPS, to curl and to those who mean no good; and web itself, fallen."""

import json
import os
import signal
import socket
import ssl
import time

import pytest
import rolerig
from gateway import are_silent, eventually, free_port, run
from webrig import NAMES, PATH, POLICY, Host, read_all

GET = f"GET {PATH} HTTP/1.1\r\n".encode()
DEADLINE_S = 10  # TIME_MS of session.c
SESSIONS_MAX, SESSIONS_OF_A_SOURCE_MAX = 256, 16  # of listener.c


def idle(port, source):
    return socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))


@pytest.fixture
def host(gatepost, scratch):
    return Host(gatepost, scratch)


def test_each_domain_has_its_policy_and_its_certificate(host):
    assert host.curl(NAMES[0]) == (0, POLICY.format("enforce"))
    assert host.curl(NAMES[1], "--tls-max", "1.2") == (0, POLICY.format("testing"))
    code, head = host.curl(NAMES[0], "--head")
    assert code == 0 and head.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nContent-Type: text/plain; charset=utf-8\r\n" in head and "version" not in head
    code, status = host.curl(NAMES[0], "-o", "/dev/null", "-w", "%{http_code}", path="/")
    assert (code, status) == (0, "404")
    code, status = host.curl(NAMES[0], "-o", "/dev/null", "-w", "%{http_code}", "-d", "x=y" * 20000)
    assert (code, status) == (0, "405")
    # No certificate is for it, so that curl ends before it asks.
    assert host.curl("mta-sts.silent.test")[0] == 60


def test_it_is_what_domain_check_and_explain_find(host):
    config = host.server.folder / "ask.yaml"
    settings = {
        **host.server.settings,
        "fetch": {"ca_file": str(host.authority.path), "port": host.web_port, "private_addresses": True},
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    id = next(r for r in show(config)["records"] if r["name"] == "_mta-sts.demo.test")["value"].strip('"')
    names = host.folder / "ask.json"
    world = {
        "demo.test": {"MX": [[10, "mx.gatepost.test"]]},
        "mx.gatepost.test": {"A": ["127.0.0.1"]},
        "_mta-sts.demo.test": {"TXT": [id]},
        NAMES[0]: {"A": ["127.0.0.1"]},
    }
    names.write_text(json.dumps(world), encoding="utf-8")
    done = run("domain", "check", "demo.test", "-c", config, "--dns", names, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"policy": "ok"}.items() <= {f["type"]: f["state"] for f in json.loads(done.stdout)["findings"]}.items()


def show(config):
    return json.loads(run("domain", "show", "demo.test", "-c", config, "--json").stdout)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", None),
        (b"GET / HTTP/1.1\nHost: x\n\n", b"421"),
        (GET + b"Host: " + NAMES[0].encode() + b"\r\nhost: x\r\n\r\n", b"400"),
        (GET + b"\r\n", b"400"),
        (GET + b"Host: " + NAMES[0].encode() + b"\r\nX: " + b"x" * 20000 + b"\r\n\r\n", b"431"),
        (b"\x16\x03\x01\0\0\r\n\r\n", b""),
        (GET + b"Host: mta-sts.second.test\r\n\r\n", b"421"),
        (GET + b"Host: " + NAMES[0].encode() + b"\r\n\r\nGET / HTTP/1.1\r\n", b"200"),
        (b"GET /" + b"x" * 20000, b"414"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
    ],
)
def test_odd_requests(host, request_, status):
    if status is None:  # no end of a head: nothing is said until the time is over
        with host.connect() as tls:
            tls.sendall(request_)
            begun = time.monotonic()
            assert tls.recv(1) == b""
            assert DEADLINE_S - 2 < time.monotonic() - begun < DEADLINE_S + 20
    elif status:
        answer = host.ask(request_)
        assert answer.startswith(b"HTTP/1.1 " + status + b" ") and answer.count(b"HTTP/1.1 ") == 1
    else:
        assert host.ask(request_) == b""
    host.is_well()


def test_an_octet_at_a_time_is_answered_and_slowness_is_not(host):
    request = f"GET {PATH} HTTP/1.1\r\nHost: {NAMES[0]}\r\n\r\n".encode()
    with host.connect() as tls:
        for octet in request:
            tls.sendall(bytes([octet]))
        assert read_all(tls).endswith(POLICY.format("enforce").encode())
    begun = time.monotonic()
    with host.connect() as tls, pytest.raises((ssl.SSLError, OSError)):
        for _ in range(60):
            tls.sendall(b"x")
            time.sleep(0.5)
    assert time.monotonic() - begun < DEADLINE_S + 20


def test_garbage_instead_of_a_handshake(host):
    for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000, os.urandom(5000), b""):
        with socket.create_connection(("127.0.0.1", host.web_port), timeout=20) as s:
            try:
                s.sendall(octets)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except OSError:
                pass
    host.is_well()


def test_those_who_do_nothing_keep_nobody_out(host):
    held = []
    try:
        # One source has its number; many together have all places, and the oldest gives way.
        held += [idle(host.web_port, "127.0.9.1") for _ in range(SESSIONS_OF_A_SOURCE_MAX)]
        held.append(idle(host.web_port, "127.0.9.1"))
        assert held[-1].recv(1) == b""
        held += [idle(host.web_port, f"127.0.10.{i % 100 + 1}") for i in range(SESSIONS_MAX + 20)]
        host.is_well()
        assert are_silent(held[-1]), "it had not to wait for all of them to end"
        assert held[0].recv(1) == b""
    finally:
        for s in held:
            s.close()


def test_a_reload_changes_policies_and_places(host):
    server = host.server
    server.settings["domains"]["demo.test"]["mta_sts"] = {"mode": "none", "max_age": "1d"}
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "mode: none" in host.curl(NAMES[0])[1], what="the new policy")
    old, host.web_port = host.web_port, free_port()
    server.settings["web"]["policy_listen"] = f"127.0.0.1:{host.web_port}"
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: host.curl(NAMES[0])[0] == 0, what="the new place")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", old), timeout=5)
    del server.settings["web"]
    server.write_config()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: host.curl(NAMES[0])[0] == 7, what="the end of the place")
    assert server.answers()


def test_web_or_signer_dies(host):
    for name in ("web", "signer"):
        pid = host.server.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: host.curl(NAMES[0])[0] == 0, what=f"policies after the end of {name}")


# --- roles that have fallen ---

SETTINGS = {"hostname": "mx.gatepost.test", "listen": [{"address": "127.0.0.1:2525"}]}


INPUT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + b"h" * 32
ASKED = {"ticket": 7, "key": b"k" * 32, "scheme": 0x0403, "input": INPUT}


def permitted(message, values):
    """Whether signer lets the channel live on which this is said."""
    with rolerig.Role("signer", SETTINGS) as signer:
        web, other = signer.peer("web"), signer.peer("smtpd")
        assert web.hear()[0] == "keys"
        assert [other.hear()[0] for _ in range(2)] == ["keys", "dkim_signers"]
        web.say(message, **values)
        heard = web.hear()
        other.say("sign", **{**ASKED, "ticket": 1})
        assert other.hear() == ("signature", {"ticket": 1, "result": 2, "signature": b""})
        assert signer.process.poll() is None
        return heard


def test_signer_hears_nothing_from_a_fallen_web_but_what_is_to_be_signed():
    assert permitted("sign", ASKED)[0] == "signature"
    assert permitted("sign", {**ASKED, "key": b"k" * 33}) is None
    assert permitted("ids_wanted", {"empty": 0}) is None
    assert permitted("keys", {"ids": b"", "tickets": b"", "tickets_before": b""}) is None
    assert permitted("resolve", {"ticket": 1, "type": 15, "name": b"a.test"}) is None


@pytest.mark.parametrize(
    ("message", "values"),
    [
        ("keys", {"ids": b"x" * 31, "tickets": b"", "tickets_before": b""}),
        ("keys", {"ids": b"", "tickets": b"x", "tickets_before": b""}),
        ("signature", {"ticket": 1 << 40, "result": 1, "signature": b"x" * 1024}),
        ("sign", {"ticket": 1, "key": b"", "scheme": 0, "input": b""}),
    ],
)
def test_web_survives_a_fallen_signer(message, values):
    with socket.create_server(("127.0.0.1", 0)) as place, rolerig.Role("web", SETTINGS, listens=[place]) as web:
        signer = web.peer("signer")
        signer.say(message, **values)
        if message == "signature":  # for nobody: passed over
            signer.say("keys", ids=b"", tickets=b"", tickets_before=b"")
        else:
            assert signer.hear() is None
        assert web.process.poll() is None, web.log()
        assert web.stop() == 0, web.log()
