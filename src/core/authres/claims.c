/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "core/authres/authres.h"
#include "core/authres/lex.h"
#include "core/dns/idn.h"

static const struct gp_slice field_name = GP_SLICE("Authentication-Results");

/* How a reader may take a comment that stands within the id. */
enum reading { COMMENT_ENDS, COMMENT_IS_NOTHING };

/* What no id has: there it ends, whatever follows. */
static bool
ends_id(int c)
{
	return c < 0 || gp_authres_is_space((char)c) || (c != '\0' && strchr(";)=/,<>@:[]", c));
}

/* Steps over a piece of the id. False: it is broken. */
static bool
take_piece(struct gp_scan *c, struct gp_buf *id)
{
	size_t from = c->at;
	if (gp_scan_peek(c) != '"') {
		c->at++;
		return gp_buf_put(id, gp_scan_since(c, from));
	}
	if (!gp_authres_skip_quoted(c))
		return false;
	struct gp_slice piece = gp_scan_since(c, from);
	char *to = gp_buf_reserve(id, piece.len);
	if (to)
		gp_buf_advance(id, gp_authres_unquote(piece, to));
	return to != NULL;
}

/* Reads the value's id into the buffer. False: it is one that nobody can be sure of. */
static bool
read_id(struct gp_slice value, enum reading reading, struct gp_buf *id)
{
	struct gp_scan c = gp_scan(value);
	if (!gp_authres_skip_cfws(&c))
		return false;
	while (!ends_id(gp_scan_peek(&c))) {
		bool comment = gp_scan_peek(&c) == '(';
		if (comment && reading == COMMENT_ENDS)
			break;
		if (comment ? !gp_authres_skip_cfws(&c) : !take_piece(&c, id))
			return false;
	}
	bool encoded = gp_slice_starts(gp_scan_rest(&c), GP_SLICE("=?"));
	return !encoded && gp_buf_slice(id).len > 0;
}

static struct gp_slice
without_dots(struct gp_slice s)
{
	while (s.len > 0 && s.ptr[s.len - 1] == '.')
		s.len--;
	return s;
}

/* Is it ours, or such that it may be taken for ours? 1, 0, or -ENOMEM. */
static int
judge_id(struct gp_slice found, struct gp_slice id, struct gp_arena *arena)
{
	struct gp_slice a, b, text = without_dots(gp_slice_trim(found));
	if (!gp_utf8_printable(text) || memmem(text.ptr, text.len, "=?", 2))
		return 1;
	int rc = gp_idn_to_ascii(text, arena, &a);
	if (rc != 0)
		return rc;
	rc = gp_idn_to_ascii(without_dots(id), arena, &b);
	gp_assert(rc <= 0); /* ours is a name */
	return rc < 0 ? rc : gp_slice_eq(a, b);
}

static int
judge_value(struct gp_slice value, enum reading reading, struct gp_slice id, struct gp_arena *arena)
{
	struct gp_buf found = GP_BUF_INIT(4096);
	int rc = 1;
	if (read_id(value, reading, &found))
		rc = judge_id(gp_buf_slice(&found), id, arena);
	gp_buf_free(&found);
	return rc;
}

int
gp_authres_claims(const struct gp_header *h, size_t i, struct gp_slice id, struct gp_arena *arena)
{
	if (h->fields[i].name_len == 0)
		return gp_slice_starts_nocase(gp_slice_trim(gp_header_raw(h, i)), field_name);
	if (!gp_slice_eq_nocase(gp_header_name(h, i), field_name))
		return 0;
	struct gp_slice value = gp_header_value(h, i);
	int rc = judge_value(value, COMMENT_ENDS, id, arena);
	return rc == 0 ? judge_value(value, COMMENT_IS_NOTHING, id, arena) : rc;
}
