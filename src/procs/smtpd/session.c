/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection. Bytes go from the socket into the protocol's session object; its events are
 * decided here.
 *
 *        read -> advance -> MAIL, RCPT, DATA: answered at once
 *                        -> BODY: into s->body ---- memory full ----> WAIT_STAGE -> session_staged
 * -> advance
 *                        -> END: store_commit ----------------------> WAIT_COMMIT ->
 * session_committed -> advance
 *                        -> CLOSE: the last reply is written -> linger -> free
 *
 * While the session waits, nothing is read from the client: what came behind is in s->held.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "core/message/received.h"
#include "ipc/values.h"
#include "procs/smtpd/smtpd.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	READ_SIZE = 64 * 1024,
	HEAD_MAX = 16 * 1024,
	/* Recipients of one message after aliases. */
	TARGETS_MAX = 50000,
	/* How long a closed session waits for the client to close, so that a reset does not eat the
	   last reply. */
	LINGER_MS = 2000,
	LINGER_OCTETS = 256 * 1024,
};

enum session_state {
	SESSION_TALKS,
	SESSION_WAITS_STAGE,
	SESSION_WAITS_COMMIT,
	SESSION_LINGERS,
};

struct session {
	struct gp_list link;
	enum session_state state;
	int fd;
	bool reading, writing; /* whether the event is registered */
	struct event readable, writable, timer;
	uint64_t timer_ms; /* when the timer fires; UINT64_MAX: not armed */
	struct gp_smtp_server *smtp;
	struct gp_buf held;
	size_t lingered;
	struct gp_client client;
	struct gp_sockaddr_text client_text;
	/* the transaction */
	uint64_t id;
	struct gp_rcpt *targets; /* in the transaction's arena */
	size_t targets_len, targets_cap;
	struct gp_map known; /* addresses of the targets */
	struct body body;
};

static const struct gp_reply out_of_memory =
	GP_REPLY_INIT(451, 4, 3, 0, "Out of memory, try again later");

static void
advance(struct session *s, struct gp_slice input);

/* What the transaction holds beside its arena. */
static void
reset_transaction(struct session *s)
{
	body_reset(&s->body);
	gp_map_free(&s->known);
}

static void
session_free(struct session *s)
{
	if (s->state == SESSION_WAITS_COMMIT || s->state == SESSION_WAITS_STAGE)
		store_forget(s);
	event_del(&s->readable);
	event_del(&s->writable);
	event_del(&s->timer);
	close(s->fd);
	reset_transaction(s);
	gp_buf_free(&s->body.memory);
	gp_buf_free(&s->held);
	gp_smtp_server_free(s->smtp);
	gp_list_remove(&s->link);
	smtpd.sessions_len--;
	listener_release(&s->client);
	free(s);
	smtpd_session_gone();
}

/* --- the log --- */

static void
log_refusal(struct session *s)
{
	struct gp_slice command = {};
	struct gp_reply r = gp_smtp_server_refusal(s->smtp, &command);
	if (r.code == 0)
		return;
	gp_info("refused", GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)),
		GP_F("command", gp_slice_take(command, 300)), GP_FN("code", r.code),
		GP_F("reason", r.text));
}

static void
log_refused_path(struct session *s, const char *stage, const struct gp_reply *r)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	const struct gp_address *path = gp_smtp_server_path(s->smtp);
	bool rcpt = strcmp(stage, "rcpt") == 0;
	gp_info("refused", GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)), GP_FS("stage", stage),
		GP_F("from", rcpt ? e->sender : path->text),
		GP_F("to", rcpt ? path->text : gp_slice(NULL, 0)), GP_FN("code", r->code),
		GP_F("reason", r->text));
}

/* Answers a command with a refusal that log_refused_path has told of already. */
static void
refuse(struct session *s, const struct gp_reply *r)
{
	struct gp_slice command;
	gp_smtp_server_answer(s->smtp, r);
	(void)gp_smtp_server_refusal(s->smtp, &command);
}

static void
log_accepted(struct session *s)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	gp_info("accepted", GP_FID("id", s->id), GP_FS("client", s->client_text.s),
		GP_F("helo", gp_smtp_server_helo(s->smtp)), GP_F("from", e->sender),
		GP_F("to", s->targets[0].address), GP_FN("rcpts", s->targets_len),
		GP_FN("size", body_size(&s->body)));
}

/* --- decisions --- */

static void
decide_mail(struct session *s)
{
	static const struct gp_reply ok = GP_REPLY_INIT(250, 2, 1, 0, "Sender ok");
	struct gp_reply why;
	s->targets = NULL;
	s->targets_len = s->targets_cap = 0;
	s->known = gp_map(TARGETS_MAX, smtpd.env->seed);
	if (store_ready(&why)) {
		gp_smtp_server_answer(s->smtp, &ok);
		return;
	}
	log_refused_path(s, "mail", &why);
	refuse(s, &why);
}

/* Room for n more, in the arena; the old array stays there until the transaction ends. */
static bool
reserve_targets(struct session *s, size_t n)
{
	size_t want = s->targets_len + n;
	if (want > TARGETS_MAX)
		return false;
	if (want <= s->targets_cap)
		return true;
	size_t cap = GP_MAX(want, s->targets_cap * 2);
	struct gp_rcpt *grown = gp_arena_array(gp_smtp_server_arena(s->smtp), cap, sizeof(*grown));
	if (!grown)
		return false;
	if (s->targets_len > 0)
		memcpy(grown, s->targets, s->targets_len * sizeof(*grown));
	s->targets = grown;
	s->targets_cap = cap;
	return true;
}

/* RFC 3461 section 5.2.7.3: an alias with one target passes NOTIFY on; with several, nobody can
 * promise success. */
static uint8_t
notify_of_target(uint8_t notify, size_t targets_len)
{
	if (targets_len == 1 || !(notify & GP_NOTIFY_SUCCESS))
		return notify;
	notify &= (uint8_t)~GP_NOTIFY_SUCCESS;
	return notify != 0 ? notify : GP_NOTIFY_NEVER;
}

static bool
add_target(struct session *s, struct gp_slice address, uint8_t notify)
{
	if (gp_map_get(&s->known, address))
		return true;
	/* A copy: the policy's own may go with the configuration before the transaction ends. */
	address = gp_arena_dup(gp_smtp_server_arena(s->smtp), address);
	if (!address.ptr || !gp_map_set(&s->known, address, s))
		return false;
	s->targets[s->targets_len++] = (struct gp_rcpt){
		.address = address,
		.orcpt = gp_smtp_server_rcpt(s->smtp)->orcpt,
		.notify = notify,
	};
	return true;
}

/* All of them or none. */
static bool
add_targets(struct session *s, const struct gp_admission *a)
{
	size_t before = s->targets_len;
	uint8_t notify = notify_of_target(gp_smtp_server_rcpt(s->smtp)->notify, a->targets_len);
	bool ok = reserve_targets(s, a->targets_len);
	for (size_t i = 0; ok && i < a->targets_len; i++)
		ok = add_target(s, a->targets[i], notify);
	while (!ok && s->targets_len > before)
		gp_map_remove(&s->known, s->targets[--s->targets_len].address);
	return ok;
}

static void
decide_rcpt(struct session *s)
{
	struct gp_admission a = {};
	int r = gp_policy_rcpt(smtpd.policy, &s->client, gp_smtp_server_path(s->smtp),
			       gp_smtp_server_arena(s->smtp), &a);
	if (r < 0)
		a.reply = out_of_memory;
	else if (gp_reply_positive(&a.reply) && !add_targets(s, &a))
		a.reply = GP_REPLY(452, 4, 5, 3, "Too many recipients");
	if (gp_reply_positive(&a.reply)) {
		gp_smtp_server_answer(s->smtp, &a.reply);
		return;
	}
	log_refused_path(s, "rcpt", &a.reply);
	refuse(s, &a.reply);
}

static void
decide_data(struct session *s)
{
	static const struct gp_reply go =
		GP_REPLY_INIT(354, 0, 0, 0, "End data with <CR><LF>.<CR><LF>");
	static const struct gp_reply later =
		GP_REPLY_INIT(451, 4, 3, 0, "Queue is not available, try again later");
	s->id = store_id();
	gp_smtp_server_answer(s->smtp, s->id ? &go : &later);
}

/* --- the message --- */

static void
take_stage(struct session *s, int fd)
{
	if (fd >= 0)
		body_stage(&s->body, fd);
	else
		s->body.failed = true;
}

static void
take_body(struct session *s)
{
	if (body_add(&s->body, gp_smtp_server_body(s->smtp)) || s->body.failed)
		return;
	int spare = body_spare_stage();
	if (spare < 0 && store_stage(s))
		s->state = SESSION_WAITS_STAGE;
	else
		take_stage(s, spare);
}

/* The trace field that goes on top (RFC 5321 section 4.4). */
static bool
write_received(struct session *s, struct gp_buf *head)
{
	const struct gp_envelope *e = gp_smtp_server_envelope(s->smtp);
	struct gp_id_text id = gp_id_text(s->id);
	struct gp_received r = {
		.helo = gp_smtp_server_helo(s->smtp),
		.client_addr = gp_slice_str(s->client_text.s),
		.by = smtpd.setup.hostname,
		.esmtp = gp_smtp_server_esmtp(s->smtp),
		.utf8 = e->flags & GP_ENVELOPE_SMTPUTF8,
		.id = gp_slice_str(id.s),
		.rcpt = e->rcpts_len == 1 ? e->rcpts[0].address : gp_slice(NULL, 0),
		.time_s = gp_clock_wall_ms() / 1000,
	};
	gp_received_write(head, &r);
	return !head->failed;
}

static void
take_end(struct session *s)
{
	struct gp_envelope e = *gp_smtp_server_envelope(s->smtp);
	struct gp_buf head = GP_BUF_INIT(HEAD_MAX);
	e.arrival_ms = gp_clock_wall_ms();
	e.client_addr = gp_slice_str(s->client_text.s);
	e.client_helo = gp_smtp_server_helo(s->smtp);
	e.rcpts = s->targets;
	e.rcpts_len = s->targets_len;
	bool sent = !s->body.failed && write_received(s, &head) &&
		    store_commit(s, s->id, &e, gp_buf_slice(&head), &s->body);
	gp_buf_free(&head);
	if (sent) {
		s->state = SESSION_WAITS_COMMIT;
		return;
	}
	static const struct gp_reply later =
		GP_REPLY_INIT(451, 4, 3, 0, "Could not store the message, try again later");
	gp_smtp_server_answer(s->smtp, &later);
	log_refusal(s);
	reset_transaction(s);
}

static void
answer_commit(struct session *s, enum gp_commit_result result)
{
	struct gp_reply reply =
		GP_REPLY(451, 4, 3, 0, "Could not store the message, try again later");
	if (result == GP_COMMIT_DONE) {
		struct gp_slice text = gp_arena_printf(gp_smtp_server_arena(s->smtp),
						       "Queued as %s", gp_id_text(s->id).s);
		reply = GP_REPLY(250, 2, 0, 0, "Queued");
		if (text.len > 0)
			reply.text = text;
		log_accepted(s);
	} else if (result == GP_COMMIT_FULL) {
		reply = GP_REPLY(452, 4, 3, 1, "Insufficient system storage, try again later");
	} else if (result == GP_COMMIT_TOO_BIG) {
		reply = GP_REPLY(552, 5, 3, 4, "Message too big for the queue");
	}
	gp_smtp_server_answer(s->smtp, &reply);
	if (result != GP_COMMIT_DONE)
		log_refusal(s);
	reset_transaction(s);
}

/* --- the connection --- */

static void
want_read(struct session *s, bool on)
{
	if (s->reading == on)
		return;
	s->reading = on;
	if (on)
		event_add(&s->readable, NULL);
	else
		event_del(&s->readable);
}

/* False: the connection is broken. */
static bool
send_output(struct session *s)
{
	for (;;) {
		struct gp_slice out = gp_smtp_server_output(s->smtp);
		if (out.len == 0)
			break;
		ssize_t n = send(s->fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!s->writing)
				event_add(&s->writable, NULL);
			s->writing = true;
			return true;
		}
		if (n < 0)
			return false;
		gp_smtp_server_output_sent(s->smtp, (size_t)n);
	}
	if (s->writing)
		event_del(&s->writable);
	s->writing = false;
	return true;
}

static void
arm_timer(struct session *s, uint64_t at_ms)
{
	/* A timer that fires too early only looks and goes on; so later deadlines need no call. */
	if (at_ms >= s->timer_ms)
		return;
	uint64_t now = gp_clock_monotonic_ms();
	uint64_t in = at_ms > now ? at_ms - now : 0;
	s->timer_ms = at_ms;
	gp_timer_set(&s->timer, in);
}

/* The protocol is over: write what is left, and wait a little for the client's end; not for one
   that said QUIT, as nothing unread can make the kernel answer with a reset. */
static void
linger(struct session *s, bool quit)
{
	s->state = SESSION_LINGERS;
	if (!send_output(s) || (quit && !s->writing)) {
		session_free(s);
		return;
	}
	if (!s->writing)
		shutdown(s->fd, SHUT_WR);
	s->timer_ms = UINT64_MAX;
	arm_timer(s, gp_clock_monotonic_ms() + LINGER_MS);
	want_read(s, true);
}

/* Runs the protocol over the input until it is used up, the session waits, or it is over: then s is
 * gone or lingers. */
static void
run_protocol(struct session *s, struct gp_slice *input)
{
	while (s->state == SESSION_TALKS) {
		switch (gp_smtp_server_next(s->smtp, input, gp_clock_monotonic_ms())) {
		case GP_SMTP_NEED_INPUT:
			return;
		case GP_SMTP_MAIL:
			decide_mail(s);
			break;
		case GP_SMTP_RCPT:
			decide_rcpt(s);
			break;
		case GP_SMTP_DATA:
			decide_data(s);
			break;
		case GP_SMTP_BODY:
			take_body(s);
			break;
		case GP_SMTP_END:
			take_end(s);
			break;
		case GP_SMTP_ABORT:
			log_refusal(s);
			reset_transaction(s);
			break;
		case GP_SMTP_REFUSED:
			log_refusal(s);
			break;
		case GP_SMTP_STARTTLS:
		case GP_SMTP_AUTH:
		case GP_SMTP_AUTH_STEP:
			gp_unreachable("neither is offered");
		case GP_SMTP_CLOSE:
			s->state = SESSION_LINGERS;
			return;
		}
	}
}

static void
advance(struct session *s, struct gp_slice input)
{
	run_protocol(s, &input);
	if (s->state == SESSION_LINGERS) {
		linger(s, gp_smtp_server_quit(s->smtp) && input.len == 0);
		return;
	}
	if (input.len > 0 && !gp_buf_put(&s->held, input)) {
		session_free(s);
		return;
	}
	if (!send_output(s)) {
		gp_smtp_server_eof(s->smtp);
		if (s->state == SESSION_TALKS)
			session_free(s);
		return;
	}
	/* A client that does not read its replies is not read from either. */
	want_read(s, s->state == SESSION_TALKS ? !s->writing : s->reading);
	arm_timer(s, gp_smtp_server_deadline(s->smtp));
}

/* Goes on with what was held while the session waited. */
static void
resume(struct session *s)
{
	struct gp_buf held = s->held;
	s->state = SESSION_TALKS;
	s->held = (struct gp_buf){.max = held.max};
	want_read(s, true);
	advance(s, gp_buf_slice(&held));
	gp_buf_free(&held);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void)fd, (void)what;
	s->timer_ms = UINT64_MAX;
	if (s->state == SESSION_LINGERS)
		session_free(s);
	else if (s->state == SESSION_TALKS)
		advance(s, gp_slice(NULL, 0));
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	(void)fd, (void)what;
	if (s->state == SESSION_LINGERS)
		linger(s, false);
	else
		advance(s, gp_slice(NULL, 0));
}

static void
read_lingering(struct session *s, ssize_t n)
{
	s->lingered += n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || s->lingered > LINGER_OCTETS)
		session_free(s);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	static char data[READ_SIZE];
	struct session *s = arg;
	(void)what;
	if (s->state == SESSION_WAITS_STAGE || s->state == SESSION_WAITS_COMMIT) {
		want_read(s, false);
		return;
	}
	ssize_t n = recv(fd, data, sizeof(data), 0);
	if (s->state == SESSION_LINGERS) {
		read_lingering(s, n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		gp_smtp_server_eof(s->smtp);
	advance(s, gp_slice(data, n > 0 ? (size_t)n : 0));
}

/* --- what the other parts call --- */

void
session_start(int fd, const struct gp_sockaddr *peer, const struct gp_client *client)
{
	struct event_base *base = gp_loop_base(smtpd.env->loop);
	struct session *s = calloc(1, sizeof(*s));
	if (s)
		s->smtp = gp_smtp_server_new(client->relay ? &smtpd.relay_setup : &smtpd.setup,
					     gp_clock_monotonic_ms());
	if (!s || !s->smtp) {
		free(s);
		listener_release(client);
		close(fd);
		return;
	}
	s->fd = fd;
	s->client = *client;
	s->client_text = gp_sockaddr_text(peer, false);
	s->timer_ms = UINT64_MAX;
	s->held = GP_BUF_INIT(READ_SIZE * 2);
	body_init(&s->body);
	event_assign(&s->readable, base, fd, EV_READ | EV_PERSIST, on_readable, s);
	event_assign(&s->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	evtimer_assign(&s->timer, base, on_timer, s);
	gp_list_append(&smtpd.sessions, &s->link);
	smtpd.sessions_len++;
	session_stress(s);
	advance(s, gp_slice(NULL, 0));
}

void
session_committed(struct session *s, enum gp_commit_result result)
{
	if (s->state == SESSION_WAITS_STAGE) {
		/* spool went away before it gave the staging file */
		session_staged(s, -1);
		return;
	}
	gp_assert(s->state == SESSION_WAITS_COMMIT);
	answer_commit(s, result);
	resume(s);
}

void
session_staged(struct session *s, int fd)
{
	gp_assert(s->state == SESSION_WAITS_STAGE);
	take_stage(s, fd);
	resume(s);
}

void
session_stress(struct session *s)
{
	if (s->client.relay)
		return;
	gp_smtp_server_stress(s->smtp, smtpd.stressed);
	if (s->state == SESSION_TALKS)
		arm_timer(s, gp_smtp_server_deadline(s->smtp));
}

void
session_shutdown(struct session *s, bool now)
{
	static const struct gp_reply closing =
		GP_REPLY_INIT(421, 4, 3, 2, "Service is shutting down");
	bool in_transaction = s->state != SESSION_TALKS || gp_smtp_server_envelope(s->smtp);
	if (s->state == SESSION_LINGERS || (in_transaction && !now))
		return;
	gp_smtp_server_shutdown(s->smtp, &closing);
	if (s->state == SESSION_TALKS)
		advance(s, gp_slice(NULL, 0));
}
