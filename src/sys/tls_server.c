/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls_server.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "sys/tls_connection.h"
#include "sys/tls_remote_key.h"

enum {
	/* What a client may say until it is trusted with more: a ClientHello with all extensions
	   has 2 KB. */
	HANDSHAKE_MAX = 32 * 1024,
	CHAIN_MAX = 16,
};

/* Its parts in the order in which the secret has them. */
struct ticket_key {
	uint8_t name[16];
	uint8_t cipher[32];
	uint8_t mac[32];
};

static_assert(sizeof(struct ticket_key) == GP_TLS_TICKET_SECRET, "the secret is its parts");

struct identity {
	X509 *certificate;
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	bool rsa;
};

struct gp_tls_server {
	SSL_CTX *ctx;
	unsigned refs;
	struct ticket_key tickets[2]; /* the current one, and the one before */
	size_t tickets_len;
	size_t len;
	struct identity identities[];
};

/* --- certificates --- */

static X509 *
read_certificate(BIO *in)
{
	X509 *x = X509_new_ex(gp_tls_library(), NULL);
	if (x && PEM_read_bio_X509(in, &x, NULL, NULL))
		return x;
	X509_free(x);
	return NULL;
}

static STACK_OF(X509) * read_chain(BIO *in)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *x;
	while (chain && sk_X509_num(chain) < CHAIN_MAX && (x = read_certificate(in))) {
		if (sk_X509_push(chain, x) > 0)
			continue;
		X509_free(x);
		sk_X509_pop_free(chain, X509_free);
		chain = NULL;
	}
	ERR_clear_error();
	return chain;
}

/* The key's public half in DER, to be freed by OPENSSL_free. */
static struct gp_slice
spki_of(const X509 *certificate)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	return gp_slice((char *)der, len > 0 ? (size_t)len : 0);
}

static void
free_identity(struct identity *id)
{
	X509_free(id->certificate);
	sk_X509_pop_free(id->chain, X509_free);
	EVP_PKEY_free(id->key);
	*id = (struct identity){};
}

static bool
read_identity(struct gp_slice pem, struct identity *ret)
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)GP_MIN(pem.len, (size_t)INT32_MAX));
	*ret = (struct identity){};
	ret->certificate = in ? read_certificate(in) : NULL;
	ret->chain = ret->certificate ? read_chain(in) : NULL;
	BIO_free(in);
	struct gp_slice spki = ret->chain ? spki_of(ret->certificate) : gp_slice(NULL, 0);
	ret->key = spki.len > 0 ? gp_tls_remote_key(spki) : NULL;
	OPENSSL_free((void *)spki.ptr);
	ret->rsa = ret->key && EVP_PKEY_is_a(ret->key, "RSA");
	if (!ret->key)
		free_identity(ret);
	ERR_clear_error();
	return ret->key != NULL;
}

int
gp_tls_certificate_key(struct gp_slice pem, uint8_t ret_id[GP_TLS_KEY_ID])
{
	struct identity id;
	if (!gp_tls_library() || !read_identity(pem, &id))
		return -EINVAL;
	struct gp_slice spki = spki_of(id.certificate);
	int ok = EVP_Q_digest(gp_tls_library(), "SHA256", NULL, spki.ptr, spki.len, ret_id, NULL);
	OPENSSL_free((void *)spki.ptr);
	free_identity(&id);
	return ok ? 0 : -EINVAL;
}

/* --- the choice --- */

static bool
is_for(const struct identity *id, const char *name)
{
	return X509_check_host(id->certificate, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
			       NULL) == 1;
}

/* Whether the certificate has a name that the first one has too. */
static bool
is_sibling(const struct gp_tls_server *s, const struct identity *id)
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(s->identities[0].certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS)
			found = is_for(id, (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return found;
}

/* The first certificate of each kind that is for the name; false: none is. */
static bool
choose(const struct gp_tls_server *s, const char *name, const struct identity *ret[2])
{
	ret[0] = ret[1] = NULL;
	for (size_t i = 0; i < s->len; i++) {
		const struct identity *id = &s->identities[i];
		if (!ret[id->rsa] && is_for(id, name))
			ret[id->rsa] = id;
	}
	return ret[0] || ret[1];
}

/* The handshake's question once the ClientHello was read: with which certificates? The context's
   own are those of the first one. */
static int
on_certificate_wanted(SSL *ssl, void *arg)
{
	const struct gp_tls_server *s = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct identity *chosen[2];
	if (!name || !choose(s, name, chosen))
		return 1;
	SSL_certs_clear(ssl);
	for (size_t i = 0; i < 2; i++) {
		const struct identity *id = chosen[i];
		if (id && !SSL_use_cert_and_key(ssl, id->certificate, id->key, id->chain, 1))
			return 0;
	}
	return 1;
}

/* --- sessions --- */

static bool
digest(struct gp_slice data, uint8_t ret[GP_TLS_DIGEST])
{
	return EVP_Q_digest(gp_tls_library(), "SHA256", NULL, data.ptr, data.len, ret, NULL);
}

/* Before a ticket is looked at: it is for one listener and one name, and none at others. */
static int
on_client_hello(SSL *ssl, int *ret_alert, void *arg)
{
	const struct gp_tls *t = SSL_get_app_data(ssl);
	uint8_t both[2 * GP_TLS_DIGEST], context[GP_TLS_DIGEST];
	const unsigned char *name = NULL;
	size_t name_len = 0;
	(void)arg;
	(void)SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &name_len);
	memcpy(both, t->listener, GP_TLS_DIGEST);
	if (digest(gp_slice((const char *)name, name_len), both + GP_TLS_DIGEST) &&
	    digest(gp_slice((char *)both, sizeof(both)), context) &&
	    SSL_set_session_id_context(ssl, context, sizeof(context)))
		return SSL_CLIENT_HELLO_SUCCESS;
	*ret_alert = SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

/* --- tickets (RFC 5077 section 4, which TLS 1.3's keep) --- */

static bool
begin_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end()};
	return EVP_MAC_CTX_set_params(mac, params);
}

/* 1: seal or open with this key; 2: opened by the one before, give a new ticket; 0: no ticket of
 * ours; -1: failed. */
static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char iv[EVP_MAX_IV_LENGTH],
	  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct gp_tls_server *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	size_t at = 0;
	if (seal) {
		memcpy(name, s->tickets[0].name, sizeof(s->tickets[0].name));
		if (RAND_bytes_ex(gp_tls_library(), iv, 16, 0) != 1)
			return -1;
	}
	while (at < s->tickets_len && memcmp(name, s->tickets[at].name, 16) != 0)
		at++;
	if (at == s->tickets_len)
		return 0;
	EVP_CIPHER *aes = EVP_CIPHER_fetch(gp_tls_library(), "AES-256-CBC", NULL);
	bool ok = aes && EVP_CipherInit_ex2(cipher, aes, s->tickets[at].cipher, iv, seal, NULL) &&
		  begin_mac(mac, &s->tickets[at]);
	EVP_CIPHER_free(aes);
	return !ok ? -1 : at == 0 ? 1 : 2;
}

void
gp_tls_server_set_tickets(struct gp_tls_server *s, const uint8_t current[GP_TLS_TICKET_SECRET],
			  const uint8_t *previous)
{
	memcpy(&s->tickets[0], current, sizeof(s->tickets[0]));
	if (previous)
		memcpy(&s->tickets[1], previous, sizeof(s->tickets[1]));
	s->tickets_len = previous ? 2 : 1;
	SSL_CTX_clear_options(s->ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(s->ctx, 1);
}

/* --- the server --- */

static bool
set_up(struct gp_tls_server *s)
{
	/* Those that a signer knows; it does not sign by Ed25519, which mail servers have no
	 * certificates for. */
	static const char schemes[] = "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:"
				      "RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
	bool offered[2] = {};
	SSL_CTX_set_app_data(s->ctx, s);
	SSL_CTX_set_mode(s->ctx, SSL_MODE_ASYNC);
	SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_security_level(s->ctx, 2);
	SSL_CTX_set_timeout(s->ctx, GP_TLS_TICKET_LIFETIME_S);
	SSL_CTX_set_client_hello_cb(s->ctx, on_client_hello, NULL);
	SSL_CTX_set_cert_cb(s->ctx, on_certificate_wanted, s);
	bool ok = gp_tls_apply_profile(s->ctx) && SSL_CTX_set1_sigalgs_list(s->ctx, schemes) &&
		  SSL_CTX_set_tlsext_ticket_key_evp_cb(s->ctx, on_ticket) &&
		  SSL_CTX_set_num_tickets(s->ctx, 0);
	for (size_t i = 0; ok && i < s->len; i++) {
		const struct identity *id = &s->identities[i];
		if (offered[id->rsa] || (i > 0 && !is_sibling(s, id)))
			continue;
		offered[id->rsa] = true;
		ok = SSL_CTX_use_cert_and_key(s->ctx, id->certificate, id->key, id->chain, 1);
	}
	return ok;
}

struct gp_tls_server *
gp_tls_server_new(const struct gp_slice *pems, size_t len, const char **ret_why)
{
	gp_assert(len > 0 && len <= GP_TLS_CERTIFICATES_MAX);
	struct gp_tls_server *s =
		gp_tls_library() ? calloc(1, sizeof(*s) + len * sizeof(s->identities[0])) : NULL;
	*ret_why = "out of memory";
	if (!s)
		return NULL;
	s->refs = 1;
	s->ctx = SSL_CTX_new_ex(gp_tls_library(), NULL, TLS_server_method());
	bool ok = s->ctx != NULL;
	for (; ok && s->len < len; s->len++) {
		ok = read_identity(pems[s->len], &s->identities[s->len]);
		if (!ok)
			*ret_why = "a certificate cannot be read, or is for no RSA or EC key";
	}
	if (ok && !set_up(s)) {
		*ret_why = "a certificate is not safe to use";
		ok = false;
	}
	ERR_clear_error();
	return ok ? s : gp_tls_server_free(s);
}

struct gp_tls_server *
gp_tls_server_free(struct gp_tls_server *s)
{
	if (!s || --s->refs > 0)
		return NULL;
	for (size_t i = 0; i < s->len; i++)
		free_identity(&s->identities[i]);
	SSL_CTX_free(s->ctx);
	explicit_bzero(s->tickets, sizeof(s->tickets));
	free(s);
	return NULL;
}

struct gp_tls *
gp_tls_accept(struct gp_tls_server *s, int fd, struct gp_slice listener)
{
	struct gp_tls *t = gp_tls_connection(SSL_new(s->ctx), fd, HANDSHAKE_MAX);
	if (!t)
		return NULL;
	SSL_set_accept_state(t->ssl);
	t->server = s;
	s->refs++;
	return SSL_set_app_data(t->ssl, t) && digest(listener, t->listener) ? t : gp_tls_free(t);
}
