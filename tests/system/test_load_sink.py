# SPDX-License-Identifier: Apache-2.0
"""`gatepost load` and `gatepost sink`: against each other, and against Postfix's smtp-source and smtp-sink."""

import json
import socket
import subprocess

import pytest
import sink
import tlsrig

from gateway import PROGRAM, free_port, run

PATIENCE_S = 60


def connect(address, tls=False):
    """Waits until somebody listens there; returns the greeted connection."""
    while True:
        try:
            if isinstance(address, str):
                s = socket.socket(socket.AF_UNIX)
                s.connect(address)
            else:
                s = socket.create_connection(("127.0.0.1", address), timeout=10)
            if tls:
                s = tlsrig.context().wrap_socket(s)
            assert s.recv(1000).startswith(b"220")
            return s
        except (ConnectionRefusedError, FileNotFoundError):
            continue


class Receiver:
    def __init__(self, *options, address=None):
        self.port = free_port()
        self.address = address or f"127.0.0.1:{self.port}"
        argv = [PROGRAM, "sink", "--listen", self.address, "--json", *map(str, options)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connect(address.removeprefix("unix:") if address else self.port, "implicit" in options).close()

    def end(self):
        """Ends it with SIGTERM; returns its exit code and its summary."""
        if self.process.poll() is None:
            self.process.terminate()
        out, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, json.loads(out.splitlines()[-1])


@pytest.fixture
def receiver():
    """Makes receivers, and ends those that a failed test left behind."""
    made = []

    def make(*options, **settings):
        made.append(Receiver(*options, **settings))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def load(address, *options):
    """Runs load; returns its exit code and its report."""
    argv = [PROGRAM, "load", "--server", address, "--json", *map(str, options)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["-n", 2000, "-s", 200],
        ["-n", 2000, "-s", 50, "--per-connection", 0],
        ["-n", 500, "-s", 20, "--per-connection", 7, "--pipeline", "--rcpts", 3, "--to", "u%d@x.test"],
        ["-n", 20, "-s", 5, "--size", 3000000],
        ["-n", 20, "-s", 5, "--size", 0],
        ["-n", 100, "-s", 50, "--rate", 400],
    ],
)
def test_the_sums_agree(receiver, options):
    there = receiver("--expect", f"run:{options[1]}")
    code, sent = load(there.address, "--run", "run", *options)
    assert code == 0
    recipients = options[options.index("--rcpts") + 1] if "--rcpts" in options else 1
    code, got = there.end()
    assert code == 0
    assert sent["accepted"] == sent["messages"] == got["messages"] == options[1]
    assert got["recipients"] == options[1] * recipients
    assert got["unmarked"] == 0
    assert got["runs"][0] | {"missing": 0, "doubled": 0, "distinct": options[1]} == got["runs"][0]
    assert sent["replies"]["3xx"] == options[1]
    assert sent["latency_ms"]["message"]["count"] == options[1]
    assert got["latency_ms"]["count"] == options[1]
    size = options[options.index("--size") + 1] if "--size" in options else 4096
    assert size < got["octets"] / options[1] < size + 400


def test_lmtp_over_a_unix_socket(receiver, tmp_path):
    there = receiver("--lmtp", address=f"unix:{tmp_path}/lmtp")
    code, sent = load(there.address, "--lmtp", "-n", 200, "--rcpts", 2, "--to", "u%d@x.test", "--pipeline")
    assert (code, sent["accepted"]) == (0, 200)
    code, got = there.end()
    assert (code, got["messages"], got["recipients"]) == (0, 200, 400)
    assert not (tmp_path / "lmtp").exists()


@pytest.mark.parametrize("how", ["starttls", "implicit"])
@pytest.mark.parametrize(
    "options",
    [
        ["-n", 600, "-s", 200],
        ["-n", 300, "-s", 50, "--per-connection", 3, "--pipeline"],
        ["-n", 20, "-s", 5, "--size", 3000000],
    ],
)
def test_the_sums_agree_by_tls(receiver, how, options):
    there = receiver("--expect", f"run:{options[1]}", "--tls", how)
    code, sent = load(there.address, "--run", "run", "--tls", how, *options)
    assert code == 0, sent
    code, got = there.end()
    assert code == 0
    assert sent["accepted"] == got["messages"] == got["runs"][0]["distinct"] == options[1]
    tls = sent["tls"]
    assert tls["session"] == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert tls["handshakes"] == sent["connections"] == tls["latency_ms"]["count"]
    assert (tls["resumed"], got["tls"]["resumed"]) == (0, 0)
    # One more was the look whether it listens.
    assert got["tls"]["handshakes"] == tls["handshakes"] + (how == "implicit")


def test_messages_in_a_session_have_a_bound(receiver):
    there = receiver("--per-connection", 2)
    code, sent = load(there.address, "-n", 6, "-s", 1, "--per-connection", 3)
    assert (code, sent["accepted"], sent["refused"]) == (1, 4, 2)
    assert sent["first_refusal"] == "452 4.5.3 Too many messages in a session"
    assert there.end()[1]["messages"] == 4


def test_sessions_are_resumed(receiver):
    there = receiver("--tls", "starttls")
    code, sent = load(there.address, "--tls", "starttls", "--resume", "-n", 200, "-s", 20)
    assert (code, sent["tls"]["handshakes"], sent["tls"]["resumed"]) == (0, 200, 180)
    assert there.end()[1]["tls"] == {"handshakes": 200, "resumed": 180}


def test_connections_without_mail(receiver):
    there = receiver("--tls", "starttls")
    code, sent = load(there.address, "--tls", "starttls", "--no-mail", "-n", 100, "-s", 20)
    assert (code, sent["connections"], sent["accepted"], sent["tls"]["handshakes"]) == (0, 100, 100, 100)
    assert there.end()[1]["messages"] == 0


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_certificate_is_given(receiver, tmp_path, kind):
    certificate, key = tlsrig.make(tmp_path, kind=kind)
    there = receiver("--tls", "implicit", "--certificate", certificate, "--key", key)
    assert tlsrig.fingerprint(there.port) == certificate.read_text()
    _, other = tlsrig.make(tmp_path, stem="other")
    argv = [PROGRAM, "sink", "-l", "127.0.0.1:1", "--tls", "implicit", "--certificate", certificate, "--key", other]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (2, "gatepost sink: --tls: the key is not the certificate's\n")


def test_without_starttls_nothing_is_sent(receiver):
    there = receiver()
    code, sent = load(there.address, "--tls", "starttls", "-n", 5, "-s", 1)
    assert (code, sent["failed"]) == (1, 5)
    assert sent["first_failure"] == "connection lost: STARTTLS is not offered"
    assert there.end()[1]["messages"] == 0


@pytest.mark.parametrize("behind", [b"EHLO c\r\n", b"E"])
def test_octets_behind_starttls_end_the_session(receiver, behind):
    with connect(receiver("--tls", "starttls").port) as s:
        s.sendall(b"STARTTLS\r\n" + behind)
        assert s.recv(1000).startswith(b"220")
        assert s.recv(1000) == b""


@pytest.mark.parametrize("how", ["starttls", "implicit"])
def test_against_our_own_gateway(gatepost, scratch, how):
    certificate, key = tlsrig.make(scratch)
    port = free_port()
    listen = {"address": f"127.0.0.1:{port}", "service": "inbound", "tls": how}
    gatepost(
        listen=[{"address": f"127.0.0.1:{free_port()}", "service": "inbound"}, listen],
        tls={"certificate": str(certificate), "key": str(key)},
        domains={"sink.test": {"recipients": "any", "deliver": "discard"}},
        workers=1,
    )
    address = f"127.0.0.1:{port}"
    to = ["--to", "u%d@sink.test", "--tls", how]
    code, sent = load(address, *to, "-n", 300, "-s", 50)
    assert (code, sent["tls"]["handshakes"], sent["tls"]["resumed"]) == (0, 300, 0), sent
    code, sent = load(address, *to, "-n", 100, "-s", 10, "--resume")
    assert (code, sent["tls"]["handshakes"], sent["tls"]["resumed"]) == (0, 100, 90), sent
    code, held = load(address, *to, "--idle", 40, "--hold", 0.2)
    assert (code, held["idle"]) == (0, 40)


def test_missing_and_doubled_marks_are_named(receiver):
    there = receiver("--expect", "abc:5")
    with connect(there.port) as s:
        for number in (1, 2, 2, 4):
            text = f"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nX-Gatepost-Mark: abc-{number}-1\r\n\r\n.\r\n"
            s.sendall(text.encode())
        s.sendall(b"QUIT\r\n")
        while s.recv(1000):
            pass
    code, got = there.end()
    assert code == 1
    assert got["runs"][0]["missing_numbers"] == [3, 5]
    assert got["runs"][0]["doubled_numbers"] == [2]
    assert got["messages"] == 4


def test_text_summary_names_them_too(tmp_path):
    port = free_port()
    argv = [PROGRAM, "sink", "--listen", f"127.0.0.1:{port}", "--expect", "abc:3", "--count", "1"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with connect(port) as s:
        s.sendall(b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nX-Gatepost-Mark: abc-2-1\r\n\r\n.\r\n")
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "run abc: 1 of 3, 2 missing, 0 doubled" in out
    assert "missing 2: 1 3" in out


def test_the_ledger_says_what_is_owed(receiver, tmp_path):
    ledger = tmp_path / "ledger"
    first = receiver("--reply-rcpt", "550:0.5")
    code, sent = load(first.address, "-n", 100, "--run", "run", "--ledger", ledger)
    assert (code, sent["accepted"], sent["refused"]) == (1, 50, 50)
    assert sent["first_refusal"].startswith("550 ")
    words = [line.split()[1] for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert sorted(set(words)) == ["accepted", "refused"] and len(words) == 100
    assert first.end()[0] == 0
    # Another sink has none of them, so all that was accepted is owed.
    other = receiver("--ledger", ledger)
    code, got = other.end()
    assert code == 1
    assert (got["ledger"]["accepted"], got["ledger"]["missing"]) == (50, 50)


def test_a_killed_server_leaves_doubt_and_nothing_more(receiver, tmp_path):
    """What load calls accepted had its 250; what was under way is in doubt or failed; nothing is unaccounted for."""
    ledger = tmp_path / "ledger"
    there = receiver("--marks")
    argv = [PROGRAM, "load", "-S", there.address, "-n", "1000000", "--per-connection", "0", "--run", "run"]
    argv += ["--reconnect", "0.5", "--ledger", ledger, "--json"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    while not ledger.exists() or ledger.stat().st_size < 10000:
        assert process.poll() is None
    there.process.kill()
    there.process.wait()
    sent = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    assert process.returncode == 3
    lines = [line.split() for line in ledger.read_text(encoding="utf-8").splitlines()]
    for word in ("accepted", "doubtful", "failed"):
        assert sent[word] == sum(line[1] == word for line in lines)
    assert sent["doubtful"] + sent["failed"] <= 100
    assert len({line[0].split("-")[1] for line in lines}) == len(lines) == sent["messages"]


def test_load_comes_back_to_a_server_that_restarts(receiver):
    first = receiver("--count", 50)
    argv = [PROGRAM, "load", "-S", first.address, "-n", "400", "-s", "10", "--rate", "400", "--json"]
    argv += ["--reconnect", "30"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert first.process.wait(PATIENCE_S) in (0, 1)
    again = subprocess.Popen([PROGRAM, "sink", "--listen", first.address, "-q"])
    sent = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    again.terminate()
    again.wait(PATIENCE_S)
    assert process.returncode in (0, 1)
    assert sent["messages"] == 400
    assert sent["accepted"] >= 380


def test_idle_connections_are_held(receiver):
    there = receiver()
    code, held = load(there.address, "--idle", 1500, "--hold", 0.2)
    assert (code, held["idle"]) == (0, 1500)
    assert there.end()[1]["connections"] >= 1500


def test_a_message_from_a_file_is_sent_as_it_is(tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(b"From: a@x.test\nSubject: dots\n\n.\n..two\n\nplain")
    there = sink.Sink()
    code, sent = load(f"127.0.0.1:{there.port}", "--message", file, "-n", 5, "-s", 2, "--per-connection", 2)
    there.stop()
    assert (code, sent["accepted"], len(there.messages)) == (0, 5, 5)
    parts = [text.partition(b"\r\n") for _, _, text in there.messages]
    assert len({mark for mark, _, _ in parts}) == 5
    assert {mark.partition(b":")[0] for mark, _, _ in parts} == {b"X-Gatepost-Mark"}
    assert {rest for _, _, rest in parts} == {b"From: a@x.test\r\nSubject: dots\r\n\r\n.\r\n..two\r\n\r\nplain\r\n"}


@pytest.mark.parametrize(
    "text, expected, complaint",
    [(None, 4, "No such file"), (b"", 2, "it is empty"), (b"PK\x03\x04", 2, "it is a zip archive")],
)
def test_a_file_that_is_no_message_is_not_sent(tmp_path, text, expected, complaint):
    file = tmp_path / "message.eml"
    if text is not None:
        file.write_bytes(text)
    code, said = load("127.0.0.1:1", "--message", file)
    assert code == expected
    assert f"{file}: {complaint}" in said


def test_a_server_that_is_not_there():
    code, sent = load(f"127.0.0.1:{free_port()}", "-n", 5)
    assert code == 3
    assert sent["failed"] == 5
    assert "refused" in sent["first_failure"]


@pytest.mark.parametrize(
    "argv, complaint",
    [
        (["load"], "--server ADDR:PORT is missing"),
        (["load", "-S", "localhost:25"], "is not an address and port"),
        (["load", "-S", "127.0.0.1:25", "--size", "4k"], "--size: '4k' is not a whole number"),
        (["load", "-S", "127.0.0.1:25", "--rcpts", "2"], "needs a %d in --to"),
        (["load", "-S", "127.0.0.1:25", "--to", "a@b>"], "--to: 'a@b>' holds"),
        (["load", "-S", "127.0.0.1:25", "--run", "a-b"], "--run: 'a-b'"),
        (["load", "-S", "127.0.0.1:25", "extra"], "what is 'extra'?"),
        (["load", "--wat"], "unrecognized option"),
        (["load", "-S", "127.0.0.1:25", "--tls", "yes"], "--tls: 'yes' is neither"),
        (["load", "-S", "127.0.0.1:25", "--resume"], "--resume belongs to --tls"),
        (["sink", "-l", "127.0.0.1:1", "--tls", "yes"], "--tls: 'yes' is neither"),
        (["sink", "-l", "127.0.0.1:1", "--certificate", "x", "--key", "y"], "--certificate belongs to --tls"),
        (["sink", "-l", "127.0.0.1:1", "--tls", "implicit", "--key", "y"], "belong together"),
        (["sink"], "--listen ADDR:PORT is missing"),
        (["sink", "-l", "127.0.0.1:1", "--reply-rcpt", "451:1"], "450:SHARE"),
        (["sink", "-l", "127.0.0.1:1", "--reply-rcpt", "450:1.5"], "not a number from 0 to 1"),
        (["sink", "-l", "127.0.0.1:1", "--expect", "x"], "is not RUN:N"),
    ],
)
def test_bad_options_are_named(argv, complaint):
    done = subprocess.run([PROGRAM, *argv], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_a_canary_that_cannot_be_kept_is_no_usage():
    done = run("sink", "-l", "127.0.0.1:0", "--canary", "/nonexistent/canary", "--time", "1")
    assert done.returncode == 4 and "No such file" in done.stderr


def test_smtp_source_into_sink(receiver, peers):
    there = receiver("--count", 2000)
    peers.smtp_source(there.port, 2000, "-l", "5000")
    code, got = there.end()
    assert (code, got["messages"], got["unmarked"]) == (0, 2000, 2000)
    assert got["octets"] >= 2000 * 5000


def test_load_into_smtp_sink(peers):
    port = free_port()
    peers.smtp_sink(port)
    code, sent = load(f"127.0.0.1:{port}", "-n", 2000, "-s", 100)
    assert (code, sent["accepted"]) == (0, 2000)


def test_through_a_whole_postfix(receiver, peers):
    there = receiver("--count", 500, "--settle", 500, "--expect", "via:500")
    port = free_port()
    peers.postfix(port, there.port)
    code, sent = load(f"127.0.0.1:{port}", "-n", 500, "--run", "via")
    assert (code, sent["accepted"]) == (0, 500)
    there.process.wait(PATIENCE_S)
    code, got = there.end()
    assert code == 0
    assert got["runs"][0]["distinct"] == 500
    assert got["latency_ms"]["p50"] > 0
