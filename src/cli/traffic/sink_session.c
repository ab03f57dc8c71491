/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of the dialogue (RFC 5321 section 4.1.4; `sink` greets nobody by name, so EHLO may come
 * any time and is not demanded):
 *
 *	IDLE --MAIL--> OPEN --RCPT, repeated--> OPEN --DATA--> DATA --dot--> IDLE
 *	               OPEN --RSET, EHLO--> IDLE
 */
#include "cli/traffic/sink_session.h"

#include <string.h>

enum state {
	STATE_IDLE,
	STATE_OPEN,
	STATE_DATA,
};

/* A whole field of a mark must fit between two pieces of input. */
static_assert(GP_SINK_OVERLAP > 2 + sizeof(GP_MARK_FIELD) + GP_MARK_TEXT_MAX + 2, "overlap");
static_assert(GP_SINK_OVERLAP < GP_SINK_LINE_MAX, "overlap fits where command lines are kept");

static const struct gp_slice dot_line = GP_SLICE("\r\n.\r\n");

static ptrdiff_t
find(struct gp_slice s, struct gp_slice what)
{
	const char *at = s.len > 0 ? memmem(s.ptr, s.len, what.ptr, what.len) : NULL;
	return at ? at - s.ptr : -1;
}

/*
 * The start of CRLF.CRLF, which ends a message: RFC 5321 section 4.1.1.4. Dots are rarer than line
 * ends in most bodies and memchr is much faster than memmem, so dots are what is looked for.
 */
static ptrdiff_t
find_dot(struct gp_slice s)
{
	ptrdiff_t next;
	size_t at = 0;
	while ((next = gp_slice_find(gp_slice_drop(s, at), '.')) >= 0) {
		at += (size_t)next;
		if (at >= 2 && gp_slice_starts(gp_slice_drop(s, at - 2), dot_line))
			return (ptrdiff_t)at - 2;
		at++;
	}
	return -1;
}

void
gp_sink_session_init(struct gp_sink_session *s, struct gp_sink_plan *plan)
{
	s->plan = plan;
	s->state = STATE_IDLE;
	s->recipients = 0;
	s->in_tls = false;
	s->mails = 0;
	s->kept = 0;
}

void
gp_sink_session_tls_started(struct gp_sink_session *s)
{
	gp_assert(s->state != STATE_DATA && !s->in_tls);
	gp_sink_session_init(s, s->plan);
	s->in_tls = true;
}

void
gp_sink_session_greet(struct gp_sink_session *s, struct gp_buf *out)
{
	gp_buf_put_str(out, s->plan->lmtp ? "220 sink LMTP\r\n" : "220 sink ESMTP\r\n");
}

/* ---- commands ---- */

static void
reset(struct gp_sink_session *s)
{
	s->state = STATE_IDLE;
	s->recipients = 0;
}

static bool
offers_starttls(const struct gp_sink_session *s)
{
	return s->plan->starttls && !s->in_tls;
}

static void
hello(struct gp_sink_session *s, struct gp_buf *out)
{
	reset(s);
	if (offers_starttls(s))
		gp_buf_put_str(out, "250-sink\r\n250-STARTTLS\r\n");
	else
		gp_buf_put_str(out, "250-sink\r\n");
	if (s->plan->mail_max > 0)
		gp_buf_printf(out, "250-LIMITS MAILMAX=%u\r\n", s->plan->mail_max);
	gp_buf_put_str(out, "250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n"
			    "250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static void
mail(struct gp_sink_session *s, struct gp_buf *out)
{
	if (s->state != STATE_IDLE) {
		gp_buf_put_str(out, "503 5.5.1 A transaction is open\r\n");
		return;
	}
	if (s->plan->mail_max > 0 && s->mails >= s->plan->mail_max) {
		gp_buf_put_str(out, "452 4.5.3 Too many messages in a session\r\n");
		return;
	}
	s->mails++;
	s->state = STATE_OPEN;
	gp_buf_put_str(out, "250 2.1.0 Ok\r\n");
}

/* Spreads refusals evenly, the same in every run: whenever the share adds up to a whole one. */
static bool
refusal_due(struct gp_sink_plan *plan)
{
	if (plan->refuse_code == 0)
		return false;
	plan->refuse_due += plan->refuse_share;
	if (plan->refuse_due < 1)
		return false;
	plan->refuse_due -= 1;
	plan->refused++;
	return true;
}

static void
rcpt(struct gp_sink_session *s, struct gp_buf *out)
{
	if (s->state != STATE_OPEN) {
		gp_buf_put_str(out, "503 5.5.1 MAIL first\r\n");
	} else if (s->recipients == GP_SINK_RECIPIENTS_MAX) {
		gp_buf_put_str(out, "452 4.5.3 Too many recipients\r\n");
	} else if (refusal_due(s->plan)) {
		gp_buf_put_str(out, s->plan->refuse_code < 500 ? "450 4.2.0 Not now\r\n"
							       : "550 5.1.1 Not here\r\n");
	} else {
		s->recipients++;
		gp_buf_put_str(out, "250 2.1.5 Ok\r\n");
	}
}

static void
data(struct gp_sink_session *s, struct gp_buf *out)
{
	if (s->recipients == 0) {
		gp_buf_put_str(out, "503 5.5.1 RCPT first\r\n");
		return;
	}
	s->state = STATE_DATA;
	s->in_header = true;
	s->has_mark = false;
	s->canaries = (struct gp_canaries){};
	s->octets = 0;
	/* The line that ended in CRLF just now is what a mark or a dot at once stands behind. */
	s->keep[0] = '\r';
	s->keep[1] = '\n';
	s->kept = 2;
	gp_buf_put_str(out, "354 Go on\r\n");
}

static enum gp_sink_event
command(struct gp_sink_session *s, struct gp_slice line, struct gp_buf *out)
{
	struct gp_slice rest = line;
	struct gp_slice verb = gp_slice_cut(&rest, ' ');
	/* RFC 2033 section 4.1: LHLO takes the place of both HELO and EHLO, which LMTP has not. */
	if (gp_slice_eq_nocase(verb, s->plan->lmtp ? GP_SLICE("LHLO") : GP_SLICE("EHLO"))) {
		hello(s, out);
	} else if (!s->plan->lmtp && gp_slice_eq_nocase(verb, GP_SLICE("HELO"))) {
		reset(s);
		gp_buf_put_str(out, "250 sink\r\n");
	} else if (gp_slice_starts_nocase(line, GP_SLICE("MAIL FROM:"))) {
		mail(s, out);
	} else if (gp_slice_starts_nocase(line, GP_SLICE("RCPT TO:"))) {
		rcpt(s, out);
	} else if (gp_slice_eq_nocase(verb, GP_SLICE("DATA"))) {
		data(s, out);
	} else if (gp_slice_eq_nocase(verb, GP_SLICE("RSET"))) {
		reset(s);
		gp_buf_put_str(out, "250 2.0.0 Ok\r\n");
	} else if (gp_slice_eq_nocase(verb, GP_SLICE("NOOP"))) {
		gp_buf_put_str(out, "250 2.0.0 Ok\r\n");
	} else if (gp_slice_eq_nocase(verb, GP_SLICE("VRFY"))) {
		gp_buf_put_str(out, "252 2.5.0 It is taken without a look\r\n");
	} else if (offers_starttls(s) && gp_slice_eq_nocase(line, GP_SLICE("STARTTLS"))) {
		gp_buf_put_str(out, "220 2.0.0 Go on\r\n");
		return GP_SINK_STARTTLS;
	} else if (gp_slice_eq_nocase(verb, GP_SLICE("QUIT"))) {
		gp_buf_put_str(out, "221 2.0.0 Bye\r\n");
		return GP_SINK_QUIT;
	} else {
		gp_buf_put_str(out, "500 5.5.2 Unknown command\r\n");
	}
	return GP_SINK_COMMAND;
}

/* Moves input to `keep`; what does not fit is dropped, and the line is found too long when it ends.
 */
static void
keep_line_start(struct gp_sink_session *s, struct gp_slice part)
{
	size_t room = sizeof(s->keep) - s->kept;
	part = gp_slice_take(part, room);
	if (part.len > 0)
		memcpy(s->keep + s->kept, part.ptr, part.len);
	s->kept += part.len;
}

static enum gp_sink_event
take_command(struct gp_sink_session *s, struct gp_slice *in, struct gp_buf *out)
{
	ptrdiff_t lf = gp_slice_find(*in, '\n');
	struct gp_slice line = gp_slice_take(*in, lf < 0 ? in->len : (size_t)lf + 1);
	*in = gp_slice_drop(*in, line.len);
	if (lf < 0 || s->kept > 0) {
		keep_line_start(s, line);
		line = gp_slice(s->keep, s->kept);
	}
	if (lf < 0)
		return GP_SINK_WANT_INPUT;
	s->kept = 0;
	if (line.len >= GP_SINK_LINE_MAX) {
		gp_buf_put_str(out, "500 5.5.2 Line too long\r\n");
		return GP_SINK_COMMAND;
	}
	/* RFC 5321 section 2.3.8: a line ends in CRLF and in nothing else. */
	if (!gp_slice_ends_nocase(line, GP_SLICE("\r\n"))) {
		gp_buf_put_str(out, "500 5.5.2 A line ends in CRLF\r\n");
		return GP_SINK_COMMAND;
	}
	return command(s, gp_slice_take(line, line.len - 2), out);
}

/* ---- data ---- */

/* Looks for the mark in a run of octets of the header; true when the search is over. */
static bool
look_for_mark(struct gp_sink_session *s, struct gp_slice part)
{
	static const struct gp_slice field = GP_SLICE("\r\n" GP_MARK_FIELD);
	ptrdiff_t end = find(part, GP_SLICE("\r\n\r\n"));
	if (end >= 0)
		part = gp_slice_take(part, (size_t)end + 2);
	for (ptrdiff_t at; (at = find(part, field)) >= 0;) {
		part = gp_slice_drop(part, (size_t)at + field.len);
		ptrdiff_t len = find(part, GP_SLICE("\r\n"));
		/* A longer line is no mark, and would be seen or not as its octets come. */
		if (len < 0 || field.len + (size_t)len + 2 > GP_SINK_OVERLAP)
			continue;
		s->has_mark = gp_mark_parse(gp_slice_take(part, (size_t)len), &s->mark);
		return true;
	}
	return end >= 0;
}

/* Remembers the last octets of the message as far as it has come. */
static void
keep_tail(struct gp_sink_session *s, struct gp_slice part)
{
	size_t tail_max = GP_SINK_OVERLAP - 1;
	if (part.len < tail_max) {
		size_t old = GP_MIN(s->kept, tail_max - part.len);
		memmove(s->keep, s->keep + s->kept - old, old);
		s->kept = old;
	} else {
		part = gp_slice_drop(part, part.len - tail_max);
		s->kept = 0;
	}
	keep_line_start(s, part);
}

static enum gp_sink_event
end_message(struct gp_sink_session *s, struct gp_buf *out)
{
	/* RFC 2033 section 4.2: LMTP answers for each recipient that was accepted. */
	uint32_t replies = s->plan->lmtp ? s->recipients : 1;
	for (uint32_t i = 0; i < replies; i++)
		gp_buf_put_str(out, "250 2.0.0 Ok\r\n");
	s->octets -= sizeof(".\r\n") - 1;
	s->state = STATE_IDLE;
	s->kept = 0;
	return GP_SINK_MESSAGE;
}

static enum gp_sink_event
take_data(struct gp_sink_session *s, struct gp_slice *in, struct gp_buf *out)
{
	/* What began before this input is found where the two meet; all else in the input. */
	char seam_octets[2 * GP_SINK_OVERLAP];
	size_t ahead = GP_MIN(in->len, (size_t)GP_SINK_OVERLAP);
	memcpy(seam_octets, s->keep, s->kept);
	memcpy(seam_octets + s->kept, in->ptr, ahead);
	struct gp_slice seam = gp_slice(seam_octets, s->kept + ahead);

	struct gp_slice part = *in;
	ptrdiff_t at = find_dot(seam);
	if (at >= 0) {
		part = gp_slice_take(*in, (size_t)at + dot_line.len - s->kept);
		seam = gp_slice_take(seam, (size_t)at + dot_line.len);
	} else if ((at = find_dot(*in)) >= 0) {
		part = gp_slice_take(*in, (size_t)at + dot_line.len);
	}
	if (s->in_header && (look_for_mark(s, seam) || look_for_mark(s, part)))
		s->in_header = false;
	if (s->plan->canaries)
		gp_canaries_feed(&s->canaries, part);
	s->octets += part.len;
	*in = gp_slice_drop(*in, part.len);
	if (at >= 0)
		return end_message(s, out);
	keep_tail(s, part);
	return GP_SINK_WANT_INPUT;
}

enum gp_sink_event
gp_sink_session_next(struct gp_sink_session *s, struct gp_slice *in, struct gp_buf *out)
{
	if (s->state == STATE_IDLE)
		s->recipients = 0;
	if (in->len == 0)
		return GP_SINK_WANT_INPUT;
	return s->state == STATE_DATA ? take_data(s, in, out) : take_command(s, in, out);
}
