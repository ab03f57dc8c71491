/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/form.h"

#include <errno.h>

/* False: % without its digits, or no memory. */
static bool
decode(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	char *to = gp_arena_alloc(arena, text.len + 1);
	size_t len = 0;
	for (size_t i = 0; to && i < text.len; i++) {
		char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
		if (c == '%') {
			struct gp_slice digits = gp_slice_take(gp_slice_drop(text, i + 1), 2);
			int high = digits.len == 2 ? gp_ascii_hex(digits.ptr[0]) : -1;
			int low = digits.len == 2 ? gp_ascii_hex(digits.ptr[1]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		to[len++] = c;
	}
	*ret = gp_slice(to, len);
	return to;
}

static bool
has(const struct form *f, struct gp_slice name)
{
	for (size_t i = 0; i < f->len; i++) {
		if (gp_slice_eq(f->fields[i].name, name))
			return true;
	}
	return false;
}

int
form_parse(struct gp_slice text, struct gp_arena *arena, struct form *ret)
{
	ret->len = 0;
	while (text.len > 0) {
		struct gp_slice value = gp_slice_cut(&text, '&'), name;
		struct form_field field;
		if (value.len == 0)
			continue;
		name = gp_slice_cut(&value, '=');
		if (ret->len == FORM_FIELDS_MAX || !decode(name, arena, &field.name) ||
		    !decode(value, arena, &field.value) || has(ret, field.name))
			return arena->failed ? -ENOMEM : 1;
		ret->fields[ret->len++] = field;
	}
	return 0;
}

struct gp_slice
form_value(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->len; i++) {
		if (gp_slice_eq(f->fields[i].name, gp_slice_str(name)))
			return f->fields[i].value;
	}
	return gp_slice("", 0);
}
