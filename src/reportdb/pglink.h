/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to PostgreSQL on which commands are sent without waiting for each (libpq's
 * pipeline). What one of them failed at is known when they are waited for. Within a transaction it
 * spoils all that follows: nothing more is sent, and each function returns it, until the
 * transaction is undone.
 *
 * Nothing is waited for without end. A connection is made within 10 s of each host in the URL; the
 * server gives a statement up after a minute and a lock after 10 s, where the URL's options do not
 * say statement_timeout and lock_timeout; and a server that says nothing for 5 s longer than a
 * statement may take is -ETIMEDOUT, and lost. It may do all the same what it was asked for.
 */
#pragma once

#include "reportdb/pq_library.h"
#include "reportdb/reportdb.h"

enum { GP_PGLINK_WHY_MAX = 512 };

struct gp_pglink {
	PGconn *connection; /* NULL: none was ever made */
	bool writes, in_transaction;
	bool silent;           /* it did not answer in time, and is not asked any more */
	bool stays;            /* as it is: once it is lost, it is not made anew */
	int failed;            /* what spoilt the transaction: -errno; 0: nothing */
	unsigned sent;         /* commands that are not waited for */
	unsigned generation;   /* of prepared statements: those of an older one may be gone */
	uint64_t statement_ms; /* that the server lets a statement take, */
	uint64_t patience_ms;  /* and how long it is waited for */
	char why[GP_PGLINK_WHY_MAX];
};

/*
 * where: postgresql://..., as libpq has it. A password may not stand there, as others can see the
 * arguments of a command, and a configuration: it stands in the file that PGPASSFILE or `passfile`
 * names, or nobody needs one. Over a network the server has to prove that it is the one named, by
 * TLS, unless `sslmode` says otherwise; a Unix socket needs no proof.
 *
 * 0; -ELIBACC, -ELIBBAD: libpq is not there; -EADDRNOTAVAIL: it is none, has a password, or another
 * encoding than UTF-8; -ENOTCONN; -errno. The link is to be closed, whatever it is.
 */
[[nodiscard]] int
gp_pglink_open(struct gp_pglink *l, const char *where, bool writes);
void
gp_pglink_close(struct gp_pglink *l);
/* From now on it is not made anew once it is lost, and a statement may take 15 s, where the URL's
 * options do not say: it is a role's, which its supervisor would end after half a minute. Between
 * transactions. */
[[nodiscard]] int
gp_pglink_stay(struct gp_pglink *l);
/* Whether it is of no more use. */
bool
gp_pglink_lost(const struct gp_pglink *l);
/* Makes it anew where it was lost: between transactions. 0 or -errno. */
[[nodiscard]] int
gp_pglink_mend(struct gp_pglink *l);

/* Notes a failure and its words, of which the first within a transaction stays. Returns the one
 * that stays. */
int
gp_pglink_fail(struct gp_pglink *l, int error, const char *why);

/* A command that was handed to libpq's pipeline: `good` is what it returned. */
[[nodiscard]] int
gp_pglink_sent(struct gp_pglink *l, int good);
/* One without parameters. */
[[nodiscard]] int
gp_pglink_send(struct gp_pglink *l, const char *text);
/* Waits for all that was sent. ret_last: what the last one brought, to be cleared; NULL after a
 * failure; may be NULL. */
[[nodiscard]] int
gp_pglink_settle(struct gp_pglink *l, PGresult **ret_last);

/* Within a transaction: its statements may take ten minutes. */
[[nodiscard]] int
gp_pglink_take_time(struct gp_pglink *l);
/* The transaction is over. */
void
gp_pglink_end(struct gp_pglink *l);
/* Undoes the transaction, which is over then; the words of what spoilt it stay. */
void
gp_pglink_rollback(struct gp_pglink *l);

/* Statements that are run once, one after the other, which may be several in a text; nothing is
 * under way. ret: of the last one; may be NULL. */
[[nodiscard]] int
gp_pglink_execute(struct gp_pglink *l, const char *text, PGresult **ret);
