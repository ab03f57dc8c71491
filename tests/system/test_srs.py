# SPDX-License-Identifier: Apache-2.0
"""Mail that an alias forwards: it leaves from an address of ours, and bounces find their way back to the sender."""

import json
import re
import signal

import pytest
from gateway import eventually, free_port

TRUSTED = ["127.0.0.0/8"]
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
BOUNCE = b"From: MAILER-DAEMON@far.test\r\nSubject: it failed\r\n\r\nsorry\r\n"
PATH = re.compile(r"MAIL FROM:<(SRS0=[A-Z2-7]{8}=[A-Z2-7]{2}=example\.com=me@demo\.test)>")
DOMAINS = {
    "demo.test": {
        "recipients": ["alice", "bob"],
        "aliases": {"away": "you@far.test", "both": ["alice", "you@far.test"], "four": ["x@far.test", "y@far.test"]},
        "deliver": {"maildir": "mail/{domain}/{local}"},
    }
}


@pytest.fixture
def forwarding(gatepost, scratch):
    """forwarding(far, home, ...): mail to far.test goes to the first port, that to example.com to the second."""
    (scratch / "secret").write_text("0123456789abcdef\n", encoding="utf-8")

    def start(far, home=None, **settings):
        routes = {"far.test": f"127.0.0.1:{far}", "example.com": f"127.0.0.1:{home or free_port()}"}
        settings = {"srs": {"domain": "demo.test", "secret_file": str(scratch / "secret")}, **settings}
        return gatepost(domains=DOMAINS, routes=routes, **settings)

    return start


def path_of(end):
    """Under which reverse-path the sink's only message came."""
    eventually(lambda: end.messages, what="delivery")
    ((mail, _, _),) = end.messages
    found = PATH.match(mail)
    assert found, mail
    return found.group(1)


def answer(server, rcpt, sender=""):
    """What RCPT is answered."""
    with server.talk() as talk:
        talk.say("EHLO far.test")
        assert talk.say(f"MAIL FROM:<{sender}>").startswith("250")
        return talk.say(f"RCPT TO:<{rcpt}>")


def test_what_is_forwarded_leaves_from_here_and_its_bounce_goes_back(forwarding, sink):
    far, home = sink(), sink()
    server = forwarding(far.port, home.port)
    server.send(MESSAGE, to=["away@demo.test"])
    path = path_of(far)
    server.send(BOUNCE, to=[path], sender="")
    eventually(lambda: home.messages, what="the bounce")
    ((mail, rcpts, body),) = home.messages
    assert mail.startswith("MAIL FROM:<>")
    assert [rcpt.split()[1] for rcpt in rcpts] == ["TO:<me@example.com>"]
    assert b"it failed" in body
    # some hosts fold it
    server.send(BOUNCE, to=[path.lower()], sender="")
    eventually(lambda: len(home.messages) == 2, what="the second bounce")


def test_nobody_else_can_send_by_these_addresses(forwarding, sink):
    far, home = sink(), sink()
    server = forwarding(far.port, home.port)
    server.send(MESSAGE, to=["away@demo.test"])
    path = path_of(far)
    assert answer(server, path, "somebody@far.test").startswith("550 5.7.1")
    assert answer(server, path.replace("=me@", "=you@")).startswith("550 5.1.1")
    assert answer(server, path.replace("example.com", "example.org")).startswith("550 5.1.1")
    assert answer(server, "SRS0=AAAAAAAA=AA=example.com=me@demo.test").startswith("550 5.1.1")
    assert answer(server, "SRS1=AAAAAAAA=far.test==x=y=example.com=me@demo.test").startswith("550 5.1.1")
    assert answer(server, path.replace("demo.test", "far.test")).startswith("550 5.7.1")
    assert home.messages == []


def test_only_what_leaves_and_is_others_mail(forwarding, sink):
    far = sink()
    server = forwarding(far.port, relay_networks=TRUSTED)
    # the mailbox's copy keeps its sender
    server.send(MESSAGE, to=["both@demo.test"])
    (kept,) = server.wait_for_mails("alice")
    assert kept["Return-Path"] == "<me@example.com>"
    assert path_of(far)
    # our own mail, and bounces
    for sender in ("alice@demo.test", ""):
        server.send(MESSAGE, to=["away@demo.test"], sender=sender)
        eventually(lambda: server.queued() == [], what="delivery")
        assert far.messages[-1][0].startswith(f"MAIL FROM:<{sender}>")
    # whoever is no alias's: in one message two transactions, each for its own
    far.messages.clear()
    server.send(MESSAGE, to=["z@far.test", "four@demo.test"])
    eventually(lambda: server.queued() == [], what="delivery")
    found = {tuple(sorted(rcpt.split()[1] for rcpt in rcpts)): mail for mail, rcpts, _ in far.messages}
    assert set(found) == {("TO:<z@far.test>",), ("TO:<x@far.test>", "TO:<y@far.test>")}
    assert found["TO:<z@far.test>",].startswith("MAIL FROM:<me@example.com>")
    assert PATH.match(found["TO:<x@far.test>", "TO:<y@far.test>"])


def test_our_own_bounce_goes_to_the_sender(forwarding, sink):
    far, home = sink({"RCPT": "550 5.1.1 no such user"}), sink()
    server = forwarding(far.port, home.port)
    server.send(MESSAGE, to=["away@demo.test"])
    eventually(lambda: home.messages, what="the bounce")
    ((mail, rcpts, _),) = home.messages
    assert mail.startswith("MAIL FROM:<>")
    assert rcpts[0].startswith("RCPT TO:<me@example.com>")


def test_what_comes_back_is_reported_to_its_sender(forwarding, sink):
    """far.test forwards to us what it has from us, as it is: when that fails, its sender hears of it."""
    far, home = sink(), sink()
    server = forwarding(far.port, home.port)
    server.send(MESSAGE, to=["away@demo.test"])
    path = path_of(far)
    far.messages.clear()
    far.script["RCPT"] = "550 5.1.1 no such user"
    queue_id = server.send(MESSAGE, to=["away@demo.test"], sender=path)
    eventually(lambda: home.messages, what="the bounce")
    ((mail, rcpts, body),) = home.messages
    assert mail.startswith("MAIL FROM:<>")
    assert [rcpt.split()[1] for rcpt in rcpts] == ["TO:<me@example.com>"]
    assert b"no such user" in body
    # on its way it had the path that it came with
    assert [line for line in far.lines if line.startswith("MAIL")][-1].startswith(f"MAIL FROM:<{path}>")
    assert f"from <{path}>" in server.run("trace", queue_id).stdout
    # a copy of ours says who wrote it; a path of nobody's stays
    forged = path.replace("=me@", "=you@")
    for sender in (path, forged):
        server.send(MESSAGE, to=["alice@demo.test"], sender=sender)
    returns = [mail["Return-Path"] for mail in server.wait_for_mails("alice", 2)]
    assert returns == ["<me@example.com>", f"<{forged}>"]


def test_who_relays_what_came_back_leaves_under_the_same_path(forwarding, sink):
    far = sink()
    server = forwarding(far.port, relay_networks=TRUSTED)
    server.send(MESSAGE, to=["away@demo.test"])
    path = path_of(far)
    far.messages.clear()
    server.send(MESSAGE, to=["z@far.test"], sender=path)
    assert path_of(far) == path


def test_the_path_outlives_a_crash(forwarding, sink):
    answers = {"RCPT": "451 4.3.0 come back"}
    far = sink(answers)
    server = forwarding(far.port, relay_networks=TRUSTED)
    queue_id = server.send(MESSAGE, to=["z@far.test", "away@demo.test"])
    eventually(lambda: len([line for line in far.lines if line.startswith("RCPT")]) == 2, what="two attempts")
    first = next(found.group(1) for found in map(PATH.match, far.lines) if found)
    eventually(lambda: server.queued()[0]["state"] == "deferred", what="the deferral")
    server.kill()
    server.start()
    (shown,) = [json.loads(line) for line in server.queue("show", "--json", queue_id).splitlines()]
    assert shown["sender"] == "me@example.com" and shown["forwarder"] == first
    assert {rcpt["address"]: rcpt["forwarded"] for rcpt in shown["recipients"]} == {
        "z@far.test": False,
        "you@far.test": True,
    }
    assert f"you@far.test, from <{first}>: " in server.queue("show", queue_id)
    far.script.clear()
    server.queue("retry", queue_id)
    eventually(lambda: len(far.messages) == 2, what="delivery")
    assert sorted(mail.split("<")[1].split(">")[0] for mail, _, _ in far.messages) == [first, "me@example.com"]


def test_secrets_are_exchanged(forwarding, sink, scratch):
    far, home = sink(), sink()
    server = forwarding(far.port, home.port)
    server.send(MESSAGE, to=["away@demo.test"])
    path = path_of(far)

    def reload(new):
        before = server.log_text().count('"reloaded"')
        (scratch / "secret").write_text(new + "\n", encoding="utf-8")
        server.write_config()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.log_text().count('"reloaded"') > before, what="the reload")

    (scratch / "previous").write_text("0123456789abcdef\n", encoding="utf-8")
    server.settings["srs"]["previous_file"] = str(scratch / "previous")
    reload("fedcba9876543210")
    far.messages.clear()

    def another():
        server.send(MESSAGE, to=["away@demo.test"])
        eventually(lambda: far.messages, what="delivery")
        return PATH.match(far.messages.pop()[0]).group(1) != path

    eventually(another, what="the new secret")
    assert answer(server, path).startswith("250")
    # one that could be guessed is none: mail goes on, from its sender, and its way back waits
    del server.settings["srs"]["previous_file"]
    reload("short")
    eventually(lambda: "secret_refused" in server.log_text(), what="the complaint")
    eventually(lambda: answer(server, path).startswith("451 4.3.5"), what="no secret")
    server.send(MESSAGE, to=["away@demo.test"])
    eventually(lambda: far.messages, what="delivery")
    assert far.messages[0][0].startswith("MAIL FROM:<me@example.com>")


def test_without_it_the_sender_stays(gatepost, sink):
    far = sink()
    server = gatepost(domains=DOMAINS, routes={"far.test": f"127.0.0.1:{far.port}"})
    server.send(MESSAGE, to=["away@demo.test"])
    eventually(lambda: far.messages, what="delivery")
    assert far.messages[0][0].startswith("MAIL FROM:<me@example.com>")
    assert answer(server, "SRS0=AAAAAAAA=AA=example.com=me@demo.test").startswith("550 5.1.1")


def test_letters_beyond_ascii(forwarding, sink):
    far, home = sink(), sink()
    server = forwarding(far.port, home.port)

    def say(client, verb, argument):
        code, text = client.docmd(verb, argument)
        assert code == 250, text

    with server.client() as client:
        client.command_encoding = "utf-8"
        client.ehlo("client.example.com")
        say(client, "MAIL", "FROM:<jörg@example.com> SMTPUTF8")
        say(client, "RCPT", "TO:<away@demo.test>")
        assert client.data(MESSAGE)[0] == 250
        eventually(lambda: far.messages, what="delivery")
        path = re.search(r"<(SRS0=[^>]*=example\.com=jörg@demo\.test)> .*SMTPUTF8", far.messages[0][0]).group(1)
        say(client, "MAIL", "FROM:<> SMTPUTF8")
        say(client, "RCPT", f"TO:<{path}>")
        assert client.data(BOUNCE)[0] == 250
    eventually(lambda: home.messages, what="the bounce")
    assert home.messages[0][1][0].startswith("RCPT TO:<jörg@example.com>")


def test_postfix_bounces_to_the_address(forwarding, peers, sink):
    """Postfix takes the mail, finds later that nobody is there, and sends its own report."""
    port, home = free_port(), sink()
    server = forwarding(port, home.port)
    # What Postfix passes on comes back to us, and far.test is not ours: refused there, while the report is for us.
    peers.postfix(port, server.port)
    server.send(MESSAGE, to=["away@demo.test"])
    eventually(lambda: home.messages, 60, what="the report")
    ((mail, rcpts, body),) = home.messages
    assert mail.startswith("MAIL FROM:<>")
    assert rcpts[0].startswith("RCPT TO:<me@example.com>")
    assert b"Undelivered Mail Returned to Sender" in body and b"you@far.test" in body
