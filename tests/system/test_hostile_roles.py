# SPDX-License-Identifier: Apache-2.0
"""A role that has fallen, and what it can do to spool: whatever it may say, at its worst. Spool must go on serving the
others, and neither grow nor wait nor believe."""

import os
import pathlib
import signal
import socket
import sys
import time

import pytest
import rolerig
from gateway import eventually

DONE, FULL, FAILED, TOO_BIG = 1, 2, 3, 4
RELAYED, DEFERRED = 2, 3
PATIENCE_S = 60
STAGES_MAX = 128  # of src/procs/spool/intake.c
FDS_MAX = 1100  # of two channels whose peers read nothing: 512 each, and its own

SETTINGS = {
    "hostname": "mx.gatepost.test",
    "state": "/nowhere",
    "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}],
    "relay_networks": ["127.0.0.0/8"],
    "smarthost": {"address": "127.0.0.1:9"},
    "retry": {"first": "1h", "max": "4h", "for": "5d"},
    "log": {"format": "json"},
}
BODY = b"Subject: x\r\n\r\nhello\r\n"


@pytest.fixture
def spool(tmp_path):
    with rolerig.Role("spool", SETTINGS, directories=[tmp_path]) as role:
        yield role
        assert role.process.poll() is None, role.log()


class Smtpd:
    """One worker's channel to spool."""

    def __init__(self, role, index=0):
        self.channel = role.peer("smtpd", index)
        self.channel.end.settimeout(PATIENCE_S)
        self.ids = iter(())
        self.ticket = 0

    def wait_for(self, name):
        while True:
            heard = self.channel.hear()
            assert heard, "spool has closed the channel"
            if heard[0] == name:
                return heard[1]

    def id(self):
        for one in self.ids:
            return one
        self.channel.say("ids_wanted", empty=0)
        block = self.wait_for("ids")
        self.ids = iter(range(block["first"], block["first"] + block["count"]))
        return next(self.ids)

    def say_commit(self, id, fd=None, **changes):
        self.ticket += 1
        envelope = {
            "sender": b"me@example.com",
            "forwarder": b"",
            "envid": b"",
            "ret": 0,
            "flags": 0,
            "arrival_ms": int(time.time() * 1000),
            "client_addr": b"127.0.0.1",
            "client_helo": b"client",
            "rcpts": [{"address": b"you@elsewhere.test", "orcpt": b"", "notify": 0, "forwarded": False}],
        }
        texts = ("user", "sender", "message_id", "tls", "results", "answers")
        arrival = {"origin": 1, **dict.fromkeys(texts, b"")}
        values = {"head": b"", "body": BODY, "staged_at": 0, "staged_size": 0, **changes}
        envelope.update(values.pop("envelope", {}))
        arrival.update(values.pop("arrival", {}))
        self.channel.say("commit", fd=fd, ticket=self.ticket, id=id, envelope=envelope, arrival=arrival, **values)

    def say_refused(self, **changes):
        reply = {"code": 550, "enhanced_class": 5, "enhanced_subject": 1, "enhanced_detail": 1, "text": b"no"}
        values = {"id": 0, "origin": 1, "client_addr": b"192.0.2.1", "client_helo": b"", "user": b"", "sender": b""}
        self.channel.say("refused", **{**values, "rcpt": b"", "reply": reply, "missed": 0, **changes})

    def commit(self, id=None, fd=None, **changes):
        """The result of spool's answer."""
        self.say_commit(self.id() if id is None else id, fd, **changes)
        answer = self.wait_for("committed")
        assert answer["ticket"] == self.ticket
        return answer["result"]


def outcome(kind=RELAYED, text=b"ok", **reply):
    reply = {"code": 250, "enhanced_class": 2, "enhanced_subject": 0, "enhanced_detail": 0, "text": text, **reply}
    return {"kind": kind, "reply": reply, "remote": b"", "remote_said": 1, "remote_dsn": 0}


def relay_of(spool):
    relay = spool.peer("relay")
    relay.end.settimeout(PATIENCE_S)
    return relay


def open_fds(role):
    return len(list(pathlib.Path(f"/proc/{role.process.pid}/fd").iterdir()))


def test_messages_go_through(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    assert smtpd.commit() == DONE
    (delivery,) = relay.hear_all()
    assert delivery["body"] == BODY
    relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome()])
    assert smtpd.commit() == DONE


@pytest.mark.parametrize("id", [0, 1, 2**63, 2**64 - 2, 2**64 - 1])
def test_an_id_that_was_not_given_is_refused(spool, id):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    before = other.id()
    assert hostile.commit(id=id) == FAILED
    assert other.commit() == DONE
    hostile.channel.say("ids_wanted", empty=0)
    assert before < hostile.wait_for("ids")["first"] < before + 2**32


def test_an_id_of_another_worker_is_refused(spool):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    hostile.id()
    wanted = other.id()
    assert hostile.commit(id=wanted) == FAILED
    assert other.commit(id=wanted) == DONE


def test_what_is_told_for_the_journal_makes_sense_and_has_an_end(spool, tmp_path):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    for origin in (0, 4, 255):
        assert hostile.commit(arrival={"origin": origin}) == FAILED
        hostile.say_refused(origin=origin)
    other.say_refused(id=hostile.id(), rcpt=b"other")
    for _ in range(20):
        for _ in range(500):
            hostile.say_refused(rcpt=b"x" * 1000, sender=b"y" * 1000)
        assert other.commit(arrival={"user": b"u" * 255, "answers": b"z" * 16384}) == DONE
    time.sleep(1.5)
    sizes = {f.name: f.stat().st_size for f in (tmp_path / "journal").iterdir()}
    assert 0 < sum(size for name, size in sizes.items() if name.startswith("refused-")) <= 256 * 10**6 / 8
    assert sum(size for name, size in sizes.items() if name.startswith("answers-")) > 20 * 16384


def test_an_id_of_a_queued_message_is_refused(spool):
    hostile, relay = Smtpd(spool), relay_of(spool)
    id = hostile.id()
    assert hostile.commit(id=id) == DONE
    assert hostile.commit(id=id, body=b"Subject: other\r\n\r\n") == FAILED
    (delivery,) = relay.hear_all()
    assert (delivery["id"], delivery["body"]) == (id, BODY)


def pipe():
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)  # stays open: a read would wait
    return reading


def in_memory(size):
    fd = os.memfd_create("staged")
    os.ftruncate(fd, size)
    return fd


HOSTILE_FILES = {
    "a pipe": (pipe, 100),
    "a socket": (lambda: socket.socketpair()[0].detach(), 100),
    "a device without end": (lambda: os.open("/dev/zero", os.O_RDONLY), 100),
    "a folder": (lambda: os.open("/", os.O_RDONLY), 100),
    "a file that may not be read": (lambda: os.open("/proc/self/comm", os.O_WRONLY), 1),
    "a file that is shorter": (lambda: in_memory(99), 100),
    "a file of holes": (lambda: in_memory(2**40), 2**39),
    "a file as large as files go": (lambda: in_memory(2**62), 2**62),
    "a file for the greatest number": (lambda: in_memory(100), 2**64 - 1),
    "no file": (None, 100),
    "a part behind its end": (lambda: in_memory(100), 100, 1),
    "a part behind all numbers": (lambda: in_memory(100), 2**63, 2**63),
}


@pytest.mark.parametrize("what", HOSTILE_FILES)
def test_a_descriptor_makes_nobody_wait(spool, what):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    make, size, at = (*HOSTILE_FILES[what], 0)[:3]
    fd = make() if make else None
    assert [hostile.commit(), other.commit()] == [DONE, DONE]
    before = open_fds(spool)
    began = time.monotonic()
    assert hostile.commit(fd=fd, staged_at=at, staged_size=size, body=b"") in (FAILED, TOO_BIG, FULL)
    assert other.commit() == DONE
    assert time.monotonic() - began < PATIENCE_S / 2
    assert open_fds(spool) == before
    if fd is not None:
        os.close(fd)


def test_envelopes_with_control_octets_forge_no_log_line(spool):
    hostile, relay = Smtpd(spool), relay_of(spool)
    nasty = b"a\r\n{\"event\":\"forged\"}\x1b[2J\x00@elsewhere.test"
    rcpt = {"address": nasty, "orcpt": nasty, "notify": 0, "forwarded": True}
    envelope = {"sender": nasty, "forwarder": nasty, "rcpts": [rcpt]}
    hostile.commit(envelope=envelope)
    for delivery in relay.hear_all():
        relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome(DEFERRED, nasty, code=451)])
    assert Smtpd(spool, 1).commit() == DONE
    time.sleep(0.2)
    assert "\x1b" not in spool.log() and '\n{"event":"forged"' not in spool.log()


def flood(channel, name, count, **values):
    """Says it many times and reads nothing; stops when spool has closed the channel, or takes no more."""
    channel.end.settimeout(1)
    try:
        for _ in range(count):
            channel.say(name, **values)
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        pass


@pytest.mark.parametrize("name, values", [("stage_wanted", {"ticket": 1}), ("ids_wanted", {"empty": 0})])
def test_a_flood_of_questions_stops_nobody(spool, name, values):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    flood(hostile.channel, name, 20000, **values)
    assert open_fds(spool) < FDS_MAX
    assert other.commit() == DONE
    other.channel.say("stage_wanted", ticket=9)
    assert other.wait_for("stage")["ticket"] == 9


def test_staging_files_have_a_number(spool):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    names = []
    for ticket in range(STAGES_MAX + 10):
        hostile.channel.say("stage_wanted", ticket=ticket)
        names.append(hostile.channel.hear()[0])
        names = [name for name in names if name != "space"]
    assert names == ["stage"] * STAGES_MAX + ["committed"] * 10
    other.channel.say("stage_wanted", ticket=9)
    assert other.wait_for("stage")["ticket"] == 9
    # A new smtpd begins anew, and what the old one had is not held for ever.
    before = open_fds(spool)
    Smtpd(spool).commit()
    assert open_fds(spool) <= before - STAGES_MAX + 2


def stage(smtpd):
    """The descriptor of a staging file."""
    smtpd.channel.say("stage_wanted", ticket=1)
    smtpd.channel.end.settimeout(PATIENCE_S)
    while True:
        _, rights, _, _ = smtpd.channel.end.recvmsg(rolerig.PACKET_MAX, socket.CMSG_SPACE(8))
        if rights:
            return int.from_bytes(rights[0][2][:4], sys.byteorder)


def test_a_staging_file_grows_no_larger_than_a_message(spool):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    large, allowed = stage(hostile), stage(other)
    os.pwrite(large, b"x" * 2**20, 100 * 2**20)
    os.pwrite(allowed, b"x" * 2**20, 20 * 2**20)
    eventually(lambda: os.fstat(large).st_size == 0, what="its space coming back")
    assert hostile.channel.hear() is None or hostile.channel.hear() is None
    assert "smtpd_refused" in spool.log()
    assert other.commit(fd=allowed, staged_size=21 * 2**20, body=b"") == DONE
    os.close(large)
    os.close(allowed)


def test_ids_are_given_a_block_a_turn(spool):
    hostile = Smtpd(spool)
    hostile.commit()
    os.kill(spool.process.pid, signal.SIGSTOP)
    for _ in range(50):
        hostile.channel.say("ids_wanted", empty=0)
    os.kill(spool.process.pid, signal.SIGCONT)
    counts = [hostile.wait_for("ids")["count"] for _ in range(50)]
    assert counts[0] > 0
    assert len([count for count in counts if count > 0]) < 5


NONSENSE = {
    "a lease that was not given": lambda lease: (lease + 1, [outcome()]),
    "an old number of the lease": lambda lease: (lease ^ 1 << 32, [outcome()]),
    "the greatest lease": lambda _: (2**64 - 1, [outcome()]),
    "no outcome": lambda lease: (lease, []),
    "an outcome too many": lambda lease: (lease, [outcome(), outcome()]),
    "an unknown kind": lambda lease: (lease, [outcome(kind=5)]),
    "kind 0": lambda lease: (lease, [outcome(kind=0)]),
    "an unknown class": lambda lease: (lease, [outcome(enhanced_class=6)]),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_from_a_deliverer_ends_its_channel_only(spool, what):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    id = smtpd.id()
    assert smtpd.commit(id=id) == DONE
    (delivery,) = relay.hear_all()
    lease, outcomes = NONSENSE[what](delivery["lease"])
    relay.say("outcomes", lease=lease, outcomes=outcomes)
    assert relay.hear() is None
    # Nothing was believed: the next one gets the message again.
    assert smtpd.commit() == DONE
    again = relay_of(spool)
    assert eventually(lambda: id in [d["id"] for d in again.hear_all()], what="the delivery")


def test_a_lease_is_answered_once_and_by_its_holder(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    maildir = spool.peer("maildir")
    assert smtpd.commit() == DONE
    (delivery,) = relay.hear_all()
    maildir.say("outcomes", lease=delivery["lease"], outcomes=[outcome()])
    assert maildir.hear() is None
    relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome()])
    relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome()])
    assert relay.hear() is None
    assert smtpd.commit() == DONE


def test_a_deliverer_that_reads_nothing_holds_up_nobody(spool):
    relay, smtpd = relay_of(spool), Smtpd(spool)
    big = b"Subject: big\r\n\r\n" + b"x" * 1500000 + b"\r\n"
    for _ in range(60):
        assert smtpd.commit(body=big) == DONE
    assert open_fds(spool) < FDS_MAX
    assert smtpd.commit() == DONE
    assert relay.end.fileno() >= 0


@pytest.mark.parametrize("number", range(len(rolerig.MESSAGES) + 2))
def test_a_message_that_smtpd_may_not_say_ends_its_channel_only(spool, number):
    hostile, other = Smtpd(spool), Smtpd(spool, 1)
    hostile.channel.say_raw(number, b"\xff" * 7)
    assert hostile.channel.hear() is None or hostile.channel.hear() is None
    assert other.commit() == DONE


# --- letters: what the role reports may make of the queue ---

LETTER_REFUSED = 5  # GP_LETTER_REFUSED
LETTERS_MAX = 600  # of src/procs/spool/letters.c, in a minute


class Letters:
    """The channel of reports to spool."""

    def __init__(self, role):
        self.channel = role.peer("reports")
        self.channel.end.settimeout(PATIENCE_S)

    def say(self, to="you@elsewhere.test", body=BODY, ticket=1):
        self.channel.say("letter", ticket=ticket, to=to.encode(), body=body)

    def write(self, *args, **fields):
        """The result of spool's answer."""
        self.say(*args, ticket=7, **fields)
        name, values = self.channel.hear()
        assert (name, values["ticket"]) == ("letter_kept", 7)
        return values["result"]


def test_a_letter_is_queued_from_nobody(spool):
    relay, letters = relay_of(spool), Letters(spool)
    assert letters.write() == DONE
    (delivery,) = relay.hear_all()
    envelope = delivery["envelope"]
    assert (envelope["sender"], envelope["flags"], delivery["body"]) == (b"", 0, BODY)
    assert [r["address"] for r in envelope["rcpts"]] == [b"you@elsewhere.test"]
    assert [r["notify"] for r in envelope["rcpts"]] == [1]  # never: nobody wants to hear of it
    # One that cannot be delivered makes no bounce.
    reply = {"code": 550, "enhanced_class": 5, "enhanced_subject": 1, "enhanced_detail": 1}
    relay.say("outcomes", lease=delivery["lease"], outcomes=[outcome(kind=4, text=b"no", **reply)])
    assert relay.hear_all() == []


def test_a_letter_goes_through_aliases(tmp_path):
    domains = {"demo.test": {"recipients": ["alice"], "aliases": {"tls": ["alice", "you@elsewhere.test"]},
                             "deliver": {"maildir": "/mail/{domain}/{local}"}}}
    with rolerig.Role("spool", {**SETTINGS, "domains": domains}, directories=[tmp_path]) as role:
        relay, maildir, letters = relay_of(role), role.peer("maildir"), Letters(role)
        assert letters.write("tls@demo.test") == DONE
        (inside,), (outside,) = maildir.hear_all(), relay.hear_all()
        assert [r["address"] for r in inside["envelope"]["rcpts"]] == [b"alice@demo.test"]
        assert [r["address"] for r in outside["envelope"]["rcpts"]] == [b"you@elsewhere.test"]
        assert letters.write("nobody@demo.test") == LETTER_REFUSED


@pytest.mark.parametrize("to", ["", "you", "a b@elsewhere.test", "you@elsewhere.test\r\nx", "@", "<you@elsewhere.test>",
                                "y" * 300 + "@elsewhere.test"])
def test_a_letter_to_no_address_is_refused(spool, to):
    letters = Letters(spool)
    assert letters.write(to) == LETTER_REFUSED
    assert letters.write() == DONE


def test_letters_have_a_rate(spool):
    letters, smtpd = Letters(spool), Smtpd(spool)
    results = [letters.write() for _ in range(LETTERS_MAX + 5)]
    assert results == [DONE] * LETTERS_MAX + [FULL] * 5
    # Also for who begins anew.
    assert Letters(spool).write() == FULL
    assert smtpd.commit() == DONE


def test_an_answer_is_for_the_reports_that_asked(spool):
    first = Letters(spool)
    os.kill(spool.process.pid, signal.SIGSTOP)
    first.say(ticket=1)
    second = Letters(spool)
    os.kill(spool.process.pid, signal.SIGCONT)
    assert second.write() == DONE


@pytest.mark.parametrize("number", range(len(rolerig.MESSAGES) + 2))
def test_a_message_that_reports_may_not_say_ends_its_channel_only(spool, number):
    letters, smtpd = Letters(spool), Smtpd(spool)
    letters.channel.say_raw(number, b"\xff" * 7)
    assert letters.channel.hear() is None
    assert smtpd.commit() == DONE
    assert Letters(spool).write() == DONE


# enum gp_queue_verb and enum gp_queue_result
LIST, SHOW, CAT, RETRY, HOLD, RELEASE, DROP, BOUNCE, JOURNAL, FLOW = range(1, 11)
OK, NOT_FOUND, REFUSED = 1, 2, 3
WEB_CHANGES_MAX = 60  # of spool/control.c, in a minute


def ask_as_web(web, verb, **changes):
    """The names of what came before the end, and its result."""
    texts = dict.fromkeys(("sender", "recipient", "domain"), b"")
    web.say("queue_request", **{"verb": verb, "id": 0, "older_ms": 0, "all": False, "limit": 0, **texts, **changes})
    heard = []
    while (message := web.hear()) and message[0] != "queue_done":
        heard.append(message[0])
    return heard, message and message[1]["result"]


def test_web_gets_no_mail_and_empties_no_queue(spool):
    smtpd = Smtpd(spool)
    ids = [smtpd.id(), smtpd.id()]
    assert [smtpd.commit(id) for id in ids] == [DONE, DONE]
    web = spool.peer("web")
    web.end.settimeout(PATIENCE_S)
    for verb in (LIST, CAT, JOURNAL, 0, 200):
        assert ask_as_web(web, verb, all=True, id=ids[0]) == ([], REFUSED), verb
    for verb in (DROP, BOUNCE, HOLD, RETRY, RELEASE):
        for selected in ({"all": True}, {"sender": b"me@example.com"}, {"domain": b"elsewhere.test"}, {"older_ms": 0}):
            assert ask_as_web(web, verb, **selected) == ([], REFUSED), verb
    assert ask_as_web(web, SHOW, all=True) == (["queue_entry"] * 2, OK)
    assert ask_as_web(web, FLOW) == (["flow"], OK)
    assert ask_as_web(web, DROP, id=ids[0]) == ([], OK)
    assert ask_as_web(web, SHOW, all=True) == (["queue_entry"], OK)
    assert ask_as_web(web, DROP, id=ids[0]) == ([], NOT_FOUND)


def test_web_takes_its_time_to_empty_a_queue(spool):
    """Whoever has taken it over may name one message after the other; who looks at the queue has to see it first."""
    smtpd = Smtpd(spool)
    id = smtpd.id()
    assert smtpd.commit(id) == DONE
    web = spool.peer("web")
    web.end.settimeout(PATIENCE_S)
    results = [ask_as_web(web, HOLD, id=id)[1] for _ in range(WEB_CHANGES_MAX + 5)]
    assert results == [OK] * WEB_CHANGES_MAX + [REFUSED] * 5
    assert "web_changes_too_much" in spool.log()
    # Also for who begins anew; and what is asked without a change has no such rate.
    again = spool.peer("web")
    again.end.settimeout(PATIENCE_S)
    assert ask_as_web(again, DROP, id=id) == ([], REFUSED)
    assert ask_as_web(again, SHOW, all=True) == (["queue_entry"], OK)


def test_web_asks_one_thing_at_a_time(spool):
    """A second question before the first is answered ends its channel, and nothing else."""
    smtpd = Smtpd(spool)
    assert smtpd.commit() == DONE
    web = spool.peer("web")
    web.end.settimeout(PATIENCE_S)
    question = {"verb": SHOW, "id": 0, "older_ms": 0, "all": True, "limit": 0}
    texts = dict.fromkeys(("sender", "recipient", "domain"), b"")
    for _ in range(2):
        web.say("queue_request", **question, **texts)
    while web.hear():
        pass
    assert smtpd.commit() == DONE
    again = spool.peer("web")
    again.end.settimeout(PATIENCE_S)
    assert ask_as_web(again, SHOW, all=True) == (["queue_entry"] * 2, OK)
