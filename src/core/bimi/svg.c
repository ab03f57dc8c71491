/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bimi/svg.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/bimi/xml.h"

enum { FAULT_MAX = 200 }; /* octets of what is told; longer texts are cut */

struct check {
	struct gp_arena *arena;
	struct gp_bimi_svg *ret;
	size_t depth;
	uint32_t told; /* 1 << enum fault */
	bool titled;   /* there is a title with a text */
	size_t title;  /* the depth of the one below the outermost element; 0: not within it */
	size_t style;  /* the same of the outermost style */
	bool styled;   /* which has a text */
};

/* Of each the first is told. */
enum fault {
	SIZE,
	XML,
	ROOT,
	NAMESPACE,
	VERSION,
	PROFILE,
	PLACE,
	BOX,
	TITLE,
	SCRIPT,
	MOTION,
	CONTENT,
	OUTSIDE,
};

GP_PRINTF(3, 4)
static void
tell(struct check *c, enum fault fault, const char *fmt, ...)
{
	char text[FAULT_MAX];
	va_list args;
	if (c->told & 1U << fault || c->ret->len == GP_BIMI_SVG_FAULTS_MAX)
		return;
	c->told |= 1U << fault;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	c->ret->faults[c->ret->len++] = gp_arena_dup(c->arena, gp_slice_str(text));
}

/* Without a namespace's prefix. */
static struct gp_slice
local(struct gp_slice name)
{
	return gp_slice_drop(name, (size_t)(gp_slice_rfind(name, ':') + 1));
}

static struct gp_slice
attribute(struct gp_slice attributes, struct gp_slice wanted)
{
	struct gp_slice name, value;
	while (gp_bimi_xml_attribute(&attributes, &name, &value)) {
		if (gp_slice_eq(name, wanted))
			return value;
	}
	return gp_slice("", 0);
}

/* --- the outermost element --- */

/* "12.50" as thousandths. False: it is no such number, or a large one. */
static bool
read_number(struct gp_scan *at, uint64_t *ret)
{
	enum { WHOLE_MAX = 1'000'000'000 };
	uint64_t n = 0, scale = 1000;
	size_t digits = 0;
	bool fraction = false;
	for (int ch; (ch = gp_scan_peek(at)) >= 0; at->at++) {
		if (ch == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (!gp_ascii_is_digit((char)ch))
			break;
		digits++;
		scale = fraction ? scale / 10 : scale;
		n = fraction ? n + (uint64_t)(ch - '0') * scale
			     : 10 * n + 1000 * (uint64_t)(ch - '0');
		if (n > 1000 * (uint64_t)WHOLE_MAX)
			return false;
	}
	*ret = n;
	return digits > 0;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r';
}

/* "MIN-X MIN-Y WIDTH HEIGHT" of a square (SVG 1.1 section 7.7). */
static bool
is_square(struct gp_slice box)
{
	struct gp_scan at = gp_scan(box);
	uint64_t numbers[4];
	for (size_t i = 0; i < GP_ARRAY_LEN(numbers); i++) {
		(void)gp_scan_while(&at, is_separator);
		if (i < 2)
			(void)gp_scan_char(&at, '-');
		if (!read_number(&at, &numbers[i]))
			return false;
	}
	(void)gp_scan_while(&at, is_separator);
	return gp_scan_end(&at) && numbers[2] == numbers[3] && numbers[2] > 0;
}

static void
check_root(struct check *c, const struct gp_bimi_xml_event *e)
{
	static const struct gp_slice space = GP_SLICE("http://www.w3.org/2000/svg");
	struct gp_slice version = attribute(e->attributes, GP_SLICE("version")),
			profile = attribute(e->attributes, GP_SLICE("baseProfile")),
			box = attribute(e->attributes, GP_SLICE("viewBox"));
	if (!gp_slice_eq(e->name, GP_SLICE("svg"))) {
		tell(c, ROOT, "its outermost element is %.*s, not svg", GP_SLICE_FMT(e->name));
		return;
	}
	if (!gp_slice_eq(attribute(e->attributes, GP_SLICE("xmlns")), space))
		tell(c, NAMESPACE, "xmlns is not that of SVG");
	if (!gp_slice_eq(version, GP_SLICE("1.2")))
		tell(c, VERSION, "version is \"%.*s\", not \"1.2\"", GP_SLICE_FMT(version));
	if (!gp_slice_eq(profile, GP_SLICE("tiny-ps")))
		tell(c, PROFILE, "baseProfile is \"%.*s\", not \"tiny-ps\"", GP_SLICE_FMT(profile));
	if (attribute(e->attributes, GP_SLICE("x")).len > 0 ||
	    attribute(e->attributes, GP_SLICE("y")).len > 0)
		tell(c, PLACE, "the outermost element has x or y");
	if (!is_square(box))
		tell(c, BOX, "viewBox \"%.*s\" is no square", GP_SLICE_FMT(box));
}

/* --- what is in it --- */

/* What the profile has left out, as a picture beside mail has no use for it. */
static const struct banned {
	struct gp_slice name;
	enum fault fault;
} banned[] = {
	{GP_SLICE("script"), SCRIPT},
	{GP_SLICE("handler"), SCRIPT},
	{GP_SLICE("listener"), SCRIPT},
	{GP_SLICE("animate"), MOTION},
	{GP_SLICE("animateColor"), MOTION},
	{GP_SLICE("animateMotion"), MOTION},
	{GP_SLICE("animateTransform"), MOTION},
	{GP_SLICE("animation"), MOTION},
	{GP_SLICE("set"), MOTION},
	{GP_SLICE("discard"), MOTION},
	{GP_SLICE("image"), CONTENT},
	{GP_SLICE("foreignObject"), CONTENT},
	{GP_SLICE("audio"), CONTENT},
	{GP_SLICE("video"), CONTENT},
	{GP_SLICE("a"), CONTENT},
	{GP_SLICE("iframe"), CONTENT},
};

static void
check_element(struct check *c, struct gp_slice name)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(banned); i++) {
		if (gp_slice_eq_nocase(local(name), banned[i].name))
			tell(c, banned[i].fault, "it has an element %.*s", GP_SLICE_FMT(name));
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_blank_or_quote(char c)
{
	return is_blank(c) || c == '"' || c == '\'';
}

/* "url(" in CSS may lead to what is in the file. */
static bool
leads_outside(struct gp_slice style)
{
	static const struct gp_slice url = GP_SLICE("url("), import = GP_SLICE("@import");
	for (; style.len > 0; style = gp_slice_drop(style, 1)) {
		if (gp_slice_starts_nocase(style, import))
			return true;
		if (!gp_slice_starts_nocase(style, url))
			continue;
		struct gp_scan at = gp_scan(gp_slice_drop(style, url.len));
		(void)gp_scan_while(&at, is_blank_or_quote);
		if (gp_scan_peek(&at) != '#')
			return true;
	}
	return false;
}

/* A reference by number may hide a letter of "url(", which no honest file needs there. */
static bool
is_hidden(struct gp_slice value)
{
	for (; value.len > 0; value = gp_slice_drop(value, 1)) {
		if (gp_slice_starts(value, GP_SLICE("&#")) || value.ptr[0] == '\\')
			return true;
	}
	return false;
}

static void
check_attribute(struct check *c, struct gp_slice name, struct gp_slice value)
{
	struct gp_slice plain = local(name);
	bool links = gp_slice_eq_nocase(plain, GP_SLICE("href")) ||
		     gp_slice_eq_nocase(plain, GP_SLICE("src"));
	bool namespace = gp_slice_starts(name, GP_SLICE("xmlns"));
	bool styles = !namespace && (leads_outside(value) ||
				     (gp_slice_find(value, '(') >= 0 && is_hidden(value)));
	if (gp_slice_starts_nocase(plain, GP_SLICE("on")))
		tell(c, SCRIPT, "it has an attribute %.*s", GP_SLICE_FMT(name));
	if ((links && !gp_slice_starts(gp_slice_trim(value), GP_SLICE("#"))) || styles)
		tell(c, OUTSIDE, "%.*s=\"%.*s\" leads outside of the file", GP_SLICE_FMT(name),
		     GP_SLICE_FMT(gp_slice_take(value, 100)));
}

static void
open_element(struct check *c, const struct gp_bimi_xml_event *e)
{
	struct gp_slice attributes = e->attributes, name, value;
	if (c->depth == 0)
		check_root(c, e);
	check_element(c, e->name);
	while (gp_bimi_xml_attribute(&attributes, &name, &value))
		check_attribute(c, name, value);
	c->depth++;
	if (c->depth == 2 && gp_slice_eq(e->name, GP_SLICE("title")))
		c->title = c->depth;
	if (c->style == 0 && gp_slice_eq(local(e->name), GP_SLICE("style"))) {
		c->style = c->depth;
		c->styled = false;
	}
}

static void
close_element(struct check *c)
{
	c->title = c->title == c->depth ? 0 : c->title;
	c->style = c->style == c->depth ? 0 : c->style;
	c->depth--;
}

/* Pieces of a style, between which a comment stands, are one to who shows it. */
static void
take_text(struct check *c, struct gp_slice text)
{
	struct gp_scan at = gp_scan(text);
	(void)gp_scan_while(&at, is_blank);
	bool blank = gp_scan_end(&at);
	c->titled |= c->title > 0 && !blank;
	if (c->style == 0 || blank)
		return;
	if (c->styled)
		tell(c, OUTSIDE, "its style is in pieces, which may hide where it leads");
	else if (leads_outside(text) || is_hidden(text))
		tell(c, OUTSIDE, "its style leads outside of the file");
	c->styled = true;
}

void
gp_bimi_svg_check(struct gp_slice file, struct gp_arena *arena, struct gp_bimi_svg *ret)
{
	struct check c = {.arena = arena, .ret = ret};
	struct gp_bimi_xml x = gp_bimi_xml(file);
	struct gp_bimi_xml_event e;
	*ret = (struct gp_bimi_svg){};
	if (file.len > GP_BIMI_SVG_MAX)
		tell(&c, SIZE, "it has %zu octets, and %d are taken", file.len, GP_BIMI_SVG_MAX);
	while (gp_bimi_xml_next(&x, &e)) {
		if (e.kind == GP_BIMI_XML_OPEN)
			open_element(&c, &e);
		else if (e.kind == GP_BIMI_XML_TEXT)
			take_text(&c, e.text);
		else
			close_element(&c);
	}
	if (x.why)
		tell(&c, XML, "%s", x.why);
	else if (!c.titled)
		tell(&c, TITLE, "it has no title");
}
