# SPDX-License-Identifier: Apache-2.0
"""Exim, which has GnuTLS where others have OpenSSL, on either side: mail in clear, by TLS, as a submission client."""

import base64
import hashlib
import subprocess

import pytest
import tlsrig
from gateway import eventually, free_port, make_users
from httpsrig import Authority

MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\nhello\r\n.\r\n..\r\n" + b"x" * 900 + b"\r\n"
USER, PASSWORD = "alice@demo.test", "wonderland"
ADDRESS = "127.0.28.1"  # where Exim is exim.test
VERIFYING = {"hosts_require_tls": "*", "tls_verify_hosts": "*", "tls_verify_cert_hostnames": "*"}


def into(peer_port, gateway, count=1, sender="me@example.com"):
    """Hands Exim so many messages for alice."""
    with gateway.client(peer_port) as client:
        for _ in range(count):
            client.sendmail(sender, ["alice@demo.test"], MESSAGE)


def body(octets):
    return octets.partition(b"\r\n\r\n" if b"\r\n\r\n" in octets else b"\n\n")[2].replace(b"\r\n", b"\n")


BODY = body(MESSAGE)


def test_a_pair_in_clear(gatepost, peers):
    """By way of both: Gatepost, Exim, Gatepost."""
    exim_port = free_port()
    last = gatepost()
    peers.exim(exim_port, ("localhost", last.port))
    first = gatepost(
        relay_networks=["127.0.0.0/8"],
        domains={"front.test": {"recipients": "any", "deliver": "discard"}},
        smarthost={"address": f"127.0.0.1:{exim_port}", "tls": "none"},
    )
    for _ in range(20):
        first.send(MESSAGE)
    mails = last.wait_for_mails("alice", 20)
    assert all("with ESMTP id" in mail.get_all("Received")[0] for mail in mails)
    assert {body(octets) for octets in last.mails("alice")} == {BODY}


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_exim_sends_by_starttls(gatepost, peers, scratch, kind):
    certificate, key = tlsrig.make(scratch, "localhost", kind=kind)
    server = gatepost(tls={"certificate": str(certificate), "key": str(key)})
    port = free_port()
    transport = {**VERIFYING, "tls_verify_certificates": certificate}
    peers.exim(port, ("localhost", server.port), transport=transport)
    into(port, server, count=5)
    for mail in server.wait_for_mails("alice", 5):
        assert "with ESMTPS" in mail["Received"] and "TLSv1.3" in mail["Received"]


def test_exim_finds_another_certificate(gatepost, peers, scratch):
    """It can tell: what the test before shows is a proof."""
    certificate, key = tlsrig.make(scratch, "localhost")
    other, _ = tlsrig.make(scratch, "localhost", stem="other")
    server = gatepost(tls={"certificate": str(certificate), "key": str(key)})
    port = free_port()
    peer = peers.exim(port, ("localhost", server.port), transport={**VERIFYING, "tls_verify_certificates": other})
    into(port, server)
    log = peer.work / "log/mainlog"
    eventually(lambda: "certificate verification failed" in log.read_text(), what="its complaint")
    assert not server.mails("alice")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_exim_submits_as_a_user(gatepost, peers, scratch, tls):
    certificate, key = tlsrig.make(scratch, "localhost")
    ports = free_port(), free_port()
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
            {"address": f"127.0.0.1:{ports[1]}", "service": "submission", "tls": tls},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
        users={"file": make_users(scratch, (USER, PASSWORD))},
    )
    eventually(server.all_are_ready, what="every role")
    transport = {**VERIFYING, "tls_verify_certificates": certificate}
    if tls == "implicit":
        transport["protocol"] = "smtps"
    port = free_port()
    peers.exim(port, ("localhost", ports[1]), transport=transport, login=(USER, PASSWORD))
    into(port, server, sender=USER)
    (mail,) = server.wait_for_mails("alice")
    assert "with ESMTPSA" in mail["Received"]
    (accepted,) = [line for line in server.log_lines() if line["event"] == "accepted"]
    assert accepted["user"] == USER


# --- Gatepost to Exim ---


def key_digest(certificate):
    argv = ["openssl", "x509", "-in", certificate, "-noout", "-pubkey"]
    pem = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    return hashlib.sha256(base64.b64decode("".join(pem.splitlines()[1:-1]))).hexdigest()


@pytest.fixture
def far(gatepost, peers, sink, scratch):
    """far(name, tlsa, demand) starts an Exim with a certificate for that name, and a gateway that has mail for it: what
    arrives behind Exim, and the gateway."""

    def start(name="exim.test", tlsa=None, **demand):
        authority = Authority(scratch)
        certificate = authority.issue(name)
        end = sink()
        peers.exim(free_port(), ("localhost", end.port), listeners=[(ADDRESS, 25)], tls_certificate=certificate)
        names = {"far.test": {"MX": [[10, "exim.test"]], "secure": True}, "exim.test": {"A": [ADDRESS], "secure": True}}
        if tlsa:
            digest = key_digest(certificate) if tlsa == "match" else "0123456789abcdef" * 4
            names["_25._tcp.exim.test"] = {"TLSA": [[3, 1, 1, digest]], "secure": True}
        server = gatepost(
            names=names,
            relay_networks=["127.0.0.0/8"],
            tls={"authorities": str(authority.path)},
            **({"destinations": {"far.test": demand}} if demand else {}),
        )
        server.send(MESSAGE, to=["you@far.test"])
        return end, server

    return start


def session(server):
    return eventually(lambda: [line for line in server.log_lines() if line["event"] == "session"], what="a session")[0]


@pytest.mark.parametrize(
    "case, policy",
    [({}, "opportunistic"), ({"tls": "verify"}, "verify"), ({"tlsa": "match"}, "dane"),
     ({"tlsa": "match", "name": "elsewhere.test"}, "dane")],
)  # fmt: skip
def test_exim_takes_by_tls(far, case, policy):
    end, server = far(**case)
    eventually(lambda: end.messages, what="the message behind Exim")
    octets = end.messages[0][2]
    assert b"with esmtps" in octets and b"TLS1.3" in octets and body(octets) == BODY
    found = session(server)
    assert found["policy"] == policy and found["decision"] == "deliver"
    assert policy == "opportunistic" or found["proof"] == "ok"


@pytest.mark.parametrize(
    "case, policy", [({"tls": "verify", "name": "elsewhere.test"}, "verify"), ({"tlsa": "mismatch"}, "dane")]
)
def test_exim_without_its_proof_gets_nothing(far, case, policy):
    end, server = far(**case)
    found = session(server)
    assert (found["policy"], found["decision"]) == (policy, "next")
    eventually(lambda: [m["state"] for m in server.queued()] == ["deferred"], what="a deferral")
    assert not end.connections
