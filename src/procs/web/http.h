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
#include "procs/web/dashboard.h"
#include "sys/address.h"

enum {
	/* Octets that a connection's head and our answer's head may take together. */
	HTTP_MEMORY_MAX = 12 * 1024,
	/* Those whose session has gone are closed a turn later. */
	HTTP_CONNECTIONS_MAX = 512,
};

/* The dashboard's owner sets its configuration anew at each reload, by which policies are answered
 * too. Returns 0 or -ENOMEM. */
int
http_start(struct event_base *base, struct dashboard *dashboard);

/* Of whom a connection is. */
struct http_client {
	char sni[256]; /* the name that it shook hands with; "": none */
	struct gp_sockaddr address;
	uint8_t service; /* enum gp_service */
	bool tls;
};

/* A new connection. Returns the end of its pair, not blocking, which the caller closes, or
   -errno. */
int
http_connect(const struct http_client *client);
