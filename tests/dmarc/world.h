/* SPDX-License-Identifier: Apache-2.0 */
/* Worlds of DNS for the tests of this folder, and a driver that asks them round by round. */
#pragma once

#include "../unit.h"

#include "core/dmarc/walk.h"

static const uint64_t test_seed[2] = {1, 2};

/* A DMARC record at a name, behind its version. */
#define REC(name, tags) "\"_dmarc." name "\": {\"TXT\": [\"v=DMARC1; " tags "\"]}"

static inline struct gp_answers *
load_world(const char *dns, struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(dns), arena, test_seed, &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", dns, GP_SLICE_FMT(why));
	return set;
}

/* Puts the world's answers to what is needed into the set; each must be news. */
static inline void
answer_needs(const struct gp_answers *world, const struct gp_dns_question *need, size_t len,
	     struct gp_answers *set)
{
	struct gp_dns_answer answer;
	assert_true(len > 0);
	for (size_t i = 0; i < len; i++) {
		assert_false(gp_answers_find(set, need[i].name, need[i].type, &answer));
		assert_true(gp_answers_find(world, need[i].name, need[i].type, &answer));
		assert_int_equal(gp_answers_add(set, &answer), 0);
	}
}
