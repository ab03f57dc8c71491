/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/resolver/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/dns/answers.h"
#include "core/dns/message.h"
#include "core/dns/name.h"
#include "ipc/answer.h"
#include "procs/resolver/network.h"
#include "sys/log.h"

enum {
	ANSWER_ARENA_MAX = 4 << 20, /* the largest message, read and packed */
	FILE_ARENA_MAX = 1 << 30,   /* answers from a file, as many as there may be */
};

struct resolver {
	struct gp_loop *loop;
	uint64_t query_time_ms;
	struct network *network; /* one of these two */
	struct gp_answers *answers;
	struct gp_arena file_arena;
	struct gp_list peers;
	size_t peers_len;
	struct gp_list requests; /* oldest first, so the first ends first */
	size_t requests_len, strangers_len;
	struct event *timer; /* runs while there are requests */
	bool started;
	bool full; /* QUERIES_MAX was reached, or STRANGERS_MAX, and said */
};

struct peer {
	struct gp_list link;
	struct resolver *resolver;
	struct gp_channel *channel; /* NULL: not started */
	int fd;                     /* until then */
	bool for_strangers;
};

/* A question on its way through the network. */
struct request {
	struct gp_list link;
	struct network_query query;
	struct peer *peer;
	uint64_t ticket;
	uint64_t deadline_ms;
	uint16_t type;
	bool asking, answered; /* the answer may come while the question is being asked */
	char name[GP_DNS_NAME_TEXT_MAX + 1];
};

static struct gp_dns_question
question_of(const struct request *q)
{
	return (struct gp_dns_question){gp_slice_str(q->name), q->type};
}

static bool
send_answer(struct peer *p, const struct gp_dns_answer *answer, uint64_t ticket,
	    struct gp_arena *arena)
{
	struct gp_message m = {.type = GP_MSG_ANSWER, .fd = -1};
	return gp_answer_pack(answer, ticket, arena, &m.answer) == 0 &&
	       gp_channel_send(p->channel, &m);
}

/* An answer without records. */
static void
send_status(struct peer *p, struct gp_slice name, uint8_t status, uint64_t ticket)
{
	struct gp_arena arena = GP_ARENA_INIT(ANSWER_ARENA_MAX);
	struct gp_dns_answer answer = {.name = name, .canonical = name, .status = status};
	if (!send_answer(p, &answer, ticket, &arena))
		gp_error("answer_lost", GP_F("name", name), GP_FS("reason", "out of memory"));
	gp_arena_free(&arena);
}

static void
send_or_fail(struct peer *p, const struct gp_dns_answer *answer, uint64_t ticket,
	     struct gp_arena *arena)
{
	if (!send_answer(p, answer, ticket, arena))
		send_status(p, answer->name, GP_DNS_SERVFAIL, ticket);
}

/* --- requests --- */

static void
run_timer(struct resolver *r)
{
	if (gp_list_empty(&r->requests)) {
		evtimer_del(r->timer);
		return;
	}
	const struct request *first = gp_container_of(r->requests.next, struct request, link);
	uint64_t now_ms = gp_loop_now_ms(r->loop);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): off the list before it is freed */
	uint64_t wait_ms = first->deadline_ms > now_ms ? first->deadline_ms - now_ms : 0;
	struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
			       .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
	evtimer_add(r->timer, &wait);
}

static void
end_request(struct request *q)
{
	struct resolver *r = q->peer->resolver;
	gp_list_remove(&q->link);
	r->requests_len--;
	r->strangers_len -= q->peer->for_strangers;
	r->full = r->full && r->requests_len > QUERIES_MAX / 2;
	free(q);
}

static void
log_trouble(const struct request *q, const char *why)
{
	gp_info("dns_trouble", GP_FS("name", q->name), GP_FN("type", q->type),
		GP_FS("reason", why));
}

/* The library is not trusted with formats: what it hands over is read by our own parser. */
static void
answer_request(struct request *q, const struct network_result *result)
{
	struct gp_arena arena = GP_ARENA_INIT(ANSWER_ARENA_MAX);
	struct gp_dns_question question = question_of(q);
	struct gp_dns_answer answer;
	const char *trouble = result->trouble;
	if (!trouble && gp_dns_message_parse(result->packet, &question, &arena, &answer) != 0)
		trouble = "malformed answer";
	if (trouble) {
		log_trouble(q, trouble);
		send_status(q->peer, question.name, GP_DNS_SERVFAIL, q->ticket);
	} else {
		answer.secure = result->secure;
		send_or_fail(q->peer, &answer, q->ticket, &arena);
	}
	gp_arena_free(&arena);
}

static void
on_done(struct network_query *query, const struct network_result *result)
{
	struct request *q = gp_container_of(query, struct request, query);
	answer_request(q, result);
	q->answered = true;
	if (!q->asking)
		end_request(q);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	(void)fd, (void)what;
	gp_list_each (it, &r->requests) {
		struct request *q = gp_container_of(it, struct request, link);
		if (q->deadline_ms > gp_loop_now_ms(r->loop))
			break;
		network_cancel(r->network, &q->query);
		log_trouble(q, "no answer in time");
		send_status(q->peer, gp_slice_str(q->name), GP_DNS_TIMEOUT, q->ticket);
		end_request(q);
	}
	run_timer(r);
}

static struct request *
make_request(struct peer *p, struct gp_slice name, uint16_t type, uint64_t ticket)
{
	struct resolver *r = p->resolver;
	struct request *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	gp_assert(name.len < sizeof(q->name));
	memcpy(q->name, name.ptr, name.len);
	q->query.done = on_done;
	q->peer = p;
	q->ticket = ticket;
	q->deadline_ms = gp_loop_now_ms(r->loop) + r->query_time_ms;
	q->type = type;
	gp_list_append(&r->requests, &q->link);
	r->requests_len++;
	r->strangers_len += p->for_strangers;
	return q;
}

static void
ask_network(struct peer *p, struct gp_slice name, uint16_t type, uint64_t ticket)
{
	struct resolver *r = p->resolver;
	struct request *q = make_request(p, name, type, ticket);
	if (!q) {
		send_status(p, name, GP_DNS_SERVFAIL, ticket);
		return;
	}
	q->asking = true;
	if (network_ask(r->network, q->name, type, &q->query) < 0) {
		log_trouble(q, "the question could not be asked");
		send_status(p, name, GP_DNS_SERVFAIL, ticket);
		q->answered = true;
	}
	q->asking = false;
	if (q->answered)
		end_request(q);
	if (!evtimer_pending(r->timer, NULL))
		run_timer(r);
}

/* --- peers --- */

static bool
is_type(uint16_t type)
{
	static const uint16_t types[] = {GP_DNS_A,   GP_DNS_CNAME, GP_DNS_PTR, GP_DNS_MX,
					 GP_DNS_TXT, GP_DNS_AAAA,  GP_DNS_TLSA};
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

static bool
is_full(struct resolver *r, bool for_strangers)
{
	if (r->requests_len < QUERIES_MAX && !(for_strangers && r->strangers_len >= STRANGERS_MAX))
		return false;
	if (!r->full)
		gp_warning("resolver_full", GP_FN("queries", r->requests_len));
	r->full = true;
	return true;
}

/* name: canonical */
static void
ask(struct peer *p, struct gp_slice name, uint16_t type, uint64_t ticket, struct gp_arena *arena)
{
	struct resolver *r = p->resolver;
	struct gp_dns_answer answer;
	if (r->answers) {
		bool known = gp_answers_find(r->answers, name, type, &answer);
		gp_assert(known);
		send_or_fail(p, &answer, ticket, arena);
	} else if (is_full(r, p->for_strangers)) {
		send_status(p, name, GP_DNS_SERVFAIL, ticket);
	} else {
		ask_network(p, name, type, ticket);
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct peer *p = ctx;
	struct gp_arena arena = GP_ARENA_INIT(ANSWER_ARENA_MAX);
	struct gp_name wire;
	struct gp_slice name = m->resolve.name;
	(void)c;
	gp_assert(m->type == GP_MSG_RESOLVE);
	if (!gp_name_from_text(name, &wire))
		send_status(p, GP_SLICE("."), GP_DNS_NXDOMAIN, m->resolve.ticket);
	else if (!is_type(m->resolve.type) || gp_name_to_text(&wire, &arena, &name) < 0)
		send_status(p, GP_SLICE("."), GP_DNS_SERVFAIL, m->resolve.ticket);
	else
		ask(p, name, m->resolve.type, m->resolve.ticket, &arena);
	gp_arena_free(&arena);
}

static void
drop_requests(struct peer *p)
{
	struct resolver *r = p->resolver;
	gp_list_each (it, &r->requests) {
		struct request *q = gp_container_of(it, struct request, link);
		if (q->peer != p)
			continue;
		network_cancel(r->network, &q->query);
		end_request(q);
	}
}

static void
free_peer(struct peer *p)
{
	drop_requests(p);
	gp_list_remove(&p->link);
	p->resolver->peers_len--;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)c;
	gp_debug("peer_gone", GP_FS("reason", why));
	free_peer(ctx);
}

static void
start_peer(struct peer *p)
{
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close, .ctx = p};
	int fd = p->fd;
	p->fd = -1;
	static_assert(GP_PERMIT_RELAY_TO_RESOLVER == GP_PERMIT_REPORTS_TO_RESOLVER &&
		      GP_PERMIT_RELAY_TO_RESOLVER == GP_PERMIT_SMTPD_TO_RESOLVER);
	p->channel = gp_channel_new(p->resolver->loop, fd, GP_PERMIT_RELAY_TO_RESOLVER, &owner);
	if (!p->channel) {
		gp_error("peer_refused", GP_FS("reason", "out of memory"));
		free_peer(p);
	}
}

void
resolver_add_peer(struct resolver *r, int fd, bool for_strangers)
{
	struct peer *p = r->peers_len < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		gp_error("peer_refused", GP_FS("reason", "too many, or out of memory"));
		close(fd);
		return;
	}
	p->resolver = r;
	p->fd = fd;
	p->for_strangers = for_strangers;
	gp_list_append(&r->peers, &p->link);
	r->peers_len++;
	if (r->started)
		start_peer(p);
}

void
resolver_start(struct resolver *r)
{
	r->started = true;
	gp_list_each (it, &r->peers) {
		start_peer(gp_container_of(it, struct peer, link));
	}
}

/* --- the beginning and the end --- */

struct resolver *
resolver_new(struct gp_loop *loop, uint64_t query_time_ms)
{
	struct resolver *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->loop = loop;
	r->query_time_ms = query_time_ms;
	r->file_arena = GP_ARENA_INIT(FILE_ARENA_MAX);
	gp_list_init(&r->peers);
	gp_list_init(&r->requests);
	r->timer = evtimer_new(gp_loop_base(loop), on_timer, r);
	return r->timer ? r : resolver_free(r);
}

struct resolver *
resolver_free(struct resolver *r)
{
	if (!r)
		return NULL;
	gp_list_each (it, &r->peers) {
		struct peer *p = gp_container_of(it, struct peer, link);
		gp_channel_free(p->channel);
		free_peer(p);
	}
	network_free(r->network);
	gp_answers_free(r->answers);
	gp_arena_free(&r->file_arena);
	if (r->timer)
		event_free(r->timer);
	free(r);
	return NULL;
}

int
resolver_open(struct resolver *r, const struct gp_config *config, const uint64_t seed[2])
{
	struct gp_slice why = {0};
	if (config->dns.answers.len == 0)
		return network_new(gp_loop_base(r->loop), config, NETWORK_SOCKETS, &r->network);
	int rc = gp_answers_from_json(config->dns.answers, &r->file_arena, seed, &r->answers, &why);
	if (rc > 0)
		gp_error("resolver_setup_failed", GP_FS("setting", "dns.answers"),
			 GP_F("reason", why));
	return rc > 0 ? -EINVAL : rc;
}
