/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mechanisms that bear a token: OAUTHBEARER (RFC 7628), and what it was made of, XOAUTH2
 * (https://developers.google.com/gmail/imap/xoauth2-protocol). When the token is not right the
 * server gives a reason as a challenge, the client answers it with nothing to say, and only then it
 * has failed.
 */
#include "base/scan.h"
#include "core/sasl/mechanism.h"

#include <errno.h>

#define SEPARATOR '\1'

enum { TOLD = 1 }; /* gp_sasl.at: the reason was given */

static bool
stands_in_token(char c)
{
	return gp_ascii_is_alnum(c) || (c != '\0' && gp_slice_find(GP_SLICE("-._~+/"), c) >= 0);
}

/* b64token of RFC 6750 section 2.1. */
static bool
is_token(struct gp_slice text)
{
	struct gp_scan c = gp_scan(text);
	bool some = gp_scan_while(&c, stands_in_token).len > 0;
	while (gp_scan_char(&c, '='))
		;
	return some && gp_scan_end(&c);
}

/* "Bearer" in any case, one space or more, the token. */
static int
take_token(struct gp_sasl *s, struct gp_slice value)
{
	struct gp_scan c = gp_scan(value);
	if (!gp_scan_word(&c, GP_SLICE("Bearer")) || gp_scan_peek(&c) != ' ')
		return sasl_malformed(s, "not a bearer token");
	while (gp_scan_char(&c, ' '))
		;
	if (!is_token(gp_scan_rest(&c)))
		return sasl_malformed(s, "not a bearer token");
	s->secret = gp_arena_dup(s->arena, gp_scan_rest(&c));
	return s->arena->failed ? -ENOMEM : GP_SASL_CHECK_TOKEN;
}

/* *(key "=" value SEPARATOR) SEPARATOR, and nothing behind it. `auth` must be there once; the
 * others, such as host and port, tell us nothing that we do not know. */
static int
take_pairs(struct gp_sasl *s, struct gp_slice rest)
{
	struct gp_slice token = {};
	while (rest.len > 0 && rest.ptr[0] != SEPARATOR) {
		struct gp_slice value = gp_slice_cut(&rest, SEPARATOR);
		struct gp_slice key = gp_slice_cut(&value, '=');
		if (key.len == 0 || !value.ptr)
			return sasl_malformed(s, "not key=value");
		if (!gp_slice_eq(key, GP_SLICE("auth")))
			continue;
		if (token.ptr)
			return sasl_malformed(s, "two tokens");
		token = value;
	}
	if (rest.len != 1 || !token.ptr)
		return sasl_malformed(s, token.ptr ? "no end" : "no token");
	return take_token(s, token);
}

static int
take_user(struct gp_sasl *s, struct gp_slice escaped)
{
	struct gp_slice name;
	if (escaped.len == 0)
		return 0;
	int r = sasl_unescape(s, escaped, &name);
	if (r == 1)
		return sasl_malformed(s, "not a user name");
	return r < 0 ? r : sasl_take_names(s, gp_slice("", 0), name);
}

/* gs2-header SEPARATOR pairs; the header is "n,[a=NAME]," (RFC 5801 section 4). There is no channel
 * binding here, so its "y" says no more than "n" (RFC 7628 section 3.1). */
int
sasl_oauthbearer(struct gp_sasl *s, const struct gp_slice *response)
{
	if (s->at == TOLD)
		return sasl_fail(s, "the token is not valid");
	if (!response)
		return sasl_challenge(s, gp_slice("", 0));
	struct gp_slice rest = *response, name = {};
	struct gp_slice flag = gp_slice_cut(&rest, ',');
	if (!gp_slice_eq(flag, GP_SLICE("n")) && !gp_slice_eq(flag, GP_SLICE("y")))
		return sasl_malformed(s, "no channel binding is possible");
	if (gp_slice_starts(rest, GP_SLICE("a="))) {
		name = gp_slice_drop(rest, 2);
		name = gp_slice_cut(&name, ',');
		rest = gp_slice_drop(rest, 2 + name.len);
	}
	if (!gp_slice_starts(rest, GP_SLICE(",\1")))
		return sasl_malformed(s, "not a GS2 header");
	int r = take_user(s, name);
	return r != 0 ? r : take_pairs(s, gp_slice_drop(rest, 2));
}

/* "user=" NAME SEPARATOR "auth=Bearer " TOKEN SEPARATOR SEPARATOR */
int
sasl_xoauth2(struct gp_sasl *s, const struct gp_slice *response)
{
	if (s->at == TOLD)
		return sasl_fail(s, "the token is not valid");
	if (!response)
		return sasl_challenge(s, gp_slice("", 0));
	struct gp_slice rest = *response;
	struct gp_slice user = gp_slice_cut(&rest, SEPARATOR);
	if (!gp_slice_starts(user, GP_SLICE("user=")))
		return sasl_malformed(s, "no user");
	int r = sasl_take_names(s, gp_slice("", 0), gp_slice_drop(user, 5));
	return r != 0 ? r : take_pairs(s, rest);
}

int
sasl_reject_token(struct gp_sasl *s)
{
	s->at = TOLD;
	return sasl_challenge(s, s->setup.mechanism == GP_SASL_OAUTHBEARER
					 ? GP_SLICE("{\"status\":\"invalid_token\"}")
					 : GP_SLICE("{\"status\":\"400\",\"schemes\":\"Bearer\"}"));
}
