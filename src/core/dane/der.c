/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dane/der.h"

#include "base/wire.h"

enum tag {
	BIT_STRING = 0x03,
	SEQUENCE = 0x30,
};

enum {
	LONG_FORM = 0x80,
	LENGTH_OCTETS_MAX = 3, /* a record's data is below 64 KiB */
};

static size_t
read_length(struct gp_reader *r)
{
	size_t len = gp_read_u8(r);
	if (len < LONG_FORM)
		return len;
	size_t octets = len - LONG_FORM;
	if (octets == 0 || octets > LENGTH_OCTETS_MAX)
		r->failed = true;
	len = 0;
	for (size_t i = 0; i < octets && !r->failed; i++)
		len = len << 8 | gp_read_u8(r);
	return len;
}

/* The content of the next value, which must be of this tag. */
static struct gp_slice
take(struct gp_reader *r, enum tag tag)
{
	if (gp_read_u8(r) != tag)
		r->failed = true;
	size_t len = read_length(r);
	return gp_read_raw(r, len);
}

static bool
has_outline(struct gp_slice s, const enum tag *tags, size_t len)
{
	struct gp_reader whole = gp_reader(s);
	struct gp_reader inner = gp_reader(take(&whole, SEQUENCE));
	for (size_t i = 0; i < len; i++)
		take(&inner, tags[i]);
	return gp_read_end(&whole) && gp_read_end(&inner);
}

bool
gp_der_is_certificate(struct gp_slice s)
{
	static const enum tag tags[] = {SEQUENCE, SEQUENCE, BIT_STRING};
	return has_outline(s, tags, GP_ARRAY_LEN(tags));
}

bool
gp_der_is_key(struct gp_slice s)
{
	static const enum tag tags[] = {SEQUENCE, BIT_STRING};
	return has_outline(s, tags, GP_ARRAY_LEN(tags));
}
