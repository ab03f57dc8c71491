/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session's states and who moves between them; server_set_state() is the only setter.
 *
 *   GREET   --greeting sent (step_greet)-----------------------> COMMAND
 *   COMMAND --MAIL, RCPT, DATA (their handlers)----------------> DECIDE
 *   DECIDE  --answer (gp_smtp_server_answer)-------------------> COMMAND
 *   DECIDE  --DATA answered 354--------------------------------> BODY
 *   COMMAND --BDAT (server_handle_bdat)------------------------> CHUNK, the first by DECIDE
 *   CHUNK   --its octets came (server_step_chunk)--------------> COMMAND
 *   CHUNK   --those of LAST, clean (server_step_chunk)---------> DECIDE (END)
 *   COMMAND --AUTH (server_handle_auth)------------------------> DECIDE
 *   DECIDE  --gp_smtp_server_auth_challenge--------------------> AUTH
 *   AUTH    --a response (server_auth_line)--------------------> DECIDE
 *   AUTH    --"*", no base64 (server_auth_line)----------------> COMMAND
 *   BODY    --end of data, clean (server_step_body)------------> DECIDE (END)
 *   BODY    --end of data, refused (end_refused)---------------> COMMAND
 *   BODY    --end of data, framing fault (end_refused)---------> POISONED
 *   COMMAND --STARTTLS (server_handle_starttls)----------------> DECIDE
 *   DECIDE  --STARTTLS answered 220----------------------------> STARTTLS
 *   STARTTLS --nothing behind it, 220 (server_step_starttls)---> TLS_READY
 *   TLS_READY --220 was taken (server_step_tls_ready)----------> HANDSHAKE
 *   HANDSHAKE --gp_smtp_server_tls_started---------------------> COMMAND
 *   STARTTLS, TLS_READY, HANDSHAKE --any input, _tls_failed----> CLOSING
 *   POISONED --anything (server_step_poisoned)-----------------> CLOSING
 *   any but DECIDE --QUIT, limit, time, eof, shutdown (server_close)--> CLOSING --> CLOSED
 *
 * The transaction (struct transaction) lives from MAIL to its end in the session's arena;
 * transaction_reset() is the one place where it goes away. RCPT and DATA need the object, so no
 * path that forgets to reset a flag can lead to a body.
 */
#include "core/smtp/server_internal.h"

#include <stdlib.h>

enum {
	OUTPUT_KEEP = 512, /* octets of empty output buffer that an idle session may keep */
	ARENA_BASE = 1024 * 1024,
	ARENA_PER_RCPT = 8 * 1024, /* its address, ORCPT and what the driver adds */
};

void
server_set_state(struct gp_smtp_server *s, enum state state)
{
	gp_assert(s->state != STATE_CLOSED);
	gp_assert(s->state != STATE_CLOSING || state == STATE_CLOSED);
	gp_assert(state != STATE_BODY || (s->tx && s->tx->envelope.rcpts_len > 0));
	s->state = (uint8_t)state;
	s->clock_stale = true;
}

void
gp_smtp_server_stress(struct gp_smtp_server *s, bool on)
{
	s->stressed = on;
}

/* ------------------------------------------------------------------------------------------------
 * Replies
 */

void
server_close(struct gp_smtp_server *s)
{
	if (s->state < STATE_CLOSING)
		server_set_state(s, STATE_CLOSING);
}

void
server_reply(struct gp_smtp_server *s, struct gp_reply r)
{
	size_t before = s->output.len;
	if (s->state == STATE_TLS_READY || s->state == STATE_HANDSHAKE)
		return;
	gp_reply_write(&s->output, &r);
	if (s->output.failed) {
		gp_buf_truncate(&s->output, before);
		server_close(s);
	}
}

void
server_note_refusal(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	s->refusal = r;
	s->refused_command = command;
}

int
server_dismiss(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	server_reply(s, r);
	server_note_refusal(s, r, command);
	server_close(s);
	return GP_SMTP_REFUSED;
}

uint64_t
server_limit(const struct gp_smtp_server *s, uint64_t normal, uint64_t stressed)
{
	return s->stressed ? GP_MIN(normal, stressed) : normal;
}

static void
count_error(struct gp_smtp_server *s)
{
	uint64_t max = server_limit(s, s->setup.limits->errors, GP_SMTP_STRESS_ERRORS);
	if (++s->errors < max || s->state >= STATE_CLOSING)
		return;
	server_reply(s, GP_REPLY(421, 4, 7, 0, "Too many errors"));
	server_close(s);
}

int
server_refuse(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command)
{
	server_reply(s, r);
	server_note_refusal(s, r, command);
	count_error(s);
	return GP_SMTP_REFUSED;
}

/* ------------------------------------------------------------------------------------------------
 * The transaction
 */

struct transaction *
server_tx_begin(struct gp_smtp_server *s)
{
	gp_assert(!s->tx);
	s->arena = GP_ARENA_INIT(ARENA_BASE + (size_t)s->setup.limits->recipients * ARENA_PER_RCPT);
	s->tx = gp_arena_new(&s->arena, struct transaction);
	if (s->tx)
		s->tx->since_ms = UINT64_MAX;
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

int
server_tx_end(struct gp_smtp_server *s)
{
	bool tell = s->tx && s->tx->accepted && !s->tx_over;
	s->tx_over = s->tx != NULL;
	s->failed_chunks = (struct gp_reply){};
	return tell ? (int)GP_SMTP_ABORT : AGAIN;
}

int
server_ask(struct gp_smtp_server *s, enum gp_smtp_event event)
{
	s->asked = (uint8_t)event;
	server_set_state(s, STATE_DECIDE);
	return (int)event;
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
		return server_dismiss(s, GP_REPLY(554, 0, 0, 0, "You talk before you are greeted"),
				      GP_SLICE(""));
	if (now_ms < s->greet_ms)
		return GP_SMTP_NEED_INPUT;
	int n = snprintf(text, sizeof(text), "%.*s ESMTP", GP_SLICE_FMT(host));
	gp_assert(n > 0 && (size_t)n < sizeof(text));
	server_reply(s, (struct gp_reply){.code = 220, .text = gp_slice(text, (size_t)n)});
	server_set_state(s, STATE_COMMAND);
	return AGAIN;
}

/* Waits for gp_smtp_server_answer. */
static int
step_decide(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)s, (void)input, (void)now_ms;
	return GP_SMTP_NEED_INPUT;
}

static int
step_closing(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)input, (void)now_ms;
	int event = server_tx_end(s);
	if (event == AGAIN)
		server_set_state(s, STATE_CLOSED);
	return event;
}

static int
step_closed(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	(void)s, (void)input, (void)now_ms;
	return GP_SMTP_CLOSE;
}

static int (*const steps[STATES])(struct gp_smtp_server *, struct gp_slice *, uint64_t) = {
	[STATE_GREET] = step_greet,
	[STATE_COMMAND] = server_step_command,
	[STATE_DECIDE] = step_decide,
	[STATE_AUTH] = server_step_command,
	[STATE_BODY] = server_step_body,
	[STATE_CHUNK] = server_step_chunk,
	[STATE_POISONED] = server_step_poisoned,
	[STATE_STARTTLS] = server_step_starttls,
	[STATE_TLS_READY] = server_step_tls_ready,
	[STATE_HANDSHAKE] = server_step_handshake,
	[STATE_CLOSING] = step_closing,
	[STATE_CLOSED] = step_closed,
};

/* ------------------------------------------------------------------------------------------------
 * The driver's side
 */

static struct gp_slice
copy_name(char **to, struct gp_slice name)
{
	struct gp_slice copy = gp_slice(*to, name.len);
	if (name.len > 0)
		memcpy(*to, name.ptr, name.len);
	*to += name.len;
	return copy;
}

struct gp_smtp_server *
gp_smtp_server_new(const struct gp_smtp_server_setup *setup, uint64_t now_ms)
{
	gp_assert(setup->hostname.len > 0 && setup->hostname.len <= GP_DOMAIN_MAX);
	gp_assert(setup->auth_mechanisms.len <= GP_SMTP_MECHANISMS_MAX);
	size_t names_len = setup->hostname.len + setup->auth_mechanisms.len;
	struct gp_smtp_server *s = malloc(sizeof(*s) + names_len);
	if (!s)
		return NULL;
	*s = (struct gp_smtp_server){
		.setup = *setup,
		.limits = *setup->limits,
		.in_tls = setup->tls,
		.greet_ms = now_ms + setup->greet_wait_ms,
		.since_ms = now_ms,
		.heard_ms = now_ms,
		.line = GP_BUF_INIT(GP_MAX((size_t)setup->limits->command_length * FLOOD_FACTOR,
					   (size_t)AUTH_LINE_MAX)),
		.helo = GP_BUF_INIT(HELO_MAX),
		.output = GP_BUF_INIT(GP_SMTP_OUTPUT_MAX),
		.auth.identity = GP_BUF_INIT(GP_SMTP_IDENTITY_MAX),
	};
	char *to = (char *)(s + 1);
	s->setup.hostname = copy_name(&to, setup->hostname);
	s->setup.auth_mechanisms = copy_name(&to, setup->auth_mechanisms);
	s->setup.limits = &s->limits;
	return s;
}

/* It may hold a password. */
static void
free_line(struct gp_smtp_server *s)
{
	if (s->line.ptr)
		explicit_bzero(s->line.ptr, s->line.cap);
	gp_buf_free(&s->line);
}

struct gp_smtp_server *
gp_smtp_server_free(struct gp_smtp_server *s)
{
	if (!s)
		return NULL;
	gp_arena_free(&s->arena);
	free_line(s);
	server_auth_free(s);
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
		free_line(s);
	s->line_over = false;
	server_note_refusal(s, (struct gp_reply){}, gp_slice("", 0));
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
	uint64_t due_ms = gp_smtp_server_deadline(s);
	bool late = s->state != STATE_GREET && due_ms > 0 && now_ms >= due_ms;
	forget_past(s);
	if (late)
		return server_dismiss(s, GP_REPLY(421, 4, 4, 2, "Too slow"), GP_SLICE(""));
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
		server_close(s);
}

void
gp_smtp_server_shutdown(struct gp_smtp_server *s, const struct gp_reply *r)
{
	if (s->state == STATE_DECIDE) {
		s->farewell = *r;
	} else if (s->state < STATE_CLOSING) {
		server_reply(s, *r);
		server_close(s);
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
	case GP_SMTP_AUTH:
	case GP_SMTP_AUTH_STEP:
		return GP_SLICE("AUTH");
	case GP_SMTP_STARTTLS:
		return GP_SLICE("STARTTLS");
	default:
		return GP_SLICE("end of data");
	}
}

static void
take_yes(struct gp_smtp_server *s, struct gp_reply r)
{
	struct transaction *tx = s->tx;
	gp_assert(tx || s->asked == GP_SMTP_STARTTLS);
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
		server_set_state(s, STATE_BODY);
		server_reply(s, GP_REPLY(354, 0, 0, 0, "End data with <CR><LF>.<CR><LF>"));
		return;
	case GP_SMTP_STARTTLS:
		/* 220 is said when nothing stands behind the command. */
		server_set_state(s, STATE_STARTTLS);
		return;
	default:
		s->useless = 0;
	}
	server_set_state(s, STATE_COMMAND);
	server_reply(s, r);
}

void
server_decided(struct gp_smtp_server *s)
{
	if (s->farewell.code != 0 && s->state < STATE_CLOSING)
		server_reply(s, s->farewell);
	if (s->farewell.code != 0 || s->eof)
		server_close(s);
}

void
gp_smtp_server_answer(struct gp_smtp_server *s, const struct gp_reply *r)
{
	gp_assert(s->state == STATE_DECIDE);
	if (!s->tx && s->asked != GP_SMTP_STARTTLS)
		server_auth_refused(s);
	if (s->asked == GP_SMTP_DATA && s->tx->chunks > 0 && r->code != 421) {
		server_chunk_decided(s, *r);
	} else if (gp_reply_positive(r)) {
		take_yes(s, *r);
	} else {
		server_set_state(s, STATE_COMMAND);
		if (r->code == 421)
			(void)server_dismiss(s, *r, asked_command(s));
		else
			(void)server_refuse(s, *r, asked_command(s));
	}
	if (s->tx && (s->asked == GP_SMTP_END || !s->tx->accepted))
		s->tx_over = true;
	server_decided(s);
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

uint64_t
gp_smtp_server_deadline(const struct gp_smtp_server *s)
{
	if (s->state == STATE_GREET)
		return s->greet_ms;
	if (s->state == STATE_CLOSING || (s->state == STATE_TLS_READY && s->output.len == 0))
		return 0;
	if (s->state == STATE_DECIDE || s->state == STATE_CLOSED)
		return UINT64_MAX;
	if (s->clock_stale)
		return UINT64_MAX;
	if (s->state == STATE_BODY || s->state == STATE_CHUNK)
		return server_body_deadline(s);
	/* Between two chunks the message goes on. */
	if (s->state == STATE_COMMAND && s->tx && s->tx->chunks > 0)
		return GP_MIN(s->since_ms + s->setup.limits->command_time, server_body_deadline(s));
	return s->since_ms +
	       server_limit(s, s->setup.limits->command_time, GP_SMTP_STRESS_COMMAND_MS);
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
	server_note_refusal(s, (struct gp_reply){}, gp_slice("", 0));
	return r;
}
