/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/ask/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ipc/answer.h"
#include "ipc/role.h"
#include "sys/log.h"

enum { ANSWER_ARENA_MAX = 4 * 1024 * 1024 };

struct lookup {
	struct gp_list link; /* of the one who asked */
	uint64_t ticket;     /* the key in the map */
	struct asker *asker;
	struct gp_dns_question question; /* its name stands behind it */
	char name[];
};

static struct {
	struct gp_channel *channel; /* NULL: the resolver is not there */
	struct gp_map lookups;      /* by ticket */
	uint64_t tickets;           /* never one twice: a resolver before may still answer */
	struct gp_arena arena;      /* of the answer that is being read */
} self = {.arena = {.max = ANSWER_ARENA_MAX}};

static struct gp_slice
key_of(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

/* --- the end of a question --- */

static void
take_out(struct lookup *l)
{
	gp_map_remove(&self.lookups, key_of(&l->ticket));
	gp_list_remove(&l->link);
}

/* It is out before its asker hears of it, who may go with the last answer. */
static void
finish(struct lookup *l, const struct gp_dns_answer *answer)
{
	take_out(l);
	l->asker->on_answer(l->asker, answer);
	free(l);
}

struct gp_dns_answer
ask_failure(const struct gp_dns_question *question)
{
	return (struct gp_dns_answer){.name = question->name,
				      .canonical = question->name,
				      .type = question->type,
				      .status = GP_DNS_SERVFAIL};
}

static void
fail(struct lookup *l)
{
	const struct gp_dns_answer answer = ask_failure(&l->question);
	finish(l, &answer);
}

static void
fail_all(void)
{
	for (size_t at = 0; self.lookups.len > 0; at = 0)
		fail(gp_map_next(&self.lookups, &at)->value);
}

/* --- the channel --- */

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
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	gp_log(gp_role_loss_level(), "resolver_lost", GP_FS("reason", why));
	self.channel = NULL;
	gp_role_peer_lost(GP_ROLE_RESOLVER);
	fail_all();
}

void
ask_connect(const struct ask_setup *setup, int fd)
{
	static const struct gp_channel_owner owner = {on_message, on_close, NULL};
	/* The end of the old one may still lie unread behind this news. */
	self.channel = gp_channel_free(self.channel);
	fail_all();
	if (self.lookups.max == 0)
		self.lookups = gp_map(setup->open_max, setup->seed);
	self.channel = gp_channel_new(setup->loop, fd, setup->permit, &owner);
	if (!self.channel)
		gp_error("resolver_lost", GP_FS("reason", "out of memory"));
}

void
ask_disconnect(void)
{
	gp_assert(self.lookups.len == 0);
	self.channel = gp_channel_free(self.channel);
	gp_map_free(&self.lookups);
	gp_arena_free(&self.arena);
}

/* --- asking --- */

void
ask_init(struct asker *a, void (*on_answer)(struct asker *a, const struct gp_dns_answer *answer))
{
	a->on_answer = on_answer;
	gp_list_init(&a->open);
}

/* In the map and in its asker's list. NULL: over the cap, or no memory. */
static struct lookup *
new_lookup(struct asker *a, const struct gp_dns_question *question)
{
	struct lookup *l = malloc(sizeof(*l) + question->name.len);
	if (!l)
		return NULL;
	*l = (struct lookup){.ticket = ++self.tickets, .asker = a};
	memcpy(l->name, question->name.ptr, question->name.len);
	l->question.name = gp_slice(l->name, question->name.len);
	l->question.type = question->type;
	if (!gp_map_set(&self.lookups, key_of(&l->ticket), l)) {
		free(l);
		return NULL;
	}
	gp_list_append(&a->open, &l->link);
	return l;
}

bool
ask_resolver(struct asker *a, const struct gp_dns_question *question)
{
	struct lookup *l = self.channel ? new_lookup(a, question) : NULL;
	if (!l)
		return false;
	const struct gp_message m = {
		.type = GP_MSG_RESOLVE,
		.fd = -1,
		.resolve = {l->ticket, question->type, l->question.name},
	};
	if (gp_channel_send(self.channel, &m))
		return true;
	take_out(l);
	free(l);
	return false;
}

bool
ask_waits(const struct asker *a)
{
	return !gp_list_empty(&a->open);
}

void
ask_forget(struct asker *a)
{
	gp_list_each (it, &a->open) {
		struct lookup *l = gp_container_of(it, struct lookup, link);
		take_out(l);
		free(l);
	}
}
