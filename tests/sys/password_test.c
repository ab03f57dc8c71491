/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <sodium.h>
#include <string.h>

#include "sys/password.h"

static void
a_password_is_known_by_its_hash(void **)
{
	char text[GP_PASSWORD_TEXT_SIZE];
	assert_int_equal(gp_password_hash(GP_SLICE("wonderland"), text), 0);
	assert_int_equal(gp_password_check(gp_slice_str(text), GP_SLICE("wonderland")), 0);
	assert_int_equal(gp_password_check(gp_slice_str(text), GP_SLICE("wonderlanD")), 1);
}

/* Or who is not there would be told from who is, by how long the answer takes. */
static void
nobodys_is_checked_at_the_cost_of_any_other(void **)
{
	char text[GP_PASSWORD_TEXT_SIZE], other[GP_PASSWORD_TEXT_SIZE];
	gp_password_of_nobody(text);
	gp_password_of_nobody(other);
	assert_string_not_equal(text, other);
	/* 0: it is well formed, and of this cost. */
	assert_int_equal(crypto_pwhash_str_needs_rehash(text, crypto_pwhash_OPSLIMIT_INTERACTIVE,
							crypto_pwhash_MEMLIMIT_INTERACTIVE),
			 0);
	assert_int_equal(gp_password_check(gp_slice_str(text), GP_SLICE("")), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_is_known_by_its_hash),
		cmocka_unit_test(nobodys_is_checked_at_the_cost_of_any_other),
	};
	return gp_password_setup() == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
