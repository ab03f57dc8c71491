# SPDX-License-Identifier: Apache-2.0
"""gatepost reports import --imap: mails are marked when what is in them is stored, and not before."""

import contextlib
import imaplib
import json
import os
import re
import socketserver
import sqlite3
import ssl
import threading

import pytest
import reports_field
import tlsrig
from gateway import free_port, run

BEGIN = 1780272000
OURS = reports_field.Sender("ours", "192.0.2.1", True, True, "ours.example", "s1")
ROW = reports_field.record(OURS, "ours.example", 5, "none", False, False)
PASSWORD = {**os.environ, "GATEPOST_IMAP_PASSWORD": "secret"}


def mail(ident, padding=0):
    """A report as it comes by mail."""
    xml = reports_field.head("reporter.example", ident, "ours.example", BEGIN, BEGIN + 86399, "reject", "")
    text = xml + ROW + "</feedback>\n" + " " * padding
    head = f"From: dmarc@reporter.example\nSubject: {ident}\nMIME-Version: 1.0\nContent-Type: text/xml\n\n"
    return (head + text).replace("\n", "\r\n").encode()


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return tlsrig.make(tmp_path_factory.mktemp("tls"), name="localhost")


class Box:
    """A folder, what imports from it, and what is in it."""

    def __init__(self, folder, plain, secure, identity):
        self.folder, self.plain, self.secure, self.identity = folder, plain, secure, identity

    @contextlib.contextmanager
    def opened(self, name="INBOX"):
        with imaplib.IMAP4("127.0.0.1", self.plain) as server:
            server.login("alice", "secret")
            server.select(name)
            yield server

    def put(self, *mails):
        with self.opened() as server:
            for one in mails:
                assert server.append("INBOX", "", None, one)[0] == "OK"

    def count(self, what="ALL", name="INBOX"):
        with self.opened(name) as server:
            return len(server.search(None, what)[1][0].split())

    def imported(self, *argv, url=None, code=0, **options):
        url = url or f"imaps://alice@localhost:{self.secure}/INBOX"
        done = self.run(url, *argv, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def run(self, url, *argv, env=None):
        return run("reports", "import", "--json", "--database", self.folder / "received.db", "--imap", url, "--ca",
                   self.identity[0], *argv, env=env or PASSWORD)


@pytest.fixture
def box(peers, tmp_path, identity, request):
    plain, secure = free_port(), free_port()
    peers.dovecot(free_port(), plain, imaps=(secure, *identity), settings=getattr(request, "param", ""))
    return Box(tmp_path, plain, secure, identity)


def test_what_is_stored_has_been_seen(box):
    box.put(*(mail(str(n)) for n in range(70)))
    assert box.count("UNSEEN") == 70
    assert box.imported()["imported"] == 70
    assert (box.count("UNSEEN"), box.count()) == (0, 70)
    box.put(mail("new"), mail("new"), b"Subject: hello\r\n\r\nno report\r\n")
    done = box.imported(code=1)
    assert (done["imported"], done["duplicates"], len(done["quarantined"])) == (1, 1, 1)
    assert "UID 73 of alice" in done["quarantined"][0]["file"]
    assert box.imported()["duplicates"] == 0


@pytest.mark.parametrize("box", ["", "imap_capability = IMAP4rev1 UIDPLUS\n", "imap_capability = IMAP4rev1\n"],
                         indirect=True, ids=["MOVE", "UIDPLUS", "neither"])
def test_what_is_stored_is_moved(box, request):
    box.put(*(mail(str(n)) for n in range(40)))
    with box.opened() as server:
        server.create('"Done \\"1\\""')
    assert box.imported("--move", 'Done "1"')["imported"] == 40
    left = 40 if request.node.callspec.id == "neither" else 0
    assert (box.count(), box.count("UNDELETED"), box.count(name='"Done \\"1\\""')) == (left, 0, 40)
    assert box.imported("--move", 'Done "1"')["duplicates"] == 0


def test_what_is_left_as_it_is_is_not_read_twice(box):
    progress = box.folder / "progress"
    box.put(*(mail(str(n)) for n in range(40)))
    assert box.imported("--progress", progress, "--max", "35")["imported"] == 35
    assert box.imported("--progress", progress)["imported"] == 5
    assert (box.count("UNSEEN"), box.count()) == (40, 40)
    box.put(mail("new"))
    done = box.imported("--progress", progress)
    assert (done["imported"], done["duplicates"]) == (1, 0)
    # Mails that are numbered anew are read anew.
    progress.write_text(re.sub(r"\d+ \d+\n", "1 41\n", progress.read_text()))
    assert box.imported("--progress", progress)["duplicates"] == 41


def test_starttls_and_a_password_from_a_file(box, tmp_path):
    box.put(mail("1"))
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    url = f"imap://alice@localhost:{box.plain}/INBOX"
    environment = {name: value for name, value in PASSWORD.items() if name != "GATEPOST_IMAP_PASSWORD"}
    assert box.imported("--password-file", secret, url=url, env=environment)["imported"] == 1
    assert "the password: GATEPOST_IMAP_PASSWORD: it is not in the environment" in box.run(url, env=environment).stderr


def test_what_is_too_large_is_told_of_and_not_marked(box):
    box.put(mail("1"), mail("2", padding=40_000), mail("3"))
    done = box.imported("--max-size", "20kB", code=1)
    assert (done["imported"], len(done["quarantined"])) == (2, 1)
    assert "--max-size" in done["quarantined"][0]["reason"]
    assert box.count("UNSEEN") == 1
    assert box.imported("--max-size", "100kB")["imported"] == 1


def test_what_cannot_be_stored_is_not_marked(box):
    box.put(*(mail(str(n)) for n in range(3)))
    box.imported("--max", "1")
    with contextlib.closing(sqlite3.connect(box.folder / "received.db")) as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON report BEGIN SELECT RAISE(FAIL, 'no room'); END")
        db.commit()
    assert box.run(f"imaps://alice@localhost:{box.secure}/INBOX").returncode == 4
    assert box.count("UNSEEN") == 2
    with contextlib.closing(sqlite3.connect(box.folder / "received.db")) as db:
        db.execute("DROP TRIGGER full")
        db.commit()
    assert box.imported()["imported"] == 2


def test_nobody_signs_in_without_tls(peers, tmp_path, identity):
    plain = free_port()
    peers.dovecot(free_port(), plain)
    box = Box(tmp_path, plain, None, identity)
    box.put(mail("1"))
    done = box.run(f"imap://alice@localhost:{plain}/INBOX")
    assert done.returncode == 3 and "STARTTLS" in done.stderr
    assert box.count("UNSEEN") == 1


@pytest.mark.parametrize("wrong", ["password", "certificate", "name", "folder", "target"])
def test_what_does_not_work_is_said(box, wrong, tmp_path):
    box.put(mail("1"))
    url, argv, env = f"imaps://alice@localhost:{box.secure}/INBOX", [], PASSWORD
    if wrong == "password":
        env = {**PASSWORD, "GATEPOST_IMAP_PASSWORD": "wrong"}
    elif wrong == "certificate":
        argv = ["--ca", tlsrig.make(tmp_path, name="localhost")[0]]
    elif wrong == "name":
        url = url.replace("localhost", "127.0.0.1")
    elif wrong == "folder":
        url = url.replace("INBOX", "None")
    else:
        argv = ["--move", "None"]
    done = box.run(url, *argv, env=env)
    assert done.returncode == 3 and "gatepost reports: imap" in done.stderr, done.stderr
    assert box.count("UNSEEN") == 1


@pytest.mark.parametrize("argv, word", [
    (["--imap", "imaps://a:hidden@localhost/x"], "password"),
    (["--imap", "https://a@localhost/x"], "no URL"),
    (["--imap", "imaps://a@localhost/x", "--move", "a\rb"], "no name of a folder"),
    (["--imap", "imaps://a@localhost/x", "--move", "a", "--progress", "b"], "--move or --progress"),
    (["--move", "a", "file"], "go with --imap"),
])
def test_misuse(argv, word):
    done = run("reports", "import", *argv)
    assert done.returncode == 2 and word in done.stderr
    assert "hidden" not in done.stderr


# --- a server that nobody should have ---


class Hostile(socketserver.ThreadingTCPServer):
    """Answers by a table of a command's first words, the last words that match first; what it was told is in heard."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, identity, answers):
        super().__init__(("127.0.0.1", 0), HostileSession)
        self.answers, self.heard = {**HONEST, **answers}, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*identity)


class HostileSession(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            s = self.server.context.wrap_socket(self.request, server_side=True)
            s.sendall(b"* OK ready\r\n")
            for line in s.makefile("rb"):
                tag, command = line.decode().rstrip().split(" ", 1)
                self.server.heard.append(command)
                words = [w for w in self.server.answers if command.startswith(w)]
                answer = self.server.answers[words[-1]] if words else b""
                if answer is None:
                    break
                for piece in answer if isinstance(answer, list) else [answer]:
                    s.sendall(piece)
                s.sendall(f"{tag} OK done\r\n".encode())
            s.close()


def fetched(number, body):
    return b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n%s)\r\n" % (number, number, len(body), body)


HONEST = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
    "SELECT": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 9] valid\r\n* OK [UIDNEXT 4] next\r\n",
    "UID SEARCH": b"* SEARCH 1 2 3\r\n",
    **{f"UID FETCH {n} ": fetched(n, mail(str(n))) for n in (1, 2, 3)},
}


@pytest.fixture
def hostile(identity, tmp_path):
    with contextlib.ExitStack() as stack:

        def start(**answers):
            server = stack.enter_context(Hostile(identity, {k.replace("_", " "): v for k, v in answers.items()}))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            server.box = Box(tmp_path, None, server.server_address[1], identity)
            return server

        yield start


def stored(server):
    return [c for c in server.heard if c.startswith("UID STORE")]


def test_an_honest_one_beside_them(hostile):
    server = hostile()
    assert server.box.imported()["imported"] == 3
    assert stored(server) == ["UID STORE 1,2,3 +FLAGS.SILENT (\\Seen)"]
    assert "LOGOUT" in server.heard


def test_a_connection_that_breaks_loses_nothing(hostile):
    server = hostile(UID_FETCH_3=None)
    assert server.box.imported(code=3)["imported"] == 2
    assert stored(server) == []
    again = hostile()
    done = again.box.imported()
    assert (done["imported"], done["duplicates"]) == (1, 2)
    assert stored(again) == ["UID STORE 1,2,3 +FLAGS.SILENT (\\Seen)"]


ENDLESS = [b"* " + b"x" * 100_000] + [b"x" * 100_000] * 40
WHOLE = mail("2")


@pytest.mark.parametrize("answers, why", [
    ({"UID_SEARCH": ENDLESS}, "without end"),
    ({"UID_SEARCH": [b"* 1 EXISTS\r\n" * 1000] * 40}, "comes to no end"),
    ({"UID_SEARCH": b"* SEARCH 1 4000000\r\n"}, "what cannot be"),
    ({"UID_SEARCH": b"* SEARCH " + b"1 " * 60_000 + b"\r\n"}, "what cannot be"),
    ({"UID_SEARCH": b"* SEARCH 1 \x1b[2J\r\n"}, "what it may not"),
    ({"UID_SEARCH": b"g77 NO \x1b[2J\r\n"}, "what it may not: g77 NO ?[2J"),
    ({"UID_SEARCH": b"* LIST () \"/\" {3}\r\nabc\r\n"}, "nobody has asked for"),
    ({"SELECT": b"* 3 EXISTS\r\n"}, "how its mails are numbered"),
    ({"UID_FETCH_2": b"* 2 FETCH (UID 2 BODY[]<0> {99999999}\r\n"}, "more than was asked for"),
    ({"UID_FETCH_2": b"* 2 FETCH (UID 2 BODY[]<0> {9}\r\n" + WHOLE + b")\r\n"}, "what it may not"),
    ({"UID_FETCH_2": fetched(2, WHOLE) * 2}, "nobody has asked for"),
    ({"UID_FETCH_2": fetched(3, WHOLE)}, "another mail"),
])
def test_a_hostile_one_is_left(hostile, answers, why):
    server = hostile(**answers)
    done = server.box.run(f"imaps://alice@localhost:{server.box.secure}/INBOX")
    assert done.returncode == 3 and why in done.stderr, done.stderr
    assert "\x1b" not in done.stderr
    assert stored(server) == []
    # What came before is there.
    assert json.loads(done.stdout)["imported"] == ("UID_FETCH_2" in answers)


def test_a_literal_that_never_comes_ends_with_its_connection(hostile):
    server = hostile(UID_FETCH_2=[b"* 2 FETCH (UID 2 BODY[]<0> {5000}\r\nshort"], UID_FETCH=None)
    done = server.box.run(f"imaps://alice@localhost:{server.box.secure}/INBOX")
    assert done.returncode == 3 and stored(server) == []
