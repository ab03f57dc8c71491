/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/base64.h"
#include "core/sasl/scram.h"

/* RFC 7677 section 3. */
#define FIRST "n=user,r=rOprNGfwEbeRWgbNEkqO"
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define MESSAGE FIRST ",r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" NONCE
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct gp_slice
decode(const char *text, struct gp_arena *arena)
{
	struct gp_slice s = {};
	assert_int_equal(gp_base64_decode(gp_slice_str(text), GP_BASE64, arena, &s), 0);
	return s;
}

static void
the_standards_example_holds(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_buf text = GP_BUF_INIT(64);
	struct gp_scram_keys keys;
	struct gp_sha256 signature;
	(void)state;
	assert_int_equal(gp_scram_derive(GP_SLICE("pencil"), decode(SALT, &arena), 4096, &keys), 0);
	assert_int_equal(gp_scram_check(&keys, GP_SLICE(MESSAGE), decode(PROOF, &arena)), 0);
	assert_int_equal(gp_scram_sign(&keys, GP_SLICE(MESSAGE), &signature), 0);
	gp_base64_put(&text, gp_sha256_slice(&signature));
	assert_slice(gp_buf_slice(&text), SIGNATURE);
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

static void
another_proof_is_none(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_scram_keys keys, other;
	struct gp_slice proof = decode(PROOF, &arena), salt = decode(SALT, &arena);
	(void)state;
	assert_int_equal(gp_scram_derive(GP_SLICE("pencil"), salt, 4096, &keys), 0);
	assert_int_equal(gp_scram_derive(GP_SLICE("pencils"), salt, 4096, &other), 0);
	assert_int_equal(gp_scram_check(&other, GP_SLICE(MESSAGE), proof), 1);
	assert_int_equal(gp_scram_check(&keys, GP_SLICE(MESSAGE "x"), proof), 1);
	assert_int_equal(gp_scram_check(&keys, GP_SLICE(MESSAGE), gp_slice_take(proof, 31)), 1);
	assert_int_equal(gp_scram_check(&keys, GP_SLICE(MESSAGE), gp_slice("", 0)), 1);
	for (size_t i = 0; i < proof.len; i++) {
		char *octet = (char *)proof.ptr + i;
		*octet ^= 1;
		assert_int_equal(gp_scram_check(&keys, GP_SLICE(MESSAGE), proof), 1);
		*octet ^= 1;
	}
	gp_arena_free(&arena);
}

static void
comparing_takes_the_whole(void **state)
{
	(void)state;
	assert_true(gp_equal_secretly(GP_SLICE("abc"), GP_SLICE("abc")));
	assert_true(gp_equal_secretly(gp_slice("", 0), gp_slice("", 0)));
	assert_false(gp_equal_secretly(GP_SLICE("abc"), GP_SLICE("abd")));
	assert_false(gp_equal_secretly(GP_SLICE("abc"), GP_SLICE("xbc")));
	assert_false(gp_equal_secretly(GP_SLICE("abc"), GP_SLICE("ab")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_example_holds),
		cmocka_unit_test(another_proof_is_none),
		cmocka_unit_test(comparing_takes_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
