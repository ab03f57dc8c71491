/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's certificate says of itself, for people to read; what it is worth is in
 * gp_tls_facts(). */
#pragma once

#include "base/arena.h"
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
