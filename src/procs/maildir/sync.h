/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One phase of a commit: makes what is behind several descriptors durable, and says of each whether
 * it is. Few are synced one by one; many on one file system by a single sync of all of it.
 *
 * Invariants:
 *  - error 0 means durable. A sync of a whole file system that fails, or whose witness fails, is
 *    the error of every item on it: nobody can tell which of them it concerned.
 *  - A failed sync is not tried again.
 */
#pragma once

#include "procs/maildir/files.h"

struct gp_syncer {
	const struct gp_maildir_files *files;
	uint64_t rest_until_ms; /* before it each item is synced alone */
};

struct gp_sync_item {
	int fd;
	int error; /* set: 0 or -errno */
	/* For sync.c. */
	uint64_t device;
	bool done;
};

enum {
	GP_SYNC_WHOLE_MIN = 8, /* items on one file system, for one sync of it all */
	/* A sync of it all that takes longer carries others' writes: then each is synced alone for
	   a while. */
	GP_SYNC_SLOW_MS = 500,
	GP_SYNC_REST_MS = 60 * 1000,
};

/*
 * Files: in the order they were opened in, all of them before what is to be synced was written, as
 * a descriptor reports the errors since it was opened.
 */
void
gp_sync_files(struct gp_syncer *s, struct gp_sync_item *items, size_t len);
/* Directories; those of file systems that have no sync of them count as durable. */
void
gp_sync_folders(struct gp_syncer *s, struct gp_sync_item *items, size_t len);
