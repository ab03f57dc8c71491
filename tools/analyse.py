# SPDX-License-Identifier: Apache-2.0
"""The slow analysers: gcc -fanalyzer, clang-tidy and cppcheck, over all of src/ or over what changed.

    tools/analyse.py [--changed] [FILE...]

--changed: the .c files that differ from the branch's start (where it left main), or, on main itself, from the last
commit but one; a changed header stands for the .c file of its name. The two that are quick also look at all that
reports, audits and the dashboard come through, as a fault may lie between files of which one was changed. Each finding
ends the run with exit code 1. A suppression stands beside the code, or in .clang-tidy or tools/cppcheck.txt, with its
reason.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from common import ROOT, tracked

BUILD = ROOT / "build"
CLANG_BUILD = ROOT / "build-asan"
DROPPED = re.compile(r"^(-o|-c|-M[DQFTP]*|-Werror|-O\S*|-g)$")

# What is switched off in gcc, and why; the others' lists are .clang-tidy and tools/cppcheck.txt.
GCC_OFF = [
    # gcc 12 loses sight of memory once a list, a table or realloc() holds it; clang-tidy looks for leaks too, and the
    # tests run under LeakSanitizer.
    "-Wno-analyzer-malloc-leak",
]


def git(*argv):
    done = subprocess.run(["git", "-C", str(ROOT), *argv], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def changed():
    base = git("merge-base", "HEAD", "origin/main") or git("merge-base", "HEAD", "main")
    if not base or base == git("rev-parse", "HEAD"):
        base = git("rev-parse", "--verify", "-q", "HEAD~1")
    if not base:
        return []
    names = git("diff", "--name-only", base).splitlines()
    names += git("ls-files", "--others", "--exclude-standard").splitlines()
    stems = {name.rsplit(".", 1)[0] for name in names if name.endswith((".c", ".h"))}
    return [name for name in tracked("src/*.c") if name.rsplit(".", 1)[0] in stems]


def commands(build):
    """File -> its compiler's arguments, without output and optimisation."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        argv, kept, skip = shlex.split(entry["command"])[1:], [], False
        for arg in argv:
            if skip:
                skip = False
            elif arg in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif not DROPPED.match(arg) and arg != entry["file"]:
                kept.append(arg)
        found[os.path.relpath(path, ROOT)] = kept
    return found


def run(argv):
    done = subprocess.run(
        argv, cwd=BUILD, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def gcc(name, args):
    argv = ["gcc", *args, "-O2", "-Werror", "-fanalyzer", *GCC_OFF, "-fdiagnostics-color=never"]
    return run([*argv, "-c", "-o", "/dev/null", str(ROOT / name)])


def clang_tidy(name, args):
    return run(["clang-tidy-14", "--quiet", "--warnings-as-errors=*", str(ROOT / name), "--", *args])


def cppcheck(name, args):
    kept = [arg for arg in args if arg.startswith(("-D", "-I"))]
    kept += [f"--include={ROOT}/src/base/prelude.h"]
    argv = ["cppcheck", "--quiet", "--error-exitcode=1", "--enable=warning,performance,portability"]
    argv += ["--inline-suppr", "--std=c11", f"--suppressions-list={ROOT}/tools/cppcheck.txt"]
    return run([*argv, *kept, str(ROOT / name)])


TOOLS = {  # each with the build folder whose compiler arguments it wants
    "gcc -fanalyzer": (gcc, BUILD),
    "clang-tidy": (clang_tidy, CLANG_BUILD),
    "cppcheck": (cppcheck, BUILD),
}

# What --changed looks at whatever was changed: some seconds, by tools that take a quarter of one for a file.
ALWAYS = ("src/reportdb", "src/procs/figures", "src/procs/web", "src/cli/reports", "src/cli/audit")
QUICK = ("gcc -fanalyzer", "cppcheck")


def wanted(args):
    """Each analysis: a tool's title and a file."""
    names = args.file or (changed() if args.changed else tracked("src/*.c"))
    pairs = {(title, name) for name in names for title in TOOLS}
    if args.changed and not args.file:
        pairs |= {(title, name) for folder in ALWAYS for name in tracked(f"{folder}/*.c") for title in QUICK}
    return sorted(pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--changed", action="store_true", help="only what differs from the branch's start")
    parser.add_argument("file", nargs="*", help="only these")
    args = parser.parse_args()
    known, bad = {build: commands(build) for build in (BUILD, CLANG_BUILD)}, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {}
        for title, name in wanted(args):
            tool, build = TOOLS[title]
            if name in known[build]:
                jobs[pool.submit(tool, name, known[build][name])] = (title, name)
        for job in concurrent.futures.as_completed(jobs):
            code, said = job.result()
            if code != 0:
                title, name = jobs[job]
                print(f"{title}: {name}\n{said}")
                bad += 1
    files = len({name for _, name in jobs.values()})
    print(f"{len(jobs)} analyses of {files} files, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
