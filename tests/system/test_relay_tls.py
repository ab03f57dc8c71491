# SPDX-License-Identifier: Apache-2.0
"""TLS towards other servers as it is configured: demands of destinations, sessions that are resumed, and messages that
say themselves how they travel. The smarthost has a file of its own."""

import base64
import hashlib
import json
import signal
import ssl

import pytest
import rolerig
from gateway import eventually
from httpsrig import Authority

TRUSTED = ["127.0.0.0/8"]
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
USER, PASSWORD = "gateway@relay.test", "s3cret pass"
HOSTS = {name: f"127.0.21.{i}" for i, name in enumerate(("relay", "first", "second", "third", "login"), 1)}
NAMES = {f"{name}.test": {"A": [address]} for name, address in HOSTS.items()}


@pytest.fixture
def authority(scratch):
    return Authority(scratch)


@pytest.fixture
def host(sink):
    """host(name, ...) starts a server on that name's address."""

    def start(name, port=0, **options):
        return sink(options.pop("script", None), address=(HOSTS[name], port), **options)

    return start


def start_gateway(gatepost, authority, **settings):
    settings.setdefault("retry", {"first": "1h", "max": "4h", "for": "5d"})
    settings["tls"] = {"authorities": str(authority.path)}
    return gatepost(names=NAMES, relay_networks=TRUSTED, workers=1, **settings)


def sessions(server):
    """What the log says of TLS sessions."""
    return [line for line in server.log_lines() if line["event"] == "session"]


def deferral(server):
    """What `queue why` says of the only message."""
    eventually(lambda: [m["state"] for m in server.queued()] == ["deferred"], what="a deferral")
    (message,) = server.queued()
    return server.queue("why", message["id"])


def delivered(end, count=1):
    eventually(lambda: len(end.messages) >= count, what=f"{count} messages")
    return end.messages


def reload(server):
    """Closes what is idle, too."""
    before = server.log_text().count('"reloaded"')
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.log_text().count('"reloaded"') > before, what="the reload")


# --- demands of destinations ---


def to_host(gatepost, authority, end, name="first", **demand):
    """A gateway that sends mail for far.test to that host, under this demand."""
    settings = {"routes": {"far.test": f"{name}.test:{end.port}"}}
    if demand:
        settings["destinations"] = {f"{name}.test": demand}
    server = start_gateway(gatepost, authority, **settings)
    server.send(MESSAGE, to=["you@far.test"])
    return server


@pytest.mark.parametrize("demand, policy", [({}, "opportunistic"), ({"tls": "encrypt"}, "encrypt")])
def test_tls_by_whomever(gatepost, authority, host, demand, policy):
    end = host("first", certificate=authority.issue("other.test", self_signed=True))
    server = to_host(gatepost, authority, end, **demand)
    delivered(end)
    (session,) = sessions(server)
    assert session["policy"] == policy and session["decision"] == "deliver" and session["tls_version"] == "TLSv1.3"


def test_none_is_no_tls(gatepost, authority, host):
    end = host("first", certificate=authority.issue("first.test"))
    server = to_host(gatepost, authority, end, tls="none")
    delivered(end)
    assert end.handshakes == 0
    (session,) = sessions(server)
    assert session["policy"] == "none"


@pytest.mark.parametrize("tls", ["encrypt", "verify", "dane-only"])
def test_never_in_clear(gatepost, authority, host, tls):
    end = host("first")
    server = to_host(gatepost, authority, end, tls=tls)
    why = deferral(server)
    assert "first.test" in why
    assert ("DANE" if tls == "dane-only" else f"does not offer TLS (TLS policy: {tls})") in why
    assert not end.messages
    assert all(line.split()[0] in ("EHLO", "QUIT") for line in end.lines)


@pytest.mark.parametrize(
    "case, words",
    [("good", None), ("wrong name", "another name"), ("self-signed", "no authority"), ("expired", "expired")],
)
def test_verify_takes_a_proof(gatepost, authority, host, case, words):
    certificate = {
        "good": lambda: authority.issue("first.test"),
        "wrong name": lambda: authority.issue("second.test"),
        "self-signed": lambda: authority.issue("first.test", self_signed=True),
        "expired": lambda: authority.issue("first.test", expired=True),
    }[case]()
    end = host("first", certificate=certificate)
    server = to_host(gatepost, authority, end, tls="verify")
    if words is None:
        delivered(end)
        return
    why = deferral(server)
    assert words in why and "(TLS policy: verify)" in why and f"first.test [{HOSTS['first']}]:{end.port}" in why
    assert not end.messages
    assert not [line for line in end.lines if line.startswith("MAIL")]


@pytest.mark.parametrize("right", [True, False])
def test_fingerprint(gatepost, authority, host, right):
    certificate = authority.issue("other.test", self_signed=True)
    digits = (digest(certificate) if right else digest(authority.path)).upper()
    pin = ":".join(digits[i : i + 2] for i in range(0, 64, 2))
    end = host("first", certificate=certificate)
    server = to_host(gatepost, authority, end, fingerprints=["00" * 32, pin])
    if right:
        delivered(end)
        assert sessions(server)[0]["policy"] == "fingerprint"
    else:
        why = deferral(server)
        assert "another certificate than was announced" in why and "(TLS policy: fingerprint)" in why
        assert not end.messages


# --- resumption ---


def digest(certificate):
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text().split("-----BEGIN EC")[0])
    return hashlib.sha256(der).hexdigest()


def test_a_resumed_session_keeps_its_fingerprint(gatepost, authority, host):
    certificate = authority.issue("other.test", self_signed=True)
    end = host("first", certificate=certificate)
    server = to_host(gatepost, authority, end, fingerprints=[digest(certificate)])
    delivered(end)
    reload(server)
    server.send(MESSAGE, to=["you@far.test"])
    delivered(end, 2)
    assert [s["resumed"] for s in sessions(server)] == ["no", "yes"]


def test_a_server_that_stumbles_over_an_old_session(gatepost, authority, host):
    """It is asked once more without it, before TLS counts as failed and the message goes in clear."""
    end = host("first", certificate=authority.issue("first.test"))
    server = to_host(gatepost, authority, end)
    delivered(end)
    reload(server)
    end.broken_handshakes = 1
    server.send(MESSAGE, to=["you@far.test"])
    delivered(end, 2)
    assert [(s["decision"], s["resumed"]) for s in sessions(server)] == [("deliver", "no")] * 2
    assert end.broken_handshakes == 0 and end.handshakes == 2


def test_sessions_are_resumed_under_the_same_proof_only(gatepost, authority, host):
    end = host("first", certificate=authority.issue("first.test"))
    server = start_gateway(
        gatepost,
        authority,
        routes={"far.test": f"first.test:{end.port}", "near.test": f"{HOSTS['first']}:{end.port}"},
        destinations={"first.test": {"tls": "verify"}},
    )
    for count in (1, 2, 3):
        server.send(MESSAGE, to=["you@far.test"])
        delivered(end, count)
        reload(server)
        eventually(lambda: end.lines.count("QUIT") >= count, what="the connection's end")
    assert [s["resumed"] for s in sessions(server)] == ["no", "yes", "yes"]
    assert all(s["policy"] == "verify" and s["proof"] == "ok" for s in sessions(server))
    server.send(MESSAGE, to=["you@near.test"])  # the same server by its address: nothing was proven of that
    delivered(end, 4)
    assert sessions(server)[-1]["resumed"] == "no" and sessions(server)[-1]["policy"] == "opportunistic"
    assert (end.handshakes, end.resumed) == (4, 2)
    # With another demand what was proven before is not enough.
    server.settings["destinations"] = {"first.test": {"tls": "encrypt"}}
    server.write_config()
    reload(server)
    server.send(MESSAGE, to=["you@far.test"])
    delivered(end, 5)
    assert (end.handshakes, end.resumed) == (5, 2)


# --- what a message demands of its way: relay alone, between a spool and a fetch that are played ---

BINARYMIME, REQUIRETLS = 4, 0x10  # enum gp_envelope_flags
SMTP = 3  # enum gp_transport
RELAYED, DEFERRED, FAILED = 2, 3, 4  # enum gp_outcome_kind
TLSA_OF_NOBODY = [3, 1, 1, "00" * 32]


def signed(**extra):
    """Names with three MX hosts, all of them validated."""
    names = {"far.test": {"MX": [[10, "first.test"], [20, "second.test"], [30, "third.test"]], "secure": True}}
    for name, address in HOSTS.items():
        names[f"{name}.test"] = {"A": [address], "secure": True}
    return {**names, **extra}


def connect(a, b):
    ends = rolerig.pair()
    for end, one, other in zip(ends, (a, b), (b, a)):
        one.control.say("peer", fd=end.fileno(), role=rolerig.ROLES.index(other.name) + 1, index=0)
        end.close()


class Relay:
    def __init__(self, authority, names, **more):
        settings = {
            **more,
            "hostname": "mx.gatepost.test",
            "state": "/nowhere",
            "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
            "dns": {"answers": {"text": json.dumps(names)}},
            "tls": {"authorities": str(authority.path)},
            "log": {"format": "json"},
        }
        self.resolver = rolerig.Role("resolver", settings).start()
        self.relay = rolerig.Role("relay", settings).start()
        connect(self.relay, self.resolver)
        self.spool, self.fetch = self.relay.peer("spool"), self.relay.peer("fetch")

    def deliver(self, body=MESSAGE, flags=0, sender=b"me@example.com", **way):
        """The outcome of the one recipient."""
        envelope = {
            "sender": sender, "forwarder": b"", "envid": b"", "ret": 0, "flags": flags, "arrival_ms": 1,
            "client_addr": b"127.0.0.1", "client_helo": b"client",
            "rcpts": [{"address": b"you@far.test", "orcpt": b"", "notify": 0, "forwarded": False}],
        }  # fmt: skip
        route = {
            "transport": SMTP, "host": b"", "port": 0, "domain": b"far.test", "mailbox": b"",
            "destination": b"mx:far.test", **way,
        }  # fmt: skip
        self.spool.say("deliver", lease=1, id=1, envelope=envelope, route=route, body_size=len(body), body=body)
        if not way:
            name, asked = self.fetch.hear()
            assert name == "policy"
            known = {"action": 0, "failure": 0, "id": b"", "text": b"", "reason": b""}  # no policy
            self.fetch.say("policy_known", ticket=asked["ticket"], **known)
        name, heard = self.spool.hear()
        assert name == "outcomes"
        (outcome,) = heard["outcomes"]
        r = outcome["reply"]
        outcome["code"] = f"{r['code']} {r['enhanced_class']}.{r['enhanced_subject']}.{r['enhanced_detail']}"
        return outcome

    def stop(self):
        for role in (self.relay, self.resolver):
            role.process.kill()
            role.process.wait(10)


@pytest.fixture
def relay(authority):
    running = []

    def start(names, **settings):
        running.append(Relay(authority, names, **settings))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def three(host, authority):
    """three(support, ...) starts the MX hosts; support: whose EHLO has REQUIRETLS."""

    def start(*support, names=("first", "second", "third"), **certificates):
        try:
            return [
                host(
                    name,
                    port=25,
                    certificate=certificates.get(name) or authority.issue(f"{name}.test"),
                    secure_extensions=["REQUIRETLS"] if name in support else [],
                )
                for name in names
            ]
        except PermissionError:
            pytest.skip("mail hosts listen on port 25, which needs root")

    return start


def test_requiretls_is_passed_on(relay, three):
    first, *_ = three("first")
    outcome = relay(signed()).deliver(flags=REQUIRETLS)
    assert outcome["kind"] == RELAYED
    assert first.messages[0][0].endswith(" REQUIRETLS")


def test_requiretls_asks_every_host(relay, three):
    *others, third = three("third")
    assert relay(signed()).deliver(flags=REQUIRETLS)["kind"] == RELAYED
    assert len(third.messages) == 1 and not any(end.messages for end in others)


def test_requiretls_that_no_host_supports(relay, three):
    ends = three()
    outcome = relay(signed()).deliver(flags=REQUIRETLS)
    assert (outcome["kind"], outcome["code"], outcome["remote_said"]) == (FAILED, "550 5.7.30", 0)
    assert all(end.handshakes == 1 and not [x for x in end.lines if x.startswith("MAIL")] for end in ends)


@pytest.mark.parametrize("which", ["first", "second", "third"])
def test_requiretls_waits_for_a_host_that_is_away(relay, three, which):
    """It may support what the others do not."""
    three(names=[name for name in ("first", "second", "third") if name != which])
    outcome = relay(signed()).deliver(flags=REQUIRETLS)
    assert (outcome["kind"], outcome["code"]) == (DEFERRED, "451 4.4.1")


def test_requiretls_waits_for_a_host_that_the_dns_hides(relay, three):
    three()
    names = signed(**{"_25._tcp.first.test": "SERVFAIL"})
    outcome = relay(names).deliver(flags=REQUIRETLS)
    assert (outcome["kind"], outcome["code"]) == (DEFERRED, "451 4.4.3")


def test_requiretls_needs_proven_mx_records(relay, three):
    ends = three("first", "second", "third")
    names = signed()
    names["far.test"]["secure"] = False
    outcome = relay(names).deliver(flags=REQUIRETLS)
    assert (outcome["kind"], outcome["code"]) == (FAILED, "550 5.7.10")
    assert not any(end.connections for end in ends)


def test_a_bounce_goes_without(relay, three):
    """RFC 8689 section 5: better in clear than lost."""
    first, *_ = three()
    assert relay(signed()).deliver(flags=REQUIRETLS, sender=b"")["kind"] == RELAYED
    assert "REQUIRETLS" not in first.messages[0][0]


@pytest.mark.parametrize(
    "field, kind", [(b"", DEFERRED), (b"TLS-Required: No\r\n", RELAYED), (b"TLS-Required: Yes\r\n", DEFERRED)]
)
def test_tls_required_no(relay, three, field, kind):
    """DANE that matches nothing is then only reported."""
    three()
    names = [f"_25._tcp.{name}.test" for name in ("first", "second", "third")]
    records = {name: {"TLSA": [TLSA_OF_NOBODY], "secure": True} for name in names}
    outcome = relay(signed(**records)).deliver(body=field + MESSAGE)
    assert outcome["kind"] == kind
    if kind == DEFERRED:
        assert b"(TLS policy: dane)" in outcome["reply"]["text"]


@pytest.mark.parametrize("offered", [[], ["CHUNKING"], ["CHUNKING", "BINARYMIME"]])
def test_a_binary_body_goes_as_it_is_or_as_lines_or_back(relay, host, offered):
    """RFC 3030 section 3: no line ends are mended, no dots doubled."""
    try:
        end = host("first", port=25, extensions=["PIPELINING", "8BITMIME", *offered])
    except PermissionError:
        pytest.skip("mail hosts listen on port 25, which needs root")
    body = MESSAGE + b".\n\0\r\xff\r\n.\r\nno end of line"
    names = {**signed(), "far.test": {"MX": [[10, "first.test"]]}}
    labelled = b"Content-Transfer-Encoding: binary\r\n" + body
    outcome = relay(names).deliver(body=body, flags=BINARYMIME)
    if "BINARYMIME" in offered:
        assert outcome["kind"] == RELAYED
        assert end.messages[0][0].endswith(" BODY=BINARYMIME") and end.messages[0][2] == body
    else:
        assert (outcome["kind"], outcome["code"]) == (FAILED, "554 5.6.1")
        assert relay(names).deliver(body=labelled, flags=BINARYMIME)["kind"] == RELAYED
        head, _, rest = end.messages[0][2].partition(b"\r\n\r\n")
        assert "BODY=" not in end.messages[0][0] and b"Content-Transfer-Encoding: base64" in head
        assert base64.b64decode(rest) == body.partition(b"\r\n\r\n")[2]


def test_a_smarthost_of_yesterday_is_not_told_the_secret_of_today(relay, host, authority):
    """spool may have routed the message before both were told of another smarthost."""
    end = host("first", certificate=authority.issue("first.test"), secure_extensions=["AUTH PLAIN"])
    smarthost = {"address": f"relay.test:{end.port}", "user": USER, "password_file": "/nowhere"}
    one = relay(signed(), smarthost=smarthost)
    outcome = one.deliver(host=b"first.test", port=end.port, destination=b"smarthost")
    assert (outcome["kind"], outcome["code"]) == (DEFERRED, "451 4.3.5")
    assert end.connections == 0


def test_what_messages_demand_is_not_shared(relay, three):
    """A connection that was found good enough for one is not for another that demands more."""
    first, *_ = three("first")
    one = relay(signed())
    assert one.deliver()["kind"] == RELAYED
    assert one.deliver(flags=REQUIRETLS)["kind"] == RELAYED
    assert first.connections == 2
    assert first.resumed == 0  # nothing was proven by the first
