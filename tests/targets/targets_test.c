/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to turns: each address and port of them once, in an order that needs no table. */
#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "core/config/value.h"
#include "core/targets/special.h"
#include "core/targets/targets.h"

static const uint16_t ports[] = {25, 587};

static void
put_target(struct gp_buf *out, const struct gp_scan_target *t)
{
	if (t->name.len > 0)
		gp_buf_put(out, t->name);
	else
		gp_network_write(out, &t->network);
	gp_buf_printf(out, " port %u", t->port);
}

static void
texts_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *is;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1/32 port 0"},
		{"192.0.2.1:587", "192.0.2.1/32 port 587"},
		{"2001:db8::1", "2001:db8::1/128 port 0"},
		{"[2001:db8::1]", "2001:db8::1/128 port 0"},
		{"[2001:db8::1]:465", "2001:db8::1/128 port 465"},
		{"::ffff:192.0.2.1", "192.0.2.1/32 port 0"},
		{"192.0.2.0/24", "192.0.2.0/24 port 0"},
		{"192.0.2.0/24:2525", "192.0.2.0/24 port 2525"},
		{"2001:db8::/120", "2001:db8::/120 port 0"},
		{"[2001:db8::/120]:25", "2001:db8::/120 port 25"},
		{"MX.Example.ORG.", "mx.example.org port 0"},
		{"b\u00fccher.example:25", "xn--bcher-kva.example port 25"},
		{"localhost", "localhost port 0"},
		{"0.0.0.0/0", "0.0.0.0/0 port 0"},
		{"", NULL},
		{":25", NULL},
		{"192.0.2.1:0", NULL},
		{"192.0.2.1:65536", NULL},
		{"192.0.2.1:", NULL},
		{"192.0.2.1/24", NULL}, /* which addresses are meant? */
		{"192.0.2.0/33", NULL},
		{"127.1", NULL},
		{"0x7f000001", NULL},
		{"192.0.2.1]", NULL},
		{"[192.0.2.1", NULL},
		{"[mx.example.org]", NULL},
		{"example..org", NULL},
		{"a b", NULL},
		{"http://example.org/", NULL},
		{"2001:db8::/32", NULL}, /* nobody can walk it */
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_buf out = GP_BUF_INIT(512);
		struct gp_scan_target t;
		const char *why = NULL;
		int r = gp_target_parse(gp_slice_str(cases[i].text), GP_TARGET_TO_WALK, &arena, &t,
					&why);
		if (r == 0)
			put_target(&out, &t);
		else
			assert_true(r == 1 && why);
		if (!cases[i].is != (r != 0))
			fail_msg("'%s' gives %d", cases[i].text, r);
		if (cases[i].is)
			assert_slice(gp_buf_slice(&out), cases[i].is);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
ports_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {{"25", 1}, {"25,587,465,2525", 4}, {"", 0},      {"25,", 0},
		     {"0", 0},  {"65536", 0},           {"25,25", 0}, {"25 587", 0}};
	uint16_t got[GP_TARGETS_PORTS_MAX];
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_int_equal(gp_target_ports_parse(gp_slice_str(cases[i].text), got),
				 cases[i].len);
	assert_int_equal(gp_target_ports_parse(GP_SLICE("25,587"), got), 2);
	assert_int_equal(got[1], 587);
}

static int
add(struct gp_targets *list, const char *line)
{
	struct gp_targets_line wrong;
	return gp_targets_add_line(list, gp_slice_str(line), &wrong);
}

static size_t
turn_index(const struct gp_target_turn *t)
{
	size_t port = t->port == 25 ? 0 : t->port == 587 ? 1 : 2;
	if (t->name.len > 0)
		return 600 + port;
	assert_memory_equal(t->address, "\xc0\x00\x02", 3);
	return t->address[3] * 2u + port;
}

/* Of a network, a name, and an address with a port of its own. */
static void
each_turn_comes_once(void **state)
{
	(void)state;
	static const uint32_t shard_counts[] = {1, 2, 3, 7};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_targets list;
	assert_int_equal(gp_targets_init(&list, &arena, ports, 2), 0);
	assert_int_equal(add(&list, " 192.0.2.0/24, mx.example # and 10.0.0.1"), 0);
	assert_int_equal(add(&list, "192.0.2.1:2525"), 0);
	assert_int_equal(add(&list, ""), 0);
	assert_int_equal(list.turns, 2 * 256 + 2 + 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(shard_counts); i++) {
		uint8_t seen[603] = {};
		uint64_t turns = 0;
		for (uint32_t shard = 0; shard < shard_counts[i]; shard++) {
			struct gp_targets_walk walk =
				gp_targets_walk(&list, 42, shard, shard_counts[i]);
			for (uint64_t at = 0; at < walk.turns; at++, turns++) {
				struct gp_target_turn turn;
				gp_targets_at(&walk, at, &turn);
				seen[turn_index(&turn)]++;
			}
		}
		assert_int_equal(turns, list.turns);
		for (size_t at = 0; at < 512; at++) /* one of them twice, by 2525's place */
			assert_int_equal(seen[at], at == 4 ? 2 : 1);
		assert_true(seen[600] == 1 && seen[601] == 1);
	}
	gp_arena_free(&arena);
}

static void
the_order_is_the_seeds(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {1, 2, 3, 5, 64, 1000, 65'536};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		uint64_t n = sizes[i], near = 0;
		struct gp_shuffle s = gp_shuffle(n, 1), other = gp_shuffle(n, 2);
		uint8_t *seen = calloc(n, 1);
		bool differs = false;
		assert_non_null(seen);
		for (uint64_t at = 0; at < n; at++) {
			uint64_t here = gp_shuffle_at(&s, at);
			assert_true(here < n && seen[here]++ == 0);
			assert_int_equal(here, gp_shuffle_at(&s, at));
			differs |= here != gp_shuffle_at(&other, at);
			if (at > 0) {
				uint64_t before = gp_shuffle_at(&s, at - 1);
				near += here > before ? here - before <= n / 256
						      : before - here <= n / 256;
			}
		}
		if (n >= 64)
			assert_true(differs && near < n / 32);
		free(seen);
	}
	struct gp_shuffle large = gp_shuffle((uint64_t)1 << GP_SHUFFLE_BITS_MAX, 7);
	assert_true(gp_shuffle_at(&large, 0) < large.n);
}

/* A change of any part is another walk. */
static void
the_digest_tells_lists_apart(void **state)
{
	(void)state;
	static const char *const lists[] = {
		"192.0.2.1",    "192.0.2.2",    "192.0.2.0/31", "192.0.2.1 192.0.2.2",
		"192.0.2.1:25", "mx.a.example", "mx.b.example", "192.0.2.2 192.0.2.1",
	};
	uint64_t digests[GP_ARRAY_LEN(lists)];
	for (size_t i = 0; i < GP_ARRAY_LEN(lists); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_targets list;
		assert_int_equal(gp_targets_init(&list, &arena, ports, 2), 0);
		assert_int_equal(add(&list, lists[i]), 0);
		digests[i] = list.digest;
		for (size_t j = 0; j < i; j++)
			assert_true(digests[j] != digests[i]);
		gp_arena_free(&arena);
	}
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_targets list;
	struct gp_targets_line wrong;
	assert_int_equal(gp_targets_init(&list, &arena, ports, 2), 0);
	assert_int_equal(
		gp_targets_add_line(&list, GP_SLICE("192.0.2.1 192.0.2.1/24 x.example"), &wrong),
		1);
	assert_slice(wrong.wrong, "192.0.2.1/24");
	assert_non_null(wrong.why);
	/* 2^41 turns a network, and a run has at most 2^48; one text is in the list already */
	for (size_t i = 0; i < 127; i++)
		assert_int_equal(add(&list, "2001:db8::/88"), 0);
	assert_int_equal(add(&list, "2001:db8::/88"), -E2BIG);
	gp_arena_free(&arena);
}

/* More texts than a block has room for. */
static void
lists_grow(void **state)
{
	(void)state;
	enum { LEN = 10'000 };
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_targets list;
	assert_int_equal(gp_targets_init(&list, &arena, ports, 1), 0);
	for (unsigned i = 0; i < LEN; i++) {
		struct gp_scan_target t = {
			.network = {{10, 0, (uint8_t)(i >> 8), (uint8_t)i}, 4, 32}};
		assert_int_equal(gp_targets_add(&list, &t), 0);
	}
	struct gp_targets_walk walk = gp_targets_walk(&list, 1, 0, 1);
	uint8_t *seen = calloc(LEN, 1);
	assert_non_null(seen);
	for (uint64_t at = 0; at < LEN; at++) {
		struct gp_target_turn t;
		gp_targets_at(&walk, at, &t);
		assert_int_equal(seen[t.address[2] << 8 | t.address[3]]++, 0);
	}
	free(seen);
	gp_arena_free(&arena);
}

static void
special_addresses_are_known(void **state)
{
	(void)state;
	enum { OPEN, SPECIAL, NEVER };
	static const struct {
		const char *address;
		int is;
	} cases[] = {
		{"8.8.8.8", OPEN},
		{"172.32.0.1", OPEN},
		{"2a00::1", OPEN},
		{"64:ff9b::8.8.8.8", OPEN},
		{"10.1.2.3", SPECIAL},
		{"127.0.0.1", SPECIAL},
		{"169.254.169.254", SPECIAL},
		{"172.31.255.255", SPECIAL},
		{"100.64.0.1", SPECIAL},
		{"192.0.2.1", SPECIAL},
		{"198.19.255.255", SPECIAL},
		{"::1", SPECIAL},
		{"fe80::1", SPECIAL},
		{"fd00::1", SPECIAL},
		{"2001:db8::1", SPECIAL},
		{"2002:7f00:1::1", SPECIAL},
		{"2001:0:1::1", SPECIAL},
		{"64:ff9b::10.0.0.1", SPECIAL},
		{"0.0.0.0", NEVER},
		{"224.0.0.1", NEVER},
		{"255.255.255.255", NEVER},
		{"::", NEVER},
		{"ff02::1", NEVER},
		{"1::1", NEVER},
		{"64:ff9b::255.255.255.255", NEVER},
		/* the last of IPv4's special blocks, and what is beside them */
		{"9.255.255.255", OPEN},
		{"11.0.0.0", OPEN},
		{"223.255.255.255", OPEN},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint8_t octets[16];
		size_t len = gp_ip_parse(gp_slice_str(cases[i].address), octets);
		assert_true(len > 0);
		const struct gp_special *s = gp_special_of(octets, len);
		int is = !s ? OPEN : s->never ? NEVER : SPECIAL;
		if (is != cases[i].is)
			fail_msg("%s is %d", cases[i].address, is);
	}
	assert_true(gp_special_of(NULL, 0)->never);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(ports_are_read),
		cmocka_unit_test(each_turn_comes_once),
		cmocka_unit_test(the_order_is_the_seeds),
		cmocka_unit_test(the_digest_tells_lists_apart),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(lists_grow),
		cmocka_unit_test(special_addresses_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
