/* SPDX-License-Identifier: Apache-2.0 */
/* The command lines of a session: put together, checked, and handled, one function a verb. */
#include "core/smtp/server_internal.h"

static const struct gp_reply no_memory = GP_REPLY_INIT(452, 4, 3, 1, "Insufficient system storage");

/* Each handler has the argument and the whole line, and returns an event or AGAIN. */

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
		return server_refuse(s, GP_REPLY(501, 0, 0, 0, "Syntax: HELO hostname"), line);
	s->esmtp = false;
	server_reply(s, (struct gp_reply){.code = 250, .text = s->setup.hostname});
	return server_tx_end(s);
}

/* What a client that said EHLO is offered beside the ordinary, as of now. */
static unsigned
offers(const struct gp_smtp_server *s)
{
	const struct gp_smtp_server_setup *setup = &s->setup;
	unsigned offers = GP_OFFER_ESMTP;
	if (setup->chunking && setup->binarymime)
		offers |= GP_OFFER_BINARYMIME;
	/* RFC 8689 section 2: only within TLS. */
	if (setup->requiretls_offered && s->in_tls)
		offers |= GP_OFFER_REQUIRETLS;
	if (server_auth_offered(s))
		offers |= GP_OFFER_AUTH;
	return offers;
}

static int
handle_ehlo(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	char text[1024];
	const struct gp_smtp_server_setup *setup = &s->setup;
	unsigned offered = offers(s);
	if (!set_helo(s, args))
		return server_refuse(s, GP_REPLY(501, 0, 0, 0, "Syntax: EHLO hostname"), line);
	s->esmtp = true;
	int n = snprintf(text, sizeof(text),
			 "%.*s\nPIPELINING\nSIZE "
			 "%llu\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nDSN%s%s%s%s%s%.*s",
			 GP_SLICE_FMT(setup->hostname),
			 (unsigned long long)setup->limits->message_size,
			 setup->chunking ? "\nCHUNKING" : "",
			 offered & GP_OFFER_BINARYMIME ? "\nBINARYMIME" : "",
			 setup->tls_offered && !s->in_tls ? "\nSTARTTLS" : "",
			 offered & GP_OFFER_REQUIRETLS ? "\nREQUIRETLS" : "",
			 offered & GP_OFFER_AUTH ? "\nAUTH " : "",
			 GP_SLICE_FMT(gp_slice_take(setup->auth_mechanisms,
						    offered & GP_OFFER_AUTH ? SIZE_MAX : 0)));
	gp_assert(n > 0 && (size_t)n < sizeof(text));
	server_reply(s, (struct gp_reply){.code = 250, .text = gp_slice(text, (size_t)n)});
	return server_tx_end(s);
}

static int
refuse_mail(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice line)
{
	(void)server_tx_end(s);
	return server_refuse(s, r, line);
}

static int
handle_mail(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	struct gp_reply refusal;
	if (s->helo.len == 0)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Send HELO or EHLO first"), line);
	if (server_in_transaction(s))
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Nested MAIL command"), line);
	if (s->setup.require_auth && s->auth.identity.len == 0)
		return server_refuse(s, GP_REPLY(530, 5, 7, 0, "Authentication required"), line);
	if (s->messages >= s->setup.limits->messages)
		return server_dismiss(s, GP_REPLY(421, 4, 7, 0, "Too many messages"), line);
	struct transaction *tx = server_tx_begin(s);
	if (!tx)
		return refuse_mail(s, no_memory, line);
	int r = gp_smtp_mail_parse(args, s->esmtp ? offers(s) : 0, &s->arena, &tx->mail, &refusal);
	if (r != 0)
		return refuse_mail(s, r < 0 ? no_memory : refusal, line);
	if (tx->mail.size > s->setup.limits->message_size)
		return refuse_mail(s, GP_REPLY(552, 5, 3, 4, "Message is too big"), line);
	tx->envelope.sender = tx->mail.path.text;
	tx->envelope.envid = tx->mail.envid;
	tx->envelope.ret = tx->mail.ret;
	tx->envelope.flags = tx->mail.flags;
	tx->envelope.client_helo = gp_buf_slice(&s->helo);
	return server_ask(s, GP_SMTP_MAIL);
}

/* RFC 5321 section 4.5.3.1.10. A client cannot know our limit, so that many again are no errors. */
static int
refuse_overshoot(struct gp_smtp_server *s, struct gp_slice line)
{
	struct gp_reply r = GP_REPLY(452, 4, 5, 3, "Too many recipients");
	if (++s->tx->overshoot > s->setup.limits->recipients)
		return server_refuse(s, r, line);
	server_reply(s, r);
	server_note_refusal(s, r, line);
	return GP_SMTP_REFUSED;
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
handle_rcpt(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	struct transaction *tx = s->tx;
	struct gp_reply refusal;
	if (!tx)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Need MAIL first"), line);
	if (tx->chunks > 0)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Not behind BDAT"), line);
	if (tx->envelope.rcpts_len >= s->setup.limits->recipients)
		return refuse_overshoot(s, line);
	bool utf8 = (tx->mail.flags & GP_ENVELOPE_SMTPUTF8) != 0;
	int r = gp_smtp_rcpt_parse(args, s->esmtp, utf8, &s->arena, &tx->rcpt, &refusal);
	if (r > 0)
		return server_refuse(s, refusal, line);
	if (r < 0 || !reserve_rcpt(s))
		return server_refuse(s, no_memory, line);
	return server_ask(s, GP_SMTP_RCPT);
}

static int
handle_data(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	if (!s->tx)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Need MAIL first"), line);
	if (s->tx->chunks > 0)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "Not behind BDAT"), line);
	/* RFC 3030 section 3: octets that are no lines have no end of data. */
	if (s->tx->envelope.flags & GP_ENVELOPE_BINARYMIME)
		return server_refuse(s, GP_REPLY(503, 5, 5, 1, "BINARYMIME needs BDAT"), line);
	/* RFC 2920 section 3.1: a pipelining client may not have seen that all were refused. */
	if (s->tx->envelope.rcpts_len == 0)
		return server_refuse(s, GP_REPLY(554, 5, 5, 1, "No valid recipients"), line);
	return server_ask(s, GP_SMTP_DATA);
}

static int
handle_rset(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	server_reply(s, GP_REPLY(250, 2, 0, 0, "Ok"));
	return server_tx_end(s);
}

static int
handle_noop(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	server_reply(s, GP_REPLY(250, 2, 0, 0, "Ok"));
	return AGAIN;
}

/* RFC 5321 section 7.3: says nothing about who is here. */
static int
handle_vrfy(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	server_reply(s, GP_REPLY(252, 2, 5, 0, "Send the mail, and we will see"));
	return AGAIN;
}

static int
handle_help(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	server_reply(s,
		     GP_REPLY(214, 2, 0, 0, "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"));
	return AGAIN;
}

static int
handle_quit(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args, (void)line;
	server_reply(s, GP_REPLY(221, 2, 0, 0, "Bye"));
	s->quit = true;
	server_close(s);
	return AGAIN;
}

static int
handle_expn(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return server_refuse(s, GP_REPLY(502, 5, 5, 1, "Command not implemented"), line);
}

static int
handle_unknown(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return server_refuse(s, GP_REPLY(500, 5, 5, 1, "Command unknown"), line);
}

/* A web page can make a browser send mail commands in a request's body; never read that far. */
static int
handle_http(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line)
{
	(void)args;
	return server_dismiss(s, GP_REPLY(500, 5, 5, 1, "This is no web server"), line);
}

enum command_rules {
	ARGS_NONE = 1, /* RFC 5321 section 4.3.2: 501 with arguments */
	ARGS_SOME = 2,
	USELESS = 4,  /* counts against useless_commands until a message comes */
	IN_CLEAR = 8, /* allowed before TLS where it is required (RFC 3207 section 4) */
	COUNTED =
		16, /* octets follow: a line that cannot be read ends the session, or they would be
			 commands */
};

static const struct {
	int (*handle)(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line);
	uint8_t rules; /* enum command_rules */
} commands[GP_VERBS] = {
	[GP_VERB_UNKNOWN] = {handle_unknown, IN_CLEAR},
	[GP_VERB_HELO] = {handle_helo, USELESS | IN_CLEAR},
	[GP_VERB_EHLO] = {handle_ehlo, USELESS | IN_CLEAR},
	[GP_VERB_MAIL] = {handle_mail, 0},
	[GP_VERB_RCPT] = {handle_rcpt, 0},
	[GP_VERB_DATA] = {handle_data, ARGS_NONE},
	[GP_VERB_BDAT] = {server_handle_bdat, IN_CLEAR | COUNTED}, /* read before it is refused */
	[GP_VERB_RSET] = {handle_rset, ARGS_NONE | USELESS | IN_CLEAR},
	[GP_VERB_NOOP] = {handle_noop, USELESS | IN_CLEAR},
	[GP_VERB_VRFY] = {handle_vrfy, ARGS_SOME | USELESS},
	[GP_VERB_EXPN] = {handle_expn, 0},
	[GP_VERB_HELP] = {handle_help, USELESS},
	[GP_VERB_QUIT] = {handle_quit, ARGS_NONE | IN_CLEAR},
	[GP_VERB_STARTTLS] = {server_handle_starttls, ARGS_NONE | IN_CLEAR},
	[GP_VERB_AUTH] = {server_handle_auth, ARGS_SOME},
	[GP_VERB_HTTP] = {handle_http, IN_CLEAR},
};

bool
server_strip_line(struct gp_slice *line)
{
	bool crlf = line->len >= 2 && line->ptr[line->len - 2] == '\r';
	*line = gp_slice_take(*line, line->len - (crlf ? 2 : 1));
	return crlf && gp_slice_find(*line, '\r') < 0 && gp_slice_find(*line, '\0') < 0;
}

/* What the log may see of a line: no password. */
static struct gp_slice
loggable(struct gp_slice line)
{
	struct gp_slice auth = GP_SLICE("AUTH");
	return gp_slice_starts_nocase(line, auth) ? gp_slice_take(line, auth.len) : line;
}

static size_t
line_max(const struct gp_smtp_server *s, enum gp_smtp_verb verb)
{
	size_t max = s->setup.limits->command_length;
	bool auth = verb == GP_VERB_AUTH && server_auth_offered(s);
	return auth ? GP_MAX(max, (size_t)AUTH_COMMAND_MAX) : max;
}

static int
handle_line(struct gp_smtp_server *s, struct gp_slice line)
{
	size_t len = line.len;
	bool clean = server_strip_line(&line);
	struct gp_smtp_command c = gp_smtp_command_parse(line);
	line = loggable(line);
	if (!clean)
		return server_dismiss(s, GP_REPLY(500, 5, 5, 2, "Bare CR, bare LF or NUL"), line);
	uint8_t rules = commands[c.verb].rules;
	if (len > line_max(s, c.verb) && (rules & COUNTED))
		return server_dismiss(s, GP_REPLY(500, 5, 5, 2, "Line is too long"), line);
	if (len > line_max(s, c.verb))
		return server_refuse(s, GP_REPLY(500, 5, 5, 2, "Line is too long"), line);
	if (s->setup.require_tls && !s->in_tls && !(rules & IN_CLEAR))
		return server_refuse(s, GP_REPLY(530, 5, 7, 0, "Issue STARTTLS first"), line);
	if (((rules & ARGS_NONE) && c.args.len > 0) || ((rules & ARGS_SOME) && c.args.len == 0))
		return server_refuse(s, GP_REPLY(501, 5, 5, 4, "Syntax error in arguments"), line);
	bool first_helo = s->helo.len == 0 && (c.verb == GP_VERB_HELO || c.verb == GP_VERB_EHLO);
	uint64_t useless =
		server_limit(s, s->setup.limits->useless_commands, GP_SMTP_STRESS_USELESS);
	if ((rules & USELESS) && !first_helo && ++s->useless > useless)
		return server_dismiss(s, GP_REPLY(421, 4, 7, 0, "Too many commands without mail"),
				      line);
	return commands[c.verb].handle(s, c.args, line);
}

/* How much of a line is read before its end must have come. */
static size_t
flood_max(const struct gp_smtp_server *s)
{
	size_t max = (size_t)s->setup.limits->command_length * FLOOD_FACTOR;
	if (s->state == STATE_AUTH)
		return AUTH_LINE_MAX;
	return GP_MAX(max, line_max(s, GP_VERB_AUTH));
}

/* Puts aside a line whose end has not come. What may hold a password gets all its room at once: a
 * buffer that grows leaves copies behind. */
static bool
keep_part(struct gp_smtp_server *s, struct gp_slice part)
{
	if (server_auth_offered(s) && !gp_buf_reserve(&s->line, flood_max(s) - s->line.len))
		return false;
	return gp_buf_put(&s->line, part);
}

static int
dismiss_flood(struct gp_smtp_server *s)
{
	if (s->state == STATE_AUTH)
		return server_dismiss(s, GP_REPLY(500, 5, 5, 6, "Response is too long"),
				      GP_SLICE("AUTH"));
	return server_dismiss(s, GP_REPLY(500, 5, 5, 2, "Line is much too long"), GP_SLICE(""));
}

int
server_step_command(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms)
{
	size_t max = flood_max(s);
	struct gp_slice part = gp_slice_take(*input, max - s->line.len);
	ptrdiff_t lf = gp_slice_find(part, '\n');
	if (part.len == 0)
		return GP_SMTP_NEED_INPUT;
	part = gp_slice_take(part, lf < 0 ? part.len : (size_t)lf + 1);
	*input = gp_slice_drop(*input, part.len);
	if ((lf < 0 || s->line.len > 0) && !keep_part(s, part))
		return server_dismiss(s, GP_REPLY(421, 4, 3, 0, "Out of memory"), GP_SLICE(""));
	if (lf < 0)
		return s->line.len < max ? (int)GP_SMTP_NEED_INPUT : dismiss_flood(s);
	s->since_ms = now_ms;
	s->line_over = s->line.len > 0;
	struct gp_slice line = s->line_over ? gp_buf_slice(&s->line) : part;
	return s->state == STATE_AUTH ? server_auth_line(s, line) : handle_line(s, line);
}
