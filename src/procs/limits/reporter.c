/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/limits/reporter.h"

#include <stdio.h>
#include <string.h>

#include "sys/address.h"

enum {
	KEY_MAX = 1 + 255,
	NETWORK_FACTOR = 4,
	AMOUNT_MAX = 200'000'000, /* rate.h's; no mail is so large */
};

struct key {
	char octets[KEY_MAX];
	size_t len;
};

/* A letter goes before it, so that no count is taken for another. */
static struct gp_slice
write_key(struct key *k, char what, struct gp_slice source)
{
	struct gp_slice kept = gp_slice_take(source, KEY_MAX - 1);
	k->octets[0] = what;
	if (kept.len > 0)
		memcpy(k->octets + 1, kept.ptr, kept.len);
	return gp_slice(k->octets, 1 + kept.len);
}

struct reporter_name
reporter_name(const struct reporter *r)
{
	struct reporter_name name;
	uint8_t network[16] = {};
	size_t kept = r->address_len == 4 ? 3 : 6;
	memcpy(network, r->address, kept);
	struct gp_sockaddr a = gp_sockaddr_from_octets(network, r->address_len, 0);
	if (r->domain.len > 0)
		snprintf(name.s, sizeof(name.s), "%.*s", GP_SLICE_FMT(r->domain));
	else
		snprintf(name.s, sizeof(name.s), "%s/%zu", gp_sockaddr_text(&a, false).s, 8 * kept);
	return name;
}

bool
reporter_may(struct rate *r, const struct reporter *from, const struct reporter_limits *limits,
	     uint64_t octets, uint64_t now_ms)
{
	struct key keys[4];
	bool named = from->domain.len > 0;
	uint32_t amount = (uint32_t)GP_MIN(octets, (uint64_t)AMOUNT_MAX);
	struct gp_slice network =
		gp_slice((const char *)from->address, from->address_len == 4 ? 3 : 6);
	uint64_t factor = named ? NETWORK_FACTOR : 1;
	const struct rate_ask asks[] = {
		{write_key(&keys[0], named ? 'n' : 'u', network), limits->reports * factor,
		 RATE_DAY_MS, 1},
		{write_key(&keys[1], named ? 'N' : 'U', network), limits->octets * factor,
		 RATE_DAY_MS, amount},
		{write_key(&keys[2], 'd', from->domain), limits->reports, RATE_DAY_MS, 1},
		{write_key(&keys[3], 'D', from->domain), limits->octets, RATE_DAY_MS, amount},
	};
	return rate_take(r, asks, named ? GP_ARRAY_LEN(asks) : 2, now_ms) < 0;
}
