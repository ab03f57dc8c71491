/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went on lately, in memory alone: counts of a quarter of an hour by moments of ten seconds,
 * and the newest deferrals. A start forgets it; the journal is what lasts.
 *
 * now_ms here is that of a clock that never goes back.
 */
#pragma once

#include "core/smtp/outcome.h"
#include "ipc/messages.h"

enum {
	RECENT_MOMENT_MS = 10 * 1000,
	RECENT_MOMENTS = 90,
	RECENT_DEFERRALS = 50,
	/* Texts of a deferral are cut, and all of them are kept whole. */
	RECENT_RCPT_MAX = 320,
	RECENT_REMOTE_MAX = 200,
	RECENT_TEXT_MAX = 300,
};

struct recent_deferral {
	uint64_t time_ms, id;  /* since 1970 */
	struct gp_reply reply; /* without its text */
	uint32_t attempts;
	uint16_t rcpt_len, remote_len, text_len;
	char rcpt[RECENT_RCPT_MAX], remote[RECENT_REMOTE_MAX], text[RECENT_TEXT_MAX];
};

/* All zero at first. */
struct recent {
	uint64_t moment; /* now_ms / RECENT_MOMENT_MS when it was last used */
	struct gp_flow_moment moments[RECENT_MOMENTS]; /* by their number, modulo */
	struct recent_deferral deferrals[RECENT_DEFERRALS];
	uint64_t deferrals_told; /* of all times; the newest stands at the one before, modulo */
};

/* The moment that is under way, to be counted in. */
struct gp_flow_moment *
recent_moment(struct recent *r, uint64_t now_ms);

/* What an attempt for a recipient came to; a deferral is remembered, too. wall_ms: since 1970. */
void
recent_outcome(struct recent *r, uint64_t now_ms, uint64_t wall_ms, uint64_t id,
	       struct gp_slice rcpt, const struct gp_outcome *outcome, uint32_t attempts);

/* The moments, the oldest first, and how long the last one has been under way. */
void
recent_moments(struct recent *r, uint64_t now_ms, struct gp_flow_moment ret[RECENT_MOMENTS],
	       uint32_t *ret_ms);

/* The newest first; returns how many. Texts are r's, until the next outcome. */
size_t
recent_deferrals(const struct recent *r, struct gp_flow_deferral ret[RECENT_DEFERRALS]);
