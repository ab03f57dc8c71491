/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of the resolver role: takes questions from its peers, gives each exactly one answer
 * within its time limit, in any order. Where they come from, a file or the network, is settled when
 * it is opened.
 */
#pragma once

#include "core/config/config.h"
#include "ipc/channel.h"

enum {
	QUERIES_MAX = 1000,        /* under way at once; more are answered SERVFAIL */
	STRANGERS_MAX = 750,       /* of these, about strangers' mail: it shall not hold up ours */
	QUERY_TIME_MS = 30 * 1000, /* then the answer is TIMEOUT */
	PEERS_MAX = 128,
};

struct resolver;

/* query_time_ms: QUERY_TIME_MS, or less in tests. NULL: no memory. */
struct resolver *
resolver_new(struct gp_loop *loop, uint64_t query_time_ms);
/* Accepts NULL, returns NULL. */
struct resolver *
resolver_free(struct resolver *r);

/* Opens what the configuration names; config is not kept. Before the sandbox. Returns 0, or -errno
   after logging what is wrong. */
[[nodiscard]] int
resolver_open(struct resolver *r, const struct gp_config *config, const uint64_t seed[2]);

/* Takes fd over: the end of a channel of one who asks, for_strangers: about their mail. It is
   listened to from resolver_start on. */
void
resolver_add_peer(struct resolver *r, int fd, bool for_strangers);
void
resolver_start(struct resolver *r);
