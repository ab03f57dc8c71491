/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/crypto.h"

#include <errno.h>
#include <openssl/evp.h>

int
gp_sha256(struct gp_slice text, struct gp_sha256 *ret)
{
	bool done = EVP_Digest(text.ptr, text.len, ret->octets, NULL, EVP_sha256(), NULL) == 1;
	return done ? 0 : -ENOMEM;
}

int
gp_hmac_sha256(struct gp_slice key, struct gp_slice text, struct gp_sha256 *ret)
{
	/* A NULL key would mean "the one of last time" to libcrypto. */
	const void *secret = key.len > 0 ? key.ptr : "";
	const unsigned char *from = (const unsigned char *)text.ptr;
	bool done = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, secret, key.len, from, text.len,
			      ret->octets, sizeof(ret->octets), NULL) != NULL;
	return done ? 0 : -ENOMEM;
}

int
gp_pbkdf2_sha256(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
		 struct gp_sha256 *ret)
{
	gp_assert(password.len <= INT32_MAX && salt.len <= INT32_MAX && iterations <= INT32_MAX);
	bool done =
		PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len, (const unsigned char *)salt.ptr,
				  (int)salt.len, (int)iterations, EVP_sha256(), sizeof(ret->octets),
				  ret->octets) == 1;
	return done ? 0 : -ENOMEM;
}

bool
gp_equal_secretly(struct gp_slice a, struct gp_slice b)
{
	return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}
