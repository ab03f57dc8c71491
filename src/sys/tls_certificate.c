/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "sys/address.h"
#include "sys/tls_connection.h"

enum { TEXT_MAX = 64 * 1024 };

static struct gp_slice
name_text(const X509_NAME *name, struct gp_arena *arena)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = (char *)"";
	long len = 0;
	if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_get_mem_data(out, &text);
	struct gp_slice copy = gp_arena_dup(arena, gp_slice(text, (size_t)GP_MAX(len, 0L)));
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

bool
gp_tls_certificate(const struct gp_tls *t, struct gp_arena *arena, struct gp_tls_certificate *ret)
{
	const X509 *x = t->open ? SSL_get0_peer_certificate(t->ssl) : NULL;
	*ret = (struct gp_tls_certificate){};
	if (!x)
		return false;
	*ret = (struct gp_tls_certificate){
		.subject = name_text(X509_get_subject_name(x), arena),
		.issuer = name_text(X509_get_issuer_name(x), arena),
		.names = names_text(x, arena),
		.from_s = seconds_of(X509_get0_notBefore(x)),
		.until_s = seconds_of(X509_get0_notAfter(x)),
	};
	ERR_clear_error();
	return !arena->failed;
}
