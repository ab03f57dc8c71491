/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/domain/records.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "core/mtasts/ours.h"
#include "core/mtasts/policy.h"
#include "core/mtasts/record.h"
#include "core/tlsrpt/record.h"
#include "sys/small_file.h"
#include "sys/tls_server.h"

enum {
	PORT_SMTP = 25,
	ID_LEN = 20, /* hexadecimal digits of the policy's digest: 80 bits */
	/* Of a character-string, RFC 1035 section 3.3.14 */
	STRING_MAX = 255,
	DATA_MAX = 1 << 16,
};

static_assert((int)ID_LEN <= (int)GP_MTASTS_ID_MAX && (int)ID_LEN < (int)DOMAIN_DIGEST,
	      "it is an id, and fits");
static_assert((int)GP_TLS_KEY_ID == (int)DOMAIN_DIGEST, "a key's id is what TLSA 3 1 1 holds");

static struct domain_record *
add(struct domain_records *r, enum domain_what what, struct gp_slice name)
{
	gp_assert(r->len < GP_ARRAY_LEN(r->items));
	struct domain_record *item = &r->items[r->len++];
	*item = (struct domain_record){.what = (uint8_t)what, .name = name};
	return item;
}

static bool
digest_of(const void *data, size_t len, uint8_t ret[DOMAIN_DIGEST])
{
	return EVP_Digest(data, len, ret, NULL, EVP_sha256(), NULL) == 1;
}

/* --- MTA-STS and TLS-RPT --- */

/* Another policy has another id, and the same one has the same wherever it is made. */
static int
add_policy(struct domain_run *run, struct domain_records *ret)
{
	uint8_t digest[DOMAIN_DIGEST];
	struct gp_buf text = GP_BUF_INIT(GP_MTASTS_BODY_MAX);
	if (!gp_mtasts_own_policy(run->config, run->ours, &text))
		return 0;
	bool good = !text.failed && digest_of(gp_buf_slice(&text).ptr, text.len, digest);
	ret->policy = gp_arena_dup(&run->arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	if (!good)
		return -ENOMEM;
	for (size_t i = 0; i < ID_LEN / 2; i++)
		snprintf(ret->id + 2 * i, 3, "%02x", digest[i]);
	struct domain_record *r =
		add(ret, DOMAIN_MTA_STS, gp_mtasts_question(run->name, &run->arena).name);
	r->text = gp_arena_printf(&run->arena, "v=STSv1; id=%s;", ret->id);
	return 0;
}

/* Where reports go: to the places that are configured, and to web where it takes them. */
static void
add_reports(struct domain_run *run, struct domain_records *ret)
{
	bool https = run->ours->tls_rpt_https;
	struct gp_slice places = run->ours->tls_rpt;
	if (places.len == 0 && !https)
		return;
	struct domain_record *r =
		add(ret, DOMAIN_TLS_RPT, gp_tlsrpt_question(run->name, &run->arena).name);
	r->text = gp_arena_printf(&run->arena, "v=TLSRPTv1; rua=%.*s", GP_SLICE_FMT(places));
	if (https)
		r->text = gp_arena_printf(&run->arena, "%.*s%shttps://%.*s/tls-reports/%.*s",
					  GP_SLICE_FMT(r->text), places.len > 0 ? "," : "",
					  GP_SLICE_FMT(run->config->hostname),
					  GP_SLICE_FMT(run->name));
}

/* --- DKIM --- */

struct gp_slice
domain_key_name(struct domain_run *run, const struct gp_keyring_key *key)
{
	return gp_arena_printf(&run->arena, "%.*s._domainkey.%.*s", GP_SLICE_FMT(key->selector),
			       GP_SLICE_FMT(run->name));
}

static void
add_dkim_keys(struct domain_run *run, struct domain_records *ret)
{
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	for (size_t i = 0; i < run->ring.len; i++) {
		const struct gp_keyring_key *key = &run->ring.keys[i];
		struct domain_record *r = add(ret, DOMAIN_DKIM, domain_key_name(run, key));
		gp_buf_clear(&text);
		gp_keyring_write_record(&text, key);
		r->text = gp_arena_dup(&run->arena, gp_buf_slice(&text));
		r->key = key;
	}
	gp_buf_free(&text);
}

json_t *
domain_json_keys(struct domain_run *run)
{
	json_t *list = json_array();
	for (size_t i = 0; i < run->ring.len; i++) {
		const struct gp_keyring_key *key = &run->ring.keys[i];
		json_array_append_new(list,
				      json_pack("{s:s%, s:s, s:s, s:I, s:I}", "selector",
						key->selector.ptr, key->selector.len, "algorithm",
						gp_keyring_algorithm_name(key->algorithm), "state",
						gp_keyring_state_name(key->state), "created",
						(json_int_t)key->created_s, "since",
						(json_int_t)key->since_s));
	}
	return list;
}

/* --- TLSA --- */

/* Would a sender that asks for this name be shown the certificate? The first one goes to all who
 * ask for none that we have. */
static bool
is_for(struct gp_slice pem, struct gp_slice host)
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	bool good = x && X509_check_host(x, host.ptr, host.len,
					 X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	X509_free(x);
	BIO_free(in);
	ERR_clear_error();
	return good;
}

static bool
has_digest(const struct domain_records *r, const uint8_t digest[DOMAIN_DIGEST])
{
	for (size_t i = 0; i < r->len; i++) {
		if (r->items[i].what >= DOMAIN_TLSA &&
		    memcmp(r->items[i].digest, digest, DOMAIN_DIGEST) == 0)
			return true;
	}
	return false;
}

static struct gp_slice
tlsa_name(struct domain_run *run)
{
	return gp_arena_printf(&run->arena, "_%d._tcp.%.*s", PORT_SMTP,
			       GP_SLICE_FMT(run->config->hostname));
}

static void
add_tlsa(struct domain_run *run, struct domain_records *ret, enum domain_what what,
	 const uint8_t digest[DOMAIN_DIGEST])
{
	if (!has_digest(ret, digest))
		memcpy(add(ret, what, tlsa_name(run))->digest, digest, DOMAIN_DIGEST);
}

static int
add_current_keys(struct domain_run *run, struct domain_records *ret)
{
	const struct gp_config *cfg = run->config;
	for (size_t i = 0; i < cfg->tls.certificates_len; i++) {
		const struct gp_certificate *c = &cfg->tls.certificates[i];
		uint8_t digest[DOMAIN_DIGEST];
		if (i > 0 && !is_for(c->pem, cfg->hostname))
			continue;
		if (gp_tls_certificate_key(c->pem, digest) < 0) {
			fprintf(stderr, "gatepost domain: %.*s: not for an RSA or EC key\n",
				GP_SLICE_FMT(c->path));
			return GP_EXIT_USAGE;
		}
		add_tlsa(run, ret, DOMAIN_TLSA, digest);
	}
	return GP_EXIT_OK;
}

/* Nobody is asked for a password. */
static int
no_password(char *to, int size, int writes, void *arg)
{
	(void)to, (void)size, (void)writes, (void)arg;
	return -1;
}

/* Of a private or public key in PEM. */
static bool
key_digest(struct gp_slice pem, uint8_t ret[DOMAIN_DIGEST])
{
	unsigned char *der = NULL;
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
	if (in && !key) {
		(void)BIO_reset(in);
		key = PEM_read_bio_PUBKEY(in, NULL, no_password, NULL);
	}
	int len = key ? i2d_PUBKEY(key, &der) : -1;
	bool good = len > 0 && digest_of(der, (size_t)len, ret);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	BIO_free(in);
	ERR_clear_error();
	return good;
}

static int
add_next_key(struct domain_run *run, struct domain_records *ret)
{
	struct gp_slice pem;
	uint8_t digest[DOMAIN_DIGEST];
	if (!run->next)
		return GP_EXIT_OK;
	int r = gp_file_read(gp_slice_str(run->next), GP_CONFIG_TEXT_MAX, &run->arena, &pem);
	if (r < 0) {
		fprintf(stderr, "gatepost domain: %s: %s\n", run->next, strerror(-r));
		return GP_EXIT_USAGE;
	}
	if (gp_tls_certificate_key(pem, digest) < 0 && !key_digest(pem, digest)) {
		fprintf(stderr,
			"gatepost domain: %s: neither a certificate nor a key without a password, "
			"in PEM\n",
			run->next);
		return GP_EXIT_USAGE;
	}
	add_tlsa(run, ret, DOMAIN_TLSA_NEXT, digest);
	return GP_EXIT_OK;
}

/* --- all of them --- */

int
domain_make_records(struct domain_run *run, struct domain_records *ret)
{
	*ret = (struct domain_records){};
	add(ret, DOMAIN_MX, run->name)->text = run->config->hostname;
	int r = add_policy(run, ret);
	if (r < 0)
		return domain_fail(r);
	add_reports(run, ret);
	add_dkim_keys(run, ret);
	int code = add_current_keys(run, ret);
	if (code == GP_EXIT_OK)
		code = add_next_key(run, ret);
	return code == GP_EXIT_OK && run->arena.failed ? domain_fail(-ENOMEM) : code;
}

const char *
domain_record_type(uint8_t what)
{
	static const char *const types[] = {
		[DOMAIN_MX] = "MX",    [DOMAIN_MTA_STS] = "TXT", [DOMAIN_TLS_RPT] = "TXT",
		[DOMAIN_DKIM] = "TXT", [DOMAIN_TLSA] = "TLSA",   [DOMAIN_TLSA_NEXT] = "TLSA",
	};
	gp_assert(what < GP_ARRAY_LEN(types));
	return types[what];
}

static void
write_strings(struct gp_buf *out, struct gp_slice text)
{
	for (bool first = true; text.len > 0; first = false) {
		struct gp_slice part = gp_slice_take(text, STRING_MAX);
		gp_buf_put_str(out, first ? "\"" : " \"");
		for (size_t i = 0; i < part.len; i++) {
			if (part.ptr[i] == '"' || part.ptr[i] == '\\')
				gp_buf_put_char(out, '\\');
			gp_buf_put_char(out, part.ptr[i]);
		}
		gp_buf_put_char(out, '"');
		text = gp_slice_drop(text, part.len);
	}
}

void
domain_write_data(struct gp_buf *out, const struct domain_record *r)
{
	if (r->what == DOMAIN_MX) {
		gp_buf_printf(out, "%d %.*s.", DOMAIN_MX_PREFERENCE, GP_SLICE_FMT(r->text));
	} else if (r->what >= DOMAIN_TLSA) {
		gp_buf_put_str(out, "3 1 1 ");
		for (size_t i = 0; i < DOMAIN_DIGEST; i++)
			gp_buf_printf(out, "%02x", r->digest[i]);
	} else {
		write_strings(out, r->text);
	}
}

void
domain_write_record(struct gp_buf *out, const struct domain_record *r)
{
	gp_buf_printf(out, "%.*s. %d IN %s ", GP_SLICE_FMT(r->name), DOMAIN_TTL_S,
		      domain_record_type(r->what));
	domain_write_data(out, r);
}

json_t *
domain_json_record(const struct domain_record *r)
{
	struct gp_buf data = GP_BUF_INIT(DATA_MAX);
	bool pending = r->key && r->key->state == GP_KEYRING_PENDING;
	domain_write_data(&data, r);
	struct gp_slice text = gp_buf_slice(&data);
	json_t *out = json_pack("{s:s%, s:s, s:i, s:s%, s:b}", "name", r->name.ptr, r->name.len,
				"type", domain_record_type(r->what), "ttl", DOMAIN_TTL_S, "value",
				text.ptr, text.len, "next", pending || r->what == DOMAIN_TLSA_NEXT);
	gp_buf_free(&data);
	return out;
}
