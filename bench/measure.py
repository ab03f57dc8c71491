# SPDX-License-Identifier: Apache-2.0
"""One measurement: a server, a workload, so many messages; and the tools that make the load."""

import collections
import importlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import accounting
import servers
from servers import verified

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("GATEPOST_BUILD") or ROOT / "build") / "gatepost"
SCRATCH = "/var/tmp"  # a real disk; /tmp may be memory, where syncing costs nothing
PATIENCE_S = 120
SETTLE_MS = 300  # the sink stays so long after the last message, for what comes twice
WARM_UP = 300  # messages, so that processes are there and caches full
WARM_UP_EACH = {"verify": 8}  # the same for a session; 2 where nothing is said. A filter's interpreter starts slowly
SLOWEST_PER_S = 20  # a server that takes longer for a message has forgotten one
SYNC_CALLS = ("fsync", "fdatasync", "sync_file_range", "syncfs", "sync")
FILE_CALLS = ("open", "openat", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat")

# tls: "" for none; "tlsin": load speaks it by STARTTLS, "tlsin-resumed": and resumes; "tlsout": the sink offers it,
# "tlsout-each": and takes one message a connection
Workload = collections.namedtuple("Workload", "mode size per_connection sessions tls", defaults=("",))


def workload_name(w):
    many = "many" if w.per_connection != 1 else "one"
    return f"{w.mode}-{w.size // 1024}k-{many}-{w.sessions}" + (w.tls and f"-{w.tls}")


def all_workloads():
    return [
        Workload(mode, size, per_connection, sessions)
        for mode in ("discard", "maildir", "relay")
        for size in (4096, 102400)
        for per_connection in (1, 0)
        for sessions in (50, 200)
    ] + [
        Workload(mode, 4096, 1, 50, tls)
        for mode, tls in (
            ("discard", "tlsin"),
            ("discard", "tlsin-resumed"),
            ("relay", "tlsin"),
            ("relay", "tlsout"),
            ("relay", "tlsout-each"),
        )
    ] + [Workload("verify", 4096, 1, sessions) for sessions in (50, 200)]


SINK_TLS = {
    "tlsout": ["--tls", "starttls"],
    "tlsout-each": ["--tls", "starttls", "--per-connection", 1],
}


def server_tls(w):
    """What the workload asks of the server: see servers/__init__.py."""
    return "out" if w.tls in SINK_TLS else "in" if w.tls else ""


def load_tls(w):
    return {"tlsin": ["--tls", "starttls"], "tlsin-resumed": ["--tls", "starttls", "--resume"]}.get(w.tls, [])


class Sink:
    """`gatepost sink` on a port of its own, for one run or until it is stopped."""

    def __init__(self, port, *options):
        self.process = subprocess.Popen(
            [PROGRAM, "sink", "--listen", f"127.0.0.1:{port}", "--json", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not servers.wait_for_greeting(port, lambda: self.process.poll() is None):
            raise RuntimeError("gatepost sink did not greet")

    def result(self, patience_s=PATIENCE_S):
        """Its summary, once it has ended; None when it took too long."""
        try:
            return json.loads(self.process.communicate(timeout=patience_s)[0])
        except subprocess.TimeoutExpired:
            self.stop()
            return None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.communicate()[0]


def start_load(port, w, count, run, message=None):
    """message: the file with what is sent; without it load makes it up."""
    to = "user%d@box.test" if w.mode == "maildir" else "user%d@sink.test"
    sender, helo = (verified.SENDER, verified.HELO) if w.mode == "verify" else ("load@load.test", "load.test")
    argv = [PROGRAM, "load", "--server", f"127.0.0.1:{port}", "-n", count, "-s", w.sessions, "--size", w.size]
    argv += ["--per-connection", w.per_connection, "--to", to, "--users", servers.USERS, "--run", run, "--json"]
    argv += ["--from", sender, "--helo", helo, *load_tls(w), *(["--message", message] if message else [])]
    return subprocess.Popen(
        [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )


def server_class(name):
    return importlib.import_module(f"servers.{name.replace('-', '_')}").Server


class Bench:
    """A running server with its sink's port and its account."""

    def __init__(self, name, mode, tls=""):
        self.group = accounting.account()
        self.scratch = tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=SCRATCH)
        os.chmod(self.scratch.name, 0o755)
        self.sink_port = servers.free_port()
        self.runs = 0
        self.server = server_class(name)(self.scratch.name, mode, self.sink_port, tls)
        verifies = mode == "verify"
        self.message = verified.write_message(self.scratch.name, 4096) if verifies else None
        self.resolver = verified.resolver() if verifies else None

    def __enter__(self):
        try:
            if self.resolver:
                self.resolver.start()
            with self.group.inside():
                self.server.start()
            if self.resolver:
                verified.check(self.server)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.server.stop()
        if self.resolver:
            self.resolver.stop()
        self.group.close()
        self.scratch.cleanup()

    def wait_until(self, done, watch=None):
        end = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > end:
                return False
            if watch:
                watch.look()
            time.sleep(0.05)
        return True

    def run(self, w, count):
        """Sends `count` messages and waits until all have arrived. Returns a row of figures."""
        self.runs += 1
        run = f"bench{self.runs}"
        sink = None
        if w.mode == "relay":
            options = ["--count", count, "--settle", SETTLE_MS, "--expect", f"{run}:{count}"]
            options += SINK_TLS.get(w.tls, [])
            sink = Sink(self.sink_port, *map(str, options))
        watch = accounting.MemoryWatch(self.group)
        before = servers.count_mailboxes(self.server.mailboxes) if w.mode == "maildir" else 0
        cpu_s = self.group.cpu_s()
        load = start_load(self.server.port, w, count, run, self.message)
        end = time.monotonic() + PATIENCE_S + count / SLOWEST_PER_S
        try:
            while load.poll() is None:
                if time.monotonic() > end:
                    raise RuntimeError("load waits for an answer that does not come")
                watch.look()
                time.sleep(0.02)
        finally:
            load.kill()  # one that has ended hears nothing
        sent = json.loads(load.communicate()[0])
        row = {"messages": count, "accepted": sent["accepted"], "load_cpu_s": sent["cpu_s"]}
        note_handshakes(row, sent, count)
        self.wait_for_delivery(w, sent, sink, before, watch, row)
        self.wait_until(lambda: self.server.pending() == 0, watch)
        watch.look(now=True)
        row["cpu_s"] = self.group.cpu_s() - cpu_s
        row["cpu_s_per_1000"] = row["cpu_s"] / count * 1000
        row["accepted_per_s"] = sent["rate"]
        row["accept_p50_ms"] = sent["latency_ms"]["message"]["p50"]
        row["accept_p99_ms"] = sent["latency_ms"]["message"]["p99"]
        row["peak_pss_mib"] = watch.peak_mib
        row["processes"] = watch.processes
        row["good"] = row["delivered"] == count and sent["accepted"] == count and row.get("exact", True)
        row["good"] &= (row["handshakes"] > 0) == (w.tls != "")
        return row

    def wait_for_delivery(self, w, sent, sink, before, watch, row):
        count = sent["asked"]
        if sink:
            # The wait must not outlive a load that failed: what was not accepted does not arrive.
            got = sink.result(PATIENCE_S if sent["accepted"] == count else 10) or {"messages": 0, "last": time.time()}
            row["delivered"] = got["messages"]
            note_handshakes(row, got, count)
            row["exact"] = all(r["missing"] == 0 and r["doubled"] == 0 for r in got.get("runs", []))
            row["arrival_p50_ms"] = got.get("latency_ms", {}).get("p50")
            row["arrival_p99_ms"] = got.get("latency_ms", {}).get("p99")
            end = got["last"]
        elif w.mode == "maildir":
            self.wait_until(lambda: servers.count_mailboxes(self.server.mailboxes) - before >= sent["accepted"], watch)
            end = time.time()
            row["delivered"] = servers.count_mailboxes(self.server.mailboxes) - before
        else:
            good = self.wait_until(lambda: self.server.pending() == 0, watch)
            end = time.time()
            row["delivered"] = sent["accepted"] if good else 0
        row["seconds"] = max(end, sent["end"]) - sent["start"]
        row["per_s"] = row["delivered"] / row["seconds"]


def note_handshakes(row, said, count):
    """Those that load or sink counted, by message; the other one's stay."""
    tls = said.get("tls", {"handshakes": 0, "resumed": 0})
    row["handshakes"] = row.get("handshakes", 0) + tls["handshakes"] / count
    row["resumed"] = row.get("resumed", 0) + tls["resumed"] / count


def warm_and_size(bench, w, seconds, count_max):
    """Two runs that count for nothing; the number of messages that takes about so many seconds."""
    count = max(WARM_UP, WARM_UP_EACH.get(w.mode, 2) * w.sessions)
    first = bench.run(w, count)
    count = int(min(3000, max(count, first["per_s"])))
    second = bench.run(w, count)
    return int(min(count_max, max(count, second["per_s"] * seconds)))


def measure(name, w, seconds, count_max):
    with Bench(name, w.mode, server_tls(w)) as bench:
        count = warm_and_size(bench, w, seconds, count_max)
        return bench.run(w, count)


def parse_strace(text, count):
    """Calls a message, from the table of strace -c."""
    calls = {}
    for line in text.splitlines():
        found = re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*", line)
        if found and found[2] != "total":
            calls[found[2]] = int(found[1]) / count
    return calls


def count_calls(name, w, count):
    """Calls that make data durable, and those that change folders, a message; strace slows all else."""
    with Bench(name, w.mode, server_tls(w)) as bench:
        bench.run(w, WARM_UP)
        out = pathlib.Path(bench.scratch.name) / "strace"
        argv = ["strace", "-f", "-qq", "-c", "-o", out, "-e", "trace=" + ",".join(SYNC_CALLS + FILE_CALLS)]
        for pid in bench.group.pids():
            argv += ["-p", str(pid)]
        tracer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        bench.run(w, count)
        time.sleep(0.5)
        tracer.send_signal(2)
        tracer.wait(20)
        calls = parse_strace(out.read_text(encoding="utf-8"), count)
        return {
            "sync": sum(calls.get(call, 0) for call in SYNC_CALLS),
            "calls": {call: round(n, 3) for call, n in sorted(calls.items())},
        }


def idle_memory(name, connections, tls=""):
    """Memory that an idle connection costs: PSS with so many held, less PSS with one, by connection."""
    w = Workload("discard", 4096, 1, 20, tls)
    with Bench(name, "idle", server_tls(w)) as bench:
        bench.run(w, WARM_UP)
        time.sleep(0.5)
        empty = accounting.pss_mib(bench.group.pids())
        argv = [PROGRAM, "load", "--server", f"127.0.0.1:{bench.server.port}", "--idle", str(connections), "--json"]
        load = subprocess.Popen(
            [*argv, *load_tls(w)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        held = json.loads(load.stdout.readline())["idle"]
        time.sleep(1)
        full = accounting.pss_mib(bench.group.pids())
        load.terminate()
        load.wait()
        return {
            "held": held,
            "asked": connections,
            "empty_mib": empty,
            "full_mib": full,
            "kib_per_connection": (full - empty) * 1024 / max(held, 1),
        }


def ceiling(w, count):
    """What load and sink reach with nothing between them."""
    port = servers.free_port()
    sink = Sink(port, "--count", str(count), *(["--tls", "starttls"] if w.tls else []))
    load = start_load(port, w._replace(mode="relay"), count, "ceiling")
    sent = json.loads(load.communicate()[0])
    got = sink.result()
    return {
        "per_s": sent["rate"],
        "load_cpu_s_per_1000": sent["cpu_s"] / count * 1000,
        "sink_cpu_s_per_1000": got["cpu_s"] / count * 1000,
        "p50_ms": sent["latency_ms"]["message"]["p50"],
        "p99_ms": sent["latency_ms"]["message"]["p99"],
    }


def shake_hands(bench, seconds, *options):
    """Connections with STARTTLS and no mail, from 200 sessions: how many a second, and the server's CPU for one."""
    argv = [PROGRAM, "load", "--server", f"127.0.0.1:{bench.server.port}", "--no-mail", "--sessions", "200", "--json"]
    argv += ["--count", "1000000", "--time", str(seconds), "--tls", "starttls", *options]
    cpu_s = bench.group.cpu_s()
    done = json.loads(subprocess.run(argv, capture_output=True, text=True, check=False).stdout)
    count = max(done["tls"]["handshakes"], 1)
    return {
        "per_s": done["tls"]["rate"],
        "cpu_ms": (bench.group.cpu_s() - cpu_s) / count * 1000,
        "load_cpu_ms": done["cpu_s"] / count * 1000,
        "resumed": done["tls"]["resumed"] / count,
    }


def s_time(port, seconds, kind):
    """`openssl s_time`, one connection after the other; None where it failed."""
    argv = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-time", str(max(1, round(seconds))), kind]
    begun = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"^(\d+) connections in \d+ real seconds", done.stdout, re.MULTILINE)
    return int(found[1]) / (time.monotonic() - begun) if found and done.returncode == 0 else None


def handshakes(name, seconds, tls="in"):
    with Bench(name, "idle", tls) as bench:
        shake_hands(bench, 1)
        return {
            "full": shake_hands(bench, seconds),
            "resumed": shake_hands(bench, seconds, "--resume"),
            "s_time_new": s_time(bench.server.tls_port, seconds, "-new"),
            "s_time_reuse": s_time(bench.server.tls_port, seconds, "-reuse"),
        }


def parse_speed(text):
    """Operations a second of one core, from the tables of `openssl speed rsa2048 ecdsap256 ecdhx25519`."""
    rsa = re.search(r"rsa 2048 bits\s+\S+s\s+\S+s\s+([\d.]+)\s+([\d.]+)", text)
    sign = re.search(r"ecdsa \(nistp256\)\s+\S+s\s+\S+s\s+([\d.]+)\s+([\d.]+)", text)
    exchange = re.search(r"ecdh \(X25519\)\s+\S+s\s+([\d.]+)", text)
    return {
        "sign": float(sign[1]),
        "verify": float(sign[2]),
        "exchange": float(exchange[1]),
        "rsa_sign": float(rsa[1]),
        "rsa_verify": float(rsa[2]),
    }


def crypto_limit():
    argv = ["openssl", "speed", "-seconds", "1", "rsa2048", "ecdsap256", "ecdhx25519"]
    return parse_speed(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def settings_of(name):
    """What the server says of itself, without starting it."""
    with tempfile.TemporaryDirectory() as work:
        return server_class(name)(work, server_class(name).modes[0], 0).settings()
