/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_test.h"

#include <errno.h>

#include "core/dns/idn.h"

/* NULL: no A-label form. */
static const struct {
	const char *text, *ascii;
} cases[] = {
	{"Example.COM", "example.com"},
	{"example.com.", "example.com"},
	{"_dmarc.example.com", "_dmarc.example.com"},
	{"b\xc3\xbc"
	 "cher.example",
	 "xn--bcher-kva.example"},
	{"B\xc3\x9c"
	 "CHER.example",
	 "xn--bcher-kva.example"},
	{"bu\xcc\x88"
	 "cher.example",
	 "xn--bcher-kva.example"}, /* decomposed: made NFC first */
	{"stra\xc3\x9f"
	 "e.example",
	 "xn--strae-oqa.example"}, /* non-transitional keeps the letter */
	{"\xe4\xbe\x8b\xe3\x80\x82\xe4\xbe\x8b", "xn--fsq.xn--fsq"}, /* ideographic full stop */
	{"xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"", ""},
	{"\xc3", NULL},                  /* not UTF-8 */
	{"a\xe2\x80\x8d.example", NULL}, /* a joiner out of its context (RFC 5892 A.2) */
	{"\xcc\x88"
	 "a.example",
	 NULL}, /* begins with a combining mark */
};

static void
names_become_ascii(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		struct gp_slice ascii;
		int rc = gp_idn_to_ascii(gp_slice_str(cases[i].text), &arena, &ascii);
		if (rc != (cases[i].ascii ? 0 : 1))
			fail_msg("case %zu, \"%s\": %d", i, cases[i].text, rc);
		if (rc == 0)
			assert_slice(ascii, cases[i].ascii);
		gp_arena_free(&arena);
	}
}

static void
odd_sizes_are_refused(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 16), none = GP_ARENA_INIT(0);
	struct gp_slice ascii;
	assert_int_equal(gp_idn_to_ascii(gp_slice("\xc3\xbc\0x", 4), &arena, &ascii), 1);
	assert_int_equal(gp_idn_to_ascii(GP_SLICE("A"), &none, &ascii), -ENOMEM);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_become_ascii),
		cmocka_unit_test(odd_sizes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
