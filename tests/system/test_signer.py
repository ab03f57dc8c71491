# SPDX-License-Identifier: Apache-2.0
"""signer, alone: what it holds, what it signs, and what those who ask wrongly get."""

import os
import socket
import subprocess
import time

import procs
import pytest
import rolerig
import tlsrig

SETTINGS = {"hostname": "mx.gatepost.test", "listen": [{"address": "127.0.0.1:2525"}], "log": {"format": "json"}}
TLS13 = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + b"h" * 32
PATIENCE_S = 60
ECDSA_P256, RSA_PSS, RSA_PKCS1 = 0x0403, 0x0804, 0x0401
DONE, NO_KEY = 1, 2
RSA, ED25519 = 1, 2
DIGEST = bytes(range(32))


@pytest.fixture
def signer():
    with rolerig.Role("signer", SETTINGS) as role:
        yield role
        assert role.process.poll() is None, role.log()


def give_key(signer, path, number=1):
    fd = os.open(path, os.O_RDONLY)
    signer.control.say("key", fd=fd, round=number, path=str(path).encode())
    os.close(fd)


def give_dkim_keys(signer, texts):
    """texts: domain to what its file says; None: it could not be read."""
    fd = os.memfd_create("dkim")
    files = []
    for domain, text in texts.items():
        os.write(fd, text or b"")
        files.append({"domain": domain, "size": len(text or b"")})
    signer.control.say("dkim_keys", fd=fd, files=files)
    os.close(fd)


class Client:
    """A channel to signer, smtpd's or that of another role."""

    def __init__(self, signer, index=0, role="smtpd"):
        self.channel = signer.peer(role, index)
        self.channel.end.settimeout(PATIENCE_S)
        self.keys = self.secrets = self.signers = None

    def hear(self, wanted):
        while heard := self.channel.hear():
            name, values = heard
            if name == "keys":
                ids = values["ids"]
                self.keys = [ids[i : i + 32] for i in range(0, len(ids), 32)]
                self.secrets = (values["tickets"], values["tickets_before"])
            if name == "dkim_signers":
                self.signers = [(v["domain"], v["selector"], v["algorithm"]) for v in values["signers"]]
            if name == wanted:
                return values
        return None

    def wait_for_signers(self, signers):
        while self.signers != signers:
            assert self.hear("dkim_signers"), "signer has closed the channel"

    def sign_mail(self, selector=b"r", domain=b"a.test", digest=DIGEST, ticket=7):
        self.channel.say("dkim_sign", ticket=ticket, domain=domain, selector=selector, digest=digest)
        return self.hear("dkim_signature")

    def wait_for_keys(self, count):
        while self.keys is None or len(self.keys) != count:
            assert self.hear("keys"), "signer has closed the channel"
        return self.keys

    def sign(self, key, scheme=ECDSA_P256, data=TLS13, ticket=7):
        self.channel.say("sign", ticket=ticket, key=key, scheme=scheme, input=data)
        return self.hear("signature")


def verify(certificate, data, signature, folder):
    public = folder / "public.pem"
    text = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    public.write_bytes(text.stdout)
    (folder / "data").write_bytes(data)
    (folder / "signature").write_bytes(signature)
    argv = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", folder / "signature", folder / "data"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def test_it_signs_with_the_keys_it_was_given(signer, tmp_path):
    certificate, key = tlsrig.make(tmp_path)
    give_key(signer, key)
    client = Client(signer)
    (id,) = client.wait_for_keys(1)
    answer = client.sign(id, ticket=42)
    assert (answer["ticket"], answer["result"]) == (42, DONE)
    assert verify(certificate, TLS13, answer["signature"], tmp_path)


def test_answers_come_in_order(signer, tmp_path):
    give_key(signer, tlsrig.make(tmp_path)[1])
    client = Client(signer)
    (id,) = client.wait_for_keys(1)
    for ticket in range(300):
        client.channel.say("sign", ticket=ticket, key=id, scheme=ECDSA_P256, input=TLS13)
    assert [client.hear("signature")["ticket"] for _ in range(300)] == list(range(300))


def test_all_are_told_of_new_keys_and_of_the_same_secret(signer, tmp_path):
    clients = [Client(signer, i) for i in range(2)]
    give_key(signer, tlsrig.make(tmp_path, stem="a")[1])
    for client in clients:
        client.wait_for_keys(1)
    give_key(signer, tlsrig.make(tmp_path, stem="b", kind="rsa")[1], 2)
    for client in clients:
        client.wait_for_keys(2)
    assert clients[0].keys == clients[1].keys
    assert clients[0].secrets == clients[1].secrets
    assert len(clients[0].secrets[0]) == 80 and clients[0].secrets[0] != b"\0" * 80


def test_a_key_that_it_has_not(signer):
    client = Client(signer)
    client.wait_for_keys(0)
    assert client.sign(b"k" * 32)["result"] == NO_KEY
    assert client.sign(b"")["result"] == NO_KEY


BAD = {
    "a digest": {"data": b"d" * 32},
    "nothing": {"data": b""},
    "a client's proof": {"data": TLS13.replace(b"server", b"client")},
    "a mail": {"data": b"From: a@example.org\r\n\r\n"},
    "a scheme of another key": {"scheme": RSA_PSS},
    "a scheme that is none": {"scheme": 0},
    "an old scheme in TLS 1.3": {"scheme": RSA_PKCS1},
}


@pytest.mark.parametrize("what", BAD)
def test_what_it_does_not_sign_ends_that_channel_only(signer, tmp_path, what):
    give_key(signer, tlsrig.make(tmp_path)[1])
    hostile, other = Client(signer), Client(signer, 1)
    (id,) = hostile.wait_for_keys(1)
    other.wait_for_keys(1)
    assert hostile.sign(id, **BAD[what]) is None
    assert other.sign(id)["result"] == DONE
    assert "bad_request" in signer.log()
    again = Client(signer)
    again.wait_for_keys(1)
    assert again.sign(id)["result"] == DONE


@pytest.mark.parametrize("number", range(len(rolerig.MESSAGES) + 2))
def test_a_message_that_it_may_not_hear_ends_that_channel_only(signer, number):
    hostile, other = Client(signer), Client(signer, 1)
    other.wait_for_keys(0)
    hostile.channel.say_raw(number, b"\xff" * 7)
    assert hostile.hear("signature") is None
    assert other.sign(b"k" * 32)["result"] == NO_KEY


def test_one_that_reads_nothing_stops_nobody(signer, tmp_path):
    give_key(signer, tlsrig.make(tmp_path)[1])
    hostile, other = Client(signer), Client(signer, 1)
    (id,) = hostile.wait_for_keys(1)
    other.wait_for_keys(1)
    hostile.channel.end.settimeout(1)
    try:
        for _ in range(5000):
            hostile.channel.say("sign", ticket=1, key=id, scheme=ECDSA_P256, input=TLS13)
    except (TimeoutError, OSError):
        pass
    assert other.sign(id)["result"] == DONE


def pipe():
    return os.pipe()[0]


ODD_FILES = {
    "a pipe": pipe,
    "a socket": lambda: socket.socketpair()[0].detach(),
    "a device without end": lambda: os.open("/dev/zero", os.O_RDONLY),
    "a folder": lambda: os.open("/", os.O_RDONLY),
    "an empty file": lambda: os.memfd_create("empty"),
    "a file of holes": lambda: large(),
}


def large():
    fd = os.memfd_create("large")
    os.ftruncate(fd, 2**40)
    return fd


@pytest.mark.parametrize("what", ODD_FILES)
def test_a_file_that_is_no_key_is_told_of(signer, tmp_path, what):
    fd = ODD_FILES[what]()
    signer.control.say("key", fd=fd, round=1, path=b"odd\r\n{}")
    os.close(fd)
    give_key(signer, tlsrig.make(tmp_path)[1])
    client = Client(signer)
    client.wait_for_keys(1)
    assert "key_refused" in signer.log()


def test_other_roles_take_no_keys(tmp_path):
    with rolerig.Role("resolver", {**SETTINGS, "dns": {"answers": {"text": "{}"}}}) as resolver:
        give_key(resolver, tlsrig.make(tmp_path)[1])
        assert resolver.process.wait(10) != 0


class Rings:
    """Keys for mail, made by the openssl program, and files of them."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = {}

    def key(self, name, *kind):
        if name not in self.paths:
            self.paths[name] = self.folder / f"{name}.key"
            argv = ["openssl", "genpkey", *kind, "-out", self.paths[name]]
            subprocess.run(argv, check=True, capture_output=True)
        return "".join(self.paths[name].read_text().splitlines()[1:-1])

    def rsa(self, name="rsa"):
        return "rsa-sha256", self.key(name, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")

    def ed25519(self, name="ed25519"):
        return "ed25519-sha256", self.key(name, "-algorithm", "ED25519")

    def text(self, domain, *keys):
        """keys: (selector, state, (algorithm, private half))"""
        lines = ["gatepost-dkim 1", f"domain {domain}"]
        lines += [f"key {s} {algorithm} {state} 1 1 AAAA {half}" for s, state, (algorithm, half) in keys]
        return "".join(line + "\n" for line in lines).encode()

    def verifies(self, name, signature):
        (self.folder / "digest").write_bytes(DIGEST)
        (self.folder / "signature").write_bytes(signature)
        argv = ["openssl", "pkeyutl", "-verify", "-inkey", self.paths[name], "-in", self.folder / "digest",
                "-sigfile", self.folder / "signature"]
        argv += ["-rawin"] if name == "ed25519" else ["-pkeyopt", "digest:sha256"]
        return subprocess.run(argv, check=False, capture_output=True).returncode == 0


@pytest.fixture
def rings(tmp_path):
    return Rings(tmp_path)


def both(rings, domain="a.test"):
    return rings.text(domain, ("r", "active", rings.rsa()), ("e", "active", rings.ed25519()))


BOTH = [(b"a.test", b"r", RSA), (b"a.test", b"e", ED25519)]


@pytest.mark.parametrize("role", ["smtpd", "reports"])
def test_mail_is_signed(signer, rings, role):
    client = Client(signer, role=role)
    client.wait_for_signers([])
    give_dkim_keys(signer, {b"a.test": both(rings)})
    client.wait_for_signers(BOTH)
    for selector, name in ((b"r", "rsa"), (b"e", "ed25519")):
        answer = client.sign_mail(selector, ticket=42)
        assert (answer["ticket"], answer["result"]) == (42, DONE)
        assert rings.verifies(name, answer["signature"])


def test_web_hears_nothing_of_mail_and_reports_nothing_of_handshakes(signer, rings):
    give_dkim_keys(signer, {b"a.test": both(rings)})
    web, reports = Client(signer, role="web"), Client(signer, role="reports")
    web.wait_for_keys(0)
    reports.wait_for_signers(BOTH)
    assert web.signers is None and reports.keys is None
    assert web.sign_mail() is None
    assert reports.sign(b"k" * 32) is None


def test_keys_change_while_mail_is_on_its_way(signer, rings):
    client = Client(signer)
    give_dkim_keys(signer, {b"a.test": both(rings)})
    client.wait_for_signers(BOTH)
    changed = (("r", "retiring", rings.rsa()), ("e", "pending", rings.ed25519()), ("n", "active", rings.rsa("new")))
    give_dkim_keys(signer, {b"a.test": rings.text("a.test", *changed)})
    client.wait_for_signers([(b"a.test", b"n", RSA)])
    assert client.sign_mail(b"n")["result"] == DONE
    assert client.sign_mail(b"r")["result"] == DONE, "it was asked for before that was heard"
    assert client.sign_mail(b"e")["result"] == NO_KEY
    give_dkim_keys(signer, {})
    client.wait_for_signers([])
    assert client.sign_mail(b"n")["result"] == NO_KEY


def test_who_has_no_key(signer, rings):
    client = Client(signer)
    other = rings.text("b.test", ("s", "active", rings.ed25519("b")))
    give_dkim_keys(signer, {b"a.test": both(rings), b"b.test": other})
    for domain, selector in ((b"b.test", b"r"), (b"a.test", b"s"), (b"a.test", b""), (b"", b"r"), (b"A.TEST", b"r"),
                             (b"a.test\0", b"r")):
        assert client.sign_mail(selector, domain)["result"] == NO_KEY


@pytest.mark.parametrize("length", [0, 20, 31, 33, 48, 64])
def test_what_is_no_digest_ends_that_channel_only(signer, rings, length):
    hostile, other = Client(signer), Client(signer, 1)
    give_dkim_keys(signer, {b"a.test": both(rings)})
    assert hostile.sign_mail(digest=b"d" * length) is None
    assert other.sign_mail()["result"] == DONE
    assert "bad_request" in signer.log()


def test_a_key_of_handshakes_signs_no_mail(signer, rings, tmp_path):
    give_dkim_keys(signer, {b"a.test": both(rings)})
    give_key(signer, rings.paths["rsa"])
    client = Client(signer)
    client.wait_for_keys(1)
    assert client.sign_mail(b"r")["result"] == NO_KEY
    assert client.sign_mail(b"e")["result"] == DONE


FILES = {
    "not readable": None,
    "no file of keys": b"-----BEGIN PRIVATE KEY-----\n",
    "of another domain": b"gatepost-dkim 1\ndomain b.test\n",
    "cut off": b"gatepost-dkim 1\ndomain a.test\nkey r rsa-sha256 active 1 1 AAAA",
    "larger than it may be": b"#" * 70_000,
}


@pytest.mark.parametrize("what", FILES)
def test_a_domain_whose_keys_cannot_be_read_is_told_of(signer, rings, what):
    client = Client(signer)
    give_dkim_keys(signer, {b"a.test": FILES[what], b"b.test": both(rings, "b.test")})
    client.wait_for_signers([(b"a.test", b"", 0), (b"b.test", b"r", RSA), (b"b.test", b"e", ED25519)])
    assert client.sign_mail(b"")["result"] == NO_KEY
    assert client.sign_mail(domain=b"b.test")["result"] == DONE
    assert (FILES[what] is None) or "dkim_keys_refused" in signer.log()


@pytest.mark.parametrize("what", ODD_FILES)
def test_keys_of_mail_from_odd_files(signer, what):
    client = Client(signer)
    fd = ODD_FILES[what]()
    signer.control.say("dkim_keys", fd=fd, files=[{"domain": b"a.test", "size": 100}])
    os.close(fd)
    give_dkim_keys(signer, {b"b.test": None})
    client.wait_for_signers([(b"b.test", b"", 0)])


def test_a_flood_keeps_no_handshake_waiting(signer, rings, tmp_path):
    give_dkim_keys(signer, {b"a.test": both(rings)})
    give_key(signer, tlsrig.make(tmp_path)[1])
    hostile, other = Client(signer), Client(signer, 1)
    (id,) = other.wait_for_keys(1)
    hostile.channel.end.setblocking(False)
    longest_s = sent = 0
    for _ in range(20):
        try:
            while True:
                hostile.channel.say("dkim_sign", ticket=sent, domain=b"a.test", selector=b"r", digest=DIGEST)
                sent += 1
        except BlockingIOError:
            pass
        began_s = procs.cpu_s(signer.process.pid)
        assert other.sign(id)["result"] == DONE
        longest_s = max(longest_s, procs.cpu_s(signer.process.pid) - began_s)
    assert sent > 100 and longest_s < 1
    hostile.channel.end.settimeout(PATIENCE_S)
    assert [hostile.hear("dkim_signature")["ticket"] for _ in range(sent)] == list(range(sent))


def test_many_domains(signer, rings):
    client = Client(signer)
    client.wait_for_signers([])
    names = [f"domain-{i}.test" for i in range(1024)]
    began = time.monotonic()
    give_dkim_keys(signer, {name.encode(): both(rings, name) for name in names})
    client.wait_for_signers([(n.encode(), s, a) for n in names for s, a in ((b"r", RSA), (b"e", ED25519))])
    assert time.monotonic() - began < PATIENCE_S
    assert client.sign_mail(domain=names[-1].encode())["result"] == DONE
