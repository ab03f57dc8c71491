#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes each guard of guards.txt out, one at a time, in a copy of the tree, and expects the tests of it to go red.

Prints a line for each guard: ok, not ok or skip, and why. The README has the form of guards.txt, and how long it takes.
"""

import argparse
import collections
import dataclasses
import datetime
import functools
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests" / "guards" / "guards.txt"
README = TABLE.with_name("README.md")
COPY = ROOT / "build-guards"
SYSTEM = ROOT / "tests" / "system"
TIMEOUT_S = 600
RUNS = re.compile(r"\[ RUN      \] (\w+)")
FAILS = re.compile(r"\[  FAILED  \] ([A-Za-z_]\w*)")
ENDS = re.compile(r"\[(?:       OK |  FAILED  |  SKIPPED )\] (\w+)")
PYTEST_FAILS = re.compile(r"^(?:FAILED|ERROR) \S+?::(\w+)", re.M)
# What is built for a guard runs once, so it is built quickly: without debug information, at the least level that
# _FORTIFY_SOURCE is content with.
QUICK = ["-Doptimization=1", "-Ddebug=false"]
SETUPS = {
    "build": {"CC": "gcc", "options": QUICK},
    "build-asan": {"CC": "clang-14", "options": [*QUICK, "-Db_sanitize=address,undefined", "-Db_lundef=false"]},
}


class Wrong(Exception):
    """The table is wrong, or a command of ours failed: no word on any guard."""


@dataclasses.dataclass(frozen=True)
class Test:
    """A test that claims a guard. kind: unit (under the sanitizers), release, system, or build: it does not compile."""

    kind: str
    file: str = ""
    name: str = ""

    def __str__(self):
        return f"{self.file}:{self.name}" if self.name else "the build"

    @property
    def folder(self):
        return "build-asan" if self.kind == "unit" else "build"


@dataclasses.dataclass
class Guard:
    """A guard, how to take it out, and who must notice."""

    title: str
    line: int
    tests: list = dataclasses.field(default_factory=list)
    changes: list = dataclasses.field(default_factory=list)  # [path, old lines, new lines]


def wrong(line, what):
    return Wrong(f"{TABLE.relative_to(ROOT)}:{line}: {what}")


def parse_test(words, line):
    if words == ["build"]:
        return Test("build")
    if len(words) != 3 or words[0] not in ("unit", "release", "system"):
        raise wrong(line, "a test is `build`, or KIND FILE NAME; KIND is unit, release or system")
    return Test(*words)


def add_code(guard, path, sign, code, line):
    """Collects the lines of a change: first those that go, then those that come."""
    last = guard.changes[-1] if guard.changes else None
    if not path:
        raise wrong(line, "code without the file that it is in")
    if not last or last[0] != path or (sign == "-" and last[2]):
        guard.changes.append(last := [path, [], []])
    last[1 if sign == "-" else 2].append(code)


def parse(text):
    guards, path = [], None
    for number, line in enumerate(text.splitlines(), 1):
        key, _, rest = line.partition(": ")
        if line.startswith("== "):
            guards.append(Guard(line[3:], number))
            path = None
        elif not line or line.startswith("#"):
            continue
        elif not guards:
            raise wrong(number, "a guard begins with its title")
        elif key == "red":
            guards[-1].tests.append(parse_test(rest.split(), number))
        elif key == "in":
            path = rest
        elif line[0] in "-+":
            add_code(guards[-1], path, line[0], line[1:], number)
        else:
            raise wrong(number, "not understood")
    for guard in guards:
        if not guard.tests or not guard.changes:
            raise wrong(guard.line, "a guard needs a change and a test")
    return guards


def mutate(guard):
    """The changed files' texts, by path."""
    texts = {}
    for path, old, new in guard.changes:
        text = texts.get(path) or (ROOT / path).read_text(encoding="utf-8")
        block = "".join(f"{x}\n" for x in old)
        if text.count(block) != 1:
            raise wrong(guard.line, f"{path} has these lines {text.count(block)} times:\n{block}")
        texts[path] = text.replace(block, "".join(f"{x}\n" for x in new))
    return texts


def check_names(guard):
    """Its tests are there."""
    for test in guard.tests:
        if test.kind == "build":
            continue
        path = f"system/{test.file}" if test.kind == "system" else f"*/{test.file}.c"
        if not any(test.name in file.read_text(encoding="utf-8") for file in (ROOT / "tests").glob(path)):
            raise Wrong(f"{guard.title}: no {test}")


def check_changes(guards):
    """All attacks and tests are there, and all lines where the table says; else it tells of each that is not."""
    rows = re.findall(r"^\| (.+?) \|", README.read_text(encoding="utf-8"), re.M)
    attacks = {attack for row in rows for attack in row.split(", ")}
    whys = [f"{g.title}: no such attack in {README.name}" for g in guards if g.title.split()[0] not in attacks]
    for guard in guards:
        try:
            check_names(guard)
            mutate(guard)
        except Wrong as e:
            whys.append(str(e))
    if whys:
        raise Wrong("\n".join(whys))


def run(argv, folder=COPY, timeout_s=TIMEOUT_S, env=None):
    """Its exit code and what it said; at its end, or at that of its time, what it started ends too."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(argv, cwd=folder, env=env, start_new_session=True, **options) as process:
        try:
            said = process.communicate(timeout=timeout_s)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said = process.communicate()[0]
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said.decode(errors="replace")


def copy_tree():
    """Brings the copy up to date; files that are as they were keep their times, so that little is built again."""
    code, said = run(["git", "ls-files", "-co", "--exclude-standard"], ROOT)
    if code != 0:
        raise Wrong(said)
    names = {name for name in said.splitlines() if (ROOT / name).is_file()}
    for name in names:
        to, octets = COPY / name, (ROOT / name).read_bytes()
        if to.is_file() and to.read_bytes() == octets:
            continue
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(octets)
        to.chmod((ROOT / name).stat().st_mode & 0o777)


def configure(folder):
    if (COPY / folder / "build.ninja").exists():
        return
    code, said = run(["meson", "setup", folder, *SETUPS[folder]["options"]], env={"CC": SETUPS[folder]["CC"]})
    if code != 0:
        raise Wrong(said)


@functools.cache
def introspect(folder, what):
    """What Meson knows of its targets or tests."""
    code, said = run(["meson", "introspect", f"--{what}", folder])
    if code != 0:
        raise Wrong(said)
    return json.loads(said)


@functools.cache
def system_targets(file):
    """What is installed, and those programs of the unit tests that this file, or what such files share, names."""
    texts = [x.read_text(encoding="utf-8") for x in SYSTEM.glob("*.py") if x.name == file or not x.match("test_*")]
    words = set(re.findall(r"\w+", "".join(texts)))
    programs = [x for x in introspect("build", "targets") if x["type"] == "executable"]
    needed = [x["filename"][0] for x in programs if x["installed"] or x["name"] in words]
    return [os.path.relpath(name, COPY / "build") for name in needed]


def build(test, changed=()):
    """None, or what the compiler said. changed: the files of the guard, which are what need not compile without it."""
    if test.kind == "build":
        targets = [f"../{path}^" for path in changed]
    elif test.kind == "system":
        targets = system_targets(test.file)
    else:
        targets = [f"tests/{test.file}"]
    code, said = run(["ninja", "-C", test.folder, *targets])
    return None if code == 0 else said


def reds(said):
    """The names of the tests that failed, by what cmocka or pytest said; the one that took the process down too."""
    red = set(FAILS.findall(said)) | set(PYTEST_FAILS.findall(said))
    runs, ends = RUNS.findall(said), ENDS.findall(said)
    if runs and runs[-1] not in ends:
        red.add(runs[-1])
    return red


def run_tests(tests):
    """Runs tests of one file; the names of those that went red, and whether any did."""
    test = tests[0]
    if test.kind == "system":
        argv = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/system/{test.file}"]
        code, said = run([*argv, "-k", " or ".join(x.name for x in tests)])
    else:
        (how,) = [x for x in introspect(test.folder, "tests") if x["name"] == test.file]
        code, said = run(how["cmd"], how["workdir"] or COPY / test.folder, how["timeout"], how["env"])
    return reds(said), code != 0


def judge(test, changed):
    """None when the guard is missed, else what happened."""
    said = build(test, changed)
    if test.kind == "build":
        return None if said else "it compiles"
    if said:
        return "does not compile:\n" + said[-2000:]
    names, red = run_tests([test])
    if test.name in names:
        return None
    return f"{', '.join(sorted(names))} failed instead" if red else "stays green"


def without(guard):
    """None when all its tests go red without the guard, else what happened."""
    texts = mutate(guard)
    try:
        for path, text in texts.items():
            (COPY / path).write_text(text, encoding="utf-8")
        for test in guard.tests:
            if why := judge(test, texts):
                return f"{test}: {why}"
        return None
    finally:
        for path in texts:
            (COPY / path).write_bytes((ROOT / path).read_bytes())


def check_green(tests):
    """With all guards in their places the tests must pass, or their red would say nothing. Those that do not."""
    for folder in {test.folder for test in tests}:
        configure(folder)
    files = collections.defaultdict(list)
    for test in sorted(tests, key=str):
        if test.kind != "build":
            files[test.kind, test.file].append(test)
    failed = set()
    for beside in files.values():
        if said := build(beside[0]):
            raise Wrong(said)
        names, red = run_tests(beside)
        failed.update(test for test in beside if test.name in names or (red and not names))
    return failed


def chosen(guards, options):
    """Those with one of the words, or as many as are asked for: others each day, the same ones all day."""
    words, count = options.words, options.sample
    guards = [g for g in guards if not words or any(w in f"{g.title} {[str(t) for t in g.tests]}" for w in words)]
    if count is not None:
        guards = random.Random(datetime.date.today().toordinal()).sample(guards, min(count, len(guards)))
    return guards


def needs_root(guard):
    return any(test.kind == "system" for test in guard.tests) and os.geteuid() != 0


def report(guard, failed):
    """Prints the line of a guard, and returns whether it is missed where it is not there."""
    if needs_root(guard):
        print(f"skip {guard.title}: needs root", flush=True)
        return True
    red = [str(test) for test in guard.tests if test in failed]
    why = f"{', '.join(red)}: fails with every guard in its place" if red else without(guard)
    print(f"not ok {guard.title}: {why}" if why else f"ok {guard.title}", flush=True)
    return why is None


def arguments():
    parser = argparse.ArgumentParser(description="Takes guards out, one at a time, and expects their tests to go red.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="those with one of these in their title or tests")
    parser.add_argument("-l", dest="list", action="store_true", help="list them")
    parser.add_argument("--sample", type=int, metavar="N", help="N of them, others each day")
    return parser.parse_args()


def main():
    options = arguments()
    guards = chosen(parse(TABLE.read_text(encoding="utf-8")), options)
    check_changes(guards)
    if options.list:
        for guard in guards:
            print(guard.title, "|", ", ".join(map(str, guard.tests)))
        return 0
    copy_tree()
    failed = check_green({test for guard in guards if not needs_root(guard) for test in guard.tests})
    # Neighbours change the same file, which is then built once for each, and not back in between.
    guards.sort(key=lambda guard: sorted(path for path, _, _ in guard.changes))
    return 0 if all([report(guard, failed) for guard in guards]) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as e:
        sys.exit(str(e))
