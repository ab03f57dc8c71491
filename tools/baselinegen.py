#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generates the table of shipped baselines from src/core/baseline/rules/, as they stand there.

usage: baselinegen.py OUT.c FILE...

A baseline's name is that of its file. What it says is read when it is asked for (src/core/baseline/read.c), as a file
of the user's is; tests/baseline reads them all.
"""

import pathlib
import sys


def literal(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")  # two begin a trigraph
    return f'\t\t"{escaped}\\n"'


def main(out, paths):
    lines = ['#include "core/baseline/baseline.h"', "", "const struct gp_baseline_file gp_baseline_files[] = {"]
    for path in map(pathlib.Path, paths):
        text = path.read_text(encoding="ascii")
        lines += [f'\t{{"{path.stem}", GP_SLICE(', *map(literal, text.splitlines()), "\t)},"]
    lines += ["};", "const size_t gp_baseline_files_len = GP_ARRAY_LEN(gp_baseline_files);"]
    pathlib.Path(out).write_text("\n".join(lines) + "\n", encoding="ascii")


main(sys.argv[1], sys.argv[2:])
