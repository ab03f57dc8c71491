/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over the matrix. A connection serves until a form wants another one, or the server has
 * said no so often that it will soon slow down or hang up; then the next one goes on.
 *
 *     ready --> [HELO or EHLO, XCLIENT and EHLO] --> MAIL --> RCPT --> [DATA, message] --> RSET --+
 *       ^                                              | no    | no       | no             ^      |
 *       |                                              +-------+----------+----------------+      |
 *       +------------------------------------- the next form -------------------------------------+
 */
#include "core/probe/relay.h"

#include <string.h>

#include "core/probe/canary.h"

enum {
	/* Postfix slows down after 10 errors in a session and hangs up after 20. */
	ERRORS_MAX = 8,
	TRIES_MAX = 2,  /* of a form that the connection does not outlive */
	BARREN_MAX = 3, /* connections in a row in which nothing could be tested */
	CONNECTIONS_MAX = 20,
	COMMAND_MAX = 1024,
	MESSAGE_MAX = 4096,
};

enum matrix_stage {
	MATRIX_IDLE,
	MATRIX_HELLO,
	MATRIX_XCLIENT,
	MATRIX_MAIL,
	MATRIX_RCPT,
	MATRIX_PIPED_MAIL, /* the answers to three commands come one behind the other */
	MATRIX_PIPED_RCPT,
	MATRIX_PIPED_DATA,
	MATRIX_PIPED_DOT, /* nobody was accepted, and 354 came all the same */
	MATRIX_DATA,
	MATRIX_MESSAGE,
	MATRIX_RSET,
};

static const struct gp_probe_form *
form_at(size_t i)
{
	size_t len;
	const struct gp_probe_form *forms = gp_probe_forms(&len);
	gp_assert(i < len);
	return &forms[i];
}

static const struct gp_probe_form *
form_now(const struct gp_probe *p)
{
	return form_at(p->matrix.at);
}

static struct gp_probe_relay_test *
test_now(struct gp_probe *p)
{
	return &p->record.relay[p->matrix.at];
}

/* --- the forms in words --- */

static void
put_address_literal(struct gp_buf *out, struct gp_slice address)
{
	if (gp_slice_find(address, ':') >= 0)
		gp_buf_put_str(out, "IPv6:"); /* RFC 5321 section 4.1.3 */
	gp_buf_put(out, address);
}

/* What xtext must not hold as it is (RFC 3461 section 4); the rest of a plain address may stand. */
static void
put_xtext(struct gp_buf *out, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '+' || s.ptr[i] == '=')
			gp_buf_printf(out, "+%02X", s.ptr[i]);
		else
			gp_buf_put_char(out, s.ptr[i]);
	}
}

static void
put_variable(struct gp_buf *out, const struct gp_probe_options *o, char name)
{
	struct gp_slice domain = o->recipient, local = gp_slice_cut(&domain, '@');
	if (name == 'u')
		gp_buf_put(out, local);
	else if (name == 'E')
		gp_buf_put(out, domain);
	else if (name == 'S')
		gp_buf_put(out, o->server);
	else if (name == 'D')
		gp_buf_put(out, o->hosted);
	else if (name == 'I')
		put_address_literal(out, o->address);
	else if (name == 'L')
		put_address_literal(out, o->own_address);
	else if (name == 'x')
		put_xtext(out, o->recipient);
	else
		gp_buf_put(out, o->helo);
}

static void
expand(struct gp_buf *out, const struct gp_probe_options *o, const char *template)
{
	struct gp_slice rest = gp_slice_str(template);
	while (rest.len > 0) {
		gp_buf_put(out, gp_slice_cut(&rest, '$'));
		if (rest.len > 0)
			put_variable(out, o, rest.ptr[0]);
		rest = gp_slice_drop(rest, 1);
	}
}

static bool
mentions(const struct gp_probe_form *f, const char *variable)
{
	return strstr(f->from, variable) || strstr(f->to, variable);
}

/* Mail to a loopback address is every host's own. */
static bool
is_everybodys(struct gp_slice own_address, struct gp_slice address)
{
	return gp_slice_eq(own_address, address) || gp_slice_eq(own_address, GP_SLICE("::1")) ||
	       gp_slice_starts(own_address, GP_SLICE("127."));
}

/* What is not at hand for this form, static; NULL: nothing. */
static const char *
what_is_missing(const struct gp_probe *p, const struct gp_probe_form *f)
{
	const struct gp_probe_options *o = &p->o;
	bool sends = f->way == GP_PROBE_WAY_BDAT || f->way == GP_PROBE_WAY_PIPED;
	bool server = mentions(f, "$S") || f->hello == GP_PROBE_HELLO_SERVER;
	bool hosted = mentions(f, "$D") || f->hello == GP_PROBE_HELLO_HOSTED;
	if (server && o->server.len == 0)
		return "the server's address has no name that could be used";
	if (hosted && o->hosted.len == 0)
		return "no domain is known that the server takes mail for";
	if (mentions(f, "$I") && o->address.len == 0)
		return "the server's address is not known";
	if (mentions(f, "$L") && o->own_address.len == 0)
		return "our own address is not known";
	if (mentions(f, "$L") && is_everybodys(o->own_address, o->address))
		return "our own address is the server's, too";
	if (sends && !(o->consents & GP_PROBE_CANARY))
		return "it sends a message, which nobody has consented to";
	if (f->way == GP_PROBE_WAY_TLS && o->mode == GP_PROBE_MODE_TLS)
		return "the port begins with TLS, so all forms are inside it";
	if (f->way == GP_PROBE_WAY_TLS && p->record.starttls != GP_PROBE_STARTTLS_OK)
		return "there is no TLS";
	if (f->keyword &&
	    !gp_probe_offers(gp_probe_last_ehlo(&p->record), gp_slice_str(f->keyword), NULL))
		return "the server does not offer what it takes";
	return NULL;
}

/* Taking mail for the user's domain is this server's job then, and proves nothing. */
static bool
is_at_home(const struct gp_probe_options *o)
{
	struct gp_slice domain = o->recipient;
	(void)gp_slice_cut(&domain, '@');
	return gp_slice_eq_nocase(domain, o->hosted) || gp_slice_eq_nocase(domain, o->server);
}

/* Why none of it can be tested. */
static const char *
what_forbids_all(const struct gp_probe *p)
{
	if (gp_probe_last_ehlo(&p->record)->code / 100 != 2 &&
	    p->record.replies[GP_PROBE_HELO].code / 100 != 2)
		return "the conversation did not get that far";
	if (p->exhausted)
		return "the probe ended before";
	if (is_at_home(&p->o))
		return "the recipient's domain is one that the server takes mail for";
	return NULL;
}

static struct gp_slice
expanded(struct gp_probe *p, const char *template)
{
	struct gp_buf text = GP_BUF_INIT(COMMAND_MAX);
	expand(&text, &p->o, template);
	struct gp_slice copy = gp_arena_dup(&p->arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return copy;
}

static void
matrix_begin(struct gp_probe *p)
{
	size_t len;
	const struct gp_probe_form *forms = gp_probe_forms(&len);
	if (!(p->o.consents & GP_PROBE_RELAY))
		return;
	p->record.relay = gp_arena_array(&p->arena, len, sizeof(*p->record.relay));
	if (!p->record.relay)
		return;
	p->record.relay_len = len;
	const char *forbidden = what_forbids_all(p);
	for (size_t i = 0; i < len; i++) {
		p->record.relay[i] = (struct gp_probe_relay_test){
			.number = forms[i].number,
			.letter = forms[i].letter,
			.why = forbidden ? forbidden : what_is_missing(p, &forms[i]),
			.from = expanded(p, forms[i].from),
			.to = expanded(p, forms[i].to),
		};
	}
}

/* --- what is left --- */

static bool
is_open(const struct gp_probe_relay_test *t)
{
	return t->state == GP_PROBE_RELAY_NOT_TESTED && !t->why;
}

/* The first form that is still to be tested, from `at` on. */
static size_t
next_open(const struct gp_probe *p, size_t at)
{
	while (at < p->record.relay_len && !is_open(&p->record.relay[at]))
		at++;
	return at;
}

static bool
matrix_wants(const struct gp_probe *p)
{
	return next_open(p, 0) < p->record.relay_len;
}

static bool
matrix_wants_tls(const struct gp_probe *p)
{
	size_t at = next_open(p, 0);
	return p->matrix.tls || form_at(at)->way == GP_PROBE_WAY_TLS;
}

static void
close_rest(struct gp_probe *p, const char *why)
{
	for (size_t i = 0; i < p->record.relay_len; i++) {
		if (is_open(&p->record.relay[i]))
			p->record.relay[i].why = why;
	}
}

/* --- commands --- */

static void
say_expanded(struct gp_probe *p, const char *verb, const char *template, const char *params)
{
	struct gp_buf line = GP_BUF_INIT(COMMAND_MAX);
	const char *close = strchr(verb, '<') ? ">" : "";
	expand(&line, &p->o, template);
	gp_buf_put_str(&line, close);
	expand(&line, &p->o, params ? params : "");
	p->out.failed |= line.failed;
	gp_probe_say(p, GP_PROBE_RELAY, "%s%.*s", verb, GP_SLICE_FMT(gp_buf_slice(&line)));
	gp_buf_free(&line);
}

#define PLAIN "$u@$E"

static void
say_mail(struct gp_probe *p)
{
	const struct gp_probe_form *f = form_now(p);
	p->matrix.stage = MATRIX_MAIL;
	say_expanded(p, "MAIL FROM:<", p->matrix.plain_sender ? PLAIN : f->from, f->from_params);
}

static void
say_rcpt(struct gp_probe *p)
{
	static const char *const verbs[] = {
		[GP_PROBE_WAY_BARE] = "RCPT TO:",
		[GP_PROBE_WAY_SPACE] = "RCPT TO: <",
		[GP_PROBE_WAY_PIPED] = NULL,
	};
	const struct gp_probe_form *f = form_now(p);
	p->matrix.stage = MATRIX_RCPT;
	say_expanded(p, verbs[f->way] ? verbs[f->way] : "RCPT TO:<", f->to, f->to_params);
}

static void
say_piped(struct gp_probe *p)
{
	say_mail(p);
	say_rcpt(p);
	gp_probe_say(p, GP_PROBE_CANARY, "DATA");
	p->matrix.stage = MATRIX_PIPED_MAIL;
}

static void
say_rset(struct gp_probe *p)
{
	p->matrix.stage = MATRIX_RSET;
	gp_probe_say(p, GP_PROBE_RELAY, "RSET");
}

/* The message, with the end that its way has. */
static void
say_message(struct gp_probe *p)
{
	const struct gp_probe_form *f = form_now(p);
	struct gp_buf message = GP_BUF_INIT(MESSAGE_MAX);
	gp_probe_put_canary(&message, &p->o, 'r', f->number, f->letter);
	p->out.failed |= message.failed;
	p->matrix.stage = MATRIX_MESSAGE;
	if (f->way == GP_PROBE_WAY_BDAT)
		gp_probe_say(p, GP_PROBE_CANARY, "BDAT %zu LAST", message.len);
	gp_probe_say_octets(p, GP_PROBE_CANARY, gp_buf_slice(&message));
	if (f->way != GP_PROBE_WAY_BDAT)
		gp_probe_say(p, GP_PROBE_CANARY, ".");
	gp_buf_free(&message);
}

static void
say_hello(struct gp_probe *p, uint8_t hello)
{
	p->matrix.stage = MATRIX_HELLO;
	p->matrix.hello = hello;
	if (hello == GP_PROBE_HELLO_OWN)
		gp_probe_say(p, 0, "EHLO %.*s", GP_SLICE_FMT(p->o.helo));
	else if (hello == GP_PROBE_HELLO_SERVER)
		gp_probe_say(p, GP_PROBE_RELAY, "HELO %.*s", GP_SLICE_FMT(p->o.server));
	else
		gp_probe_say(p, GP_PROBE_RELAY, "HELO %.*s", GP_SLICE_FMT(p->o.hosted));
}

static bool
in_starttls(const struct gp_probe *p)
{
	return p->o.mode == GP_PROBE_MODE_STARTTLS && p->in_tls;
}

/* Has the form in work to be said on another connection than this one? */
static bool
wants_another(const struct gp_probe *p)
{
	return p->matrix.errors >= ERRORS_MAX || p->matrix.tainted ||
	       in_starttls(p) != matrix_wants_tls(p);
}

static void
begin_form(struct gp_probe *p)
{
	p->matrix.at = next_open(p, 0);
	p->matrix.stage = MATRIX_IDLE;
	p->matrix.plain_sender = false;
	if (p->matrix.at == p->record.relay_len) {
		gp_probe_leave(p, GP_PROBE_END_QUIT, "all forms were tested");
		return;
	}
	const struct gp_probe_form *f = form_now(p);
	if (p->matrix.said && wants_another(p)) {
		gp_probe_leave(p, GP_PROBE_END_QUIT, "the next form wants another connection");
	} else if (p->matrix.hello != f->hello) {
		say_hello(p, f->hello);
	} else if (f->way == GP_PROBE_WAY_XCLIENT) {
		p->matrix.stage = MATRIX_XCLIENT;
		p->matrix.tainted = true;
		gp_probe_say(p, GP_PROBE_RELAY, "XCLIENT ADDR=127.0.0.1");
	} else if (f->way == GP_PROBE_WAY_PIPED) {
		say_piped(p);
	} else {
		say_mail(p);
	}
}

/* --- answers --- */

/* What a refusal says about relaying, static; NULL: that there is none. */
static const char *
says_nothing(uint16_t code)
{
	if (code < 500)
		return "put off";
	if (code == 530)
		return "the server wants TLS or a login first";
	if (code == 500 || (code >= 502 && code <= 504) || code == 555)
		return "the command was not understood, or is out of place";
	return NULL;
}

static void
note(struct gp_probe *p, const struct gp_probe_reply *r, const char *at)
{
	struct gp_probe_relay_test *t = test_now(p);
	t->at = at;
	t->code = r->code;
	t->reply = gp_probe_brief(p, r);
}

/* The server says no. */
static void
note_refusal(struct gp_probe *p, const struct gp_probe_reply *r, const char *at)
{
	struct gp_probe_relay_test *t = test_now(p);
	note(p, r, at);
	t->why = says_nothing(r->code);
	t->state = t->why ? GP_PROBE_RELAY_NOT_TESTED : GP_PROBE_RELAY_REFUSED;
}

static void
note_acceptance(struct gp_probe *p, const struct gp_probe_reply *r)
{
	note(p, r, "RCPT");
	test_now(p)->state = GP_PROBE_RELAY_ACCEPTED;
}

static void
end_form(struct gp_probe *p)
{
	p->matrix.said = true;
	p->matrix.tries = 0;
	p->matrix.barren = 0;
	if (test_now(p)->code >= 400)
		p->matrix.errors++;
	say_rset(p);
}

static void
refuse(struct gp_probe *p, const struct gp_probe_reply *r, const char *at)
{
	note_refusal(p, r, at);
	end_form(p);
}

/* A server for which mail is inside TLS only: then the matrix is said there. */
static bool
moves_into_tls(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code != 530 || p->in_tls || p->matrix.tls ||
	    p->record.starttls != GP_PROBE_STARTTLS_OK)
		return false;
	p->matrix.tls = true;
	p->matrix.stage = MATRIX_IDLE;
	gp_probe_leave(p, GP_PROBE_END_QUIT, "the server wants TLS first");
	return true;
}

/* A form whose point is its recipient is not over with its sender: a stranger would choose another
   one, too. */
static bool
tries_plain_sender(struct gp_probe *p, const struct gp_probe_reply *r)
{
	const struct gp_probe_form *f = form_now(p);
	if (says_nothing(r->code) || p->matrix.plain_sender || strcmp(f->to, PLAIN) == 0 ||
	    strcmp(f->from, PLAIN) == 0)
		return false;
	p->matrix.plain_sender = true;
	p->matrix.errors++;
	test_now(p)->from = p->o.recipient;
	say_mail(p);
	return true;
}

static void
answer_mail(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 == 2)
		say_rcpt(p);
	else if (tries_plain_sender(p, r))
		return;
	else if (!moves_into_tls(p, r))
		refuse(p, r, "MAIL");
}

static void
answer_rcpt(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 != 2) {
		if (!moves_into_tls(p, r))
			refuse(p, r, "RCPT");
		return;
	}
	note_acceptance(p, r);
	if (!(p->o.consents & GP_PROBE_CANARY)) {
		end_form(p);
	} else if (form_now(p)->way == GP_PROBE_WAY_BDAT) {
		say_message(p);
	} else {
		p->matrix.stage = MATRIX_DATA;
		gp_probe_say(p, GP_PROBE_CANARY, "DATA");
	}
}

static void
answer_data(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code == 354)
		say_message(p);
	else
		refuse(p, r, "DATA");
}

static void
answer_message(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 != 2) {
		refuse(p, r, "the message");
		return;
	}
	note(p, r, "the message");
	test_now(p)->sent = true;
	end_form(p);
}

/* Of three commands in one packet, RFC 2920 section 3.1: DATA may be answered by 354 although
   nobody was accepted; then a lone dot ends it, and no message is sent. */
static void
answer_piped(struct gp_probe *p, const struct gp_probe_reply *r)
{
	struct gp_probe_relay_test *t = test_now(p);
	bool accepted = t->state == GP_PROBE_RELAY_ACCEPTED;
	if (p->matrix.stage == MATRIX_PIPED_MAIL) {
		p->matrix.stage = MATRIX_PIPED_RCPT;
		if (r->code / 100 != 2)
			note_refusal(p, r, "MAIL");
	} else if (p->matrix.stage == MATRIX_PIPED_RCPT) {
		p->matrix.stage = MATRIX_PIPED_DATA;
		if (t->code == 0 && r->code / 100 != 2)
			note_refusal(p, r, "RCPT");
		else if (t->code == 0)
			note_acceptance(p, r);
	} else if (p->matrix.stage == MATRIX_PIPED_DATA && r->code == 354 && accepted) {
		say_message(p);
	} else if (p->matrix.stage == MATRIX_PIPED_DATA && r->code == 354) {
		p->matrix.stage = MATRIX_PIPED_DOT;
		gp_probe_say(p, GP_PROBE_CANARY, ".");
	} else if (accepted) {
		refuse(p, r, "DATA");
	} else {
		end_form(p);
	}
}

static void
answer_xclient(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 == 2)
		say_hello(p, GP_PROBE_HELLO_OWN);
	else
		refuse(p, r, "XCLIENT");
}

static void
answer_hello(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 != 2) {
		p->matrix.hello = UINT8_MAX;
		refuse(p, r, "HELO");
	} else if (p->matrix.tainted) {
		say_mail(p);
	} else {
		begin_form(p);
	}
}

static void
answer_rset(struct gp_probe *p, const struct gp_probe_reply *r)
{
	if (r->code / 100 == 2)
		begin_form(p);
	else
		gp_probe_leave(p, GP_PROBE_END_REFUSED, "RSET is refused");
}

static void
matrix_answer(struct gp_probe *p, const struct gp_probe_reply *r)
{
	switch ((enum matrix_stage)p->matrix.stage) {
	case MATRIX_HELLO:
		answer_hello(p, r);
		break;
	case MATRIX_XCLIENT:
		answer_xclient(p, r);
		break;
	case MATRIX_MAIL:
		answer_mail(p, r);
		break;
	case MATRIX_RCPT:
		answer_rcpt(p, r);
		break;
	case MATRIX_PIPED_MAIL:
	case MATRIX_PIPED_RCPT:
	case MATRIX_PIPED_DATA:
	case MATRIX_PIPED_DOT:
		answer_piped(p, r);
		break;
	case MATRIX_DATA:
		answer_data(p, r);
		break;
	case MATRIX_MESSAGE:
		answer_message(p, r);
		break;
	case MATRIX_RSET:
		answer_rset(p, r);
		break;
	case MATRIX_IDLE:
		gp_unreachable("nothing was said");
	}
}

static void
matrix_ready(struct gp_probe *p)
{
	p->matrix.hello = GP_PROBE_HELLO_OWN;
	p->matrix.errors = 0;
	p->matrix.said = false;
	p->matrix.tainted = false;
	if (in_starttls(p) != matrix_wants_tls(p))
		gp_probe_leave(p, GP_PROBE_END_TLS, "no TLS");
	else
		begin_form(p);
}

/* The form that the connection did not outlive is said once more, then given up. */
static void
count_try(struct gp_probe *p)
{
	bool midst = p->matrix.stage != MATRIX_IDLE && p->matrix.stage != MATRIX_RSET;
	if (!midst || !is_open(test_now(p)) || ++p->matrix.tries < TRIES_MAX)
		return;
	test_now(p)->why = "the server hangs up on it";
	p->matrix.tries = 0;
}

static void
matrix_lost(struct gp_probe *p, enum gp_probe_end end, const char *why)
{
	(void)end;
	count_try(p);
	p->matrix.stage = MATRIX_IDLE;
	if (!p->matrix.said)
		p->matrix.barren++;
	p->matrix.said = false;
	if (p->exhausted || p->matrix.barren == BARREN_MAX)
		close_rest(p, why);
	else if (++p->matrix.connections == CONNECTIONS_MAX)
		close_rest(p, "it would take more connections than are good manners");
}

const struct probe_task gp_probe_matrix = {
	.begin = matrix_begin,
	.wants = matrix_wants,
	.wants_tls = matrix_wants_tls,
	.ready = matrix_ready,
	.answer = matrix_answer,
	.lost = matrix_lost,
};
