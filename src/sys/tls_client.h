/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's TLS. The handshake never fails for what the server's certificate proves or does not:
 * gp_tls_facts() has the verdict, and the caller must look at it before it sends anything that
 * matters.
 */
#pragma once

#include "sys/tls.h"

struct gp_tls_client;
struct gp_tls_session;

enum {
	GP_TLS_NAMES_MAX = 16,
	GP_TLS_TLSA_MAX = 64,
};

/* Debian's bundle of certification authorities. */
#define GP_TLS_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* One TLSA record (RFC 6698 section 2.1). */
struct gp_tls_tlsa {
	uint8_t usage, selector, matching;
	struct gp_slice data;
};

/* What a connection begins with. The slices need not outlive the call. */
struct gp_tls_goal {
	struct gp_slice name; /* SNI, in A-labels; empty: none is sent */
	/* The certificate is to be for one of these, in A-labels; none: any name will do, but for
	   TLSA records of usage 2, to which `name` is one. */
	const struct gp_slice *names;
	size_t names_len;
	/* Proof by these in place of the authorities (RFC 7672 section 3.1): usages 2 (with names)
	   and 3 (without names and dates); others and malformed ones count for nothing. When none
	   counts, gp_tls_tlsa_usable() is 0 and the authorities are asked after all. Needs name. */
	const struct gp_tls_tlsa *tlsa;
	size_t tlsa_len;
	/* To be resumed where the server agrees; NULL: none. It must have been made with the same
	   goal: its proof is not made again. */
	const struct gp_tls_session *session;
};

/* authorities: a file of certificates in PEM, read here, before the sandbox; NULL: nobody is
   trusted. NULL: no memory, or the file cannot be read. */
struct gp_tls_client *
gp_tls_client_new(const char *authorities);
/* The same for who looks at servers and tells them nothing: TLS 1.0 on, and all ciphers that there
   are, weak ones and those without a certificate too; and it asks for an OCSP staple. */
struct gp_tls_client *
gp_tls_client_new_tolerant(const char *authorities);
/* Connections go on. Accepts NULL, returns NULL. */
struct gp_tls_client *
gp_tls_client_free(struct gp_tls_client *c);

/* Over a connected socket, at the point where TLS begins. NULL: no memory, or the goal makes no
   sense. */
struct gp_tls *
gp_tls_connect(struct gp_tls_client *c, int fd, const struct gp_tls_goal *goal);

/* How many of the goal's TLSA records count. */
size_t
gp_tls_tlsa_usable(const struct gp_tls *t);

/* What the authorities say of the server's certificate for this name (A-labels), whatever TLSA
   records have proven; after the handshake. */
enum gp_tls_trust
gp_tls_by_authorities(const struct gp_tls *t, struct gp_slice name);

/* What can be resumed of a connection, best asked for at its end, since tickets come late; NULL:
   nothing. The caller's to free, and to keep apart by destination, host and policy. */
struct gp_tls_session *
gp_tls_session(const struct gp_tls *t);
struct gp_tls_session *
gp_tls_session_free(struct gp_tls_session *s);
