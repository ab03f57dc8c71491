/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/der.h"

#include "base/wire.h"

enum tag {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	SEQUENCE = 0x30,
};

enum {
	LONG_FORM = 0x80,
	LENGTH_OCTETS_MAX = 2, /* a TXT record is below 64 KiB */
	SIGN = 0x80,
};

/* AlgorithmIdentifier: 1.2.840.113549.1.1.1, and NULL or nothing behind it (RFC 3279 section
 * 2.3.1 wants the NULL, some leave it out). */
static const char rsa_with_null[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

static size_t
read_length(struct gp_reader *r)
{
	size_t len = gp_read_u8(r);
	if (len < LONG_FORM)
		return len;
	size_t octets = len - LONG_FORM, least = octets == 1 ? LONG_FORM : 0x100;
	if (octets == 0 || octets > LENGTH_OCTETS_MAX)
		r->failed = true;
	len = 0;
	for (size_t i = 0; i < octets && !r->failed; i++)
		len = len << 8 | gp_read_u8(r);
	if (len < least)
		r->failed = true;
	return len;
}

/* The content of the next value, which must be of this tag. */
static struct gp_slice
take(struct gp_reader *r, enum tag tag)
{
	if (gp_read_u8(r) != tag)
		r->failed = true;
	size_t len = read_length(r);
	struct gp_slice content = gp_read_raw(r, len);
	return r->failed ? gp_slice("", 0) : content;
}

/* An INTEGER above zero, in its shortest form. */
static struct gp_slice
take_number(struct gp_reader *r)
{
	struct gp_slice n = take(r, INTEGER);
	bool zero_first = n.len > 0 && n.ptr[0] == 0;
	if (zero_first)
		n = gp_slice_drop(n, 1);
	if (n.len == 0 || ((uint8_t)n.ptr[0] >= SIGN) != zero_first)
		r->failed = true;
	return n;
}

static bool
read_public_key(struct gp_slice der, struct gp_slice *ret_modulus, struct gp_slice *ret_exponent)
{
	struct gp_reader whole = gp_reader(der);
	struct gp_reader inner = gp_reader(take(&whole, SEQUENCE));
	*ret_modulus = take_number(&inner);
	*ret_exponent = take_number(&inner);
	return gp_read_end(&whole) && gp_read_end(&inner);
}

/* What a SubjectPublicKeyInfo for RSA wraps, or der itself. */
static struct gp_slice
unwrap(struct gp_slice der)
{
	struct gp_slice with_null = gp_slice(rsa_with_null, sizeof(rsa_with_null) - 1);
	struct gp_reader whole = gp_reader(der);
	struct gp_reader inner = gp_reader(take(&whole, SEQUENCE));
	struct gp_slice algorithm = take(&inner, SEQUENCE);
	struct gp_slice bits = take(&inner, BIT_STRING);
	if (!gp_read_end(&whole) || !gp_read_end(&inner))
		return der;
	if (!gp_slice_eq(algorithm, with_null) &&
	    !gp_slice_eq(algorithm, gp_slice_take(with_null, with_null.len - 2)))
		return der;
	/* The count of unused bits comes first. */
	return bits.len > 0 && bits.ptr[0] == 0 ? gp_slice_drop(bits, 1) : der;
}

bool
gp_dkim_der_rsa(struct gp_slice der, struct gp_slice *ret_modulus, struct gp_slice *ret_exponent)
{
	return read_public_key(unwrap(der), ret_modulus, ret_exponent);
}
