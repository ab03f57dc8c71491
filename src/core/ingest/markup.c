/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/markup.h"

#include <errno.h>

enum within {
	WITHIN_TEXT = 0,
	WITHIN_COMMENT,
	WITHIN_INSTRUCTION,
	WITHIN_CDATA,
};

enum {
	PENDING_MAX = GP_MARKUP_TAG_MAX + (GP_MARKUP_PIECE_MAX + 4) * GP_OCTETS_GROWTH,
	REFERENCE_MAX = 10, /* octets of the longest, "&#x10FFFF;" */
};

/*
 * A walk over what is pending. What may stand as it is, is kept in one run, and copied at once;
 * `at` is behind the last token, `kept` where the run begins.
 */
struct walk {
	struct gp_markup *m;
	struct gp_slice all;
	size_t at, kept;
	struct gp_buf *out;
};

/* What a step came to, apart from gp_markup_result. */
enum { STEP_WAIT = -1 };

void
gp_markup_init(struct gp_markup *m)
{
	*m = (struct gp_markup){.pending = GP_BUF_INIT(PENDING_MAX)};
}

void
gp_markup_free(struct gp_markup *m)
{
	gp_buf_free(&m->pending);
}

static struct gp_slice
ahead(const struct walk *w)
{
	return gp_slice_drop(w->all, w->at);
}

static void
end_run(struct walk *w)
{
	gp_buf_put(w->out, gp_slice_take(gp_slice_drop(w->all, w->kept), w->at - w->kept));
	w->kept = w->at;
}

/* Writes text for the n octets ahead. */
static void
replace(struct walk *w, size_t n, const char *text)
{
	end_run(w);
	gp_buf_put_str(w->out, text);
	w->at += n;
	w->kept = w->at;
}

static void
note(struct walk *w, enum gp_markup_odd odd)
{
	w->m->odd |= (uint8_t)odd;
}

/* --- tags --- */

static bool
is_name_start(char c)
{
	return gp_ascii_is_alpha(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_name(char c)
{
	return is_name_start(c) || gp_ascii_is_digit(c) || c == '-' || c == ':';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The length of what begins with "<", up to its ">", which may stand in an attribute's quotes too.
 * 0: it is not there yet; -1: another "<" comes first. */
static ptrdiff_t
tag_length(struct gp_slice s)
{
	char quote = '\0', last = '\0'; /* that is no blank */
	for (size_t i = 1; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '<')
			return -1;
		if (quote != '\0')
			quote = c == quote ? '\0' : quote;
		else if (c == '>')
			return (ptrdiff_t)i + 1;
		else if ((c == '"' || c == '\'') && last == '=')
			quote = c;
		last = is_space(c) ? last : c;
	}
	return 0;
}

/* Does it have a tag's form? What follows the name is attributes, of which each has its "=". */
static bool
is_tag(struct gp_slice tag)
{
	size_t i = tag.ptr[1] == '/' ? 2 : 1;
	if (!is_name_start(tag.ptr[i]))
		return false;
	while (is_name(tag.ptr[i]))
		i++;
	if (tag.ptr[i] == '>')
		return true;
	if (!is_space(tag.ptr[i]) && tag.ptr[i] != '/')
		return false;
	struct gp_slice rest = gp_slice_drop(gp_slice_take(tag, tag.len - 1), i);
	if (gp_slice_find(rest, '=') >= 0)
		return true;
	while (rest.len > 0 && (is_space(rest.ptr[0]) || rest.ptr[0] == '/'))
		rest = gp_slice_drop(rest, 1);
	return rest.len == 0;
}

/* A "<" that is text. */
static int
step_lone(struct walk *w)
{
	replace(w, 1, w->m->begun ? "&lt;" : "");
	note(w, w->m->begun ? GP_MARKUP_BRACKETS : GP_MARKUP_PREAMBLE);
	return 0;
}

static int
step_tag(struct walk *w)
{
	struct gp_slice s = ahead(w);
	ptrdiff_t len = tag_length(s);
	if (len == 0 && s.len <= GP_MARKUP_TAG_MAX)
		return STEP_WAIT;
	if (len == 0 || len > GP_MARKUP_TAG_MAX)
		return GP_MARKUP_LONG;
	if (len < 0 || !is_tag(gp_slice_take(s, (size_t)len)))
		return step_lone(w);
	w->m->begun = true;
	w->at += (size_t)len;
	return 0;
}

/* --- what is left out --- */

static void
enter(struct walk *w, size_t n, enum within within)
{
	replace(w, n, "");
	w->m->within = (uint8_t)within;
}

/* "<!", of which a letter begins a declaration. */
static int
step_declaration(struct walk *w)
{
	static const struct gp_slice comment = {"<!--", 4}, cdata = {"<![CDATA[", 9};
	struct gp_slice s = ahead(w);
	if (gp_slice_starts(s, comment))
		enter(w, comment.len, WITHIN_COMMENT);
	else if (gp_slice_starts(s, cdata))
		enter(w, cdata.len, WITHIN_CDATA);
	else if (gp_slice_starts(comment, s) || gp_slice_starts(cdata, s))
		return STEP_WAIT;
	else if (gp_ascii_is_alpha(s.ptr[2]))
		return GP_MARKUP_DOCTYPE;
	else
		return step_lone(w);
	return 0;
}

static int
step_bracket(struct walk *w)
{
	struct gp_slice s = ahead(w);
	if (s.len < 2)
		return STEP_WAIT;
	if (s.ptr[1] == '!')
		return step_declaration(w);
	if (s.ptr[1] != '?')
		return step_tag(w);
	enter(w, 2, WITHIN_INSTRUCTION);
	return 0;
}

/* Octets before the mark, or as many as are surely before it; *ret_found: it is there. */
static size_t
before(struct gp_slice s, struct gp_slice mark, bool *ret_found)
{
	const char *at = s.len > 0 ? memmem(s.ptr, s.len, mark.ptr, mark.len) : NULL;
	*ret_found = at != NULL;
	if (at)
		return (size_t)(at - s.ptr);
	return s.len < mark.len ? 0 : s.len - mark.len + 1;
}

static void
put_cdata(struct gp_buf *out, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '<')
			gp_buf_put_str(out, "&lt;");
		else if (s.ptr[i] == '&')
			gp_buf_put_str(out, "&amp;");
		else if (s.ptr[i] == '>')
			gp_buf_put_str(out, "&gt;");
		else
			gp_buf_put_char(out, s.ptr[i]);
	}
}

static int
step_within(struct walk *w)
{
	static const struct gp_slice ends[] = {
		[WITHIN_COMMENT] = {"-->", 3},
		[WITHIN_INSTRUCTION] = {"?>", 2},
		[WITHIN_CDATA] = {"]]>", 3},
	};
	struct gp_slice end = ends[w->m->within];
	bool found;
	size_t n = before(ahead(w), end, &found);
	if (w->m->within == WITHIN_CDATA && w->m->begun)
		put_cdata(w->out, gp_slice_take(ahead(w), n));
	replace(w, n + (found ? end.len : 0), "");
	if (found)
		w->m->within = WITHIN_TEXT;
	return found ? 0 : STEP_WAIT;
}

/* --- texts --- */

/* The length of the reference that s begins with; 0: it is none, -1: more must be seen. */
static ptrdiff_t
reference_length(struct gp_slice s)
{
	static const struct gp_slice known[] = {
		{"&amp;", 5}, {"&lt;", 4}, {"&gt;", 4}, {"&quot;", 6}, {"&apos;", 6}};
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (gp_slice_starts(s, known[i]))
			return (ptrdiff_t)known[i].len;
		if (gp_slice_starts(known[i], s))
			return -1;
	}
	if (!gp_slice_starts(s, GP_SLICE("&#")))
		return 0;
	bool hex = s.len > 2 && s.ptr[2] == 'x';
	size_t first = hex ? 3 : 2, i = first;
	while (i < s.len && i < REFERENCE_MAX &&
	       (hex ? gp_ascii_hex(s.ptr[i]) >= 0 : gp_ascii_is_digit(s.ptr[i])))
		i++;
	if (i == s.len && i < REFERENCE_MAX)
		return -1;
	return i > first && i < s.len && s.ptr[i] == ';' ? (ptrdiff_t)i + 1 : 0;
}

static int
step_reference(struct walk *w)
{
	ptrdiff_t len = reference_length(ahead(w));
	if (len < 0)
		return STEP_WAIT;
	if (len > 0) {
		w->at += (size_t)len;
	} else {
		replace(w, 1, "&amp;");
		note(w, GP_MARKUP_AMPERSANDS);
	}
	return 0;
}

static size_t
text_length(struct gp_slice s)
{
	size_t n = 0;
	while (n < s.len && s.ptr[n] != '<' && s.ptr[n] != '&' && s.ptr[n] != '>')
		n++;
	return n;
}

/* Before the first tag, where nothing but blanks should be. */
static void
step_preamble(struct walk *w)
{
	struct gp_slice s = ahead(w);
	size_t n = 0;
	while (n < s.len && s.ptr[n] != '<')
		n++;
	for (size_t i = 0; i < n; i++) {
		if (!is_space(s.ptr[i]))
			note(w, GP_MARKUP_PREAMBLE);
	}
	replace(w, n, "");
}

static int
step_text(struct walk *w)
{
	if (ahead(w).ptr[0] == '<')
		return step_bracket(w);
	if (!w->m->begun)
		step_preamble(w);
	else if (ahead(w).ptr[0] == '&')
		return step_reference(w);
	else if (ahead(w).ptr[0] == '>')
		replace(w, 1, "&gt;");
	else
		w->at += text_length(ahead(w));
	return 0;
}

int
gp_markup_feed(struct gp_markup *m, struct gp_slice in, struct gp_buf *out)
{
	gp_assert(in.len <= GP_MARKUP_PIECE_MAX);
	if (!gp_octets_feed(&m->octets, in, &m->pending))
		return -ENOMEM;
	struct walk w = {.m = m, .all = gp_buf_slice(&m->pending), .out = out};
	int r = 0;
	while (r == 0 && w.at < w.all.len)
		r = m->within == WITHIN_TEXT ? step_text(&w) : step_within(&w);
	end_run(&w);
	gp_buf_consume(&m->pending, w.at);
	if (out->failed)
		return -ENOMEM;
	return r == STEP_WAIT ? 0 : r;
}
