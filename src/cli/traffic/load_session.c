/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	GREETING --220--> HELLO --250--> READY --begin--> ENVELOPE --354--> BODY --250--> READY
 *	                  HELLO --250--> STARTTLS --220--> SHAKING --tls_started--> HELLO
 *	                                 READY <--250-- RESET <--refused-- ENVELOPE
 *	                                 READY --quit--> QUIT --221--> closed
 *
 * ENVELOPE sends MAIL, the RCPTs and DATA one by one, or all at once where the server offers
 * PIPELINING and the plan wants it; `sent` and `answered` count them, 0 being MAIL.
 */
#include "cli/traffic/load_session.h"

#include <inttypes.h>
#include <string.h>

enum state {
	STATE_GREETING,
	STATE_HELLO,
	STATE_STARTTLS,
	STATE_SHAKING,
	STATE_READY,
	STATE_ENVELOPE,
	STATE_BODY,
	STATE_RESET,
	STATE_QUIT,
};

void
gp_load_session_init(struct gp_load_session *s, const struct gp_load_plan *plan,
		     uint64_t reply_classes[static 5])
{
	gp_assert(plan->recipients > 0 && plan->recipients <= GP_LOAD_RECIPIENTS_MAX);
	gp_assert(plan->users > 0);
	s->plan = plan;
	s->reply_classes = reply_classes;
	s->state = STATE_GREETING;
	s->offers_pipelining = s->offers_starttls = s->in_tls = false;
	s->ready_due = false;
	s->body_due = false;
	s->dot_sent = false;
	s->kept = 0;
	s->reply_len = 0;
}

/* ---- what is sent ---- */

static void
put_path(struct gp_buf *out, const char *verb, struct gp_slice address, uint64_t user)
{
	const char *at = address.len > 0 ? memmem(address.ptr, address.len, "%d", 2) : NULL;
	size_t before = at ? (size_t)(at - address.ptr) : address.len;
	gp_buf_put_str(out, verb);
	gp_buf_put(out, gp_slice_take(address, before));
	if (at)
		gp_buf_put_u64(out, user);
	gp_buf_put(out, gp_slice_drop(address, before + 2));
	gp_buf_put_str(out, ">\r\n");
}

/* Envelope command number `step`: 0 is MAIL, then the recipients, then DATA. */
static void
send_step(struct gp_load_session *s, uint32_t step, struct gp_buf *out)
{
	const struct gp_load_plan *plan = s->plan;
	uint64_t number = s->mark.number - 1;
	if (step == 0)
		put_path(out, "MAIL FROM:<", plan->from, number % plan->users);
	else if (step <= plan->recipients)
		put_path(out, "RCPT TO:<", plan->to,
			 (number * plan->recipients + step - 1) % plan->users);
	else
		gp_buf_put_str(out, "DATA\r\n");
}

static void
send_envelope(struct gp_load_session *s, struct gp_buf *out)
{
	uint32_t steps = s->plan->recipients + 2;
	do {
		send_step(s, s->sent++, out);
	} while (s->offers_pipelining && s->plan->pipeline && s->sent < steps);
}

void
gp_load_session_begin(struct gp_load_session *s, uint64_t number, uint64_t time_us,
		      struct gp_buf *out)
{
	size_t run_len = strlen(s->plan->run);
	gp_assert(s->state == STATE_READY && run_len <= GP_MARK_RUN_MAX);
	s->mark = (struct gp_mark){.number = number, .time_us = time_us};
	memcpy(s->mark.run, s->plan->run, run_len);
	s->state = STATE_ENVELOPE;
	s->sent = s->answered = s->accepted = s->bodies = 0;
	s->refusal = 0;
	s->dot_sent = false;
	send_envelope(s, out);
}

void
gp_load_session_quit(struct gp_load_session *s, struct gp_buf *out)
{
	gp_assert(s->state == STATE_READY);
	s->state = STATE_QUIT;
	gp_buf_put_str(out, "QUIT\r\n");
}

/* ---- what is answered ---- */

static enum gp_load_event
end_message(struct gp_load_session *s, enum gp_load_outcome outcome, struct gp_buf *out)
{
	s->outcome = outcome;
	if (s->state == STATE_ENVELOPE) { /* a transaction may be open still */
		s->state = STATE_RESET;
		gp_buf_put_str(out, "RSET\r\n");
	} else {
		s->state = STATE_READY;
		s->ready_due = true;
	}
	return GP_LOAD_MESSAGE;
}

/* DATA was answered 354. */
static enum gp_load_event
send_body(struct gp_load_session *s, struct gp_buf *out)
{
	s->state = STATE_BODY;
	s->dot_sent = true;
	s->dots_due = s->plan->lmtp ? s->accepted : 1;
	if (s->refusal > 0 && s->accepted == 0) {
		/* RFC 2920 section 3.1: a server that has no recipient and still says 354 is sent
		 * an empty message, which it must refuse. */
		s->dots_due = 1;
		gp_buf_put_str(out, ".\r\n");
		return GP_LOAD_PROGRESS;
	}
	gp_buf_put_str(out, GP_MARK_FIELD);
	gp_mark_print(out, &s->mark);
	gp_buf_put_str(out, "\r\n");
	s->body_due = true;
	return GP_LOAD_PROGRESS;
}

/* The first refusal is the one to tell of, as what follows it is its echo. */
static void
note_refusal(struct gp_load_session *s, uint16_t code, struct gp_slice line)
{
	if (s->refusal > 0)
		return;
	s->refusal = code;
	s->reply_len = line.len;
	memcpy(s->reply, line.ptr, line.len);
}

static enum gp_load_event
envelope_answered(struct gp_load_session *s, uint16_t code, struct gp_slice line,
		  struct gp_buf *out)
{
	uint32_t step = s->answered++;
	bool is_data = step == s->plan->recipients + 1;
	bool is_rcpt = step > 0 && !is_data;
	if (is_data && code == 354)
		return send_body(s, out);
	if (is_rcpt && code < 300)
		s->accepted++;
	else if (is_data || code >= 300)
		note_refusal(s, code, line);
	if (s->answered < s->sent)
		return GP_LOAD_PROGRESS;
	bool hopeless = is_data || (step == 0 && s->refusal > 0) ||
			(step == s->plan->recipients && s->accepted == 0);
	if (hopeless)
		return end_message(s, GP_LOAD_REFUSED, out);
	send_envelope(s, out);
	return GP_LOAD_PROGRESS;
}

static enum gp_load_event
body_answered(struct gp_load_session *s, uint16_t code, struct gp_slice line, struct gp_buf *out)
{
	bool empty = s->accepted == 0;
	if (code >= 200 && code < 300 && !empty)
		s->bodies++;
	else
		note_refusal(s, code, line);
	if (--s->dots_due > 0)
		return GP_LOAD_PROGRESS;
	uint32_t wanted = s->plan->lmtp ? s->plan->recipients : 1;
	bool all = s->bodies == wanted && s->accepted == s->plan->recipients;
	if (s->bodies == 0)
		return end_message(s, GP_LOAD_REFUSED, out);
	if (all) {
		s->reply_len = line.len;
		memcpy(s->reply, line.ptr, line.len);
	}
	return end_message(s, all ? GP_LOAD_ACCEPTED : GP_LOAD_PARTIAL, out);
}

static enum gp_load_event
broken(struct gp_load_session *s, struct gp_slice line)
{
	s->refusal = 0;
	note_refusal(s, 1, line);
	return GP_LOAD_BROKEN;
}

static void
say_hello(struct gp_load_session *s, struct gp_buf *out)
{
	s->state = STATE_HELLO;
	gp_buf_put_str(out, s->plan->lmtp ? "LHLO " : "EHLO ");
	gp_buf_put(out, s->plan->helo);
	gp_buf_put_str(out, "\r\n");
}

/* RFC 3207 section 4.2: what was offered in clear is forgotten. */
void
gp_load_session_tls_started(struct gp_load_session *s, struct gp_buf *out)
{
	gp_assert(s->state == STATE_SHAKING);
	s->in_tls = true;
	s->offers_pipelining = s->offers_starttls = false;
	say_hello(s, out);
}

/* EHLO was answered 250. */
static enum gp_load_event
hello_answered(struct gp_load_session *s, struct gp_buf *out)
{
	if (!s->plan->starttls || s->in_tls) {
		s->state = STATE_READY;
		return GP_LOAD_READY;
	}
	if (!s->offers_starttls)
		return broken(s, GP_SLICE("STARTTLS is not offered"));
	s->state = STATE_STARTTLS;
	gp_buf_put_str(out, "STARTTLS\r\n");
	return GP_LOAD_PROGRESS;
}

static enum gp_load_event
answered(struct gp_load_session *s, uint16_t code, struct gp_slice line, struct gp_buf *out)
{
	bool positive = code >= 200 && code < 300;
	switch ((enum state)s->state) {
	case STATE_GREETING:
		if (!positive)
			return broken(s, line);
		say_hello(s, out);
		return GP_LOAD_GREETED;
	case STATE_HELLO:
		return positive ? hello_answered(s, out) : broken(s, line);
	case STATE_STARTTLS:
		if (!positive)
			return broken(s, line);
		s->state = STATE_SHAKING;
		return GP_LOAD_STARTTLS;
	case STATE_RESET:
		if (!positive)
			return broken(s, line);
		s->state = STATE_READY;
		return GP_LOAD_READY;
	case STATE_ENVELOPE:
		return envelope_answered(s, code, line, out);
	case STATE_BODY:
		return body_answered(s, code, line, out);
	case STATE_QUIT:
		return GP_LOAD_BYE;
	case STATE_SHAKING:
	case STATE_READY: /* nothing was asked: 421 before the server closes, RFC 5321 section 3.8
			   */
		return broken(s, line);
	}
	return broken(s, line);
}

static void
note_offer(struct gp_load_session *s, struct gp_slice keyword)
{
	if (gp_slice_eq_nocase(keyword, GP_SLICE("PIPELINING")))
		s->offers_pipelining = true;
	else if (gp_slice_eq_nocase(keyword, GP_SLICE("STARTTLS")))
		s->offers_starttls = true;
}

/* A line of a reply without CRLF: RFC 5321 section 4.2. */
static enum gp_load_event
take_line(struct gp_load_session *s, struct gp_slice line, struct gp_buf *out)
{
	uint64_t code;
	struct gp_slice rest = gp_slice_drop(line, 3);
	if (!gp_slice_u64(gp_slice_take(line, 3), 599, &code) || code < 100 || line.len < 3 ||
	    (rest.len > 0 && rest.ptr[0] != ' ' && rest.ptr[0] != '-'))
		return broken(s, line);
	if (s->state == STATE_HELLO)
		note_offer(s, gp_slice_drop(rest, 1));
	if (rest.len > 0 && rest.ptr[0] == '-')
		return GP_LOAD_PROGRESS;
	s->reply_classes[code / 100 - 1]++;
	return answered(s, (uint16_t)code, line, out);
}

static void
keep(struct gp_load_session *s, struct gp_slice part)
{
	part = gp_slice_take(part, sizeof(s->keep) - s->kept);
	if (part.len > 0)
		memcpy(s->keep + s->kept, part.ptr, part.len);
	s->kept += part.len;
}

enum gp_load_event
gp_load_session_next(struct gp_load_session *s, struct gp_slice *in, struct gp_buf *out)
{
	if (s->ready_due) {
		s->ready_due = false;
		return GP_LOAD_READY;
	}
	if (in->len == 0)
		return GP_LOAD_WANT_INPUT;
	/* RFC 3207 section 5: somebody on the way may have put it in. */
	if (s->state == STATE_SHAKING)
		return broken(s, GP_SLICE("octets behind the answer to STARTTLS"));
	ptrdiff_t lf = gp_slice_find(*in, '\n');
	struct gp_slice line = gp_slice_take(*in, lf < 0 ? in->len : (size_t)lf);
	*in = gp_slice_drop(*in, lf < 0 ? in->len : (size_t)lf + 1);
	if (lf < 0 || s->kept > 0) {
		keep(s, line);
		line = gp_slice(s->keep, s->kept);
	}
	if (lf < 0)
		return GP_LOAD_WANT_INPUT;
	s->kept = 0;
	line = gp_slice_take(line, GP_LOAD_REPLY_MAX);
	if (gp_slice_ends_nocase(line, GP_SLICE("\r")))
		line = gp_slice_take(line, line.len - 1);
	return take_line(s, line, out);
}
