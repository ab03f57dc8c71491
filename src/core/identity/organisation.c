/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/organisation.h"

/* Labels that countries have below theirs for everybody. */
static bool
is_general(struct gp_slice label)
{
	static const struct gp_slice general[] = {
		GP_SLICE("ac"),  GP_SLICE("co"),   GP_SLICE("com"), GP_SLICE("edu"),
		GP_SLICE("go"),  GP_SLICE("gob"),  GP_SLICE("gov"), GP_SLICE("gv"),
		GP_SLICE("ne"),  GP_SLICE("net"),  GP_SLICE("or"),  GP_SLICE("org"),
		GP_SLICE("sch"), GP_SLICE("asso"), GP_SLICE("nom"),
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(general); i++) {
		if (gp_slice_eq_nocase(general[i], label))
			return true;
	}
	return false;
}

/* Where the last n labels begin. */
static size_t
last_labels(struct gp_slice name, size_t n)
{
	size_t at = name.len;
	for (size_t i = 0; i < n; i++) {
		ptrdiff_t dot =
			at > 0 ? gp_slice_rfind(gp_slice_take(name, at - (i > 0)), '.') : -1;
		if (dot < 0)
			return 0;
		at = (size_t)dot + 1;
	}
	return at;
}

struct gp_slice
gp_organisation_of(struct gp_slice name)
{
	if (name.len > 1 && name.ptr[name.len - 1] == '.')
		name.len--;
	size_t top = last_labels(name, 1), second = last_labels(name, 2);
	struct gp_slice label = gp_slice("", 0);
	if (top > second)
		label = gp_slice_take(gp_slice_drop(name, second), top - second - 1);
	bool general = name.len - top == 2 && is_general(label);
	return gp_slice_drop(name, general ? last_labels(name, 3) : second);
}

bool
gp_organisation_same(struct gp_slice a, struct gp_slice b)
{
	a = gp_organisation_of(a);
	return a.len > 0 && gp_slice_eq_nocase(a, gp_organisation_of(b));
}
