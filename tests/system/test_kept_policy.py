# SPDX-License-Identifier: Apache-2.0
"""Who stands on the way for long: the MTA-STS policy that was fetched before he came holds against all that he does to
hide it (RFC 8461 section 10.2), over a restart too. Gatepost is on both ends."""

import contextlib
import os

import attackers
import pytest
from gateway import eventually, free_port
from httpsrig import Authority, HttpsRig, answer

SERVER, ATTACKER, POLICY_HOST = "127.0.25.9", "127.0.26.99", "127.0.27.9"
SECRET = b"nobody on the way may read this"
MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\n" + SECRET + b"\r\n"


def policy(mode):
    return answer(f"version: STSv1\r\nmode: {mode}\r\nmx: mx.far.test\r\nmax_age: 86400\r\n".encode())


def names(record=None):
    """strange.test is another domain with the same host, and without a policy."""
    world = {name: {"MX": [[10, "mx.far.test"]]} for name in ("far.test", "strange.test")}
    world["mx.far.test"] = {"A": [ATTACKER]}
    if record:
        world |= {"_mta-sts.far.test": {"TXT": [record]}, "mta-sts.far.test": {"A": [POLICY_HOST]}}
    return world


@pytest.fixture
def authority(scratch):
    return Authority(scratch)


@pytest.fixture
def receiver(gatepost, scratch, authority):
    if os.geteuid() != 0:
        pytest.skip("a mail host listens on port 25, which needs root")
    pem = authority.issue("mx.far.test")
    certificate = scratch / "certificate.pem"
    certificate.write_text(pem.read_text(encoding="ascii").partition("-----BEGIN EC")[0], encoding="ascii")
    return gatepost(
        listen=[{"address": a, "service": "inbound"} for a in (f"127.0.0.1:{free_port()}", f"{SERVER}:25")],
        domains={name: {"recipients": "any", "deliver": "discard"} for name in ("far.test", "strange.test")},
        tls={"certificate": str(certificate), "key": str(pem)},
    )


# What the DNS says by now, and who answers at the policy host: nobody, or somebody whom the authority does not know.
HIDINGS = {
    "record": (None, None),
    "policy-host": ("v=STSv1; id=2;", None),
    "policy-host-replaced": ("v=STSv1; id=2;", "none"),
}


def start_sender(gatepost, authority, policy_port):
    return gatepost(
        names("v=STSv1; id=1;"),
        relay_networks=["127.0.0.0/8"],
        fetch={"ca_file": str(authority.path), "private_addresses": True, "port": policy_port},
        tls={"authorities": str(authority.path)},
    )


def outcome(server, domain):
    """Sends to it; what the log says of the delivery, and of its session."""
    id_ = server.send(MESSAGE, to=[f"you@{domain}"], sender="alice@demo.test")

    def logged(*events):
        return [line for line in server.log_lines() if line.get("id") == id_ and line["event"] in events]

    (end,) = eventually(lambda: logged("relayed", "deferred", "failed"), what="the outcome")
    (session,) = logged("session")
    return end["event"], end["status"], session["policy"], session["decision"]


@pytest.mark.parametrize("hiding", HIDINGS)
def test_a_kept_policy_holds_against_who_hides_it(gatepost, authority, receiver, hiding):
    record, mode = HIDINGS[hiding]
    with contextlib.ExitStack() as cleanup:
        attacker = cleanup.enter_context(attackers.Attacker(ATTACKER, (SERVER, 25), attackers.nothing))
        with HttpsRig(authority.issue("mta-sts.far.test"), policy("enforce"), POLICY_HOST) as host:
            sender = start_sender(gatepost, authority, host.port)
            assert outcome(sender, "far.test") == ("relayed", "2.0.0", "sts", "deliver")
            sender.stop()
        attacker.attack, attacker.crossed = attackers.hide, b""
        if mode:
            forged = authority.issue("mta-sts.far.test", self_signed=True)
            cleanup.enter_context(HttpsRig(forged, policy(mode), POLICY_HOST, host.port))
        sender.names = names(record)
        sender.start()
        assert outcome(sender, "far.test") == ("deferred", "4.7.10", "sts", "next")
        assert attacker.connections == 2 and b"MAIL FROM" not in attacker.crossed
        # That it is the policy which protects, and that the attack works: a domain that has none.
        assert outcome(sender, "strange.test") == ("relayed", "2.0.0", "opportunistic", "clear")
        assert SECRET in attacker.crossed
        # He leaves, and what waited goes out.
        attacker.attack, attacker.crossed = attackers.nothing, b""
        sender.queue("retry", "--domain", "far.test")
        eventually(lambda: sender.queued() == [], what="delivery")
        assert b"EHLO" in attacker.crossed and SECRET not in attacker.crossed
