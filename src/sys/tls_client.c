/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "sys/tls_connection.h"
#include "sys/tls_remote_key.h"

enum {
	/* A server's part is its chain above all. */
	HANDSHAKE_MAX = 256 * 1024,
	CHAIN_MAX = 128 * 1024,
	NAME_LEN_MAX = 255,
	DANE_TA = 2,
	DANE_EE = 3,
	/* Names are for the field of names (RFC 6125 section 6.4.4); the subject is anybody's. */
	HOST_FLAGS = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
};

struct gp_tls_client {
	SSL_CTX *ctx;
};

/* OpenSSL's own, under our name. */
struct gp_tls_session;

static SSL_SESSION *
session_of(const struct gp_tls_session *s)
{
	return (SSL_SESSION *)s;
}

/* All that OpenSSL still speaks. What has no certificate is offered last. */
static bool
apply_tolerance(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_security_level(ctx, 0);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) &&
	       SSL_CTX_set_cipher_list(ctx, "ALL:-aNULL:-eNULL:aNULL:@SECLEVEL=0") &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521:X448") &&
	       SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
}

static struct gp_tls_client *
make_client(const char *authorities, bool tolerant)
{
	struct gp_tls_client *c = gp_tls_library() ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	c->ctx = SSL_CTX_new_ex(gp_tls_library(), NULL, TLS_client_method());
	bool ok = c->ctx && gp_tls_apply_profile(c->ctx) && SSL_CTX_dane_enable(c->ctx) > 0 &&
		  (!authorities || SSL_CTX_load_verify_file(c->ctx, authorities));
	if (ok) {
		/* Whoever is not asked to prove anything may have a weak certificate, too: clear
		   text would be weaker (RFC 7435 section 3). */
		SSL_CTX_set_security_level(c->ctx, 1);
		ok = !tolerant || apply_tolerance(c->ctx);
		SSL_CTX_set_max_cert_list(c->ctx, CHAIN_MAX);
		SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
		/* RFC 7672 section 3.1.1: with usage 3 the record is the whole proof. */
		SSL_CTX_dane_set_flags(c->ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	}
	ERR_clear_error();
	return ok ? c : gp_tls_client_free(c);
}

struct gp_tls_client *
gp_tls_client_new(const char *authorities)
{
	return make_client(authorities, false);
}

struct gp_tls_client *
gp_tls_client_new_tolerant(const char *authorities)
{
	return make_client(authorities, true);
}

struct gp_tls_client *
gp_tls_client_free(struct gp_tls_client *c)
{
	if (c)
		SSL_CTX_free(c->ctx);
	free(c);
	return NULL;
}

/* The name with a NUL. False: it is too long, or holds one. */
static bool
copy_name(struct gp_slice name, char ret[NAME_LEN_MAX + 1])
{
	if (name.len == 0 || name.len > NAME_LEN_MAX || gp_slice_find(name, '\0') >= 0)
		return false;
	memcpy(ret, name.ptr, name.len);
	ret[name.len] = '\0';
	return true;
}

static bool
set_names(SSL *ssl, const struct gp_tls_goal *goal)
{
	char name[NAME_LEN_MAX + 1];
	if (goal->names_len > GP_TLS_NAMES_MAX)
		return false;
	SSL_set_hostflags(ssl, HOST_FLAGS);
	for (size_t i = 0; i < goal->names_len; i++) {
		if (!copy_name(goal->names[i], name) || !SSL_add1_host(ssl, name))
			return false;
	}
	return true;
}

/* How many records count; -1: no memory, or no name to begin with. */
static int
set_tlsa(SSL *ssl, const struct gp_tls_goal *goal)
{
	char name[NAME_LEN_MAX + 1];
	int usable = 0;
	if (goal->tlsa_len > GP_TLS_TLSA_MAX || !copy_name(goal->name, name) ||
	    SSL_dane_enable(ssl, name) <= 0)
		return -1;
	for (size_t i = 0; i < goal->tlsa_len; i++) {
		const struct gp_tls_tlsa *r = &goal->tlsa[i];
		if (r->usage == DANE_TA || r->usage == DANE_EE)
			usable += SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
						    (const unsigned char *)r->data.ptr,
						    r->data.len) > 0;
	}
	/* It has made `name` one that the certificate may be for. */
	return SSL_set1_host(ssl, usable > 0 ? name : NULL) ? usable : -1;
}

static bool
set_goal(struct gp_tls *t, const struct gp_tls_goal *goal)
{
	char name[NAME_LEN_MAX + 1];
	if (goal->tlsa_len > 0) {
		int n = set_tlsa(t->ssl, goal);
		if (n < 0)
			return false;
		t->tlsa_usable = (size_t)n;
	}
	if (goal->name.len > 0 &&
	    (!copy_name(goal->name, name) || !SSL_set_tlsext_host_name(t->ssl, name)))
		return false;
	return set_names(t->ssl, goal) &&
	       (!goal->session || SSL_set_session(t->ssl, session_of(goal->session)));
}

struct gp_tls *
gp_tls_connect(struct gp_tls_client *c, int fd, const struct gp_tls_goal *goal)
{
	struct gp_tls *t = gp_tls_connection(SSL_new(c->ctx), fd, HANDSHAKE_MAX);
	if (!t)
		return NULL;
	SSL_set_connect_state(t->ssl);
	bool ok = set_goal(t, goal);
	ERR_clear_error();
	return ok ? t : gp_tls_free(t);
}

size_t
gp_tls_tlsa_usable(const struct gp_tls *t)
{
	return t->tlsa_usable;
}

static bool
ask_authorities(const struct gp_tls *t, X509_STORE_CTX *check, const char *name)
{
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(t->ssl));
	if (!X509_STORE_CTX_init(check, store, SSL_get0_peer_certificate(t->ssl),
				 SSL_get_peer_cert_chain(t->ssl)) ||
	    !X509_STORE_CTX_set_default(check, "ssl_server"))
		return false;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(check);
	X509_VERIFY_PARAM_set_hostflags(param, HOST_FLAGS);
	if (!X509_VERIFY_PARAM_set1_host(param, name, 0))
		return false;
	(void)X509_verify_cert(check);
	return true;
}

enum gp_tls_trust
gp_tls_by_authorities(const struct gp_tls *t, struct gp_slice name)
{
	char text[NAME_LEN_MAX + 1];
	enum gp_tls_trust trust = GP_TLS_UNTRUSTED;
	X509_STORE_CTX *check = X509_STORE_CTX_new_ex(gp_tls_library(), NULL);
	if (check && t->open && copy_name(name, text) && ask_authorities(t, check, text))
		trust = gp_tls_trust_of(X509_STORE_CTX_get_error(check));
	X509_STORE_CTX_free(check);
	ERR_clear_error();
	return trust;
}

struct gp_tls_session *
gp_tls_session(const struct gp_tls *t)
{
	/* A copy: OpenSSL spoils its own when the connection ends without close_notify. */
	const SSL_SESSION *own = t->open ? SSL_get0_session(t->ssl) : NULL;
	SSL_SESSION *s = own ? SSL_SESSION_dup(own) : NULL;
	if (s && SSL_SESSION_is_resumable(s))
		return (struct gp_tls_session *)s;
	SSL_SESSION_free(s);
	return NULL;
}

struct gp_tls_session *
gp_tls_session_free(struct gp_tls_session *s)
{
	SSL_SESSION_free(session_of(s));
	return NULL;
}
