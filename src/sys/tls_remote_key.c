/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/tls_remote_key.h"

#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <strings.h>

#define PROVIDER "gatepost"
/* What a key is made from, see import(). */
#define PARAM_SPKI "gatepost-spki"

static OSSL_LIB_CTX *library;
static struct gp_tls_request *paused;

/* --- the key: its public half, kept by the default provider --- */

struct remote_key {
	EVP_PKEY *public_half;
	uint8_t id[GP_TLS_KEY_ID];
};

static void *
new_key(void *provider)
{
	(void)provider;
	return OPENSSL_zalloc(sizeof(struct remote_key));
}

static void
free_key(void *data)
{
	struct remote_key *key = data;
	if (!key)
		return;
	EVP_PKEY_free(key->public_half);
	OPENSSL_free(key);
}

static int
import(void *data, int selection, const OSSL_PARAM params[])
{
	struct remote_key *key = data;
	const OSSL_PARAM *spki = OSSL_PARAM_locate_const(params, PARAM_SPKI);
	const void *der = NULL;
	size_t len = 0;
	(void)selection;
	/* Keys of other providers come with their numbers; those we have no use for. */
	if (!spki || !OSSL_PARAM_get_octet_string_ptr(spki, &der, &len))
		return 0;
	const unsigned char *at = der;
	key->public_half = d2i_PUBKEY_ex(NULL, &at, (long)len, library, "provider=default");
	return key->public_half && EVP_Q_digest(library, "SHA256", NULL, der, len, key->id, NULL);
}

static const OSSL_PARAM *
import_types(int selection)
{
	static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0),
					   OSSL_PARAM_END};
	(void)selection;
	return types;
}

/* The public half, to be compared with a certificate's. That there is no private half to be had
   makes OpenSSL sign by us. */
static int export(void *data, int selection, OSSL_CALLBACK *take, void *arg)
{
	const struct remote_key *key = data;
	if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)
		return 0;
	return EVP_PKEY_export(key->public_half, EVP_PKEY_PUBLIC_KEY, take, arg);
}

static const OSSL_PARAM *
export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END};
	return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? NULL : types;
}

static int
has(const void *data, int selection)
{
	(void)selection;
	return data != NULL;
}

static int
match(const void *a, const void *b, int selection)
{
	(void)selection;
	return EVP_PKEY_eq(((const struct remote_key *)a)->public_half,
			   ((const struct remote_key *)b)->public_half) == 1;
}

static int
key_params(void *data, OSSL_PARAM params[])
{
	return EVP_PKEY_get_params(((struct remote_key *)data)->public_half, params);
}

static const OSSL_PARAM *
gettable_key_params(void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_END};
	(void)provider;
	return types;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

typedef void (*function)(void);

#define KEY_FUNCTIONS                                                                             \
	{OSSL_FUNC_KEYMGMT_NEW, (function)new_key}, {OSSL_FUNC_KEYMGMT_FREE, (function)free_key}, \
		{OSSL_FUNC_KEYMGMT_IMPORT, (function)import},                                     \
		{OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (function)import_types},                         \
		{OSSL_FUNC_KEYMGMT_EXPORT, (function) export},                                    \
		{OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (function)export_types},                         \
		{OSSL_FUNC_KEYMGMT_HAS, (function)has},                                           \
		{OSSL_FUNC_KEYMGMT_MATCH, (function)match},                                       \
		{OSSL_FUNC_KEYMGMT_GET_PARAMS, (function)key_params},                             \
	{                                                                                         \
		OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (function)gettable_key_params                  \
	}

static const OSSL_DISPATCH rsa_key_functions[] = {KEY_FUNCTIONS, {0, NULL}};
static const OSSL_DISPATCH ec_key_functions[] = {
	KEY_FUNCTIONS, {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (function)ec_operation}, {0, NULL}};

/* --- the signature --- */

enum hash { HASH_256, HASH_384, HASH_512, HASHES };

struct signing {
	const struct remote_key *key;
	enum hash hash;
	bool pss;
};

static void *
new_signing(void *provider, const char *properties)
{
	(void)provider, (void)properties;
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void
free_signing(void *data)
{
	OPENSSL_free(data);
}

static enum hash
hash_named(const char *name)
{
	static const char *const names[][HASHES] = {{"SHA256", "SHA384", "SHA512"},
						    {"SHA2-256", "SHA2-384", "SHA2-512"}};
	for (size_t i = 0; name && i < GP_ARRAY_LEN(names); i++) {
		for (enum hash h = HASH_256; h < HASHES; h++) {
			if (strcasecmp(name, names[i][h]) == 0)
				return h;
		}
	}
	return HASHES;
}

static int
set_signing_params(void *data, const OSSL_PARAM params[])
{
	struct signing *s = data;
	const OSSL_PARAM *mode =
		params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
	const char *word = NULL;
	int number = 0;
	if (!mode)
		return 1;
	if (mode->data_type == OSSL_PARAM_UTF8_STRING)
		s->pss = OSSL_PARAM_get_utf8_string_ptr(mode, &word) &&
			 strcasecmp(word, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else
		s->pss = OSSL_PARAM_get_int(mode, &number) && number == RSA_PKCS1_PSS_PADDING;
	return 1;
}

static const OSSL_PARAM *
settable_signing_params(void *data, void *provider)
{
	/* TLS has but one length of salt for each hash (RFC 8446 section 4.2.3); it is taken, and
	 * not looked at. */
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0), OSSL_PARAM_END};
	(void)data, (void)provider;
	return types;
}

static int
begin_signing(void *data, const char *hash, void *key, const OSSL_PARAM params[])
{
	struct signing *s = data;
	s->key = key;
	s->hash = hash_named(hash);
	return s->hash != HASHES && set_signing_params(s, params);
}

static uint16_t
scheme_of(const struct signing *s)
{
	static const uint16_t schemes[][HASHES] = {
		{GP_TLS_RSA_PKCS1_SHA256, GP_TLS_RSA_PKCS1_SHA384, GP_TLS_RSA_PKCS1_SHA512},
		{GP_TLS_RSA_PSS_SHA256, GP_TLS_RSA_PSS_SHA384, GP_TLS_RSA_PSS_SHA512},
		{GP_TLS_ECDSA_P256_SHA256, GP_TLS_ECDSA_P384_SHA384, 0}};
	size_t row = EVP_PKEY_is_a(s->key->public_half, "EC") ? 2 : s->pss ? 1 : 0;
	return schemes[row][s->hash];
}

/* On the job's stack: no variable here has an address, since who resumes us may be anywhere. */
static bool
wait_for_answer(struct gp_tls_request *r)
{
	if (!ASYNC_get_current_job())
		return false;
	while (!r->answered) {
		paused = r;
		if (!ASYNC_pause_job())
			return false;
	}
	return r->signature_len > 0;
}

static int
sign(void *data, unsigned char *to, size_t *ret_len, size_t size, const unsigned char *input,
     size_t input_len)
{
	const struct signing *s = data;
	size_t max = (size_t)EVP_PKEY_get_size(s->key->public_half);
	uint16_t scheme = scheme_of(s);
	*ret_len = max;
	if (!to)
		return 1;
	if (scheme == 0 || size < max || max > GP_TLS_SIGNATURE_MAX ||
	    input_len > GP_TLS_SIGN_INPUT_MAX)
		return 0;
	struct gp_tls_request *r = OPENSSL_zalloc(sizeof(*r));
	if (!r)
		return 0;
	memcpy(r->key_id, s->key->id, sizeof(r->key_id));
	memcpy(r->input, input, input_len);
	r->input_len = input_len;
	r->scheme = scheme;
	bool signed_ = wait_for_answer(r) && r->signature_len <= max;
	if (signed_) {
		memcpy(to, r->signature, r->signature_len);
		*ret_len = r->signature_len;
	}
	OPENSSL_free(r);
	return signed_;
}

static const OSSL_DISPATCH signature_functions[] = {
	{OSSL_FUNC_SIGNATURE_NEWCTX, (function)new_signing},
	{OSSL_FUNC_SIGNATURE_FREECTX, (function)free_signing},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (function)begin_signing},
	{OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (function)sign},
	{OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (function)set_signing_params},
	{OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (function)settable_signing_params},
	{0, NULL}};

/* --- the provider --- */

static const OSSL_ALGORITHM keys[] = {
	{"RSA:rsaEncryption", "provider=" PROVIDER, rsa_key_functions, NULL},
	{"EC:id-ecPublicKey", "provider=" PROVIDER, ec_key_functions, NULL},
	{NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM signatures[] = {
	{"RSA:rsaEncryption", "provider=" PROVIDER, signature_functions, NULL},
	{"ECDSA", "provider=" PROVIDER, signature_functions, NULL},
	{NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *
operations(void *provider, int operation, int *ret_no_cache)
{
	(void)provider;
	*ret_no_cache = 0;
	return operation == OSSL_OP_KEYMGMT     ? keys
	       : operation == OSSL_OP_SIGNATURE ? signatures
						: NULL;
}

static int
begin_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **ret,
	       void **ret_context)
{
	static const OSSL_DISPATCH functions[] = {
		{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (function)operations}, {0, NULL}};
	(void)in;
	*ret = functions;
	*ret_context = (void *)handle;
	return 1;
}

OSSL_LIB_CTX *
gp_tls_library(void)
{
	if (library)
		return library;
	/* What the system's openssl.cnf says is for programs that ask for it. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	OSSL_LIB_CTX *fresh = OSSL_LIB_CTX_new();
	/* Both have RSA and EC: ours is taken only where a key of ours is used. */
	if (fresh && OSSL_PROVIDER_load(fresh, "default") &&
	    OSSL_PROVIDER_add_builtin(fresh, PROVIDER, begin_provider) &&
	    OSSL_PROVIDER_load(fresh, PROVIDER) &&
	    EVP_set_default_properties(fresh, "?provider=default") &&
	    ASYNC_init_thread(GP_TLS_HANDSHAKES_PAUSED_MAX, 0))
		library = fresh;
	else
		OSSL_LIB_CTX_free(fresh);
	return library;
}

EVP_PKEY *
gp_tls_remote_key(struct gp_slice spki)
{
	const unsigned char *at = (const unsigned char *)spki.ptr;
	EVP_PKEY *public_half = d2i_PUBKEY_ex(NULL, &at, (long)spki.len, gp_tls_library(), NULL);
	const char *type = public_half && EVP_PKEY_is_a(public_half, "RSA")  ? "RSA"
			   : public_half && EVP_PKEY_is_a(public_half, "EC") ? "EC"
									     : NULL;
	EVP_PKEY_free(public_half);
	EVP_PKEY_CTX *ctx =
		type ? EVP_PKEY_CTX_new_from_name(library, type, "provider=" PROVIDER) : NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(PARAM_SPKI, (void *)spki.ptr, spki.len),
		OSSL_PARAM_construct_end()};
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

struct gp_tls_request *
gp_tls_paused_request(void)
{
	struct gp_tls_request *r = paused;
	paused = NULL;
	return r;
}
