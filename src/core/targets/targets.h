/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be scanned: texts that people write, and the order in which each address and port of
 * them has its turn.
 *
 *     192.0.2.1   2001:db8::1   [2001:db8::1]      an address
 *     192.0.2.0/24   [2001:db8::/120]              a network; the brackets may be left out
 *     mx.example.org   bücher.example              a name, U-labels too
 *     192.0.2.1:587   [2001:db8::1]:587            either with a port of its own
 *     example.org:465   192.0.2.0/24:2525
 *     # what follows is a comment
 *
 * Several stand on a line with spaces, tabs or commas between. Whether a name is a host or a domain
 * with MX records is its user's to know.
 *
 * A network counts as many addresses as it has, and none of them is listed anywhere: the turns are
 * numbers, in shuffled order, and gp_targets_at() says what a number is.
 */
#pragma once

#include "base/arena.h"
#include "core/config/config.h"
#include "core/targets/shuffle.h"

enum gp_targets_limits {
	GP_TARGETS_MAX = 16'000'000, /* texts */
	GP_TARGETS_PORTS_MAX = 64,
	GP_TARGETS_HOST_BITS_MAX = 40, /* of one network: an IPv6 one beyond cannot be walked */
};

/* One of the texts. */
struct gp_scan_target {
	struct gp_slice name;      /* A-labels, lower case; empty: a network */
	struct gp_network network; /* of one address, mostly */
	uint16_t port;             /* 0: each port of the list */
};

/* One turn: an address, or a name, and a port. */
struct gp_target_turn {
	struct gp_slice name; /* empty: an address */
	uint8_t address[16];
	uint8_t address_len; /* 4 or 16; 0 with a name */
	uint16_t port;
};

enum gp_target_size {
	GP_TARGET_TO_WALK,     /* at most GP_TARGETS_HOST_BITS_MAX */
	GP_TARGET_OF_ANY_SIZE, /* to be left out, not walked */
};

/*
 * Reads one text, all of it. The name lives in the arena or in the text. Returns 0; 1 and *ret_why
 * (static, to be put behind "TEXT ") when it is none; -ENOMEM.
 */
[[nodiscard]] int
gp_target_parse(struct gp_slice text, enum gp_target_size size, struct gp_arena *arena,
		struct gp_scan_target *ret, const char **ret_why);

/* Cuts the next text off the front of a line, which has no comment any more; empty: there is none.
 */
struct gp_slice
gp_targets_word(struct gp_slice *line);

/* Ports: "25", "25,587,465", each from 1 to 65535 and once. Returns how many; 0: it is no such
   text. */
[[nodiscard]] size_t
gp_target_ports_parse(struct gp_slice text, uint16_t ret[GP_TARGETS_PORTS_MAX]);

struct gp_target_block;

struct gp_targets {
	struct gp_arena *arena;
	struct gp_target_block **blocks;
	size_t len;      /* texts */
	uint64_t turns;  /* of all of them */
	uint64_t digest; /* of texts and ports, in their order */
	const uint16_t *ports;
	size_t ports_len;
};

/* ports: 1 to GP_TARGETS_PORTS_MAX, for what has none of its own; they must outlive the list.
   Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_targets_init(struct gp_targets *list, struct gp_arena *arena, const uint16_t *ports,
		size_t ports_len);

/* Adds what was parsed; its name is copied. Returns 0; -E2BIG: too many texts or turns; -ENOMEM. */
[[nodiscard]] int
gp_targets_add(struct gp_targets *list, const struct gp_scan_target *target);

struct gp_targets_line {
	struct gp_slice wrong; /* the text that is none; part of the line */
	const char *why;       /* static, to be put behind it */
};

/* Adds all that stands on a line. Returns 0; 1 with *ret_wrong; -E2BIG or -ENOMEM as above. */
[[nodiscard]] int
gp_targets_add_line(struct gp_targets *list, struct gp_slice line,
		    struct gp_targets_line *ret_wrong);

/* A part of the turns in their shuffled order: every count-th from number on. */
struct gp_targets_walk {
	const struct gp_targets *list;
	struct gp_shuffle order;
	uint32_t shard, shards; /* 0 <= shard < shards */
	uint64_t turns;         /* of this part */
};

/* When all has been added. The parts of all shards are each turn once. */
struct gp_targets_walk
gp_targets_walk(const struct gp_targets *list, uint64_t seed, uint32_t shard, uint32_t shards);

/* Turn number `at` of the part; at < turns. The name lives as long as the list. */
void
gp_targets_at(const struct gp_targets_walk *walk, uint64_t at, struct gp_target_turn *ret);
