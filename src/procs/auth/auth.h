/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of the role: exchanges of SASL for its peers, each of which ends in one result; checks
 * of passwords, one after the other; delays.
 *
 *     auth_begin --> AT_CLIENT <--auth_step/auth_challenge--> AT_CLIENT
 *                       |
 *                       |  something is to be checked
 *                       v
 *                    WAITING  --its turn-->  checked --+--> auth_result
 *                       ^                    |   ^     |
 *                       +--too early---------+   |     +--> DELAYED --> auth_result
 *                                  AT_DOVECOT, AT_ISSUER
 */
#pragma once

#include "core/config/config.h"
#include "ipc/role.h"

enum {
	AUTH_PEERS_MAX = 64,
	AUTH_EXCHANGES_MAX = 2048,    /* of a peer; more are answered GP_AUTH_TEMPORARY */
	AUTH_WAITING_MAX = 1024,      /* of all of them, that wait for a check */
	AUTH_WAITING_SOURCE_MAX = 16, /* of one source */
	AUTH_LATE_MS = 10 * 1000,     /* a check that is this late is not made any more */
};

struct auth;

/* Hashes once. config is kept until auth_reload. NULL: no memory. */
struct auth *
auth_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct auth *
auth_free(struct auth *a);

/* A new configuration, in which Dovecot's socket is the same. */
void
auth_reload(struct auth *a, const struct gp_config *config);

/* The file of users, from its descriptor, which stays the caller's. */
void
auth_read_users(struct auth *a, int fd);

/* What we say to the issuer of tokens, from its descriptor, which stays the caller's. */
void
auth_read_secret(struct auth *a, int fd);

/* Takes fd over: the channel to resolver or fetch. */
void
auth_connect(struct auth *a, enum gp_role_id role, int fd);

/* Takes fd over: the end of a channel of an smtpd, or of web; permit: GP_PERMIT_ROLE_TO_AUTH. */
void
auth_add_peer(struct auth *a, int fd, gp_permit permit);
