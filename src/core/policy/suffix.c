/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/suffix.h"

void *
gp_suffix_find(const struct gp_map *names, struct gp_slice name)
{
	void *found = gp_map_get(names, name);
	while (!found && name.len > 0) {
		ptrdiff_t dot = gp_slice_find(gp_slice_drop(name, 1), '.');
		if (dot < 0)
			break;
		name = gp_slice_drop(name, (size_t)dot + 1);
		found = gp_map_get(names, name);
	}
	return found;
}
