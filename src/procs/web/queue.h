/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with spool about its queue: one question at a time, those that come meanwhile in
 * their turn. */
#pragma once

#include "base/arena.h"
#include "ipc/role.h"

/* Who waits for an answer; embedded in it, zero at first. */
struct queue_request {
	struct gp_list link;
	bool waits;
	struct gp_msg_queue_request question; /* its texts live in the arena */
	struct gp_arena texts;
	/* A message of the answer, which ends with queue_done, or with NULL: spool is gone. Valid
	   until the function returns. Never from within queue_ask. */
	void (*on_answer)(struct queue_request *r, const struct gp_message *m);
};

void
queue_start(void);

/* Takes fd over: the channel to spool, in place of one before. */
void
queue_connect(struct gp_role_env *env, int fd);

/* Asks; the texts are copied. False: it cannot be asked now, and there will be no answer. */
[[nodiscard]] bool
queue_ask(struct queue_request *r, const struct gp_msg_queue_request *question);

/* Its answer is not wanted any more, if it waits for one. */
void
queue_forget(struct queue_request *r);
