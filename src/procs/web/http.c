/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/http.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mtasts/policy.h"
#include "procs/web/answer.h"
#include "sys/log.h"
#include "sys/loop.h"

/* What a connection's requests are judged by: kept until libmicrohttpd has closed its end. */
struct client {
	char sni[256];
	struct gp_sockaddr address;
};

static struct {
	struct MHD_Daemon *daemon;
	const struct gp_config *(*config)(void);
	struct client *comes; /* whose connection is being added */
	struct event readable, timer;
} self;

/* --- a request --- */

static enum MHD_Result
take_field(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct question *q = arg;
	(void)kind;
	if (gp_slice_eq_nocase(gp_slice_str(name), GP_SLICE("Host"))) {
		q->host = gp_slice_str(value ? value : "");
		q->hosts++;
	}
	return MHD_YES;
}

static struct MHD_Response *
make_response(int status, struct gp_slice body)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(body.len, (void *)body.ptr, MHD_RESPMEM_MUST_COPY);
	bool good = r && MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8") &&
		    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") &&
		    MHD_add_response_header(r, "Connection", "close") &&
		    (status != 405 || MHD_add_response_header(r, "Allow", "GET, HEAD"));
	if (r && !good)
		MHD_destroy_response(r);
	return good ? r : NULL;
}

static struct client *
client_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Called when the head is whole. It is answered at once, so the connection ends and a body is never
 * read. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
	   const char *version, const char *data, size_t *data_len, void **whole_target)
{
	struct client *client = client_of(c);
	struct question q = {
		.method = gp_slice_str(method),
		.target = gp_slice_str(*whole_target),
		.sni = gp_slice_str(client->sni),
	};
	struct gp_buf body = GP_BUF_INIT(ANSWER_MAX);
	(void)arg, (void)path, (void)version, (void)data, (void)data_len;

	MHD_get_connection_values(c, MHD_HEADER_KIND, take_field, &q);
	int status = answer_make(&body, self.config(), &q);
	struct MHD_Response *r = body.failed ? NULL : make_response(status, gp_buf_slice(&body));
	gp_buf_free(&body);
	if (!r)
		return MHD_NO;
	enum MHD_Result queued = MHD_queue_response(c, (unsigned)status, r);
	MHD_destroy_response(r);
	gp_log(status == 200 ? GP_LOG_INFO : GP_LOG_DEBUG, "web_answered",
	       GP_FS("client", gp_sockaddr_text(&client->address, false).s),
	       GP_F("host", gp_slice_take(q.host, 300)), GP_FN("status", (uint64_t)status));
	return queued;
}

/* The target as it was sent, which becomes the request's context. */
static void *
keep_target(void *arg, const char *target, struct MHD_Connection *c)
{
	(void)arg, (void)c;
	return strdup(target);
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **target,
	     enum MHD_RequestTerminationCode why)
{
	(void)arg, (void)c, (void)why;
	free(*target);
	*target = NULL;
}

/* "%2e" is no dot here. */
static size_t
leave_escaped(void *arg, struct MHD_Connection *c, char *text)
{
	(void)arg, (void)c;
	return strlen(text);
}

static void
on_connection(void *arg, struct MHD_Connection *c, void **client,
	      enum MHD_ConnectionNotificationCode what)
{
	(void)arg, (void)c;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*client = self.comes;
		self.comes = NULL;
	} else {
		free(*client);
	}
}

/* --- the loop --- */

static void
run(void)
{
	MHD_UNSIGNED_LONG_LONG ms;
	(void)MHD_run(self.daemon);
	if (MHD_get_timeout(self.daemon, &ms) == MHD_YES)
		gp_timer_set(&self.timer, (uint64_t)ms);
	else
		event_del(&self.timer);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	run();
}

GP_PRINTF(2, 0)
static void
on_words(void *arg, const char *fmt, va_list args)
{
	char words[256];
	(void)arg;
	vsnprintf(words, sizeof(words), fmt, args);
	gp_debug("http_said", GP_FS("words", words));
}

int
http_start(struct event_base *base, const struct gp_config *(*config)(void))
{
	self.config = config;
	self.daemon = MHD_start_daemon(
		MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, on_words, NULL,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_MEMORY_MAX, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK,
		keep_target, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_END);
	if (!self.daemon)
		return -ENOMEM;
	int fd = MHD_get_daemon_info(self.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	event_assign(&self.readable, base, fd, EV_READ | EV_PERSIST, on_event, NULL);
	evtimer_assign(&self.timer, base, on_event, NULL);
	(void)event_add(&self.readable, NULL);
	return 0;
}

int
http_connect(const char *sni, const struct gp_sockaddr *client)
{
	int pair[2];
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->address = *client;
	snprintf(c->sni, sizeof(c->sni), "%s", sni);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		int r = -errno;
		free(c);
		return r;
	}
	self.comes = c;
	/* It closes its end when it does not take it. */
	if (MHD_add_connection(self.daemon, pair[1], (const struct sockaddr *)&client->ss,
			       client->len) != MHD_YES) {
		free(self.comes);
		self.comes = NULL;
		close(pair[0]);
		return -ENOBUFS;
	}
	run();
	return pair[0];
}
