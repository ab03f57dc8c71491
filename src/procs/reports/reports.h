/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of gatepost-reports; README.md says what the role is for.
 *
 *     relay --TLS_RESULT-----+
 *     smtpd --DMARC_RESULT---+--> peers.c --> main.c --> store.h   counts, all day long
 *           --DMARC_FAILURE--+                 +--> failures.c     one message, and its like
 *
 *     ingest --> received.h   reports of others
 *                    ^------- names.h --(resolver)         the names of who is told of in them
 *
 *     main.c --(a report is due)--> jobs.c --> compose.h           JSON or XML, gzip, mail
 *                                     |  +---> where.h             where does it go?
 *                                     |  +---> procs/ask.h         whom the DNS knows
 *                                  peers.c --FETCH----> fetch      there, by HTTPS
 *                                          --DKIM_SIGN> signer     who it is from
 *                                          --LETTER---> spool      there, by mail
 */
#pragma once

#include "ipc/role.h"
#include "procs/dkim/signing.h"
#include "procs/reports/store.h"

enum reports_limits {
	REPORTS_JOBS_MAX = 16, /* reports under way */
};

/* The process. */
struct reports {
	struct gp_role_env *env;
	struct store *store;
	struct signers signers; /* whose mail is signed */
	bool stopping;
};
extern struct reports reports;

uint64_t
reports_now_s(void);
/* How much time a report is about, and how long it is tried. */
uint64_t
reports_interval_s(enum store_kind kind);

/* --- main.c --- */

/* A session's result, or a message's. False: it makes no sense, and whoever said it has fallen. */
[[nodiscard]] bool
reports_count(const struct gp_message *result);
/* Something is due now, or may be. */
void
reports_wake(void);
/* Ends the process when it is told to stop, nothing is under way and nothing more comes. */
void
reports_check_stop(void);

/* --- failures.c: single messages that are told of --- */

/* Before the sandbox, behind signing_prepare(): what libcrypto does at its first HMAC. 0 or
 * -ENOMEM. */
[[nodiscard]] int
failures_prepare(void);
/* Counts a message into the report about one like it, or keeps what is told of it, where there is
 * room. 0 or -errno. */
[[nodiscard]] int
failures_take(const struct gp_failrpt_incident *incident);
/* To the log: how many were left out, when that is some time ago. */
void
failures_tell_left_out(uint64_t now_s);

/* --- peers.c: the conversations with the other roles --- */

void
peers_connect(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd);
/* Whether it is there: fetch, signer or spool. */
bool
peers_has(enum gp_role_id role);
/* Whether anybody is there who tells of results: a relay or an smtpd. */
bool
peers_tell(void);
/* To one of them; its answer comes by jobs_answer(). False: nobody is there. */
[[nodiscard]] bool
peers_say(enum gp_role_id role, const struct gp_message *m);

/* --- jobs.c: reports on their way --- */

/* Begins with what is due. */
void
jobs_run(void);
size_t
jobs_count(void);
/* What a peer answered. */
void
jobs_answer(const struct gp_message *m);
/* The peer is gone: what it was asked stays without an answer. */
void
jobs_peer_lost(enum gp_role_id role);
