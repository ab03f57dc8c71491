/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "procs/fetch/policies.h"
#include "procs/fetch/queue.h"
#include "sys/log.h"

struct fetch {
	struct gp_loop *loop;
	struct https *https;
	struct queue *queue;
	struct policies *policies;
	struct gp_list peers;
	size_t peers_len;
};

struct peer {
	struct gp_list link;
	struct fetch *fetch;
	struct gp_channel *channel;
	struct gp_list errands;
};

/* A peer's request on its way. */
struct errand {
	struct gp_list link;
	struct peer *peer;
	struct queue_job *job; /* NULL: it waits for a policy */
	struct policy_ask ask;
	uint64_t ticket;
};

/* --- requests --- */

static void
say(struct peer *p, const struct gp_message *m)
{
	if (!gp_channel_send(p->channel, m))
		gp_error("answer_lost", GP_FS("reason", "out of memory"));
}

static void
answer(struct peer *p, uint64_t ticket, const struct https_answer *a)
{
	struct gp_message m = {.type = GP_MSG_FETCHED, .fd = -1};
	m.fetched = (struct gp_msg_fetched){.ticket = ticket,
					    .result = (uint8_t)a->result,
					    .status = a->status,
					    .body = a->body,
					    .reason = gp_slice_str(a->reason)};
	say(p, &m);
}

static void
refuse(struct peer *p, const struct gp_msg_fetch *order, const struct https_answer *why)
{
	gp_info("fetch_refused", GP_F("host", order->host), GP_FS("reason", why->reason));
	answer(p, order->ticket, why);
}

static struct errand *
new_errand(struct peer *p, uint64_t ticket)
{
	struct errand *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->peer = p;
	e->ticket = ticket;
	gp_list_init(&e->ask.link);
	gp_list_append(&p->errands, &e->link);
	return e;
}

/* Accepts NULL. */
static void
free_errand(struct errand *e)
{
	if (!e)
		return;
	gp_list_remove(&e->link);
	gp_list_remove(&e->ask.link);
	free(e);
}

static void
on_done(void *ctx, const struct https_answer *a)
{
	struct errand *e = ctx;
	answer(e->peer, e->ticket, a);
	free_errand(e);
}

static void
take_fetch(struct peer *p, const struct gp_msg_fetch *order)
{
	struct https_answer why = {.result = GP_FETCH_NO_ROOM, .reason = "out of memory"};
	struct errand *e = new_errand(p, order->ticket);
	if (e)
		e->job = queue_add(p->fetch->queue, order, &why);
	if (!e || !e->job) {
		free_errand(e);
		refuse(p, order, &why);
		return;
	}
	e->job->done = on_done;
	e->job->ctx = e;
}

/* --- policies --- */

static void
tell_policy(struct peer *p, uint64_t ticket, const struct policy_news *news)
{
	struct gp_message m = {.type = GP_MSG_POLICY_KNOWN, .fd = -1};
	m.policy_known = (struct gp_msg_policy_known){.ticket = ticket,
						      .action = news->action,
						      .failure = news->failure,
						      .reason = gp_slice_str(news->reason)};
	if (news->kept) {
		const struct gp_mtasts_state *state = &news->kept->state;
		m.policy_known.id = gp_slice(state->id, state->id_len);
		m.policy_known.text = news->kept->text;
	}
	say(p, &m);
}

static void
on_policy(struct policy_ask *ask, const struct policy_news *news)
{
	struct errand *e = gp_container_of(ask, struct errand, ask);
	tell_policy(e->peer, e->ticket, news);
	free_errand(e);
}

/* False: the question makes no sense. */
static bool
take_policy(struct peer *p, const struct gp_msg_policy *question)
{
	struct policy_news news = {.action = GP_MTASTS_FETCH, .reason = "out of memory"};
	struct errand *e = new_errand(p, question->ticket);
	if (e)
		e->ask.done = on_policy;
	int r = e ? policies_ask(p->fetch->policies, question, &e->ask, &news) : 0;
	if (r == 1)
		return true;
	free_errand(e);
	if (r == 0)
		tell_policy(p, question->ticket, &news);
	return r == 0;
}

/* --- peers --- */

static void
free_peer(struct peer *p)
{
	struct gp_list *link;
	while ((link = gp_list_pop(&p->errands))) {
		struct errand *e = gp_container_of(link, struct errand, link);
		if (e->job)
			queue_cancel(e->job);
		free_errand(e);
	}
	gp_list_remove(&p->link);
	p->fetch->peers_len--;
	free(p);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct peer *p = ctx;
	if (m->type == GP_MSG_FETCH) {
		take_fetch(p, &m->fetch);
		return;
	}
	gp_assert(m->type == GP_MSG_POLICY);
	if (take_policy(p, &m->policy))
		return;
	gp_error("bad_question", GP_F("domain", m->policy.domain));
	gp_channel_free(c);
	free_peer(p);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)c;
	gp_debug("peer_gone", GP_FS("reason", why));
	free_peer(ctx);
}

void
fetch_add_peer(struct fetch *f, int fd, gp_permit permit)
{
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	struct peer *p = f->peers_len < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	owner.ctx = p;
	if (p)
		p->channel = gp_channel_new(f->loop, fd, permit, &owner);
	else
		close(fd);
	if (!p || !p->channel) {
		gp_error("peer_refused", GP_FS("reason", "too many, or out of memory"));
		free(p);
		return;
	}
	p->fetch = f;
	gp_list_init(&p->errands);
	gp_list_append(&f->peers, &p->link);
	f->peers_len++;
}

/* --- the beginning and the end --- */

int
fetch_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2],
	  struct fetch **ret)
{
	struct https_options options = {.ca = config->fetch.ca,
					.port = (uint16_t)config->fetch.port};
	struct fetch *f = calloc(1, sizeof(*f));
	*ret = f;
	if (!f)
		return -ENOMEM;
	f->loop = loop;
	gp_list_init(&f->peers);
	int r = https_new(gp_loop_base(loop), &options, &f->https);
	if (r == 0)
		f->queue = queue_new(loop, f->https, config->fetch.private_addresses);
	if (f->queue)
		f->policies = policies_new(f->queue, seed);
	if (!f->policies)
		*ret = fetch_free(f);
	return *ret ? 0 : r < 0 ? r : -ENOMEM;
}

void
fetch_use_folder(struct fetch *f, int folder)
{
	policies_use_folder(f->policies, folder);
}

struct fetch *
fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	gp_list_each (it, &f->peers) {
		struct peer *p = gp_container_of(it, struct peer, link);
		gp_channel_free(p->channel);
		free_peer(p);
	}
	queue_free(f->queue);
	policies_free(f->policies);
	https_free(f->https);
	free(f);
	return NULL;
}
