/* SPDX-License-Identifier: Apache-2.0 */
/* Master files, as the records that they have: a line each, "OWNER TYPE|WORD|WORD". */
#include "../unit.h"

#include <errno.h>
#include <stdlib.h>

#include "core/zone/zone.h"

static struct gp_zone_reader reader;
static struct gp_arena arena = GP_ARENA_INIT(1 << 20);

static void
write_record(struct gp_buf *out, const struct gp_zone_record *record)
{
	struct gp_slice owner;
	assert_int_equal(gp_name_to_text(&record->owner, &arena, &owner), 0);
	gp_buf_printf(out, "%s%.*s %.*s", out->len > 0 ? "\n" : "", GP_SLICE_FMT(owner),
		      GP_SLICE_FMT(record->type));
	for (size_t i = 0; i < record->words_len; i++)
		gp_buf_printf(out, "|%.*s", GP_SLICE_FMT(record->words[i].text));
}

/* With the line and the reason at the end, where it is wrong. */
static void
read_all(struct gp_slice text, const char *origin, struct gp_buf *out)
{
	struct gp_name name;
	struct gp_zone_record record;
	int r;
	assert_true(!origin || gp_name_from_text(gp_slice_str(origin), &name));
	gp_zone_reader_init(&reader, text, origin ? &name : NULL);
	while ((r = gp_zone_next(&reader, &record)) == GP_ZONE_RECORD)
		write_record(out, &record);
	if (r == GP_ZONE_WRONG)
		gp_buf_printf(out, "%s%llu: %.*s: %s", out->len > 0 ? "\n" : "",
			      (unsigned long long)reader.line, GP_SLICE_FMT(reader.wrong),
			      reader.why);
	/* What has ended stays so. */
	assert_int_equal(gp_zone_next(&reader, &record), r);
}

struct reading {
	const char *text, *records;
};

static void
check_readings(const struct reading *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct gp_buf out = GP_BUF_INIT(1 << 16);
		read_all(gp_slice_str(cases[i].text), "z.test", &out);
		assert_slice(gp_buf_slice(&out), cases[i].records);
		gp_buf_free(&out);
		gp_arena_reset(&arena);
	}
}

static void
records(void **state)
{
	(void)state;
	static const struct reading cases[] = {
		{"", ""},
		{"\n \n\t; nothing\n   ; \"( \\\n", ""},
		{"a MX 10 b", "a.z.test MX|10|b"},
		{"a MX 10 b\r\nc A 192.0.2.1\r\n", "a.z.test MX|10|b\nc.z.test A|192.0.2.1"},
		{"@ NS a;comment\n", "z.test NS|a"},
		{". NS a", ". NS|a"},
		{"A.Example. A 192.0.2.1", "a.example A|192.0.2.1"},
		{"*.x A 192.0.2.1", "*.x.z.test A|192.0.2.1"},
		/* the owner is the last one's */
		{"a A 192.0.2.1\n  AAAA ::1\n\n; x\n\tTXT t",
		 "a.z.test A|192.0.2.1\na.z.test AAAA|::1\na.z.test TXT|t"},
		/* TTL and class */
		{"a 300 IN A x", "a.z.test A|x"},
		{"a IN 300 A x", "a.z.test A|x"},
		{"a in A x", "a.z.test A|x"},
		{"a CLASS1 1h30M A x", "a.z.test A|x"},
		{"a 2147483647 A x", "a.z.test A|x"},
		{" 300 IN A x", "1: 300: is a record without an owner"},
		{"in in in A x", "in.z.test in|A|x"},
		/* parentheses */
		{"a TXT (b\nc ; d )\n  e) f\ng A x", "a.z.test TXT|b|c|e|f\ng.z.test A|x"},
		{"a ( TXT\nb ) \n", "a.z.test TXT|b"},
		{"a TXT (b (c\n) d\n)", "a.z.test TXT|b|c|d"},
		{"a TXT b(c)d", "a.z.test TXT|b|c|d"},
		/* quotes and escapes */
		{"a TXT \"b c;(\" \"\" d", "a.z.test TXT|b c;(||d"},
		{"a TXT \"b\\\"c\" d\\;e\\ f\\\"", "a.z.test TXT|b\\\"c|d\\;e\\ f\\\""},
		{"a TXT \"b\"\"c\"d\"e\"", "a.z.test TXT|b|c|d|e"},
		{"a\\.b A x", "a\\.b.z.test A|x"},
		{"a\\\\. A x", "a\\\\ A|x"},
		{"a\\. A x", "a\\..z.test A|x"},
		{"\\097b A x", "ab.z.test A|x"},
		{"\\@ A x", "@.z.test A|x"},
		{"\\$ORIGIN A x", "$origin.z.test A|x"},
		{" \\$ORIGIN x", "1: \\$ORIGIN: is a record without an owner"},
		/* types that are not known here */
		{"a TYPE65 \\# 0", "a.z.test TYPE65|\\#|0"},
		{"a NSEC3PARAM 1 0 0 -", "a.z.test NSEC3PARAM|1|0|0|-"},
		{"a TXT", "a.z.test TXT"},
	};
	check_readings(cases, GP_ARRAY_LEN(cases));
}

static void
directives(void **state)
{
	(void)state;
	static const struct reading cases[] = {
		{"$ORIGIN y.test.\na A x", "a.y.test A|x"},
		{"$origin y\na A x\n$ORIGIN b.test. ; c\n@ A x\n A y",
		 "a.y.z.test A|x\nb.test A|x\nb.test A|y"},
		{"a A x\n$ORIGIN y.test.\n A y", "a.z.test A|x\na.z.test A|y"},
		{"$ORIGIN .\na A x", "a A|x"},
		{"$ORIGIN @\na A x", "a.z.test A|x"},
		{"$TTL 3600\n$TTL 1w2d ; c\na A x", "a.z.test A|x"},
		{"$TTL\n", "1: $TTL: takes one time"},
		{"$TTL 1 2\n", "1: $TTL: takes one time"},
		{"$TTL 1y\n", "1: $TTL: takes one time"},
		{"$TTL 2147483648\n", "1: $TTL: takes one time"},
		{"$TTL 9999w\n", "1: $TTL: takes one time"},
		{"$TTL h\n", "1: $TTL: takes one time"},
		{"$ORIGIN\n", "1: $ORIGIN: takes one name"},
		{"$ORIGIN a b\n", "1: $ORIGIN: takes one name"},
		{"$ORIGIN a..b\n", "1: a..b: is no name"},
		{"a A x\n$INCLUDE /etc/passwd\nb A x",
		 "a.z.test A|x\n2: $INCLUDE: is not followed; name that file too"},
		{"$GENERATE 1-9 a$ A x\n", "1: $GENERATE: is no directive of a standard"},
	};
	check_readings(cases, GP_ARRAY_LEN(cases));
}

static void
what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct reading cases[] = {
		{"a A x\n\nb A (y\n", "a.z.test A|x\n4: (: is not closed"},
		{"a A )\n", "1: ): closes nothing"},
		{"\na TXT \"b\nc A x", "2: : a quote that is not closed in its line"},
		{"a TXT \"b", "1: : a quote that is not closed in its line"},
		{"a TXT \"b\\", "1: : a backslash with nothing behind it"},
		{"a TXT b\\\nc A x", "1: : a backslash with nothing behind it"},
		{"a..b A x\nc A x", "1: a..b: is no name"},
		{"a 300\n", "1: 300: is not followed by a type"},
		{"a\n", "1: a: is not followed by a type"},
		{"a IN \"A\" x", "1: A: is no type"},
		{"a 1y A x", "1: 1y: is no TTL"},
		{"a 1 2 A x", "1: 2: is no type"},
		{"a CH A x", "1: CH: is another class than IN"},
		{"a .A x", "1: .A: is no type"},
		{"b\xfc"
		 "cher A x",
		 "1: b\xfc"
		 "cher: is no name"},
	};
	check_readings(cases, GP_ARRAY_LEN(cases));
}

static void
without_an_origin_names_are_absolute(void **state)
{
	(void)state;
	static const struct reading cases[] = {
		{"a. A x", "a A|x"},
		{"a A x", "1: a: is relative, and there is no origin"},
		{"@ A x", "1: @: is relative, and there is no origin"},
		{"$ORIGIN a\n", "1: a: is relative, and there is no origin"},
		{"$ORIGIN a.\nb A x", "b.a A|x"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(1 << 16);
		read_all(gp_slice_str(cases[i].text), NULL, &out);
		assert_slice(gp_buf_slice(&out), cases[i].records);
		gp_buf_free(&out);
		gp_arena_reset(&arena);
	}
}

/* A name of 255 octets with its origin is one, a longer one is none. */
static void
names_are_as_long_as_names_may_be(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(1024), out = GP_BUF_INIT(1 << 16);
	/* z.test takes 8 octets of the wire form. */
	for (int i = 0; i < 123; i++)
		gp_buf_put_str(&text, i > 0 ? ".a" : "a");
	gp_buf_put_str(&text, " A x\n");
	read_all(gp_buf_slice(&text), "z.test", &out);
	assert_int_equal(reader.why != NULL, false);
	gp_buf_clear(&text);
	gp_buf_clear(&out);
	for (int i = 0; i < 124; i++)
		gp_buf_put_str(&text, i > 0 ? ".a" : "a");
	gp_buf_put_str(&text, " A x\n");
	read_all(gp_buf_slice(&text), "z.test", &out);
	assert_string_equal(reader.why, "is too long with its origin");
	gp_buf_free(&text);
	gp_buf_free(&out);
	gp_arena_reset(&arena);
}

static void
a_record_has_so_many_words(void **state)
{
	(void)state;
	for (size_t len = GP_ZONE_WORDS_MAX; len <= GP_ZONE_WORDS_MAX + 1; len++) {
		struct gp_buf text = GP_BUF_INIT(1 << 16), out = GP_BUF_INIT(1 << 16);
		gp_buf_put_str(&text, "a TXT");
		for (size_t i = 2; i < len; i++)
			gp_buf_put_str(&text, " x");
		read_all(gp_buf_slice(&text), "z.test", &out);
		assert_int_equal(reader.why != NULL, len > GP_ZONE_WORDS_MAX);
		gp_buf_free(&text);
		gp_buf_free(&out);
		gp_arena_reset(&arena);
	}
}

static void
texts_and_domains(void **state)
{
	(void)state;
	static const struct {
		const char *record, *domain; /* NULL: it shows none */
	} cases[] = {
		{"@ MX 10 mx", "z.test"},
		{"a A 192.0.2.1", "a.z.test"},
		{"A.B aaaa ::1", "a.b.z.test"},
		{"a NS b", NULL},
		{"a TXT \"v=spf1 -all\"", "a.z.test"},
		{"a TXT v=spf1", "a.z.test"},
		{"a TXT V=SPF1 \" -all\"", "a.z.test"},
		{"a TXT \"v=s\" \"pf1 -all\"", "a.z.test"},
		{"a TXT \"v\\061spf1\\032-all\"", "a.z.test"},
		{"a TXT \"v=spf10 -all\"", NULL},
		{"a TXT \"other\"", NULL},
		{"a TXT \"v=spf1 \\256\"", NULL},
		{"a TXT \"v=spf1 \\2\"", NULL},
		{"_dmarc TXT \"v=DMARC1; p=none\"", "z.test"},
		{"_dmarc.a TXT \"v=DMARC1; p=none\"", "a.z.test"},
		{"a TXT \"v=DMARC1; p=none\"", NULL},
		{"_dmarc TXT \"v=DMARC12\"", NULL},
		{"* A 192.0.2.1", NULL},
		{"_x MX 10 mx", NULL},
		{"_spf TXT \"v=spf1 -all\"", NULL},
		{"a._tcp A 192.0.2.1", NULL},
		{"_dmarc._dmarc TXT v=DMARC1", NULL},
		{"a\\.b A 192.0.2.1", NULL},
		{"xn--bcher-kva MX 10 mx", "xn--bcher-kva.z.test"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_name origin;
		struct gp_zone_record record;
		struct gp_slice domain = GP_SLICE("");
		assert_true(gp_name_from_text(GP_SLICE("z.test"), &origin));
		gp_zone_reader_init(&reader, gp_slice_str(cases[i].record), &origin);
		assert_int_equal(gp_zone_next(&reader, &record), GP_ZONE_RECORD);
		int r = gp_zone_domain(&record, &arena, &domain);
		if (r != !cases[i].domain)
			fail_msg("%s", cases[i].record);
		if (cases[i].domain)
			assert_slice(domain, cases[i].domain);
		gp_arena_reset(&arena);
	}
}

static void
strings_have_255_octets(void **state)
{
	(void)state;
	for (size_t len = 255; len <= 256; len++) {
		struct gp_buf text = GP_BUF_INIT(1024), out = GP_BUF_INIT(1024);
		struct gp_zone_record record;
		gp_buf_put_str(&text, "a. TXT ");
		for (size_t i = 0; i < len; i++)
			gp_buf_put_str(&text, i == 9 ? "\\000" : "x");
		gp_zone_reader_init(&reader, gp_buf_slice(&text), NULL);
		assert_int_equal(gp_zone_next(&reader, &record), GP_ZONE_RECORD);
		assert_int_equal(gp_zone_text(&record, &out), len == 255);
		gp_buf_free(&text);
		gp_buf_free(&out);
	}
}

static int
free_arena(void **state)
{
	(void)state;
	gp_arena_free(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(directives),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(without_an_origin_names_are_absolute),
		cmocka_unit_test(names_are_as_long_as_names_may_be),
		cmocka_unit_test(a_record_has_so_many_words),
		cmocka_unit_test(texts_and_domains),
		cmocka_unit_test(strings_have_255_octets),
	};
	return cmocka_run_group_tests(tests, NULL, free_arena);
}
