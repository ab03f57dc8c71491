#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of conformance suites in docs/suites.md, made by the tests that run them.

    tools/suites.py             compares the page with what the tests of build-asan/ say
    tools/suites.py --write     writes it

A test that reads a suite tells by gp_suite_tell (tests/suite.h) how many cases it ran, and has failed if one of them
was not as wanted. Where not all were run, REASONS says why: a line without one is an error. Suites that no test
reads are listed.
"""

import os
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-asan"
PAGE = ROOT / "docs" / "suites.md"
SUITES = pathlib.Path(os.environ.get("GATEPOST_SUITES") or ROOT.parent / "shared" / "suites")
LINE = re.compile(r"^suite ([a-z0-9-]+): (.+): (\d+) of (\d+)$", re.MULTILINE)

REASONS = {
    ("attack-auth", "forged results"): "the others have no Authentication-Results",
    ("attack-auth", "submission"): "a bare LF, which is refused before it is read",
    ("attack-auth", "what the gateway does"): "two are submission's, one has a bare LF",
    ("dmarc-vectors", "policy-eval.json"): "disputed in the suite: they want what RFC 7489 had",
    ("hdr-received-spamassassin", "fields"): "marked there as to be skipped; read all the same",
    ("mtasts-vectors", "txt-records.json"): "its verdict is left open in the suite",
    ("mtasts-vectors", "policies.json"): "its verdict is left open in the suite",
    ("spf-rfc7208", "lookups counted"): "in the others not all terms are met: errors, macros, silent servers",
}
NOTES = {
    ("arc-valimail", "signing"): "our tags stand in another order: their sets and ours are verified",
    ("arc-valimail", "validation"): "four names stand there twice; loaders that keep one of each see 171",
    ("dane-openssl", "records"): "which records count; what a certificate matches is OpenSSL's own",
    ("dmarc-vectors", "record-parse.json"): "by the reading of RFC 9989",
    ("spf-fuzz-blitiri", "evaluation"): "inputs alone: they end, within the bounds",
}

HEAD = """# Conformance suites

Cases that others made, and how many of them this tree runs. They are no part of it: tests read
them from `$GATEPOST_SUITES`, or from `shared/suites` beside the checkout, and skip where they are
absent. A case that is run and is not as wanted fails its test, so what is counted here has passed.
`tools/suites.py --write` makes the table.

What other implementations say to the same messages is compared by `tests/system/test_spf.py`
([spf.md](spf.md)) and `tests/system/test_crosscheck.py`, which has a reason for each difference.

| suite | what of it | cases | run, and passed | |
|---|---|---|---|---|
"""


def test_names():
    """The executables that run suites."""
    sources = (ROOT / "tests").glob("*/*_test.c")
    return sorted(p.stem for p in sources if "gp_suite_tell(" in p.read_text(encoding="utf-8"))


def results():
    """{(suite, what): (ran, all)}, as the tests tell; ends the process when one of them fails."""
    found = {}
    for name in test_names():
        argv = [BUILD / "tests" / name]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            sys.exit(f"{name} fails; run it alone: {BUILD / 'tests' / name}")
        for suite, what, ran, every in LINE.findall(done.stdout + done.stderr):
            found[suite, what] = (int(ran), int(every))
    return found


def page(found):
    rows = []
    for (suite, what), (ran, every) in sorted(found.items()):
        why = REASONS.get((suite, what), "") if ran < every else NOTES.get((suite, what), "")
        if ran < every and not why:
            sys.exit(f"tools/suites.py: say in REASONS why only {ran} of {every} are run: {suite}, {what}")
        rows.append(f"| {suite} | {what} | {every} | {ran} | {why} |\n")
    read = {suite for suite, _ in found}
    others = sorted(p.name for p in SUITES.iterdir() if p.is_dir() and p.name not in read)
    tail = "\n" + textwrap.fill(f"Not read by any test: {', '.join(others)}.", 140) + "\n" if others else ""
    return HEAD + "".join(rows) + tail


def main():
    if not SUITES.is_dir():
        sys.exit(f"{SUITES} is not there: set GATEPOST_SUITES")
    text = page(results())
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/suites.md is not what the tests say: tools/suites.py --write")
    return 0


if __name__ == "__main__":
    sys.exit(main())
