/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/date.h"

#include <stdio.h>

static const uint64_t last_second = 253402300799; /* 9999-12-31 23:59:59 */

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool
is_leap(uint32_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t
month_days(uint32_t year, uint32_t month)
{
	static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return lengths[month] + (month == 1 && is_leap(year) ? 1U : 0U);
}

/* The calendar repeats every 400 years, which begin with 1970 as well as with any other. */
static uint32_t
take_years(uint32_t *day)
{
	enum { CYCLE_YEARS = 400, CYCLE_DAYS = 146097 };
	uint32_t year = 1970 + *day / CYCLE_DAYS * CYCLE_YEARS;
	*day %= CYCLE_DAYS;
	for (uint32_t len; *day >= (len = is_leap(year) ? 366 : 365); year++)
		*day -= len;
	return year;
}

struct calendar {
	uint32_t year, month, day; /* month and day from 0 */
	uint32_t weekday;          /* from Sunday */
	uint32_t second;           /* of the day */
};

static struct calendar
make_calendar(uint64_t epoch_s)
{
	epoch_s = GP_MIN(epoch_s, last_second);
	struct calendar c = {.day = (uint32_t)(epoch_s / 86400),
			     .second = (uint32_t)(epoch_s % 86400)};
	c.weekday = (c.day + 4) % 7; /* 1 January 1970 was a Thursday */
	c.year = take_years(&c.day);
	for (; c.day >= month_days(c.year, c.month); c.month++)
		c.day -= month_days(c.year, c.month);
	return c;
}

struct gp_date_text
gp_date_text(uint64_t epoch_s)
{
	struct gp_date_text text = {};
	struct calendar c = make_calendar(epoch_s);
	int n = snprintf(text.s, sizeof(text.s), "%s, %u %s %u %02u:%02u:%02u +0000",
			 days[c.weekday], c.day + 1, months[c.month], c.year, c.second / 3600,
			 c.second / 60 % 60, c.second % 60);
	gp_assert(n > 0 && n <= GP_DATE_LEN);
	return text;
}

struct gp_date_text
gp_date_stamp(uint64_t epoch_s)
{
	struct gp_date_text text = {};
	struct calendar c = make_calendar(epoch_s);
	int n = snprintf(text.s, sizeof(text.s), "%04u-%02u-%02uT%02u:%02u:%02uZ", c.year,
			 c.month + 1, c.day + 1, c.second / 3600, c.second / 60 % 60,
			 c.second % 60);
	gp_assert(n > 0 && n <= GP_DATE_LEN);
	return text;
}
