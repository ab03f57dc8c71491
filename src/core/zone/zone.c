/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone/zone.h"

#include <string.h>

enum { TTL_MAX = INT32_MAX }; /* RFC 2181 section 8 */

static bool
wrong(struct gp_zone_reader *r, struct gp_slice word, const char *why)
{
	r->wrong = word;
	r->why = why;
	return gp_scan_fail(&r->text);
}

/* --- words --- */

static bool
is_word(char c)
{
	return !strchr(" \t\r\n;()\"", c) || c == '\0';
}

static bool
is_no_line_end(char c)
{
	return c != '\n';
}

/* Behind a backslash any octet is one of the word, but the line's end. */
static bool
take_escape(struct gp_zone_reader *r)
{
	int c = gp_scan_peek(&r->text);
	if (c < 0 || c == '\r' || c == '\n')
		return wrong(r, GP_SLICE(""), "a backslash with nothing behind it");
	r->text.at++;
	return true;
}

static bool
take_plain(struct gp_zone_reader *r, struct gp_zone_word *ret)
{
	size_t from = r->text.at;
	for (int c; (c = gp_scan_peek(&r->text)) >= 0 && is_word((char)c);) {
		r->text.at++;
		if (c == '\\' && !take_escape(r))
			return false;
	}
	*ret = (struct gp_zone_word){.text = gp_scan_since(&r->text, from)};
	return true;
}

/* Behind the quote that opens it. */
static bool
take_quoted(struct gp_zone_reader *r, struct gp_zone_word *ret)
{
	size_t from = r->text.at;
	for (int c; (c = gp_scan_peek(&r->text)) != '"';) {
		if (c < 0 || c == '\n')
			return wrong(r, GP_SLICE(""), "a quote that is not closed in its line");
		r->text.at++;
		if (c == '\\' && !take_escape(r))
			return false;
	}
	*ret = (struct gp_zone_word){.text = gp_scan_since(&r->text, from), .quoted = true};
	return gp_scan_char(&r->text, '"');
}

static bool
take_word(struct gp_zone_reader *r)
{
	struct gp_zone_word word;
	size_t from = r->text.at;
	bool first_of_line = from == 0 || r->text.all.ptr[from - 1] == '\n';
	bool good = gp_scan_char(&r->text, '"') ? take_quoted(r, &word) : take_plain(r, &word);
	if (!good)
		return false;
	if (r->words_len == GP_ZONE_WORDS_MAX)
		return wrong(r, word.text, "the record has too many words");
	if (r->words_len == 0)
		r->owned = first_of_line && r->depth == 0;
	r->words[r->words_len++] = word;
	return true;
}

static bool
take_parenthesis(struct gp_zone_reader *r)
{
	if (gp_scan_char(&r->text, '(')) {
		r->depth++;
		return true;
	}
	if (r->depth == 0)
		return wrong(r, GP_SLICE(")"), "closes nothing");
	r->depth--;
	return gp_scan_char(&r->text, ')');
}

/* One line of the file, or several within parentheses, as words: none, where it is blank. False at
   the end of the text, and where that is wrong. */
static bool
take_entry(struct gp_zone_reader *r)
{
	r->words_len = 0;
	for (int c; (c = gp_scan_peek(&r->text)) >= 0;) {
		bool good = true;
		if (c == ' ' || c == '\t' || c == '\r')
			r->text.at++;
		else if (c == ';')
			(void)gp_scan_while(&r->text, is_no_line_end);
		else if (c == '(' || c == ')')
			good = take_parenthesis(r);
		else if (c != '\n')
			good = take_word(r);
		else if (r->depth == 0)
			return true; /* the line's end is passed with the next entry */
		else
			good = gp_scan_char(&r->text, '\n') && ++r->line > 0;
		if (!good)
			return false;
	}
	if (r->depth > 0)
		return wrong(r, GP_SLICE("("), "is not closed");
	return r->words_len > 0;
}

/* --- names --- */

/* Whether the final dot is one, not an octet of the label. */
static bool
is_absolute(struct gp_slice text)
{
	size_t backslashes = 0;
	if (text.len == 0 || text.ptr[text.len - 1] != '.')
		return false;
	while (backslashes + 1 < text.len && text.ptr[text.len - 2 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0;
}

static bool
append(struct gp_name *name, const struct gp_name *origin)
{
	size_t labels = name->len - 1U; /* without the root */
	if (labels + origin->len > sizeof(name->octets))
		return false;
	memcpy(name->octets + labels, origin->octets, origin->len);
	name->len = (uint8_t)(labels + origin->len);
	return true;
}

/* RFC 1035 section 5.1: "@" is the origin; what has no final dot is relative to it. */
static bool
read_name(struct gp_zone_reader *r, const struct gp_zone_word *word, struct gp_name *ret)
{
	bool at = !word->quoted && gp_slice_eq(word->text, GP_SLICE("@"));
	if (!at && !gp_name_from_text(word->text, ret))
		return wrong(r, word->text, "is no name");
	if (!at && is_absolute(word->text))
		return true;
	if (!r->has_origin)
		return wrong(r, word->text, "is relative, and there is no origin");
	if (at)
		*ret = r->origin;
	return at || append(ret, &r->origin) || wrong(r, word->text, "is too long with its origin");
}

/* --- directives --- */

static bool
is_ttl(struct gp_slice text)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = {1, 60, 3600, 24 * 3600, 7 * 24 * 3600};
	struct gp_scan c = gp_scan(text);
	uint64_t all = 0;
	do {
		uint64_t n, unit = 1;
		if (!gp_slice_u64(gp_scan_while(&c, gp_ascii_is_digit), TTL_MAX, &n))
			return false;
		if (!gp_scan_end(&c)) {
			const char *at = strchr(units, gp_ascii_lower((char)gp_scan_peek(&c)));
			if (!at || *at == '\0')
				return false;
			unit = seconds[at - units];
			c.at++;
		}
		all += n * unit;
	} while (!gp_scan_end(&c) && all <= TTL_MAX);
	return all <= TTL_MAX;
}

static bool
obey(struct gp_zone_reader *r)
{
	struct gp_slice what = r->words[0].text;
	bool one = r->words_len == 2;
	if (gp_slice_eq_nocase(what, GP_SLICE("$ORIGIN"))) {
		struct gp_name origin;
		if (!one)
			return wrong(r, what, "takes one name");
		if (!read_name(r, &r->words[1], &origin))
			return false;
		r->origin = origin;
		r->has_origin = true;
		return true;
	}
	if (gp_slice_eq_nocase(what, GP_SLICE("$TTL")))
		return (one && is_ttl(r->words[1].text)) || wrong(r, what, "takes one time");
	if (gp_slice_eq_nocase(what, GP_SLICE("$INCLUDE")))
		return wrong(r, what, "is not followed; name that file too");
	return wrong(r, what, "is no directive of a standard");
}

/* --- records --- */

static bool
is_class(struct gp_slice word)
{
	static const char *const names[] = {"IN", "CH", "HS", "CS"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (gp_slice_eq_nocase(word, gp_slice_str(names[i])))
			return true;
	}
	return gp_slice_starts_nocase(word, GP_SLICE("CLASS"));
}

static bool
is_type(struct gp_slice word)
{
	bool good = word.len > 0 && word.len <= GP_ZONE_TYPE_MAX && gp_ascii_is_alpha(word.ptr[0]);
	for (size_t i = 0; i < word.len && good; i++)
		good = gp_ascii_is_alnum(word.ptr[i]) || word.ptr[i] == '-';
	return good;
}

/* Steps over TTL and class, each at most once and in any order. */
static bool
pass_ttl_and_class(struct gp_zone_reader *r, size_t *at)
{
	bool ttl = false, class = false;
	for (; *at < r->words_len; ++*at) {
		struct gp_slice word = r->words[*at].text;
		if (!ttl && word.len > 0 && gp_ascii_is_digit(word.ptr[0])) {
			ttl = true;
			if (!is_ttl(word))
				return wrong(r, word, "is no TTL");
		} else if (!class && is_class(word)) {
			class = true;
			if (!gp_slice_eq_nocase(word, GP_SLICE("IN")) &&
			    !gp_slice_eq_nocase(word, GP_SLICE("CLASS1")))
				return wrong(r, word, "is another class than IN");
		} else {
			break;
		}
	}
	return true;
}

static bool
read_record(struct gp_zone_reader *r, struct gp_zone_record *ret)
{
	size_t at = 0;
	if (r->owned) {
		if (!read_name(r, &r->words[at++], &r->owner))
			return false;
		r->has_owner = true;
	}
	if (!r->has_owner)
		return wrong(r, r->words[0].text, "is a record without an owner");
	if (!pass_ttl_and_class(r, &at))
		return false;
	if (at == r->words_len)
		return wrong(r, r->words[at - 1].text, "is not followed by a type");
	if (r->words[at].quoted || !is_type(r->words[at].text))
		return wrong(r, r->words[at].text, "is no type");
	*ret = (struct gp_zone_record){.owner = r->owner,
				       .type = r->words[at].text,
				       .words = &r->words[at + 1],
				       .words_len = r->words_len - at - 1};
	return true;
}

void
gp_zone_reader_init(struct gp_zone_reader *r, struct gp_slice text, const struct gp_name *origin)
{
	*r = (struct gp_zone_reader){.text = gp_scan(text), .line = 1, .has_origin = origin};
	if (origin)
		r->origin = *origin;
}

int
gp_zone_next(struct gp_zone_reader *r, struct gp_zone_record *ret)
{
	while (!gp_scan_end(&r->text)) {
		if (gp_scan_char(&r->text, '\n')) {
			r->line++;
			continue;
		}
		if (!take_entry(r) || r->words_len == 0)
			continue;
		if (r->owned && !r->words[0].quoted && r->words[0].text.ptr[0] == '$')
			(void)obey(r);
		else if (read_record(r, ret))
			return GP_ZONE_RECORD;
	}
	return r->why ? GP_ZONE_WRONG : GP_ZONE_END;
}
