/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>

#include "spool/internal.h"

static const char folder[] = "quarantine";

/* What cannot be read is left out, by blocks; the head line says how much there should be. */
static int
copy_range(struct gp_store *s, struct segment *g, uint64_t from, uint64_t to, int fd, uint64_t at)
{
	struct gp_buf piece = GP_BUF_INIT(PIECE_SIZE);
	to = GP_MIN(to, g->size);
	int rc = 0;
	while (from < to && rc == 0) {
		size_t n = (size_t)GP_MIN(to - from, (uint64_t)GP_IO_ALIGN * 64);
		gp_buf_clear(&piece);
		char *bytes = gp_buf_reserve(&piece, n);
		if (!bytes)
			rc = -ENOMEM;
		else if (segment_read_around(s, g, from, bytes, n) == 0)
			rc = s->io.ops->pwrite(s->io.ctx, fd, gp_slice(bytes, n), at);
		at += n;
		from += n;
	}
	gp_buf_free(&piece);
	return rc;
}

static int
write_file(struct gp_store *s, int fd, struct segment *g, uint64_t from, uint64_t to,
	   const char *reason)
{
	struct gp_buf line = GP_BUF_INIT(1024);
	gp_buf_printf(&line,
		      "gatepost quarantine: segment %016" PRIx64 " from octet %" PRIu64
		      " to %" PRIu64 ": %s\n",
		      g->sequence, from, to, reason);
	int rc = line.failed ? -ENOMEM : s->io.ops->pwrite(s->io.ctx, fd, gp_buf_slice(&line), 0);
	if (rc == 0)
		rc = copy_range(s, g, from, to, fd, line.len);
	if (rc == 0)
		rc = s->io.ops->fdatasync(s->io.ctx, fd);
	gp_buf_free(&line);
	return rc;
}

static int
copy_into(struct gp_store *s, int dir, struct segment *g, uint64_t from, uint64_t to,
	  const char *reason)
{
	char name[GP_IO_NAME_MAX];
	snprintf(name, sizeof(name), "%016" PRIx64 "-%" PRIx64, g->sequence, from);
	/* The same place again, from an earlier start: perhaps not whole. */
	int rc = s->io.ops->unlink(s->io.ctx, dir, name);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	int fd = s->io.ops->open(s->io.ctx, dir, name, GP_IO_CREATE);
	if (fd < 0)
		return fd;
	rc = write_file(s, fd, g, from, to, reason);
	s->io.ops->close(s->io.ctx, fd);
	return rc == 0 ? s->io.ops->fsync_dir(s->io.ctx, dir) : rc;
}

int
quarantine_copy(struct gp_store *s, struct segment *g, uint64_t from, uint64_t to,
		const char *reason)
{
	s->stats.damaged++;
	int dir = s->io.ops->open_dir(s->io.ctx, s->dirfd, folder);
	if (dir < 0)
		return dir;
	int rc = copy_into(s, dir, g, from, to, reason);
	s->io.ops->close(s->io.ctx, dir);
	return rc == 0 ? s->io.ops->fsync_dir(s->io.ctx, s->dirfd) : rc;
}

int
entry_quarantine(struct gp_store *s, struct entry *e)
{
	uint64_t from = e->at.offset;
	uint64_t to = from + gp_record_size(e->at.meta_len, e->q.size);
	/* What is still only in memory has no place on disk to be damaged at. */
	int rc = tail_sync(s);
	if (rc == 0)
		rc = quarantine_copy(s, e->at.segment, from, to, "damaged since it was written");
	if (rc < 0)
		return rc;
	return gp_store_drop(s, &e->q);
}

int
gp_store_quarantine(struct gp_store *s, struct gp_queued *q)
{
	return entry_quarantine(s, entry_of(q));
}
