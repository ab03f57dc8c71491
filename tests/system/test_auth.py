# SPDX-License-Identifier: Apache-2.0
"""The role auth on its own, in its sandbox: exchanges, checks, guessing, and an smtpd that has fallen."""

import base64
import json
import os
import socket
import statistics
import subprocess
import time

import pytest
import rolerig
from gateway import eventually, free_port, run
from scram import Scram, attributes

OK, BAD, MALFORMED, TEMPORARY, LOCKED, UNKNOWN = 1, 2, 3, 4, 5, 6
HERE, BESIDE, ELSEWHERE = b"\x7f\0\0\1", b"\x7f\0\0\2", b"\x0a\1\2\3"
PASSWORDS = {"alice@example.org": "wonderland", "bob@example.org": "builder", "printer": "paper"}


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """The text of a file that `gatepost user` made; alice has keys for SCRAM."""
    folder = tmp_path_factory.mktemp("users")
    config = folder / "gatepost.yaml"
    config.write_text(json.dumps(settings(users={"file": "users"})), encoding="utf-8")
    rights = {
        "alice@example.org": ["--scram"],
        "printer": ["--from", "scans@example.org,@office.test", "--hourly", "5", "--daily", "9"],
    }
    for name, password in PASSWORDS.items():
        done = run("user", "add", "-c", config, *rights.get(name, []), name, input=password + "\n")
        assert done.returncode == 0, done.stderr
    return (folder / "users").read_text(encoding="utf-8")


def settings(**more):
    return {
        "hostname": "mx.gatepost.test",
        "state": "/nowhere",
        "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
        "users": {"file": "/nowhere/users"},
        "log": {"format": "json"},
        **more,
    }


@pytest.fixture
def auth(users):
    """auth(failures=..., ...) starts the role; the keys are those of `auth`."""
    running = []

    def start(more=None, **keys):
        role = rolerig.Role("auth", settings(auth={"delay": "0", **keys}, **(more or {})), users=users)
        running.append(role.start())
        return role

    yield start
    for role in running:
        assert role.process.poll() is None, role.log()
        code = role.stop()
        assert code == 0, role.log()


class Smtpd:
    """A worker's channel. Exchanges are told apart by their tickets."""

    def __init__(self, role, index=0):
        self.channel = role.peer("smtpd", index)
        self.ticket = 0

    def begin(self, mechanism, initial=None, address=HERE, ticket=None, **binding):
        self.ticket += 1
        ticket = self.ticket if ticket is None else ticket
        values = {"tls_exporter": b"", "tls_server_end_point": b"", **binding}
        self.channel.say(
            "auth_begin",
            ticket=ticket,
            mechanism=mechanism.encode(),
            has_initial=initial is not None,
            initial=initial or b"",
            address=address,
            **values,
        )
        return ticket

    def step(self, response, ticket=None):
        self.channel.say("auth_step", ticket=self.ticket if ticket is None else ticket, response=response)

    def hear(self):
        heard = self.channel.hear()
        assert heard, "auth has closed the channel"
        return heard

    def challenge(self):
        name, values = self.hear()
        assert name == "auth_challenge", values
        return values["challenge"]

    def result(self):
        name, values = self.hear()
        assert name == "auth_result", values
        return values

    def plain(self, name, password, address=HERE):
        self.begin("PLAIN", f"\0{name}\0{password}".encode(), address)
        return self.result()


def scram(smtpd, client, mechanism="SCRAM-SHA-256", **binding):
    """The result of an exchange."""
    smtpd.begin(mechanism, client.first(), **binding)
    smtpd.step(client.final(smtpd.challenge()))
    name, values = smtpd.hear()
    if name == "auth_result":
        return values
    assert client.trusts(values["challenge"])
    smtpd.step(b"")
    return smtpd.result()


def test_passwords(auth):
    smtpd = Smtpd(auth())
    for name, password in PASSWORDS.items():
        assert smtpd.plain(name.upper(), password)["result"] == OK
    assert smtpd.plain("alice@example.org", "builder")["result"] == BAD
    assert smtpd.plain("nobody@example.org", "builder")["result"] == BAD
    smtpd.begin("LOGIN")
    assert smtpd.challenge() == b"Username:"
    smtpd.step(b"bob@example.org")
    assert smtpd.challenge() == b"Password:"
    smtpd.step(b"builder")
    assert smtpd.result()["user"] == b"bob@example.org"


def test_what_a_user_may_do_comes_with_the_result(auth):
    smtpd = Smtpd(auth())
    alice = smtpd.plain("alice@example.org", "wonderland")
    assert [a["address"] for a in alice["from"]] == [b"alice@example.org"]
    assert (alice["user"], alice["hourly"], alice["daily"]) == (b"alice@example.org", 0, 0)
    printer = smtpd.plain("printer", "paper")
    assert [a["address"] for a in printer["from"]] == [b"scans@example.org", b"@office.test"]
    assert (printer["hourly"], printer["daily"]) == (5, 9)
    refused = smtpd.plain("printer", "toner")
    assert (refused["user"], refused["from"], refused["hourly"]) == (b"", [], 0)


def test_scram(auth):
    smtpd = Smtpd(auth())
    assert scram(smtpd, Scram("alice@example.org", "wonderland"))["user"] == b"alice@example.org"
    assert scram(smtpd, Scram("alice@example.org", "underland"))["result"] == BAD
    bound = Scram("alice@example.org", "wonderland", b"E" * 32)
    assert scram(smtpd, bound, "SCRAM-SHA-256-PLUS", tls_exporter=b"E" * 32)["result"] == OK
    assert scram(smtpd, bound, "SCRAM-SHA-256-PLUS", tls_exporter=b"F" * 32)["result"] == BAD


def test_scram_does_not_tell_who_is_there(auth):
    """bob has no keys, nobody is nobody: each has a salt that stays, as alice has."""
    smtpd = Smtpd(auth())
    for name in ("alice@example.org", "bob@example.org", "nobody@example.org"):
        seen = set()
        for _ in range(2):
            smtpd.begin("SCRAM-SHA-256", Scram(name, "").first())
            said = attributes(smtpd.challenge())
            seen.add((said["s"], said["i"]))
        assert len(seen) == 1, name
        ((salt, iterations),) = seen
        assert (len(base64.b64decode(salt)), iterations) == (16, "100000"), name
    assert scram(smtpd, Scram("bob@example.org", "builder"))["result"] == BAD


@pytest.mark.parametrize(
    "mechanism, initial, result",
    [
        ("PLAIN", b"\0alice@example.org\0won\nderland", MALFORMED),
        ("PLAIN", b"\0alice@example.org\n\0wonderland", MALFORMED),
        ("PLAIN", b"\0alice@example.org\0wonderland\0", MALFORMED),
        ("PLAIN", b"", MALFORMED),
        ("PLAIN", b"bob@example.org\0alice@example.org\0wonderland", BAD),
        ("SCRAM-SHA-256", b"y,,n=alice@example.org,r=x", None),
        ("OAUTHBEARER", b"n,,\1auth=Bearer x\1\1", UNKNOWN),
        ("CRAM-MD5", None, UNKNOWN),
        ("", None, UNKNOWN),
    ],
)
def test_other_exchanges(auth, mechanism, initial, result):
    smtpd = Smtpd(auth())
    smtpd.begin(mechanism, initial)
    if result is None:
        assert smtpd.challenge()
    else:
        assert smtpd.result()["result"] == result
    assert smtpd.plain("bob@example.org", "builder")["result"] == OK


def test_unknown_users_cost_as_much(auth):
    smtpd = Smtpd(auth(failures=1000, failures_per_source=1000, failures_per_network=1000))

    def cost(name):
        begun = time.monotonic()
        assert smtpd.plain(name, "wrong")["result"] == BAD
        return time.monotonic() - begun

    known, unknown = [], []
    for _ in range(7):
        known.append(cost("alice@example.org"))
        unknown.append(cost("nobody@example.org"))
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2


def test_failures_wait_and_lock(auth):
    role = auth(delay="200ms", failures=3, lock="2s")
    smtpd = Smtpd(role)

    def seconds(name, password, address, result):
        begun = time.monotonic()
        assert smtpd.plain(name, password, address)["result"] == result
        return time.monotonic() - begun

    assert 0.2 <= seconds("alice@example.org", "a", HERE, BAD)
    assert 0.4 <= seconds("alice@example.org", "b", BESIDE, BAD)
    assert 0.8 <= seconds("alice@example.org", "c", HERE, BAD)
    assert seconds("alice@example.org", "wonderland", ELSEWHERE, LOCKED) < 0.5
    assert seconds("bob@example.org", "builder", ELSEWHERE, OK) < 1
    eventually(lambda: smtpd.plain("alice@example.org", "wonderland", ELSEWHERE)["result"] == OK, what="an end")
    assert '"auth_locked"' in role.log()


def test_guesses_side_by_side_are_no_more(auth):
    """All are begun before the first has failed; no more are checked than one after the other would be."""
    smtpd = Smtpd(auth(failures=5, delay="10ms"))
    guesses = [smtpd.begin("PLAIN", b"\0alice@example.org\0guess", bytes([10, n, 0, 1])) for n in range(60)]
    results = [smtpd.result()["result"] for _ in guesses]
    assert results.count(BAD) == 5 and results.count(LOCKED) == 55


def test_proofs_side_by_side_are_no_more(auth):
    smtpd = Smtpd(auth(failures=5, delay="10ms"))
    finals = {}
    for n in range(12):
        client = Scram("alice@example.org", "guess")
        ticket = smtpd.begin("SCRAM-SHA-256", client.first(), bytes([10, n, 0, 1]))
        finals[ticket] = client.final(smtpd.challenge())
    for ticket, final in finals.items():
        smtpd.step(final, ticket)
    results = [smtpd.result()["result"] for _ in finals]
    assert results.count(BAD) == 5 and results.count(LOCKED) == 7


def test_one_source_does_not_fill_the_line(auth):
    smtpd = Smtpd(auth())
    for _ in range(40):
        smtpd.begin("PLAIN", b"\0bob@example.org\0builder")
    smtpd.begin("PLAIN", b"\0alice@example.org\0wonderland", ELSEWHERE)
    results = [smtpd.result() for _ in range(41)]
    assert sum(r["result"] == TEMPORARY for r in results) >= 20
    assert [r["result"] for r in results if r["user"] == b"alice@example.org"] == [OK]


def test_checks_stall_nobody(auth):
    """A challenge is there before the checks that began earlier are done."""
    smtpd = Smtpd(auth())
    for _ in range(10):
        smtpd.begin("PLAIN", b"\0bob@example.org\0builder")
    login = smtpd.begin("LOGIN", address=ELSEWHERE)
    order = [smtpd.hear() for _ in range(11)]
    (place,) = [i for i, (name, values) in enumerate(order) if name == "auth_challenge"]
    assert order[place][1]["ticket"] == login and place < 8


def test_the_file_may_change(auth, users):
    role = auth()
    smtpd = Smtpd(role)
    alice = next(line for line in users.splitlines() if line.startswith("alice"))
    role.tell_users(alice.replace("alice@", "carol@") + "\nwrong\n")
    eventually(lambda: role.log().count('"users_read"') == 2, what="the new file")
    assert smtpd.plain("carol@example.org", "wonderland")["result"] == OK
    assert smtpd.plain("alice@example.org", "wonderland")["result"] == BAD
    assert '"users_mistake"' in role.log() and "wonderland" not in role.log()


def test_one_who_goes_is_forgotten(auth):
    smtpd = Smtpd(auth(delay="1s"))
    ticket = smtpd.begin("PLAIN", b"\0alice@example.org\0wrong")
    smtpd.channel.say("auth_cancel", ticket=ticket)
    smtpd.channel.say("auth_cancel", ticket=12345)
    assert smtpd.plain("bob@example.org", "builder", ELSEWHERE)["user"] == b"bob@example.org"


# --- limits ---

TAKEN, HOURLY, DAILY = 1, 2, 3


def count(smtpd, user, recipients):
    smtpd.ticket += 1
    smtpd.channel.say("quota_wanted", ticket=smtpd.ticket, user=user.encode(), recipients=recipients)
    name, values = smtpd.hear()
    assert (name, values["ticket"]) == ("quota", smtpd.ticket)
    return values["result"]


def test_recipients_have_limits(auth):
    role = auth(more={"submission": {"hourly": 3, "daily": 4}})
    first, second = Smtpd(role), Smtpd(role, 1)
    alice = first.plain("alice@example.org", "wonderland")
    assert (alice["hourly"], alice["daily"]) == (3, 4)
    assert count(first, "alice@example.org", 2) == TAKEN
    assert count(second, "alice@example.org", 2) == HOURLY
    assert count(second, "alice@example.org", 1) == TAKEN
    assert count(second, "bob@example.org", 3) == TAKEN
    # The file of users says otherwise.
    assert count(first, "printer", 5) == TAKEN
    assert count(first, "printer", 1) == HOURLY
    # Other limits count what was counted before.
    role.tell_config(settings(auth={"delay": "0"}, submission={"hourly": 0, "daily": 4}))
    eventually(lambda: count(first, "alice@example.org", 1) == TAKEN, what="the reload")
    assert count(second, "alice@example.org", 1) == DAILY
    # What smtpd had counted outlives it.
    assert count(Smtpd(role, 0), "alice@example.org", 1) == DAILY


# --- tokens ---


class Issuer:
    """Signs tokens by ES256, with openssl."""

    def __init__(self, folder):
        self.key, self.text = folder / "key.pem", folder / "text"
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        point = self.openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")[-64:]
        key = {"kty": "EC", "crv": "P-256", "kid": "k", "x": self.b64(point[:32]), "y": self.b64(point[32:])}
        self.jwks = json.dumps({"keys": [key]})

    @staticmethod
    def openssl(*argv):
        return subprocess.run(["openssl", *map(str, argv)], capture_output=True, check=True).stdout

    @staticmethod
    def b64(octets):
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    def sign(self, **claims):
        usual = {"iss": "https://i.test", "aud": "mail", "exp": time.time() + 60, "email": "Alice@example.org"}
        claims = {**usual, **claims}
        parts = [json.dumps(part).encode() for part in ({"alg": "ES256", "kid": "k"}, claims)]
        text = ".".join(map(self.b64, parts))
        self.text.write_text(text)
        der = self.openssl("dgst", "-sha256", "-sign", self.key, self.text)
        r_len = der[3]
        both = der[4 : 4 + r_len], der[6 + r_len :]
        raw = b"".join(n.lstrip(b"\0").rjust(32, b"\0") for n in both)
        return f"{text}.{self.b64(raw)}".encode()


def bearer(smtpd, token, user=b"", address=HERE):
    """The result of OAUTHBEARER."""
    smtpd.begin("OAUTHBEARER", b"n,%s,\1auth=Bearer %s\1\1" % (user and b"a=" + user, token), address)
    name, values = smtpd.hear()
    if name == "auth_result":
        return values
    assert json.loads(values["challenge"])["status"] == "invalid_token"
    smtpd.step(b"\1")
    return smtpd.result()


def test_tokens(auth, tmp_path):
    issuer = Issuer(tmp_path)
    oauth = {"jwks": {"text": issuer.jwks}, "issuer": "https://i.test", "audience": "mail"}
    role = auth(oauth=oauth)
    smtpd = Smtpd(role)
    good = issuer.sign()
    assert bearer(smtpd, good)["user"] == b"alice@example.org"
    assert bearer(smtpd, good, b"alice@example.org")["result"] == OK
    assert bearer(smtpd, good, b"bob@example.org")["result"] == BAD
    assert bearer(smtpd, issuer.sign(exp=time.time() - 100))["result"] == BAD
    assert bearer(smtpd, issuer.sign(aud="web"))["result"] == BAD
    assert bearer(smtpd, issuer.sign(email="al ice"))["result"] == BAD
    assert bearer(smtpd, good[:-8] + b"AAAAAAAA")["result"] == BAD
    smtpd.begin("XOAUTH2", b"user=alice@example.org\1auth=Bearer %s\1\1" % good)
    assert smtpd.result()["user"] == b"alice@example.org"
    # Other keys, and the file of users beside them.
    role.tell_config(settings(auth={"delay": "0", "oauth": {**oauth, "jwks": {"text": '{"keys": []}'}}}))
    eventually(lambda: "oauth_keys_not_read" in role.log(), what="the reload")
    assert bearer(smtpd, good)["result"] == BAD
    role.tell_config(settings(auth={"delay": "0", "oauth": oauth}))
    eventually(lambda: bearer(smtpd, good, address=ELSEWHERE)["result"] == OK, what="the reload")
    assert smtpd.plain("bob@example.org", "builder", ELSEWHERE)["result"] == OK


# --- an smtpd that has fallen ---


def check_dropped(hostile, other):
    while hostile.channel.hear() is not None:
        pass
    assert other.plain("bob@example.org", "builder", ELSEWHERE)["result"] == OK


def test_a_message_that_smtpd_may_not_say_ends_its_channel_only(auth):
    role = auth()
    other = Smtpd(role, 1)
    for number in range(len(rolerig.MESSAGES) + 2):
        hostile = Smtpd(role)
        hostile.channel.say_raw(number, b"\xff" * 7)
        check_dropped(hostile, other)


def test_an_address_that_is_none_ends_the_channel(auth):
    role = auth()
    other = Smtpd(role, 1)
    for address in (b"", b"\x7f", b"\x7f\0\0", b"\0" * 15):
        hostile = Smtpd(role)
        hostile.begin("LOGIN", address=address)
        check_dropped(hostile, other)


def test_exchanges_that_cannot_be_end_the_channel(auth):
    role = auth()
    other = Smtpd(role, 1)
    hostile = Smtpd(role)
    hostile.begin("LOGIN", ticket=7)
    hostile.begin("LOGIN", ticket=7)
    check_dropped(hostile, other)
    hostile = Smtpd(role)
    hostile.step(b"x", ticket=7)
    check_dropped(hostile, other)
    hostile = Smtpd(role)
    hostile.begin("PLAIN", b"\0alice@example.org\0wonderland", ticket=7)
    hostile.step(b"x", ticket=7)
    check_dropped(hostile, other)


def test_exchanges_have_an_end(auth):
    role = auth()
    hostile, other = Smtpd(role), Smtpd(role, 1)
    for ticket in range(2100):
        hostile.begin("LOGIN", ticket=ticket)
        if ticket < 2048:
            assert hostile.challenge()
        else:
            assert hostile.result()["result"] == TEMPORARY
    assert other.plain("bob@example.org", "builder")["result"] == OK


# --- the supervisor's part ---


def test_the_gateway_takes_the_file_as_it_changes(gatepost):
    server = gatepost(users={"file": "users"})

    def read():
        return [line["users"] for line in server.log_lines() if line["event"] == "users_read"]

    assert eventually(read, what="the file") == [0]
    done = server.run("user", "add", "alice@demo.test", input="secret\n")
    assert done.returncode == 0, done.stderr
    eventually(lambda: read() == [0, 1], what="a user")
    (server.folder / "users").unlink()
    eventually(lambda: read() == [0, 1, 0], what="none")


# --- Dovecot in place of the file ---


class FakeDovecot:
    """Its side of the socket, line by line."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(20)

    def accept(self, hello=b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\tx\nDONE\n"):
        self.end, _ = self.listener.accept()
        self.end.settimeout(20)
        self.file = self.end.makefile("rb")
        assert self.file.readline() == b"VERSION\t1\t1\n"
        assert self.file.readline().startswith(b"CPID\t")
        self.say(hello)
        return self

    def request(self):
        """The id of the next request, and the password of it in PLAIN's form."""
        word, id, mechanism, *fields = self.file.readline().rstrip(b"\n").split(b"\t")
        assert (word, mechanism) == (b"AUTH", b"PLAIN")
        assert {b"service=smtp", b"secured", b"rip=127.0.0.1"} <= set(fields)
        assert fields[-1].startswith(b"resp=")
        return id, base64.b64decode(fields[-1].removeprefix(b"resp="))

    def say(self, octets):
        self.end.sendall(octets)

    def close(self):
        self.file.close()
        self.end.close()


@pytest.fixture
def dovecot(scratch):
    fake = FakeDovecot(scratch / "auth")
    os.chmod(scratch / "auth", 0o666)
    yield fake
    fake.listener.close()


def by_dovecot(auth, scratch, **keys):
    return Smtpd(auth(dovecot=f"unix:{scratch}/auth", **keys))


def test_dovecot_judges(auth, dovecot, scratch):
    smtpd = by_dovecot(auth, scratch)
    smtpd.begin("PLAIN", b"\0carol\0secret")
    dovecot.accept()
    id, response = dovecot.request()
    assert response == b"\0carol\0secret"
    dovecot.say(b"OK\t999\tuser=mallory@example.org\nOK\t" + id + b"\tuser=Carol@example.org\tx\n")
    result = smtpd.result()
    assert (result["result"], result["user"]) == (OK, b"carol@example.org")
    assert [a["address"] for a in result["from"]] == [b"carol@example.org"]
    # The file says what its users may send, and has SCRAM's keys.
    smtpd.begin("LOGIN", b"printer")
    assert smtpd.challenge() == b"Password:"
    smtpd.step(b"x")
    id, _ = dovecot.request()
    dovecot.say(b"OK\t" + id + b"\tuser=printer\n")
    assert smtpd.result()["hourly"] == 5
    assert scram(smtpd, Scram("alice@example.org", "wonderland"))["result"] == OK


@pytest.mark.parametrize(
    "answer, result, lost",
    [
        (b"FAIL\t%s\tuser=carol\n", BAD, False),
        (b"FAIL\t%s\tuser=carol\ttemp\n", TEMPORARY, False),
        (b"FAIL\t%s\tcode=temp_fail\n", TEMPORARY, False),
        (b"OK\t%s\tuser=c\x01narol\n", TEMPORARY, False),
        (b"OK\tx\n", TEMPORARY, True),
        (b"x" * 9000 + b"\n", TEMPORARY, True),
        (b"x" * 100000, TEMPORARY, True),
        (b"VERSION\t2\t0\n", TEMPORARY, True),
        (b"", TEMPORARY, True),
    ],
    ids=["no", "temp", "temp_fail", "a_name_that_is_none", "no_id", "long", "endless", "version", "closed"],
)
def test_dovecots_other_answers(auth, dovecot, scratch, answer, result, lost):
    smtpd = by_dovecot(auth, scratch)
    smtpd.begin("PLAIN", b"\0carol\0secret")
    dovecot.accept()
    id, _ = dovecot.request()
    try:
        dovecot.say(answer.replace(b"%s", id))
    except (BrokenPipeError, ConnectionResetError):
        pass
    if not answer:
        dovecot.close()
    assert smtpd.result()["result"] == result
    # And then as if nothing had been.
    smtpd.begin("PLAIN", b"\0carol@example.org\0secret")
    if lost:
        dovecot.accept()
    id, _ = dovecot.request()
    dovecot.say(b"OK\t" + id + b"\n")
    assert smtpd.result()["user"] == b"carol@example.org"


def test_dovecot_that_is_not_there(auth, scratch):
    assert by_dovecot(auth, scratch).plain("carol", "secret")["result"] == TEMPORARY


def test_guesses_at_dovecot_wait_for_each_other(auth, dovecot, scratch):
    smtpd = by_dovecot(auth, scratch, failures=3)
    guesses = [smtpd.begin("PLAIN", b"\0carol\0guess") for _ in range(8)]
    dovecot.accept()
    for _ in range(3):
        id, _ = dovecot.request()
        dovecot.say(b"FAIL\t" + id + b"\tuser=carol\n")
    results = [smtpd.result()["result"] for _ in guesses]
    assert results.count(BAD) == 3 and results.count(LOCKED) == 5


def test_a_success_ends_the_count_of_the_name_that_was_said(auth, dovecot, scratch):
    smtpd = by_dovecot(auth, scratch, failures=3)
    smtpd.begin("PLAIN", b"\0carol\0guess")
    dovecot.accept()
    for n, good in enumerate([False, False, True, False, False, True]):
        if n > 0:
            smtpd.begin("PLAIN", b"\0carol\0secret")
        id, _ = dovecot.request()
        dovecot.say((b"OK\t%s\tuser=carol@example.org\n" if good else b"FAIL\t%s\tuser=carol\n") % id)
        assert smtpd.result()["result"] == (OK if good else BAD)


def test_a_real_dovecot(auth, peers):
    """The password that it takes is `secret`, for any user."""
    peer = peers.dovecot(free_port(), free_port())
    smtpd = Smtpd(auth(dovecot=f"unix:{peer.work}/auth-client"))
    assert smtpd.plain("carol@example.org", "secret")["user"] == b"carol@example.org"
    assert smtpd.plain("carol@example.org", "wrong")["result"] == BAD
    smtpd.begin("LOGIN", b"dave@example.org")
    assert smtpd.challenge() == b"Password:"
    smtpd.step(b"secret")
    assert smtpd.result()["user"] == b"dave@example.org"
