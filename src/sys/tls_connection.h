/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of our TLS share about a connection. */
#pragma once

#include <openssl/ssl.h>

#include "sys/tls.h"

struct gp_tls_server;

struct gp_tls {
	SSL *ssl;
	enum gp_tls_want want;
	bool open;   /* the handshake is done */
	bool failed; /* nothing more may be said on it */
	size_t handshake_max;
	unsigned reads; /* of the socket, in this call */
	struct gp_tls_request
		*request;             /* the job that the handshake runs in waits for its answer */
	struct gp_tls_server *server; /* whose certificates the handshake chooses from */
	uint8_t listener[GP_TLS_DIGEST]; /* tells the server's listener from others */
	size_t tlsa_usable;
	char error[160];
};

/* Takes over the SSL, also on failure; handshake_max: octets that the peer's part of it may have.
   NULL: no memory. */
struct gp_tls *
gp_tls_connection(SSL *ssl, int fd, size_t handshake_max);

/* What OpenSSL's verdict (X509_V_...) amounts to. */
enum gp_tls_trust
gp_tls_trust_of(long result);

/* What clients and servers have in common. False: no memory. */
bool
gp_tls_apply_profile(SSL_CTX *ctx);
