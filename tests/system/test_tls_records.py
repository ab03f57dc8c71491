# SPDX-License-Identifier: Apache-2.0
"""Handshakes that no TLS library would begin, octet by octet, on a port with TLS and behind STARTTLS: each ends that
connection by an alert or in silence, nothing is said in clear, and the next client is served."""

import random
import socket
import ssl
import struct

import pytest
import tlsrig
from gateway import Gateway, eventually, free_port

CHANGE, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
TLS12 = b"\x03\x03"
FATAL = 2
MUTANTS = 300
END_S = 5


@pytest.fixture(scope="module")
def hello():
    """A ClientHello without the record around it: type, length, body."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tlsrig.context().wrap_bio(incoming, outgoing, server_hostname="mx.gatepost.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()[5:]


def record(kind, body, version=TLS12):
    return bytes([kind]) + version + struct.pack(">H", len(body)) + body


def message(kind, body):
    return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


def with_lengths(hello, **changed):
    """The hello with another length of itself, its session id, or its cipher suites."""
    octets = bytearray(hello)
    if "whole" in changed:
        octets[1:4] = struct.pack(">I", changed["whole"])[1:]
    if "session" in changed:
        octets[38] = changed["session"]
    if "suites" in changed:
        at = 39 + octets[38]
        octets[at : at + 2] = struct.pack(">H", changed["suites"])
    return bytes(octets)


# What is sent, made of a good hello.
CASES = {
    "application data first": lambda h: record(DATA, b"EHLO evil.example\r\n"),
    "change cipher spec first": lambda h: record(CHANGE, b"\1") * 40 + record(HANDSHAKE, h),
    "empty records": lambda h: record(HANDSHAKE, b"") * 100,
    "a heartbeat": lambda h: record(HEARTBEAT, b"\1\x40\x00"),
    "an unknown kind of record": lambda h: record(99, h),
    "a record over its limit": lambda h: record(HANDSHAKE, h + b"\0" * 20000),
    "a version of its own": lambda h: record(HANDSHAKE, h, b"\x7f\x7f"),
    "SSL 2": lambda h: b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"x" * 16,
    "SSL 3": lambda h: record(HANDSHAKE, h[:4] + b"\x03\x00" + h[6:], b"\x03\x00"),
    "a finished first": lambda h: record(HANDSHAKE, message(20, b"x" * 32)),
    "a server's hello": lambda h: record(HANDSHAKE, message(2, h[4:])),
    "a hello that is longer than it says": lambda h: record(HANDSHAKE, with_lengths(h, whole=len(h) - 20)),
    "a session id over 32 octets": lambda h: record(HANDSHAKE, with_lengths(h, session=33)),
    "cipher suites beyond the end": lambda h: record(HANDSHAKE, with_lengths(h, suites=0xFFFE)),
    "half a cipher suite": lambda h: record(HANDSHAKE, with_lengths(h, suites=3)),
    "no cipher suites": lambda h: record(HANDSHAKE, message(1, TLS12 + b"x" * 32 + b"\0" + b"\0\0" + b"\1\0")),
    "compression alone": lambda h: record(HANDSHAKE, message(1, TLS12 + b"x" * 32 + b"\0\0\2\x13\1\1\1")),
    "a fatal alert": lambda h: record(ALERT, bytes([FATAL, 40])),
    "half an alert": lambda h: record(ALERT, b"\1"),
    "warnings without end": lambda h: record(ALERT, b"\1\x5a") * 1000,
    "two hellos": lambda h: record(HANDSHAKE, h) * 2,
    "data behind the hello": lambda h: record(HANDSHAKE, h) + record(DATA, b"x" * 100) * 100,
    "commands behind the hello": lambda h: record(HANDSHAKE, h) + b"EHLO evil.example\r\nMAIL FROM:<evil@x.test>\r\n",
}


@pytest.fixture(scope="module")
def server(module_scratch):
    certificate, key = tlsrig.make(module_scratch)
    ports = free_port(), free_port()
    (module_scratch / "gateway").mkdir()
    server = Gateway(
        module_scratch / "gateway",
        {
            "listen": [
                {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                {"address": f"127.0.0.1:{ports[1]}", "service": "inbound", "tls": "implicit"},
            ],
            "tls": {"certificate": str(certificate), "key": str(key)},
            "limits": {"handshakes_per_source": 100000, "handshakes_per_network": 100000},
        },
    ).start()
    server.tls_port = ports[1]
    yield server
    server.stop()


def begin(server, starttls):
    s = socket.create_connection(("127.0.0.1", server.port if starttls else server.tls_port), timeout=END_S)
    if starttls:
        for command in (None, b"EHLO c.example\r\n", b"STARTTLS\r\n"):
            if command:
                s.sendall(command)
            said = s.recv(1000)
            assert said[:3] in (b"220", b"250")
    return s


def answer(s, octets):
    """All that the server says until it closes."""
    said = b""
    try:
        s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        while more := s.recv(65536):
            said += more
    except (ConnectionResetError, BrokenPipeError):
        pass
    return said


def kinds(said):
    """The records in it, by kind; a fault when it is not made of whole ones."""
    found = []
    while said:
        kind, size = said[0], struct.unpack_from(">H", said, 3)[0]
        assert said[1] == 3 and len(said) >= 5 + size, said[:100]
        found.append(kind)
        said = said[5 + size :]
    return found


@pytest.mark.parametrize("starttls", [False, True], ids=["implicit", "starttls"])
@pytest.mark.parametrize("case", CASES)
def test_a_handshake_that_is_none(server, hello, case, starttls):
    with begin(server, starttls) as s:
        found = kinds(answer(s, CASES[case](hello)))
    assert set(found) <= {HANDSHAKE, CHANGE, ALERT, DATA}
    assert HANDSHAKE in found or set(found) <= {ALERT}
    assert tlsrig.fingerprint(server.tls_port)


def test_hellos_with_an_octet_changed(server, hello):
    """Whatever it is, the answer is TLS, or none."""
    chance = random.Random(1)
    good = record(HANDSHAKE, hello)
    for _ in range(MUTANTS):
        octets = bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 8))):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        with begin(server, False) as s:
            assert set(kinds(answer(s, bytes(octets)))) <= {HANDSHAKE, CHANGE, ALERT, DATA}
    assert tlsrig.fingerprint(server.tls_port)


def test_that_cost_nobody_his_process(server):
    eventually(lambda: tlsrig.fingerprint(server.tls_port), what="a handshake")
    assert not [line for line in server.log_lines() if line["event"] == "role_died"]
    assert not [line for line in server.log_lines() if line["event"] == "accepted"]
