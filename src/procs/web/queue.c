/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/queue.h"

#include "ipc/values.h"

enum {
	WAITING_MAX = 64,
	TEXTS_MAX = 4096,
};

static struct {
	struct gp_channel *channel; /* NULL: spool is not there */
	struct gp_list waiting;
	size_t waiting_len;
	bool busy;                     /* spool has a question that it has not answered */
	struct queue_request *current; /* whose it is; NULL: nobody's any more */
} self;

void
queue_start(void)
{
	gp_list_init(&self.waiting);
}

/* Nothing of r is used behind this: its owner may free it. */
static void
end(struct queue_request *r, const struct gp_message *m)
{
	r->waits = false;
	gp_arena_free(&r->texts);
	r->on_answer(r, m);
}

static struct queue_request *
next_waiting(void)
{
	struct gp_list *it = gp_list_pop(&self.waiting);
	if (!it)
		return NULL;
	self.waiting_len--;
	return gp_container_of(it, struct queue_request, link);
}

static bool
ask_now(struct queue_request *r)
{
	const struct gp_message m = {
		.type = GP_MSG_QUEUE_REQUEST, .fd = -1, .queue_request = r->question};
	self.busy = gp_channel_send(self.channel, &m);
	self.current = self.busy ? r : NULL;
	return self.busy;
}

static void
ask_next(void)
{
	while (self.channel && !self.busy) {
		struct queue_request *r = next_waiting();
		if (!r)
			return;
		if (!ask_now(r))
			end(r, NULL);
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct queue_request *r = self.current;
	(void)ctx, (void)c;
	if (m->type != GP_MSG_QUEUE_DONE) {
		if (r)
			r->on_answer(r, m);
		return;
	}
	self.busy = false;
	self.current = NULL;
	if (r)
		end(r, m);
	ask_next();
}

static void
fail_all(void)
{
	struct queue_request *r = self.current;
	self.busy = false;
	self.current = NULL;
	if (r)
		end(r, NULL);
	while ((r = next_waiting()))
		end(r, NULL);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	self.channel = NULL;
	fail_all();
	gp_role_peer_lost(GP_ROLE_SPOOL);
}

void
queue_connect(struct gp_role_env *env, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, NULL};
	self.channel = gp_channel_free(self.channel);
	fail_all();
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_WEB, &owner);
}

bool
queue_ask(struct queue_request *r, const struct gp_msg_queue_request *question)
{
	if (!self.channel || self.waiting_len == WAITING_MAX)
		return false;
	r->texts = GP_ARENA_INIT(TEXTS_MAX);
	r->question = *question;
	r->question.sender = gp_arena_dup(&r->texts, question->sender);
	r->question.recipient = gp_arena_dup(&r->texts, question->recipient);
	r->question.domain = gp_arena_dup(&r->texts, question->domain);
	r->waits = !r->texts.failed && (self.busy || ask_now(r));
	if (!r->waits) {
		gp_arena_free(&r->texts);
	} else if (self.current != r) {
		gp_list_append(&self.waiting, &r->link);
		self.waiting_len++;
	}
	return r->waits;
}

void
queue_forget(struct queue_request *r)
{
	if (!r->waits)
		return;
	if (self.current == r) {
		self.current = NULL;
	} else {
		gp_list_remove(&r->link);
		self.waiting_len--;
	}
	r->waits = false;
	gp_arena_free(&r->texts);
}
