/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections. Each one lives for seconds, so when all places are taken the oldest gives
 * way: it had its time, or does not use it.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <string.h>
#include <unistd.h>

#include "procs/web/web.h"
#include "sys/log.h"

enum {
	SESSIONS_MAX = 256,
	SESSIONS_OF_A_SOURCE_MAX = 16, /* an address, or an IPv6 /64 */
	ACCEPTS_A_TURN = 16,
	/* When descriptors run out: leave the rest in the backlog for so long. */
	PAUSE_MS = 100,
};

static struct {
	const struct gp_role_listen *place;
	struct event readable, again;
} self;

static size_t
count_of(const struct gp_sockaddr *peer)
{
	size_t n = 0;
	gp_list_each (it, &web.sessions) {
		n += session_is_of(session_of(it), peer);
	}
	return n;
}

static void
admit(int fd, const struct gp_sockaddr *peer)
{
	if (count_of(peer) >= SESSIONS_OF_A_SOURCE_MAX) {
		gp_debug("web_refused", GP_FS("client", gp_sockaddr_text(peer, false).s));
		close(fd);
		return;
	}
	if (web.sessions_len == SESSIONS_MAX)
		session_free(session_of(web.sessions.next));
	session_start(fd, peer, self.place);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what, (void)arg;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct gp_sockaddr peer = {.len = sizeof(peer.ss)};
		int conn = accept4(fd, (struct sockaddr *)&peer.ss, &peer.len,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn >= 0) {
			admit(conn, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			gp_warning("accept_paused", GP_FS("reason", strerror(errno)));
			event_del(&self.readable);
			gp_timer_set(&self.again, PAUSE_MS);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	(void)event_add(&self.readable, NULL);
}

int
listener_start(struct gp_role_env *env)
{
	struct event_base *base = gp_loop_base(env->loop);
	self.place = &env->listens[0];
	if (evtimer_assign(&self.again, base, on_again, NULL) < 0 ||
	    event_assign(&self.readable, base, self.place->fd, EV_READ | EV_PERSIST, on_readable,
			 NULL) < 0)
		return -ENOMEM;
	return 0;
}

void
listener_open(void)
{
	(void)event_add(&self.readable, NULL);
}
