# SPDX-License-Identifier: Apache-2.0
"""Handshakes without end: who begins too many is turned away before they cost anything, and nobody else is; who does
not go on with them is cut off; and within a connection none is begun again."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import pytest
import tlsrig
from gateway import Talk, are_silent, eventually, free_port

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
BUSY = "421 4.7.0 Too many TLS handshakes, try again later"
# Two addresses of one /24, one of another, and one of relay_networks.
FLOODER, NEIGHBOUR, STRANGER, OURS = "127.1.1.1", "127.1.1.2", "127.1.2.1", "127.1.3.1"


@pytest.fixture
def secure(gatepost, scratch):
    """secure(source, network) starts a gateway with these limits; TLS is from the first octet on .tls_port."""

    def start(source, network, **settings):
        certificate, key = tlsrig.make(scratch)
        port, tls_port = free_port(), free_port()
        server = gatepost(
            listen=[
                {"address": f"127.0.0.1:{port}", "service": "inbound"},
                {"address": f"127.0.0.1:{tls_port}", "service": "inbound", "tls": "implicit"},
            ],
            tls={"certificate": str(certificate), "key": str(key)},
            limits={"handshakes_per_source": source, "handshakes_per_network": network},
            relay_networks=[f"{OURS}/32"],
            workers=1,
            **settings,
        )
        server.tls_port = tls_port
        return server

    return start


def starttls(server, source):
    """What STARTTLS is answered; where that is yes, TLS is begun."""
    with Talk(server.port, source) as talk:
        talk.say("EHLO client.example.com")
        said = talk.say("STARTTLS")
        if said.startswith("220"):
            with tlsrig.context().wrap_socket(talk.socket, server_hostname="mx.gatepost.test"):
                pass
        else:
            assert talk.closed()
        return said


def implicit(server, source):
    """Whether a handshake was made; if not, the connection ends without an octet."""
    s = socket.create_connection(("127.0.0.1", server.tls_port), timeout=20, source_address=(source, 0))
    with s:
        try:
            with tlsrig.context().wrap_socket(s, server_hostname="mx.gatepost.test") as tls:
                return tls.recv(4) == b"220 "
        except (ConnectionResetError, BrokenPipeError):
            return False
        except OSError as why:
            assert "EOF" in str(why), why
            return False


def refused(server):
    return [line for line in server.log_lines() if line["event"] == "refused" and line["code"] == 421]


def test_a_source_that_begins_too_many_handshakes_is_turned_away(secure):
    server = secure(source=5, network=8)
    assert [starttls(server, FLOODER)[:3] for _ in range(5)] == ["220"] * 5
    assert starttls(server, FLOODER) == BUSY
    assert not implicit(server, FLOODER)  # the listeners count together
    # The rest of its network has a limit too; others have their own.
    assert [implicit(server, NEIGHBOUR) for _ in range(4)] == [True] * 3 + [False]
    assert starttls(server, STRANGER).startswith("220")
    assert [starttls(server, OURS)[:3] for _ in range(9)] == ["220"] * 9
    # Mail in clear goes on.
    with Talk(server.port, FLOODER) as talk:
        talk.until_data()
    reasons = [line.get("limit") or line["command"] for line in refused(server)]
    assert reasons == ["STARTTLS", "handshakes_per_source", "handshakes_per_network"]


def test_it_may_come_back_when_its_time_has_come(secure):
    server = secure(source=60, network=60)
    began = time.monotonic()
    made = 0
    while implicit(server, FLOODER):
        made += 1
        assert made < 1000, "there is no end to it"
    assert 60 <= made <= 61 + time.monotonic() - began
    eventually(lambda: implicit(server, FLOODER), what="a handshake a second later")


def honest_s(server):
    """How long a stranger and a sender of mail take together."""
    began = time.monotonic()
    assert starttls(server, STRANGER).startswith("220")
    server.send(MESSAGE)
    return time.monotonic() - began


def test_a_flood_of_handshakes_costs_nobody_else_a_second(secure):
    server = secure(source=600, network=1800)
    alone_s = max(honest_s(server) for _ in range(5))
    over, made, tried = threading.Event(), [], []

    def flood():
        while not over.is_set():
            with contextlib.suppress(OSError):
                tried.append(1)
                made.extend([1] * implicit(server, FLOODER))

    flooders = [threading.Thread(target=flood) for _ in range(8)]
    began = time.monotonic()
    for flooder in flooders:
        flooder.start()
    try:
        worst_s = 0
        while len(made) < 600 or len(tried) < len(made) + 100:
            assert time.monotonic() - began < 200
            worst_s = max(worst_s, honest_s(server))
            time.sleep(0.05)
    finally:
        over.set()
        for flooder in flooders:
            flooder.join()
    assert worst_s < 1 + alone_s  # which is next to nothing where the machine does nothing else
    assert len(made) <= 600 + 10 * (time.monotonic() - began) + 1


def test_nothing_is_negotiated_again(secure):
    server = secure(source=600, network=1800)
    argv = ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{server.tls_port}"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(argv, **pipes) as client:
        for line in client.stdout:
            if line.startswith("220 "):
                break
        said = client.communicate("R\n", timeout=20)[0]
    assert "RENEGOTIATING" in said and "no renegotiation" in said, said


def test_half_open_and_slow_handshakes_cost_themselves(secure):
    server = secure(source=600, network=1800)
    idle = [socket.create_connection(("127.0.0.1", server.tls_port), timeout=60) for _ in range(30)]
    hello = ssl.MemoryBIO()
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tlsrig.context().wrap_bio(hello, outgoing, server_hostname="mx.gatepost.test").do_handshake()
    octets = outgoing.read()
    began = time.monotonic()
    for i, octet in enumerate(octets[:200]):
        for s in idle[:5]:
            s.send(bytes([octet]))
        if i % 40 == 0:
            assert tlsrig.fingerprint(server.tls_port)
            server.send(MESSAGE)
    assert are_silent(*idle)
    # They end at 30 s, whatever they do.
    for s in idle:
        s.settimeout(90)
        try:
            while s.recv(1000):
                pass
        except ConnectionResetError:
            pass
        s.close()
    assert 25 < time.monotonic() - began < 90

    def failed():
        return [line for line in server.log_lines() if line["event"] == "tls_failed"]

    eventually(lambda: len(failed()) == 30, what="the log of each")
    assert {line["reason"] for line in failed()} == {"took too long"}
