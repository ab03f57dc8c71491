/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/mark.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "core/ingest/archive.h"
#include "sys/tls_certificate.h"

/* RFC 9399 section 4.1; draft-chuang-bimi-certificate. */
static const char logotype_oid[] = "1.3.6.1.5.5.7.1.12", usage_oid[] = "1.3.6.1.5.5.7.3.31";

/* --- the chain --- */

static size_t
read_pem(struct gp_slice pem, struct gp_arena *arena, struct gp_slice ret[GP_TLS_LINKS_MAX])
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	unsigned char *data;
	char *name, *header;
	size_t len = 0;
	long n;
	while (in && len < GP_TLS_LINKS_MAX && PEM_read_bio(in, &name, &header, &data, &n)) {
		if (strcmp(name, PEM_STRING_X509) == 0)
			ret[len++] = gp_arena_dup(arena, gp_slice((const char *)data, (size_t)n));
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	BIO_free(in);
	return len;
}

static bool
is_chained(const struct gp_tls_shown *s)
{
	bool chained = s->links_len > 1;
	for (size_t i = 0; i + 1 < s->links_len; i++)
		chained &= s->links[i].signed_by_next;
	return chained;
}

/* --- what makes it one of a mark --- */

static bool
has_usage(const X509 *x)
{
	EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	ASN1_OBJECT *wanted = OBJ_txt2obj(usage_oid, 1);
	bool found = false;
	for (int i = 0; wanted && i < sk_ASN1_OBJECT_num(usages); i++)
		found |= OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), wanted) == 0;
	ASN1_OBJECT_free(wanted);
	EXTENDED_KEY_USAGE_free(usages);
	return found;
}

/* The extension as it is encoded; empty: there is none. */
static struct gp_slice
logotype_of(const X509 *x)
{
	ASN1_OBJECT *wanted = OBJ_txt2obj(logotype_oid, 1);
	int at = wanted ? X509_get_ext_by_OBJ(x, wanted, -1) : -1;
	const ASN1_OCTET_STRING *value =
		at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(x, at)) : NULL;
	ASN1_OBJECT_free(wanted);
	if (!value)
		return gp_slice("", 0);
	return gp_slice((const char *)ASN1_STRING_get0_data(value),
			(size_t)ASN1_STRING_length(value));
}

static bool
take_piece(void *context, struct gp_slice piece)
{
	struct gp_buf *to = context;
	return gp_buf_put(to, piece);
}

static struct gp_slice
unpack(struct gp_slice octets, struct gp_arena *arena)
{
	static const struct gp_archive_caps caps = {.octets_max = AUDIT_MARK_LOGO_MAX,
						    .ratio_max = GP_ARCHIVE_STRANGERS_RATIO};
	struct gp_buf out = GP_BUF_INIT(AUDIT_MARK_LOGO_MAX);
	const struct gp_archive_sink sink = {&out, take_piece};
	struct gp_archive_result result;
	struct gp_slice text = gp_slice("", 0);
	if (gp_archive_read(octets, &caps, &sink, arena, &result) == GP_ARCHIVE_READ)
		text = gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return text;
}

static bool
is_base64(char c)
{
	return gp_ascii_is_alnum(c) || c == '+' || c == '/' || c == '=';
}

/* The logo stands in the extension's one URI, packed by gzip (draft-chuang-bimi-certificate); what
   is encoded around it does not matter here. */
static struct gp_slice
logo_in(struct gp_slice logotype, struct gp_arena *arena)
{
	static const struct gp_slice scheme = GP_SLICE("data:image/svg+xml;base64,"),
				     gzip = {"\x1f\x8b", 2};
	struct gp_slice octets;
	while (logotype.len > 0 && !gp_slice_starts_nocase(logotype, scheme))
		logotype = gp_slice_drop(logotype, 1);
	logotype = gp_slice_drop(logotype, scheme.len);
	size_t len = 0;
	while (len < logotype.len && is_base64(logotype.ptr[len]))
		len++;
	if (gp_base64_decode(gp_slice_take(logotype, len), GP_BASE64, arena, &octets) != 0)
		return gp_slice("", 0);
	return gp_slice_starts(octets, gzip) ? unpack(octets, arena) : octets;
}

bool
audit_mark_read(struct gp_slice pem, struct gp_arena *arena, struct gp_posture_mark *ret)
{
	struct gp_slice der[GP_TLS_LINKS_MAX];
	struct gp_tls_shown chain;
	struct gp_tls_certificate first;
	size_t len = read_pem(pem, arena, der);
	*ret = (struct gp_posture_mark){};
	if (len == 0 || !gp_tls_chain(der, len, arena, &chain, &first))
		return false;
	const unsigned char *at = (const unsigned char *)der[0].ptr;
	X509 *x = d2i_X509(NULL, &at, (long)der[0].len);
	struct gp_slice logotype = x ? logotype_of(x) : gp_slice("", 0);
	*ret = (struct gp_posture_mark){
		.names = first.names,
		.from_s = first.from_s,
		.until_s = first.until_s,
		.is_mark = x && has_usage(x),
		.has_logotype = logotype.len > 0,
		.self_signed = chain.links_len == 1 && chain.links[0].self_issued,
		.chained = is_chained(&chain),
		.logo = logo_in(logotype, arena),
	};
	X509_free(x);
	ERR_clear_error();
	return !arena->failed;
}
