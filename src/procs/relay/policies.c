/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to fetch, about MTA-STS policies above all. Each has a ticket. While fetch is away
 * nobody knows which domains have asked for proof: mail waits rather than go without.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "procs/relay/relay.h"
#include "sys/log.h"

enum { OPEN_MAX = 100'000 };

struct question {
	uint64_t ticket; /* the key in the map */
	struct way *way;
};

static struct {
	struct gp_channel *channel; /* NULL: fetch is not there */
	struct gp_map questions;    /* by ticket */
	uint64_t tickets;
} self;

static struct gp_slice
ticket_key(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

static void
finish(struct question *q, const struct gp_msg_policy_known *known)
{
	struct way *w = q->way;
	gp_map_remove(&self.questions, ticket_key(&q->ticket));
	free(q);
	way_policy_known(w, known);
}

static void
fail_all(void)
{
	size_t at = 0;
	for (const struct gp_map_entry *e; (e = gp_map_next(&self.questions, &at)); at = 0)
		finish(e->value, NULL);
	tokens_fetched(NULL);
}

static void
lose_fetch(const char *why)
{
	gp_log(gp_role_loss_level(), "fetch_lost", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_FETCH);
	fail_all();
}

static bool
makes_sense(const struct gp_msg_policy_known *known)
{
	return known->action <= GP_MTASTS_FETCH && known->failure <= GP_MTASTS_WEBPKI_INVALID;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx;
	gp_assert(m->type == GP_MSG_POLICY_KNOWN || m->type == GP_MSG_FETCHED);
	if (m->type == GP_MSG_FETCHED) {
		tokens_fetched(&m->fetched);
		return;
	}
	if (!makes_sense(&m->policy_known)) {
		gp_channel_free(c);
		lose_fetch("a senseless answer");
		return;
	}
	struct question *q = gp_map_get(&self.questions, ticket_key(&m->policy_known.ticket));
	if (q)
		finish(q, &m->policy_known);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	lose_fetch(why);
}

void
policies_connect(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	if (self.channel) {
		self.channel = gp_channel_free(self.channel);
		fail_all();
	}
	if (self.questions.max == 0)
		self.questions = gp_map(OPEN_MAX, env->seed);
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_FETCH_TO_RELAY, &owner);
	if (!self.channel)
		gp_error("fetch_lost", GP_FS("reason", "out of memory"));
}

int
policies_ask(struct way *w, const struct gp_msg_policy *about)
{
	struct gp_message m = {.type = GP_MSG_POLICY, .fd = -1, .policy = *about};
	if (!self.channel)
		return -ENOTCONN;
	m.policy.ticket = ++self.tickets;
	/* Without somebody who waits, whatever comes of it meets nobody. */
	struct question *q = w ? malloc(sizeof(*q)) : NULL;
	if (w && !q)
		return -ENOMEM;
	if (q) {
		*q = (struct question){m.policy.ticket, w};
		if (!gp_map_set(&self.questions, ticket_key(&q->ticket), q)) {
			free(q);
			return -ENOMEM;
		}
	}
	if (gp_channel_send(self.channel, &m))
		return 0;
	if (q)
		gp_map_remove(&self.questions, ticket_key(&q->ticket));
	free(q);
	return -ENOBUFS;
}

int
policies_fetch(const struct gp_msg_fetch *order, uint64_t *ret_ticket)
{
	struct gp_message m = {.type = GP_MSG_FETCH, .fd = -1, .fetch = *order};
	if (!self.channel)
		return -ENOTCONN;
	m.fetch.ticket = *ret_ticket = ++self.tickets;
	return gp_channel_send(self.channel, &m) ? 0 : -ENOBUFS;
}
