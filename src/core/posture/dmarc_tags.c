/* SPDX-License-Identifier: Apache-2.0 */
/* Which tag of DMARC's somebody may have meant. */
#include "core/posture/parts.h"

/* Is one an insertion, a deletion, an exchange of one letter away from the other? */
static bool
is_near(struct gp_slice a, struct gp_slice b)
{
	if (a.len > b.len)
		return is_near(b, a);
	size_t front = 0, back = 0;
	while (front < a.len && gp_ascii_lower(a.ptr[front]) == gp_ascii_lower(b.ptr[front]))
		front++;
	while (back < a.len - front &&
	       gp_ascii_lower(a.ptr[a.len - 1 - back]) == gp_ascii_lower(b.ptr[b.len - 1 - back]))
		back++;
	return b.len - front - back <= 1;
}

const char *
posture_dmarc_tag_near(struct gp_slice name)
{
	static const char *const names[] = {"adkim", "aspf", "rua", "ruf", "psd", "sp", "np", "fo"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (is_near(name, gp_slice_str(names[i])))
			return names[i];
	}
	return NULL;
}
