/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope: who sends, to whom, under which conditions, apart from the message itself. It is
 * what a transaction builds up, what the spool keeps, and what a delivery is made from. Plain data;
 * the slices belong to the arena of whoever made it.
 */
#pragma once

#include "base/slice.h"

/* RFC 3461 section 4.1; 0 means that NOTIFY was not given. */
enum gp_notify {
	GP_NOTIFY_NEVER = 1,
	GP_NOTIFY_SUCCESS = 2,
	GP_NOTIFY_FAILURE = 4,
	GP_NOTIFY_DELAY = 8,
};

/* RFC 3461 section 4.3 */
enum gp_ret {
	GP_RET_UNSAID = 0,
	GP_RET_FULL = 1,
	GP_RET_HDRS = 2,
};

enum gp_envelope_flags {
	GP_ENVELOPE_8BITMIME = 1, /* BODY=8BITMIME was said (RFC 6152) */
	GP_ENVELOPE_SMTPUTF8 = 2, /* RFC 6531 */
	/* BODY=BINARYMIME was said (RFC 3030 section 3): the body is octets, not lines, and may go
	   on by BDAT alone */
	GP_ENVELOPE_BINARYMIME = 4,
	GP_ENVELOPE_REQUIRETLS = 16, /* RFC 8689: it goes on within proven TLS, or back */
	GP_ENVELOPE_JUNK = 32,       /* taken, but likely not from whom it says */
	/* A report of ours, as the queue has it: it gets its DKIM signatures on its way out. */
	GP_ENVELOPE_UNSIGNED = 64,
};

struct gp_rcpt {
	struct gp_slice
		address; /* local-part@domain in wire form, no angle brackets, no source route */
	struct gp_slice orcpt; /* "rfc822;" xtext as it came, or empty */
	uint8_t notify;        /* enum gp_notify */
	bool forwarded;        /* leaves under forwarder */
};

struct gp_envelope {
	struct gp_slice sender; /* wire form; empty for the null reverse-path */
	/* The reverse-path of those recipients who are forwarded, as core/srs makes it; empty: the
	   sender is theirs, too. */
	struct gp_slice forwarder;
	struct gp_slice envid;       /* xtext as it came, or empty */
	uint8_t ret;                 /* enum gp_ret */
	uint8_t flags;               /* enum gp_envelope_flags */
	uint64_t arrival_ms;         /* since the epoch */
	struct gp_slice client_addr; /* "192.0.2.1", "2001:db8::1"; empty for mail of our own */
	struct gp_slice client_helo;
	const struct gp_rcpt *rcpts;
	size_t rcpts_len;
};

/* Whether this recipient's copy leaves under another reverse-path than the sender's. */
static inline bool
gp_envelope_forwards(const struct gp_envelope *e, const struct gp_rcpt *rcpt)
{
	return rcpt->forwarded && e->forwarder.len > 0;
}
