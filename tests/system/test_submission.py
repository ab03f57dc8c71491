# SPDX-License-Identifier: Apache-2.0
"""Submission from end to end: who may log in, by what, and what may be sent then."""

import base64
import hashlib
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess

import pytest
import tlsrig
from gateway import eventually, free_port, make_users, run
from scram import Scram

MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\nhello\r\n"
ALICE = ("alice@demo.test", "wonderland")


@pytest.fixture
def submission(gatepost, scratch):
    """A gateway with inbound on .port, submission by STARTTLS on .clear_port and within TLS on .tls_port."""

    def start(name="mx.gatepost.test", **settings):
        certificate, key = tlsrig.make(scratch, name)
        ports = [free_port() for _ in range(3)]
        server = gatepost(
            listen=[
                {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                {"address": f"127.0.0.1:{ports[1]}", "service": "submission"},
                {"address": f"127.0.0.1:{ports[2]}", "service": "submission", "tls": "implicit"},
            ],
            tls={"certificate": str(certificate), "key": str(key)},
            users={"file": make_users(scratch, (*ALICE, "--scram"), ("bob@demo.test", "builder"))},
            smarthost={"address": f"127.0.0.1:{free_port()}"},
            **settings,
        )
        server.clear_port, server.tls_port = ports[1:]
        eventually(server.all_are_ready, what="every role")
        return server

    return start


def client(server, starttls=False):
    if not starttls:
        return smtplib.SMTP_SSL("127.0.0.1", server.tls_port, timeout=20, context=tlsrig.context())
    c = smtplib.SMTP("127.0.0.1", server.clear_port, timeout=20)
    c.starttls(context=tlsrig.context())
    return c


@pytest.mark.parametrize("starttls", [False, True])
@pytest.mark.parametrize("method", ["auth_plain", "auth_login"])
def test_a_user_sends(submission, starttls, method):
    server = submission()
    with client(server, starttls) as c:
        c.ehlo("client.example.com")
        c.user, c.password = ALICE
        name = method.removeprefix("auth_").upper()
        assert c.auth(name, getattr(c, method))[0] == 235
        assert c.mail("alice@demo.test")[0] == 250
        assert c.rcpt("bob@demo.test")[0] == 250
        assert c.rcpt("anybody@elsewhere.test")[0] == 250  # to others, too
        assert c.data(MESSAGE)[0] == 250
    (mail,) = server.wait_for_mails("bob")
    assert " with ESMTPSA" in mail["Received"]
    (line,) = [x for x in server.log_lines() if x["event"] == "accepted"]
    assert line["user"] == "alice@demo.test"


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_gatepost_send_is_such_a_client(submission, scratch, tls, mechanism):
    server = submission()
    port = server.tls_port if tls == "implicit" else server.clear_port
    (scratch / "password").write_text(ALICE[1] + "\n", encoding="utf-8")
    argv = ["send", "--server", f"127.0.0.1:{port}", "--tls", tls, "--user", ALICE[0], "--from", ALICE[0]]
    argv += ["--password-file", scratch / "password", "--tls-name", "mx.gatepost.test", "--to", "bob@demo.test"]
    argv += ["--auth", mechanism] if mechanism else []
    done = run(*argv, "--ca", scratch / "mx.gatepost.test-ec.pem")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"-> AUTH {mechanism or 'SCRAM-SHA-256-PLUS'} ***" in done.stdout
    (mail,) = server.wait_for_mails("bob")
    assert " with ESMTPSA" in mail["Received"]
    assert run(*argv).returncode == 1  # nobody stands behind the certificate: no password is said


def test_who_may_not(submission):
    server = submission(auth={"delay": "0"})
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.mail("alice@demo.test")[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            c.login(ALICE[0], "underland")
        assert refused.value.smtp_code == 535
        assert c.mail("alice@demo.test")[0] == 530
        assert c.login(*ALICE)[0] == 235
        code, text = c.mail("bob@demo.test")
        assert (code, text[:5]) == (550, b"5.7.1")
        assert c.mail("")[0] == 250
        c.rset()
        assert c.mail("ALICE@demo.test")[0] == 250


@pytest.mark.skipif(os.geteuid() != 0, reason="reading another's memory needs root")
def test_nothing_stays_of_a_password(submission, scratch):
    server = submission(auth={"delay": "0"}, workers=1)
    wrong = "not-the-one-that-opens"
    plain = base64.b64encode(f"\0{ALICE[0]}\0{wrong}".encode())
    name, right = (base64.b64encode(x.encode()) for x in ALICE)
    def log_in(c, *said):
        c.ehlo("client.example.com")
        return [c.docmd(line)[0] for line in said][-1]

    with client(server) as c:
        assert log_in(c, "AUTH LOGIN", name.decode(), right.decode()) == 235
    with client(server) as c:
        assert log_in(c, "AUTH PLAIN " + plain.decode()) == 535
        # Before anything else is read, which might write over it.
        assert server.holders_of([wrong.encode(), plain]) == set()
    assert server.holders_of([ALICE[1].encode(), right]) == set()
    # What is kept of it, the hash and the keys of SCRAM, is auth's alone.
    alice = (scratch / "users").read_text(encoding="utf-8").splitlines()[0]
    kept = [re.search(r"\{argon2id\}\S+\$(\S+)", alice)[1].encode()]
    kept += [base64.b64decode(key) for key in re.search(r"\{scram-sha-256\}\S+", alice)[0].split(":")[2:]]
    assert len(kept) == 3
    assert server.holders_of(kept) == {"gatepost-auth"}


def test_only_within_tls_and_only_for_submission(submission):
    server = submission()
    with smtplib.SMTP("127.0.0.1", server.clear_port, timeout=20) as c:
        c.ehlo("client.example.com")
        assert not c.has_extn("auth")
        assert c.docmd("AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAB3b25kZXJsYW5k")[0] >= 500
        c.starttls(context=tlsrig.context())
        c.ehlo("client.example.com")
        assert c.esmtp_features["auth"].split() == ["PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as c:
        c.starttls(context=tlsrig.context())
        c.ehlo("client.example.com")
        assert not c.has_extn("auth")
        assert c.mail("me@example.com")[0] == 250


def test_an_exchange_given_up(submission):
    server = submission(auth={"delay": "0"})
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.docmd("AUTH LOGIN") == (334, b"VXNlcm5hbWU6")
        assert c.docmd("*")[0] == 501
        assert c.docmd("AUTH LOGIN")[0] == 334
        assert c.docmd("!!!")[0] == 501
        assert c.docmd("AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAp3")[0] == 501
        assert c.login(*ALICE)[0] == 235


def test_auth_that_dies_takes_nobody_along(submission):
    server = submission()
    server.crash_is_expected = True
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.docmd("AUTH LOGIN")[0] == 334
        pid = server.pid_of("auth")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: "auth_gone" in server.log_text(), what="its end")
        assert c.docmd("YWxpY2VAZGVtby50ZXN0")[0] == 454

        def again():
            try:
                return c.login(*ALICE)[0] == 235
            except smtplib.SMTPException:
                return False

        eventually(again, what="a login")


def send(c, *fields, sender="alice@demo.test", body=b"hello\r\n"):
    """The end of data's answer."""
    assert c.mail(sender)[0] == 250
    assert c.rcpt("bob@demo.test")[0] == 250
    return c.data(b"".join(field.encode() + b"\r\n" for field in fields) + b"\r\n" + body)


def test_from_is_the_users_own(submission):
    server = submission()
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        code, text = send(c, "From: Bob <bob@demo.test>")
        assert (code, text) == (550, b"5.7.1 From: bob@demo.test is not an address that you may send as")
        assert send(c, "From: alice@demo.test", "Sender: bob@demo.test")[0] == 550
        assert send(c, "From: alice@demo.test", "From: alice@demo.test")[0] == 554
        assert send(c, "Subject: nobody's")[0] == 554
        assert send(c, "From: bob@demo.test", sender="")[0] == 550
        assert send(c, "From: alice@demo.test", "Bcc: carol@demo.test")[0] == 250
        assert c.mail("bob@demo.test")[0] == 550
    refused = [line["user"] for line in server.log_lines() if line["event"] == "refused"]
    assert refused == [ALICE[0]] * 6
    (mail,) = server.wait_for_mails("bob")
    assert mail["Bcc"] == "carol@demo.test"
    assert mail["Date"]
    assert re.fullmatch(r"<[0-9A-Za-z]+\.[0-9a-f]+@mx\.gatepost\.test>", mail["Message-ID"])


def test_what_is_there_is_left_alone(submission):
    server = submission()
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        assert send(c, "From: alice@demo.test", "DATE: yesterday", "message-id: <x@y>")[0] == 250
    (mail,) = server.wait_for_mails("bob")
    assert mail.get_all("Date") == ["yesterday"]
    assert mail.get_all("Message-ID") == ["<x@y>"]


def test_a_header_in_a_staging_file(submission):
    server = submission()
    large = b"x" * 76 + b"\r\n"
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        assert send(c, "From: bob@demo.test", body=large * 10000)[0] == 550
        assert send(c, "From: alice@demo.test", body=large * 10000)[0] == 250
    (mail,) = server.wait_for_mails("bob")
    assert mail["Date"] and len(mail.get_payload()) > 760000


def test_relay_networks_need_no_auth(submission):
    """They may be who they like; their messages are completed as those of users."""
    server = submission(relay_networks=["127.0.0.1/32"])
    with smtplib.SMTP("127.0.0.1", server.clear_port, timeout=20) as c:
        c.ehlo("client.example.com")
        assert send(c, "From: anybody@elsewhere.test", sender="anybody@elsewhere.test")[0] == 250
        assert send(c, "Subject: nobody's")[0] == 554
    with smtplib.SMTP("127.0.0.1", server.clear_port, timeout=20, source_address=("127.0.0.2", 0)) as c:
        c.ehlo("client.example.com")
        assert c.mail("alice@demo.test") == (530, b"5.7.0 Authentication required")
    (mail,) = server.wait_for_mails("bob")
    assert mail["Date"] and mail["Message-ID"]


def test_recipients_are_counted(submission):
    server = submission(submission={"hourly": 3})
    server.crash_is_expected = True

    def login():
        c = client(server)
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        assert c.mail("alice@demo.test")[0] == 250
        return c

    with login() as c:
        assert c.rcpt("nobody@demo.test")[0] == 550  # is not counted
        assert [c.rcpt("bob@demo.test")[0] for _ in range(2)] == [250, 250]
        c.rset()
    for pid in server.pids("smtpd"):
        os.kill(pid, signal.SIGKILL)
    eventually(server.all_are_ready, what="every role")
    with login() as c:
        # Pipelined: one waits for auth, the others for it.
        c.sock.sendall(b"RCPT TO:<bob@demo.test>\r\nRCPT TO:<carol@elsewhere.test>\r\nNOOP\r\n")
        assert c.getreply()[0] == 250
        assert c.getreply() == (450, b"4.7.1 Too many recipients in an hour, try again later")
        assert c.getreply()[0] == 250
        assert c.data(MESSAGE)[0] == 250
    assert server.wait_for_mails("bob")


def test_without_auth_nobody_is_counted(submission):
    server = submission(submission={"daily": 3})
    server.crash_is_expected = True
    with client(server) as c:
        c.ehlo("client.example.com")
        assert c.login(*ALICE)[0] == 235
        assert c.mail("alice@demo.test")[0] == 250
        pid = server.pid_of("auth")
        os.kill(pid, signal.SIGSTOP)
        c.sock.sendall(b"RCPT TO:<bob@demo.test>\r\n")
        os.kill(pid, signal.SIGKILL)
        assert c.getreply() == (450, b"4.3.0 Cannot count recipients now, try again later")


def test_requiretls_is_offered_within_tls(submission):
    server = submission()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as c:
        c.ehlo("client.example.com")
        assert not c.has_extn("requiretls")
        assert c.mail("me@example.com", ["REQUIRETLS"])[0] == 555
        c.starttls(context=tlsrig.context())
        c.ehlo("client.example.com")
        assert c.has_extn("requiretls")
        assert c.mail("me@example.com", ["REQUIRETLS"])[0] == 250
        assert c.rcpt("bob@demo.test")[0] == 250
        assert c.data(MESSAGE)[0] == 250
    assert server.wait_for_mails("bob")


def test_without_users_nobody_submits(gatepost):
    port = free_port()
    gatepost(listen=[{"address": f"127.0.0.1:{port}", "service": "submission"}])
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as c:
        c.ehlo("client.example.com")
        assert c.mail("alice@demo.test") == (530, b"5.7.0 Authentication required")


# --- programs of others ---


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def run_client(server, *argv, text=MESSAGE):
    """A program that sends as Alice, and what the log says of it."""
    need(argv[0])
    done = subprocess.run(argv, input=text, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line["mechanism"] for line in server.log_lines() if line["event"] == "auth_ok"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_curl(submission, mechanism):
    server = submission()
    argv = ["curl", "--silent", "--insecure", "--url", f"smtps://127.0.0.1:{server.tls_port}/client.example.com"]
    argv += ["--mail-from", ALICE[0], "--mail-rcpt", "bob@demo.test", "--user", ":".join(ALICE)]
    assert run_client(server, *argv, "--login-options", f"AUTH={mechanism}", "-T", "-") == [mechanism]
    assert server.wait_for_mails("bob")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(submission, mechanism):
    server = submission()
    argv = ["swaks", "--server", f"127.0.0.1:{server.clear_port}", "-tls", "--auth", mechanism]
    argv += ["--auth-user", ALICE[0], "--auth-password", ALICE[1], "--from", ALICE[0], "--to", "bob@demo.test"]
    assert run_client(server, *argv) == [mechanism]
    assert server.wait_for_mails("bob")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_msmtp(submission, mechanism):
    server = submission()
    argv = ["msmtp", "--host=127.0.0.1", f"--port={server.tls_port}", "--tls=on", "--tls-starttls=off"]
    argv += ["--tls-certcheck=off", f"--auth={mechanism.lower()}", f"--user={ALICE[0]}"]
    argv += [f"--passwordeval=echo {ALICE[1]}", f"--from={ALICE[0]}", "bob@demo.test"]
    assert run_client(server, *argv) == [mechanism]
    assert server.wait_for_mails("bob")


@pytest.mark.parametrize("bound", [True, False], ids=["tls_exporter", "unbound"])
def test_gsasl(submission, scratch, bound):
    """It binds by tls-exporter to TLS 1.3; unbound, it says that it cannot."""
    try:
        socket.getaddrinfo("localhost", 25)
    except socket.gaierror:
        pytest.skip("this machine does not know localhost, and gsasl takes the name that it verifies for the address")
    server = submission(name="localhost")
    argv = ["gsasl", "--smtp", "--connect", f"localhost:{server.clear_port}", "--starttls", "-a", ALICE[0]]
    argv += ["-p", ALICE[1], f"--x509-ca-file={scratch}/localhost-ec.pem", "--quiet"]
    mechanism = "SCRAM-SHA-256-PLUS" if bound else "SCRAM-SHA-256"
    argv += [f"--mechanism={mechanism}", *([] if bound else ["--no-cb"])]
    assert run_client(server, *argv, text=b"") == [mechanism]


# --- SCRAM, by hand ---


def scram_login(c, header, binding, mechanism="SCRAM-SHA-256-PLUS"):
    """The code at the end of an exchange."""
    exchange = Scram(*ALICE, binding)
    exchange.header = header
    first = base64.b64encode(exchange.first()).decode()
    code, text = c.docmd(f"AUTH {mechanism} {first}")
    if code != 334:
        return code
    final = base64.b64encode(exchange.final(base64.b64decode(text))).decode()
    code, text = c.docmd(final)
    if code != 334:
        return code
    assert exchange.trusts(base64.b64decode(text))
    return c.docmd("")[0]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_scram_is_bound_to_the_channel(submission, version):
    server = submission(auth={"delay": "0"})
    context = tlsrig.context(maximum_version=version)
    with smtplib.SMTP_SSL("127.0.0.1", server.tls_port, timeout=20, context=context) as c:
        c.ehlo("client.example.com")
        shown = hashlib.sha256(c.sock.getpeercert(binary_form=True)).digest()
        # Another server's certificate, one who stands between; and one who took -PLUS out of the offer.
        assert scram_login(c, "p=tls-server-end-point,,", hashlib.sha256(b"another").digest()) == 535
        assert scram_login(c, "y,,", b"", "SCRAM-SHA-256") == 535
        assert scram_login(c, "p=tls-unique,,", b"x") == 535
        assert scram_login(c, "n,,", b"") == 501
        assert scram_login(c, "p=tls-server-end-point,,", shown) == 235
        assert c.mail(ALICE[0])[0] == 250
