/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What BIMI records lead to, logos and mark certificates, fetched by HTTPS as receivers of mail do:
 * without redirects, from addresses that the DNS has told already, each file once for all domains
 * that lead to it. Special addresses are left out.
 */
#pragma once

#include <event2/event.h>

#include "base/list.h"
#include "core/posture/posture.h"

enum audit_marks_limits {
	AUDIT_MARKS_AT_ONCE = 16,   /* files under way */
	AUDIT_MARKS_KEPT_MAX = 256, /* of 64 KB at most; of more the newest */
	AUDIT_MARKS_TIME_MAX_MS = 20'000,
};

struct audit_marks;

/* Before the process confines itself. authorities: path, of who is believed about web servers;
   NULL: the system's; private: special addresses too. NULL after saying what is wrong. */
struct audit_marks *
audit_marks_open(struct event_base *base, const char *authorities, bool private);
/* After all that follow one were ended. Accepts NULL. */
void
audit_marks_close(struct audit_marks *m);

/* One of the files of a domain. */
struct audit_mark_want {
	struct gp_list link;
	struct audit_mark_files *of;
	struct gp_posture_file *ret;
};

/* Those of one domain; embedded in its owner, zeroed. */
struct audit_mark_files {
	struct gp_posture_bimi bimi; /* complete when `ready` was called, or at once */
	/* From the loop, never from within audit_marks_follow(). */
	void (*ready)(struct audit_mark_files *f);
	/* private */
	struct gp_posture_mark mark;
	struct gp_arena *arena;
	struct audit_mark_want wants[2];
	size_t open;
};

enum audit_marks_outcome {
	AUDIT_MARKS_NONE = 0, /* its record leads nowhere */
	AUDIT_MARKS_READY,
	AUDIT_MARKS_WAIT, /* until `ready` is called */
};

/* f->ready is set; answers have the addresses; the texts will be in the arena, which lives as long
   as f. Returns enum audit_marks_outcome or -ENOMEM; then, too, it is to be ended. */
[[nodiscard]] int
audit_marks_follow(struct audit_marks *m, struct audit_mark_files *f,
		   const struct gp_posture_facts *facts, const struct gp_answers *answers,
		   struct gp_arena *arena);
/* What it waits for is waited for no longer. Harmless when it never began. */
void
audit_marks_end(struct audit_mark_files *f);
