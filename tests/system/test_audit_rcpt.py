# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --rcpt: whether the places of DMARC's reports get mail, by hosts that say so or do not.

The addresses are this test's alone, in a network of its own.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import pytest
from gateway import run


def is_alone():
    """In a network that nobody else is in, and to be changed?"""
    return os.geteuid() == 0 and [name for _, name in socket.if_nameindex()] == ["lo"]


pytestmark = pytest.mark.skipif(not is_alone(), reason="it gives itself addresses, in a network of its own")


class Host:
    """A server in clear that answers RCPT by its table, and notes all that is said."""

    def __init__(self, address, replies, mail="250 2.1.0 ok"):
        self.replies, self.mail, self.said, self.times = replies, mail, [], []
        subprocess.run(["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True)
        self.listener = socket.create_server((address, 25))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                self.times.append(time.monotonic())
                threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def answer(self, line):
        verb = line.split(" ")[0].upper()
        if verb == "MAIL":
            return self.mail
        if verb == "RCPT":
            return self.replies.get(line[len("RCPT TO:<") : -1], "550 5.1.1 no such mailbox")
        return "250 ok"

    def serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 mx.test ESMTP\r\n")
            for line in lines:
                self.said.append(line.decode().rstrip())
                connection.sendall(self.answer(self.said[-1]).encode() + b"\r\n")

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def audit(tmp_path, rua, *argv, world=()):
    """rua: of each domain, by its name."""
    names = {
        "mail.test": {"MX": [[10, "mx1.mail.test"], [20, "mx2.mail.test"]]},
        "mx1.mail.test": {"A": ["20.0.0.1"]},
        "mx2.mail.test": {"A": ["20.0.0.2"]},
        **dict(world),
    }
    for domain, places in rua.items():
        names[domain] = {"TXT": ["v=spf1 -all"]}
        names[f"_dmarc.{domain}"] = {"TXT": [f"v=DMARC1; p=reject; rua={places}"]}
        names[f"{domain}._report._dmarc.mail.test"] = {"TXT": ["v=DMARC1;"]}
    path = tmp_path / "names.json"
    path.write_text(json.dumps(names), encoding="utf-8")
    done = run("audit", "--dns", path, "--probe", "--helo", "a.test", "--json", *argv, *rua)
    assert (done.returncode, done.stderr) == (0, "")
    found = {one["domain"]: one["findings"] for one in map(json.loads, done.stdout.splitlines())}
    return {
        domain: {f["state"]: f["evidence"] for f in findings if f["id"] == "dmarc.rua.dead"}
        for domain, findings in found.items()
    }


REPLIES = {
    "good@mail.test": "250 2.1.5 ok",
    "full@mail.test": "452 4.2.2 full",
    "closed@mail.test": "550 5.7.1 not from you",
}


def test_mailboxes_are_asked_for_where_that_is_wanted(tmp_path):
    host = Host("20.0.0.1", REPLIES)
    rua = {f"{name}.test": f"mailto:{name}@mail.test" for name in ("good", "full", "closed", "gone")}
    rua["both.test"] = "mailto:good@mail.test,mailto:gone@mail.test"
    rua["again.test"] = "mailto:gone@mail.test"
    rua["odd.test"] = "mailto:%22a%20b%22@mail.test"
    assert audit(tmp_path, rua) == {domain: {} for domain in rua}
    assert host.said == []
    found = audit(tmp_path, rua, "--rcpt")
    host.stop()
    gone = "gone@mail.test: 550 5.1.1 no such mailbox"
    assert found["good.test"] == {}
    assert found["gone.test"] == found["both.test"] == found["again.test"] == {"fail": gone}
    assert found["full.test"] == {"not_measured": "full@mail.test: 452 4.2.2 full"}
    assert found["closed.test"] == {"not_measured": "closed@mail.test: 550 5.7.1 not from you"}
    assert "fail" not in found["odd.test"]
    # Each once, and no message.
    asked = sorted(line for line in host.said if line.startswith("RCPT"))
    assert asked == [f"RCPT TO:<{name}@mail.test>" for name in ("closed", "full", "gone", "good")]
    assert {line.split(" ")[0] for line in host.said} == {"EHLO", "MAIL", "RCPT", "QUIT"}


def test_many_mailboxes_of_a_host_are_asked_for_slowly(tmp_path):
    host = Host("20.0.0.1", REPLIES)
    rua = {f"d{i}.test": f"mailto:m{i}@mail.test" for i in range(5)}
    found = audit(tmp_path, rua, "--rcpt", "--probe-rate", "5")
    host.stop()
    assert all(list(states) == ["fail"] for states in found.values())
    gaps = [then - one for one, then in zip(host.times, host.times[1:])]
    assert len(gaps) == 4
    assert sum(gaps) > 0.7


def test_the_next_host_is_asked_where_one_does_not_answer(tmp_path):
    second = Host("20.0.0.2", {})
    found = audit(tmp_path, {"gone.test": "mailto:gone@mail.test"}, "--rcpt")
    second.stop()
    assert found["gone.test"] == {"fail": "gone@mail.test: 550 5.1.1 no such mailbox"}


def test_who_cannot_be_asked_is_not_measured(tmp_path):
    refusing = Host("20.0.0.1", {}, mail="550 5.7.1 no bounces")
    away = tmp_path / "optout"
    away.write_text("left.test\n", encoding="ascii")
    world = {
        "private.test": {"MX": [[10, "mx.private.test"]]}, "mx.private.test": {"A": ["127.0.0.1"]},
        "left.test": {"MX": [[10, "mx.left.test"]]}, "mx.left.test": {"A": ["20.0.0.1"]},
    }  # fmt: skip
    rua = {
        "a.test": "mailto:a@mail.test",
        "b.test": "mailto:b@private.test",
        "c.test": "mailto:c@left.test",
    }
    found = audit(tmp_path, rua, "--rcpt", "--opt-out", away, world=world)
    refusing.stop()
    assert found == {
        "a.test": {"not_measured": "a@mail.test: MAIL: 550 5.7.1 no bounces"},
        "b.test": {"not_measured": "b@private.test: it has no host that may be asked"},
        "c.test": {"not_measured": "c@left.test: it has no host that may be asked"},
    }


def test_five_hundred_mailboxes_are_asked_about(tmp_path):
    host = Host("20.0.0.1", {f"r{n}@mail.test": "250 ok" for n in range(0, 500, 2)})
    rua = {f"d{n}.test": f"mailto:r{n}@mail.test" for n in range(500)}
    found = audit(tmp_path, rua, "--rcpt", "--probe-rate", "0")
    host.stop()
    assert [bool(found[f"d{n}.test"]) for n in range(500)] == [n % 2 == 1 for n in range(500)]
