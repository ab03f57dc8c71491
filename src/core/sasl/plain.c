/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms that send the password itself: PLAIN (RFC 4616), and LOGIN, which was never a
 * standard: https://datatracker.ietf.org/doc/html/draft-murchison-sasl-login-00. */
#include "core/sasl/mechanism.h"

#include <errno.h>

static int
take_password(struct gp_sasl *s, struct gp_slice text)
{
	if (!gp_password_valid(text))
		return sasl_malformed(s, "not a password");
	s->secret = gp_arena_dup(s->arena, text);
	return s->arena->failed ? -ENOMEM : GP_SASL_CHECK_PASSWORD;
}

/* [authzid] NUL authcid NUL passwd; a further NUL would be in the password, where none may be. */
int
sasl_plain(struct gp_sasl *s, const struct gp_slice *response)
{
	if (!response)
		return sasl_challenge(s, gp_slice("", 0));
	struct gp_slice rest = *response;
	struct gp_slice authzid = gp_slice_cut(&rest, '\0');
	struct gp_slice name = gp_slice_cut(&rest, '\0');
	int r = sasl_take_names(s, authzid, name);
	return r != 0 ? r : take_password(s, rest);
}

int
sasl_login(struct gp_sasl *s, const struct gp_slice *response)
{
	enum { NOTHING, NAME, PASSWORD };
	if (s->at == NOTHING) {
		s->at = NAME;
		if (!response)
			return sasl_challenge(s, GP_SLICE("Username:"));
	}
	if (s->at == PASSWORD)
		return take_password(s, *response);
	s->at = PASSWORD;
	int r = sasl_take_names(s, gp_slice("", 0), *response);
	return r != 0 ? r : sasl_challenge(s, GP_SLICE("Password:"));
}
