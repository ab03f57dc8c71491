/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of gatepost-relay; README.md says what the role is for.
 *
 *     spool --DELIVER--> delivery.c --(where to?)--> way.c --> lookup.c   --RESOLVE--> resolver
 *                           |   ^                          |-> policies.c --POLICY---> fetch
 *                           |   ^                          \-> tokens.c   --FETCH----> fetch
 *              takes or dials   asks for the next transaction, tells what came of it
 *                           v   |
 *                        connection.c  (socket, timer, core/smtp/client.h)  --> other servers
 *                        secure.c      (its TLS: what is to be proven, and whether it was)
 *                        results.c     (what it came to)  --TLS_RESULT--> reports
 *                        sessions.c    (TLS sessions to be resumed)
 *                        login.c       (what the smarthost is told)
 *
 * A delivery has one connection at most, a connection one delivery at most. A connection without
 * one is idle and waits in the pool for the next delivery to the same destination.
 */
#pragma once

#include "core/mx/mx.h"
#include "core/policy/demands.h"
#include "core/policy/policy.h"
#include "core/smtp/client.h"
#include "core/tlspolicy/judge.h"
#include "ipc/role.h"
#include "sys/address.h"
#include "sys/tls_client.h"

enum relay_limits {
	RELAY_SESSIONS_MAX = 2,    /* sessions that may break in one delivery */
	RELAY_CONNECT_MS = 30'000, /* for one address */
	RELAY_IDLE_MS = 5'000,     /* a kept connection waits so long for work */
	RELAY_AGE_MS = 300'000,    /* then it is not kept again: servers change, and count */
	RELAY_IDLE_DESTINATION_MAX = 20,
	RELAY_IDLE_MAX = 256,  /* kept in all; the one that is idle longest goes */
	RELAY_ROUNDS_MAX = 32, /* of questions in one delivery; MX preferences bound it */
	RELAY_LMTP_PORT = 24,
	RELAY_RESUMED_MAX = 4096,     /* TLS sessions kept */
	RELAY_RESUME_MS = 86'400'000, /* after their proof: certificates end, and are revoked */
	RELAY_KEY_MAX = 64 * 1024,    /* octets of what such a session is kept under */
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
	struct gp_demands *demands;
	bool stopping;
};
extern struct relay relay;

/* Ends the process when it is told to stop and nothing is under way. */
void
relay_check_stop(void);

/* --- way.c: where a delivery goes, and how TLS has to be there --- */

struct target {
	struct gp_sockaddr address;
	struct gp_slice name;                       /* "mx.example.net [192.0.2.1]:25" */
	const struct gp_tlspolicy_verdict *verdict; /* NULL: no TLS, as with LMTP */
	bool clear;    /* TLS failed there, and nothing demands it: STARTTLS is not said again */
	bool implicit; /* TLS from the first octet */
	/* HOST:PORT of the smarthost, which is told login_now() if it still is the one. Empty:
	   nobody is. */
	struct gp_slice login;
};

/* Starts as its delivery, arena, query and wishes. */
struct way {
	struct delivery *delivery; /* who waits for it */
	struct gp_arena *arena;
	struct gp_mx_query query;
	bool lmtp;
	bool implicit; /* this and the next: every target's */
	struct gp_slice login;
	uint8_t want;    /* enum gp_tlspolicy_want: what is configured */
	uint8_t message; /* enum gp_tlspolicy_message */
	bool uncounted;  /* no TLS report tells of its sessions */
	const struct gp_slice *fingerprints;
	size_t fingerprints_len;
	/* what is known so far */
	struct gp_answers *answers;
	unsigned rounds; /* of questions to the resolver */
	bool hosts_found;
	struct gp_mx_result mx; /* once they are found */
	struct {
		bool asked, done, lost;
		uint8_t record; /* enum gp_mtasts_record */
		struct gp_slice id;
		uint8_t action;       /* enum gp_mtasts_action */
		uint8_t failure;      /* enum gp_mtasts_failure */
		struct gp_slice text; /* of the policy; empty: none is valid */
	} sts;
	struct {
		struct gp_slice why; /* there is none; empty: nothing is known against it */
		struct way *next;    /* who waits for it too */
	} token;
	/* the result */
	struct target *targets; /* those that may be used, in order */
	size_t targets_len;
	struct gp_reply skipped; /* of a host that may be used another time; code 0: none */
	struct gp_reply reply;   /* WAY_NONE: why */
};

enum way_result {
	WAY_FOUND = 0,
	WAY_WAITS = 1, /* delivery_answered() is called when there is more to know */
	WAY_NONE = 2,
};
/* enum way_result, or -ENOMEM. */
[[nodiscard]] int
way_find(struct way *w);
void
way_free(struct way *w);
/* fetch's answer; NULL: it is gone. */
void
way_policy_known(struct way *w, const struct gp_msg_policy_known *known);

/* why: there is no token; empty: look again. */
void
way_token_known(struct way *w, struct gp_slice why);

/* --- policies.c: the conversation with fetch --- */

void
policies_connect(struct gp_role_env *env, int fd);
/* Its ticket is set here. w: who waits, by way_policy_known(); NULL: nobody. 0 or -errno. */
[[nodiscard]] int
policies_ask(struct way *w, const struct gp_msg_policy *about);
/* A request of tokens.c, which is told the answer. 0 or -errno. */
[[nodiscard]] int
policies_fetch(const struct gp_msg_fetch *order, uint64_t *ret_ticket);

/* --- tokens.c: the token to log in with at the smarthost --- */

/* Whether the configuration says where. */
bool
tokens_are_had(void);
/* The one that is good now, or empty. */
struct gp_slice
tokens_now(void);
/* Asks for one, at these addresses of its host; way_token_known() follows. 0 or -errno. */
[[nodiscard]] int
tokens_ask(struct way *w, const struct gp_fetch_address *addresses, size_t len);
/* fetch's answer; NULL: it is gone. */
void
tokens_fetched(const struct gp_msg_fetched *m);
/* It was refused, or another one is configured. */
void
tokens_forget(void);

/* --- delivery.c: one message to recipients of one destination --- */

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
uint64_t
delivery_id(const struct delivery *d);
/* enum gp_tlspolicy_message: what it demands of TLS by itself. */
uint8_t
delivery_wishes(const struct delivery *d);
const struct way *
delivery_way(const struct delivery *d);

/* The next transaction, for those recipients that have no outcome yet, as many as this server
   takes. A binary message is made one of lines where it would not take it otherwise. */
const struct gp_smtp_client_mail *
delivery_next(struct delivery *d, const struct gp_smtp_client *client);
/* Hands a part of the message over. Returns 0 when the output is full, 1 when that was all (the end
   was told), -errno when it cannot be read (the session was told to break off). */
int
delivery_feed(struct delivery *d, struct gp_smtp_client *client);
/* What that transaction came to. True: all is settled, the spool was told, and d is gone. */
[[nodiscard]] bool
delivery_take(struct delivery *d, const struct gp_smtp_client *client);

enum lost {
	LOST_BROKEN,   /* it could not be made, or the session broke or was refused */
	LOST_UNPROVEN, /* the server did not prove what is demanded, and heard nothing */
	LOST_AGAIN,    /* that says nothing against the host, which may be dialled once more */
};

/* d has no connection any more. */
void
delivery_lost(struct delivery *d, const struct gp_outcome *why, enum lost how);

/* The same host once more, on a new connection without TLS, which failed and nothing demands. */
void
delivery_clear(struct delivery *d);

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

/* --- secure.c: TLS of one connection --- */

/* Before the sandbox. 0 or -errno. */
[[nodiscard]] int
secure_prepare(const struct gp_config *cfg);
/* TLS for this verdict over a connected socket. session: to be resumed, made under the same proof;
   NULL: none. NULL: no memory. */
struct gp_tls *
secure_connect(int fd, const struct gp_tlspolicy_verdict *verdict,
	       const struct gp_tls_session *session);
/* Once it stands: whether the proof that the verdict binds delivery to is there. */
[[nodiscard]] bool
secure_is_proven(const struct gp_tlspolicy_verdict *verdict, const struct gp_tls *tls);
/* What the session came to, held against its verdict; tls: NULL where there is none. 0, -ENOMEM. */
[[nodiscard]] int
secure_judge(const struct gp_tlspolicy_verdict *verdict, const struct gp_smtp_client *client,
	     const struct gp_tls *tls, struct gp_arena *arena, struct gp_tlspolicy_judgement *ret);
/* What STARTTLS is to the client's session under this verdict. */
enum gp_client_tls
secure_wish(const struct target *target);

/* --- results.c: what sessions came to, for the TLS reports --- */

/* Tells what a session is counted as, or a host that was skipped. remote: its address; fd: the
   connected socket, or -1. Nobody waits for it, and what finds nobody is lost. */
void
results_tell(const struct way *w, const struct gp_tlspolicy_verdict *verdict,
	     const struct gp_tlspolicy_judgement *judgement, const struct gp_sockaddr *remote,
	     int fd);

/* --- sessions.c --- */

/* The key: octets of destination, address and proof. NULL: none; else it stays the cache's, and
   *ret_proven_ms says when its proof was made. */
const struct gp_tls_session *
sessions_find(struct gp_slice key, uint64_t *ret_proven_ms);
/* Takes over the session; NULL is one that cannot be resumed. */
void
sessions_keep(struct gp_slice key, struct gp_tls_session *session, uint64_t proven_ms);
void
sessions_drop(struct gp_slice key);

/* --- login.c --- */

/* kind: enum gp_secret_kind; reads the descriptor, and leaves it open. */
void
login_take(struct gp_role_env *env, uint8_t kind, int fd);
/* Forgets what is not configured any more. */
void
login_reload(const struct gp_config *cfg);
struct gp_slice
login_client_secret(void);
/* What the smarthost is told; valid until the next event. */
struct gp_client_login
login_now(void);

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
