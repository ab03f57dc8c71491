/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/canon.h"

#include <endian.h>
#include <string.h>

const char *
gp_dkim_canon_name(uint8_t canon)
{
	return canon == GP_DKIM_SIMPLE ? "simple" : "relaxed";
}

bool
gp_dkim_canon_read(struct gp_slice name, uint8_t *ret)
{
	for (*ret = 0; *ret < GP_DKIM_CANONS; ++*ret) {
		if (gp_slice_eq(name, gp_slice_str(gp_dkim_canon_name(*ret))))
			return true;
	}
	return false;
}

static inline bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* 0x80 in each octet of x that is `octet`, 0 in all others. */
static inline uint64_t
find_octet(uint64_t x, char octet)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;
	x ^= 0x0101010101010101 * (uint8_t)octet;
	return ~(((x & low) + low) | x | low);
}

enum { BLOCK = 64 };

/* Whether a block is relaxed as it stands; the octet behind it is looked at too. There are no
 * branches in it, so that compilers do many octets at a time. */
static bool
is_clean(const char *block)
{
	uint8_t bad = 0;
	for (size_t i = 0; i < BLOCK; i++) {
		char c = block[i], next = block[i + 1];
		bad |= (uint8_t)(c == '\t');
		bad |= (uint8_t)((c == ' ') & ((next == ' ') | (next == '\t') | (next == '\r')));
	}
	return bad == 0;
}

/* Clean blocks; a word is left behind them. */
static size_t
skip_blocks(struct gp_slice s, size_t at)
{
	while (s.len - at >= BLOCK + sizeof(uint64_t) && is_clean(s.ptr + at))
		at += BLOCK;
	return at;
}

/*
 * How much of the front is relaxed as it stands, line ends apart: no tab, and each space before
 * something that is neither white space nor a CR: most of most bodies is like that. Eight octets at
 * a time, the last of which is only looked at to know what stands behind the seventh; by blocks
 * where the first of them promise well. line: no further than to a CR, so that who wants a line
 * does not look at all that follows for each.
 */
static inline size_t
find_clean(struct gp_slice s, bool line)
{
	enum { STEP = 7, PROMISE = 2 * STEP };
	const uint64_t seven = 0x0080808080808080; /* of a word, in the order of memory */
	size_t at = 0;
	for (; at + sizeof(uint64_t) <= s.len; at += STEP) {
		uint64_t x;
		if (at == PROMISE && !line)
			at = skip_blocks(s, at);
		memcpy(&x, s.ptr + at, sizeof(x));
		x = le64toh(x);
		uint64_t spaces = find_octet(x, ' '), tabs = find_octet(x, '\t');
		uint64_t crs = find_octet(x, '\r'), ends = spaces | tabs | crs;
		uint64_t bad = ((spaces & ends >> 8) | tabs | (line ? crs : 0)) & seven;
		if (bad != 0)
			return at + (size_t)__builtin_ctzll(bad) / 8;
	}
	return at;
}

/* --- header fields --- */

/* What is left of white space and line ends at the front, and the octet behind them. Returns how
 * much was written of that. */
static size_t
relax_gap(struct gp_slice *value, bool begins, char *to)
{
	size_t len = 0;
	bool space = false;
	for (; value->len > 0; *value = gp_slice_drop(*value, 1)) {
		char c = value->ptr[0];
		if (is_wsp(c)) {
			space = true;
		} else if (c == '\r' && value->len > 1 && value->ptr[1] == '\n') {
			*value = gp_slice_drop(*value, 1);
		} else {
			if (space && !begins)
				to[len++] = ' ';
			to[len++] = c;
			*value = gp_slice_drop(*value, 1);
			break;
		}
	}
	return len;
}

/* Section 3.4.2 to the letter; `to` has room for the field and 2 octets. Returns the length. */
static size_t
relax_field(struct gp_slice field, char *to)
{
	struct gp_slice value = field, name = gp_slice_trim(gp_slice_cut(&value, ':'));
	size_t len = 0;
	for (size_t i = 0; i < name.len; i++)
		to[len++] = gp_ascii_lower(name.ptr[i]);
	to[len++] = ':';
	size_t begin = len;
	while (value.len > 0) {
		size_t clean = len > begin ? find_clean(value, true) : 0;
		memcpy(to + len, value.ptr, clean);
		len += clean;
		value = gp_slice_drop(value, clean);
		len += relax_gap(&value, len == begin, to + len);
	}
	to[len++] = '\r';
	to[len++] = '\n';
	return len;
}

void
gp_dkim_canon_field(struct gp_slice field, uint8_t canon, struct gp_buf *out)
{
	enum { CRLF_LEN = 2, COLON_LEN = 1 };
	if (canon == GP_DKIM_SIMPLE) {
		gp_buf_put(out, field);
		return;
	}
	char *to = gp_buf_reserve(out, field.len + COLON_LEN + CRLF_LEN);
	if (to)
		gp_buf_advance(out, relax_field(field, to));
}

/* --- bodies --- */

struct gp_dkim_canon_body
gp_dkim_canon_body(uint8_t canon, struct gp_dkim_sink *sink)
{
	return (struct gp_dkim_canon_body){.canon = canon, .sink = sink};
}

static void
flush(struct gp_dkim_canon_body *c)
{
	if (c->len > 0)
		c->sink->put(c->sink, gp_slice(c->room, c->len));
	c->len = 0;
}

/* Small pieces are gathered, since a hash is dear to feed by words. */
static inline void
put(struct gp_dkim_canon_body *c, struct gp_slice s)
{
	c->size += s.len;
	if (s.len > sizeof(c->room) - c->len) {
		flush(c);
		if (s.len > sizeof(c->room)) {
			c->sink->put(c->sink, s);
			return;
		}
	}
	memcpy(c->room + c->len, s.ptr, s.len);
	c->len = (uint16_t)(c->len + s.len);
}

static inline void
put_octet(struct gp_dkim_canon_body *c, char octet)
{
	if (c->len == sizeof(c->room))
		flush(c);
	c->room[c->len++] = octet;
	c->size++;
}

/* What waited for text to follow it counts now. */
static inline void
put_text(struct gp_dkim_canon_body *c, struct gp_slice text)
{
	for (; c->breaks > 0; c->breaks--) {
		put_octet(c, '\r');
		put_octet(c, '\n');
	}
	if (c->space)
		put_octet(c, ' ');
	c->space = false;
	if (text.len == 1)
		put_octet(c, text.ptr[0]);
	else
		put(c, text);
}

/* A CR was the last octet of the piece before: alone it is text. Returns the rest of this one. */
static struct gp_slice
settle_cr(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	c->cr = false;
	if (piece.len == 0 || piece.ptr[0] != '\n') {
		put_text(c, GP_SLICE("\r"));
		return piece;
	}
	c->breaks++;
	c->space = false;
	return gp_slice_drop(piece, 1);
}

/* All counts but the line ends at the end, so it is there that one has to look. */
static void
feed_simple(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	struct gp_slice text = piece;
	uint64_t breaks = 0;
	c->cr = text.len > 0 && text.ptr[text.len - 1] == '\r';
	text.len -= c->cr;
	for (; text.len >= 2 && text.ptr[text.len - 1] == '\n' && text.ptr[text.len - 2] == '\r';
	     breaks++)
		text.len -= 2;
	if (text.len > 0)
		put_text(c, text);
	c->breaks += breaks;
}

/* Octet by octet, whatever they are. */
static void
relax(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	while (piece.len > 0) {
		if (c->cr) {
			piece = settle_cr(c, piece);
			continue;
		}
		size_t len = 0;
		while (len < piece.len && !is_wsp(piece.ptr[len]) && piece.ptr[len] != '\r')
			len++;
		if (len > 0)
			put_text(c, gp_slice_take(piece, len));
		piece = gp_slice_drop(piece, len);
		if (piece.len == 0)
			break;
		c->cr = piece.ptr[0] == '\r';
		c->space = c->space || !c->cr;
		piece = gp_slice_drop(piece, 1);
	}
}

static void
feed_relaxed(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	while (piece.len > 0) {
		size_t clean = c->space || c->cr ? 0 : find_clean(piece, false);
		if (clean > 0)
			feed_simple(c, gp_slice_take(piece, clean));
		piece = gp_slice_drop(piece, clean);
		/* To the end of the line by octets, since one that has something has more. */
		ptrdiff_t end = gp_slice_find(piece, '\n');
		size_t line = end < 0 ? piece.len : (size_t)end + 1;
		relax(c, gp_slice_take(piece, line));
		piece = gp_slice_drop(piece, line);
	}
}

void
gp_dkim_canon_body_feed(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	if (piece.len > 0 && c->cr)
		piece = settle_cr(c, piece);
	if (piece.len == 0)
		return;
	if (c->canon == GP_DKIM_SIMPLE)
		feed_simple(c, piece);
	else
		feed_relaxed(c, piece);
}

/*
 * A body ends in exactly one line end; without any text a simple one is that alone, a relaxed one
 * nothing. White space behind the last line end stands at the end of no line, and counts: so others
 * have it too, and it can only happen to a body that came by BDAT, or from a file.
 */
void
gp_dkim_canon_body_end(struct gp_dkim_canon_body *c)
{
	if (c->cr)
		(void)settle_cr(c, gp_slice(NULL, 0));
	if (c->space)
		put_text(c, GP_SLICE(""));
	if (c->size > 0 || c->canon == GP_DKIM_SIMPLE)
		put(c, GP_SLICE("\r\n"));
	flush(c);
}
