/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with resolver. Each question has a ticket; who asked is given one answer to each
 * by checks_take(), or forgets all of them. Whatever cannot be answered, since the resolver is
 * gone, is SERVFAIL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ipc/answer.h"
#include "procs/smtpd/checks.h"
#include "sys/log.h"

enum {
	/* Questions of this worker under way at once: more than resolver takes of strangers. */
	OPEN_MAX = 1000,
	ANSWER_ARENA_MAX = 4 * 1024 * 1024,
};

struct lookup {
	struct gp_list link; /* of the one who asked */
	uint64_t ticket;     /* the key in the map */
	struct checks *checks;
	struct gp_dns_question question; /* its name stands behind it */
	char name[];
};

static struct {
	struct gp_channel *channel; /* NULL: the resolver is not there */
	struct gp_map lookups;      /* by ticket */
	uint64_t tickets;
	struct gp_arena arena; /* of the answer that is being read */
} self = {.arena = {.max = ANSWER_ARENA_MAX}};

static struct gp_slice
key_of(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

static void
forget(struct lookup *l)
{
	gp_map_remove(&self.lookups, key_of(&l->ticket));
	gp_list_remove(&l->link);
	free(l);
}

static void
finish(struct lookup *l, const struct gp_dns_answer *answer)
{
	checks_take(l->checks, answer);
	forget(l);
}

static void
fail(struct lookup *l)
{
	const struct gp_dns_answer answer = {.name = l->question.name,
					     .canonical = l->question.name,
					     .type = l->question.type,
					     .status = GP_DNS_SERVFAIL};
	finish(l, &answer);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct lookup *l = gp_map_get(&self.lookups, key_of(&m->answer.ticket));
	struct gp_dns_answer answer;
	(void)ctx, (void)c;
	if (!l)
		return;
	gp_arena_reset(&self.arena);
	if (gp_answer_unpack(&m->answer, &l->question, &self.arena, &answer) < 0)
		fail(l);
	else
		finish(l, &answer);
}

static void
fail_all(void)
{
	for (size_t at = 0; self.lookups.len > 0; at = 0)
		fail(gp_map_next(&self.lookups, &at)->value);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_warning("resolver_gone", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_RESOLVER);
	fail_all();
}

void
resolve_connect(struct gp_role_env *env, int fd)
{
	static const struct gp_channel_owner owner = {.on_message = on_message,
						      .on_close = on_close};
	/* The end of the old one may still lie unread behind this news. */
	self.channel = gp_channel_free(self.channel);
	fail_all();
	if (self.lookups.max == 0)
		self.lookups = gp_map(OPEN_MAX, env->seed);
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_RESOLVER_TO_SMTPD, &owner);
	if (!self.channel)
		gp_error("no_channel", GP_FS("peer", "resolver"));
}

bool
resolve_ask(struct checks *c, struct gp_list *lookups, const struct gp_dns_question *question)
{
	struct lookup *l = self.channel ? malloc(sizeof(*l) + question->name.len) : NULL;
	if (!l)
		return false;
	*l = (struct lookup){.ticket = ++self.tickets, .checks = c};
	memcpy(l->name, question->name.ptr, question->name.len);
	l->question.name = gp_slice(l->name, question->name.len);
	l->question.type = question->type;
	struct gp_message m = {
		.type = GP_MSG_RESOLVE,
		.fd = -1,
		.resolve = {l->ticket, question->type, l->question.name},
	};
	if (!gp_map_set(&self.lookups, key_of(&l->ticket), l)) {
		free(l);
		return false;
	}
	gp_list_append(lookups, &l->link);
	if (gp_channel_send(self.channel, &m))
		return true;
	forget(l);
	return false;
}

void
resolve_forget(struct gp_list *lookups)
{
	gp_list_each (it, lookups) {
		forget(gp_container_of(it, struct lookup, link));
	}
}
