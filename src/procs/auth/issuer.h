/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever gave a token out, asked whose it is (RFC 7662): its address by resolver, then the
 * question by fetch, as this role has no network. The configuration says where, `auth: {oauth:}`.
 *
 * That a token is good is known for as long as it is, and for ISSUER_KNOWN_MS at most: so soon does
 * one that is withdrawn count no more. That one is not good is asked again each time.
 */
#pragma once

#include "core/config/config.h"
#include "ipc/role.h"

enum {
	ISSUER_KNOWN_MS = 60 * 1000,
	ISSUER_KNOWN_MAX = 4096,    /* tokens; the one asked about longest ago goes */
	ISSUER_QUESTIONS_MAX = 256, /* under way */
	ISSUER_MS = 20 * 1000,      /* for the request, behind others in fetch's line too */
};

struct issuer;

enum issuer_answer { ISSUER_YES = 1, ISSUER_NO, ISSUER_TROUBLE };

struct issuer_owner {
	/* What became of a question, never from within issuer_ask. user: what the issuer calls its
	   owner, any octets; valid until the function returns. */
	void (*on_answer)(void *ctx, uint32_t id, enum issuer_answer answer, struct gp_slice user);
	void *ctx;
};

/* config is kept until issuer_reload. NULL: no memory. */
struct issuer *
issuer_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2],
	   const struct issuer_owner *owner);
/* Accepts NULL, returns NULL. */
struct issuer *
issuer_free(struct issuer *i);

/* Forgets what is known. What is under way is answered with ISSUER_TROUBLE. */
void
issuer_reload(struct issuer *i, const struct gp_config *config);

/* Our own secret there: the first line of the file. The descriptor stays the caller's. */
void
issuer_read_secret(struct issuer *i, int fd);

/* Takes fd over: the channel to resolver or fetch, in place of one before. */
void
issuer_connect(struct issuer *i, enum gp_role_id role, int fd);

/* Whether the configuration has one. */
bool
issuer_is_had(const struct issuer *i);

/* The owner of a token that is known to be good; empty: it is not known. Valid until the next call.
 */
struct gp_slice
issuer_known(struct issuer *i, struct gp_slice token);

/* Asks about the token, which is copied. False: not possible now. */
bool
issuer_ask(struct issuer *i, uint32_t id, struct gp_slice token);
