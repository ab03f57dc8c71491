/* SPDX-License-Identifier: Apache-2.0 */
/* TLS sessions that are kept: under their key alone, for their time, and no more than fit. */
#include "../unit.h"

#include <openssl/ssl.h>

#include "procs/relay/relay.h"

struct relay relay;

static struct gp_role_env env;

static int
set_up(void **state)
{
	(void)state;
	env.loop = gp_loop_new();
	relay.env = &env;
	return env.loop ? 0 : -1;
}

static struct gp_tls_session *
make(void)
{
	SSL_SESSION *s = SSL_SESSION_new();
	assert_non_null(s);
	return (struct gp_tls_session *)s;
}

static const struct gp_tls_session *
find(const char *key)
{
	uint64_t proven_ms;
	return sessions_find(gp_slice_str(key), &proven_ms);
}

static uint64_t
now(void)
{
	return gp_loop_now_ms(env.loop);
}

static void
each_has_its_key(void **state)
{
	struct gp_tls_session *a = make(), *b = make(), *newer = make();
	uint64_t proven_ms;
	(void)state;
	assert_null(find("a"));
	sessions_keep(GP_SLICE("a"), a, now());
	sessions_keep(GP_SLICE("b"), b, now() - 5);
	assert_ptr_equal(find("a"), a);
	assert_ptr_equal(sessions_find(GP_SLICE("b"), &proven_ms), b);
	assert_int_equal(proven_ms, now() - 5);
	assert_null(find("c"));
	sessions_keep(GP_SLICE("a"), newer, now());
	assert_ptr_equal(find("a"), newer);
	/* One that cannot be resumed takes the place of one that could. */
	sessions_keep(GP_SLICE("b"), NULL, now());
	assert_null(find("b"));
	sessions_drop(GP_SLICE("a"));
	assert_null(find("a"));
	sessions_drop(GP_SLICE("a"));
}

static void
proofs_grow_old(void **state)
{
	(void)state;
	sessions_keep(GP_SLICE("fresh"), make(), now() - RELAY_RESUME_MS + 1000);
	sessions_keep(GP_SLICE("old"), make(), now() - RELAY_RESUME_MS);
	assert_non_null(find("fresh"));
	assert_null(find("old"));
	sessions_drop(GP_SLICE("fresh"));
}

static void
the_oldest_makes_room(void **state)
{
	char key[32];
	(void)state;
	for (unsigned i = 0; i <= RELAY_RESUMED_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		sessions_keep(gp_slice_str(key), make(), now());
	}
	assert_null(find("k0"));
	assert_non_null(find("k1"));
	assert_non_null(find(key));
	for (unsigned i = 0; i <= RELAY_RESUMED_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		sessions_drop(gp_slice_str(key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_key),
		cmocka_unit_test(proofs_grow_old),
		cmocka_unit_test(the_oldest_makes_room),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
