/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL as the server at the other end of a hello, in memory: what it answers to one is read by
 * the reader under test. Its keys are made anew by each run. */
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/hello/flight.h"

struct peer {
	SSL_CTX *ctx;
	size_t connections;
};

static inline EVP_PKEY *
peer_key(bool rsa)
{
	return rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

/* Gives the server a certificate of that kind of key. */
static inline void
peer_certify(struct peer *p, bool rsa)
{
	EVP_PKEY *key = peer_key(rsa);
	X509 *cert = X509_new();
	assert_true(key && cert);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"mx.example.org", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(p->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(p->ctx, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* A server with an RSA certificate that takes all between two versions, and these ciphers. */
static inline struct peer
peer_open(int low, int high, const char *ciphers)
{
	struct peer p = {.ctx = SSL_CTX_new(TLS_server_method())};
	assert_non_null(p.ctx);
	SSL_CTX_set_security_level(p.ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(p.ctx, low), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(p.ctx, high), 1);
	assert_int_equal(SSL_CTX_set_cipher_list(p.ctx, ciphers), 1);
	SSL_CTX_set_dh_auto(p.ctx, 1);
	peer_certify(&p, true);
	return p;
}

static inline void
peer_close(struct peer *p)
{
	SSL_CTX_free(p->ctx);
}

/* A connection: the hello goes there, what comes back is fed in pieces, and then the end. The
 * flight is the caller's to free. */
static inline void
peer_answer(struct peer *p, const struct gp_hello *hello, enum gp_flight_want want, size_t piece,
	    struct gp_flight *ret)
{
	struct gp_buf out = GP_BUF_INIT(GP_HELLO_MAX);
	static const char random[GP_HELLO_RANDOM] = "all that is asked of it: 32 octe";
	assert_int_equal(gp_hello_build(hello, gp_slice(random, sizeof(random)), &out), 0);
	SSL *ssl = SSL_new(p->ctx);
	BIO *to = BIO_new(BIO_s_mem()), *from = BIO_new(BIO_s_mem());
	assert_true(ssl && to && from);
	SSL_set_bio(ssl, to, from);
	SSL_set_accept_state(ssl);
	assert_int_equal(BIO_write(to, gp_buf_slice(&out).ptr, (int)out.len), (int)out.len);
	SSL_do_handshake(ssl);
	p->connections++;

	gp_flight_init(ret, hello->version, want);
	char *said = NULL;
	struct gp_slice rest = {.len = (size_t)BIO_get_mem_data(from, &said)};
	rest.ptr = said;
	while (rest.len > 0) {
		gp_flight_feed(ret, gp_slice_take(rest, piece));
		rest = gp_slice_drop(rest, piece);
	}
	gp_flight_eof(ret);
	SSL_free(ssl);
	ERR_clear_error();
	gp_buf_free(&out);
}
