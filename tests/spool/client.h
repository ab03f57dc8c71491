/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's view of a store: what it handed over, what it was told, and whether what a store
 * holds after a cut agrees with that. It is the oracle of the crash tests; it knows nothing of
 * segments.
 */
#pragma once

#include "simdisk.h"
#include "spool/store.h"

enum progress {
	NOT_YET, /* put: refused at once */
	ISSUED,  /* asked for, not answered by a sync */
	ACKED,   /* a sync answered 0 */
};

struct sent {
	uint64_t id;
	uint64_t size;
	enum progress put, finished;
	bool own;
	bool refused; /* a sync failed: never acknowledged, and the store said so for good */
	bool flipped; /* the test damaged its record */
	uint32_t attempts_issued, attempts_acked;
	size_t bounce; /* finished by a bounce: its place, else SIZE_MAX */
};

enum { SENT_MAX = 4096 };

struct client {
	struct sim *disk;
	struct gp_store *store;
	struct gp_store_report report;
	struct gp_store_settings settings;
	struct sent sent[SENT_MAX];
	size_t sent_len;
	uint64_t id_max;
	uint64_t now_ms;
	bool lenient; /* bits were turned over: messages may be missing, when they are reported */
	const char *wrong; /* the first disagreement, or NULL */
};

void
client_begin(struct client *c, struct sim *disk, const struct gp_store_settings *settings);
void
client_end(struct client *c);

/* A copy of the view, with another disk and no store. */
void
client_fork(struct client *to, const struct client *from, struct sim *disk);

/* Opens the store on its disk and compares. False: it did not open (the errno is in *ret). */
bool
client_open(struct client *c, int *ret);

/* The operations. All answers are noted; none is a mistake of the store by itself. */
int
client_append(struct client *c, uint64_t size, bool own);
int
client_defer(struct client *c, size_t i);
int
client_finish(struct client *c, size_t i);
/* Appends a bounce for message i, then finishes i. */
int
client_bounce(struct client *c, size_t i);
int
client_sync(struct client *c);
int
client_reclaim(struct client *c);
/* Compares what the running store holds with what the client knows. */
void
client_check(struct client *c);

/* The first message that is there, not finished and not damaged; SIZE_MAX: none. */
size_t
client_oldest(const struct client *c);
/* Turns over a bit in the message's body on the disk; false when it is not found there. */
bool
client_flip(struct client *c, size_t i);
