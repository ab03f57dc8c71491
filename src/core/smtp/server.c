/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's states and who moves between them; set_state() is the only setter.
 *
 *   GREET   --greeting sent (step_greet)-----------------------> COMMAND
 *   COMMAND --MAIL, RCPT, DATA (their handlers)----------------> DECIDE
 *   DECIDE  --answer (gp_smtp_server_answer)-------------------> COMMAND
 *   DECIDE  --DATA answered 354--------------------------------> BODY
 *   BODY    --end of data, clean (step_body)-------------------> DECIDE (END)
 *   BODY    --end of data, refused (end_refused)---------------> COMMAND
 *   BODY    --end of data, framing fault (end_refused)---------> POISONED
 *   POISONED --anything (step_poisoned)------------------------> CLOSING
 *   any but DECIDE --QUIT, limit, time, eof, shutdown (close_session)--> CLOSING --> CLOSED
 *
 * The transaction (struct transaction) lives from MAIL to its end in the session's arena;
 * transaction_reset() is the one place where it goes away. RCPT and DATA need the object, so no
 * path that forgets to reset a flag can lead to a body.
 */
#include "core/smtp/server.h"

#include <stdlib.h>

#include "core/message/header.h"
#include "core/smtp/command.h"
#include "core/smtp/dot_reader.h"

enum {
	FLOOD_FACTOR = 4,          /* reading stops at this many times a limit */
	FLOOD_EXTRA = 1024 * 1024, /* and for bodies this many octets more */
	BODY_GRACE_MS = 60 * 1000, /* before body_rate counts */
	HELO_MAX = GP_DOMAIN_MAX,
	OUTPUT_KEEP = 512, /* octets of empty output buffer that an idle session may keep */
	ARENA_BASE = 1024 * 1024,
	ARENA_PER_RCPT = 8 * 1024, /* its address, ORCPT and what the driver adds */
};

static const struct gp_reply no_memory = GP_REPLY_INIT(452, 4, 3, 1, "Insufficient system storage");

/* Beside the events of server.h: go on with the next step. */
enum { AGAIN = -1 };

enum state {
	STATE_GREET,
	STATE_COMMAND,
	STATE_DECIDE,
	STATE_BODY,
	STATE_POISONED,
	STATE_CLOSING,
	STATE_CLOSED,
	STATES,
};

struct transaction {
	bool accepted; /* the driver said yes to MAIL: it will hear of the end */
	struct gp_smtp_mail mail;
	struct gp_smtp_rcpt rcpt; /* the one that is being decided on */
	struct gp_envelope envelope;
	struct gp_rcpt *rcpts;
	size_t rcpts_cap;
	uint32_t overshoot; /* RCPTs over the limit */
	struct gp_dot_reader dots;
	struct gp_header_meter header;
	uint64_t body_size; /* octets of the message, without stuffed dots (RFC 1870 section 5) */
	uint64_t body_read; /* octets off the wire */
};

struct gp_smtp_server {
	struct gp_smtp_server_setup setup; /* points to what follows this struct and to `limits` */
	struct gp_limits limits;
	uint8_t state; /* enum state */
	uint8_t asked; /* DECIDE: the event that waits for its answer */
	bool esmtp;
	bool eof;
	bool tx_over;     /* the transaction is kept until next() for the driver to look at */
	bool line_over;   /* the same for `line` */
	bool clock_stale; /* since_ms is to be set by the next next() */
	uint32_t errors, useless, messages;
	uint64_t greet_ms; /* when the greeting is due */
	uint64_t since_ms; /* when we began to wait for this command line, or this body */
	uint64_t heard_ms; /* when input last came */
	struct gp_arena arena;
	struct transaction *tx;
	struct gp_slice body; /* the piece at BODY */
	struct gp_buf line;   /* a command line that comes in pieces */
	struct gp_buf helo;
	struct gp_buf output;
	struct gp_reply refusal;
	struct gp_slice refused_command;
	struct gp_reply farewell; /* a shutdown that waits for the driver's answer */
	bool quit;                /* the client said so */
};

static void
set_state(struct gp_smtp_server *s, enum state state)
{
	gp_assert(s->state != STATE_CLOSED);
	gp_assert(s->state != STATE_CLOSING || state == STATE_CLOSED);
	gp_assert(state != STATE_BODY || (s->tx && s->tx->envelope.rcpts_len > 0));
	s->state = (uint8_t)state;
	s->clock_stale = true;
}

/* ------------------------------------------------------------------------------------------------
 * Replies
 */

static void
close_session(struct gp_smtp_server *s)
{
	if (s->state < STATE_CLOSING)
		set_state(s, STATE_CLOSING);
}

static void
reply(struct gp_smtp_server *s, struct gp_reply r)
{
	size_t before = s->output.len;
	gp_reply_write(&s->output, &r);
	if (s->output.failed) {
		gp_buf_truncate(&s->output, before);
		close_session(s);
	}
}

static void
note_refusal(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	s->refusal = r;
	s->refused_command = command;
}

/* Refuses and closes. */
static int
dismiss(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	reply(s, r);
	note_refusal(s, r, command);
	close_session(s);
	return GP_SMTP_REFUSED;
}

static void
count_error(struct gp_smtp_server *s)
{
	if (++s->errors < s->setup.limits->errors || s->state >= STATE_CLOSING)
		return;
	reply(s, GP_REPLY(421, 4, 7, 0, "Too many errors"));
	close_session(s);
}

/* Refuses and goes on, unless the errors are too many. */
static int
refuse(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	reply(s, r);
	note_refusal(s, r, command);
	count_error(s);
	return GP_SMTP_REFUSED;
}

/* ------------------------------------------------------------------------------------------------
 * The transaction
 */

static struct transaction *
transaction_begin(struct gp_smtp_server *s)
{
	gp_assert(!s->tx);
	s->arena = GP_ARENA_INIT(ARENA_BASE + (size_t)s->setup.limits->recipients * ARENA_PER_RCPT);
	s->tx = gp_arena_new(&s->arena, struct transaction);
	return s->tx;
}

static void
transaction_reset(struct gp_smtp_server *s)
{
	gp_arena_free(&s->arena);
	s->tx = NULL;
	s->tx_over = false;
	s->body = gp_slice("", 0);
}

/* Ends the transaction; it is still there to look at until next() is called. Returns ABORT where
 * the driver has to hear of it. */
static int
transaction_end(struct gp_smtp_server *s)
{
	bool tell = s->tx && s->tx->accepted && !s->tx_over;
	s->tx_over = s->tx != NULL;
	return tell ? (int)GP_SMTP_ABORT : AGAIN;
}

/* Room for one more recipient, so that taking it cannot fail when the driver has said yes. */
static bool
reserve_rcpt(struct gp_smtp_server *s)
{
	struct transaction *tx = s->tx;
	if (tx->envelope.rcpts_len < tx->rcpts_cap)
		return true;
	size_t cap = tx->rcpts_cap > 0 ? 2 * tx->rcpts_cap : 4;
	struct gp_rcpt *grown = gp_arena_array(&s->arena, cap, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < tx->envelope.rcpts_len; i++)
		grown[i] = tx->rcpts[i];
	tx->envelope.rcpts = tx->rcpts = grown;
	tx->rcpts_cap = cap;
	return true;
}

static int
ask(struct gp_smtp_server *s, enum gp_smtp_event event)
{
	s->asked = (uint8_t)event;
	set_state(s, STATE_DECIDE);
	return (int)event;
}

/* ------------------------------------------------------------------------------------------------
 * Commands. Each handler has the argument and the whole line, and returns an event or AGAIN.
 */

/* RFC 6531 section 3.7.1: names in EHLO are A-labels. */
static bool
is_ascii(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] > 127)
			return false;
	}
	return true;
}

static bool
is_literal(struct gp_slice s)
{
	if (s.len < 3 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < s.len; i++) {
		if (s.ptr[i] <= 32 || s.ptr[i] >= 127 || s.ptr[i] == '[' || s.ptr[i] == ']')
			return false;
	}
	return s.len <= HELO_MAX;
}

/* RFC 5321 section 4.1.1.1: a domain or an address literal. A final dot is forgiven. */
static bool
set_helo(struct gp_smtp_server *s, struct gp_slice name)
{
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!is_ascii(name) || (!gp_domain_valid(name) && !is_literal(name)))
		return false;
	gp_buf_clear(&s->helo);
	return gp_buf_put(&s->helo, name);
}

/* The replies to HELO and EHLO carry no enhanced codes (RFC 2034 section 4). */
static int
handle_helo(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	if (!set_helo(s, args))
		return refuse(s, GP_REPLY(501, 0, 0, 0, "Syntax: HELO hostname"), line);
	s->esmtp = false;
	reply(s, (struct gp_reply){.code = 250, .text = s->setup.hostname});
	return transaction_end(s);
}

static int
handle_ehlo(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	char text[512];
	if (!set_helo(s, args))
		return refuse(s, GP_REPLY(501, 0, 0, 0, "Syntax: EHLO hostname"), line);
	s->esmtp = true;
	int n = snprintf(
		text, sizeof(text),
		"%.*s\nPIPELINING\nSIZE %llu\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nDSN",
		GP_SLICE_FMT(s->setup.hostname), (unsigned long long)s->setup.limits->message_size);
	gp_assert(n > 0 && (size_t)n < sizeof(text));
	reply(s, (struct gp_reply){.code = 250, .text = gp_slice(text, (size_t)n)});
	return transaction_end(s);
}

static int
refuse_mail(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice line)
{
	(void)transaction_end(s);
	return refuse(s, r, line);
}

static int
handle_mail(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	struct gp_reply refusal;
	if (s->helo.len == 0)
		return refuse(s, GP_REPLY(503, 5, 5, 1, "Send HELO or EHLO first"), line);
	if (s->tx)
		return refuse(s, GP_REPLY(503, 5, 5, 1, "Nested MAIL command"), line);
	if (s->messages >= s->setup.limits->messages)
		return dismiss(s, GP_REPLY(421, 4, 7, 0, "Too many messages"), line);
	struct transaction *tx = transaction_begin(s);
	if (!tx)
		return refuse_mail(s, no_memory, line);
	int r = gp_smtp_mail_parse(args, s->esmtp, &s->arena, &tx->mail, &refusal);
	if (r != 0)
		return refuse_mail(s, r < 0 ? no_memory : refusal, line);
	if (tx->mail.size > s->setup.limits->message_size)
		return refuse_mail(s, GP_REPLY(552, 5, 3, 4, "Message is too big"), line);
	tx->envelope.sender = tx->mail.path.text;
	tx->envelope.envid = tx->mail.envid;
	tx->envelope.ret = tx->mail.ret;
	tx->envelope.flags = tx->mail.flags;
	tx->envelope.client_helo = gp_buf_slice(&s->helo);
	return ask(s, GP_SMTP_MAIL);
}

/* RFC 5321 section 4.5.3.1.10. A client cannot know our limit, so that many again are no errors. */
static int
refuse_overshoot(struct gp_smtp_server *s, struct gp_slice line)
{
	struct gp_reply r = GP_REPLY(452, 4, 5, 3, "Too many recipients");
	if (++s->tx->overshoot > s->setup.limits->recipients)
		return refuse(s, r, line);
	reply(s, r);
	note_refusal(s, r, line);
	return GP_SMTP_REFUSED;
}

static int
handle_rcpt(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	struct transaction *tx = s->tx;
	struct gp_reply refusal;
	if (!tx)
		return refuse(s, GP_REPLY(503, 5, 5, 1, "Need MAIL first"), line);
	if (tx->envelope.rcpts_len >= s->setup.limits->recipients)
		return refuse_overshoot(s, line);
	bool utf8 = (tx->mail.flags & GP_ENVELOPE_SMTPUTF8) != 0;
	int r = gp_smtp_rcpt_parse(args, s->esmtp, utf8, &s->arena, &tx->rcpt, &refusal);
	if (r > 0)
		return refuse(s, refusal, line);
	if (r < 0 || !reserve_rcpt(s))
		return refuse(s, no_memory, line);
	return ask(s, GP_SMTP_RCPT);
}

static int
handle_data(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	if (!s->tx)
		return refuse(s, GP_REPLY(503, 5, 5, 1, "Need MAIL first"), line);
	/* RFC 2920 section 3.1: a pipelining client may not have seen that all were refused. */
	if (s->tx->envelope.rcpts_len == 0)
		return refuse(s, GP_REPLY(554, 5, 5, 1, "No valid recipients"), line);
	return ask(s, GP_SMTP_DATA);
}

static int
handle_rset(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	reply(s, GP_REPLY(250, 2, 0, 0, "Ok"));
	return transaction_end(s);
}

static int
handle_noop(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	reply(s, GP_REPLY(250, 2, 0, 0, "Ok"));
	return AGAIN;
}

/* RFC 5321 section 7.3: says nothing about who is here. */
static int
handle_vrfy(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	reply(s, GP_REPLY(252, 2, 5, 0, "Send the mail, and we will see"));
	return AGAIN;
}

static int
handle_help(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	reply(s, GP_REPLY(214, 2, 0, 0, "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"));
	return AGAIN;
}

static int
handle_quit(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	reply(s, GP_REPLY(221, 2, 0, 0, "Bye"));
	s->quit = true;
	close_session(s);
	return AGAIN;
}

static int
handle_expn(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return refuse(s, GP_REPLY(502, 5, 5, 1, "Command not implemented"), line);
}

static int
handle_unknown(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return refuse(s, GP_REPLY(500, 5, 5, 1, "Command unknown"), line);
}

/* A web page can make a browser send mail commands in a request's body; never read that far. */
static int
handle_http(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return dismiss(s, GP_REPLY(500, 5, 5, 1, "This is no web server"), line);
}

enum command_rules {
	ARGS_NONE = 1, /* RFC 5321 section 4.3.2: 501 with arguments */
	ARGS_SOME = 2,
	USELESS = 4, /* counts against useless_commands until a message comes */
};

static const struct {
	int (*handle)(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line);
	uint8_t rules; /* enum command_rules */
} commands[GP_VERBS] = {
	[GP_VERB_UNKNOWN] = {handle_unknown, 0},
	[GP_VERB_HELO] = {handle_helo, USELESS},
	[GP_VERB_EHLO] = {handle_ehlo, USELESS},
	[GP_VERB_MAIL] = {handle_mail, 0},
	[GP_VERB_RCPT] = {handle_rcpt, 0},
	[GP_VERB_DATA] = {handle_data, ARGS_NONE},
	[GP_VERB_RSET] = {handle_rset, ARGS_NONE | USELESS},
	[GP_VERB_NOOP] = {handle_noop, USELESS},
	[GP_VERB_VRFY] = {handle_vrfy, ARGS_SOME | USELESS},
	[GP_VERB_EXPN] = {handle_expn, 0},
	[GP_VERB_HELP] = {handle_help, USELESS},
	[GP_VERB_QUIT] = {handle_quit, ARGS_NONE},
	[GP_VERB_HTTP] = {handle_http, 0},
};

/* Bare CR, bare LF, NUL: the sender's idea of where lines end is not ours. */
static bool
is_clean(struct gp_slice line)
{
	return gp_slice_find(line, '\r') < 0 && gp_slice_find(line, '\0') < 0;
}

static int
handle_line(struct gp_smtp_server *s, struct gp_slice line)
{
	bool crlf = line.len >= 2 && line.ptr[line.len - 2] == '\r';
	size_t len = line.len;
	line = gp_slice_take(line, len - (crlf ? 2 : 1));
	if (!crlf || !is_clean(line))
		return dismiss(s, GP_REPLY(500, 5, 5, 2, "Bare CR, bare LF or NUL"), line);
	if (len > s->setup.limits->command_length)
		return refuse(s, GP_REPLY(500, 5, 5, 2, "Line is too long"), line);
	struct gp_smtp_command c = gp_smtp_command_parse(line);
	uint8_t rules = commands[c.verb].rules;
	if (((rules & ARGS_NONE) && c.args.len > 0) || ((rules & ARGS_SOME) && c.args.len == 0))
		return refuse(s, GP_REPLY(501, 5, 5, 4, "Syntax error in arguments"), line);
	bool first_helo = s->helo.len == 0 && (c.verb == GP_VERB_HELO || c.verb == GP_VERB_EHLO);
	if ((rules & USELESS) && !first_helo && ++s->useless > s->setup.limits->useless_commands)
		return dismiss(s, GP_REPLY(421, 4, 7, 0, "Too many commands without mail"), line);
	return commands[c.verb].handle(s, c.args, line);
}

/* ------------------------------------------------------------------------------------------------
 * Steps: one a state. Each takes what it can from the input and returns an event or AGAIN.
 */

static int
step_greet(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	struct gp_slice host = s->setup.hostname;
	char text[GP_DOMAIN_MAX + 16];
	if (input->len > 0 && s->setup.greet_wait_ms > 0)
		return dismiss(s, GP_REPLY(554, 0, 0, 0, "You talk before you are greeted"),
			       GP_SLICE(""));
	if (now_ms < s->greet_ms)
		return GP_SMTP_NEED_INPUT;
	int n = snprintf(text, sizeof(text), "%.*s ESMTP", GP_SLICE_FMT(host));
	gp_assert(n > 0 && (size_t)n < sizeof(text));
	reply(s, (struct gp_reply){.code = 220, .text = gp_slice(text, (size_t)n)});
	set_state(s, STATE_COMMAND);
	return AGAIN;
}

/* Puts aside a line whose end has not come; the limit is on all of it. */
static int
keep_part(struct gp_smtp_server *s, struct gp_slice part, size_t max)
{
	if (!gp_buf_put(&s->line, part))
		return dismiss(s, GP_REPLY(421, 4, 3, 0, "Out of memory"), GP_SLICE(""));
	if (s->line.len < max)
		return GP_SMTP_NEED_INPUT;
	return dismiss(s, GP_REPLY(500, 5, 5, 2, "Line is much too long"), GP_SLICE(""));
}

static int
step_command(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	size_t max = (size_t)s->setup.limits->command_length * FLOOD_FACTOR;
	struct gp_slice part = gp_slice_take(*input, max - s->line.len);
	ptrdiff_t lf = gp_slice_find(part, '\n');
	if (part.len == 0)
		return GP_SMTP_NEED_INPUT;
	part = gp_slice_take(part, lf < 0 ? part.len : (size_t)lf + 1);
	*input = gp_slice_drop(*input, part.len);
	if (lf < 0)
		return keep_part(s, part, max);
	s->since_ms = now_ms;
	if (s->line.len == 0)
		return handle_line(s, part);
	if (!gp_buf_put(&s->line, part))
		return dismiss(s, GP_REPLY(421, 4, 3, 0, "Out of memory"), GP_SLICE(""));
	s->line_over = true;
	return handle_line(s, gp_buf_slice(&s->line));
}

/* Waits for gp_smtp_server_answer. */
static int
step_decide(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)s, (void)input, (void)now_ms;
	return GP_SMTP_NEED_INPUT;
}

/* What is wrong with the body as far as it came, the gravest first, so that the answer does not
 * depend on the pieces it came in. Code 0: nothing. */
static struct gp_reply
body_verdict(const struct gp_smtp_server *s)
{
	const struct gp_limits *limits = s->setup.limits;
	const struct transaction *tx = s->tx;
	if (tx->dots.fault)
		return GP_REPLY(554, 5, 6, 0, "Bare CR, bare LF or NUL in the message");
	if (tx->header.received > limits->hops)
		return GP_REPLY(554, 5, 4, 6, "Too many hops");
	if (tx->header.size > limits->header_size || tx->header.fields > limits->header_fields)
		return GP_REPLY(552, 5, 3, 4, "Header is too big");
	if (tx->body_size > limits->message_size)
		return GP_REPLY(552, 5, 3, 4, "Message is too big");
	return (struct gp_reply){};
}

/* The end of a body that was refused. Where the two sides may disagree about where it ended,
 * nothing that follows is a command. */
static int
end_refused(struct gp_smtp_server *s, struct gp_reply verdict)
{
	set_state(s, s->tx->dots.fault ? STATE_POISONED : STATE_COMMAND);
	(void)refuse(s, verdict, GP_SLICE("end of data"));
	return transaction_end(s);
}

/* How much more of this body we are ready to read, if only to throw it away. */
static size_t
body_room(const struct gp_smtp_server *s)
{
	uint64_t max;
	if (gp_mul_overflow(s->setup.limits->message_size, (uint64_t)FLOOD_FACTOR, &max) ||
	    gp_add_overflow(max, (uint64_t)FLOOD_EXTRA, &max))
		max = UINT64_MAX;
	return (size_t)(max - s->tx->body_read);
}

static int
step_body(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	struct transaction *tx = s->tx;
	(void)now_ms;
	struct gp_slice part = gp_slice_take(*input, body_room(s));
	size_t before = part.len;
	struct gp_slice piece = gp_dot_reader_next(&tx->dots, &part);
	size_t taken = before - part.len;
	*input = gp_slice_drop(*input, taken);
	tx->body_read += taken;
	tx->body_size += piece.len;
	gp_header_meter_feed(&tx->header, piece);
	struct gp_reply verdict = body_verdict(s);
	if (tx->dots.state == GP_DOT_END)
		return verdict.code == 0 ? ask(s, GP_SMTP_END) : end_refused(s, verdict);
	if (body_room(s) == 0)
		return dismiss(s, GP_REPLY(552, 5, 3, 4, "Message is much too big"),
			       GP_SLICE("end of data"));
	if (piece.len == 0)
		return GP_SMTP_NEED_INPUT;
	if (verdict.code != 0)
		return AGAIN;
	s->body = piece;
	return GP_SMTP_BODY;
}

static int
step_poisoned(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)now_ms;
	if (input->len == 0)
		return GP_SMTP_NEED_INPUT;
	return dismiss(s, GP_REPLY(421, 4, 7, 0, "Closing after a message with bad line ends"),
		       GP_SLICE(""));
}

static int
step_closing(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)input, (void)now_ms;
	int event = transaction_end(s);
	if (event == AGAIN)
		set_state(s, STATE_CLOSED);
	return event;
}

static int
step_closed(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)s, (void)input, (void)now_ms;
	return GP_SMTP_CLOSE;
}

static int (*const steps[STATES])(struct gp_smtp_server *, struct gp_slice *, uint64_t) = {
	[STATE_GREET] = step_greet,       [STATE_COMMAND] = step_command,
	[STATE_DECIDE] = step_decide,     [STATE_BODY] = step_body,
	[STATE_POISONED] = step_poisoned, [STATE_CLOSING] = step_closing,
	[STATE_CLOSED] = step_closed,
};

/* ------------------------------------------------------------------------------------------------
 * The driver's side
 */

struct gp_smtp_server *
gp_smtp_server_new(const struct gp_smtp_server_setup *setup, uint64_t now_ms)
{
	gp_assert(setup->hostname.len > 0 && setup->hostname.len <= GP_DOMAIN_MAX);
	struct gp_smtp_server *s = malloc(sizeof(*s) + setup->hostname.len);
	if (!s)
		return NULL;
	char *hostname = memcpy(s + 1, setup->hostname.ptr, setup->hostname.len);
	*s = (struct gp_smtp_server){
		.setup = {.hostname = gp_slice(hostname, setup->hostname.len),
			  .limits = &s->limits,
			  .greet_wait_ms = setup->greet_wait_ms},
		.limits = *setup->limits,
		.greet_ms = now_ms + setup->greet_wait_ms,
		.since_ms = now_ms,
		.heard_ms = now_ms,
		.line = GP_BUF_INIT((size_t)setup->limits->command_length * FLOOD_FACTOR),
		.helo = GP_BUF_INIT(HELO_MAX),
		.output = GP_BUF_INIT(GP_SMTP_OUTPUT_MAX),
	};
	return s;
}

struct gp_smtp_server *
gp_smtp_server_free(struct gp_smtp_server *s)
{
	if (!s)
		return NULL;
	gp_arena_free(&s->arena);
	gp_buf_free(&s->line);
	gp_buf_free(&s->helo);
	gp_buf_free(&s->output);
	free(s);
	return NULL;
}

/* What the driver could look at since the last event goes away. */
static void
forget_past(struct gp_smtp_server *s)
{
	if (s->tx_over)
		transaction_reset(s);
	if (s->line_over)
		gp_buf_free(&s->line);
	s->line_over = false;
	note_refusal(s, (struct gp_reply){}, gp_slice("", 0));
}

static void
look_at_clock(struct gp_smtp_server *s, const struct gp_slice *input, uint64_t now_ms)
{
	if (s->clock_stale)
		s->since_ms = now_ms;
	if (s->clock_stale || input->len > 0)
		s->heard_ms = now_ms;
	s->clock_stale = false;
}

enum gp_smtp_event
gp_smtp_server_next(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	int event;
	bool late = s->state != STATE_GREET && s->state < STATE_CLOSING &&
		    now_ms >= gp_smtp_server_deadline(s);
	forget_past(s);
	if (late)
		return dismiss(s, GP_REPLY(421, 4, 4, 2, "Too slow"), GP_SLICE(""));
	do {
		forget_past(s);
		look_at_clock(s, input, now_ms);
		event = steps[s->state](s, input, now_ms);
	} while (event == AGAIN);
	return (enum gp_smtp_event)event;
}

void
gp_smtp_server_eof(struct gp_smtp_server *s)
{
	s->eof = true;
	if (s->state != STATE_DECIDE)
		close_session(s);
}

void
gp_smtp_server_shutdown(struct gp_smtp_server *s, const struct gp_reply *r)
{
	if (s->state == STATE_DECIDE) {
		s->farewell = *r;
	} else if (s->state < STATE_CLOSING) {
		reply(s, *r);
		close_session(s);
	}
}

static struct gp_slice
asked_command(const struct gp_smtp_server *s)
{
	switch (s->asked) {
	case GP_SMTP_MAIL:
		return GP_SLICE("MAIL");
	case GP_SMTP_RCPT:
		return GP_SLICE("RCPT");
	case GP_SMTP_DATA:
		return GP_SLICE("DATA");
	default:
		return GP_SLICE("end of data");
	}
}

static void
take_yes(struct gp_smtp_server *s, struct gp_reply r)
{
	struct transaction *tx = s->tx;
	switch (s->asked) {
	case GP_SMTP_MAIL:
		tx->accepted = true;
		break;
	case GP_SMTP_RCPT:
		gp_assert(tx->envelope.rcpts_len < tx->rcpts_cap);
		tx->rcpts[tx->envelope.rcpts_len++] = tx->rcpt.rcpt;
		break;
	case GP_SMTP_DATA:
		s->messages++;
		set_state(s, STATE_BODY);
		reply(s, GP_REPLY(354, 0, 0, 0, "End data with <CR><LF>.<CR><LF>"));
		return;
	default:
		s->useless = 0;
	}
	set_state(s, STATE_COMMAND);
	reply(s, r);
}

void
gp_smtp_server_answer(struct gp_smtp_server *s, const struct gp_reply *r)
{
	gp_assert(s->state == STATE_DECIDE);
	if (gp_reply_positive(r)) {
		take_yes(s, *r);
	} else {
		set_state(s, STATE_COMMAND);
		if (r->code == 421)
			(void)dismiss(s, *r, asked_command(s));
		else
			(void)refuse(s, *r, asked_command(s));
	}
	if (s->asked == GP_SMTP_END || !s->tx->accepted)
		s->tx_over = true;
	if (s->farewell.code != 0 && s->state < STATE_CLOSING)
		reply(s, s->farewell);
	if (s->farewell.code != 0 || s->eof)
		close_session(s);
}

struct gp_slice
gp_smtp_server_output(const struct gp_smtp_server *s)
{
	return gp_buf_slice(&s->output);
}

void
gp_smtp_server_output_sent(struct gp_smtp_server *s, size_t n)
{
	gp_buf_consume(&s->output, n);
	if (s->output.len == 0 && s->output.cap > OUTPUT_KEEP)
		gp_buf_free(&s->output);
}

/* RFC 5321 section 4.5.3.2.5 asks for patience with each block; the rate is over the whole body, so
 * that a trickle does not hold a session for ever. */
static uint64_t
body_deadline(const struct gp_smtp_server *s)
{
	const struct gp_limits *limits = s->setup.limits;
	uint64_t silent = s->heard_ms + limits->command_time;
	if (limits->body_rate == 0)
		return silent;
	uint64_t slow = s->since_ms + BODY_GRACE_MS + s->tx->body_read * 1000 / limits->body_rate;
	return GP_MIN(silent, slow);
}

uint64_t
gp_smtp_server_deadline(const struct gp_smtp_server *s)
{
	if (s->state == STATE_GREET)
		return s->greet_ms;
	if (s->state == STATE_CLOSING)
		return 0;
	if (s->state == STATE_DECIDE || s->state == STATE_CLOSED)
		return UINT64_MAX;
	if (s->clock_stale)
		return UINT64_MAX;
	if (s->state == STATE_BODY)
		return body_deadline(s);
	return s->since_ms + s->setup.limits->command_time;
}

bool
gp_smtp_server_quit(const struct gp_smtp_server *s)
{
	return s->quit;
}

const struct gp_envelope *
gp_smtp_server_envelope(const struct gp_smtp_server *s)
{
	return s->tx ? &s->tx->envelope : NULL;
}

const struct gp_address *
gp_smtp_server_path(const struct gp_smtp_server *s)
{
	gp_assert(s->tx);
	return s->asked == GP_SMTP_RCPT ? &s->tx->rcpt.path : &s->tx->mail.path;
}

const struct gp_rcpt *
gp_smtp_server_rcpt(const struct gp_smtp_server *s)
{
	gp_assert(s->tx);
	return &s->tx->rcpt.rcpt;
}

struct gp_arena *
gp_smtp_server_arena(struct gp_smtp_server *s)
{
	gp_assert(s->tx);
	return &s->arena;
}

struct gp_slice
gp_smtp_server_body(const struct gp_smtp_server *s)
{
	return s->body;
}

struct gp_slice
gp_smtp_server_helo(const struct gp_smtp_server *s)
{
	return gp_buf_slice(&s->helo);
}

bool
gp_smtp_server_esmtp(const struct gp_smtp_server *s)
{
	return s->esmtp;
}

struct gp_reply
gp_smtp_server_refusal(struct gp_smtp_server *s, struct gp_slice *ret_command)
{
	struct gp_reply r = s->refusal;
	*ret_command = s->refused_command;
	note_refusal(s, (struct gp_reply){}, gp_slice("", 0));
	return r;
}
