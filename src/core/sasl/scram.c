/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/scram.h"

#include <string.h>

/* What a client proves with, beside what a server keeps. */
static int
derive(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
       struct gp_scram_keys *ret, struct gp_sha256 *ret_client)
{
	struct gp_sha256 salted;
	*ret = (struct gp_scram_keys){.iterations = iterations, .salt = salt};
	int r = gp_pbkdf2_sha256(password, salt, iterations, &salted);
	if (r == 0)
		r = gp_hmac_sha256(gp_sha256_slice(&salted), GP_SLICE("Client Key"), ret_client);
	if (r == 0)
		r = gp_sha256(gp_sha256_slice(ret_client), &ret->stored);
	if (r == 0)
		r = gp_hmac_sha256(gp_sha256_slice(&salted), GP_SLICE("Server Key"), &ret->server);
	explicit_bzero(&salted, sizeof(salted));
	return r;
}

int
gp_scram_derive(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
		struct gp_scram_keys *ret)
{
	struct gp_sha256 client;
	int r = derive(password, salt, iterations, ret, &client);
	explicit_bzero(&client, sizeof(client));
	return r;
}

int
gp_scram_prove(struct gp_slice password, struct gp_slice salt, uint32_t iterations,
	       struct gp_slice message, struct gp_sha256 *ret_proof,
	       struct gp_sha256 *ret_signature)
{
	struct gp_scram_keys keys;
	struct gp_sha256 client;
	int r = derive(password, salt, iterations, &keys, &client);
	if (r == 0)
		r = gp_hmac_sha256(gp_sha256_slice(&keys.stored), message, ret_proof);
	for (size_t i = 0; r == 0 && i < sizeof(client.octets); i++)
		ret_proof->octets[i] ^= client.octets[i];
	if (r == 0)
		r = gp_scram_sign(&keys, message, ret_signature);
	explicit_bzero(&client, sizeof(client));
	explicit_bzero(&keys, sizeof(keys));
	return r;
}

int
gp_scram_check(const struct gp_scram_keys *keys, struct gp_slice message, struct gp_slice proof)
{
	struct gp_sha256 client, stored;
	if (proof.len != sizeof(client.octets))
		return 1;
	int r = gp_hmac_sha256(gp_sha256_slice(&keys->stored), message, &client);
	for (size_t i = 0; r == 0 && i < sizeof(client.octets); i++)
		client.octets[i] ^= (uint8_t)proof.ptr[i];
	if (r == 0)
		r = gp_sha256(gp_sha256_slice(&client), &stored);
	if (r < 0)
		return r;
	return !gp_equal_secretly(gp_sha256_slice(&stored), gp_sha256_slice(&keys->stored));
}

int
gp_scram_sign(const struct gp_scram_keys *keys, struct gp_slice message, struct gp_sha256 *ret)
{
	return gp_hmac_sha256(gp_sha256_slice(&keys->server), message, ret);
}
