/* SPDX-License-Identifier: Apache-2.0 */
/* The table of mechanisms, and what they share. */
#include "core/sasl/server.h"

#include <errno.h>

#include "core/sasl/mechanism.h"

static const struct {
	const char *name;
	sasl_step *step;
} mechanisms[] = {
	[GP_SASL_PLAIN] = {"PLAIN", sasl_plain},
	[GP_SASL_LOGIN] = {"LOGIN", sasl_login},
	[GP_SASL_SCRAM_SHA_256] = {"SCRAM-SHA-256", sasl_scram},
	[GP_SASL_SCRAM_SHA_256_PLUS] = {"SCRAM-SHA-256-PLUS", sasl_scram},
	[GP_SASL_OAUTHBEARER] = {"OAUTHBEARER", sasl_oauthbearer},
	[GP_SASL_XOAUTH2] = {"XOAUTH2", sasl_xoauth2},
};

uint8_t
gp_sasl_mechanism(struct gp_slice name)
{
	for (size_t i = GP_SASL_PLAIN; i < GP_ARRAY_LEN(mechanisms); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(mechanisms[i].name)))
			return (uint8_t)i;
	}
	return 0;
}

const char *
gp_sasl_mechanism_name(enum gp_sasl_mechanism m)
{
	gp_assert(m >= GP_SASL_PLAIN && m < GP_ARRAY_LEN(mechanisms));
	return mechanisms[m].name;
}

int
sasl_challenge(struct gp_sasl *s, struct gp_slice text)
{
	s->challenge = text;
	return s->arena->failed ? -ENOMEM : GP_SASL_CHALLENGE;
}

int
sasl_malformed(struct gp_sasl *s, const char *reason)
{
	s->malformed = true;
	return sasl_fail(s, reason);
}

int
sasl_fail(struct gp_sasl *s, const char *reason)
{
	s->reason = reason;
	return GP_SASL_FAILED;
}

int
sasl_unescape(struct gp_sasl *s, struct gp_slice text, struct gp_slice *ret)
{
	char *to = gp_arena_alloc(s->arena, text.len);
	size_t len = 0;
	if (!to)
		return -ENOMEM;
	while (text.len > 0) {
		bool comma = gp_slice_starts(text, GP_SLICE("=2C"));
		bool equals = gp_slice_starts(text, GP_SLICE("=3D"));
		bool escaped = comma || equals;
		if (text.ptr[0] == '=' && !escaped)
			return 1;
		to[len++] = comma ? ',' : equals ? '=' : text.ptr[0];
		text = gp_slice_drop(text, escaped ? 3 : 1);
	}
	*ret = gp_slice(to, len);
	return 0;
}

int
sasl_take_names(struct gp_sasl *s, struct gp_slice authzid, struct gp_slice name)
{
	struct gp_slice other = {};
	int r = gp_user_name_parse(name, s->arena, &s->user);
	if (r == 1)
		return sasl_malformed(s, "not a user name");
	if (r == 0 && authzid.len > 0) {
		r = gp_user_name_parse(authzid, s->arena, &other);
		if (r == 1 || (r == 0 && !gp_slice_eq(other, s->user)))
			return sasl_fail(s, "nobody may act for another");
	}
	return r;
}

static int
run(struct gp_sasl *s, const struct gp_slice *response)
{
	if (response && response->len > GP_SASL_RESPONSE_MAX)
		return sasl_malformed(s, "the response is too long");
	return mechanisms[s->setup.mechanism].step(s, response);
}

int
gp_sasl_begin(struct gp_sasl *s, const struct gp_sasl_setup *setup, const struct gp_slice *initial,
	      struct gp_arena *arena)
{
	gp_assert(setup->nonce.len <= GP_SASL_NONCE_MAX);
	*s = (struct gp_sasl){.arena = arena, .setup = *setup};
	s->setup.nonce = gp_arena_dup(arena, setup->nonce);
	s->setup.tls_exporter = gp_arena_dup(arena, setup->tls_exporter);
	s->setup.tls_server_end_point = gp_arena_dup(arena, setup->tls_server_end_point);
	return arena->failed ? -ENOMEM : run(s, initial);
}

int
gp_sasl_step(struct gp_sasl *s, struct gp_slice response)
{
	return run(s, &response);
}

int
gp_sasl_verdict(struct gp_sasl *s, const struct gp_slice *user)
{
	bool token =
		s->setup.mechanism == GP_SASL_OAUTHBEARER || s->setup.mechanism == GP_SASL_XOAUTH2;
	/* The token of one user is no right to be another. */
	if (user && token && s->user.len > 0 && !gp_slice_eq(*user, s->user))
		user = NULL;
	if (!user)
		return token ? sasl_reject_token(s) : sasl_fail(s, "wrong user name or password");
	s->user = gp_arena_dup(s->arena, *user);
	return s->arena->failed ? -ENOMEM : GP_SASL_DONE;
}
