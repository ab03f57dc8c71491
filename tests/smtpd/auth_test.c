/* SPDX-License-Identifier: Apache-2.0 */
/* smtpd's conversation with auth, when auth is started anew in the middle of an exchange. */
#include "../unit.h"

#include "procs/smtpd/smtpd.h"

/* Who asks, as session.c would: a client that sent a second AUTH right behind the first. */
struct session {
	struct login login;
	unsigned judged;
	bool asked_again; /* the second one was taken */
};

static const struct gp_client client = {.address = {192, 0, 2, 1}, .address_len = 4};
static const uint64_t seed[2] = {1, 2};

/* There is no TLS here. */
void
gp_tls_bindings(const struct gp_tls *t, struct gp_tls_bindings *ret)
{
	(void)t;
	*ret = (struct gp_tls_bindings){};
}

static bool
ask(struct session *s)
{
	const struct auth_attempt attempt = {
		.client = &client,
		.mechanism = GP_SLICE("PLAIN"),
		.response = GP_SLICE("response"),
	};
	return auth_begin(&s->login, s, &attempt);
}

bool
session_waits_for_auth(const struct session *s)
{
	(void)s;
	return true;
}

void
session_challenged(struct session *s, struct gp_slice challenge)
{
	(void)s, (void)challenge;
}

void
session_counted(struct session *s, enum gp_quota_result result)
{
	(void)s, (void)result;
}

void
session_judged(struct session *s, const struct gp_reply *refusal, struct gp_slice user)
{
	assert_non_null(refusal);
	assert_int_equal(refusal->code, 454);
	assert_int_equal(user.len, 0);
	if (s->judged++ == 0)
		s->asked_again = ask(s);
}

/* The new one may be there before the end of the old one was seen. */
static void
an_exchange_ends_with_its_auth(void **state)
{
	struct gp_role_env env = {.loop = gp_loop_new(), .seed = {1, 2}};
	const struct gp_config config = {.users.file = GP_SLICE("users")};
	struct session s = {};
	int before[2], after[2];
	(void)state;
	assert_non_null(env.loop);
	assert_int_equal(gp_channel_pair(before), 0);
	assert_int_equal(gp_channel_pair(after), 0);
	auth_configure(&config, seed);
	auth_connect(&env, before[0]);
	assert_true(ask(&s));
	auth_connect(&env, after[0]);
	assert_int_equal(s.judged, 1);
	assert_false(s.asked_again);
	/* With the new one it goes on. */
	assert_true(ask(&s));
	login_forget(&s.login);
	close(before[1]);
	close(after[1]);
	gp_loop_free(env.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_ends_with_its_auth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
