#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that stands still for longer than a role may hang, under load: nobody is killed for it, and when the disk goes
on so does everything else."""

import fcntl
import os
import sys
import time

import lab

DISK = 1 << 30
STILL_S = 45  # PING_MS times SILENT_MAX of the supervisor, and more
FREEZE, THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW


def tell(disk, what):
    fd = os.open(disk.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(fd, what, 0)
    finally:
        os.close(fd)


def stand_still(world):
    """The states of spool's process meanwhile."""
    spool = world.gateway.pid_of("spool")
    tell(world.disk, FREEZE)
    try:
        end = time.monotonic() + STILL_S
        states = set()
        while time.monotonic() < end:
            time.sleep(1)
            states.add(lab.state_of(spool))
        return states
    finally:
        tell(world.disk, THAW)


def round_of(world, record):
    roles = world.gateway.roles()
    world.start_load()
    time.sleep(2)
    states = stand_still(world)
    wrong = [] if "D" in states else [f"it was in {states}"]
    record.case("spool waits for the disk", wrong, states="".join(sorted(states)))
    time.sleep(2)
    world.stop_load()
    world.drain()
    now = world.gateway.roles()
    record.case("no role is taken for hanging", [] if now == roles else [f"{roles} became {now}"])
    wrong, facts = world.audit(1)
    record.case("all that was acknowledged has arrived", wrong, **facts)


def run(args, _, record):
    with lab.Lab(DISK) as world:
        try:
            world.gateway.start()
            lab.system.eventually(world.gateway.all_are_ready, what="every role")
            for number in range(1, args.count + 1):
                record.say(f"# round {number}")
                round_of(world, record)
        except AssertionError as problem:
            record.case("a frozen disk", [str(problem)])
        if record.failed:
            lab.shutil.copy(world.gateway.log_path, lab.RECORDS / "frozen_disk.gateway.log")


if __name__ == "__main__":
    sys.exit(lab.main("frozen_disk", __doc__, "rounds (1)", 1, run))
