/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/password.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

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
