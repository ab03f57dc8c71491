# SPDX-License-Identifier: Apache-2.0
"""gatepost trace: what became of messages, by the journal of a running gateway."""

import json
import os
import signal

import pytest
from gateway import eventually
from test_operation import MESSAGE, stuck

WITH_ID = b"Message-ID: <one@example.com>\r\n" + MESSAGE


def trace(server, *argv, code=0):
    done = server.run("trace", "--json", *argv)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(server, id):
    (message,) = trace(server, id)
    return [(o["recipient"], o["outcome"]) for o in message["outcomes"]]


def test_by_id(gatepost):
    server = gatepost()
    id = server.send(WITH_ID, to=["alice@demo.test", "bob@demo.test"])
    server.wait_for_mails("bob")
    eventually(lambda: len(outcomes(server, id)) == 2, what="both outcomes")
    (message,) = trace(server, id)
    assert message["origin"] == "stranger" and message["client"] == "127.0.0.1"
    assert message["sender"] == "me@example.com" and message["message_id"] == "<one@example.com>"
    assert message["recipients"] == ["alice@demo.test", "bob@demo.test"]
    assert {o["outcome"] for o in message["outcomes"]} == {"delivered"}
    assert "spf=none" in message["results"] and "action=" in message["results"]
    text = server.run("trace", id).stdout
    assert id in text and "alice@demo.test" in text and "delivered" in text


def test_selectors(gatepost):
    server = gatepost()
    first = server.send(WITH_ID, sender="first@example.com")
    second = server.send(MESSAGE, sender="second@example.com", to=["bob@demo.test"])
    eventually(lambda: outcomes(server, second), what="an outcome")

    def ids(*argv, code=0):
        return [m["id"] for m in trace(server, *argv, code=code)]

    assert ids() == ids("--since", "1h") == [first, second]
    assert ids("--limit", "1") == [second]
    assert ids("--sender", "First@example.com") == ids("--message-id", "one@example.com") == [first]
    assert ids("--recipient", "bob@demo.test") == [second]
    assert ids("--recipient", "bob@demo.test", "--sender", "first@example.com", code=1) == []
    assert ids("--user", "nobody", code=1) == []
    assert server.run("trace", "not-an-id").returncode == 2
    assert server.run("trace", "--since", "then").returncode == 2


@pytest.mark.parametrize("option", ["--sender", "--recipient", "--message-id", "--user"])
def test_an_empty_selector_is_none(gatepost, option):
    server, _ = stuck(gatepost)
    done = server.run("trace", option, "")
    assert done.returncode == 2 and option in done.stderr and done.stdout == ""


def test_what_waits_is_bounced_or_dropped(gatepost):
    server, id = stuck(gatepost)
    (waiting,) = eventually(lambda: trace(server, id)[0]["outcomes"], what="an attempt")
    assert waiting["outcome"] == "deferred" and waiting["next"] > waiting["time"]
    server.queue("bounce", id)
    assert outcomes(server, id)[-1] == ("you@elsewhere.test", "failed")
    (bounce,) = [m for m in trace(server) if m["origin"] == "ours"]
    assert bounce["recipients"] == ["me@example.com"] and bounce["sender"] == ""
    server.queue("drop", bounce["id"])
    assert "operator" in trace(server, bounce["id"])[0]["outcomes"][-1]["reply"]["text"]


def test_what_is_refused(gatepost):
    server = gatepost(authentication={"from": "refuse"})
    with server.client() as c:
        c.ehlo("client.example.com")
        assert c.mail("me@example.com")[0] == 250
        assert c.rcpt("nobody@demo.test")[0] == 550
        assert c.rcpt("alice@demo.test")[0] == 250
        assert c.data(b"Subject: nobody's\r\n\r\nx\r\n")[0] == 550
    refused = eventually(lambda: len(trace(server)) == 2 and trace(server), what="both refusals")
    assert [r["refused"]["code"] for r in refused] == [550, 550]
    assert refused[0]["recipients"] == ["nobody@demo.test"] and refused[0]["id"] == ""
    assert refused[1]["recipients"] == ["alice@demo.test"] and refused[1]["id"]
    assert trace(server, refused[1]["id"]) == refused[1:]
    assert [m["recipients"] for m in trace(server, "--recipient", "nobody@demo.test")] == [["nobody@demo.test"]]
    assert "refused" in server.run("trace").stdout


def test_a_flood_of_refusals_is_told_as_a_number(gatepost):
    server = gatepost(limits={"errors": 10000})
    with server.client() as c:
        c.ehlo("client.example.com")
        for _ in range(5):
            c.mail("me@example.com")
            c.sock.sendall(b"RCPT TO:<nobody@demo.test>\r\n" * 200)
            answers = b""
            while answers.count(b"\n") < 200:
                answers += c.sock.recv(65536)
            c.file = None
            c.rset()
    assert 0 < len(trace(server, "--limit", "10000")) < 900


def test_the_journal_outlives_a_restart_and_a_death(gatepost):
    server = gatepost()
    first = server.send(MESSAGE)
    eventually(lambda: outcomes(server, first), what="an outcome")
    server.stop()
    server.start()
    second = server.send(MESSAGE)
    eventually(lambda: outcomes(server, second), what="an outcome")
    server.crash_is_expected = True
    spool = server.pid_of("spool")
    os.kill(spool, signal.SIGKILL)
    eventually(lambda: server.run("trace").returncode == 0, what="the next spool")
    assert [m["id"] for m in trace(server)] == [first, second]
    assert len(list(server.folder.glob("state/spool/journal/mail-*"))) == 1


def test_without_a_gateway_or_a_journal(gatepost):
    server = gatepost(journal={"size": "0"})
    id = server.send(MESSAGE)
    server.wait_for_mails("alice")
    assert trace(server, id, code=1) == []
    server.stop()
    done = server.run("trace", id)
    assert done.returncode == 3 and "is the gateway running?" in done.stderr


def test_a_reload_turns_it_off_and_on(gatepost):
    server = gatepost()
    old = server.send(MESSAGE)
    eventually(lambda: outcomes(server, old), what="an outcome")

    def set_size(size):
        server.settings["journal"] = {"size": size}
        server.write_config()
        server.process.send_signal(signal.SIGHUP)

    set_size("0")
    eventually(lambda: not list(server.folder.glob("state/spool/journal/*")), what="the end of the journal")
    assert trace(server, old, code=1) == []
    set_size("1MB")
    eventually(lambda: server.send(MESSAGE) and server.run("trace").returncode == 0, what="a new journal")
    assert trace(server, old, code=1) == []


def test_what_strangers_wrote_cannot_act(gatepost):
    server = gatepost()
    id = server.send(b"Message-ID: <\x1b[31m\xff@x>\r\n" + MESSAGE)
    eventually(lambda: outcomes(server, id), what="an outcome")
    assert "\x1b" not in server.run("trace", id).stdout
