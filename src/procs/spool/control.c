/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands' questions about the queue, over the control socket. Each connection asks once; the
 * answer goes over as many messages as there were then, some of them a turn, as fast as the command
 * reads.
 *
 * web asks over a channel of its own, one question behind the answer to the other. Strangers speak
 * with it, so it gets no message's body nor the journal, changes one message at a time, and each
 * question of its looks at the older part of the queue alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/id.h"
#include "ipc/values.h"
#include "procs/spool/flow.h"
#include "procs/spool/spool.h"
#include "sys/log.h"

enum {
	COMMANDS_MAX = 32, /* connections at once */
	/* Messages looked at for one command in a turn: those who wait for 250 come in between. */
	MESSAGES_A_TURN = 200,
	/* Octets that may wait for a command to read them before more is looked at. */
	BACKLOG_MAX = 1024 * 1024,
	REQUEST_ARENA_MAX = 16 * 1024,
	CAT_PIECE = 60 * 1024,
	CAT_ARENA_EXTRA = 16 * 1024 * 1024,
	/* For web: messages looked at for a question, and recipients of each that are told. */
	WEB_LOOK_MAX = 20'000,
	WEB_RCPTS_MAX = 20,
	/* And messages that it changes in a minute: faster than anybody clicks. */
	WEB_CHANGES_MAX = 60,
};

struct command {
	struct gp_channel *channel; /* NULL: the place is free */
	struct gp_arena arena;      /* the request's texts */
	struct gp_msg_queue_request request;
	/* The messages that it asks about, while it is answered. By id: they may leave meanwhile,
	 * and the reports that a bounce appends on our way are not among them. */
	uint64_t *ids;
	size_t ids_len, at;
	uint64_t count, under_way;
	int error;
	bool partly; /* there are more messages than ids */
};

static struct {
	struct event *readable;
	struct command commands[COMMANDS_MAX];
	struct command web;
	struct spool_rate web_changes;
} self;

/* --- which messages --- */

static bool
domain_matches(struct gp_slice address, struct gp_slice domain)
{
	ptrdiff_t at = gp_slice_rfind(address, '@');
	return at >= 0 && gp_slice_eq_nocase(gp_slice_drop(address, (size_t)at + 1), domain);
}

static bool
rcpt_matches(const struct gp_stored *m, const struct gp_msg_queue_request *r)
{
	for (size_t i = 0; i < m->envelope.rcpts_len; i++) {
		struct gp_slice address = m->envelope.rcpts[i].address;
		if (r->recipient.len > 0 && !gp_slice_eq_nocase(address, r->recipient))
			continue;
		if (r->domain.len > 0 && !domain_matches(address, r->domain))
			continue;
		return true;
	}
	return false;
}

/* Those selectors that need the envelope are asked last. m is filled in. */
static bool
matches(struct gp_queued *q, const struct gp_msg_queue_request *r, struct gp_stored *m)
{
	if (r->id != 0 && q->id != r->id)
		return false;
	uint64_t now = spool_now_ms();
	if ((now > q->arrival_ms ? now - q->arrival_ms : 0) < r->older_ms)
		return false;
	gp_arena_reset(&spool.scratch);
	if (gp_store_read_envelope(spool.store, q, &spool.scratch, m) != 0)
		return false;
	if (r->sender.len > 0 && !gp_slice_eq_nocase(m->envelope.sender, r->sender))
		return false;
	return (r->recipient.len == 0 && r->domain.len == 0) || rcpt_matches(m, r);
}

static bool
selects_something(const struct gp_msg_queue_request *r)
{
	return r->all || r->id != 0 || r->sender.len > 0 || r->recipient.len > 0 ||
	       r->domain.len > 0 || r->older_ms > 0;
}

/* --- answers --- */

static void
forget_request(struct command *command)
{
	free(command->ids);
	gp_arena_free(&command->arena);
	*command = (struct command){.channel = command->channel};
}

/* The end of an answer. text: why it is not ok. */
static void
finish(struct command *command, enum gp_queue_result result, const char *text)
{
	struct gp_message m = {
		.type = GP_MSG_QUEUE_DONE,
		.fd = -1,
		.queue_done = {.result = (uint8_t)result,
			       .count = command->count,
			       .under_way = command->under_way,
			       .text = gp_slice_str(text)},
	};
	(void)!gp_channel_send(command->channel, &m);
	forget_request(command);
	if (command == &self.web)
		gp_channel_permit(command->channel, GP_PERMIT_WEB_TO_SPOOL);
}

static struct gp_queue_rcpt
describe_rcpt(const struct gp_stored *m, size_t i)
{
	const struct gp_rcpt_state *s = &m->states[i];
	return (struct gp_queue_rcpt){
		.address = m->envelope.rcpts[i].address,
		.state = s->last.kind,
		.attempts = (uint16_t)GP_MIN(s->attempts, (uint32_t)UINT16_MAX),
		.next_ms = s->next_ms,
		.text = s->last.reply.text,
		.remote = s->last.remote,
		.forwarded = gp_envelope_forwards(&m->envelope, &m->envelope.rcpts[i]),
	};
}

/* Where there are more than max, those alone that are pending. Returns how many. */
static size_t
describe_rcpts(const struct gp_stored *m, size_t max, struct gp_queue_rcpt *ret)
{
	size_t all = m->envelope.rcpts_len, n = 0;
	for (size_t i = 0; i < all && n < max; i++) {
		uint8_t kind = m->states[i].last.kind;
		if (all <= max || kind == 0 || kind == GP_OUTCOME_DEFERRED)
			ret[n++] = describe_rcpt(m, i);
	}
	return n;
}

static bool
send_entry(const struct command *command, const struct gp_queued *q, const struct gp_stored *m)
{
	size_t max = command == &self.web ? (size_t)WEB_RCPTS_MAX : SIZE_MAX;
	size_t n = GP_MIN(m->envelope.rcpts_len, max);
	struct gp_queue_rcpt *rcpts = gp_arena_array(&spool.scratch, n, sizeof(*rcpts));
	uint32_t attempts = 0;
	for (size_t i = 0; i < m->envelope.rcpts_len; i++)
		attempts = GP_MAX(attempts, m->states[i].attempts);
	if (rcpts)
		n = describe_rcpts(m, max, rcpts);
	struct gp_message msg = {
		.type = GP_MSG_QUEUE_ENTRY,
		.fd = -1,
		.queue_entry = {.id = q->id,
				.arrival_ms = q->arrival_ms,
				.size = q->size,
				.next_ms = q->next_ms,
				.pending = q->pending_len,
				.attempts = attempts,
				.held = q->flags & GP_QUEUED_HELD,
				.active = schedule_leased(q),
				.sender = m->envelope.sender,
				.forwarder = m->envelope.forwarder,
				.client_addr = m->envelope.client_addr,
				.rcpts = rcpts,
				.rcpts_len = rcpts ? n : 0},
	};
	return gp_channel_send(command->channel, &msg);
}

static void
send_body(struct command *command, struct gp_queued *q)
{
	struct gp_arena arena = GP_ARENA_INIT(q->size + CAT_ARENA_EXTRA);
	struct gp_stored m;
	int r = gp_store_read(spool.store, q, &arena, &m);
	for (struct gp_slice rest = r == 0 ? m.body : gp_slice("", 0); rest.len > 0;
	     rest = gp_slice_drop(rest, CAT_PIECE)) {
		struct gp_message msg = {.type = GP_MSG_QUEUE_DATA,
					 .fd = -1,
					 .queue_data = {.data = gp_slice_take(rest, CAT_PIECE)}};
		if (!gp_channel_send(command->channel, &msg))
			break;
	}
	gp_arena_free(&arena);
	command->count = r == 0;
	if (r == 0)
		finish(command, GP_QUEUE_OK, "");
	else
		finish(command, GP_QUEUE_ERROR, r < 0 ? strerror(-r) : "the record is damaged");
}

/* --- what changes the queue --- */

static int
set_held(struct gp_queued *q, bool held)
{
	uint8_t flags = (uint8_t)(held ? q->flags | GP_QUEUED_HELD : q->flags & ~GP_QUEUED_HELD);
	int r = gp_store_set_flags(spool.store, q, flags);
	if (r == 0 && !held)
		schedule_retry(q);
	return r;
}

static int
bounce(struct gp_queued *q, const struct gp_stored *m)
{
	static const struct gp_outcome refused = {
		.kind = GP_OUTCOME_FAILED,
		.reply = GP_REPLY_INIT(554, 5, 0, 0, "Returned by the operator"),
	};
	size_t n = 0, all = m->envelope.rcpts_len;
	uint32_t *rcpts = gp_arena_array(&spool.scratch, all, sizeof(*rcpts));
	struct gp_outcome *outcomes = gp_arena_array(&spool.scratch, all, sizeof(*outcomes));
	struct settled settled;
	if (!rcpts || !outcomes)
		return -ENOMEM;
	for (uint32_t i = 0; i < all; i++) {
		if (gp_queued_due_ms(q, i) == UINT64_MAX)
			continue;
		outcomes[n] = refused;
		rcpts[n++] = i;
	}
	return delivery_settle(q, m, rcpts, n, outcomes, &settled);
}

/* What nobody tells anybody of, the journal does. */
static void
journal_drop(const struct gp_queued *q, const struct gp_stored *m)
{
	struct gp_journal_entry entry = {
		.kind = GP_JOURNAL_OUTCOME,
		.id = q->id,
		.outcome = GP_OUTCOME_FAILED,
		.reply = GP_REPLY(554, 5, 0, 0, "Removed by the operator; nobody was told"),
	};
	for (uint32_t i = 0; i < m->envelope.rcpts_len; i++) {
		entry.rcpt = m->envelope.rcpts[i].address;
		entry.attempts = m->states[i].attempts;
		if (gp_queued_due_ms(q, i) != UINT64_MAX)
			journal_put(spool.journal, GP_JOURNAL_FILE_MAIL, &entry, spool_now_ms());
	}
}

/* *ret_under_way: the message goes, but somebody is delivering it, and what they say of it meets
   nobody. */
static int
act(struct gp_queued *q, const struct gp_stored *m, enum gp_queue_verb verb, bool *ret_under_way)
{
	uint64_t id = q->id;
	int r = 0;
	*ret_under_way = (verb == GP_QUEUE_DROP || verb == GP_QUEUE_BOUNCE) && schedule_leased(q);
	switch (verb) {
	case GP_QUEUE_RETRY:
		schedule_retry(q);
		break;
	case GP_QUEUE_HOLD:
	case GP_QUEUE_RELEASE:
		r = set_held(q, verb == GP_QUEUE_HOLD);
		break;
	case GP_QUEUE_DROP:
		journal_drop(q, m);
		schedule_remove(q);
		r = gp_store_drop(spool.store, q);
		break;
	case GP_QUEUE_BOUNCE:
		r = bounce(q, m);
		break;
	default:
		r = -EPROTO;
	}
	static const char *const names[] = {
		[GP_QUEUE_RETRY] = "retry",   [GP_QUEUE_HOLD] = "hold",
		[GP_QUEUE_DROP] = "drop",     [GP_QUEUE_RELEASE] = "release",
		[GP_QUEUE_BOUNCE] = "bounce",
	};
	gp_info("operator", GP_FID("id", id), GP_FS("action", names[verb]),
		GP_FS("result", r == 0 ? "ok" : strerror(-r)), GP_FN("under_way", *ret_under_way));
	return r;
}

static bool
changes_queue(uint8_t verb)
{
	return verb >= GP_QUEUE_RETRY && verb <= GP_QUEUE_BOUNCE;
}

/* What is asked of one message. False: the answer has ended. */
static bool
answer_for(struct command *command, struct gp_queued *q, const struct gp_stored *m)
{
	const struct gp_msg_queue_request *r = &command->request;
	if (r->verb == GP_QUEUE_CAT) {
		send_body(command, q);
		return false;
	}
	if (!changes_queue(r->verb)) {
		command->count++;
		if (send_entry(command, q, m))
			return true;
		finish(command, GP_QUEUE_ERROR, strerror(ENOMEM));
		return false;
	}
	bool under_way;
	int failed = act(q, m, (enum gp_queue_verb)r->verb, &under_way);
	command->error = failed < 0 ? failed : command->error;
	command->count += failed == 0;
	command->under_way += failed == 0 && under_way;
	return true;
}

static void
end_answer(struct command *command)
{
	if (command->error < 0)
		finish(command, GP_QUEUE_ERROR, strerror(-command->error));
	else if (command->count == 0 && command->request.id != 0)
		finish(command, GP_QUEUE_NOT_FOUND, "no such message");
	else
		finish(command, command->partly ? GP_QUEUE_PARTLY : GP_QUEUE_OK, "");
}

/* True: it could go on at once. */
static bool
go_on(struct command *command)
{
	const struct gp_msg_queue_request *r = &command->request;
	for (unsigned n = 0; n < MESSAGES_A_TURN; n++) {
		if (gp_channel_backlog(command->channel) >= BACKLOG_MAX)
			return false; /* its next write wakes the loop */
		if (command->at == command->ids_len ||
		    (r->limit > 0 && command->count >= r->limit)) {
			end_answer(command);
			return false;
		}
		struct gp_stored m;
		struct gp_queued *q = gp_store_find(spool.store, command->ids[command->at++]);
		if (q && matches(q, r, &m) && !answer_for(command, q, &m))
			return false;
	}
	return true;
}

bool
control_run(void)
{
	bool more = false;
	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		struct command *command = &self.commands[i];
		if (command->channel && command->ids)
			more = go_on(command) || more;
	}
	if (self.web.channel && self.web.ids)
		more = go_on(&self.web) || more;
	return more;
}

static void
send_journal_file(void *ctx, enum gp_journal_file_kind kind, int fd)
{
	struct command *command = ctx;
	struct gp_message m = {
		.type = GP_MSG_JOURNAL_FILE, .fd = fd, .journal_file = {.kind = (uint8_t)kind}};
	command->count += gp_channel_send(command->channel, &m);
}

/* All of its files: whoever asks reads them itself, at its own leisure and cost. */
static void
send_journal(struct command *command)
{
	journal_run(spool.journal, true, spool_journal_now());
	journal_list(spool.journal, send_journal_file, command);
	if (spool.journal)
		finish(command, GP_QUEUE_OK, "");
	else
		finish(command, GP_QUEUE_ERROR, "no journal could be opened");
}

static void
send_flow(struct command *command)
{
	struct gp_message m = {.type = GP_MSG_FLOW, .fd = -1, .flow = *flow_look()};
	if (gp_channel_send(command->channel, &m))
		finish(command, GP_QUEUE_OK, "");
	else
		finish(command, GP_QUEUE_ERROR, strerror(ENOMEM));
}

/* --- the channel --- */

/* Of web a message is changed by its id alone, so that no request can empty the queue, and many
 * take their time. */
static bool
may_ask(const struct command *command, const struct gp_msg_queue_request *r)
{
	if (command != &self.web)
		return r->verb != GP_QUEUE_FLOW;
	if (r->verb == GP_QUEUE_FLOW || r->verb == GP_QUEUE_SHOW)
		return true;
	if (!changes_queue(r->verb) || r->id == 0)
		return false;
	bool good = spool_rate_take(&self.web_changes, WEB_CHANGES_MAX);
	if (!good)
		gp_warning("web_changes_too_much", GP_FID("id", r->id));
	return good;
}

static bool
take_request(struct command *command, const struct gp_msg_queue_request *r)
{
	size_t all = gp_store_stats(spool.store).messages;
	size_t len = command == &self.web ? GP_MIN(all, (size_t)WEB_LOOK_MAX) : all;
	if (r->id != 0)
		len = 1;
	command->partly = r->id == 0 && len < all;
	command->arena = GP_ARENA_INIT(REQUEST_ARENA_MAX);
	command->request = *r;
	command->request.sender = gp_arena_dup(&command->arena, r->sender);
	command->request.recipient = gp_arena_dup(&command->arena, r->recipient);
	command->request.domain = gp_arena_dup(&command->arena, r->domain);
	command->ids = reallocarray(NULL, len + 1, sizeof(*command->ids));
	if (command->arena.failed || !command->ids)
		return false;
	if (r->id != 0)
		command->ids[command->ids_len++] = r->id;
	for (struct gp_queued *q = r->id != 0 ? NULL : gp_store_next(spool.store, NULL);
	     q && command->ids_len < len; q = gp_store_next(spool.store, q))
		command->ids[command->ids_len++] = q->id;
	return true;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	const struct gp_msg_queue_request *r = &m->queue_request;
	struct command *command = ctx;
	gp_assert(m->type == GP_MSG_QUEUE_REQUEST);
	gp_channel_permit(c, GP_PERMIT_NOTHING);
	bool shows =
		r->verb == GP_QUEUE_LIST || r->verb == GP_QUEUE_SHOW || r->verb == GP_QUEUE_CAT;
	if (!may_ask(command, r))
		finish(command, GP_QUEUE_REFUSED, "unknown request");
	else if (r->verb == GP_QUEUE_FLOW)
		send_flow(command);
	else if (r->verb == GP_QUEUE_JOURNAL)
		send_journal(command);
	else if (!shows && !changes_queue(r->verb))
		finish(command, GP_QUEUE_REFUSED, "unknown request");
	else if (!selects_something(r))
		finish(command, GP_QUEUE_REFUSED, "nothing is selected");
	else if (!take_request(command, r))
		finish(command, GP_QUEUE_ERROR, strerror(ENOMEM));
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct command *command = ctx;
	(void)c, (void)why;
	forget_request(command);
	command->channel = NULL;
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	(void)what, (void)arg;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (conn < 0)
		return;
	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		struct command *command = &self.commands[i];
		if (command->channel)
			continue;
		struct gp_channel_owner owner = {
			.on_message = on_message, .on_close = on_close, .ctx = command};
		command->channel =
			gp_channel_new(spool.env->loop, conn, GP_PERMIT_COMMAND_TO_SPOOL, &owner);
		return;
	}
	close(conn);
}

void
control_connect(int fd)
{
	static const struct gp_channel_owner owner = {
		.on_message = on_message, .on_close = on_close, .ctx = &self.web};
	if (self.web.channel)
		forget_request(&self.web);
	gp_channel_free(self.web.channel);
	self.web.channel = gp_channel_new(spool.env->loop, fd, GP_PERMIT_WEB_TO_SPOOL, &owner);
}

int
control_start(int listen_fd)
{
	self.readable = event_new(gp_loop_base(spool.env->loop), listen_fd, EV_READ | EV_PERSIST,
				  on_connection, NULL);
	return self.readable && event_add(self.readable, NULL) == 0 ? 0 : -ENOMEM;
}
