/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exchange of SASL, from its peer's first word to its result: what is said of it, and when it is
 * whose turn. Those who wait, here or for somebody who is asked, are on one heap by the time that
 * ends it; check.h says what happens then.
 *
 * Whatever ends an exchange frees it: who calls any of these does not look at it again.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "core/sasl/server.h"
#include "core/users/users.h"
#include "ipc/values.h"
#include "procs/auth/auth.h"
#include "procs/auth/dovecot.h"
#include "procs/auth/issuer.h"
#include "procs/auth/quota.h"
#include "procs/auth/throttle.h"

enum { EXCHANGE_SEQUENCE_BITS = 20 }; /* of a heap's key, below the milliseconds */

enum exchange_state { AT_CLIENT, WAITING, AT_DOVECOT, AT_ISSUER, DELAYED };

struct peer {
	struct gp_list link;
	struct auth *auth;
	struct gp_channel *channel;
	bool web; /* it hears who may see the dashboard */
	struct gp_list exchanges;
	struct gp_map by_ticket;
};

struct exchange {
	struct gp_list link;
	struct gp_heap_node due; /* WAITING: not before this; AT_DOVECOT, AT_ISSUER: not after
				    this; DELAYED: the result */
	struct peer *peer;
	uint64_t ticket;
	uint8_t state; /* enum exchange_state */
	struct throttle_who who;
	struct gp_arena arena;
	struct gp_sasl sasl;
	int check;                 /* WAITING: the event that asks for it; 0: the response itself */
	struct gp_slice response;  /* of SCRAM, which proves by it */
	uint64_t ready_ms;         /* WAITING: when nothing but its turn was missing */
	uint64_t late_ms, took_ms; /* of its checks, for the log */
	uint32_t asked_id;         /* AT_DOVECOT, AT_ISSUER */
	uint8_t result;            /* DELAYED: enum gp_auth_result */
};

struct auth {
	struct gp_loop *loop;
	const struct gp_config *config;
	struct accounts *accounts;
	struct throttle *throttle;
	struct quota *quota;
	struct dovecot *dovecot; /* NULL: passwords are checked here */
	struct issuer *issuer;
	uint32_t asked_ids;
	struct gp_oauth_keys *keys; /* NULL: no tokens */
	uint64_t seed[2];
	struct gp_list peers;
	size_t peers_len;
	struct gp_heap due;
	struct event *timer;
	uint32_t sequence;
	size_t waiting;
};

/* To the peer. One that does not read has filled its queue: its exchanges are lost with it. */
void
peer_say(struct peer *p, const struct gp_message *m);

/* How many recipients the user may have, NULL: one who is not in the file; as the file says, else
   as the configuration does. */
struct quota_limits
user_limits(const struct auth *a, const struct gp_user *user);

/* NULL: there is none of this ticket. */
struct exchange *
exchange_find(const struct peer *p, uint64_t ticket);

/* AT_CLIENT. NULL: no memory. */
struct exchange *
exchange_new(struct peer *p, const struct gp_msg_auth_begin *m);
/* Without a word. */
void
exchange_free(struct exchange *x);

/* --- when it is whose turn --- */

/* Sets the timer to the first who is due. */
void
exchange_set_timer(struct auth *a);

/* Until then it is in this state. Those of one millisecond come in the order of this call. False:
   no memory. */
bool
exchange_put_off(struct exchange *x, enum exchange_state state, uint64_t when_ms);

/* Stands in line for a check, by this event of core/sasl; 0: for the response itself. */
void
exchange_stand_in_line(struct exchange *x, int check);

/* Its turn in the line of checks is there, and it is off the heap. */
void
exchange_stop_waiting(struct exchange *x);

/* --- what it comes to --- */

/* Does what the event of core/sasl asks for. */
void
exchange_go_on(struct exchange *x, int event);

/* Says the result, enum gp_auth_result, and ends it. reason: for the log; static. */
void
exchange_end(struct exchange *x, uint8_t result);
void
exchange_end_because(struct exchange *x, uint8_t result, const char *reason);
