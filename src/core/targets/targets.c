/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/targets.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"

enum {
	BLOCK_LEN = 4096,
	BLOCKS_MAX = GP_TARGETS_MAX / BLOCK_LEN + 1,
};

/* Texts, and the number of the first turn of each. */
struct gp_target_block {
	struct gp_scan_target targets[BLOCK_LEN];
	uint64_t first[BLOCK_LEN];
};

/* --- reading --- */

static int
wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return 1;
}

static bool
parse_port(struct gp_slice text, uint16_t *ret)
{
	uint64_t port;
	if (!gp_slice_u64(text, UINT16_MAX, &port) || port == 0)
		return false;
	*ret = (uint16_t)port;
	return true;
}

/* Takes ":25" off the end. An IPv6 address has colons of its own, and brackets when a port follows.
   False: what stands there is no port. */
static bool
take_port(struct gp_slice *text, uint16_t *ret)
{
	ptrdiff_t colon = gp_slice_rfind(*text, ':');
	bool bracketed = text->len > 0 && text->ptr[0] == '[';
	if (colon < 0 || (!bracketed && gp_slice_find(*text, ':') != colon))
		return true;
	if (bracketed && gp_slice_rfind(*text, ']') > colon)
		return true;
	if (!parse_port(gp_slice_drop(*text, (size_t)colon + 1), ret))
		return false;
	*text = gp_slice_take(*text, (size_t)colon);
	return true;
}

/* "[...]" around an address or a network. False: one of the two is missing. */
static bool
take_brackets(struct gp_slice *text)
{
	bool open = text->len > 0 && text->ptr[0] == '[';
	bool close = text->len > 0 && text->ptr[text->len - 1] == ']';
	if (open && close)
		*text = gp_slice_take(gp_slice_drop(*text, 1), text->len - 2);
	return open == close;
}

static int
parse_name(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret, const char **ret_why)
{
	int r = gp_idn_to_ascii(text, arena, ret);
	if (r < 0)
		return r;
	if (r > 0 || !gp_domain_valid(*ret))
		return wrong(ret_why, "is no address, network or name");
	/* "127.1" is an address to some resolvers; no top-level domain begins with a digit. */
	struct gp_slice last = gp_slice_drop(*ret, (size_t)(gp_slice_rfind(*ret, '.') + 1));
	if (gp_ascii_is_digit(last.ptr[0]))
		return wrong(ret_why, "is no address, network or name");
	return 0;
}

static unsigned
host_bits(const struct gp_network *n)
{
	return 8u * n->address_len - n->prefix_len;
}

int
gp_target_parse(struct gp_slice text, enum gp_target_size size, struct gp_arena *arena,
		struct gp_scan_target *ret, const char **ret_why)
{
	*ret = (struct gp_scan_target){};
	bool bracketed = text.len > 0 && text.ptr[0] == '[';
	if (!take_port(&text, &ret->port))
		return wrong(ret_why, "has a port that is not 1 to 65535");
	if (!take_brackets(&text))
		return wrong(ret_why, "has one bracket");
	const char *no_network = gp_network_parse(text, &ret->network);
	if (!no_network && size == GP_TARGET_TO_WALK &&
	    host_bits(&ret->network) > GP_TARGETS_HOST_BITS_MAX)
		return wrong(ret_why, "has more addresses than can be walked");
	if (!no_network)
		return 0;
	if (bracketed || gp_slice_find(text, '/') >= 0 || ret->network.address_len > 0)
		return wrong(ret_why, no_network);
	return parse_name(text, arena, &ret->name, ret_why);
}

size_t
gp_target_ports_parse(struct gp_slice text, uint16_t ret[GP_TARGETS_PORTS_MAX])
{
	size_t len = 0;
	do {
		struct gp_slice one = gp_slice_cut(&text, ',');
		if (len == GP_TARGETS_PORTS_MAX || !parse_port(one, &ret[len]))
			return 0;
		for (size_t i = 0; i < len; i++) {
			if (ret[i] == ret[len])
				return 0;
		}
		len++;
	} while (text.ptr);
	return len;
}

/* --- the list --- */

int
gp_targets_init(struct gp_targets *list, struct gp_arena *arena, const uint16_t *ports,
		size_t ports_len)
{
	gp_assert(ports_len > 0 && ports_len <= GP_TARGETS_PORTS_MAX);
	*list = (struct gp_targets){
		.arena = arena,
		.blocks = gp_arena_array(arena, BLOCKS_MAX, sizeof(struct gp_target_block *)),
		.ports = ports,
		.ports_len = ports_len,
	};
	for (size_t i = 0; i < ports_len; i++)
		list->digest = list->digest * 65'537 + ports[i];
	return list->blocks ? 0 : -ENOMEM;
}

static uint64_t
addresses_of(const struct gp_scan_target *t)
{
	return t->name.len > 0 ? 1 : (uint64_t)1 << host_bits(&t->network);
}

static uint64_t
turns_of(const struct gp_targets *list, const struct gp_scan_target *t)
{
	return addresses_of(t) * (t->port > 0 ? 1 : list->ports_len);
}

static void
digest(struct gp_targets *list, const struct gp_scan_target *t)
{
	const uint64_t key[2] = {list->digest, t->port};
	const uint64_t inner[2] = {gp_siphash13(key, t->name), t->network.prefix_len};
	list->digest = gp_siphash13(
		inner, gp_slice((const char *)t->network.address, t->network.address_len));
}

int
gp_targets_add(struct gp_targets *list, const struct gp_scan_target *target)
{
	uint64_t turns = turns_of(list, target);
	struct gp_target_block **block = &list->blocks[list->len / BLOCK_LEN];
	if (list->len == GP_TARGETS_MAX ||
	    turns > ((uint64_t)1 << GP_SHUFFLE_BITS_MAX) - list->turns)
		return -E2BIG;
	if (!*block)
		*block = gp_arena_new(list->arena, struct gp_target_block);
	struct gp_scan_target copy = *target;
	copy.name = gp_arena_dup(list->arena, target->name);
	if (!*block || !copy.name.ptr)
		return -ENOMEM;
	(*block)->targets[list->len % BLOCK_LEN] = copy;
	(*block)->first[list->len % BLOCK_LEN] = list->turns;
	list->len++;
	list->turns += turns;
	digest(list, target);
	return 0;
}

static bool
is_between(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n';
}

struct gp_slice
gp_targets_word(struct gp_slice *line)
{
	size_t from = 0, to;
	while (from < line->len && is_between(line->ptr[from]))
		from++;
	for (to = from; to < line->len && !is_between(line->ptr[to]);)
		to++;
	struct gp_slice word = gp_slice_drop(gp_slice_take(*line, to), from);
	*line = gp_slice_drop(*line, to);
	return word;
}

int
gp_targets_add_line(struct gp_targets *list, struct gp_slice line,
		    struct gp_targets_line *ret_wrong)
{
	line = gp_slice_cut(&line, '#');
	for (;;) {
		struct gp_scan_target target;
		struct gp_slice word = gp_targets_word(&line);
		if (word.len == 0)
			return 0;
		int r = gp_target_parse(word, GP_TARGET_TO_WALK, list->arena, &target,
					&ret_wrong->why);
		if (r == 0)
			r = gp_targets_add(list, &target);
		ret_wrong->wrong = word;
		if (r != 0)
			return r;
	}
}

/* --- turns --- */

struct gp_targets_walk
gp_targets_walk(const struct gp_targets *list, uint64_t seed, uint32_t shard, uint32_t shards)
{
	gp_assert(shard < shards);
	return (struct gp_targets_walk){
		.list = list,
		.order = gp_shuffle(list->turns, seed),
		.shard = shard,
		.shards = shards,
		.turns = list->turns / shards + (list->turns % shards > shard),
	};
}

static uint64_t
first_turn(const struct gp_targets *list, size_t i)
{
	return list->blocks[i / BLOCK_LEN]->first[i % BLOCK_LEN];
}

/* The text that the turn belongs to. */
static size_t
find_target(const struct gp_targets *list, uint64_t turn)
{
	size_t low = 0, high = list->len;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (first_turn(list, middle) <= turn)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The address that stands `offset` behind the network's first. */
static void
step_into(const struct gp_network *n, uint64_t offset, uint8_t ret[16])
{
	memcpy(ret, n->address, n->address_len);
	for (size_t i = n->address_len; i-- > 0 && offset > 0; offset >>= 8)
		ret[i] |= (uint8_t)offset;
}

void
gp_targets_at(const struct gp_targets_walk *walk, uint64_t at, struct gp_target_turn *ret)
{
	const struct gp_targets *list = walk->list;
	gp_assert(at < walk->turns);
	uint64_t turn = gp_shuffle_at(&walk->order, at * walk->shards + walk->shard);
	size_t i = find_target(list, turn);
	const struct gp_scan_target *t = &list->blocks[i / BLOCK_LEN]->targets[i % BLOCK_LEN];
	uint64_t offset = turn - first_turn(list, i);
	*ret = (struct gp_target_turn){.name = t->name, .port = t->port};
	if (t->port == 0) {
		ret->port = list->ports[offset % list->ports_len];
		offset /= list->ports_len;
	}
	if (t->name.len > 0)
		return;
	step_into(&t->network, offset, ret->address);
	ret->address_len = t->network.address_len;
}
