# SPDX-License-Identifier: Apache-2.0
"""A running gatepost, as the tests see it: its configuration, ports, mailboxes, log and processes."""

import email
import email.policy
import functools
import json
import os
import pathlib
import re
import select
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

import nacl.pwhash
import procs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("GATEPOST_BUILD") or ROOT / "build")
PROGRAM = BUILD / "gatepost"

AUTHORITY = "/etc/ssl/certs/ISRG_Root_X1.pem"
STOP_S = 30
PATIENCE_S = 60  # for what only has to happen: a busy machine takes its time
# What a log never says in a test that did not ask for it.
CRASH = re.compile(r"broken invariant|AddressSanitizer|runtime error:|killed by signal|core dumped|panic", re.I)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory_of(pid):
    """All that the process can read, what adjoins in one piece: a variable may lie across two mappings."""
    piece, end_before = b"", 0
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            begin, end = (int(x, 16) for x in line.split()[0].split("-"))
            if " r" not in line or "[v" in line:
                continue
            try:
                mem.seek(begin)
                octets = mem.read(end - begin)
            except (OSError, ValueError):
                continue
            if begin != end_before:
                yield piece
                piece = b""
            piece += octets
            end_before = begin + len(octets)
    yield piece


def memory_holds(pid, needles):
    """Which of these octets the process's memory has. Needs root."""
    found = set()
    for piece in memory_of(pid):
        # As text, big-endian, or the other way round, as big numbers lie in memory.
        found |= {n for n in needles if n in piece or n[::-1] in piece}
    return found


def eventually(check, timeout_s=PATIENCE_S, what="it"):
    """Asks until the answer is true, and returns it; fails the test when that takes too long."""
    end = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.05)


def are_silent(*ends):
    """Whether there is nothing to read from these sockets, neither an answer nor their end."""
    return not select.select(ends, [], [], 0)[0]


def run(*argv, timeout_s=60, **options):
    """gatepost COMMAND to its end."""
    argv = [str(PROGRAM), *map(str, argv)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False, **options)


def make_users(folder, *users):
    """A file of submission users, for a gateway to have from its start; each is a name, a password, and options."""
    path = folder / "users"
    path.write_text(users_text(*users), encoding="utf-8")
    return str(path)


@functools.cache
def users_text(*users):
    """As `gatepost user add` writes them, but with cheap hashes: what one costs is its own tests' affair."""
    with tempfile.TemporaryDirectory(prefix="gatepost-users-") as folder:
        config, path = pathlib.Path(folder, "users.yaml"), pathlib.Path(folder, "users")
        listen = [{"address": "127.0.0.1:2525", "service": "inbound"}]
        settings = {"hostname": "mx.gatepost.test", "listen": listen, "users": {"file": str(path)}}
        config.write_text(json.dumps(settings), encoding="utf-8")
        for name, password, *options in users:
            done = run("user", "add", "-c", config, *options, name, input=password + "\n")
            assert done.returncode == 0, done.stderr
            cheap = nacl.pwhash.argon2id.str(password.encode(), opslimit=1, memlimit=8192).decode()
            line = rf"(?m)^({re.escape(name)} .*?)\$argon2id\$\S+"
            path.write_text(re.sub(line, lambda m, cheap=cheap: m[1] + cheap, path.read_text()), encoding="utf-8")
        return path.read_text(encoding="utf-8")


class Gateway:
    """`gatepost serve` with a folder of its own. alice and bob have mailboxes at demo.test."""

    def __init__(self, folder, settings=None):
        self.folder = pathlib.Path(folder)
        port = free_port()
        self.config = self.folder / "gatepost.yaml"
        self.config_argument = str(self.config)
        self.log_path = self.folder / "log"
        self.process = None
        self.crash_is_expected = False
        self.settings = {
            "hostname": "mx.gatepost.test",
            "state": "state",
            "listen": [{"address": f"127.0.0.1:{port}", "service": "inbound"}],
            "domains": {
                "demo.test": {
                    "recipients": ["alice", "bob"],
                    "deliver": {"maildir": "mail/{domain}/{local}"},
                }
            },
            "dns": {"answers": "names.json"},
            # Most tests' messages are from nobody.
            "authentication": {"from": "tag"},
            "log": {"format": "json", "level": "info"},
            # Who says nothing of them needs none: to read all that the system has is a third of what a start costs.
            "tls": {"authorities": AUTHORITY},
            "fetch": {"ca_file": AUTHORITY},
            **(settings or {}),
        }
        self.port = int(self.settings["listen"][0]["address"].rsplit(":", 1)[1])
        self.names = {}  # what DNS says, in the form of --dns
        for name in ("state", "mail"):
            (self.folder / name).mkdir()
        if os.geteuid() == 0:
            self.settings.setdefault("user", "nobody")
            for name in ("state", "mail"):
                os.chown(self.folder / name, 65534, 65534)

    def write_config(self):
        # JSON is YAML too.
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
        (self.folder / "names.json").write_text(json.dumps(self.names), encoding="utf-8")

    def start(self, wait=True):
        self.write_config()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "serve", "-c", self.config_argument],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            eventually(self.answers, what="the greeting")
        return self

    def answers(self):
        code = self.process.poll()
        assert code is None, f"gatepost serve ended with {code}:\n{self.log_text()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
                return s.recv(4) == b"220 "
        except OSError:
            return False

    def all_are_ready(self):
        """Whether each role works, not only those that greet."""
        return any(line["event"] == "ready" for line in self.log_lines())

    def stop(self):
        """SIGTERM, and it ends in good order."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"no end within {STOP_S} s of SIGTERM:\n{self.log_text()[-3000:]}") from None
            assert code == 0, f"gatepost serve ended with {code}:\n{self.log_text()[-3000:]}"
        self.process = None
        if not self.crash_is_expected:
            crash = CRASH.search(self.log_text())
            assert not crash, f"the log tells of a crash: {crash.group()}\n{self.log_text()[-3000:]}"

    def kill(self):
        """Ends the supervisor and its roles at once, as a power cut would."""
        processes = [self.process.pid, *self.roles()]
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(PATIENCE_S)
        self.process = None

    def roles(self):
        """Process id -> name of the supervisor's children, as argv has it: comm is cut at 15 octets."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                status = dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
                name = (path.parent / "cmdline").read_bytes().split(b"\0")[0]
            except OSError:  # it has just ended
                continue
            if status["PPid"] == str(self.process.pid):
                found[int(path.parent.name)] = name.decode()
        return found

    def pids(self, role):
        return [pid for pid, name in self.roles().items() if name == f"gatepost-{role}"]

    def pid_of(self, role):
        """The process of a role that has one: it may be on its way still."""
        (pid,) = eventually(lambda: found if len(found := self.pids(role)) == 1 else None, what=f"one {role}")
        return pid

    def settle(self, *roles):
        """Until these have done what they were told of by others, and told on what follows from it."""
        pids = [pid for role in roles for pid in self.pids(role)]
        eventually(lambda: procs.are_idle(pids, 0.1), what=f"an end to what {' and '.join(roles)} have to do")

    def holders_of(self, needles):
        """The processes in whose memory any of these octets are."""
        processes = {self.process.pid: "supervisor", **self.roles()}
        return {name for pid, name in processes.items() if memory_holds(pid, needles)}

    def log_text(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def log_lines(self):
        """The log's lines that are JSON objects; the last one may be half written."""
        found = []
        for line in self.log_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                found.append(json.loads(line))
        return found

    def run(self, *argv, **options):
        """gatepost COMMAND SUBCOMMAND -c CONFIG ..."""
        return run(*argv, "-c", self.config, **options)

    def queue(self, *argv):
        done = self.run("queue", *argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def queued(self):
        """One dictionary for each message in the queue."""
        return [json.loads(line) for line in self.queue("list", "--json").splitlines()]

    def client(self, port=None):
        return smtplib.SMTP("127.0.0.1", port or self.port, timeout=PATIENCE_S)

    def send(self, message, to=("alice@demo.test",), sender="me@example.com"):
        """Sends one message by smtplib and returns the queue id of its 250 reply."""
        with self.client() as client:
            client.ehlo("client.example.com")
            assert client.mail(sender)[0] == 250
            for rcpt in to:
                assert client.rcpt(rcpt)[0] == 250
            code, text = client.data(message)
        assert code == 250, text
        return queue_id(text.decode())

    def talk(self):
        return Talk(self.port)

    def mailbox(self, local, domain="demo.test"):
        return self.folder / "mail" / domain / local

    def mails(self, local, domain="demo.test"):
        """The messages in a mailbox's new/, as octets, oldest first."""
        files = sorted((self.mailbox(local, domain) / "new").glob("*"), key=lambda f: f.stat().st_mtime_ns)
        return [f.read_bytes() for f in files]

    def wait_for_mails(self, local, count=1, timeout_s=PATIENCE_S):
        """Waits until that many messages lie there; returns them parsed."""
        eventually(lambda: len(self.mails(local)) >= count, timeout_s, f"{count} mails for {local}")
        return [email.message_from_bytes(m, policy=email.policy.SMTP) for m in self.mails(local)]


def queue_id(text):
    match = re.search(r"\b([0-9A-Za-z]{11,16})\b(?!.*\b[0-9A-Za-z]{11,16}\b)", text)
    assert match, f"no queue id in {text!r}"
    return match.group(1)


class Talk:
    """A dialogue octet by octet, for what no library would send."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S, source_address=(source, 0))
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        """One whole reply as text, without its last line end; '' when the server has closed."""
        lines = []
        while True:
            line = self.file.readline().decode("utf-8", "surrogateescape")
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines).rstrip("\r\n")

    def write(self, octets):
        self.socket.sendall(octets)

    def say(self, text):
        self.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def until_data(self, rcpt="alice@demo.test", sender="me@example.com"):
        """Up to the 354 reply."""
        assert self.say("EHLO client.example.com").startswith("250")
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        assert self.say(f"RCPT TO:<{rcpt}>").startswith("250")
        assert self.say("DATA").startswith("354")

    def closed(self):
        return self.file.read(1) == b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()
