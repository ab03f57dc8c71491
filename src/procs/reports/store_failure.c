/* SPDX-License-Identifier: Apache-2.0 */
/* Failure reports: how many there may be, what they say, and of how many messages. */
#include <errno.h>

#include "procs/reports/tables.h"

enum {
	HOUR_S = 3600,
	DAY_S = 24 * HOUR_S,
};

static const struct gp_slice kind = {"failure", 7};

/* Are there so many already? The empty domain stands for all. */
static int
is_full(struct store *s, struct gp_slice domain, uint64_t since_s, uint64_t max, bool *ret)
{
	const struct value v[] = {T(kind), N(since_s), T(domain)};
	uint64_t len = 0;
	int r = table_number(s, COUNT_REPORTS, v, GP_ARRAY_LEN(v), &len);
	*ret = len >= max;
	return GP_MIN(r, 0);
}

int
store_failure_room(struct store *s, struct gp_slice domain, uint64_t now_s,
		   const struct store_failure_limits *limits)
{
	uint64_t hour_s = now_s > HOUR_S ? now_s - HOUR_S : 0;
	uint64_t day_s = now_s > DAY_S ? now_s - DAY_S : 0;
	/* Less than a second after the last one it would be the same report. */
	uint64_t second_s = now_s > 0 ? now_s - 1 : 0;
	bool often = false, soon = false, all = false;
	int r = is_full(s, domain, hour_s, limits->per_hour, &often);
	if (r == 0)
		r = is_full(s, domain, second_s, 1, &soon);
	if (r == 0)
		r = is_full(s, GP_SLICE(""), day_s, limits->per_day, &all);
	if (r < 0)
		return r;
	if (often || soon)
		return STORE_FAILURE_DOMAIN;
	return all ? STORE_FAILURE_ALL : STORE_FAILURE_KEPT;
}

int
store_merge_failure(struct store *s, const struct gp_failrpt_incident *i)
{
	int r = table_begin(s);
	if (r == 0)
		r = table_run(s, MERGE_FAILURE, T(i->policy_domain), T(i->source), N(i->cause));
	if (r == 1)
		table_done(s, MERGE_FAILURE);
	return r;
}

int
store_add_failure(struct store *s, const struct gp_failrpt_incident *i, uint64_t now_s,
		  uint64_t due_s, const struct gp_failrpt_texts *texts)
{
	int r = table_begin(s);
	if (r == 0)
		r = table_run(s, ADD_REPORT, T(kind), N(now_s), T(i->policy_domain), N(due_s));
	if (r == 0)
		r = table_run(s, ADD_FAILURE_TEXTS, T(kind), N(now_s), T(i->policy_domain),
			      T(i->source), N(i->cause), T(texts->feedback), T(texts->header),
			      N(texts->redacted), N(texts->incidents));
	return r;
}

int
store_read_failure(struct store *s, const struct store_report *report, struct gp_arena *arena,
		   struct gp_failrpt_texts *ret)
{
	int r = table_run(s, READ_FAILURE_TEXTS, N(report->id));
	if (r != 1)
		return r < 0 ? r : -EIO;
	*ret = (struct gp_failrpt_texts){
		.feedback = gp_arena_dup(arena, table_text_at(s, READ_FAILURE_TEXTS, 0)),
		.header = gp_arena_dup(arena, table_text_at(s, READ_FAILURE_TEXTS, 1)),
		.redacted = table_number_at(s, READ_FAILURE_TEXTS, 2) > 0,
		.incidents = (uint32_t)table_number_at(s, READ_FAILURE_TEXTS, 3),
	};
	table_done(s, READ_FAILURE_TEXTS);
	return arena->failed ? -ENOMEM : 0;
}
