/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DKIM signatures of our reports, by the keys of the domain in their From, where it has some.
 * The store has a report as it was made; it is signed each time that it is handed out. So it can be
 * appended at once, before the outcome that it tells of, and nothing durable waits for signer.
 *
 * A task waits for its signatures leased: its destination has so much less room meanwhile. What
 * goes on does so in the turn, behind the sync.
 */
#include <stdlib.h>
#include <string.h>

#include "ipc/values.h"
#include "procs/dkim/signing.h"
#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	/* Then a report goes without: it may still be read, and who needs it waits for it. */
	PATIENCE_MS = 5 * 1000,
	/* So many are under way; signer makes some 1,000 signatures a second. */
	AWAITED_MAX = 1000,
	HEAD_MAX = 40 * 1024, /* the fields of a domain's keys */
};

struct awaited {
	struct gp_list link;    /* in self.awaited or in self.ready */
	struct task *task;      /* leased */
	struct signing signing; /* nothing in it: goes without */
	uint64_t end_ms;        /* of the loop */
	uint64_t ticket;        /* 0: it is signer's list that is waited for */
	bool listed;            /* ready: the list has come, so that it can begin */
};

static struct {
	struct gp_channel *channel; /* NULL: not there */
	struct signers signers;
	uint64_t tickets;
	struct gp_list awaited; /* those that began first are first */
	struct gp_list ready;
	size_t len; /* of both */
} self = {
	.awaited = {&self.awaited, &self.awaited},
	.ready = {&self.ready, &self.ready},
};

/* --- one of them --- */

static struct awaited *
of(struct gp_list *it)
{
	return gp_container_of(it, struct awaited, link);
}

static void
free_awaited(struct awaited *a)
{
	gp_list_remove(&a->link);
	signing_free(&a->signing);
	free(a);
	self.len--;
}

static void
make_ready(struct awaited *a)
{
	gp_list_remove(&a->link);
	gp_list_append(&self.ready, &a->link);
}

static void
go_without(struct awaited *a, const char *why)
{
	gp_warning("report_not_signed", GP_FID("id", a->task->q->id), GP_FS("reason", why));
	signing_free(&a->signing);
	make_ready(a);
}

/* By the next key; when there are no more, it is ready. */
static void
ask(struct awaited *a)
{
	struct gp_message m = {.type = GP_MSG_DKIM_SIGN, .fd = -1};
	if (!signing_request(&a->signing, &m.dkim_sign)) {
		make_ready(a);
		return;
	}
	m.dkim_sign.ticket = a->ticket = ++self.tickets;
	if (!self.channel || !gp_channel_send(self.channel, &m))
		go_without(a, "signer cannot be asked");
}

/* --- from delivery.c --- */

/* The text as it is stored; a large one is not read along with its envelope. NULL ptr: not now. */
static struct gp_slice
text_of(const struct gp_queued *q, const struct gp_stored *m)
{
	struct gp_stored whole;
	if (m->body.len == q->size)
		return m->body;
	int r = gp_store_read(spool.store, q, &spool.scratch, &whole);
	return r == 0 ? whole.body : gp_slice(NULL, 0);
}

/* Whether anything is to be waited for. */
static bool
begin(struct awaited *a, const struct gp_stored *m)
{
	enum signing_result result = SIGNING_LATER;
	if (!self.signers.known)
		return true;
	if (self.signers.len == 0)
		return false;
	struct gp_slice text = text_of(a->task->q, m);
	if (text.ptr)
		result = signing_begin_whole(&a->signing, &self.signers, text,
					     spool_now_ms() / 1000);
	if (result != SIGNING_BEGUN && result != SIGNING_NOT_OURS)
		gp_warning("report_not_signed", GP_FID("id", a->task->q->id),
			   GP_FS("reason", "its keys cannot be used now"));
	return result == SIGNING_BEGUN;
}

enum signatures
signatures_begin(struct task *t, const struct gp_stored *m)
{
	if (!(m->envelope.flags & GP_ENVELOPE_UNSIGNED))
		return SIGNATURES_NONE;
	if (self.len == AWAITED_MAX)
		return SIGNATURES_BUSY;
	struct awaited *a = calloc(1, sizeof(*a));
	if (!a)
		return SIGNATURES_BUSY;
	a->task = t;
	a->end_ms = gp_loop_now_ms(spool.env->loop) + PATIENCE_MS;
	gp_list_append(&self.awaited, &a->link);
	self.len++;
	if (!begin(a, m)) {
		free_awaited(a);
		return SIGNATURES_NONE;
	}
	if (self.signers.known)
		ask(a);
	return SIGNATURES_AWAITED;
}

static void
forget_in(struct gp_list *list, const struct task *t)
{
	gp_list_each (it, list) {
		if (of(it)->task != t)
			continue;
		free_awaited(of(it));
		schedule_release(t->dest);
	}
}

void
signatures_forget(const struct task *t)
{
	forget_in(&self.awaited, t);
	forget_in(&self.ready, t);
}

/* --- the turn --- */

static void
go_on(struct awaited *a)
{
	struct gp_buf head = GP_BUF_INIT(HEAD_MAX);
	struct task *t = a->task;
	bool listed = a->listed;
	signing_write(&a->signing, &head);
	if (head.failed)
		gp_warning("report_not_signed", GP_FID("id", t->q->id),
			   GP_FS("reason", "out of memory"));
	struct gp_slice fields = head.failed ? GP_SLICE("") : gp_buf_slice(&head);
	free_awaited(a);
	delivery_go_on(t, listed ? NULL : &fields);
	gp_buf_free(&head);
}

void
signatures_run(void)
{
	uint64_t now = gp_loop_now_ms(spool.env->loop);
	while (!gp_list_empty(&self.awaited) && of(self.awaited.next)->end_ms <= now)
		go_without(of(self.awaited.next), "signer did not answer in time");
	for (struct gp_list *it; (it = gp_list_pop(&self.ready));)
		go_on(of(it));
}

/* --- the channel --- */

static struct awaited *
find(uint64_t ticket)
{
	gp_list_each (it, &self.awaited) {
		if (of(it)->ticket == ticket)
			return of(it);
	}
	return NULL;
}

static void
take_signature(const struct gp_msg_dkim_signature *m)
{
	struct awaited *a = m->ticket > 0 ? find(m->ticket) : NULL;
	if (!a)
		return;
	if (m->result == GP_SIGN_DONE && signing_take(&a->signing, m->signature))
		ask(a);
	else
		go_without(a, "signer did not sign it");
}

static void
take_list(const struct gp_msg_dkim_signers *m)
{
	if (!signers_take(&self.signers, m)) {
		gp_error("out_of_memory", GP_FS("for", "dkim_signers"));
		return;
	}
	gp_list_each (it, &self.awaited) {
		of(it)->listed = of(it)->ticket == 0;
		if (of(it)->listed)
			make_ready(of(it));
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->type == GP_MSG_DKIM_SIGNERS)
		take_list(&m->dkim_signers);
	else
		take_signature(&m->dkim_signature);
}

/* What was asked is answered by nobody, and begins again when the next signer has said its list. */
static void
lose(void)
{
	self.channel = NULL;
	self.signers.known = false;
	gp_list_each (it, &self.awaited) {
		signing_free(&of(it)->signing);
		of(it)->ticket = 0;
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "signer_gone", GP_FS("reason", why));
	lose();
}

void
signatures_connect(int fd)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	gp_channel_free(self.channel);
	lose();
	self.channel = gp_channel_new(spool.env->loop, fd, GP_PERMIT_SIGNER_TO_SPOOL, &owner);
}
