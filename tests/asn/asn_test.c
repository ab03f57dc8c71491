/* SPDX-License-Identifier: Apache-2.0 */
/* Whose network an address is in, by files that are right, cut off, and made up. */
#include "../unit.h"

#include "base/wire.h"
#include "core/asn/asn.h"
#include "mmdb_builder.h"

#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"
#define IPV6(s) ((const uint8_t *)s "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
#define IPV4(s) ((const uint8_t *)MAPPED s)
/* A prefix of 96 + n bits. */
#define LOW(s) "\0\0\0\0\0\0\0\0\0\0\0\0" s

/* 192.0.2.0/24, 198.51.100.7/32, and 2001:db8::/32 where it has IPv6. */
static struct gp_buf
make(uint8_t ip_version, uint8_t record_bits, const char *type)
{
	struct mmdb_builder b;
	struct gp_buf file = GP_BUF_INIT(1 << 20);
	bool six = ip_version == 6;
	mmdb_begin(&b, ip_version, record_bits);
	uint32_t example = mmdb_asn(&b, 64500, "Example Networks");
	mmdb_put(&b, six ? LOW("\xc0\0\2") : "\xc0\0\2", six ? 120 : 24, example);
	mmdb_put(&b, six ? LOW("\xc6\x33\x64\7") : "\xc6\x33\x64\7", six ? 128 : 32,
		 mmdb_asn(&b, 4'200'000'000, "One more, with a name of 40 octets, long"));
	if (six)
		mmdb_put(&b, "\x20\1\x0d\xb8", 32, example);
	mmdb_end(&b, type, &file);
	assert_false(file.failed);
	return file;
}

static void
addresses_have_networks(void **state)
{
	static const struct {
		const uint8_t *address;
		uint32_t number; /* 0: none */
		const char *organization;
		bool six;
	} cases[] = {
		{IPV4("\xc0\0\2\0"), 64500, "Example Networks", false},
		{IPV4("\xc0\0\2\xff"), 64500, "Example Networks", false},
		{IPV4("\xc0\0\3\0"), 0, "", false},
		{IPV4("\xc6\x33\x64\7"), 4'200'000'000, "One more, with a name of 40 octets, long",
		 false},
		{IPV4("\xc6\x33\x64\6"), 0, "", false},
		{IPV4("\0\0\0\0"), 0, "", false},
		{IPV4("\xff\xff\xff\xff"), 0, "", false},
		{IPV6("\x20\1\x0d\xb8"), 64500, "Example Networks", true},
		{IPV6("\x20\1\x0d\xb9"), 0, "", true},
		{IPV6(""), 0, "", true},
	};
	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		for (unsigned bits = 24; bits <= 32; bits += 4) {
			struct gp_buf file = make((uint8_t)version, (uint8_t)bits, "Test-ASN");
			struct gp_mmdb db;
			assert_null(gp_asn_open(gp_buf_slice(&file), &db));
			assert_slice(db.type, "Test-ASN");
			assert_int_equal(db.built_s, 1'700'000'000);
			for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
				struct gp_asn asn;
				bool wanted =
					cases[i].number > 0 && (version == 6 || !cases[i].six);
				assert_int_equal(gp_asn_find(&db, cases[i].address, &asn), wanted);
				assert_int_equal(asn.number, wanted ? cases[i].number : 0);
				assert_slice(asn.organization, wanted ? cases[i].organization : "");
			}
			gp_buf_free(&file);
		}
	}
}

static void
without_a_database_nothing_is_known(void **state)
{
	struct gp_asn asn = {.number = 1};
	(void)state;
	assert_false(gp_asn_find(NULL, IPV4("\xc0\0\2\0"), &asn));
	assert_int_equal(asn.number, 0);
}

static void
what_it_is_not(void **state)
{
	static const struct {
		const char *file, *why;
		size_t len;
	} cases[] = {
		{"", "it is no MaxMind DB, or its end is missing", 0},
		{"no database", "it is no MaxMind DB, or its end is missing", 11},
		{"\xab\xcd\xefMaxMind.com", "its metadata is not complete", 14},
		{"\xab\xcd\xefMaxMind.com\xe0", "its metadata is not complete", 15},
		/* A map of more members than there are octets. */
		{"\xab\xcd\xefMaxMind.com\xff\xff\xff\xff", "its metadata is not complete", 18},
	};
	struct gp_mmdb db;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_string_equal(gp_asn_open(gp_slice(cases[i].file, cases[i].len), &db),
				    cases[i].why);
	struct gp_buf city = make(6, 24, "GeoLite2-City");
	assert_string_equal(gp_asn_open(gp_buf_slice(&city), &db),
			    "it is a database of something else than ASNs");
	gp_buf_free(&city);
	struct gp_buf odd = make(6, 20, "Test-ASN"), third = make(5, 24, "Test-ASN");
	assert_string_equal(gp_asn_open(gp_buf_slice(&odd), &db), "its metadata makes no sense");
	assert_string_equal(gp_asn_open(gp_buf_slice(&third), &db), "its metadata makes no sense");
	gp_buf_free(&odd);
	gp_buf_free(&third);
}

/* What is left has its metadata, and a tree that would go on behind it. */
static void
without_its_beginning(void **state)
{
	struct gp_buf file = make(6, 32, "Test-ASN");
	struct gp_mmdb db;
	(void)state;
	assert_null(gp_asn_open(gp_buf_slice(&file), &db));
	assert_string_equal(gp_asn_open(gp_slice_drop(gp_buf_slice(&file), db.tree.len), &db),
			    "a part of it is missing");
	gp_buf_free(&file);
}

/* --- single values --- */

/* What is found where the value is these octets, all of the data. */
static bool
find(const char *octets, size_t len, struct gp_asn *ret)
{
	struct mmdb_builder b;
	struct gp_buf file = GP_BUF_INIT(1 << 20);
	struct gp_mmdb db;
	mmdb_begin(&b, 4, 24);
	gp_buf_put(&b.data, gp_slice(octets, len));
	mmdb_put(&b, "\xc0\0\2", 24, 0);
	mmdb_end(&b, "Test-ASN", &file);
	/* Of its own size, so that a step too far is seen. */
	char *copy = malloc(file.len);
	assert_non_null(copy);
	memcpy(copy, gp_buf_slice(&file).ptr, file.len);
	assert_null(gp_asn_open(gp_slice(copy, file.len), &db));
	bool found = gp_asn_find(&db, IPV4("\xc0\0\2\1"), ret);
	gp_buf_free(&file);
	assert_true(ret->organization.len == 0 || found);
	ret->organization = gp_slice("", 0);
	free(copy);
	return found;
}

#define NUMBER_KEY \
	"\x58"     \
	"autonomous_system_number"

static void
values_in_all_their_forms(void **state)
{
	static const struct {
		struct gp_slice octets;
		uint32_t number; /* 0: not found */
	} cases[] = {
		{GP_SLICE("\xe1" NUMBER_KEY "\xc2\x12\x34"), 0x1234},
		{GP_SLICE("\xe1" NUMBER_KEY "\xa1\x07"), 7},
		/* uint64, an extended type, shorter than it could be */
		{GP_SLICE("\xe1" NUMBER_KEY "\x02\x02\x12\x34"), 0x1234},
		{GP_SLICE("\xe1" NUMBER_KEY "\x08\x02\0\0\0\1\0\0\0\0"), 0},
		{GP_SLICE("\xe1" NUMBER_KEY "\xc0"), 0},       /* 0 is no number */
		{GP_SLICE("\xe1" NUMBER_KEY "\xc4\0\0\1"), 0}, /* goes on in the marker */
		{GP_SLICE("\xe1" NUMBER_KEY "\x43"
			  "123"),
		 0},                                                 /* a text */
		{GP_SLICE("\xe1" NUMBER_KEY "\x04\x01\0\0\0\1"), 0}, /* int32 */
		{GP_SLICE("\x43"
			  "123"),
		 0},
		/* Behind members of other types: a text, a double, a boolean, an array, a map, a
		   pointer, a text of 29 and one of 285 octets. */
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x42"
			  "hi" NUMBER_KEY "\xc1\x05"),
		 5},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x68"
			  "12345678" NUMBER_KEY "\xc1\x05"),
		 5},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x01\x07" NUMBER_KEY "\xc1\x05"),
		 5},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x02\x04\x41"
			  "b"
			  "\xe1\x41"
			  "c"
			  "\xc0" NUMBER_KEY "\xc1\x05"),
		 5},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x20\x00" NUMBER_KEY "\xc1\x05"),
		 5},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x5d\x00"
			  "12345678901234567890123456789" NUMBER_KEY "\xc1\x05"),
		 5},
		/* The value is elsewhere, and its key. */
		{GP_SLICE("\x20\x02\xe1" NUMBER_KEY "\xc1\x05"), 5},
		{GP_SLICE("\xe1" NUMBER_KEY "\x20\x1c\xc1\x05"), 5},
		{GP_SLICE("\x20\x1b" NUMBER_KEY "\xe1\x20\x02\xc1\x05"), 5},
		/* In a circle, behind the end, to a pointer. */
		{GP_SLICE("\x20\x00"), 0},
		{GP_SLICE("\x38\x7f\xff\xff\xff"), 0},
		{GP_SLICE("\x20\x02\x20\x04\xe1" NUMBER_KEY "\xc1\x05"), 0},
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\xe1\x41"
			  "b"
			  "\x20\x02" NUMBER_KEY "\xc1\x05"),
		 5},
		/* More than a value may have. */
		{GP_SLICE("\xe2\x41"
			  "a"
			  "\x1f\x04\xff\xff\xff" NUMBER_KEY "\xc1\x05"),
		 0},
		{GP_SLICE("\xff\xff\xff\xff" NUMBER_KEY "\xc1\x05"), 0},
		/* A key that is no text. */
		{GP_SLICE("\xe2\xc1\x01\xc1\x01" NUMBER_KEY "\xc1\x05"), 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_asn asn;
		bool found = find(cases[i].octets.ptr, cases[i].octets.len, &asn);
		assert_int_equal(asn.number, cases[i].number);
		assert_int_equal(found, cases[i].number > 0);
	}
}

/* Maps within maps, and arrays of arrays, as deep as octets go. */
static void
depth_costs_nothing(void **state)
{
	struct gp_buf deep = GP_BUF_INIT(1 << 20);
	struct gp_asn asn;
	(void)state;
	gp_buf_put_str(&deep, "\xe2\x41"
			      "a");
	for (int i = 0; i < 100'000; i++)
		gp_buf_put(&deep, GP_SLICE("\x01\x04"));
	gp_buf_put(&deep, GP_SLICE("\xc0" NUMBER_KEY "\xc1\x05"));
	assert_false(find(gp_buf_slice(&deep).ptr, deep.len, &asn));
	gp_buf_free(&deep);
}

/* Names are shown on terminals and pages. */
static void
odd_names_are_none(void **state)
{
	static const char *const names[] = {"\x1b[31mred", "two\nlines", "\xff\xfe",
					    ("\xc2\x9b"
					     "1m")};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct mmdb_builder b;
		struct gp_buf file = GP_BUF_INIT(1 << 20);
		struct gp_mmdb db;
		struct gp_asn asn;
		mmdb_begin(&b, 4, 24);
		mmdb_put(&b, "\xc0\0\2", 24, mmdb_asn(&b, 64500, names[i]));
		mmdb_end(&b, "Test-ASN", &file);
		assert_null(gp_asn_open(gp_buf_slice(&file), &db));
		assert_true(gp_asn_find(&db, IPV4("\xc0\0\2\1"), &asn));
		assert_int_equal(asn.number, 64500);
		assert_slice(asn.organization, "");
		gp_buf_free(&file);
	}
}

/* --- files that are broken --- */

static void
ask(const char *octets, size_t len)
{
	char *copy = malloc(len + !len);
	struct gp_mmdb db;
	struct gp_asn asn;
	assert_non_null(copy);
	memcpy(copy, octets, len);
	if (!gp_asn_open(gp_slice(copy, len), &db)) {
		(void)gp_asn_find(&db, IPV4("\xc0\0\2\1"), &asn);
		(void)gp_asn_find(&db, IPV4("\xc6\x33\x64\7"), &asn);
		(void)gp_asn_find(&db, IPV6("\x20\1\x0d\xb8"), &asn);
	}
	free(copy);
}

static void
cut_off_anywhere_it_is_refused(void **state)
{
	struct gp_buf file = make(6, 28, "Test-ASN");
	struct gp_slice all = gp_buf_slice(&file);
	struct gp_mmdb db;
	(void)state;
	for (size_t len = 0; len < all.len; len++) {
		assert_non_null(gp_asn_open(gp_slice_take(all, len), &db));
		/* And from its beginning: what is left has an end. */
		ask(all.ptr + len, all.len - len);
	}
	gp_buf_free(&file);
}

static void
any_octet_may_be_wrong(void **state)
{
	struct gp_buf file = make(6, 24, "Test-ASN");
	struct gp_slice all = gp_buf_slice(&file);
	(void)state;
	char *octets = malloc(all.len);
	assert_non_null(octets);
	for (size_t at = 0; at < all.len; at++) {
		for (unsigned v = 0; v < 8; v++) {
			memcpy(octets, all.ptr, all.len);
			octets[at] = (char)(octets[at] ^ 1 << v);
			ask(octets, all.len);
			octets[at] = v % 2 ? '\xff' : '\0';
			ask(octets, all.len);
		}
	}
	free(octets);
	gp_buf_free(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_networks),
		cmocka_unit_test(without_a_database_nothing_is_known),
		cmocka_unit_test(what_it_is_not),
		cmocka_unit_test(without_its_beginning),
		cmocka_unit_test(values_in_all_their_forms),
		cmocka_unit_test(depth_costs_nothing),
		cmocka_unit_test(odd_names_are_none),
		cmocka_unit_test(cut_off_anywhere_it_is_refused),
		cmocka_unit_test(any_octet_may_be_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
