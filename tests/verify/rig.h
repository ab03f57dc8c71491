/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: a verification that is driven through a whole message, in a
 * world of names. */
#pragma once

#include "../dkim/signer.h"

#include "core/verify/results.h"

enum way {
	WAY_AT_ONCE, /* each answer comes before anything else */
	WAY_ONE,     /* the message in pieces of one octet, an answer behind each */
	WAY_LAST,    /* no answer before the end, the last question first */
	WAYS,
};

struct drive {
	struct gp_arena arena;
	struct gp_answers *world; /* closed */
	struct gp_verify_query query;
	struct gp_verify *v;
	const struct gp_dns_question *open[GP_VERIFY_QUESTIONS_MAX];
	size_t open_len, asked_len;
	int outcome;
};

static inline void
drive_open(struct drive *d, const char *zone)
{
	struct gp_slice why;
	*d = (struct drive){.arena = GP_ARENA_INIT(64 << 20)};
	d->query = (struct gp_verify_query){
		.address = {192, 0, 2, 1},
		.address_len = 4,
		.dmarc = true,
		.helo = GP_SLICE("helo.test"),
		.sender = GP_SLICE("me@sender.test"),
		.receiver = GP_SLICE("mx.test"),
		.now_s = RIG_NOW_S,
	};
	int rc = gp_answers_from_json(gp_slice_str(zone), &d->arena, rig_seed, &d->world, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", zone, GP_SLICE_FMT(why));
}

static inline void
drive_close(struct drive *d)
{
	d->v = gp_verify_free(d->v);
	gp_answers_free(d->world);
	gp_arena_free(&d->arena);
}

static inline void
drive_run(struct drive *d)
{
	struct gp_verify_need need;
	d->outcome = gp_verify_run(d->v, &need);
	assert_true(need.len == 0 || d->outcome == GP_VERIFY_WAITS);
	d->asked_len += need.len;
	assert_true(d->asked_len <= GP_VERIFY_QUESTIONS_MAX);
	for (size_t i = 0; i < need.len; i++)
		d->open[d->open_len++] = &need.questions[i];
}

/* One answer; false: nothing is asked. */
static inline bool
drive_answer(struct drive *d)
{
	struct gp_dns_answer answer;
	if (d->open_len == 0)
		return false;
	const struct gp_dns_question *q = d->open[--d->open_len];
	assert_true(gp_answers_find(d->world, q->name, q->type, &answer));
	gp_verify_answer(d->v, &answer);
	drive_run(d);
	return true;
}

static inline void
drive_begin(struct drive *d)
{
	d->v = gp_verify_free(d->v);
	d->open_len = d->asked_len = 0;
	d->v = gp_verify_new(&d->query, rig_seed);
	assert_non_null(d->v);
	drive_run(d);
}

/* The whole message, and all answers. */
static inline void
drive_through(struct drive *d, struct gp_slice message, enum way way)
{
	size_t step = way == WAY_ONE ? 1 : 1000;
	drive_begin(d);
	for (; message.len > 0; message = gp_slice_drop(message, step)) {
		while (way == WAY_AT_ONCE && drive_answer(d))
			continue;
		if (way == WAY_ONE)
			drive_answer(d);
		if (gp_verify_feed(d->v, gp_slice_take(message, step)))
			drive_run(d);
	}
	gp_verify_end(d->v);
	drive_run(d);
	while (drive_answer(d))
		continue;
}

/* "spf=pass dkim=none dmarc=fail" */
static inline struct gp_slice
drive_show(struct drive *d)
{
	struct gp_slice out = GP_SLICE("");
	struct gp_authres results;
	struct gp_verify_facts facts = gp_verify_facts(d->v);
	assert_int_equal(
		gp_verify_results(&d->query, &facts, GP_SLICE("mx.test"), &d->arena, &results), 0);
	for (size_t i = 0; i < results.results_len; i++) {
		const struct gp_authres_result *r = &results.results[i];
		out = gp_arena_printf(&d->arena, "%.*s%s%.*s=%.*s", GP_SLICE_FMT(out), i ? " " : "",
				      GP_SLICE_FMT(r->method), GP_SLICE_FMT(r->result));
	}
	return out;
}
