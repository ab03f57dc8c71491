/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/authres/authres.h"

enum { ARENA_MAX = 1 << 20 };

/* want: the id in angle brackets, then each result: "method=result (reason) type.name=value"; or
 * "-" and why it is none. */
static const struct {
	const char *value, *want;
} cases[] = {
	/* RFC 8601 appendix B */
	{"example.org 1; none", "<example.org>"},
	{"example.com;\r\n spf=pass smtp.mailfrom=example.net",
	 "<example.com> | spf=pass smtp.mailfrom=example.net"},
	{"example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
	 " spf=pass smtp.mailfrom=example.net",
	 "<example.com> | auth=pass smtp.auth=sender@example.net | spf=pass "
	 "smtp.mailfrom=example.net"},
	{"example.com;\r\n dkim=fail reason=\"bad signature\"\r\n "
	 "header.i=@mail-router.example.net",
	 "<example.com> | dkim=fail (bad signature) header.i=@mail-router.example.net"},
	{"foo.example.net (foobar) 1 (baz);\r\n"
	 " dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
	 " policy (A dot can go here) . (like that) expired\r\n"
	 " (this surprised me) = (as I wasn't expecting it) 1362471462",
	 "<foo.example.net> | dkim=fail policy.expired=1362471462"},

	/* as large sites write */
	{" mx.google.com;\r\n       dkim=pass header.i=@d.test header.s=s1 header.b=\"ab/c=\";\r\n"
	 "       spf=pass (google.com: domain of a@d.test designates 192.0.2.1 as permitted "
	 "sender) smtp.mailfrom=a@d.test;\r\n"
	 "       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=d.test",
	 "<mx.google.com> | dkim=pass header.i=@d.test header.s=s1 header.b=ab/c= | spf=pass "
	 "smtp.mailfrom=a@d.test | dmarc=pass header.from=d.test"},
	{"spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=d.test; dkim=pass (signature was "
	 "verified)\r\n header.d=d.test;dmarc=pass action=none header.from=d.test;compauth=pass "
	 "reason=100",
	 "<> | spf=pass smtp.mailfrom=d.test | dkim=pass header.d=d.test | dmarc=pass "
	 "header.from=d.test | compauth=pass (100)"},
	{"dkim = none; spf=none", "<> | dkim=none | spf=none"},
	{"mx.test; iprev=pass policy.iprev=2001:db8::1 (host.test)",
	 "<mx.test> | iprev=pass policy.iprev=2001:db8::1"},

	/* odd, and read */
	{"mx.test", "<mx.test>"},
	{"mx.test;", "<mx.test>"},
	{"mx.test;;; spf=pass;;", "<mx.test> | spf=pass"},
	{"\"mx \\\"test\"; spf=pass", "<mx \"test> | spf=pass"},
	{"mx.test 1 extra; spf=pass", "<mx.test> | spf=pass"},
	{"mx.test; x-own_1=pass x-y.z_-=1", "<mx.test> | x-own_1=pass x-y.z_-=1"},
	{"mx.test; \"a;b\" spf=pass; dkim=pass", "<mx.test> | dkim=pass"},
	{"mx.test 1 \"a; spf=fail\"; dkim=pass", "<mx.test> | dkim=pass"},
	{"mx.test; spf=pass smtp.=x a.b=c", "<mx.test> | spf=pass a.b=c"},
	{"=x; spf=pass", "<=x> | spf=pass"},
	{"mx.test; spf", "<mx.test>"},
	{"mx.test; spf=; dkim=pass", "<mx.test> | dkim=pass"},
	{"mx.test; =pass; dkim=pass", "<mx.test> | dkim=pass"},
	{"mx.test; spf=pa.ss; dkim=pass", "<mx.test> | dkim=pass"},
	{"mx.test; spf=pass smtp.mailfrom = \"a;b\"@d.test",
	 "<mx.test> | spf=pass smtp.mailfrom=a;b@d.test"},
	{"mx.test; spf=pass smtp.mailfrom=\"a\r\n b\" x.y=z",
	 "<mx.test> | spf=pass smtp.mailfrom=a b x.y=z"},
	{"mx.test; spf=pass smtp. ; dkim=pass", "<mx.test> | spf=pass | dkim=pass"},
	{"mx.test; spf=pass .x =y ??? a.b=c", "<mx.test> | spf=pass a.b=c"},
	{"mx.test; spf=pass smtp.helo=; dkim=pass", "<mx.test> | spf=pass smtp.helo= | dkim=pass"},
	{"mx.test; spf=pass (dkim=fail; dmarc=fail) x.y=1", "<mx.test> | spf=pass x.y=1"},
	{"mx.test; spf=pass (a (b \\) c) d) x.y=1", "<mx.test> | spf=pass x.y=1"},

	/* none */
	{"mx.test 2; spf=pass", "- of another version"},
	{"mx.test; spf=pass (open", "- a comment does not end"},
	{"(open", "- a comment does not end"},
	{"mx.test; spf=pass x.y=\"open", "- a quoted string does not end"},
	{"\"open", "- a quoted string does not end"},
	{"mx.test; \"open", "- a quoted string does not end"},
	{"mx.test; spf=pass (\\", "- a comment does not end"},
};

static void
show(struct gp_buf *out, const struct gp_authres *a)
{
	gp_buf_printf(out, "<%.*s>", GP_SLICE_FMT(a->id));
	for (size_t i = 0; i < a->results_len; i++) {
		const struct gp_authres_result *r = &a->results[i];
		gp_buf_printf(out, " | %.*s=%.*s", GP_SLICE_FMT(r->method),
			      GP_SLICE_FMT(r->result));
		if (r->reason.len > 0)
			gp_buf_printf(out, " (%.*s)", GP_SLICE_FMT(r->reason));
		for (size_t j = 0; j < r->properties_len; j++)
			gp_buf_printf(out, " %.*s.%.*s=%.*s", GP_SLICE_FMT(r->properties[j].type),
				      GP_SLICE_FMT(r->properties[j].name),
				      GP_SLICE_FMT(r->properties[j].value));
	}
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_buf out = GP_BUF_INIT(4096);
		struct gp_authres a;
		const char *why = NULL;
		int rc = gp_authres_parse(gp_slice_str(cases[i].value), &arena, &a, &why);
		if (rc == 0)
			show(&out, &a);
		else
			gp_buf_printf(&out, "- %s", why);
		if (!gp_slice_eq(gp_buf_slice(&out), gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s, not %s", cases[i].value,
				 GP_SLICE_FMT(gp_buf_slice(&out)), cases[i].want);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static int
parse_many(size_t results, size_t properties, size_t comments)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	struct gp_authres a;
	const char *why;
	gp_buf_put_str(&text, "mx.test");
	for (size_t i = 0; i < comments; i++)
		gp_buf_put_char(&text, '(');
	for (size_t i = 0; i < comments; i++)
		gp_buf_put_char(&text, ')');
	for (size_t i = 0; i < results; i++)
		gp_buf_put_str(&text, "; spf=pass");
	for (size_t i = 0; i < properties; i++)
		gp_buf_put_str(&text, " x.y=z");
	int rc = gp_authres_parse(gp_buf_slice(&text), &arena, &a, &why);
	if (rc == 0) {
		assert_int_equal(a.results_len, results);
		assert_int_equal(a.results[results - 1].properties_len, properties);
	}
	gp_buf_free(&text);
	gp_arena_free(&arena);
	return rc;
}

static void
limits(void **state)
{
	(void)state;
	assert_int_equal(parse_many(GP_AUTHRES_RESULTS_MAX, GP_AUTHRES_PROPERTIES_MAX,
				    GP_AUTHRES_COMMENTS_MAX),
			 0);
	assert_int_equal(parse_many(GP_AUTHRES_RESULTS_MAX + 1, 0, 0), 1);
	assert_int_equal(parse_many(1, GP_AUTHRES_PROPERTIES_MAX + 1, 0), 1);
	assert_int_equal(parse_many(1, 0, GP_AUTHRES_COMMENTS_MAX + 1), 1);
	assert_int_equal(parse_many(1, 0, 100000), 1);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_slice text = GP_SLICE("mx.test; spf=pass reason=\"a b\" x.y=\"z\"; dkim=none");
	int rc = -ENOMEM;
	for (size_t max = 0; rc != 0; max += 16) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_authres a;
		const char *why;
		rc = gp_authres_parse(text, &arena, &a, &why);
		assert_true(rc == 0 || rc == -ENOMEM);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(limits),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
