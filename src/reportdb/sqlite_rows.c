/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/sqlite_rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "sqlite/migrate.h"

/* The table, and a reading of it; each begins as SQLite knows it. */
struct table {
	sqlite3_vtab vtab;
	struct sqlite_rows *rows;
};

struct cursor {
	sqlite3_vtab_cursor cursor;
	size_t row;
};

static const struct sqlite_rows *
rows_of(const sqlite3_vtab_cursor *c)
{
	return ((const struct table *)c->pVtab)->rows;
}

static int
declare(sqlite3 *db)
{
	struct gp_buf text = GP_BUF_INIT(1 << 10);
	gp_buf_put_str(&text, "CREATE TABLE waiting (c0");
	for (unsigned i = 1; i < SQLITE_ROWS_COLUMNS_MAX; i++)
		gp_buf_printf(&text, ", c%u", i);
	gp_buf_put(&text, gp_slice(")", 2));
	int code = text.failed ? SQLITE_NOMEM : sqlite3_declare_vtab(db, gp_buf_slice(&text).ptr);
	gp_buf_free(&text);
	return code;
}

static int
connect(sqlite3 *db, void *rows, int argc, const char *const *argv, sqlite3_vtab **ret, char **why)
{
	(void)argc, (void)argv, (void)why;
	int code = declare(db);
	if (code != SQLITE_OK)
		return code;
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return SQLITE_NOMEM;
	t->rows = rows;
	*ret = &t->vtab;
	return SQLITE_OK;
}

static int
disconnect(sqlite3_vtab *vtab)
{
	free(vtab);
	return SQLITE_OK;
}

/* There is one way to read it. */
static int
best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
	(void)vtab;
	info->estimatedRows = SQLITE_ROWS_MAX;
	info->estimatedCost = SQLITE_ROWS_MAX;
	return SQLITE_OK;
}

static int
open_cursor(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret)
{
	(void)vtab;
	struct cursor *c = calloc(1, sizeof(*c));
	*ret = c ? &c->cursor : NULL;
	/* cppcheck-suppress memleak; its first member is it, for close_cursor() */
	return c ? SQLITE_OK : SQLITE_NOMEM;
}

static int
close_cursor(sqlite3_vtab_cursor *c)
{
	free(c);
	return SQLITE_OK;
}

static int
filter(sqlite3_vtab_cursor *c, int number, const char *text, int argc, sqlite3_value **argv)
{
	(void)number, (void)text, (void)argc, (void)argv;
	((struct cursor *)c)->row = 0;
	return SQLITE_OK;
}

static int
next(sqlite3_vtab_cursor *c)
{
	((struct cursor *)c)->row++;
	return SQLITE_OK;
}

static int
at_end(sqlite3_vtab_cursor *c)
{
	return ((struct cursor *)c)->row >= rows_of(c)->len;
}

static int
column(sqlite3_vtab_cursor *c, sqlite3_context *result, int i)
{
	const struct sqlite_rows *rows = rows_of(c);
	gp_assert(i >= 0 && (size_t)i < rows->columns);
	const struct sqlite_value *v =
		&rows->values[((struct cursor *)c)->row * rows->columns + (size_t)i];
	if (v->type == SQLITE_VALUE_NUMBER)
		sqlite3_result_int64(result, v->number);
	else if (v->type == SQLITE_VALUE_TEXT)
		sqlite3_result_text(result, v->octets, (int)v->len, SQLITE_STATIC);
	else if (v->type == SQLITE_VALUE_NULL)
		sqlite3_result_null(result);
	else
		sqlite3_result_blob(result, v->octets, (int)v->len, SQLITE_STATIC);
	return SQLITE_OK;
}

static int
row_number(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct cursor *)c)->row;
	return SQLITE_OK;
}

int
sqlite_rows_register(sqlite3 *db, struct sqlite_rows *rows)
{
	static const sqlite3_module module = {
		.xConnect = connect,
		.xDisconnect = disconnect,
		.xBestIndex = best_index,
		.xOpen = open_cursor,
		.xClose = close_cursor,
		.xFilter = filter,
		.xNext = next,
		.xEof = at_end,
		.xColumn = column,
		.xRowid = row_number,
	};
	return sqlite_error(sqlite3_create_module(db, "waiting", &module, rows));
}

/* What stands in the parentheses of VALUES, with all of " VALUES (" and ")". */
static struct gp_slice
values_of(const char *text)
{
	const char *begin = strstr(text, " VALUES (");
	gp_assert(begin);
	const char *end = strchr(begin, ')');
	gp_assert(end);
	return gp_slice(begin, (size_t)(end + 1 - begin));
}

/* WHERE, so that an ON behind it is no join's. */
size_t
sqlite_rows_insert(const char *text, char *ret, size_t size)
{
	struct gp_slice values = values_of(text);
	const char *behind = values.ptr + values.len;
	struct gp_buf to = GP_BUF_INIT(size);
	size_t columns = 0;
	gp_buf_put(&to, gp_slice(text, (size_t)(values.ptr - text)));
	for (size_t i = 0; i < values.len; i++) {
		if (values.ptr[i] != '?')
			continue;
		gp_buf_printf(&to, "%s c%zu", columns > 0 ? "," : " SELECT", columns);
		columns++;
	}
	gp_buf_put_str(&to, " FROM waiting WHERE true");
	gp_buf_put(&to, gp_slice(behind, strlen(behind) + 1));
	gp_assert(columns > 0 && columns <= SQLITE_ROWS_COLUMNS_MAX);
	if (!to.failed)
		memcpy(ret, gp_buf_slice(&to).ptr, to.len);
	columns = to.failed ? 0 : columns;
	gp_buf_free(&to);
	return columns;
}
