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
#include "ipc/values.h"
#include "procs/web/answer.h"
#include "procs/web/figures.h"
#include "procs/web/passwords.h"
#include "procs/web/post.h"
#include "procs/web/posting.h"
#include "procs/web/queue.h"
#include "procs/web/verification.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/password.h"

enum {
	REQUEST_ARENA_MAX = 64 * 1024,
	POST_ANSWER_MAX = 1024,
};

/*
 * A request, from its target to its answer's end.
 *
 *     HEAD --> BODY --> (WAITS) --> READY --> the answer is queued
 */
enum state {
	HEAD,
	BODY,
	WAITS, /* its connection is suspended: for another process's word */
	READY,
};

struct exchange {
	struct MHD_Connection *connection;
	enum state state;
	char *target; /* as it was sent */
	struct gp_buf body;
	struct reply reply;
	bool secure; /* by which a cookie is set */
	struct password_check check;
	struct figures_request figures;
	struct queue_request queue;
	struct flow_answer flow;
	struct posting posting;
	char domain[256]; /* that a posted report is about */
	struct gp_sockaddr_text client;
	bool dropped;              /* what came of its body had to go */
	struct analysis *analysis; /* of a message that is being verified */
	struct verification verification;
};

static struct {
	struct MHD_Daemon *daemon;
	struct dashboard *dashboard;
	struct http_client *comes; /* whose connection is being added */
	struct event readable, timer;
} self;

static struct http_client *
client_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* --- answers --- */

static bool
add(struct MHD_Response *r, const char *name, const char *value)
{
	return MHD_add_response_header(r, name, value) == MHD_YES;
}

static bool
add_fields(struct MHD_Response *r, const struct reply *reply, uint8_t service)
{
	bool good = add(r, "Content-Type", reply->type) && add(r, "Connection", "close");
	if (good && service == GP_SERVICE_DASHBOARD)
		good = add(r, "Cache-Control", reply->etag ? "no-cache" : "no-store");
	if (good && reply->etag)
		good = add(r, "ETag", reply->etag);
	if (good && reply->allow)
		good = add(r, "Allow", reply->allow);
	if (good && reply->retry_s > 0) {
		char seconds[16];
		snprintf(seconds, sizeof(seconds), "%u", reply->retry_s);
		good = add(r, "Retry-After", seconds);
	}
	if (good && reply->cookie[0])
		good = add(r, "Set-Cookie", reply->cookie);
	return good;
}

static struct MHD_Response *
make_response(const struct reply *reply, uint8_t service)
{
	bool fixed = reply->fixed.len > 0;
	struct gp_slice body = fixed ? reply->fixed : gp_buf_slice(&reply->body);
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.len, (void *)body.ptr, fixed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
	bool good = r && add_fields(r, reply, service);
	if (r && !good)
		MHD_destroy_response(r);
	return good ? r : NULL;
}

static enum MHD_Result
queue(struct MHD_Connection *c, const struct reply *reply)
{
	uint8_t service = client_of(c)->service;
	struct MHD_Response *r = reply->body.failed ? NULL : make_response(reply, service);
	if (!r)
		return MHD_NO;
	enum MHD_Result queued = MHD_queue_response(c, (unsigned)reply->status, r);
	MHD_destroy_response(r);
	return queued;
}

/* --- policies --- */

static enum MHD_Result
take_question(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct question_field *field = question_field(arg, gp_slice_str(name));
	(void)kind;
	if (field) {
		field->value = gp_slice_str(value ? value : "");
		field->times++;
	}
	return MHD_YES;
}

/* Called when the head is whole. It is answered at once, so the connection ends and a body is never
 * read. */
static enum MHD_Result
answer_policy(struct exchange *x, const struct question *q)
{
	struct reply reply = {.type = "text/plain; charset=utf-8", .body = GP_BUF_INIT(ANSWER_MAX)};
	reply.status = answer_make(&reply.body, self.dashboard->config, q);
	reply.allow = reply.status == 405 ? "GET, HEAD" : NULL;
	enum MHD_Result queued = queue(x->connection, &reply);
	gp_buf_free(&reply.body);
	if (queued == MHD_YES)
		gp_log(reply.status == 200 ? GP_LOG_INFO : GP_LOG_DEBUG, "web_answered",
		       GP_FS("client",
			     gp_sockaddr_text(&client_of(x->connection)->address, false).s),
		       GP_F("host", gp_slice_take(q->host.value, 300)),
		       GP_FN("status", (uint64_t)reply.status));
	return queued;
}

/* --- reports that are posted --- */

static void
resume(struct exchange *x);

static void
say_status(struct exchange *x, int status, struct gp_slice reason)
{
	x->reply = (struct reply){.status = status,
				  .type = "text/plain; charset=utf-8",
				  .body = GP_BUF_INIT(POST_ANSWER_MAX),
				  .allow = status == 405 ? "POST" : NULL,
				  .retry_s = status == 429 || status == 503 ? POSTING_RETRY_S : 0};
	answer_status(&x->reply.body, status);
	if (status == 400 && reason.len > 0)
		gp_buf_printf(&x->reply.body, "%.*s\r\n", GP_SLICE_FMT(reason));
	gp_log(status == 200 ? GP_LOG_INFO : GP_LOG_DEBUG, "post_answered",
	       GP_FS("client", gp_sockaddr_text(&client_of(x->connection)->address, false).s),
	       GP_FS("domain", x->domain), GP_FN("status", (uint64_t)status));
}

static void
on_posted(struct posting *p, uint8_t outcome, struct gp_slice reason)
{
	struct exchange *x = gp_container_of(p, struct exchange, posting);
	say_status(x, post_status(outcome), reason);
	resume(x);
}

static enum MHD_Result
begin_post(struct exchange *x, const struct question *q)
{
	const struct gp_config *cfg = self.dashboard->config;
	const struct gp_sockaddr *client = &client_of(x->connection)->address;
	const struct gp_domain_config *domain;
	size_t len;
	int status = post_head(cfg, q, &domain, &len);
	if (status == 200 && !posting_may(cfg, client, len, gp_clock_monotonic_ms()))
		status = 429;
	if (status != 200) {
		say_status(x, status, gp_slice("", 0));
		return queue(x->connection, &x->reply);
	}
	/* A reload may take the domain away. */
	snprintf(x->domain, sizeof(x->domain), "%.*s", GP_SLICE_FMT(domain->name));
	x->client = gp_sockaddr_text(client, false);
	x->body = GP_BUF_INIT(len);
	x->state = BODY;
	return MHD_YES;
}

/* Others need the room that its body takes. */
static void
drop_post(struct exchange *x)
{
	bool waits = x->state == WAITS;
	posting_forget(&x->posting);
	gp_buf_free(&x->body);
	x->dropped = true;
	if (waits)
		on_posted(&x->posting, GP_INGESTED_FAILED, gp_slice("", 0));
}

static enum MHD_Result
take_piece(struct exchange *x, struct gp_slice piece)
{
	if (x->dropped)
		return MHD_YES;
	/* As long as it says: libmicrohttpd sees to that. */
	if (!gp_buf_put(&x->body, piece))
		return MHD_NO;
	struct posting *most = posting_hold(&x->posting, x->body.cap);
	if (most)
		drop_post(gp_container_of(most, struct exchange, posting));
	return MHD_YES;
}

static enum MHD_Result
hand_over(struct exchange *x)
{
	if (x->dropped) {
		say_status(x, 503, gp_slice("", 0));
		return queue(x->connection, &x->reply);
	}
	x->posting.domain = gp_slice_str(x->domain);
	x->posting.client = gp_slice_str(x->client.s);
	x->posting.body = gp_buf_slice(&x->body);
	x->posting.on_result = on_posted;
	posting_hand_over(&x->posting, gp_clock_monotonic_ms());
	x->state = WAITS;
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

/* For policies and posts: the head, then pieces of a body, its end, and its result. */
static enum MHD_Result
answer_stranger(struct exchange *x, const char *method, struct gp_slice piece)
{
	if (x->state == READY)
		return queue(x->connection, &x->reply);
	if (x->state == BODY)
		return piece.len > 0 ? take_piece(x, piece) : hand_over(x);
	struct question q = {
		.method = gp_slice_str(method),
		.target = gp_slice_str(x->target),
		.sni = gp_slice_str(client_of(x->connection)->sni),
	};
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_question, &q);
	return post_is_asked(&q) ? begin_post(x, &q) : answer_policy(x, &q);
}

/* --- the dashboard --- */

static enum MHD_Result
take_field(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct dashboard_request *q = arg;
	enum dashboard_field field = dashboard_field_of(self.dashboard, gp_slice_str(name));
	(void)kind;
	if (field < FIELD_COUNT) {
		q->fields[field] = gp_slice_str(value ? value : "");
		q->times[field]++;
	}
	return MHD_YES;
}

static struct dashboard_request
read_request(struct exchange *x, const char *method)
{
	const struct http_client *client = client_of(x->connection);
	struct dashboard_request q = {
		.method = gp_slice_str(method),
		.target = gp_slice_str(x->target),
		.body = gp_buf_slice(&x->body),
		.tls = client->tls,
		.now_ms = gp_clock_monotonic_ms(),
		.wall_s = (int64_t)(gp_clock_wall_ms() / 1000),
	};
	q.client_len = gp_sockaddr_octets(&client->address, q.client);
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_field, &q);
	return q;
}

static enum MHD_Result
finish(struct exchange *x)
{
	gp_debug("dashboard_answered",
		 GP_FS("client", gp_sockaddr_text(&client_of(x->connection)->address, false).s),
		 GP_FS("target", x->target), GP_FN("status", (uint64_t)x->reply.status));
	return queue(x->connection, &x->reply);
}

/* Another process has answered. */
static void
resume(struct exchange *x)
{
	x->state = READY;
	MHD_resume_connection(x->connection);
	/* Not now: whoever called may be far from the loop. */
	gp_timer_set(&self.timer, 0);
}

static void
on_checked(struct password_check *c, uint8_t result, struct gp_slice user)
{
	struct exchange *x = gp_container_of(c, struct exchange, check);
	dashboard_signed_in(self.dashboard, result, user, x->secure, gp_clock_monotonic_ms(),
			    &x->reply);
	gp_info(x->reply.status == 200 ? "dashboard_signed_in" : "dashboard_refused",
		GP_FS("client", gp_sockaddr_text(&client_of(x->connection)->address, false).s),
		GP_F("user", user), GP_FN("status", (uint64_t)x->reply.status));
	resume(x);
}

static void
on_figures(struct figures_request *f, uint8_t result, struct gp_slice json)
{
	struct exchange *x = gp_container_of(f, struct exchange, figures);
	dashboard_figures(result, json, &x->reply);
	resume(x);
}

static void
on_queue(struct queue_request *q, const struct gp_message *m)
{
	struct exchange *x = gp_container_of(q, struct exchange, queue);
	flow_hear(&x->flow, m, &x->reply);
	if (!q->waits)
		resume(x);
}

/* False: nobody is there to be asked, and the reply says so. */
static bool
ask_auth(struct exchange *x, const struct dashboard_request *q, const struct dashboard_wish *wish)
{
	x->check.on_result = on_checked;
	bool asked = passwords_check(&x->check, wish->user, wish->password,
				     gp_slice((const char *)q->client, q->client_len));
	if (!asked)
		dashboard_signed_in(self.dashboard, GP_AUTH_TEMPORARY, wish->user, x->secure,
				    q->now_ms, &x->reply);
	return asked;
}

static bool
ask_reports(struct exchange *x, const struct dashboard_wish *wish)
{
	x->figures.on_result = on_figures;
	bool asked = figures_ask(&x->figures, &wish->figures);
	if (!asked)
		dashboard_figures(GP_FIGURES_FAILED, gp_slice("", 0), &x->reply);
	return asked;
}

static bool
ask_spool(struct exchange *x, const struct dashboard_wish *wish)
{
	x->queue.on_answer = on_queue;
	x->flow = (struct flow_answer){.verb = wish->queue.verb, .addresses = wish->addresses};
	bool asked = queue_ask(&x->queue, &wish->queue);
	if (!asked)
		flow_hear(&x->flow, NULL, &x->reply);
	if (asked && wish->user.len > 0)
		gp_info("dashboard_acted", GP_F("user", wish->user), GP_FID("id", wish->queue.id),
			GP_FN("verb", wish->queue.verb));
	return asked;
}

/* It is verified, or cannot be. */
static void
conclude(struct exchange *x, const char *why_not)
{
	struct gp_verify_facts facts;
	bool done = !why_not && x->verification.outcome == GP_VERIFY_DONE;
	if (done)
		facts = gp_verify_facts(x->verification.verify);
	else if (!why_not)
		why_not = x->verification.outcome == GP_VERIFY_TOO_BIG
				  ? "The header is over the limits of what is verified."
				  : "There is no memory for it.";
	dashboard_verified(x->analysis, done ? &facts : NULL, why_not, &x->reply);
	verification_end(&x->verification);
	x->analysis = analysis_free(x->analysis);
}

static void
on_verified(struct verification *v)
{
	struct exchange *x = gp_container_of(v, struct exchange, verification);
	conclude(x, NULL);
	resume(x);
}

/* False: the reply is there already. */
static bool
verify(struct exchange *x, const struct dashboard_wish *wish)
{
	static const char *const why_not[] = {
		[VERIFICATION_BEGUN] = NULL,
		[VERIFICATION_TOO_MANY] =
			"You have had many messages verified. Come again in a minute.",
		[VERIFICATION_BUSY] =
			"Others are being verified, or the DNS cannot be asked. Try again.",
	};
	x->analysis = wish->analysis;
	x->verification.on_done = on_verified;
	enum verification_begun begun = verification_begin(
		&x->verification, wish->user, &wish->verify, analysis_message(x->analysis));
	bool waits = begun == VERIFICATION_BEGUN && x->verification.outcome == GP_VERIFY_WAITS;
	if (!waits)
		conclude(x, why_not[begun]);
	return waits;
}

static enum MHD_Result
answer_dashboard(struct exchange *x, const char *method)
{
	struct gp_arena arena = GP_ARENA_INIT(REQUEST_ARENA_MAX);
	struct dashboard_request q = read_request(x, method);
	struct dashboard_wish wish;
	bool waits = false;
	x->secure = dashboard_is_secure(self.dashboard, &q);
	switch (dashboard_answer(self.dashboard, &q, &arena, &wish, &x->reply)) {
	case DASHBOARD_ANSWERED:
		break;
	case DASHBOARD_ASKS_PASSWORD:
		waits = ask_auth(x, &q, &wish);
		break;
	case DASHBOARD_ASKS_FIGURES:
		waits = ask_reports(x, &wish);
		break;
	case DASHBOARD_ASKS_QUEUE:
		waits = ask_spool(x, &wish);
		break;
	case DASHBOARD_VERIFIES:
		waits = verify(x, &wish);
		break;
	}
	if (wish.password.len > 0)
		gp_wipe((void *)wish.password.ptr, wish.password.len);
	gp_arena_free(&arena);
	if (!waits)
		return finish(x);
	x->state = WAITS;
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

/* Called once when the head is whole, then for pieces of the body, then for its end. */
static enum MHD_Result
go_on(struct exchange *x, const char *method, struct gp_slice data)
{
	size_t body;
	if (x->state == HEAD) {
		struct dashboard_request q = read_request(x, method);
		x->reply.body = GP_BUF_INIT(DASHBOARD_ANSWER_MAX);
		if (!dashboard_head(self.dashboard, &q, &body, &x->reply))
			return finish(x);
		x->body = GP_BUF_INIT(body);
		x->state = BODY;
		/* In one piece, so that it can be wiped. */
		return gp_buf_reserve(&x->body, body) ? MHD_YES : MHD_NO;
	}
	if (x->state == READY)
		return finish(x);
	gp_assert(x->state == BODY);
	if (data.len > 0)
		return gp_buf_put(&x->body, data) ? MHD_YES : MHD_NO;
	return answer_dashboard(x, method);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
	   const char *version, const char *data, size_t *data_len, void **exchange)
{
	struct exchange *x = *exchange;
	(void)arg, (void)path, (void)version;
	if (!x || !x->target)
		return MHD_NO;
	x->connection = c;
	struct gp_slice piece = gp_slice(data, *data_len);
	*data_len = 0;
	return client_of(c)->service == GP_SERVICE_POLICIES ? answer_stranger(x, method, piece)
							    : go_on(x, method, piece);
}

/* --- requests and connections --- */

/* The target as it was sent. */
static void *
begin_exchange(void *arg, const char *target, struct MHD_Connection *c)
{
	(void)arg, (void)c;
	struct exchange *x = calloc(1, sizeof(*x));
	if (x)
		x->target = strdup(target);
	return x;
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **exchange,
	     enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *exchange;
	(void)arg, (void)c, (void)why;
	if (!x)
		return;
	passwords_forget(&x->check);
	figures_forget(&x->figures);
	queue_forget(&x->queue);
	posting_forget(&x->posting);
	verification_end(&x->verification);
	analysis_free(x->analysis);
	if (x->body.ptr)
		gp_wipe(x->body.ptr, x->body.cap);
	gp_buf_free(&x->body);
	gp_buf_free(&x->reply.body);
	free(x->target);
	free(x);
	*exchange = NULL;
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
http_start(struct event_base *base, struct dashboard *dashboard)
{
	self.dashboard = dashboard;
	self.daemon = MHD_start_daemon(
		MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_USE_ERROR_LOG |
			MHD_ALLOW_SUSPEND_RESUME,
		0, NULL, NULL, on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, on_words, NULL,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_MEMORY_MAX, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK,
		begin_exchange, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
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
http_connect(const struct http_client *client)
{
	int pair[2];
	struct http_client *c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = *client;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		int r = -errno;
		free(c);
		return r;
	}
	self.comes = c;
	/* It closes its end when it does not take it. */
	if (MHD_add_connection(self.daemon, pair[1], (const struct sockaddr *)&client->address.ss,
			       client->address.len) != MHD_YES) {
		free(self.comes);
		self.comes = NULL;
		close(pair[0]);
		return -ENOBUFS;
	}
	run();
	return pair[0];
}
