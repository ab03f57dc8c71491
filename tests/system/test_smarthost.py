# SPDX-License-Identifier: Apache-2.0
"""The smarthost: who is told whom, by what, and what becomes of mail when that fails."""

import base64
import json

import pytest
from gateway import eventually, free_port, make_users
from httpsrig import HttpsRig
from httpsrig import answer as http_answer
from test_relay_tls import HOSTS, MESSAGE, PASSWORD, USER, authority, deferral, delivered, host, reload, sessions
from test_relay_tls import start_gateway

__all__ = ["authority", "host"]  # fixtures
TOKEN = "ya29.token"


def answer_auth(line):
    words = line.split()
    given = base64.b64decode(words[2]).decode() if len(words) == 3 else ""
    good = [f"\0{USER}\0{PASSWORD}", f"n,a={USER},\1auth=Bearer {TOKEN}\1\1"]
    return "235 2.7.0 welcome" if given in good else "535 5.7.8 who are you?"


def smarthost(gatepost, authority, end, scratch, fetch=None, /, **changes):
    (scratch / "password").write_text(PASSWORD + "\nnever read\n")
    (scratch / "token").write_text(TOKEN + "\r\n")
    for name in ("password", "token"):
        (scratch / name).chmod(0o600)  # its reader is not root: the supervisor opens it
    settings = {
        "address": f"relay.test:{end.port}",
        "user": USER,
        "password_file": str(scratch / "password"),
        **changes,
    }
    more = {"fetch": fetch} if fetch else {}
    settings = {key: value for key, value in settings.items() if value is not None}
    return start_gateway(gatepost, authority, smarthost=settings, **more)


def auth_lines(end):
    return [line for line in end.lines if line.startswith("AUTH")]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("mechanisms", ["PLAIN", "PLAIN OAUTHBEARER"])
def test_smarthost_with_a_user(gatepost, authority, host, scratch, implicit, mechanisms):
    end = host(
        "relay",
        certificate=authority.issue("relay.test"),
        implicit=implicit,
        secure_extensions=[f"AUTH {mechanisms}"],
        script={"AUTH": answer_auth},
    )
    changes = {"tls": "implicit"} if implicit else {}
    if "OAUTHBEARER" in mechanisms:
        changes["token_file"] = str(scratch / "token")
    server = smarthost(gatepost, authority, end, scratch, **changes)
    server.send(MESSAGE, to=["you@far.test"])
    delivered(end)
    (line,) = auth_lines(end)
    assert line.split()[1] == mechanisms.split()[-1]
    (session,) = sessions(server)
    assert session["policy"] == "verify" and session["decision"] == "deliver"
    # The secret is in nothing that we print or log.
    shown = server.run("config", "show").stdout
    for secret in (PASSWORD, TOKEN, base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()):
        assert secret not in shown and secret not in server.log_text()


def test_refused_login_waits(gatepost, authority, host, scratch):
    script = {"AUTH": "535 5.7.8 who are you?"}
    end = host("relay", certificate=authority.issue("relay.test"), secure_extensions=["AUTH PLAIN"], script=script)
    server = smarthost(gatepost, authority, end, scratch)
    server.send(MESSAGE, to=["you@far.test"])
    assert "who are you?" in deferral(server)
    assert not end.messages


def test_changed_password_is_read_at_reload(gatepost, authority, host, scratch):
    script = {"AUTH": answer_auth}
    end = host("relay", certificate=authority.issue("relay.test"), secure_extensions=["AUTH PLAIN"], script=script)
    server = smarthost(gatepost, authority, end, scratch)
    (scratch / "password").write_text("wrong")
    reload(server)
    server.send(MESSAGE, to=["you@far.test"])
    assert "who are you?" in deferral(server)
    (scratch / "password").write_text(PASSWORD)
    reload(server)
    server.queue("retry", "--all")
    delivered(end)


@pytest.mark.parametrize("case", ["no TLS", "wrong name", "self-signed", "implicit, wrong name"])
def test_nobody_is_told_a_secret_before_its_proof(gatepost, authority, host, scratch, case):
    names = ["other.test"] if "wrong" in case else ["relay.test"]
    end = host(
        "relay",
        certificate=None if case == "no TLS" else authority.issue(*names, self_signed=case == "self-signed"),
        implicit="implicit" in case,
        extensions=["PIPELINING", *(["AUTH PLAIN LOGIN"] if case == "no TLS" else [])],
        secure_extensions=["AUTH PLAIN LOGIN"],
        script={"AUTH": answer_auth},
    )
    server = smarthost(gatepost, authority, end, scratch, **({"tls": "implicit"} if end.implicit else {}))
    server.send(MESSAGE, to=["you@far.test"])
    assert "(TLS policy: verify)" in deferral(server)
    assert not auth_lines(end) and not end.messages


def test_encrypt_logs_in_without_a_proof(gatepost, authority, host, scratch):
    certificate = authority.issue("other.test", self_signed=True)
    end = host("relay", certificate=certificate, secure_extensions=["AUTH PLAIN"], script={"AUTH": answer_auth})
    server = smarthost(gatepost, authority, end, scratch, tls="encrypt")
    server.send(MESSAGE, to=["you@far.test"])
    delivered(end)


def test_implicit_tls_that_is_none(gatepost, authority, host, scratch):
    """The server speaks first, in clear."""
    end = host("relay", script={"AUTH": answer_auth})
    server = smarthost(gatepost, authority, end, scratch, tls="implicit")
    server.send(MESSAGE, to=["you@far.test"])
    assert "at the TLS handshake" in deferral(server)
    assert not end.messages


@pytest.mark.parametrize("password", ["secret", "wrong"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_postfix_as_the_smarthost(gatepost, authority, peers, scratch, password, mechanism):
    """Which asks Dovecot whom to believe."""
    lmtp, imap, auth, plain, port = (free_port() for _ in range(5))
    peers.dovecot(lmtp, imap, auth_port=auth, mechanisms=f"plain {mechanism.lower()}")
    back = gatepost()
    certificate = authority.issue("relay.test")
    own = {
        "smtpd_tls_cert_file": certificate,
        "smtpd_tls_key_file": certificate,
        "smtpd_tls_security_level": "encrypt",
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:127.0.0.1:{auth}",
        "smtpd_relay_restrictions": "permit_sasl_authenticated,reject",
    }
    postfix = peers.postfix(plain, back.port, listeners=[(f"{HOSTS['relay']}:{port}", own)])
    (scratch / "password").write_text(password)
    smarthost = {"address": f"relay.test:{port}", "user": USER, "password_file": str(scratch / "password")}
    domains = {"front.test": {"recipients": "any", "deliver": "discard"}}
    front = start_gateway(gatepost, authority, smarthost=smarthost, domains=domains)
    front.send(MESSAGE, to=["alice@demo.test"])
    if password == "secret":
        (mail,) = back.wait_for_mails("alice", 1, 60)
        assert "with ESMTPSA" in mail.get_all("Received")[1]
        assert f"sasl_method={mechanism}," in (postfix.work / "maillog").read_text(encoding="utf-8")
    else:
        assert "authentication failed" in deferral(front)


def gatepost_as_the_smarthost(gatepost, authority, scratch):
    """A gateway whose submission users log in at relay.test; its port there."""
    certificate = authority.issue("relay.test")
    key = scratch / "relay.key"
    text = certificate.read_text(encoding="ascii")
    key.write_text(text[text.index("-----BEGIN EC PRIVATE KEY") :], encoding="ascii")
    (scratch / "relay.pem").write_text(text[: text.index("-----BEGIN EC PRIVATE KEY")], encoding="ascii")
    port = free_port()
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{free_port()}", "service": "inbound"},
            {"address": f"{HOSTS['relay']}:{port}", "service": "submission", "tls": "implicit"},
        ],
        tls={"certificate": str(scratch / "relay.pem"), "key": str(key)},
        users={"file": make_users(scratch, (USER, PASSWORD, "--scram"))},
    )
    eventually(server.all_are_ready, what="every role")
    return server, port


@pytest.mark.parametrize(
    "login, mechanism",
    [*((login, "SCRAM-SHA-256-PLUS") for login in ("any", "scram", "scram-plus")), ("plain", "PLAIN")],
)
def test_a_login_is_bound_to_its_channel(gatepost, authority, scratch, login, mechanism):
    back, port = gatepost_as_the_smarthost(gatepost, authority, scratch)
    (scratch / "password").write_text(PASSWORD)
    smarthost = {
        "address": f"relay.test:{port}",
        "tls": "implicit",
        "user": USER,
        "login": login,
        "password_file": str(scratch / "password"),
    }
    domains = {"front.test": {"recipients": "any", "deliver": "discard"}}
    front = start_gateway(gatepost, authority, smarthost=smarthost, domains=domains)
    front.send(MESSAGE.replace(b"me@example.com", USER.encode()), to=["alice@demo.test"], sender=USER)
    back.wait_for_mails("alice")
    (line,) = [line for line in back.log_lines() if line["event"] == "auth_ok"]
    assert line["mechanism"] == mechanism


@pytest.mark.parametrize(
    "login, offer",
    [("scram", "PLAIN LOGIN"), ("scram-plus", "PLAIN SCRAM-SHA-256")],
)
def test_a_login_is_not_downgraded(gatepost, authority, host, scratch, login, offer):
    script = {"AUTH": answer_auth}
    end = host("relay", certificate=authority.issue("relay.test"), secure_extensions=[f"AUTH {offer}"], script=script)
    server = smarthost(gatepost, authority, end, scratch, login=login)
    server.send(MESSAGE, to=["you@far.test"])
    assert "no mechanism fits" in deferral(server)
    assert not auth_lines(end)


def test_a_server_that_does_not_know_the_password_gets_no_mail(gatepost, authority, host, scratch):
    """It says yes to anything."""
    options = {"secure_extensions": ["AUTH SCRAM-SHA-256"], "script": {"AUTH": "235 welcome"}}
    end = host("relay", certificate=authority.issue("relay.test"), **options)
    server = smarthost(gatepost, authority, end, scratch)
    server.send(MESSAGE, to=["you@far.test"])
    assert "the server has not proven that it knows us" in deferral(server)
    assert auth_lines(end) and not end.messages


# --- a token for it ---

FORM = f"grant_type=client_credentials&client_id=gateway&client_secret={PASSWORD.replace(' ', '%20')}&scope=mail"


@pytest.fixture
def endpoint(authority):
    """endpoint(answers) starts a token endpoint that gives one after the other."""
    running = []

    def start(*answers):
        given = iter(answers)
        rig = HttpsRig(authority.issue("login.test"), lambda tls: tls.sendall(next(given)), HOSTS["login"])
        running.append(rig.__enter__())
        return rig

    yield start
    for rig in running:
        rig.__exit__()
        assert not rig.complaints


def token(text, **rest):
    body = json.dumps({"access_token": text, "token_type": "Bearer", "expires_in": 3600, **rest}).encode()
    return http_answer(body, fields=["Content-Type: application/json"])


def with_token(gatepost, authority, host, scratch, rig):
    """The smarthost and a gateway that gets its token there."""
    script = {"AUTH": answer_auth}
    options = {"secure_extensions": ["AUTH XOAUTH2 OAUTHBEARER"], "script": script}
    end = host("relay", certificate=authority.issue("relay.test"), **options)
    fetch = {"ca_file": str(authority.path), "private_addresses": True, "port": rig.port}
    changes = {
        "password_file": None,
        "token_url": "https://login.test/tenant/token",
        "client_id": "gateway",
        "client_secret_file": str(scratch / "password"),
        "token_scope": "mail",
    }
    return end, smarthost(gatepost, authority, end, scratch, fetch, **changes)


def test_a_token_is_had_once(gatepost, authority, host, scratch, endpoint):
    rig = endpoint(token(TOKEN))
    end, server = with_token(gatepost, authority, host, scratch, rig)
    for count in range(1, 4):
        server.send(MESSAGE, to=[f"you{count}@far.test"])
    delivered(end, 3)
    (request,) = rig.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /tenant/token HTTP/1.1\r\n") and body.decode() == FORM
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    for secret in (TOKEN, PASSWORD):
        assert secret not in server.log_text()


def test_a_token_that_is_refused_is_not_used_again(gatepost, authority, host, scratch, endpoint):
    rig = endpoint(token("revoked"), token(TOKEN))
    end, server = with_token(gatepost, authority, host, scratch, rig)
    server.send(MESSAGE, to=["you@far.test"])
    assert "who are you?" in deferral(server)
    server.queue("retry", "--all")
    delivered(end)
    assert len(rig.requests) == 2


@pytest.mark.parametrize(
    "answer, words",
    [
        (http_answer(b'{"error": "invalid_client"}', status="401 Unauthorized"), "401"),
        (http_answer(b"<html>"), "the answer is not a JSON object"),
        (token("x y"), "the answer has no access_token"),
        (token(TOKEN, expires_in=0), "the answer has a token that has ended"),
        (b"", ""),
    ],
)
def test_without_a_token_mail_waits(gatepost, authority, host, scratch, endpoint, answer, words):
    end, server = with_token(gatepost, authority, host, scratch, endpoint(answer))
    server.send(MESSAGE, to=["you@far.test"])
    why = deferral(server)
    assert "no token to log in with from login.test" in why and words in why
    assert not end.connections
