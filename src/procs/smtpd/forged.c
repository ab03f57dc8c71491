/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/smtpd/forged.h"

#include <errno.h>
#include <string.h>

#include "core/authres/authres.h"

int
forged_take_out(const struct gp_header *h, struct gp_slice id, struct gp_arena *arena,
		struct gp_slice *ret)
{
	char *to = NULL;
	size_t len = 0;
	for (size_t i = 0; i < h->fields_len; i++) {
		struct gp_slice field = gp_header_raw(h, i);
		int claims = gp_authres_claims(h, i, id, arena);
		if (claims < 0)
			return claims;
		if (claims > 0 && !to) {
			/* All before it stays as it is. */
			len = h->fields[i].at;
			to = gp_arena_alloc(arena, h->len);
			if (!to)
				return -ENOMEM;
			memcpy(to, h->message.ptr, len);
		} else if (claims == 0 && to) {
			memcpy(to + len, field.ptr, field.len);
			len += field.len;
		}
	}
	*ret = gp_slice(to, len);
	return to != NULL;
}
