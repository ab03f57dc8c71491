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

/* --- header fields --- */

/*
 * How much of a line is relaxed as it stands: no tab, and each space before something that is
 * neither white space nor a CR. Eight octets at a time, the last of which is only looked at to know
 * what stands behind the seventh. It goes no further than to a CR: who looked at all that follows
 * would do so for each line.
 */
static size_t
find_clean(struct gp_slice s)
{
	enum { STEP = 7 };
	const uint64_t seven = 0x0080808080808080; /* of a word, in the order of memory */
	size_t at = 0;
	for (; at + sizeof(uint64_t) <= s.len; at += STEP) {
		uint64_t x;
		memcpy(&x, s.ptr + at, sizeof(x));
		x = le64toh(x);
		uint64_t spaces = find_octet(x, ' '), stops = find_octet(x, '\t');
		stops |= find_octet(x, '\r');
		uint64_t bad = ((spaces & (spaces | stops) >> 8) | stops) & seven;
		if (bad != 0)
			return at + (size_t)__builtin_ctzll(bad) / 8;
	}
	return at;
}

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
		size_t clean = len > begin ? find_clean(value) : 0;
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

/* The room stays as it is: there are two a message, mostly of no use. */
void
gp_dkim_canon_body_init(struct gp_dkim_canon_body *c, uint8_t canon, struct gp_dkim_sink *sink)
{
	c->canon = canon;
	c->sink = sink;
	c->size = c->breaks = 0;
	c->cr = c->space = false;
	c->len = 0;
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

/* --- relaxed bodies --- */

enum {
	BLOCK = 64,
	AHEAD = 2, /* octets behind one that tell whether it stays */
};

/* Blocks have no branches, so that compilers do many octets at a time, and no text is dearer than
 * others. This one is relaxed as it stands, as most are; a space before a CR is looked at again. */
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

/* Clean blocks at the front, without a CR that may begin a line end. */
static size_t
clean_len(struct gp_slice s)
{
	size_t at = 0;
	while (s.len - at >= BLOCK + AHEAD && is_clean(s.ptr + at))
		at += BLOCK - (s.ptr[at + BLOCK - 1] == '\r');
	return at;
}

/* The first len octets of a block, relaxed: white space goes before white space and before a line
 * end, else it is a space. Returns how many are left. */
static size_t
squeeze(const char *block, size_t len, char to[BLOCK])
{
	char text[BLOCK];
	uint8_t stays[BLOCK];
	size_t left = 0;
	for (size_t i = 0; i < BLOCK; i++) {
		char c = block[i], next = block[i + 1];
		bool white = (c == ' ') | (c == '\t');
		bool end = (next == '\r') & (block[i + AHEAD] == '\n');
		text[i] = c == '\t' ? ' ' : c;
		stays[i] = !(white & ((next == ' ') | (next == '\t') | end));
	}
	for (size_t i = 0; i < len; i++) {
		to[left] = text[i];
		left += stays[i];
	}
	return left;
}

/* Relaxed text. A CR at its end is a bare one: what stood behind it was no LF, if it is gone or
 * not. */
static void
feed_text(struct gp_dkim_canon_body *c, struct gp_slice text)
{
	feed_simple(c, text);
	if (c->cr)
		(void)settle_cr(c, gp_slice(NULL, 0));
}

/* len: at most BLOCK. Returns what is behind them, or behind all but a CR that is their last. */
static struct gp_slice
feed_block(struct gp_dkim_canon_body *c, const char *block, size_t len, struct gp_slice piece)
{
	char text[BLOCK];
	len -= block[len - 1] == '\r';
	feed_text(c, gp_slice(text, squeeze(block, len, text)));
	return gp_slice_drop(piece, len);
}

/* One octet, or the decision about a CR before it. Returns the rest. */
static struct gp_slice
relax_octet(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	if (c->cr)
		return settle_cr(c, piece);
	if (is_wsp(piece.ptr[0]))
		c->space = true;
	else if (piece.ptr[0] == '\r')
		c->cr = true;
	else
		put_text(c, gp_slice_take(piece, 1));
	return gp_slice_drop(piece, 1);
}

static void
feed_relaxed(struct gp_dkim_canon_body *c, struct gp_slice piece)
{
	enum { FEW = 8 };
	if (is_wsp(piece.ptr[0]))
		c->space = false; /* it goes on, and its last octet decides */
	while (c->space && piece.len > 0)
		piece = relax_octet(c, piece);
	while (piece.len >= BLOCK + AHEAD) {
		size_t clean = clean_len(piece);
		if (clean > 0)
			feed_text(c, gp_slice_take(piece, clean));
		piece = clean > 0 ? gp_slice_drop(piece, clean)
				  : feed_block(c, piece.ptr, BLOCK, piece);
	}
	if (piece.len > FEW) {
		char last[BLOCK + AHEAD] = "";
		memcpy(last, piece.ptr, piece.len);
		piece = feed_block(c, last, piece.len - AHEAD, piece);
	}
	while (piece.len > 0)
		piece = relax_octet(c, piece);
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
