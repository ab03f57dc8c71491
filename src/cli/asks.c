/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/asks.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/command.h"
#include "core/dns/message.h"
#include "core/dns/name.h"
#include "procs/resolver/network.h"

enum { TROUBLE_MAX = 300 }; /* octets of the resolver's own words */

/* One question under way. */
struct question {
	struct gp_list link;
	struct network_query query;
	struct gp_ask *ask;
	uint16_t type;
	bool done;
	char name[GP_DNS_NAME_TEXT_MAX + 1];
};

int
gp_asks_open(struct gp_asks *dns, struct event_base *base, const struct gp_asks_options *o)
{
	static const struct gp_config no_config;
	const struct gp_lookup_options options = {
		.command = o->command,
		.dns = o->dns,
		.resolver = o->resolver,
		.config = o->config ? o->config : &no_config,
		.base = base,
	};
	dns->base = base;
	dns->answers_max = o->answers_max;
	return gp_lookup_open(&dns->lookup, &options);
}

void
gp_asks_close(struct gp_asks *dns)
{
	gp_lookup_close(&dns->lookup);
}

/* --- one who asks --- */

static void
on_timer(evutil_socket_t fd, short what, void *arg);

int
gp_ask_init(struct gp_ask *ask, struct gp_asks *dns, struct gp_arena *arena,
	    void (*ready)(struct gp_ask *ask))
{
	uint64_t seed[2];
	*ask = (struct gp_ask){.dns = dns, .arena = arena, .ready = ready};
	gp_list_init(&ask->open);
	event_assign(&ask->timer, dns->base, -1, 0, on_timer, ask);
	if (!dns->lookup.network) {
		ask->answers = dns->lookup.answers;
		return 0;
	}
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		ask->answers = gp_answers_new(arena, dns->answers_max, seed);
	return ask->answers ? 0 : -ENOMEM;
}

static void
drop(struct question *q)
{
	if (!q->done)
		network_cancel(q->ask->dns->lookup.network, &q->query);
	gp_list_remove(&q->link);
	free(q);
}

void
gp_ask_end(struct gp_ask *ask)
{
	if (!ask->dns)
		return;
	gp_list_each (it, &ask->open)
		drop(gp_container_of(it, struct question, link));
	event_del(&ask->timer);
	if (ask->dns->lookup.network)
		gp_answers_free(ask->answers);
	*ask = (struct gp_ask){};
}

/* A set that is full makes the evaluator ask the same again: whoever asks sees no progress, and the
   arena's failure tells. */
static void
add(struct gp_ask *ask, const struct gp_dns_answer *answer)
{
	if (gp_answers_add(ask->answers, answer) != 0)
		ask->arena->failed = true;
}

static void
add_status(struct question *q, uint8_t status)
{
	struct gp_slice name = gp_slice_str(q->name);
	const struct gp_dns_answer answer = {
		.name = name, .canonical = name, .type = q->type, .status = status};
	add(q->ask, &answer);
}

/* The library's words may quote what a server said: as much as is read. */
static void
add_trouble(struct question *q, const struct network_result *result)
{
	struct gp_slice name = gp_slice_str(q->name);
	const struct gp_dns_answer answer = {
		.name = name,
		.canonical = name,
		.type = q->type,
		.status = GP_DNS_SERVFAIL,
		.bogus = result->bogus,
		.trouble = gp_slice_take(gp_slice_str(result->trouble), TROUBLE_MAX),
	};
	add(q->ask, &answer);
}

/* The library is not trusted with formats: what it hands over is read by our own parser. */
static void
take_packet(struct question *q, const struct network_result *result)
{
	struct gp_dns_answer answer;
	const struct gp_dns_question asked = {gp_slice_str(q->name), q->type};
	if (result->trouble) {
		add_trouble(q, result);
		return;
	}
	if (gp_dns_message_parse(result->packet, &asked, q->ask->arena, &answer) != 0) {
		add_status(q, GP_DNS_SERVFAIL);
		return;
	}
	answer.secure = result->secure;
	add(q->ask, &answer);
}

static void
on_answer(struct network_query *query, const struct network_result *result)
{
	struct question *q = gp_container_of(query, struct question, query);
	struct gp_ask *ask = q->ask;
	q->done = true;
	take_packet(q, result);
	drop(q);
	if (gp_list_empty(&ask->open) && !ask->asking)
		event_active(&ask->timer, EV_TIMEOUT, 0);
}

/* All is answered, or the time is over. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gp_ask *ask = arg;
	(void)fd, (void)what;
	event_del(&ask->timer);
	gp_list_each (it, &ask->open) {
		struct question *q = gp_container_of(it, struct question, link);
		add_status(q, GP_DNS_TIMEOUT);
		drop(q);
	}
	ask->ready(ask);
}

static int
ask_one(struct gp_ask *ask, const struct gp_dns_question *question)
{
	struct gp_name wire;
	struct gp_slice text = {};
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){.ask = ask, .type = question->type, .query = {.done = on_answer}};
	gp_list_append(&ask->open, &q->link);
	bool good = gp_name_from_text(question->name, &wire) &&
		    gp_name_to_text(&wire, ask->arena, &text) == 0;
	/* What is no name is answered without being asked for; the evaluators never ask for it. */
	gp_assert(good && text.len < sizeof(q->name));
	memcpy(q->name, text.ptr, text.len);
	if (network_ask(ask->dns->lookup.network, q->name, q->type, &q->query) == 0)
		return 0;
	q->done = true;
	add_status(q, GP_DNS_SERVFAIL);
	drop(q);
	return 0;
}

int
gp_ask_for(struct gp_ask *ask, const struct gp_dns_question *questions, size_t len)
{
	const struct timeval wait = {.tv_sec = GP_ASK_MS / 1000};
	int r = 0;
	gp_assert(gp_list_empty(&ask->open) && ask->dns->lookup.network);
	ask->asking = true;
	for (size_t i = 0; i < len && r == 0; i++)
		r = ask_one(ask, &questions[i]);
	ask->asking = false;
	if (r < 0)
		return r;
	if (gp_list_empty(&ask->open))
		event_active(&ask->timer, EV_TIMEOUT, 0);
	else
		event_add(&ask->timer, &wait);
	return 0;
}
