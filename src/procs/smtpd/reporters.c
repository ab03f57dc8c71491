/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/smtpd/reporters.h"

#include <errno.h>
#include <string.h>

#include "procs/limits/reporter.h"
#include "procs/smtpd/session.h"
#include "procs/tell/tell.h"
#include "sys/clock.h"
#include "sys/log.h"

enum { ROUTE_ARENA_MAX = 64 * 1024 };

static struct rate *days;

int
reporters_start(const uint64_t seed[2])
{
	days = rate_new(seed);
	return days ? 0 : -ENOMEM;
}

static bool
is_for_reports(const struct session *s)
{
	struct gp_arena arena = GP_ARENA_INIT(ROUTE_ARENA_MAX);
	bool found = false;
	for (size_t i = 0; i < s->targets.len && !found; i++) {
		struct gp_route route;
		struct gp_reply why;
		gp_arena_reset(&arena);
		/* Whoever cannot be routed has no reports. */
		found = gp_policy_route(smtpd.policy, s->targets.items[i].address, &arena, &route,
					&why) == 0 &&
			route.transport == GP_TRANSPORT_REPORTS;
	}
	gp_arena_free(&arena);
	return found;
}

/* This worker's part of what all take: the kernel spreads connections evenly. */
static uint64_t
part(uint64_t all)
{
	uint64_t workers = GP_MAX(smtpd.env->workers, 1u);
	return (all + workers - 1) / workers;
}

static void
tell(const struct reporter *from, uint64_t octets)
{
	struct reporter_name name = reporter_name(from);
	struct gp_message m = {.type = GP_MSG_REPORT_OVER_LIMIT, .fd = -1};
	m.report_over_limit.reporter = gp_slice_str(name.s);
	m.report_over_limit.octets = octets;
	tell_reports(&m);
}

struct gp_reply
reporters_take(struct session *s)
{
	const struct gp_config *cfg = smtpd.env->config;
	if (!s->checks || !is_for_reports(s))
		return (struct gp_reply){};
	const struct reporter_limits limits = {part(cfg->reports.received_per_day),
					       part(cfg->reports.received_size_per_day)};
	struct reporter from = {.domain = checks_passed(s->checks),
				.address_len = s->client.address_len};
	memcpy(from.address, s->client.address, sizeof(from.address));
	if (reporter_may(days, &from, &limits, body_size(&s->body), gp_clock_monotonic_ms()))
		return (struct gp_reply){};
	gp_warning("reporter_over_limit", GP_FS("client", s->client_text.s),
		   GP_F("domain", from.domain));
	tell(&from, body_size(&s->body));
	return GP_REPLY(451, 4, 7, 1, "Too many reports in a day, come again later");
}
