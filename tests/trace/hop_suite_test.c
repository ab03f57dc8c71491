/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Received fields of many programs, with another project's reading of them. Where that project
 * takes the name of a HELO for one of the DNS, or leaves a part out on purpose, we differ; how many
 * agree is held here.
 */
#include "../suite.h"

#include <jansson.h>

#include "core/trace/hop.h"

enum { ARENA_MAX = 8 << 20 };

struct counts {
	size_t cases, address, by, helo, rdns, id, ident, sender, time;
};

static struct gp_slice
text_of(const json_t *c, const char *key)
{
	struct gp_slice s = gp_slice_str(json_string_value(json_object_get(c, key)));
	/* It has "!1.2.3.4!" for a literal. */
	while (s.len > 2 && (s.ptr[0] == '!' || s.ptr[0] == '?'))
		s = gp_slice_take(gp_slice_drop(s, 1), s.len - 2);
	return s;
}

static bool
agrees(const json_t *expect, const char *key, struct gp_slice got, const char *field)
{
	struct gp_slice want = text_of(expect, key);
	bool same = gp_slice_eq_nocase(want, got);
	if (!same)
		print_message("%s: '%.*s', there '%.*s': %s\n", key, GP_SLICE_FMT(got),
			      GP_SLICE_FMT(want), field);
	return same;
}

static void
judge(const json_t *c, struct gp_arena *arena, struct counts *n)
{
	const char *field = json_string_value(json_object_get(c, "received"));
	const json_t *expect = json_object_get(c, "expect");
	struct gp_hop hop;
	assert_non_null(field);
	assert_int_equal(gp_hop_parse(gp_slice_str(field), arena, &hop), 0);
	n->time += hop.when.known;
	assert_true(hop.understood);
	if (json_is_true(json_object_get(c, "skip")))
		return;
	n->cases++;
	n->address += agrees(expect, "ip", hop.address, field);
	n->by += agrees(expect, "by", hop.by, field);
	n->helo += agrees(expect, "helo", hop.helo, field);
	n->rdns += agrees(expect, "rdns", hop.rdns, field);
	n->id += agrees(expect, "id", hop.id, field);
	n->ident += agrees(expect, "ident", hop.ident, field);
	n->sender += agrees(expect, "envfrom", hop.sender, field);
}

static void
fields_of_many_programs(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("hdr-received-spamassassin/received.json", &arena);
	json_t *list = json_loadb(text.ptr, text.len, 0, NULL);
	struct counts n = {};
	size_t i;
	const json_t *c;
	(void)state;
	json_array_foreach(list, i, c) judge(c, &arena, &n);
	print_message("%zu of %zu fields compared: address %zu, by %zu, helo %zu, rdns %zu, id "
		      "%zu, ident %zu, sender %zu; %zu with a time\n",
		      n.cases, json_array_size(list), n.address, n.by, n.helo, n.rdns, n.id,
		      n.ident, n.sender, n.time);
	assert_true(n.cases > 70);
	assert_int_equal(n.address, n.cases);
	assert_int_equal(n.by, n.cases);
	assert_int_equal(n.rdns, n.cases);
	assert_int_equal(n.id, n.cases);
	assert_int_equal(n.ident, n.cases);
	assert_int_equal(n.sender, n.cases);
	assert_true(n.helo + 5 >= n.cases);
	gp_suite_tell("hdr-received-spamassassin", "fields", n.cases, json_array_size(list));
	json_decref(list);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_many_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
