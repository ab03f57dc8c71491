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

static uint8_t
health_of(uint8_t always, uint8_t never)
{
	if (always == GP_LISTING_REFUSED || never == GP_LISTING_REFUSED)
		return GP_BLOCKLIST_REFUSES;
	if (always == GP_LISTING_UNKNOWN || never == GP_LISTING_UNKNOWN)
		return GP_BLOCKLIST_UNKNOWN;
	if (always != GP_LISTING_YES)
		return GP_BLOCKLIST_EMPTY;
	return never == GP_LISTING_NO ? GP_BLOCKLIST_WORKS : GP_BLOCKLIST_ALL;
}

int
gp_blocklists_test(size_t address_len, const struct gp_slice *zones, size_t zones_len,
		   const struct gp_answers *answers, struct gp_arena *arena,
		   struct gp_blocklist_tests *ret)
{
	/* RFC 5782 section 5: 127.0.0.2 is on every list, 127.0.0.1 on none; of IPv6 the same
	   behind ::FFFF:. */
	static const uint8_t points[2][16] = {
		{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 2},
		{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
	};
	struct gp_listings told[2];
	struct gp_dns_question *need = gp_arena_array(arena, 2 * GP_BLOCKLISTS_MAX, sizeof(*need));
	*ret = (struct gp_blocklist_tests){.need = need};
	for (size_t i = 0; i < GP_ARRAY_LEN(points); i++) {
		int r = gp_blocklists_eval(points[i] + 16 - address_len, address_len, zones,
					   zones_len, answers, arena, &told[i]);
		if (r < 0 || !need)
			return -ENOMEM;
		for (size_t k = 0; k < told[i].need_len; k++)
			need[ret->need_len++] = told[i].need[k];
	}
	for (size_t i = 0; i < zones_len; i++)
		ret->health[i] = health_of(told[0].items[i].state, told[1].items[i].state);
	return ret->need_len > 0 ? GP_HOSTS_NEED : GP_HOSTS_DONE;
}
