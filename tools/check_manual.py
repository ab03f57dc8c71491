# SPDX-License-Identifier: Apache-2.0
"""Manual pages: what mandoc finds in them, where it is installed; and that they lead to each other."""

import re
import shutil
import subprocess

from common import ROOT, complaint, numbered_matches, read, tracked

LINT = re.compile(r"^mandoc: (?P<name>[^:\n]+):(?P<line>\d+):\d+: (?P<what>.*)$", re.M)
# It looks for other pages where the machine has its own.
ELSEWHERE = "referenced manual not found"


def manual_pages_are_clean():
    """manual pages are as mandoc wants them, and name no other that is not there"""
    pages = tracked("docs/man/*.1")
    found = []
    if pages and shutil.which("mandoc"):
        argv = ["mandoc", "-T", "lint", *pages]
        said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        for match in LINT.finditer(said.stdout + said.stderr):
            if ELSEWHERE not in match["what"]:
                found.append(complaint(match["name"], match["line"], match["what"], "see mdoc(7)"))
    for name in pages:
        for line, match in numbered_matches(r"^\.(?:It )?Xr (gatepost\S*) 1\b", read(name)):
            if f"docs/man/{match[1]}.1" not in pages:
                found.append(complaint(name, line, f"there is no {match[1]}(1)", "write it, or name another"))
    return found


def first_page_names_all():
    """gatepost(1) names the page of each command"""
    first = "docs/man/gatepost.1"
    named = set(re.findall(r"^\.Xr (gatepost\S*) 1 \.$", read(first), re.M))
    pages = {name.rsplit("/", 1)[1].removesuffix(".1") for name in tracked("docs/man/*.1")} - {"gatepost"}
    return [complaint(first, 1, f"{page}(1) is not among the commands", "add it") for page in sorted(pages - named)]


RULES = [manual_pages_are_clean, first_page_names_all]
