# SPDX-License-Identifier: Apache-2.0
"""headers and verify, by what the gateway remembers of a message: its submission, and the DNS as it was then."""

import json
import re

import pytest
from gateway import eventually
from test_authentication import key, message, names, signed  # noqa: F401
from test_authentication import send as send_by
from test_submission import ALICE, client, send, submission  # noqa: F401

FROM = b"From: alice@demo.test\r\n"
OUT = b"Received: from mx.gatepost.test by mx.far.test with ESMTPS id 77; Sun, 22 Nov 2026 02:46:40 +0000\r\n"


def headers(server, text, *options, code=None):
    path = server.folder / "mail.eml"
    path.write_bytes(text)
    done = server.run("headers", "--json", *options, path)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def findings(answer):
    return {f["id"] for f in answer["findings"]}


@pytest.fixture
def sent(submission):  # noqa: F811
    """A gateway, and a message of alice's as bob has it."""
    server = submission(domains={"demo.test": {"recipients": ["alice", "bob"], "deliver": {"maildir": "mail/{local}"}}})
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        assert send(c, "From: alice@demo.test")[0] == 250
    (mail,) = eventually(lambda: list(server.folder.glob("mail/bob/new/*")), what="the mail")
    return server, mail.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_whose_account_it_was(sent):
    server, mail = sent
    answer = headers(server, mail, code=0)
    (record,) = answer["journal"]
    assert record["state"] == "found" and record["user"] == "alice@demo.test" and not record["contradiction"]
    assert answer["verdict"] == "authentic" and "journal has it" in answer["reasons"][0]
    trace = json.loads(server.run("trace", "--json", "--user", "alice@demo.test").stdout)
    assert trace["id"] == record["id"] and trace["origin"] == "user" and trace["tls"].startswith("TLSv1.")
    # Sent on, and given back by who got it: its trace field is far below the top, and only the journal knows.
    answer = headers(server, OUT + mail, "--trust", "mx.far.test", code=0)
    assert answer["verdict"] == "authentic"


def test_an_account_of_ours_was_taken_over(sent):
    server, mail = sent
    abuse = b"Reply-To: winner@elsewhere.test\r\n"
    for text in (abuse + mail, OUT + abuse + mail):
        answer = headers(server, text, code=1)
        assert answer["verdict"] == "compromised" and "as alice@demo.test" in answer["reasons"][0]
    # The same, with an id that we never gave, or of another message.
    never = re.sub(rb"id ([0-9A-Za-z]{9})..", rb"id \1zz", abuse + mail, count=1)
    answer = headers(server, never, code=1)
    assert answer["verdict"] == "spoofed" and "record.none" in findings(answer)
    other = re.sub(rb"Message-ID: <", rb"Message-ID: <x", abuse + mail, count=1)
    answer = headers(server, other, code=1)
    assert answer["verdict"] == "spoofed" and "record.differs" in findings(answer)
    assert "Message-ID" in answer["reasons"][0]


def test_before_the_journal_nothing_is_known(sent):
    server, mail = sent
    old = re.sub(rb"id [0-9A-Za-z]{11}", b"id 0Jx6Yk3ZqAb", mail, count=1)
    answer = headers(server, old)
    assert answer["journal"][0]["state"] == "unknown" and "record.none" not in findings(answer)


def test_without_a_gateway_it_says_so(sent):
    server, mail = sent
    server.stop()
    path = server.folder / "mail.eml"
    path.write_bytes(mail)
    done = server.run("headers", "--json", path)
    assert done.returncode == 3 and "is the gateway running?" in done.stderr
    assert json.loads(done.stdout)["verdict"] == "authentic"
    assert server.run("verify", "--stored", path).returncode == 3
    # What has nothing to do with it needs none.
    path.write_bytes(b"Received: from a by b with SMTP id 1; Sun, 22 Nov 2026 02:46:40 +0000\r\nFrom: a@b.test\r\n\r\n")
    assert "journal" not in server.run("headers", path).stderr


@pytest.fixture
def came(gatepost, key):  # noqa: F811
    """A gateway that has verified a message of a bank's; since then all of the bank's records are gone."""
    server = gatepost(names=names(key), authentication={"from": "refuse"})
    code, text = send_by(server, signed(message("Message-ID: <1@bank.test>"), key), sender="ceo@bank.test")
    assert code == 250, text
    server.wait_for_mails("alice")
    (mail,) = server.mails("alice")
    server.names = {}
    server.write_config()
    return server, mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_the_dns_as_it_was(came):
    server, mail = came
    answer = headers(server, mail, code=0)
    assert answer["verified_by_journal"] and answer["verdict"] == "authentic"
    assert answer["dmarc"]["result"] == "pass" and answer["spf"]["result"] == "fail"
    # Whoever asks for the DNS of now, gets it.
    answer = headers(server, mail, "--dns", server.folder / "names.json")
    assert not answer["verified_by_journal"] and answer["verdict"] != "authentic"
    answer = headers(server, mail.replace(b"hello", b"hallo"), code=1)
    assert answer["verified_by_journal"] and answer["verdict"] == "spoofed"


def test_verify_by_what_is_stored(came):
    server, mail = came
    path = server.folder / "mail.eml"
    path.write_bytes(mail)
    done = server.run("verify", "--stored", "--json", path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dmarc"]["result"] == "pass"
    assert server.run("verify", path).returncode == 1
    path.write_bytes(mail.replace(b"1@bank.test", b"2@bank.test"))
    done = server.run("verify", "--stored", path)
    assert done.returncode == 3 and "no answers of the DNS" in done.stderr
    for options in (["--dns", "x"], ["--ip", "192.0.2.1", "--helo", "x"], ["--trust", "mx.gatepost.test"]):
        assert server.run("verify", "--stored", *options, path).returncode == 2
