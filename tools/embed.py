#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a C file of files: embed.py OUT NAME=PATH..., the table of src/procs/web/site.h."""

import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".js": "text/javascript; charset=utf-8",
}
WIDTH = 40  # octets of a line


def array(number, content):
    lines = (",".join(map(str, content[i : i + WIDTH])) for i in range(0, len(content), WIDTH))
    return f"static const unsigned char file_{number}[] = {{\n" + ",\n".join(lines) + "};\n"


def row(number, name, content):
    kind = TYPES[pathlib.PurePath(name).suffix]
    tag = hashlib.sha256(content).hexdigest()[:32]
    return (
        f'\t{{{{"{name}", {len(name)}}}, "{kind}", "\\"{tag}\\"",\n'
        f"\t {{(const char *)file_{number}, {len(content)}}}}},\n"
    )


def main():
    out, *files = sys.argv[1:]
    contents = [(name, pathlib.Path(path).read_bytes()) for name, path in sorted(f.split("=", 1) for f in files)]
    text = '#include "procs/web/site.h"\n\n'
    text += "".join(array(i, content) for i, (_, content) in enumerate(contents))
    text += "\nconst struct site_file site_files[] = {\n"
    text += "".join(row(i, name, content) for i, (name, content) in enumerate(contents))
    text += "};\nconst size_t site_files_len = GP_ARRAY_LEN(site_files);\n"
    pathlib.Path(out).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
