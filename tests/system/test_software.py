# SPDX-License-Identifier: Apache-2.0
"""Real servers are told from each other by what they say: to what may be asked of anybody, and nothing else."""

import socket
import ssl
import subprocess
import time

import peers as peers_module
import pytest
import servers
import tlsrig
from gateway import BUILD, free_port

NAME = "probe.example"
ASKED = {
    "ehlo": f"EHLO {NAME}",
    "starttls": "STARTTLS",
    "ehlo_tls": f"EHLO {NAME}",
    "help": "HELP",
    "unknown": "XGATEPOST",
    "malformed": "EHLO",
    "helo": f"HELO {NAME}",
    "quit": "QUIT",
}


class Conversation:
    """What a server says, as tests/software/recorded.h reads it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.lines = self.socket.makefile("rb")
        self.recorded = []

    def hear(self, field):
        """A reply, and the milliseconds between the ends of its first and last line."""
        times, said = [], []
        while not said or said[-1][3:4] == "-":
            line = self.lines.readline().decode("latin-1").rstrip("\r\n")
            if not line:
                break
            times.append(time.monotonic())
            said.append(line)
        self.recorded += [f"{field}: {line}" for line in said]
        return said, round((times[-1] - times[0]) * 1000) if times else 0

    def shake_hands(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        self.lines = self.socket.makefile("rb")

    def ask_all(self):
        _, pause = self.hear("greeting")
        self.recorded.append(f"pause: {pause}")
        offered = tls = False
        for field, command in ASKED.items():
            if (field == "starttls" and not offered) or (field == "ehlo_tls" and not tls):
                continue
            self.socket.sendall(command.encode() + b"\r\n")
            said, _ = self.hear(field)
            if not said:
                break
            if field == "ehlo":
                offered = any("STARTTLS" in line for line in said)
            if field == "starttls" and said[0].startswith("220"):
                self.shake_hands()
                tls = True
        self.socket.close()
        return "\n".join(self.recorded) + "\n"


def tell(port):
    """Who answers there: [(weight, name, version)], the product that the greeting lies about, and what was said."""
    said = Conversation(port).ask_all()
    program = BUILD / "tests/software/software_tell"
    done = subprocess.run([program], input=said, capture_output=True, text=True, check=True, timeout=30)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("\t")]
    belied = [line.removeprefix("belied ") for line in lines if line.startswith("belied ")]
    found = [line.split(" ", 1) for line in lines if not line.startswith("belied ")]
    candidates = [(int(weight), *rest.rsplit(" ", 1)) for weight, rest in found]
    return candidates, belied[0] if belied else None, said


def check(port, name, version="-", belied=None):
    candidates, lie, said = tell(port)
    assert candidates and candidates[0][1:] == (name, version), (candidates, said)
    assert candidates[0][0] >= 700, (candidates, said)
    assert len(candidates) == 1 or candidates[1][0] + 150 <= candidates[0][0], (candidates, said)
    assert lie == belied, said


@pytest.fixture(scope="module")
def server_root():
    try:
        return peers_module.peer_root("server")
    except peers_module.Unavailable as why:
        pytest.skip(str(why))


@pytest.fixture
def running(server_root, scratch):
    all_of_them = peers_module.Peers(server_root, scratch)
    yield all_of_them
    all_of_them.stop()


@pytest.mark.parametrize(
    "start, name, version",
    [
        (servers.postfix, "Postfix", "-"),
        (servers.postscreen, "postscreen", "-"),
        (servers.exim, "Exim", "4.96"),
        (servers.sendmail, "Sendmail", "8.17.1.9"),
        (servers.opensmtpd, "OpenSMTPD", "-"),
        (servers.submission, "Dovecot submission", "-"),
        (servers.aiosmtpd, "aiosmtpd", "1.4.3"),
        (servers.courier, "Courier", "-"),
        (servers.nginx, "nginx mail proxy", "-"),
        (servers.amavis, "amavis", "-"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_servers_are_told_from_each_other(running, start, name, version):
    port = free_port()
    start(running, port)
    check(port, name, version)


@pytest.fixture(scope="module")
def certificate(module_scratch):
    """Its path, and its key's."""
    return tlsrig.make(module_scratch)


def test_chasquid(running, certificate):
    port = free_port()
    servers.chasquid(running, port, *certificate)
    check(port, "chasquid")


def test_exim_within_tls_that_offers_all_it_can(running, certificate):
    port = free_port()
    accept = {f"acl_smtp_{name}": "accept" for name in ("etrn", "vrfy", "expn")}
    tls = {"tls_certificate": certificate[0], "tls_privatekey": certificate[1], "tls_advertise_hosts": "*"}
    servers.exim(running, port, dsn_advertise_hosts="*", prdr_enable="true", **accept, **tls)
    check(port, "Exim", "4.96")


def test_a_greeting_that_lies(running):
    exim, postfix = free_port(), free_port()
    servers.exim(running, exim, smtp_banner="$primary_hostname ESMTP Postfix (Debian/GNU)")
    servers.postfix(running, postfix, smtpd_banner="$myhostname ESMTP Exim 4.99 Mon, 1 Jan 2024 00:00:00 +0000")
    check(exim, "Exim", belied="Postfix")
    check(postfix, "Postfix", belied="Exim")


def test_gatepost(gatepost):
    check(gatepost().port, "Gatepost")
