/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: what came, what became of it, what was refused, and which answers of the DNS were
 * used, after the queue has forgotten. Entries are core/journal's; files lie in the folder
 * `journal` of the queue's, each named after its kind and the time when it was begun:
 *
 *     mail-00000199b7e3a5c1  answers-00000199b7e3a5c1  refused-00000199b7e3a5c1
 *
 * Mail never waits for it. Entries collect in memory and are written once a second, or when there
 * are many; what tells of the queue, after the sync that made it true. Nothing of it is synced: a
 * power cut costs what the kernel had not written, a crash the last second. What does not fit, or
 * the disk does not take, is lost and counted, and an entry says so. On a full disk nothing is
 * written.
 *
 * Each kind has a share of `journal.size` for itself: what a stranger can make many of, drives out
 * none of what tells of mail.
 */
#pragma once

#include "core/journal/journal.h"
#include "ipc/values.h"
#include "spool/io.h"

enum journal_limits {
	JOURNAL_PENDING_MAX = 4 * 1024 * 1024, /* octets of a kind that wait to be written */
	JOURNAL_FILES_MAX = 64,                /* of a kind */
	JOURNAL_SHARE_FILES = 16, /* a file has this part of its kind's share, or of `for` */
	JOURNAL_FILE_MIN = 64 * 1024,
	JOURNAL_SPACE_LEFT = 16 * 1024 * 1024, /* octets of the disk that it leaves to the queue */
};

struct journal;

struct journal_settings {
	uint64_t size;        /* octets of all; 0: none is kept, and what is there goes */
	uint64_t lifetime_ms; /* how old its entries may become */
};

/* What a new file begins with. */
struct journal_now {
	uint64_t ms;      /* since 1970 */
	uint64_t next_id; /* of the queue: none below it will be given again */
};

/* Opens the folder in dirfd, which belongs to the caller. 0 or -errno. */
[[nodiscard]] int
journal_open(struct gp_io io, int dirfd, const struct journal_settings *settings,
	     struct journal_now now, struct journal **ret);
/* Frees it; what was not written is lost. Accepts NULL, returns NULL. */
struct journal *
journal_close(struct journal *j);

/* Settings that count from the next write on. Here and below j may be NULL: nothing is kept. */
void
journal_configure(struct journal *j, const struct journal_settings *settings);

/* Takes an entry; its time is set here. */
void
journal_put(struct journal *j, enum gp_journal_file_kind kind, const struct gp_journal_entry *entry,
	    uint64_t now_ms);

/* The queue was synced, or not: then what was put since the last sync is taken back. */
void
journal_synced(struct journal *j, bool ok);

/* Writes what was synced, when it is much or `all` is said, and gives space back. */
void
journal_run(struct journal *j, bool all, struct journal_now now);

/* Its files, opened for reading, of a kind the older ones first: each() takes the descriptor over.
 * What waits to be written is not in them: call journal_run() before. */
void
journal_list(struct journal *j, void (*each)(void *ctx, enum gp_journal_file_kind kind, int fd),
	     void *ctx);
