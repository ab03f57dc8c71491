/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/self_signed.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
	COMMON_NAME_MAX = 64, /* RFC 5280 appendix A.1: ub-common-name */
	SERIAL = 16,
	/* Clocks differ. */
	BEGUN_S = -24 * 60 * 60,
};

/* RFC 5280 section 4.1.2.2: positive, and nobody else's. */
static bool
set_serial(X509 *x)
{
	unsigned char octets[SERIAL];
	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] = (octets[0] & 0x7f) | 0x40;
	BIGNUM *n = BN_bin2bn(octets, sizeof(octets), NULL);
	bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
	return ok;
}

/* The field of names is what counts; the subject is for people, where it fits. */
static bool
set_names(X509 *x, struct gp_slice name)
{
	const unsigned char *octets = (const unsigned char *)name.ptr;
	X509_NAME *subject = X509_get_subject_name(x);
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *one = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool ok = names && one && text && ASN1_STRING_set(text, octets, (int)name.len);
	if (ok) {
		GENERAL_NAME_set0_value(one, GEN_DNS, text);
		text = NULL;
		ok = sk_GENERAL_NAME_push(names, one) > 0;
		one = ok ? NULL : one;
	}
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
	if (ok && name.len <= COMMON_NAME_MAX)
		ok = X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, octets, (int)name.len,
						-1, 0);
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(one);
	GENERAL_NAMES_free(names);
	return ok && X509_set_issuer_name(x, subject);
}

static X509 *
make_certificate(struct gp_slice name, EVP_PKEY *key)
{
	X509 *x = X509_new();
	bool ok = x && X509_set_version(x, X509_VERSION_3) && set_serial(x) &&
		  X509_gmtime_adj(X509_getm_notBefore(x), BEGUN_S) &&
		  X509_time_adj_ex(X509_getm_notAfter(x), GP_SELF_SIGNED_DAYS, 0, NULL) &&
		  X509_set_pubkey(x, key) && set_names(x, name) &&
		  X509_sign(x, key, EVP_sha256()) > 0;
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

static bool
take_text(BIO *from, struct gp_buf *to)
{
	char *text;
	long len = BIO_get_mem_data(from, &text);
	return len > 0 && gp_buf_put(to, gp_slice(text, (size_t)len));
}

int
gp_self_signed_make(struct gp_slice name, struct gp_buf *certificate, struct gp_buf *key)
{
	if (name.len == 0 || name.len > 255 || gp_slice_has_8bit(name))
		return -EINVAL;
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = pair ? make_certificate(name, pair) : NULL;
	BIO *public_text = BIO_new(BIO_s_mem()), *private_text = BIO_new(BIO_s_secmem());
	bool ok = x && public_text && private_text && PEM_write_bio_X509(public_text, x) &&
		  PEM_write_bio_PrivateKey(private_text, pair, NULL, NULL, 0, NULL, NULL) &&
		  take_text(public_text, certificate) && take_text(private_text, key);
	BIO_free(private_text);
	BIO_free(public_text);
	X509_free(x);
	EVP_PKEY_free(pair);
	return ok ? 0 : -ENOMEM;
}
