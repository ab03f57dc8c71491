# SPDX-License-Identifier: Apache-2.0
"""Layers: who may include whom (layers.txt), and what the pure ones must not touch."""

import re

from common import code_only, complaint, numbered_matches, read, tracked

INCLUDE = r'^#\s*include\s+"([^"]+)"'
SYSTEM_INCLUDE = r"^#\s*include\s+<([^>]+)>"

# What base and core may take from libc: all of it only computes.
PURE_HEADERS = {
    "arpa/inet.h", "assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h", "netinet/in.h",
    "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
    "strings.h", "time.h",
}  # fmt: skip
# The libraries that only compute, each behind the one file of core that names it.
PURE_LIBRARIES = re.compile(
    r"^(zlib\.h|jansson\.h|yaml\.h|idn2\.h|uni[a-z0-9]+\.h|openssl/(bn|evp|sha|ec|core_names|param_build)\.h)$"
)
IMPURE_CALL = (
    r"\b(time|clock|clock_gettime|gettimeofday|getenv|secure_getenv|random|getrandom|arc4random\w*|printf|puts"
    r"|fprintf|perror|exit|_exit|abort|fopen|fputs|fwrite|open|socket|sleep|usleep|nanosleep)\s*\("
)
MAY_ABORT = "src/base/assert.c"
ALLOCATION = r"\b(malloc|calloc|realloc|reallocarray|strdup|strndup|free)\s*\("
FUNCTION_NAME = re.compile(r"^(\w+)\(", re.MULTILINE)
STATIC_VARIABLE = r"^static (?!const\b|inline\b|_Noreturn\b)[^(\n]*[;=]"
OTHER_VARIABLE = r"^(?!static|extern|typedef|enum|union)\w[\w *]*\w(\[\w*\])? = "
GLOBAL = f"{STATIC_VARIABLE}|{OTHER_VARIABLE}"


def rows():
    """Number of the line, row, and what it uses; a line that begins with a blank goes on with the row before it."""
    row = ""
    for number, line in enumerate(read("tools/layers.txt").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        head, _, uses = line.rpartition(":")
        row = head or row
        yield number, row, uses.split()


def load_table():
    table = {}
    for _, row, uses in rows():
        table.setdefault(row, []).extend(uses)
    return table


def table_has_no_circles():
    """layers.txt lets a folder use only those that stand above it"""
    found, above = [], {"core"}
    for number, folder, uses in rows():
        for use in uses:
            if use not in above or use == folder:
                mend = "move its row up, or take it out"
                found.append(complaint("tools/layers.txt", number, f"{use} does not stand above {folder}", mend))
        above.add(folder)
    return found


def under(path, row):
    return path == row or path.startswith(row + "/")


def row_of(path, table):
    """The row of the table that the path (relative to src/) falls under, longest first; None: no row."""
    return max((row for row in table if under(path, row)), key=len, default=None)


def uses_core(own, target, table):
    return "core" in table.get(own, []) and under(target, "core")


def sources(folder=""):
    return tracked(f"src/{folder}*.c", f"src/{folder}*.h")


def includes_follow_layers():
    """each folder includes only those that layers.txt lets it"""
    table, found = load_table(), []
    for name in sources():
        path = name.removeprefix("src/")
        own = row_of(path, table)
        for line, match in numbered_matches(INCLUDE, read(name)):
            target = match.group(1)
            if "/" not in target:
                mend = "write the path from src/ on, as in \"base/slice.h\""
                found.append(complaint(name, line, f'"{target}" is no path', mend))
                continue
            if own and row_of(target, table) == own:
                continue
            if row_of(target, table) not in table.get(own, []) and not uses_core(own, target, table):
                what = f"{own or path} may not include {target}"
                mend = "move the code to the layer that needs it, or pass the value in (tools/layers.txt)"
                found.append(complaint(name, line, what, mend))
    return found


def pure_sources():
    return sources("base/") + sources("core/")


def core_is_pure():
    """base and core do no I/O, read no clock, and neither print nor exit"""
    found = []
    for name in pure_sources():
        text = read(name)
        for line, match in numbered_matches(SYSTEM_INCLUDE, text):
            if match.group(1) not in PURE_HEADERS and not PURE_LIBRARIES.match(match.group(1)):
                mend = "let the caller in sys/ or procs/ do it and pass the result in"
                found.append(complaint(name, line, f"<{match.group(1)}> in a pure layer", mend))
        if name == MAY_ABORT or name.endswith("banned.h"):
            continue
        for line, match in numbered_matches(IMPURE_CALL, code_only(text)):
            mend = "take time, randomness and settings as arguments, return what is to be said"
            found.append(complaint(name, line, f"{match.group(1)}() in a pure layer", mend))
    return found


def core_has_no_globals():
    """base and core keep no state of their own between calls"""
    found = []
    for name in pure_sources():
        if not name.endswith(".c"):
            continue
        for line, match in numbered_matches(GLOBAL, code_only(read(name))):
            if re.search(r"\bconst\b", match.group()):
                continue
            mend = "make it const, or a member of the object that the caller owns"
            found.append(complaint(name, line, "a variable outside any function", mend))
    return found


def core_allocates_in_arenas():
    """core allocates from arenas and capped containers; only _new and _free of an object use malloc"""
    found = []
    for name in sources("core/"):
        text = code_only(read(name))
        for line, match in numbered_matches(ALLOCATION, text):
            before = FUNCTION_NAME.findall(text[: match.start()])
            if before and re.search(r"_(new|free)$", before[-1]):
                continue
            mend = "use gp_arena, gp_buf or gp_map"
            found.append(complaint(name, line, f"{match.group(1)}() in core outside _new and _free", mend))
    return found


RULES = [table_has_no_circles, includes_follow_layers, core_is_pure, core_has_no_globals, core_allocates_in_arenas]
