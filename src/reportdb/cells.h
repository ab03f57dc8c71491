/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be added to the tables of figures. Many records add to the same row; they are added
 * up in memory first, and go to the database in the order of its keys, a row once.
 *
 * A cell is such a row: its table, the columns of its key, packed so that they sort as the table
 * does, and its values.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "reportdb/sql.h"

enum gp_cells_limits {
	GP_CELLS_MAX = 100'000,          /* then they should go to the database */
	GP_CELLS_MEMORY_MAX = 128 << 20, /* octets; at an eighth of it they should, too */
	GP_CELLS_KEY_MAX = 8 << 10,
	GP_CELLS_VALUES_MAX = 9,
	GP_CELLS_SPAN_DAYS = 28, /* a span: so many days, from the first one that it divides */
};

/* In the order in which they are written. */
enum gp_cell_table {
	GP_CELL_DAY = 0,
	GP_CELL_SOURCE_DAY,
	GP_CELL_SOURCE_WEEK,
	GP_CELL_SOURCE_SPAN,
	GP_CELL_SOURCE,
	GP_CELL_SELECTOR,
	GP_CELL_SPF,
	GP_CELL_OVERRIDE,
	GP_CELL_REPORTER,
	GP_CELL_POLICY,
	GP_CELL_TLS,
	GP_CELL_TLS_FAILURE,
	GP_CELL_TALLY,
	GP_CELL_KEPT,
	GP_CELL_OVER_LIMIT,
	GP_CELL_TABLES,
	GP_CELL_WEEK = GP_CELL_TABLES, /* no table: what a week has, of all domains */
	GP_CELL_STATEMENTS,
};

struct gp_cell {
	struct gp_slice key;
	int64_t values[]; /* as many as its table has; its key stands behind them */
};

/* Those of one table, in the order in which they came. */
struct gp_cells_of_table {
	struct gp_cell **cells;
	size_t len, cap;
	struct gp_cell *recent; /* that was added to last; NULL: none */
};

/* A hash table of its own: cells are many and small, and wanted by table. Hashes stand apart, so
 * that no other cell need be looked at to find one: what that costs is memory that is not at
 * hand. */
struct gp_cells {
	struct gp_arena arena;
	struct gp_cells_of_table tables[GP_CELL_TABLES];
	size_t len;       /* of all */
	uint32_t *hashes; /* by themselves; 0: free */
	struct gp_cell **places;
	size_t cap; /* of both; a power of 2, or 0 */
	uint64_t seed[2];
};

/* seed: random, as strangers choose keys. */
struct gp_cells
gp_cells(const uint64_t seed[2]);
void
gp_cells_free(struct gp_cells *c);
void
gp_cells_clear(struct gp_cells *c);
/* Whether they should be written before much more is added. */
bool
gp_cells_full(const struct gp_cells *c);

/* A key: its table, then its columns. The buffer's cap is GP_CELLS_KEY_MAX. Texts have no NUL. */
void
gp_cells_key(struct gp_buf *key, enum gp_cell_table table);
void
gp_cells_key_number(struct gp_buf *key, int64_t n);
void
gp_cells_key_text(struct gp_buf *key, struct gp_slice text);
void
gp_cells_key_octets(struct gp_buf *key, struct gp_slice octets); /* at most 255 */

/* Adds the values of that table: sums, or the first and the last day. False: no memory. */
[[nodiscard]] bool
gp_cells_add(struct gp_cells *c, struct gp_slice key, const int64_t *values);
/* Adds all of another set. */
[[nodiscard]] bool
gp_cells_add_all(struct gp_cells *c, const struct gp_cells *other);

/* Writes all, and what follows from them, and clears: what days of domains come to for all of them
 * together, and those of SOURCE_DAY in SOURCE_WEEK and SOURCE. statements: gp_cells_prepare()'s. 0
 * or -errno. */
[[nodiscard]] int
gp_cells_flush(struct gp_cells *c, struct gp_sql *sql,
	       struct gp_sql_statement *const statements[GP_CELL_STATEMENTS]);
/* 0 or -errno. Whoever calls finalises them, after a failure too. */
[[nodiscard]] int
gp_cells_prepare(struct gp_sql *sql, struct gp_sql_statement *ret_statements[GP_CELL_STATEMENTS]);
