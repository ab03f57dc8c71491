/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of TLS over a socket pair, with certificates made on the spot, and signer's keys at
 * hand. */
#pragma once

#include "../unit.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "procs/signer/keys.h"
#include "sys/tls_client.h"
#include "sys/tls_connection.h"
#include "sys/tls_remote_key.h"
#include "sys/tls_server.h"

enum { DAY_S = 24 * 60 * 60 };

/* A certificate with its key. */
struct made {
	X509 *x;
	EVP_PKEY *key;
	struct gp_buf pem, key_pem;
};

struct wanted {
	bool rsa;
	const char *curve;         /* NULL: P-256 */
	const char *names;         /* "DNS:a.example,DNS:b.example" */
	const struct made *issuer; /* NULL: itself */
	bool authority;
	bool expired;
};

static inline void
put_bio(struct gp_buf *out, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	assert_true(gp_buf_put(out, gp_slice(data, (size_t)len)));
	BIO_free(bio);
}

static inline void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_true(X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static inline struct made
make(struct wanted w)
{
	static long serial = 1;
	struct made m = {.pem = GP_BUF_INIT(1 << 20), .key_pem = GP_BUF_INIT(1 << 20)};
	m.key = w.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen(w.curve ? w.curve : "P-256");
	m.x = X509_new();
	assert_non_null(m.key);
	assert_non_null(m.x);
	X509_set_version(m.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(m.x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(m.x), -10 * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(m.x), w.expired ? -DAY_S : 10 * DAY_S);
	X509_NAME *subject = X509_get_subject_name(m.x);
	char cn[32];
	snprintf(cn, sizeof(cn), "made %ld", serial);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
				   0);
	X509_set_issuer_name(m.x, w.issuer ? X509_get_subject_name(w.issuer->x) : subject);
	X509_set_pubkey(m.x, m.key);
	if (w.names)
		add_extension(m.x, NID_subject_alt_name, w.names);
	if (w.authority)
		add_extension(m.x, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(m.x, w.issuer ? w.issuer->key : m.key, EVP_sha256()));
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_X509(bio, m.x));
	put_bio(&m.pem, bio);
	bio = BIO_new(BIO_s_mem());
	assert_true(PEM_write_bio_PrivateKey(bio, m.key, NULL, NULL, 0, NULL, NULL));
	put_bio(&m.key_pem, bio);
	return m;
}

static inline void
unmake(struct made *m)
{
	X509_free(m->x);
	EVP_PKEY_free(m->key);
	gp_buf_free(&m->pem);
	gp_buf_free(&m->key_pem);
}

/* --- a server with keys elsewhere --- */

struct rig {
	struct keys keys;
	struct gp_tls_server *server;
	struct gp_tls_client *client;
	size_t signatures; /* that were asked for */
};

static inline void
rig_serve(struct rig *r, const struct made *const *certificates, size_t len)
{
	struct gp_slice pems[GP_TLS_CERTIFICATES_MAX];
	const char *why;
	uint8_t id[GP_TLS_KEY_ID], same[GP_TLS_KEY_ID];
	r->client = r->client ? r->client : gp_tls_client_new(NULL);
	assert_non_null(r->client);
	/* Behind it: what lies in the locked heap the leak checker does not see. */
	assert_int_equal(keys_prepare(), 0);
	for (size_t i = 0; i < len; i++) {
		pems[i] = gp_buf_slice(&certificates[i]->pem);
		struct gp_slice key = gp_buf_slice(&certificates[i]->key_pem);
		assert_int_equal(keys_add(&r->keys, key, 1, id), 0);
		assert_int_equal(gp_tls_certificate_key(pems[i], same), 0);
		assert_memory_equal(id, same, sizeof(id));
	}
	r->server = gp_tls_server_new(pems, len, &why);
	if (!r->server)
		fail_msg("%s", why);
}

static inline void
rig_free(struct rig *r)
{
	r->server = gp_tls_server_free(r->server);
	r->client = gp_tls_client_free(r->client);
	keys_free(&r->keys);
}

static inline void
rig_sign(struct rig *r, struct gp_tls *t)
{
	const struct gp_tls_request *q = gp_tls_request(t);
	uint8_t signature[GP_TLS_SIGNATURE_MAX];
	int n = keys_sign(&r->keys, gp_slice((const char *)q->key_id, sizeof(q->key_id)), q->scheme,
			  gp_slice((const char *)q->input, q->input_len), signature);
	r->signatures++;
	gp_tls_answer(t, gp_slice((char *)signature, n > 0 ? (size_t)n : 0));
}

/* --- a connection --- */

struct ends {
	int fds[2];
	struct gp_tls *server, *client;
};

static inline void
ends_open(struct ends *e, struct rig *r, const char *listener, const struct gp_tls_goal *goal)
{
	static const struct gp_tls_goal none = {};
	*e = (struct ends){};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, e->fds),
			 0);
	e->server = gp_tls_accept(r->server, e->fds[0], gp_slice_str(listener));
	e->client = gp_tls_connect(r->client, e->fds[1], goal ? goal : &none);
	assert_non_null(e->server);
	assert_non_null(e->client);
}

static inline void
ends_free(struct ends *e)
{
	gp_tls_free(e->server);
	gp_tls_free(e->client);
	close(e->fds[0]);
	close(e->fds[1]);
}

/* One step of an end; what was to be signed is signed. */
static inline int
step(struct rig *r, struct gp_tls *t)
{
	int n = gp_tls_handshake(t);
	if (n == -EAGAIN && gp_tls_wants(t) == GP_TLS_WANTS_SIGNATURE)
		rig_sign(r, t);
	return n;
}

/* Until both are done, or one has failed: then its result. */
static inline int
ends_shake(struct ends *e, struct rig *r)
{
	for (int i = 0; i < 100; i++) {
		int client = step(r, e->client), server = step(r, e->server);
		if (client != -EAGAIN && client != 0)
			return client;
		if (server != -EAGAIN && server != 0)
			return server;
		if (client == 0 && server == 0) {
			/* TLS 1.3: the ticket comes behind the handshake. */
			char octet;
			assert_int_equal(gp_tls_read(e->client, &octet, 1), -EAGAIN);
			return 0;
		}
	}
	return -ETIMEDOUT;
}

/* An octet each way. */
static inline void
ends_talk(struct ends *e)
{
	char octet = 0;
	assert_int_equal(gp_tls_write(e->client, GP_SLICE("?")), 1);
	assert_int_equal(gp_tls_read(e->server, &octet, 1), 1);
	assert_int_equal(octet, '?');
	assert_int_equal(gp_tls_write(e->server, GP_SLICE("!")), 1);
	assert_int_equal(gp_tls_read(e->client, &octet, 1), 1);
	assert_int_equal(octet, '!');
}
