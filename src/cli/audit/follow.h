/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a domain's records lead beyond the DNS and its MX hosts, once they are known: the files of
 * its BIMI record, and with --rcpt the mailboxes of its reports. What is found there is in its next
 * evaluation.
 */
#pragma once

#include "cli/audit/marks.h"
#include "cli/audit/options.h"
#include "cli/audit/rcpts.h"

struct audit_follow {
	struct audit_marks *marks; /* NULL: nothing is followed */
	struct audit_rcpts *rcpts; /* NULL: nobody is asked */
};

/* Before the process confines itself. Returns an exit code, after saying to standard error what is
   wrong. To be closed in any case. */
[[nodiscard]] int
audit_follow_open(struct audit_follow *f, const struct audit_options *o, struct event_base *base,
		  struct gp_asks *dns);
void
audit_follow_close(struct audit_follow *f);

/* Of one domain; embedded in its owner, zeroed. */
struct audit_followed {
	/* All is known: the query may be evaluated again. From the loop, never from within
	   audit_follow(). */
	void (*ready)(struct audit_followed *d);
	/* private */
	struct audit_mark_files marks;
	struct audit_rcpt_wants rcpts;
	bool begun, marks_open, rcpts_open;
};

enum audit_follow_outcome {
	AUDIT_FOLLOW_NOTHING = 0, /* there is nothing, or it has been followed */
	AUDIT_FOLLOW_AGAIN,       /* the query has more than before: evaluate it again */
	AUDIT_FOLLOW_WAIT,        /* until `ready` is called */
};

/* d->ready is set; what is found is put into the query, and lives in d and the arena. Returns enum
   audit_follow_outcome or -ENOMEM. */
[[nodiscard]] int
audit_follow(struct audit_follow *f, struct audit_followed *d, const struct gp_posture_facts *facts,
	     const struct gp_answers *answers, struct gp_arena *arena,
	     struct gp_posture_query *query);
/* What it waits for is waited for no longer. Harmless when it never began. */
void
audit_follow_end(struct audit_followed *d);
