/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dashboard shows of the queue, and does to it: a request as a question for spool, and
 * what spool says as JSON (docs/api.md). Pure.
 *
 * Addresses of people, and the words of servers, which often hold some, are for admins alone:
 * whoever only reads sees domains, hosts and codes.
 */
#pragma once

#include "base/arena.h"
#include "ipc/messages.h"
#include "procs/web/reply.h"

enum { FLOW_MESSAGES_MAX = 100 }; /* of a list */

/* query: id=, sender=, recipient=, domain= (of a recipient), older= (seconds): all must hold; none:
 * all messages. The texts live in the arena. Returns NULL, or what is wrong: a sentence, static. */
[[nodiscard]] const char *
flow_read_query(struct gp_slice query, struct gp_arena *arena, struct gp_msg_queue_request *ret);

/* form: action=retry|hold|release|bounce|drop, id=; for the last two, which end a message for good,
 * the id once more as again=. Returns as above. */
[[nodiscard]] const char *
flow_read_action(struct gp_slice form, struct gp_arena *arena, struct gp_msg_queue_request *ret);

/* An answer, as spool's messages come in. */
struct flow_answer {
	uint8_t verb;   /* enum gp_queue_verb: what was asked for */
	bool addresses; /* whoever asked may see them */
	struct gp_json json;
	unsigned messages;
};

/* The next message of spool's. NULL: there will be none. */
void
flow_hear(struct flow_answer *a, const struct gp_message *m, struct reply *r);
