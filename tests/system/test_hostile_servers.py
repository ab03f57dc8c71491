# SPDX-License-Identifier: Apache-2.0
"""Servers that break the rules, or their promises, and what becomes of the mail."""

import contextlib
import os
import signal
import socket
import threading

import pytest
from gateway import eventually, free_port

TRUSTED = ["127.0.0.0/8"]
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"


class Server:
    """Runs `dialogue(connection)` for each connection; connection is a socket's file."""

    def __init__(self, dialogue, address="127.0.0.1", port=0):
        self.dialogue = dialogue
        self.listener = socket.create_server((address, port))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with connection, connection.makefile("rwb", buffering=0) as file, contextlib.suppress(OSError):
            self.dialogue(file)

    def close(self):
        self.listener.close()


@pytest.fixture
def serve():
    running = []

    def start(*args, **options):
        running.append(Server(*args, **options))
        return running[-1]

    yield start
    for server in running:
        server.close()


def write(file, text):
    file.write(text.encode().replace(b"\n", b"\r\n"))


def hello(file, greeting="220 mx\n", ehlo="250-mx\n250 PIPELINING\n"):
    write(file, greeting)
    assert file.readline().startswith(b"EHLO")
    write(file, ehlo)


def take(file, rcpt=lambda n: "250 ok", end="250 kept\n"):
    """Takes messages until the client goes; yields the recipients of each that was ended."""
    rcpts = []
    while line := file.readline():
        word = line[:4].upper()
        if word == b"RCPT":
            rcpts.append(line)
            write(file, rcpt(len(rcpts)) + "\n")
        elif word == b"DATA":
            write(file, "354 go\n")
            while file.readline() not in (b".\r\n", b""):
                pass
            yield rcpts
            write(file, end)
            rcpts = []
        elif word == b"QUIT":
            return
        else:
            write(file, "250 ok\n")
            rcpts = []


def relaying(gatepost, port, names=None, host="127.0.0.1", **settings):
    settings.setdefault("retry", {"first": "1h", "max": "1h", "for": "1d"})
    return gatepost(names, relay_networks=TRUSTED, smarthost={"address": f"{host}:{port}"}, workers=1, **settings)


def outcome(server):
    """The log line that says what became of the message."""
    events = ("deferred", "relayed", "failed")

    def seen():
        return [line for line in server.log_lines() if line.get("event") in events]

    return eventually(seen, what="an outcome")[0]


def endless_line(file):
    while True:
        file.write(b"x" * 65536)


def endless_lines(file):
    while True:
        file.write(b"220-more\r\n" * 1000)


def answers_first(file):
    write(file, "220 mx\n250 mx\n250 ok\n250 ok\n354 go\n250 kept\n")
    file.read()


def answers_first_piped(file):
    hello(file)
    write(file, "250 ok\n250 ok\n354 go\n250 kept\n")
    file.read()


def no_code(file):
    hello(file)
    file.readline()
    write(file, "250-ok\nRCPT TO:<x>\n250 ok\n")
    file.read()


def closes_after_the_dot(file):
    hello(file)
    for _ in take(file):
        return


@pytest.mark.parametrize(
    "dialogue,reason",
    [
        (endless_line, "without end"),
        (endless_lines, "too many lines"),
        (answers_first, "before its command"),
        (answers_first_piped, "before its command"),
        (no_code, "without a reply code"),
        (closes_after_the_dot, "connection lost"),
    ],
)
def test_nothing_is_taken_for_delivered(gatepost, serve, dialogue, reason):
    end = serve(dialogue)
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=["you@elsewhere.test"])
    line = outcome(server)
    assert line["event"] == "deferred"
    assert reason in line["reason"]


def test_replies_cannot_forge_log_lines(gatepost, serve):
    def dialogue(file):
        hello(file, ehlo="250 mx\n")
        file.readline()
        file.write(b'450-a\x1b[2J\r\n450-{"event":"relayed"}\n450 caf\xe9\x00\r\n')
        file.read()

    server = relaying(gatepost, serve(dialogue).port)
    server.send(MESSAGE, to=["you@elsewhere.test"])
    line = outcome(server)
    assert line["event"] == "deferred"
    assert line["reason"].split("\n") == ["a?[2J", '{"event":"relayed"}', "caf??"]


def test_after_the_end_of_data_no_other_host_gets_it(gatepost, serve):
    """It may have been kept: two copies are worse than a pause."""
    port = free_port()
    ends = [serve(closes_after_the_dot, address, port) for address in ("127.0.0.1", "127.0.0.2")]
    names = {"hub.test": {"A": ["127.0.0.1", "127.0.0.2"], "AAAA": []}}
    server = relaying(gatepost, port, names, "hub.test")
    server.send(MESSAGE, to=["you@elsewhere.test"])
    assert outcome(server)["event"] == "deferred"
    assert sum(end.connections for end in ends) == 1


@pytest.mark.parametrize("first", [None, "554 not you\n", "421 busy\n", "garbage\n"], ids=str)
def test_the_next_host_is_asked(gatepost, serve, first):
    """Whether the first one is away or says no at the door."""
    got = []

    def refuses(file):
        write(file, first)
        file.read()

    def takes(file):
        hello(file)
        got.extend(take(file))

    port = free_port()
    serve(takes, "127.0.0.2", port)
    serve(takes, "127.0.0.3", port)
    if first:
        serve(refuses, "127.0.0.1", port)
    names = {"hub.test": {"A": ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "AAAA": []}}
    server = relaying(gatepost, port, names, "hub.test")
    for n in range(1, 6):
        server.send(MESSAGE, to=[f"you{n}@elsewhere.test"])
        eventually(lambda n=n: len(got) == n, what="delivery")


def test_a_kept_connection_that_is_closed_meanwhile(gatepost, serve):
    got, gone = [], []

    def one_each(file):
        hello(file)
        for rcpts in take(file):
            got.append(rcpts)
            write(file, "250 kept\n421 4.4.2 enough\n" if len(got) % 2 else "250 kept\n")
            gone.append(file)
            return

    end = serve(one_each)
    server = relaying(gatepost, end.port)
    for n in range(1, 7):
        server.send(MESSAGE, to=["you@elsewhere.test"])
        eventually(lambda n=n: len(got) == n, what="delivery")
    assert all(line["event"] != "deferred" for line in server.log_lines())
    assert end.connections == 6


def test_too_many_recipients_follow_at_once(gatepost, serve):
    got = []

    def dialogue(file):
        hello(file)
        got.extend(len(rcpts) for rcpts in take(file, lambda n: "250 ok" if n <= 2 else "452 4.5.3 too many"))

    end = serve(dialogue)
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=[f"user{n}@elsewhere.test" for n in range(5)])
    lines = eventually(lambda: [x for x in server.log_lines() if x.get("event") == "relayed"][4:], what="five outcomes")
    assert lines
    assert end.connections == 1
    assert got == [5, 3, 1]


def test_more_recipients_than_a_server_must_take(gatepost, serve):
    got = []

    def dialogue(file):
        hello(file)
        for rcpts in take(file):
            got.append(len(rcpts))

    server = relaying(gatepost, serve(dialogue).port)
    server.send(MESSAGE, to=[f"user{n}@elsewhere.test" for n in range(250)])
    eventually(lambda: len(got) == 3, what="three transactions")
    assert got == [100, 100, 50]


def test_mailmax_is_kept(gatepost, serve):
    """RFC 9422: the rest goes over connections of its own."""
    got = []

    def dialogue(file):
        hello(file, ehlo="250-mx\n250-PIPELINING\n250 LIMITS MAILMAX=1 RCPTMAX=2\n")
        for rcpts in take(file):
            got.append(len(rcpts))

    end = serve(dialogue)
    server = relaying(gatepost, end.port)
    server.send(MESSAGE, to=[f"user{n}@elsewhere.test" for n in range(5)])
    eventually(lambda: len(got) == 3, what="three transactions")
    assert got == [2, 2, 1]
    assert end.connections == 3


def test_an_outcome_is_for_the_spool_that_asked(gatepost, serve):
    """A lease's number means another message to the spool that was started meanwhile."""
    gates, taken, ended = [threading.Event(), threading.Event()], [], []

    def slow(file):
        hello(file)
        for rcpts in take(file):
            taken.append(rcpts)
            gates[min(len(taken), 2) - 1].wait(20)
        ended.append(file)

    server = relaying(gatepost, serve(slow).port)
    server.crash_is_expected = True
    server.send(MESSAGE, to=["one@far.test"])
    eventually(lambda: len(taken) == 1, what="the first attempt")
    spool = server.pid_of("spool")
    os.kill(spool, signal.SIGKILL)
    eventually(lambda: len(taken) == 2, what="the attempt after the restart")
    gates[0].set()
    eventually(lambda: ended, what="the end of the first connection, idle after its outcome")
    assert len(server.queued()) == 1
    gates[1].set()
    eventually(lambda: server.queued() == [], what="an empty queue")
    server.send(MESSAGE, to=["two@far.test"])
    eventually(lambda: server.queued() == [], what="an empty queue")
    assert "outcome_refused" not in server.log_text()


def test_half_a_line_does_not_keep_an_idle_connection(gatepost, serve):
    gone = threading.Event()

    def chatty(file):
        hello(file)
        for _ in take(file, end="250 kept\n4"):
            pass
        gone.set()

    server = relaying(gatepost, serve(chatty).port)
    server.send(MESSAGE, to=["you@far.test"])
    assert gone.wait(15)
