/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/writer.h"

#include "core/dsn/xtext.h"

enum {
	LINE_MAX_OCTETS = 998, /* RFC 5322 section 2.1.1, without CRLF */
	QP_LINE_MAX = 76,      /* RFC 2045 section 6.7 (5) */
};

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
new_line(struct gp_wrap *w)
{
	gp_buf_put_str(w->out, "\r\n");
	gp_buf_put_str(w->out, w->indent);
	w->column = gp_slice_str(w->indent).len;
	w->word = false;
}

/* What s starts with, as it may be shown: one character, or '?' for one octet. */
static struct gp_slice
clean_char(struct gp_slice s, bool utf8, size_t *ret_taken)
{
	uint32_t c = 0;
	size_t len = gp_utf8_char(s, &c);
	*ret_taken = GP_MAX(len, (size_t)1);
	/* U+0080 to U+009F are control characters too: terminals obey them. */
	bool shown = len == 1 ? c >= ' ' && c != 127 : len > 1 && utf8 && c > 0x9f;
	return shown ? gp_slice_take(s, len) : GP_SLICE("?");
}

static void
put_word(struct gp_wrap *w, struct gp_slice word)
{
	if (w->word && w->column + 1 + word.len > GP_WRAP_WIDTH)
		new_line(w);
	if (w->word) {
		gp_buf_put_char(w->out, ' ');
		w->column++;
	}
	while (word.len > 0) {
		size_t taken;
		struct gp_slice c = clean_char(word, w->utf8, &taken);
		if (w->column + c.len > GP_WRAP_LINE_MAX)
			new_line(w);
		gp_buf_put(w->out, c);
		w->column += c.len;
		word = gp_slice_drop(word, taken);
	}
	w->word = true;
}

void
gp_wrap_words(struct gp_wrap *w, struct gp_slice text)
{
	size_t start = 0;
	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && !is_space(text.ptr[i]))
			continue;
		if (i > start)
			put_word(w, gp_slice_take(gp_slice_drop(text, start), i - start));
		start = i + 1;
	}
}

void
gp_wrap_str(struct gp_wrap *w, const char *text)
{
	gp_wrap_words(w, gp_slice_str(text));
}

void
gp_wrap_break(struct gp_wrap *w)
{
	if (w->word)
		new_line(w);
}

void
gp_wrap_end(struct gp_wrap *w)
{
	gp_buf_put_str(w->out, "\r\n");
	w->column = 0;
	w->word = false;
}

void
gp_put_field(struct gp_buf *out, const char *name, struct gp_slice body, bool utf8)
{
	struct gp_wrap w = {.out = out, .indent = " ", .utf8 = utf8};
	gp_buf_put_str(out, name);
	gp_buf_put_str(out, ":");
	/* The name counts as a word: the body is parted from it by a space. */
	w.column = gp_slice_str(name).len + 1;
	w.word = true;
	gp_wrap_words(&w, body);
	gp_wrap_end(&w);
}

void
gp_put_clean(struct gp_buf *out, struct gp_slice s, bool utf8)
{
	s = gp_slice_take(s, GP_WRAP_LINE_MAX);
	while (s.len > 0) {
		size_t taken;
		gp_buf_put(out, clean_char(s, utf8, &taken));
		s = gp_slice_drop(s, taken);
	}
}

/* How the octet at the front of s is written: 1 or 3 octets to `to`. */
static size_t
quote_octet(struct gp_slice s, char to[3])
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c = (unsigned char)s.ptr[0];
	struct gp_slice next = gp_slice_drop(s, 1);
	bool last = next.len == 0 || gp_slice_starts(next, GP_SLICE("\r\n"));
	bool plain = c == ' ' || c == '\t' ? !last : c > ' ' && c < 127 && c != '=';
	if (plain) {
		to[0] = (char)c;
		return 1;
	}
	to[0] = '=';
	to[1] = hex[c >> 4];
	to[2] = hex[c & 15];
	return 3;
}

void
gp_put_quoted_printable(struct gp_buf *out, struct gp_slice s)
{
	size_t column = 0;
	while (s.len > 0) {
		if (gp_slice_starts(s, GP_SLICE("\r\n"))) {
			gp_buf_put_str(out, "\r\n");
			column = 0;
			s = gp_slice_drop(s, 2);
			continue;
		}
		char quoted[3];
		size_t len = quote_octet(s, quoted);
		if (column + len > QP_LINE_MAX - 1) {
			gp_buf_put_str(out, "=\r\n");
			column = 0;
		}
		gp_buf_put(out, gp_slice(quoted, len));
		column += len;
		s = gp_slice_drop(s, 1);
	}
}

struct gp_content_shape
gp_content_shape(struct gp_slice s)
{
	struct gp_content_shape shape = {};
	size_t column = 0;
	while (s.len > 0) {
		if (gp_slice_starts(s, GP_SLICE("\r\n"))) {
			column = 0;
			s = gp_slice_drop(s, 2);
			continue;
		}
		unsigned char c = (unsigned char)s.ptr[0];
		shape.octets_over_127 |= c > 127;
		shape.bare_ends_or_nul |= c == '\r' || c == '\n' || c == 0;
		shape.line_over_998 |= ++column > LINE_MAX_OCTETS;
		s = gp_slice_drop(s, 1);
	}
	return shape;
}
