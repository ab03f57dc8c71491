/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher suites: number, IANA's name, and what each is worth. RFC 5246 appendix A.5 and RFC 8446
 * appendix B.4 have the numbers of the usual ones, RFC 9325 section 4 what to think of them.
 */
#pragma once

#include "base/slice.h"

enum gp_cipher_kx {
	GP_KX_RSA, /* the secret is encrypted to the certificate: no forward secrecy */
	GP_KX_DH,  /* static, in the certificate */
	GP_KX_DHE,
	GP_KX_ECDH, /* static, in the certificate */
	GP_KX_ECDHE,
	GP_KX_PSK, /* and whatever is mixed with it */
	GP_KX_SRP,
	GP_KX_ANY, /* TLS 1.3: not the suite's matter */
};

enum gp_cipher_by {
	GP_BY_RSA,
	GP_BY_DSS,
	GP_BY_ECDSA,
	GP_BY_ANON, /* nobody proves who he is */
	GP_BY_PSK,
	GP_BY_SRP,
	GP_BY_ANY, /* TLS 1.3 */
};

enum gp_cipher_flags {
	GP_CIPHER_NULL = 1,    /* nothing is encrypted */
	GP_CIPHER_EXPORT = 2,  /* made weak by law */
	GP_CIPHER_RC4 = 4,     /* RFC 7465 */
	GP_CIPHER_BLOCK64 = 8, /* DES, 3DES, RC2, IDEA: blocks of 64 bits */
	GP_CIPHER_MD5 = 16,    /* as the MAC */
	GP_CIPHER_CBC = 32,    /* MAC, then encrypt */
	GP_CIPHER_AEAD = 64,
	GP_CIPHER_NEW = 128, /* not before TLS 1.2 */
};

/* What a client can ask of any server, by worth; a suite is of the first one that fits. */
enum gp_cipher_class {
	GP_CLASS_TLS13,
	GP_CLASS_BROKEN, /* NULL, EXPORT, RC4, blocks of 64 bits, MD5 */
	GP_CLASS_ANON,
	GP_CLASS_ECDHE,
	GP_CLASS_DHE,
	GP_CLASS_STATIC, /* no forward secrecy */
	GP_CLASS_NONE,   /* wants a secret that was shared before: never asked for */
};

enum gp_cipher_limits { GP_CIPHERS = 296 };

struct gp_cipher {
	uint16_t id;
	uint8_t kx;    /* enum gp_cipher_kx */
	uint8_t by;    /* enum gp_cipher_by */
	uint16_t bits; /* of the key; 112 for 3DES */
	uint8_t flags; /* enum gp_cipher_flags */
	const char *name;
};

/* In the order of their numbers. */
extern const struct gp_cipher gp_ciphers[GP_CIPHERS];

/* NULL: a number that the table has not. */
const struct gp_cipher *
gp_cipher_of(uint16_t id);

enum gp_cipher_class
gp_cipher_class(const struct gp_cipher *c);

/* Does it keep what was said from who gets the server's key later? */
bool
gp_cipher_forward_secret(const struct gp_cipher *c);

/* May it be asked for in this version of TLS (0x0300 to 0x0304)? */
bool
gp_cipher_in(const struct gp_cipher *c, uint16_t version);

/*
 * The suites of a version that can be asked of any server, the best first: forward secret ones
 * before others, AEAD before CBC, anonymous and broken ones last. Returns how
 * many were put into ids, which has room for max.
 */
size_t
gp_cipher_list(uint16_t version, uint16_t *ids, size_t max);
