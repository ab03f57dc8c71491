/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hello/cipher.h"

#include "core/hello/hello.h"

static const uint8_t broken =
	GP_CIPHER_NULL | GP_CIPHER_EXPORT | GP_CIPHER_RC4 | GP_CIPHER_BLOCK64 | GP_CIPHER_MD5;

const struct gp_cipher *
gp_cipher_of(uint16_t id)
{
	size_t low = 0, high = GP_CIPHERS;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (gp_ciphers[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < GP_CIPHERS && gp_ciphers[low].id == id ? &gp_ciphers[low] : NULL;
}

enum gp_cipher_class
gp_cipher_class(const struct gp_cipher *c)
{
	if (c->kx == GP_KX_ANY)
		return GP_CLASS_TLS13;
	if (c->kx == GP_KX_PSK || c->kx == GP_KX_SRP)
		return GP_CLASS_NONE;
	if (c->flags & broken)
		return GP_CLASS_BROKEN;
	if (c->by == GP_BY_ANON)
		return GP_CLASS_ANON;
	if (c->kx == GP_KX_ECDHE)
		return GP_CLASS_ECDHE;
	return c->kx == GP_KX_DHE ? GP_CLASS_DHE : GP_CLASS_STATIC;
}

bool
gp_cipher_forward_secret(const struct gp_cipher *c)
{
	return c->kx == GP_KX_DHE || c->kx == GP_KX_ECDHE || c->kx == GP_KX_ANY;
}

bool
gp_cipher_in(const struct gp_cipher *c, uint16_t version)
{
	if (c->kx == GP_KX_ANY || version == GP_TLS_1_3)
		return c->kx == GP_KX_ANY && version == GP_TLS_1_3;
	/* RFC 8422 section 1 wants extensions, which SSLv3 has not. */
	bool curves = c->kx == GP_KX_ECDHE || c->kx == GP_KX_ECDH;
	if (version < GP_SSL_3 || (curves && version == GP_SSL_3))
		return false;
	return version == GP_TLS_1_2 || !(c->flags & GP_CIPHER_NEW);
}

/* The less the better; nothing but the order in which we ask hangs on it. */
static unsigned
rank(const struct gp_cipher *c)
{
	static const uint8_t by_class[] = {
		[GP_CLASS_TLS13] = 0,  [GP_CLASS_ECDHE] = 0, [GP_CLASS_DHE] = 1,
		[GP_CLASS_STATIC] = 2, [GP_CLASS_ANON] = 3,  [GP_CLASS_BROKEN] = 4,
	};
	return by_class[gp_cipher_class(c)] * 2U + !(c->flags & GP_CIPHER_AEAD);
}

size_t
gp_cipher_list(uint16_t version, uint16_t *ids, size_t max)
{
	size_t len = 0;
	for (unsigned wanted = 0; wanted < 10; wanted++)
		for (size_t i = 0; i < GP_CIPHERS && len < max; i++) {
			const struct gp_cipher *c = &gp_ciphers[i];
			if (gp_cipher_class(c) != GP_CLASS_NONE && gp_cipher_in(c, version) &&
			    rank(c) == wanted)
				ids[len++] = c->id;
		}
	return len;
}
