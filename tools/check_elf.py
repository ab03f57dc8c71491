# SPDX-License-Identifier: Apache-2.0
"""Hardening of what ships: tools/check_elf.py BUILD

Every executable in the build folder is position independent, with full RELRO, no executable stack, stack canaries and
fortified calls; and, on x86, every object of ours has control-flow protection (an executable cannot show it, as Debian
12's start-up code has none).
"""

import os
import pathlib
import platform
import re
import subprocess
import sys

NOT_SHIPPED = {"tests", "fuzz", "bench", "meson-private", "meson-logs", "test-logs", "start", "peers"}


def executables(build):
    for folder, names, files in os.walk(build):
        names[:] = [n for n in names if n not in NOT_SHIPPED and not n.endswith(".p")]
        for name in files:
            path = pathlib.Path(folder) / name
            if os.access(path, os.X_OK) and path.open("rb").read(4) == b"\x7fELF" and path.suffix != ".so":
                yield path


def readelf(path, *options):
    argv = ["readelf", "-W", *options, str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def faults(path):
    """What the executable lacks, each with the flag that gives it."""
    head, segments = readelf(path, "-h"), readelf(path, "-l")
    dynamic, symbols = readelf(path, "-d"), readelf(path, "--dyn-syms", "-s")
    stack = re.search(r"GNU_STACK.*", segments)
    if not re.search(r"Type:\s+DYN", head) or "INTERP" not in segments:
        yield "not position independent (-pie)"
    if "GNU_RELRO" not in segments or not re.search(r"BIND_NOW|\bNOW\b", dynamic):
        yield "no full RELRO (-z relro -z now)"
    if not stack or "RWE" in stack.group():
        yield "executable stack (-z noexecstack)"
    if "__stack_chk_fail" not in symbols:
        yield "no stack canary (-fstack-protector-strong)"
    if not re.search(r"__\w+_chk\b(?<!stack_chk)", symbols):
        yield "no fortified call (-D_FORTIFY_SOURCE=3)"


def objects(build):
    """Our own object files that ship, by the folders that Meson makes for each target."""
    return sorted(p for p in pathlib.Path(build).rglob("*.p/*.o") if not NOT_SHIPPED & set(p.parts))


def unprotected(paths):
    """Those of the objects that lack the notes of -fcf-protection=full."""
    if platform.machine() != "x86_64" or not paths:
        return []
    said = readelf(paths[0], "-n", *map(str, paths[1:]))
    return [part.splitlines()[0] for part in said.split("File: ")[1:] if "IBT, SHSTK" not in part]


def defined_twice(build):
    """Names that two objects of our libraries define: which of them is linked would be chance."""
    seen = {}
    for archive in sorted(pathlib.Path(build).glob("src/**/*.a")):
        command = ["nm", "-A", "-g", "--defined-only", str(archive)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            place, _, name = line.rsplit(None, 2)
            seen.setdefault(name, set()).add(place.rsplit(":", 1)[0])
    return sorted((name, places) for name, places in seen.items() if len(places) > 1)


def main():
    found = sorted(executables(sys.argv[1]))
    bad = 0
    for path in found:
        for fault in faults(path):
            print(f"{path}: {fault}")
            bad += 1
    for name in unprotected(objects(sys.argv[1])):
        print(f"{name}: no control-flow protection (-fcf-protection=full)")
        bad += 1
    for name, places in defined_twice(sys.argv[1]):
        print(f"{name}: defined in {' and '.join(sorted(places))}; rename one")
        bad += 1
    print(f"{len(found)} executables, {bad} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
