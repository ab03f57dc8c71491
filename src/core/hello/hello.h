/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClientHellos of our own, byte by byte: what no library would still say. They ask a server what it
 * would agree to; nobody goes on from its answer, which flight.h reads, so no secret is ever made.
 *
 * SSLv2 (a server's answer to it lists all its ciphers), SSLv3 (RFC 6101), TLS 1.0 (RFC 2246) to
 * 1.2 (RFC 5246 section 7.4.1.2), TLS 1.3 (RFC 8446 section 4.1.2).
 */
#pragma once

#include "base/buf.h"

enum gp_tls_version {
	GP_SSL_2 = 0x0002,
	GP_SSL_3 = 0x0300,
	GP_TLS_1_0 = 0x0301,
	GP_TLS_1_1 = 0x0302,
	GP_TLS_1_2 = 0x0303,
	GP_TLS_1_3 = 0x0304,
};

enum gp_hello_limits {
	GP_HELLO_MAX = 4096, /* octets of a whole record */
	GP_HELLO_SNI_MAX = 255,
	GP_HELLO_CIPHERS_MAX = 512,
	GP_HELLO_GROUPS_MAX = 64,
	GP_HELLO_SCHEMES_MAX = 64,
	GP_HELLO_RANDOM = 32, /* octets that the caller has drawn */
};

/* Groups that are named here or there; RFC 8422 section 5.1.1, RFC 7919 section 2. */
enum gp_tls_group {
	GP_GROUP_SECP256R1 = 23,
	GP_GROUP_SECP384R1 = 24,
	GP_GROUP_SECP521R1 = 25,
	GP_GROUP_X25519 = 29,
	GP_GROUP_X448 = 30,
	GP_GROUP_FFDHE2048 = 256,
	GP_GROUP_FFDHE8192 = 260,
	GP_GROUP_X25519MLKEM768 = 0x11ec,
};

/* What a ClientHello offers beside its lists. Extensions are left out of SSLv2 and SSLv3. */
enum gp_hello_flags {
	GP_HELLO_STATUS = 1,        /* status_request: a staple (RFC 6066 section 8) */
	GP_HELLO_TICKET = 2,        /* session_ticket, empty (RFC 5077 section 3.2) */
	GP_HELLO_MASTER_SECRET = 4, /* extended_master_secret (RFC 7627) */
	GP_HELLO_RENEGOTIATION = 8, /* renegotiation_info, empty (RFC 5746 section 3.4) */
	GP_HELLO_HEARTBEAT = 16,    /* RFC 6520 section 2 */
	GP_HELLO_DEFLATE = 32,      /* compression beside none (RFC 3749) */
	GP_HELLO_FALLBACK = 64,     /* TLS_FALLBACK_SCSV (RFC 7507) */
	GP_HELLO_GREASE = 128,      /* values that nobody knows, to be passed over (RFC 8701) */
};

struct gp_hello {
	uint16_t version; /* enum gp_tls_version: the highest, and for TLS 1.3 the only one */
	uint16_t flags;   /* enum gp_hello_flags */
	const uint16_t *ciphers;
	size_t ciphers_len;     /* SSLv2 has seven of its own; these are not looked at */
	const uint16_t *groups; /* none: no extension for them */
	size_t groups_len;
	const uint16_t *schemes; /* signature algorithms, TLS 1.2 and later; none: no extension */
	size_t schemes_len;
	struct gp_slice sni; /* empty: none is sent */
	/* TLS 1.3: a public value of X25519, 32 octets; empty: an empty list, which a server
	 * answers with the group it wants (RFC 8446 section 4.2.8) */
	struct gp_slice x25519;
};

/*
 * Appends the ClientHello in its record to out. `random` is GP_HELLO_RANDOM octets; an answer is
 * never used, so they need not be secret. Lists over their limits are the caller's mistake.
 * Returns 0, or -ENOBUFS: out was too small, or its memory ran out.
 */
[[nodiscard]] int
gp_hello_build(const struct gp_hello *hello, struct gp_slice random, struct gp_buf *out);

/* "TLS 1.2"; "?" for a number that is none. */
const char *
gp_tls_version_name(uint16_t version);

/* "x25519", as IANA's registry writes it; NULL: not known. */
const char *
gp_tls_group_name(uint16_t group);

/* The size of a group's field, that of the curve where it is a hybrid, in bits; 0: unknown. */
unsigned
gp_tls_group_bits(uint16_t group);
