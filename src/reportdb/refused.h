/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail that held something which was refused as a report, kept whole: whoever wants to know what it
 * was can look at it, and a version that reads more can be given it again. A file of its own
 * (SQLite), beside that of reportdb.h: what strangers wrote goes into it as it came, and no figure
 * is made of it.
 *
 * It is bounded, and what came first goes first; authenticated senders and others have half of the
 * room each, so that nobody whom we do not know drives out what somebody sent whom we do.
 */
#pragma once

#include "base/arena.h"

enum {
	GP_REFUSED_MAILS_MAX = 1000,
	GP_REFUSED_LIST_MAX = GP_REFUSED_MAILS_MAX,
};

struct gp_refused;

enum gp_refused_mode {
	GP_REFUSED_READ, /* what is there */
	GP_REFUSED_MAKE, /* and write, also where there is none */
};

/* 0; -ENOENT; -EPROTO: of another version; -ENODATA: without any tables, to be read; -EBUSY;
 * -errno. *ret is NULL then. */
[[nodiscard]] int
gp_refused_open(const char *path, enum gp_refused_mode mode, struct gp_refused **ret);
/* Accepts NULL, returns NULL. */
struct gp_refused *
gp_refused_close(struct gp_refused *q);
/* What a negative result of a function here means. */
const char *
gp_refused_why(int error);

struct gp_refused_mail {
	uint64_t number;      /* here; never 0; not to be given */
	struct gp_slice file; /* as people know it; the same one is kept once */
	struct gp_slice why;
	bool authenticated;
	int64_t received_s;
	uint64_t size; /* octets */
};

/* Where its octets are. read: all of len octets from `at` on; 0 or -errno. */
struct gp_refused_source {
	void *context;
	int (*read)(void *context, uint64_t at, char *to, size_t len);
};

/* Keeps it, durably when this returns. octets_max: of all. 0; 1: it is larger than its half; or
 * -errno, and then nothing has changed. */
[[nodiscard]] int
gp_refused_keep(struct gp_refused *q, const struct gp_refused_mail *mail,
		const struct gp_refused_source *source, uint64_t octets_max);

/* Keeps there what is kept here and came there neither at that time nor later, each durably: the
 * newest first, and none of them takes the room of one that came after it. What is dropped here
 * meanwhile is kept there all the same. It may end at any point, and be begun again. *ret_copied:
 * how many were, also after a failure. 0; or -errno, of *ret_failed. */
[[nodiscard]] int
gp_refused_copy(struct gp_refused *from, struct gp_refused *to, uint64_t octets_max,
		uint64_t *ret_copied, struct gp_refused **ret_failed);

/* Forgets what came before then. 0 or -errno. */
[[nodiscard]] int
gp_refused_forget(struct gp_refused *q, int64_t before_s);

/* The newest first; texts are the arena's. 0 or -errno. */
[[nodiscard]] int
gp_refused_list(struct gp_refused *q, struct gp_arena *arena, struct gp_refused_mail **ret,
		size_t *ret_len);

/* Tells a mail's octets in pieces; whoever listens returns not 0 when he has enough. 0; 1: there is
 * none of that number; -errno; or what was returned. */
[[nodiscard]] int
gp_refused_tell(struct gp_refused *q, uint64_t number,
		int (*piece)(void *context, struct gp_slice octets), void *context);
