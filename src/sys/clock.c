/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/clock.h"

#include <time.h>

static uint64_t
now_us(clockid_t clock)
{
	struct timespec ts;
	int r = clock_gettime(clock, &ts);
	gp_assert(r == 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
gp_clock_monotonic_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t
gp_clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

uint64_t
gp_clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}
