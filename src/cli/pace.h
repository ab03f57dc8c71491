/* SPDX-License-Identifier: Apache-2.0 */
/*
 * So many a second, and no burst larger than what a quarter of a second allows. Without clock:
 * times are the caller's, in monotonic milliseconds.
 */
#pragma once

#include <stdint.h>

struct gp_pace {
	double per_s;   /* 0: no limit */
	double tokens;  /* of those that may go now; below 1: none */
	uint64_t at_ms; /* when that was so */
};

/* A first burst may be taken at once. */
struct gp_pace
gp_pace(double per_s, uint64_t now_ms);

/* Takes one. False: not now. */
bool
gp_pace_take(struct gp_pace *p, uint64_t now_ms);

/* Milliseconds until the next one may go, after gp_pace_take() said no: at least 1. */
uint64_t
gp_pace_wait_ms(const struct gp_pace *p);
