# SPDX-License-Identifier: Apache-2.0
"""signer, alone: what it holds, what it signs, and what those who ask wrongly get."""

import os
import socket
import subprocess

import pytest
import rolerig
import tlsrig

SETTINGS = {"hostname": "mx.gatepost.test", "listen": [{"address": "127.0.0.1:2525"}], "log": {"format": "json"}}
TLS13 = b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + b"h" * 32
PATIENCE_S = 10
ECDSA_P256, RSA_PSS, RSA_PKCS1 = 0x0403, 0x0804, 0x0401
DONE, NO_KEY = 1, 2


@pytest.fixture
def signer():
    with rolerig.Role("signer", SETTINGS) as role:
        yield role
        assert role.process.poll() is None, role.log()


def give_key(signer, path, number=1):
    fd = os.open(path, os.O_RDONLY)
    signer.control.say("key", fd=fd, round=number, path=str(path).encode())
    os.close(fd)


class Client:
    """An smtpd's channel to signer."""

    def __init__(self, signer, index=0):
        self.channel = signer.peer("smtpd", index)
        self.channel.end.settimeout(PATIENCE_S)
        self.keys = self.secrets = None

    def hear(self, wanted):
        while heard := self.channel.hear():
            name, values = heard
            if name == "keys":
                ids = values["ids"]
                self.keys = [ids[i : i + 32] for i in range(0, len(ids), 32)]
                self.secrets = (values["tickets"], values["tickets_before"])
            if name == wanted:
                return values
        return None

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
