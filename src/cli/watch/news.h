/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is news to somebody who was told before: a pure function of the readings and of what he
 * knows.
 *
 * What nobody measures any more stays known for 90 days: a source that is silent for a while, a
 * night without reports. What is told once, a source or a policy, is forgotten when it is new no
 * more. When reports of all domains stay away, nothing is said of the silence of each.
 */
#pragma once

#include "base/arena.h"
#include "cli/watch/rules.h"

/* Of one channel; beyond that nothing is told. Of one kind it is a part, and of one domain a part
 * of that, as anybody who sends reports makes as many of some kinds as he likes, about one domain:
 * the others are told all the same. */
enum {
	WATCH_KNOWN_MAX = 10000,
	WATCH_KNOWN_ALIKE_MAX = WATCH_KNOWN_MAX / (WATCH_KINDS - 1),
	WATCH_KNOWN_DOMAIN_MAX = WATCH_KNOWN_ALIKE_MAX / 8,
};

struct watch_over {
	const struct watch_known *was;
	const struct watch_reading *now;
};

struct watch_news {
	const struct watch_reading **came; /* by kind, then in the order of the readings */
	size_t came_len;
	struct watch_over *over;
	size_t over_len;
	struct watch_known *known; /* afterwards, once he was told */
	size_t known_len;
};

struct watch_given {
	const struct watch_reading *readings; /* each thing once */
	size_t readings_len;
	const struct watch_known *known; /* each thing once */
	size_t known_len;
	int64_t today;
	struct watch_limits limits;
	uint64_t seed[2]; /* random */
};

/* Into the arena, out of what is given. 0 or -ENOMEM. */
[[nodiscard]] int
watch_news_find(const struct watch_given *given, struct gp_arena *arena, struct watch_news *ret);
