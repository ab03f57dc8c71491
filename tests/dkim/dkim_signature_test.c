/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "core/dkim/body.h"
#include "core/dkim/signature.h"

enum { ARENA_MAX = 1 << 20 };

#define BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define HEAD "v=1; a=rsa-sha256; d=a.test; s=sel; h=from; "
#define GOOD HEAD BH "; b=Zm9v"

/* want: "d s i header/body names" and what else is said, or the result and the reason. */
static const struct {
	const char *value, *want;
} cases[] = {
	{GOOD, "a.test sel @a.test simple/simple from"},
	{GOOD "; c=relaxed", "a.test sel @a.test relaxed/simple from"},
	{GOOD "; c=relaxed/relaxed", "a.test sel @a.test relaxed/relaxed from"},
	{GOOD "; c=simple/relaxed; q=dns/txt; x-y=z", "permerror: the list of tags is malformed"},
	{GOOD "; c=simple/relaxed; q=dns/txt; x_y=z", "a.test sel @a.test simple/relaxed from"},
	{GOOD "; q=dns/other : dns/txt", "a.test sel @a.test simple/simple from"},
	{GOOD "; l=0", "a.test sel @a.test simple/simple from l=0"},
	{GOOD "; t=1; x=2", "a.test sel @a.test simple/simple from t=1 x=2"},
	{GOOD "; x=18446744073709551614",
	 "a.test sel @a.test simple/simple from x=18446744073709551614"},
	{GOOD "; i=joe=40x@b.A.test", "a.test sel joe@x@b.A.test simple/simple from"},
	{GOOD "; i=j=3Do\r\n\te@a.test", "a.test sel j=oe@a.test simple/simple from"},
	{"v=1; a=ed25519-sha256; d=A.Test; s=Sel.X; h=From:\r\n\tTo : X; " BH ";\r\n b=Zm\r\n 9v",
	 "a.test sel.x @a.test simple/simple From:To:X"},
	{"v=1; a=rsa-sha256; d=b\xc3\xbc"
	 "cher.test; s=\xc3\xbc; h=from; i=@b\xc3\xbc"
	 "cher.test; b=Zm9v; " BH,
	 "xn--bcher-kva.test xn--tda @b\xc3\xbc"
	 "cher.test simple/simple from"},
	{"v=1;a=rsa-sha256;d=a.test;s=_x.1.2.3.4.5.6.7.8;h=from;b=Zm9v;" BH,
	 "a.test _x.1.2.3.4.5.6.7.8 @a.test simple/simple from"},

	{"", "permerror: the list of tags is malformed"},
	{GOOD "; d=b.test", "permerror: the list of tags is malformed"},
	{"a=rsa-sha256; d=a.test; s=s; h=from; b=Zm9v; " BH, "permerror: v= is missing"},
	{"v=2; a=rsa-sha256; d=a.test; s=s; h=from; b=Zm9v; " BH, "permerror: v= is not 1"},
	{"v=1; d=a.test; s=s; h=from; b=Zm9v; " BH, "permerror: a= is missing"},
	{"v=1; a=rsa-sha1; d=a.test; s=s; h=from; b=Zm9v; " BH, "permerror: rsa-sha1 is historic"},
	{"v=1; a=rsa-sha512; d=a.test; s=s; h=from; b=Zm9v; " BH,
	 "neutral: a= is an algorithm that we do not know"},
	{HEAD BH, "permerror: b= is missing"},
	{HEAD BH "; b=", "permerror: b= is no signature in base64"},
	{HEAD BH "; b=*", "permerror: b= is no signature in base64"},
	{HEAD "b=Zm9v", "permerror: bh= is missing"},
	{HEAD "b=Zm9v; bh=Zm9v", "permerror: bh= is no SHA-256 in base64"},
	{HEAD "b=Zm9v; bh=", "permerror: bh= is no SHA-256 in base64"},
	{"v=1; a=rsa-sha256; s=s; h=from; b=Zm9v; " BH, "permerror: d= is missing, or no domain"},
	{"v=1; a=rsa-sha256; d=a..test; s=s; h=from; b=Zm9v; " BH,
	 "permerror: d= is missing, or no domain"},
	{"v=1; a=rsa-sha256; d=a(b)c.test; s=s; h=from; b=Zm9v; " BH,
	 "permerror: d= is missing, or no domain"},
	{"v=1; a=rsa-sha256; d=a.test; h=from; b=Zm9v; " BH,
	 "permerror: s= is missing, or no selector"},
	{"v=1; a=rsa-sha256; d=a.test; s=a b; h=from; b=Zm9v; " BH,
	 "permerror: s= is missing, or no selector"},
	{"v=1; a=rsa-sha256; d=a.test; s=s; b=Zm9v; " BH, "permerror: h= is missing"},
	{"v=1; a=rsa-sha256; d=a.test; s=s; h=; b=Zm9v; " BH, "permerror: h= has an empty name"},
	{"v=1; a=rsa-sha256; d=a.test; s=s; h=from:; b=Zm9v; " BH,
	 "permerror: h= has an empty name"},
	{"v=1; a=rsa-sha256; d=a.test; s=s; h=to:subject; b=Zm9v; " BH,
	 "permerror: h= does not name From"},
	{GOOD "; i=joe@b.test", "permerror: i= is not of the domain d="},
	{GOOD "; i=joe@ba.test", "permerror: i= is not of the domain d="},
	{GOOD "; i=joe", "permerror: i= is no identity"},
	{GOOD "; i=", "permerror: i= is no identity"},
	{GOOD "; i=j=4@a.test", "permerror: i= is no identity"},
	{GOOD "; i=joe@a.test=", "permerror: i= is no identity"},
	{GOOD "; l=", "permerror: l= is no number"},
	{GOOD "; l=-1", "permerror: l= is no number"},
	{GOOD "; l=0x5", "permerror: l= is no number"},
	{GOOD "; l=99999999999999999999", "permerror: l= is no number"},
	{GOOD "; l=18446744073709551615", "permerror: l= is no number"},
	{GOOD "; t=x", "permerror: t= is no number"},
	{GOOD "; x=1 2", "permerror: x= is no number"},
	{GOOD "; t=2; x=2", "permerror: x= is not behind t="},
	{GOOD "; c=foobar", "neutral: c= is a canonicalisation that we do not know"},
	{GOOD "; c=relaxed/", "neutral: c= is a canonicalisation that we do not know"},
	{GOOD "; c=Relaxed", "neutral: c= is a canonicalisation that we do not know"},
	{GOOD "; q=dns", "neutral: q= has no way to the key that we know"},
};

static struct gp_slice
show(const struct gp_dkim_signature *s, struct gp_arena *arena)
{
	if (s->result)
		return gp_arena_printf(arena, "%s: %s", gp_dkim_result_name(s->result), s->reason);
	struct gp_slice out = gp_arena_printf(
		arena, "%.*s %.*s %.*s %s/%s ", GP_SLICE_FMT(s->domain), GP_SLICE_FMT(s->selector),
		GP_SLICE_FMT(s->identity), gp_dkim_canon_name(s->header_canon),
		gp_dkim_canon_name(s->body_canon));
	for (size_t i = 0; i < s->names_len; i++)
		out = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(out), i ? ":" : "",
				      GP_SLICE_FMT(s->names[i]));
	if (s->length != GP_DKIM_BODY_ALL)
		out = gp_arena_printf(arena, "%.*s l=%ju", GP_SLICE_FMT(out), (uintmax_t)s->length);
	if (s->timed)
		out = gp_arena_printf(arena, "%.*s t=%ju", GP_SLICE_FMT(out), (uintmax_t)s->time_s);
	if (s->expires)
		out = gp_arena_printf(arena, "%.*s x=%ju", GP_SLICE_FMT(out),
				      (uintmax_t)s->expiry_s);
	return out;
}

static void
signatures_are_read_by_their_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dkim_signature s;
		assert_int_equal(gp_dkim_signature_read(gp_slice_str(cases[i].value), GP_DKIM_FIELD,
							&arena, &s),
				 0);
		assert_slice(show(&s, &arena), cases[i].want);
		gp_arena_free(&arena);
	}
}

/* What is at fault does not hide the rest from whoever tells of it. */
static void
a_fault_leaves_the_rest_readable(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dkim_signature s;
	struct gp_slice text = GP_SLICE("v=3; a=rsa-sha1; d=A.test; s=x; i=@b.A.test; b=Zm9v");
	assert_int_equal(gp_dkim_signature_read(text, GP_DKIM_FIELD, &arena, &s), 0);
	assert_slice(show(&s, &arena), "permerror: v= is not 1");
	assert_slice(s.domain, "a.test");
	assert_slice(s.selector, "x");
	assert_slice(s.identity, "@b.A.test");
	assert_slice(s.algorithm_name, "rsa-sha1");
	assert_slice(s.signature, "foo");
	gp_arena_free(&arena);
}

static void
lists_have_bounds(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct gp_dkim_signature s;
	gp_buf_put_str(&text, "v=1; a=rsa-sha256; d=a.test; s=s; b=Zm9v; " BH "; h=from");
	for (int i = 1; i < GP_DKIM_NAMES_MAX; i++)
		gp_buf_put_str(&text, ":x");
	assert_int_equal(gp_dkim_signature_read(gp_buf_slice(&text), GP_DKIM_FIELD, &arena, &s), 0);
	assert_int_equal(s.result, 0);
	assert_int_equal(s.names_len, GP_DKIM_NAMES_MAX);
	gp_buf_put_str(&text, ":x");
	assert_int_equal(gp_dkim_signature_read(gp_buf_slice(&text), GP_DKIM_FIELD, &arena, &s), 0);
	assert_slice(show(&s, &arena), "policy: h= has too many names");
	gp_buf_clear(&text);
	gp_buf_put_str(&text, HEAD BH "; b=");
	for (int i = 0; i <= GP_DKIM_SIGNATURE_MAX / 3; i++)
		gp_buf_put_str(&text, "AAAA");
	assert_int_equal(gp_dkim_signature_read(gp_buf_slice(&text), GP_DKIM_FIELD, &arena, &s), 0);
	assert_slice(show(&s, &arena), "policy: b= is longer than any signature that we verify");
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

static void
fields_of_arc_have_rules_of_their_own(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dkim_signature s;
	struct gp_slice message = GP_SLICE("i=1; a=rsa-sha256; d=a.test; s=s; h=from; b=Zm9v; " BH);
	struct gp_slice seal = GP_SLICE("i=1; a=rsa-sha256; d=a.test; s=s; cv=none; t=7; b= Zm9v ");
	assert_int_equal(gp_dkim_signature_read(message, GP_DKIM_ARC_MESSAGE, &arena, &s), 0);
	assert_slice(show(&s, &arena), "a.test s  relaxed/relaxed from");
	assert_int_equal(gp_dkim_signature_read(message, GP_DKIM_FIELD, &arena, &s), 0);
	assert_slice(show(&s, &arena), "permerror: v= is missing");
	assert_int_equal(gp_dkim_signature_read(seal, GP_DKIM_ARC_SEAL, &arena, &s), 0);
	assert_slice(show(&s, &arena), "a.test s  relaxed/simple  t=7");
	assert_slice(s.raw, " Zm9v ");
	assert_slice(s.identity_domain, "a.test");
	assert_int_equal(gp_dkim_signature_read(seal, GP_DKIM_ARC_MESSAGE, &arena, &s), 0);
	assert_slice(show(&s, &arena), "permerror: bh= is missing");
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	for (size_t max = 0; max < 5000; max += 50) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dkim_signature s;
		int r = gp_dkim_signature_read(GP_SLICE(GOOD), GP_DKIM_FIELD, &arena, &s);
		assert_true(r == -ENOMEM || (r == 0 && !s.result));
		gp_arena_free(&arena);
	}
}

static void
domains_are_below_domains(void **state)
{
	(void)state;
	assert_true(gp_dkim_is_below(GP_SLICE("a.test"), GP_SLICE("a.test")));
	assert_true(gp_dkim_is_below(GP_SLICE("x.a.test"), GP_SLICE("a.test")));
	assert_false(gp_dkim_is_below(GP_SLICE("xa.test"), GP_SLICE("a.test")));
	assert_false(gp_dkim_is_below(GP_SLICE("test"), GP_SLICE("a.test")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_read_by_their_rules),
		cmocka_unit_test(a_fault_leaves_the_rest_readable),
		cmocka_unit_test(lists_have_bounds),
		cmocka_unit_test(fields_of_arc_have_rules_of_their_own),
		cmocka_unit_test(memory_may_run_out),
		cmocka_unit_test(domains_are_below_domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
