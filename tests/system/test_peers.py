# SPDX-License-Identifier: Apache-2.0
"""The peers themselves: what the other tests measure Gatepost with works without it."""

import os
import re
import smtplib

from gateway import eventually, free_port
from peers import imap_bodies

MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


def sink_count(peer):
    counts = re.findall(r"mesg=(\d+)", peer.output())
    return int(counts[-1]) if counts else 0


def test_source_reaches_sink(peers):
    port = free_port()
    sink = peers.smtp_sink(port, "-c")
    peers.smtp_source(port, 500)
    eventually(lambda: sink_count(sink) == 500, what="500 messages")


def test_postfix_relays(peers, sink):
    end, port = sink(), free_port()
    peers.postfix(port, end.port)
    peers.smtp_source(port, 20, "-t", "alice@demo.test")
    eventually(lambda: len(end.messages) == 20, what="20 messages through Postfix")


def test_dovecot_stores_and_shows(peers):
    lmtp, imap = free_port(), free_port()
    peer = peers.dovecot(lmtp, imap)
    for host, port in (("127.0.0.1", lmtp), (str(peer.work / "lmtp"), 0)):
        with smtplib.LMTP(host, port) as client:
            client.sendmail("me@example.com", ["alice@demo.test"], MESSAGE)
    assert imap_bodies(imap, "alice@demo.test") == [b"hello\r\n"] * 2


def test_dovecot_shows_a_maildir_that_is_there(peers, scratch):
    mail = scratch / "mail"
    for name in ("cur", "new", "tmp"):
        (mail / "demo.test/alice" / name).mkdir(parents=True)
    (mail / "demo.test/alice/new/1.M1P1Q0.here,S=22").write_bytes(MESSAGE.replace(b"\r\n", b"\n"))
    for path in (mail, *mail.rglob("*")):
        os.chown(path, 65534, 65534)
    imap = free_port()
    peers.dovecot(free_port(), imap, mail=mail)
    assert imap_bodies(imap, "alice@demo.test") == [b"hello\r\n"]


def test_sink_follows_its_script(sink):
    end = sink({"RCPT": lambda line: "550 5.1.1 no" if "bob" in line else "250 ok"})
    with smtplib.SMTP("127.0.0.1", end.port) as client:
        refused = client.sendmail("me@example.com", ["alice@demo.test", "bob@demo.test"], MESSAGE)
    assert list(refused) == ["bob@demo.test"]
    assert end.messages == [("mail FROM:<me@example.com> size=25", ["rcpt TO:<alice@demo.test>"], MESSAGE)]
