/* SPDX-License-Identifier: Apache-2.0 */
/* The hello in its record, from the outside inwards; lengths are patched when what they count is
 * there. */
#include "core/hello/hello.h"

#include <errno.h>

enum {
	RECORD_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SCSV_FALLBACK = 0x5600,
	/* RFC 8701 section 3.1; any of them would do */
	GREASE_CIPHER = 0x5a5a,
	GREASE_GROUP = 0x6a6a,
	GREASE_VERSION = 0x9a9a,
	GREASE_SCHEME = 0xaaaa,
};

enum extension {
	SERVER_NAME = 0,
	STATUS_REQUEST = 5,
	SUPPORTED_GROUPS = 10,
	EC_POINT_FORMATS = 11,
	SIGNATURE_ALGORITHMS = 13,
	HEARTBEAT = 15,
	EXTENDED_MASTER_SECRET = 23,
	SESSION_TICKET = 35,
	SUPPORTED_VERSIONS = 43,
	KEY_SHARE = 51,
	GREASE_EXTENSION = 0x8a8a,
	RENEGOTIATION_INFO = 0xff01,
};

static void
put(struct gp_buf *b, unsigned value, unsigned octets)
{
	while (octets-- > 0)
		gp_buf_put_char(b, (char)(value >> (8 * octets)));
}

/* A vector: its length is not known before its content. */
static size_t
begin(struct gp_buf *b, unsigned octets)
{
	put(b, 0, octets);
	return b->len;
}

static void
finish(struct gp_buf *b, size_t start, unsigned octets)
{
	if (b->failed)
		return;
	size_t len = b->len - start;
	char *at = b->ptr + b->head + start - octets;
	for (unsigned i = 0; i < octets; i++)
		at[i] = (char)(len >> (8 * (octets - 1 - i)));
}

static void
put_list(struct gp_buf *b, const uint16_t *items, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(b, items[i], 2);
}

static void
put_extension(struct gp_buf *b, enum extension type, struct gp_slice data)
{
	put(b, type, 2);
	put(b, (unsigned)data.len, 2);
	gp_buf_put(b, data);
}

/* RFC 6066 section 3 */
static void
put_server_name(struct gp_buf *b, struct gp_slice name)
{
	if (name.len == 0)
		return;
	put(b, SERVER_NAME, 2);
	size_t whole = begin(b, 2), list = begin(b, 2);
	put(b, 0, 1);
	put(b, (unsigned)name.len, 2);
	gp_buf_put(b, name);
	finish(b, list, 2);
	finish(b, whole, 2);
}

/* An extension that is one list of 16-bit numbers; `grease` goes first unless it is 0. */
static void
put_numbers(struct gp_buf *b, enum extension type, unsigned grease, const uint16_t *items,
	    size_t len)
{
	if (len == 0)
		return;
	put(b, type, 2);
	size_t whole = begin(b, 2), list = begin(b, 2);
	if (grease)
		put(b, grease, 2);
	put_list(b, items, len);
	finish(b, list, 2);
	finish(b, whole, 2);
}

/* RFC 8446 sections 4.2.1 and 4.2.8 */
static void
put_tls13(struct gp_buf *b, const struct gp_hello *h)
{
	put(b, SUPPORTED_VERSIONS, 2);
	size_t whole = begin(b, 2), list = begin(b, 1);
	if (h->flags & GP_HELLO_GREASE)
		put(b, GREASE_VERSION, 2);
	put(b, GP_TLS_1_3, 2);
	finish(b, list, 1);
	finish(b, whole, 2);

	put(b, KEY_SHARE, 2);
	whole = begin(b, 2);
	list = begin(b, 2);
	if (h->x25519.len > 0) {
		put(b, GP_GROUP_X25519, 2);
		put(b, (unsigned)h->x25519.len, 2);
		gp_buf_put(b, h->x25519);
	}
	finish(b, list, 2);
	finish(b, whole, 2);
}

static void
put_extensions(struct gp_buf *b, const struct gp_hello *h)
{
	bool grease = h->flags & GP_HELLO_GREASE;
	size_t start = begin(b, 2);
	if (grease)
		put_extension(b, GREASE_EXTENSION, gp_slice("", 0));
	put_server_name(b, h->sni);
	put_numbers(b, SUPPORTED_GROUPS, grease ? GREASE_GROUP : 0, h->groups, h->groups_len);
	if (h->groups_len > 0 && h->version < GP_TLS_1_3)
		put_extension(b, EC_POINT_FORMATS, GP_SLICE("\1\0"));
	if (h->version >= GP_TLS_1_2)
		put_numbers(b, SIGNATURE_ALGORITHMS, grease ? GREASE_SCHEME : 0, h->schemes,
			    h->schemes_len);
	if (h->flags & GP_HELLO_STATUS)
		put_extension(b, STATUS_REQUEST, GP_SLICE("\1\0\0\0\0"));
	if (h->flags & GP_HELLO_TICKET)
		put_extension(b, SESSION_TICKET, gp_slice("", 0));
	if (h->flags & GP_HELLO_MASTER_SECRET)
		put_extension(b, EXTENDED_MASTER_SECRET, gp_slice("", 0));
	if (h->flags & GP_HELLO_RENEGOTIATION)
		put_extension(b, RENEGOTIATION_INFO, GP_SLICE("\0"));
	if (h->flags & GP_HELLO_HEARTBEAT)
		put_extension(b, HEARTBEAT, GP_SLICE("\1"));
	if (h->version == GP_TLS_1_3)
		put_tls13(b, h);
	finish(b, start, 2);
}

static void
put_ciphers(struct gp_buf *b, const struct gp_hello *h)
{
	size_t start = begin(b, 2);
	if (h->flags & GP_HELLO_GREASE)
		put(b, GREASE_CIPHER, 2);
	put_list(b, h->ciphers, h->ciphers_len);
	if (h->flags & GP_HELLO_FALLBACK)
		put(b, SCSV_FALLBACK, 2);
	finish(b, start, 2);
}

static void
put_body(struct gp_buf *b, const struct gp_hello *h, struct gp_slice random)
{
	put(b, GP_MIN(h->version, (unsigned)GP_TLS_1_2), 2);
	gp_buf_put(b, random);
	put(b, 0, 1); /* no session to go on with */
	put_ciphers(b, h);
	gp_buf_put(b, h->flags & GP_HELLO_DEFLATE ? GP_SLICE("\2\1\0") : GP_SLICE("\1\0"));
	if (h->version > GP_SSL_3)
		put_extensions(b, h);
}

/* The one hello that has no record around it: two octets of length, the highest bit set. */
static void
put_ssl2(struct gp_buf *b, struct gp_slice random)
{
	static const struct gp_slice all = GP_SLICE("\1\0\200\2\0\200\3\0\200\4\0\200"
						    "\5\0\200\6\0\100\7\0\300");
	struct gp_slice challenge = gp_slice_take(random, 16);
	size_t start = begin(b, 2);
	put(b, CLIENT_HELLO, 1);
	put(b, GP_SSL_2, 2);
	put(b, (unsigned)all.len, 2);
	put(b, 0, 2);
	put(b, (unsigned)challenge.len, 2);
	gp_buf_put(b, all);
	gp_buf_put(b, challenge);
	finish(b, start, 2);
	if (!b->failed)
		b->ptr[b->head + start - 2] |= (char)0x80;
}

int
gp_hello_build(const struct gp_hello *h, struct gp_slice random, struct gp_buf *out)
{
	gp_assert(random.len == GP_HELLO_RANDOM && h->sni.len <= GP_HELLO_SNI_MAX &&
		  h->ciphers_len <= GP_HELLO_CIPHERS_MAX && h->groups_len <= GP_HELLO_GROUPS_MAX &&
		  h->schemes_len <= GP_HELLO_SCHEMES_MAX &&
		  (h->x25519.len == 0 || h->x25519.len == 32));
	if (h->version == GP_SSL_2) {
		put_ssl2(out, random);
		return out->failed ? -ENOBUFS : 0;
	}
	put(out, RECORD_HANDSHAKE, 1);
	/* The record's version is the lowest that could be meant (RFC 8446 appendix D.1). */
	put(out, h->version == GP_SSL_3 ? GP_SSL_3 : GP_TLS_1_0, 2);
	size_t record = begin(out, 2);
	put(out, CLIENT_HELLO, 1);
	size_t message = begin(out, 3);
	put_body(out, h, random);
	finish(out, message, 3);
	finish(out, record, 2);
	return out->failed ? -ENOBUFS : 0;
}
