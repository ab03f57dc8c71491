/* SPDX-License-Identifier: Apache-2.0 */
/* A hundred ways to write a field that somebody could take for ours, and some that are others'. */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/authres/authres.h"

enum { ARENA_MAX = 1 << 20 };

static const struct gp_slice ours = {"mx.b\xc3\xbc.test", 11}, ascii = {"mx.our.test", 11};

#define AR "Authentication-Results: "

/* Fields of mx.our.test. */
static const char *const claims[] = {
	AR "mx.our.test; dmarc=pass",
	AR "mx.our.test",
	AR "mx.our.test;",
	AR "mx.our.test ; none",
	AR "MX.Our.TEST; none",
	AR "mx.our.test 1; none",
	AR "mx.our.test 2; none",
	AR "mx.our.test 99999999999999999999; none",
	AR "mx.our.test one two; none",
	AR "mx.our.test. ; none",
	AR "mx.our.test...; none",
	AR "mx.our.test\t1 ; none",
	AR " \t mx.our.test; none",
	AR "\r\n mx.our.test; none",
	AR "\r\n\t\r\n mx.our.test;\r\n none",
	AR "mx.our.test\r\n ;none",
	AR "(c) mx.our.test; none",
	AR "(c) (d) mx.our.test (e); none",
	AR "(c(d)e) mx.our.test; none",
	AR "(\\)) mx.our.test; none",
	AR "(\") mx.our.test; none",
	AR "()mx.our.test()1; none",
	AR "(other.test;) mx.our.test; none",
	AR "mx.our.test(c).evil.test; none",
	AR "mx.(c)our.test; none",
	AR "mx.our(c) .test; none",
	AR "m(a)x(b).(c)o(d)ur.test; none",
	AR "mx.our(\r\n c).test; none",
	AR "\"mx.our.test\"; none",
	AR "\"MX.our.test\" 1; none",
	AR "\"mx\\.our.te\\st\"; none",
	AR "\"\\m\\x.our.test\"; none",
	AR "\" mx.our.test \"; none",
	AR "\"mx.our\".test; none",
	AR "mx.\"our\".test; none",
	AR "mx.our.tes\"t\"; none",
	AR "\"\"mx.our.test; none",
	AR "\"mx.our\"(c)\".test\"; none",
	AR "mx.our.test=pass; none",
	AR "mx.our.test/1; none",
	AR "mx.our.test,other.test; none",
	AR "mx.our.test:25; none",
	AR "mx.our.test@other.test; none",
	AR "mx.our.test>; none",
	AR "mx.our.test) ; none",
	/* other spellings of the name */
	AR "=?utf-8?q?mx.our.test?=; none",
	AR "=?us-ascii?b?bXgub3VyLnRlc3Q=?=; none",
	AR "mx.=?utf-8?q?our?=.test; none",
	AR "\"=?utf-8?q?mx.our.test?=\"; none",
	AR "mx\xe3\x80\x82our.test; none",
	AR "\xef\xbd\x8dx.our.test; none",
	AR "mx.our\xef\xbc\x8etest; none",
	AR "mx.our.te\xc2\xadst; none",
	/* what nobody can be sure of */
	AR,
	AR ";",
	AR "; dmarc=pass",
	AR "(c); dmarc=pass",
	AR "(mx.our.test; dmarc=pass",
	AR "\"mx.our.test; dmarc=pass",
	AR "mx.our(; dmarc=pass",
	AR "\"\"; none",
	AR "\"\\",
	AR "<mx.our.test>; none",
	AR "[mx.our.test]; none",
	AR "@mx.our.test; none",
	AR "=mx.our.test; none",
	AR ",mx.our.test; none",
	AR "mx.our.test\x01; none",
	AR "mx\x7f.our.test; none",
	AR "mx\xff.our.test; none",
	AR "mx\xc3.our.test; none",
	AR "mx.our.test\x1b[2K; none",
	/* the field's name */
	"authentication-results: mx.our.test; none",
	"AUTHENTICATION-RESULTS:mx.our.test; none",
	"Authentication-Results : mx.our.test; none",
	"Authentication-Results\t : mx.our.test; none",
	"Authentication-Results\r\n : mx.our.test; none",
	"Authentication-Results mx.our.test; none",
	"Authentication-Results",
	" Authentication-Results: mx.our.test; none",
	"\tauthentication-results: mx.our.test; none",
	"Authentication-Results\x01: mx.our.test; none",
	"Authentication-Results\xc2\xa0: mx.our.test; none",
};

/* Fields of others. */
static const char *const others[] = {
	AR "other.test; dmarc=pass",
	AR "mx.our.test.evil.test; none",
	AR "evil.mx.our.test; none",
	AR "mxour.test; none",
	AR "our.test; none",
	AR "mx.our.tests; none",
	AR "mx.our; none",
	AR "(mx.our.test) other.test; none",
	AR "other.test (mx.our.test); none",
	AR "other.test; mx.our.test; none",
	AR "other.test mx.our.test; none",
	AR "\"other.test; mx.our.test\"; none",
	AR "mx.google.com; spf=pass smtp.mailfrom=mx.our.test",
	AR "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=mx.our.test; dkim=pass",
	AR "b\xc3\xbc.test; none",
	AR "mx.our.test_; none",
	"Subject: Authentication-Results: mx.our.test; none",
	"X-Authentication-Results: mx.our.test; none",
	"ARC-Authentication-Results: i=1; mx.our.test; none",
	"Authentication-Results-Original: mx.our.test; none",
	"Received: by mx.our.test",
	"nonsense",
};

/* As the first field; and where another stands before it, unless it would be folded into that. */
static int
judge(const char *field, struct gp_slice id)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_header h;
	struct gp_slice text = gp_arena_printf(&arena, "%s\r\nTo: x\r\n", field);
	assert_int_equal(gp_header_split(text, &arena, &h), 0);
	int rc = gp_authres_claims(&h, 0, id, &arena);
	assert_int_equal(gp_authres_claims(&h, h.fields_len - 1, id, &arena), 0);
	gp_arena_free(&arena);
	return rc;
}

static void
fields_in_our_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(claims); i++) {
		if (judge(claims[i], ascii) != 1)
			fail_msg("%s", claims[i]);
	}
}

static void
fields_of_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		if (judge(others[i], ascii) != 0)
			fail_msg("%s", others[i]);
	}
}

static void
names_in_u_labels(void **state)
{
	(void)state;
	assert_int_equal(judge(AR "mx.xn--b-eha.test; none", ours),
			 judge(AR "mx.b\xc3\xbc.test; none", ours));
	assert_int_equal(judge(AR "mx.b\xc3\xbc.test; none", ours), 1);
	assert_int_equal(judge(AR "MX.B\xc3\x9c.test; none", ours), 1);
	assert_int_equal(judge(AR "mx.b\xc3\xbc.test; none", ascii), 0);
}

static void
a_long_id_is_no_trouble(void **state)
{
	(void)state;
	char field[20000] = AR;
	for (size_t i = strlen(field); i < sizeof(field) - 1; i++)
		field[i] = 'a';
	assert_int_equal(judge(field, ascii), 1);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_header h;
	assert_int_equal(gp_header_split(GP_SLICE(AR "MX.our.test; none\r\n"), &arena, &h), 0);
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 1; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		rc = gp_authres_claims(&h, 0, ascii, &small);
		assert_true(rc == 1 || rc == -ENOMEM);
		gp_arena_free(&small);
	}
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_in_our_name), cmocka_unit_test(fields_of_others),
		cmocka_unit_test(names_in_u_labels),  cmocka_unit_test(a_long_id_is_no_trouble),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
