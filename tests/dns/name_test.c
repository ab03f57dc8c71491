/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_test.h"

#include "core/dns/name.h"

#define L10 "0123456789"
#define L63 L10 L10 L10 L10 L10 L10 "012"
#define L61 L10 L10 L10 L10 L10 L10 "0"

/* Text, and the canonical text that it comes back as; NULL: no name. */
static const struct {
	const char *text, *canonical;
} texts[] = {
	{"example.com", "example.com"},
	{"EXAMPLE.Com.", "example.com"},
	{"a", "a"},
	{".", "."},
	{"_25._tcp.mx.example", "_25._tcp.mx.example"},
	{"a-b.1", "a-b.1"},
	{"a\\.b.c", "a\\.b.c"},
	{"a\\065b", "aab"}, /* \065 is "A" */
	{"a\\032b", "a\\032b"},
	{"a\\255", "a\\255"},
	{"a\\\\b", "a\\\\b"},
	{"\\a", "a"},
	{L63, L63},
	{L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61}, /* 255 octets */
	{"", NULL},
	{"..", NULL},
	{".a", NULL},
	{"a..", NULL},
	{"a..b", NULL},
	{"a b", NULL},
	{"a\tb", NULL},
	{"a\x7f", NULL},
	{"b\xc3\xbc"
	 "cher",
	 NULL},
	{"a\\", NULL},
	{"a\\25", NULL},
	{"a\\256", NULL},
	{"a\\1x2", NULL},
	{"a\\ b", NULL},
	{L63 "0", NULL},
	{L63 "." L63 "." L63 "." L61 "0", NULL}, /* 256 octets */
};

static void
text_comes_back_in_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		struct gp_name name;
		struct gp_slice text;
		bool good = gp_name_from_text(gp_slice_str(texts[i].text), &name);
		if (good != (texts[i].canonical != NULL))
			fail_msg("\"%s\" is%s a name", texts[i].text, good ? "" : " not");
		if (good) {
			assert_int_equal(gp_name_to_text(&name, &arena, &text), 0);
			assert_slice(text, texts[i].canonical);
		}
		gp_arena_free(&arena);
	}
}

/* A message, where the name stands in it, the name (NULL: malformed), and where it ends. */
#define WIRE(bytes)                         \
	{                                   \
		"" bytes, sizeof(bytes) - 1 \
	}
static const struct {
	struct gp_slice message;
	size_t at;
	const char *name;
	size_t end;
} wires[] = {
	{WIRE("\x07"
	      "Example\x03"
	      "com\0"),
	 0, "example.com", 13},
	{WIRE("\0"), 0, ".", 1},
	{WIRE("xx\0"), 2, ".", 3},
	{WIRE("\x01"
	      "a\0\x01"
	      "b\xc0\0"),
	 3, "b.a", 7},
	{WIRE("\x01"
	      "a\0\xc0\0\xc0\x03"),
	 5, "a", 7}, /* a pointer to a pointer */
	{WIRE("\x02"
	      "a.\0"),
	 0, "a\\.", 4},
	{WIRE("\x02\xff\x01\0"), 0, "\\255\\001", 4},
	{WIRE(""), 0, NULL, 0},
	{WIRE("\0"), 1, NULL, 0},
	{WIRE("\x01"), 0, NULL, 0},
	{WIRE("\x01"
	      "a"),
	 0, NULL, 0},
	{WIRE("\x03"
	      "ab\0"),
	 0, NULL, 0},
	{WIRE("\xc0"), 0, NULL, 0},
	{WIRE("\xc0\0"), 0, NULL, 0}, /* to itself */
	{WIRE("\x01"
	      "a\xc0\0"),
	 0, NULL, 0},                         /* into its own labels */
	{WIRE("\xc0\x02\0"), 0, NULL, 0},     /* forwards */
	{WIRE("\xc0\x02\xc0\0"), 2, NULL, 0}, /* backwards, then forwards */
	{WIRE("\x01"
	      "a\xc0\x04\xc0\0"),
	 4, NULL, 0}, /* backwards, then in a circle */
	{WIRE("\x40"
	      "a\0"),
	 0, NULL, 0}, /* the two reserved kinds of label */
	{WIRE("\x80"
	      "a\0"),
	 0, NULL, 0},
};

static void
wire_is_read_within_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(wires); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 16);
		struct gp_name name;
		struct gp_slice text;
		size_t at = wires[i].at;
		bool good = gp_name_from_message(wires[i].message, &at, &name);
		if (good != (wires[i].name != NULL))
			fail_msg("wire %zu is%s a name", i, good ? "" : " not");
		if (good) {
			assert_int_equal(gp_name_to_text(&name, &arena, &text), 0);
			assert_slice(text, wires[i].name);
			assert_int_equal(at, wires[i].end);
		}
		gp_arena_free(&arena);
	}
}

/* n pointers, each to the one before it, the first to a root. */
static bool
read_chain(size_t n)
{
	char message[1 + 2 * 200];
	struct gp_name name;
	size_t at = 0;
	message[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		message[1 + 2 * i] = (char)(0xc0 | at >> 8);
		message[2 + 2 * i] = (char)at;
		at = 1 + 2 * i;
	}
	return gp_name_from_message(gp_slice(message, 1 + 2 * n), &at, &name);
}

static void
chains_of_pointers_have_an_end(void **state)
{
	(void)state;
	assert_true(read_chain(127));
	assert_false(read_chain(128));
}

/* Labels of one octet with pointers between them: 127 fit into a name, and no more. */
static void
names_have_255_octets(void **state)
{
	(void)state;
	char message[2 * 129];
	for (size_t labels = 126; labels <= 128; labels++) {
		struct gp_name name;
		size_t at = 0;
		for (size_t i = 0; i < labels; i++) {
			message[2 * i] = 1;
			message[2 * i + 1] = 'a';
		}
		message[2 * labels] = '\0';
		bool good = gp_name_from_message(gp_slice(message, 2 * labels + 1), &at, &name);
		assert_int_equal(good, labels <= 127);
		if (good)
			assert_int_equal(name.len, 2 * labels + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back_in_one_form),
		cmocka_unit_test(wire_is_read_within_bounds),
		cmocka_unit_test(chains_of_pointers_have_an_end),
		cmocka_unit_test(names_have_255_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
