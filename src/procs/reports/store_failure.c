/* SPDX-License-Identifier: Apache-2.0 */
/* Failure reports: how many there may be, what they say, and of how many messages. */
#include <errno.h>
#include <stdio.h>

#include "core/config/value.h"
#include "procs/reports/tables.h"

enum {
	HOUR_S = 3600,
	DAY_S = 24 * HOUR_S,
	/* Of a day's reports. */
	ORGANIZATION_PART = 10,
	NETWORK_PART = 20,
	SHARE_MIN = 5,
	NEWCOMERS_PART = 4,
	NETWORK_SIZE = 2 * 6 + 1,
};

static const struct gp_slice kind = {"failure", 7};

static uint64_t
before(uint64_t now_s, uint64_t by_s)
{
	return now_s - GP_MIN(now_s, by_s);
}

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

/* The same of an organization, or of a network; the other one is empty. */
static int
has_had(struct store *s, struct gp_slice organization, struct gp_slice network, uint64_t since_s,
	uint64_t max, bool *ret)
{
	const struct value v[] = {N(since_s), T(organization), T(network)};
	uint64_t len = 0;
	int r = *ret ? 0 : table_number(s, COUNT_SHARES, v, GP_ARRAY_LEN(v), &len);
	*ret |= len >= max;
	return GP_MIN(r, 0);
}

static struct gp_slice
write_network(struct gp_slice source, char ret[NETWORK_SIZE])
{
	uint8_t octets[16] = {};
	size_t kept = gp_ip_parse(source, octets) == 4 ? 3 : 6;
	for (size_t i = 0; i < kept; i++)
		snprintf(ret + 2 * i, 3, "%02x", octets[i]);
	return gp_slice(ret, 2 * kept);
}

/* Of a day, when all together have had less than all. */
static int
is_over_share(struct store *s, const struct gp_failrpt_incident *i, uint64_t day_s,
	      uint64_t per_day, bool *ret)
{
	char text[NETWORK_SIZE];
	const struct gp_slice none = GP_SLICE("");
	bool late = false;
	int r = is_full(s, none, day_s, per_day - per_day / NEWCOMERS_PART, &late);
	uint64_t organization = GP_MAX(per_day / ORGANIZATION_PART, (uint64_t)SHARE_MIN);
	uint64_t network = GP_MAX(per_day / NETWORK_PART, (uint64_t)SHARE_MIN);
	if (late)
		organization = network = 1;
	*ret = false;
	if (r == 0)
		r = has_had(s, i->organization, none, day_s, organization, ret);
	if (r == 0)
		r = has_had(s, none, write_network(i->source, text), day_s, network, ret);
	return r;
}

int
store_failure_room(struct store *s, const struct gp_failrpt_incident *i, uint64_t now_s,
		   const struct store_failure_limits *limits)
{
	struct gp_slice domain = i->policy_domain;
	uint64_t day_s = before(now_s, DAY_S);
	bool often = false, soon = false, all = false, share = false;
	int r = is_full(s, domain, before(now_s, HOUR_S), limits->per_hour, &often);
	/* Less than a second after the last one it would be the same report. */
	if (r == 0)
		r = is_full(s, domain, before(now_s, 1), 1, &soon);
	if (r == 0)
		r = is_full(s, GP_SLICE(""), day_s, limits->per_day, &all);
	if (r == 0 && !all)
		r = is_over_share(s, i, day_s, limits->per_day, &share);
	if (r < 0)
		return r;
	if (often || soon)
		return STORE_FAILURE_DOMAIN;
	return all ? STORE_FAILURE_ALL : share ? STORE_FAILURE_SHARE : STORE_FAILURE_KEPT;
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

static int
add_share(struct store *s, const struct gp_failrpt_incident *i, uint64_t now_s)
{
	char text[NETWORK_SIZE];
	int r = table_run(s, FORGET_SHARES, N(before(now_s, DAY_S)));
	return r == 0 ? table_run(s, ADD_SHARE, N(now_s), T(i->organization),
				  T(write_network(i->source, text)))
		      : r;
}

int
store_add_failure(struct store *s, const struct gp_failrpt_incident *i, uint64_t now_s,
		  uint64_t due_s, const struct gp_failrpt_texts *texts)
{
	int r = table_begin(s);
	if (r == 0)
		r = table_run(s, ADD_REPORT, T(kind), N(now_s), T(i->policy_domain), N(due_s));
	if (r == 0)
		r = add_share(s, i, now_s);
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
