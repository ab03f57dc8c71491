/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP_MIN = 255 };

void
gp_buf_free(struct gp_buf *b)
{
	free(b->ptr);
	*b = GP_BUF_INIT(b->max);
}

void
gp_buf_clear(struct gp_buf *b)
{
	b->head = 0;
	b->len = 0;
	b->failed = false;
}

/* One octet more than cap is allocated: for the NUL that vsnprintf writes behind a full buffer. */
static bool
grow(struct gp_buf *b, size_t need)
{
	size_t size, cap = GP_MAX(b->cap * 2 + 1, (size_t)CAP_MIN);
	cap = GP_MAX(GP_MIN(cap, b->max), need);
	if (gp_add_overflow(cap, (size_t)1, &size))
		return false;
	char *ptr = malloc(size);
	if (!ptr)
		return false;
	if (b->ptr)
		memcpy(ptr, b->ptr + b->head, b->len);
	free(b->ptr);
	b->ptr = ptr;
	b->head = 0;
	b->cap = cap;
	return true;
}

char *
gp_buf_reserve(struct gp_buf *b, size_t n)
{
	size_t need;
	if (b->failed)
		return NULL;
	if (gp_add_overflow(b->len, n, &need) || need > b->max) {
		b->failed = true;
		return NULL;
	}
	if (!b->ptr || b->cap - b->head < need) {
		/* Moving is cheaper than growing when at least half of the room is spent at the
		 * front. */
		if (b->ptr && b->cap >= need && b->head >= b->cap / 2) {
			memmove(b->ptr, b->ptr + b->head, b->len);
			b->head = 0;
		} else if (!grow(b, need)) {
			b->failed = true;
			return NULL;
		}
	}
	return b->ptr + b->head + b->len;
}

void
gp_buf_advance(struct gp_buf *b, size_t n)
{
	gp_assert(n <= b->cap - b->head - b->len);
	b->len += n;
}

bool
gp_buf_put_more(struct gp_buf *b, struct gp_slice s)
{
	char *to = gp_buf_reserve(b, s.len);
	if (!to)
		return false;
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	b->len += s.len;
	return true;
}

bool
gp_buf_put_str(struct gp_buf *b, const char *s)
{
	return gp_buf_put(b, gp_slice_str(s));
}

bool
gp_buf_put_u64(struct gp_buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return gp_buf_put(b, gp_slice(digits + at, sizeof(digits) - at));
}

bool
gp_buf_printf(struct gp_buf *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *to = n < 0 ? NULL : gp_buf_reserve(b, (size_t)n);
	if (!to) {
		b->failed = true;
		return false;
	}
	va_start(args, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return true;
}

void
gp_buf_consume(struct gp_buf *b, size_t n)
{
	gp_assert(n <= b->len);
	b->head += n;
	b->len -= n;
	if (b->len == 0)
		b->head = 0;
}

void
gp_buf_truncate(struct gp_buf *b, size_t len)
{
	gp_assert(len <= b->len);
	b->len = len;
}
