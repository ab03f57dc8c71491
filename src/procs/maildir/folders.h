/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directories of a batch: each is opened once, made when it is not there, and synced once when
 * something in it changed. writer.c's second half.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "procs/maildir/sync.h"

struct gp_folder {
	struct gp_slice path;     /* root's name, NUL, path below it: the key */
	struct gp_folder *parent; /* NULL: the root, or a folder known to be durable */
	int fd;
	bool dirty; /* a name in it is not known to be durable */
	int error;  /* of its sync; it is not tried again */
};

struct gp_folders {
	const struct gp_maildir_files *files;
	struct gp_arena arena; /* of the batch: folders, paths */
	struct gp_map open;    /* path -> struct gp_folder */
	struct gp_arena known_arena;
	struct gp_map known; /* paths whose names are durable, of this object's life */
	uint64_t seed[2];
};

void
gp_folders_init(struct gp_folders *f, const struct gp_maildir_files *files, const uint64_t seed[2]);
void
gp_folders_free(struct gp_folders *f);

/*
 * The folder at a path below a root: opened or made, with all above it. path is safe (see
 * gp_folder_path_safe); the empty one is the root itself. Returns 0 or -errno.
 */
[[nodiscard]] int
gp_folders_get(struct gp_folders *f, int root_fd, struct gp_slice root, struct gp_slice path,
	       struct gp_folder **ret);

/* Syncs what is dirty, once. */
void
gp_folders_sync(struct gp_folders *f, struct gp_syncer *syncer);

/* After gp_folders_sync: 0 when the folder's content and its own way from the root are durable. */
int
gp_folder_error(const struct gp_folder *folder);

/* Closes all, forgets the batch. */
void
gp_folders_reset(struct gp_folders *f);

/* Relative, not empty, of at most GP_MAILDIR_DEPTH_MAX components, none of them empty, "." or "..",
 * or longer than GP_MAILDIR_NAME_MAX; without NUL. */
bool
gp_folder_path_safe(struct gp_slice path);
