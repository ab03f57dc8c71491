#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generates the tables of known server software from src/core/software/prints/ and weaknesses.txt.

usage: softgen.py OUT.c FILE...

The form of the files is in src/core/software/README.md, that of the tables in print.h. What could not be meant is an
error with file and line: a word or field that is not there, a weight out of range, a weakness of an unknown product.
"""

import re
import sys

FIELDS = (
    "greeting ehlo ehlo_tls helo help unknown malformed long noop starttls quit vrfy expn rset mail rcpt".split()
)
PROBES = ("smuggling", "injection")
# A claim is a line of somebody's configuration. Nothing is certain, least of all what nobody has tried.
WEIGHT_MAX = {"claim": 0.5, "trait": 0.95, "order": 0.95, "pause": 0.95, "other": 0.95}
WEIGHT_MAX_UNSEEN = 0.6
PATTERN_MAX = 200
VERSION = re.compile(r"\d+(\.\d+)*")


class Line:
    def __init__(self, path, number, text):
        self.path, self.number, self.rest = path, number, text

    def fail(self, why):
        sys.exit(f"{self.path}:{self.number}: {why}")

    def word(self, what):
        word, _, rest = self.rest.strip().partition(" ")
        self.rest = rest.strip()
        return word or self.fail(f"{what} is missing")

    def field(self):
        name = self.word("a field")
        return name if name in FIELDS else self.fail(f"no field has the name {name}")

    def fraction(self, limit):
        word = self.word("a weight")
        if not re.fullmatch(r"0\.\d{1,2}", word) or not 0 < float(word) <= limit:
            self.fail(f"{word} is no weight over 0 and up to {limit}, with two digits")
        return round(float(word) * 1000)

    def pattern(self):
        pattern, self.rest = self.rest, ""
        if not 0 < len(pattern) <= PATTERN_MAX or not pattern.isascii() or not pattern.isprintable():
            self.fail(f"a pattern has 1 to {PATTERN_MAX} printable octets of ASCII")
        return pattern

    def end(self):
        if self.rest:
            self.fail(f"nothing stands behind here: {self.rest}")


def lines_of(path):
    """Without comments; a line that begins with a blank goes on with the one before it."""
    found = []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if text[0] == " " and found:
                found[-1].rest += " " + text.strip()
            elif text.strip() and not text.startswith("#"):
                found.append(Line(path, number, text.rstrip("\n")))
    return found


def text(value):
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")  # two begin a trigraph
    return f'"{escaped}"'


def macro(prefix, name):
    return f"{prefix}_{name.upper()}"


# --- prints: a file each product ---


class Print:
    def __init__(self, name):
        self.name, self.base, self.seen, self.clues = name, None, None, []


def parse_clue(kind, line, seen):
    field = "greeting" if kind == "pause" else line.field()
    if kind == "order" and field not in ("ehlo", "ehlo_tls"):
        line.fail("an order is one of ehlo or ehlo_tls")
    limit = WEIGHT_MAX[kind] if seen else min(WEIGHT_MAX[kind], WEIGHT_MAX_UNSEEN)
    weight = line.fraction(limit)
    pause, pattern = 0, ""
    if kind == "pause":
        pause = int(line.word("milliseconds"))
    elif kind != "other":
        pattern = line.pattern()
    line.end()
    return kind, field, weight, pause, pattern


def parse_print(path):
    found = []
    for line in lines_of(path):
        word = line.word("a word")
        if word == "product":
            found.append(Print(line.rest))
        elif not found:
            line.fail("a file begins with its product")
        elif word == "on":
            found[-1].base = line.rest
        elif word in ("seen", "unseen"):
            found[-1].seen = word == "seen"
            if not line.rest:
                line.fail("say what was seen, or where it is told")
        elif word not in WEIGHT_MAX:
            line.fail(f"no line begins with {word}")
        elif found[-1].seen is None:
            line.fail("say first whether it was seen")
        else:
            found[-1].clues.append(parse_clue(word, line, found[-1].seen))
    return found


def print_tables(prints):
    out = []
    for i, p in enumerate(prints):
        out.append(f"static const struct gp_print_clue clues_{i}[] = {{")
        for kind, field, weight, pause, pattern in p.clues:
            kind, field = macro("GP_PRINT", kind), macro("GP_SOFTWARE", field)
            out.append(f"\t{{{kind}, {field}, {weight}, {pause}, GP_SLICE({text(pattern)})}},")
        out.append("};")
    out.append("const struct gp_print gp_prints[] = {")
    for i, p in enumerate(prints):
        base = text(p.base) if p.base else "NULL"
        out.append(f"\t{{{text(p.name)}, {base}, clues_{i}, GP_ARRAY_LEN(clues_{i})}},")
    return [*out, "};", "const size_t gp_prints_len = GP_ARRAY_LEN(gp_prints);"]


# --- weaknesses: one file ---


class Weakness:
    def __init__(self, line):
        self.line = line
        self.id, self.product = line.word("an id"), line.rest
        self.since, self.fixed, self.sights = None, [], []
        self.confidence, self.probe, self.what = 0, None, ""


def version(line, word):
    return word if VERSION.fullmatch(word) else line.fail(f"{word} is no version")


def parse_weaknesses(path, products):
    found = []
    for line in lines_of(path):
        word = line.word("a word")
        current = found[-1] if found else None
        if word == "weakness":
            found.append(Weakness(line))
            if found[-1].product not in products:
                line.fail(f"no print is of {found[-1].product}")
        elif not current:
            line.fail("the file begins with a weakness")
        elif word == "since":
            current.since = version(line, line.rest)
        elif word == "fixed":
            current.fixed = [version(line, each) for each in line.rest.split()]
        elif word == "where":
            current.sights.append((line.field(), line.pattern()))
        elif word == "confidence":
            current.confidence = line.fraction(0.5)
        elif word == "probe":
            current.probe = line.rest if line.rest in PROBES else line.fail(f"no probe has the name {line.rest}")
        elif word == "what":
            current.what = line.rest
        else:
            line.fail(f"no line begins with {word}")
    for weakness in found:
        if not (weakness.fixed and weakness.confidence and weakness.what):
            weakness.line.fail("it needs fixed, confidence and what")
    return found


def weakness_tables(weaknesses):
    out = []
    for i, w in enumerate(weaknesses):
        out.append(f"static const char *const fixed_{i}[] = {{{', '.join(map(text, w.fixed))}}};")
        sights = [f"{{{macro('GP_SOFTWARE', f)}, GP_SLICE({text(p)})}}" for f, p in w.sights]
        if sights:
            out.append(f"static const struct gp_weakness_sight sights_{i}[] = {{{', '.join(sights)}}};")
    out.append("const struct gp_weakness gp_weaknesses[] = {")
    for i, w in enumerate(weaknesses):
        since = text(w.since) if w.since else "NULL"
        sights = f"sights_{i}" if w.sights else "NULL"
        probe = macro("GP_SOFTWARE", w.probe) if w.probe else "0"
        out.append(f"\t{{{text(w.id)}, {text(w.product)}, {since}, fixed_{i}, {len(w.fixed)},")
        out.append(f"\t {sights}, {len(w.sights)}, {w.confidence}, {probe}, {text(w.what)}}},")
    return [*out, "};", "const size_t gp_weaknesses_len = GP_ARRAY_LEN(gp_weaknesses);"]


def main(out, *paths):
    *print_paths, weakness_path = paths
    prints = [p for path in print_paths for p in parse_print(path)]
    products = {p.name for p in prints}
    for p in prints:
        if p.base and p.base not in products:
            sys.exit(f"{p.name} is built on {p.base}, of which there is no print")
    lines = ["/* Generated by tools/softgen.py. */", '#include "core/software/print.h"', ""]
    lines += print_tables(prints) + weakness_tables(parse_weaknesses(weakness_path, products))
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
