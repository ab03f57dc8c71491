/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this folder asks of a database, whichever it is: statements that are prepared once, values
 * in, rows out, transactions. What it is stands behind it (engine.h); nothing else here knows.
 *
 * The text of a statement is SQL that all of them know; its parameters are ?1, ?2 ..., or ? for
 * one after the other. Numbers are of 64 bits, texts are UTF-8 and compare as octets.
 *
 * Functions that return int: 0 or -errno, where nothing else is said; gp_sql_why() has it in words
 * then. What fails within a transaction has spoilt all of it, and may be told by a later call.
 */
#pragma once

#include "base/slice.h"
#include "reportdb/reportdb.h"

struct gp_sql;
struct gp_sql_statement;

/* -ENOENT: it is not there; -errno. Whatever it is, *ret is to be closed; NULL: no memory. */
[[nodiscard]] int
gp_sql_open(const char *where, enum gp_reportdb_mode mode, struct gp_sql **ret);
/* What is in a transaction is undone. All statements are finalised before. Accepts NULL, returns
 * NULL. */
struct gp_sql *
gp_sql_close(struct gp_sql *sql);
/* Of a server: gp_reportdb_stay(), gp_reportdb_lost(). */
void
gp_sql_stay(struct gp_sql *sql);
bool
gp_sql_lost(const struct gp_sql *sql);
/* Of what failed last, in the database's words; until the next call. */
const char *
gp_sql_why(const struct gp_sql *sql);

/* Tables: takes the steps that are still ahead, all of them or none. Those of a database that is
 * only read have to be up to date. -EPROTO: they are another version's; -ENODATA: to be read, a
 * file has none. */
[[nodiscard]] int
gp_sql_migrate(struct gp_sql *sql, const char *const *steps, size_t len);

/* --- statements --- */

/* What a statement is for. */
enum gp_sql_use {
	GP_SQL_FEW = 0, /* a change, or a question with few rows */
	GP_SQL_MANY,    /* a question whose rows may be more than memory should hold at once */
	GP_SQL_PUTS,    /* rows that are put, and nothing else */
};

/* text: stands for as long as the statement. NULL: it cannot be had; gp_sql_error() says why. */
[[nodiscard]] struct gp_sql_statement *
gp_sql_prepare(struct gp_sql *sql, const char *text, enum gp_sql_use use);
/* Why the last one could not be prepared: -errno. */
int
gp_sql_error(const struct gp_sql *sql);
/* Accepts NULL. What was put and still waits is forgotten. */
void
gp_sql_finalise(struct gp_sql_statement *st);

/* The parameters, from 1 on. They stay until they are bound again; texts and octets are not
 * copied: they have to live until the statement is over. */
void
gp_sql_bind_int(struct gp_sql_statement *st, int parameter, int64_t n);
void
gp_sql_bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text);
void
gp_sql_bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets);
void
gp_sql_bind_null(struct gp_sql_statement *st, int parameter);

/* The next row: 1; 0: there is none; -errno. But for 1 the statement is over. Others may be asked
 * while rows of this one are still to come. */
[[nodiscard]] int
gp_sql_step(struct gp_sql_statement *st);
/* Of a statement without rows: all of it. */
[[nodiscard]] int
gp_sql_run(struct gp_sql_statement *st);
/* Of an INSERT of one row, of columns that are never NULL, that is added together with others:
 * soon, and before anything else is asked. No two of them have the same key, and parameters outside
 * of its VALUES are the same for all, unless gp_sql_push() or a question stands between; so long
 * its texts and octets have to live. Its parameters are "?" alone; all are bound for each row, with
 * nothing else between that and this. Within a transaction. */
[[nodiscard]] int
gp_sql_put(struct gp_sql_statement *st);
[[nodiscard]] int
gp_sql_push(struct gp_sql *sql);
/* Of an INSERT with ON CONFLICT DO NOTHING, of one row into a table whose key is `id`: 0, and that
 * key; 1: it was there already. */
[[nodiscard]] int
gp_sql_insert(struct gp_sql_statement *st, int64_t *ret_id);
/* Of a table whose key is `id`, and of which rows came with theirs: those that come without get
 * larger ones. */
[[nodiscard]] int
gp_sql_number_on(struct gp_sql *sql, const char *table);
/* Its other rows are of no interest. */
void
gp_sql_reset(struct gp_sql_statement *st);

/* Columns of the row, from 0 on. A NULL is 0, and empty. */
int64_t
gp_sql_int_at(struct gp_sql_statement *st, int column);
bool
gp_sql_null_at(struct gp_sql_statement *st, int column);
/* Until the next row. */
struct gp_slice
gp_sql_text_at(struct gp_sql_statement *st, int column);
/* Returns how many octets there were, at most size. */
size_t
gp_sql_octets_at(struct gp_sql_statement *st, int column, uint8_t *ret, size_t size);

/* --- transactions --- */

/* One that writes: nobody else does until its end. -EBUSY: somebody else did for
 * GP_REPORTDB_WAIT_MS. */
[[nodiscard]] int
gp_sql_begin(struct gp_sql *sql);
/* Durable once it returns 0. */
[[nodiscard]] int
gp_sql_commit(struct gp_sql *sql);
/* Where there is one, which a failure may have ended already. */
void
gp_sql_rollback(struct gp_sql *sql);
/* A part of it, which is kept or undone; there is one at a time. */
[[nodiscard]] int
gp_sql_save(struct gp_sql *sql);
[[nodiscard]] int
gp_sql_undo(struct gp_sql *sql); /* what was done since; the part goes on */
[[nodiscard]] int
gp_sql_release(struct gp_sql *sql);
