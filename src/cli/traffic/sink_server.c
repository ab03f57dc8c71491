/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/sink_server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "cli/traffic/wire.h"
#include "sys/clock.h"

enum {
	INPUT_MAX = 256 * 1024, /* one read; holds a message of 100 KB whole */
	OUTPUT_MAX = 1 << 20,   /* answers to one read of the shortest commands */
	UNSENT_MAX = OUTPUT_MAX,
	BACKLOG = 4096,
	TEXT_MAX = 1024,   /* a mark, or the canaries of a message */
	GOODBYE_MS = 1000, /* for QUIT after the last message */
	ACCEPTS_MAX = 64,  /* in a row, before the open connections get their turn */
};

struct server {
	struct gp_sink_options *options;
	struct gp_sink_stats *stats;
	struct event_base *base;
	struct event listener, interrupt, terminate, deadline, ticker;
	int fd;
	bool full; /* no descriptor was left: the listener rests until a connection closes */
	bool settling;
	uint64_t shown;     /* messages at the last line of progress */
	uint64_t canary_us; /* of the last message with a canary */
	struct gp_list connections;
	struct gp_buf out; /* answers of the connection at hand */
	struct gp_buf text;
	char input[INPUT_MAX];
};

struct connection {
	struct gp_list link;
	struct server *server;
	struct event event;   /* readable; with unsent answers: writable */
	struct event delay;   /* with --delay: until what has arrived is answered */
	struct gp_tls *tls;   /* NULL: in clear */
	bool shaking;         /* hands */
	struct gp_buf unsent; /* what the peer has not taken yet; reading waits for it */
	bool closing;         /* after the last answer */
	struct gp_sink_session session;
};

static struct timeval
timeval_of(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
				.tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void
end(struct server *server)
{
	event_base_loopbreak(server->base);
}

static void
close_connection(struct connection *c)
{
	struct server *server = c->server;
	event_del(&c->event);
	event_del(&c->delay);
	if (c->tls && !c->shaking)
		gp_tls_close(c->tls);
	gp_tls_free(c->tls);
	close(event_get_fd(&c->event));
	gp_list_remove(&c->link);
	gp_buf_free(&c->unsent);
	free(c);
	if (server->full)
		event_add(&server->listener, NULL);
	server->full = false;
	if (server->settling && server->options->settle_ms == 0 &&
	    gp_list_empty(&server->connections))
		end(server);
}

static void
wait_for(struct connection *c, short what, event_callback_fn then)
{
	evutil_socket_t fd = event_get_fd(&c->event);
	event_del(&c->event);
	event_assign(&c->event, c->server->base, fd, what | EV_PERSIST, then, c);
	event_add(&c->event, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg);

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	struct gp_slice rest = gp_buf_slice(&c->unsent);
	ssize_t n = gp_wire_send(fd, c->tls, rest);
	(void)what;
	if (n < 0) {
		if (n != -EAGAIN)
			close_connection(c);
		return;
	}
	gp_buf_consume(&c->unsent, (size_t)n);
	if (c->unsent.len > 0)
		return;
	gp_buf_free(&c->unsent);
	if (c->closing)
		close_connection(c);
	else
		wait_for(c, EV_READ, on_readable);
}

/* Sends the answers at hand. False: the connection is gone. */
static bool
send_answers(struct connection *c)
{
	struct server *server = c->server;
	struct gp_slice out = gp_buf_slice(&server->out);
	ssize_t n = out.len > 0 ? gp_wire_send(event_get_fd(&c->event), c->tls, out) : 0;
	bool broken = (n < 0 && n != -EAGAIN) || server->out.failed;
	out = gp_slice_drop(out, n > 0 ? (size_t)n : 0);
	if (broken || (out.len == 0 && c->closing)) {
		close_connection(c);
		return false;
	}
	if (out.len > 0) {
		if (!gp_buf_put(&c->unsent, out)) {
			close_connection(c);
			return false;
		}
		wait_for(c, EV_WRITE, on_writable);
	}
	return true;
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	end(arg);
}

/*
 * The bound on the number of messages was reached. Where the options ask for it, what comes twice
 * has so much time to come; otherwise the end is when everybody has said QUIT, or soon.
 */
static void
settle(struct server *server)
{
	uint64_t settle_ms = server->options->settle_ms;
	struct timeval wait = timeval_of(settle_ms > 0 ? settle_ms : GOODBYE_MS);
	if (server->settling)
		return;
	server->settling = true;
	event_add(&server->deadline, &wait);
}

static void
print_mark(struct server *server, const struct gp_mark *mark)
{
	gp_buf_clear(&server->text);
	gp_mark_print(&server->text, mark);
	gp_buf_put_char(&server->text, '\n');
	struct gp_slice line = gp_buf_slice(&server->text);
	fwrite(line.ptr, 1, line.len, stdout);
}

/* One write a message, so that no reader finds half a line of it. The time is also what tells the
   message from all others. */
static void
list_canaries(struct server *server, const struct gp_canaries *canaries)
{
	uint64_t now = gp_clock_wall_us();
	server->canary_us = GP_MAX(server->canary_us + 1, now);
	gp_buf_clear(&server->text);
	gp_canaries_write(&server->text, canaries, server->canary_us);
	struct gp_slice lines = gp_buf_slice(&server->text);
	if (write(server->options->canary_fd, lines.ptr, lines.len) != (ssize_t)lines.len)
		perror("gatepost sink: the list of canaries");
}

static void
count_message(struct server *server, const struct gp_sink_session *s)
{
	struct gp_sink_stats *stats = server->stats;
	if (s->canaries.len > 0)
		list_canaries(server, &s->canaries);
	stats->messages++;
	stats->recipients += s->recipients;
	stats->octets += s->octets;
	stats->last_us = gp_clock_wall_us();
	if (!s->has_mark || gp_mark_book_add(stats->book, &s->mark) < 0) {
		stats->unmarked++;
	} else {
		/* A clock that was set back meanwhile makes it 0, not 580,000 years. */
		uint64_t begun = GP_MIN(s->mark.time_us, stats->last_us);
		gp_histogram_add(&stats->latency_ns, (stats->last_us - begun) * 1000);
		if (server->options->print_marks)
			print_mark(server, &s->mark);
	}
	if (server->options->count > 0 && stats->messages >= server->options->count)
		settle(server);
}

/* --- TLS --- */

static void
on_handshake(evutil_socket_t fd, short what, void *arg);

static void
greet(struct connection *c)
{
	gp_buf_clear(&c->server->out);
	gp_sink_session_greet(&c->session, &c->server->out);
	send_answers(c);
}

/* The peer's octets are TLS from here on. One that has not taken the answer to STARTTLS yet, which
   is a line, is not worth waiting for. */
static void
begin_tls(struct connection *c)
{
	c->tls = gp_sink_tls_accept(c->server->options->tls, event_get_fd(&c->event));
	c->shaking = true;
	if (!c->tls || c->unsent.len > 0)
		close_connection(c);
	else
		wait_for(c, EV_READ, on_handshake);
}

static void
shaken(struct connection *c)
{
	struct gp_sink_stats *stats = c->server->stats;
	c->shaking = false;
	stats->handshakes++;
	stats->resumed += gp_tls_facts(c->tls).resumed;
	wait_for(c, EV_READ, on_readable);
	if (c->server->options->plan.starttls)
		gp_sink_session_tls_started(&c->session);
	else
		greet(c);
}

static void
on_handshake(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	int r = gp_sink_tls_handshake(c->server->options->tls, c->tls);
	(void)fd, (void)what;
	if (r == 0)
		shaken(c);
	else if (r != -EAGAIN)
		close_connection(c);
	else
		wait_for(c, gp_tls_wants(c->tls) == GP_TLS_WANTS_WRITE ? EV_WRITE : EV_READ,
			 on_handshake);
}

/* --- input --- */

/* Reads once and answers what it read. */
static void
serve_input(struct connection *c)
{
	struct server *server = c->server;
	ssize_t n = gp_wire_receive(event_get_fd(&c->event), c->tls, server->input,
				    sizeof(server->input));
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		close_connection(c);
		return;
	}
	struct gp_slice in = gp_slice(server->input, (size_t)n);
	bool starttls = false;
	gp_buf_clear(&server->out);
	while (!c->closing && !starttls) {
		enum gp_sink_event event = gp_sink_session_next(&c->session, &in, &server->out);
		if (event == GP_SINK_MESSAGE)
			count_message(server, &c->session);
		else if (event == GP_SINK_QUIT)
			c->closing = true;
		else if (event == GP_SINK_STARTTLS)
			starttls = true;
		else if (event == GP_SINK_WANT_INPUT)
			break;
	}
	/* RFC 3207 section 5: what was sent behind STARTTLS in clear is not of who shakes hands. */
	c->closing |= starttls && in.len > 0;
	if (send_answers(c) && starttls)
		begin_tls(c);
}

static void
on_delay(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd, (void)what;
	event_add(&c->event, NULL);
	serve_input(c);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	uint64_t delay_ms = c->server->options->delay_ms;
	(void)fd, (void)what;
	if (delay_ms == 0) {
		serve_input(c);
		return;
	}
	struct timeval wait = timeval_of(delay_ms);
	event_del(&c->event);
	event_add(&c->delay, &wait);
}

static bool
open_connection(struct server *server, int fd)
{
	struct connection *c = malloc(sizeof(*c));
	if (!c)
		return false;
	c->server = server;
	c->closing = false;
	c->tls = NULL;
	c->shaking = false;
	c->unsent = GP_BUF_INIT(UNSENT_MAX);
	gp_sink_session_init(&c->session, &server->options->plan);
	gp_list_append(&server->connections, &c->link);
	event_assign(&c->event, server->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->delay, server->base, -1, 0, on_delay, c);
	event_add(&c->event, NULL);
	if (server->stats->connections++ == 0)
		server->stats->first_us = gp_clock_wall_us();
	if (server->options->tls && !server->options->plan.starttls)
		begin_tls(c);
	else
		greet(c);
	return true;
}

static void
on_connection(evutil_socket_t listener, short what, void *arg)
{
	struct server *server = arg;
	(void)what;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		/* TCP_NODELAY comes with the listening socket on Linux. */
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			server->full = errno == EMFILE || errno == ENFILE;
			if (server->full)
				event_del(&server->listener);
			return;
		}
		if (!open_connection(server, fd))
			close(fd);
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	uint64_t messages = server->stats->messages;
	(void)fd, (void)what;
	fprintf(stderr, "\r%" PRIu64 " messages, %" PRIu64 " this second \033[K", messages,
		messages - server->shown);
	fflush(stderr);
	server->shown = messages;
}

static int
open_listener(struct server *server)
{
	const struct gp_sockaddr *at = &server->options->listen;
	int one = 1;
	int fd = gp_socket_listen(at, BACKLOG, false);
	if (fd < 0)
		return fd;
	server->fd = fd;
	if (at->ss.ss_family != AF_UNIX &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		return -errno;
	return 0;
}

static void
add_events(struct server *server)
{
	struct timeval second = timeval_of(1000);
	struct timeval time = timeval_of(server->options->time_ms);
	event_assign(&server->listener, server->base, server->fd, EV_READ | EV_PERSIST,
		     on_connection, server);
	evsignal_assign(&server->interrupt, server->base, SIGINT, on_end, server);
	evsignal_assign(&server->terminate, server->base, SIGTERM, on_end, server);
	evtimer_assign(&server->deadline, server->base, on_end, server);
	event_assign(&server->ticker, server->base, -1, EV_PERSIST, on_tick, server);
	event_add(&server->listener, NULL);
	event_add(&server->interrupt, NULL);
	event_add(&server->terminate, NULL);
	if (server->options->time_ms > 0)
		event_add(&server->deadline, &time);
	if (server->options->progress)
		event_add(&server->ticker, &second);
}

static void
remove_events(struct server *server)
{
	server->full = false;
	gp_list_each (it, &server->connections)
		close_connection(gp_container_of(it, struct connection, link));
	if (server->options->progress)
		fputc('\n', stderr);
	event_del(&server->listener);
	event_del(&server->interrupt);
	event_del(&server->terminate);
	event_del(&server->deadline);
	event_del(&server->ticker);
}

static void
close_server(struct server *server)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&server->options->listen.ss;
	if (server->fd >= 0) {
		close(server->fd);
		if (un->sun_family == AF_UNIX)
			unlink(un->sun_path);
	}
	if (server->base)
		event_base_free(server->base);
	gp_buf_free(&server->out);
	gp_buf_free(&server->text);
	free(server);
}

int
gp_sink_serve(struct gp_sink_options *options, struct gp_sink_stats *stats)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->options = options;
	server->stats = stats;
	server->fd = -1;
	server->out = GP_BUF_INIT(OUTPUT_MAX);
	server->text = GP_BUF_INIT(TEXT_MAX);
	gp_list_init(&server->connections);
	server->base = event_base_new();
	int r = server->base ? open_listener(server) : -ENOMEM;
	if (r >= 0) {
		add_events(server);
		event_base_dispatch(server->base);
		remove_events(server);
	}
	close_server(server);
	return r;
}
