# SPDX-License-Identifier: Apache-2.0
"""What becomes of a message, by what the next server has to show, what its domain demands, and who stands between.

One gateway sends to one Postfix with five faces, by names that nsd has signed and policies that HTTPS servers publish.
docs/tls-matrix.md is made of what these tests saw: GATEPOST_WRITE_DOCS=1 writes it anew.
"""

import collections
import contextlib
import hashlib
import itertools
import os
import re
import subprocess

import attackers
import capture
import gateway
import peers as peers_module
import pytest
import signedrig
import sink as sink_module
from gateway import eventually, free_port
from httpsrig import Authority, HttpsRig, answer

DOCUMENT = gateway.ROOT / "docs/tls-matrix.md"
SECRET = b"nobody on the way may read this"
MESSAGE = b"From: alice@demo.test\r\nSubject: for you alone\r\n\r\n" + SECRET + b"\r\n"
WIRE = "tcp port 25 and (net 127.0.25.0/24 or net 127.0.26.0/24)"
# What a server on the way must never see of a message: of its envelope, its header, its body.
PRIVATE = (b"MAIL FROM", b"RCPT TO", b"alice@demo.test", b"you@", b"Subject:", SECRET)

UNSIGNED = "plain"  # a zone
SERVERS = ("no TLS", "self-signed", "expired", "wrong name", "right name")
RIGHT = "right name"
ADDRESSES = {server: f"127.0.25.{i}" for i, server in enumerate(SERVERS, 1)}
POLICY_HOSTS = {"testing": "127.0.27.1", "enforce": "127.0.27.2"}

Policy = collections.namedtuple("Policy", "sts tlsa", defaults=(None, None))
POLICIES = {
    "no policy": Policy(),
    "STS testing": Policy("testing"),
    "STS enforce": Policy("enforce"),
    "DANE match": Policy(tlsa="match"),
    "DANE match by the authority": Policy(tlsa="authority"),
    "DANE mismatch": Policy(tlsa="mismatch"),
    "TLSA unsigned": Policy(tlsa="unsigned"),
    "TLSA bogus": Policy(tlsa="bogus"),
    "TLSA SERVFAIL": Policy(tlsa="SERVFAIL"),
    "STS enforce, DANE match": Policy("enforce", "match"),
    "STS enforce, DANE mismatch": Policy("enforce", "mismatch"),
}

CLEAR, TLS, PROVEN = "in clear", "TLS", "TLS, proven"
NO_TLS, UNPROVEN, UNKNOWN = "deferred, 4.7.10", "deferred, 4.7.5", "deferred, 4.4.3"

# The policy; `policy` in the log's session, None: none is begun; what becomes of a message, server by server.
MATRIX = [
    ("no policy", "opportunistic", (CLEAR, TLS, TLS, TLS, TLS)),
    ("STS testing", "sts", (CLEAR, TLS, TLS, TLS, PROVEN)),
    ("STS enforce", "sts", (NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, PROVEN)),
    ("DANE match", "dane", (NO_TLS, PROVEN, PROVEN, PROVEN, PROVEN)),
    ("DANE match by the authority", "dane", (NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, PROVEN)),
    ("DANE mismatch", "dane", (NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN)),
    ("TLSA unsigned", "opportunistic", (CLEAR, TLS, TLS, TLS, TLS)),
    ("TLSA bogus", None, (UNKNOWN,) * 5),
    ("TLSA SERVFAIL", None, (UNKNOWN,) * 5),
    ("STS enforce, DANE match", "dane", (NO_TLS, PROVEN, PROVEN, PROVEN, PROVEN)),
    ("STS enforce, DANE mismatch", "dane", (NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN)),
]
# The same for attackers before the server with the right name.
ATTACKS = [
    ("no policy", "opportunistic", (TLS, CLEAR, CLEAR, CLEAR, CLEAR, CLEAR, CLEAR, CLEAR)),
    ("STS enforce", "sts", (PROVEN, NO_TLS, NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN)),
    ("DANE match", "dane", (PROVEN, NO_TLS, NO_TLS, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN, UNPROVEN)),
]
DECISIONS = {CLEAR: "clear", TLS: "deliver", PROVEN: "deliver", NO_TLS: "next", UNPROVEN: "next", UNKNOWN: None}

# Several hosts, the last of which is right: the domain's policy, the servers of those before it, whether the MTA-STS
# policy names these; and what becomes of a message, with the sessions on its way.
Row = collections.namedtuple("Row", "policy before named seen")
FIRST, LAST = "at the first", "at the last"
ROWS = {
    "testing, no TLS": Row("STS testing", ["no TLS"], True, (f"{CLEAR} {FIRST}", "sts: clear")),
    "enforce, no TLS": Row("STS enforce", ["no TLS"], True, (f"{PROVEN} {LAST}", "sts: next, sts: deliver")),
    "enforce, wrong name": Row("STS enforce", ["wrong name"], True, (f"{PROVEN} {LAST}", "sts: next, sts: deliver")),
    "enforce, right, but not named": Row("STS enforce", [RIGHT], False, (f"{PROVEN} {LAST}", "sts: deliver")),
    "enforce, no TLS, then expired": Row(
        "STS enforce", ["no TLS", "expired"], True, (f"{PROVEN} {LAST}", "sts: next, sts: next, sts: deliver")
    ),
    "DANE match, no TLS": Row("DANE match", ["no TLS"], True, (f"{PROVEN} {LAST}", "dane: next, dane: deliver")),
    "DANE mismatch": Row("DANE mismatch", [RIGHT], True, (f"{PROVEN} {LAST}", "dane: next, dane: deliver")),
    "TLSA bogus": Row("TLSA bogus", [RIGHT], True, (f"{PROVEN} {LAST}", "dane: deliver")),
    "enforce, not named, but DANE match": Row(
        "STS enforce, DANE match", [RIGHT], False, (f"{PROVEN} {FIRST}", "dane: deliver")
    ),
}


def cases(table, columns):
    """(policy, column), and what is seen: the result, and `policy` and `decision` of the session."""
    for policy, level, results in table:
        for column, result in zip(columns, results, strict=True):
            yield (policy, column), (result, f"{level}: {DECISIONS[result]}" if level else "")


MATRIX_CASES = dict(cases(MATRIX, SERVERS))
ATTACK_CASES = dict(cases(ATTACKS, attackers.ATTACKS))
ROW_CASES = {("several hosts", name): row.seen for name, row in ROWS.items()}
CASES = MATRIX_CASES | ATTACK_CASES | ROW_CASES
ATTACKER_ADDRESSES = {case: f"127.0.26.{i}" for i, case in enumerate(ATTACK_CASES, 1)}


def label(case):
    return re.sub(r"[^a-z0-9]+", "-", "-".join(case).lower())


def domain(case):
    return f"{label(case)}.test"


# A mail host: its name, where it listens, whose certificate is there, and what its TLSA records are.
Host = collections.namedtuple("Host", "name address server tlsa")


def hosts(case):
    """A domain's, the best first."""
    if case in ROW_CASES:
        row = ROWS[case[1]]
        tlsa = POLICIES[row.policy].tlsa
        zone = "mx.test" if row.named else "other.test"
        before = [
            Host(f"host{i}-{label(case)}.{zone}", ADDRESSES[server], server, tlsa)
            for i, server in enumerate(row.before, 1)
        ]
        return [*before, Host(f"last-{label(case)}.mx.test", ADDRESSES[RIGHT], RIGHT, tlsa and "match")]
    tlsa = POLICIES[case[0]].tlsa
    if case in ATTACK_CASES:
        return [Host(f"{label(case)}.mx.test", ATTACKER_ADDRESSES[case], RIGHT, tlsa)]
    zone = UNSIGNED if tlsa == "unsigned" else "mx.test"
    return [Host(f"{label(case)}.{zone}", ADDRESSES[case[1]], case[1], tlsa)]


def sts(case):
    return POLICIES[ROWS[case[1]].policy if case in ROW_CASES else case[0]].sts


HOSTS = [host for case in CASES for host in hosts(case)]


def digest(certificate, what):
    """SHA-256 of the certificate, or of its public key, in hexadecimal."""
    argv = ["openssl", "x509", "-in", certificate]
    der = subprocess.run([*argv, "-outform", "DER"], capture_output=True, check=True).stdout
    if what == "key":
        pem = subprocess.run([*argv, "-noout", "-pubkey"], capture_output=True, check=True).stdout
        argv = ["openssl", "pkey", "-pubin", "-outform", "DER"]
        der = subprocess.run(argv, input=pem, capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


class Shown:
    """The certificates, and the authority that signed them."""

    def __init__(self, folder):
        self.authority = Authority(folder)
        names = [host.name for host in HOSTS]
        self.files = {
            "self-signed": self.authority.issue(*names, self_signed=True),
            "expired": self.authority.issue(*names, expired=True),
            "wrong name": self.authority.issue("elsewhere.test"),
            RIGHT: self.authority.issue(*names),
        }
        for path in self.files.values():
            with path.open("a", encoding="ascii") as out:
                out.write(self.authority.pem)
        self.policy_host = self.authority.issue(*(f"mta-sts.{domain(case)}" for case in CASES))

    def tlsa(self, host):
        if host.tlsa == "authority":
            return [2, 0, 1, digest(self.authority.path, "certificate")]
        if host.tlsa == "mismatch":
            return [3, 1, 1, "0123456789abcdef" * 4]
        return [3, 1, 1, digest(self.files.get(host.server, self.files[RIGHT]), "key")]


def names(shown):
    """The whole world's DNS."""
    world = {}
    for case in CASES:
        name = domain(case)
        world[name] = {"MX": [[10 * i, host.name] for i, host in enumerate(hosts(case), 1)]}
        if sts(case):
            world[f"_mta-sts.{name}"] = {"TXT": ["v=STSv1; id=1;"]}
            world[f"mta-sts.{name}"] = {"A": [POLICY_HOSTS[sts(case)]]}
    for host in HOSTS:
        world[host.name] = {"A": [host.address]}
        if host.tlsa and host.tlsa != "SERVFAIL":
            world[f"_25._tcp.{host.name}"] = {"TLSA": [shown.tlsa(host)]}
    return world


def zones(peers, shown):
    return signedrig.SignedZones(
        peers,
        names(shown),
        bogus=[f"_25._tcp.{host.name}" for host in HOSTS if host.tlsa == "bogus"],
        broken=[f"_tcp.{host.name}" for host in HOSTS if host.tlsa == "SERVFAIL"],
        unsigned=UNSIGNED,
    )


def name_of(server):
    return f"{server.replace(' ', '-').lower()}.receiver.test"


def face(server, shown):
    """What Postfix shows at one address, and how it calls itself there."""
    settings = {"myhostname": name_of(server), "smtpd_tls_received_header": "yes"}
    if server in shown.files:
        settings |= {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": shown.files[server]}
    return f"{ADDRESSES[server]}:25", settings


def policy_host(shown, mode, port=0):
    text = f"version: STSv1\r\nmode: {mode}\r\nmx: *.mx.test\r\nmax_age: 86400\r\n"
    return HttpsRig(shown.policy_host, answer(text.encode()), POLICY_HOSTS[mode], port)


def own_secret(case):
    """What is in the message of this case alone."""
    return hashlib.sha256(label(case).encode()).hexdigest().encode()


class World:
    """All components, started; cleanup ends them."""

    def __init__(self, folder, peers, cleanup):
        self.capture, self.not_captured = capture.Capture(folder, WIRE), None
        shown = Shown(folder)
        self.kept = sink_module.Sink()
        cleanup.callback(self.kept.stop)
        peers.postfix(free_port(), self.kept.port, listeners=[face(server, shown) for server in SERVERS])
        self.attackers = {}
        for case, address in ATTACKER_ADDRESSES.items():
            attacker = attackers.Attacker(address, (ADDRESSES[RIGHT], 25), attackers.ATTACKS[case[1]])
            self.attackers[case] = cleanup.enter_context(attacker)
        testing = cleanup.enter_context(policy_host(shown, "testing"))
        cleanup.enter_context(policy_host(shown, "enforce", testing.port))
        dns = zones(peers, shown)
        (folder / "gateway").mkdir()
        self.gateway = gateway.Gateway(
            folder / "gateway",
            {
                "relay_networks": ["127.0.0.0/8"],
                "dns": {"server": dns.server, "trust_anchor": str(dns.anchor)},
                "fetch": {"ca_file": str(shown.authority.path), "private_addresses": True, "port": testing.port},
                "tls": {"authorities": str(shown.authority.path)},
            },
        ).start()
        cleanup.callback(self.gateway.stop)

    def send_all(self):
        """A message for each case; returns when each has its outcome, and what was relayed has arrived."""
        self.ids = {}
        for case in CASES:
            message = MESSAGE + own_secret(case) + b"\r\n"
            self.ids[case] = self.gateway.send(message, to=[f"you@{domain(case)}"], sender="alice@demo.test")
        eventually(lambda: len(self.outcomes()) == len(CASES), 120, "an outcome for each message")
        relayed = [o for o in self.outcomes().values() if o["event"] == "relayed"]
        eventually(lambda: len(self.kept.messages) == len(relayed), 30, "arrival of what was relayed")

    def send_all_captured(self):
        with contextlib.ExitStack() as captured:
            try:
                captured.enter_context(self.capture)
            except capture.Unavailable as why:
                self.not_captured = str(why)
            self.send_all()

    def outcomes(self):
        lines = self.gateway.log_lines()
        return {line["id"]: line for line in lines if line["event"] in ("relayed", "deferred", "failed")}

    def arrived(self, case):
        """The message as the server passed it on; None: it never had it."""
        for _, rcpts, octets in self.kept.messages:
            if any(f"you@{domain(case)}>" in rcpt for rcpt in rcpts):
                return octets.decode()
        return None

    def result(self, case, outcome, sessions):
        if outcome["event"] != "relayed":
            assert self.arrived(case) is None
            return f"{outcome['event']}, {outcome['status']}"
        # As the receiver saw it: its own Received field tells of TLS, and by which face it was taken.
        received = re.search(r"Received: from mx\.gatepost\.test .*?;", self.arrived(case), re.S)[0]
        assert any(f"by {name_of(host.server)}" in received for host in hosts(case))
        if "(using TLSv1" not in received:
            return CLEAR
        proven = sessions[-1]["policy"] in ("sts", "dane") and sessions[-1]["proof"] == "ok"
        return PROVEN if proven else TLS

    def place(self, case, sessions):
        """Of several hosts, which one was the last to be asked."""
        if case not in ROW_CASES:
            return ""
        taker = sessions[-1]["remote"].split(" ")[0]
        return " " + {hosts(case)[0].name: FIRST, hosts(case)[-1].name: LAST}.get(taker, f"at {taker}")

    def seen(self):
        """Case -> result and sessions, in the form of cases()."""
        outcomes, found = self.outcomes(), {}
        sessions = [line for line in self.gateway.log_lines() if line["event"] == "session"]
        for case, id_ in self.ids.items():
            own = [line for line in sessions if line["id"] == id_]
            summary = ", ".join(f"{session['policy']}: {session['decision']}" for session in own)
            found[case] = self.result(case, outcomes[id_], own) + self.place(case, own), summary
        return found


@pytest.fixture(scope="module")
def world(peer_root, module_scratch):
    with contextlib.ExitStack() as cleanup:
        peers = peers_module.Peers(peer_root, module_scratch)
        cleanup.callback(peers.stop)
        world = World(module_scratch, peers, cleanup)
        world.send_all_captured()
        yield world


@pytest.fixture(scope="module")
def seen(world):
    return world.seen()


@pytest.fixture(scope="module")
def wire(world):
    """All that was sent to and from mail servers, as it was on the wire."""
    if world.not_captured:
        pytest.skip(world.not_captured)
    return b"\0".join(world.capture.streams())


@pytest.mark.parametrize("case", MATRIX_CASES, ids=label)
def test_a_message_to_each_server_under_each_policy(seen, case):
    assert seen[case] == MATRIX_CASES[case]


@pytest.mark.parametrize("case", ATTACK_CASES, ids=label)
def test_a_message_past_each_attacker(world, seen, case):
    assert seen[case] == ATTACK_CASES[case]
    crossed = world.attackers[case].crossed
    assert b"EHLO mx.gatepost.test" in crossed
    leaked = [word for word in PRIVATE if word in crossed]
    assert leaked == (list(PRIVATE) if seen[case][0] == CLEAR else [])


@pytest.mark.parametrize("case", ROW_CASES, ids=label)
def test_a_message_to_the_next_host_when_the_first_will_not_do(seen, case):
    assert seen[case] == ROW_CASES[case]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_capture_of_the_wire(wire, seen, case):
    """A message that did not go in clear is not there: neither its recipient nor its text; one that did is found."""
    own = [f"you@{domain(case)}".encode(), own_secret(case)]
    assert [word for word in own if word in wire] == (own if seen[case][0].startswith(CLEAR) else [])


BEGINNING = """\
# What becomes of a message by TLS

Made by tests/system/test_tls_matrix.py of what it saw; do not edit. One gateway sends to a Postfix that shows, at five
addresses, no TLS, or a certificate that is self-signed, expired, for another name, or right. nsd serves the names,
signed; `dns.trust_anchor` is that root's key. HTTPS servers publish the MTA-STS policies. One authority, of the test's
own, is believed.

| a cell says | that is | `decision` in the log's event `session` |
|---|---|---|
| in clear | arrived without TLS | `clear` |
| TLS | arrived by TLS, from whomever | `deliver` |
| TLS, proven | the server showed what its domain's policy demands | `deliver` |
| 4.7.x | the message waits with this status: there was no TLS, or not that proof | `next` |
| 4.4.3 | the message waits, since the DNS did not answer; nobody was dialled | no session |

How it arrived is what the receiver's own trace field says. The second column is `policy` of the same event. All that
was on the wire to and from port 25 was captured (tcpdump): no recipient and no text of a message is in it but of those
that the tables have in clear.

## Servers and policies

"DANE match" is a TLSA record `3 1 1` of the key that the server has, which proves it whatever else its certificate says
(RFC 7672 section 3.1.1). "By the authority" is `2 0 1` of the authority: names and dates count (section 3.1.2). "Bogus"
are TLSA records whose signature is wrong; "unsigned" ones match, but prove nothing. With both kinds of policies DANE
decides (RFC 8461 section 2).

"""
ROWS_TEXT = """
## Several hosts

A domain's last host has the right name, and matches where there is DANE. Before it stands:

"""
ATTACKS_TEXT = """
## Attackers

Between the gateway and the server whose certificate is right stands somebody who writes another word over STARTTLS in
the answer to EHLO; refuses EHLO by 502; answers STARTTLS by 454, or by garbage; puts replies behind the server's 220,
in the same segment; says 220 and goes on in clear; or cuts the connection in the handshake. "Nothing" is the same way
without an attack. All octets that crossed were kept and searched: where a policy binds, nothing of the message, its
header or its envelope is among them.

"""


def table(cases_, columns, found):
    lines = [["", "`policy`", *columns], ["---"] * (len(columns) + 2)]
    for policy, group in itertools.groupby(cases_, key=lambda case: case[0]):
        results, sessions = zip(*(found[case] for case in group), strict=True)
        levels = sorted({session.split(":")[0] for session in sessions})
        lines.append([policy, ", ".join(levels), *(result.removeprefix("deferred, ") for result in results)])
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|\n" for line in lines)


def rows_table(found):
    lines = ["| before | message | sessions |\n| --- | --- | --- |\n"]
    lines += [f"| {case[1]} | {found[case][0]} | {found[case][1]} |\n" for case in ROW_CASES]
    return "".join(lines)


def test_the_document_tells_what_was_seen(seen):
    text = BEGINNING + table(MATRIX_CASES, SERVERS, seen) + ROWS_TEXT + rows_table(seen)
    text += ATTACKS_TEXT + table(ATTACK_CASES, attackers.ATTACKS, seen)
    if os.environ.get("GATEPOST_WRITE_DOCS"):
        DOCUMENT.write_text(text, encoding="utf-8")
    written = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    assert written == text, f"{DOCUMENT.name} is not what was seen; GATEPOST_WRITE_DOCS=1 writes it anew"
