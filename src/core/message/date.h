/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates as RFC 5322 section 3.3 writes them, "Sun, 22 Nov 2026 02:46:47 +0000", and as RFC 3339
 * section 5.6 does, "2026-11-22T02:46:47Z". We write UTC only.
 */
#pragma once

enum { GP_DATE_LEN = 31 };

struct gp_date_text {
	char s[GP_DATE_LEN + 1];
};

/* epoch_s: seconds since 1970, UTC. What is behind the year 9999 comes out as its last second. */
struct gp_date_text
gp_date_text(uint64_t epoch_s);

/* The same as RFC 3339 has it. */
struct gp_date_text
gp_date_stamp(uint64_t epoch_s);
