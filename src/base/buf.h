/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable run of bytes with a cap that is set when it is made. What does not fit is not written
 * at all, and the buffer remembers: `failed` latches, so a caller may append many times and look
 * once. Bytes are taken off the front without moving the rest until room is needed.
 *
 * Ownership: the buffer owns its bytes; a slice of it is valid until the next append or free.
 */
#pragma once

#include <stdarg.h>

#include "base/slice.h"

struct gp_buf {
	char *ptr;   /* cap + 1 allocated bytes; data is [head, head + len) */
	size_t head; /* octets taken off the front */
	size_t len;
	size_t cap;
	size_t max;  /* len never passes it */
	bool failed; /* an append was refused: the cap, or memory ran out */
};

#define GP_BUF_INIT(max_) ((struct gp_buf){.max = (max_)})

/* Frees the bytes; the cap stays, so that the buffer can be used again. Accepts an empty one. */
void
gp_buf_free(struct gp_buf *b);

/* Forgets the content and the failure, keeps the memory. */
void
gp_buf_clear(struct gp_buf *b);

static inline struct gp_slice
gp_buf_slice(const struct gp_buf *b)
{
	return b->ptr ? gp_slice(b->ptr + b->head, b->len) : gp_slice("", 0);
}

/* Room for n more octets, to be written in place and then counted with gp_buf_advance. NULL:
 * failed. */
char *
gp_buf_reserve(struct gp_buf *b, size_t n);
void
gp_buf_advance(struct gp_buf *b, size_t n);

/* gp_buf_put() where there is no room yet. */
bool
gp_buf_put_more(struct gp_buf *b, struct gp_slice s);

/* Appends; false (and `failed`) when the cap or memory forbids. After a failure nothing is
 * appended. Inline where there is room, as much is written in small pieces. */
static inline bool
gp_buf_put(struct gp_buf *b, struct gp_slice s)
{
	if (b->failed || !b->ptr || b->cap - b->head - b->len < s.len)
		return gp_buf_put_more(b, s);
	if (s.len > 0)
		memcpy(b->ptr + b->head + b->len, s.ptr, s.len);
	b->len += s.len;
	return true;
}

static inline bool
gp_buf_put_char(struct gp_buf *b, char c)
{
	return gp_buf_put(b, gp_slice(&c, 1));
}

bool
gp_buf_put_str(struct gp_buf *b, const char *s);
bool
gp_buf_put_u64(struct gp_buf *b, uint64_t value);
GP_PRINTF(2, 3)
bool
gp_buf_printf(struct gp_buf *b, const char *fmt, ...);

/* Takes n octets off the front; n <= len. */
void
gp_buf_consume(struct gp_buf *b, size_t n);

/* Cuts the content back to its first len octets; len <= b->len. */
void
gp_buf_truncate(struct gp_buf *b, size_t len);
