/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports to senders. A report is a message of our own in the queue, appended before the outcome
 * that it tells of, so that after a power cut there is never the outcome without the report; a sync
 * that fails keeps both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "core/dsn/dsn.h"
#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	/* A sender must hear of what failed, however long the reasons that others gave. */
	REPORT_MAX = 33 * 1024 * 1024,
	ARENA_MAX = 64 * 1024 * 1024,
};

/* A report that waits for its sync. */
struct unsynced {
	struct gp_list link;
	uint64_t id;
	struct gp_arena arena; /* holds the envelope */
	struct gp_envelope envelope;
};

static struct gp_list unsynced = {&unsynced, &unsynced};

static void
free_unsynced(struct unsynced *u)
{
	gp_arena_free(&u->arena);
	free(u);
}

static int
append(const struct unsynced *u, struct gp_slice text)
{
	struct gp_store_body body = {.slices = &text, .slices_len = 1, .fd = -1};
	int r = gp_store_append(spool.store, u->id, &u->envelope, &body, GP_STORE_RESERVED, NULL);
	return r > 0 ? -ENOSPC : r;
}

bool
bounce_address(struct gp_slice to, struct gp_arena *arena, struct gp_envelope *ret)
{
	struct gp_client self = {.relay = true};
	struct gp_admission a = {};
	struct gp_address address;
	const char *why;
	if (gp_address_parse(to, arena, &address, &why) != 0 ||
	    gp_policy_rcpt(spool.policy, &self, &address, arena, &a) < 0 ||
	    !gp_reply_positive(&a.reply))
		return false;
	struct gp_rcpt *rcpts = gp_arena_array(arena, a.targets_len, sizeof(*rcpts));
	for (size_t i = 0; rcpts && i < a.targets_len; i++) {
		rcpts[i].address = gp_arena_dup(arena, a.targets[i].address);
		rcpts[i].notify = GP_NOTIFY_NEVER;
	}
	ret->rcpts = rcpts;
	ret->rcpts_len = a.targets_len;
	return !arena->failed;
}

/* The front of the message for the report's third part; with memory of its own, as it may be a
 * large one. */
static struct gp_slice
message_front(const struct report *r, struct gp_arena *arena)
{
	struct gp_stored m;
	if (r->message->body.len > 0 || r->q->size == 0)
		return r->message->body;
	if (gp_store_read(spool.store, r->q, arena, &m) != 0)
		return gp_slice("", 0);
	return gp_slice_take(m.body, GP_DSN_COPY_MAX + 1);
}

static size_t
select_rcpts(const struct report *r, struct gp_dsn_rcpt *ret)
{
	const struct gp_envelope *e = &r->message->envelope;
	size_t n = 0;
	for (size_t i = 0; i < r->len && n < GP_DSN_RCPTS_MAX; i++) {
		const struct gp_rcpt *rcpt = &e->rcpts[r->rcpts[i]];
		enum gp_dsn_event event = gp_dsn_event(&r->outcomes[i]);
		/* Delay is reported to those who asked for it, and to nobody else. */
		bool unasked = event == GP_DSN_DELAYED &&
			       (!r->delayed || !(rcpt->notify & GP_NOTIFY_DELAY));
		if (event == GP_DSN_NONE || unasked || !gp_dsn_wanted(e, rcpt->notify, event))
			continue;
		ret[n++] = (struct gp_dsn_rcpt){
			.rcpt = rcpt,
			.outcome = &r->outcomes[i],
			.event = (uint8_t)event,
			.attempt_ms = spool_now_ms(),
			.retry_until_ms = e->arrival_ms + spool.env->config->retry.lifetime,
		};
	}
	return n;
}

static int
build(const struct report *r, const struct gp_dsn_rcpt *rcpts, size_t n, struct unsynced *u,
      struct gp_buf *text)
{
	struct gp_arena front = GP_ARENA_INIT(r->q->size + ARENA_MAX);
	struct gp_id_text original = gp_id_text(r->q->id), id = gp_id_text(u->id);
	struct gp_dsn dsn = {
		.hostname = spool.env->config->hostname,
		.queue_id = gp_slice_str(original.s),
		.unique = gp_slice_str(id.s),
		.now_ms = spool_now_ms(),
		.envelope = &r->message->envelope,
		.rcpts = rcpts,
		.rcpts_len = n,
		.message = message_front(r, &front),
		.message_size = r->q->size,
	};
	int error = gp_dsn_build(&dsn, &u->arena, text, &u->envelope);
	u->envelope.arrival_ms = dsn.now_ms;
	u->envelope.flags |= GP_ENVELOPE_UNSIGNED;
	gp_arena_free(&front);
	return error;
}

static int
write_one(const struct report *r, const struct gp_dsn_rcpt *rcpts, size_t n)
{
	struct unsynced *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice sender = r->message->envelope.sender;
	struct gp_buf text = GP_BUF_INIT(REPORT_MAX);
	int error = gp_store_ids(spool.store, 1, spool_now_ms(), &u->id);
	if (error == 0)
		error = build(r, rcpts, n, u, &text);
	bool lost = error == 0 && !bounce_address(sender, &u->arena, &u->envelope);
	if (error == 0 && !lost)
		error = append(u, gp_buf_slice(&text));
	gp_buf_free(&text);
	if (lost)
		gp_warning("report_undeliverable", GP_FID("id", r->q->id), GP_F("to", sender));
	if (lost || error < 0) {
		free_unsynced(u);
		return error;
	}
	intake_journal_ours(u->id, &u->envelope);
	gp_info("report", GP_FID("id", u->id), GP_FID("of", r->q->id), GP_F("to", sender));
	gp_list_append(&unsynced, &u->link);
	return 0;
}

int
bounce_write(const struct report *r)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dsn_rcpt *rcpts =
		gp_arena_array(&arena, GP_MIN(r->len, (size_t)GP_DSN_RCPTS_MAX), sizeof(*rcpts));
	size_t n = rcpts ? select_rcpts(r, rcpts) : 0;
	int error = rcpts ? 0 : -ENOMEM;
	if (n > 0)
		error = write_one(r, rcpts, n);
	gp_arena_free(&arena);
	return error;
}

static void
schedule_report(struct unsynced *u)
{
	struct gp_queued *q = gp_store_find(spool.store, u->id);
	if (!q || !schedule_add(q, &u->envelope))
		gp_error("cannot_schedule", GP_FID("id", u->id));
}

void
bounce_synced(void)
{
	for (struct gp_list *it; (it = gp_list_pop(&unsynced));) {
		struct unsynced *u = gp_container_of(it, struct unsynced, link);
		schedule_report(u);
		free_unsynced(u);
	}
}
