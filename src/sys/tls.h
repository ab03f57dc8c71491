/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.2 and 1.3 over a connected, non-blocking socket; OpenSSL 3 behind it, which no other folder
 * sees. The profile is that of RFC 9325: ephemeral ECDH and AEAD alone, no renegotiation, no
 * compression. A connection comes from tls_server.h or tls_client.h.
 *
 *     r = gp_tls_handshake(t);
 *     -EAGAIN: gp_tls_wants() is
 *             READ, WRITE   wait until the socket is readable, writable, and call again
 *             SIGNATURE     somebody who has the key must sign gp_tls_request(); tell the answer by
 *                           gp_tls_answer(), then call again. The socket need not be watched.
 *     0: done; gp_tls_facts() says with what
 *     other: failed; gp_tls_error() says why, the connection can only be freed
 *
 * Deadlines are the owner's: a handshake that is given up is freed like any other connection.
 * Nothing of it waits: not for the peer and not for the signer.
 *
 * Memory: at most 40 KB for an idle connection; its record buffers are given back between records.
 */
#pragma once

#include <sys/types.h>

#include "base/slice.h"

struct gp_tls;
struct gp_tls_request;

enum gp_tls_want {
	GP_TLS_WANTS_NOTHING,
	GP_TLS_WANTS_READ,
	GP_TLS_WANTS_WRITE,
	GP_TLS_WANTS_SIGNATURE,
};

/* Loads what TLS needs, before the sandbox. Returns 0 or -ENOMEM. */
int
gp_tls_prepare(void);

/* Accepts NULL, returns NULL. Writes nothing to the socket, which stays its owner's. */
struct gp_tls *
gp_tls_free(struct gp_tls *t);

/* Returns 0, -EAGAIN, -ECONNRESET when the peer is gone, or -EPROTO. */
[[nodiscard]] int
gp_tls_handshake(struct gp_tls *t);

/*
 * Octets read or written, at most a record (16 KB) a call. read gives 0 when the peer has ended its
 * side by close_notify; an end without one, which a stranger on the way can make, is -ECONNRESET.
 * -EAGAIN and others as above; -EAGAIN also after some records that held no data, whatever else the
 * socket has: a peer that sends only such ones has its turn and no more. After a read that filled
 * its buffer more may be waiting here which the socket knows nothing of: give it room for 16 KB.
 */
[[nodiscard]] ssize_t
gp_tls_read(struct gp_tls *t, void *to, size_t size);
[[nodiscard]] ssize_t
gp_tls_write(struct gp_tls *t, struct gp_slice data);

/* Ends our side by close_notify, where the socket takes it at once; the peer's end is not waited
 * for. */
void
gp_tls_close(struct gp_tls *t);

/* What the last -EAGAIN is about. */
enum gp_tls_want
gp_tls_wants(const struct gp_tls *t);

/* While SIGNATURE is wanted: what to sign (tls_request.h); valid until the next handshake. */
const struct gp_tls_request *
gp_tls_request(const struct gp_tls *t);
/* The signature; empty: refused, and the handshake will fail. */
void
gp_tls_answer(struct gp_tls *t, struct gp_slice signature);

/* Why it failed, for the log: one short line, of OpenSSL's words and the peer's alert; valid until
   it is freed. */
const char *
gp_tls_error(const struct gp_tls *t);

enum { GP_TLS_DIGEST = 32 };

/* What the server's certificate was found to be worth. */
enum gp_tls_trust {
	GP_TLS_TRUSTED,      /* chain and name, or the given TLSA records */
	GP_TLS_OTHER_NAME,   /* the chain is good, none of the names is in it */
	GP_TLS_OUT_OF_DATE,  /* expired, or not valid yet */
	GP_TLS_NO_AUTHORITY, /* self-signed, or of nobody that we know */
	GP_TLS_NO_MATCH,     /* none of the TLSA records */
	GP_TLS_UNTRUSTED,    /* anything else */
};

/* After the handshake. The texts live as long as the connection. */
struct gp_tls_facts {
	const char *version; /* "TLSv1.2", "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-GCM-SHA256" */
	const char *name;    /* the server's, as the client named it (SNI); NULL: it did not */
	bool resumed;
	/* A client's, of its server. */
	bool has_certificate;
	/* Of a resumed session: as when it began. */
	enum gp_tls_trust trust;
	const char *trust_text; /* in OpenSSL's words */
	int dane_usage;         /* of the TLSA record that matched; -1: none, or none was given */
	uint8_t certificate_sha256[GP_TLS_DIGEST]; /* of the certificate */
	uint8_t key_sha256[GP_TLS_DIGEST];         /* of its SubjectPublicKeyInfo */
};

/* Octets that came from the socket so far: handshake, records and all in them that is no data. */
uint64_t
gp_tls_received(const struct gp_tls *t);

struct gp_tls_facts
gp_tls_facts(const struct gp_tls *t);

enum { GP_TLS_EXPORTER = 32, GP_TLS_END_POINT_MAX = 64 };

/* What tells the connection from others, for SASL; each is empty where there is none. */
struct gp_tls_bindings {
	/* tls-exporter (RFC 9266): TLS 1.3, or 1.2 with the extended master secret. */
	uint8_t exporter[GP_TLS_EXPORTER];
	size_t exporter_len;
	/* tls-server-end-point (RFC 5929 section 4): of the server's certificate. None in a
	   resumed session: the ticket does not say which it was. */
	uint8_t end_point[GP_TLS_END_POINT_MAX];
	size_t end_point_len;
};

/* After the handshake. */
void
gp_tls_bindings(const struct gp_tls *t, struct gp_tls_bindings *ret);

/* The one that a client takes, which lives in *b: its type, and *ret; NULL: there is none. */
const char *
gp_tls_binding(const struct gp_tls_bindings *b, struct gp_slice *ret);
