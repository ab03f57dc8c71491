/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "sys/address.h"
#include "sys/tls_connection.h"
#include "sys/tls_remote_key.h"

enum {
	TEXT_MAX = 64 * 1024,
	SUBJECT_MAX = 4096, /* octets of a subject that are told */
};

static struct gp_slice
name_text(const X509_NAME *name, struct gp_arena *arena)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = (char *)"";
	long len = 0;
	if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_get_mem_data(out, &text);
	struct gp_slice copy = gp_arena_dup(
		arena, gp_slice(text, (size_t)GP_MIN(GP_MAX(len, 0L), (long)SUBJECT_MAX)));
	BIO_free(out);
	return copy;
}

static void
put_address(struct gp_buf *to, const ASN1_OCTET_STRING *octets)
{
	size_t len = (size_t)ASN1_STRING_length(octets);
	if (len != 4 && len != 16)
		return;
	struct gp_sockaddr a = gp_sockaddr_from_octets(ASN1_STRING_get0_data(octets), len, 0);
	gp_buf_put_str(to, gp_sockaddr_text(&a, false).s);
}

static struct gp_slice
names_text(const X509 *x, struct gp_arena *arena)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	struct gp_buf text = GP_BUF_INIT(TEXT_MAX);
	int n = GP_MIN(sk_GENERAL_NAME_num(names), (int)GP_TLS_NAMES_SHOWN_MAX);
	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS && name->type != GEN_IPADD)
			continue;
		if (text.len > 0)
			gp_buf_put_char(&text, ' ');
		if (name->type == GEN_IPADD)
			put_address(&text, name->d.iPAddress);
		else
			gp_buf_put(&text,
				   gp_slice((const char *)ASN1_STRING_get0_data(name->d.dNSName),
					    (size_t)ASN1_STRING_length(name->d.dNSName)));
	}
	GENERAL_NAMES_free(names);
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return copy;
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;
	return ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : 0;
}

static void
read_certificate(const X509 *x, struct gp_arena *arena, struct gp_tls_certificate *ret)
{
	*ret = (struct gp_tls_certificate){
		.subject = name_text(X509_get_subject_name(x), arena),
		.issuer = name_text(X509_get_issuer_name(x), arena),
		.names = names_text(x, arena),
		.from_s = seconds_of(X509_get0_notBefore(x)),
		.until_s = seconds_of(X509_get0_notAfter(x)),
	};
}

bool
gp_tls_certificate(const struct gp_tls *t, struct gp_arena *arena, struct gp_tls_certificate *ret)
{
	const X509 *x = t->open ? SSL_get0_peer_certificate(t->ssl) : NULL;
	*ret = (struct gp_tls_certificate){};
	if (!x)
		return false;
	read_certificate(x, arena, ret);
	ERR_clear_error();
	return !arena->failed;
}

/* --- the chain and the handshake --- */

/* "RSA-SHA256": of names that OpenSSL has in its tables. */
static void
read_signature(X509 *x, struct gp_tls_link *ret)
{
	int hash = NID_undef, bits = 0;
	ret->signature = OBJ_nid2sn(X509_get_signature_nid(x));
	if (X509_get_signature_info(x, &hash, NULL, &bits, NULL))
		ret->weak_signature = bits < 80;
}

static void
read_key(const X509 *x, struct gp_tls_link *ret)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	const char *name = key ? EVP_PKEY_get0_type_name(key) : NULL;
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	int type = key ? EVP_PKEY_get_base_id(key) : NID_undef;
	/* The key's own name does not outlive the connection. */
	ret->key = type > 0 ? OBJ_nid2sn(type) : name ? "other" : "none";
	if (type == EVP_PKEY_RSA)
		ret->key = "RSA";
	else if (type == EVP_PKEY_EC)
		ret->key = "EC";
	ret->key_bits = (unsigned)GP_MAX(bits, 0);
}

static int
spki_der(const X509 *x, unsigned char **ret)
{
	return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), ret);
}

static void
digest(int (*encode)(const X509 *, unsigned char **), const X509 *x, struct gp_dane_digests *ret)
{
	unsigned char *der = NULL;
	int len = encode(x, &der);
	if (len > 0) {
		(void)EVP_Q_digest(gp_tls_library(), "SHA256", NULL, der, (size_t)len, ret->sha256,
				   NULL);
		(void)EVP_Q_digest(gp_tls_library(), "SHA512", NULL, der, (size_t)len, ret->sha512,
				   NULL);
	}
	OPENSSL_free(der);
}

static void
read_link(X509 *x, struct gp_arena *arena, struct gp_tls_link *ret)
{
	*ret = (struct gp_tls_link){
		.subject = name_text(X509_get_subject_name(x), arena),
		.issuer = name_text(X509_get_issuer_name(x), arena),
		.self_issued =
			X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0,
		.from_s = seconds_of(X509_get0_notBefore(x)),
		.until_s = seconds_of(X509_get0_notAfter(x)),
	};
	read_signature(x, ret);
	read_key(x, ret);
	digest(i2d_X509, x, &ret->certificate);
	digest(spki_der, x, &ret->spki);
}

static uint8_t
staple_of_response(OCSP_RESPONSE *response)
{
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	OCSP_SINGLERESP *single = basic ? OCSP_resp_get0(basic, 0) : NULL;
	ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
	int status = single ? OCSP_single_get0_status(single, NULL, NULL, &from, &until) : -1;
	enum { SKEW_S = 300 };
	uint8_t staple = GP_TLS_STAPLE_OTHER;
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		staple = GP_TLS_STAPLE_REVOKED;
	else if (status == V_OCSP_CERTSTATUS_GOOD && OCSP_check_validity(from, until, SKEW_S, -1))
		staple = GP_TLS_STAPLE_GOOD;
	OCSP_BASICRESP_free(basic);
	return staple;
}

static uint8_t
read_staple(SSL *ssl)
{
	const unsigned char *der = NULL;
	long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	if (!der || len <= 0)
		return GP_TLS_STAPLE_NONE;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, len);
	uint8_t staple = response ? staple_of_response(response) : GP_TLS_STAPLE_OTHER;
	OCSP_RESPONSE_free(response);
	return staple;
}

static const char *
group_name(SSL *ssl)
{
	int nid = (int)SSL_get_negotiated_group(ssl);
	if (nid == NID_undef)
		return NULL;
	/* A group that OpenSSL has no number for comes marked so. */
	const char *name = nid & TLSEXT_nid_unknown ? NULL : EC_curve_nid2nist(nid);
	return name ? name : nid & TLSEXT_nid_unknown ? "other" : OBJ_nid2sn(nid);
}

static void
read_links(const STACK_OF(X509) * chain, struct gp_arena *arena, struct gp_tls_shown *ret)
{
	int len = sk_X509_num(chain);
	for (int i = 0; i < len && i < GP_TLS_LINKS_MAX; i++) {
		X509 *x = sk_X509_value(chain, i);
		X509 *next = sk_X509_value(chain, GP_MIN(i + 1, len - 1));
		read_link(x, arena, &ret->links[i]);
		ret->links[i].signed_by_next = X509_verify(x, X509_get0_pubkey(next)) == 1;
	}
	ret->links_len = (size_t)GP_MIN(GP_MAX(len, 0), (int)GP_TLS_LINKS_MAX);
	ret->links_dropped = (size_t)GP_MAX(len, 0) - ret->links_len;
}

bool
gp_tls_shown(const struct gp_tls *t, struct gp_arena *arena, struct gp_tls_shown *ret)
{
	EVP_PKEY *key = NULL;
	gp_assert(t->open);
	SSL *ssl = t->ssl;
	bool latest = SSL_version(ssl) >= TLS1_3_VERSION;
	*ret = (struct gp_tls_shown){
		.group = group_name(ssl),
		.extended_master = latest || SSL_get_extms_support(ssl) == 1,
		.secure_renegotiation = latest || SSL_get_secure_renegotiation_support(ssl),
		.staple = read_staple(ssl),
	};
	if (SSL_get_peer_tmp_key(ssl, &key))
		ret->exchange_bits = (unsigned)GP_MAX(EVP_PKEY_get_bits(key), 0);
	EVP_PKEY_free(key);
	read_links(SSL_get_peer_cert_chain(ssl), arena, ret);
	ERR_clear_error();
	return !arena->failed;
}

static STACK_OF(X509) * decode_chain(const struct gp_slice *der, size_t len)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	for (size_t i = 0; chain && i < len; i++) {
		const unsigned char *at = (const unsigned char *)der[i].ptr;
		X509 *x = d2i_X509(NULL, &at, (long)der[i].len);
		if (!x || !sk_X509_push(chain, x)) {
			X509_free(x);
			break;
		}
	}
	return chain;
}

bool
gp_tls_chain(const struct gp_slice *der, size_t len, struct gp_arena *arena,
	     struct gp_tls_shown *ret_links, struct gp_tls_certificate *ret_first)
{
	STACK_OF(X509) *chain = decode_chain(der, len);
	*ret_links = (struct gp_tls_shown){};
	*ret_first = (struct gp_tls_certificate){};
	bool any = sk_X509_num(chain) > 0;
	if (any) {
		read_links(chain, arena, ret_links);
		read_certificate(sk_X509_value(chain, 0), arena, ret_first);
	}
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return any && !arena->failed;
}
