/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail of our own that the role reports makes: from the null reverse-path, to one address, which
 * goes through our aliases when it is one of ours. Answered after the sync that covers it.
 *
 * A role that has fallen may say anything here, so there is a rate: more is answered as if the disk
 * was full, and comes again later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/values.h"
#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	LETTERS_MAX = 600,       /* in a minute */
	ARENA_MAX = 1024 * 1024, /* of the aliases that an address leads through */
};

struct letter {
	struct gp_list link;
	uint64_t connection, ticket, id;
	struct gp_arena arena;
	struct gp_envelope envelope;
};

static struct {
	struct gp_channel *channel;
	uint64_t connections; /* counts them: an answer is for the one that asked */
	struct gp_list waiting;
	struct spool_rate rate;
} self = {.waiting = {&self.waiting, &self.waiting}};

static void
answer(uint64_t ticket, unsigned result)
{
	struct gp_message m = {
		.type = GP_MSG_LETTER_KEPT,
		.fd = -1,
		.letter_kept = {.ticket = ticket, .result = (uint8_t)result},
	};
	if (!gp_channel_send(self.channel, &m))
		gp_error("cannot_answer_reports", GP_FN("ticket", ticket));
}

/* Accepts NULL. */
static void
free_letter(struct letter *l)
{
	if (l)
		gp_arena_free(&l->arena);
	free(l);
}

/* 0: appended. Else enum gp_commit_result. */
static unsigned
append(struct letter *l, const struct gp_msg_letter *m)
{
	struct gp_store_body body = {.slices = &m->body, .slices_len = 1, .fd = -1};
	if (!bounce_address(m->to, &l->arena, &l->envelope))
		return l->arena.failed ? GP_COMMIT_FAILED : GP_LETTER_REFUSED;
	int r = gp_store_ids(spool.store, 1, spool_now_ms(), &l->id);
	if (r == 0)
		r = gp_store_append(spool.store, l->id, &l->envelope, &body, 0, NULL);
	if (r == GP_STORE_FULL)
		return GP_COMMIT_FULL;
	if (r == GP_STORE_TOO_BIG)
		return GP_COMMIT_TOO_BIG;
	if (r != 0)
		gp_error("cannot_store", GP_FID("id", l->id), GP_FS("reason", strerror(-r)));
	return r == 0 ? 0 : GP_COMMIT_FAILED;
}

static void
take_letter(const struct gp_msg_letter *m)
{
	struct letter *l = spool_rate_take(&self.rate, LETTERS_MAX) ? calloc(1, sizeof(*l)) : NULL;
	unsigned result = GP_COMMIT_FULL;
	if (l) {
		*l = (struct letter){
			.connection = self.connections,
			.ticket = m->ticket,
			.arena = GP_ARENA_INIT(ARENA_MAX),
			.envelope = {.arrival_ms = spool_now_ms()},
		};
		result = append(l, m);
	}
	if (result == 0) {
		intake_journal_ours(l->id, &l->envelope);
		gp_info("letter", GP_FID("id", l->id), GP_F("to", m->to));
		gp_list_append(&self.waiting, &l->link);
		return;
	}
	free_letter(l);
	answer(m->ticket, result);
}

void
letters_synced(bool ok)
{
	for (struct gp_list *it; (it = gp_list_pop(&self.waiting));) {
		struct letter *l = gp_container_of(it, struct letter, link);
		struct gp_queued *q = ok ? gp_store_find(spool.store, l->id) : NULL;
		/* Without memory for a plan it waits for the next start; it is safe. */
		if (q && !schedule_add(q, &l->envelope))
			gp_error("cannot_schedule", GP_FID("id", l->id));
		if (self.channel && l->connection == self.connections)
			answer(l->ticket, q ? GP_COMMIT_DONE : GP_COMMIT_FAILED);
		free_letter(l);
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	gp_assert(m->type == GP_MSG_LETTER);
	take_letter(&m->letter);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "reports_gone", GP_FS("reason", why));
	self.channel = NULL;
}

void
letters_connect(int fd)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	gp_channel_free(self.channel);
	self.connections++;
	self.channel = gp_channel_new(spool.env->loop, fd, GP_PERMIT_REPORTS_TO_SPOOL, &owner);
}
