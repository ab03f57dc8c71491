/* SPDX-License-Identifier: Apache-2.0 */
#include "../prng.h"
#include "../unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "core/dkim/body.h"

/* RFC 6376 section 3.4.5, and fields of every kind. simple NULL: as it stands. */
static const struct {
	const char *field, *relaxed;
} fields[] = {
	{"A: X\r\n", "a:X\r\n"},
	{"B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"},
	{"SubjecT:AbC\r\n", "subject:AbC\r\n"},
	{"Subject: a  b\t\tc\r\n", "subject:a b c\r\n"},
	{"X:\r\n", "x:\r\n"},
	{"X: \t \r\n", "x:\r\n"},
	{"X:\r\n \r\n\ty\r\n", "x:y\r\n"},
	{"X: a\r\n b\r\n  c\r\n", "x:a b c\r\n"},
	{"X: a\rb\nc\r\n", "x:a\rb\nc\r\n"},
	{"X: a: b\r\n", "x:a: b\r\n"},
	{"X\t : \xc3\x84\r\n", "x:\xc3\x84\r\n"},
	{"X: y", "x:y\r\n"},
	{"X:", "x:\r\n"},
};

static void
fields_have_canonical_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(fields); i++) {
		struct gp_buf out = GP_BUF_INIT(256);
		gp_dkim_canon_field(gp_slice_str(fields[i].field), GP_DKIM_SIMPLE, &out);
		assert_slice(gp_buf_slice(&out), fields[i].field);
		gp_buf_clear(&out);
		gp_dkim_canon_field(gp_slice_str(fields[i].field), GP_DKIM_RELAXED, &out);
		assert_slice(gp_buf_slice(&out), fields[i].relaxed);
		gp_buf_free(&out);
	}
}

/* RFC 6376 section 3.4.2, an octet after the other. */
static void
relax_slowly(const char *name, struct gp_slice value, struct gp_buf *out)
{
	bool space = false;
	gp_buf_printf(out, "%s:", name);
	size_t begin = out->len;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c == ' ' || c == '\t') {
			space = true;
			continue;
		}
		if (c == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n') {
			i++;
			continue;
		}
		if (space && out->len > begin)
			gp_buf_put_char(out, ' ');
		space = false;
		gp_buf_put_char(out, c);
	}
	gp_buf_put_str(out, "\r\n");
}

static void
fields_come_out_by_runs_as_by_octets(void **state)
{
	(void)state;
	enum { ROUNDS = 20'000, LEN_MAX = 100 };
	static const char octets[] = "  \t\r\n\r\nabcdefgh:\x80\xa0\x8d\x0c";
	struct prng random = {31};
	for (size_t i = 0; i < ROUNDS; i++) {
		char text[LEN_MAX + 2] = "X:";
		struct gp_buf want = GP_BUF_INIT(1 << 10), out = GP_BUF_INIT(1 << 10);
		size_t len = 2 + prng_below(&random, LEN_MAX), from = i % 2 ? 0 : 7;
		for (size_t k = 2; k < len; k++) {
			bool any = prng_below(&random, 8) == 0;
			size_t first = any ? 0 : from;
			text[k] = octets[first + prng_below(&random, sizeof(octets) - 1 - first)];
		}
		struct gp_slice field = gp_slice(text, len);
		relax_slowly("x", gp_slice_drop(field, 2), &want);
		gp_dkim_canon_field(field, GP_DKIM_RELAXED, &out);
		assert_true(gp_slice_eq(gp_buf_slice(&out), gp_buf_slice(&want)));
		gp_buf_free(&want);
		gp_buf_free(&out);
	}
}

/* CPU time of a field of so many octets, so many times: lines of this text, or one. */
static double
cost_s(const char *unit, size_t len, size_t times)
{
	struct timespec begin, end;
	struct gp_buf field = GP_BUF_INIT(1 << 20), out = GP_BUF_INIT(1 << 20);
	gp_buf_put_str(&field, "Subject: ");
	while (field.len < len)
		gp_buf_put_str(&field, unit);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (size_t i = 0; i < times; i++) {
		gp_buf_truncate(&out, 0);
		gp_dkim_canon_field(gp_buf_slice(&field), GP_DKIM_RELAXED, &out);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_true(out.len > 0 && !out.failed);
	gp_buf_free(&field);
	gp_buf_free(&out);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* A header may be one field of 256 KB, which 256 names in eight signatures may want. */
static void
a_long_field_costs_what_short_ones_do(void **state)
{
	(void)state;
	enum { LONG = 64 * 1024, TIMES = 32, PASSES = 5 };
	static const char *const units[] = {"\r\n x", "\r\n x  y", "x  ", "x\ty", "\rx", "x"};
	for (size_t i = 0; i < GP_ARRAY_LEN(units); i++) {
		double whole = 1e9, parts = 1e9;
		for (size_t pass = 0; pass < PASSES; pass++) {
			whole = GP_MIN(whole, cost_s(units[i], LONG, 1));
			parts = GP_MIN(parts, cost_s(units[i], LONG / TIMES, TIMES));
		}
		if (whole > 5 * parts)
			fail_msg("unit %zu: %.6f s, and %.6f s in parts", i, whole, parts);
	}
}

static void
a_field_without_room_is_told(void **state)
{
	(void)state;
	struct gp_buf out = GP_BUF_INIT(4);
	gp_dkim_canon_field(GP_SLICE("Subject: x\r\n"), GP_DKIM_RELAXED, &out);
	assert_true(out.failed);
	gp_buf_free(&out);
}

/* RFC 6376 sections 3.4.3 to 3.4.5. */
static const struct {
	const char *body, *simple, *relaxed;
} bodies[] = {
	{"", "\r\n", ""},
	{"\r\n", "\r\n", ""},
	{"\r\n\r\n\r\n", "\r\n", ""},
	{"a", "a\r\n", "a\r\n"},
	{"a\r\n", "a\r\n", "a\r\n"},
	{"a\r\n\r\n\r\n", "a\r\n", "a\r\n"},
	{"\r\na\r\n", "\r\na\r\n", "\r\na\r\n"},
	{"a\r\n\r\n\r\nb\r\n\r\n", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"},
	{" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
	{" \r\n\t\r\n", " \r\n\t\r\n", ""},
	{"a\r\n \t \r\n", "a\r\n \t \r\n", "a\r\n"},
	{"a\r\n \r\nb", "a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n"},
	{"a \t b\t\r\n", "a \t b\t\r\n", "a b\r\n"},
	{"a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
	{"a\nb\n\n", "a\nb\n\n\r\n", "a\nb\n\n\r\n"},
	{"a\r", "a\r\r\n", "a\r\r\n"},
	{"a\r\r\n", "a\r\r\n", "a\r\r\n"},
	{"\r", "\r\r\n", "\r\r\n"},
	{"\r\n\r", "\r\n\r\r\n", "\r\n\r\r\n"},
	{"a \r\n\r \r\n", "a \r\n\r \r\n", "a\r\n\r\r\n"},
	{"a  ", "a  \r\n", "a \r\n"},
	{"\xff\x80 \x01\r\n", "\xff\x80 \x01\r\n", "\xff\x80 \x01\r\n"},
};

struct collector {
	struct gp_dkim_sink sink;
	struct gp_buf out;
};

static void
collect(struct gp_dkim_sink *sink, struct gp_slice octets)
{
	gp_buf_put(&gp_container_of(sink, struct collector, sink)->out, octets);
}

/* From memory of its own, so that whoever reads behind it is found. */
static void
feed(struct gp_dkim_canon_body *b, struct gp_slice piece)
{
	char *exact = malloc(piece.len);
	assert_non_null(exact);
	memcpy(exact, piece.ptr, piece.len);
	gp_dkim_canon_body_feed(b, gp_slice(exact, piece.len));
	free(exact);
}

static void
check_body(const char *body, uint8_t canon, const char *want, size_t piece)
{
	struct collector c = {{collect}, GP_BUF_INIT(1 << 16)};
	struct gp_dkim_canon_body b;
	struct gp_slice rest = gp_slice_str(body);
	gp_dkim_canon_body_init(&b, canon, &c.sink);
	for (; rest.len > 0; rest = gp_slice_drop(rest, piece)) {
		feed(&b, gp_slice_take(rest, piece));
		gp_dkim_canon_body_feed(&b, gp_slice(NULL, 0));
	}
	gp_dkim_canon_body_end(&b);
	assert_slice(gp_buf_slice(&c.out), want);
	assert_int_equal(b.size, c.out.len);
	gp_buf_free(&c.out);
}

static void
bodies_have_canonical_forms_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bodies); i++) {
		for (size_t piece = 1; piece < 8; piece++) {
			check_body(bodies[i].body, GP_DKIM_SIMPLE, bodies[i].simple, piece);
			check_body(bodies[i].body, GP_DKIM_RELAXED, bodies[i].relaxed, piece);
		}
	}
}

/* More than the room in which small pieces are gathered. */
static void
long_runs_pass(void **state)
{
	(void)state;
	enum { BREAKS = 3000, TEXT = 5000 };
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	char *body = gp_arena_alloc(&arena, 2 * BREAKS + TEXT + 3);
	for (size_t i = 0; i < BREAKS; i++)
		memcpy(body + 2 * i, "\r\n", 2);
	memset(body + 2 * BREAKS, 'x', TEXT);
	memcpy(body + 2 * BREAKS + TEXT, "\r\n", 2);
	for (uint8_t canon = 0; canon < GP_DKIM_CANONS; canon++) {
		check_body(body, canon, body, 1 << 16);
		check_body(body, canon, body, 7);
	}
	gp_arena_free(&arena);
}

/* An octet at a time, and then at once and in pieces of another length. text ends in NUL. */
static void
check_pieces(const char *text, size_t piece)
{
	struct collector c = {{collect}, GP_BUF_INIT(1 << 16)};
	struct gp_dkim_canon_body b;
	gp_dkim_canon_body_init(&b, GP_DKIM_RELAXED, &c.sink);
	for (size_t i = 0; text[i]; i++)
		gp_dkim_canon_body_feed(&b, gp_slice(text + i, 1));
	gp_dkim_canon_body_end(&b);
	gp_buf_put_char(&c.out, '\0');
	check_body(text, GP_DKIM_RELAXED, gp_buf_slice(&c.out).ptr, strlen(text) + 1);
	check_body(text, GP_DKIM_RELAXED, gp_buf_slice(&c.out).ptr, piece);
	gp_buf_free(&c.out);
}

/* Bodies are looked at by blocks of 64 octets: whatever stands in them comes out as it does octet
 * by octet. */
static void
blocks_come_out_as_octets_do(void **state)
{
	(void)state;
	enum { ROUNDS = 3000, LEN_MAX = 200 };
	static const char octets[] = "  \t\r\n\r\nabcdefgh\x80\xa0\x8d\x0c";
	struct prng random = {20};
	for (size_t i = 0; i < ROUNDS; i++) {
		char text[LEN_MAX + 1] = "";
		size_t len = prng_below(&random, LEN_MAX);
		/* Some of them nearly without anything that needs a second look. */
		size_t kinds = sizeof(octets) - 1, from = i % 2 ? 0 : 7;
		for (size_t k = 0; k < len; k++)
			text[k] = prng_below(&random, 16) == 0
					  ? octets[prng_below(&random, kinds)]
					  : octets[from + prng_below(&random, kinds - from)];
		check_pieces(text, 1 + i % 40);
	}
}

/* Every text of five octets over the alphabet, across the ends of blocks and at the body's end;
 * what stands around it is clean, or has something of its own. */
static void
any_short_text_across_blocks(void **state)
{
	static const char alphabet[] = {' ', '\t', '\r', '\n', 'a'};
	static const char *const lines[] = {"ab\r\n", "x", "nine oct\r\n", "x  \r\n"};
	enum { N = 3125, LEN = 5, BLOCK = 64, AFTER = 70, SIZE = 2 * BLOCK + LEN + AFTER };
	(void)state;
	for (size_t n = 0; n < N; n++) {
		const char *line = lines[n % GP_ARRAY_LEN(lines)];
		size_t before = BLOCK * (1 + n % 2) - LEN - 1, period = strlen(line);
		for (size_t end = before + LEN + 2; before < end; before++) {
			char text[SIZE + 1] = "";
			size_t at = 0;
			for (; at < before; at++)
				text[at] = line[at % period];
			for (size_t i = 0, rest = n; i < LEN; i++, rest /= GP_ARRAY_LEN(alphabet))
				text[at++] = alphabet[rest % GP_ARRAY_LEN(alphabet)];
			check_pieces(text, 1 + (n + before) % at);
			for (size_t i = 0; i < n % AFTER; i++)
				text[at++] = line[i % period];
			check_pieces(text, 1 + (n + before) % at);
		}
	}
}

/* --- hashes --- */

static struct gp_slice
digest_of(const char *text, struct gp_dkim_digest *room)
{
	assert_int_equal(gp_dkim_digest(gp_slice_str(text), room), 0);
	return gp_dkim_digest_slice(room);
}

static void
check_hash(const struct gp_dkim_body *b, size_t i, const char *text)
{
	struct gp_dkim_digest room;
	assert_true(
		gp_slice_eq(gp_dkim_digest_slice(&b->hashes[i].digest), digest_of(text, &room)));
}

static void
each_hash_is_made_once(void **state)
{
	(void)state;
	static const struct {
		uint8_t canon;
		uint64_t length;
		size_t place;
		const char *text;
	} wants[] = {
		{GP_DKIM_SIMPLE, GP_DKIM_BODY_ALL, 0, "a  b\r\nc\r\n"},
		{GP_DKIM_RELAXED, GP_DKIM_BODY_ALL, 1, "a b\r\nc\r\n"},
		{GP_DKIM_SIMPLE, GP_DKIM_BODY_ALL, 0, "a  b\r\nc\r\n"},
		{GP_DKIM_RELAXED, 4, 2, "a b\r"},
		{GP_DKIM_SIMPLE, 4, 3, "a  b"},
		{GP_DKIM_RELAXED, 4, 2, "a b\r"},
		{GP_DKIM_RELAXED, 0, 4, ""},
		{GP_DKIM_SIMPLE, 1000, 5, "a  b\r\nc\r\n"},
	};
	struct gp_dkim_body b;
	size_t place;
	gp_dkim_body_init(&b);
	for (size_t i = 0; i < GP_ARRAY_LEN(wants); i++) {
		assert_int_equal(gp_dkim_body_want(&b, wants[i].canon, wants[i].length, &place), 0);
		assert_int_equal(place, wants[i].place);
	}
	gp_dkim_body_feed(&b, GP_SLICE("a  b\r"));
	gp_dkim_body_feed(&b, GP_SLICE("\nc\r\n\r\n"));
	assert_int_equal(gp_dkim_body_end(&b), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(wants); i++)
		check_hash(&b, wants[i].place, wants[i].text);
	assert_int_equal(gp_dkim_body_size(&b, GP_DKIM_SIMPLE), 9);
	assert_int_equal(gp_dkim_body_size(&b, GP_DKIM_RELAXED), 8);
	gp_dkim_body_free(&b);
}

/* Lengths in any order, with octets behind the longest and without; however it is cut. */
static void
lengths_share_a_hash(void **state)
{
	static const char body[] = "ab\r\ncd\r\n";
	static const uint64_t lengths[] = {5, 0, 8, 3, 7, 1};
	(void)state;
	for (size_t wanted = 1; wanted <= GP_ARRAY_LEN(lengths); wanted++) {
		for (size_t step = 1; step <= sizeof(body); step++) {
			struct gp_dkim_body b;
			struct gp_slice rest = gp_slice_str(body);
			size_t place;
			gp_dkim_body_init(&b);
			for (size_t i = 0; i < wanted; i++)
				assert_int_equal(
					gp_dkim_body_want(&b, GP_DKIM_SIMPLE, lengths[i], &place),
					0);
			for (; rest.len > 0; rest = gp_slice_drop(rest, step))
				gp_dkim_body_feed(&b, gp_slice_take(rest, step));
			assert_int_equal(gp_dkim_body_end(&b), 0);
			for (size_t i = 0; i < wanted; i++) {
				char text[sizeof(body)] = "";
				memcpy(text, body, lengths[i]);
				check_hash(&b, i, text);
			}
			gp_dkim_body_free(&b);
		}
	}
}

static void
hashes_have_a_bound(void **state)
{
	(void)state;
	struct gp_dkim_body b;
	size_t place;
	gp_dkim_body_init(&b);
	for (uint64_t i = 0; i < GP_DKIM_BODY_HASHES_MAX; i++)
		assert_int_equal(gp_dkim_body_want(&b, GP_DKIM_SIMPLE, i, &place), 0);
	assert_int_equal(gp_dkim_body_want(&b, GP_DKIM_RELAXED, 0, &place), 1);
	assert_int_equal(gp_dkim_body_want(&b, GP_DKIM_SIMPLE, 3, &place), 0);
	assert_int_equal(place, 3);
	gp_dkim_body_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_have_canonical_forms),
		cmocka_unit_test(fields_come_out_by_runs_as_by_octets),
		cmocka_unit_test(a_long_field_costs_what_short_ones_do),
		cmocka_unit_test(a_field_without_room_is_told),
		cmocka_unit_test(bodies_have_canonical_forms_however_they_are_cut),
		cmocka_unit_test(long_runs_pass),
		cmocka_unit_test(blocks_come_out_as_octets_do),
		cmocka_unit_test(any_short_text_across_blocks),
		cmocka_unit_test(each_hash_is_made_once),
		cmocka_unit_test(lengths_share_a_hash),
		cmocka_unit_test(hashes_have_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
