/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/authres/authres.h"
#include "core/authres/lex.h"

struct parse {
	struct gp_scan scan;
	struct gp_arena *arena;
	struct gp_authres_result *results;
	size_t len;
	const char *why;
};

static bool
fail(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return gp_scan_fail(&p->scan);
}

/* --- words --- */

static bool
skip_cfws(struct parse *p)
{
	return gp_authres_skip_cfws(&p->scan) || fail(p, "a comment does not end");
}

static bool
skip_quoted(struct parse *p)
{
	return gp_authres_skip_quoted(&p->scan) || fail(p, "a quoted string does not end");
}

static struct gp_slice
take_keyword(struct parse *p)
{
	return gp_scan_while(&p->scan, gp_authres_is_keyword_octet);
}

static bool
ends_text(int c)
{
	return c < 0 || gp_authres_is_space((char)c) || c == ';' || c == '(';
}

/* Octets and quoted strings up to a space, a comment or a semicolon. */
static bool
take_text(struct parse *p, struct gp_slice *ret)
{
	size_t from = p->scan.at;
	while (!ends_text(gp_scan_peek(&p->scan))) {
		if (gp_scan_peek(&p->scan) != '"')
			p->scan.at++;
		else if (!skip_quoted(p))
			return false;
	}
	*ret = gp_scan_since(&p->scan, from);
	if (gp_slice_find(*ret, '"') < 0)
		return true;
	char *to = gp_arena_alloc(p->arena, ret->len);
	*ret = gp_slice(to, to ? gp_authres_unquote(*ret, to) : 0);
	return to != NULL;
}

/* To the ";" that ends this part, or to the end. */
static bool
skip_part(struct parse *p)
{
	for (;;) {
		if (!skip_cfws(p))
			return false;
		int c = gp_scan_peek(&p->scan);
		if (c < 0 || c == ';')
			return true;
		if (c != '"')
			p->scan.at++;
		else if (!skip_quoted(p))
			return false;
	}
}

/* --- one result --- */

/* Behind a keyword and the "=": its text, which may stand behind comments. */
static bool
take_value(struct parse *p, struct gp_slice *ret)
{
	return skip_cfws(p) && take_text(p, ret);
}

/* "type.name=value". False: it failed, or is none; then the cursor stands behind what it was. */
static bool
take_property(struct parse *p, struct gp_slice type, struct gp_authres_property *ret)
{
	*ret = (struct gp_authres_property){.type = type};
	if (!skip_cfws(p))
		return false;
	ret->name = take_keyword(p);
	return ret->name.len > 0 && skip_cfws(p) && gp_scan_char(&p->scan, '=') &&
	       take_value(p, &ret->value);
}

struct properties {
	struct gp_authres_property list[GP_AUTHRES_PROPERTIES_MAX];
	size_t len;
};

/* A property, a reason, or something else, which is passed over. False: it failed. */
static bool
take_item(struct parse *p, struct gp_authres_result *result, struct properties *properties)
{
	struct gp_slice word = take_keyword(p), value;
	struct gp_authres_property property;
	if (!skip_cfws(p))
		return false;
	if (word.len > 0 && gp_scan_char(&p->scan, '.')) {
		if (!take_property(p, word, &property))
			return !p->scan.failed && !p->arena->failed;
		if (properties->len == GP_AUTHRES_PROPERTIES_MAX)
			return fail(p, "too many properties");
		properties->list[properties->len++] = property;
		return true;
	}
	if (word.len > 0 && gp_scan_char(&p->scan, '=')) {
		if (!take_value(p, &value))
			return false;
		if (gp_slice_eq_nocase(word, GP_SLICE("reason")))
			result->reason = value;
		return true;
	}
	/* Neither: at least one octet goes, so that there is an end. */
	return word.len > 0 || ends_text(gp_scan_peek(&p->scan)) || take_text(p, &value);
}

static bool
take_items(struct parse *p, struct gp_authres_result *result)
{
	struct properties properties = {};
	for (;;) {
		if (!skip_cfws(p))
			return false;
		int c = gp_scan_peek(&p->scan);
		if (c < 0 || c == ';')
			break;
		if (!take_item(p, result, &properties))
			return false;
	}
	struct gp_authres_property *copy = gp_arena_array(p->arena, properties.len, sizeof(*copy));
	for (size_t i = 0; copy && i < properties.len; i++)
		copy[i] = properties.list[i];
	result->properties = copy;
	result->properties_len = properties.len;
	return copy != NULL;
}

/* "method/version=result". False: it failed, or is none. */
static bool
take_method(struct parse *p, struct gp_authres_result *ret)
{
	*ret = (struct gp_authres_result){.method = take_keyword(p)};
	if (ret->method.len == 0 || !skip_cfws(p))
		return false;
	if (gp_scan_char(&p->scan, '/')) {
		if (!skip_cfws(p))
			return false;
		(void)gp_scan_while(&p->scan, gp_ascii_is_digit);
	}
	if (!skip_cfws(p) || !gp_scan_char(&p->scan, '=') || !skip_cfws(p))
		return false;
	ret->result = take_keyword(p);
	return ret->result.len > 0 && ends_text(gp_scan_peek(&p->scan));
}

static bool
take_part(struct parse *p)
{
	struct gp_authres_result result;
	if (!skip_cfws(p))
		return false;
	if (!take_method(p, &result))
		return !p->scan.failed && skip_part(p);
	if (!take_items(p, &result))
		return false;
	if (p->len == GP_AUTHRES_RESULTS_MAX)
		return fail(p, "too many results");
	p->results[p->len++] = result;
	return true;
}

/* --- the field --- */

/* The id and the version. Where the first word is a method, there is no id. */
static bool
take_head(struct parse *p, struct gp_slice *ret_id)
{
	if (!skip_cfws(p))
		return false;
	size_t from = p->scan.at;
	if (take_keyword(p).len > 0 && skip_cfws(p) && gp_scan_peek(&p->scan) == '=') {
		p->scan.at = from;
		*ret_id = GP_SLICE("");
		return true;
	}
	if (p->scan.failed)
		return false;
	p->scan.at = from;
	if (!take_text(p, ret_id) || !skip_cfws(p))
		return false;
	struct gp_slice version = gp_scan_while(&p->scan, gp_ascii_is_digit);
	if (version.len > 0 && !gp_slice_eq(version, GP_SLICE("1")))
		return fail(p, "of another version");
	return skip_part(p);
}

static bool
take_field(struct parse *p, struct gp_slice *ret_id)
{
	if (!take_head(p, ret_id))
		return false;
	if (ret_id->len == 0 && !take_part(p))
		return false;
	while (gp_scan_char(&p->scan, ';')) {
		if (!take_part(p))
			return false;
	}
	return gp_scan_end(&p->scan);
}

/* As many results as there can be: each but the first stands behind a ";". */
static size_t
count_semicolons(struct gp_slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == ';';
	return n;
}

int
gp_authres_parse(struct gp_slice value, struct gp_arena *arena, struct gp_authres *ret,
		 const char **ret_why)
{
	struct parse p = {.scan = gp_scan(value), .arena = arena};
	size_t most = GP_MIN(count_semicolons(value) + 1, (size_t)GP_AUTHRES_RESULTS_MAX);
	*ret = (struct gp_authres){};
	p.results = gp_arena_array(arena, most, sizeof(*p.results));
	bool good = p.results && take_field(&p, &ret->id);
	if (arena->failed)
		return -ENOMEM;
	if (!good || p.scan.failed) {
		*ret = (struct gp_authres){};
		*ret_why = p.why ? p.why : "malformed";
		return 1;
	}
	ret->results = p.results;
	ret->results_len = p.len;
	return 0;
}
