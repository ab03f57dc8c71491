/* SPDX-License-Identifier: Apache-2.0 */
/* Each question goes to the engine that the database has. */
#include "reportdb/sql.h"

#include "reportdb/engine.h"
#include "reportdb/server.h"

bool
gp_reportdb_is_server(const char *path)
{
	struct gp_slice s = gp_slice_str(path);
	return gp_slice_starts(s, GP_SLICE("postgresql://")) ||
	       gp_slice_starts(s, GP_SLICE("postgres://"));
}

int
gp_sql_open(const char *where, enum gp_reportdb_mode mode, struct gp_sql **ret)
{
	return gp_reportdb_is_server(where) ? gp_postgres_open(where, mode, ret)
					    : gp_sqlite_open(where, mode, ret);
}

struct gp_sql *
gp_sql_close(struct gp_sql *sql)
{
	return sql ? sql->engine->close(sql) : NULL;
}

void
gp_sql_stay(struct gp_sql *sql)
{
	sql->engine->stay(sql);
}

bool
gp_sql_lost(const struct gp_sql *sql)
{
	return sql->engine->lost(sql);
}

const char *
gp_sql_why(const struct gp_sql *sql)
{
	return sql->engine->why(sql);
}

int
gp_sql_migrate(struct gp_sql *sql, const char *const *steps, size_t len)
{
	return sql->engine->migrate(sql, steps, len);
}

/* --- statements --- */

struct gp_sql_statement *
gp_sql_prepare(struct gp_sql *sql, const char *text, enum gp_sql_use use)
{
	return sql->engine->prepare(sql, text, use);
}

int
gp_sql_error(const struct gp_sql *sql)
{
	return sql->engine->error(sql);
}

void
gp_sql_finalise(struct gp_sql_statement *st)
{
	if (st)
		st->engine->finalise(st);
}

void
gp_sql_bind_int(struct gp_sql_statement *st, int parameter, int64_t n)
{
	st->engine->bind_int(st, parameter, n);
}

void
gp_sql_bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text)
{
	st->engine->bind_text(st, parameter, text);
}

void
gp_sql_bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets)
{
	st->engine->bind_octets(st, parameter, octets);
}

void
gp_sql_bind_null(struct gp_sql_statement *st, int parameter)
{
	st->engine->bind_null(st, parameter);
}

int
gp_sql_step(struct gp_sql_statement *st)
{
	return st->engine->step(st);
}

int
gp_sql_run(struct gp_sql_statement *st)
{
	return st->engine->run(st);
}

int
gp_sql_put(struct gp_sql_statement *st)
{
	return st->engine->put(st);
}

int
gp_sql_push(struct gp_sql *sql)
{
	return sql->engine->push(sql);
}

int
gp_sql_number_on(struct gp_sql *sql, const char *table)
{
	return sql->engine->number_on(sql, table);
}

int
gp_sql_insert(struct gp_sql_statement *st, int64_t *ret_id)
{
	return st->engine->insert(st, ret_id);
}

void
gp_sql_reset(struct gp_sql_statement *st)
{
	st->engine->reset(st);
}

int64_t
gp_sql_int_at(struct gp_sql_statement *st, int column)
{
	return st->engine->int_at(st, column);
}

bool
gp_sql_null_at(struct gp_sql_statement *st, int column)
{
	return st->engine->null_at(st, column);
}

struct gp_slice
gp_sql_text_at(struct gp_sql_statement *st, int column)
{
	return st->engine->text_at(st, column);
}

size_t
gp_sql_octets_at(struct gp_sql_statement *st, int column, uint8_t *ret, size_t size)
{
	return st->engine->octets_at(st, column, ret, size);
}

/* --- transactions --- */

int
gp_sql_begin(struct gp_sql *sql)
{
	return sql->engine->begin(sql);
}

int
gp_sql_commit(struct gp_sql *sql)
{
	return sql->engine->commit(sql);
}

void
gp_sql_rollback(struct gp_sql *sql)
{
	sql->engine->rollback(sql);
}

int
gp_sql_save(struct gp_sql *sql)
{
	return sql->engine->save(sql);
}

int
gp_sql_undo(struct gp_sql *sql)
{
	return sql->engine->undo(sql);
}

int
gp_sql_release(struct gp_sql *sql)
{
	return sql->engine->release(sql);
}
