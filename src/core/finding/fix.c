/* SPDX-License-Identifier: Apache-2.0 */
#include "core/finding/fix.h"

static bool
is_of(struct gp_slice kind, struct gp_slice pattern)
{
	size_t len = pattern.len > 0 ? pattern.len - 1 : 0;
	if (pattern.len > 0 && pattern.ptr[len] == '*')
		return gp_slice_starts(kind, gp_slice_take(pattern, len));
	return gp_slice_eq(kind, pattern);
}

const char *
gp_finding_fix(const struct gp_finding_fix *fixes, size_t len, const char *kind_id,
	       const char *software)
{
	struct gp_slice kind = gp_slice_str(kind_id), name = gp_slice_str(software);
	for (size_t i = 0; i < len; i++) {
		const char *of = fixes[i].software;
		if (is_of(kind, gp_slice_str(fixes[i].kind)) &&
		    (!of || gp_slice_starts_nocase(name, gp_slice_str(of))))
			return fixes[i].text;
	}
	return NULL;
}
