# SPDX-License-Identifier: Apache-2.0
"""What the checks share: where the tree is, which files belong to it, what a complaint looks like."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked(*patterns):
    """The tree's files, committed or about to be, that match the patterns; paths relative to ROOT."""
    argv = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "--"]
    names = subprocess.run(argv + list(patterns), capture_output=True, text=True, check=True).stdout
    return sorted({name for name in names.splitlines() if (ROOT / name).is_file()})


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def complaint(name, line, what, mend):
    return f"{name}:{line}: {what}; {mend}"


TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)|(?P<line>//[^\n]*)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    """C source with its comments, strings and characters blanked; every line keeps its number."""
    return TOKEN.sub(blank, text)


def numbered_matches(pattern, text):
    """(line number, match) of every match."""
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 1, match
