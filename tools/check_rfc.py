# SPDX-License-Identifier: Apache-2.0
"""Citations: every RFC that the sources name is one that docs/standards.md lists, and its section can exist."""

import re

from common import complaint, numbered_matches, read, tracked

CITATION = r"\bRFC\s?(?P<number>\d{3,5})\b(?!;)(?:,?\s+[Ss]ections?\s+(?P<section>[^\s,;:)]+))?"
SECTION = re.compile(r"^\d+(\.\d+)*\.?$")
SECTION_MAX = 99
ROW = re.compile(r"^\| (?P<number>\d{3,5}) \| (?P<title>[^|]+) \| (?P<last>\d*) *\|", re.MULTILINE)


def known():
    """RFC number -> its last numbered section where the table of docs/standards.md gives it."""
    return {int(row["number"]): int(row["last"] or SECTION_MAX) for row in ROW.finditer(read("docs/standards.md"))}


def citations_exist():
    """each RFC cited is in docs/standards.md, and has the section"""
    table, found = known(), []
    for name in tracked("src/*", "tests/*.c", "fuzz/*.c", "docs/*.md"):
        for line, match in numbered_matches(CITATION, read(name)):
            number, section = int(match["number"]), match["section"]
            if number not in table:
                mend = "correct the number, or add a row to docs/standards.md"
                found.append(complaint(name, line, f"RFC {number} is not in the table", mend))
            elif section and SECTION.match(section) and int(section.split(".")[0]) > table[number]:
                mend = "look the section up again"
                what = f"RFC {number} ends with section {table[number]}, so it has no {section}"
                found.append(complaint(name, line, what, mend))
    return found


RULES = [citations_exist]
