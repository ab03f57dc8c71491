/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable numbers for tests that walk at random: the same seed, the same walk. */
#pragma once

struct prng {
	uint64_t state;
};

/* Steele, Lea and Flood's SplitMix64. */
static inline uint64_t
prng_next(struct prng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 to n - 1. */
static inline size_t
prng_below(struct prng *r, size_t n)
{
	return (size_t)(prng_next(r) % n);
}
