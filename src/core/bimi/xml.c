/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bimi/xml.h"

#include "base/utf8.h"

static const char malformed[] = "it is no well-formed XML";

static bool
fail(struct gp_bimi_xml *x, const char *why)
{
	x->why = x->why ? x->why : why;
	return gp_scan_fail(&x->at);
}

/* --- characters --- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_name_start(char c)
{
	return gp_ascii_is_alpha(c) || c == '_' || c == ':';
}

static bool
is_name(char c)
{
	return is_name_start(c) || gp_ascii_is_digit(c) || c == '-' || c == '.';
}

static bool
is_character(uint32_t c)
{
	bool control = c < ' ' && c != '\t' && c != '\n' && c != '\r';
	bool surrogate = c >= 0xd800 && c <= 0xdfff;
	return !control && !surrogate && c != 0xfffe && c != 0xffff && c <= 0x10ffff;
}

/* Of the whole file, at once. */
static bool
has_characters_only(struct gp_slice file)
{
	while (file.len > 0) {
		if (!is_character(gp_utf8_take(&file)))
			return false;
	}
	return true;
}

static bool
is_numeric_reference(struct gp_slice digits)
{
	bool hex = digits.len > 0 && digits.ptr[0] == 'x';
	uint32_t c = 0;
	digits = gp_slice_drop(digits, hex);
	for (size_t i = 0; i < digits.len; i++) {
		int digit = gp_ascii_hex(digits.ptr[i]);
		if (digit < 0 || (digit > 9 && !hex) || c > 0x10ffff)
			return false;
		c = c * (hex ? 16 : 10) + (uint32_t)digit;
	}
	return digits.len > 0 && c != 0 && is_character(c);
}

/* Without a document type there are five entities. */
static bool
has_good_references(struct gp_slice text)
{
	static const struct gp_slice known[] = {GP_SLICE("lt"), GP_SLICE("gt"), GP_SLICE("amp"),
						GP_SLICE("apos"), GP_SLICE("quot")};
	for (ptrdiff_t at; (at = gp_slice_find(text, '&')) >= 0;) {
		text = gp_slice_drop(text, (size_t)at + 1);
		if (gp_slice_find(text, ';') < 0)
			return false;
		struct gp_slice name = gp_slice_cut(&text, ';');
		bool good = name.len > 1 && name.ptr[0] == '#' &&
			    is_numeric_reference(gp_slice_drop(name, 1));
		for (size_t i = 0; i < GP_ARRAY_LEN(known); i++)
			good |= gp_slice_eq(name, known[i]);
		if (!good)
			return false;
	}
	return true;
}

/* Where the word begins; -1: nowhere. */
static ptrdiff_t
find(struct gp_slice s, struct gp_slice word)
{
	for (size_t i = 0; i + word.len <= s.len; i++) {
		if (gp_slice_starts(gp_slice_drop(s, i), word))
			return (ptrdiff_t)i;
	}
	return -1;
}

/* Steps over what stands before the word, and over the word. */
static bool
pass(struct gp_bimi_xml *x, struct gp_slice word, struct gp_slice *ret)
{
	struct gp_slice rest = gp_scan_rest(&x->at);
	ptrdiff_t at = find(rest, word);
	if (at < 0)
		return fail(x, malformed);
	*ret = gp_slice_take(rest, (size_t)at);
	x->at.at += (size_t)at + word.len;
	return true;
}

static bool
starts(const struct gp_bimi_xml *x, struct gp_slice word)
{
	return gp_slice_starts(gp_scan_rest(&x->at), word);
}

/* --- attributes --- */

static struct gp_slice
take_name(struct gp_scan *at)
{
	int c = gp_scan_peek(at);
	return c >= 0 && is_name_start((char)c) ? gp_scan_while(at, is_name) : gp_slice("", 0);
}

bool
gp_bimi_xml_attribute(struct gp_slice *attributes, struct gp_slice *ret_name,
		      struct gp_slice *ret_value)
{
	struct gp_scan at = gp_scan(*attributes);
	size_t blanks = gp_scan_while(&at, is_blank).len;
	*ret_name = take_name(&at);
	(void)gp_scan_while(&at, is_blank);
	if (blanks == 0 || ret_name->len == 0 || !gp_scan_char(&at, '='))
		return false;
	(void)gp_scan_while(&at, is_blank);
	int quote = gp_scan_peek(&at);
	if (quote != '"' && quote != '\'')
		return false;
	at.at++;
	struct gp_slice rest = gp_scan_rest(&at);
	ptrdiff_t end = gp_slice_find(rest, (char)quote);
	if (end < 0)
		return false;
	*ret_value = gp_slice_take(rest, (size_t)end);
	*attributes = gp_slice_drop(rest, (size_t)end + 1);
	return true;
}

static bool
has_name(struct gp_slice attributes, size_t count, struct gp_slice name)
{
	struct gp_slice other, value;
	while (count-- > 0 && gp_bimi_xml_attribute(&attributes, &other, &value)) {
		if (gp_slice_eq(other, name))
			return true;
	}
	return false;
}

/* All of them, with nothing but blanks behind. */
static bool
check_attributes(struct gp_bimi_xml *x, struct gp_slice attributes)
{
	struct gp_slice rest = attributes, name, value;
	size_t count = 0;
	for (; gp_bimi_xml_attribute(&rest, &name, &value); count++) {
		if (count == GP_BIMI_XML_ATTRIBUTES_MAX)
			return fail(x, "a tag has more attributes than are looked at");
		if (gp_slice_find(value, '<') >= 0 || !has_good_references(value) ||
		    has_name(attributes, count, name))
			return fail(x, malformed);
	}
	struct gp_scan at = gp_scan(rest);
	(void)gp_scan_while(&at, is_blank);
	return gp_scan_end(&at) || fail(x, malformed);
}

/* --- what is passed over --- */

/* The declaration's attributes stand in this order. */
static bool
check_declaration(struct gp_bimi_xml *x, struct gp_slice attributes)
{
	static const struct gp_slice names[] = {GP_SLICE("version"), GP_SLICE("encoding"),
						GP_SLICE("standalone")};
	struct gp_slice rest = attributes, name, value;
	size_t next = 0;
	while (gp_bimi_xml_attribute(&rest, &name, &value)) {
		while (next < GP_ARRAY_LEN(names) && next > 0 && !gp_slice_eq(name, names[next]))
			next++;
		if (next == GP_ARRAY_LEN(names) || !gp_slice_eq(name, names[next]))
			return fail(x, malformed);
		if (next == 0 && !gp_slice_eq(value, GP_SLICE("1.0")))
			return fail(x, "it is another version of XML");
		if (next == 1 && !gp_slice_eq_nocase(value, GP_SLICE("UTF-8")))
			return fail(x, "its encoding is not UTF-8");
		if (next == 2 && !gp_slice_eq(value, GP_SLICE("yes")) &&
		    !gp_slice_eq(value, GP_SLICE("no")))
			return fail(x, malformed);
		next++;
	}
	return (next > 0 && check_attributes(x, attributes)) || fail(x, malformed);
}

static bool
pass_instruction(struct gp_bimi_xml *x, bool first)
{
	struct gp_slice text;
	x->at.at += 2;
	struct gp_slice name = take_name(&x->at);
	int behind = gp_scan_peek(&x->at);
	if (name.len == 0 || (behind != '?' && (behind < 0 || !is_blank((char)behind))))
		return fail(x, malformed);
	if (!pass(x, GP_SLICE("?>"), &text))
		return false;
	if (first && gp_slice_eq(name, GP_SLICE("xml")))
		return check_declaration(x, text);
	bool good = !gp_slice_eq_nocase(name, GP_SLICE("xml")) && (behind != '?' || text.len == 0);
	return good || fail(x, malformed);
}

static bool
pass_comment(struct gp_bimi_xml *x)
{
	struct gp_slice text;
	x->at.at += 4;
	if (!pass(x, GP_SLICE("--"), &text))
		return false;
	return gp_scan_char(&x->at, '>') || fail(x, malformed);
}

/* --- events --- */

struct gp_bimi_xml
gp_bimi_xml(struct gp_slice file)
{
	static const struct gp_slice mark = {"\xef\xbb\xbf", 3};
	struct gp_bimi_xml x = {
		.at = gp_scan(gp_slice_starts(file, mark) ? gp_slice_drop(file, 3) : file)};
	if (!has_characters_only(x.at.all))
		(void)fail(&x, "it is no UTF-8, or has control characters");
	else if (starts(&x, GP_SLICE("<?")))
		(void)pass_instruction(&x, true);
	return x;
}

/* Quotes may hold a ">". */
static bool
find_end_of_tag(struct gp_bimi_xml *x)
{
	int quote = 0;
	for (int c; (c = gp_scan_peek(&x->at)) >= 0; x->at.at++) {
		if (quote == 0 && c == '>')
			return true;
		if (quote == 0 && (c == '"' || c == '\''))
			quote = c;
		else if (c == quote)
			quote = 0;
	}
	return fail(x, malformed);
}

static bool
read_open(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	x->at.at++;
	struct gp_slice name = take_name(&x->at);
	size_t from = x->at.at;
	if (name.len == 0 || (x->depth == 0 && x->begun) || !find_end_of_tag(x))
		return fail(x, malformed);
	struct gp_slice attributes = gp_scan_since(&x->at, from);
	x->at.at++;
	x->closing = attributes.len > 0 && attributes.ptr[attributes.len - 1] == '/';
	attributes.len -= x->closing;
	if (x->depth == GP_BIMI_XML_DEPTH_MAX)
		return fail(x, "its elements stand too deep in each other");
	if (!check_attributes(x, attributes))
		return false;
	x->begun = true;
	x->open[x->depth++] = name;
	*ret = (struct gp_bimi_xml_event){GP_BIMI_XML_OPEN, name, attributes, gp_slice("", 0)};
	return true;
}

static bool
close_element(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	x->closing = false;
	*ret = (struct gp_bimi_xml_event){.kind = GP_BIMI_XML_CLOSE, .name = x->open[--x->depth]};
	return true;
}

static bool
read_close(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	x->at.at += 2;
	struct gp_slice name = take_name(&x->at);
	(void)gp_scan_while(&x->at, is_blank);
	if (x->depth == 0 || !gp_slice_eq(name, x->open[x->depth - 1]) ||
	    !gp_scan_char(&x->at, '>'))
		return fail(x, malformed);
	return close_element(x, ret);
}

static bool
is_blank_all(struct gp_slice s)
{
	struct gp_scan at = gp_scan(s);
	(void)gp_scan_while(&at, is_blank);
	return gp_scan_end(&at);
}

static bool
is_text(char c)
{
	return c != '<';
}

static bool
read_text(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	struct gp_slice text = gp_scan_while(&x->at, is_text);
	if (x->depth == 0 ? !is_blank_all(text)
			  : !has_good_references(text) || find(text, GP_SLICE("]]>")) >= 0)
		return fail(x, malformed);
	*ret = (struct gp_bimi_xml_event){.kind = GP_BIMI_XML_TEXT, .text = text};
	return true;
}

static bool
read_cdata(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	struct gp_slice text;
	x->at.at += sizeof("<![CDATA[") - 1;
	if (x->depth == 0)
		return fail(x, malformed);
	if (!pass(x, GP_SLICE("]]>"), &text))
		return false;
	*ret = (struct gp_bimi_xml_event){.kind = GP_BIMI_XML_TEXT, .text = text};
	return true;
}

bool
gp_bimi_xml_next(struct gp_bimi_xml *x, struct gp_bimi_xml_event *ret)
{
	if (x->closing)
		return close_element(x, ret);
	while (!gp_scan_end(&x->at)) {
		if (starts(x, GP_SLICE("<!--"))) {
			(void)pass_comment(x);
			continue;
		}
		if (starts(x, GP_SLICE("<?"))) {
			(void)pass_instruction(x, false);
			continue;
		}
		if (starts(x, GP_SLICE("<![CDATA[")))
			return read_cdata(x, ret);
		if (starts(x, GP_SLICE("<!")))
			return fail(x, "it declares a document type");
		if (starts(x, GP_SLICE("</")))
			return read_close(x, ret);
		return starts(x, GP_SLICE("<")) ? read_open(x, ret) : read_text(x, ret);
	}
	if (x->depth > 0 || !x->begun)
		(void)fail(x, malformed);
	return false;
}
