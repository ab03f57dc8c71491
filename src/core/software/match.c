/* SPDX-License-Identifier: Apache-2.0 */
#include "core/software/match.h"

#include "base/scan.h"

static const struct gp_slice version_word = {"<version>", sizeof("<version>") - 1};

static bool
is_version(char c)
{
	return gp_ascii_is_alnum(c) || c == '.' || c == '+' || c == '~' || c == '-' || c == '_';
}

/* It ends in a letter or digit, whatever follows. */
static struct gp_slice
take_version(struct gp_scan *line)
{
	size_t from = line->at;
	gp_scan_while(line, is_version);
	while (line->at > from && !gp_ascii_is_alnum(line->all.ptr[line->at - 1]))
		line->at--;
	return gp_scan_since(line, from);
}

/* One step of the pattern that is no star against what stands under the cursor. */
static bool
step(struct gp_scan *pattern, struct gp_scan *line, struct gp_slice *version)
{
	if (gp_scan_end(pattern) || gp_scan_end(line))
		return false;
	if (gp_scan_peek(pattern) == version_word.ptr[0] &&
	    gp_slice_starts(gp_scan_rest(pattern), version_word)) {
		if (!gp_ascii_is_digit((char)gp_scan_peek(line)))
			return false;
		*version = take_version(line);
		pattern->at += version_word.len;
		return true;
	}
	if (gp_scan_char(pattern, '?')) {
		line->at++;
		return true;
	}
	if (gp_scan_peek(pattern) == '\\')
		pattern->at++;
	bool same = !gp_scan_end(pattern) && gp_scan_peek(pattern) == gp_scan_peek(line);
	pattern->at++;
	line->at++;
	return same;
}

/*
 * When a step fails, the last star takes an octet more. Earlier stars never have to: what they were
 * followed by was found as early as it can be. So the cost is at most the product of both lengths.
 */
bool
gp_match_line(struct gp_slice pattern, struct gp_slice line, struct gp_slice *ret_version)
{
	struct gp_scan p = gp_scan(pattern), l = gp_scan(line), star = {}, at_star = {};
	struct gp_slice version = {};
	bool has_star = false;
	for (;;) {
		if (gp_scan_char(&p, '*')) {
			has_star = true;
			star = p;
			at_star = l;
			continue;
		}
		if (gp_scan_end(&p) && gp_scan_end(&l))
			break;
		if (step(&p, &l, &version))
			continue;
		if (!has_star || gp_scan_end(&at_star))
			return false;
		at_star.at++;
		p = star;
		l = at_star;
	}
	if (ret_version && version.len > 0)
		*ret_version = version;
	return true;
}

bool
gp_match_reply(struct gp_slice pattern, struct gp_slice reply, struct gp_slice *ret_line,
	       struct gp_slice *ret_version)
{
	while (reply.len > 0) {
		*ret_line = gp_slice_cut(&reply, '\n');
		if (gp_match_line(pattern, *ret_line, ret_version))
			return true;
	}
	return false;
}

static bool
is_keyword(char c)
{
	return c != ' ' && c != '=';
}

/* The keyword of a line "250-SIZE 1000"; empty: it has none. */
static struct gp_slice
keyword_of(struct gp_slice line)
{
	struct gp_scan scan = gp_scan(gp_slice_drop(line, sizeof("250-") - 1));
	return gp_scan_while(&scan, is_keyword);
}

/* Is the keyword the next one of the pattern, but for those that may be missing? They are cut off
   the pattern. */
static bool
is_next(struct gp_slice *pattern, struct gp_slice keyword)
{
	while (pattern->len > 0) {
		struct gp_slice word = gp_slice_cut(pattern, ' ');
		bool optional = gp_slice_ends_nocase(word, GP_SLICE("?"));
		if (gp_slice_eq(gp_slice_take(word, word.len - optional), keyword))
			return true;
		if (!optional)
			return false;
	}
	return false;
}

bool
gp_match_order(struct gp_slice pattern, struct gp_slice reply)
{
	struct gp_slice greeting = gp_slice_cut(&reply, '\n');
	if (!gp_slice_starts(greeting, GP_SLICE("250-")) || reply.len == 0)
		return false;
	while (reply.len > 0) {
		if (!is_next(&pattern, keyword_of(gp_slice_cut(&reply, '\n'))))
			return false;
	}
	/* What is left must all be such as may be missing. */
	while (pattern.len > 0) {
		if (!gp_slice_ends_nocase(gp_slice_cut(&pattern, ' '), GP_SLICE("?")))
			return false;
	}
	return true;
}
