/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims/results.h"

#include "base/scan.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_token_char(char c)
{
	return !is_space(c) && c != ';' && c != '(' && c != ')' && c != '"' && c != '=';
}

static void
skip_comment(struct gp_scan *c)
{
	size_t depth = 0;
	do {
		int octet = gp_scan_peek(c);
		depth += octet == '(';
		depth -= octet == ')';
		c->at++;
	} while (depth > 0 && !gp_scan_end(c));
}

static void
skip_cfws(struct gp_scan *c)
{
	for (;;) {
		gp_scan_while(c, is_space);
		if (gp_scan_peek(c) != '(')
			return;
		skip_comment(c);
	}
}

/* A token, or what stands between quotes. Empty: neither is next. */
static struct gp_slice
take_value(struct gp_scan *c)
{
	skip_cfws(c);
	if (!gp_scan_char(c, '"'))
		return gp_scan_while(c, is_token_char);
	size_t from = c->at;
	while (!gp_scan_end(c) && gp_scan_peek(c) != '"')
		c->at++;
	struct gp_slice inside = gp_scan_since(c, from);
	(void)gp_scan_char(c, '"');
	return inside;
}

/* Behind the "=": base64 and addresses have "=" in them too. */
static struct gp_slice
take_property(struct gp_scan *c)
{
	struct gp_slice first = take_value(c);
	while (gp_scan_peek(c) == '=') {
		c->at++;
		struct gp_slice more = gp_scan_while(c, is_token_char);
		first.len = (size_t)(more.ptr - first.ptr) + more.len;
	}
	return first;
}

static struct gp_slice
domain_of(struct gp_slice value)
{
	ptrdiff_t at = gp_slice_rfind(value, '@');
	return gp_slice_drop(value, (size_t)(at + 1));
}

static void
read_property(struct gp_claimed_result *r, struct gp_slice name, struct gp_slice value)
{
	static const struct gp_slice domains[] = {GP_SLICE("header.from"), GP_SLICE("header.d"),
						  GP_SLICE("header.i"), GP_SLICE("smtp.mailfrom"),
						  GP_SLICE("smtp.helo")};
	if (gp_slice_eq_nocase(name, GP_SLICE("reason")))
		r->reason = value;
	for (size_t i = 0; i < GP_ARRAY_LEN(domains) && r->domain.len == 0; i++) {
		if (gp_slice_eq_nocase(name, domains[i]))
			r->domain = domain_of(value);
	}
}

/* "dkim/1=pass (good) reason="x" header.d=example.org", up to the semicolon. */
static void
read_result(struct gp_scan *c, struct gp_slice method, struct gp_claimed_results *ret)
{
	struct gp_slice bare = gp_slice_cut(&method, '/');
	struct gp_claimed_result r = {.method = bare, .result = take_property(c)};
	for (;;) {
		skip_cfws(c);
		if (gp_scan_end(c) || gp_scan_char(c, ';'))
			break;
		size_t from = c->at;
		struct gp_slice name = take_value(c);
		skip_cfws(c);
		if (gp_scan_char(c, '='))
			read_property(&r, name, take_property(c));
		if (c->at == from)
			c->at++;
	}
	if (ret->len < GP_CLAIMED_MAX)
		ret->items[ret->len++] = r;
}

void
gp_claimed_results_parse(struct gp_slice value, struct gp_claimed_results *ret)
{
	struct gp_scan c = gp_scan(value);
	*ret = (struct gp_claimed_results){.field_value = value};
	for (bool first = true; !gp_scan_end(&c); first = false) {
		size_t from = c.at;
		struct gp_slice word = take_value(&c);
		skip_cfws(&c);
		if (gp_scan_char(&c, '='))
			read_result(&c, word, ret);
		else if (first)
			ret->authserv = word;
		if (c.at == from)
			c.at++;
	}
}

const struct gp_claimed_result *
gp_claimed_result_of(const struct gp_claimed_results *results, struct gp_slice method)
{
	for (size_t i = 0; i < results->len; i++) {
		if (gp_slice_eq_nocase(results->items[i].method, method))
			return &results->items[i];
	}
	return NULL;
}
