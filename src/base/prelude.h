/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialect: force-included before every file of the project, so that no file can do without it.
 *
 * gnu2x as gcc 12 and clang 14 both speak it: [[nodiscard]], typeof, = {}, 0b1'0000. Not yet to be
 * had in both: bool as a keyword, nullptr, constexpr, auto, <stdckdint.h>.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define GP_MIN(a, b) ((a) < (b) ? (a) : (b))
#define GP_MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct that holds the member at `ptr`. */
#define gp_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define GP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Cleanup attributes outside core: `_cleanup_(gp_buf_free)`; see style notes in CONTRIBUTING. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/*
 * An invariant of our own, never a property of outside input. It stays on in production: a role
 * that dies is restarted, a role that goes on in a state nobody thought of loses mail.
 */
#define gp_assert(expr) \
	(__builtin_expect(!!(expr), 1) ? (void)0 : gp_assert_failed(#expr, __FILE__, __LINE__))
_Noreturn void
gp_assert_failed(const char *expr, const char *file, int line);

/* A place that no path leads to: what stands there was decided elsewhere. */
#define gp_unreachable(why) gp_assert_failed(why, __FILE__, __LINE__)

/* Overflow-checked size arithmetic: true when the result does not fit. */
#define gp_add_overflow(a, b, ret) __builtin_add_overflow((a), (b), (ret))
#define gp_mul_overflow(a, b, ret) __builtin_mul_overflow((a), (b), (ret))
