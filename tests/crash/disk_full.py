#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk without space: new mail is refused with 452 4.3.1 at MAIL, what is queued goes on its way, nothing restarts,
and mail is taken again within five seconds of space coming back."""

import json
import os
import smtplib
import subprocess
import sys
import time

import lab

DISK = 300 << 20  # a segment, its reserve, and some room
LEFT = 1 << 20
SESSIONS = 50
BACK_S = 5.0


def mail_answer(gateway):
    with smtplib.SMTP("127.0.0.1", gateway.port, timeout=10) as client:
        client.ehlo("client.example.com")
        code, text = client.mail("me@example.com")
        return f"{code} {text.decode()}"


def fill(world):
    """Leaves less than the spool needs for a new segment."""
    filler = world.disk.path / "filler"
    with filler.open("wb") as file:
        size = 0
        for piece in (1 << 24, 1 << 20, 1 << 16):
            while True:
                try:
                    os.posix_fallocate(file.fileno(), size, piece)
                except OSError:
                    break
                size += piece
        os.ftruncate(file.fileno(), max(0, size - LEFT))
    return filler


def use_up_segment(world):
    """A segment has its space from the start: it takes mail until it is written to its end."""
    argv = [lab.system.PROGRAM, "load", "-S", f"127.0.0.1:{world.gateway.port}", "--to", "user0@discard.test"]
    argv += ["-n", "1500", "-s", "8", "--size", "60000", "--json"]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60, check=False)
    return json.loads(done.stdout)["first_refusal"]


def refused_at_mail(world, record):
    lab.system.eventually(lambda: mail_answer(world.gateway).startswith("452 4.3.1"), 20, "452 4.3.1 at MAIL")
    answers = [mail_answer(world.gateway) for _ in range(SESSIONS)]
    others = [answer for answer in answers if not answer.startswith("452 4.3.1")]
    record.case("MAIL is answered 452 4.3.1", others[:1], sessions=SESSIONS, otherwise=len(others))


def waiting_for_relay(world):
    found = [world.gateway.queue("list", "--json", "--domain", name) for name in ("relay.test", "later.test")]
    return sum(len(text.splitlines()) for text in found)


def queue_drains(world, record):
    """What goes to other hosts; the mailboxes are on the full disk, too, and must wait."""
    waiting = waiting_for_relay(world)
    world.refusing = False
    began = time.monotonic()

    def gone():
        world.gateway.run("queue", "retry", "--all")
        return waiting_for_relay(world) == 0

    lab.system.eventually(gone, lab.DRAIN_S, "an empty queue")
    took_s = round(time.monotonic() - began, 2)
    record.case("the queue drains on a full disk", [] if waiting else ["it was empty"], waiting=waiting, took_s=took_s)


def accepts_again(world, filler, record):
    filler.unlink()
    began = time.monotonic()
    lab.system.eventually(lambda: mail_answer(world.gateway).startswith("250"), 20, "250 at MAIL")
    took_s = time.monotonic() - began
    wrong = [f"it took {took_s:.1f} s"] if took_s > BACK_S else []
    record.case("mail is taken again when space is back", wrong, took_s=round(took_s, 2))
    world.drain()
    wrong, facts = world.audit(1)
    record.case("all that was acknowledged has arrived", wrong, **facts)


def run(args, _, record):
    with lab.Lab(DISK) as world:
        try:
            world.gateway.start()
            lab.system.eventually(world.gateway.all_are_ready, what="every role")
            roles = world.gateway.roles()
            for number in range(1, args.count + 1):
                record.say(f"# round {number}")
                world.start_load()
                time.sleep(1)
                filler = fill(world)
                refusal = use_up_segment(world)  # the other load runs on into the full disk
                world.stop_load()
                record.say(f"# the first refusal: {refusal}")
                refused_at_mail(world, record)
                queue_drains(world, record)
                accepts_again(world, filler, record)
            now = world.gateway.roles()
            record.case("no role was started again", [] if now == roles else [f"{roles} became {now}"])
        except AssertionError as problem:
            record.case("a full disk", [str(problem)])
        if record.failed:
            lab.shutil.copy(world.gateway.log_path, lab.RECORDS / "disk_full.gateway.log")


if __name__ == "__main__":
    sys.exit(lab.main("disk_full", __doc__, "rounds (1)", 1, run))
