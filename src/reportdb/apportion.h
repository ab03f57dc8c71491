/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The days of a report, and its messages shared out over them: by their seconds, the largest
 * remainders first, so that the parts' sum is the whole. What a count could not give to a day is
 * owed to it at the next one; so a thousand counts of one message come out in proportion too.
 */
#pragma once

#include "reportdb/reportdb.h"

struct gp_apportion {
	int64_t first_day, last_day;
	size_t days;
	int64_t seconds[GP_REPORTDB_DAYS_MAX];
	int64_t total; /* of these */
	/* What a day is owed, of messages times `total`; their sum is 0. */
	int64_t owed[GP_REPORTDB_DAYS_MAX];
};

/*
 * From its first to its last second. One that ends with the first second of a day, as many do,
 * has nothing of that day. False: it ends before it begins, or has too many days.
 */
[[nodiscard]] bool
gp_apportion_begin(struct gp_apportion *a, int64_t begin_s, int64_t end_s);

/* count: at most GP_INGEST_COUNT_MAX. Sets the first `days` parts. */
void
gp_apportion_count(struct gp_apportion *a, uint64_t count,
		   uint64_t ret_parts[GP_REPORTDB_DAYS_MAX]);

/* The day of a time, before 1970 too. */
int64_t
gp_apportion_day(int64_t time_s);
