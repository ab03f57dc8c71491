/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines: the client, HELO, the sender, then a JSON world of answers. It is evaluated with all of
 * that at hand, and by asking: both must come to the same, within the limits.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "core/spf/spf.h"

enum { ARENA_MAX = 16 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t seed[2] = {1, 2};

static bool
is_clean(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	}
	return true;
}

static void
check_result(const struct gp_spf_result *r)
{
	gp_assert(r->reason.len > 0 && r->reason.len <= GP_SPF_LINE_MAX && is_clean(r->reason));
	gp_assert(is_clean(r->mechanism));
	gp_assert(r->explanation.len <= GP_SPF_EXPLANATION_MAX && is_clean(r->explanation));
	gp_assert(r->explanation.len == 0 || r->verdict == GP_SPF_FAIL);
	gp_assert(r->lookups <= GP_SPF_LOOKUPS_MAX + 1);
	gp_assert(r->void_lookups <= GP_SPF_VOID_MAX + 1);
	gp_assert(r->trail_len <= GP_SPF_TRAIL_MAX);
	for (size_t i = 0; i < r->trail_len; i++)
		gp_assert(r->trail[i].len <= GP_SPF_LINE_MAX && is_clean(r->trail[i]));
}

/* Puts the world's answers into the set. False: no memory. */
static bool
learn(const struct gp_spf_result *r, const struct gp_answers *world, struct gp_answers *set)
{
	struct gp_dns_answer a;
	for (size_t i = 0; i < r->need_len; i++) {
		const struct gp_dns_question *q = &r->need[i];
		gp_assert(!gp_answers_find(set, q->name, q->type, &a));
		gp_assert(gp_answers_find(world, q->name, q->type, &a));
		if (gp_answers_add(set, &a) != 0)
			return false;
	}
	return true;
}

static void
run_asking(const struct gp_spf_query *q, const struct gp_answers *world, uint8_t verdict)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *set = gp_answers_new(&arena, GP_ANSWERS_MAX, seed);
	struct gp_spf_result r;
	size_t rounds = 0, questions = 0;
	int rc;
	while ((rc = gp_spf_eval(q, set, &arena, &r)) == GP_SPF_NEED) {
		questions += r.need_len;
		gp_assert(r.need_len > 0 && questions <= GP_SPF_QUESTIONS_MAX);
		gp_assert(++rounds <= GP_SPF_ROUNDS_MAX);
		if (!learn(&r, world, set))
			break;
	}
	gp_assert(rc != GP_SPF_DONE || r.verdict == verdict);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

static bool
read_client(struct gp_slice text, struct gp_arena *arena, struct gp_spf_query *q)
{
	const char *s = gp_arena_str(arena, text);
	q->address_len = gp_slice_find(text, ':') >= 0 ? 16 : 4;
	return s && inet_pton(q->address_len == 16 ? AF_INET6 : AF_INET, s, q->address) == 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = NULL;
	struct gp_spf_query q = {.explain = true, .trail = true, .receiver = GP_SLICE("us.test")};
	struct gp_spf_result r;
	struct gp_slice rest = gp_slice((const char *)data, size), why;
	struct gp_slice client = gp_slice_cut(&rest, '\n');
	q.helo = gp_slice_cut(&rest, '\n');
	q.sender = gp_slice_cut(&rest, '\n');
	if (read_client(client, &arena, &q) &&
	    gp_answers_from_json(rest, &arena, seed, &world, &why) == 0) {
		int rc = gp_spf_eval(&q, world, &arena, &r);
		gp_assert(rc == GP_SPF_DONE || rc == -ENOMEM);
		if (rc == GP_SPF_DONE) {
			check_result(&r);
			run_asking(&q, world, r.verdict);
		}
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
	return 0;
}
