/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/dkim_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"

void
dkim_key_free(struct dkim_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

/* Takes pkey over. Returns 0, or 1 when it is for none of our algorithms. */
static int
take(EVP_PKEY *pkey, struct dkim_key *ret)
{
	*ret = (struct dkim_key){.pkey = pkey};
	if (pkey && EVP_PKEY_is_a(pkey, "RSA"))
		ret->algorithm = GP_DKIM_RSA_SHA256;
	else if (pkey && EVP_PKEY_is_a(pkey, "ED25519"))
		ret->algorithm = GP_DKIM_ED25519_SHA256;
	if (ret->algorithm == GP_DKIM_UNKNOWN) {
		dkim_key_free(ret);
		return 1;
	}
	ret->bits = (unsigned)EVP_PKEY_get_bits(pkey);
	return 0;
}

int
dkim_key_make(uint8_t algorithm, unsigned bits, struct dkim_key *ret)
{
	EVP_PKEY *pkey = algorithm == GP_DKIM_RSA_SHA256 ? EVP_RSA_gen(bits)
							 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return take(pkey, ret) == 0 ? 0 : -ENOMEM;
}

/* Nobody is there to type one. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static EVP_PKEY *
read_pem(struct gp_slice text)
{
	BIO *in = text.len < INT32_MAX ? BIO_new_mem_buf(text.ptr, (int)text.len) : NULL;
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
	BIO_free(in);
	ERR_clear_error();
	return pkey;
}

int
dkim_key_read(struct gp_slice text, struct gp_arena *arena, struct dkim_key *ret)
{
	struct gp_slice rest = text, octets;
	EVP_PKEY *pkey = read_pem(text);
	if (pkey)
		return take(pkey, ret);
	struct gp_slice line = gp_slice_trim(gp_slice_cut(&rest, '\n'));
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	int r = gp_base64_decode(line, GP_BASE64, arena, &octets);
	if (r != 0 || octets.len != GP_DKIM_ED25519_SIZE)
		return r < 0 ? r : 1;
	return take(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
						 (const unsigned char *)octets.ptr, octets.len),
		    ret);
}

int
dkim_key_write(const struct dkim_key *key, struct gp_buf *out)
{
	char *text = NULL;
	BIO *mem = BIO_new(BIO_s_mem());
	bool good = mem && PEM_write_bio_PrivateKey(mem, key->pkey, NULL, NULL, 0, NULL, NULL) == 1;
	long len = good ? BIO_get_mem_data(mem, &text) : 0;
	good = good && gp_buf_put(out, gp_slice(text, (size_t)len));
	BIO_free(mem);
	return good ? 0 : -ENOMEM;
}

/* As p= has it: of Ed25519 the bare key (RFC 8463 section 4), else the SubjectPublicKeyInfo. */
static bool
put_public_key(const struct dkim_key *key, struct gp_buf *out)
{
	unsigned char raw[GP_DKIM_ED25519_SIZE], *der = NULL;
	size_t len = sizeof(raw);
	if (key->algorithm == GP_DKIM_ED25519_SHA256)
		return EVP_PKEY_get_raw_public_key(key->pkey, raw, &len) == 1 &&
		       gp_base64_put(out, gp_slice((const char *)raw, len));
	int der_len = i2d_PUBKEY(key->pkey, &der);
	bool good = der_len > 0 && gp_base64_put(out, gp_slice((const char *)der, (size_t)der_len));
	OPENSSL_free(der);
	return good;
}

int
dkim_key_record(const struct dkim_key *key, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_buf out = GP_BUF_INIT(16 * 1024);
	gp_buf_printf(&out, "v=DKIM1; k=%s; p=",
		      key->algorithm == GP_DKIM_RSA_SHA256 ? "rsa" : "ed25519");
	bool good = put_public_key(key, &out) && !out.failed;
	*ret = gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return good && ret->ptr ? 0 : -ENOMEM;
}

int
dkim_key_sign(const struct dkim_key *key, const struct gp_dkim_draft *draft, struct gp_arena *arena,
	      struct gp_slice *ret)
{
	bool rsa = key->algorithm == GP_DKIM_RSA_SHA256;
	struct gp_slice input = rsa ? draft->input : gp_dkim_digest_slice(&draft->digest);
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
	unsigned char *to = gp_arena_alloc(arena, len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
		to && ctx &&
		EVP_DigestSignInit(ctx, NULL, rsa ? EVP_sha256() : NULL, NULL, key->pkey) == 1 &&
		EVP_DigestSign(ctx, to, &len, (const unsigned char *)input.ptr, input.len) == 1;
	EVP_MD_CTX_free(ctx);
	*ret = gp_slice((const char *)to, len);
	return good ? 0 : -ENOMEM;
}
