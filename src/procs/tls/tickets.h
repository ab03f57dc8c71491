/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for an answer from another role. The messages carry the number, and bring it back. */
#pragma once

#include "base/slice.h"

#define TICKET_NONE UINT64_MAX

struct session;
struct ticket;

struct tickets {
	struct ticket *items;
	size_t len;
};

/* TICKET_NONE: no memory. */
uint64_t
tickets_take(struct tickets *t, struct session *s);
/* The session that waits under this ticket, which is used up; NULL: it is gone. */
struct session *
tickets_redeem(struct tickets *t, uint64_t ticket);
/* Uses up all tickets of the session. */
void
tickets_forget(struct tickets *t, const struct session *s);
/* Uses up all tickets, and tells their sessions, which may take new ones. */
void
tickets_fail(struct tickets *t, void (*tell)(struct session *s));
