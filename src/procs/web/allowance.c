/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/allowance.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

static size_t
find(const struct allowance *a, struct gp_slice user)
{
	size_t oldest = 0;
	for (size_t i = 0; i < ALLOWANCE_USERS; i++) {
		const struct allowance_user *it = &a->users[i];
		if (it->len > 0 && gp_slice_eq(gp_slice(it->name, it->len), user))
			return i;
		if (it->began_ms < a->users[oldest].began_ms)
			oldest = i;
	}
	return oldest;
}

bool
allowance_has(struct allowance *a, struct gp_slice user, unsigned questions, uint64_t now_ms,
	      size_t *ret_user)
{
	gp_assert(user.len > 0 && user.len <= ALLOWANCE_NAME_MAX);
	*ret_user = find(a, user);
	struct allowance_user *it = &a->users[*ret_user];
	bool known = it->len > 0 && gp_slice_eq(gp_slice(it->name, it->len), user);
	if (!known || now_ms - it->began_ms >= MINUTE_MS) {
		*it = (struct allowance_user){.len = (uint8_t)user.len, .began_ms = now_ms};
		memcpy(it->name, user.ptr, user.len);
	}
	return it->used + questions <= ALLOWANCE_A_MINUTE;
}

void
allowance_use(struct allowance *a, size_t user, unsigned questions)
{
	a->users[user].used += questions;
}
