/* SPDX-License-Identifier: Apache-2.0 */
/* The recipients of a transaction after aliases, each once. */
#include <string.h>

#include "procs/smtpd/smtpd.h"

void
targets_start(struct targets *t, const uint64_t seed[2])
{
	*t = (struct targets){.known = gp_map(TARGETS_MAX, seed)};
}

void
targets_reset(struct targets *t)
{
	gp_map_free(&t->known);
	*t = (struct targets){};
}

void
targets_forward_all(struct targets *t)
{
	for (size_t i = 0; i < t->len; i++)
		t->items[i].forwarded = true;
	t->forwards = t->len > 0;
}

/* Room for n more, in the arena; the old array stays there until the transaction ends. */
static bool
reserve(struct targets *t, size_t n, struct gp_arena *arena)
{
	size_t want = t->len + n;
	if (want > TARGETS_MAX)
		return false;
	if (want <= t->cap)
		return true;
	size_t cap = GP_MAX(want, t->cap * 2);
	struct gp_rcpt *grown = gp_arena_array(arena, cap, sizeof(*grown));
	if (!grown)
		return false;
	if (t->len > 0)
		memcpy(grown, t->items, t->len * sizeof(*grown));
	t->items = grown;
	t->cap = cap;
	return true;
}

/* RFC 3461 section 5.2.7.3: an alias with one target passes NOTIFY on; with several, nobody can
 * promise success. */
static uint8_t
notify_of_target(uint8_t notify, size_t targets_len)
{
	if (targets_len == 1 || !(notify & GP_NOTIFY_SUCCESS))
		return notify;
	notify &= (uint8_t)~GP_NOTIFY_SUCCESS;
	return notify != 0 ? notify : GP_NOTIFY_NEVER;
}

static bool
add(struct targets *t, const struct gp_target *target, const struct gp_rcpt *rcpt, uint8_t notify,
    struct gp_arena *arena)
{
	struct gp_slice address = target->address;
	if (gp_map_get(&t->known, address))
		return true;
	/* A copy: the policy's own may go with the configuration before the transaction ends. */
	address = gp_arena_dup(arena, address);
	if (!address.ptr || !gp_map_set(&t->known, address, t))
		return false;
	t->items[t->len++] = (struct gp_rcpt){
		.address = address,
		.orcpt = rcpt->orcpt,
		.notify = notify,
		.forwarded = target->forwarded,
	};
	t->forwards = t->forwards || target->forwarded;
	return true;
}

bool
targets_add(struct targets *t, const struct gp_admission *a, const struct gp_rcpt *rcpt,
	    struct gp_arena *arena)
{
	size_t before = t->len;
	uint8_t notify = notify_of_target(rcpt->notify, a->targets_len);
	bool ok = reserve(t, a->targets_len, arena);
	for (size_t i = 0; ok && i < a->targets_len; i++)
		ok = add(t, &a->targets[i], rcpt, notify, arena);
	while (!ok && t->len > before)
		gp_map_remove(&t->known, t->items[--t->len].address);
	return ok;
}
