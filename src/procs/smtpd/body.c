/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "procs/smtpd/smtpd.h"

enum {
	/* As many as spool gives: none is given up, since it would not be given anew. */
	SPARES_MAX = 128,
	/* Memory that a session keeps for its next message. */
	KEEP_MAX = 16 * 1024,
	MEMORY_CAP = BODY_MEMORY_MAX + 64 * 1024, /* one more piece fits always */
	/* Of a staged body: small pieces make one write together. Pieces end at each dot that is
	   taken off, and a body may be nothing but dots. */
	GATHER_MAX = KEEP_MAX,
};

static size_t bodies_memory;
static int spares[SPARES_MAX];
static size_t spares_len;

void
body_init(struct body *b)
{
	*b = (struct body){.memory = {.max = MEMORY_CAP}, .stage = -1};
}

static void
write_stage(struct body *b, struct gp_slice piece)
{
	while (!b->failed && piece.len > 0) {
		ssize_t n = pwrite(b->stage, piece.ptr, piece.len, (off_t)b->staged);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			b->failed = true;
			return;
		}
		b->staged += (uint64_t)n;
		piece = gp_slice_drop(piece, (size_t)n);
	}
}

static void
empty_memory(struct body *b)
{
	bodies_memory -= b->memory.len;
	if (b->memory.cap > KEEP_MAX)
		gp_buf_free(&b->memory);
	else
		gp_buf_clear(&b->memory);
}

static void
flush(struct body *b)
{
	write_stage(b, gp_buf_slice(&b->memory));
	empty_memory(b);
}

static void
remember(struct body *b, struct gp_slice piece)
{
	if (gp_buf_put(&b->memory, piece))
		bodies_memory += piece.len;
	else
		b->failed = true;
}

bool
body_add(struct body *b, struct gp_slice piece)
{
	if (b->stage < 0) {
		remember(b, piece);
		return b->memory.len <= BODY_MEMORY_MAX && bodies_memory <= BODIES_MEMORY_MAX;
	}
	if (piece.len > GATHER_MAX - b->memory.len)
		flush(b);
	if (piece.len > GATHER_MAX)
		write_stage(b, piece);
	else
		remember(b, piece);
	return true;
}

void
body_stage(struct body *b, int fd)
{
	gp_assert(b->stage < 0 && fd >= 0);
	b->stage = fd;
	b->staged = 0;
	flush(b);
}

void
body_end(struct body *b)
{
	if (b->stage >= 0)
		flush(b);
}

uint64_t
body_size(const struct body *b)
{
	return b->memory.len + b->staged - b->staged_at;
}

static bool
read_stage(const struct body *b, size_t len, char *to)
{
	size_t at = 0;
	while (at < len) {
		ssize_t n = pread(b->stage, to + at, len - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

bool
body_start(const struct body *b, size_t max, struct gp_arena *arena, struct gp_slice *ret)
{
	*ret = gp_slice_take(gp_buf_slice(&b->memory), max);
	if (b->stage < 0)
		return true;
	size_t len = (size_t)GP_MIN(b->staged, (uint64_t)max);
	char *to = gp_arena_alloc(arena, len);
	*ret = gp_slice(to, to ? len : 0);
	return to && read_stage(b, len, to);
}

void
body_replace_start(struct body *b, size_t len, struct gp_slice fresh)
{
	gp_assert(b->staged_at == 0 && fresh.len <= len && len <= body_size(b));
	if (b->stage >= 0) {
		gp_assert(b->memory.len == 0);
		b->staged_at = len;
		b->failed = b->failed || !gp_buf_put(&b->memory, fresh);
		bodies_memory += b->memory.len;
		return;
	}
	bodies_memory -= len - fresh.len;
	gp_buf_consume(&b->memory, len - fresh.len);
	if (fresh.len > 0)
		memcpy(b->memory.ptr + b->memory.head, fresh.ptr, fresh.len);
}

void
body_reset(struct body *b)
{
	empty_memory(b);
	if (b->stage >= 0)
		body_keep_stage(b->stage);
	b->stage = -1;
	b->staged = b->staged_at = 0;
	b->failed = false;
}

void
body_keep_stage(int fd)
{
	/* Its space is the queue's meanwhile. */
	if (spares_len < SPARES_MAX && ftruncate(fd, 0) == 0)
		spares[spares_len++] = fd;
	else
		close(fd);
}

int
body_spare_stage(void)
{
	return spares_len > 0 ? spares[--spares_len] : -1;
}
