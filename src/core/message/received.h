/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace field that a server adds at the top of what it takes in (RFC 5321 section 4.4).
 */
#pragma once

#include "base/buf.h"

struct gp_received {
	struct gp_slice helo;        /* as the client said it; empty: it did not */
	struct gp_slice client_addr; /* "192.0.2.1", "2001:db8::1"; empty: a program of this machine
				      */
	struct gp_slice by;          /* our host name */
	bool esmtp;                  /* EHLO was said */
	bool utf8;                   /* the transaction had SMTPUTF8 */
	struct gp_slice id;          /* queue id */
	struct gp_slice rcpt; /* the recipient when there is just one; empty when there are more, so
				 that none of them learns of the others (RFC 5321 section 7.6) */
	uint64_t time_s;      /* since the epoch */
	/* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; empty: it came in clear */
	struct gp_slice tls_version, tls_cipher;
	bool authenticated; /* the client has said by AUTH who it is */
};

/*
 * Appends the field, folded, with its CRLF. Whatever the values hold, the result is one field:
 * octets that do not belong in its places come out as '?'.
 */
void
gp_received_write(struct gp_buf *out, const struct gp_received *r);
