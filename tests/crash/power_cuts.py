#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts on a real file system: the gateway's disk goes away at a random moment under load, with all that was not
synced; it comes back, the gateway starts again, and every message that was acknowledged must be there."""

import collections
import shutil
import sys
import time

import lab

DISK = 1 << 30


def cut_once(world, rng):
    """Load, then darkness: the gateway stops in whatever it is at; or the disk alone goes, in the midst of its syncs,
    and it runs on and sees errors for a while. Returns the time at which the disk was gone for certain.
    """
    world.start_load()
    time.sleep(rng.uniform(0.05, 1.0))
    dark = rng.random() < 0.6
    if dark:
        world.gateway.freeze()
    world.disk.cut()
    dead_us = int(time.time() * 1e6)
    if not dark:
        time.sleep(rng.uniform(0.02, 0.3))
    world.gateway.kill()
    time.sleep(0.02)  # what was answered before is read
    world.stop_load()
    world.disk.power_up()
    return dead_us


def cycle(world, rng):
    """One cut, or a second one while the first is still being recovered from; then the audit."""
    cuts = 2 if rng.random() < 0.2 else 1
    for _ in range(cuts):
        dead_us = cut_once(world, rng)
        began = time.monotonic()
        world.gateway.start()
        recovered_s = time.monotonic() - began
    world.drain()
    wrong, facts = world.audit(cuts, dead_us)
    return wrong, {"cuts": cuts, "recovered_s": round(recovered_s, 2), **facts}


def cuts(count, rng, record):
    """The number of each audit, what it found wrong, and its figures."""
    totals = collections.Counter()
    with lab.Lab(DISK) as world:
        world.gateway.start()
        for number in range(1, count + 1):
            try:
                wrong, facts = cycle(world, rng)
            except AssertionError as problem:
                wrong, facts = [str(problem)], {}
            totals.update(facts)
            yield number, wrong, facts
            if wrong:
                shutil.copy(world.gateway.log_path, lab.RECORDS / "power_cuts.gateway.log")
            if not facts:  # it does not run any more
                break
    record.say("# in all: " + ", ".join(f"{key} {round(value, 2)}" for key, value in totals.items()))


def run(args, rng, record):
    if not args.mutant:
        for number, wrong, facts in cuts(args.count, rng, record):
            record.case(f"power cut {number}", wrong, **facts)
        return
    lab.system.PROGRAM = lab.build_mutant(args.mutant)
    for number, wrong, facts in cuts(args.count, rng, record):
        if wrong:
            record.case(f"without {args.mutant}, loss is noticed", [], cuts=number, noticed=wrong[0][:200])
            return
    record.case(f"without {args.mutant}, loss is noticed", [f"not within {args.count} cuts"])


if __name__ == "__main__":
    sys.exit(lab.main("power_cuts", __doc__, "audits (5)", 5, run, lab.mutant_option))
