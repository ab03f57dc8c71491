/* SPDX-License-Identifier: Apache-2.0 */
#include "base/day.h"

/* The year is taken to begin in March, so that a leap day is its last; an era has 400 years, whose
 * days are always as many. */
enum { ERA_DAYS = 146097, BEFORE_1970 = 719468 };

static int64_t
day_of(int64_t year, int64_t month, int64_t of_month)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + of_month - 1;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - BEFORE_1970;
}

static int64_t
days_of_month(int64_t year, int64_t month)
{
	return month == 12 ? 31 : day_of(year, month + 1, 1) - day_of(year, month, 1);
}

bool
gp_day_parse(struct gp_slice text, int64_t *ret)
{
	uint64_t year, month, of_month;
	bool form = text.len == 10 && text.ptr[4] == '-' && text.ptr[7] == '-';
	if (!form || !gp_slice_u64(gp_slice_take(text, 4), 9999, &year) || year < 1970 ||
	    !gp_slice_u64(gp_slice_take(gp_slice_drop(text, 5), 2), 12, &month) || month == 0 ||
	    !gp_slice_u64(gp_slice_drop(text, 8), 31, &of_month) || of_month == 0 ||
	    (int64_t)of_month > days_of_month((int64_t)year, (int64_t)month))
		return false;
	*ret = day_of((int64_t)year, (int64_t)month, (int64_t)of_month);
	return true;
}

void
gp_day_write(struct gp_buf *out, int64_t day)
{
	gp_assert(day >= 0 && day <= GP_DAY_MAX);
	int64_t since = day + BEFORE_1970, era = since / ERA_DAYS, of_era = since % ERA_DAYS;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * of_year + 2) / 153, of_month = of_year - (153 * march + 2) / 5 + 1;
	int64_t month = march < 10 ? march + 3 : march - 9;
	gp_buf_printf(out, "%04d-%02d-%02d", (int)(era * 400 + year + (month <= 2)), (int)month,
		      (int)of_month);
}
