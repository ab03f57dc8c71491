/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/optout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 255 };

/* A network without IPv4 reaches it so (RFC 6052 section 2.1): the last four octets are meant. */
static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

/* First and last address, IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2). */
struct gp_optout_range {
	uint8_t first[16], last[16];
};

void
gp_optout_init(struct gp_optout *o, struct gp_arena *arena, const uint64_t seed[2])
{
	*o = (struct gp_optout){.arena = arena, .names = gp_map(GP_OPTOUT_MAX, seed)};
}

void
gp_optout_free(struct gp_optout *o)
{
	gp_map_free(&o->names);
}

static void
map_address(const uint8_t *address, size_t len, uint8_t ret[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (len == 4)
		memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + 16 - len, address, len);
}

static struct gp_optout_range
range_of(const struct gp_network *n)
{
	struct gp_optout_range range = {};
	unsigned host_bits = 8u * n->address_len - n->prefix_len;
	map_address(n->address, n->address_len, range.first);
	memcpy(range.last, range.first, 16);
	for (size_t i = 16; i-- > 0 && host_bits > 0;) {
		unsigned bits = GP_MIN(host_bits, 8u);
		range.last[i] |= (uint8_t)((1u << bits) - 1);
		host_bits -= bits;
	}
	return range;
}

/* Room is doubled; what was there before stays in the arena, unused. */
static bool
make_room(struct gp_optout *o)
{
	if (o->ranges_len < o->ranges_cap)
		return true;
	size_t cap = o->ranges_cap > 0 ? 2 * o->ranges_cap : 64;
	struct gp_optout_range *more = gp_arena_array(o->arena, cap, sizeof(*more));
	if (!more)
		return false;
	if (o->ranges_len > 0)
		memcpy(more, o->ranges, o->ranges_len * sizeof(*more));
	o->ranges = more;
	o->ranges_cap = cap;
	return true;
}

static int
add(struct gp_optout *o, const struct gp_scan_target *t)
{
	if (t->name.len > 0) {
		struct gp_slice name = gp_arena_dup(o->arena, t->name);
		if (o->names.len == GP_OPTOUT_MAX)
			return -E2BIG;
		return name.ptr && gp_map_set(&o->names, name, o) ? 0 : -ENOMEM;
	}
	if (o->ranges_len == GP_OPTOUT_MAX)
		return -E2BIG;
	if (!make_room(o))
		return -ENOMEM;
	o->ranges[o->ranges_len++] = range_of(&t->network);
	o->sorted = false;
	return 0;
}

int
gp_optout_add_line(struct gp_optout *o, struct gp_slice line, struct gp_targets_line *ret_wrong)
{
	line = gp_slice_cut(&line, '#');
	for (;;) {
		struct gp_scan_target target;
		struct gp_slice word = gp_targets_word(&line);
		if (word.len == 0)
			return 0;
		int r = gp_target_parse(word, GP_TARGET_OF_ANY_SIZE, o->arena, &target,
					&ret_wrong->why);
		ret_wrong->wrong = word;
		if (r == 0)
			r = add(o, &target);
		if (r != 0)
			return r;
	}
}

static int
compare(const void *a, const void *b)
{
	const struct gp_optout_range *x = a, *y = b;
	return memcmp(x->first, y->first, sizeof(x->first));
}

/* Ranges that overlap become one, so that a search has at most one to look at. */
void
gp_optout_sort(struct gp_optout *o)
{
	size_t len = 0;
	if (o->ranges_len > 0)
		qsort(o->ranges, o->ranges_len, sizeof(*o->ranges), compare);
	for (size_t i = 0; i < o->ranges_len; i++) {
		struct gp_optout_range *last = len > 0 ? &o->ranges[len - 1] : NULL;
		const struct gp_optout_range *r = &o->ranges[i];
		if (!last || memcmp(r->first, last->last, sizeof(r->first)) > 0)
			o->ranges[len++] = *r;
		else if (memcmp(r->last, last->last, sizeof(r->last)) > 0)
			memcpy(last->last, r->last, sizeof(last->last));
	}
	o->ranges_len = len;
	o->sorted = true;
}

static bool
holds(const struct gp_optout *o, const uint8_t *address, size_t address_len)
{
	uint8_t key[16];
	size_t low = 0, high = o->ranges_len;
	map_address(address, address_len, key);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(o->ranges[middle].last, key, sizeof(key)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->ranges_len && memcmp(o->ranges[low].first, key, sizeof(key)) <= 0;
}

bool
gp_optout_has_address(const struct gp_optout *o, const uint8_t *address, size_t address_len)
{
	gp_assert(o->sorted || o->ranges_len == 0);
	gp_assert(address_len == 4 || address_len == 16);
	bool behind = address_len == 16 && memcmp(address, nat64, sizeof(nat64)) == 0;
	return holds(o, address, address_len) || (behind && holds(o, address + 12, 4));
}

bool
gp_optout_has_name(const struct gp_optout *o, struct gp_slice name)
{
	char lower[NAME_MAX_LEN];
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len > sizeof(lower))
		return false;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = gp_ascii_lower(name.ptr[i]);
	struct gp_slice rest = gp_slice(lower, name.len);
	while (rest.len > 0) {
		if (gp_map_get(&o->names, rest))
			return true;
		(void)gp_slice_cut(&rest, '.');
	}
	return false;
}
