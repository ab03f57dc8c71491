/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. Intervals and deadlines use the monotonic one; what is written down uses the wall
 * clock. */
#pragma once

/* Milliseconds since some fixed point; never goes back. */
uint64_t
gp_clock_monotonic_ms(void);
/* Milliseconds and microseconds since 1970-01-01T00:00:00Z. */
uint64_t
gp_clock_wall_ms(void);
uint64_t
gp_clock_wall_us(void);
