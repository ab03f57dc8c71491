# SPDX-License-Identifier: Apache-2.0
"""Roles that hang without dying: whoever asked them something hears that it should come again, the supervisor starts
them anew, and mail flows. Each role is stopped in a gateway of its own, all at the same time, as it takes a while."""

import concurrent.futures
import contextlib
import datetime
import os
import signal
import smtplib
import socket
import time

import pytest
import tlsrig
from gateway import Gateway, eventually, make_users
from sink import Sink

MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\nhello\r\n"
ALICE = ("alice@demo.test", "wonderland")
PING_S = 5
HANGS_S = 6 * PING_S  # PING_MS times SILENT_MAX of the supervisor
TURNS_MAX = 9  # that it may take: the six, the one that ends it, and two for what a machine does to a timer
PATIENCE_S = 120
MAIL_HOST = "127.0.28.1"
NAMES = {"far.test": {"MX": [[10, "mx.far.test"]]}, "mx.far.test": {"A": [MAIL_HOST]}}


def ask_spool(server):
    """The answer to a message."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as s, s.makefile("rb") as file:
        s.sendall(b"EHLO client\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<alice@demo.test>\r\nDATA\r\n")
        while not file.readline().startswith(b"354"):
            pass
        s.sendall(MESSAGE + b".\r\n")
        return file.readline().decode()


def ask_auth(server):
    """The answer to a login."""
    with smtplib.SMTP_SSL("127.0.0.1", server.tls_port, timeout=PATIENCE_S, context=tlsrig.context()) as c:
        try:
            return str(c.login(*ALICE)[0])
        except smtplib.SMTPAuthenticationError as refusal:
            return str(refusal.smtp_code)


def ask_signer(server):
    """Whether there is TLS."""
    try:
        tlsrig.connect(server.tls_port, timeout=PATIENCE_S).close()
    except OSError:
        return "none"
    return "TLS"


def ask_smtpd(server):
    """What becomes of a connection in the kernel's hands."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as s:
        try:
            return s.recv(1000).decode()
        except ConnectionResetError:
            return ""


def ask_web(server):
    with socket.create_connection(("127.0.0.1", server.web_port), timeout=PATIENCE_S) as s:
        try:
            return s.recv(1000).decode()
        except ConnectionResetError:
            return ""


def send_here(server):
    return server.send(MESSAGE)


def send_report(server):
    return server.send(MESSAGE, to=["reports@demo.test"])


def send_there(server):
    return server.send(MESSAGE, to=["you@far.test"])


def status_of_deferral(server, id_):
    lines = eventually(
        lambda: [x for x in server.log_lines() if x["event"] == "deferred" and x["id"] == id_],
        PATIENCE_S,
        what="a deferral",
    )
    return lines[0]["status"]


# Who asks it, and what is to be heard; None: nothing but that all is well at the end.
ROLES = {
    "spool": (ask_spool, lambda server, answer: answer.startswith("451 4.3.0")),
    "auth": (ask_auth, lambda server, answer: answer == "454"),
    "signer": (ask_signer, lambda server, answer: answer == "none"),
    "smtpd": (ask_smtpd, lambda server, answer: answer == "" or answer.startswith("220")),
    "web": (ask_web, lambda server, answer: answer == ""),
    "maildir": (send_here, None),
    "ingest": (send_report, None),
    "relay": (send_there, None),
    "resolver": (send_there, lambda server, answer: status_of_deferral(server, answer) == "4.4.3"),
    "fetch": (send_there, lambda server, answer: status_of_deferral(server, answer).startswith("4.")),
    "reports": (lambda server: None, None),
}


def distinct_ports(count):
    """Kept until all are there, since a free one may be given twice."""
    with contextlib.ExitStack() as kept:
        sockets = [kept.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


class Hanging:
    """A gateway, one of whose roles stands still, and somebody who asks it."""

    def __init__(self, folder, role, pool):
        folder.mkdir()
        certificate, key = tlsrig.make(folder, "mx.gatepost.test")
        ports = distinct_ports(3)
        self.role = role
        self.server = server = Gateway(
            folder,
            {
                "listen": [
                    {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
                    {"address": f"127.0.0.1:{ports[1]}", "service": "submission", "tls": "implicit"},
                ],
                "tls": {"certificate": str(certificate), "key": str(key)},
                "web": {"policy_listen": f"127.0.0.1:{ports[2]}"},
                "users": {"file": make_users(folder, ALICE)},
                "relay_networks": ["127.0.0.0/8"],
                "retry": {"first": "2s", "max": "4s", "for": "5d"},
                "workers": 1,
            },
        )
        server.settings["domains"]["demo.test"]["reports"] = "reports"
        server.tls_port, server.web_port = ports[1:]
        server.names = NAMES
        server.crash_is_expected = True
        server.start()
        eventually(server.all_are_ready, what="every role")
        # Its first connections are made: what follows is in the midst of its work.
        assert ask_auth(server) == "235"
        self.stopped = self.pid()
        self.at = time.time()
        os.kill(self.stopped, signal.SIGSTOP)
        self.answer = pool.submit(ROLES[role][0], server)
        self.notice = pool.submit(self.wait_for_notice)

    def pid(self):
        pids = self.server.pids(self.role)
        return pids[0] if pids else None

    def stop(self):
        """A gateway that did not notice would wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.stopped, signal.SIGCONT)
        self.server.stop()

    def wait_for_notice(self):
        """Turn by turn, as the supervisor does: what stops all of us for a while costs both of us one, at most."""
        for _ in range(TURNS_MAX):
            time.sleep(PING_S)
            if told := self.hangs():
                return told
        return []

    def hangs(self):
        return [x for x in self.server.log_lines() if x["event"] == "role_hangs"]


@pytest.fixture(scope="module")
def mail_host():
    try:
        host = Sink(address=(MAIL_HOST, 25))
    except PermissionError:
        pytest.skip("mail hosts listen on port 25, which needs root")
    yield host
    host.stop()


@pytest.fixture(scope="module")
def hanging(module_scratch, mail_host):
    with concurrent.futures.ThreadPoolExecutor(2 * len(ROLES)) as pool, contextlib.ExitStack() as cleanup:
        all_of_them = {}
        for role in ROLES:
            all_of_them[role] = Hanging(module_scratch / role, role, pool)
            cleanup.callback(all_of_them[role].stop)
        yield all_of_them


def works(server):
    """Whether mail is taken, and users are let in."""
    try:
        return server.send(MESSAGE, to=["bob@demo.test", "me@far.test"]) and ask_auth(server) == "235"
    except (AssertionError, OSError, smtplib.SMTPException):
        return False


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_hangs_is_replaced(hanging, mail_host, role):
    case = hanging[role]
    server = case.server
    # All were stopped at nearly the same time, so that not noticing costs the wait once.
    told = case.notice.result(PATIENCE_S)
    assert [x["of"] for x in told] == [role]
    # A slow machine makes it later, and sooner only by the turn in which the role had not answered yet.
    noticed_s = datetime.datetime.fromisoformat(told[0]["time"]).timestamp() - case.at
    assert noticed_s > HANGS_S - PING_S
    answer, wanted = case.answer.result(PATIENCE_S), ROLES[role][1]
    assert not wanted or wanted(server, answer), answer
    eventually(lambda: case.pid() not in (None, case.stopped), what="another one in its place")
    eventually(lambda: works(server), what="mail")
    server.wait_for_mails("bob")
    eventually(lambda: server.queued() == [], PATIENCE_S, what="an empty queue")
    if ROLES[role][0] == send_here:
        assert server.mails("alice")
    if ROLES[role][0] == send_there:
        assert any(b"you@far.test" in data or "you@far.test" in str(rcpts) for _, rcpts, data in mail_host.messages)
    assert [x["of"] for x in case.hangs()] == [role], "nobody else was taken for hanging"
