/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS itself: libunbound on the role's own loop, with its cache, and DNSSEC validation where a
 * trust anchor is configured. It starts no thread and, after network_new, opens no file.
 */
#pragma once

#include <event2/event.h>

#include "core/config/config.h"

enum {
	NETWORK_SOCKETS = 256, /* UDP sockets, one a query under way; more wait their turn */
	NETWORK_TCP_MAX = 32,
};

struct network;

struct network_result {
	struct gp_slice packet; /* the response as it came; empty: there is no usable one */
	bool secure;            /* validated */
	bool bogus;             /* validation proves it wrong: then there is no packet */
	const char *trouble; /* why there is no packet; static or the library's, never NULL then */
};

/* Embedded in its owner. */
struct network_query {
	/* Once, perhaps before network_ask returns; not after network_cancel. */
	void (*done)(struct network_query *q, const struct network_result *result);
	int id;
};

/*
 * sockets: NETWORK_SOCKETS, or another number of open files that the process may have. Reads all
 * that it needs from the system: libunbound, the servers of /etc/resolv.conf where
 * `dns.server` is empty (none there: asks from the root on), and the trust anchor. Returns 0, or
 * -errno after logging what is wrong.
 */
[[nodiscard]] int
network_new(struct event_base *base, const struct gp_config *config, unsigned sockets,
	    struct network **ret);
struct network *
network_free(struct network *n);

/* Is there a trust anchor, so that what is not secure is known to be insecure? */
bool
network_validates(const struct network *n);

/* name: canonical text. Returns 0 or -errno: then `done` is not called. */
[[nodiscard]] int
network_ask(struct network *n, const char *name, uint16_t type, struct network_query *q);
void
network_cancel(struct network *n, struct network_query *q);
