/* SPDX-License-Identifier: Apache-2.0 */
#include "core/spf/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/scan.h"
#include "core/spf/macro.h"
#include "core/spf/spf.h"

/* --- section 4.5: selecting records --- */

size_t
gp_spf_select(const struct gp_dns_answer *answer, struct gp_slice *ret_terms)
{
	struct gp_slice version = GP_SLICE("v=spf1");
	size_t found = 0;
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice data = answer->records[i].data;
		if (!gp_slice_starts_nocase(data, version))
			continue;
		data = gp_slice_drop(data, version.len);
		if (data.len > 0 && data.ptr[0] != ' ')
			continue;
		*ret_terms = data;
		found++;
	}
	return found;
}

/* --- section 5.6: networks; section 5.3: prefixes --- */

/* "0", or digits that do not begin with 0. */
static bool
read_number(struct gp_slice s, uint64_t max, uint8_t *ret)
{
	uint64_t value;
	if ((s.len > 1 && s.ptr[0] == '0') || !gp_slice_u64(s, max, &value))
		return false;
	*ret = (uint8_t)value;
	return true;
}

static bool
read_ip4(struct gp_slice s, uint8_t ret[4])
{
	for (size_t i = 0; i < 4; i++) {
		struct gp_slice part = gp_slice_cut(&s, '.');
		if (!read_number(part, 255, &ret[i]) || (i < 3 && !s.ptr))
			return false;
	}
	return s.ptr == NULL;
}

static bool
read_ip6(struct gp_slice s, uint8_t ret[16])
{
	char text[INET6_ADDRSTRLEN];
	if (s.len >= sizeof(text) || gp_slice_find(s, '\0') >= 0)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET6, text, ret) == 1;
}

/* ":" network [ "/" bits ] */
static bool
read_network(struct gp_slice rest, struct gp_spf_term *t)
{
	bool ip4 = t->kind == GP_SPF_IP4;
	bool has_prefix = gp_slice_find(rest, '/') >= 0;
	if (rest.len == 0 || rest.ptr[0] != ':')
		return false;
	rest = gp_slice_drop(rest, 1);
	struct gp_slice network = gp_slice_cut(&rest, '/');
	if (ip4 ? !read_ip4(network, t->address) : !read_ip6(network, t->address))
		return false;
	return !has_prefix ||
	       (ip4 ? read_number(rest, 32, &t->prefix4) : read_number(rest, 128, &t->prefix6));
}

/* Takes "/" and digits off the end of *s; a domain-spec may have slashes of its own. */
static bool
cut_digits(struct gp_slice *s, struct gp_slice *ret)
{
	size_t from = s->len;
	while (from > 0 && gp_ascii_is_digit(s->ptr[from - 1]))
		from--;
	if (from == s->len || from == 0 || s->ptr[from - 1] != '/')
		return false;
	*ret = gp_slice_drop(*s, from);
	s->len = from - 1;
	return true;
}

/* [ "/" bits ] [ "//" bits ] off the end of *rest. */
static bool
cut_prefixes(struct gp_slice *rest, struct gp_spf_term *t)
{
	struct gp_slice digits;
	if (!cut_digits(rest, &digits))
		return true;
	if (rest->len > 0 && rest->ptr[rest->len - 1] == '/') {
		rest->len--;
		if (!read_number(digits, 128, &t->prefix6))
			return false;
		if (!cut_digits(rest, &digits))
			return true;
	}
	return read_number(digits, 32, &t->prefix4);
}

/* --- section 4.6.1: terms --- */

enum argument {
	NOTHING,
	NETWORK,
	SPEC,            /* ":" domain-spec */
	MAYBE_SPEC,      /* or not */
	SPEC_AND_PREFIX, /* or not, and prefixes */
};

static const struct {
	struct gp_slice name;
	uint8_t kind, argument;
} mechanisms[] = {
	{{"all", 3}, GP_SPF_ALL, NOTHING},     {{"include", 7}, GP_SPF_INCLUDE, SPEC},
	{{"a", 1}, GP_SPF_A, SPEC_AND_PREFIX}, {{"mx", 2}, GP_SPF_MX, SPEC_AND_PREFIX},
	{{"ptr", 3}, GP_SPF_PTR, MAYBE_SPEC},  {{"ip4", 3}, GP_SPF_IP4, NETWORK},
	{{"ip6", 3}, GP_SPF_IP6, NETWORK},     {{"exists", 6}, GP_SPF_EXISTS, SPEC},
};

static bool
read_spec(struct gp_slice s, struct gp_spf_term *t)
{
	t->spec = s;
	return gp_spf_domain_spec_valid(s, &t->uses);
}

static bool
read_argument(struct gp_slice rest, uint8_t argument, struct gp_spf_term *t)
{
	if (argument == NOTHING)
		return rest.len == 0;
	if (argument == NETWORK)
		return read_network(rest, t);
	if (argument == SPEC_AND_PREFIX && !cut_prefixes(&rest, t))
		return false;
	if (rest.len == 0)
		return argument != SPEC;
	return rest.ptr[0] == ':' && read_spec(gp_slice_drop(rest, 1), t);
}

static uint8_t
read_qualifier(struct gp_scan *c)
{
	if (gp_scan_char(c, '-'))
		return GP_SPF_FAIL;
	if (gp_scan_char(c, '~'))
		return GP_SPF_SOFTFAIL;
	if (gp_scan_char(c, '?'))
		return GP_SPF_NEUTRAL;
	(void)gp_scan_char(c, '+');
	return GP_SPF_PASS;
}

static bool
is_alnum(char c)
{
	return gp_ascii_is_alnum(c);
}

static bool
read_directive(struct gp_slice text, struct gp_spf_term *t)
{
	struct gp_scan c = gp_scan(text);
	t->qualifier = read_qualifier(&c);
	t->text = gp_scan_rest(&c);
	struct gp_slice name = gp_scan_while(&c, is_alnum);
	for (size_t i = 0; i < GP_ARRAY_LEN(mechanisms); i++) {
		if (!gp_slice_eq_nocase(name, mechanisms[i].name))
			continue;
		t->kind = mechanisms[i].kind;
		return read_argument(gp_scan_rest(&c), mechanisms[i].argument, t);
	}
	return false;
}

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* The known ones want a domain-spec, and with another value are not taken for unknown ones. */
static bool
read_modifier(struct gp_slice name, struct gp_slice value, struct gp_spf_term *t)
{
	if (gp_slice_eq_nocase(name, GP_SLICE("redirect")))
		t->kind = GP_SPF_REDIRECT;
	else if (gp_slice_eq_nocase(name, GP_SLICE("exp")))
		t->kind = GP_SPF_EXP;
	else
		t->kind = GP_SPF_OTHER;
	if (t->kind == GP_SPF_OTHER)
		return gp_spf_macro_string_valid(value, &t->uses);
	return read_spec(value, t);
}

static bool
read_term(struct gp_slice text, struct gp_spf_term *t)
{
	struct gp_scan c = gp_scan(text);
	if (gp_ascii_is_alpha(text.ptr[0])) {
		struct gp_slice name = gp_scan_while(&c, is_name_octet);
		if (gp_scan_char(&c, '='))
			return read_modifier(name, gp_scan_rest(&c), t);
	}
	return read_directive(text, t);
}

int
gp_spf_next(struct gp_slice *terms, struct gp_spf_term *ret)
{
	struct gp_slice text;
	do {
		if (!terms->ptr)
			return 1;
		text = gp_slice_cut(terms, ' ');
	} while (text.len == 0);
	*ret = (struct gp_spf_term){.text = text, .prefix4 = 32, .prefix6 = 128};
	if (read_term(text, ret))
		return 0;
	ret->text = text;
	return -EINVAL;
}

bool
gp_spf_term_asks(const struct gp_spf_term *term)
{
	switch (term->kind) {
	case GP_SPF_INCLUDE:
	case GP_SPF_A:
	case GP_SPF_MX:
	case GP_SPF_PTR:
	case GP_SPF_EXISTS:
	case GP_SPF_REDIRECT:
		return true;
	default:
		return false;
	}
}
