/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery status notifications: whether one is due (RFC 3461 section 5.2, RFC 3834), and the whole
 * message that tells the sender (RFC 3464 in the multipart/report of RFC 6522; RFC 6533 where
 * addresses are not ASCII).
 *
 * A report has three parts: words for people; a status for programs; and what came back, which is
 * the message when it failed, is at most GP_DSN_COPY_MAX octets and the sender asked neither for
 * RET=HDRS nor for REQUIRETLS (RFC 8689 section 5), else its header. Everything in it that a
 * stranger wrote is cleaned: no octet of a remote reply, an address or a parameter can begin a line
 * or end a part. What it returns of the message is byte for byte the original, encoded as
 * quoted-printable where the type allows that and transport needs it.
 *
 * The report itself can always be sent: 7 bits unless a message/rfc822 with 8-bit octets is
 * returned (GP_ENVELOPE_8BITMIME says so in its envelope), and without SMTPUTF8 unless the sender's
 * own address needs that. It requires TLS when the original did; where a server does not support
 * that, mail from the null reverse-path goes all the same.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/smtp/envelope.h"
#include "core/smtp/outcome.h"

enum {
	GP_DSN_COPY_MAX = 50 * 1024, /* octets of the original that go back at most */
	GP_DSN_TEXT_MAX = 2048,      /* octets of one reply that are quoted */
	GP_DSN_RCPTS_MAX = 1000,     /* recipients in one report */
};

enum gp_dsn_event {
	GP_DSN_NONE, /* nothing to tell: another server has taken over reporting */
	GP_DSN_FAILED,
	GP_DSN_DELAYED,   /* tried for long, and will be tried again */
	GP_DSN_DELIVERED, /* in the mailbox */
	GP_DSN_RELAYED,   /* handed to a server that does not report: no more is known */
};

/*
 * What an outcome is to the sender. A server that took NOTIFY with the message reports by itself
 * (RFC 3461 section 5.2.2 (a)): relayed or delivered to such a one is GP_DSN_NONE.
 */
enum gp_dsn_event
gp_dsn_event(const struct gp_outcome *outcome);

/*
 * Whether the sender is to be told. notify: the recipient's, 0 when it was not given.
 *
 *              not given   SUCCESS   FAILURE   DELAY   NEVER     (several: any that says yes)
 *   failed     yes         -         yes       -       -
 *   delayed    yes (1)     -         -         yes     -
 *   delivered  -           yes       -         -       -
 *   relayed    -           yes       -         -       -
 *
 * Never for mail from the null reverse-path, so no report answers a report (RFC 3461 section 6.1,
 * RFC 3834 section 2). (1) is a courtesy (RFC 3461 section 4.1 (c): MAY), and is not extended to
 * addresses that RFC 3834 section 2 knows as programs': owner-..., ...-request, MAILER-DAEMON.
 */
bool
gp_dsn_wanted(const struct gp_envelope *envelope, uint8_t notify, enum gp_dsn_event event);

struct gp_dsn_rcpt {
	const struct gp_rcpt *rcpt;
	const struct gp_outcome *outcome; /* of the last attempt */
	uint8_t event;                    /* enum gp_dsn_event, not NONE */
	uint64_t attempt_ms;              /* when that was, since the epoch; 0: not known */
	uint64_t retry_until_ms;          /* delayed: when we give up; 0: not said */
};

struct gp_dsn {
	struct gp_slice hostname; /* ours: the reporting MTA; a name */
	struct gp_slice queue_id; /* of the original */
	struct gp_slice unique;   /* 1 to 64 letters and digits, different for every report ever
				     made: for its Message-ID and the boundary */
	uint64_t now_ms;          /* since the epoch */
	const struct gp_envelope *envelope; /* of the original; its sender is not empty */
	const struct gp_dsn_rcpt
		*rcpts; /* 1 to GP_DSN_RCPTS_MAX, those for which a report is due */
	size_t rcpts_len;
	struct gp_slice message; /* the original with CRLF line ends, or as much of its front as the
				    caller holds: GP_DSN_COPY_MAX octets are enough */
	uint64_t message_size;   /* of the whole original */
};

/*
 * Appends the report to out, and makes the envelope it is to be sent with: null reverse-path, the
 * original's sender as its one recipient, NOTIFY=NEVER, neither RET nor ENVID (RFC 3461 section
 * 6.1). The envelope's recipient lives in the arena, its slices point into what `d` points to.
 * 0; -ENOMEM: the arena, memory, or the cap of out (then out->failed is set).
 */
[[nodiscard]] int
gp_dsn_build(const struct gp_dsn *d, struct gp_arena *arena, struct gp_buf *out,
	     struct gp_envelope *ret_envelope);
