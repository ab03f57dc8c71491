/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dane/server_name.h"

static bool
matches(struct gp_slice pattern, struct gp_slice name)
{
	if (!gp_slice_starts(pattern, GP_SLICE("*.")))
		return gp_slice_eq_nocase(pattern, name);
	struct gp_slice rest = name, first = gp_slice_cut(&rest, '.');
	return first.len > 0 && gp_slice_find(rest, '.') >= 0 &&
	       gp_slice_eq_nocase(gp_slice_drop(pattern, 2), rest);
}

bool
gp_server_name_in(struct gp_slice name, struct gp_slice names)
{
	while (names.len > 0) {
		if (matches(gp_slice_cut(&names, ' '), name))
			return true;
	}
	return false;
}
