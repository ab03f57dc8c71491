/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pace.h"

static const double BURST_S = 0.25;

static double
burst(const struct gp_pace *p)
{
	return GP_MAX(p->per_s * BURST_S, 1.0);
}

struct gp_pace
gp_pace(double per_s, uint64_t now_ms)
{
	struct gp_pace p = {.per_s = per_s, .at_ms = now_ms};
	p.tokens = burst(&p);
	return p;
}

bool
gp_pace_take(struct gp_pace *p, uint64_t now_ms)
{
	if (p->per_s <= 0)
		return true;
	double earned = (double)(now_ms - p->at_ms) * p->per_s / 1000;
	p->tokens = GP_MIN(p->tokens + earned, burst(p));
	p->at_ms = now_ms;
	if (p->tokens < 1)
		return false;
	p->tokens--;
	return true;
}

uint64_t
gp_pace_wait_ms(const struct gp_pace *p)
{
	return (uint64_t)((1 - p->tokens) * 1000 / p->per_s) + 1;
}
