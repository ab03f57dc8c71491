/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rehearsal: the probe itself, against a server that agrees to everything. So what is shown
 * cannot differ from what is said.
 */
#include "base/scan.h"
#include "core/probe/probe.h"

struct rehearsal {
	struct gp_buf *out;  /* for people */
	struct gp_buf heard; /* of the probe, not yet answered */
	struct gp_buf replies;
	bool in_tls;
	bool in_body;
	bool at_line;   /* within the body: behind CRLF */
	uint64_t chunk; /* octets of BDAT that are still to come */
};

#define OFFERS                                                                               \
	"250-8BITMIME\r\n250-SIZE 52428800\r\n250-PIPELINING\r\n250-DSN\r\n250-CHUNKING\r\n" \
	"250-SMTPUTF8\r\n250-XCLIENT ADDR\r\n250-AUTH PLAIN NTLM\r\n"

/* Answers of one line for what starts so; the first that fits. */
static const struct {
	struct gp_slice verb;
	const char *reply;
} lines[] = {
	{GP_SLICE("EHLO\r"), "501 a name is missing\r\n"},
	{GP_SLICE("STARTTLS\r"), "220 go on\r\n"},
	{GP_SLICE("QUIT\r"), "221 bye\r\n"},
	{GP_SLICE("HELP\r"), "214 help\r\n"},
	{GP_SLICE("DATA\r"), "354 go on\r\n"},
	{GP_SLICE("AUTH NTLM "), "334 challenge\r\n"},
	{GP_SLICE("*\r"), "501 cancelled\r\n"},
	{GP_SLICE("XCLIENT "), "220 begin anew\r\n"},
	{GP_SLICE("XGATEPOST\r"), "500 unknown\r\n"},
};

static void
reply(struct rehearsal *r, const char *text)
{
	gp_buf_put_str(&r->replies, text);
}

static void
answer_line(struct rehearsal *r, struct gp_slice line)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(lines); i++) {
		if (gp_slice_starts(line, lines[i].verb)) {
			reply(r, lines[i].reply);
			r->in_body = r->at_line = gp_slice_eq(lines[i].verb, GP_SLICE("DATA\r"));
			return;
		}
	}
	if (gp_slice_starts(line, GP_SLICE("BDAT "))) {
		struct gp_slice number = gp_slice_drop(line, 5);
		(void)gp_slice_u64(gp_slice_cut(&number, ' '), UINT32_MAX, &r->chunk);
		return;
	}
	if (gp_slice_starts(line, GP_SLICE("EHLO "))) {
		reply(r, "250-server\r\n" OFFERS);
		if (!r->in_tls)
			reply(r, "250-STARTTLS\r\n");
		reply(r, "250 HELP\r\n");
		return;
	}
	reply(r, "250 yes\r\n");
}

/* Shows octets line by line; what ends a line by CRLF shows nothing of it. */
static void
show(struct rehearsal *r, const char *who, struct gp_slice octets)
{
	while (octets.len > 0) {
		gp_buf_put_str(r->out, who);
		while (octets.len > 0) {
			if (gp_slice_starts(octets, GP_SLICE("\r\n"))) {
				octets = gp_slice_drop(octets, 2);
				break;
			}
			char c = octets.ptr[0];
			octets = gp_slice_drop(octets, 1);
			if (c == '\r')
				gp_buf_put_str(r->out, "<CR>");
			else if (c == '\n')
				gp_buf_put_str(r->out, "<LF>");
			else if (c == '\0')
				gp_buf_put_str(r->out, "<NUL>");
			else
				gp_buf_put_char(r->out, c);
		}
		gp_buf_put_char(r->out, '\n');
	}
}

/* A line of the body, up to its LF. It agrees to everything but to false ends (RFC 5321 section
   4.1.1.4). */
static void
hear_body(struct rehearsal *r, struct gp_slice heard, size_t lf)
{
	r->in_body = !(r->at_line && gp_slice_starts(heard, GP_SLICE(".\r\n")));
	r->at_line = lf > 0 && heard.ptr[lf - 1] == '\r';
	gp_buf_consume(&r->heard, lf + 1);
	if (!r->in_body)
		reply(r, "250 yes\r\n");
}

/* Answers what was heard, a line, a chunk or a body at a time. */
static void
answer_heard(struct rehearsal *r)
{
	for (;;) {
		struct gp_slice heard = gp_buf_slice(&r->heard);
		ptrdiff_t lf = gp_slice_find(heard, '\n');
		if (r->chunk > 0) {
			if (heard.len < r->chunk)
				return;
			gp_buf_consume(&r->heard, r->chunk);
			r->chunk = 0;
			reply(r, "250 yes\r\n");
		} else if (lf < 0) {
			return;
		} else if (r->in_body) {
			hear_body(r, heard, (size_t)lf);
		} else {
			answer_line(r, heard);
			gp_buf_consume(&r->heard, (size_t)lf + 1);
		}
	}
}

/* One turn of a driver; false: it is over. */
static bool
drive(struct rehearsal *r, struct gp_probe *p)
{
	static const struct gp_probe_tls tls = {.ok = true};
	struct gp_slice replies = gp_buf_slice(&r->replies), said;
	if (replies.len > 0)
		show(r, "S: ", replies);
	enum gp_probe_want want = gp_probe_next(p, &replies, 0);
	gp_buf_clear(&r->replies);
	if (want == GP_PROBE_WANT_CONNECT) {
		gp_buf_put_str(r->out, "-- a connection\n");
		r->in_tls = r->in_body = false;
		gp_buf_clear(&r->heard);
		gp_probe_connecting(p, 0);
		gp_probe_connected(p, 0);
		reply(r, gp_probe_record(p)->mode == GP_PROBE_MODE_TLS ? "" : "220 server\r\n");
	} else if (want == GP_PROBE_WANT_TLS) {
		gp_buf_put_str(r->out, "-- the handshake\n");
		r->in_tls = true;
		gp_probe_tls_done(p, &tls, 0);
		reply(r, gp_probe_record(p)->mode == GP_PROBE_MODE_TLS ? "220 server\r\n" : "");
	}
	said = gp_probe_output(p);
	show(r, "C: ", said);
	gp_buf_put(&r->heard, said);
	gp_probe_output_sent(p, said.len, 0);
	answer_heard(r);
	return want != GP_PROBE_WANT_DONE && !r->out->failed;
}

void
gp_probe_rehearse(const struct gp_probe_options *options, struct gp_buf *out)
{
	enum { HEARD_MAX = 128 * 1024 };
	struct rehearsal r = {
		.out = out,
		.heard = GP_BUF_INIT(HEARD_MAX),
		.replies = GP_BUF_INIT(HEARD_MAX),
	};
	struct gp_probe *p = gp_probe_new(options, 0);
	out->failed |= !p;
	while (p && drive(&r, p))
		;
	gp_probe_free(p);
	gp_buf_free(&r.heard);
	gp_buf_free(&r.replies);
}
