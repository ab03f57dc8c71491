#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes each guard of guards.txt out, one at a time, in a copy of the tree, and expects the tests of it to go red.

    tests/guards/run.py             all of them, some twenty minutes
    tests/guards/run.py WORD...     those that have one of these words in their title or their tests
    tests/guards/run.py -l          lists them

Prints a line for each guard: ok, not ok or skip, and why. The README has the form of guards.txt.
"""

import dataclasses
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests" / "guards" / "guards.txt"
COPY = ROOT / "build-guards"
TIMEOUT_S = 600
RUNS = re.compile(r"\[ RUN      \] (\w+)")
FAILS = re.compile(r"\[  FAILED  \] ([A-Za-z_]\w*)")
ENDS = re.compile(r"\[(?:       OK |  FAILED  |  SKIPPED )\] (\w+)")
PYTEST_FAILS = re.compile(r"^(?:FAILED|ERROR) \S+?::(\w+)", re.M)
SETUPS = {
    "build": {"CC": "gcc", "options": []},
    "build-asan": {"CC": "clang-14", "options": ["-Db_sanitize=address,undefined", "-Db_lundef=false"]},
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

    @property
    def target(self):
        return f"tests/{self.file}" if self.kind in ("unit", "release") else "all"


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
    """All tests are there, and all lines where the table says; else it tells of each that is not."""
    whys = []
    for guard in guards:
        try:
            check_names(guard)
            mutate(guard)
        except Wrong as e:
            whys.append(str(e))
    if whys:
        raise Wrong("\n".join(whys))


def run(argv, folder=COPY, **env):
    """Its exit code and what it said."""
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env},
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        return 124, (e.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


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
    code, said = run(["meson", "setup", folder, *SETUPS[folder]["options"]], CC=SETUPS[folder]["CC"])
    if code != 0:
        raise Wrong(said)


def build(test):
    """None, or what the compiler said."""
    code, said = run(["ninja", "-C", test.folder, test.target])
    return None if code == 0 else said


def reds(said):
    """The names of the tests that failed, by what cmocka or pytest said; the one that took the process down too."""
    red = set(FAILS.findall(said)) | set(PYTEST_FAILS.findall(said))
    runs, ends = RUNS.findall(said), ENDS.findall(said)
    if runs and runs[-1] not in ends:
        red.add(runs[-1])
    return red


def run_test(test):
    """The names of those that went red, and whether any did."""
    if test.kind == "system":
        argv = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/system/{test.file}"]
        code, said = run([*argv, "-k", test.name])
    else:
        code, said = run(["meson", "test", "-C", test.folder, "--no-rebuild", "--verbose", test.file])
    return reds(said), code != 0


def judge(test):
    """None when the guard is missed, else what happened."""
    said = build(test)
    if test.kind == "build":
        return None if said else "it compiles"
    if said:
        return "does not compile:\n" + said[-2000:]
    names, red = run_test(test)
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
            if why := judge(test):
                return f"{test}: {why}"
        return None
    finally:
        for path in texts:
            (COPY / path).write_bytes((ROOT / path).read_bytes())


def check_green(tests):
    """With all guards in their places the tests must pass, or their red would say nothing."""
    for folder in {test.folder for test in tests}:
        configure(folder)
    for test in sorted(tests, key=str):
        said = build(test)
        if said:
            raise Wrong(said)
        if test.kind != "build" and run_test(test)[1]:
            raise Wrong(f"{test} fails with every guard in its place")


def chosen(guards, words):
    return [g for g in guards if not words or any(w in f"{g.title} {[str(t) for t in g.tests]}" for w in words)]


def needs_root(guard):
    return any(test.kind == "system" for test in guard.tests) and os.geteuid() != 0


def main(words):
    guards = chosen(parse(TABLE.read_text(encoding="utf-8")), [w for w in words if w != "-l"])
    check_changes(guards)
    if "-l" in words:
        for guard in guards:
            print(guard.title, "|", ", ".join(map(str, guard.tests)))
        return 0
    copy_tree()
    check_green({test for guard in guards if not needs_root(guard) for test in guard.tests})
    missed = 0
    for guard in guards:
        if needs_root(guard):
            print(f"skip {guard.title}: needs root", flush=True)
            continue
        why = without(guard)
        missed += why is not None
        print(f"not ok {guard.title}: {why}" if why else f"ok {guard.title}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Wrong as e:
        sys.exit(str(e))
