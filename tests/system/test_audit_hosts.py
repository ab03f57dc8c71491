# SPDX-License-Identifier: Apache-2.0
"""gatepost audit of hosts: faults planted in real Postfix servers, TLSA records and MTA-STS policies, and a domain that
has none.

The addresses are such as anybody could have, so that nothing about them is special; they are this test's alone, in a
network of its own.
"""

import contextlib
import hashlib
import json
import os
import socket
import ssl
import subprocess
import threading

import httpsrig
import pytest
import signedrig
from gateway import run
from peers import wait_for_port

WEB = "20.0.0.200"
KEY = subprocess.run(
    "openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -outform DER 2>/dev/null | base64 -w0",
    shell=True, capture_output=True, text=True, check=True,
).stdout  # fmt: skip
ENFORCE = "version: STSv1\nmode: enforce\nmx: *.{0}\nmax_age: 2419200\n"
SPARE = hashlib.sha256(b"the next key").hexdigest()


def is_alone():
    """In a network that nobody else is in, and to be changed?"""
    return os.geteuid() == 0 and [name for _, name in socket.if_nameindex()] == ["lo"]


pytestmark = pytest.mark.skipif(not is_alone(), reason="it gives itself addresses, in a network of its own")


def give_addresses(*addresses):
    for address in addresses:
        subprocess.run(["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True)


def key_digest(pem):
    """What a TLSA record 3 1 1 has of the first certificate."""
    argv = f"openssl x509 -in {pem} -noout -pubkey | openssl pkey -pubin -outform DER"
    return hashlib.sha256(subprocess.run(argv, shell=True, capture_output=True, check=True).stdout).hexdigest()


def with_key_first(pem, *more):
    """As Postfix wants it: the key, the certificate, and what else is to be sent."""
    text = pem.read_text(encoding="ascii")
    begin = text.index("-----BEGIN EC") if "-----BEGIN EC" in text else text.index("-----BEGIN", 100)
    path = pem.with_suffix(".first")
    path.write_text(text[begin:] + text[:begin] + "".join(more), encoding="ascii")
    return path


class World:
    """Domains with all that they should have; then what is wrong with each."""

    def __init__(self):
        self.names, self.hosts, self.policies = {}, {}, {}

    def domain(self, name, *addresses, policy=ENFORCE, tlsa=None):
        """Its hosts are mx1, mx2, ... at these addresses. tlsa: their records; policy: its answer, or a text."""
        self.names[name] = {
            "MX": [[10 * n, f"mx{n}.{name}"] for n in range(1, len(addresses) + 1)],
            "TXT": ["v=spf1 mx -all"],
            "CAA": [[0, "issue", "ca.test; accounturi=https://ca.test/a"], [0, "issuemail", ";"]],
        }
        self.names[f"_dmarc.{name}"] = {"TXT": [f"v=DMARC1; p=reject; rua=mailto:r@{name}"]}
        self.names[f"s1._domainkey.{name}"] = {"TXT": [f"v=DKIM1; k=rsa; p={KEY}"]}
        self.names[f"_smtp._tls.{name}"] = {"TXT": [f"v=TLSRPTv1; rua=mailto:t@{name}"]}
        if policy is not None:
            self.names[f"_mta-sts.{name}"] = {"TXT": ["v=STSv1; id=1"]}
            self.names[f"mta-sts.{name}"] = {"A": [WEB]}
            text = policy.format(name).encode() if isinstance(policy, str) else None
            self.policies[f"mta-sts.{name}"] = httpsrig.answer(text) if text else policy
        for number, address in enumerate(addresses, 1):
            host = f"mx{number}.{name}"
            self.names[host] = {"A": [address], "TXT": ["v=spf1 a -all"]}
            self.names[f"{address.split('.')[3]}.0.0.20.in-addr.arpa"] = {"PTR": [host]}
            if tlsa:
                self.names[f"_25._tcp.{host}"] = {"TLSA": tlsa}

    def web(self, authority):
        """The web server of all policies, which tells them from each other by the name that TLS is asked for."""

        def serve(tls):
            tls.sendall(self.policies[tls.asked])

        def note(tls, name, _context):
            tls.asked = name

        rig = httpsrig.HttpsRig(authority.issue(*self.policies), serve, WEB, 443)
        rig.context.sni_callback = note
        return rig


class Talker:
    """A server in clear, which says these lines to whatever it is told, and counts who comes."""

    def __init__(self, address, greeting, ehlo):
        self.greeting, self.ehlo, self.connections = greeting, ehlo, 0
        self.listener = socket.create_server((address, 25))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            connection.sendall(self.greeting)
            for line in lines:
                connection.sendall(self.ehlo if line.upper().startswith(b"EHLO A") else b"500 5.5.1 what?\r\n")

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Chooser(Talker):
    """One that has a certificate for each name, and shows the one that it is asked for; else the first."""

    def __init__(self, address, certificates):
        self.contexts, self.asked, self.said = {}, [], []
        for name, pem in certificates.items():
            context = self.contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.first = next(iter(self.contexts.values()))
        self.first.sni_callback = self.choose
        super().__init__(address, b"220 mx.a.test ESMTP\r\n", b"250-mx.a.test\r\n250 STARTTLS\r\n")

    def choose(self, tls, name, _context):
        self.asked.append(name)
        tls.context = self.contexts.get(name, self.first)

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.sendall(self.greeting)
            connection.recv(1000)
            connection.sendall(self.ehlo)
            connection.recv(1000)
            connection.sendall(b"220 go on\r\n")
            with self.first.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as lines:
                for line in lines:
                    self.said.append(line.split()[0].decode())
                    tls.sendall(b"250 mx.a.test\r\n")


def listener(address, name, certificate=None, **settings):
    """A row of Postfix's master.cf."""
    own = {"myhostname": name, "smtpd_tls_security_level": "may" if certificate else "none", **settings}
    if certificate:
        own["smtpd_tls_chain_files"] = certificate
    return f"{address}:25", own


def audit(peers, names, authority, *domains, more=("--json",)):
    """What is told; the DNS is nsd's, with signatures."""
    zones = signedrig.SignedZones(peers, names)
    config = zones.work / "gatepost.yaml"
    dns = {"server": zones.server, "trust_anchor": str(zones.anchor)}
    settings = {"hostname": "a.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": dns}
    config.write_text(json.dumps(settings), encoding="utf-8")
    argv = ["-c", config, "--probe-ca", authority.path, "--helo", "a.test", "--selector", "s1", *more, *domains]
    done = run("audit", *argv)
    assert (done.returncode, done.stderr) == (0, "")
    zones.peer.stop()
    return done.stdout


def by_domain(text):
    return {one["domain"]: one for one in map(json.loads, text.splitlines())}


def graves(domain):
    """What is wrong, and how grave it is."""
    return {f["id"]: f["severity"] for f in domain["findings"] if f["state"] == "fail"}


def unmeasured(domain):
    return {f["id"]: f["evidence"] for f in domain["findings"] if f["state"] == "not_measured"}


def tlsa(*digests):
    return [[3, 1, 1, digest] for digest in digests]


def test_planted_faults_are_found_in_real_hosts(peers, tmp_path):
    give_addresses(WEB, *(f"20.0.0.{n}" for n in range(1, 40)))
    authority = httpsrig.Authority(tmp_path)
    world, rows = World(), []

    def postfix(number, name, certificate, *more, **settings):
        settings = {"smtpd_tls_protocols": ">=TLSv1.2", **settings}
        rows.append(listener(f"20.0.0.{number}", name, certificate and with_key_first(certificate, *more), **settings))

    def issue(domain, *hosts, **options):
        return authority.issue(*(f"{host}.{domain}" for host in hosts), **options)

    # Nothing is wrong.
    both = issue("clean.test", "mx1", "mx2")
    world.domain("clean.test", "20.0.0.1", "20.0.0.2", tlsa=tlsa(key_digest(both), SPARE))
    postfix(1, "mx1.clean.test", both)
    postfix(2, "mx2.clean.test", both)
    # One fault each.
    world.domain("none.test", "20.0.0.3", policy=None)
    postfix(3, "mx1.none.test", None)
    world.domain("expired.test", "20.0.0.4")
    postfix(4, "mx1.expired.test", issue("expired.test", "mx1", expired=True))
    world.domain("name.test", "20.0.0.5")
    postfix(5, "mx1.name.test", issue("other.test", "mx1"))
    own = issue("self.test", "mx1", self_signed=True)
    world.domain("self.test", "20.0.0.6", policy=None)
    postfix(6, "mx1.self.test", own)
    world.domain("proven.test", "20.0.0.7", policy=None, tlsa=tlsa(key_digest(own), SPARE))
    postfix(7, "mx1.proven.test", own)
    world.domain("key.test", "20.0.0.8", tlsa=tlsa(SPARE))
    postfix(8, "mx1.key.test", chain := issue("key.test", "mx1"), authority.pem)
    world.domain("closed.test", "20.0.0.9", policy=None)
    world.domain("helo.test", "20.0.0.10")
    postfix(10, "localhost", issue("helo.test", "mx1"))
    weaker = issue("weaker.test", "mx1")
    world.domain("weaker.test", "20.0.0.11", "20.0.0.12", policy=None)
    postfix(11, "mx1.weaker.test", weaker)
    postfix(12, "mx2.weaker.test", own)
    world.domain("short.test", "20.0.0.13")
    postfix(13, "mx1.short.test", issue("short.test", "mx1", rsa_bits=1024), tls_high_cipherlist="ALL:@SECLEVEL=0")
    world.domain("broken.test", "20.0.0.22", policy=None)
    rows.append(listener("20.0.0.22", "mx1.broken.test", own))  # its key is not where Postfix wants it
    # Two keys, one of them without a TLSA record.
    ecdsa, rsa = issue("two.test", "mx1"), issue("two.test", "mx1", rsa_bits=2048)
    world.domain("two.test", "20.0.0.23", tlsa=tlsa(key_digest(ecdsa), SPARE))
    other = with_key_first(rsa).read_text(encoding="ascii")
    postfix(23, "mx1.two.test", ecdsa, other)
    # What Debian's Postfix takes unless told; and who has the newest alone.
    world.domain("old.test", "20.0.0.24")
    postfix(24, "mx1.old.test", issue("old.test", "mx1"), smtpd_tls_protocols=">=TLSv1")
    world.domain("newest.test", "20.0.0.25")
    postfix(25, "mx1.newest.test", issue("newest.test", "mx1"), smtpd_tls_protocols=">=TLSv1.3")
    # Policies.
    answer, good = httpsrig.answer, ENFORCE.format
    policies = {
        "redirect.test": (14, answer(b"", "301 Moved", ["Location: https://clean.test/"]), "a redirect"),
        "status.test": (15, answer(b"", "404 Not Found"), "another status than 200"),
        "type.test": (16, answer(good("type.test").encode(), fields=["Content-Type: text/html"]), "another media type"),
        "large.test": (17, answer(b"mx: a.test\n" * 7000), "over 64 KB"),
        "http.test": (18, b"", "no whole answer of HTTP"),
    }
    for name, (number, script, _) in policies.items():
        world.domain(name, f"20.0.0.{number}", policy=script)
        postfix(number, f"mx1.{name}", issue(name, "mx1"))
    world.domain("testing.test", "20.0.0.19", policy=ENFORCE.replace("enforce", "testing"))
    postfix(19, "mx1.testing.test", issue("testing.test", "mx1"))
    world.domain("nmx.test", "20.0.0.20", policy=ENFORCE.replace("mx:", "nmx:"))
    postfix(20, "mx1.nmx.test", issue("nmx.test", "mx1"))
    world.domain("uncovered.test", "20.0.0.21", policy=ENFORCE.replace("*.{0}", "mx9.{0}"))
    postfix(21, "mx1.uncovered.test", issue("uncovered.test", "mx1"))
    # Who cannot be measured, and who is shared.
    world.domain("busy.test", "20.0.0.30", policy=None, tlsa=tlsa(SPARE, SPARE[::-1]))
    world.domain("clear.test", "20.0.0.31", policy=None)
    world.domain("shared.test", "20.0.0.31", policy=None)
    world.names["shared.test"]["MX"] = [[10, "mx1.clear.test"]]
    world.domain("left.test", "20.0.0.32", policy=None)
    optout = tmp_path / "optout"
    optout.write_text("mx1.left.test\n", encoding="ascii")

    busy = Talker("20.0.0.30", b"421 4.7.0 too many\r\n", b"")
    clear = Talker("20.0.0.31", b"220 mx1.clear.test ESMTP\r\n", b"250-mx1.clear.test\r\n250 AUTH LOGIN\r\n")
    left = Talker("20.0.0.32", b"220 mx1.left.test ESMTP\r\n", b"250 mx1.left.test\r\n")
    peers.postfix(2526, 9, rows)
    for address, _ in rows:
        wait_for_port(25, address.split(":")[0])
    domains = [name for name in world.names if len(name.split(".")) == 2]
    with world.web(authority) as web:
        found = by_domain(audit(peers, world.names, authority, *domains, more=["--json", "--opt-out", optout]))
    for server in (busy, clear, left):
        server.stop()
    assert list(found) == domains
    assert graves(found["clean.test"]) == {}

    lone = {"mx.single": "info", "dane.none": "info"}
    without = {**lone, "sts.missing": "medium"}
    expected = {
        "none.test": {**without, "tls.none": "critical"},
        "broken.test": {**without, "tls.broken": "critical"},
        "expired.test": {**lone, "cert.expired": "critical", "sts.mx.tls": "critical"},
        "name.test": {**lone, "cert.name": "critical", "sts.mx.tls": "critical"},
        "self.test": {**without, "cert.self": "low"},
        "proven.test": {
            "mx.single": "info", "sts.missing": "medium", "cert.self": "info", "cert.name": "info",
        },
        "key.test": {"mx.single": "info", "dane.rollover.none": "low", "dane.mismatch": "critical"},
        "closed.test": {**without, "mx.unreachable": "high"},
        "helo.test": {**lone, "mx.helo": "medium"},
        "weaker.test": {
            "dane.none": "info", "sts.missing": "medium", "mx.backup.weaker": "medium", "cert.self": "low",
            "cert.name": "low",
        },
        "short.test": {**lone, "cert.key": "medium"},
        "old.test": {**lone, "tls.old": "medium"},
        "newest.test": lone,
        "testing.test": {**lone, "sts.mode.testing": "low"},
        "nmx.test": {**lone, "sts.policy.syntax": "high"},
        "uncovered.test": {**lone, "sts.mx.uncovered": "critical"},
        "clear.test": {**without, "tls.none": "critical", "auth.clear": "high"},
        "busy.test": {"mx.single": "info", "sts.missing": "medium"},
        "left.test": without,
        **{name: {**lone, "sts.policy.fetch": "high"} for name in policies},
    }  # fmt: skip
    assert {name: graves(found[name]) for name in expected} == expected
    for name, (_, _, cause) in policies.items():
        evidence = next(f["evidence"] for f in found[name]["findings"] if f["id"] == "sts.policy.fetch")
        assert evidence.startswith(cause), evidence

    # What was not said proves nothing.
    assert unmeasured(found["busy.test"])["tls.none"] == "mx1.busy.test 20.0.0.30: its greeting was 421"
    assert "asked not to be scanned" in unmeasured(found["left.test"])["tls.none"]
    assert left.connections == 0
    assert unmeasured(found["clean.test"]) == {} == unmeasured(found["newest.test"])
    old = next(f for f in found["old.test"]["findings"] if f["id"] == "tls.old")
    assert old["evidence"] == "mx1.old.test 20.0.0.24: TLS 1.0, TLS 1.1"
    # Two domains, one host, one look.
    assert {"tls.none", "auth.clear"} <= graves(found["shared.test"]).keys()
    assert clear.connections == 1
    assert web.connections == len(world.policies)

    # The records that are proposed end the finding.
    mismatch = next(f for f in found["key.test"]["findings"] if f["id"] == "dane.mismatch")
    values = [record["value"].split(" ") for record in mismatch["records"]]
    assert [3, 1, 1, key_digest(chain)] in [[int(u), int(s), int(m), data] for u, s, m, data in values]
    surveyed = ["key.test", "testing.test", "two.test"]
    with world.web(authority):
        zone = audit(peers, world.names, authority, "key.test", more=["--zone"])
    for value in values:
        assert f"_25._tcp.mx1.key.test.\t3600\tIN\tTLSA\t{' '.join(value)}\n" in zone
    assert f"; in place of _25._tcp.mx1.key.test.\tTLSA\t3 1 1 {SPARE}\n" in zone
    world.names["_25._tcp.mx1.key.test"] = {"TLSA": [[int(u), int(s), int(m), data] for u, s, m, data in values]}
    with world.web(authority):
        found = by_domain(audit(peers, world.names, authority, *surveyed, more=["--json", "--tls-survey"]))
    assert graves(found["key.test"]) == {"mx.single": "info"}
    assert unmeasured(found["key.test"]) == {}
    # A survey sees what a session and its versions do not: the key of another kind.
    assert graves(found["testing.test"]) == {**lone, "sts.mode.testing": "low"}
    assert graves(found["two.test"]) == {"mx.single": "info", "dane.mismatch": "critical"}


def test_each_name_of_an_address_is_asked_for_its_certificate(tmp_path):
    give_addresses("20.0.0.1")
    authority = httpsrig.Authority(tmp_path)
    shared = authority.issue("mx1.a.test", "mx3.a.test")
    server = Chooser("20.0.0.1", {
        "mx1.a.test": shared,
        "mx2.a.test": authority.issue("mx2.a.test"),
        "mx5.a.test": authority.issue("mx5.a.test", expired=True),
    })  # fmt: skip
    hosts = [f"mx{n}.a.test" for n in range(1, 6)]
    world = {"a.test": {"MX": [[10 * n, host] for n, host in enumerate(hosts, 1)]}}
    # Others lead there by the same names, and one by more than anybody is asked in.
    world["b.test"] = {"MX": [[10, "mx1.a.test"], [20, "mx4.a.test"]]}
    many = [f"mx{n}.many.test" for n in range(20)]
    world["many.test"] = {"MX": [[10, host] for host in many]}
    world.update({host: {"A": ["20.0.0.1"]} for host in hosts + many})
    # The key of the first is not that of the record: whether there is another for this name is asked, too.
    world["_25._tcp.mx3.a.test"] = {"TLSA": tlsa(SPARE, SPARE[::-1]), "secure": True}
    world["mx3.a.test"]["secure"] = True
    names = tmp_path / "names.json"
    names.write_text(json.dumps(world), encoding="utf-8")
    argv = ["--dns", names, "--probe", "--probe-rate", "0", "--probe-ca", authority.path, "--helo", "a.test", "--json"]
    done = run("audit", *argv, "a.test", "b.test")
    assert (done.returncode, done.stderr) == (0, "")
    found = by_domain(done.stdout)
    evidence = {f["id"]: f["evidence"] for f in found["a.test"]["findings"] if f["state"] == "fail"}
    assert evidence["cert.name"] == "mx4.a.test 20.0.0.1: it is for mx1.a.test mx3.a.test"
    assert evidence["cert.expired"].startswith("mx5.a.test 20.0.0.1: since ")
    assert "mx3.a.test 20.0.0.1: none of 2" in evidence["dane.mismatch"]
    assert graves(found["b.test"])["cert.name"] == "low"
    assert "cert.expired" not in graves(found["b.test"])
    # One talk, and one handshake more for each other name.
    assert server.said.count("HELP") == 1
    assert [server.asked.count(host) for host in hosts[1:]] == [1, 1, 1, 1]

    server.asked.clear()
    done = run("audit", *argv, "many.test")
    server.stop()
    assert len(set(server.asked)) == 9
    many = by_domain(done.stdout)["many.test"]
    assert graves(many)["cert.name"] == "low"


def test_nobody_is_looked_at_unless_wanted(tmp_path):
    give_addresses("20.0.0.1", "20.0.0.2")
    names = tmp_path / "names.json"
    world = {
        "a.test": {"MX": [[10, "mx.a.test"]]},
        "mx.a.test": {"A": ["20.0.0.1"]},
        "web.test": {"A": ["20.0.0.2"]},
        "private.test": {"MX": [[10, "mx.private.test"]]},
        "mx.private.test": {"A": ["127.0.0.3"]},
    }
    names.write_text(json.dumps(world), encoding="utf-8")
    server = Talker("20.0.0.1", b"220 mx.a.test\r\n", b"250 mx.a.test\r\n")
    others = [Talker(address, b"220 mx.a.test\r\n", b"250 mx.a.test\r\n") for address in ("20.0.0.2", "127.0.0.3")]
    argv = ["audit", "--json", "--dns", names, "--helo", "a.test", "a.test"]
    for more, known in ((["--no-probe"], False), ([], False), (["--probe"], True)):
        done = run(*argv, *more)
        assert done.returncode == 0, done.stderr
        assert ("tls.none" in graves(json.loads(done.stdout))) == known
        assert server.connections == known
    # Neither who has no MX record, nor an address that is ours alone.
    done = run(*argv, "--probe", "web.test", "private.test")
    assert [other.connections for other in others] == [0, 0]
    private = json.loads(done.stdout.splitlines()[2])
    assert "mx.private" in graves(private) and "127.0.0.3" in unmeasured(private)["tls.none"]
    assert run(*argv, "--probe", "--private", "private.test").returncode == 0
    assert [other.connections for other in others] == [0, 1]
    for one in (server, *others):
        one.stop()


def test_the_store_keeps_what_hosts_showed(tmp_path):
    give_addresses("20.0.0.1")
    names, store = tmp_path / "names.json", tmp_path / "store"
    names.write_text(json.dumps({"a.test": {"MX": [[10, "mx.a.test"]]}, "mx.a.test": {"A": ["20.0.0.1"]}}))
    argv = ["audit", "--dns", names, "--probe", "--helo", "a.test", "--store", store, "a.test"]
    argv += ["--evidence", tmp_path / "pack.zip"]
    for answer in (b"250 mx.a.test\r\n", b"250-mx.a.test\r\n250 AUTH PLAIN\r\n"):
        server = Talker("20.0.0.1", b"220 mx.a.test\r\n", answer)
        done = run(*argv)
        server.stop()
        assert done.returncode == 0, done.stderr
    told = run("audit", "diff", "--store", store, "--json", "a.test")
    assert "auth.clear" in told.stdout, told.stdout + told.stderr


def test_what_it_keeps_is_written_in_its_sandbox(tmp_path):
    give_addresses("20.0.0.1")
    names, kept, out, metrics = (tmp_path / name for name in ("names.json", "kept", "out", "metrics"))
    names.write_text(json.dumps({"a.test": {"MX": [[10, "mx.a.test"]]}, "mx.a.test": {"A": ["20.0.0.1"]}}))
    argv = ["audit", "--dns", names, "--probe", "--helo", "a.test", "--resume", kept, "-o", out, "--metrics", metrics]
    server = Talker("20.0.0.1", b"220 mx.a.test\r\n", b"250 mx.a.test\r\n")
    for _ in range(2):  # what was told of needs no second look
        done = run(*argv, "--progress", "a.test")
        assert done.returncode == 0, done.stderr
        assert server.connections == 1
    server.stop()
    assert "an MX host offers no TLS" in out.read_text(encoding="utf-8")
    assert kept.exists() and metrics.exists()


@pytest.mark.parametrize(
    "argv", [["--helo", "a b"], ["--probe-ca", "/absent"], ["--opt-out", "/absent"], ["--probe-rate", "x"]]
)
def test_mistakes_are_told(argv):
    done = run("audit", "--probe", *argv, "a.test")
    assert done.returncode != 0
    assert done.stderr.startswith("gatepost audit: ")
    assert done.stdout == ""
