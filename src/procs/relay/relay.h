/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of gatepost-relay; README.md says what the role is for.
 *
 *     spool --DELIVER--> delivery.c --(where to?)--> lookup.c --RESOLVE--> resolver
 *                           |   ^
 *              takes or dials   asks for the next transaction, tells what came of it
 *                           v   |
 *                        connection.c  (socket, timer, core/smtp/client.h)  --> other servers
 *
 * A delivery has one connection at most, a connection one delivery at most. A connection without
 * one is idle and waits in the pool for the next delivery to the same destination.
 */
#pragma once

#include "core/mx/mx.h"
#include "core/policy/policy.h"
#include "core/smtp/client.h"
#include "ipc/role.h"
#include "sys/address.h"

enum relay_limits {
	RELAY_SESSIONS_MAX = 2,    /* sessions that may fail in one delivery */
	RELAY_CONNECT_MS = 30'000, /* for one address */
	RELAY_IDLE_MS = 5'000,     /* a kept connection waits so long for work */
	RELAY_AGE_MS = 300'000,    /* then it is not kept again: servers change, and count */
	RELAY_IDLE_DESTINATION_MAX = 20,
	RELAY_IDLE_MAX = 256,  /* kept in all; the one that is idle longest goes */
	RELAY_ROUNDS_MAX = 32, /* of questions in one delivery; MX preferences bound it */
	RELAY_LMTP_PORT = 24,
};

struct connection;
struct delivery;

/* The process. */
struct relay {
	struct gp_role_env *env;
	struct gp_channel *spool; /* NULL: gone */
	uint64_t spool_run;       /* counts spools: a lease is a number of the one that gave it */
	uint64_t reloaded_ms;     /* connections made before lead where the routes led then */
	struct gp_mx_self self;
	struct gp_arena arena; /* of `self` */
	bool stopping;
};
extern struct relay relay;

/* Ends the process when it is told to stop and nothing is under way. */
void
relay_check_stop(void);

/* --- delivery.c: one message to recipients of one destination --- */

struct target {
	struct gp_sockaddr address;
	struct gp_slice name; /* "mx.example.net [192.0.2.1]:25" */
};

/* A DELIVER message; takes its descriptor. */
void
delivery_start(struct gp_message *m);
size_t
delivery_count(void);

/* What the connection needs to know of it. */
struct gp_slice
delivery_destination(const struct delivery *d);
bool
delivery_lmtp(const struct delivery *d);

/* The next transaction, for those recipients that have no outcome yet, at most so many. */
const struct gp_smtp_client_mail *
delivery_next(struct delivery *d, size_t rcpts_max);
/* Hands a part of the message over. Returns 0 when the output is full, 1 when that was all (the end
   was told), -errno when it cannot be read (the session was told to break off). */
int
delivery_feed(struct delivery *d, struct gp_smtp_client *client);
/* What that transaction came to. True: all is settled, the spool was told, and d is gone. */
[[nodiscard]] bool
delivery_take(struct delivery *d, const struct gp_smtp_client *client);

/* The connection could not be made, or its session ended; d has none any more. again: that says
   nothing against the host, which may be dialled once more. */
void
delivery_lost(struct delivery *d, const struct gp_outcome *why, bool again);

/* All that the delivery asked has been answered. */
void
delivery_answered(struct delivery *d);

/* --- lookup.c: the conversation with the resolver --- */

void
lookup_connect(struct gp_role_env *env, int fd);
/* Asks, and adds the answers to the set; calls delivery_answered after the last one. Returns 0, or
   -errno when they cannot be asked. */
[[nodiscard]] int
lookup_ask(struct delivery *d, struct gp_answers *set, const struct gp_dns_question *questions,
	   size_t questions_len);

/* --- connection.c --- */

/* A kept connection to the delivery's destination takes it on. False: there is none. */
[[nodiscard]] bool
connection_reuse(struct delivery *d);
/* Dials; the rest is told by delivery_ functions, never before this one returned. 0 or -errno. */
[[nodiscard]] int
connection_dial(struct delivery *d, const struct target *target);
/* Says QUIT to all that are idle. */
void
connection_close_idle(void);
