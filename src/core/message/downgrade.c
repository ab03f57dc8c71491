/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message is a row of lines, whose ends are CRLF. In a header they are collected until the
 * empty one. In a body each may be a delimiter (RFC 2046 section 5.1.1), so "CRLF--" and what
 * follows is held back until that is known; the CRLF before a delimiter belongs to the delimiter.
 *
 *             header's end                    a delimiter
 *     HEADER -------------> LINES or BASE64 -------------> HEADER, or LINES behind the last part
 *        ^                        |
 *        +--- message/rfc822 -----+ (at once)
 */
#include "core/message/downgrade.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "core/message/content.h"

enum {
	/* "--", the boundary, "--", and spaces; a longer line is none. */
	DELIMITER_MAX = 2 + GP_BOUNDARY_MAX + 2 + 128,
	ENCODED_OCTETS = 57, /* of a line of 76 in base64 (RFC 2045 section 6.8) */
	ARENA_MAX = 1024 * 1024,
};

enum mode { HEADER, LINES, BASE64 };

struct level {
	char boundary[GP_BOUNDARY_MAX];
	uint8_t len;
	bool digest;
};

struct gp_downgrade {
	uint8_t fault;  /* enum gp_downgrade_fault */
	uint8_t mode;   /* enum mode */
	bool has_8bit;  /* in what has come out */
	bool in_digest; /* the part whose header is read stands in one */

	/* What is not decided: of a header all of it; of a body, in this order, the end of a line,
	   a line that may be a delimiter, and a CR. */
	bool crlf, candidate, cr;
	struct gp_buf line;
	size_t line_at; /* in a header: where its last line begins */

	size_t column;               /* octets of the output's line, in LINES */
	char octets[ENCODED_OCTETS]; /* in BASE64: of a line that is not full */
	size_t octets_len;
	bool encoded; /* a line of base64 has come out, and not its end */

	struct level levels[GP_DOWNGRADE_DEPTH_MAX];
	size_t depth;
	struct gp_arena arena;
	struct gp_buf *out;
};

struct gp_downgrade *
gp_downgrade_new(void)
{
	struct gp_downgrade *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->line = GP_BUF_INIT(GP_HEADER_SIZE_MAX + 2);
	d->arena = GP_ARENA_INIT(ARENA_MAX);
	return d;
}

struct gp_downgrade *
gp_downgrade_free(struct gp_downgrade *d)
{
	if (d) {
		gp_buf_free(&d->line);
		gp_arena_free(&d->arena);
		free(d);
	}
	return NULL;
}

static void
fail(struct gp_downgrade *d, int fault)
{
	if (d->fault == GP_DOWNGRADE_FINE)
		d->fault = (uint8_t)fault;
}

/* --- out --- */

static void
put_line_end(struct gp_downgrade *d)
{
	gp_buf_put(d->out, GP_SLICE("\r\n"));
	d->column = 0;
}

/* A piece of a line. */
static void
put_text(struct gp_downgrade *d, struct gp_slice s)
{
	d->column += s.len;
	if (d->column > GP_DOWNGRADE_LINE_MAX || gp_slice_find(s, '\n') >= 0 ||
	    gp_slice_find(s, '\r') >= 0 || gp_slice_find(s, '\0') >= 0)
		fail(d, GP_DOWNGRADE_NO_LINES);
	d->has_8bit |= gp_slice_has_8bit(s);
	gp_buf_put(d->out, s);
}

/* Lines of a header, with their ends. */
static void
put_lines(struct gp_downgrade *d, struct gp_slice s)
{
	while (s.len > 0) {
		const char *end = memmem(s.ptr, s.len, "\r\n", 2);
		size_t len = end ? (size_t)(end - s.ptr) : s.len;
		put_text(d, gp_slice_take(s, len));
		if (end)
			put_line_end(d);
		s = gp_slice_drop(s, len + (end ? 2 : 0));
	}
}

static void
encode_line(struct gp_downgrade *d, struct gp_slice octets)
{
	if (d->encoded)
		put_line_end(d);
	gp_base64_put(d->out, octets);
	d->encoded = true;
}

static void
encode(struct gp_downgrade *d, struct gp_slice s)
{
	while (s.len > 0) {
		struct gp_slice part = gp_slice_take(s, ENCODED_OCTETS - d->octets_len);
		s = gp_slice_drop(s, part.len);
		if (part.len == ENCODED_OCTETS) {
			encode_line(d, part);
			continue;
		}
		memcpy(d->octets + d->octets_len, part.ptr, part.len);
		d->octets_len += part.len;
		if (d->octets_len == ENCODED_OCTETS) {
			encode_line(d, gp_slice(d->octets, ENCODED_OCTETS));
			d->octets_len = 0;
		}
	}
}

static void
end_encoding(struct gp_downgrade *d)
{
	if (d->octets_len > 0)
		encode_line(d, gp_slice(d->octets, d->octets_len));
	d->octets_len = 0;
}

/* --- a body's octets --- */

/* Of one line. */
static void
put_content(struct gp_downgrade *d, struct gp_slice s)
{
	if (d->mode == BASE64)
		encode(d, s);
	else
		put_text(d, s);
}

static void
put_crlf(struct gp_downgrade *d)
{
	if (d->mode == BASE64)
		encode(d, GP_SLICE("\r\n"));
	else
		put_line_end(d);
}

static void
begin_header(struct gp_downgrade *d, bool in_digest)
{
	d->mode = HEADER;
	d->in_digest = in_digest;
	d->line_at = 0;
	gp_buf_clear(&d->line);
}

static void
begin_body(struct gp_downgrade *d, enum mode mode)
{
	d->mode = (uint8_t)mode;
	d->crlf = d->cr = d->encoded = false;
	d->candidate = true;
	d->octets_len = 0;
	gp_buf_clear(&d->line);
}

/* --- delimiters --- */

/* Whether the line is one of level k: "--", the boundary, perhaps "--", and perhaps spaces. */
static bool
is_delimiter_of(const struct level *l, struct gp_slice line, bool *ret_last)
{
	if (!gp_slice_starts(line, GP_SLICE("--")) ||
	    !gp_slice_starts(gp_slice_drop(line, 2), gp_slice(l->boundary, l->len)))
		return false;
	struct gp_slice rest = gp_slice_drop(line, 2 + (size_t)l->len);
	*ret_last = gp_slice_starts(rest, GP_SLICE("--"));
	return gp_slice_trim(gp_slice_drop(rest, *ret_last ? 2 : 0)).len == 0;
}

/* A part ends with its multipart's next delimiter, or with that of one around it. */
static bool
find_delimiter(const struct gp_downgrade *d, struct gp_slice line, size_t *ret, bool *ret_last)
{
	for (size_t k = d->depth; k-- > 0;) {
		if (is_delimiter_of(&d->levels[k], line, ret_last)) {
			*ret = k;
			return true;
		}
	}
	return false;
}

/* line: without its end, which has come with `ended`. It may lie in d->line. */
static bool
take_delimiter(struct gp_downgrade *d, struct gp_slice line, bool ended)
{
	size_t k;
	bool last;
	if (!find_delimiter(d, line, &k, &last))
		return false;
	if (d->mode == BASE64)
		end_encoding(d);
	if (d->crlf)
		put_line_end(d);
	d->column = 0;
	put_text(d, line);
	if (ended)
		put_line_end(d);
	d->depth = last ? k : k + 1;
	if (last)
		begin_body(d, LINES);
	else
		begin_header(d, d->levels[k].digest);
	return true;
}

/* --- headers --- */

static void
push(struct gp_downgrade *d, const struct gp_content *content)
{
	if (d->depth == GP_DOWNGRADE_DEPTH_MAX) {
		fail(d, GP_DOWNGRADE_TOO_DEEP);
		return;
	}
	struct level *l = &d->levels[d->depth++];
	memcpy(l->boundary, content->boundary, content->boundary_len);
	l->len = (uint8_t)content->boundary_len;
	l->digest = content->digest;
}

static void
put_fields(struct gp_downgrade *d, const struct gp_header *h, const struct gp_content *content)
{
	static const struct gp_slice name = GP_SLICE("Content-Transfer-Encoding");
	bool composite = content->kind != GP_CONTENT_LEAF, told = false;
	for (size_t i = 0; i < h->fields_len; i++) {
		if (!content->binary || !gp_slice_eq_nocase(gp_header_name(h, i), name)) {
			put_lines(d, gp_header_raw(h, i));
		} else if (!told) {
			put_text(d, name);
			put_text(d, composite ? GP_SLICE(": 8bit") : GP_SLICE(": base64"));
			put_line_end(d);
			told = true;
		}
	}
}

/* d->line is the header, with its empty line where `whole`. */
static void
end_header(struct gp_downgrade *d, bool whole)
{
	struct gp_header h;
	int r = gp_header_split(gp_buf_slice(&d->line), &d->arena, &h);
	struct gp_content content = {};
	if (r == 0)
		content = gp_content_read(&h, d->in_digest, &d->arena);
	if (r < 0 || d->arena.failed)
		fail(d, GP_DOWNGRADE_NO_MEMORY);
	else if (r > 0)
		fail(d, GP_DOWNGRADE_LARGE_HEADER);
	else if (content.binary && content.kind == GP_CONTENT_OPAQUE)
		fail(d, GP_DOWNGRADE_NO_ENCODING);
	if (d->fault == GP_DOWNGRADE_FINE) {
		put_fields(d, &h, &content);
		if (whole)
			put_line_end(d);
		if (whole && content.kind == GP_CONTENT_MULTIPART)
			push(d, &content);
	}
	gp_arena_reset(&d->arena);
	if (content.kind == GP_CONTENT_MESSAGE)
		begin_header(d, false);
	else
		begin_body(d, content.kind == GP_CONTENT_LEAF && content.binary ? BASE64 : LINES);
}

/* The header's last line has its end. */
static void
take_header_line(struct gp_downgrade *d)
{
	char copy[DELIMITER_MAX];
	struct gp_slice line = gp_slice_drop(gp_buf_slice(&d->line), d->line_at);
	line = gp_slice_take(line, line.len - 2);
	size_t k;
	bool last;
	if (line.len == 0) {
		end_header(d, true);
	} else if (line.len <= DELIMITER_MAX && find_delimiter(d, line, &k, &last)) {
		/* A part that ends before its header does. */
		struct gp_slice delimiter = gp_slice(memcpy(copy, line.ptr, line.len), line.len);
		gp_buf_truncate(&d->line, d->line_at);
		end_header(d, false);
		d->crlf = false;
		(void)take_delimiter(d, delimiter, true);
	} else {
		d->line_at = d->line.len;
	}
}

static struct gp_slice
feed_header(struct gp_downgrade *d, struct gp_slice s)
{
	ptrdiff_t lf = gp_slice_find(s, '\n');
	size_t n = lf < 0 ? s.len : (size_t)lf + 1;
	gp_buf_put(&d->line, gp_slice_take(s, n));
	struct gp_slice all = gp_buf_slice(&d->line);
	if (d->line.failed)
		fail(d, GP_DOWNGRADE_LARGE_HEADER);
	else if (lf >= 0 && all.len - d->line_at >= 2 && all.ptr[all.len - 2] == '\r')
		take_header_line(d);
	return gp_slice_drop(s, n);
}

/* --- bodies --- */

/* The line that was held back is none: it is content, but for a CR at its end, which may begin the
 * line's. */
static void
give_up_candidate(struct gp_downgrade *d)
{
	struct gp_slice line = gp_buf_slice(&d->line);
	if (d->crlf)
		put_crlf(d);
	d->crlf = d->candidate = false;
	d->cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
	put_content(d, gp_slice_take(line, line.len - d->cr));
	gp_buf_clear(&d->line);
}

/* Octets until it is known what the line is. */
static struct gp_slice
feed_candidate(struct gp_downgrade *d, struct gp_slice s)
{
	gp_buf_put_char(&d->line, s.ptr[0]);
	struct gp_slice line = gp_buf_slice(&d->line);
	bool dashes = gp_slice_starts(GP_SLICE("--"), gp_slice_take(line, 2));
	bool ended = line.len >= 2 && memcmp(line.ptr + line.len - 2, "\r\n", 2) == 0;
	if (line.ptr[line.len - 1] == '\n' && !ended)
		dashes = false;
	if (ended && line.len > 2) {
		gp_buf_truncate(&d->line, line.len - 2);
		if (!take_delimiter(d, gp_slice_take(line, line.len - 2), true)) {
			give_up_candidate(d);
			/* A CR before the line's end is the line's. */
			if (d->cr)
				put_content(d, GP_SLICE("\r"));
			d->cr = false;
			d->crlf = d->candidate = true;
		}
	} else if (!dashes || line.len > DELIMITER_MAX) {
		give_up_candidate(d);
	}
	return gp_slice_drop(s, 1);
}

static struct gp_slice
feed_body(struct gp_downgrade *d, struct gp_slice s)
{
	if (d->candidate)
		return feed_candidate(d, s);
	if (d->cr) {
		d->cr = false;
		if (s.ptr[0] == '\n') {
			d->crlf = d->candidate = true;
			return gp_slice_drop(s, 1);
		}
		put_content(d, GP_SLICE("\r"));
	}
	ptrdiff_t cr = gp_slice_find(s, '\r');
	d->cr = cr >= 0;
	struct gp_slice part = gp_slice_take(s, cr < 0 ? s.len : (size_t)cr);
	put_content(d, part);
	return gp_slice_drop(s, part.len + d->cr);
}

int
gp_downgrade_feed(struct gp_downgrade *d, struct gp_slice piece, struct gp_buf *out)
{
	d->out = out;
	while (piece.len > 0 && d->fault == GP_DOWNGRADE_FINE) {
		piece = d->mode == HEADER ? feed_header(d, piece) : feed_body(d, piece);
		if (out->failed)
			fail(d, GP_DOWNGRADE_NO_MEMORY);
	}
	return d->fault;
}

int
gp_downgrade_end(struct gp_downgrade *d, struct gp_buf *out)
{
	d->out = out;
	if (d->fault != GP_DOWNGRADE_FINE)
		return d->fault;
	if (d->mode == HEADER) {
		end_header(d, false);
	} else if (d->candidate && !take_delimiter(d, gp_buf_slice(&d->line), false)) {
		give_up_candidate(d);
	}
	if (d->mode != HEADER && d->cr)
		put_content(d, GP_SLICE("\r"));
	if (d->mode == BASE64) {
		end_encoding(d);
		if (d->encoded)
			put_line_end(d);
	}
	if (out->failed)
		fail(d, GP_DOWNGRADE_NO_MEMORY);
	return d->fault;
}

bool
gp_downgrade_has_8bit(const struct gp_downgrade *d)
{
	return d->has_8bit;
}

const char *
gp_downgrade_words(int fault)
{
	static const char *const words[] = {
		[GP_DOWNGRADE_FINE] = "nothing is wrong",
		[GP_DOWNGRADE_NO_LINES] = "a part that is not marked as binary is no lines of text",
		[GP_DOWNGRADE_NO_ENCODING] = "a binary part is of a type that may not be encoded",
		[GP_DOWNGRADE_TOO_DEEP] = "its parts are nested too deep",
		[GP_DOWNGRADE_LARGE_HEADER] = "the header of a part is too large",
		[GP_DOWNGRADE_NO_MEMORY] = "out of memory",
	};
	return words[fault];
}
