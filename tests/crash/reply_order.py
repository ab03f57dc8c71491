#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The order of system calls under load: each 250 that names a queue id is sent after an fdatasync, begun behind the
write of that message's record and ended well, of the file that the record is in; and where that file was made in the
meantime, after an fsync of its directory too."""

import bisect
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import lab

SESSIONS = 64
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CALLS = "openat,pwrite64,pwritev,fdatasync,fsync,sendto"
CALL = re.compile(r"(?P<at>\d+\.\d+) (?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\d+).* <(?P<took>[\d.]+)>$")
SEGMENT = re.compile(rb"[0-9a-f]{16}")
REPLY = re.compile(rb"^250 2\.\d\.\d .*\b([0-9A-Za-z]{11})\b.*\r$", re.M)
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')

Call = collections.namedtuple("Call", "began ended name args result")


def octets_of(text):
    return bytes.fromhex(text.replace("\\x", ""))


def record_id(text):
    """A queue id as the spool's records have it."""
    number = 0
    for digit in text:
        number = number * len(DIGITS) + DIGITS.index(digit)
    return number.to_bytes(8, "little")


def read_calls(path):
    """One process's calls, in their order; times in microseconds."""
    for line in path.read_text(encoding="ascii").splitlines():
        match = CALL.match(line)
        if match:
            began = round(float(match["at"]) * 1e6)
            ended = began + round(float(match["took"]) * 1e6)
            yield Call(began, ended, match["name"], match["args"], int(match["result"]))


def names_journal(call):
    return any(octets_of(name).startswith((b"mail-", b"answers-", b"refused-")) for name in STRING.findall(call.args))


def opens_segment(call):
    return call.name == "openat" and any(SEGMENT.fullmatch(octets_of(name)) for name in STRING.findall(call.args))


class Spool:
    """When each stretch of a segment's writes was safe."""

    def __init__(self, calls):
        self.writes = []  # (call, octets)
        self.syncs = collections.defaultdict(list)  # descriptor -> good fdatasyncs
        self.dir_syncs = collections.defaultdict(list)
        self.made = collections.defaultdict(list)  # descriptor -> (when, the directory's descriptor)
        self.journal = set()  # descriptors: what is there has ids too, and is never synced
        for call in calls:
            self.take(call)

    def take(self, call):
        first = call.args.split(",")[0]
        if call.name == "openat":
            (self.journal.add if names_journal(call) else self.journal.discard)(str(call.result))
        if call.name in ("pwrite64", "pwritev") and first not in self.journal:
            octets = b"".join(octets_of(part) for part in STRING.findall(call.args))
            self.writes.append((call, octets))
        elif call.name == "fdatasync" and call.result == 0:
            self.syncs[first].append(call)
        elif call.name == "fsync" and call.result == 0:
            self.dir_syncs[first].append(call)
        elif call.name == "openat" and call.result >= 0 and "O_CREAT" in call.args:
            self.made[str(call.result)].append((call.ended, first))

    def find_writes(self, ids):
        """id -> the first write that holds it."""
        found = {}
        left = set(ids)
        for call, octets in self.writes:
            here = {id for id in left if id in octets}
            found.update(dict.fromkeys(here, call))
            left -= here
        return found

    @staticmethod
    def first_after(calls, at):
        place = bisect.bisect_left([call.began for call in calls], at)
        return calls[place] if place < len(calls) else None

    def safe_at(self, write):
        """When what this call wrote was on the disk, and known to be; None: never."""
        fd = write.args.split(",")[0]
        needed = [self.first_after(self.syncs[fd], write.ended)]
        births = [birth for birth in self.made[fd] if birth[0] <= write.began]
        if births:
            when, directory = births[-1]
            needed.append(self.first_after(self.dir_syncs[directory], when))
        return None if None in needed else max(call.ended for call in needed)


def replies_of(calls):
    """(queue id, when the reply was begun to be sent)"""
    for call in calls:
        if call.name == "sendto":
            for text in STRING.findall(call.args):
                for id in REPLY.findall(octets_of(text)):
                    yield id.decode(), call.began


def trace(folder, count):
    """A gateway under strace takes `count` messages. Returns each process's calls."""
    world = lab.Lab()
    with world:
        wrapper = folder / "gatepost"
        strace = f"strace -ff -ttt -T -xx -s 4000000 -e signal=none -e trace={CALLS} -o {folder}/trace"
        wrapper.write_text(f'#!/bin/sh\nexec {strace} {lab.system.PROGRAM} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        real, lab.system.PROGRAM = lab.system.PROGRAM, wrapper
        world.gateway.start()
        lab.system.PROGRAM = real
        argv = [real, "load", "-S", f"127.0.0.1:{world.gateway.port}", "--to", "user@discard.test", "--size", "500"]
        argv += ["-s", str(SESSIONS), "-n", str(count), "--quiet", "--per-connection", "4"]
        done = subprocess.run(argv, check=False, timeout=300)
        for supervisor in world.gateway.roles():  # strace's child; strace ends with the last of them
            os.kill(supervisor, signal.SIGTERM)
        world.gateway.process.wait(60)
        world.gateway.process = None
    if done.returncode != 0:
        raise RuntimeError(f"the load ended with {done.returncode}")
    return [list(read_calls(path)) for path in sorted(folder.glob("trace.*"))]


def judge(processes):
    [calls] = [calls for calls in processes if any(map(opens_segment, calls))]
    spool = Spool(calls)
    replies = {id: at for calls in processes for id, at in replies_of(calls)}
    writes = spool.find_writes({record_id(id) for id in replies})
    unwritten = uncovered = 0
    for id, at in replies.items():
        write = writes.get(record_id(id))
        safe = spool.safe_at(write) if write else None
        unwritten += write is None
        uncovered += write is not None and (safe is None or safe > at)
    syncs = sum(map(len, spool.syncs.values()))
    return len(replies), unwritten, uncovered, syncs


def run(args, _, record):
    if not shutil.which("strace"):
        raise lab.Unavailable("strace is not installed")
    if os.geteuid() != 0:
        raise lab.Unavailable("the roles may be traced by root only")
    if args.mutant:
        lab.system.PROGRAM = lab.build_mutant(args.mutant)
    with lab.tempfile.TemporaryDirectory(prefix="gatepost-trace-", dir="/var/tmp") as folder:
        count, unwritten, uncovered, syncs = judge(trace(pathlib.Path(folder), args.count))
    wrong = []
    if count != args.count:
        wrong.append(f"{count} replies of 250 seen for {args.count} messages")
    if unwritten or uncovered:
        wrong.append(f"{unwritten} replies without a record written, {uncovered} before its sync had ended")
    name = "each 250 follows the sync"
    if args.mutant:
        name = f"without {args.mutant}, replies are noticed that do not follow a sync"
        wrong = [] if uncovered else ["each looks covered"]
    record.case(name, wrong, replies=count, uncovered=unwritten + uncovered, syncs=syncs)


if __name__ == "__main__":
    sys.exit(
        lab.main("reply_order", __doc__, "messages (2000)", 2000, run, lab.mutant_option, mounts=False)
    )
