/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's session; client.h has the diagram. Each reply goes through read_reply() to the
 * answer_ function of its state; each of these decides and sets the next state by set_state().
 * Whatever ends the session goes through end_session().
 *
 * A transaction is a row of steps: 0 is MAIL, 1 to n the recipients, n + 1 DATA. Two cursors walk
 * over it: `made`, the next command to be made, and `answered`, the next one to be answered. With
 * PIPELINING (RFC 2920) the first runs ahead, without it by one step only. A recipient's outcome
 * has kind 0 as long as nothing has settled it; after its RCPT was answered that means "accepted".
 */
#include "core/smtp/client.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "core/smtp/client_command.h"
#include "core/smtp/dot_writer.h"
#include "core/smtp/reply_parser.h"

enum {
	IDLE_ARENA_MAX = 4 * GP_CLIENT_TEXT_MAX,
	IDLE_OUTPUT_MAX = 8 * 1024, /* more is given back when the session becomes READY */
	COMMANDS_MAX = 16 * 1024,   /* octets of commands made ahead of the socket */
	OUTPUT_SLACK = 4096,        /* above OUTPUT_MAX: a command more, the end of data */
	TOO_MANY_RCPTS_FROM = 100,  /* RFC 5321 section 4.5.3.1.10 */
};

enum state {
	GREETING,
	HELLO, /* EHLO or LHLO is said */
	HELO,
	READY,
	ENVELOPE,
	BODY,
	ENDED, /* the end of data is in the output, or sent */
	RESET,
	QUITTING,
	CLOSED,
};

struct gp_smtp_client {
	struct gp_smtp_client_setup setup;
	struct gp_ehlo ehlo;
	uint8_t state;
	bool ready_due; /* events that the driver has not pulled yet */
	bool done_due;
	bool early;     /* the reply that is coming in began before its command was sent */
	uint32_t mails; /* MAIL commands so far, for MAILMAX */
	uint64_t deadline_ms;
	struct gp_reply_parser parser;
	struct gp_buf out;
	uint64_t sent;    /* octets sent since the session's start */
	uint64_t awaited; /* what `sent` must be before the state's command can be answered */
	struct gp_outcome failure;

	/* the transaction; from start to the next start */
	struct gp_arena arena;
	struct gp_smtp_client_mail mail;
	struct gp_outcome *outcomes; /* one a recipient */
	uint64_t *ends;              /* one a step: `awaited` of it; 0: not made, or left out */
	size_t rcpts_len;
	size_t made, answered; /* steps; once ENDED, `answered` walks over the recipients again */
	size_t accepted;       /* recipients, while MAIL stands */
	size_t strays;         /* recipients that were accepted although MAIL was not */
	bool mail_taken;
	struct gp_dot_writer dot;
};

/* States and deadlines. */

static void
set_state(struct gp_smtp_client *c, enum state state, uint64_t deadline_ms)
{
	gp_assert(c->state != CLOSED);
	c->state = (uint8_t)state;
	c->deadline_ms = deadline_ms;
}

static uint64_t
deadline(uint64_t now_ms, uint64_t limit_ms, uint64_t rfc_ms)
{
	return now_ms + (limit_ms > 0 ? limit_ms : rfc_ms);
}

static bool
in_transaction(const struct gp_smtp_client *c)
{
	return c->state == ENVELOPE || c->state == BODY || c->state == ENDED;
}

static bool
pipelining(const struct gp_smtp_client *c)
{
	return (c->ehlo.flags & GP_EHLO_PIPELINING) && !c->setup.no_pipelining;
}

static size_t
data_step(const struct gp_smtp_client *c)
{
	return c->rcpts_len + 1;
}

/* The last step that this transaction goes to. */
static size_t
last_step(const struct gp_smtp_client *c)
{
	switch (c->mail.until) {
	case GP_CLIENT_UNTIL_MAIL:
		return 0;
	case GP_CLIENT_UNTIL_RCPT:
		return c->rcpts_len;
	default:
		return data_step(c);
	}
}

/* RFC 5321 section 4.5.3.2: the time for the answer to a step. */
static uint64_t
step_deadline(const struct gp_smtp_client *c, uint64_t now_ms)
{
	const struct gp_client_times *t = &c->setup.times;
	if (c->answered == 0)
		return deadline(now_ms, t->mail_ms, 300'000);
	if (c->answered < data_step(c))
		return deadline(now_ms, t->rcpt_ms, 300'000);
	return deadline(now_ms, t->data_ms, 120'000);
}

static const char *
stage(const struct gp_smtp_client *c)
{
	switch ((enum state)c->state) {
	case GREETING:
		return "the greeting";
	case HELLO:
		return c->setup.lmtp ? "LHLO" : "EHLO";
	case HELO:
		return "HELO";
	case ENVELOPE:
		return c->answered == 0 ? "MAIL" : c->answered < data_step(c) ? "RCPT" : "DATA";
	case BODY:
		return "the message";
	case ENDED:
		return "the end of data";
	case RESET:
		return "RSET";
	case QUITTING:
		return "QUIT";
	case READY:
	case CLOSED:
		break;
	}
	return "rest";
}

/* Outcomes. */

static uint8_t
kind_of(const struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (gp_reply_transient(r))
		return GP_OUTCOME_DEFERRED;
	if (gp_reply_permanent(r))
		return GP_OUTCOME_FAILED;
	return c->setup.lmtp ? GP_OUTCOME_DELIVERED : GP_OUTCOME_RELAYED;
}

/* An outcome with its own copy of the text; a reply without enhanced code gets the general one of
   its class (RFC 3463 section 3.1: X.0.0). */
static struct gp_outcome
make_outcome(struct gp_smtp_client *c, uint8_t kind, const struct gp_reply *r, bool remote_said)
{
	struct gp_outcome o = {
		.kind = kind,
		.reply = *r,
		.remote = c->setup.remote,
		.remote_said = remote_said,
		.remote_dsn = (c->ehlo.flags & GP_EHLO_DSN) &&
			      (kind == GP_OUTCOME_RELAYED || kind == GP_OUTCOME_DELIVERED),
	};
	if (o.reply.enhanced_class == 0)
		o.reply.enhanced_class = (uint8_t)(r->code / 100);
	o.reply.text = gp_arena_dup(&c->arena, gp_slice_take(r->text, GP_CLIENT_TEXT_MAX));
	return o;
}

static struct gp_outcome
remote_outcome(struct gp_smtp_client *c, const struct gp_reply *r)
{
	return make_outcome(c, kind_of(c, r), r, true);
}

/* Gives this outcome to all that have none; the text is shared. */
static void
settle_rest(struct gp_smtp_client *c, const struct gp_outcome *o)
{
	for (size_t i = 0; i < c->rcpts_len; i++) {
		if (c->outcomes[i].kind == 0)
			c->outcomes[i] = *o;
	}
}

/* The session is over, and with it a transaction. What was not sent yet is not sent any more: it
   could be the end of a message that now counts as deferred. */
static void
end_session(struct gp_smtp_client *c, const struct gp_outcome *failure)
{
	if (in_transaction(c)) {
		settle_rest(c, failure);
		c->done_due = true;
	}
	c->failure = *failure;
	c->ready_due = false;
	gp_buf_clear(&c->out);
	set_state(c, CLOSED, UINT64_MAX);
}

/* The same for a reason of ours, as "why, at STAGE". */
static void
break_off(struct gp_smtp_client *c, uint16_t subject, uint16_t detail, const char *why)
{
	struct gp_reply r = {451, 4, subject, detail, {}};
	r.text = gp_arena_printf(&c->arena, "%s, at %s", why, stage(c));
	struct gp_outcome o = make_outcome(c, GP_OUTCOME_DEFERRED, &r, false);
	end_session(c, &o);
}

/* RFC 3463 section 3.6: X.5.0, other or undefined protocol status. */
static void
protocol_error(struct gp_smtp_client *c, const char *why)
{
	break_off(c, 5, 0, why);
}

/* The server ends the session, or does not want one: about the host, hence never FAILED, but for a
   host that says that it takes no mail at all (RFC 7504 section 3). */
static void
refused(struct gp_smtp_client *c, const struct gp_reply *r)
{
	bool never = c->state == GREETING && r->code == 521;
	bool polite = c->out.len == 0 && r->code != 421 && !in_transaction(c);
	struct gp_outcome o =
		make_outcome(c, never ? GP_OUTCOME_FAILED : GP_OUTCOME_DEFERRED, r, true);
	end_session(c, &o);
	if (polite)
		gp_buf_put_str(&c->out, "QUIT\r\n");
}

/* The dialogue before and between transactions. */

static void
say(struct gp_smtp_client *c, enum state state, uint64_t deadline_ms, const char *command,
    struct gp_slice param)
{
	gp_buf_put_str(&c->out, command);
	gp_buf_put(&c->out, param);
	gp_buf_put_str(&c->out, "\r\n");
	c->awaited = c->sent + c->out.len;
	set_state(c, state, deadline_ms);
}

static void
become_ready(struct gp_smtp_client *c)
{
	if (c->out.len == 0 && c->out.cap > IDLE_OUTPUT_MAX)
		gp_buf_free(&c->out);
	c->ready_due = true;
	set_state(c, READY, UINT64_MAX);
}

static void
say_quit(struct gp_smtp_client *c, uint64_t now_ms)
{
	say(c, QUITTING, deadline(now_ms, c->setup.times.quit_ms, 5'000), "QUIT", gp_slice("", 0));
}

static void
answer_greeting(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	uint64_t until = deadline(now_ms, c->setup.times.greeting_ms, 300'000);
	if (r->code >= 400)
		refused(c, r);
	else if (r->code >= 300)
		protocol_error(c, "a reply that makes no sense");
	else if (c->setup.helo_only && !c->setup.lmtp)
		say(c, HELO, until, "HELO ", c->setup.hostname);
	else
		say(c, HELLO, until, c->setup.lmtp ? "LHLO " : "EHLO ", c->setup.hostname);
}

/* RFC 5321 section 3.2: a server that does not know EHLO is asked by HELO. */
static void
answer_hello(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 500 && c->state == HELLO && !c->setup.lmtp) {
		say(c, HELO, deadline(now_ms, c->setup.times.greeting_ms, 300'000), "HELO ",
		    c->setup.hostname);
	} else if (r->code >= 400) {
		refused(c, r);
	} else if (r->code >= 300) {
		protocol_error(c, "a reply that makes no sense");
	} else {
		if (c->state == HELLO)
			c->ehlo = gp_ehlo_parse(r->text);
		become_ready(c);
	}
}

static void
answer_reset(struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (r->code >= 400)
		refused(c, r);
	else if (r->code >= 300)
		protocol_error(c, "a reply that makes no sense");
	else
		become_ready(c);
}

/* The transaction. */

/* It is over and the session goes on: to the next READY, by way of RSET where the server may have
   kept something of it, or to its end, where the server takes no more. */
static void
finish(struct gp_smtp_client *c, bool reset, uint64_t now_ms)
{
	c->done_due = true;
	if (c->ehlo.mail_max > 0 && c->mails >= c->ehlo.mail_max)
		say_quit(c, now_ms);
	else if (reset)
		say(c, RESET, deadline(now_ms, c->setup.times.greeting_ms, 300'000), "RSET",
		    gp_slice("", 0));
	else
		become_ready(c);
}

/* Should this step's command be left out, since its recipient is settled already? */
static bool
left_out(const struct gp_smtp_client *c, size_t step)
{
	return step > 0 && step < data_step(c) && c->outcomes[step - 1].kind != 0;
}

/* All has been answered and nobody is left for DATA; so too when MAIL was refused, as that settles
   all recipients, whose commands are then left out. */
static bool
hopeless(const struct gp_smtp_client *c)
{
	return c->answered == data_step(c) && c->accepted == 0;
}

static bool
may_make(const struct gp_smtp_client *c)
{
	if (c->made > last_step(c) || hopeless(c) || c->out.len >= COMMANDS_MAX)
		return false;
	return pipelining(c) || c->answered == c->made;
}

/* Moves past the steps that were left out. */
static void
skip_answered(struct gp_smtp_client *c)
{
	while (c->answered < c->made && c->ends[c->answered] == 0)
		c->answered++;
}

static void
make_step(struct gp_smtp_client *c, uint64_t now_ms)
{
	size_t step = c->made++;
	bool first = c->answered == step;
	if (left_out(c, step)) {
		skip_answered(c);
		return;
	}
	if (step == 0) {
		gp_client_put_mail(&c->out, &c->ehlo, &c->mail);
		c->mails++;
	} else if (step < data_step(c)) {
		gp_client_put_rcpt(&c->out, &c->ehlo, &c->mail.envelope->rcpts[step - 1]);
	} else {
		gp_buf_put_str(&c->out, "DATA\r\n");
	}
	c->ends[step] = c->sent + c->out.len;
	if (first)
		c->deadline_ms = step_deadline(c, now_ms);
}

/* Makes what may be made, and ends the transaction when nothing more can come of its envelope. */
static void
walk_envelope(struct gp_smtp_client *c, uint64_t now_ms)
{
	while (c->state == ENVELOPE && may_make(c))
		make_step(c, now_ms);
	if (c->answered == c->made && (c->made > last_step(c) || hopeless(c)))
		finish(c, c->mail_taken || c->strays > 0, now_ms);
}

static void
answer_mail(struct gp_smtp_client *c, const struct gp_reply *r)
{
	c->mail_taken = gp_reply_positive(r);
	if (c->mail_taken && c->mail.until != GP_CLIENT_UNTIL_MAIL)
		return;
	struct gp_outcome o = remote_outcome(c, r);
	settle_rest(c, &o);
}

static void
answer_rcpt(struct gp_smtp_client *c, size_t i, const struct gp_reply *r)
{
	if (!c->mail_taken) {
		c->strays += gp_reply_positive(r);
		return;
	}
	if (gp_reply_positive(r) && c->mail.until != GP_CLIENT_UNTIL_RCPT) {
		c->accepted++;
		return;
	}
	c->outcomes[i] = remote_outcome(c, r);
	if (r->code == 552 && c->accepted >= TOO_MANY_RCPTS_FROM)
		c->outcomes[i].kind = GP_OUTCOME_DEFERRED;
}

/*
 * 354 with nobody to send to happens when DATA was pipelined: a lone dot ends it (RFC 2920 section
 * 3.1). Two cases where that would not do: a server that took recipients without a sender might
 * deliver the empty message to them; and the answers to a dot in LMTP are one for each recipient
 * (RFC 2033 section 4.2), so to none there may be none.
 */
static void
end_without_body(struct gp_smtp_client *c, uint64_t now_ms)
{
	if (c->strays > 0) {
		protocol_error(c, "recipients taken without a sender");
		return;
	}
	if (c->setup.lmtp) {
		c->done_due = true;
		gp_buf_put_str(&c->out, ".\r\nQUIT\r\n");
		set_state(c, CLOSED, UINT64_MAX);
		return;
	}
	say(c, ENDED, deadline(now_ms, c->setup.times.end_ms, 600'000), ".", gp_slice("", 0));
}

static void
answer_data(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 400) {
		struct gp_outcome o = remote_outcome(c, r);
		settle_rest(c, &o);
		finish(c, c->mail_taken || c->strays > 0, now_ms);
	} else if (r->code < 300) {
		protocol_error(c, "a reply that makes no sense");
	} else if (c->accepted == 0) {
		end_without_body(c, now_ms);
	} else {
		c->dot = GP_DOT_WRITER;
		set_state(c, BODY, deadline(now_ms, c->setup.times.block_ms, 180'000));
	}
}

static void
answer_step(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	size_t step = c->answered;
	if (step == data_step(c)) {
		answer_data(c, r, now_ms);
		return;
	}
	if (r->code >= 300 && r->code < 400) {
		protocol_error(c, "a reply that makes no sense");
		return;
	}
	c->answered++;
	skip_answered(c);
	if (step == 0)
		answer_mail(c, r);
	else
		answer_rcpt(c, step - 1, r);
	c->deadline_ms = step_deadline(c, now_ms);
}

/* LMTP answers the end of data once for each recipient that was accepted, in their order (RFC 2033
   section 4.2). */
static void
answer_end(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (r->code >= 300 && r->code < 400) {
		protocol_error(c, "a reply that makes no sense");
		return;
	}
	struct gp_outcome o = remote_outcome(c, r);
	if (!c->setup.lmtp) {
		settle_rest(c, &o);
		finish(c, !gp_reply_positive(r) || c->accepted == 0, now_ms);
		return;
	}
	while (c->outcomes[c->answered].kind != 0)
		c->answered++;
	c->outcomes[c->answered] = o;
	c->deadline_ms = deadline(now_ms, c->setup.times.end_ms, 600'000);
	if (--c->accepted == 0)
		finish(c, false, now_ms);
}

/* Replies. */

/* Is there a command, wholly sent, that has no answer yet? */
static bool
awaits_reply(const struct gp_smtp_client *c)
{
	switch ((enum state)c->state) {
	case GREETING:
		return true;
	case HELLO:
	case HELO:
	case ENDED:
	case RESET:
	case QUITTING:
		return c->sent >= c->awaited;
	case ENVELOPE:
		return c->answered < c->made && c->sent >= c->ends[c->answered];
	case READY:
	case BODY:
	case CLOSED:
		break;
	}
	return false;
}

/* A server may end the session at any time, and give up in the midst of a body. That it agrees to
   what it has not heard yet is the mark of replies that somebody else has put in, or of a session
   that has lost its step. */
static void
answer_early(struct gp_smtp_client *c, const struct gp_reply *r)
{
	if (r->code < 400) {
		protocol_error(c, "a reply before its command");
		return;
	}
	if (r->code != 421 && (c->state == BODY || c->state == ENDED)) {
		struct gp_outcome o = remote_outcome(c, r);
		settle_rest(c, &o);
	}
	refused(c, r);
}

static void
answer(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms)
{
	if (c->state == QUITTING) {
		set_state(c, CLOSED, UINT64_MAX);
	} else if (c->early) {
		answer_early(c, r);
	} else if (r->code == 421) {
		refused(c, r);
	} else if (c->state == GREETING) {
		answer_greeting(c, r, now_ms);
	} else if (c->state == HELLO || c->state == HELO) {
		answer_hello(c, r, now_ms);
	} else if (c->state == RESET) {
		answer_reset(c, r);
	} else if (c->state == ENVELOPE) {
		answer_step(c, r, now_ms);
	} else {
		gp_assert(c->state == ENDED);
		answer_end(c, r, now_ms);
	}
}

static void
read_reply(struct gp_smtp_client *c, struct gp_slice *input, uint64_t now_ms)
{
	struct gp_reply r;
	if (gp_reply_parser_idle(&c->parser))
		c->early = !awaits_reply(c);
	switch (gp_reply_parser_feed(&c->parser, input, &r)) {
	case GP_REPLY_COMPLETE:
		answer(c, &r, now_ms);
		break;
	case GP_REPLY_MORE:
		/* Nothing else would end the wait for the rest of what may be a 421. */
		if (c->state == READY)
			c->deadline_ms = deadline(now_ms, c->setup.times.quit_ms, 5'000);
		break;
	case GP_REPLY_BAD:
		protocol_error(c, c->parser.why);
		break;
	default:
		break_off(c, 3, 0, "out of memory");
	}
}

/* The interface. */

struct gp_smtp_client *
gp_smtp_client_new(const struct gp_smtp_client_setup *setup, uint64_t now_ms)
{
	struct gp_smtp_client *c = calloc(1, sizeof(*c) + setup->hostname.len);
	if (!c)
		return NULL;
	char *hostname = memcpy(c + 1, setup->hostname.ptr, setup->hostname.len);
	c->setup = *setup;
	c->setup.hostname = gp_slice(hostname, setup->hostname.len);
	c->parser = gp_reply_parser();
	c->out = GP_BUF_INIT(GP_CLIENT_OUTPUT_MAX + OUTPUT_SLACK);
	c->arena = GP_ARENA_INIT(IDLE_ARENA_MAX);
	c->deadline_ms = deadline(now_ms, setup->times.greeting_ms, 300'000);
	return c;
}

struct gp_smtp_client *
gp_smtp_client_free(struct gp_smtp_client *c)
{
	if (!c)
		return NULL;
	gp_reply_parser_free(&c->parser);
	gp_buf_free(&c->out);
	gp_arena_free(&c->arena);
	free(c);
	return NULL;
}

/* BODY when there is room worth a piece. */
static bool
wants_body(const struct gp_smtp_client *c)
{
	return c->state == BODY && c->out.len <= GP_CLIENT_OUTPUT_MAX / 2;
}

enum gp_client_event
gp_smtp_client_next(struct gp_smtp_client *c, struct gp_slice *input, uint64_t now_ms)
{
	for (;;) {
		if (c->state == ENVELOPE)
			walk_envelope(c, now_ms);
		if (c->out.failed && c->state != CLOSED)
			break_off(c, 3, 0, "out of memory");
		if (c->done_due) {
			c->done_due = false;
			return GP_CLIENT_DONE;
		}
		if (c->state == CLOSED)
			return GP_CLIENT_CLOSE;
		if (input->len > 0) {
			read_reply(c, input, now_ms);
		} else if (now_ms >= c->deadline_ms) {
			if (c->state == QUITTING)
				set_state(c, CLOSED, UINT64_MAX);
			else
				break_off(c, 4, 2, "timed out");
		} else {
			break;
		}
	}
	if (wants_body(c))
		return GP_CLIENT_BODY;
	bool ready = c->ready_due && gp_reply_parser_idle(&c->parser);
	c->ready_due = c->ready_due && !ready;
	return ready ? GP_CLIENT_READY : GP_CLIENT_WAIT;
}

void
gp_smtp_client_eof(struct gp_smtp_client *c)
{
	if (c->state == QUITTING)
		set_state(c, CLOSED, UINT64_MAX);
	else if (c->state != CLOSED)
		break_off(c, 4, 2, "connection lost");
}

/* Settles at once those whom the server cannot serve. */
static void
settle_lacking(struct gp_smtp_client *c)
{
	struct gp_reply r = gp_client_lacks(&c->setup, &c->ehlo, &c->mail);
	if (r.code != 0) {
		struct gp_outcome o = make_outcome(c, GP_OUTCOME_FAILED, &r, false);
		settle_rest(c, &o);
		return;
	}
	for (size_t i = 0; i < c->rcpts_len; i++) {
		r = gp_client_lacks_for(&c->ehlo, &c->mail.envelope->rcpts[i]);
		if (r.code != 0)
			c->outcomes[i] = make_outcome(c, GP_OUTCOME_FAILED, &r, false);
	}
}

static bool
anybody_left(const struct gp_smtp_client *c)
{
	for (size_t i = 0; i < c->rcpts_len; i++) {
		if (c->outcomes[i].kind == 0)
			return true;
	}
	return false;
}

int
gp_smtp_client_start(struct gp_smtp_client *c, const struct gp_smtp_client_mail *mail,
		     uint64_t now_ms)
{
	size_t n = mail->envelope->rcpts_len;
	gp_assert(c->state == READY && !c->ready_due && !c->done_due);
	gp_assert(n > 0 && n <= GP_CLIENT_RCPTS_MAX);
	c->rcpts_len = 0;
	gp_arena_reset(&c->arena);
	c->arena.max = IDLE_ARENA_MAX +
		       n * (sizeof(*c->outcomes) + sizeof(*c->ends) + GP_CLIENT_TEXT_MAX + 32);
	c->outcomes = gp_arena_array(&c->arena, n, sizeof(*c->outcomes));
	c->ends = gp_arena_array(&c->arena, n + 2, sizeof(*c->ends));
	if (c->arena.failed) {
		gp_arena_reset(&c->arena);
		return -ENOMEM;
	}
	c->mail = *mail;
	c->rcpts_len = n;
	c->made = c->answered = c->accepted = c->strays = 0;
	c->mail_taken = false;
	settle_lacking(c);
	set_state(c, ENVELOPE, UINT64_MAX);
	if (anybody_left(c))
		walk_envelope(c, now_ms);
	else
		finish(c, false, now_ms);
	return 0;
}

void
gp_smtp_client_quit(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_assert(c->state == READY && !c->ready_due && !c->done_due);
	say_quit(c, now_ms);
}

size_t
gp_smtp_client_body(struct gp_smtp_client *c, struct gp_slice piece)
{
	gp_assert(c->state == BODY);
	return gp_dot_write(&c->dot, piece, &c->out, GP_CLIENT_OUTPUT_MAX);
}

void
gp_smtp_client_body_end(struct gp_smtp_client *c, uint64_t now_ms)
{
	gp_assert(c->state == BODY);
	(void)gp_dot_write_end(&c->dot, &c->out); /* a failure is seen by the next pull */
	c->awaited = c->sent + c->out.len;
	c->answered = 0;
	set_state(c, ENDED, deadline(now_ms, c->setup.times.block_ms, 180'000));
}

void
gp_smtp_client_body_abort(struct gp_smtp_client *c, const char *why)
{
	gp_assert(c->state == BODY);
	break_off(c, 3, 0, why);
}

struct gp_slice
gp_smtp_client_output(const struct gp_smtp_client *c)
{
	return gp_buf_slice(&c->out);
}

void
gp_smtp_client_output_sent(struct gp_smtp_client *c, size_t n, uint64_t now_ms)
{
	gp_buf_consume(&c->out, n);
	c->sent += n;
	/* RFC 5321 sections 4.5.3.2.5 and 4.5.3.2.6: a time for each block, another for the end. */
	if (n == 0 || (c->state != BODY && c->state != ENDED))
		return;
	if (c->state == ENDED && c->sent >= c->awaited)
		c->deadline_ms = deadline(now_ms, c->setup.times.end_ms, 600'000);
	else
		c->deadline_ms = deadline(now_ms, c->setup.times.block_ms, 180'000);
}

uint64_t
gp_smtp_client_deadline(const struct gp_smtp_client *c)
{
	return c->deadline_ms;
}

const struct gp_outcome *
gp_smtp_client_outcomes(const struct gp_smtp_client *c, size_t *ret_len)
{
	*ret_len = c->rcpts_len;
	return c->outcomes;
}

struct gp_outcome
gp_smtp_client_failure(const struct gp_smtp_client *c)
{
	return c->failure;
}

const struct gp_ehlo *
gp_smtp_client_ehlo(const struct gp_smtp_client *c)
{
	return &c->ehlo;
}

size_t
gp_smtp_client_rcpts_max(const struct gp_smtp_client *c)
{
	return c->ehlo.rcpt_max > 0 ? c->ehlo.rcpt_max : GP_CLIENT_RCPTS_USUAL;
}
