/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/apportion.h"

enum { DAY_S = 24 * 3600 };

int64_t
gp_apportion_day(int64_t time_s)
{
	return time_s / DAY_S - (time_s % DAY_S < 0);
}

bool
gp_apportion_begin(struct gp_apportion *a, int64_t begin_s, int64_t end_s)
{
	*a = (struct gp_apportion){.first_day = gp_apportion_day(begin_s)};
	/* Sums of what is far away would not fit. */
	if (begin_s < 0 || end_s < begin_s || end_s - begin_s > GP_REPORTDB_DAYS_MAX * DAY_S)
		return false;
	if (end_s > begin_s && end_s % DAY_S == 0)
		end_s--;
	a->last_day = gp_apportion_day(end_s);
	a->days = (size_t)(a->last_day - a->first_day) + 1;
	if (a->days > GP_REPORTDB_DAYS_MAX)
		return false;
	for (size_t i = 0; i < a->days; i++) {
		int64_t start = (a->first_day + (int64_t)i) * DAY_S;
		a->seconds[i] = GP_MIN(end_s + 1, start + DAY_S) - GP_MAX(begin_s, start);
		a->total += a->seconds[i];
	}
	return true;
}

/* The day that is owed most; or, of those with a part, least. */
static size_t
extreme(const struct gp_apportion *a, const uint64_t *parts, bool least)
{
	size_t found = a->days;
	for (size_t i = 0; i < a->days; i++) {
		if (least && parts[i] == 0)
			continue;
		if (found == a->days ||
		    (least ? a->owed[i] < a->owed[found] : a->owed[i] > a->owed[found]))
			found = i;
	}
	gp_assert(found < a->days);
	return found;
}

void
gp_apportion_count(struct gp_apportion *a, uint64_t count, uint64_t ret_parts[GP_REPORTDB_DAYS_MAX])
{
	gp_assert(count <= GP_INGEST_COUNT_MAX && a->days > 0);
	int64_t left = (int64_t)count;
	if (a->days == 1) {
		ret_parts[0] = count;
		return;
	}
	for (size_t i = 0; i < a->days; i++) {
		a->owed[i] += (int64_t)count * a->seconds[i];
		int64_t whole = a->owed[i] > 0 ? a->owed[i] / a->total : 0;
		ret_parts[i] = (uint64_t)whole;
		a->owed[i] -= whole * a->total;
		left -= whole;
	}
	/* Either ends after as many turns as there are days, at most. */
	for (; left > 0; left--) {
		size_t i = extreme(a, ret_parts, false);
		ret_parts[i]++;
		a->owed[i] -= a->total;
	}
	for (; left < 0; left++) {
		size_t i = extreme(a, ret_parts, true);
		ret_parts[i]--;
		a->owed[i] += a->total;
	}
}
