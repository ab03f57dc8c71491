/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An order of the numbers below n that looks random, without a table of them: a Feistel network
 * over the smallest even number of bits that holds n, walked until it lands below n (cycle
 * walking), which takes four steps at most on average. The same seed and n give the same order on
 * every machine, so that shards of one run agree on it.
 */
#pragma once

#include "base/slice.h"

enum { GP_SHUFFLE_BITS_MAX = 48 };

struct gp_shuffle {
	uint64_t n;
	uint64_t seed;
	unsigned half_bits;
};

/* n: at most 2^GP_SHUFFLE_BITS_MAX. */
struct gp_shuffle
gp_shuffle(uint64_t n, uint64_t seed);

/* Which number stands at place `at`; at < n. */
uint64_t
gp_shuffle_at(const struct gp_shuffle *s, uint64_t at);
