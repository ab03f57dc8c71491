# SPDX-License-Identifier: Apache-2.0
"""Mailboxes as their readers and their neighbours meet them."""

import shutil
import subprocess

import pytest
from gateway import eventually, free_port
from peers import imap_bodies

MESSAGE = b"From: me@example.com\r\nTo: alice@demo.test\r\nSubject: hello\r\n\r\n.dot\r\nhello\r\n"



def test_sent_with_swaks_and_read_over_imap(gatepost, peers, scratch):
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed")
    server, imap = gatepost(), free_port()
    peers.dovecot(free_port(), imap, mail=server.folder / "mail")
    (scratch / "message").write_bytes(MESSAGE)
    argv = ["swaks", "--server", f"127.0.0.1:{server.port}", "--from", "me@example.com", "--to", "alice@demo.test"]
    done = subprocess.run(
        [*argv, "--data", f"@{scratch}/message"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    eventually(lambda: server.queued() == [], what="delivery")
    assert imap_bodies(imap, "alice@demo.test")[0].rstrip() == b".dot\r\nhello"
    # A reader at work does not disturb the writer, and the other way round.
    for _ in range(10):
        server.send(MESSAGE)
    eventually(lambda: server.queued() == [], what="delivery")
    assert imap_bodies(imap, "alice@demo.test")[1:] == [b".dot\r\nhello\r\n"] * 10


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_a_mailbox_that_cannot_be_used_waits_until_it_can(gatepost, scratch, obstacle):
    server = gatepost()
    mailbox, elsewhere = server.mailbox("alice"), scratch / "elsewhere"
    for name in ("cur", "new", "tmp"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name).chmod(0o777)
    mailbox.parent.mkdir(exist_ok=True)
    shutil.chown(mailbox.parent, "nobody", "nogroup")
    if obstacle == "file":
        mailbox.write_bytes(b"From somebody\n")
    else:
        mailbox.symlink_to(elsewhere)
    server.send(MESSAGE, to=["alice@demo.test", "bob@demo.test"])
    assert len(server.wait_for_mails("bob")) == 1, "another mailbox is not held up"
    (entry,) = eventually(server.queued, what="an entry in the queue")
    eventually(lambda: "4.2.0" in server.log_text(), what="the reason")
    assert "folder cannot be used" in server.queue("why", entry["id"])
    assert not list(elsewhere.glob("*/*"))
    mailbox.unlink()
    server.queue("retry", entry["id"])
    assert len(server.wait_for_mails("alice")) == 1
    eventually(lambda: server.queued() == [], what="an empty queue")


def test_a_message_that_comes_back_is_not_delivered_again(gatepost):
    server = gatepost()
    server.send(b"Delivered-To: alice@demo.test\r\n" + MESSAGE)
    eventually(lambda: "5.4.6" in server.log_text(), what="the failure")
    assert server.mails("alice") == []
