/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single messages that a domain is told of (RFC 9991): how many, and what of them is kept.
 *
 * Everybody can send mail that fails, in any name and as much as he likes, and each report is a
 * mail to somebody. So a report waits a while, and those that fail like its message are a number in
 * it; and few reports are begun for a domain in an hour, and for all domains together in a day, of
 * which nobody has more than a share.
 * What is beyond is counted in the log, and in the daily report where the domain wants one.
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
		 GP_FS("limit", why == STORE_FAILURE_DOMAIN  ? "failure_per_hour"
				: why == STORE_FAILURE_SHARE ? "a share of failure_per_day"
							     : "failure_per_day"));
	self.left_out++;
	failures_tell_left_out(now_s);
}

/* The empty key hides nothing. */
static int
keep_by(const struct gp_failrpt_incident *i, struct gp_slice key, uint64_t now_s)
{
	const struct gp_config *cfg = reports.env->config;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf feedback = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	struct gp_buf header = GP_BUF_INIT(GP_FAILRPT_FIELDS_MAX);
	gp_failrpt_write_feedback(i, key, cfg->hostname, &feedback);
	int r = gp_redact_header(&header, key, i->header, &arena);
	if (feedback.failed)
		r = -ENOMEM;
	const struct gp_failrpt_texts texts = {gp_buf_slice(&feedback), gp_buf_slice(&header),
					       key.len > 0, 1};
	if (r == 0)
		r = store_add_failure(reports.store, i, now_s,
				      now_s + cfg->reports.failure_window / 1000, &texts);
	gp_buf_free(&feedback);
	gp_buf_free(&header);
	gp_arena_free(&arena);
	return r;
}

static int
keep(const struct gp_failrpt_incident *i, uint64_t now_s)
{
	struct gp_sha256 key;
	if (!reports.env->config->reports.failure_redact)
		return keep_by(i, GP_SLICE(""), now_s);
	int r = gp_redact_key(store_redaction(reports.store), i->policy_domain, i->source, &key);
	return r == 0 ? keep_by(i, gp_sha256_slice(&key), now_s) : r;
}

/* The first of its like. */
static int
take_first(const struct gp_failrpt_incident *i)
{
	const struct gp_config *cfg = reports.env->config;
	const struct store_failure_limits limits = {cfg->reports.failure_per_hour,
						    cfg->reports.failure_per_day};
	uint64_t now_s = reports_now_s();
	int r = store_failure_room(reports.store, i, now_s, &limits);
	if (r > 0) {
		leave_out(i, r, now_s);
		return 0;
	}
	if (r == STORE_FAILURE_KEPT)
		r = keep(i, now_s);
	if (r == 0)
		reports_wake();
	return r;
}

int
failures_take(const struct gp_failrpt_incident *i)
{
	/* smtpd may not have heard yet that it was switched off. */
	if (!reports.env->config->reports.failure)
		return 0;
	int merged = store_merge_failure(reports.store, i);
	return merged == 0 ? take_first(i) : GP_MIN(merged, 0);
}
