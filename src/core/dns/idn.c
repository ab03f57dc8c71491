/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/idn.h"

#include <errno.h>
#include <idn2.h>

static bool
is_ascii(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] > 127)
			return false;
	}
	return true;
}

/* Lower case, without final dot. */
static int
copy_lower(struct gp_slice name, struct gp_arena *arena, struct gp_slice *ret)
{
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name = gp_slice_take(name, name.len - 1);
	char *copy = gp_arena_alloc(arena, name.len + 1);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < name.len; i++)
		copy[i] = gp_ascii_lower(name.ptr[i]);
	*ret = gp_slice(copy, name.len);
	return 0;
}

int
gp_idn_to_ascii(struct gp_slice name, struct gp_arena *arena, struct gp_slice *ret)
{
	if (name.len == 0 || name.len > GP_IDN_TEXT_MAX || gp_slice_find(name, '\0') >= 0)
		return 1;
	if (is_ascii(name))
		return copy_lower(name, arena, ret);
	char *text = gp_arena_str(arena, name);
	if (!text)
		return -ENOMEM;
	char *ascii = NULL;
	int code = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (code != IDN2_OK)
		return code == IDN2_MALLOC ? -ENOMEM : 1;
	int rc = *ascii ? copy_lower(gp_slice_str(ascii), arena, ret) : 1;
	idn2_free(ascii);
	return rc;
}
