/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/dovecot.h"

#include <errno.h>

#include "base/base64.h"

/* What an escape's second octet stands for, or -1. */
static int
escaped(char c)
{
	switch (c) {
	case '0':
		return '\0';
	case '1':
		return '\1';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	default:
		return -1;
	}
}

/* Returns 0, 1 or -ENOMEM. */
static int
unescape(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	char *to = gp_arena_alloc(arena, text.len);
	size_t len = 0;
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++) {
		int c = (unsigned char)text.ptr[i];
		if (c == '\1')
			c = ++i < text.len ? escaped(text.ptr[i]) : -1;
		if (c < 0)
			return 1;
		to[len++] = (char)c;
	}
	*ret = gp_slice(to, len);
	return 0;
}

static bool
take_number(struct gp_slice *rest, uint32_t *ret)
{
	uint64_t n;
	if (!gp_slice_u64(gp_slice_cut(rest, '\t'), UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* ID, then what is known of the request. */
static int
take_verdict(struct gp_slice rest, struct gp_arena *arena, struct gp_dovecot_line *ret)
{
	if (!take_number(&rest, &ret->id))
		return 1;
	while (rest.len > 0) {
		struct gp_slice field = gp_slice_cut(&rest, '\t');
		if (gp_slice_eq(field, GP_SLICE("temp")) ||
		    gp_slice_eq(field, GP_SLICE("code=temp_fail")))
			ret->temporary = true;
		if (!gp_slice_starts(field, GP_SLICE("user=")))
			continue;
		int r = unescape(gp_slice_drop(field, 5), arena, &ret->user);
		if (r != 0)
			return r;
	}
	return 0;
}

int
gp_dovecot_parse(struct gp_slice line, struct gp_arena *arena, struct gp_dovecot_line *ret)
{
	static const struct {
		const char *word;
		enum gp_dovecot_kind kind;
	} words[] = {{"VERSION", GP_DOVECOT_VERSION},
		     {"DONE", GP_DOVECOT_DONE},
		     {"OK", GP_DOVECOT_OK},
		     {"FAIL", GP_DOVECOT_FAIL}};
	struct gp_slice rest = line, word = gp_slice_cut(&rest, '\t');
	*ret = (struct gp_dovecot_line){};
	if (line.len > GP_DOVECOT_LINE_MAX)
		return 1;
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (gp_slice_eq(word, gp_slice_str(words[i].word)))
			ret->kind = (uint8_t)words[i].kind;
	}
	if (ret->kind == GP_DOVECOT_VERSION)
		return !take_number(&rest, &ret->major);
	if (ret->kind == GP_DOVECOT_OK || ret->kind == GP_DOVECOT_FAIL)
		return take_verdict(rest, arena, ret);
	return 0;
}

void
gp_dovecot_write_hello(struct gp_buf *out, uint32_t pid)
{
	gp_buf_printf(out, "VERSION\t1\t1\nCPID\t%u\n", pid);
}

void
gp_dovecot_write_request(struct gp_buf *out, uint32_t id, struct gp_slice name,
			 struct gp_slice password, struct gp_slice address)
{
	struct gp_buf plain = GP_BUF_INIT(4096);
	gp_buf_put_char(&plain, '\0');
	gp_buf_put(&plain, name);
	gp_buf_put_char(&plain, '\0');
	gp_buf_put(&plain, password);
	/* secured: the client came by TLS. resp= must be the last. */
	gp_buf_printf(out, "AUTH\t%u\tPLAIN\tservice=smtp\tsecured\tnologin\trip=%.*s\tresp=", id,
		      GP_SLICE_FMT(address));
	gp_base64_put(out, gp_buf_slice(&plain));
	gp_buf_put_char(out, '\n');
	out->failed = out->failed || plain.failed;
	gp_buf_free(&plain);
}
