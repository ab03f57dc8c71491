/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/maildir/sync.h"

#include <errno.h>

static void
settle(struct gp_sync_item *item, int error)
{
	item->error = error;
	item->done = true;
}

/*
 * The sync of a file system says 0 also when that has turned read-only after an error, with nothing
 * written. The sync of a single file does not: so one bears witness for all, at the price of one
 * flush of the disk.
 */
static int
sync_whole(struct gp_syncer *s, int fd, int witness_fd)
{
	uint64_t start = s->files->now_ms();
	int r = s->files->sync_whole(fd);
	uint64_t end = s->files->now_ms();
	if (r == 0 && end - start > GP_SYNC_SLOW_MS)
		s->rest_until_ms = end + GP_SYNC_REST_MS;
	return r == 0 ? s->files->sync(witness_fd) : r;
}

/* The items on the file system of the first one that is not done, in one go if they are enough. */
static void
sync_device(struct gp_syncer *s, struct gp_sync_item *first, struct gp_sync_item *end)
{
	struct gp_sync_item *last = first;
	size_t n = 0;
	for (struct gp_sync_item *item = first; item < end; item++) {
		if (!item->done && item->device == first->device) {
			last = item;
			n++;
		}
	}
	int r = n < GP_SYNC_WHOLE_MIN ? 1 : sync_whole(s, first->fd, last->fd);
	for (struct gp_sync_item *item = first; r <= 0 && item <= last; item++) {
		if (!item->done && item->device == first->device)
			settle(item, r);
	}
}

/* Settles what is on file systems that are synced as a whole; what it leaves is synced alone. */
static void
sync_devices(struct gp_syncer *s, struct gp_sync_item *items, size_t len)
{
	bool known = true;
	for (size_t i = 0; i < len; i++)
		items[i].error = 0, items[i].done = false;
	if (len < GP_SYNC_WHOLE_MIN || s->files->now_ms() < s->rest_until_ms)
		return;
	for (size_t i = 0; known && i < len; i++)
		known = s->files->device(items[i].fd, &items[i].device) == 0;
	for (size_t i = 0; known && i < len; i++) {
		/* Once for each file system: a neighbour's was looked at with it. */
		bool seen = items[i].done;
		for (size_t k = 0; !seen && k < i; k++)
			seen = items[k].device == items[i].device;
		if (!seen)
			sync_device(s, &items[i], items + len);
	}
}

/* All are on their way to the disk before the first is waited for: then that one's commit of the
 * journal carries the others' blocks, which would take one each otherwise. */
void
gp_sync_files(struct gp_syncer *s, struct gp_sync_item *items, size_t len)
{
	sync_devices(s, items, len);
	for (size_t i = 0; len > 1 && i < len; i++) {
		if (!items[i].done)
			s->files->start_writing(items[i].fd);
	}
	for (size_t i = 0; i < len; i++) {
		if (!items[i].done)
			settle(&items[i], s->files->sync(items[i].fd));
	}
}

/* Some network file systems have no sync for directories: their changes are on the server when the
 * call that made them returns. */
void
gp_sync_folders(struct gp_syncer *s, struct gp_sync_item *items, size_t len)
{
	sync_devices(s, items, len);
	for (size_t i = 0; i < len; i++) {
		int r = items[i].done ? 0 : s->files->sync(items[i].fd);
		if (!items[i].done)
			settle(&items[i], r == -EINVAL ? 0 : r);
	}
}
