/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/signer/request.h"

#include "base/wire.h"

enum {
	SPACES = 64,
	RANDOMS = 32 + 32,
	NAMED_CURVE = 3,  /* ECCurveType: RFC 8422 section 5.4 */
	UNCOMPRESSED = 4, /* first octet of a point: SEC 1 section 2.3.3 */
};

/* NamedCurve of RFC 8422 section 5.1.1, and the length of a public point on it: what our servers
 * take part in. */
static const struct {
	uint16_t id;
	uint8_t point_len;
	bool prefixed;
} curves[] = {{29, 32, false}, {23, 65, true}, {24, 97, true}};

static bool
is_tls13(struct gp_slice input)
{
	static const char context[] = "TLS 1.3, server CertificateVerify"; /* and its NUL */
	struct gp_slice spaces = gp_slice_take(input, SPACES), rest = gp_slice_drop(input, SPACES);
	for (size_t i = 0; i < spaces.len; i++) {
		if (spaces.ptr[i] != ' ')
			return false;
	}
	if (!gp_slice_starts(rest, gp_slice(context, sizeof(context))))
		return false;
	/* The transcript's hash, of SHA-256 or SHA-384. */
	size_t hash_len = rest.len - sizeof(context);
	return hash_len == 32 || hash_len == 48;
}

static bool
is_tls12(struct gp_slice input)
{
	struct gp_reader r = gp_reader(gp_slice_drop(input, RANDOMS));
	if (input.len < RANDOMS || gp_read_u8(&r) != NAMED_CURVE)
		return false;
	/* TLS is big-endian, the cursor is not. */
	unsigned id = (unsigned)gp_read_u8(&r) << 8;
	id |= gp_read_u8(&r);
	size_t len = gp_read_u8(&r);
	for (size_t i = 0; !r.failed && i < GP_ARRAY_LEN(curves); i++) {
		if (curves[i].id == id)
			return len == curves[i].point_len && r.rest.len == len &&
			       (!curves[i].prefixed || r.rest.ptr[0] == UNCOMPRESSED);
	}
	return false;
}

/* RFC 8446 section 4.2.3: PKCS #1 v1.5 is for certificates alone in TLS 1.3. */
static bool
is_pkcs1(uint16_t scheme)
{
	return scheme == GP_TLS_RSA_PKCS1_SHA256 || scheme == GP_TLS_RSA_PKCS1_SHA384 ||
	       scheme == GP_TLS_RSA_PKCS1_SHA512;
}

enum request_kind
request_check(uint16_t scheme, struct gp_slice input)
{
	if (is_tls13(input))
		return is_pkcs1(scheme) ? REQUEST_BAD : REQUEST_TLS13;
	return is_tls12(input) ? REQUEST_TLS12 : REQUEST_BAD;
}
