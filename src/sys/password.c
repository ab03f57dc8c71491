/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL_NO_PADDING }; /* as in the text of a hash */

static_assert(GP_PASSWORD_TEXT_SIZE == crypto_pwhash_STRBYTES, "libsodium's own size");

int
gp_password_setup(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

int
gp_password_hash(struct gp_slice password, char ret[GP_PASSWORD_TEXT_SIZE])
{
	int r = crypto_pwhash_str_alg(
		ret, password.ptr, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
		crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
	return r == 0 ? 0 : -ENOMEM;
}

void
gp_password_of_nobody(char ret[GP_PASSWORD_TEXT_SIZE])
{
	unsigned char salt[crypto_pwhash_SALTBYTES], hash[32];
	char salt64[sodium_base64_ENCODED_LEN(sizeof(salt), BASE64)];
	char hash64[sodium_base64_ENCODED_LEN(sizeof(hash), BASE64)];
	randombytes_buf(salt, sizeof(salt));
	randombytes_buf(hash, sizeof(hash));
	sodium_bin2base64(salt64, sizeof(salt64), salt, sizeof(salt), BASE64);
	sodium_bin2base64(hash64, sizeof(hash64), hash, sizeof(hash), BASE64);
	snprintf(ret, GP_PASSWORD_TEXT_SIZE, crypto_pwhash_STRPREFIX "v=19$m=%u,t=%u,p=1$%s$%s",
		 crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024, crypto_pwhash_OPSLIMIT_INTERACTIVE,
		 salt64, hash64);
}

int
gp_password_check(struct gp_slice text, struct gp_slice password)
{
	char copy[GP_PASSWORD_TEXT_SIZE] = {};
	if (text.len >= sizeof(copy))
		return 1;
	memcpy(copy, text.ptr, text.len);
	return crypto_pwhash_str_verify(copy, password.ptr, password.len) == 0 ? 0 : 1;
}

void
gp_random(void *ret, size_t size)
{
	randombytes_buf(ret, size);
}

void
gp_nonce(char ret[GP_NONCE_SIZE])
{
	unsigned char chance[18];
	static_assert(sodium_base64_ENCODED_LEN(sizeof(chance), sodium_base64_VARIANT_ORIGINAL) ==
			      GP_NONCE_SIZE,
		      "without padding");
	randombytes_buf(chance, sizeof(chance));
	sodium_bin2base64(ret, GP_NONCE_SIZE, chance, sizeof(chance),
			  sodium_base64_VARIANT_ORIGINAL);
}

void
gp_wipe(void *at, size_t size)
{
	sodium_memzero(at, size);
}
