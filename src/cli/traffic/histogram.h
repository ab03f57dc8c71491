/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of fixed size for latencies: 64 steps to each power of two, so a value is known to
 * within 1.6 % over the whole range of 64 bits, counting costs a few instructions, and two
 * histograms add up exactly. Any unit; the tools count nanoseconds.
 */
#pragma once

enum {
	GP_HISTOGRAM_STEP_BITS = 6,
	GP_HISTOGRAM_BUCKETS = (64 - GP_HISTOGRAM_STEP_BITS + 1) << GP_HISTOGRAM_STEP_BITS,
};

/* All zero is an empty histogram. */
struct gp_histogram {
	uint64_t count;
	uint64_t min, max; /* exact; 0 while count is 0 */
	uint64_t buckets[GP_HISTOGRAM_BUCKETS];
};

void
gp_histogram_add(struct gp_histogram *h, uint64_t value);

/*
 * The value that `share` (0 to 1) of all counted values do not exceed, at most 1.6 % too high and
 * never over the greatest value counted. An empty histogram gives 0.
 */
uint64_t
gp_histogram_quantile(const struct gp_histogram *h, double share);
