/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/spool/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/log.h"

enum {
	KINDS = GP_JOURNAL_FILE_REFUSED + 1, /* by number; 0 is none */
	WRITE_MIN = 256 * 1024,              /* octets that are worth a write of their own */
	NAME_MAX_LEN = GP_IO_NAME_MAX,
	CHECK_ARENA_MAX = 64 * 1024,
	BEGINNING_MAX = 64,
};

struct file {
	uint64_t began_ms; /* its name */
	uint64_t size;
};

struct series {
	struct gp_buf pending;                /* entries that are not written */
	size_t synced;                        /* octets of them that the queue's sync made true */
	uint64_t entries, unsynced;           /* in `pending`; those behind `synced` */
	uint64_t lost;                        /* entries, since the last one that told of it */
	struct file files[JOURNAL_FILES_MAX]; /* the oldest first */
	size_t files_len;
	uint64_t total; /* octets of them */
	int fd;         /* the newest, written to; -1: the next write begins another */
};

struct journal {
	struct gp_io io;
	int dirfd;
	struct journal_settings settings;
	struct series series[KINDS];
	bool failing; /* and the log said so */
};

static const struct {
	const char *prefix;
	unsigned eighths; /* of journal.size */
} kinds[KINDS] = {
	[GP_JOURNAL_FILE_MAIL] = {"mail-", 4},
	[GP_JOURNAL_FILE_ANSWERS] = {"answers-", 3},
	[GP_JOURNAL_FILE_REFUSED] = {"refused-", 1},
};

static uint64_t
share_of(const struct journal *j, const struct series *s)
{
	return j->settings.size / 8 * kinds[s - j->series].eighths;
}

static uint64_t
file_max(const struct journal *j, const struct series *s)
{
	uint64_t part = share_of(j, s) / JOURNAL_SHARE_FILES;
	return GP_MIN(GP_MAX(part, (uint64_t)JOURNAL_FILE_MIN), (uint64_t)GP_JOURNAL_FILE_MAX);
}

static uint64_t
file_time_ms(const struct journal *j)
{
	return j->settings.lifetime_ms / JOURNAL_SHARE_FILES;
}

static void
name_of(const struct journal *j, const struct series *s, uint64_t began_ms, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%s%016" PRIx64, kinds[s - j->series].prefix, began_ms);
}

static struct file *
newest(struct series *s)
{
	return s->files_len > 0 ? &s->files[s->files_len - 1] : NULL;
}

static void
report(struct journal *j, const char *what, int error)
{
	if (!j->failing)
		gp_error("journal_not_kept", GP_FS("at", what), GP_FS("reason", strerror(-error)));
	j->failing = true;
}

static void
close_newest(struct journal *j, struct series *s)
{
	if (s->fd >= 0)
		j->io.ops->close(j->io.ctx, s->fd);
	s->fd = -1;
}

/* --- giving space back --- */

static void
drop_oldest(struct journal *j, struct series *s)
{
	char name[NAME_MAX_LEN];
	gp_assert(s->files_len > 0);
	if (s->files_len == 1)
		close_newest(j, s);
	name_of(j, s, s->files[0].began_ms, name);
	int r = j->io.ops->unlink(j->io.ctx, j->dirfd, name);
	if (r < 0 && r != -ENOENT)
		report(j, "unlink", r);
	s->total -= s->files[0].size;
	memmove(s->files, s->files + 1, (s->files_len - 1) * sizeof(s->files[0]));
	s->files_len--;
}

/* Nothing in it is as old as its successor's first entry; the newest is not written to for longer
 * than its time. */
static bool
oldest_is_over(const struct journal *j, const struct series *s, uint64_t now_ms)
{
	uint64_t end_ms =
		s->files_len > 1 ? s->files[1].began_ms : s->files[0].began_ms + file_time_ms(j);
	return end_ms + j->settings.lifetime_ms < now_ms;
}

/* Until `wanted` more octets are within the share. */
static void
trim(struct journal *j, struct series *s, uint64_t wanted, uint64_t now_ms)
{
	uint64_t share = share_of(j, s);
	while (s->files_len > 0 && (share == 0 || oldest_is_over(j, s, now_ms) ||
				    (s->files_len > 1 && s->total + wanted > share)))
		drop_oldest(j, s);
}

/* --- writing --- */

static void
take_back(struct series *s)
{
	gp_buf_truncate(&s->pending, s->synced);
	s->entries -= s->unsynced;
	s->lost += s->unsynced;
	s->unsynced = 0;
}

/* What was synced leaves memory, written or lost. */
static void
settle(struct series *s)
{
	gp_buf_consume(&s->pending, s->synced);
	s->synced = 0;
	s->entries = s->unsynced;
}

/* Where it tells of mail, what is not in it from which id on never came. */
static int
write_beginning(struct journal *j, struct series *s, struct journal_now now)
{
	const struct gp_journal_entry began = {
		.kind = GP_JOURNAL_BEGAN, .time_ms = now.ms, .id = now.next_id};
	struct gp_buf text = GP_BUF_INIT(BEGINNING_MAX);
	int r = 0;
	if (s == &j->series[GP_JOURNAL_FILE_MAIL])
		r = gp_journal_write(&text, &began)
			    ? j->io.ops->pwrite(j->io.ctx, s->fd, gp_buf_slice(&text), 0)
			    : -ENOMEM;
	if (r == 0) {
		newest(s)->size += text.len;
		s->total += text.len;
	}
	gp_buf_free(&text);
	return r;
}

static int
begin_file(struct journal *j, struct series *s, struct journal_now now)
{
	char name[NAME_MAX_LEN];
	close_newest(j, s);
	trim(j, s, file_max(j, s), now.ms);
	if (s->files_len == JOURNAL_FILES_MAX)
		drop_oldest(j, s);
	const struct file *last = newest(s);
	uint64_t began_ms = last ? GP_MAX(now.ms, last->began_ms + 1) : now.ms;
	name_of(j, s, began_ms, name);
	s->fd = j->io.ops->open(j->io.ctx, j->dirfd, name, GP_IO_CREATE);
	if (s->fd < 0) {
		int error = s->fd;
		s->fd = -1;
		return error;
	}
	s->files[s->files_len++] = (struct file){.began_ms = began_ms};
	return write_beginning(j, s, now);
}

static bool
wants_new_file(const struct journal *j, const struct series *s, uint64_t now_ms)
{
	if (s->fd < 0)
		return true;
	const struct file *last = &s->files[s->files_len - 1];
	return last->size + s->synced > file_max(j, s) || last->began_ms > now_ms ||
	       now_ms - last->began_ms > file_time_ms(j);
}

static bool
has_room(struct journal *j)
{
	uint64_t space;
	int r = j->io.ops->free_space(j->io.ctx, j->dirfd, &space);
	if (r == 0 && space >= JOURNAL_SPACE_LEFT)
		return true;
	report(j, "write", r < 0 ? r : -ENOSPC);
	return false;
}

/* Without room it waits in memory, as long as it fits there. */
static void
write_series(struct journal *j, struct series *s, struct journal_now now)
{
	int r = 0;
	if (!has_room(j))
		return;
	if (wants_new_file(j, s, now.ms))
		r = begin_file(j, s, now);
	struct file *last = newest(s);
	struct gp_slice octets = gp_slice_take(gp_buf_slice(&s->pending), s->synced);
	if (r == 0)
		r = j->io.ops->pwrite(j->io.ctx, s->fd, octets, last->size);
	if (r == 0) {
		last->size += octets.len;
		s->total += octets.len;
		j->failing = false;
	} else {
		/* A part may stand there: what is behind it would not be read. */
		report(j, "write", r);
		close_newest(j, s);
		s->lost += s->entries - s->unsynced;
	}
	settle(s);
}

void
journal_run(struct journal *j, bool all, struct journal_now now)
{
	for (struct series *s = j ? j->series + 1 : NULL; s && s < j->series + KINDS; s++) {
		if (s->synced >= (all ? 1 : WRITE_MIN))
			write_series(j, s, now);
		if (all)
			trim(j, s, 0, now.ms);
	}
}

/* --- entries --- */

static bool
append(struct series *s, const struct gp_journal_entry *entry)
{
	bool good = gp_journal_write(&s->pending, entry);
	s->entries += good;
	s->unsynced += good;
	return good;
}

void
journal_put(struct journal *j, enum gp_journal_file_kind kind, const struct gp_journal_entry *entry,
	    uint64_t now_ms)
{
	if (!j || j->settings.size == 0)
		return;
	struct series *s = &j->series[kind];
	struct gp_journal_entry timed = *entry;
	timed.time_ms = now_ms;
	struct gp_journal_entry lost = {
		.kind = GP_JOURNAL_LOST, .time_ms = now_ms, .count = s->lost};
	if (s->lost > 0 && append(s, &lost))
		s->lost = 0;
	if (s->lost > 0 || !append(s, &timed))
		s->lost++;
}

void
journal_synced(struct journal *j, bool ok)
{
	for (struct series *s = j ? j->series + 1 : NULL; s && s < j->series + KINDS; s++) {
		if (!ok)
			take_back(s);
		s->synced = s->pending.len;
		s->unsynced = 0;
	}
}

void
journal_configure(struct journal *j, const struct journal_settings *settings)
{
	if (j)
		j->settings = *settings;
}

/* --- the beginning and the end --- */

/* A name of ours; false: it is none. */
static bool
parse_name(const char *name, size_t kind, uint64_t *ret_began_ms)
{
	enum { DIGITS = 16 };
	struct gp_slice rest = gp_slice_str(name);
	if (!gp_slice_starts(rest, gp_slice_str(kinds[kind].prefix)))
		return false;
	rest = gp_slice_drop(rest, strlen(kinds[kind].prefix));
	uint64_t value = 0;
	for (size_t i = 0; i < rest.len; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = memchr(digits, rest.ptr[i], DIGITS);
		if (!at)
			return false;
		value = value << 4 | (uint64_t)(at - digits);
	}
	*ret_began_ms = value;
	return rest.len == DIGITS;
}

static int
by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct file *)a)->began_ms, y = ((const struct file *)b)->began_ms;
	return (x > y) - (x < y);
}

static int
on_name(void *arg, const char *name)
{
	struct journal *j = arg;
	for (size_t kind = 1; kind < KINDS; kind++) {
		struct series *s = &j->series[kind];
		uint64_t began_ms, size;
		if (!parse_name(name, kind, &began_ms) || s->files_len == JOURNAL_FILES_MAX)
			continue;
		int fd = j->io.ops->open(j->io.ctx, j->dirfd, name, GP_IO_READ);
		if (fd < 0)
			return fd;
		int r = j->io.ops->size(j->io.ctx, fd, &size);
		j->io.ops->close(j->io.ctx, fd);
		if (r < 0)
			return r;
		s->files[s->files_len++] = (struct file){began_ms, size};
		s->total += size;
	}
	return 0;
}

/* Whether all of it can be read, so that what is appended can be too. */
static bool
is_whole(struct gp_slice file)
{
	struct gp_arena arena = GP_ARENA_INIT(CHECK_ARENA_MAX);
	struct gp_journal_entry e;
	while (gp_journal_read(&file, &arena, &e) == 0)
		gp_arena_reset(&arena);
	gp_arena_free(&arena);
	return file.len == 0;
}

/* Goes on with the newest file, where it has room and is whole: so a gateway that is often started
 * has no more files than another. */
static void
resume(struct journal *j, struct series *s)
{
	const struct file *last = newest(s);
	char name[NAME_MAX_LEN];
	if (!last || last->size >= file_max(j, s))
		return;
	char *text = malloc(last->size + 1);
	name_of(j, s, last->began_ms, name);
	s->fd = text ? j->io.ops->open(j->io.ctx, j->dirfd, name, GP_IO_WRITE) : -1;
	if (s->fd >= 0 &&
	    (j->io.ops->pread(j->io.ctx, s->fd, text, last->size, 0) != (int64_t)last->size ||
	     !is_whole(gp_slice(text, last->size))))
		close_newest(j, s);
	s->fd = GP_MAX(s->fd, -1);
	free(text);
}

int
journal_open(struct gp_io io, int dirfd, const struct journal_settings *settings,
	     struct journal_now now, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));
	*ret = NULL;
	if (!j)
		return -ENOMEM;
	*j = (struct journal){.io = io, .settings = *settings};
	for (struct series *s = j->series; s < j->series + KINDS; s++) {
		s->pending = GP_BUF_INIT(JOURNAL_PENDING_MAX);
		s->fd = -1;
	}
	j->dirfd = io.ops->open_dir(io.ctx, dirfd, "journal");
	int r = j->dirfd < 0 ? j->dirfd : io.ops->list(io.ctx, j->dirfd, on_name, j);
	if (r < 0) {
		journal_close(j);
		return r;
	}
	for (struct series *s = j->series + 1; s < j->series + KINDS; s++) {
		qsort(s->files, s->files_len, sizeof(s->files[0]), by_time);
		resume(j, s);
	}
	/* Before anybody has ids of this start. */
	struct series *mail = &j->series[GP_JOURNAL_FILE_MAIL];
	if (mail->files_len == 0 && settings->size > 0)
		r = begin_file(j, mail, now);
	if (r < 0)
		close_newest(j, mail);
	*ret = j;
	return 0;
}

struct journal *
journal_close(struct journal *j)
{
	if (!j)
		return NULL;
	for (struct series *s = j->series; s < j->series + KINDS; s++) {
		close_newest(j, s);
		gp_buf_free(&s->pending);
	}
	if (j->dirfd >= 0)
		j->io.ops->close(j->io.ctx, j->dirfd);
	free(j);
	return NULL;
}

void
journal_list(struct journal *j, void (*each)(void *ctx, enum gp_journal_file_kind kind, int fd),
	     void *ctx)
{
	for (size_t kind = 1; j && kind < KINDS; kind++) {
		struct series *s = &j->series[kind];
		for (size_t i = 0; i < s->files_len; i++) {
			char name[NAME_MAX_LEN];
			name_of(j, s, s->files[i].began_ms, name);
			int fd = j->io.ops->open(j->io.ctx, j->dirfd, name, GP_IO_READ);
			if (fd >= 0)
				each(ctx, (enum gp_journal_file_kind)kind, fd);
		}
	}
}
