# SPDX-License-Identifier: Apache-2.0
"""Messages that are no lines (BINARYMIME, RFC 3030): octet for octet where the way can, in base64 where it cannot."""

import email
import email.policy
import os

from gateway import Talk, eventually, free_port, queue_id

NOISE = bytes(range(256)) * 5 + b"\r\n--part\r\r\nno delimiter\r\n.\r\n\n.\n" + b"x" * 5000
HEAD = b"From: me@example.com\r\nSubject: octets\r\nMIME-Version: 1.0\r\n"
PARTS = (
    b'Content-Type: multipart/mixed; boundary="parting"\r\nContent-Transfer-Encoding: binary\r\n\r\n'
    b"--parting\r\n\r\nwords\r\n.\r\n--parting\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n" + NOISE + b"\r\n--parting--\r\n"
)
LARGE = HEAD + b"Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + os.urandom(3_000_000)


def send(port, message, to, chunk=1 << 20):
    """By BDAT; the queue id."""
    with Talk(port) as talk:
        assert "BINARYMIME" in talk.say("EHLO client.example.com")
        assert talk.say("MAIL FROM:<me@example.com> BODY=BINARYMIME").startswith("250")
        for rcpt in to:
            assert talk.say(f"RCPT TO:<{rcpt}>").startswith("250")
        for at in range(0, len(message), chunk):
            piece = message[at : at + chunk]
            last = b" LAST" if at + chunk >= len(message) else b""
            talk.write(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
            answer = talk.reply()
            assert answer.startswith("250"), answer
    return queue_id(answer)


def content(octets):
    """What the one part that was binary decodes to."""
    message = email.message_from_bytes(octets, policy=email.policy.SMTP)
    part = message.get_payload()[1] if message.is_multipart() else message
    assert part["Content-Transfer-Encoding"] == "base64"
    return part.get_payload(decode=True)


def assert_lines(octets, end=b"\r\n"):
    rest = octets.replace(end, b"")
    assert b"\r" not in rest and b"\n" not in rest and b"\0" not in rest
    assert max(map(len, octets.split(end))) <= 998


def test_a_mailbox_gets_lines(gatepost):
    server = gatepost()
    for message, wanted in ((HEAD + PARTS, NOISE), (LARGE, LARGE.split(b"\r\n\r\n", 1)[1])):
        before = len(server.mails("alice"))
        send(server.port, message, ["alice@demo.test"])
        eventually(lambda before=before: len(server.mails("alice")) > before, what="the mail")
        mail = server.mails("alice")[-1]
        assert_lines(mail, b"\n")
        assert content(mail) == wanted


def relaying(gatepost, next_hops, **more):
    routes = {name: f"127.0.0.1:{port}" for name, port in next_hops.items()}
    return gatepost(relay_networks=["127.0.0.0/8"], routes=routes, **more)


def test_the_next_server_gets_octets_where_it_takes_them(gatepost):
    """The second gateway takes BINARYMIME, and hands on what it got; a third server does not."""
    ours = {"recipients": ["alice", "bob"], "deliver": {"maildir": "mail/{domain}/{local}"}}
    end = gatepost(domains={"far.test": ours})
    server = relaying(gatepost, {"far.test": end.port})
    message = HEAD + PARTS
    send(server.port, message, ["alice@far.test", "bob@far.test"], chunk=1000)
    for local in ("alice", "bob"):
        eventually(lambda local=local: end.mails(local, "far.test"), what=f"the mail for {local}")
        assert content(end.mails(local, "far.test")[0]) == NOISE
    # It was not converted on the way: what the second one took is as long as it was, and a trace field.
    (size,) = [line["size"] for line in end.log_lines() if line["event"] == "accepted"]
    assert len(message) < size < len(message) + 600


def test_postfix_gets_lines(gatepost, peers, sink):
    end, port = sink(), free_port()
    peers.postfix(port, end.port)
    server = relaying(gatepost, {"far.test": port})
    send(server.port, HEAD + PARTS, ["you@far.test"])
    send(server.port, LARGE, ["you@far.test"])
    eventually(lambda: len(end.messages) == 2, timeout_s=40, what="both messages")
    found = [content(data) for _, _, data in end.messages]
    assert sorted(found, key=len) == [NOISE, LARGE.split(b"\r\n\r\n", 1)[1]]
    for mail, _, data in end.messages:
        assert_lines(data)
        assert "BINARYMIME" not in mail


def test_a_false_label_comes_back(gatepost, sink):
    """To the mailbox and to a server that has no BINARYMIME: each recipient fails with 5.6.1."""
    end = sink()
    server = relaying(gatepost, {"far.test": end.port, "example.com": end.port})
    message = HEAD + b"Content-Type: text/plain\r\n\r\nno\nlines\0\r\n"
    id = send(server.port, message, ["alice@demo.test", "you@far.test"])
    eventually(lambda: len(end.messages) >= 2, what="both bounces")
    reports = b"".join(data for _, _, data in end.messages)
    assert reports.count(b"5.6.1") >= 2 and b"no\nlines" not in reports
    for _, _, data in end.messages:
        assert_lines(data)
    assert server.mails("alice") == []
    assert any(line["event"] == "message_not_convertible" and line["id"] == id for line in server.log_lines())
