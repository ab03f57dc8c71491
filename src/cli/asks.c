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
#include "sys/clock.h"

enum {
	TROUBLE_MAX = 300, /* octets of the resolver's own words */
	SHARES = 8,
};

/* One question: it waits, or is under way. */
struct question {
	struct gp_list link;   /* among all */
	struct gp_list of_ask; /* among those of who asks */
	struct network_query query;
	struct gp_ask *ask;
	uint64_t due_ms; /* when it times out, once it is under way */
	uint16_t type;
	bool begun, done;
	char name[GP_DNS_NAME_TEXT_MAX + 1];
};

static void
on_timer(evutil_socket_t fd, short what, void *arg);

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
		.sockets = (unsigned)o->under_way_max,
	};
	dns->base = base;
	dns->answers_max = o->answers_max;
	dns->under_way_max = o->under_way_max > 0 ? o->under_way_max : GP_ASKS_UNDER_WAY;
	dns->share_max = GP_MAX(dns->under_way_max / SHARES, (size_t)1);
	dns->pace = gp_pace(o->per_s, gp_clock_monotonic_ms());
	gp_list_init(&dns->waiting);
	gp_list_init(&dns->asked);
	event_assign(&dns->timer, base, -1, 0, on_timer, dns);
	return gp_lookup_open(&dns->lookup, &options);
}

void
gp_asks_close(struct gp_asks *dns)
{
	event_del(&dns->timer);
	gp_lookup_close(&dns->lookup);
}

/* --- one who asks --- */

static void
on_all_answered(evutil_socket_t fd, short what, void *arg)
{
	struct gp_ask *ask = arg;
	(void)fd, (void)what;
	ask->ready(ask);
}

int
gp_ask_init(struct gp_ask *ask, struct gp_asks *dns, struct gp_arena *arena,
	    void (*ready)(struct gp_ask *ask))
{
	uint64_t seed[2];
	*ask = (struct gp_ask){.dns = dns, .arena = arena, .ready = ready};
	gp_list_init(&ask->questions);
	gp_list_init(&ask->parked);
	event_assign(&ask->event, dns->base, -1, 0, on_all_answered, ask);
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
	struct gp_ask *ask = q->ask;
	struct gp_asks *dns = ask->dns;
	if (q->begun && !q->done)
		network_cancel(dns->lookup.network, &q->query);
	dns->under_way -= q->begun;
	ask->under_way -= q->begun;
	gp_list_remove(&q->link);
	gp_list_remove(&q->of_ask);
	free(q);
}

static void
drop_all(struct gp_ask *ask)
{
	gp_list_each (it, &ask->questions)
		drop(gp_container_of(it, struct question, of_ask));
}

void
gp_ask_end(struct gp_ask *ask)
{
	if (!ask->dns)
		return;
	drop_all(ask);
	if (!gp_list_empty(&ask->dns->waiting))
		event_active(&ask->dns->timer, EV_TIMEOUT, 0); /* there is room for others */
	event_del(&ask->event);
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
tell(struct question *q, const struct gp_dns_answer *answer, struct gp_slice packet)
{
	const struct gp_ask_seen seen = {.question = {answer->name, answer->type},
					 .packet = packet,
					 .status = answer->status,
					 .secure = answer->secure};
	if (q->ask->seen)
		q->ask->seen(q->ask, &seen);
}

/* packet: what came, and is no usable answer; or empty. */
static void
add_status(struct question *q, uint8_t status, struct gp_slice packet)
{
	struct gp_slice name = gp_slice_str(q->name);
	const struct gp_dns_answer answer = {
		.name = name, .canonical = name, .type = q->type, .status = status};
	tell(q, &answer, packet);
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
	tell(q, &answer, result->packet);
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
		add_status(q, GP_DNS_SERVFAIL, result->packet);
		return;
	}
	answer.secure = result->secure;
	tell(q, &answer, result->packet);
	add(q->ask, &answer);
}

/* Its answer is in the set. Who asks goes on from the loop, not from within what it has called. */
static void
settle(struct question *q)
{
	struct gp_ask *ask = q->ask;
	drop(q);
	/* There is room for one more, whose turn had come. */
	struct gp_list *next = gp_list_pop(&ask->parked);
	if (next)
		gp_list_insert(&ask->dns->waiting, next);
	if (gp_list_empty(&ask->questions))
		event_active(&ask->event, EV_TIMEOUT, 0);
}

/* --- whose turn it is --- */

static void
pump(struct gp_asks *dns);

static void
on_answer(struct network_query *query, const struct network_result *result)
{
	struct question *q = gp_container_of(query, struct question, query);
	struct gp_asks *dns = q->ask->dns;
	q->done = true;
	dns->counts.answered++;
	take_packet(q, result);
	settle(q);
	pump(dns);
}

static void
begin(struct question *q)
{
	struct gp_asks *dns = q->ask->dns;
	gp_list_remove(&q->link);
	gp_list_append(&dns->asked, &q->link);
	q->due_ms = gp_clock_monotonic_ms() + GP_ASK_MS;
	q->begun = true;
	dns->under_way++;
	q->ask->under_way++;
	dns->counts.asked++;
	/* It may be gone when this returns. */
	if (network_ask(dns->lookup.network, q->name, q->type, &q->query) == 0)
		return;
	q->done = true;
	add_status(q, GP_DNS_SERVFAIL, GP_SLICE(""));
	settle(q);
}

/* Wakes up for the first that times out, or for the next one's turn. To wake too early does no
   harm, and is cheaper than to set it anew with each answer. */
static void
set_timer(struct gp_asks *dns, uint64_t turn_ms)
{
	uint64_t now = gp_clock_monotonic_ms(), wait = turn_ms;
	if (!gp_list_empty(&dns->asked)) {
		struct question *q = gp_container_of(dns->asked.next, struct question, link);
		wait = GP_MIN(wait, q->due_ms > now ? q->due_ms - now : 0);
	}
	if (wait == UINT64_MAX) {
		event_del(&dns->timer);
		return;
	}
	if (event_pending(&dns->timer, EV_TIMEOUT, NULL) && dns->wake_ms <= now + wait)
		return;
	const struct timeval tv = {.tv_sec = (time_t)(wait / 1000),
				   .tv_usec = (suseconds_t)(wait % 1000 * 1000)};
	dns->wake_ms = now + wait;
	event_add(&dns->timer, &tv);
}

static bool
has_share(const struct gp_asks *dns, const struct gp_ask *ask)
{
	return dns->under_way >= dns->under_way_max / 2 && ask->under_way >= dns->share_max;
}

/* The first that waits and whose turn it is; NULL: there is none. */
static struct question *
next_question(struct gp_asks *dns)
{
	while (!gp_list_empty(&dns->waiting)) {
		struct question *q = gp_container_of(dns->waiting.next, struct question, link);
		if (!has_share(dns, q->ask))
			return q;
		gp_list_remove(&q->link);
		gp_list_append(&q->ask->parked, &q->link);
	}
	return NULL;
}

/* Some answers come while it asks: they leave the rest to it. */
static void
pump(struct gp_asks *dns)
{
	uint64_t turn_ms = UINT64_MAX;
	if (dns->pumping)
		return;
	dns->pumping = true;
	struct question *q;
	while (dns->under_way < dns->under_way_max && (q = next_question(dns)) != NULL) {
		if (!gp_pace_take(&dns->pace, gp_clock_monotonic_ms())) {
			turn_ms = gp_pace_wait_ms(&dns->pace);
			break;
		}
		begin(q);
	}
	dns->pumping = false;
	set_timer(dns, turn_ms);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gp_asks *dns = arg;
	uint64_t now = gp_clock_monotonic_ms();
	(void)fd, (void)what;
	gp_list_each (it, &dns->asked) {
		struct question *q = gp_container_of(it, struct question, link);
		if (q->due_ms > now)
			break;
		dns->counts.timed_out++;
		add_status(q, GP_DNS_TIMEOUT, GP_SLICE(""));
		settle(q);
	}
	pump(dns);
}

static int
add_question(struct gp_ask *ask, const struct gp_dns_question *question)
{
	struct gp_name wire;
	struct gp_slice text = {};
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){.ask = ask, .type = question->type, .query = {.done = on_answer}};
	bool good = gp_name_from_text(question->name, &wire) &&
		    gp_name_to_text(&wire, ask->arena, &text) == 0;
	/* What is no name is answered without being asked for; the evaluators never ask for it. */
	gp_assert(good && text.len < sizeof(q->name));
	memcpy(q->name, text.ptr, text.len);
	gp_list_append(&ask->dns->waiting, &q->link);
	gp_list_append(&ask->questions, &q->of_ask);
	return 0;
}

int
gp_ask_for(struct gp_ask *ask, const struct gp_dns_question *questions, size_t len)
{
	int r = 0;
	gp_assert(gp_list_empty(&ask->questions) && ask->dns->lookup.network);
	for (size_t i = 0; i < len && r == 0; i++)
		r = add_question(ask, &questions[i]);
	if (r < 0) {
		drop_all(ask);
		return r;
	}
	if (len == 0)
		event_active(&ask->event, EV_TIMEOUT, 0);
	pump(ask->dns);
	return 0;
}
