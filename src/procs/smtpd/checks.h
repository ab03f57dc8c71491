/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a stranger's message: core/verify between a session, which brings the message
 * (checks.c), and the resolver, which brings answers (procs/ask); and what follows from it.
 *
 * They begin with the first recipient that is taken, so that who only tries addresses makes us ask
 * nothing, and are over with the transaction.
 */
#pragma once

#include "core/authpolicy/authpolicy.h"
#include "procs/smtpd/smtpd.h"

enum {
	/* How long the end of data waits for answers: RFC 5321 section 4.5.3.2.6 has the client
	   wait ten minutes, and people less. */
	CHECKS_MS = 10 * 1000,
};

struct checks;

/* Once, before anything else. */
void
checks_start(struct gp_loop *loop);

/* From the configuration, of which no pointer is kept beyond the next call. 0 or -ENOMEM. */
int
checks_configure(const struct gp_config *cfg, const uint64_t seed[2]);

/* Takes fd over: the channel to resolver. */
void
checks_connect(struct gp_role_env *env, int fd);

/* Is mail of this session looked at: a stranger's, on a listener for strangers? */
bool
checks_wanted(const struct session *s);

/* NULL: no memory. */
struct checks *
checks_begin(struct session *s);
/* Accepts NULL, returns NULL. */
struct checks *
checks_free(struct checks *c);

void
checks_feed(struct checks *c, struct gp_slice piece);

/* The message has ended. True: all is known; else session_checked() says when. */
bool
checks_end(struct checks *c);
/* Its time is over: what is not known now will not be. */
void
checks_expire(struct checks *c);

/*
 * When all is known: the reply that refuses the message, or one of code 0, and what it came to is
 * appended to `head`. *ret_junk: it is taken, and marked. Tells the log, and the session what the
 * journal is to hear. Texts live in the arena.
 */
struct gp_reply
checks_conclude(struct checks *c, struct gp_arena *arena, struct gp_buf *head, bool *ret_junk);

/* The organizational domain of From, which passed DMARC; empty: it did not. Of a message that was
 * concluded. */
struct gp_slice
checks_passed(const struct checks *c);

/* What the chain of a message came to that was concluded, and not refused. */
const struct gp_arc_verdict *
checks_chain(const struct checks *c);
/* The answers of the DNS that it came to this by, to be kept, in the buffer; empty: they do not
 * fit. */
struct gp_slice
checks_answers(const struct checks *c, struct gp_buf *buffer);
