/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to Dovecot's authentication socket: dialled when there is something to ask, and
 * again after it was lost. Requests wait until Dovecot has introduced itself.
 */
#pragma once

#include "base/slice.h"
#include "sys/loop.h"

struct dovecot;

enum dovecot_answer { DOVECOT_YES = 1, DOVECOT_NO, DOVECOT_TROUBLE };

struct dovecot_owner {
	/* What became of a request. user: Dovecot's name for the user, any octets, perhaps none;
	   valid until the function returns. */
	void (*on_answer)(void *ctx, uint32_t id, enum dovecot_answer answer, struct gp_slice user);
	/* The connection is lost, and all requests with it. */
	void (*on_lost)(void *ctx);
	void *ctx;
};

/* address: "unix:PATH". NULL: no memory. */
struct dovecot *
dovecot_new(struct gp_loop *loop, struct gp_slice address, const struct dovecot_owner *owner);
/* Accepts NULL, returns NULL. */
struct dovecot *
dovecot_free(struct dovecot *d);

/* Asks whether it is the user's password; client: its address as text. The answer comes later, or
   never: the caller has a time limit. False: Dovecot cannot be reached. */
bool
dovecot_ask(struct dovecot *d, uint32_t id, struct gp_slice name, struct gp_slice password,
	    struct gp_slice client);
