/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single messages that a domain is told of at once (RFC 9991): how many, and what of them is kept.
 *
 * Everybody can send mail that fails, in any name and as much as he likes, and each report is a
 * mail to somebody. So a domain is told of a few in an hour, and all domains together of some in a
 * day; what is beyond is counted in the log, and in the daily report where the domain wants one.
 */
#include <errno.h>

#include "core/failrpt/redact.h"
#include "procs/reports/reports.h"
#include "sys/log.h"

enum {
	ARENA_MAX = 8 * GP_FAILRPT_HEADER_MAX, /* a header's fields, and each unfolded */
	TELL_S = 60,                           /* between two lines of the log */
};

static struct {
	uint64_t left_out; /* since the log heard of them */
	uint64_t told_s;
} self;

int
failures_prepare(void)
{
	struct gp_buf none = GP_BUF_INIT(GP_REDACT_TOKEN_LEN);
	gp_redact_token(&none, GP_SLICE("x"), GP_SLICE("x"));
	int r = none.failed ? -ENOMEM : 0;
	gp_buf_free(&none);
	return r;
}

void
failures_tell_left_out(uint64_t now_s)
{
	/* The clock may have been set back. */
	if (self.left_out == 0 || (now_s >= self.told_s && now_s - self.told_s < TELL_S))
		return;
	gp_warning("failures_left_out", GP_FN("messages", self.left_out));
	self.left_out = 0;
	self.told_s = now_s;
}

static void
leave_out(const struct gp_failrpt_incident *i, int why, uint64_t now_s)
{
	gp_debug("failure_left_out", GP_F("domain", i->policy_domain),
		 GP_FS("limit",
		       why == STORE_FAILURE_DOMAIN ? "failure_per_hour" : "failure_per_day"));
	self.left_out++;
	failures_tell_left_out(now_s);
}

static int
keep(const struct gp_failrpt_incident *i, uint64_t now_s)
{
	const struct gp_config *cfg = reports.env->config;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf feedback = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	struct gp_buf header = GP_BUF_INIT(GP_FAILRPT_FIELDS_MAX);
	struct gp_slice key =
		cfg->reports.failure_redact ? store_redaction(reports.store) : GP_SLICE("");
	gp_failrpt_write_feedback(i, key, cfg->hostname, &feedback);
	int r = gp_redact_header(&header, key, i->header, &arena);
	if (feedback.failed)
		r = -ENOMEM;
	const struct gp_failrpt_texts texts = {gp_buf_slice(&feedback), gp_buf_slice(&header),
					       key.len > 0};
	if (r == 0)
		r = store_add_failure(reports.store, i->policy_domain, now_s, &texts);
	gp_buf_free(&feedback);
	gp_buf_free(&header);
	gp_arena_free(&arena);
	return r;
}

int
failures_take(const struct gp_failrpt_incident *i)
{
	const struct gp_config *cfg = reports.env->config;
	const struct store_failure_limits limits = {cfg->reports.failure_per_hour,
						    cfg->reports.failure_per_day};
	uint64_t now_s = reports_now_s();
	/* smtpd may not have heard yet that it was switched off. */
	if (!cfg->reports.failure)
		return 1;
	int room = store_failure_room(reports.store, i->policy_domain, now_s, &limits);
	if (room == STORE_FAILURE_KEPT)
		return keep(i, now_s);
	if (room > 0)
		leave_out(i, room, now_s);
	return GP_MIN(room, 1);
}
