/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver's side of an SMTP or LMTP dialogue that takes everything and keeps nothing: RFC
 * 5321, RFC 2033. It is a measuring tool's receiver, not the gateway's: it checks the order of
 * commands and where lines and messages end, and neither addresses nor parameters.
 *
 * Fed bytes, pulled for events; it calls nobody, and it allocates nothing.
 */
#pragma once

#include "base/buf.h"
#include "cli/scan/canary.h"
#include "cli/traffic/mark.h"

enum {
	GP_SINK_LINE_MAX = 2048, /* octets of a command with CRLF; over 512 as extensions add */
	GP_SINK_OVERLAP = 128,   /* see gp_sink_session.keep */
	GP_SINK_REPLY_MAX = 512, /* octets that one event may append, LMTP's replies aside */
	GP_SINK_RECIPIENTS_MAX = 1000,
};

enum gp_sink_event {
	GP_SINK_WANT_INPUT = 0, /* all input was used */
	GP_SINK_COMMAND,        /* a command was answered */
	GP_SINK_MESSAGE,        /* a message was taken: see the fields under "message" */
	GP_SINK_STARTTLS, /* send what is in `out`, then shake hands; input that is left, or comes
				   meanwhile, was not in TLS: close */
	GP_SINK_QUIT,     /* send what is in `out`, then close */
};

/* What all sessions of a sink share. The driver owns it. */
struct gp_sink_plan {
	bool lmtp;
	bool starttls;        /* offered, RFC 3207 */
	bool canaries;        /* are looked for */
	uint32_t mail_max;    /* transactions in a session, MAILMAX of RFC 9422; 0: no bound */
	uint16_t refuse_code; /* 450 or 550 for some recipients; 0: none is refused */
	double refuse_share;  /* 0 to 1 of all recipients */
	double refuse_due;    /* state: how much of a refusal is owed */
	uint64_t refused;     /* recipients refused so far */
};

struct gp_sink_session {
	struct gp_sink_plan *plan;
	uint8_t state; /* of the dialogue; private */
	bool in_tls;
	uint32_t mails;              /* transactions begun, in clear and in TLS */
	bool in_header;              /* of the message that is arriving */
	bool has_mark;               /* message: it carried a mark */
	struct gp_mark mark;         /* message */
	struct gp_canaries canaries; /* message, where the plan looks for them */
	uint32_t recipients;         /* message: accepted */
	uint64_t octets; /* message: between DATA and the dot's line, dots as they came */
	/*
	 * What a line of a command, or the octets before the present input, left behind: a
	 * command's start, or in a message the last octets before this input, in which a mark, the
	 * end of the header or the end of the message may have begun.
	 */
	size_t kept;
	char keep[GP_SINK_LINE_MAX];
};

void
gp_sink_session_init(struct gp_sink_session *s, struct gp_sink_plan *plan);

/* The greeting, which is due before any input. */
void
gp_sink_session_greet(struct gp_sink_session *s, struct gp_buf *out);

/* After STARTTLS and the handshake. */
void
gp_sink_session_tls_started(struct gp_sink_session *s);

/*
 * Takes from the front of *in what the next event needs and appends the answer to *out. To be
 * called until it says WANT_INPUT. The fields under "message" hold until the next call after
 * MESSAGE.
 */
[[nodiscard]] enum gp_sink_event
gp_sink_session_next(struct gp_sink_session *s, struct gp_slice *in, struct gp_buf *out);
