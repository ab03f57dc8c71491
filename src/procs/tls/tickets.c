/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ticket names a session while an answer is on its way: its place in a table, and how often that
 * place was used, so that an answer for a session that is gone meets nobody.
 */
#include <stdlib.h>

#include "procs/tls/tickets.h"

enum { TICKETS_MAX = 1 << 20 };

struct ticket {
	struct session *session; /* NULL: free */
	uint32_t uses;
};

uint64_t
tickets_take(struct tickets *t, struct session *s)
{
	size_t at = 0;
	while (at < t->len && t->items[at].session)
		at++;
	if (at == t->len) {
		size_t len = t->len > 0 ? t->len * 2 : 64;
		struct ticket *grown =
			len > TICKETS_MAX ? NULL : reallocarray(t->items, len, sizeof(*grown));
		if (!grown)
			return TICKET_NONE;
		for (size_t i = t->len; i < len; i++)
			grown[i] = (struct ticket){};
		t->items = grown;
		t->len = len;
	}
	t->items[at].session = s;
	t->items[at].uses++;
	return (uint64_t)t->items[at].uses << 32 | at;
}

struct session *
tickets_redeem(struct tickets *t, uint64_t ticket)
{
	size_t at = ticket & UINT32_MAX;
	if (at >= t->len || t->items[at].uses != ticket >> 32)
		return NULL;
	struct session *s = t->items[at].session;
	t->items[at].session = NULL;
	return s;
}

void
tickets_forget(struct tickets *t, const struct session *s)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->items[i].session == s)
			t->items[i] = (struct ticket){.uses = t->items[i].uses + 1};
	}
}

void
tickets_fail(struct tickets *t, void (*tell)(struct session *s))
{
	for (size_t i = 0; i < t->len; i++) {
		struct session *s = t->items[i].session;
		t->items[i].session = NULL;
		if (s)
			tell(s);
	}
}
