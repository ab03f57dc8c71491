# SPDX-License-Identifier: Apache-2.0
"""Reports to senders are signed by DKIM as they are handed out: whatever becomes of signer, none is lost, or waits for
long."""

import json
import os
import signal
import sys
import time

import pytest
import rolerig
from gateway import eventually, run
from test_hostile_roles import FAILED, RELAYED, SETTINGS, Smtpd, outcome, relay_of
from test_tls_reports import make_keys, signed_by

HOST = SETTINGS["hostname"].encode()
KEYS = [{"domain": HOST, "selector": s, "algorithm": i + 1} for i, s in enumerate((b"r", b"e"))]
OTHERS = {"domain": b"other.test", "selector": b"x", "algorithm": 1}
NOBODY = {"code": 550, "enhanced_class": 5, "enhanced_subject": 1, "enhanced_detail": 1}
LOST = 4  # GP_OUTCOME_FAILED
SIGNED, NOT_SIGNED = 1, 3  # enum gp_sign_result
PATIENCE_S = 5  # of src/procs/spool/signatures.c
UNSIGNED = 64  # GP_ENVELOPE_UNSIGNED


class World:
    """Spool, with a relay, an smtpd and a signer that are played here."""

    def __init__(self, role):
        self.role = role
        self.relay, self.smtpd = relay_of(role), Smtpd(role)
        self.signer = None

    def connect_signer(self, keys=(OTHERS, *KEYS)):
        self.signer = self.role.peer("signer")
        self.signer.end.settimeout(PATIENCE_S * 2)
        self.signer.say("dkim_signers", signers=list(keys))

    def lose(self, text=b"nobody is there", rcpts=1):
        """A message that nobody is there for."""
        address = {"orcpt": b"", "notify": 0, "forwarded": False}
        all_of_them = [{"address": b"you%d@elsewhere.test" % i, **address} for i in range(rcpts)]
        self.smtpd.commit(envelope={"rcpts": all_of_them})
        delivery = self.delivery()
        self.relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome(LOST, text, **NOBODY)] * rcpts)

    def delivery(self, timeout_s=60):
        self.relay.end.settimeout(timeout_s)
        return self.relay.hear()[1]

    def is_quiet(self, pause_s=0.3):
        self.relay.end.settimeout(pause_s)
        try:
            return self.relay.hear() is None
        except TimeoutError:
            return True

    def asked(self, key=KEYS[0]):
        """The ticket of what signer is asked, which must be by this key."""
        name, values = self.signer.hear()
        assert name == "dkim_sign" and len(values["digest"]) == 32
        assert (values["domain"], values["selector"]) == (key["domain"], key["selector"])
        return values["ticket"]

    def answer(self, ticket, result=SIGNED):
        self.signer.say(
            "dkim_signature", ticket=ticket, result=result, signature=b"signature" if result == SIGNED else b""
        )

    def sign(self):
        for key in KEYS:
            self.answer(self.asked(key))

    def says(self, event):
        return f'"{event}"' in self.role.log()


@pytest.fixture
def world(tmp_path):
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        yield World(role)
        assert role.process.poll() is None, role.log()


def selectors(delivery):
    """Of the signatures on top of the report; all is as it should be otherwise."""
    envelope, body = delivery["envelope"], delivery["body"]
    assert (envelope["sender"], envelope["flags"] & UNSIGNED, delivery["body_size"]) == (b"", 0, len(body))
    assert [rcpt["address"] for rcpt in envelope["rcpts"]] == [b"me@example.com"]
    head, _, rest = body.partition(b"From: ")
    assert rest.startswith(b'"Mail Delivery System" <MAILER-DAEMON@' + HOST)
    found = []
    for field in head.split(b"DKIM-Signature:")[1:]:
        values = dict(part.split(b"=", 1) for part in b"".join(field.split()).split(b";"))
        assert (values[b"d"], values[b"b"]) == (HOST, b"c2lnbmF0dXJl")
        found.append(values[b"s"])
    return found


def test_a_report_is_signed_by_each_key_of_its_domain(world):
    world.connect_signer()
    world.lose()
    assert world.is_quiet()
    world.sign()
    assert selectors(world.delivery()) == [b"r", b"e"]


@pytest.mark.parametrize("keys", [(), (OTHERS,)])
def test_without_keys_it_goes_at_once(world, keys):
    world.connect_signer(keys)
    world.lose()
    assert selectors(world.delivery()) == []
    assert not world.says("report_not_signed")


def test_it_waits_for_a_signer_that_comes(world):
    world.lose()
    assert world.is_quiet(1)
    world.connect_signer()
    world.sign()
    assert selectors(world.delivery()) == [b"r", b"e"]


def test_a_signer_that_dies_is_asked_again(world):
    world.connect_signer()
    world.lose()
    world.answer(world.asked())
    world.asked(KEYS[1])
    world.signer.close()
    world.connect_signer()
    world.sign()
    assert selectors(world.delivery()) == [b"r", b"e"]


def test_without_signer_it_goes_unsigned_after_a_while(world):
    began = time.monotonic()
    world.lose()
    assert selectors(world.delivery(60)) == []
    assert PATIENCE_S <= time.monotonic() - began < PATIENCE_S + 20
    assert world.says("report_not_signed")


def test_a_signer_that_does_not_answer_holds_nothing_up_for_long(world):
    world.connect_signer()
    world.lose()
    ticket = world.asked()
    assert selectors(world.delivery(60)) == []
    world.answer(ticket)  # too late
    world.answer(12345)
    world.lose()
    world.sign()
    assert selectors(world.delivery()) == [b"r", b"e"]


def test_what_is_not_signed_goes_all_the_same(world):
    world.connect_signer()
    world.lose()
    world.answer(world.asked())
    world.answer(world.asked(KEYS[1]), NOT_SIGNED)
    assert selectors(world.delivery()) == []
    # keys that signer cannot read
    world.connect_signer([{"domain": HOST, "selector": b"", "algorithm": 0}])
    time.sleep(0.2)
    world.lose()
    assert selectors(world.delivery()) == []


def test_each_attempt_is_signed(tmp_path):
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        world = World(role)
        world.connect_signer()
        world.lose()
        world.sign()
        first = world.delivery()
        world.relay.close()  # and the next one begins anew
        world.relay = relay_of(role)
        world.sign()
        second = world.delivery()
        assert role.stop() == 0
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        world = World(role)
        world.connect_signer()
        world.sign()
        third = world.delivery()
    for delivery in (first, second, third):
        assert selectors(delivery) == [b"r", b"e"]
    assert first["id"] == second["id"] == third["id"]


def test_it_is_on_disk_before_signer_is_asked(tmp_path):
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        world = World(role)
        world.connect_signer()
        world.lose()
        world.asked()
        role.process.kill()
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        world = World(role)
        world.connect_signer([])
        assert selectors(world.delivery()) == []
        assert world.is_quiet(), "the message that failed is not tried again"


def test_a_large_report_is_signed_too(world):
    """It goes along in a file, signatures first."""
    world.connect_signer()
    world.lose(b"x" * 2000, rcpts=1000)
    world.sign()
    world.relay.end.settimeout(60)
    packet, rights, _, _ = world.relay.end.recvmsg(rolerig.PACKET_MAX, 64)
    number, _, _ = rolerig.FRAME.unpack_from(packet)
    record = rolerig.MESSAGES[number - 1]
    delivery, _ = rolerig.decode(record, packet[rolerig.FRAME.size :])
    fd = int.from_bytes(rights[0][2][:4], sys.byteorder)
    delivery["body"] = os.pread(fd, delivery["body_size"] + 1, 0)
    os.close(fd)
    assert len(delivery["body"]) > 1024 * 1024
    assert selectors(delivery) == [b"r", b"e"]


def test_other_mail_goes_on_while_reports_wait(world):
    world.connect_signer()
    for _ in range(3):  # of the five that the smarthost may have at first
        world.lose()
    tickets = [world.asked() for _ in range(3)]
    world.smtpd.commit()
    delivery = world.delivery()
    assert delivery["envelope"]["sender"] == b"me@example.com"
    world.relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome(RELAYED)])
    for ticket in reversed(tickets):
        world.answer(ticket)
        world.answer(world.asked(KEYS[1]))
        assert selectors(world.delivery()) == [b"r", b"e"]


def test_stopping_waits_for_no_signature(world):
    world.connect_signer()
    world.lose()
    world.asked()
    world.role.control.say("stop", empty=0)
    assert world.role.process.wait(60) == 0
    assert not world.says("report_not_signed"), "it was waited for until it was given up"
    world.role.start()


def test_smtpd_has_nothing_signed_by_spool(world):
    world.connect_signer()
    assert world.smtpd.commit(envelope={"flags": UNSIGNED}) == FAILED
    assert world.relay.hear_all() == []


# --- the whole of it ---


@pytest.fixture
def bouncing(gatepost, sink):
    """A gateway of a domain that has keys, the records of those, and who gets its reports."""
    far, home = sink({"RCPT": "550 5.1.1 no such user"}), sink()
    routes = {"far.test": f"127.0.0.1:{far.port}", "home.test": f"127.0.0.1:{home.port}"}
    domains = {"gatepost.test": {"recipients": ["alice"], "deliver": {"maildir": "mail/{domain}/{local}"}}}
    server = gatepost(domains=domains, routes=routes, relay_networks=["127.0.0.0/8"])
    names = make_keys(server, "gatepost.test")
    before = server.log_text().count('"event":"dkim_keys"')
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.log_text().count('"event":"dkim_keys"') > before, what="the keys")
    server.settle("signer", "spool", "smtpd", "reports")  # signer tells them after it has said so
    server.names_of_keys = names
    return server, home


def lose(server):
    server.send(b"From: me@home.test\r\nSubject: hello\r\n\r\nhello\r\n", to=["you@far.test"], sender="me@home.test")


def test_others_verify_it(bouncing):
    server, home = bouncing
    lose(server)
    eventually(lambda: home.messages, what="the report")
    ((mail, _, body),) = home.messages
    assert mail.startswith("MAIL FROM:<>")
    assert signed_by(body, server.names_of_keys) == ["gatepost.test"] * 2
    (server.folder / "dns.json").write_text(json.dumps(server.names_of_keys), encoding="utf-8")
    (server.folder / "report.eml").write_bytes(body)
    done = run("dkim", "verify", "--dns", server.folder / "dns.json", server.folder / "report.eml")
    assert done.returncode == 0 and done.stdout.count("pass") >= 2, done


def test_one_that_waits_can_be_dropped(bouncing):
    server, home = bouncing
    signer = server.pid_of("signer")
    os.kill(signer, signal.SIGSTOP)
    try:
        for _ in range(2):
            lose(server)
        eventually(lambda: [m["sender"] for m in server.queued()] == ["", ""], what="the reports")
        ids = [m["id"] for m in server.queued()]
        server.queue("drop", ids[0])
        assert [m["id"] for m in server.queued()] == ids[1:]
    finally:
        os.kill(signer, signal.SIGCONT)
    eventually(lambda: home.messages, what="the other report")
    eventually(lambda: server.queued() == [], what="the end")
    assert len(home.messages) == 1 and b"DKIM-Signature" in home.messages[0][2]


def test_one_that_waits_can_be_held(bouncing):
    server, home = bouncing
    signer = server.pid_of("signer")
    os.kill(signer, signal.SIGSTOP)
    try:
        for _ in range(2):
            lose(server)
        eventually(lambda: [m["sender"] for m in server.queued()] == ["", ""], what="the reports")
        held = server.queued()[0]["id"]
        server.queue("hold", held)
    finally:
        os.kill(signer, signal.SIGCONT)
    eventually(lambda: [m["id"] for m in server.queued()] == [held], what="the other report")
    time.sleep(0.5)
    assert [m["id"] for m in server.queued()] == [held] and len(home.messages) == 1
    server.queue("release", held)
    eventually(lambda: server.queued() == [], what="the end")
    assert len(home.messages) == 2 and all(b"DKIM-Signature" in m[2] for m in home.messages)
