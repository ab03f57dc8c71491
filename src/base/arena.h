/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is given out piece by piece and freed all at once. One transaction, one
 * arena; everything in core lives in one. It has a cap; over it, allocation returns NULL and
 * `failed` latches, so a parser may allocate many times and look once before it answers.
 *
 * Memory comes zeroed and aligned for any object. Nothing is ever freed singly.
 */
#pragma once

#include "base/slice.h"

struct gp_arena_chunk;

struct gp_arena {
	struct gp_arena_chunk *chunks; /* newest first */
	size_t used;                   /* octets given out, padding included */
	size_t max;
	bool failed;
};

#define GP_ARENA_INIT(max_) ((struct gp_arena){.max = (max_)})

void
gp_arena_free(struct gp_arena *a);

/* Forgets everything but keeps one chunk for the next transaction, unless it is an unusually large
 * one. */
void
gp_arena_reset(struct gp_arena *a);

/* NULL: cap or memory. size 0 gives a valid pointer. */
void *
gp_arena_alloc(struct gp_arena *a, size_t size);

/* An array of n zeroed elements; checks the product. */
void *
gp_arena_array(struct gp_arena *a, size_t n, size_t size);
#define gp_arena_new(a, type) ((type *)gp_arena_alloc((a), sizeof(type)))

/* Copies with a NUL behind them. On failure the slice is empty with a NULL ptr, the string NULL. */
struct gp_slice
gp_arena_dup(struct gp_arena *a, struct gp_slice s);
char *
gp_arena_str(struct gp_arena *a, struct gp_slice s);
GP_PRINTF(2, 3)
struct gp_slice
gp_arena_printf(struct gp_arena *a, const char *fmt, ...);
