/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: a handshake, where it is by TLS, then octets between the client and HTTP
 * (http.h), which answers once and ends its side.
 *
 *     SHAKES_HANDS --> CARRIES --> LINGERS --> free
 *          |              |
 *          +--------------+----> free: an error, or the time is over
 *
 * All of it has one deadline, so that nobody gains by being slow.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procs/web/guard.h"
#include "procs/web/http.h"
#include "procs/web/web.h"
#include "sys/log.h"

enum {
	/* From the connection to the last octet of the answer; on the dashboard, where auth may
	   make somebody wait 16 s for having guessed. */
	TIME_MS = 10 * 1000,
	DASHBOARD_TIME_MS = 30 * 1000,
	/* For the client's end of a connection that has its answer: a reset would eat it. */
	LINGER_MS = 1000,
	LINGER_OCTETS = 64 * 1024,
	/* Octets on their way, in each direction. */
	PIECE = 16 * 1024,
};

enum state { SHAKES_HANDS, CARRIES, LINGERS };

struct session {
	struct gp_list link;
	enum state state;
	int fd, near; /* the client's, and our end of the pair to HTTP; -1: not yet */
	const struct gp_role_listen *listen; /* where it came in */
	struct gp_tls *tls;                  /* NULL: in clear */
	bool signing;                        /* the handshake waits for signer */
	bool client_ended, answered;
	struct event readable, writable, timer;
	struct event near_readable, near_writable; /* while it CARRIES */
	struct gp_buf in, out;
	struct guard guard; /* of what it is answered */
	size_t lingered;
	struct gp_sockaddr peer;
};

struct session *
session_of(struct gp_list *link)
{
	return gp_container_of(link, struct session, link);
}

void
session_free(struct session *s)
{
	if (s->signing)
		tls_forget(s);
	gp_tls_free(s->tls);
	event_del(&s->readable);
	event_del(&s->writable);
	event_del(&s->timer);
	if (s->near >= 0) {
		event_del(&s->near_readable);
		event_del(&s->near_writable);
		close(s->near);
	}
	close(s->fd);
	gp_buf_free(&s->in);
	gp_buf_free(&s->out);
	gp_list_remove(&s->link);
	web.sessions_len--;
	free(s);
}

static void
fail(struct session *s, const char *why)
{
	gp_debug("web_failed", GP_FS("client", gp_sockaddr_text(&s->peer, false).s),
		 GP_FS("reason", why));
	session_free(s);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg);

/* Waits for one of them, or for neither. */
static void
watch(struct session *s, bool read, bool write)
{
	(void)(read ? event_add(&s->readable, NULL) : event_del(&s->readable));
	(void)(write ? event_add(&s->writable, NULL) : event_del(&s->writable));
}

/* --- the end --- */

static void
linger(struct session *s)
{
	if (s->tls)
		gp_tls_close(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
	s->state = LINGERS;
	event_del(&s->near_readable);
	event_del(&s->near_writable);
	gp_timer_set(&s->timer, LINGER_MS);
	watch(s, true, false);
}

static void
read_lingering(struct session *s)
{
	char data[4096];
	ssize_t n = recv(s->fd, data, sizeof(data), 0);
	s->lingered += n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || s->lingered > LINGER_OCTETS)
		session_free(s);
}

/* --- octets between the client and HTTP --- */

static ssize_t
receive(struct session *s, char *to, size_t size)
{
	ssize_t n = s->tls ? gp_tls_read(s->tls, to, size) : recv(s->fd, to, size, 0);
	return s->tls || n >= 0 ? n : -errno;
}

static ssize_t
transmit(struct session *s, struct gp_slice data)
{
	ssize_t n =
		s->tls ? gp_tls_write(s->tls, data) : send(s->fd, data.ptr, data.len, MSG_NOSIGNAL);
	return s->tls || n >= 0 ? n : -errno;
}

/* Each moves what it can: 1 when it moved something, 0 when it cannot now, -errno. */

static int
read_client(struct session *s)
{
	/* What it says behind its answer is for nobody. */
	if (s->client_ended || s->answered || s->in.len > 0)
		return 0;
	char *to = gp_buf_reserve(&s->in, PIECE);
	ssize_t n = to ? receive(s, to, PIECE) : -ENOMEM;
	if (n == 0) {
		s->client_ended = true;
		(void)shutdown(s->near, SHUT_WR);
	}
	if (n > 0)
		gp_buf_advance(&s->in, (size_t)n);
	return n == -EAGAIN ? 0 : n < 0 ? (int)n : 1;
}

static int
write_near(struct session *s)
{
	if (s->in.len == 0)
		return 0;
	struct gp_slice data = gp_buf_slice(&s->in);
	ssize_t n = send(s->near, data.ptr, data.len, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* It has its request, and reads no more. */
	gp_buf_consume(&s->in, n < 0 ? data.len : (size_t)n);
	return 1;
}

static int
read_near(struct session *s)
{
	char data[PIECE];
	if (s->answered || s->out.len > 0)
		return 0;
	ssize_t n = recv(s->near, data, sizeof(data), 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* A reset is an end too: it did not read all that the client had said. */
	s->answered = n <= 0;
	if (n > 0)
		guard_pass(&s->guard, gp_slice(data, (size_t)n), &s->out);
	return s->out.failed ? -ENOMEM : 1;
}

static int
write_client(struct session *s)
{
	if (s->out.len == 0)
		return 0;
	ssize_t n = transmit(s, gp_buf_slice(&s->out));
	if (n > 0)
		gp_buf_consume(&s->out, (size_t)n);
	return n == -EAGAIN ? 0 : n < 0 ? (int)n : 1;
}

static void
watch_both(struct session *s)
{
	bool reads = !s->client_ended && !s->answered && s->in.len == 0, writes = s->out.len > 0;
	/* TLS may want the other direction than we do. */
	if (s->tls && writes && gp_tls_wants(s->tls) == GP_TLS_WANTS_READ)
		reads = true;
	if (s->tls && reads && gp_tls_wants(s->tls) == GP_TLS_WANTS_WRITE)
		writes = true;
	watch(s, reads, writes);
	(void)(!s->answered && s->out.len == 0 ? event_add(&s->near_readable, NULL)
					       : event_del(&s->near_readable));
	(void)(s->in.len > 0 ? event_add(&s->near_writable, NULL) : event_del(&s->near_writable));
}

static void
carry(struct session *s)
{
	static int (*const ways[])(struct session * s) = {read_client, write_near, read_near,
							  write_client};
	bool moved = true;
	while (moved) {
		moved = false;
		for (size_t i = 0; i < GP_ARRAY_LEN(ways); i++) {
			int r = ways[i](s);
			if (r < 0) {
				fail(s, s->tls ? gp_tls_error(s->tls) : strerrordesc_np(-r));
				return;
			}
			moved |= r > 0;
		}
	}
	if (s->answered && s->out.len == 0)
		linger(s);
	else
		watch_both(s);
}

static void
begin_http(struct session *s)
{
	struct event_base *base = gp_loop_base(web.env->loop);
	struct http_client client = {
		.address = s->peer, .service = s->listen->service, .tls = s->tls != NULL};
	if (s->tls)
		snprintf(client.sni, sizeof(client.sni), "%s", gp_tls_facts(s->tls).name);
	s->near = http_connect(&client);
	if (s->near < 0) {
		fail(s, strerrordesc_np(-s->near));
		return;
	}
	event_assign(&s->near_readable, base, s->near, EV_READ | EV_PERSIST, on_ready, s);
	event_assign(&s->near_writable, base, s->near, EV_WRITE | EV_PERSIST, on_ready, s);
	s->state = CARRIES;
	carry(s);
}

/* --- the handshake --- */

static void
await_handshake(struct session *s)
{
	enum gp_tls_want want = gp_tls_wants(s->tls);
	if (want == GP_TLS_WANTS_SIGNATURE && !s->signing) {
		s->signing = tls_sign(s, gp_tls_request(s->tls));
		if (!s->signing) {
			fail(s, "no signer");
			return;
		}
	}
	watch(s, want == GP_TLS_WANTS_READ, want == GP_TLS_WANTS_WRITE);
}

static void
shake_hands(struct session *s)
{
	int r = gp_tls_handshake(s->tls);
	if (r == -EAGAIN) {
		await_handshake(s);
	} else if (r < 0) {
		fail(s, gp_tls_error(s->tls));
	} else {
		begin_http(s);
	}
}

void
session_signed(struct session *s, struct gp_slice signature)
{
	gp_assert(s->state == SHAKES_HANDS && s->signing);
	s->signing = false;
	if (signature.len == 0) {
		fail(s, "signer refused, or is gone");
		return;
	}
	gp_tls_answer(s->tls, signature);
	shake_hands(s);
}

/* --- events --- */

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void)fd, (void)what;
	switch (s->state) {
	case SHAKES_HANDS:
		shake_hands(s);
		break;
	case CARRIES:
		carry(s);
		break;
	case LINGERS:
		read_lingering(s);
		break;
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	fail(arg, "the time is over");
}

bool
session_is_of(const struct session *s, const struct gp_role_listen *listen,
	      const struct gp_sockaddr *peer)
{
	if (s->listen != listen)
		return false;
	uint8_t mine[16], other[16];
	size_t len = gp_sockaddr_octets(&s->peer, mine);
	/* A host of IPv6 has a /64 to choose from. */
	return len == gp_sockaddr_octets(peer, other) &&
	       memcmp(mine, other, len == 16 ? 8 : len) == 0;
}

void
session_start(int fd, const struct gp_sockaddr *peer, const struct gp_role_listen *listen)
{
	struct event_base *base = gp_loop_base(web.env->loop);
	struct session *s = calloc(1, sizeof(*s));
	bool clear = listen->tls == GP_LISTEN_CLEAR;
	struct gp_tls *tls = s && !clear ? tls_accept(fd, listen) : NULL;
	if (!s || (!tls && !clear)) {
		free(s);
		close(fd);
		return;
	}
	s->fd = fd;
	s->near = -1;
	s->listen = listen;
	s->tls = tls;
	s->peer = *peer;
	s->in = GP_BUF_INIT(PIECE);
	s->out = GP_BUF_INIT(PIECE + GUARD_MAX);
	s->guard.service = listen->service;
	event_assign(&s->readable, base, fd, EV_READ | EV_PERSIST, on_ready, s);
	event_assign(&s->writable, base, fd, EV_WRITE | EV_PERSIST, on_ready, s);
	evtimer_assign(&s->timer, base, on_timer, s);
	gp_list_append(&web.sessions, &s->link);
	web.sessions_len++;
	gp_timer_set(&s->timer,
		     listen->service == GP_SERVICE_DASHBOARD ? DASHBOARD_TIME_MS : TIME_MS);
	if (clear)
		begin_http(s);
	else
		shake_hands(s);
}
