# SPDX-License-Identifier: Apache-2.0
"""What a server costs: CPU seconds and memory of all its processes, dead children included."""

import contextlib
import os
import pathlib
import signal
import time

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cgroup_home():
    """Where a control group of ours can be made: version 2, or version 1's accounting; None: nowhere."""
    for home in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpuacct"):
        path = pathlib.Path(home)
        marker = "cpuacct.usage" if home.endswith("cpuacct") else "cgroup.controllers"
        if (path / marker).exists() and os.access(path, os.W_OK):
            return path
    return None


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name, or None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


class Tree:
    """The processes below this one that were started inside `with tree.inside():`, by /proc alone.

    CPU counts what dead children spent, as their parents waited for them; it is exact to a tick a process.
    """

    def __init__(self):
        self.roots = set()

    @contextlib.contextmanager
    def inside(self):
        before = set(self.children_of().get(os.getpid(), ()))
        yield
        self.roots |= set(self.children_of().get(os.getpid(), ())) - before

    @staticmethod
    def children_of():
        children = {}
        for name in os.listdir("/proc"):
            fields = stat_fields(name) if name.isdigit() else None
            if fields:
                children.setdefault(int(fields[1]), []).append(int(name))
        return children

    def pids(self):
        children = self.children_of()
        found, todo = [], list(self.roots)
        while todo:
            pid = todo.pop()
            if stat_fields(pid):
                found.append(pid)
            todo += children.get(pid, ())
        return found

    def cpu_s(self):
        ticks = 0
        for pid in self.pids():
            fields = stat_fields(pid)
            ticks += sum(int(field) for field in fields[11:15]) if fields else 0
        return ticks / TICKS_A_SECOND

    def close(self):
        self.roots.clear()


class Cgroup:
    """The same by a control group, which is exact and misses nobody."""

    def __init__(self, home):
        self.home = home
        self.path = home / f"gatepost-bench-{os.getpid()}"
        self.path.mkdir(exist_ok=True)

    @contextlib.contextmanager
    def inside(self):
        before = self.own_group()
        self.enter(self.path)
        try:
            yield
        finally:
            self.enter(before)

    def own_group(self):
        """The folder of the group that this process is in now."""
        want = "cpuacct" if self.home.name == "cpuacct" else ""
        for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if want == controllers or (want and want in controllers.split(",")):
                return self.home / path.lstrip("/")
        return self.home

    @staticmethod
    def enter(path):
        (path / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def pids(self):
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text(encoding="ascii").split()]

    def cpu_s(self):
        if self.home.name == "cpuacct":
            return int((self.path / "cpuacct.usage").read_text(encoding="ascii")) / 1e9
        for line in (self.path / "cpu.stat").read_text(encoding="ascii").splitlines():
            if line.startswith("usage_usec"):
                return int(line.split()[1]) / 1e6
        return 0.0

    def close(self):
        """Ends what is left in the group, which is only what was started in it."""
        for sent, patience_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            end = time.monotonic() + patience_s
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sent)
            while self.pids() and time.monotonic() < end:
                time.sleep(0.05)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def account():
    home = cgroup_home()
    return Cgroup(home) if home else Tree()


def pss_mib(pids):
    """Memory with shared pages divided among those who share them."""
    kib = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    kib += int(line.split()[1])
                    break
    return kib / 1024


class MemoryWatch:
    """The peak of the sum of PSS, looked at once a second: more often would cost what it measures."""

    INTERVAL_S = 1.0

    def __init__(self, group):
        self.group = group
        self.peak_mib = 0.0
        self.processes = 0
        self.next = 0.0

    def look(self, now=False):
        if not now and time.monotonic() < self.next:
            return
        pids = self.group.pids()
        self.processes = max(self.processes, len(pids))
        self.peak_mib = max(self.peak_mib, pss_mib(pids))
        self.next = time.monotonic() + self.INTERVAL_S
