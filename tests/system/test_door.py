# SPDX-License-Identifier: Apache-2.0
"""What is refused at the door, and how: relaying, unknown recipients, octets that smuggle, limits."""

import os
import pathlib
import re

import pytest
from gateway import Talk, eventually

END = b"\r\n.\r\n"


def refusals(server):
    return [line for line in server.log_lines() if re.search("refus|reject", str(line))]


def test_a_foreign_domain_is_refused_at_rcpt(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        assert talk.say("RCPT TO:<you@elsewhere.test>").startswith("550 5.7.1")
        assert talk.say("RCPT TO:<alice@demo.test>").startswith("250")
    eventually(lambda: refusals(server), what="a line in the log about the refusal")


@pytest.mark.parametrize(
    "rcpt",
    [
        "you%elsewhere.test@demo.test",
        "elsewhere.test!you@demo.test",
        "@demo.test:you@elsewhere.test",
        '"you@elsewhere.test"@demo.test',
        "you@elsewhere.test@demo.test",
        "you@[127.0.0.2]",
        "you",
        "alice@demo.test@elsewhere.test",
        "you@demo.test.elsewhere.test",
        "you@xdemo.test",
    ],
)
def test_no_spelling_relays(gatepost, rcpt):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        assert talk.say(f"RCPT TO:<{rcpt}>").startswith("5")
        assert talk.say("DATA").startswith(("503", "554"))


def test_an_unknown_recipient_is_refused_at_rcpt(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        assert talk.say("RCPT TO:<nobody@demo.test>").startswith("550 5.1.1")
        assert talk.say("RCPT TO:<postmaster@demo.test>").startswith("250")
        assert talk.say("RCPT TO:<Postmaster>").startswith("250")


def test_the_greeting_and_what_is_offered(gatepost):
    server = gatepost(limits={"message_size": "1MB"})
    with server.talk() as talk:
        assert talk.greeting.startswith("220 mx.gatepost.test ")
        lines = talk.say("EHLO client.example.com").split("\r\n")
        words = {line[4:].split()[0] for line in lines[1:]}
        offered = "PIPELINING SIZE 8BITMIME SMTPUTF8 ENHANCEDSTATUSCODES DSN CHUNKING BINARYMIME"
        assert words == set(offered.split())
        assert talk.say("VRFY alice").startswith("252")
        assert talk.say("HELP").startswith("214")
        assert talk.say("NOOP").startswith("250")
        assert talk.say("RSET").startswith("250")
        assert talk.say("MAIL FROM:<me@example.com> SIZE=99999999").startswith("552")
        assert talk.say("BOGUS").startswith("500")
        assert talk.say("QUIT").startswith("221")
        assert talk.closed()


def test_pipelined_commands_are_answered_in_order(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.write(
            b"MAIL FROM:<me@example.com>\r\nRCPT TO:<alice@demo.test>\r\nRCPT TO:<you@elsewhere.test>\r\nDATA\r\n"
        )
        assert [talk.reply()[:3] for _ in range(4)] == ["250", "250", "550", "354"]
        talk.write(b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(2)] == ["250", "221"]
    server.wait_for_mails("alice")


# Rows of "SMTP smuggling": what other servers took for the end of data, and a second message behind it.
SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<bob@demo.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\r\r\n",
    b"\r\n.\0\r\n",
    b"\r\n\0.\r\n",
    b"\r\r\n.\r\r\n",
]


@pytest.mark.parametrize("end", ENDS, ids=repr)
@pytest.mark.parametrize("trusted", [False, True], ids=["stranger", "relay_networks"])
def test_only_crlf_dot_crlf_ends_a_message(gatepost, end, trusted):
    server = gatepost(relay_networks=["127.0.0.0/8"] if trusted else [])
    with server.talk() as talk:
        talk.until_data()
        talk.write(b"Subject: outer\r\n\r\nx" + end + SMUGGLED + END)
        assert re.match("5[05][0-9]", talk.reply())
        talk.write(b"QUIT\r\n")
        talk.reply()
    assert server.queued() == []
    assert server.mails("alice") == [] and server.mails("bob") == []


@pytest.mark.parametrize("octets", [b"a\rb", b"a\nb", b"a\0b"], ids=repr)
def test_bare_octets_are_refused_in_the_body(gatepost, octets):
    server = gatepost()
    with server.talk() as talk:
        talk.until_data()
        talk.write(b"Subject: x\r\n\r\n" + octets + END)
        assert re.match("5[05][0-9]", talk.reply())
    assert server.queued() == []


def test_no_data_without_a_transaction(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        assert talk.say("DATA").startswith("503")
        assert talk.say("RCPT TO:<alice@demo.test>").startswith("503")
        talk.say("MAIL FROM:<me@example.com>")
        assert talk.say("DATA")[:3] in ("503", "554")
        talk.say("RCPT TO:<alice@demo.test>")
        talk.say("RSET")
        assert talk.say("DATA").startswith("503")
        talk.say("MAIL FROM:<me@example.com>")
        talk.say("RCPT TO:<alice@demo.test>")
        talk.say("EHLO client.example.com")
        assert talk.say("DATA").startswith("503")


def test_an_endless_line_is_cut_off(gatepost):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        sent = 0
        try:
            while sent < 64 << 20:
                talk.write(b"x" * 65536)
                sent += 65536
        except OSError:
            pass
        assert sent < 16 << 20, "the server read on"


def test_a_message_over_the_size_limit(gatepost):
    server = gatepost(limits={"message_size": "100KB"})
    with server.talk() as talk:
        talk.until_data()
        talk.write(b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 3000 + b".\r\n")
        assert talk.reply().startswith("552 5.3.4")
    assert server.queued() == []


def test_a_loop_ends_after_fifty_hops(gatepost):
    server = gatepost()
    hop = b"Received: from a by b; Sun, 1 Nov 2026 00:00:00 +0000\r\n"
    with server.talk() as talk:
        talk.until_data()
        talk.write(hop * 51 + b"Subject: x\r\n\r\nx" + END)
        assert talk.reply().startswith("554 5.4.6")
    assert server.send(hop * 30 + b"Subject: x\r\n\r\nx\r\n")


def test_bad_words_end_the_session(gatepost):
    server = gatepost()
    with server.talk() as talk:
        replies = [talk.say("BOGUS") for _ in range(3)]
        assert all(reply.startswith("500") for reply in replies)
        for _ in range(100):
            reply = talk.say("BOGUS")
            if not reply.startswith("500"):
                break
        assert reply.startswith("421")
        assert talk.closed()


@pytest.mark.parametrize("line", ["ENVID=a+0Ab", "ENVID=a+00b", "RET=ALL", "SIZE=-1", "BODY=9BIT", "BOGUS=1"])
def test_bad_parameters_are_refused(gatepost, line):
    server = gatepost()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        assert re.match("5(01|55)", talk.say(f"MAIL FROM:<me@example.com> {line}"))
        assert talk.say("RCPT TO:<alice@demo.test>").startswith("503")


def test_when_places_are_few_strangers_have_to_come_to_the_point(gatepost):
    places = {"connections": 8, "connections_per_source": 8, "connections_per_network": 8}
    server = gatepost(limits=places, relay_limits=places, relay_networks=["127.0.0.9/32"], workers=1)

    def told(event):
        return [line for line in server.log_lines() if line["event"] == event]

    eventually(lambda: server.client().quit()[0] == 221, what="the places of earlier connections")
    ours = Talk(server.port, source="127.0.0.9")
    sessions = [server.talk() for _ in range(5)]
    assert sessions[0].say("NONSENSE").startswith("500")
    assert not told("stress_begins")
    sessions.append(server.talk())
    eventually(lambda: told("stress_begins"), what="stress")
    for session in sessions[:2]:
        assert session.say("NONSENSE").startswith("500")
        assert session.reply().startswith("421") and session.closed()
    assert [ours.say("NONSENSE")[:3] for _ in range(3)] == ["500"] * 3
    # Half of them free: not before.
    assert not told("stress_ends")
    for session in sessions[:-2]:
        session.__exit__()
    eventually(lambda: told("stress_ends"), what="its end")
    assert [sessions[-1].say("NONSENSE")[:3] for _ in range(3)] == ["500"] * 3
    assert len(told("stress_begins")) == 1
    for session in [*sessions, ours]:
        session.__exit__()


ALIASES, TARGETS = 60, 500


def test_recipients_behind_aliases_cost_what_they_are(gatepost):
    """30,000 of one message, each at a price that does not grow with those that are there already."""
    groups = {
        f"group{n}": [f"member-number-{n * TARGETS + k}@elsewhere.test" for k in range(TARGETS)] for n in range(ALIASES)
    }
    domain = {"recipients": ["alice"], "aliases": groups, "deliver": "discard"}
    server = gatepost(domains={"demo.test": domain}, workers=1)
    smtpd = server.pid_of("smtpd")

    def cpu_s():
        fields = pathlib.Path(f"/proc/{smtpd}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.say("MAIL FROM:<me@example.com>")
        before = cpu_s()
        for n in range(ALIASES):
            assert talk.say(f"RCPT TO:<group{n}@demo.test>").startswith("250")
        assert cpu_s() - before < 0.5
