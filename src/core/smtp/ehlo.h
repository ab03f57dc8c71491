/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server said that it can do: the keywords of the reply to EHLO or LHLO (RFC 5321 section
 * 4.1.1.1, RFC 2033 section 4.1). Keywords that we do not use are passed over, and so are ones with
 * parameters that cannot be read: an extension is used only where the offer was clear.
 */
#pragma once

#include "core/smtp/reply.h"

enum gp_ehlo_flags {
	GP_EHLO_ESMTP = 1,         /* EHLO or LHLO was accepted, with whatever keywords */
	GP_EHLO_PIPELINING = 2,    /* RFC 2920 */
	GP_EHLO_8BITMIME = 4,      /* RFC 6152 */
	GP_EHLO_SMTPUTF8 = 8,      /* RFC 6531 */
	GP_EHLO_DSN = 16,          /* RFC 3461 */
	GP_EHLO_ENHANCED = 32,     /* ENHANCEDSTATUSCODES, RFC 2034 */
	GP_EHLO_STARTTLS = 64,     /* RFC 3207 */
	GP_EHLO_SIZE = 128,        /* RFC 1870; the number is size_max */
	GP_EHLO_LIMITS = 256,      /* RFC 9422 */
	GP_EHLO_CHUNKING = 512,    /* RFC 3030 */
	GP_EHLO_BINARYMIME = 1024, /* RFC 3030 section 3 */
	GP_EHLO_REQUIRETLS = 2048, /* RFC 8689; counts inside TLS only (section 3) */
};

/* Of those that AUTH offers, the ones that we can (RFC 4954 section 3). */
enum gp_ehlo_mechanisms {
	GP_EHLO_PLAIN = 1, /* RFC 4616 */
	GP_EHLO_LOGIN = 2,
	GP_EHLO_XOAUTH2 = 4,
	GP_EHLO_OAUTHBEARER = 8,         /* RFC 7628 */
	GP_EHLO_SCRAM_SHA_256 = 16,      /* RFC 7677 */
	GP_EHLO_SCRAM_SHA_256_PLUS = 32, /* the same, bound to the channel */
};

struct gp_ehlo {
	uint32_t flags;      /* enum gp_ehlo_flags */
	uint32_t mechanisms; /* enum gp_ehlo_mechanisms */
	uint64_t size_max;   /* octets of a message; 0: not said (RFC 1870 section 4) */
	uint32_t mail_max;   /* RFC 9422 MAILMAX: transactions in a session; 0: not said */
	uint32_t rcpt_max;   /* RFC 9422 RCPTMAX: recipients in a transaction; 0: not said */
};

/*
 * Reads the text of a positive reply to EHLO or LHLO as gp_reply_parser gives it: lines separated
 * by LF, the first of which is the server's greeting and no keyword.
 */
struct gp_ehlo
gp_ehlo_parse(struct gp_slice text);
