/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP is libmicrohttpd's. It has no socket of the world: each connection gets one end of a pair,
 * and session.c carries plain octets between the other end and TLS. Deadlines, and how many
 * connections there are, are session.c's and listener.c's too; here one connection is one request
 * and one answer.
 */
#pragma once

#include <event2/event.h>

#include "core/config/config.h"
#include "sys/address.h"

enum {
	/* Octets that a connection's head and our answer's head may take together. */
	HTTP_MEMORY_MAX = 12 * 1024,
	/* Those whose session has gone are closed a turn later. */
	HTTP_CONNECTIONS_MAX = 512,
};

/* config: what is asked for each answer, as a reload changes it. Returns 0 or -ENOMEM. */
int
http_start(struct event_base *base, const struct gp_config *(*config)(void));

/* A new connection of this client, who shook hands with that name ("": none). Returns the end of
   its pair, not blocking, which the caller closes, or -errno. */
int
http_connect(const char *sni, const struct gp_sockaddr *client);
