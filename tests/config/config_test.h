/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration from text, with files that exist only here. */
#pragma once

#include "../unit.h"

#include <errno.h>

#include "core/config/config.h"

/* Two lines with all that must be given, for cases that are about something else. */
#define BASE "hostname: mx.example.org\nlisten: [{address: \"192.0.2.1:25\"}]\n"

struct test_file {
	const char *path, *content;
};

/* Ends with a path of NULL. */
static inline int
read_test_file(void *context, struct gp_slice path, struct gp_arena *arena, struct gp_slice *ret)
{
	const struct test_file *f = context;
	for (; f && f->path; f++) {
		if (gp_slice_eq(path, gp_slice_str(f->path))) {
			*ret = gp_arena_dup(arena, gp_slice_str(f->content));
			return ret->ptr ? 0 : -ENOMEM;
		}
	}
	return -ENOENT;
}

static inline int
look_at_test_file(void *context, struct gp_slice path)
{
	const struct test_file *f = context;
	for (; f && f->path; f++) {
		if (gp_slice_eq(path, gp_slice_str(f->path)))
			return 0;
	}
	return -ENOENT;
}

struct parsed {
	struct gp_arena arena;
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc;
};

static inline void
parse_slice(struct parsed *p, struct gp_slice yaml, const struct test_file *files)
{
	struct gp_config_reader reader = {
		.read = read_test_file, .look = look_at_test_file, .context = (void *)files};
	*p = (struct parsed){.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX)};
	p->rc = gp_config_parse(yaml, GP_SLICE("/etc/g/g.yaml"), files ? &reader : NULL, &p->arena,
				&p->cfg, &p->complaints);
}

static inline void
parse(struct parsed *p, const char *yaml, const struct test_file *files)
{
	parse_slice(p, gp_slice_str(yaml), files);
}

/* All complaints, a line each; the name of the main file is left out. */
static inline void
write_complaints(const struct parsed *p, struct gp_buf *out)
{
	for (size_t i = 0; i < p->complaints.len; i++) {
		struct gp_complaint c = p->complaints.items[i];
		if (gp_slice_eq(c.place.file, GP_SLICE("/etc/g/g.yaml")))
			gp_buf_printf(out, "%u:%u: %.*s", c.place.line, c.place.column,
				      GP_SLICE_FMT(c.text));
		else
			gp_complaint_write(out, &c);
		gp_buf_put_char(out, '\n');
	}
}

/* Parses what has to be right. */
static inline void
parse_good(struct parsed *p, const char *yaml, const struct test_file *files)
{
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	parse(p, yaml, files);
	write_complaints(p, &text);
	if (p->rc != 0)
		fail_msg("%s\n-> %d\n%.*s", yaml, p->rc, GP_SLICE_FMT(gp_buf_slice(&text)));
	gp_buf_free(&text);
}

static inline void
parsed_free(struct parsed *p)
{
	gp_arena_free(&p->arena);
}
