/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender's side of an SMTP or LMTP dialogue for `load`: RFC 5321, RFC 2920 (pipelining), RFC
 * 2033 (LMTP), RFC 3207 (STARTTLS; the handshake is the driver's). It sends what the plan says
 * whatever the server announces, apart from pipelining, which it does only where it was offered,
 * and STARTTLS, without which it goes no further where the plan wants it. It counts answers and
 * keeps no list of recipients. It is a measuring tool's sender; the gateway's own client is
 * another.
 *
 * Fed bytes, pulled for events; it calls nobody. Octets to be sent are appended to `out`; the body,
 * which is the same for all, is not: `body_due` says when it follows `out`.
 */
#pragma once

#include "base/buf.h"
#include "cli/traffic/ledger.h"
#include "cli/traffic/mark.h"

enum {
	GP_LOAD_REPLY_MAX = 512,       /* octets of a reply's line that are looked at */
	GP_LOAD_RECIPIENTS_MAX = 1000, /* a message */
	GP_LOAD_OUT_MAX = GP_LOAD_RECIPIENTS_MAX * 400 + 4096,
	GP_LOAD_ADDRESS_MAX = 254, /* RFC 5321 section 4.5.3.1.3 less the brackets */
};

/* What all sessions of a run share. Slices are the caller's. */
struct gp_load_plan {
	const char *run;
	struct gp_slice helo;
	struct gp_slice from, to; /* the first "%d" in each becomes a number from 0 to users - 1 */
	uint32_t users;
	uint32_t recipients; /* a message */
	bool lmtp;
	bool pipeline;
	bool starttls;
};

enum gp_load_event {
	GP_LOAD_WANT_INPUT = 0,
	GP_LOAD_PROGRESS, /* a reply was dealt with: send what is in `out` */
	GP_LOAD_GREETED,  /* the greeting has come */
	GP_LOAD_STARTTLS, /* the driver shakes hands, then calls tls_started */
	GP_LOAD_READY,    /* the driver calls begin or quit */
	GP_LOAD_MESSAGE,  /* the message's end is known: `outcome`, `reply` */
	GP_LOAD_BYE,      /* QUIT was answered: close */
	GP_LOAD_BROKEN,   /* no dialogue is possible: close; `reply` says what was answered */
};

struct gp_load_session {
	const struct gp_load_plan *plan;
	uint64_t *reply_classes; /* the caller's five counters: 1xx to 5xx */
	uint8_t state;           /* private, as is all to `kept` */
	bool offers_pipelining, offers_starttls;
	bool in_tls;
	bool ready_due;
	bool body_due;     /* the body follows what is in `out`; the driver clears it when sent */
	bool dot_sent;     /* the message's last octet has been put out */
	uint32_t sent;     /* envelope commands sent: MAIL, RCPT..., DATA */
	uint32_t answered; /* of those */
	uint32_t accepted; /* recipients */
	uint32_t bodies;   /* LMTP: positive answers after the dot */
	uint32_t dots_due; /* answers to the dot that are still to come */
	uint16_t refusal;  /* code of MAIL's or the last recipient's refusal; 0: none */
	struct gp_mark mark;
	enum gp_load_outcome outcome;
	size_t kept;
	char keep[GP_LOAD_REPLY_MAX]; /* a reply's line that has not ended yet */
	size_t reply_len;
	char reply[GP_LOAD_REPLY_MAX]; /* the last line of the reply that decided */
};

/* For a fresh connection. */
void
gp_load_session_init(struct gp_load_session *s, const struct gp_load_plan *plan,
		     uint64_t reply_classes[static 5]);

/* Takes from the front of *in what the next event needs. To be called until WANT_INPUT. */
[[nodiscard]] enum gp_load_event
gp_load_session_next(struct gp_load_session *s, struct gp_slice *in, struct gp_buf *out);

/* After STARTTLS and the handshake: EHLO is said again, within TLS. Whatever is fed between the two
   breaks the dialogue: it was not in TLS. */
void
gp_load_session_tls_started(struct gp_load_session *s, struct gp_buf *out);

/* After READY: begins message `number`. */
void
gp_load_session_begin(struct gp_load_session *s, uint64_t number, uint64_t time_us,
		      struct gp_buf *out);

/* After READY: ends the dialogue. */
void
gp_load_session_quit(struct gp_load_session *s, struct gp_buf *out);

static inline struct gp_slice
gp_load_session_reply(const struct gp_load_session *s)
{
	return gp_slice(s->reply, s->reply_len);
}
