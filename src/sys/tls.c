/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "sys/tls_connection.h"
#include "sys/tls_remote_key.h"
#include "sys/tls_server.h"

/* What one call reads of the socket: each record costs OpenSSL two, its header and the rest. */
enum { READS_MAX = 16 };

bool
gp_tls_apply_profile(SSL_CTX *ctx)
{
	/* RFC 9325 section 4.2, with ChaCha20 beside it; server's preference. Those of TLS 1.3 are
	 * OpenSSL's own. */
	static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_cipher_list(ctx, ciphers) &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384");
}

/* OpenSSL goes on from one record without data to the next. A peer that sends nothing else, changes
   of keys or what is refused to it, would keep us in one call for as long as it likes. */
static long
bound_reads(BIO *bio, int what, const char *data, size_t len, int argi, long argl, int result,
	    size_t *processed)
{
	struct gp_tls *t = (struct gp_tls *)BIO_get_callback_arg(bio);
	(void)data, (void)len, (void)argi, (void)argl, (void)processed;
	if (what != BIO_CB_READ || ++t->reads <= READS_MAX)
		return result;
	BIO_set_retry_read(bio);
	return -1;
}

struct gp_tls *
gp_tls_connection(SSL *ssl, int fd, size_t handshake_max)
{
	struct gp_tls *t = ssl && SSL_set_fd(ssl, fd) ? calloc(1, sizeof(*t)) : NULL;
	if (!t) {
		SSL_free(ssl);
		return NULL;
	}
	t->ssl = ssl;
	t->handshake_max = handshake_max;
	BIO_set_callback_ex(SSL_get_rbio(ssl), bound_reads);
	BIO_set_callback_arg(SSL_get_rbio(ssl), (char *)t);
	return t;
}

int
gp_tls_prepare(void)
{
	return gp_tls_library() ? 0 : -ENOMEM;
}

struct gp_tls *
gp_tls_free(struct gp_tls *t)
{
	if (!t)
		return NULL;
	/* A paused job would never be freed: let it run to its end, and speak to nobody. */
	if (t->request) {
		BIO *nowhere = BIO_new(BIO_s_null());
		if (nowhere)
			SSL_set_bio(t->ssl, nowhere, nowhere);
		gp_tls_answer(t, gp_slice(NULL, 0));
		(void)SSL_do_handshake(t->ssl);
	}
	SSL_free(t->ssl);
	gp_tls_server_free(t->server);
	free(t);
	return NULL;
}

/* --- results --- */

static int
fail(struct gp_tls *t, int error, const char *text)
{
	t->failed = true;
	t->want = GP_TLS_WANTS_NOTHING;
	snprintf(t->error, sizeof(t->error), "%s", text);
	return error;
}

/* The first of OpenSSL's errors is the cause, those behind it say who heard of it. */
static int
fail_by_library(struct gp_tls *t)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_reason_error_string(error);
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return fail(t, -ECONNRESET, "connection closed without close_notify");
	return fail(t, -EPROTO, reason ? reason : "TLS failed");
}

static int
wait_for(struct gp_tls *t, enum gp_tls_want want)
{
	t->want = want;
	return -EAGAIN;
}

/* What a call of OpenSSL's that did not succeed came to; 0: close_notify. */
static int
explain(struct gp_tls *t, int result, int error)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(t, GP_TLS_WANTS_READ);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(t, GP_TLS_WANTS_WRITE);
	case SSL_ERROR_WANT_ASYNC:
		t->request = gp_tls_paused_request();
		gp_assert(t->request);
		return wait_for(t, GP_TLS_WANTS_SIGNATURE);
	case SSL_ERROR_WANT_ASYNC_JOB:
		return fail(t, -EPROTO, "too many handshakes wait for signatures");
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return fail(t, -ECONNRESET, error ? strerrordesc_np(error) : "connection closed");
	default:
		return fail_by_library(t);
	}
}

/* --- the calls --- */

static void
begin_call(struct gp_tls *t)
{
	t->reads = 0;
	ERR_clear_error();
	errno = 0;
}

int
gp_tls_handshake(struct gp_tls *t)
{
	if (t->failed)
		return -EPROTO;
	if (t->open)
		return 0;
	begin_call(t);
	t->request = NULL;
	int n = SSL_do_handshake(t->ssl);
	int error = errno;
	if (n == 1) {
		t->open = true;
		t->want = GP_TLS_WANTS_NOTHING;
		/* What follows never signs, and needs no job. */
		SSL_clear_mode(t->ssl, SSL_MODE_ASYNC);
		return 0;
	}
	int r = explain(t, n, error);
	if (r == 0)
		return fail(t, -ECONNRESET, "connection closed by close_notify");
	if (r == -EAGAIN && !t->request && BIO_number_read(SSL_get_rbio(t->ssl)) > t->handshake_max)
		return fail(t, -EPROTO, "handshake is too long");
	return r;
}

ssize_t
gp_tls_read(struct gp_tls *t, void *to, size_t size)
{
	size_t n = 0;
	if (t->failed || !t->open)
		return -EPROTO;
	begin_call(t);
	int r = SSL_read_ex(t->ssl, to, size, &n);
	int error = errno;
	return r == 1 ? (ssize_t)n : explain(t, r, error);
}

ssize_t
gp_tls_write(struct gp_tls *t, struct gp_slice data)
{
	size_t n = 0;
	if (t->failed || !t->open)
		return -EPROTO;
	if (data.len == 0)
		return 0;
	begin_call(t);
	int r = SSL_write_ex(t->ssl, data.ptr, data.len, &n);
	int error = errno;
	if (r == 1)
		return (ssize_t)n;
	r = explain(t, r, error);
	return r == 0 ? fail(t, -ECONNRESET, "connection closed by close_notify") : r;
}

void
gp_tls_close(struct gp_tls *t)
{
	if (!t->open || t->failed)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
}

enum gp_tls_want
gp_tls_wants(const struct gp_tls *t)
{
	return t->want;
}

const struct gp_tls_request *
gp_tls_request(const struct gp_tls *t)
{
	gp_assert(t->request);
	return t->request;
}

void
gp_tls_answer(struct gp_tls *t, struct gp_slice signature)
{
	struct gp_tls_request *r = t->request;
	gp_assert(r);
	r->answered = true;
	r->signature_len = signature.len <= sizeof(r->signature) ? signature.len : 0;
	if (r->signature_len > 0)
		memcpy(r->signature, signature.ptr, r->signature_len);
}

const char *
gp_tls_error(const struct gp_tls *t)
{
	return t->error;
}

/* --- facts --- */

uint64_t
gp_tls_received(const struct gp_tls *t)
{
	return BIO_number_read(SSL_get_rbio(t->ssl));
}

static void
digest_certificate(const X509 *certificate, struct gp_tls_facts *ret)
{
	unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
	if (X509_digest(certificate, EVP_sha256(), ret->certificate_sha256, NULL) && len > 0)
		ret->has_certificate = EVP_Q_digest(gp_tls_library(), "SHA256", NULL, spki,
						    (size_t)len, ret->key_sha256, NULL);
	OPENSSL_free(spki);
}

enum gp_tls_trust
gp_tls_trust_of(long result)
{
	switch (result) {
	case X509_V_OK:
		return GP_TLS_TRUSTED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return GP_TLS_OTHER_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return GP_TLS_OUT_OF_DATE;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return GP_TLS_NO_AUTHORITY;
	case X509_V_ERR_DANE_NO_MATCH:
		return GP_TLS_NO_MATCH;
	default:
		return GP_TLS_UNTRUSTED;
	}
}

/* RFC 5929 section 4.1: by the hash of the certificate's own signature, but by SHA-256 for the weak
 * ones. Where the signature has none, as Ed25519's, there is no binding. */
static size_t
digest_end_point(const X509 *certificate, uint8_t ret[GP_TLS_END_POINT_MAX])
{
	int hash;
	unsigned int len = 0;
	if (!X509_get_signature_info((X509 *)certificate, &hash, NULL, NULL, NULL))
		return 0;
	const char *name = hash == NID_md5 || hash == NID_sha1 ? "SHA256" : OBJ_nid2sn(hash);
	EVP_MD *md = EVP_MD_fetch(gp_tls_library(), name, NULL);
	bool good = md && EVP_MD_get_size(md) <= GP_TLS_END_POINT_MAX &&
		    X509_digest(certificate, md, ret, &len);
	EVP_MD_free(md);
	ERR_clear_error();
	return good ? len : 0;
}

void
gp_tls_bindings(const struct gp_tls *t, struct gp_tls_bindings *ret)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	const unsigned char no_context[1] = {};
	gp_assert(t->open);
	*ret = (struct gp_tls_bindings){};
	/* Without the extended master secret two connections could have the same (RFC 9266 section
	 * 3). */
	bool unique = SSL_version(t->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(t->ssl) == 1;
	if (unique && SSL_export_keying_material(t->ssl, ret->exporter, sizeof(ret->exporter),
						 label, strlen(label), no_context, 0, 1) == 1)
		ret->exporter_len = sizeof(ret->exporter);
	const X509 *certificate = SSL_is_server(t->ssl) ? SSL_get_certificate(t->ssl)
							: SSL_get0_peer_certificate(t->ssl);
	if (certificate && !SSL_session_reused(t->ssl))
		ret->end_point_len = digest_end_point(certificate, ret->end_point);
}

const char *
gp_tls_binding(const struct gp_tls_bindings *b, struct gp_slice *ret)
{
	bool exporter = b->exporter_len > 0;
	*ret = exporter ? gp_slice((const char *)b->exporter, b->exporter_len)
			: gp_slice((const char *)b->end_point, b->end_point_len);
	return exporter ? "tls-exporter" : ret->len > 0 ? "tls-server-end-point" : NULL;
}

struct gp_tls_facts
gp_tls_facts(const struct gp_tls *t)
{
	struct gp_tls_facts facts = {
		.version = SSL_get_version(t->ssl),
		.cipher = SSL_get_cipher_name(t->ssl),
		.name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name),
		.resumed = SSL_session_reused(t->ssl),
		.dane_usage = -1,
	};
	if (SSL_is_server(t->ssl))
		return facts;
	uint8_t usage;
	long result = SSL_get_verify_result(t->ssl);
	facts.trust = gp_tls_trust_of(result);
	facts.trust_text = X509_verify_cert_error_string(result);
	if (SSL_get0_dane_authority(t->ssl, NULL, NULL) >= 0 &&
	    SSL_get0_dane_tlsa(t->ssl, &usage, NULL, NULL, NULL, NULL) >= 0)
		facts.dane_usage = usage;
	const X509 *certificate = SSL_get0_peer_certificate(t->ssl);
	if (certificate)
		digest_certificate(certificate, &facts);
	return facts;
}
