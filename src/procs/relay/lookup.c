/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the resolver. Each has a ticket; a delivery waits until the last of its questions is
 * answered. A question that cannot be answered, since the resolver is gone, counts as SERVFAIL: the
 * mail waits, and is tried again later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ipc/answer.h"
#include "procs/relay/relay.h"
#include "sys/log.h"

enum {
	OPEN_MAX = 100'000, /* questions at once */
	ANSWER_ARENA_MAX = 4 * 1024 * 1024,
};

/* The questions of one delivery that were asked together. */
struct round {
	struct delivery *delivery;
	struct gp_answers *set;
	size_t open;
};

struct lookup {
	uint64_t ticket; /* the key in the map */
	struct round *round;
	struct gp_dns_question question; /* its name: GP_DNS_NAME_TEXT_MAX at most, behind it */
	char name[];
};

static struct {
	struct gp_channel *channel; /* NULL: the resolver is not there */
	struct gp_map lookups;      /* by ticket */
	uint64_t tickets;
	struct gp_arena arena; /* of the answer that is being read */
} self = {.arena = {.max = ANSWER_ARENA_MAX}};

static struct gp_slice
ticket_key(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

/* The answer is in, whatever it was. */
static void
finish(struct lookup *l, const struct gp_dns_answer *answer)
{
	struct round *round = l->round;
	/* A set that is full, or out of memory, makes the evaluator ask again: the delivery counts
	 * the rounds. */
	(void)gp_answers_add(round->set, answer);
	gp_map_remove(&self.lookups, ticket_key(&l->ticket));
	free(l);
	if (--round->open > 0)
		return;
	struct delivery *d = round->delivery;
	free(round);
	delivery_answered(d);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct lookup *l = gp_map_get(&self.lookups, ticket_key(&m->answer.ticket));
	struct gp_dns_answer answer;
	(void)ctx, (void)c;
	if (!l)
		return;
	gp_arena_reset(&self.arena);
	if (gp_answer_unpack(&m->answer, &l->question, &self.arena, &answer) < 0)
		answer = (struct gp_dns_answer){
			.name = l->question.name,
			.canonical = l->question.name,
			.type = l->question.type,
			.status = GP_DNS_SERVFAIL,
		};
	finish(l, &answer);
}

static void
fail_all(void)
{
	for (;;) {
		size_t at = 0;
		const struct gp_map_entry *e = gp_map_next(&self.lookups, &at);
		if (!e)
			return;
		struct lookup *l = e->value;
		struct gp_dns_answer answer = {
			.name = l->question.name,
			.canonical = l->question.name,
			.type = l->question.type,
			.status = GP_DNS_SERVFAIL,
		};
		finish(l, &answer);
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_warning("resolver_lost", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_RESOLVER);
	fail_all();
}

void
lookup_connect(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	if (self.channel) {
		self.channel = gp_channel_free(self.channel);
		fail_all();
	}
	if (self.lookups.max == 0)
		self.lookups = gp_map(OPEN_MAX, env->seed);
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_RESOLVER_TO_RELAY, &owner);
	if (!self.channel)
		gp_error("resolver_lost", GP_FS("reason", "out of memory"));
}

static int
ask(struct round *round, const struct gp_dns_question *question)
{
	struct lookup *l = malloc(sizeof(*l) + question->name.len);
	if (!l)
		return -ENOMEM;
	*l = (struct lookup){.ticket = ++self.tickets, .round = round};
	memcpy(l->name, question->name.ptr, question->name.len);
	l->question.name = gp_slice(l->name, question->name.len);
	l->question.type = question->type;
	struct gp_message m = {
		.type = GP_MSG_RESOLVE,
		.fd = -1,
		.resolve = {l->ticket, question->type, l->question.name},
	};
	if (!gp_map_set(&self.lookups, ticket_key(&l->ticket), l)) {
		free(l);
		return -ENOMEM;
	}
	if (!gp_channel_send(self.channel, &m)) {
		gp_map_remove(&self.lookups, ticket_key(&l->ticket));
		free(l);
		return -ENOBUFS;
	}
	round->open++;
	return 0;
}

int
lookup_ask(struct delivery *d, struct gp_answers *set, const struct gp_dns_question *questions,
	   size_t questions_len)
{
	int r = 0;
	if (!self.channel)
		return -ENOTCONN;
	struct round *round = calloc(1, sizeof(*round));
	if (!round)
		return -ENOMEM;
	*round = (struct round){.delivery = d, .set = set};
	for (size_t i = 0; r == 0 && i < questions_len; i++)
		r = ask(round, &questions[i]);
	/* What was asked is waited for, even if the rest could not be: the evaluator asks again. */
	if (round->open > 0)
		return 0;
	free(round);
	return r < 0 ? r : -EINVAL;
}
