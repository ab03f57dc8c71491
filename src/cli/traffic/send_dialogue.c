/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/send_dialogue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/traffic/wire.h"
#include "core/message/date.h"
#include "core/smtp/reply_parser.h"
#include "sys/address.h"
#include "sys/clock.h"
#include "sys/tls_client.h"

enum {
	ARENA_MAX = 256 * 1024 * 1024,
	LINES_MAX = 1'000'000,
	LINE_MAX_OCTETS = 4096, /* kept of a line */
	READ_SIZE = 64 * 1024,
	CONNECT_MS = 30'000,
	RAW_MS = 300'000,
	TLS_MS = 60'000,
	SERVER_SIZE = 1100, /* of --server, as text */
};

/* The lines of one direction, as they come together from pieces. */
struct trace {
	enum gp_send_from from;
	struct gp_buf line;
};

struct wire {
	const struct gp_send_plan *plan;
	struct gp_send_result *result;
	int fd;
	struct gp_tls_client *authorities;
	struct gp_tls *tls; /* NULL: in clear */
	bool unproven;      /* and the plan wants proof */
	bool ready;         /* no secret is said any more */
	bool asked;         /* the server said 334 last, RFC 4954 section 4 */
	uint64_t begun_us;
	struct trace sent, received;
	struct gp_buf input;
	uint64_t sent_len;           /* octets, in all */
	uint64_t body_from, body_to; /* where the message stands among them; 0, 0: nowhere */
	bool body_told;
};

/* --- the trace ----------------------------------------------------------------------------------
 */

/* A server's octets must not reach a terminal as they are. */
static void
put_printable(struct gp_buf *to, struct gp_slice s)
{
	while (s.len > 0) {
		size_t n = GP_MAX(gp_utf8_len(s), (size_t)1);
		struct gp_slice c = gp_slice_take(s, n);
		s = gp_slice_drop(s, n);
		if (gp_utf8_printable(c) && c.ptr[0] != '\\')
			gp_buf_put(to, c);
		else
			for (size_t i = 0; i < c.len; i++)
				gp_buf_printf(to, "\\x%02X", (unsigned char)c.ptr[i]);
	}
}

static void
print_line(const struct wire *w, const struct gp_send_line *line)
{
	if (!w->plan->print)
		return;
	if (w->plan->times)
		printf("%9.6f ", (double)line->at_us / 1e6);
	static const char *const arrows[] = {
		[GP_SEND_FROM_SERVER] = "<-",
		[GP_SEND_FROM_CLIENT] = "->",
		[GP_SEND_FROM_TLS] = "**",
	};
	printf("%s %.*s\n", arrows[line->from], GP_SLICE_FMT(line->text));
	fflush(stdout);
}

static void
keep_line(struct wire *w, enum gp_send_from from, struct gp_slice text)
{
	struct gp_send_result *r = w->result;
	struct gp_buf printable = GP_BUF_INIT(4 * LINE_MAX_OCTETS);
	put_printable(&printable, gp_slice_take(text, LINE_MAX_OCTETS));
	struct gp_send_line line = {
		.at_us = gp_clock_wall_us() - w->begun_us,
		.from = from,
		.text = gp_arena_dup(&r->arena, gp_buf_slice(&printable)),
	};
	gp_buf_free(&printable);
	print_line(w, &line);
	if (r->lines_len == r->lines_cap) {
		size_t cap = GP_MAX((size_t)64, r->lines_cap * 2);
		struct gp_send_line *grown =
			cap > LINES_MAX ? NULL : gp_arena_array(&r->arena, cap, sizeof(*grown));
		if (!grown)
			return;
		if (r->lines_len > 0)
			memcpy(grown, r->lines, r->lines_len * sizeof(*grown));
		r->lines = grown;
		r->lines_cap = cap;
	}
	r->lines[r->lines_len++] = line;
}

/* A line as it may be shown: of AUTH the verb and the mechanism. */
static void
keep_crossed(struct wire *w, enum gp_send_from from, struct gp_slice line)
{
	struct gp_slice rest = line;
	bool secret = from == GP_SEND_FROM_CLIENT && !w->ready && w->plan->setup.login.user.len > 0;
	if (from == GP_SEND_FROM_SERVER)
		w->asked = gp_slice_starts(line, GP_SLICE("334"));
	if (secret && w->asked) {
		keep_line(w, from, GP_SLICE("***"));
	} else if (secret && gp_slice_eq(gp_slice_cut(&rest, ' '), GP_SLICE("AUTH"))) {
		char shown[64];
		struct gp_slice mechanism = gp_slice_cut(&rest, ' ');
		snprintf(shown, sizeof(shown), "AUTH %.*s%s", GP_SLICE_FMT(mechanism),
			 rest.len > 0 ? " ***" : "");
		keep_line(w, from, gp_slice_str(shown));
	} else {
		keep_line(w, from, line);
	}
}

static void
trace(struct wire *w, struct trace *t, struct gp_slice piece)
{
	while (piece.len > 0) {
		ptrdiff_t lf = gp_slice_find(piece, '\n');
		struct gp_slice part = gp_slice_take(piece, lf >= 0 ? (size_t)lf : piece.len);
		piece = gp_slice_drop(piece, part.len + (lf >= 0));
		gp_buf_put(&t->line, gp_slice_take(part, t->line.max - t->line.len));
		if (lf < 0)
			return;
		struct gp_slice line = gp_buf_slice(&t->line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		keep_crossed(w, t->from, line);
		gp_buf_clear(&t->line);
	}
}

/* In place of the message's lines, once all of it has gone. */
static void
trace_size(struct wire *w)
{
	char text[64];
	if (w->body_told || w->body_to == 0 || w->plan->body || w->sent_len < w->body_to)
		return;
	w->body_told = true;
	snprintf(text, sizeof(text), "(the message, %llu octets)",
		 (unsigned long long)(w->body_to - w->body_from));
	keep_line(w, GP_SEND_FROM_CLIENT, gp_slice_str(text));
}

/* What was sent: commands by line, and of the message, unless wanted, only that it was there. */
static void
trace_sent(struct wire *w, struct gp_slice piece)
{
	while (piece.len > 0) {
		bool in_body = w->sent_len >= w->body_from && w->sent_len < w->body_to;
		uint64_t end = in_body ? w->body_to : UINT64_MAX;
		struct gp_slice part = gp_slice_take(
			piece, (size_t)GP_MIN(end - w->sent_len, (uint64_t)piece.len));
		trace_size(w);
		if (!in_body || w->plan->body)
			trace(w, &w->sent, part);
		piece = gp_slice_drop(piece, part.len);
		w->sent_len += part.len;
	}
}

/* --- the socket
 * ----------------------------------------------------------------------------------- */

static int
say_why(struct wire *w, const char *what, const char *why)
{
	w->result->why = gp_arena_printf(&w->result->arena, "%s: %s", what, why);
	return GP_SEND_LOST;
}

static uint64_t
or_default(uint64_t timeout_ms, uint64_t usual_ms)
{
	return timeout_ms > 0 ? timeout_ms : usual_ms;
}

/* Waits for one of the events, to a deadline of the monotonic clock. Returns them; 0: time over. */
static short
wait_for(const struct wire *w, short events, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = w->fd, .events = events};
		uint64_t now = gp_clock_monotonic_ms();
		uint64_t in = deadline_ms > now ? deadline_ms - now : 0;
		int n = poll(&p, 1, (int)GP_MIN(in, (uint64_t)INT32_MAX));
		if (n < 0 && errno == EINTR)
			continue;
		return n > 0 ? p.revents : 0;
	}
}

/* Returns 0 or an errno. */
static int
connect_to(struct wire *w, const struct sockaddr *address, socklen_t len)
{
	int error = 0;
	socklen_t error_len = sizeof(error);
	w->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return errno;
	if (connect(w->fd, address, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		error = errno;
	else if (!wait_for(w, POLLOUT,
			   gp_clock_monotonic_ms() + or_default(w->plan->timeout_ms, CONNECT_MS)))
		error = ETIMEDOUT;
	else if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0)
		error = errno;
	if (error == 0)
		return 0;
	close(w->fd);
	w->fd = -1;
	return error;
}

static void
set_address(struct wire *w, const struct sockaddr *address, socklen_t len)
{
	struct gp_sockaddr a = {.len = len};
	memcpy(&a.ss, address, len);
	snprintf(w->result->address, sizeof(w->result->address), "%s",
		 gp_sockaddr_text(&a, true).s);
}

/* "host:port", "host", "[address]:port", "address" taken apart, in place. */
static const char *
split_server(char *server, const char *usual_port, const char **ret_port)
{
	char *colon = strrchr(server, ':'), *bracket = strrchr(server, ']');
	*ret_port = usual_port;
	if (colon && (bracket ? colon > bracket : colon == strchr(server, ':'))) {
		*colon = '\0';
		*ret_port = colon + 1;
	}
	if (server[0] == '[' && bracket) {
		*bracket = '\0';
		return server + 1;
	}
	return server;
}

bool
gp_send_server_good(const char *server)
{
	char copy[SERVER_SIZE];
	uint64_t number;
	const char *port;
	if (gp_slice_starts(gp_slice_str(server), GP_SLICE("unix:")))
		return strlen(server) > strlen("unix:");
	if (strlen(server) >= sizeof(copy))
		return false;
	memcpy(copy, server, strlen(server) + 1);
	const char *host = split_server(copy, "25", &port);
	/* The C library knows some ports by their names, and takes numbers modulo 65536. */
	bool numeric = strspn(port, "0123456789") == strlen(port);
	return host[0] != '\0' &&
	       (!numeric || (gp_slice_u64(gp_slice_str(port), UINT16_MAX, &number) && number > 0));
}

struct gp_slice
gp_send_server_name(const char *server, char to[GP_SEND_NAME_MAX + 1])
{
	char copy[SERVER_SIZE];
	unsigned char address[sizeof(struct in6_addr)];
	const char *port;
	if (gp_slice_starts(gp_slice_str(server), GP_SLICE("unix:")))
		return gp_slice("", 0);
	snprintf(copy, sizeof(copy), "%s", server);
	const char *host = split_server(copy, "", &port);
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return gp_slice("", 0);
	snprintf(to, GP_SEND_NAME_MAX + 1, "%s", host);
	return gp_slice_str(to);
}

/* Tries the addresses of the name one after the other. */
static int
connect_by_name(struct wire *w)
{
	char server[SERVER_SIZE], usual[16];
	const char *port;
	struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_family = w->plan->family, .ai_socktype = SOCK_STREAM};
	snprintf(server, sizeof(server), "%s", w->plan->server);
	snprintf(usual, sizeof(usual), "%u", w->plan->port);
	const char *host = split_server(server, usual, &port);
	int error = getaddrinfo(host, port, &hints, &list);
	if (error != 0)
		return say_why(w, w->plan->server, gai_strerror(error));
	for (const struct addrinfo *a = list; a && w->fd < 0; a = a->ai_next) {
		set_address(w, a->ai_addr, a->ai_addrlen);
		error = connect_to(w, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(list);
	return w->fd >= 0 ? GP_SEND_DONE : say_why(w, w->result->address, strerror(error));
}

static int
connect_server(struct wire *w)
{
	struct gp_slice server = gp_slice_str(w->plan->server);
	struct gp_sockaddr a;
	if (!gp_slice_starts(server, GP_SLICE("unix:")))
		return connect_by_name(w);
	if (gp_sockaddr_parse(server, 0, &a) < 0)
		return say_why(w, w->plan->server, "the path is too long");
	set_address(w, (const struct sockaddr *)&a.ss, a.len);
	int error = connect_to(w, (const struct sockaddr *)&a.ss, a.len);
	return error == 0 ? GP_SEND_DONE : say_why(w, w->plan->server, strerror(error));
}

/* Adds what has come to w->input. False: the end. */
static bool
receive(struct wire *w)
{
	char *to = gp_buf_reserve(&w->input, READ_SIZE);
	ssize_t n = to ? gp_wire_receive(w->fd, w->tls, to, READ_SIZE) : -ENOMEM;
	if (n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	trace(w, &w->received, gp_slice(to, (size_t)n));
	gp_buf_advance(&w->input, (size_t)n);
	return true;
}

/* --- TLS
 * ------------------------------------------------------------------------------------------ */

GP_PRINTF(2, 3)
static void
note(struct wire *w, const char *fmt, ...)
{
	char text[LINE_MAX_OCTETS];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	keep_line(w, GP_SEND_FROM_TLS, gp_slice_str(text));
}

static void
note_certificate(struct wire *w, const struct gp_tls_certificate *c)
{
	note(w, "certificate of %.*s for %.*s, by %.*s, until %s", GP_SLICE_FMT(c->subject),
	     GP_SLICE_FMT(c->names.len > 0 ? c->names : GP_SLICE("no name")),
	     GP_SLICE_FMT(c->issuer), gp_date_stamp((uint64_t)GP_MAX(c->until_s, (int64_t)0)).s);
}

/* What the handshake came to. */
static void
note_session(struct wire *w)
{
	struct gp_send_tls *tls = &w->result->tls;
	struct gp_tls_facts facts = gp_tls_facts(w->tls);
	struct gp_slice name = w->plan->tls_name;
	tls->version = gp_arena_str(&w->result->arena, gp_slice_str(facts.version));
	tls->cipher = gp_arena_str(&w->result->arena, gp_slice_str(facts.cipher));
	tls->verdict = gp_arena_str(&w->result->arena, gp_slice_str(facts.trust_text));
	tls->proven = facts.trust == GP_TLS_TRUSTED;
	tls->has_certificate = gp_tls_certificate(w->tls, &w->result->arena, &tls->certificate);
	note(w, "%s, %s", facts.version, facts.cipher);
	if (tls->has_certificate)
		note_certificate(w, &tls->certificate);
	if (!tls->proven)
		note(w, "not proven: %s", facts.trust_text);
	else if (name.len > 0)
		note(w, "proven: an authority says that it is %.*s", GP_SLICE_FMT(name));
	else
		note(w, "proven: an authority stands behind it, whatever its name is");
}

static bool
load_authorities(struct wire *w)
{
	const char *file = w->plan->authorities;
	w->authorities = gp_wire_prepare_tls() < 0
				 ? NULL
				 : gp_tls_client_new(file ? file : GP_TLS_AUTHORITIES);
	if (!w->authorities && !file && !w->plan->verify)
		w->authorities = gp_tls_client_new(NULL);
	return w->authorities;
}

/* The handshake's waits. Returns NULL, or why it came to nothing. */
static const char *
finish_handshake(struct wire *w, uint64_t deadline_ms)
{
	int r;
	while ((r = gp_tls_handshake(w->tls)) == -EAGAIN) {
		bool writes = gp_tls_wants(w->tls) == GP_TLS_WANTS_WRITE;
		if (!wait_for(w, writes ? POLLOUT : POLLIN, deadline_ms))
			return "time is over";
	}
	return r == 0 ? NULL : gp_tls_error(w->tls);
}

/* A login is bound to this channel, where the server can do that. */
static void
bind_login(const struct wire *w, struct gp_smtp_client *c)
{
	struct gp_tls_bindings b;
	struct gp_slice data;
	gp_tls_bindings(w->tls, &b);
	const char *type = gp_tls_binding(&b, &data);
	if (type)
		gp_smtp_client_bind(c, type, data);
}

/* What comes next is TLS. Returns NULL, or why it is not to be used. */
static const char *
shake_hands(struct wire *w, uint64_t deadline_ms)
{
	const struct gp_tls_goal goal = {
		.name = w->plan->tls_name,
		.names = &w->plan->tls_name,
		.names_len = w->plan->tls_name.len > 0,
	};
	if (!load_authorities(w))
		return "the file of authorities cannot be read";
	w->tls = gp_tls_connect(w->authorities, w->fd, &goal);
	if (!w->tls)
		return "the server's name cannot be one in a certificate";
	const char *why = finish_handshake(w, deadline_ms);
	if (why)
		return why;
	note_session(w);
	w->unproven = w->plan->verify && !w->result->tls.proven;
	return w->unproven ? w->result->tls.verdict : NULL;
}

/* From the first octet. */
static int
begin_in_tls(struct wire *w)
{
	uint64_t deadline_ms = gp_clock_monotonic_ms() + or_default(w->plan->timeout_ms, TLS_MS);
	const char *why = shake_hands(w, deadline_ms);
	if (!why)
		return GP_SEND_DONE;
	say_why(w, "no TLS", why);
	return w->unproven ? GP_SEND_UNPROVEN : GP_SEND_LOST;
}

static void
end_tls(struct wire *w)
{
	if (w->tls && w->result->tls.version)
		gp_tls_close(w->tls);
	gp_tls_free(w->tls);
	gp_tls_client_free(w->authorities);
}

/* --- a session
 * ---------------------------------------------------------------------------------------- */

static struct gp_outcome *
copy_outcomes(struct gp_arena *arena, const struct gp_smtp_client *c, size_t *ret_len)
{
	const struct gp_outcome *from = gp_smtp_client_outcomes(c, ret_len);
	struct gp_outcome *to = gp_arena_array(arena, *ret_len, sizeof(*to));
	for (size_t i = 0; to && i < *ret_len; i++) {
		to[i] = from[i];
		to[i].reply.text = gp_arena_dup(arena, from[i].reply.text);
	}
	return to;
}

static void
give_body(struct wire *w, struct gp_smtp_client *c, struct gp_slice *rest)
{
	uint64_t queued = gp_smtp_client_output(c).len;
	if (w->body_to == 0)
		w->body_from = w->sent_len + queued;
	*rest = gp_slice_drop(*rest, gp_smtp_client_body(c, *rest));
	w->body_to = w->sent_len + gp_smtp_client_output(c).len;
	if (rest->len == 0)
		gp_smtp_client_body_end(c, gp_clock_monotonic_ms());
}

/* Sends what there is, waits for what may come. */
static void
pass_bytes(struct wire *w, struct gp_smtp_client *c)
{
	struct gp_slice out = gp_smtp_client_output(c);
	short events =
		wait_for(w, out.len > 0 ? POLLIN | POLLOUT : POLLIN, gp_smtp_client_deadline(c));
	if (events & POLLOUT) {
		ssize_t n = gp_wire_send(w->fd, w->tls, out);
		if (n > 0) {
			trace_sent(w, gp_slice_take(out, (size_t)n));
			gp_smtp_client_output_sent(c, (size_t)n, gp_clock_monotonic_ms());
			return;
		}
		if (n < 0 && n != -EAGAIN) {
			gp_smtp_client_eof(c);
			return;
		}
	}
	if ((events & (POLLIN | POLLHUP | POLLERR)) && !receive(w))
		gp_smtp_client_eof(c);
}

/* Returns 0, or -errno of the start. */
static int
on_ready(struct wire *w, struct gp_smtp_client *c)
{
	uint64_t now = gp_clock_monotonic_ms();
	bool first = !w->result->outcomes;
	w->result->ehlo = *gp_smtp_client_ehlo(c);
	if (!w->ready && w->plan->setup.tls != GP_CLIENT_TLS_OFF && !gp_smtp_client_in_tls(c))
		note(w, "in clear: STARTTLS is %s",
		     gp_smtp_client_tls_fault(c) == GP_CLIENT_TLS_REFUSED ? "refused"
									  : "not offered");
	w->ready = true;
	if (first && !w->plan->hello_only)
		return gp_smtp_client_start(c, &w->plan->mail, now);
	gp_smtp_client_quit(c, now);
	return 0;
}

static void
begin_starttls(struct wire *w, struct gp_smtp_client *c)
{
	const char *why = shake_hands(w, gp_smtp_client_deadline(c));
	if (why) {
		gp_smtp_client_tls_failed(c, why);
		return;
	}
	bind_login(w, c);
	gp_smtp_client_tls_started(c, gp_clock_monotonic_ms());
}

static int
drive(struct wire *w, struct gp_smtp_client *c)
{
	struct gp_slice rest = w->plan->message;
	for (;;) {
		struct gp_slice input = gp_buf_slice(&w->input);
		size_t len = input.len;
		enum gp_client_event event =
			gp_smtp_client_next(c, &input, gp_clock_monotonic_ms());
		gp_buf_consume(&w->input, len - input.len);
		switch (event) {
		case GP_CLIENT_STARTTLS:
			begin_starttls(w, c);
			break;
		case GP_CLIENT_READY:
			if (on_ready(w, c) < 0)
				return -ENOMEM;
			break;
		case GP_CLIENT_BODY:
			give_body(w, c, &rest);
			break;
		case GP_CLIENT_DONE:
			w->result->outcomes =
				copy_outcomes(&w->result->arena, c, &w->result->outcomes_len);
			break;
		case GP_CLIENT_WAIT:
			pass_bytes(w, c);
			break;
		case GP_CLIENT_CLOSE:
			return 0;
		}
	}
}

static int
judge(const struct gp_send_result *r, const struct gp_outcome *failure)
{
	bool refused = false;
	if (!r->outcomes)
		return failure->kind == 0     ? GP_SEND_DONE
		       : failure->remote_said ? GP_SEND_REFUSED
					      : GP_SEND_LOST;
	for (size_t i = 0; i < r->outcomes_len; i++) {
		const struct gp_outcome *o = &r->outcomes[i];
		if (o->kind == GP_OUTCOME_DEFERRED && !o->remote_said)
			return GP_SEND_LOST;
		refused |= o->kind > GP_OUTCOME_RELAYED;
	}
	return refused ? GP_SEND_REFUSED : GP_SEND_DONE;
}

static bool
lacks_tls(const struct wire *w, const struct gp_smtp_client *c)
{
	return w->unproven || (w->plan->setup.tls == GP_CLIENT_TLS_REQUIRED &&
			       gp_smtp_client_tls_fault(c) == GP_CLIENT_TLS_NOT_OFFERED);
}

static int
run_session(struct wire *w)
{
	struct gp_smtp_client_setup setup = w->plan->setup;
	uint64_t t = w->plan->timeout_ms;
	setup.remote = gp_slice_str(w->result->address);
	setup.times = (struct gp_client_times){t, t, t, t, t, t, t, t};
	if (setup.tls_implicit)
		setup.tls = GP_CLIENT_TLS_OFF;
	struct gp_smtp_client *c = gp_smtp_client_new(&setup, gp_clock_monotonic_ms());
	if (c && w->tls)
		bind_login(w, c);
	int r = c ? drive(w, c) : -ENOMEM;
	if (r == 0) {
		struct gp_outcome failure = gp_smtp_client_failure(c);
		w->result->failure = failure.reply;
		w->result->failure.text = w->result->why =
			gp_arena_dup(&w->result->arena, failure.reply.text);
		/* A polite QUIT may be left. */
		struct gp_slice out = gp_smtp_client_output(c);
		if (out.len > 0 && !w->unproven && gp_wire_send(w->fd, w->tls, out) > 0)
			trace_sent(w, out);
		r = lacks_tls(w, c) ? GP_SEND_UNPROVEN : judge(w->result, &failure);
	}
	gp_smtp_client_free(c);
	return r;
}

/* --- raw commands
 * ------------------------------------------------------------------------------------------ */

static int
send_raw(struct wire *w, const char *command, uint64_t deadline_ms)
{
	struct gp_buf line = GP_BUF_INIT(1024 * 1024);
	gp_buf_put_str(&line, command);
	gp_buf_put_str(&line, "\r\n");
	int r = line.failed ? -ENOMEM : 0;
	for (struct gp_slice out = gp_buf_slice(&line); r == 0 && out.len > 0;) {
		ssize_t n = gp_wire_send(w->fd, w->tls, out);
		if (n > 0) {
			trace_sent(w, gp_slice_take(out, (size_t)n));
			out = gp_slice_drop(out, (size_t)n);
		} else if (n != -EAGAIN) {
			r = say_why(w, "cannot send", gp_wire_error(w->tls, n));
		} else if (!wait_for(w, POLLOUT, deadline_ms)) {
			r = say_why(w, "cannot send", "time is over");
		}
	}
	gp_buf_free(&line);
	return r;
}

static int
read_raw(struct wire *w, struct gp_reply_parser *p, uint64_t deadline_ms, struct gp_reply *ret)
{
	for (;;) {
		struct gp_slice input = gp_buf_slice(&w->input);
		size_t len = input.len;
		int r = gp_reply_parser_feed(p, &input, ret);
		gp_buf_consume(&w->input, len - input.len);
		if (r < 0)
			return r;
		if (r == GP_REPLY_COMPLETE)
			return GP_SEND_DONE;
		if (r == GP_REPLY_BAD)
			return say_why(w, "not a reply", p->why);
		if (!wait_for(w, POLLIN, deadline_ms))
			return say_why(w, "no reply", "time is over");
		if (!receive(w))
			return say_why(w, "no reply", "the connection was closed");
	}
}

/* Was this command STARTTLS, and granted? */
static bool
raw_starttls(const struct wire *w, size_t i, const struct gp_reply *reply)
{
	return w->plan->setup.tls != GP_CLIENT_TLS_OFF && !w->tls && reply->code == 220 &&
	       gp_slice_eq_nocase(gp_slice_str(w->plan->raw[i]), GP_SLICE("STARTTLS"));
}

static int
begin_raw_tls(struct wire *w)
{
	/* RFC 3207 section 5: whoever put them in could not have put them into TLS. */
	if (w->input.len > 0)
		return say_why(w, "no TLS", "octets follow the answer to STARTTLS");
	return begin_in_tls(w);
}

/* One command after the other, each after the answer to the one before; after 354 whatever comes up
   to a lone dot has no answer. */
static int
run_raw(struct wire *w)
{
	struct gp_reply_parser parser = gp_reply_parser();
	struct gp_reply reply = {};
	uint64_t each = or_default(w->plan->timeout_ms, RAW_MS);
	bool in_body = false, refused = false;
	int r = read_raw(w, &parser, gp_clock_monotonic_ms() + each, &reply);
	for (size_t i = 0; r == 0 && i < w->plan->raw_len; i++) {
		uint64_t deadline_ms = gp_clock_monotonic_ms() + each;
		refused |= reply.code >= 400;
		r = send_raw(w, w->plan->raw[i], deadline_ms);
		in_body = in_body && strcmp(w->plan->raw[i], ".") != 0;
		if (r == 0 && !in_body) {
			r = read_raw(w, &parser, deadline_ms, &reply);
			in_body = r == 0 && reply.code == 354;
			if (r == 0 && raw_starttls(w, i, &reply))
				r = begin_raw_tls(w);
		}
	}
	refused |= reply.code >= 400;
	gp_reply_parser_free(&parser);
	return r != 0 ? r : refused ? GP_SEND_REFUSED : GP_SEND_DONE;
}

int
gp_send_run(const struct gp_send_plan *plan, struct gp_send_result *ret)
{
	*ret = (struct gp_send_result){.arena = GP_ARENA_INIT(ARENA_MAX)};
	struct wire w = {
		.plan = plan,
		.result = ret,
		.fd = -1,
		.begun_us = gp_clock_wall_us(),
		.sent = {.from = GP_SEND_FROM_CLIENT, .line = GP_BUF_INIT(LINE_MAX_OCTETS)},
		.received = {.line = GP_BUF_INIT(LINE_MAX_OCTETS)},
		.input = GP_BUF_INIT(4 * READ_SIZE),
	};
	int r = connect_server(&w);
	if (r == 0 && plan->setup.tls_implicit)
		r = begin_in_tls(&w);
	if (r == 0)
		r = plan->raw_len > 0 ? run_raw(&w) : run_session(&w);
	end_tls(&w);
	if (w.fd >= 0)
		close(w.fd);
	gp_buf_free(&w.sent.line);
	gp_buf_free(&w.received.line);
	gp_buf_free(&w.input);
	return r < 0 || ret->arena.failed ? -ENOMEM : r;
}
