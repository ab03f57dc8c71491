#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of one role after the other, and of the supervisor, at random moments under load: nothing that was
acknowledged is lost, nothing is torn, and it works again within a second and one for each gigabyte of spool."""

import contextlib
import os
import shutil
import signal
import smtplib
import subprocess
import sys
import time

import lab

RECOVERED_S = 1.0
TRIES = 3
# The supervisor waits a little longer before each start of a role that keeps dying, so each life of the gateway has
# one kill of each role.


def accepts(gateway):
    """A transaction up to the recipient, which needs smtpd and spool; the message is not sent."""
    with contextlib.suppress(OSError, smtplib.SMTPException):
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=2) as client:
            client.ehlo("probe.test")
            return client.mail("probe@example.com")[0] == 250 and client.rcpt("user0@discard.test")[0] == 250
    return False


def kill_role(gateway, role, rng):
    victim = rng.choice(lab.system.eventually(lambda: gateway.pids(role), what=f"a {role} to kill"))
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    lab.system.eventually(
        lambda: victim not in gateway.roles() and gateway.pids(role) and accepts(gateway), what=f"a new {role}"
    )
    return time.monotonic() - began


def kill_supervisor(gateway):
    """Its roles must end by themselves: nobody else would."""
    roles = gateway.roles()
    gateway.process.kill()
    gateway.process.wait()
    lab.system.eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in roles), what="the roles' end")
    began = time.monotonic()
    gateway.start()
    return time.monotonic() - began


def kill_once(world, role, rng):
    world.start_load()
    time.sleep(rng.uniform(0.1, 0.6))
    if role == "supervisor":
        took_s = kill_supervisor(world.gateway)
    else:
        took_s = kill_role(world.gateway, role, rng)
    world.stop_load()
    world.drain()
    wrong, facts = world.audit(1)
    return wrong, {"recovered_s": round(took_s, 2), **facts}


def kill(world, role, rng):
    """Once; and where that took long, in the gateway's next lives again: what is slow is slow each time, and a machine
    is busy with something else for a while."""
    for _ in range(TRIES):
        wrong, facts = kill_once(world, role, rng)
        if wrong or facts["recovered_s"] <= RECOVERED_S:
            return wrong, facts
        world.gateway.kill()
        world.gateway.start()
    return [f"it took more than {RECOVERED_S} s to work again, {TRIES} times"], facts


def life(world, number, roles, rng, record):
    world.gateway.start()
    for role in rng.sample(roles, len(roles)):
        name = f"kill {role} {number}"
        try:
            wrong, facts = kill(world, role, rng)
        except (AssertionError, subprocess.TimeoutExpired) as problem:
            record.case(name, [str(problem)])
            return False
        record.case(name, wrong, **facts)
    world.gateway.kill()
    return True


def run(args, rng, record):
    with lab.Lab() as world:
        for number in range(1, args.count + 1):
            if not life(world, number, args.role or lab.ROLES, rng, record):
                break
        if record.failed:
            shutil.copy(world.gateway.log_path, lab.RECORDS / "kills.gateway.log")


def role_option(parser):
    parser.add_argument("--role", action="append", choices=lab.ROLES, help="only this one; may be given again")


if __name__ == "__main__":
    sys.exit(lab.main("kills", __doc__, "kills of each role (3)", 3, run, role_option, mounts=False))
