/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/posting.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <string.h>

#include "ipc/values.h"
#include "procs/limits/reporter.h"
#include "procs/web/figures.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	SOURCE_LEN = 2 + 16,
	/* A network's share, where an address has one. */
	NETWORK_FACTOR = 4,
};

static struct {
	struct gp_channel *channel; /* NULL: ingest is not there */
	struct gp_list waiting;     /* the next one first */
	uint64_t last_ticket;
	uint64_t asked; /* the ticket that ingest has, whoever waits for it; 0: none */
	struct share held;
	struct rate *minute, *day;
	struct event timer; /* until the first one has waited long enough */
} self;

/* --- how often --- */

/* what: a letter, so that no count is taken for another. */
static struct gp_slice
source_of(char what, const struct gp_sockaddr *client, bool network, uint8_t ret[SOURCE_LEN])
{
	uint8_t octets[16];
	size_t len = gp_sockaddr_octets(client, octets);
	/* An IPv6 host has a /64 to choose from, and a site often a /48. */
	size_t kept = len == 4 ? (network ? 3 : 4) : network ? 6 : 8;
	ret[0] = (uint8_t)what;
	ret[1] = (uint8_t)len;
	memcpy(ret + 2, octets, kept);
	return gp_slice((const char *)ret, 2 + kept);
}

bool
posting_may(const struct gp_config *cfg, const struct gp_sockaddr *client, size_t len,
	    uint64_t now_ms)
{
	uint8_t keys[2][SOURCE_LEN];
	struct reporter nobody = {};
	const struct reporter_limits limits = {cfg->reports.received_per_day,
					       cfg->reports.received_size_per_day};
	const struct rate_ask asks[] = {
		{source_of('a', client, false, keys[0]), cfg->web.posts_per_minute, RATE_MINUTE_MS,
		 1},
		{source_of('n', client, true, keys[1]),
		 (uint64_t)cfg->web.posts_per_minute * NETWORK_FACTOR, RATE_MINUTE_MS, 1},
	};
	nobody.address_len = gp_sockaddr_octets(client, nobody.address);
	if (rate_take(self.minute, asks, GP_ARRAY_LEN(asks), now_ms) >= 0)
		return false;
	if (reporter_may(self.day, &nobody, &limits, len, now_ms))
		return true;
	struct reporter_name name = reporter_name(&nobody);
	gp_warning("reporter_over_limit", GP_FS("client", name.s));
	figures_tell_over_limit(gp_slice_str(name.s), len);
	return false;
}

/* --- what is held --- */

struct posting *
posting_hold(struct posting *p, size_t octets)
{
	if (!p->joined)
		share_join(&self.held, &p->held);
	p->joined = true;
	struct share_holder *most = share_set(&self.held, &p->held, octets);
	return most ? gp_container_of(most, struct posting, held) : NULL;
}

void
posting_let_go(struct posting *p)
{
	if (p->joined)
		share_leave(&self.held, &p->held);
	p->joined = false;
}

/* --- the conversation --- */

static void
ask_next(void);

static void
end(struct posting *p, uint8_t outcome, struct gp_slice reason)
{
	gp_list_remove(&p->link);
	p->waits = false;
	p->on_result(p, outcome, reason);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->posted_kept.ticket != self.asked)
		return;
	self.asked = 0;
	gp_list_each (it, &self.waiting) {
		struct posting *p = gp_container_of(it, struct posting, link);
		if (p->ticket == m->posted_kept.ticket) {
			end(p, m->posted_kept.outcome, m->posted_kept.reason);
			break;
		}
	}
	ask_next();
}

static void
fail_all(void)
{
	self.asked = 0;
	while (!gp_list_empty(&self.waiting))
		end(gp_container_of(self.waiting.next, struct posting, link), GP_INGESTED_FAILED,
		    gp_slice("", 0));
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	self.channel = NULL;
	fail_all();
	gp_role_peer_lost(GP_ROLE_INGEST);
}

void
posting_connect(struct gp_role_env *env, int fd)
{
	const struct gp_channel_owner owner = {on_message, on_close, NULL};
	self.channel = gp_channel_free(self.channel);
	fail_all();
	self.channel = gp_channel_new(env->loop, fd, GP_PERMIT_INGEST_TO_WEB, &owner);
}

static bool
ask(struct posting *p)
{
	struct gp_message m = {.type = GP_MSG_POSTED, .fd = -1};
	m.posted.ticket = self.last_ticket + 1;
	m.posted.domain = p->domain;
	m.posted.client = p->client;
	m.posted.body = p->body;
	if (!self.channel || !gp_channel_send(self.channel, &m))
		return false;
	self.asked = p->ticket = ++self.last_ticket;
	return true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_ms = gp_clock_monotonic_ms();
	(void)fd, (void)what, (void)arg;
	while (!gp_list_empty(&self.waiting)) {
		struct posting *first = gp_container_of(self.waiting.next, struct posting, link);
		if (first->until_ms > now_ms) {
			gp_timer_set(&self.timer, first->until_ms - now_ms);
			break;
		}
		end(first, GP_INGESTED_FAILED, gp_slice("", 0));
	}
	ask_next();
}

/* All who wait were handed over in this order, so the first one's time is over first. */
static void
ask_next(void)
{
	if (gp_list_empty(&self.waiting) || self.asked != 0)
		return;
	/* Never from within posting_hand_over: the timer tells him. */
	struct posting *first = gp_container_of(self.waiting.next, struct posting, link);
	if (!ask(first)) {
		first->until_ms = 0;
		gp_timer_set(&self.timer, 0);
	}
}

void
posting_hand_over(struct posting *p, uint64_t now_ms)
{
	p->ticket = 0;
	p->waits = true;
	p->until_ms = now_ms + POSTING_WAIT_MS;
	gp_list_append(&self.waiting, &p->link);
	if (!evtimer_pending(&self.timer, NULL))
		gp_timer_set(&self.timer, POSTING_WAIT_MS);
	ask_next();
}

void
posting_forget(struct posting *p)
{
	posting_let_go(p);
	if (p->waits)
		gp_list_remove(&p->link);
	p->waits = false;
}

int
posting_start(struct event_base *base, const uint64_t seed[2])
{
	gp_list_init(&self.waiting);
	share_init(&self.held, POSTING_HELD_MAX);
	self.minute = rate_new(seed);
	self.day = rate_new(seed);
	return !self.minute || !self.day || evtimer_assign(&self.timer, base, on_timer, NULL) < 0
		       ? -ENOMEM
		       : 0;
}
