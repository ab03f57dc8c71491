/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds of DNS for the tests of this folder, and evaluations in them: at once, and asking. */
#pragma once

#include "../unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/spf/spf.h"

static const uint64_t test_seed[2] = {1, 2};

enum { WORLD_RECORDS_MAX = 32 };

/* One record of a world: "NAME TYPE DATA", or "NAME TIMEOUT". */
struct world_line {
	struct gp_slice name, type, data;
};

static inline struct world_line
read_line(struct gp_slice s)
{
	struct world_line l;
	l.name = gp_slice_cut(&s, ' ');
	l.type = gp_slice_cut(&s, ' ');
	l.data = s;
	return l;
}

static inline struct gp_dns_record
read_data(const struct world_line *l, uint16_t *ret_type, struct gp_arena *arena)
{
	static const struct {
		struct gp_slice name;
		uint16_t type;
	} types[] = {{{"TXT", 3}, GP_DNS_TXT},
		     {{"A", 1}, GP_DNS_A},
		     {{"AAAA", 4}, GP_DNS_AAAA},
		     {{"MX", 2}, GP_DNS_MX},
		     {{"PTR", 3}, GP_DNS_PTR}};
	struct gp_dns_record r = {.data = l->data, .name = l->data};
	size_t i = 0;
	while (!gp_slice_eq(types[i].name, l->type))
		assert_true(++i < GP_ARRAY_LEN(types));
	*ret_type = r.type = types[i].type;
	if (r.type == GP_DNS_A || r.type == GP_DNS_AAAA)
		assert_int_equal(inet_pton(r.type == GP_DNS_A ? AF_INET : AF_INET6,
					   gp_arena_str(arena, l->data), r.address),
				 1);
	return r;
}

/* Adds all records of the line's name and type, wherever they stand. */
static inline void
add_records(struct gp_answers *set, const struct world_line *lines, size_t len,
	    const struct world_line *l, struct gp_arena *arena)
{
	struct gp_dns_record records[WORLD_RECORDS_MAX];
	struct gp_dns_answer a = {
		.name = l->name, .canonical = l->name, .status = GP_DNS_OK, .records = records};
	for (size_t i = 0; i < len; i++) {
		if (gp_slice_eq(lines[i].name, l->name) && gp_slice_eq(lines[i].type, l->type))
			records[a.records_len++] = read_data(&lines[i], &a.type, arena);
	}
	assert_int_equal(gp_answers_add(set, &a), 0);
}

/* A closed world from lines with " | " between them. */
static inline struct gp_answers *
make_world(const char *text, struct gp_arena *arena)
{
	struct gp_answers *set = gp_answers_new_closed(arena, GP_ANSWERS_FILE_MAX, test_seed);
	struct gp_slice rest = gp_slice_str(text);
	struct world_line lines[WORLD_RECORDS_MAX];
	size_t len = 0;
	assert_non_null(set);
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_trim(gp_slice_cut(&rest, '|'));
		assert_true(len < WORLD_RECORDS_MAX);
		lines[len] = read_line(line);
		bool gone = gp_slice_eq(lines[len].type, GP_SLICE("TIMEOUT"));
		uint8_t status = gone ? GP_DNS_TIMEOUT : GP_DNS_OK;
		assert_int_equal(gp_answers_add_name(set, lines[len].name, status, false), 0);
		len += !gone;
	}
	for (size_t i = 0; i < len; i++)
		add_records(set, lines, len, &lines[i], arena);
	return set;
}

static inline struct gp_answers *
load_world(struct gp_slice json, struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(json, arena, test_seed, &set, &why);
	if (rc != 0)
		fail_msg("%.*s: %.*s", GP_SLICE_FMT(why), GP_SLICE_FMT(gp_slice_take(json, 500)));
	return set;
}

static inline void
set_client(struct gp_spf_query *q, struct gp_slice address)
{
	char text[64];
	assert_true(address.len < sizeof(text));
	memcpy(text, address.ptr, address.len);
	text[address.len] = '\0';
	q->address_len = strchr(text, ':') ? 16 : 4;
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, q->address), 1);
}

/* What asking came to. */
struct asking {
	size_t rounds;
	size_t questions;
};

/* Puts the world's answers to what is needed into the set. */
static inline void
answer_needs(const struct gp_spf_result *r, const struct gp_answers *world, struct gp_answers *set)
{
	struct gp_dns_answer answer;
	for (size_t i = 0; i < r->need_len; i++) {
		const struct gp_dns_question *q = &r->need[i];
		assert_false(gp_answers_find(set, q->name, q->type, &answer));
		assert_true(gp_answers_find(world, q->name, q->type, &answer));
		assert_int_equal(gp_answers_add(set, &answer), 0);
	}
}

/* As a driver does it: nothing is known at first. */
static inline struct asking
run_asking(const struct gp_spf_query *q, const struct gp_answers *world, struct gp_arena *arena,
	   struct gp_spf_result *ret)
{
	struct asking a = {0};
	struct gp_answers *set = gp_answers_new(arena, GP_ANSWERS_MAX, test_seed);
	int rc;
	assert_non_null(set);
	while ((rc = gp_spf_eval(q, set, arena, ret)) == GP_SPF_NEED) {
		assert_true(ret->need_len > 0);
		a.questions += ret->need_len;
		assert_true(a.questions <= GP_SPF_QUESTIONS_MAX);
		assert_true(++a.rounds <= GP_SPF_ROUNDS_MAX);
		answer_needs(ret, world, set);
	}
	assert_int_equal(rc, GP_SPF_DONE);
	gp_answers_free(set);
	return a;
}

/* Both ways, which must come to the same. */
static inline struct asking
run_both(const struct gp_spf_query *q, const struct gp_answers *world, struct gp_arena *arena,
	 struct gp_spf_result *ret)
{
	struct gp_spf_result asked;
	assert_int_equal(gp_spf_eval(q, world, arena, ret), GP_SPF_DONE);
	struct asking a = run_asking(q, world, arena, &asked);
	assert_int_equal(asked.verdict, ret->verdict);
	assert_int_equal(asked.lookups, ret->lookups);
	assert_int_equal(asked.void_lookups, ret->void_lookups);
	assert_true(gp_slice_eq(asked.reason, ret->reason));
	assert_true(gp_slice_eq(asked.explanation, ret->explanation));
	return a;
}
