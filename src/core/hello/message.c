/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hello/message.h"

#include "core/hello/cipher.h"
#include "core/hello/octets.h"

enum { EXPLICIT_NAMED = 3, OCSP = 1, SSL2_SERVER_HELLO = 4 };

/* SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3) */
static const struct gp_slice retry_random =
	GP_SLICE("\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
		 "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c");

/* --- ServerHello --- */

static bool
read_extension(struct gp_flight *f, uint32_t type, struct gp_slice data)
{
	struct gp_octets o = {data};
	switch (type) {
	case 5:
		f->took |= GP_TOOK_STATUS;
		return true;
	case 15:
		f->took |= GP_TOOK_HEARTBEAT;
		return true;
	case 23:
		f->took |= GP_TOOK_MASTER_SECRET;
		return true;
	case 35:
		f->took |= GP_TOOK_TICKET;
		return true;
	case 0xff01:
		f->took |= GP_TOOK_RENEGOTIATION;
		return true;
	case 43: /* supported_versions */
		f->version = (uint16_t)gp_octets_number(&o, 2);
		return !o.failed && f->version >= GP_TLS_1_3;
	case 51: /* key_share; a retry has the group alone (RFC 8446 section 4.2.8) */
		f->group = (uint16_t)gp_octets_number(&o, 2);
		return !o.failed;
	default:
		return true;
	}
}

bool
gp_flight_server_hello(struct gp_flight *f, struct gp_slice body)
{
	struct gp_octets o = {body};
	f->version = (uint16_t)gp_octets_number(&o, 2);
	f->retry = gp_slice_eq(gp_octets_raw(&o, GP_HELLO_RANDOM), retry_random);
	struct gp_slice session = gp_octets_vector(&o, 1);
	f->cipher = (uint16_t)gp_octets_number(&o, 2);
	uint32_t compression = gp_octets_number(&o, 1);
	if (o.failed || session.len > 32 || compression > 1 || f->version < GP_SSL_3 ||
	    f->version > GP_TLS_1_2)
		return false;
	if (compression == 1)
		f->took |= GP_TOOK_DEFLATE;
	/* Before TLS 1.2 there may be none, not even their length (RFC 5246 section 7.4.1.3). */
	if (o.rest.len == 0)
		return true;
	struct gp_octets extensions = {gp_octets_vector(&o, 2)};
	if (o.failed || o.rest.len > 0)
		return false;
	while (extensions.rest.len > 0) {
		uint32_t type = gp_octets_number(&extensions, 2);
		struct gp_slice data = gp_octets_vector(&extensions, 2);
		if (extensions.failed || !read_extension(f, type, data))
			return false;
	}
	return true;
}

/* --- ServerKeyExchange --- */

static uint16_t
bits_of(struct gp_slice number)
{
	while (number.len > 0 && number.ptr[0] == 0)
		number = gp_slice_drop(number, 1);
	if (number.len == 0)
		return 0;
	size_t bits = number.len * 8;
	for (uint8_t top = (uint8_t)number.ptr[0]; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return (uint16_t)GP_MIN(bits, (size_t)UINT16_MAX);
}

/* Primes that many servers share are known by how they begin. */
static const char *
prime_name(struct gp_slice p)
{
	static const struct {
		struct gp_slice start;
		const char *name;
	} known[] = {
		/* Digits of pi between ones: those of IKE, 768 bits and more */
		{GP_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xc9\x0f\xda\xa2\x21\x68\xc2\x34"),
		 "MODP"},
		/* Digits of e likewise (RFC 7919 appendix A) */
		{GP_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xad\xf8\x54\x58\xa2\xbb\x4a\x9a"),
		 "FFDHE"},
		/* Nobody has said where these come from. */
		{GP_SLICE("\xb1\x0b\x8f\x96\xa0\x80\xe0\x1d"), "RFC 5114"},
		{GP_SLICE("\xad\x10\x7e\x1e\x91\x23\xa9\xd0"), "RFC 5114"},
		{GP_SLICE("\x87\xa8\xe6\x1d\xb4\xb6\x66\x3c"), "RFC 5114"},
	};
	while (p.len > 0 && p.ptr[0] == 0)
		p = gp_slice_drop(p, 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++)
		if (gp_slice_starts(p, known[i].start))
			return known[i].name;
	return NULL;
}

bool
gp_flight_key_exchange(struct gp_flight *f, struct gp_slice body)
{
	const struct gp_cipher *c = gp_cipher_of(f->cipher);
	struct gp_octets o = {body};
	if (!c)
		return true;
	if (c->kx == GP_KX_ECDHE) {
		/* An explicit curve is nothing that anybody sends; it has no number. */
		if (gp_octets_number(&o, 1) == EXPLICIT_NAMED)
			f->group = (uint16_t)gp_octets_number(&o, 2);
	} else if (c->kx == GP_KX_DHE) {
		struct gp_slice p = gp_octets_vector(&o, 2);
		f->dh_bits = bits_of(p);
		f->dh_prime = prime_name(p);
	} else if (c->kx == GP_KX_RSA) {
		f->rsa_bits = bits_of(gp_octets_vector(&o, 2));
	}
	return !o.failed;
}

/* --- certificates --- */

bool
gp_flight_certificates(struct gp_flight *f, struct gp_slice body)
{
	struct gp_octets o = {body};
	struct gp_octets list = {gp_octets_vector(&o, 3)};
	f->certificates_len = 0;
	while (!o.failed && !list.failed && list.rest.len > 0) {
		struct gp_slice der = gp_octets_vector(&list, 3);
		if (list.failed || f->certificates_len == GP_FLIGHT_CERTIFICATES_MAX)
			return false;
		f->certificates[f->certificates_len++] = der;
	}
	return !o.failed && o.rest.len == 0;
}

bool
gp_flight_staple(struct gp_flight *f, struct gp_slice body)
{
	struct gp_octets o = {body};
	if (gp_octets_number(&o, 1) != OCSP)
		return false;
	f->staple = gp_octets_vector(&o, 3);
	return !o.failed;
}

/* --- SSLv2 --- */

bool
gp_flight_ssl2(struct gp_flight *f, struct gp_slice body)
{
	struct gp_octets o = {body};
	if (gp_octets_number(&o, 1) != SSL2_SERVER_HELLO)
		return false;
	gp_octets_raw(&o, 2); /* whether the session was known, the certificate's type */
	uint32_t version = gp_octets_number(&o, 2);
	uint32_t certificate = gp_octets_number(&o, 2), ciphers = gp_octets_number(&o, 2);
	gp_octets_raw(&o, 2);
	gp_octets_raw(&o, certificate);
	struct gp_octets list = {gp_octets_raw(&o, ciphers)};
	if (o.failed || version != GP_SSL_2 || list.rest.len % 3 != 0)
		return false;
	while (list.rest.len > 0 && f->ssl2_len < GP_FLIGHT_SSL2_MAX)
		f->ssl2_ciphers[f->ssl2_len++] = gp_octets_number(&list, 3);
	f->hello = true;
	f->version = GP_SSL_2;
	return true;
}
