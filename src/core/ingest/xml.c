/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/xml.h"

#include <errno.h>

#include "base/utf8.h"

enum within {
	WITHIN_TEXT = 0,
	WITHIN_COMMENT,
	WITHIN_INSTRUCTION,
	WITHIN_CDATA,
};

enum {
	PENDING_MAX = GP_XML_TAG_MAX + (GP_XML_PIECE_MAX + 4) * GP_RECODE_GROWTH,
	REFERENCE_MAX = 10, /* octets of the longest, "&#x10FFFF;" */
};

/* A step's result beside gp_xml_result: it passed something over. */
enum { STEP_ON = -1 };

enum octet_class {
	NAME_START = 1,
	NAME = 2,
	BLANK = 4,
	CONTROL = 8,
	MARK = 16, /* "<" or "&" */
};

/* Octets of UTF-8 beyond ASCII may all stand in a name. */
static const uint8_t classes[256] = {
	[0 ... 8] = CONTROL,
	[11 ... 12] = CONTROL,
	[14 ... 31] = CONTROL,
	['\t'] = BLANK,
	['\n'] = BLANK,
	['\r'] = BLANK,
	[' '] = BLANK,
	['<'] = MARK,
	['&'] = MARK,
	['A' ... 'Z'] = NAME_START | NAME,
	['a' ... 'z'] = NAME_START | NAME,
	['_'] = NAME_START | NAME,
	['0' ... '9'] = NAME,
	['-'] = NAME,
	[':'] = NAME,
	[128 ... 255] = NAME_START | NAME,
};

static bool
is(char c, unsigned class)
{
	return (classes[(unsigned char)c] & class) != 0;
}

void
gp_xml_init(struct gp_xml *x)
{
	*x = (struct gp_xml){.pending = GP_BUF_INIT(PENDING_MAX)};
}

void
gp_xml_again(struct gp_xml *x)
{
	struct gp_buf pending = x->pending;
	gp_buf_clear(&pending);
	memset(x, 0, offsetof(struct gp_xml, names));
	x->pending = pending;
}

void
gp_xml_free(struct gp_xml *x)
{
	gp_buf_free(&x->pending);
}

static void
note(struct gp_xml *x, enum gp_xml_odd odd)
{
	x->odd |= (uint8_t)odd;
}

/* Tells text that takes n octets of what is pending. */
static int
tell_text(struct gp_xml *x, struct gp_slice text, size_t n, struct gp_xml_event *ret)
{
	*ret = (struct gp_xml_event){GP_XML_TEXT, text};
	x->at += n;
	x->behind_tag = false;
	return GP_XML_EVENT;
}

/* --- elements --- */

static struct gp_slice
without_prefix(struct gp_slice name)
{
	return gp_slice_drop(name, (size_t)(gp_slice_rfind(name, ':') + 1));
}

static int
open_element(struct gp_xml *x, struct gp_slice name, struct gp_xml_event *ret)
{
	if (x->depth == GP_XML_DEPTH_MAX || name.len > sizeof(x->names) - x->names_len)
		return GP_XML_DEEP;
	memcpy(x->names + x->names_len, name.ptr, name.len);
	x->names_len += name.len;
	x->name_lens[x->depth++] = (uint16_t)name.len;
	*ret = (struct gp_xml_event){GP_XML_START, without_prefix(name)};
	return GP_XML_EVENT;
}

/* The name of the element that is open. */
static struct gp_slice
open_name(const struct gp_xml *x)
{
	size_t len = x->name_lens[x->depth - 1];
	return gp_slice(x->names + x->names_len - len, len);
}

static int
close_element(struct gp_xml *x, struct gp_slice name, struct gp_xml_event *ret)
{
	if (x->depth == 0 || !gp_slice_eq(open_name(x), name))
		return GP_XML_MISMATCH;
	x->depth--;
	x->names_len -= name.len;
	*ret = (struct gp_xml_event){.kind = GP_XML_END};
	return GP_XML_EVENT;
}

/* --- attributes --- */

static size_t
span(struct gp_slice s, unsigned class)
{
	size_t n = 0;
	while (n < s.len && is(s.ptr[n], class))
		n++;
	return n;
}

/* Takes one, with the blanks before it, off the front of *s; false: it is none. */
static bool
take_attribute(struct gp_slice *s, struct gp_slice *ret_name)
{
	size_t blanks = span(*s, BLANK);
	*s = gp_slice_drop(*s, blanks);
	*ret_name = gp_slice_take(*s, span(*s, NAME));
	*s = gp_slice_drop(*s, ret_name->len);
	*s = gp_slice_drop(*s, span(*s, BLANK));
	if (blanks == 0 || ret_name->len == 0 || !gp_slice_starts(*s, GP_SLICE("=")))
		return false;
	*s = gp_slice_drop(*s, 1);
	*s = gp_slice_drop(*s, span(*s, BLANK));
	if (s->len == 0 || (s->ptr[0] != '"' && s->ptr[0] != '\''))
		return false;
	char quote = s->ptr[0];
	*s = gp_slice_drop(*s, 1);
	ptrdiff_t end = gp_slice_find(*s, quote);
	*s = gp_slice_drop(*s, (size_t)(end + 1));
	return end >= 0;
}

/* What stands in a tag behind its name; 0, or what is wrong with it. */
static int
check_attributes(struct gp_slice s)
{
	struct gp_slice names[GP_XML_ATTRIBUTES_MAX], name;
	for (size_t len = 0; span(s, BLANK) < s.len; len++) {
		if (len == GP_XML_ATTRIBUTES_MAX)
			return GP_XML_MANY;
		if (!take_attribute(&s, &name))
			return GP_XML_ATTRIBUTE;
		for (size_t i = 0; i < len; i++) {
			if (gp_slice_eq(names[i], name))
				return GP_XML_ATTRIBUTE;
		}
		names[len] = name;
	}
	return 0;
}

/* --- tags --- */

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
		last = is(c, BLANK) ? last : c;
	}
	return 0;
}

/* A "<" that is text. */
static int
step_lone(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	note(x, x->begun ? GP_XML_BRACKETS : GP_XML_PREAMBLE);
	if (x->begun)
		return tell_text(x, gp_slice_take(s, 1), 1, ret);
	x->at++;
	return STEP_ON;
}

/* A tag with more than a name in it; or none, where that cannot be a tag's. */
static int
step_long_tag(struct gp_xml *x, struct gp_slice s, struct gp_slice name, struct gp_xml_event *ret)
{
	/* What is beyond the cap is not looked at, whatever the pieces are. */
	ptrdiff_t len = tag_length(gp_slice_take(s, GP_XML_TAG_MAX));
	if (len == 0)
		return s.len < GP_XML_TAG_MAX ? GP_XML_MORE : GP_XML_LONG;
	if (len < 0)
		return step_lone(x, s, ret);
	bool end = s.ptr[1] == '/';
	struct gp_slice inner =
		gp_slice_drop(gp_slice_take(s, (size_t)len - 1), 1 + end + name.len);
	x->closing = !end && inner.len > 0 && inner.ptr[inner.len - 1] == '/';
	inner.len -= x->closing;
	bool blank = span(inner, BLANK) == inner.len;
	if (name.len == 0 ||
	    (!blank && (!is(inner.ptr[0], BLANK) || gp_slice_find(inner, '=') < 0))) {
		x->closing = false;
		return step_lone(x, s, ret);
	}
	int r = end && !blank ? GP_XML_ATTRIBUTE : check_attributes(inner);
	x->at += (size_t)len;
	x->begun = true;
	x->behind_tag = true;
	if (r != 0)
		return r;
	return end ? close_element(x, name, ret) : open_element(x, name, ret);
}

/* "</", the name of what is open, ">": where the name ends need not be looked for. */
static bool
is_plain_end(const struct gp_xml *x, struct gp_slice s)
{
	if (x->depth == 0 || s.ptr[1] != '/')
		return false;
	struct gp_slice name = open_name(x);
	return s.len > name.len + 2 && s.ptr[name.len + 2] == '>' &&
	       memcmp(s.ptr + 2, name.ptr, name.len) == 0;
}

/* Most tags are a name alone. */
static int
step_tag(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	size_t first = s.ptr[1] == '/' ? 2 : 1, i = first;
	if (is_plain_end(x, s)) {
		i += x->name_lens[x->depth - 1];
	} else if (i < s.len && is(s.ptr[i], NAME_START)) {
		while (i < s.len && is(s.ptr[i], NAME))
			i++;
	}
	struct gp_slice name = gp_slice(s.ptr + first, i - first);
	if (i == s.len || s.ptr[i] != '>' || name.len == 0 || i >= GP_XML_TAG_MAX)
		return step_long_tag(x, s, name, ret);
	x->at += i + 1;
	x->begun = true;
	x->behind_tag = true;
	return first == 2 ? close_element(x, name, ret) : open_element(x, name, ret);
}

/* --- what is passed over --- */

static int
enter(struct gp_xml *x, size_t n, enum within within)
{
	x->at += n;
	x->within = (uint8_t)within;
	return STEP_ON;
}

/* "<!", of which a letter begins a declaration. */
static int
step_declaration(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	static const struct gp_slice comment = {"<!--", 4}, cdata = {"<![CDATA[", 9};
	if (gp_slice_starts(s, comment))
		return enter(x, comment.len, WITHIN_COMMENT);
	if (gp_slice_starts(s, cdata))
		return enter(x, cdata.len, WITHIN_CDATA);
	if (gp_slice_starts(comment, s) || gp_slice_starts(cdata, s))
		return GP_XML_MORE;
	if (gp_ascii_is_alpha(s.ptr[2]))
		return GP_XML_DOCTYPE;
	return step_lone(x, s, ret);
}

static int
step_bracket(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	if (s.len < 2)
		return GP_XML_MORE;
	if (s.ptr[1] == '!')
		return step_declaration(x, s, ret);
	if (s.ptr[1] == '?')
		return enter(x, 2, WITHIN_INSTRUCTION);
	return step_tag(x, s, ret);
}

/* Octets before the mark, or as many as are surely before it; *ret_found: it is there. */
static size_t
before(struct gp_slice s, struct gp_slice mark, bool *ret_found)
{
	const char *at = memmem(s.ptr, s.len, mark.ptr, mark.len);
	*ret_found = at != NULL;
	if (at)
		return (size_t)(at - s.ptr);
	return s.len < mark.len ? 0 : s.len - mark.len + 1;
}

/* CDATA is text, all of it. */
static int
step_within(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	static const struct gp_slice ends[] = {
		[WITHIN_COMMENT] = {"-->", 3},
		[WITHIN_INSTRUCTION] = {"?>", 2},
		[WITHIN_CDATA] = {"]]>", 3},
	};
	struct gp_slice end = ends[x->within];
	gp_assert(end.ptr);
	bool found, is_text = x->within == WITHIN_CDATA && x->begun;
	size_t n = before(s, end, &found);
	if (found)
		x->within = WITHIN_TEXT;
	else if (n == 0)
		return GP_XML_MORE;
	s = gp_slice_take(s, n);
	n += found ? end.len : 0;
	for (size_t i = 0; is_text && i < s.len; i++) {
		if (is(s.ptr[i], CONTROL))
			return GP_XML_CONTROL;
	}
	if (is_text)
		return tell_text(x, s, n, ret);
	x->at += n;
	return STEP_ON;
}

/* --- texts --- */

/* The character that the reference stands for, of which the digits are given. */
static int
step_number(struct gp_xml *x, struct gp_slice digits, bool hex, size_t n, struct gp_xml_event *ret)
{
	uint32_t c = 0;
	for (size_t i = 0; i < digits.len; i++)
		c = c * (hex ? 16 : 10) + (uint32_t)gp_ascii_hex(digits.ptr[i]);
	bool surrogate = c >= 0xD800 && c < 0xE000;
	if (c >= GP_UTF8_INVALID || surrogate || (c < 128 && is((char)c, CONTROL)))
		return GP_XML_CONTROL;
	size_t len = gp_utf8_write(c, x->character);
	return tell_text(x, gp_slice(x->character, len), n, ret);
}

/* A "&" that is text. */
static int
step_ampersand(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	note(x, GP_XML_AMPERSANDS);
	return tell_text(x, gp_slice_take(s, 1), 1, ret);
}

static int
step_reference(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	static const struct {
		struct gp_slice name, text;
	} known[] = {{{"&amp;", 5}, {"&", 1}},
		     {{"&lt;", 4}, {"<", 1}},
		     {{"&gt;", 4}, {">", 1}},
		     {{"&quot;", 6}, {"\"", 1}},
		     {{"&apos;", 6}, {"'", 1}}};
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (gp_slice_starts(s, known[i].name))
			return tell_text(x, known[i].text, known[i].name.len, ret);
		if (gp_slice_starts(known[i].name, s))
			return GP_XML_MORE;
	}
	if (!gp_slice_starts(s, GP_SLICE("&#")))
		return step_ampersand(x, s, ret);
	bool hex = s.len > 2 && s.ptr[2] == 'x';
	size_t first = hex ? 3 : 2, i = first;
	while (i < s.len && i < REFERENCE_MAX - 1 &&
	       (hex ? gp_ascii_hex(s.ptr[i]) >= 0 : gp_ascii_is_digit(s.ptr[i])))
		i++;
	if (i == s.len)
		return GP_XML_MORE;
	if (i == first || s.ptr[i] != ';')
		return step_ampersand(x, s, ret);
	return step_number(x, gp_slice(s.ptr + first, i - first), hex, i + 1, ret);
}

/* Before the first tag, where nothing but blanks should be. */
static int
step_preamble(struct gp_xml *x, struct gp_slice s)
{
	ptrdiff_t end = gp_slice_find(s, '<');
	s = end < 0 ? s : gp_slice_take(s, (size_t)end);
	if (span(s, BLANK) < s.len)
		note(x, GP_XML_PREAMBLE);
	x->at += s.len;
	return STEP_ON;
}

static int
step_text(struct gp_xml *x, struct gp_slice s, struct gp_xml_event *ret)
{
	if (s.ptr[0] == '<')
		return step_bracket(x, s, ret);
	if (!x->begun)
		return step_preamble(x, s);
	if (s.ptr[0] == '&')
		return step_reference(x, s, ret);
	size_t blanks = span(s, BLANK), n = blanks;
	if (x->behind_tag && n < s.len && s.ptr[n] == '<')
		return enter(x, n, WITHIN_TEXT);
	while (n < s.len && !is(s.ptr[n], CONTROL | MARK))
		n++;
	if (n == 0)
		return GP_XML_CONTROL;
	return tell_text(x, gp_slice_take(s, n), n, ret);
}

int
gp_xml_feed(struct gp_xml *x, struct gp_slice in)
{
	gp_assert(in.len <= GP_XML_PIECE_MAX);
	gp_buf_consume(&x->pending, x->at);
	x->at = 0;
	return gp_recode_feed(&x->octets, in, &x->pending) ? 0 : -ENOMEM;
}

enum gp_xml_result
gp_xml_next(struct gp_xml *x, struct gp_xml_event *ret)
{
	int r = x->result > 0 ? x->result : STEP_ON;
	if (r == STEP_ON && x->closing) {
		x->closing = false;
		r = close_element(x, open_name(x), ret);
	}
	while (r == STEP_ON) {
		struct gp_slice s = gp_slice_drop(gp_buf_slice(&x->pending), x->at);
		if (s.len == 0)
			r = GP_XML_MORE;
		else
			r = x->within == WITHIN_TEXT ? step_text(x, s, ret)
						     : step_within(x, s, ret);
	}
	if (r > GP_XML_EVENT)
		x->result = r;
	return (enum gp_xml_result)r;
}

const char *
gp_xml_why(enum gp_xml_result result)
{
	static const char *const whys[] = {
		[GP_XML_MORE] = "it is cut off",
		[GP_XML_EVENT] = "it is cut off",
		[GP_XML_DOCTYPE] = "it declares a document type, which is refused",
		[GP_XML_LONG] = "a tag is too long",
		[GP_XML_MANY] = "a tag has too many attributes",
		[GP_XML_DEEP] = "elements stand too deep in each other",
		[GP_XML_ATTRIBUTE] = "a tag has broken attributes, or one twice",
		[GP_XML_MISMATCH] = "a tag ends another element than was begun",
		[GP_XML_CONTROL] = "a control character stands in it",
	};
	return whys[result];
}
