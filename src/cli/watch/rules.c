/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/rules.h"

#include "core/ingest/report.h"

enum {
	HUNDRED = 100,
	SILENT_TIMES = 2,       /* the longest pause */
	SILENT_REPORT_DAYS = 5, /* with reports, that make a past */
	REPORTER_REPORTS = 10,  /* likewise */
	REPORTER_EXPECTED = 5,  /* reports: by chance none of them comes once in 150 times */
	DEVIATIONS = 3,
	TLS_TIMES = 3,
	POLICY_REPORTS = 2,
};

static const char *const kinds[WATCH_KINDS] = {
	[WATCH_SILENCE] = "silence", [WATCH_ALIGNMENT] = "alignment", [WATCH_TLS] = "tls",
	[WATCH_POLICY] = "policy",   [WATCH_REPORTER] = "reporter",   [WATCH_SOURCE] = "source",
};

const char *
watch_kind_name(uint8_t kind)
{
	gp_assert(kind > 0 && kind < WATCH_KINDS);
	return kinds[kind];
}

uint8_t
watch_kind_of(struct gp_slice name)
{
	for (uint8_t k = 1; k < WATCH_KINDS; k++) {
		if (gp_slice_eq(name, gp_slice_str(kinds[k])))
			return k;
	}
	return 0;
}

/* --- shares --- */

/* Messages of a source come in bursts, so days differ by more than chance alone makes of them: by
   how much, the past shows. */
static const double worst_times = 1.5;

/* A fall of ten points is one of ten, whatever its fractions are in binary. */
static const double rounding = 1e-9;

/* Messages are at most 10^12 a report, and doubles are exact far beyond that. */
static double
share(struct watch_share s)
{
	return s.whole > 0 ? (double)s.part / (double)s.whole : 0;
}

/* Would chance make less of so many messages align, of which that share does? */
static bool
is_beyond_chance(double was, struct watch_share now)
{
	double fall = was - share(now);
	double variance = was * (1 - was) / (double)now.whole;
	return fall * fall > DEVIATIONS * DEVIATIONS * variance;
}

/* --- the rules --- */

static bool
fell(const struct watch_reading *r, const struct watch_limits *limits)
{
	double was = share(r->past), fall = was - share(r->now);
	/* Of a source that never aligned, there is nothing to lose. */
	if (r->object.len > 0 && was < 0.5)
		return false;
	bool usual = r->worst.whole > 0 && fall < worst_times * (was - share(r->worst));
	return r->now.whole >= limits->messages && r->past.whole >= limits->messages && !usual &&
	       fall * HUNDRED + rounding >= (double)limits->points && is_beyond_chance(was, r->now);
}

static bool
fails(const struct watch_reading *r, const struct watch_limits *limits)
{
	return r->now.part >= limits->sessions &&
	       share(r->now) + rounding >= TLS_TIMES * share(r->past);
}

bool
watch_fires(const struct watch_reading *r, const struct watch_limits *limits)
{
	uint64_t silent = r->now.part;
	switch (r->kind) {
	case WATCH_SILENCE:
		return silent >= WATCH_SILENT_DAYS && silent > SILENT_TIMES * r->past.part &&
		       r->past.whole >= SILENT_REPORT_DAYS;
	case WATCH_REPORTER:
		return silent >= WATCH_SILENT_DAYS && r->past.part >= REPORTER_REPORTS &&
		       r->past.part * silent >= REPORTER_EXPECTED * r->past.whole;
	case WATCH_ALIGNMENT:
		return fell(r, limits);
	case WATCH_TLS:
		return fails(r, limits);
	case WATCH_POLICY:
		return r->now.part >= POLICY_REPORTS;
	default:
		return r->now.whole >= limits->source;
	}
}

bool
watch_holds(const struct watch_reading *r, const struct watch_known *known,
	    const struct watch_limits *limits)
{
	switch (r->kind) {
	case WATCH_SILENCE:
	case WATCH_REPORTER:
		return r->day <= known->day;
	case WATCH_ALIGNMENT:
		return r->now.whole < limits->messages ||
		       2 * share(r->now) < share(known->past) + share(known->now);
	case WATCH_TLS:
		/* Where no session is reported nothing was shown to work. */
		return r->now.whole == 0 || (2 * r->now.part >= limits->sessions &&
					     2 * share(r->now) >= TLS_TIMES * share(known->past));
	default:
		return true;
	}
}

/* --- readings --- */

bool
watch_pause(const int64_t *days, size_t len, int64_t until_day, struct watch_reading *ret)
{
	if (len == 0)
		return false;
	int64_t last = days[len - 1], longest = 0;
	uint64_t with_reports = 1;
	for (size_t i = len - 1; i > 0 && last - days[i - 1] < WATCH_PAST_DAYS; i--) {
		longest = GP_MAX(longest, days[i] - days[i - 1] - 1);
		with_reports++;
	}
	ret->day = last;
	ret->now.part = (uint64_t)GP_MAX(until_day - last, INT64_C(0));
	ret->past = (struct watch_share){(uint64_t)longest, with_reports};
	return true;
}

struct watch_share
watch_worst(const struct watch_day *days, size_t len, uint64_t messages)
{
	struct watch_share worst = {};
	for (size_t i = 0; i < len; i++) {
		struct watch_share sum = {};
		for (size_t k = i; k < len && days[k].day - days[i].day < WATCH_NOW_DAYS; k++) {
			sum.part += days[k].share.part;
			sum.whole += days[k].share.whole;
		}
		if (sum.whole >= messages && (worst.whole == 0 || share(sum) < share(worst)))
			worst = sum;
	}
	return worst;
}

static uint8_t
policy_of_subdomains(const struct watch_policy *a)
{
	return a->sp == GP_INGEST_POLICY_ABSENT ? a->p : a->sp;
}

bool
watch_policy_same(const struct watch_policy *a, const struct watch_policy *b)
{
	bool np = a->np == b->np || a->np == GP_INGEST_POLICY_ABSENT ||
		  b->np == GP_INGEST_POLICY_ABSENT;
	bool pct = a->pct == b->pct || a->pct < 0 || b->pct < 0;
	return a->p == b->p && policy_of_subdomains(a) == policy_of_subdomains(b) && np && pct &&
	       a->adkim_strict == b->adkim_strict && a->aspf_strict == b->aspf_strict &&
	       a->testing == b->testing;
}

ptrdiff_t
watch_policy_before(const struct watch_policy *list, size_t len, size_t i, int64_t fresh_day)
{
	ptrdiff_t before = -1;
	if (list[i].first_day < fresh_day)
		return -1;
	for (size_t k = 0; k < len; k++) {
		if (list[k].first_day >= list[i].first_day)
			continue;
		if (watch_policy_same(&list[k], &list[i]))
			return -1;
		if (before < 0 || list[k].last_day > list[before].last_day)
			before = (ptrdiff_t)k;
	}
	return before;
}
