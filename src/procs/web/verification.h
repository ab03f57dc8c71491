/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that somebody pasted is verified again: core/verify over what resolver says now. Its
 * names are no others than a mail's: the bounds of core/verify hold for each message, and those of
 * allowance.h for each user.
 */
#pragma once

#include "core/verify/verify.h"
#include "ipc/role.h"
#include "procs/ask/ask.h"

enum {
	VERIFICATIONS_MAX = 8,            /* at once: each holds a message and its answers */
	VERIFICATION_TIME_MS = 15 * 1000, /* then what is not answered is a timeout */
};

/* Embedded in whoever waits; zero at first. */
struct verification {
	struct gp_verify *verify; /* NULL: nothing is verified */
	struct asker asker;
	struct event *deadline;
	size_t user; /* whose questions they are */
	int outcome; /* of gp_verify_run */
	/* The outcome is another than GP_VERIFY_WAITS. Never from within verification_begin. */
	void (*on_done)(struct verification *v);
};

enum verification_begun {
	VERIFICATION_BEGUN,    /* on_done will be called, unless the outcome is there already */
	VERIFICATION_TOO_MANY, /* this user's questions of this minute are used up */
	VERIFICATION_BUSY,     /* others are being verified, or there is no memory or no resolver */
};

/* Takes fd over: the channel to resolver, in place of one before. */
void
verification_connect(struct gp_role_env *env, int fd);

/* message: with CRLF; neither it nor the query's texts need live on. */
enum verification_begun
verification_begin(struct verification *v, struct gp_slice user,
		   const struct gp_verify_query *query, struct gp_slice message);

/* Ends it, whatever it is; the facts are gone. */
void
verification_end(struct verification *v);
