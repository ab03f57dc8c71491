/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/idn.h"

#include <errno.h>
#include <idn2.h>

enum {
	NAME_MAX_OCTETS = 253, /* of the text form without final dot (RFC 1035 section 2.3.4) */
	INPUT_MAX = 1024,      /* a U-label form that could still come out in 253 octets */
};

static bool
is_canonical(struct gp_slice s, bool *ret_ascii)
{
	bool canonical = true;
	*ret_ascii = true;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != gp_ascii_lower(s.ptr[i]))
			canonical = false;
		if ((unsigned char)s.ptr[i] > 127)
			*ret_ascii = canonical = false;
	}
	return canonical;
}

static int
dup_lower(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	char *copy = gp_arena_str(arena, s);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < s.len; i++)
		copy[i] = gp_ascii_lower(copy[i]);
	*ret = gp_slice(copy, s.len);
	return 0;
}

static int
convert(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	uint8_t *ascii = NULL;
	if (s.len > INPUT_MAX || gp_slice_find(s, '\0') >= 0)
		return 1;
	char *copy = gp_arena_str(arena, s);
	if (!copy)
		return -ENOMEM;
	/* Non-transitional, as RFC 5891 and all browsers: sharp s is a letter of its own. */
	int rc = idn2_lookup_u8((const uint8_t *)copy, &ascii,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? -ENOMEM : 1;
	rc = dup_lower(gp_slice_str((const char *)ascii), arena, ret);
	idn2_free(ascii);
	return rc;
}

int
gp_idn_to_ascii(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	bool ascii;
	int rc = 0;
	if (s.len > 0 && s.ptr[s.len - 1] == '.')
		s.len--;
	if (is_canonical(s, &ascii))
		*ret = s;
	else
		rc = ascii ? dup_lower(s, arena, ret) : convert(s, arena, ret);
	if (rc == 0 && ret->len > NAME_MAX_OCTETS)
		return 1;
	return rc;
}
