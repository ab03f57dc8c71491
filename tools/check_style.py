# SPDX-License-Identifier: Apache-2.0
"""Style: what CONTRIBUTING.md asks of a file's form."""

import pathlib
import re
import subprocess

from common import ROOT, TOKEN, complaint, numbered_matches, read, tracked

CLANG_FORMAT = "clang-format-14"
SPDX = "SPDX-License-Identifier: Apache-2.0"
COLUMNS_MAX = {".c": 100, ".h": 100, ".py": 120}
COLUMNS_MAX_TEXT = 160
FUNCTION_LINES_MAX = 100
FILE_LINES_MAX = {".c": 900, ".h": 400, ".py": 700}
# Spelled in two halves, so that this list does not find itself.
UNFINISHED = r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"
FORMAT_COMPLAINT = re.compile(r"^(?P<name>[^:\n]+):(?P<line>\d+):\d+: error: code should be clang-formatted", re.M)
FUNCTION_START = re.compile(r"^(\w+)\(.*")


def c_files():
    return tracked("*.c", "*.h")


def text_files():
    return [name for name in tracked() if not is_binary(name) and not name.startswith("fuzz/corpus/")]


def is_binary(name):
    return b"\0" in (ROOT / name).read_bytes()[:4096] or name.endswith((".png", ".svg"))


def formatted_by_clang_format():
    """C files are as clang-format 14 leaves them"""
    names = c_files()
    if not names:
        return []
    argv = [CLANG_FORMAT, "--dry-run", "-Werror", "--ferror-limit=1", *names]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False).stderr
    return [
        complaint(match["name"], match["line"], "not formatted", "run `make fmt`")
        for match in FORMAT_COMPLAINT.finditer(said)
    ]


def has_licence_line():
    """every source file starts with its licence"""
    names = tracked("*.c", "*.h", "*.py")
    return [
        complaint(name, 1, "no licence line", f"add `{SPDX}` as the first line's comment")
        for name in names
        if SPDX not in "\n".join(read(name).splitlines()[:2])
    ]


def readmes_begin_with_a_heading():
    """each README is Markdown, and no formatter of C was let at it"""
    return [
        complaint(name, 1, "no heading", "begin with `# NAME`, and look at what a formatter did to the rest")
        for name in tracked("*README.md")
        if not re.match(r"# \S", read(name))
    ]


def headers_guard_themselves():
    """headers are read once"""
    return [
        complaint(name, 1, "no include guard", "add `#pragma once` behind the header's comment")
        for name in tracked("*.h")
        if not re.search(r"^#pragma once$", read(name), re.M)
    ]


def lines_are_clean():
    """lines are not too long, do not end in white space, and the last one ends"""
    found = []
    for name in text_files():
        if name == "LICENSE":
            continue
        text = read(name)
        columns_max = COLUMNS_MAX.get(pathlib.PurePath(name).suffix, COLUMNS_MAX_TEXT)
        if text and not text.endswith("\n"):
            found.append(complaint(name, text.count("\n") + 1, "no newline at the end", "add one"))
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() and not name.startswith("tests/"):
                found.append(complaint(name, number, "white space at the end", "remove it"))
            # A row of a table is one line.
            if len(line.expandtabs(8)) > columns_max and not (name.endswith(".md") and line.startswith("| ")):
                found.append(complaint(name, number, f"over {columns_max} columns", "break the line"))
    return found


def comments_are_durable():
    """comments are /* */; // is for notes that are gone before the commit"""
    found = []
    for name in c_files():
        text = read(name)
        for match in TOKEN.finditer(text):
            if match.lastgroup == "line":
                line = text.count("\n", 0, match.start()) + 1
                found.append(complaint(name, line, "a // comment", "write /* */, or take it out"))
    return found


def nothing_is_unfinished():
    """no marks of unfinished work"""
    found = []
    for name in text_files():
        for line, match in numbered_matches(UNFINISHED, read(name)):
            mend = "finish it, or file it as an issue and take the mark out"
            found.append(complaint(name, line, f"'{match.group()}'", mend))
    return found


def load_ratchet():
    ratchet = {}
    for line in read("tools/ratchet.txt").splitlines():
        if line and not line.startswith("#"):
            where, size, _ = line.split(" ", 2)
            ratchet[where] = int(size)
    return ratchet


def functions(text):
    """(name, line, length in lines) of each function; the style puts name and braces at line starts."""
    name, start = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        match = FUNCTION_START.match(line)
        if match:
            name, start = match.group(1), number
        elif line == "}" and name:
            yield name, start, number - start + 1
            name = None


def sizes_keep_their_limits():
    """files and functions stay readable in one go"""
    ratchet, found = load_ratchet(), []
    for name in tracked("*.c", "*.h", "*.py"):
        text = read(name)
        limit = ratchet.get(name, FILE_LINES_MAX["." + name.rsplit(".", 1)[1]])
        if text.count("\n") > limit:
            what = f"{text.count(chr(10))} lines, over {limit}"
            found.append(complaint(name, 1, what, "split it by what its parts are about"))
        if not name.endswith(".c"):
            continue
        for function, line, length in functions(text):
            limit = ratchet.get(f"{name}:{function}", FUNCTION_LINES_MAX)
            if length > limit:
                what = f"{function} has {length} lines, over {limit}"
                found.append(complaint(name, line, what, "give its steps names of their own"))
    return found


RULES = [
    formatted_by_clang_format,
    has_licence_line,
    readmes_begin_with_a_heading,
    headers_guard_themselves,
    lines_are_clean,
    comments_are_durable,
    nothing_is_unfinished,
    sizes_keep_their_limits,
]
