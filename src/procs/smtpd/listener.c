/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections and counts them: in all, by address (a /32, or an IPv6 /64) and by network
 * (/24, /48); and how often these begin a TLS handshake, which is what costs most before anybody
 * has said a word. Each worker enforces its share of the configured numbers, as the kernel spreads
 * a source's connections evenly over them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "procs/limits/rate.h"
#include "procs/smtpd/smtpd.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	ACCEPTS_A_TURN = 64,
	SOURCES_MAX = 65536,
	/* When descriptors run out: leave the rest in the backlog for so long. */
	PAUSE_MS = 100,
	/* Of this worker's connections in use: over the first it is under stress, until they are
	   below the second. */
	STRESS_BEGINS_PERCENT = 75,
	STRESS_ENDS_PERCENT = 50,
};

enum { KEY_LEN = 18 };

/* Open connections of one address or network. Its key is its own octets. */
struct source {
	uint8_t key[KEY_LEN]; /* octets of an address, how many of them count, and these */
	uint32_t open;
};

struct listener {
	const struct gp_role_listen *place;
	struct event *readable, *again;
	int fd;
};

static struct {
	struct listener listeners[GP_ROLE_LISTENS_MAX];
	size_t listeners_len;
	struct gp_map sources;
	struct rate *handshakes;
} self;

static void
source_key(const struct gp_client *c, bool network, uint8_t key[KEY_LEN])
{
	size_t keep = c->address_len == 4 ? (network ? 3 : 4) : (network ? 6 : 8);
	memset(key, 0, KEY_LEN);
	key[0] = c->address_len;
	key[1] = (uint8_t)keep;
	memcpy(key + 2, c->address, keep);
}

static struct source *
find_source(const struct gp_client *c, bool network)
{
	uint8_t key[KEY_LEN];
	source_key(c, network, key);
	return gp_map_get(&self.sources, gp_slice((char *)key, sizeof(key)));
}

static bool
count_source(const struct gp_client *c, bool network)
{
	struct source *found = find_source(c, network);
	if (found) {
		found->open++;
		return true;
	}
	struct source *s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	source_key(c, network, s->key);
	s->open = 1;
	if (!gp_map_set(&self.sources, gp_slice((char *)s->key, sizeof(s->key)), s)) {
		free(s);
		return false;
	}
	return true;
}

static void
release_source(const struct gp_client *c, bool network)
{
	struct source *s = find_source(c, network);
	if (s && --s->open == 0) {
		gp_map_remove(&self.sources, gp_slice((char *)s->key, sizeof(s->key)));
		free(s);
	}
}

/* This worker's part of a number, rounded up, never 0. */
static uint32_t
share(uint32_t all)
{
	return (all + smtpd.env->workers - 1) / GP_MAX(smtpd.env->workers, 1u);
}

/* The number of sessions is another one. A flood of sessions that do nothing would keep everybody
   else out; so while places are few, strangers who do not come to the point lose theirs. */
static void
look_at_stress(void)
{
	uint64_t most = share(smtpd.env->config->limits.connections);
	store_tell_connections();
	uint64_t used = smtpd.sessions_len * 100ull;
	bool stressed = smtpd.stressed ? used >= most * STRESS_ENDS_PERCENT
				       : used > most * STRESS_BEGINS_PERCENT;
	if (stressed == smtpd.stressed)
		return;
	gp_warning(stressed ? "stress_begins" : "stress_ends",
		   GP_FN("connections", smtpd.sessions_len), GP_FN("limit", most));
	smtpd.stressed = stressed;
	gp_list_each (it, &smtpd.sessions) {
		session_stress((struct session *)it);
	}
}

void
listener_release(const struct gp_client *client)
{
	release_source(client, false);
	release_source(client, true);
	look_at_stress();
}

static const struct gp_limits *
limits_of(const struct gp_client *c)
{
	const struct gp_config *cfg = smtpd.env->config;
	return c->relay ? &cfg->relay_limits : &cfg->limits;
}

static const char *
over_limit(const struct gp_client *c)
{
	const struct gp_limits *l = limits_of(c);
	const struct source *address = find_source(c, false), *network = find_source(c, true);
	if (smtpd.sessions_len >= share(l->connections))
		return "connections";
	if (address && address->open >= share(l->connections_per_source))
		return "connections_per_source";
	if (network && network->open >= share(l->connections_per_network))
		return "connections_per_network";
	return NULL;
}

const char *
listener_handshake(const struct gp_client *client)
{
	static const char *const names[] = {"handshakes_per_source", "handshakes_per_network"};
	const struct gp_limits *l = limits_of(client);
	uint8_t address[KEY_LEN], network[KEY_LEN];
	source_key(client, false, address);
	source_key(client, true, network);
	const struct rate_ask asks[] = {
		{gp_slice((char *)address, KEY_LEN), share(l->handshakes_per_source),
		 RATE_MINUTE_MS, 1},
		{gp_slice((char *)network, KEY_LEN), share(l->handshakes_per_network),
		 RATE_MINUTE_MS, 1},
	};
	int over = rate_take(self.handshakes, asks, GP_ARRAY_LEN(asks), gp_clock_monotonic_ms());
	return over < 0 ? NULL : names[over];
}

/* Where TLS begins with the first octet there is nothing that a client would understand. */
static void
refuse(int fd, const struct gp_sockaddr *peer, const struct listener *l, const char *limit)
{
	static const char text[] = "421 4.7.0 Too many connections, try again later\r\n";
	gp_info("refused", GP_FS("client", gp_sockaddr_text(peer, false).s),
		GP_FS("stage", "connect"), GP_FN("code", 421), GP_FS("limit", limit));
	if (l->place->tls != GP_LISTEN_IMPLICIT)
		(void)!send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void
admit(int fd, const struct gp_sockaddr *peer, const struct listener *l)
{
	struct gp_client client = {};
	client.address_len = (uint8_t)gp_sockaddr_octets(peer, client.address);
	client.relay = gp_policy_client_relays(smtpd.policy, &client);
	const char *limit = over_limit(&client);
	if (!limit && l->place->tls == GP_LISTEN_IMPLICIT)
		limit = listener_handshake(&client);
	if (!limit && !count_source(&client, false))
		limit = "sources";
	if (!limit && !count_source(&client, true)) {
		release_source(&client, false);
		limit = "sources";
	}
	if (limit)
		refuse(fd, peer, l, limit);
	else
		session_start(fd, peer, &client, l->place);
	look_at_stress();
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct gp_sockaddr peer = {.len = sizeof(peer.ss)};
		int conn = accept4(fd, (struct sockaddr *)&peer.ss, &peer.len,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn >= 0) {
			admit(conn, &peer, l);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			gp_warning("accept_paused", GP_FS("reason", strerror(errno)));
			event_del(l->readable);
			gp_timer_set(l->again, PAUSE_MS);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	(void)fd, (void)what;
	if (!smtpd.stopping)
		event_add(l->readable, NULL);
}

int
listener_start(struct gp_role_env *env)
{
	self.sources = gp_map(SOURCES_MAX, env->seed);
	self.handshakes = rate_new(env->seed);
	if (!self.handshakes)
		return -ENOMEM;
	for (size_t i = 0; i < env->listens_len; i++) {
		struct listener *l = &self.listeners[self.listeners_len++];
		l->place = &env->listens[i];
		l->fd = env->listens[i].fd;
		l->readable = event_new(gp_loop_base(env->loop), l->fd, EV_READ | EV_PERSIST,
					on_readable, l);
		l->again = evtimer_new(gp_loop_base(env->loop), on_again, l);
		if (!l->readable || !l->again)
			return -ENOMEM;
	}
	return 0;
}

void
listener_open(void)
{
	for (size_t i = 0; i < self.listeners_len; i++)
		event_add(self.listeners[i].readable, NULL);
}

void
listener_stop(void)
{
	for (size_t i = 0; i < self.listeners_len; i++) {
		struct listener *l = &self.listeners[i];
		event_free(l->readable);
		event_free(l->again);
		close(l->fd);
	}
	self.listeners_len = 0;
}
