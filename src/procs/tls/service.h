/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS for a role that accepts connections: what it shakes hands with, and who signs. One a process.
 *
 *     prepare:    tls_prepare()
 *     start:      tls_start(); tls_connect() when signer is a peer, and again when it is a new one
 *     reload:     tls_configure()
 *     a session:  tls_accept(); gp_tls_handshake(); when that wants a signature, tls_sign(), and
 *                 later the owner's signed_for()
 */
#pragma once

#include "ipc/role.h"
#include "sys/tls.h"

/* What waits for a signature; each process has its own kind, and nobody here looks into it. */
struct session;

struct tls_owner {
	gp_permit permit; /* GP_PERMIT_SIGNER_TO_ROLE */
	/* All certificates are in use that can be; at first, and after each change. */
	void (*settled)(void);
	/* The signature that was asked for; empty: there is none to be had. */
	void (*signed_for)(struct session *s, struct gp_slice signature);
	/* What signer says beside that; and that it is gone, or another one is there: what was
	   asked of the old one is not answered. NULL where the permit has nothing else. */
	void (*heard)(const struct gp_message *m);
	void (*lost)(void);
};

/* Before the sandbox. Returns 0 or -ENOMEM. */
int
tls_prepare(void);
/* owner: static. */
int
tls_start(struct gp_role_env *env, const struct tls_owner *owner);
/* The certificates may be others now. */
void
tls_configure(void);
void
tls_connect(struct gp_role_env *env, int fd);
/* Whether all certificates are in use that can be, or there are none. */
bool
tls_settled(void);
/* Whether a session may begin TLS. */
bool
tls_possible(void);
/* NULL: not possible now. */
struct gp_tls *
tls_accept(int fd, const struct gp_role_listen *listen);
/* Something else to signer, for which heard() has the answer. False: not possible now. */
bool
tls_tell_signer(const struct gp_message *m);
/* Asks for a signature; signed_for() answers. False: not possible now. */
bool
tls_sign(struct session *s, const struct gp_tls_request *r);
/* The session is gone, or waits no longer: the answer for it is dropped. */
void
tls_forget(struct session *s);
