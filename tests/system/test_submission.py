# SPDX-License-Identifier: Apache-2.0
"""Submission from end to end: who may log in, by what, and what may be sent then."""

import smtplib
import subprocess

import pytest
import tlsrig
from gateway import eventually, free_port

MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\nhello\r\n"
ALICE = ("alice@demo.test", "wonderland")


@pytest.fixture
def submission(gatepost, scratch):
    """A gateway with inbound on .port, submission by STARTTLS on .clear_port and within TLS on .tls_port."""

    def start(**settings):
        certificate, key = tlsrig.make(scratch)
        ports = [free_port() for _ in range(3)]
        server = gatepost(
            listen=[
                {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                {"address": f"127.0.0.1:{ports[1]}", "service": "submission"},
                {"address": f"127.0.0.1:{ports[2]}", "service": "submission", "tls": "implicit"},
            ],
            tls={"certificate": str(certificate), "key": str(key)},
            users={"file": "users"},
            smarthost={"address": f"127.0.0.1:{free_port()}"},
            **settings,
        )
        server.clear_port, server.tls_port = ports[1:]
        for argv, password in (([ALICE[0], "--scram"], ALICE[1]), (["bob@demo.test"], "builder")):
            done = server.run("user", "add", *argv, input=password + "\n")
            assert done.returncode == 0, done.stderr
        eventually(lambda: any(line.get("users") == 2 for line in server.log_lines()), what="the users")
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


def test_only_within_tls_and_only_for_submission(submission):
    server = submission()
    with smtplib.SMTP("127.0.0.1", server.clear_port, timeout=20) as c:
        c.ehlo("client.example.com")
        assert not c.has_extn("auth")
        assert c.docmd("AUTH PLAIN AGFsaWNlQGRlbW8udGVzdAB3b25kZXJsYW5k")[0] >= 500
        c.starttls(context=tlsrig.context())
        c.ehlo("client.example.com")
        assert c.esmtp_features["auth"].split() == ["PLAIN", "LOGIN", "SCRAM-SHA-256"]
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
        (pid,) = [pid for pid, name in server.roles().items() if name == "gatepost-auth"]
        subprocess.run(["kill", "-9", str(pid)], check=True)
        eventually(lambda: "auth_gone" in server.log_text(), what="its end")
        assert c.docmd("YWxpY2VAZGVtby50ZXN0")[0] == 454

        def again():
            try:
                return c.login(*ALICE)[0] == 235
            except smtplib.SMTPException:
                return False

        eventually(again, what="a login")


def test_curl_sends(submission):
    server = submission()
    argv = ["curl", "--silent", "--insecure", "--url", f"smtps://127.0.0.1:{server.tls_port}/client.example.com"]
    argv += ["--mail-from", ALICE[0], "--mail-rcpt", "bob@demo.test", "--user", ":".join(ALICE)]
    done = subprocess.run([*argv, "-T", "-"], input=MESSAGE, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert server.wait_for_mails("bob")
