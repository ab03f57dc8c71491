/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's certificates say of themselves, for people to read; what they are worth is in
 * gp_tls_facts(). */
#pragma once

#include "base/arena.h"
#include "core/dane/match.h"
#include "sys/tls.h"

/* Texts from outside: UTF-8 or not, and with any octets but NUL. */
struct gp_tls_certificate {
	struct gp_slice subject, issuer; /* "CN = mx.example.org, O = Example" */
	struct gp_slice names;   /* DNS names and IP addresses (RFC 5280 section 4.2.1.6), with a
				  space between; at most GP_TLS_NAMES_SHOWN_MAX of them */
	int64_t from_s, until_s; /* since 1970; 0: not said in any way that is understood */
};

enum { GP_TLS_NAMES_SHOWN_MAX = 100 };

/* Of a client's connection, after the handshake. False: there is no certificate, or the arena is
   full. */
[[nodiscard]] bool
gp_tls_certificate(const struct gp_tls *t, struct gp_arena *arena, struct gp_tls_certificate *ret);

/* One certificate of the chain, as it was sent. */
struct gp_tls_link {
	struct gp_slice subject, issuer; /* as above */
	const char *key;                 /* "RSA", "EC", "ED25519", ... */
	unsigned key_bits;               /* 0: not known */
	const char *signature; /* "RSA-SHA256", "ecdsa-with-SHA384", ...: how it is signed */
	bool weak_signature;   /* by MD5, SHA-1 or less; counts where not self_issued */
	bool self_issued;
	/* by the key of the certificate behind it, or of its own if it is last */
	bool signed_by_next;
	int64_t from_s, until_s;
	/* Of the whole certificate, and of its SubjectPublicKeyInfo. */
	struct gp_dane_digests certificate, spki;
};

enum gp_tls_staple {
	GP_TLS_STAPLE_NONE,
	GP_TLS_STAPLE_GOOD,
	GP_TLS_STAPLE_REVOKED,
	/* "unknown", an error of the responder, out of date, or no OCSP at all */
	GP_TLS_STAPLE_OTHER,
};

enum { GP_TLS_LINKS_MAX = 10 };

/* What the handshake showed beside gp_tls_facts(). The texts are static or in the arena. */
struct gp_tls_shown {
	const char *group; /* "X25519", "P-256", ...; NULL: none, as with a key exchange by RSA */
	unsigned exchange_bits;    /* of the server's ephemeral key; 0: there was none */
	bool extended_master;      /* TLS 1.3, or RFC 7627 */
	bool secure_renegotiation; /* TLS 1.3, or RFC 5746 */
	/* enum gp_tls_staple: what it says; by whom it is signed is not looked at */
	uint8_t staple;
	struct gp_tls_link links[GP_TLS_LINKS_MAX]; /* the server's own first */
	size_t links_len, links_dropped;
};

/* Of a chain in DER that no handshake of ours has seen, the server's own first: its links, and what
   the first one says. What is no certificate ends it. False: the first is none, or the arena is
   full. */
[[nodiscard]] bool
gp_tls_chain(const struct gp_slice *der, size_t len, struct gp_arena *arena,
	     struct gp_tls_shown *ret_links, struct gp_tls_certificate *ret_first);

/* Of a client's connection, after the handshake. False: the arena is full. */
[[nodiscard]] bool
gp_tls_shown(const struct gp_tls *t, struct gp_arena *arena, struct gp_tls_shown *ret);
