/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

#include "core/authres/authres.h"

#define P(type, name, value)                                        \
	{                                                           \
		{type, sizeof(type) - 1}, {name, sizeof(name) - 1}, \
		{                                                   \
			value, sizeof(value) - 1                    \
		}                                                   \
	}

static void
write_value(struct gp_buf *out, const struct gp_authres_result *results, size_t len)
{
	struct gp_authres a = {GP_SLICE("mx.our.test"), results, len};
	gp_buf_clear(out);
	gp_authres_write(out, &a);
	assert_false(out->failed);
}

static void
nothing_was_checked(void **state)
{
	(void)state;
	struct gp_buf out = GP_BUF_INIT(4096);
	write_value(&out, NULL, 0);
	assert_slice(gp_buf_slice(&out), "mx.our.test; none");
	gp_buf_free(&out);
}

static void
all_that_a_gateway_says(void **state)
{
	(void)state;
	static const struct gp_authres_property spf[] = {P("smtp", "mailfrom", "a@d.test")},
						first[] = {P("header", "d", "d.test"),
							   P("header", "i", "@d.test"),
							   P("header", "s", "s1"),
							   P("header", "a", "rsa-sha256"),
							   P("header", "b", "dGhpcw+/")},
						second[] = {P("header", "d", "e.test"),
							    P("header", "s", "")},
						dmarc[] = {P("header", "from", "d.test"),
							   P("policy", "dmarc", "reject")},
						iprev[] = {P("policy", "iprev", "2001:db8::1")},
						auth[] = {P("smtp", "auth", "ann")};
	const struct gp_authres_result results[] = {
		{GP_SLICE("spf"), GP_SLICE("pass"), GP_SLICE(""), spf, 1},
		{GP_SLICE("dkim"), GP_SLICE("pass"), GP_SLICE(""), first, 5},
		{GP_SLICE("dkim"), GP_SLICE("fail"), GP_SLICE("body hash"), second, 2},
		{GP_SLICE("dmarc"), GP_SLICE("pass"), GP_SLICE(""), dmarc, 2},
		{GP_SLICE("arc"), GP_SLICE("none"), GP_SLICE(""), NULL, 0},
		{GP_SLICE("iprev"), GP_SLICE("pass"), GP_SLICE(""), iprev, 1},
		{GP_SLICE("auth"), GP_SLICE("pass"), GP_SLICE("expired"), auth, 1},
	};
	struct gp_buf out = GP_BUF_INIT(4096);
	write_value(&out, results, GP_ARRAY_LEN(results));
	assert_slice(gp_buf_slice(&out),
		     "mx.our.test;\r\n"
		     "\tspf=pass smtp.mailfrom=a@d.test;\r\n"
		     "\tdkim=pass header.d=d.test header.i=@d.test header.s=s1\r\n"
		     "\theader.a=rsa-sha256 header.b=\"dGhpcw+/\";\r\n"
		     "\tdkim=fail reason=\"body hash\" header.d=e.test;\r\n"
		     "\tdmarc=pass header.from=d.test policy.dmarc=reject;\r\n"
		     "\tarc=none;\r\n"
		     "\tiprev=pass policy.iprev=\"2001:db8::1\";\r\n"
		     "\tauth=pass reason=expired smtp.auth=ann");
	gp_buf_free(&out);
}

#define TEXT(lit)                    \
	{                            \
		lit, sizeof(lit) - 1 \
	}

/* Of a property; and, in brackets, of a reason where that is another. */
static const struct {
	struct gp_slice value;
	const char *want;
} texts[] = {
	{TEXT("d.test"), "d.test"},
	{TEXT("a.b+c_d-e@d.test"), "a.b+c_d-e@d.test"},
	{TEXT("SRS0=x=y@d.test"), "SRS0=x=y@d.test"},
	{TEXT("@d.test"), "@d.test"},
	{TEXT("a@"), "\"a@\""},
	{TEXT(".a@d.test"), "\".a@d.test\""},
	{TEXT("a.@d.test"), "\"a.@d.test\""},
	{TEXT("a..b@d.test"), "\"a..b@d.test\""},
	{TEXT("a@b@d.test"), "\"a@b@d.test\""},
	{TEXT("\"a b\"@d.test"), "\"\\\"a b\\\"@d.test\""},
	{TEXT("a@[192.0.2.1]"), "\"a@[192.0.2.1]\""},
	{TEXT("d.test; dmarc=pass"), "\"d.test; dmarc=pass\""},
	{TEXT("d.test(a.attack.test"), "\"d.test(a.attack.test\""},
	{TEXT("d.test'a.attack.test"), "\"d.test'a.attack.test\""},
	{TEXT("a\r\nX: y"), "\"a??X: y\""},
	{TEXT("a\0b"), "\"a?b\""},
	{TEXT("a\tb\x7f"), "\"a?b?\""},
	{TEXT("\\"), "\"\\\\\""},
	{TEXT("\""), "\"\\\"\""},
	{TEXT("a@b\xc3\xbc.test"), "\"a@b\xc3\xbc.test\""},
	{TEXT("\xc3(\xff"), "\"?(?\""},
	{TEXT("\xc2\x85"), "\"?\""},
	{TEXT("=?utf-8?q?x?="), "\"=?utf-8?q?x?=\""},
};

static void
any_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++) {
		struct gp_buf out = GP_BUF_INIT(4096);
		struct gp_authres_property p = {GP_SLICE("x"), GP_SLICE("y"), texts[i].value};
		struct gp_authres_result r = {GP_SLICE("m"), GP_SLICE("r"), GP_SLICE(""), &p, 1};
		char want[256];
		snprintf(want, sizeof(want), "mx.our.test;\r\n\tm=r x.y=%s", texts[i].want);
		write_value(&out, &r, 1);
		assert_slice(gp_buf_slice(&out), want);
		gp_buf_free(&out);
	}
}

/* A reason is no address, so that "@" takes quotes. */
static void
reasons_and_ids(void **state)
{
	(void)state;
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_authres_result r = {
		.method = GP_SLICE("m"), .result = GP_SLICE("r"), .reason = GP_SLICE("a@d.test")};
	struct gp_authres a = {GP_SLICE("@our"), &r, 1};
	gp_authres_write(&out, &a);
	assert_slice(gp_buf_slice(&out), "\"@our\";\r\n\tm=r reason=\"a@d.test\"");
	gp_buf_free(&out);
}

/* Is there a fold before a value of this length? */
static bool
is_folded(size_t len)
{
	static const char octets[] = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff";
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_authres_property p = {GP_SLICE("x"), GP_SLICE("y"), gp_slice(octets, len)};
	struct gp_authres_result r = {GP_SLICE("mm"), GP_SLICE("r"), GP_SLICE("word"), &p, 1};
	write_value(&out, &r, 1);
	bool folded = !gp_slice_starts(gp_buf_slice(&out),
				       GP_SLICE("mx.our.test;\r\n\tmm=r reason=word x.y="));
	gp_buf_free(&out);
	return folded;
}

static void
lines_of_78_columns(void **state)
{
	(void)state;
	/* "        mm=r reason=word" are 24, " x.y=" five */
	assert_false(is_folded(78 - 24 - 5));
	assert_true(is_folded(78 - 24 - 5 + 1));
}

static void
no_line_is_too_long(void **state)
{
	(void)state;
	char octets[5000];
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	memset(octets, '"', sizeof(octets));
	struct gp_authres_property p[] = {
		{GP_SLICE("header"), GP_SLICE("from"), gp_slice(octets, sizeof(octets))},
		{GP_SLICE("header"), GP_SLICE("d"), gp_slice(octets, GP_AUTHRES_TEXT_MAX)},
	};
	struct gp_authres_result r = {GP_SLICE("dmarc"), GP_SLICE("fail"), p[0].value, p, 2};
	write_value(&out, &r, 1);
	struct gp_slice rest = gp_buf_slice(&out);
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		assert_true(line.len <= 998);
	}
	/* Up to the limit nothing changes. */
	memset(octets, 'a', sizeof(octets));
	r.reason = GP_SLICE("");
	write_value(&out, &r, 1);
	assert_true(gp_slice_ends_nocase(gp_buf_slice(&out), GP_SLICE("a")));
	/* What is long is cut, and between characters. */
	memset(octets, 'a', sizeof(octets));
	memcpy(octets + GP_AUTHRES_TEXT_MAX - 1, "\xc3\xbc", 2);
	r.properties_len = 1;
	write_value(&out, &r, 1);
	assert_true(gp_slice_ends_nocase(gp_buf_slice(&out), GP_SLICE("aa\"")));
	assert_true(gp_slice_find(gp_buf_slice(&out), '\xc3') < 0);
	gp_buf_free(&out);
}

static void
no_room(void **state)
{
	(void)state;
	struct gp_buf out = GP_BUF_INIT(20);
	struct gp_authres_result r = {.method = GP_SLICE("spf"), .result = GP_SLICE("pass")};
	struct gp_authres a = {GP_SLICE("mx.our.test"), &r, 1};
	gp_authres_write(&out, &a);
	assert_true(out.failed);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_was_checked),
		cmocka_unit_test(all_that_a_gateway_says),
		cmocka_unit_test(any_text),
		cmocka_unit_test(reasons_and_ids),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(lines_of_78_columns),
		cmocka_unit_test(no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
