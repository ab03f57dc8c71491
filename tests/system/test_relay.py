# SPDX-License-Identifier: Apache-2.0
"""Mail for others: every message arrives once, failures are retried or told to the sender."""

import email
import imaplib
import os
import re
import signal
import time

import pytest
from gateway import eventually, free_port

TRUSTED = ["127.0.0.0/8"]
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\n.dot\r\nhello\r\n"
MANY = 20_000


def relaying(gatepost, port, **settings):
    return gatepost(relay_networks=TRUSTED, smarthost={"address": f"127.0.0.1:{port}"}, **settings)


def sink_messages(path):
    """The Message-IDs in the file that smtp-sink -D writes."""
    return re.findall(rb"^Message-Id: (\S+)", path.read_bytes(), re.M | re.I)


def test_twenty_thousand_messages_arrive_once(gatepost, peers):
    port, work = free_port(), peers.folder("smtp-sink")
    (work / "kept").mkdir(mode=0o777)
    (work / "kept").chmod(0o777)
    peers.start(work, "smtp-sink", "-u", "vmail", "-D", "/own/kept/all", f"127.0.0.1:{port}", "1000")
    server = relaying(gatepost, port)
    peers.smtp_source(server.port, MANY, "-l", "1000", "-t", "you@elsewhere.test", timeout_s=400)
    eventually(lambda: server.queued() == [], 300, "an empty queue")
    (dump,) = (work / "kept").iterdir()
    ids = sink_messages(dump)
    assert len(ids) == MANY
    assert len(set(ids)) == MANY


def test_through_postfix_and_back(gatepost, peers):
    """Postfix is the sender and, for another domain, the next hop."""
    to_gatepost = free_port()
    back = gatepost()
    peers.postfix(to_gatepost, back.port)
    front = relaying(gatepost, to_gatepost, domains={"front.test": {"recipients": "any", "deliver": "discard"}})
    for _ in range(10):
        front.send(MESSAGE, to=["alice@demo.test"])
    for mail in back.wait_for_mails("alice", 10, 60):
        assert len(mail.get_all("Received")) == 3
        assert mail.get_payload() == ".dot\nhello\n"


def test_lmtp_to_dovecot_and_read_over_imap(gatepost, peers):
    lmtp, imap = free_port(), free_port()
    peers.dovecot(lmtp, imap)
    domains = {"demo.test": {"recipients": ["alice", "bob"], "deliver": {"lmtp": f"127.0.0.1:{lmtp}"}}}
    server = gatepost(domains=domains)
    server.send(MESSAGE, to=["alice@demo.test", "bob@demo.test"])
    eventually(lambda: server.queued() == [], what="delivery")
    for name in ("alice", "bob"):
        with imaplib.IMAP4("127.0.0.1", imap) as mailbox:
            mailbox.login(f"{name}@demo.test", "secret")
            assert mailbox.select()[1] == [b"1"]
            _, found = mailbox.fetch("1", "(BODY[TEXT])")
            assert found[0][1] == b".dot\r\nhello\r\n"


def test_lmtp_answers_for_each_recipient(gatepost, sink):
    answers = iter(["250 2.0.0 kept", "550 5.2.2 mailbox full"])
    end = sink({".": lambda _: "\r\n".join(answers)})
    domains = {
        "demo.test": {"recipients": ["alice", "bob"], "deliver": {"lmtp": f"127.0.0.1:{end.port}"}},
        "sender.test": {"recipients": ["me"], "deliver": {"maildir": "mail/{domain}/{local}"}},
    }
    server = gatepost(domains=domains)
    server.send(MESSAGE, to=["alice@demo.test", "bob@demo.test"], sender="me@sender.test")
    eventually(lambda: server.mails("me", "sender.test"), what="a bounce")
    (bounce,) = server.mails("me", "sender.test")
    assert b"bob@demo.test" in bounce and b"5.2.2" in bounce and b"alice@demo.test" not in bounce


def test_one_transaction_for_recipients_of_one_host(gatepost, sink):
    end = sink()
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=[f"user{i}@elsewhere.test" for i in range(5)])
    eventually(lambda: end.messages, what="delivery")
    ((mail, rcpts, body),) = end.messages
    assert len(rcpts) == 5
    assert mail.startswith("MAIL FROM:<me@example.com>")
    assert body.endswith(b"\r\n\r\n.dot\r\nhello\r\n")


def test_a_connection_is_used_again(gatepost, sink):
    end = sink()
    server = relaying(gatepost, end.port, workers=1)
    for _ in range(5):
        server.send(MESSAGE, to=["you@elsewhere.test"])
        eventually(lambda: server.queued() == [], what="delivery")
    assert len(end.messages) == 5
    assert end.connections == 1


def test_a_permanent_failure_bounces_as_rfc_3464(gatepost, sink):
    end = sink({"RCPT": "550 5.1.1 no such user"})
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=["you@elsewhere.test"], sender="alice@demo.test")
    (bounce,) = server.wait_for_mails("alice")
    assert bounce["Return-Path"] == "<>"
    assert bounce.get_content_type() == "multipart/report"
    assert bounce.get_param("report-type") == "delivery-status"
    text, status, original = bounce.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    fields = status.get_payload()[1]
    assert fields["Action"] == "failed"
    assert fields["Status"] == "5.1.1"
    assert "you@elsewhere.test" in fields["Final-Recipient"]
    assert "550" in fields["Diagnostic-Code"]
    assert "Subject: hello" in original.as_string()


def test_a_bounce_never_bounces(gatepost, sink):
    end = sink({"RCPT": "550 5.1.1 no such user"})
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=["you@elsewhere.test"], sender="")
    eventually(lambda: server.queued() == [], what="an empty queue")
    assert end.messages == []
    assert len([line for line in end.lines if line.startswith("MAIL")]) == 1


def test_a_passing_failure_is_tried_again(gatepost, sink):
    replies = iter(["451 4.3.0 come back", "421 4.3.2 not today"])
    end = sink({"RCPT": lambda _: next(replies, "250 ok")})
    server = relaying(gatepost, end.port, retry={"first": "1s", "max": "2s", "for": "1h"})
    server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: end.messages, 30, "delivery at the third attempt")
    eventually(lambda: server.queued() == [], what="an empty queue")
    assert len(end.messages) == 1


def test_a_closed_port_is_tried_until_the_end(gatepost):
    server = relaying(gatepost, free_port(), retry={"first": "1s", "max": "1s", "for": "3s"})
    server.send(MESSAGE, to=["you@elsewhere.test"], sender="alice@demo.test")
    (bounce,) = server.wait_for_mails("alice", timeout_s=30)
    assert bounce.get_payload()[1].get_payload()[1]["Status"].startswith(("4.4", "5.4"))


def test_the_next_host_comes_from_mx(gatepost, sink):
    end = sink()
    names = {
        "elsewhere.test": {"MX": [[10, "gone.elsewhere.test"], [20, "mx.elsewhere.test"]]},
        "mx.elsewhere.test": {"A": ["127.0.0.1"]},
        "nomail.test": {"MX": [[0, "."]], "A": ["127.0.0.1"]},
    }
    server = gatepost(names, relay_networks=TRUSTED, routes={"routed.test": f"127.0.0.1:{end.port}"})
    server.send(MESSAGE, to=["you@routed.test"])
    eventually(lambda: len(end.messages) == 1, what="delivery by a route")
    server.send(MESSAGE, to=["you@nomail.test"], sender="alice@demo.test")
    (bounce,) = server.wait_for_mails("alice")
    assert bounce.get_payload()[1].get_payload()[1]["Status"] == "5.1.10"


@pytest.mark.parametrize("extensions", [(), ("8BITMIME",), ("PIPELINING", "8BITMIME", "SIZE", "DSN")], ids=str)
def test_servers_with_fewer_extensions(gatepost, sink, extensions):
    end = sink(extensions=extensions)
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: end.messages, what="delivery")
    mail = end.messages[0][0]
    assert ("SIZE=" in mail) == ("SIZE" in extensions)
    assert email.message_from_bytes(end.messages[0][2])["Subject"] == "hello"


def test_over_a_message_that_kills_relays_they_die_ever_more_rarely(gatepost, sink):
    deaths = []

    def mail_from(line):
        if "poison" not in line:
            return "250 2.1.0 ok"
        deaths.append(time.monotonic())
        for pid in server.pids("relay"):
            os.kill(pid, signal.SIGKILL)
        return None

    end = sink({"MAIL": mail_from})
    server = relaying(gatepost, end.port)
    server.crash_is_expected = True
    server.send(MESSAGE, sender="poison@example.com", to=["you@elsewhere.test"])
    for _ in range(5):
        server.send(MESSAGE, to=["you@elsewhere.test"])
    eventually(lambda: len(end.messages) == 5, what="all others")
    eventually(lambda: len(deaths) == 4, what="its fourth attempt")
    pauses = [later - earlier for earlier, later in zip(deaths, deaths[1:], strict=False)]
    assert 1 <= pauses[0] < pauses[1] < pauses[2]
    assert pauses[2] >= 4
    eventually(lambda: '"times":4' in server.log_text(), what="a warning")
    assert len(server.queued()) == 1
