/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 7208 section 7.4, and what it does not show. */
#include "../unit.h"

#include <string.h>

#include "core/spf/macro.h"

enum { TEXT_MAX = 400 };

static const struct gp_spf_values strong_bad = {
	.sender = {"strong-bad@email.example.com", 28},
	.local = {"strong-bad", 10},
	.sender_domain = {"email.example.com", 17},
	.domain = {"email.example.com", 17},
	.validated = {"mx.example.org", 14},
	.helo = {"mail.example.org", 16},
	.receiver = {"mx.gatepost.test", 16},
	.address = {192, 0, 2, 3},
	.address_len = 4,
	.now_s = 1'700'000'000,
};

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Checks that `spec` becomes the name `want`; NULL: that it becomes none. */
static void
becomes(const char *spec, const struct gp_spf_values *values, const char *want)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_spf_name name;
	uint8_t uses;
	size_t work = 0;
	struct gp_slice s = gp_slice_str(spec);
	if (!gp_spf_macro_string_valid(s, &uses))
		fail_msg("'%s' is no macro-string", spec);
	int rc = gp_spf_expand_name(s, values, &arena, &work, &name);
	if ((rc == 0) != (want != NULL))
		fail_msg("'%s' came out as %d", spec, rc);
	if (want)
		assert_slice(name.name, want);
	gp_arena_free(&arena);
}

static void
examples_of_the_rfc(void **state)
{
	static const struct {
		const char *spec, *want;
	} cases[] = {
		{"%{s}", "strong-bad@email.example.com"},
		{"%{o}", "email.example.com"},
		{"%{d}", "email.example.com"},
		{"%{d4}", "email.example.com"},
		{"%{d3}", "email.example.com"},
		{"%{d2}", "example.com"},
		{"%{d1}", "com"},
		{"%{dr}", "com.example.email"},
		{"%{d2r}", "example.email"},
		{"%{l}", "strong-bad"},
		{"%{l-}", "strong.bad"},
		{"%{lr}", "strong-bad"},
		{"%{lr-}", "bad.strong"},
		{"%{l1r-}", "strong"},
		{"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		 "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		 "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		becomes(cases[i].spec, &strong_bad, cases[i].want);
	struct gp_spf_values six = strong_bad;
	static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = 0xcb, 0x01};
	memcpy(six.address, address, sizeof(address));
	six.address_len = 16;
	becomes("%{ir}.%{v}._spf.%{d2}", &six,
		"1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf."
		"example.com");
}

static void
expansion(void **state)
{
	static const struct {
		const char *spec, *local, *want;
	} cases[] = {
		{"%{p}.a.test", "x", "mx.example.org.a.test"},
		{"%{h2}.a.test", "x", "example.org.a.test"},
		/* upper case escapes for a URL; %25 is no octet of a host, but of a name */
		{"%{L}.a.test", "a b&c~", "a%20b%26c~.a.test"},
		{"%{L}.a.test", "\xff", "%FF.a.test"},
		{"%{L}.a.test", "\x01", "%01.a.test"},
		/* several delimiters; a letter's case does not change the transformers */
		{"%{l2r+-}.a.test", "foo-bar+zip+quux", "bar.foo.a.test"},
		{"%{lR+-}.a.test", "foo-bar", "bar.foo.a.test"},
		{"%{l100r-}.%{d1r+-/,_=.}.a.test", "a-b-c", "c.b.a.email.a.test"},
		{"%{l127}.a.test", "a.b", "a.b.a.test"},
		{"%{l4294967297}.a.test", "a.b", "a.b.a.test"},
		/* empty parts stay parts, which makes no name */
		{"%{l-}.a.test", "a--b", NULL},
		{"%{l1-}.a.test", "a-", NULL},
		{"%{l2r-}.a.test", "-a", NULL},
		{"%{l}.a.test", "", NULL},
		{"a..test", "x", NULL},
		{".a.test", "x", NULL},
		{"a.test.", "x", "a.test"},
		{"a.test..", "x", NULL},
		{"%%%_%-.a.test", "x", "%\\032%20.a.test"},
		/* what a name has as itself, and what it has escaped */
		{"%{l}.a.test", "a b\\c\x80", "a\\032b\\092c\\128.a.test"},
		{A63 ".a.test", "x", A63 ".a.test"},
		{"a." A63, "x", "a." A63},
		{"a" A63 ".a.test", "x", NULL},
		{"%{l}" A63 ".a.test", "x", NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_spf_values v = strong_bad;
		v.local = gp_slice_str(cases[i].local);
		becomes(cases[i].spec, &v, cases[i].want);
	}
}

/* Section 7.3: labels go from the left until 253 octets are left. */
static void
long_names_are_cut_at_a_label(void **state)
{
	(void)state;
	struct gp_spf_values v = strong_bad;
	char local[TEXT_MAX + 1];
	/* 4 labels of 63 with a dot each are 256; without the first, 192 */
	v.local = GP_SLICE(A63 "." A63 "." A63 "." A63);
	becomes("%{l}.test", &v, A63 "." A63 "." A63 ".test");
	becomes("%{l}.test.", &v, A63 "." A63 "." A63 ".test");
	/* of 253 octets: whole */
	v.local = GP_SLICE(A63 "." A63 "." A63);
	becomes("%{l}.%{d}.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test", &v,
		A63 "." A63 "." A63
		    ".email.example.com.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test");
	becomes("%{l}.%{d}.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test", &v,
		A63 "." A63 ".email.example.com.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test");
	/* and the same behind a label more */
	becomes("x.%{l}.%{d}.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test", &v,
		A63 "." A63 "." A63
		    ".email.example.com.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test");
	/* over every buffer: the same end */
	for (size_t i = 0; i < TEXT_MAX; i++)
		local[i] = i % 2 ? '.' : 'a';
	v.local = gp_slice(local, TEXT_MAX - 1);
	struct gp_spf_name one, many;
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	size_t work = 0;
	assert_int_equal(gp_spf_expand_name(GP_SLICE("%{l}.b.test"), &v, &arena, &work, &one), 0);
	assert_int_equal(work, TEXT_MAX - 1 + 7);
	assert_int_equal(gp_spf_expand_name(GP_SLICE("%{l}.%{l}.%{l}.%{l}.%{l}.%{l}.%{l}.b.test"),
					    &v, &arena, &work, &many),
			 0);
	assert_int_equal(one.name.len, 252);
	assert_true(gp_slice_eq(one.name, many.name));
	/* one label that is too long cannot be cut */
	memset(local, 'a', TEXT_MAX);
	assert_int_equal(
		gp_spf_expand_name(GP_SLICE("%{l}%{l}%{l}%{l}%{l}"), &v, &arena, &work, &one), 1);
	gp_arena_free(&arena);
}

static void
syntax(void **state)
{
	enum { MACRO = 1, SPEC = 2, TEXT = 4 };
	static const struct {
		const char *s;
		unsigned valid;
	} cases[] = {
		{"", MACRO | TEXT},
		{"a.test", MACRO | SPEC | TEXT},
		{"a.test.", MACRO | SPEC | TEXT},
		{"!~a.test", MACRO | SPEC | TEXT},
		{"a.b-c", MACRO | SPEC | TEXT},
		{"a.b--c", MACRO | SPEC | TEXT},
		{"a.1b", MACRO | SPEC | TEXT},
		{"a.xn--zckzah", MACRO | SPEC | TEXT},
		{"%{d}", MACRO | SPEC | TEXT},
		{"a%%", MACRO | SPEC | TEXT},
		{"%{d}.test", MACRO | SPEC | TEXT},
		{"%{d1r.-+,/_=}", MACRO | SPEC | TEXT},
		{"%{D}%{S}%{L}%{O}%{I}%{P}%{V}%{H}", MACRO | SPEC | TEXT},
		{"test", MACRO | TEXT},
		{"test.", MACRO | TEXT},
		{"a.123", MACRO | TEXT},
		{"a.-b", MACRO | TEXT},
		{"a.b-", MACRO | TEXT},
		{"a.b_c", MACRO | TEXT},
		{"a.test..", MACRO | TEXT},
		{"%{d}test", MACRO | TEXT},
		{"%{d}.", MACRO | TEXT},
		{"%{h}.1", MACRO | TEXT},
		{"a b", TEXT},
		{"%{c}%{r}%{t}", TEXT},
		{"%", 0},
		{"%a", 0},
		{"%{", 0},
		{"%{}", 0},
		{"%{d", 0},
		{"%{x}", 0},
		{"%{d0}", 0},
		{"%{d00}", 0},
		{"%{dr2}", 0},
		{"%{d-2}", 0},
		{"%{d:}", 0},
		{"%(d)", 0},
		{"%{ d}", 0},
		{"a\tb", 0},
		{"a\x7f", 0},
		{"a\x80", 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice s = gp_slice_str(cases[i].s);
		uint8_t uses;
		unsigned valid = (gp_spf_macro_string_valid(s, &uses) ? MACRO : 0) |
				 (gp_spf_domain_spec_valid(s, &uses) ? SPEC : 0) |
				 (gp_spf_explanation_valid(s, &uses) ? TEXT : 0);
		if (valid != cases[i].valid)
			fail_msg("'%s': got %u, wanted %u", cases[i].s, valid, cases[i].valid);
	}
	uint8_t uses;
	assert_false(gp_spf_macro_string_valid(gp_slice("a\0b", 3), &uses));
	assert_true(gp_spf_macro_string_valid(GP_SLICE("%{d}%{i}%{v}%{h}%{o}"), &uses));
	assert_int_equal(uses, 0);
	assert_true(gp_spf_macro_string_valid(GP_SLICE("%{S}"), &uses));
	assert_int_equal(uses, GP_SPF_USES_LOCAL);
	assert_true(gp_spf_macro_string_valid(GP_SLICE("%{l}%{p}"), &uses));
	assert_int_equal(uses, GP_SPF_USES_LOCAL | GP_SPF_USES_VALIDATED);
}

static void
explanations(void **state)
{
	static const struct {
		const char *text, *local, *want; /* NULL: none */
	} cases[] = {
		{"%{c} is not %{d}'s at %{r}, %{t}.", "x",
		 "192.0.2.3 is not email.example.com's at mx.gatepost.test, 1700000000."},
		{"100%% of%_%{l}", "a b", "100% of a b"},
		{"%{l}", "\xc3\xa9", NULL},
		{"%{L}", "\xc3\xa9", "%C3%A9"},
		{"%{l}", "a\r\n250 ok", NULL},
		{"", "x", NULL},
	};
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_slice got;
	struct gp_spf_values v = strong_bad;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		v.local = gp_slice_str(cases[i].local);
		int rc = gp_spf_expand_explanation(gp_slice_str(cases[i].text), &v, 400, &arena,
						   &got);
		assert_int_equal(rc, cases[i].want ? 0 : 1);
		if (cases[i].want)
			assert_slice(got, cases[i].want);
	}
	assert_int_equal(gp_spf_expand_explanation(GP_SLICE("%{d}%{d}"), &v, 20, &arena, &got), 0);
	assert_slice(got, "email.example.comema");
	v.receiver = GP_SLICE("");
	assert_int_equal(gp_spf_expand_explanation(GP_SLICE("%{r}"), &v, 20, &arena, &got), 0);
	assert_slice(got, "unknown");
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(expansion),
		cmocka_unit_test(long_names_are_cut_at_a_label),
		cmocka_unit_test(syntax),
		cmocka_unit_test(explanations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
