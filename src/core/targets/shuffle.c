/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/shuffle.h"

#include "base/map.h"

/* Four make a permutation that cannot be told from a random one by who does not know the key;
   nobody attacks this one, but neighbours must fall far apart. */
enum { ROUNDS = 6 };

struct gp_shuffle
gp_shuffle(uint64_t n, uint64_t seed)
{
	gp_assert(n <= (uint64_t)1 << GP_SHUFFLE_BITS_MAX);
	unsigned half = 1;
	while (n > (uint64_t)1 << (2 * half))
		half++;
	return (struct gp_shuffle){.n = n, .seed = seed, .half_bits = half};
}

static uint64_t
round_of(const struct gp_shuffle *s, unsigned number, uint64_t half)
{
	const uint64_t key[2] = {s->seed, s->n};
	/* Octet by octet, so that the order of octets in memory makes no difference. */
	char text[9] = {(char)number};
	for (size_t i = 0; i < 8; i++)
		text[i + 1] = (char)(half >> (8 * i));
	return gp_siphash13(key, gp_slice(text, sizeof(text)));
}

static uint64_t
permute(const struct gp_shuffle *s, uint64_t at)
{
	const uint64_t mask = ((uint64_t)1 << s->half_bits) - 1;
	uint64_t left = at >> s->half_bits, right = at & mask;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t next = left ^ (round_of(s, i, right) & mask);
		left = right;
		right = next;
	}
	return left << s->half_bits | right;
}

uint64_t
gp_shuffle_at(const struct gp_shuffle *s, uint64_t at)
{
	gp_assert(at < s->n);
	do
		at = permute(s, at);
	while (at >= s->n);
	return at;
}
