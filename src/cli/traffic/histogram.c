/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/histogram.h"

#include <math.h>

enum { STEPS = 1 << GP_HISTOGRAM_STEP_BITS };

/*
 * Values below 2 * STEPS have a bucket each. Above, a value is shifted right until it is in
 * [STEPS, 2 * STEPS), and each shift has STEPS buckets behind those of the shift before.
 */
static unsigned
shift_of(uint64_t value)
{
	return value < 2 * STEPS ? 0
				 : 63 - GP_HISTOGRAM_STEP_BITS - (unsigned)__builtin_clzll(value);
}

static size_t
bucket_of(uint64_t value)
{
	unsigned shift = shift_of(value);
	return ((size_t)shift << GP_HISTOGRAM_STEP_BITS) + (size_t)(value >> shift);
}

/* The greatest value that the bucket counts. */
static uint64_t
bucket_top(size_t bucket)
{
	if (bucket < 2 * STEPS)
		return bucket;
	unsigned shift = (unsigned)(bucket >> GP_HISTOGRAM_STEP_BITS) - 1;
	uint64_t mantissa = STEPS + (bucket & (STEPS - 1));
	return (mantissa << shift) + ((UINT64_C(1) << shift) - 1);
}

void
gp_histogram_add(struct gp_histogram *h, uint64_t value)
{
	h->min = h->count == 0 ? value : GP_MIN(h->min, value);
	h->max = GP_MAX(h->max, value);
	h->count++;
	h->buckets[bucket_of(value)]++;
}

uint64_t
gp_histogram_quantile(const struct gp_histogram *h, double share)
{
	gp_assert(share >= 0 && share <= 1);
	uint64_t want = (uint64_t)ceil(share * (double)h->count);
	uint64_t seen = 0;
	if (h->count == 0)
		return 0;
	want = GP_MAX(want, UINT64_C(1));
	for (size_t i = 0; i < GP_ARRAY_LEN(h->buckets); i++) {
		seen += h->buckets[i];
		if (seen >= want)
			return GP_MIN(bucket_top(i), h->max);
	}
	return h->max;
}
