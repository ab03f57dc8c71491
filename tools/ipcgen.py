#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Generates the messages between processes from src/ipc/messages.schema.

usage: ipcgen.py SCHEMA OUT.h OUT.c
       ipcgen.py --table SCHEMA OUT.h    the schema itself as a table, for tests that write messages by it
       ipcgen.py --seeds SCHEMA FOLDER   one message of each type, as fuzz/ipc_message.c takes them

The decoder trusts nothing: every length has a cap in the schema, lists are allocated in the caller's arena
and only when the input is long enough to hold that many members, and octets left over are an error.
"""
import pathlib
import re
import shutil
import sys

SCALARS = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "bool": "bool"}
WIDTH = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "bool": 1}


class Field:
    def __init__(self, kind, name, of=None, cap=None):
        self.kind, self.name, self.of, self.cap = kind, name, of, cap


class Record:
    def __init__(self, kind, name, header=None, cap=0):
        self.kind, self.name, self.header, self.cap = kind, name, header, cap
        self.fields = []
        self.fd = "none"
        self.secret = False

    @property
    def struct(self):
        return ("gp_msg_" if self.kind == "message" else "gp_") + self.name


def parse_field(text):
    kind, name = text.rsplit(None, 1)
    if kind in SCALARS:
        return Field(kind, name)
    match = re.fullmatch(r"bytes\((\d+)\)", kind)
    if match:
        return Field("bytes", name, cap=int(match[1]))
    match = re.fullmatch(r"one\((\w+)\)", kind)
    if match:
        return Field("one", name, of=match[1])
    match = re.fullmatch(r"list\((\w+), *(\d+)\)", kind)
    if match:
        return Field("list", name, of=match[1], cap=int(match[2]))
    sys.exit(f"ipcgen: unknown field type: {text}")


def parse(path):
    records, channels = [], []
    for line in open(path, encoding="utf-8"):
        line = line.split("#", 1)[0].rstrip()
        if not line:
            continue
        if line[0] != "\t":
            words = line.split()
            if words[0] == "channel":
                channels.append((words[1], words[2], {}))
                current = None
            else:
                extra = words[2] if len(words) > 2 else None
                current = Record(words[0], words[1], header=extra if words[0] == "extern" else None,
                                 cap=int(extra) if words[0] == "message" else 0)
                records.append(current)
        elif current is None:
            speaker, said = line.strip().split(":")
            channels[-1][2][speaker] = said.split()
        elif line.strip().startswith("fd "):
            current.fd = line.split()[1]
        elif line.strip() == "secret":
            current.secret = True
        else:
            current.fields.append(parse_field(line.strip()))
    return records, channels


def least(record, by_name):
    """The fewest octets that the record can take when encoded: bounds a list's count before allocating."""
    total = 0
    for f in record.fields:
        total += WIDTH.get(f.kind) or (least(by_name[f.of], by_name) if f.kind == "one" else 4)
    return total


def declare(record):
    out = [f"struct {record.struct} {{"]
    for f in record.fields:
        if f.kind in SCALARS:
            out.append(f"\t{SCALARS[f.kind]} {f.name};")
        elif f.kind == "bytes":
            out.append(f"\tstruct gp_slice {f.name}; /* at most {f.cap} octets */")
        elif f.kind == "one":
            out.append(f"\tstruct gp_{f.of} {f.name};")
        else:
            out.append(f"\tconst struct gp_{f.of} *{f.name}; /* at most {f.cap} */")
            out.append(f"\tsize_t {f.name}_len;")
    if not record.fields:
        out.append("\tuint8_t empty; /* says nothing but its type */")
    return out + ["};", ""]


def encoder(record):
    unused = "" if record.fields else "\t(void)b;\n\t(void)v;\n"
    out = ["static void", f"encode_{record.name}(struct gp_buf *b, const struct {record.struct} *v)", "{"]
    if unused:
        out.append(unused.rstrip("\n"))
    for f in record.fields:
        if f.kind == "bool":
            out.append(f"\tgp_write_u8(b, v->{f.name});")
        elif f.kind in SCALARS:
            out.append(f"\tgp_write_{f.kind}(b, v->{f.name});")
        elif f.kind == "bytes":
            out.append(f"\tput_bytes(b, v->{f.name}, {f.cap});")
        elif f.kind == "one":
            out.append(f"\tencode_{f.of}(b, &v->{f.name});")
        else:
            out += [f"\tput_count(b, v->{f.name}_len, {f.cap});",
                    f"\tfor (size_t i = 0; i < v->{f.name}_len; i++)",
                    f"\t\tencode_{f.of}(b, &v->{f.name}[i]);"]
    return out + ["}", ""]


def decoder(record, by_name):
    out = ["static void",
           f"decode_{record.name}(struct gp_reader *r, struct gp_arena *arena, struct {record.struct} *v)", "{",
           "\t(void)arena;"]
    if not record.fields:
        out += ["\t(void)r;", "\t(void)v;"]
    for f in record.fields:
        if f.kind == "bool":
            out.append(f"\tv->{f.name} = get_bool(r);")
        elif f.kind in SCALARS:
            out.append(f"\tv->{f.name} = gp_read_{f.kind}(r);")
        elif f.kind == "bytes":
            out.append(f"\tv->{f.name} = gp_read_bytes(r, {f.cap});")
        elif f.kind == "one":
            out.append(f"\tdecode_{f.of}(r, arena, &v->{f.name});")
        else:
            out += [f"\tsize_t {f.name}_len = get_count(r, {f.cap}, {least(by_name[f.of], by_name)});",
                    f"\tstruct gp_{f.of} *{f.name} = gp_arena_array(arena, {f.name}_len, sizeof(*{f.name}));",
                    f"\tfor (size_t i = 0; {f.name} && i < {f.name}_len; i++)",
                    f"\t\tdecode_{f.of}(r, arena, &{f.name}[i]);",
                    f"\tv->{f.name} = {f.name};",
                    f"\tv->{f.name}_len = {f.name} ? {f.name}_len : 0;"]
    return out + ["}", ""]


def header(records, channels):
    messages = [r for r in records if r.kind == "message"]
    out = ["/* Generated by tools/ipcgen.py from src/ipc/messages.schema. */", "#pragma once", "",
           '#include "base/arena.h"', '#include "base/buf.h"']
    out += [f'#include "{h}"' for h in sorted({r.header for r in records if r.header})] + [""]
    out += ["enum gp_message_type {"]
    out += [f"\tGP_MSG_{m.name.upper()} = {n}," for n, m in enumerate(messages, 1)]
    out += [f"\tGP_MSG_COUNT = {len(messages) + 1},", "};", ""]
    for r in records:
        if r.kind != "extern":
            out += declare(r)
    out += ["/* One message. Slices and lists belong to whoever made it, or to what was decoded. */",
            "struct gp_message {", "\tenum gp_message_type type;",
            "\tint fd; /* the descriptor that goes along, or -1 */", "\tunion {"]
    out += [f"\t\tstruct gp_msg_{m.name} {m.name};" for m in messages]
    out += ["\t};", "};", "",
            "/* Who may say what: bit T is set when a message of type T is permitted. */",
            "typedef unsigned __int128 gp_permit;", "#define GP_PERMIT(type) ((gp_permit)1 << (type))",
            "#define GP_PERMIT_NOTHING ((gp_permit)0)",
            "static_assert(GP_MSG_COUNT <= 8 * sizeof(gp_permit));"]
    for a, b, said in channels:
        for speaker in (a, b):
            bits = " | ".join(f"GP_PERMIT(GP_MSG_{s.upper()})" for s in said[speaker]) or "GP_PERMIT_NOTHING"
            listener = b if speaker == a else a
            out.append(f"#define GP_PERMIT_{speaker.upper()}_TO_{listener.upper()} ({bits})")
    out += ["", "/* The message's name for logs; \"?\" for a type that is none. */",
            "const char *", "gp_message_name(unsigned type);", "",
            "/* Appends the payload; false when a field is over its cap, or the message over its own. */",
            "[[nodiscard]] bool", "gp_message_encode(struct gp_buf *out, const struct gp_message *m);", "",
            "/* Reads a payload of this type. False: malformed, over a cap, octets left over, a descriptor too many or",
            "   missing. Slices of *ret point into payload, lists live in the arena. ret->fd is fd. */",
            "[[nodiscard]] bool",
            "gp_message_decode(unsigned type, struct gp_slice payload, int fd, struct gp_arena *arena,",
            "                  struct gp_message *ret);", "",
            "/* The cap on an encoded message of this type; 0: there is no such type. */",
            "size_t", "gp_message_max(unsigned type);", "",
            "/* Whether what it says is a secret, of which nothing stays behind in memory. */",
            "bool", "gp_message_is_secret(unsigned type);", ""]
    return "\n".join(out)


def source(records):
    messages = [r for r in records if r.kind == "message"]
    by_name = {r.name: r for r in records}
    out = ["/* Generated by tools/ipcgen.py from src/ipc/messages.schema. */",
           '#include "ipc/messages.h"', "", '#include "base/wire.h"', "",
           "static void", "put_bytes(struct gp_buf *b, struct gp_slice s, size_t max)", "{",
           "\tif (s.len > max)", "\t\tb->failed = true;", "\tgp_write_bytes(b, s);", "}", "",
           "static void", "put_count(struct gp_buf *b, size_t n, size_t max)", "{",
           "\tif (n > max)", "\t\tb->failed = true;", "\tgp_write_u32(b, (uint32_t)n);", "}", "",
           "static bool", "get_bool(struct gp_reader *r)", "{",
           "\tuint8_t v = gp_read_u8(r);", "\tif (v > 1)", "\t\tr->failed = true;", "\treturn v == 1;", "}", "",
           "static size_t", "get_count(struct gp_reader *r, size_t max, size_t least)", "{",
           "\tsize_t n = gp_read_u32(r);", "\tif (n > max || n > r->rest.len / least)",
           "\t\tr->failed = true;", "\treturn r->failed ? 0 : n;", "}", ""]
    for r in records:
        out += encoder(r) + decoder(r, by_name)
    out += ["static const struct {", "\tconst char *name;", "\tsize_t max;", "\tuint8_t fd_min, fd_max;",
            "\tbool secret;",
            "} types[GP_MSG_COUNT] = {"]
    for m in messages:
        lo, hi = {"none": (0, 0), "optional": (0, 1), "required": (1, 1)}[m.fd]
        secret = "true" if m.secret else "false"
        out.append(f'\t[GP_MSG_{m.name.upper()}] = {{"{m.name}", {m.cap}, {lo}, {hi}, {secret}}},')
    out += ["};", "", "const char *", "gp_message_name(unsigned type)", "{",
            '\treturn type < GP_MSG_COUNT && types[type].name ? types[type].name : "?";', "}", "",
            "size_t", "gp_message_max(unsigned type)", "{",
            "\treturn type < GP_MSG_COUNT ? types[type].max : 0;", "}", "",
            "bool", "gp_message_is_secret(unsigned type)", "{",
            "\treturn type < GP_MSG_COUNT && types[type].secret;", "}", "",
            "bool", "gp_message_encode(struct gp_buf *out, const struct gp_message *m)", "{",
            "\tsize_t before = out->len;", "\tswitch (m->type) {"]
    for m in messages:
        out += [f"\tcase GP_MSG_{m.name.upper()}:", f"\t\tencode_{m.name}(out, &m->{m.name});", "\t\tbreak;"]
    out += ["\tcase GP_MSG_COUNT:", "\tdefault:", "\t\treturn false;", "\t}",
            "\treturn !out->failed && out->len - before <= gp_message_max(m->type);", "}", "",
            "bool", "gp_message_decode(unsigned type, struct gp_slice payload, int fd, struct gp_arena *arena,",
            "\t\tstruct gp_message *ret)", "{",
            "\tif (gp_message_max(type) < payload.len || type >= GP_MSG_COUNT || !types[type].name)",
            "\t\treturn false;",
            "\tif ((fd >= 0 && types[type].fd_max == 0) || (fd < 0 && types[type].fd_min == 1))",
            "\t\treturn false;",
            "\tstruct gp_reader r = gp_reader(payload);",
            "\tret->type = type;", "\tret->fd = fd;", "\tswitch (ret->type) {"]
    for m in messages:
        out += [f"\tcase GP_MSG_{m.name.upper()}:", f"\t\tdecode_{m.name}(&r, arena, &ret->{m.name});", "\t\tbreak;"]
    out += ["\tcase GP_MSG_COUNT:", "\tdefault:", "\t\treturn false;", "\t}",
            "\treturn gp_read_end(&r) && !arena->failed;", "}", ""]
    return "\n".join(out)


def table(records):
    out = ["/* Generated by tools/ipcgen.py from src/ipc/messages.schema; tests/ipc/schema.h declares the types. */"]
    for r in records:
        rows = [f"static const struct schema_field {r.kind}_{r.name}_fields[] = {{"]
        for f in r.fields:
            of = f"&struct_{f.of}" if f.of else "NULL"
            rows.append(f'\t{{"{f.name}", FIELD_{f.kind.upper()}, {f.cap or 0}, {of}}},')
        kind = "message" if r.kind == "message" else "struct"
        rows = [row.replace(f"{r.kind}_{r.name}_fields", f"{kind}_{r.name}_fields") for row in rows]
        fields = f"{kind}_{r.name}_fields, {len(r.fields)}" if r.fields else "NULL, 0"
        out += (rows + ["};"]) if r.fields else []
        out += [f"static const struct schema_record {kind}_{r.name} = {{",
                f'\t"{r.name}", {r.cap}, FD_{r.fd.upper()}, {fields}}};', ""]
    out += ["static const struct schema_record *const schema_messages[] = {", "\tNULL, /* there is no type 0 */"]
    out += [f"\t&message_{r.name}," for r in records if r.kind == "message"]
    return "\n".join(out + ["};", ""])


def sample(record, by_name):
    """One that fits, encoded: ones, a short text, lists of one."""
    out = b""
    for f in record.fields:
        if f.kind in WIDTH:
            out += (1).to_bytes(WIDTH[f.kind], "little")
        elif f.kind == "bytes":
            text = b"a@b.test"[: f.cap]
            out += len(text).to_bytes(4, "little") + text
        else:
            out += (1).to_bytes(4, "little") if f.kind == "list" else b""
            out += sample(by_name[f.of], by_name)
    return out


def write_seeds(records, folder):
    """Anew, so that none stays of a message that is no more, and the folder is newer than the schema."""
    by_name = {r.name: r for r in records if r.kind != "message"}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, m in enumerate((r for r in records if r.kind == "message"), 1):
        (folder / m.name).write_bytes(bytes([number, m.fd != "none"]) + sample(m, by_name))


def main():
    if sys.argv[1] == "--seeds":
        write_seeds(parse(sys.argv[2])[0], pathlib.Path(sys.argv[3]))
        return
    if sys.argv[1] == "--table":
        with open(sys.argv[3], "w", encoding="utf-8") as f:
            f.write(table(parse(sys.argv[2])[0]))
        return
    schema, out_h, out_c = sys.argv[1:]
    records, channels = parse(schema)
    with open(out_h, "w", encoding="utf-8") as f:
        f.write(header(records, channels))
    with open(out_c, "w", encoding="utf-8") as f:
        f.write(source(records))


if __name__ == "__main__":
    main()
