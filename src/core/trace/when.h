/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as mail has them, read tolerantly: RFC 5322 section 3.3, the obsolete forms of its section
 * 4.3, and what the field writes besides: asctime's order, RFC 3339, hyphens, missing seconds, a
 * zone that touches the time, stands in a comment or is missing, and Go's "m=+0.1" behind it.
 */
#pragma once

#include "base/slice.h"

/* What is odd about a time that could be read. */
enum gp_when_odd {
	GP_WHEN_NO_ZONE = 1,     /* none was written: taken for UTC */
	GP_WHEN_ODD_ZONE = 2,    /* unknown, or over 14 hours: taken for UTC (section 4.3) */
	GP_WHEN_SHORT_YEAR = 4,  /* two or three digits (section 4.3) */
	GP_WHEN_NO_SECONDS = 8,  /* which is allowed */
	GP_WHEN_OTHER_FORM = 16, /* none of RFC 5322's */
	GP_WHEN_GO = 32,         /* a program printed its clock, as "m=+0.1" tells */
};

struct gp_when {
	bool known;       /* 1970 to 9999, and a day that exists; else only `len` counts */
	uint8_t odd;      /* enum gp_when_odd, or'ed */
	int16_t zone_min; /* minutes east of UTC, as written */
	int64_t epoch_s;  /* seconds since 1970, UTC */
	size_t len;       /* octets read; what follows is somebody else's */
};

/* Reads a time from the front of s, spaces and comments before and in it included. */
struct gp_when
gp_when_parse(struct gp_slice s);
