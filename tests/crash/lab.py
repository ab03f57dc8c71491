# SPDX-License-Identifier: Apache-2.0
"""The crash laboratory: a gateway under load that loses its power or its processes, and the audit that follows.

What is asked is always the same: whatever a client was told 250 about has arrived, or is still in the queue; what
arrived is whole; and no more came twice than was under way. What clients were told stands in the ledgers of `gatepost
load`, which lie outside the disk that is cut.
"""

import argparse
import collections
import contextlib
import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import gateway as system  # noqa: E402
import sink as system_sink  # noqa: E402

RECORDS = system.ROOT / "build" / "crash"
ROLES = "smtpd spool relay maildir resolver fetch signer auth reports ingest web supervisor".split()
WINDOW = 20  # transactions at once with one destination: the configuration's default of concurrency.max
MAILBOXES, MAILBOX_WINDOW = 4, 64  # that a stream goes to, and deliveries at once into one of them
LINE = 78  # octets of a line of `gatepost load`'s bodies, CRLF included
DRAIN_S = 40
MARK = re.compile(rb"^X-Gatepost-Mark: ([0-9A-Za-z]+)-(\d+)-(\d+)\r$", re.M)


class Unavailable(Exception):
    """Why this machine cannot do it."""


def must(*argv):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{argv} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")


class Record:
    """Cases passed and failed, and what there is to know about each, in build/crash/NAME.log."""

    def __init__(self, name, seed):
        RECORDS.mkdir(parents=True, exist_ok=True)
        self.failed = 0
        self.file = (RECORDS / f"{name}.log").open("w", encoding="utf-8")
        self.say(f"# {name}, seed {seed}")

    def say(self, text):
        print(text, flush=True)
        print(text, file=self.file, flush=True)

    def note(self, **facts):
        print(json.dumps(facts), file=self.file, flush=True)

    def case(self, name, wrong, **facts):
        """wrong: what is wrong, as a list of sentences."""
        self.note(case=name, wrong=wrong, **facts)
        self.failed += bool(wrong)
        told = " ".join(f"{key}={value}" for key, value in facts.items())
        self.say(f"not ok {name}: {'; '.join(wrong)} ({told})" if wrong else f"ok {name} ({told})")


def main(name, description, count_help, default_count, run, extra=None, mounts=True):
    """run(args, rng, record) does the work of a script of the laboratory."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("count", nargs="?", type=int, default=default_count, help=count_help)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    if extra:
        extra(parser)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    try:
        if mounts:
            own_namespace()
        mutant = getattr(args, "mutant", None)
        record = Record(f"{name}-{mutant}" if mutant else name, args.seed)
        run(args, random.Random(args.seed), record)
    except Unavailable as why:
        print(f"skip {name}: {why}", flush=True)
        return 0
    return 1 if record.failed else 0


def build_mutant(name):
    """A gateway in which one system call does nothing."""
    folder = system.ROOT / f"build-mutant-{name}"
    if not (folder / "build.ninja").exists():
        arguments = f"-Dc_args=-include{system.ROOT}/tests/crash/mutant.h -DMUTANT_{name.upper()}"
        must("meson", "setup", folder, arguments)
    targets = ["gatepost"] + [f"gatepost-{role}" for role in ROLES]
    must("ninja", "-C", folder, "--quiet", *targets)
    return folder / "gatepost"


def mutant_option(parser):
    what = "run a gateway in which this system call does nothing; that must be noticed"
    parser.add_argument("--mutant", choices=["fdatasync", "fsync"], help=what)


# ---- the disk ----


def own_namespace():
    """Starts this script again where its mounts are nobody else's, and end with it."""
    if os.geteuid() != 0:
        raise Unavailable("a file system in an image is mounted as root only")
    if os.environ.get("GATEPOST_LAB") == str(os.getppid()):
        return
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        raise Unavailable("this machine does not allow namespaces (unshare)")
    argv = ["unshare", "--mount", "--propagation", "private", "--fork", "--kill-child", sys.executable, *sys.argv]
    os.environ["GATEPOST_LAB"] = ""
    enter = 'GATEPOST_LAB=$PPID exec "$@"'
    os.execvp(argv[0], [*argv[:6], "sh", "-c", enter, "sh", *argv[6:]])


class Disk:
    """An ext4 file system in an image on a loop device. Its power can be cut."""

    SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
    NO_LOG_FLUSH = struct.pack("I", 2)

    def __init__(self, folder, octets):
        self.image = folder / "image"
        self.path = folder / "disk"
        self.path.mkdir()
        with self.image.open("wb") as image:
            image.truncate(octets)
        made = subprocess.run(["mkfs.ext4", "-q", "-F", self.image], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Unavailable(f"mkfs.ext4: {made.stderr.strip()}")
        self.mounted = False
        self.mount()
        self.path.chmod(0o755)

    def mount(self):
        argv = ["mount", "-t", "ext4", "-o", "loop", self.image, self.path]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable(f"no loop device, or no ext4: {done.stderr.strip()}")
        self.mounted = True

    def cut(self):
        """From here on nothing reaches the disk; what was only in memory is lost."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, self.SHUTDOWN, self.NO_LOG_FLUSH)
        finally:
            os.close(fd)

    def unmount(self):
        """Processes that were killed may need a moment to let go."""

        def gone():
            return subprocess.run(["umount", self.path], capture_output=True, check=False).returncode == 0

        if self.mounted:
            system.eventually(gone, what="umount")
            self.mounted = False

    def power_up(self):
        """The journal is replayed by this mount."""
        self.unmount()
        self.mount()


# ---- the gateway ----


def state_of(pid):
    """R running, D waiting for the disk, T or t stopped, Z dead; X when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]
    except OSError:
        return "X"


class Gateway(system.Gateway):
    """Its state and its mailboxes are on the disk; its configuration and its log are not."""

    def __init__(self, folder, disk_path, settings):
        state, mail = disk_path / "gateway/state", disk_path / "gateway/mail"
        state.parent.mkdir()
        super().__init__(state.parent, {"state": str(state), **settings(mail)})
        self.config = folder / "gatepost.yaml"
        self.config_argument = str(self.config)
        self.log_path = folder / "log"
        self.settings["dns"] = {"answers": str(folder / "names.json")}
        self.names_path = folder / "names.json"
        self.crash_is_expected = True
        self.log_offset = 0

    def write_config(self):
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
        self.names_path.write_text("{}", encoding="utf-8")

    def freeze(self):
        """None of it runs on in user mode. The supervisor first: if it still ran, it would start roles again."""
        os.kill(self.process.pid, signal.SIGSTOP)
        pids = [self.process.pid, *self.roles()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        system.eventually(lambda: all(state_of(pid) in "TtZXD" for pid in pids), what="a standstill")
        return pids

    def kill(self):
        self.freeze()
        super().kill()

    def end(self):
        if self.process is not None:
            self.kill()

    def new_events(self):
        """The log's lines since the last call."""
        with self.log_path.open("rb") as log:
            log.seek(self.log_offset)
            octets = log.read()
        whole = octets[: octets.rfind(b"\n") + 1]
        self.log_offset += len(whole)
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    def drain(self):
        """Until the queue is empty."""
        end = time.monotonic() + DRAIN_S
        while True:
            left = self.run("queue", "list", "--json")
            if left.returncode == 0 and not left.stdout:
                return
            if time.monotonic() > end:
                raise AssertionError(f"the queue is not empty after {DRAIN_S} s: {(left.stdout or left.stderr)[:2000]}")
            time.sleep(0.05)
            self.run("queue", "retry", "--all")


# ---- what is sent, and what arrives ----


def body_of(size):
    """The body that `gatepost load --size` sends."""
    line = b"x" * (LINE - 2) + b"\r\n"
    rest = size % LINE
    return line * (size // LINE) + (line[LINE - rest :] if rest > 1 else b"")


class Stream:
    """Messages of one kind to one destination: who sends them, and what became of each."""

    def __init__(self, name, to, size, sessions, rate, seal=b""):
        self.name, self.to, self.size, self.sessions, self.rate = name, to, size, sessions, rate
        self.body = body_of(size)
        self.process = None
        self.run = ""
        self.ledgers = []
        self.arrived = collections.Counter()  # mark -> copies
        self.torn = []

    def start(self, port, folder, run):
        self.run = run
        ledger = folder / f"{run}.ledger"
        self.ledgers.append(ledger)
        argv = [system.PROGRAM, "load", "-S", f"127.0.0.1:{port}", "--to", self.to, "--from", "me@example.com"]
        argv += ["--size", self.size, "-s", self.sessions, "-n", 1000000, "--per-connection", 20, "--rate", self.rate]
        argv += ["--run", run, "--ledger", ledger, "--reconnect", 600, "--quiet", "--users", MAILBOXES]
        self.process = subprocess.Popen(
            list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def owed(self):
        """(mark, microseconds at which it was begun, the reply) of all that was acknowledged."""
        found = []
        for ledger in self.ledgers:
            for line in ledger.read_text(encoding="utf-8", errors="replace").splitlines():
                mark, outcome, reply = (line.split(" ", 2) + ["", ""])[:3]
                if outcome == "accepted":
                    run, number, time_us = mark.split("-")
                    found.append(((run, int(number)), int(time_us), reply))
        return found

    def take(self, octets, where):
        """A message that arrived, with CRLF line ends. It is whole when it has one mark and its own body."""
        header, _, body = octets.partition(b"\r\n\r\n")
        marks = MARK.findall(header + b"\r\n")
        run = marks[0][0].decode() if len(marks) == 1 else ""
        # The run's name is in the Message-ID as well, behind the mark: two messages in one file would show.
        if body != self.body or not run or f"<{run}@load.invalid>".encode() not in header:
            self.torn.append(f"{where}: {len(octets)} octets, marks {marks[:3]}")
        else:
            self.arrived[(run, int(marks[0][1]))] += 1

    def forget(self):
        for ledger in self.ledgers:
            ledger.unlink(missing_ok=True)
        self.ledgers.clear()
        self.arrived.clear()
        self.torn.clear()


class Sink(system_sink.Sink):
    def handle_error(self, request, client_address):
        """A client that was killed in the middle of a message is what this is about."""


class Arrivals:
    """Stands where a sink keeps its messages: looks at each and keeps its mark."""

    def __init__(self, stream):
        self.stream = stream

    def append(self, message):
        self.stream.take(message[2], "sink")


class Lab:
    """A gateway and all that is around it: see the streams."""

    def __init__(self, disk_octets=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-crash-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.disk = None
        self.gateway = None
        self.sinks = []
        self.runs = 0
        try:
            self.build(disk_octets)
        except BaseException:
            self.close()
            raise

    def build(self, disk_octets):
        if disk_octets:
            self.disk = Disk(self.folder, disk_octets)
        self.maildir = Stream("maildir", "user%d@mail.test", 4096, 8, 300)
        self.large = Stream("large", "user%d@large.test", 1200000, 2, 6)
        self.discard = Stream("discard", "user%d@discard.test", 1000, 8, 300)
        self.relay = Stream("relay", "user%d@relay.test", 2000, 8, 200)
        self.later = Stream("later", "user%d@later.test", 700, 4, 60)  # refused for now, until drained
        self.streams = [self.maildir, self.large, self.discard, self.relay, self.later]
        self.refusing = True
        for stream in (self.relay, self.later):
            script = {".": lambda _: "451 4.3.0 later" if self.refusing else "250 kept"}
            self.sinks.append(Sink(script if stream is self.later else None))
            self.sinks[-1].messages = Arrivals(stream)
        self.gateway = Gateway(self.folder, self.disk.path if self.disk else self.folder, self.settings)

    def settings(self, mail):
        def ours(deliver):
            return {"recipients": "any", "deliver": deliver}

        return {
            "relay_networks": ["127.0.0.0/8"],
            "retry": {"first": "1s", "max": "1s"},
            "domains": {
                "mail.test": ours({"maildir": f"{mail}/{{domain}}/{{local}}"}),
                "large.test": ours({"maildir": f"{mail}/{{domain}}/{{local}}"}),
                "discard.test": ours("discard"),
            },
            "routes": {
                "relay.test": f"127.0.0.1:{self.sinks[0].port}",
                "later.test": f"127.0.0.1:{self.sinks[1].port}",
            },
        }

    def start_load(self):
        self.runs += 1
        self.refusing = True
        for letter, stream in zip("mldrw", self.streams):
            stream.start(self.gateway.port, self.folder, f"{letter}{self.runs}")

    def stop_load(self):
        for stream in self.streams:
            stream.kill()

    def drain(self):
        self.refusing = False
        self.gateway.drain()

    def collect_mailboxes(self):
        for stream, domain in ((self.maildir, "mail.test"), (self.large, "large.test")):
            for path in (self.gateway.folder / "mail" / domain).glob("*/new/*"):
                stream.take(path.read_bytes().replace(b"\n", b"\r\n"), path.name)
                path.unlink()
            for path in (self.gateway.folder / "mail" / domain).glob("*/tmp/*"):
                path.unlink()  # of a writer that was killed: a mail reader never looks there

    def collect_discarded(self):
        """Discarded mail leaves a line in the log, with the queue id that the client was told."""
        ids = {event["id"] for event in self.gateway.new_events() if event["event"] == "delivered"}
        for mark, _, reply in self.discard.owed():
            if ids.intersection(reply.split()):
                self.discard.arrived[mark] += 1

    def audit(self, cuts, dead_us=None):
        """What is wrong, after draining, and the figures. dead_us: when the disk was gone for certain."""
        wrong, facts = [], collections.Counter()
        self.collect_mailboxes()
        self.collect_discarded()
        for stream in self.streams:
            owed = stream.owed()
            lost = [mark for mark, _, _ in owed if mark not in stream.arrived]
            late = [mark for mark, began_us, _ in owed if dead_us and began_us > dead_us]
            twice = sum(copies - 1 for copies in stream.arrived.values())
            facts.update(acknowledged=len(owed), arrived=len(stream.arrived), twice=twice)
            facts.update(lost=len(lost), torn=len(stream.torn))
            # A destination is a mailbox or a next hop; each has its own window of transactions.
            ours = stream in (self.maildir, self.large)
            under_way = cuts * (MAILBOXES * MAILBOX_WINDOW if ours else WINDOW)
            if lost:
                wrong.append(f"{stream.name}: {len(lost)} lost, such as {lost[:5]}")
            if stream.torn:
                wrong.append(f"{stream.name}: {len(stream.torn)} torn, such as {stream.torn[:3]}")
            if late:
                wrong.append(f"{stream.name}: {len(late)} begun after the cut and acknowledged, such as {late[:5]}")
            if twice > under_way:
                wrong.append(f"{stream.name}: {twice} came twice, and only {under_way} were under way")
            stream.forget()
        return wrong, dict(facts)

    def close(self):
        for stream in getattr(self, "streams", []):
            stream.kill()
        if self.gateway:
            self.gateway.end()
        for server in self.sinks:
            server.stop()
        if self.disk:
            self.disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(AssertionError):
            self.close()
