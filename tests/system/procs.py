# SPDX-License-Identifier: Apache-2.0
"""What a process does, as the kernel counts it: unlike a clock's, these figures do not depend on what else runs."""

import time


def cpu_s(pid):
    """The seconds that it has run."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as runs:
        return int(runs.read().split()[0]) / 1e9


def times_run(pid):
    """How often it was given a processor; None: it wants one, or waits for the disk."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat, open(f"/proc/{pid}/schedstat", encoding="ascii") as runs:
        waits = stat.read().rpartition(") ")[2][0] == "S"
        return int(runs.read().split()[2]) if waits else None


def are_idle(pids, pause_s):
    """Whether all of them wait for events all through a pause: what they were told has been done, and told on."""
    before = [times_run(pid) for pid in pids]
    if None in before:
        return False
    time.sleep(pause_s)
    return before == [times_run(pid) for pid in pids]
