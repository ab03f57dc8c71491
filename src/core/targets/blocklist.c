/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/blocklist.h"

#include <errno.h>
#include <string.h>

#include "core/dns/name.h"
#include "core/targets/hosts.h"

struct eval {
	const struct gp_answers *answers;
	struct gp_dns_question *need;
	size_t need_len;
};

bool
gp_blocklist_is_zone(struct gp_slice name)
{
	struct gp_name wire;
	return name.len > 0 && name.len <= GP_BLOCKLIST_ZONE_MAX && gp_name_from_text(name, &wire);
}

/* False: it is asked for. */
static bool
find(struct eval *e, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret)
{
	if (gp_answers_find(e->answers, name, type, ret))
		return true;
	e->need[e->need_len++] = (struct gp_dns_question){name, type};
	return false;
}

/* RFC 5782 section 2.1 */
static uint8_t
state_of(const uint8_t code[4])
{
	static const uint8_t refusal[] = {127, 255, 255};
	if (memcmp(code, refusal, sizeof(refusal)) == 0)
		return GP_LISTING_REFUSED;
	return code[0] == 127 ? GP_LISTING_YES : GP_LISTING_ODD;
}

static void
judge(struct eval *e, struct gp_slice name, struct gp_listing *l)
{
	struct gp_dns_answer answer;
	if (!find(e, name, GP_DNS_A, &answer))
		return;
	if (answer.status != GP_DNS_OK || answer.records_len == 0) {
		bool temporary = gp_dns_status_temporary(answer.status);
		l->state = temporary ? GP_LISTING_UNKNOWN : GP_LISTING_NO;
		return;
	}
	memcpy(l->code, answer.records[0].address, sizeof(l->code));
	l->state = state_of(l->code);
	if (l->state == GP_LISTING_YES && find(e, name, GP_DNS_TXT, &answer) &&
	    answer.records_len > 0)
		l->reason = gp_slice_take(answer.records[0].data, GP_BLOCKLIST_REASON_MAX);
}

int
gp_blocklists_eval(const uint8_t *address, size_t address_len, const struct gp_slice *zones,
		   size_t zones_len, const struct gp_answers *answers, struct gp_arena *arena,
		   struct gp_listings *ret)
{
	struct eval e = {.answers = answers,
			 .need = gp_arena_array(arena, GP_BLOCKLISTS_MAX, sizeof(*e.need))};
	struct gp_slice labels = gp_address_labels(address, address_len, arena);
	gp_assert(zones_len <= GP_BLOCKLISTS_MAX);
	*ret = (struct gp_listings){
		.items = gp_arena_array(arena, zones_len, sizeof(*ret->items)),
		.len = zones_len,
		.need = e.need,
	};
	for (size_t i = 0; ret->items && e.need && i < zones_len; i++) {
		struct gp_slice name = gp_arena_printf(arena, "%.*s.%.*s", GP_SLICE_FMT(labels),
						       GP_SLICE_FMT(zones[i]));
		ret->items[i].zone = zones[i];
		if (name.ptr)
			judge(&e, name, &ret->items[i]);
	}
	ret->need_len = e.need_len;
	if (arena->failed)
		return -ENOMEM;
	return e.need_len > 0 ? GP_HOSTS_NEED : GP_HOSTS_DONE;
}
