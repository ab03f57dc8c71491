/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --rcpt: do the places of DMARC's reports get mail? Their hosts are asked by MAIL and RCPT, behind
 * which no message follows, as somebody has to say that he wants that: each mailbox once for all
 * domains that name it, at the best preferred hosts first.
 */
#pragma once

#include "cli/asks.h"
#include "core/posture/posture.h"

enum audit_rcpts_limits {
	AUDIT_RCPTS_AT_ONCE = 4,       /* conversations */
	AUDIT_RCPTS_ADDRESSES_MAX = 3, /* of one mailbox's hosts that are tried */
};

struct audit_rcpts;

struct audit_rcpts_options {
	struct event_base *base;
	struct gp_asks *dns;
	const char *helo;
	const char *authorities; /* path; NULL: the system's */
	bool private;            /* special addresses too */
	double rate;             /* connections a second; 0: no limit */
	const char *const *optouts;
	size_t optouts_len;
};

/* Before the process confines itself; all that options points to outlives it. NULL after saying
   what is wrong. */
struct audit_rcpts *
audit_rcpts_open(const struct audit_rcpts_options *options);
/* After all that wait were ended. Accepts NULL. */
void
audit_rcpts_close(struct audit_rcpts *r);

/* Those of one domain; embedded in its owner, zeroed. */
struct audit_rcpt_wants {
	struct gp_posture_mailbox
		mailboxes[GP_DMARC_URIS_MAX]; /* complete when `ready` is called */
	size_t len;
	/* From the loop, never from within audit_rcpts_follow(). */
	void (*ready)(struct audit_rcpt_wants *w);
	/* private */
	struct audit_rcpt_want {
		struct gp_list link;
		struct audit_rcpt_wants *of;
		struct gp_posture_mailbox *ret;
	} wants[GP_DMARC_URIS_MAX];
	size_t open;
};

/* w->ready is set; the texts are those of r, or in the arena, which lives as long as w. False:
   there is none, or all are known; else they are when `ready` is called. */
[[nodiscard]] bool
audit_rcpts_follow(struct audit_rcpts *r, struct audit_rcpt_wants *w,
		   const struct gp_dmarc_uris *uris, struct gp_arena *arena);
/* They are waited for no longer. Harmless when that never began. */
void
audit_rcpts_end(struct audit_rcpt_wants *w);
