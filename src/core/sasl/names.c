/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/names.h"

#include <errno.h>

#include "base/utf8.h"

static bool
may_stand_in_name(char c)
{
	return gp_ascii_is_alnum(c) ||
	       (c != '\0' && gp_slice_find(GP_SLICE("!#$%&'*+-/=?^_`{|}~.@"), c) >= 0);
}

int
gp_user_name_parse(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	if (text.len == 0 || text.len > GP_USER_NAME_MAX || text.ptr[0] == '#' ||
	    text.ptr[0] == '{')
		return 1;
	for (size_t i = 0; i < text.len; i++) {
		if (!may_stand_in_name(text.ptr[i]))
			return 1;
	}
	char *name = gp_arena_str(arena, text);
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++)
		name[i] = gp_ascii_lower(name[i]);
	*ret = gp_slice(name, text.len);
	return 0;
}

bool
gp_password_valid(struct gp_slice text)
{
	return text.len > 0 && text.len <= GP_PASSWORD_MAX && gp_utf8_printable(text);
}

bool
gp_password_is_prepared(struct gp_slice text)
{
	return gp_password_valid(text) && !gp_slice_has_8bit(text);
}
