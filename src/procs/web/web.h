/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web's parts: connections and who may have one (listener.c), one connection's handshake and
 * octets (session.c), HTTP (http.h), what is answered (answer.h for policies, dashboard.h), what
 * auth knows (passwords.h), and the role itself (main.c).
 */
#pragma once

#include "ipc/role.h"
#include "procs/tls/service.h"
#include "sys/address.h"

struct session;

/* --- main.c: the process's state --- */

struct web {
	struct gp_role_env *env;
	struct gp_list sessions; /* the oldest first */
	size_t sessions_len;
};

extern struct web web;

/* --- listener.c --- */

/* There is a socket, or both. Returns 0 or -ENOMEM. */
int
listener_start(struct gp_role_env *env);
/* Begins to accept; more than once does no harm. */
void
listener_open(void);

/* --- session.c --- */

/* Takes over fd; listen: where it was accepted, which outlives it. */
void
session_start(int fd, const struct gp_sockaddr *peer, const struct gp_role_listen *listen);
void
session_free(struct session *s);
/* Did it come in there, from this address or the same IPv6 /64? */
bool
session_is_of(const struct session *s, const struct gp_role_listen *listen,
	      const struct gp_sockaddr *peer);
/* The session with this link. */
struct session *
session_of(struct gp_list *link);
/* The signature that was asked for; empty: there is none to be had. */
void
session_signed(struct session *s, struct gp_slice signature);
