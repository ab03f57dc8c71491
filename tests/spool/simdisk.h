/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk for the storage engine's tests. It keeps, for every file and directory, what is durable
 * and the ordered list of operations that are not yet. A sync applies one object's list. A cut
 * makes a new disk from what was durable and any subset of the pending operations, writes torn at
 * sectors of 512 octets; a sector whose content does not change is no operation.
 *
 * After a failed sync, a file's pending operations are lost to the disk but still shown by cached
 * reads, and the next sync succeeds without them: what Linux does. A directory's stay pending.
 */
#pragma once

#include "spool/io.h"

enum sim_op {
	SIM_OPEN,
	SIM_WRITE,
	SIM_READ,
	SIM_DATASYNC,
	SIM_DIRSYNC,
	SIM_TRUNCATE,
	SIM_ALLOCATE,
	SIM_UNLINK,
	SIM_OPS
};

/* What a sync is for; the mutants leave out one kind each. */
enum sim_sync {
	SIM_SYNC_NONE,
	SIM_SYNC_TAIL,            /* data of the segment being written */
	SIM_SYNC_RECOVERED,       /* data of the last segment of an earlier life */
	SIM_SYNC_CREATED,         /* the directory, with a new segment's name in it */
	SIM_SYNC_UNLINKED,        /* the directory, with a segment's name gone from it */
	SIM_SYNC_QUARANTINE_DATA, /* a file in quarantine/ */
	SIM_SYNC_QUARANTINE_NAME, /* its name */
	SIM_SYNC_QUARANTINE_DIR,  /* the folder's own name */
	SIM_SYNCS
};

struct sim;

struct sim *
sim_new(void);
struct sim *
sim_free(struct sim *d);
struct gp_io
sim_io(struct sim *d);
/* The descriptor of the root directory. */
int
sim_root(const struct sim *d);

/* Mutating operations so far; those after `at` are cut off: they and all later fail with -EIO. The
 * one at `at` itself becomes pending. UINT64_MAX: never. */
uint64_t
sim_count(const struct sim *d);
void
sim_cut_at(struct sim *d, uint64_t at);
bool
sim_is_cut(const struct sim *d);

/* The n-th call (from 1) of that operation from now on fails with -err, once; with stick all later
 * too. */
void
sim_fail(struct sim *d, enum sim_op op, uint64_t n, int err, bool stick);
/* Syncs of this kind say 0 and do nothing. */
void
sim_ignore(struct sim *d, enum sim_sync kind);
/* How often a sync of this kind was asked for. */
uint64_t
sim_syncs(const struct sim *d, enum sim_sync kind);
/* Space in all; what files hold is taken off it. */
void
sim_space(struct sim *d, uint64_t size);
/* A random state for whatever the disk decides by itself. */
void
sim_seed(struct sim *d, uint64_t seed);

/* Pending operations of all objects, sectors counted singly. */
size_t
sim_pending(const struct sim *d);
/* The disk after a cut: pick(arg, i) says whether pending operation i made it. */
struct sim *
sim_after_cut(const struct sim *d, bool (*pick)(void *arg, size_t i), void *arg);
/* The disk when a process dies and the machine lives: all that was done, nothing more durable. It
 * goes on counting operations. */
struct sim *
sim_after_kill(const struct sim *d);

/* A file by name in the root (folder NULL) or in a folder, as cached reads show it; NULL: none. */
const char *
sim_file(struct sim *d, const char *folder, const char *name, uint64_t *ret_size);
/* Damage to a file in the root, durable at once: bits of an octet turned over; the end cut off. */
void
sim_flip(struct sim *d, const char *name, uint64_t offset, uint8_t bits);
void
sim_shorten(struct sim *d, const char *name, uint64_t size);
/* Makes or replaces a durable file. Returns a descriptor for it. */
int
sim_put(struct sim *d, const char *name, struct gp_slice content);
/* The i-th name in the root or folder, NULL behind the last. */
const char *
sim_name(struct sim *d, const char *folder, size_t i);
