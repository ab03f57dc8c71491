# SPDX-License-Identifier: Apache-2.0
"""Line and branch coverage of src/ after a test run in a build with -Db_coverage=true: tools/cover.py BUILD"""

import collections
import json
import os
import pathlib
import subprocess
import sys

from common import ROOT


class Cover:
    """Line -> times run, and (line, branch) -> times taken, added up over every object that holds the file."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.Counter()

    def add(self, line):
        number = line["line_number"]
        self.lines[number] += line["count"]
        for index, branch in enumerate(line["branches"]):
            self.branches[number, index] += branch["count"]


def share(counter):
    hit = sum(1 for count in counter.values() if count > 0)
    return f"{hit:5}/{len(counter):<5} {100 * hit / len(counter) if counter else 100:5.1f} %"


def collect(build):
    found = collections.defaultdict(Cover)
    for data in build.rglob("*.gcda"):
        argv = ["gcov", "--branch-probabilities", "--json-format", "--stdout", str(data)]
        said = subprocess.run(argv, cwd=build, capture_output=True, text=True, check=True).stdout
        for document in said.splitlines():
            for entry in json.loads(document)["files"]:
                name = os.path.relpath(build / entry["file"], ROOT)
                if name.startswith("src/"):
                    for line in entry["lines"]:
                        found[name].add(line)
    return found


def main():
    found = collect(pathlib.Path(sys.argv[1]).resolve())
    total = Cover()
    print(f"{'file':<40} {'lines':>18} {'branches':>18}")
    for name, cover in sorted(found.items()):
        print(f"{name:<40} {share(cover.lines):>18} {share(cover.branches):>18}")
        total.lines.update({(name, key): count for key, count in cover.lines.items()})
        total.branches.update({(name, key): count for key, count in cover.branches.items()})
    print(f"{'all':<40} {share(total.lines):>18} {share(total.branches):>18}")


if __name__ == "__main__":
    main()
