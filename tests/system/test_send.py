# SPDX-License-Identifier: Apache-2.0
"""gatepost send: the hand tool against servers that do as they are told."""

import json
import time

import pytest
from gateway import free_port, run

TO = ["--to", "you@elsewhere.test"]


def send(port, *argv, **options):
    return run("send", "--server", f"127.0.0.1:{port}", "--helo", "hand.test", "--timeout", "5", *argv, **options)


def dialogue(done):
    return [line for line in done.stdout.splitlines() if line.startswith("->")]


def test_the_whole_dialogue(sink):
    end = sink()
    done = send(end.port, "--from", "me@example.com", *TO, "--body", "hello\n.dot", "-H", "X-Test: 1", "-v")
    assert done.returncode == 0, done.stderr
    ((mail, rcpts, body),) = end.messages
    assert mail.startswith("MAIL FROM:<me@example.com> SIZE=")
    assert rcpts == ["RCPT TO:<you@elsewhere.test>"]
    assert body.startswith(b"X-Test: 1\r\nFrom: me@example.com\r\n")
    assert body.endswith(b"\r\n\r\nhello\r\n.dot\r\n")
    lines = [line.split(" ", 1)[1] for line in done.stdout.strip().splitlines() if line.strip()]
    assert lines[0].endswith("220 sink.test ESMTP")
    assert lines[-1].endswith("221 bye")


def test_a_message_from_standard_input(sink):
    end = sink()
    done = send(end.port, *TO, "--data", "-", input="Subject: x\n\nline\r\nlast")
    assert done.returncode == 0, done.stderr
    assert end.messages[0][2] == b"Subject: x\r\n\r\nline\r\nlast\r\n"


def test_dsn_parameters(sink):
    end = sink()
    done = send(
        end.port, *TO, "--ret", "hdrs", "--envid", "abc", "--notify", "success,failure", "--orcpt", "a+b@example.org"
    )
    assert done.returncode == 0, done.stderr
    mail, (rcpt,), _ = end.messages[0]
    assert mail.endswith(" RET=HDRS ENVID=abc")
    assert rcpt == "RCPT TO:<you@elsewhere.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.org"


def test_an_envelope_id_is_one_parameter(sink):
    end = sink()
    assert send(end.port, *TO, "--envid", "a b+c=d").returncode == 0
    assert end.messages[0][0].endswith(" ENVID=a+20b+2Bc+3Dd")


def test_addresses_may_be_copied_with_their_brackets(sink):
    end = sink(extensions=())
    assert send(end.port, "-f", "<me@x.test>", "-t", "<you@elsewhere.test>").returncode == 0
    assert end.messages[0][:2] == ("MAIL FROM:<me@x.test>", ["RCPT TO:<you@elsewhere.test>"])


@pytest.mark.parametrize(
    "stage,said",
    [
        ("connect", ["-> QUIT"]),
        ("hello", ["-> EHLO hand.test", "-> QUIT"]),
        ("mail", ["-> EHLO hand.test", "-> MAIL FROM:<>", "-> RSET", "-> QUIT"]),
        ("rcpt", ["-> EHLO hand.test", "-> MAIL FROM:<>", "-> RCPT TO:<you@elsewhere.test>", "-> RSET", "-> QUIT"]),
    ],
)
def test_quit_after(sink, stage, said):
    done = send(sink(extensions=()).port, *TO, "--quit-after", stage)
    assert done.returncode == 0, done.stderr
    assert dialogue(done) == said


def test_raw_commands(sink):
    end = sink()
    raw = ["EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA", "Subject: raw", "", "text", ".", "QUIT"]
    done = send(end.port, *[f"--raw={line}" for line in raw])
    assert done.returncode == 0, done.stderr
    assert end.messages == [("MAIL FROM:<a@b.test>", ["RCPT TO:<c@d.test>"], b"Subject: raw\r\n\r\ntext\r\n")]
    assert dialogue(done) == [f"-> {line}" for line in raw]


@pytest.mark.parametrize(
    "script,code,result",
    [
        ({}, 0, "accepted"),
        ({"connect": "554 go away"}, 1, "refused"),
        ({"MAIL": "550 no"}, 1, "refused"),
        ({"RCPT": "450 later"}, 1, "refused"),
        ({"DATA": "451 later"}, 1, "refused"),
        ({".": "554 spam"}, 1, "refused"),
        ({"connect": None}, 3, "lost"),
        ({"connect": "SSH-2.0-x"}, 3, "lost"),
        ({"EHLO": None}, 3, "lost"),
        ({"MAIL": "354 what?"}, 3, "lost"),
        ({".": None}, 3, "lost"),
    ],
    ids=str,
)
def test_exit_codes(sink, script, code, result):
    done = send(sink(script).port, *TO, "--json")
    assert done.returncode == code, done.stderr
    said = json.loads(done.stdout)
    assert said["result"] == result


def test_nobody_there():
    done = send(free_port(), *TO)
    assert done.returncode == 3
    assert "Connection refused" in done.stderr


def test_nobody_answers(sink):
    end = sink({"MAIL": lambda _: time.sleep(2)})
    done = run("send", "-S", f"127.0.0.1:{end.port}", *TO, "--timeout", "0.3")
    assert done.returncode == 3
    assert "timed out" in done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--to", "a"],
        ["-S", "x", "--notify", "now", *TO],
        ["-S", "x", "--notify", "NEVER,SUCCESS", *TO],
        ["-S", "x", "--notify", "", *TO],
        ["-S", "x", "--envid", "a" * 101, *TO],
        ["-S", "x", "--helo", "x\r\nMAIL FROM:<>", *TO],
        ["-S", "", *TO],
        ["-S", ":25", *TO],
        ["-S", "unix:", *TO],
        ["-S", "127.0.0.1:0", *TO],
        ["-S", "127.0.0.1:65561", *TO],
        ["-S", "[::1]:", *TO],
        ["-S", "x", "--quit-after", "lunch"],
        ["-S", "x", *TO, "more"],
    ],
    ids=str,
)
def test_usage(argv):
    done = run("send", *argv)
    assert done.returncode == 2
    assert done.stderr


def test_a_folder_is_no_message(sink, tmp_path):
    done = send(sink().port, *TO, "--data", tmp_path)
    assert done.returncode == 4 and "Is a directory" in done.stderr


def test_no_escape_sequence_reaches_the_terminal(sink):
    end = sink({"connect": "220 \x1b]0;owned\x07 \u009b2J b\u00f6se", "RCPT": "550 \x1b[2J"})
    for option in ("-v", "--json"):
        done = send(end.port, *TO, option)
        assert done.returncode == 1
        assert not any(ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160 for c in done.stdout + done.stderr)
        assert "böse" in (done.stdout if option == "-v" else json.loads(done.stdout)["dialogue"][0]["text"])
