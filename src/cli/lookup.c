/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lookup.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/command.h"
#include "cli/message_file.h"
#include "core/dns/message.h"
#include "core/dns/name.h"
#include "procs/resolver/network.h"
#include "sys/address.h"

enum {
	ARENA_MAX = 256 << 20, /* the largest file of --dns, read */
	WAIT_S = 30,
	/* Rounds of questions: an evaluator takes a handful. */
	ROUNDS_MAX = 64,
};

/* One question under way. */
struct asked {
	struct network_query query;
	struct gp_lookup *lookup;
	struct gp_dns_question question;
	char name[GP_DNS_NAME_TEXT_MAX + 1];
	size_t *open; /* how many of its round are */
	bool done, failed;
};

static int
complain(const struct gp_lookup_options *o, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", o->command, what, why);
	return GP_EXIT_USAGE;
}

static bool
make_seed(uint64_t seed[2])
{
	return getrandom(seed, 2 * sizeof(*seed), 0) == 2 * sizeof(*seed);
}

static int
read_answers(struct gp_lookup *l, const struct gp_lookup_options *o, struct gp_slice json,
	     const char *file, const uint64_t seed[2])
{
	struct gp_slice why;
	int r = gp_answers_from_json(json, &l->arena, seed, &l->answers, &why);
	if (r > 0)
		return complain(o, file, gp_arena_str(&l->arena, why));
	return r < 0 ? GP_EXIT_ERROR : GP_EXIT_OK;
}

static int
open_file(struct gp_lookup *l, const struct gp_lookup_options *o, const uint64_t seed[2])
{
	struct gp_buf json = GP_BUF_INIT(GP_CONFIG_TEXT_MAX);
	int r = gp_message_read(o->dns, &json);
	int code = r < 0 ? complain(o, o->dns, strerror(-r))
			 : read_answers(l, o, gp_buf_slice(&json), o->dns, seed);
	gp_buf_free(&json);
	return code;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gp_lookup *l = arg;
	(void)fd, (void)what;
	(void)event_base_loopbreak(l->base);
}

static int
open_network(struct gp_lookup *l, const struct gp_lookup_options *o, const uint64_t seed[2])
{
	struct gp_config cfg = {.dns = o->config->dns};
	struct gp_sockaddr address;
	if (o->resolver) {
		cfg.dns.server = gp_slice_str(o->resolver);
		if (gp_sockaddr_parse(cfg.dns.server, 53, &address) < 0 ||
		    address.ss.ss_family == AF_UNIX)
			return complain(o, "--resolver", "takes ADDRESS or ADDRESS:PORT");
	}
	l->answers = gp_answers_new(&l->arena, GP_ANSWERS_MAX, seed);
	l->borrowed = o->base;
	l->base = o->base ? o->base : event_base_new();
	l->timer = l->base ? evtimer_new(l->base, on_timer, l) : NULL;
	if (!l->answers || !l->timer)
		return GP_EXIT_ERROR;
	/* What is wrong was logged. */
	unsigned sockets = o->sockets > 0 ? o->sockets : NETWORK_SOCKETS;
	return network_new(l->base, &cfg, sockets, &l->network) < 0 ? GP_EXIT_USAGE : GP_EXIT_OK;
}

int
gp_lookup_open(struct gp_lookup *l, const struct gp_lookup_options *o)
{
	uint64_t seed[2];
	*l = (struct gp_lookup){.arena = GP_ARENA_INIT(ARENA_MAX)};
	if (!make_seed(seed))
		return GP_EXIT_ERROR;
	if (o->dns && o->resolver)
		return complain(o, "--dns and --resolver", "only one of them can be given");
	if (o->dns)
		return open_file(l, o, seed);
	if (!o->resolver && o->config->dns.answers.len > 0)
		return read_answers(l, o, o->config->dns.answers, "dns.answers", seed);
	return open_network(l, o, seed);
}

int
gp_lookup_open_kept(struct gp_lookup *l, struct gp_slice answers)
{
	uint64_t seed[2];
	*l = (struct gp_lookup){.arena = GP_ARENA_INIT(ARENA_MAX)};
	if (!make_seed(seed))
		return -EIO;
	return gp_answers_read(answers, &l->arena, seed, &l->answers);
}

void
gp_lookup_close(struct gp_lookup *l)
{
	l->network = network_free(l->network);
	if (l->timer)
		event_free(l->timer);
	if (l->base && !l->borrowed)
		event_base_free(l->base);
	l->timer = NULL;
	l->base = NULL;
	l->answers = gp_answers_free(l->answers);
	gp_arena_free(&l->arena);
}

/* --- questions --- */

static bool
add(struct asked *a, const struct gp_dns_answer *answer)
{
	return gp_answers_add(a->lookup->answers, answer) == 0;
}

static bool
add_status(struct asked *a, uint8_t status)
{
	struct gp_dns_answer answer = {.name = a->question.name,
				       .canonical = a->question.name,
				       .type = a->question.type,
				       .status = status};
	return add(a, &answer);
}

/* The library is not trusted with formats: what it hands over is read by our own parser. */
static bool
add_packet(struct asked *a, const struct network_result *result)
{
	struct gp_dns_answer answer;
	struct gp_dns_question q = {gp_slice_str(a->name), a->question.type};
	if (result->trouble ||
	    gp_dns_message_parse(result->packet, &q, &a->lookup->arena, &answer) != 0)
		return add_status(a, GP_DNS_SERVFAIL);
	answer.secure = result->secure;
	return add(a, &answer);
}

static void
on_done(struct network_query *query, const struct network_result *result)
{
	struct asked *a = gp_container_of(query, struct asked, query);
	a->done = true;
	a->failed = !add_packet(a, result);
	if (--*a->open == 0)
		(void)event_base_loopbreak(a->lookup->base);
}

static void
start(struct asked *a)
{
	struct gp_name wire;
	struct gp_slice text;
	bool good = gp_name_from_text(a->question.name, &wire) &&
		    gp_name_to_text(&wire, &a->lookup->arena, &text) == 0;
	if (good) {
		gp_assert(text.len < sizeof(a->name));
		memcpy(a->name, text.ptr, text.len);
		a->query.done = on_done;
		good = network_ask(a->lookup->network, a->name, a->question.type, &a->query) == 0;
	}
	if (good)
		return;
	a->done = true;
	a->failed = !add_status(a, GP_DNS_SERVFAIL);
	--*a->open;
}

/* What is still open when the time is over has no answer. */
static void
wait_for(struct gp_lookup *l, struct asked *asked, size_t len, const size_t *open)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	if (*open > 0) {
		(void)evtimer_add(l->timer, &wait);
		(void)event_base_dispatch(l->base);
		(void)evtimer_del(l->timer);
	}
	for (size_t i = 0; i < len; i++) {
		if (asked[i].done)
			continue;
		network_cancel(l->network, &asked[i].query);
		asked[i].failed = !add_status(&asked[i], GP_DNS_TIMEOUT);
	}
}

bool
gp_lookup_ask(struct gp_lookup *l, const struct gp_dns_question *questions, size_t len)
{
	size_t open = len;
	bool good = true;
	if (!l->network || ++l->rounds > ROUNDS_MAX)
		return false;
	struct asked *asked = gp_arena_array(&l->arena, len, sizeof(*asked));
	if (!asked)
		return false;
	for (size_t i = 0; i < len; i++) {
		asked[i].lookup = l;
		asked[i].question = questions[i];
		asked[i].open = &open;
		start(&asked[i]);
	}
	wait_for(l, asked, len, &open);
	for (size_t i = 0; i < len; i++)
		good = good && !asked[i].failed;
	return good;
}

bool
gp_lookup_get(struct gp_lookup *l, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	struct gp_dns_question q = {name, type};
	return gp_answers_find(l->answers, name, type, ret) ||
	       (gp_lookup_ask(l, &q, 1) && gp_answers_find(l->answers, name, type, ret));
}
