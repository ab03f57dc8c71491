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
	LISTENERS_MAX = 2,
	SESSIONS_MAX = 256,
	/* An address, or an IPv6 /64. A page of the dashboard takes some ten connections, and all
	   users of a proxy are one address. */
	SESSIONS_OF_A_SOURCE_MAX = 16,
	DASHBOARD_OF_A_SOURCE_MAX = 128,
	ACCEPTS_A_TURN = 16,
	/* When descriptors run out: leave the rest in the backlog for so long. */
	PAUSE_MS = 100,
};

struct listener {
	const struct gp_role_listen *place;
	struct event readable, again;
};

static struct {
	struct listener listeners[LISTENERS_MAX];
	size_t len;
} self;

static size_t
count_of(const struct listener *l, const struct gp_sockaddr *peer)
{
	size_t n = 0;
	gp_list_each (it, &web.sessions) {
		n += session_is_of(session_of(it), l->place, peer);
	}
	return n;
}

static void
admit(const struct listener *l, int fd, const struct gp_sockaddr *peer)
{
	size_t max = l->place->service == GP_SERVICE_DASHBOARD ? DASHBOARD_OF_A_SOURCE_MAX
							       : SESSIONS_OF_A_SOURCE_MAX;
	if (count_of(l, peer) >= max) {
		gp_debug("web_refused", GP_FS("client", gp_sockaddr_text(peer, false).s));
		close(fd);
		return;
	}
	if (web.sessions_len == SESSIONS_MAX)
		session_free(session_of(web.sessions.next));
	session_start(fd, peer, l->place);
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
			admit(l, conn, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			gp_warning("accept_paused", GP_FS("reason", strerror(errno)));
			event_del(&l->readable);
			gp_timer_set(&l->again, PAUSE_MS);
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
	(void)event_add(&l->readable, NULL);
}

int
listener_start(struct gp_role_env *env)
{
	struct event_base *base = gp_loop_base(env->loop);
	for (size_t i = 0; i < env->listens_len && i < LISTENERS_MAX; i++) {
		struct listener *l = &self.listeners[i];
		l->place = &env->listens[i];
		if (evtimer_assign(&l->again, base, on_again, l) < 0 ||
		    event_assign(&l->readable, base, l->place->fd, EV_READ | EV_PERSIST,
				 on_readable, l) < 0)
			return -ENOMEM;
		self.len++;
	}
	return 0;
}

void
listener_open(void)
{
	for (size_t i = 0; i < self.len; i++)
		(void)event_add(&self.listeners[i].readable, NULL);
}
