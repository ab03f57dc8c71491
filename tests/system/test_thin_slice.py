# SPDX-License-Identifier: Apache-2.0
"""One message's way: a client of each kind hands it over, and it lies in the Maildir as it was sent."""

import os
import shutil
import subprocess

import pytest
from gateway import eventually, run

BODY = "The first line.\r\n.A dot at the start.\r\n..\r\nThe last line, with \u00e4.\r\n"
MESSAGE = f"From: me@example.com\r\nTo: alice@demo.test\r\nSubject: hello\r\n\r\n{BODY}".encode()


def body_of(octets):
    return octets.partition(b"\n\n")[2].replace(b"\n", b"\r\n")


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def check_delivered(server, local="alice"):
    (mail,) = server.wait_for_mails(local)
    (octets,) = server.mails(local)
    assert b"\r\n" not in octets, "Maildirs hold files with the system's own line ends"
    assert mail["Return-Path"] == "<me@example.com>"
    assert "by mx.gatepost.test" in " ".join(mail["Received"].split())
    assert mail["Subject"] == "hello"
    assert body_of(octets) == BODY.encode()
    assert not list((server.mailbox(local) / "tmp").glob("*"))
    return mail


def test_smtplib(gatepost):
    server = gatepost()
    id = server.send(MESSAGE)
    mail = check_delivered(server)
    assert f"id {id}" in " ".join(mail["Received"].split())
    eventually(lambda: server.queued() == [], what="an empty queue")


def test_swaks(gatepost, scratch):
    need("swaks")
    server = gatepost()
    (scratch / "message").write_bytes(MESSAGE)
    argv = ["swaks", "--server", f"127.0.0.1:{server.port}", "--from", "me@example.com", "--to", "alice@demo.test"]
    done = subprocess.run(
        [*argv, "--data", f"@{scratch}/message"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    assert len(server.wait_for_mails("alice")) == 1


def test_msmtp(gatepost):
    need("msmtp")
    server = gatepost()
    argv = ["msmtp", "--host=127.0.0.1", f"--port={server.port}", "--from=me@example.com", "--", "alice@demo.test"]
    subprocess.run(argv, input=MESSAGE.replace(b"\r\n", b"\n"), check=True, timeout=60)
    check_delivered(server)


def test_curl(gatepost, scratch):
    need("curl")
    server = gatepost()
    (scratch / "message").write_bytes(MESSAGE)
    argv = ["curl", "-sS", f"smtp://127.0.0.1:{server.port}/client.example.com", "--mail-from", "me@example.com"]
    argv += ["--mail-rcpt", "alice@demo.test", "--upload-file", str(scratch / "message")]
    subprocess.run(argv, check=True, timeout=60)
    check_delivered(server)


def test_send_command(gatepost):
    server = gatepost()
    done = run(
        "send", "--server", f"127.0.0.1:{server.port}", "--from", "me@example.com", "--to", "alice@demo.test"
    )
    assert done.returncode == 0, done.stderr
    server.wait_for_mails("alice")


def test_two_recipients_get_one_each(gatepost):
    server = gatepost()
    server.send(MESSAGE, to=["alice@demo.test", "bob@demo.test"])
    check_delivered(server, "alice")
    check_delivered(server, "bob")


def test_subaddress_alias_and_case(gatepost):
    domains = {
        "demo.test": {
            "recipients": ["alice"],
            "aliases": {"sales": ["alice"]},
            "deliver": {"maildir": "mail/{domain}/{local}"},
        }
    }
    server = gatepost(domains=domains)
    for rcpt in ("alice+list@demo.test", "ALICE@Demo.Test", "sales@demo.test", '"alice"@demo.test'):
        server.send(MESSAGE, to=[rcpt])
    server.wait_for_mails("alice", 4)


def test_mailbox_is_not_open_to_others(gatepost):
    server = gatepost()
    server.send(MESSAGE)
    server.wait_for_mails("alice")
    for path in (server.mailbox("alice"), *(server.mailbox("alice") / "new").glob("*")):
        assert os.stat(path).st_mode & 0o077 == 0, path


@pytest.mark.parametrize("local", ["..", "../bob", "a/b", ".", "/etc/passwd", "new", "x" * 64])
def test_no_local_part_leaves_the_mail_root(gatepost, local):
    domains = {"demo.test": {"recipients": "any", "deliver": {"maildir": "mail/{local}"}}}
    server = gatepost(domains=domains)
    before = sorted(p for p in server.folder.iterdir())
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        if talk.say(f'RCPT TO:<"{local}"@demo.test>').startswith("250"):
            assert talk.say("DATA").startswith("354")
            talk.write(MESSAGE)
            assert talk.say(".").startswith("250")
            eventually(lambda: list((server.folder / "mail").glob("*/new/*")), what="delivery below the mail root")
    assert sorted(p for p in server.folder.iterdir()) == before


@pytest.mark.parametrize("octets", [300_000, 3_000_000])
def test_a_body_beyond_what_memory_holds(gatepost, octets):
    """smtpd stages it in a file that spool lends, and the maildir role reads it from a file of its own."""
    server = gatepost()
    body = b"".join(b"%077d\r\n" % n for n in range(octets // 79))
    server.send(b"Subject: large\r\n\r\n" + body)
    server.wait_for_mails("alice")
    assert body_of(server.mails("alice")[0]) == body


def chunks(message, sizes):
    """The message as BDAT commands, the last of which takes what the sizes leave over."""
    commands = b""
    for size in sizes:
        commands += b"BDAT %d\r\n%b" % (len(message[:size]), message[:size])
        message = message[size:]
    return commands + b"BDAT %d LAST\r\n%b" % (len(message), message)


def say_by_chunks(talk, message, sizes):
    """All in one write, as a client that pipelines does it; returns the last reply."""
    talk.say("EHLO client.example.com")
    envelope = b"MAIL FROM:<me@example.com> BODY=8BITMIME\r\nRCPT TO:<alice@demo.test>\r\n"
    talk.write(envelope + chunks(message, sizes))
    replies = [talk.reply() for _ in range(2 + len(sizes) + 1)]
    assert all(reply.startswith("250") for reply in replies[:-1]), replies
    return replies[-1]


@pytest.mark.parametrize("sizes", [[], [1, 0, len(MESSAGE)], [7] * (len(MESSAGE) // 7)], ids=["whole", "odd", "small"])
def test_bdat(gatepost, sizes):
    """However a message is cut, also between CR and LF, it arrives as by DATA; a dot is a dot."""
    server = gatepost()
    with server.talk() as talk:
        assert say_by_chunks(talk, MESSAGE, sizes).startswith("250 2.0.0 Queued")
        assert talk.say("QUIT").startswith("221")
    check_delivered(server)


def test_bdat_of_a_large_message(gatepost):
    server = gatepost()
    body = b"".join(b"%077d\r\n" % n for n in range(20_000))
    with server.talk() as talk:
        assert say_by_chunks(talk, b"Subject: large\r\n\r\n" + body, [100_000] * 15).startswith("250")
    server.wait_for_mails("alice")
    assert body_of(server.mails("alice")[0]) == body


def test_bdat_that_is_refused(gatepost):
    """A bare LF is no end of a line here either; the session goes on, as nobody doubts where the octets end."""
    server = gatepost()
    with server.talk() as talk:
        assert say_by_chunks(talk, b"Subject: x\r\n\r\na\nb\r\n.\r\nRSET\r\n", [3]).startswith("554 5.6.0")
        assert say_by_chunks(talk, MESSAGE, []).startswith("250 2.0.0 Queued")
    check_delivered(server)
