/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/special.h"

#include <string.h>

#include "core/config/value.h"

struct block {
	struct gp_network network;
	struct gp_special special;
};

/* RFC 6890 section 2.2.2, what its registry got since, multicast and class E. */
static const struct block v4[] = {
	{{{0}, 4, 8}, {"\"this\" network (RFC 1122 section 3.2.1.3)", true}},
	{{{10}, 4, 8}, {"private use (RFC 1918)", false}},
	{{{100, 64}, 4, 10}, {"shared behind a provider's NAT (RFC 6598)", false}},
	{{{127}, 4, 8}, {"loopback (RFC 1122 section 3.2.1.3)", false}},
	{{{169, 254}, 4, 16}, {"link-local (RFC 3927)", false}},
	{{{172, 16}, 4, 12}, {"private use (RFC 1918)", false}},
	{{{192, 0, 0}, 4, 24}, {"protocol assignments (RFC 6890)", false}},
	{{{192, 0, 2}, 4, 24}, {"documentation (RFC 5737)", false}},
	{{{192, 88, 99}, 4, 24}, {"6to4 relays (RFC 7526)", false}},
	{{{192, 168}, 4, 16}, {"private use (RFC 1918)", false}},
	{{{198, 18}, 4, 15}, {"benchmarks (RFC 2544)", false}},
	{{{198, 51, 100}, 4, 24}, {"documentation (RFC 5737)", false}},
	{{{203, 0, 113}, 4, 24}, {"documentation (RFC 5737)", false}},
	{{{224}, 4, 4}, {"multicast (RFC 5771)", true}},
	{{{240}, 4, 4}, {"reserved (RFC 1112 section 4)", true}},
};

static const struct block v6[] = {
	{{{0x20, 0x01}, 16, 23}, {"protocol assignments (RFC 6890)", false}},
	{{{0x20, 0x01, 0x0d, 0xb8}, 16, 32}, {"documentation (RFC 3849)", false}},
	{{{0x20, 0x02}, 16, 16}, {"6to4 (RFC 3056)", false}},
	{{{0x3f, 0xff}, 16, 20}, {"documentation (RFC 9637)", false}},
	{{{0xfc}, 16, 7}, {"unique local (RFC 4193)", false}},
	{{{0xfe, 0x80}, 16, 10}, {"link-local (RFC 4291 section 2.5.6)", false}},
	{{{0xff}, 16, 8}, {"multicast (RFC 4291 section 2.7)", true}},
	{{{[15] = 1}, 16, 128}, {"loopback (RFC 4291 section 2.5.3)", false}},
	{{{0}, 16, 128}, {"unspecified (RFC 4291 section 2.5.2)", true}},
};

/* Global unicast addresses are all in here (RFC 4291 section 2.4). */
static const struct gp_network global_v6 = {{0x20}, 16, 3};
/* A network without IPv4 reaches it so (RFC 6052 section 2.1): the last four octets are meant. */
static const struct gp_network nat64 = {{0x00, 0x64, 0xff, 0x9b}, 16, 96};
/* What the rest of IPv6 is, and what is no address at all. */
static const struct gp_special unassigned = {"not assigned to hosts", true};

static const struct gp_special *
find(const struct block *blocks, size_t len, const uint8_t *address, size_t address_len)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_network_contains(&blocks[i].network, address, address_len))
			return &blocks[i].special;
	}
	return NULL;
}

const struct gp_special *
gp_special_of(const uint8_t *address, size_t address_len)
{
	if (address_len == 4)
		return find(v4, GP_ARRAY_LEN(v4), address, 4);
	if (address_len != 16)
		return &unassigned;
	if (gp_network_contains(&nat64, address, 16))
		return gp_special_of(address + 12, 4);
	const struct gp_special *special = find(v6, GP_ARRAY_LEN(v6), address, 16);
	if (special || gp_network_contains(&global_v6, address, 16))
		return special;
	return &unassigned;
}
