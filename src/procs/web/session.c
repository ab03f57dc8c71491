/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: a handshake, one request, one answer.
 *
 *     SHAKES_HANDS --> READS --> WRITES --> LINGERS --> free
 *          |             |          |
 *          +-------------+----------+----> free: an error, or the time is over
 *
 * All of it has one deadline, so that nobody gains by being slow.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procs/web/answer.h"
#include "procs/web/web.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	/* From the connection to the last octet of the answer. */
	TIME_MS = 10 * 1000,
	/* For the client's end of a connection that has its answer: a reset would eat it. */
	LINGER_MS = 1000,
	LINGER_OCTETS = 64 * 1024,
};

enum state { SHAKES_HANDS, READS, WRITES, LINGERS };

struct session {
	struct gp_list link;
	enum state state;
	int fd;
	struct gp_tls *tls;
	bool signing; /* the handshake waits for signer */
	struct event readable, writable, timer;
	struct gp_buf in, out;
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

/* Waits for one of them, or for neither. */
static void
watch(struct session *s, bool read, bool write)
{
	(void)(read ? event_add(&s->readable, NULL) : event_del(&s->readable));
	(void)(write ? event_add(&s->writable, NULL) : event_del(&s->writable));
}

/* --- the answer --- */

static void
linger(struct session *s)
{
	gp_tls_close(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
	s->state = LINGERS;
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

static void
write_answer(struct session *s)
{
	while (s->out.len > 0) {
		ssize_t n = gp_tls_write(s->tls, gp_buf_slice(&s->out));
		if (n == -EAGAIN) {
			bool reads = gp_tls_wants(s->tls) == GP_TLS_WANTS_READ;
			watch(s, reads, !reads);
			return;
		}
		if (n < 0) {
			fail(s, gp_tls_error(s->tls));
			return;
		}
		gp_buf_consume(&s->out, (size_t)n);
	}
	linger(s);
}

static void
answer(struct session *s, int outcome, const struct gp_http_request *request)
{
	struct question q = {
		.outcome = outcome,
		.request = *request,
		.sni = gp_slice_str(gp_tls_facts(s->tls).name),
		.now_ms = gp_clock_wall_ms(),
	};
	int status = answer_write(&s->out, web.env->config, &q);
	gp_log(status == 200 ? GP_LOG_INFO : GP_LOG_DEBUG, "web_answered",
	       GP_FS("client", gp_sockaddr_text(&s->peer, false).s),
	       GP_F("host", gp_slice_take(request->host, 300)), GP_FN("status", (uint64_t)status));
	if (s->out.failed) {
		fail(s, "out of memory");
		return;
	}
	s->state = WRITES;
	write_answer(s);
}

/* --- the request --- */

static void
read_request(struct session *s)
{
	struct gp_http_request request;
	for (;;) {
		char *to = gp_buf_reserve(&s->in, GP_HTTP_HEAD_MAX - s->in.len);
		ssize_t n = to ? gp_tls_read(s->tls, to, GP_HTTP_HEAD_MAX - s->in.len) : -ENOMEM;
		if (n == -EAGAIN) {
			bool writes = gp_tls_wants(s->tls) == GP_TLS_WANTS_WRITE;
			watch(s, !writes, writes);
			return;
		}
		if (n <= 0) {
			fail(s, n == 0 ? "no request" : strerrordesc_np((int)-n));
			return;
		}
		gp_buf_advance(&s->in, (size_t)n);
		int outcome = gp_http_request_read(gp_buf_slice(&s->in), &request);
		if (outcome != GP_HTTP_MORE) {
			answer(s, outcome, &request);
			return;
		}
	}
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
		s->state = READS;
		read_request(s);
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
	case READS:
		read_request(s);
		break;
	case WRITES:
		write_answer(s);
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
session_is_of(const struct session *s, const struct gp_sockaddr *peer)
{
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
	struct gp_tls *tls = s ? tls_accept(fd, listen) : NULL;
	if (!tls) {
		free(s);
		close(fd);
		return;
	}
	s->fd = fd;
	s->tls = tls;
	s->peer = *peer;
	s->in = GP_BUF_INIT(GP_HTTP_HEAD_MAX);
	s->out = GP_BUF_INIT(ANSWER_MAX);
	event_assign(&s->readable, base, fd, EV_READ | EV_PERSIST, on_ready, s);
	event_assign(&s->writable, base, fd, EV_WRITE | EV_PERSIST, on_ready, s);
	evtimer_assign(&s->timer, base, on_timer, s);
	gp_list_append(&web.sessions, &s->link);
	web.sessions_len++;
	gp_timer_set(&s->timer, TIME_MS);
	shake_hands(s);
}
