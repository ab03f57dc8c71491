/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's TLS: certificates, with their keys elsewhere (tls_request.h), and tickets. One a
 * process serves all its listeners; a session that began at one of them is never resumed at
 * another, nor for another name.
 */
#pragma once

#include "sys/tls.h"
#include "sys/tls_request.h"

struct gp_tls_server;

enum {
	GP_TLS_CERTIFICATES_MAX = 64,
	GP_TLS_TICKET_SECRET = 80,
	GP_TLS_TICKET_LIFETIME_S = 2 * 60 * 60,
};

/* The id of the key that a certificate is for. pem: the certificate, with its chain behind it.
   Returns 0, or -EINVAL when there is none that can be read, with an RSA or EC key. */
[[nodiscard]] int
gp_tls_certificate_key(struct gp_slice pem, uint8_t ret_id[GP_TLS_KEY_ID]);

/*
 * pems: certificates as above, at most GP_TLS_CERTIFICATES_MAX. The client's SNI chooses among
 * them: of those for that name, or of those for the name of the first one where it names none of
 * ours, the first RSA and the first ECDSA certificate are offered. NULL: no memory, or one that
 * gp_tls_certificate_key refuses; *ret_why says which, static.
 *
 * Without gp_tls_server_set_tickets there are no tickets, and so no resumption.
 */
struct gp_tls_server *
gp_tls_server_new(const struct gp_slice *pems, size_t len, const char **ret_why);
/* Connections that have begun go on. Accepts NULL, returns NULL. */
struct gp_tls_server *
gp_tls_server_free(struct gp_tls_server *s);

/* The secret that tickets are sealed with (RFC 5077 section 4), the same for all workers; previous:
   the one before, whose tickets are still taken; NULL: none. */
void
gp_tls_server_set_tickets(struct gp_tls_server *s, const uint8_t current[GP_TLS_TICKET_SECRET],
			  const uint8_t *previous);

/* A connection that a client has made. listener: what tells its listener from others, such as
   address and service. NULL: no memory. */
struct gp_tls *
gp_tls_accept(struct gp_tls_server *s, int fd, struct gp_slice listener);
