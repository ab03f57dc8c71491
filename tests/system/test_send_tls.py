# SPDX-License-Identifier: Apache-2.0
"""gatepost send over TLS: what it proves, what it says to whom, and AUTH; against our gateway, Postfix, OpenSSL's
server and one that does as it is told."""

import base64
import json
import socketserver
import ssl
import subprocess
import threading

import pytest
import tlsrig
from gateway import eventually, free_port, run

NAME = "mx.gatepost.test"
TO = ["--to", "alice@demo.test"]


def send(port, *argv, **options):
    return run("send", "--server", f"127.0.0.1:{port}", "--helo", "hand.test", "--timeout", "5", *argv, **options)


def lines(done, mark):
    return [line[3:] for line in done.stdout.splitlines() if line.startswith(mark)]


class Told(socketserver.ThreadingTCPServer):
    """Speaks STARTTLS and AUTH: `answers` has the replies to AUTH and to what follows it, one after the other."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, pair, offers=("STARTTLS",), offers_in_tls=(), answers=(), behind=b""):
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.port = self.server_address[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.offers, self.offers_in_tls, self.answers, self.behind = offers, offers_in_tls, list(answers), behind
        self.lines = []  # (in TLS, the line)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Dialogue(socketserver.BaseRequestHandler):
    def handle(self):
        self.tls = False
        self.say("220 told.test ESMTP")
        self.file = self.request.makefile("rb")
        try:
            while line := self.file.readline():
                line = line.decode().rstrip("\r\n")
                self.server.lines.append((self.tls, line))
                if not self.answer(line):
                    return
        except OSError:
            pass

    def say(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def answer(self, line):
        told = self.server
        word = line.split(" ")[0].split(":")[0]
        if word == "EHLO":
            names = ["told.test", *(told.offers_in_tls if self.tls else told.offers)]
            self.say("\r\n".join(f"250{'-' if n < len(names) else ' '}{x}" for n, x in enumerate(names, 1)))
        elif word == "STARTTLS":
            self.request.sendall(b"220 go\r\n" + told.behind)
            self.request = told.context.wrap_socket(self.request, server_side=True)
            self.file = self.request.makefile("rb")
            self.tls = True
        elif word == "DATA":
            self.say("354 go on")
            while self.file.readline() not in (b".\r\n", b""):
                pass
            self.say("250 taken")
        elif word in ("MAIL", "RCPT", "QUIT", "RSET"):
            self.say("250 fine")
        else:
            self.say(told.answers.pop(0))
        return word != "QUIT"


@pytest.fixture
def told(scratch):
    made = []

    def make(**options):
        pair = tlsrig.make(scratch)
        made.append(Told(pair, **options))
        made[-1].certificate = pair[0]
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def secure(gatepost, scratch):
    """Our gateway: STARTTLS at .port, TLS from the first octet at .tls_port."""
    certificate, key = tlsrig.make(scratch)
    port, tls_port = free_port(), free_port()
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{port}", "service": "inbound"},
            {"address": f"127.0.0.1:{tls_port}", "service": "inbound", "tls": "implicit"},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
        workers=1,
    )
    server.tls_port, server.certificate = tls_port, certificate
    return server


# --- what is used, and what it proves ---


@pytest.mark.parametrize("how", ["starttls", "require", "implicit"])
def test_our_own_gateway(secure, how):
    port = secure.tls_port if how == "implicit" else secure.port
    done = send(port, "--tls", how, *TO, "--verify", "--tls-name", NAME, "--ca", secure.certificate, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (mail,) = secure.wait_for_mails("alice")
    assert "with ESMTPS" in mail["Received"]
    tls = json.loads(done.stdout)["tls"]
    assert (tls["version"], tls["cipher"], tls["proven"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", True)
    assert tls["certificate"]["subject"] == f"CN = {NAME}" and tls["certificate"]["names"] == NAME


def test_bdat_to_our_own_gateway(secure):
    done = send(secure.port, *TO, "--bdat", "--body", "hello\n.dot")
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(line.startswith("BDAT ") and line.endswith(" LAST") for line in lines(done, "->"))
    (mail,) = secure.wait_for_mails("alice")
    assert mail.get_payload() == "hello\n.dot\n"


def test_a_whole_postfix(peers, sink, monkeypatch):
    port, work = free_port(), peers.folder("postfix")
    certificate, key = tlsrig.make(work)
    monkeypatch.setattr(peers, "folder", lambda name: work)
    keys = f"/own/{key.name}, /own/{certificate.name}"
    end = sink()
    peers.postfix(port, end.port, smtpd_tls_security_level="may", smtpd_tls_chain_files=keys)
    done = send(port, *TO, "--bdat", "--verify", "--tls-name", NAME, "--ca", certificate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"proven: an authority says that it is {NAME}" in lines(done, "**")
    eventually(lambda: end.messages, what="the message")


def test_unproven_is_said_and_used(told):
    there = told()
    done = send(there.port, *TO)
    assert done.returncode == 0, done.stdout + done.stderr
    version, certificate, verdict = lines(done, "**")
    assert version == "TLSv1.3, TLS_AES_256_GCM_SHA384"
    assert certificate.startswith(f"certificate of CN = {NAME} for {NAME}, by CN = {NAME}, until 20")
    assert verdict == "not proven: self-signed certificate"
    assert (True, "MAIL FROM:<>") in there.lines
    assert ["EHLO", "STARTTLS"] == [line.split(" ")[0] for tls, line in there.lines if not tls]


@pytest.mark.parametrize(
    "options,why",
    [
        (["--tls-name", NAME], "self-signed certificate"),
        (["--tls-name", "other.test", "--ca", "CERTIFICATE"], "hostname mismatch"),
    ],
)
def test_without_proof_nothing_is_said_within_tls(told, options, why):
    there = told()
    done = send(there.port, *TO, "--verify", *[str(there.certificate) if o == "CERTIFICATE" else o for o in options])
    assert done.returncode == 1
    assert lines(done, "**")[-1] == f"not proven: {why}"
    assert not any(tls for tls, _ in there.lines)


def test_no_tls_is_said(sink):
    end = sink()
    done = send(end.port, *TO)
    assert done.returncode == 0
    assert lines(done, "**") == ["in clear: STARTTLS is not offered"]
    for option in ("--tls=require", "--requiretls", "--verify"):
        refused = send(end.port, *TO, option, "--tls-name", NAME)
        assert refused.returncode == 1, refused.stderr
        assert "TLS is required, and not offered" in refused.stderr
    assert len(end.messages) == 1


def test_tls_that_is_not_wished(told):
    there = told()
    assert send(there.port, *TO, "--tls", "none").returncode == 0
    assert not any("STARTTLS" in line for _, line in there.lines)


def test_octets_behind_the_answer_end_it(told):
    there = told(behind=b"250 injected\r\n")
    assert send(there.port, *TO).returncode == 3
    done = send(there.port, "-r", "EHLO x", "-r", "STARTTLS")
    assert done.returncode == 3
    assert "octets follow the answer to STARTTLS" in done.stderr
    assert not any(tls for tls, _ in there.lines)


def test_raw_commands_within_tls(told):
    there = told()
    done = send(there.port, "-r", "EHLO x", "-r", "STARTTLS", "-r", "EHLO y", "-r", "QUIT")
    assert done.returncode == 0, done.stderr
    assert (True, "EHLO y") in there.lines


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_s_server(scratch, kind, version):
    certificate, key = tlsrig.make(scratch, kind=kind)
    port = free_port()
    argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key, "-quiet", version]
    server = subprocess.Popen([*argv, "-naccept", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    server.stdin.write(b"220 s_server\r\n221 bye\r\n")
    server.stdin.flush()
    try:
        for _ in range(50):
            done = send(port, "--tls", "implicit", "-r", "QUIT", "--verify", "--tls-name", NAME, "--ca", certificate)
            if "refused" not in done.stderr:
                break
    finally:
        server.kill()
        server.communicate()
    assert done.returncode == 0, done.stdout + done.stderr
    protocol, cipher = lines(done, "**")[0].split(", ")
    assert protocol == {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}[version]
    assert cipher.startswith("TLS_" if version == "-tls1_3" else f"ECDHE-{'RSA' if kind == 'rsa' else 'ECDSA'}-")


# --- AUTH ---


def authenticate(there, scratch, *options, offers="AUTH PLAIN LOGIN", answers=("235 welcome",), secret="pass word"):
    there.offers_in_tls, there.answers = (offers,), list(answers)
    (scratch / "secret").write_text(secret + "\n", encoding="utf-8")
    return send(
        there.port, *TO, "--user", "me", *options, "--tls-name", NAME, "--ca", there.certificate,
        *([] if "--token-file" in options else ["--password-file", scratch / "secret"]),
    )


def test_auth_plain(told, scratch):
    there = told()
    done = authenticate(there, scratch)
    assert done.returncode == 0, done.stdout + done.stderr
    said = base64.b64encode(b"\0me\0pass word").decode()
    assert (True, f"AUTH PLAIN {said}") in there.lines
    assert "AUTH PLAIN ***" in lines(done, "->")
    assert said not in done.stdout + done.stderr


def test_auth_login_shows_no_secret(told, scratch):
    there = told()
    done = authenticate(there, scratch, "--auth", "login", answers=("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"))
    assert done.returncode == 0, done.stdout + done.stderr
    said = base64.b64encode(b"pass word").decode()
    assert (True, said) in there.lines
    assert said not in done.stdout
    assert lines(done, "->").count("***") >= 1


def test_auth_by_token(told, scratch):
    there = told()
    done = authenticate(there, scratch, "--token-file", scratch / "secret", offers="AUTH PLAIN XOAUTH2", secret="t0ken")
    assert done.returncode == 0, done.stdout + done.stderr
    said = next(line for tls, line in there.lines if line.startswith("AUTH XOAUTH2 "))
    assert b"auth=Bearer t0ken" in base64.b64decode(said.split(" ")[2])


def test_a_wrong_password(told, scratch):
    there = told()
    done = authenticate(there, scratch, answers=("535 5.7.8 no",))
    assert done.returncode == 1
    assert not any(line.startswith("MAIL") for _, line in there.lines)


def test_no_password_to_a_server_that_proves_nothing(told, scratch):
    there = told()
    there.certificate = tlsrig.make(scratch, stem="stranger")[0]
    done = authenticate(there, scratch)
    assert done.returncode == 1
    assert not any("AUTH" in line for _, line in there.lines)
    done = authenticate(there, scratch, "--no-verify")
    assert done.returncode == 0, done.stderr


def test_no_password_in_clear(sink, scratch):
    end = sink(extensions=("AUTH PLAIN",))
    end.certificate = tlsrig.make(scratch)[0]
    done = authenticate(end, scratch)
    assert done.returncode == 1
    assert not any("AUTH" in line for line in end.lines)


@pytest.mark.parametrize(
    "argv,complaint",
    [
        (["--tls", "maybe"], "is not none, starttls, require or implicit"),
        (["--verify"], "a proof needs a name"),
        (["--user", "me"], "a proof needs a name"),
        (["--verify", "--tls", "none", "--tls-name", "x"], "need TLS"),
        (["--verify", "--no-verify", "--tls-name", "x"], "contradict"),
        (["--password-file", "/dev/null"], "belong to --user"),
        (["--user", "me", "--no-verify", "--password-file", "a", "--token-file", "b"], "one secret is enough"),
        (["--user", "me", "--no-verify", "--password-file", "/dev/null"], "there is none"),
        (["--user", "me", "--no-verify", "--password-file", "/nowhere/at/all"], "No such file"),
        (["--auth", "CRAM-MD5"], "is not PLAIN"),
    ],
)
def test_bad_options(argv, complaint):
    done = send(free_port(), *TO, *argv)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""
