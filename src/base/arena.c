/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_SIZE = 4096 - 64, /* with malloc's own header it stays within a page */
	ALIGN = _Alignof(max_align_t),
};

struct gp_arena_chunk {
	struct gp_arena_chunk *next;
	size_t used;
	size_t cap;
	_Alignas(max_align_t) char data[];
};

static void
free_chunks(struct gp_arena_chunk *chunk)
{
	while (chunk) {
		struct gp_arena_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void
gp_arena_free(struct gp_arena *a)
{
	free_chunks(a->chunks);
	*a = GP_ARENA_INIT(a->max);
}

void
gp_arena_reset(struct gp_arena *a)
{
	struct gp_arena_chunk *keep = a->chunks;
	if (keep && keep->cap == CHUNK_SIZE) {
		free_chunks(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		free_chunks(keep);
		keep = NULL;
	}
	*a = (struct gp_arena){.chunks = keep, .max = a->max};
}

static struct gp_arena_chunk *
add_chunk(struct gp_arena *a, size_t size)
{
	size_t total, cap = GP_MAX(size, (size_t)CHUNK_SIZE);
	if (gp_add_overflow(sizeof(struct gp_arena_chunk), cap, &total))
		return NULL;
	struct gp_arena_chunk *chunk = malloc(total);
	if (!chunk)
		return NULL;
	*chunk = (struct gp_arena_chunk){.next = a->chunks, .cap = cap};
	a->chunks = chunk;
	return chunk;
}

/* Room for size octets, as they are; *ret_padded: how many there are. NULL: cap or memory. */
static char *
take(struct gp_arena *a, size_t size, size_t *ret_padded)
{
	size_t padded, used;
	struct gp_arena_chunk *chunk = a->chunks;
	if (a->failed)
		return NULL;
	if (gp_add_overflow(size, (size_t)ALIGN - 1, &padded))
		goto fail;
	padded &= ~((size_t)ALIGN - 1);
	if (gp_add_overflow(a->used, padded, &used) || used > a->max)
		goto fail;
	if (!chunk || chunk->cap - chunk->used < padded)
		chunk = add_chunk(a, padded);
	if (!chunk)
		goto fail;
	char *ptr = chunk->data + chunk->used;
	chunk->used += padded;
	a->used = used;
	*ret_padded = padded;
	return ptr;
fail:
	a->failed = true;
	return NULL;
}

void *
gp_arena_alloc(struct gp_arena *a, size_t size)
{
	size_t padded;
	char *ptr = take(a, size, &padded);
	return ptr ? memset(ptr, 0, padded) : NULL;
}

void *
gp_arena_array(struct gp_arena *a, size_t n, size_t size)
{
	size_t total;
	if (gp_mul_overflow(n, size, &total)) {
		a->failed = true;
		return NULL;
	}
	return gp_arena_alloc(a, total);
}

char *
gp_arena_str(struct gp_arena *a, struct gp_slice s)
{
	size_t size, padded;
	if (gp_add_overflow(s.len, (size_t)1, &size)) {
		a->failed = true;
		return NULL;
	}
	char *copy = take(a, size, &padded);
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct gp_slice
gp_arena_dup(struct gp_arena *a, struct gp_slice s)
{
	char *copy = gp_arena_str(a, s);
	return gp_slice(copy, copy ? s.len : 0);
}

/* Most texts are short: those are printed once, and copied. */
struct gp_slice
gp_arena_printf(struct gp_arena *a, const char *fmt, ...)
{
	char brief[256];
	size_t padded;
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(brief, sizeof(brief), fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(brief))
		return gp_arena_dup(a, gp_slice(brief, (size_t)n));
	char *text = n < 0 ? NULL : take(a, (size_t)n + 1, &padded);
	if (!text) {
		a->failed = true;
		return gp_slice(NULL, 0);
	}
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return gp_slice(text, (size_t)n);
}
