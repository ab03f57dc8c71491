/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/ehlo.h"

#include "base/scan.h"

static const struct {
	struct gp_slice word;
	uint32_t flag;
} keywords[] = {
	{GP_SLICE("PIPELINING"), GP_EHLO_PIPELINING},
	{GP_SLICE("8BITMIME"), GP_EHLO_8BITMIME},
	{GP_SLICE("SMTPUTF8"), GP_EHLO_SMTPUTF8},
	{GP_SLICE("DSN"), GP_EHLO_DSN},
	{GP_SLICE("ENHANCEDSTATUSCODES"), GP_EHLO_ENHANCED},
	{GP_SLICE("STARTTLS"), GP_EHLO_STARTTLS},
	{GP_SLICE("CHUNKING"), GP_EHLO_CHUNKING},
	{GP_SLICE("BINARYMIME"), GP_EHLO_BINARYMIME},
	{GP_SLICE("REQUIRETLS"), GP_EHLO_REQUIRETLS},
};

static const struct {
	struct gp_slice word;
	uint32_t flag;
} mechanisms[] = {
	{GP_SLICE("PLAIN"), GP_EHLO_PLAIN},
	{GP_SLICE("LOGIN"), GP_EHLO_LOGIN},
	{GP_SLICE("XOAUTH2"), GP_EHLO_XOAUTH2},
	{GP_SLICE("OAUTHBEARER"), GP_EHLO_OAUTHBEARER},
	{GP_SLICE("SCRAM-SHA-256"), GP_EHLO_SCRAM_SHA_256},
	{GP_SLICE("SCRAM-SHA-256-PLUS"), GP_EHLO_SCRAM_SHA_256_PLUS},
};

static void
parse_mechanisms(struct gp_ehlo *e, struct gp_slice params)
{
	while (params.len > 0) {
		struct gp_slice word = gp_slice_cut(&params, ' ');
		for (size_t i = 0; i < GP_ARRAY_LEN(mechanisms); i++) {
			if (gp_slice_eq_nocase(word, mechanisms[i].word))
				e->mechanisms |= mechanisms[i].flag;
		}
	}
}

/* RFC 1870 section 4: the number may be missing, or 0, when there is no fixed limit. */
static void
parse_size(struct gp_ehlo *e, struct gp_slice params)
{
	uint64_t size = 0;
	if (params.len > 0 && !gp_slice_u64(params, UINT64_MAX, &size))
		return;
	e->flags |= GP_EHLO_SIZE;
	e->size_max = size;
}

/* RFC 9422 section 4: the values of these are 1 to 6 digits without a leading zero; an unknown name
   or a bad value is passed over. */
static void
set_limit(struct gp_ehlo *e, struct gp_slice name, struct gp_slice value)
{
	uint64_t n;
	if (value.len > 6 || gp_slice_starts(value, GP_SLICE("0")) ||
	    !gp_slice_u64(value, 999'999, &n))
		return;
	if (gp_slice_eq_nocase(name, GP_SLICE("MAILMAX")))
		e->mail_max = (uint32_t)n;
	else if (gp_slice_eq_nocase(name, GP_SLICE("RCPTMAX")))
		e->rcpt_max = (uint32_t)n;
}

static bool
is_limit_name(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_';
}

static bool
is_limit_value(char c)
{
	return c > ' ' && c <= '~' && c != ';';
}

/* A line that breaks the syntax counts as if it were not there (RFC 9422 section 4). */
static void
parse_limits(struct gp_ehlo *e, struct gp_slice params)
{
	struct gp_ehlo with = *e;
	with.flags |= GP_EHLO_LIMITS;
	for (struct gp_scan c = gp_scan(params); !gp_scan_end(&c); gp_scan_wsp(&c)) {
		struct gp_slice name = gp_scan_while(&c, is_limit_name);
		struct gp_slice value = {};
		if (gp_scan_char(&c, '='))
			value = gp_scan_while(&c, is_limit_value);
		if (name.len == 0 || (!gp_scan_end(&c) && gp_scan_peek(&c) != ' '))
			return;
		set_limit(&with, name, value);
	}
	*e = with;
}

static void
parse_line(struct gp_ehlo *e, struct gp_slice line)
{
	struct gp_slice params = line;
	struct gp_slice word = gp_slice_cut(&params, ' ');
	params = gp_slice_trim(params);
	if (gp_slice_eq_nocase(word, GP_SLICE("SIZE")))
		parse_size(e, params);
	else if (gp_slice_eq_nocase(word, GP_SLICE("LIMITS")))
		parse_limits(e, params);
	else if (gp_slice_eq_nocase(word, GP_SLICE("AUTH")))
		parse_mechanisms(e, params);
	for (size_t i = 0; i < GP_ARRAY_LEN(keywords); i++) {
		if (gp_slice_eq_nocase(word, keywords[i].word))
			e->flags |= keywords[i].flag;
	}
}

struct gp_ehlo
gp_ehlo_parse(struct gp_slice text)
{
	struct gp_ehlo e = {.flags = GP_EHLO_ESMTP};
	(void)gp_slice_cut(&text, '\n');
	while (text.len > 0)
		parse_line(&e, gp_slice_cut(&text, '\n'));
	return e;
}
