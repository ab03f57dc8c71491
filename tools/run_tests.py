# SPDX-License-Identifier: Apache-2.0
"""Runs the stages of ./test, prints a line for each, and their sum at the end.

Each stage writes all that it has to say to build/test-logs/STAGE.log; the end of that file is shown when the stage
fails. A stage that dies counts as one failure, so that nothing is lost in silence.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"
PYTHON = "/usr/bin/python3"
CI = os.environ.get("CI") == "true"
JOBS = str(os.cpu_count() or 1)
SYSTEM_JOBS = 4 * int(JOBS)  # files of system tests beside each other: they wait far more than they work
# Those that wait longest begin first, so that nothing is left to wait for at the end; the others by their size.
SYSTEM_LONG = (
    "test_reports",
    "test_tls",
    "test_scan",
    "test_scan_survey",
    "test_failure_reports",
    "test_mail_signing",
    "test_hanging_roles",
    "test_dmarc_reports",
    "test_tls_reports",
    "test_tls_floods",
    "test_names_in_background",
    "test_reports_postgresql",
    "test_relay",
)
SYSTEM_FILE_MAX_S = 600
DISK_MIN = 8 << 30  # octets: builds with sanitizers, and a spool for each of the system tests beside each other
FUZZ_SECONDS = 3
ALONE_MAX = 20  # failed system tests that are run once more,
ALONE_MAX_S = 240  # and for how long in all
LOG_TAIL_LINES = 40

BUILDS = {
    "build": {"CC": "gcc", "options": []},
    # The fuzz targets are in it too: the coverage that they are steered by costs less than building all once more.
    "build-asan": {
        "CC": "clang-14",
        "options": ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
    },
}
FUZZ_ENV = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


def run_into(log, argv, env=None, timeout_s=600):
    """Runs a command with its output in an open file; returns its exit code."""
    print("$ " + " ".join(map(str, argv)), file=log, flush=True)
    try:
        return subprocess.run(
            argv,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped: it took more than {timeout_s} seconds", file=log, flush=True)
        return 124


class Stage:
    """One stage's log and its counts of passed, failed and skipped tests."""

    def __init__(self, name):
        self.name = name
        self.passed = self.failed = self.skipped = 0
        LOGS.mkdir(parents=True, exist_ok=True)
        self.path = LOGS / f"{name}.log"
        self.log = self.path.open("w", encoding="utf-8", errors="replace")

    def say(self, text):
        print(text, file=self.log, flush=True)

    def take(self, path):
        """Another file's text into the log."""
        self.say(path.read_text(encoding="utf-8", errors="replace"))

    def run(self, argv, env=None, timeout_s=600):
        """Runs a command with its output in the log; returns its exit code."""
        return run_into(self.log, argv, env, timeout_s)

    def count(self, passed):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
        return passed

    def check(self, argv, env=None, timeout_s=600):
        """Runs a command that is one test in itself."""
        return self.count(self.run(argv, env, timeout_s) == 0)


def build(stage, folder):
    """Configures a build folder where there is none, and builds it. False when that failed."""
    spec = BUILDS[folder]
    if not (ROOT / folder / "build.ninja").exists():
        options = spec["options"] + (["-Dwerror=true"] if CI else [])
        if stage.run(["meson", "setup", folder, *options], env={"CC": spec["CC"]}) != 0:
            return False
    return stage.run(["ninja", "-C", folder, "-j", JOBS, "--quiet"], timeout_s=900) == 0


CMOCKA_COUNT = re.compile(r"\[\s+(PASSED|FAILED|SKIPPED)\s*\]\s+(\d+) test")


def count_meson_results(stage, folder):
    """Adds up cmocka's own counts; an executable that printed none counts as one test."""
    path = ROOT / folder / "meson-logs" / "testlog.json"
    results = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for result in results:
        counts = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
        for word, number in CMOCKA_COUNT.findall(result.get("stdout", "") + result.get("stderr", "")):
            counts[word] += int(number)
        good = result["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
        if good and sum(counts.values()) == 0:
            counts["SKIPPED" if result["result"] == "SKIP" else "PASSED"] = 1
        if not good:
            counts["FAILED"] = max(1, counts["FAILED"])
            stage.say(f"failed: {result['name']}\n{result.get('stdout', '')}{result.get('stderr', '')}")
        stage.passed += counts["PASSED"]
        stage.failed += counts["FAILED"]
        stage.skipped += counts["SKIPPED"]


def meson_test(stage, folder):
    if not build(stage, folder):
        stage.failed += 1
        return
    log = ROOT / folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    code = stage.run(["meson", "test", "-C", folder, "--no-rebuild", "--num-processes", JOBS])
    if log.exists():
        count_meson_results(stage, folder)
    if code != 0 and stage.failed == 0:
        stage.failed += 1


def count_lines(stage, argv, timeout_s=600):
    """Runs a command that prints a line for each test: ok, not ok or skip, and what it was."""
    start = stage.path.stat().st_size
    failed_before = stage.failed
    code = stage.run(argv, {"PYTHONDONTWRITEBYTECODE": "1"}, timeout_s)
    for line in stage.path.read_bytes()[start:].decode(errors="replace").splitlines():
        if line.startswith("ok "):
            stage.passed += 1
        elif line.startswith("not ok "):
            stage.failed += 1
        elif line.startswith("skip "):
            stage.skipped += 1
    if code != 0 and stage.failed == failed_before:
        stage.failed += 1


def stage_check(stage):
    """the rules that a machine can check: format, layers, words, sizes, references"""
    count_lines(stage, [PYTHON, "tools/check"])
    stage.check([PYTHON, "tests/guards/run.py", "-l"])  # each guard's lines are where its table says


def stage_build(stage):
    """gcc builds everything, and the executables are hardened"""
    if stage.count(build(stage, "build")):
        stage.check([PYTHON, "tools/check_elf.py", "build"])


def stage_unit(stage):
    """unit and dialogue tests, under the address and undefined-behaviour sanitizers"""
    meson_test(stage, "build-asan")


def stage_release(stage):
    """the same tests in the optimised build that ships"""
    meson_test(stage, "build")


def fuzz_target(target):
    """The seeds alone must pass; then a short search that starts from them: always the same one in a test that has to
    tell what a change did, a new one each time where FUZZ_SECONDS asks for a search. Returns its log and exit code."""
    seconds = int(os.environ.get("FUZZ_SECONDS", FUZZ_SECONDS))
    folders = [ROOT / "fuzz" / "corpus" / target, ROOT / "build-asan" / "src" / "ipc" / f"{target}.seeds"]
    dictionary = ROOT / "fuzz" / f"{target}.dict"
    path = LOGS / "fuzz" / f"{target}.log"
    with tempfile.TemporaryDirectory(prefix="gatepost-fuzz-") as scratch, path.open("w", encoding="utf-8") as log:
        argv = [str(ROOT / "build-asan" / "fuzz" / target), "-timeout=10", "-rss_limit_mb=1024"]
        argv += [f"-artifact_prefix={LOGS}/fuzz/{target}-"]
        if dictionary.exists():
            argv.append(f"-dict={dictionary}")
        if "FUZZ_SECONDS" not in os.environ:
            argv.append("-seed=1")
        argv += [f"-max_total_time={max(1, seconds - 1)}", scratch]  # it ends in the second after these
        argv += [str(seeds) for seeds in folders if seeds.is_dir()]
        return path, run_into(log, argv, FUZZ_ENV, seconds + 120)


def stage_fuzz(stage):
    """each fuzz target over its seeds, and a few seconds further"""
    if not build(stage, "build-asan"):
        stage.failed += 1
        return
    (LOGS / "fuzz").mkdir(exist_ok=True)
    targets = sorted(path.stem for path in (ROOT / "fuzz").glob("*.c"))
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        for log, code in pool.map(fuzz_target, targets):
            if not stage.count(code == 0):
                stage.take(log)


def has_networks():
    """Whether a process may have a network of its own here."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run(in_own_network(["true"]), capture_output=True, check=False).returncode == 0


def in_own_network(argv):
    """Nothing but loopback, and all ports free: files can run beside each other, and beside whatever runs here."""
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *map(str, argv)]


class SystemFile:
    """The run of one file of system tests."""

    def __init__(self, path, enter):
        self.path, self.enter = path, enter
        self.log = LOGS / "system" / f"{path.stem}.log"
        self.report = self.log.with_suffix(".xml")

    def run(self):
        argv = [PYTHON, "-m", "pytest", "-ra", f"--junit-xml={self.report}", "-p", "no:cacheprovider", self.path]
        started = time.monotonic()
        with self.log.open("w", encoding="utf-8") as log:
            self.code = run_into(log, self.enter(argv), {"PYTHONDONTWRITEBYTECODE": "1"}, SYSTEM_FILE_MAX_S)
        self.took_s = time.monotonic() - started
        return self

    def failed_names(self):
        """As pytest takes them."""
        cases = xml.etree.ElementTree.parse(self.report).getroot().iter("testcase")
        bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
        return sorted({f"{case.get('classname').replace('.', '/')}.py::{case.get('name')}" for case in bad})

    def count(self, stage):
        """Adds it to the stage; returns the names of failed tests."""
        stage.say(f"--- {self.path.relative_to(ROOT)}: {self.took_s:.0f} s")
        stage.take(self.log)
        names = []
        if self.report.exists():
            names = self.failed_names()
            for suite in xml.etree.ElementTree.parse(self.report).getroot().iter("testsuite"):
                skipped = int(suite.get("skipped", 0))
                stage.skipped += skipped
                stage.passed += int(suite.get("tests", 0)) - skipped - len(names)
        stage.failed += len(names)
        # A code of 1 is what those names are about.
        if self.code not in (0, 5) and not (self.code == 1 and names):
            stage.failed += 1
        return names


def try_alone(stage, names, enter):
    """Whole systems have deadlines, and a loaded machine misses some: what failed is run once more by itself. What
    passes then is named, so that somebody looks at it; what fails has failed."""
    end = time.monotonic() + ALONE_MAX_S
    for name in names[:ALONE_MAX]:
        argv = [PYTHON, "-m", "pytest", "-ra", "-p", "no:cacheprovider", name]
        left_s = end - time.monotonic()
        if left_s > 0 and stage.run(enter(argv), {"PYTHONDONTWRITEBYTECODE": "1"}, left_s) == 0:
            stage.failed -= 1
            stage.passed += 1
            stage.say(f"passed alone only: {name}")
            print(f"{stage.name:10} passed alone only: {name}", flush=True)


def stage_system(stage):
    """whole processes: gatepost beside real mail servers and clients"""
    if not build(stage, "build"):
        stage.failed += 1
        return
    for servers in ("peers", "dnsrig", "knotrig", "pgrig"):  # they are downloaded, which an own network cannot
        stage.run([PYTHON, f"tests/system/{servers}.py"])
    shutil.rmtree(LOGS / "system", ignore_errors=True)
    (LOGS / "system").mkdir()
    networks = has_networks()
    enter = in_own_network if networks else list
    files = sorted(
        (ROOT / "tests/system").glob("test_*.py"),
        key=lambda path: (path.stem not in SYSTEM_LONG, -path.stat().st_size),
    )
    with concurrent.futures.ThreadPoolExecutor(SYSTEM_JOBS if networks else 1) as pool:
        done = list(pool.map(SystemFile.run, [SystemFile(path, enter) for path in files]))
    names = [name for file in sorted(done, key=lambda file: file.path) for name in file.count(stage)]
    try_alone(stage, names, enter)


def crash_scripts(stage, runs):
    """Each script of the crash laboratory, and how often."""
    if not build(stage, "build"):
        stage.failed += 1
        return
    for script, *arguments in runs:
        count_lines(stage, [PYTHON, f"tests/crash/{script}.py", *arguments], 7200)


def stage_crash(stage):
    """power cuts of a real disk, kill -9 of each role, a full disk, sync before 250: the short form"""
    crash_scripts(stage, [("power_cuts", "5"), ("kills", "1"), ("reply_order", "500"), ("disk_full", "1")])


def stage_crash_long(stage):
    """the same for long, mutants that must be caught, and the simulated disk's long form (make crash-test)"""
    crash_scripts(
        stage,
        [
            ("power_cuts", "200"),
            ("power_cuts", "20", "--mutant", "fdatasync"),
            ("power_cuts", "20", "--mutant", "fsync"),
            ("kills", "50"),
            ("reply_order", "10000"),
            ("reply_order", "500", "--mutant", "fdatasync"),
            ("disk_full", "5"),
            ("frozen_disk", "1"),
        ],
    )
    stage.check(["build/tests/crash_test", "long"], timeout_s=7200)
    stage.check(["build/tests/simulation_test", "1", "10000"], timeout_s=7200)


def stage_analyse(stage):
    """the slow analysers on the files that changed, and the quick ones on reports, audits and the dashboard"""
    if build(stage, "build") and build(stage, "build-asan"):
        stage.check([PYTHON, "tools/analyse.py", "--changed"], timeout_s=600)
    else:
        stage.failed += 1


STAGES = {
    "check": stage_check,
    "build": stage_build,
    "unit": stage_unit,
    "release": stage_release,
    "fuzz": stage_fuzz,
    "system": stage_system,
    "crash": stage_crash,
    "analyse": stage_analyse,
}
LONG_STAGES = {"crash-long": stage_crash_long}


def run_stage(name):
    stage = Stage(name)
    start = time.monotonic()
    try:
        (STAGES | LONG_STAGES)[name](stage)
    except Exception as problem:  # a stage that dies is a failure, and the others still run
        stage.say(f"the stage itself failed: {problem!r}")
        stage.failed += 1
    stage.log.close()
    took_s = time.monotonic() - start
    print(
        f"{name:<10} {took_s:6.1f} s  {stage.passed} passed, {stage.failed} failed"
        + (f", {stage.skipped} skipped" if stage.skipped else ""),
        flush=True,
    )
    if stage.failed:
        lines = stage.path.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join("    " + line for line in lines[-LOG_TAIL_LINES:]))
        print(f"    (all of it: {stage.path.relative_to(ROOT)})", flush=True)
    return stage


def main():
    listing = "\n".join(f"  {name:<10} {run.__doc__}" for name, run in (STAGES | LONG_STAGES).items())
    parser = argparse.ArgumentParser(
        prog="./test",
        description="Runs the tests; without arguments, all stages but the long one.",
        epilog="stages:\n" + listing,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", nargs="*", help="only these, in this order")
    args = parser.parse_args()
    for name in args.stage:
        if name not in STAGES | LONG_STAGES:
            parser.error(f"there is no stage '{name}'")
    for folder in (ROOT, pathlib.Path("/var/tmp")):
        free = shutil.disk_usage(folder).free
        if free < DISK_MIN:
            print(f"./test: {folder} has {free >> 20} MB left; {DISK_MIN >> 20} are needed", file=sys.stderr)
            return 1
    done = [run_stage(name) for name in args.stage or STAGES]
    passed, failed, skipped = (
        sum(getattr(stage, what) for stage in done) for what in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
