/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server says to a ClientHello: its first flight as far as it is in clear, read from bytes
 * as they come, in any pieces. Nothing is believed beyond its form, and nothing is verified.
 *
 *     gp_flight_init(&f, version, GP_FLIGHT_WHOLE);
 *     while (gp_flight_feed(&f, bytes) == GP_FLIGHT_MORE) ...      gp_flight_eof(&f) at the end
 *     gp_flight_free(&f);
 *
 * A server costs GP_FLIGHT_MAX octets, whatever its certificates; the memory is twice that at most.
 *
 * Records, RFC 5246 section 6.2; messages, section 7.4, RFC 8446 section 4.1.3; ServerKeyExchange
 * with curves, RFC 8422 section 5.4; a staple, RFC 6066 section 8.
 */
#pragma once

#include "base/buf.h"
#include "core/hello/hello.h"

enum gp_flight_limits {
	GP_FLIGHT_MAX = 65'536, /* octets, records and all */
	GP_FLIGHT_MESSAGES_MAX = 16,
	GP_FLIGHT_CERTIFICATES_MAX = 10, /* longer chains are a fault */
	GP_FLIGHT_SSL2_MAX = 16,
};

enum gp_flight_state {
	GP_FLIGHT_MORE,
	GP_FLIGHT_DONE,
	GP_FLIGHT_BAD, /* no TLS, or more of it than is decent: see `bad` */
};

/* How far to read. */
enum gp_flight_want {
	GP_FLIGHT_HELLO, /* to the ServerHello: version, suite, extensions */
	GP_FLIGHT_WHOLE, /* to the end of what is in clear */
};

/* What the ServerHello took up. */
enum gp_flight_took {
	GP_TOOK_STATUS = 1,
	GP_TOOK_TICKET = 2,
	GP_TOOK_MASTER_SECRET = 4,
	GP_TOOK_RENEGOTIATION = 8,
	GP_TOOK_HEARTBEAT = 16,
	GP_TOOK_DEFLATE = 32,
};

struct gp_flight_part { /* of `messages` */
	size_t at, len;
};

struct gp_flight {
	uint8_t state;   /* enum gp_flight_state */
	uint8_t want;    /* enum gp_flight_want */
	const char *bad; /* static; NULL: nothing */

	bool hello;       /* a ServerHello, or SSLv2's, was there */
	bool retry;       /* it was a HelloRetryRequest */
	uint16_t version; /* chosen */
	uint16_t cipher;  /* chosen; 0 in SSLv2 */
	uint8_t took;     /* enum gp_flight_took */
	uint16_t group;   /* chosen: by TLS 1.3, or the named curve of ServerKeyExchange; 0: none */
	uint16_t dh_bits; /* of ServerKeyExchange's prime; 0: none */
	const char *dh_prime; /* whose prime, static ("MODP", "FFDHE"); NULL: nobody's we know */
	uint16_t rsa_bits;    /* of ServerKeyExchange's temporary RSA key (EXPORT); 0: none */

	bool alert, alert_fatal; /* `description` is RFC 8446 section 6's */
	uint8_t description;

	/* At DONE, or after gp_flight_eof(): DER, the server's own first. They live in here. */
	struct gp_slice certificates[GP_FLIGHT_CERTIFICATES_MAX];
	size_t certificates_len;
	struct gp_slice staple; /* the OCSP response; empty: none */

	uint32_t ssl2_ciphers[GP_FLIGHT_SSL2_MAX];
	size_t ssl2_len;

	/* private */
	uint16_t asked;
	size_t octets, scanned, count;
	struct gp_buf in, messages;
	struct gp_flight_part certificate, status;
};

/* `version` is that of the hello: only one of SSLv2 is answered in SSLv2. */
void
gp_flight_init(struct gp_flight *f, uint16_t version, enum gp_flight_want want);

void
gp_flight_free(struct gp_flight *f);

/* After DONE and BAD nothing is read any more. */
enum gp_flight_state
gp_flight_feed(struct gp_flight *f, struct gp_slice bytes);

/* The server hung up: DONE when it had said an alert or a whole ServerHello, else BAD. */
enum gp_flight_state
gp_flight_eof(struct gp_flight *f);

/* "handshake_failure", by RFC 8446 section 6; "?" for a number that is none. */
const char *
gp_tls_alert_name(uint8_t description);
