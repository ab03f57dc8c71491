/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind sql.h: what a kind of database does for each of its functions. */
#pragma once

#include "reportdb/sql.h"

/* Each as its name says in sql.h. */
struct gp_sql_engine {
	struct gp_sql *(*close)(struct gp_sql *sql);
	void (*stay)(struct gp_sql *sql);
	bool (*lost)(const struct gp_sql *sql);
	const char *(*why)(const struct gp_sql *sql);
	int (*migrate)(struct gp_sql *sql, const char *const *steps, size_t len);

	struct gp_sql_statement *(*prepare)(struct gp_sql *sql, const char *text,
					    enum gp_sql_use use);
	int (*error)(const struct gp_sql *sql);
	void (*finalise)(struct gp_sql_statement *st);
	void (*bind_int)(struct gp_sql_statement *st, int parameter, int64_t n);
	void (*bind_text)(struct gp_sql_statement *st, int parameter, struct gp_slice text);
	void (*bind_octets)(struct gp_sql_statement *st, int parameter, struct gp_slice octets);
	void (*bind_null)(struct gp_sql_statement *st, int parameter);
	int (*step)(struct gp_sql_statement *st);
	int (*run)(struct gp_sql_statement *st);
	int (*put)(struct gp_sql_statement *st);
	int (*insert)(struct gp_sql_statement *st, int64_t *ret_id);
	void (*reset)(struct gp_sql_statement *st);
	int64_t (*int_at)(struct gp_sql_statement *st, int column);
	bool (*null_at)(struct gp_sql_statement *st, int column);
	struct gp_slice (*text_at)(struct gp_sql_statement *st, int column);
	size_t (*octets_at)(struct gp_sql_statement *st, int column, uint8_t *ret, size_t size);

	int (*begin)(struct gp_sql *sql);
	int (*push)(struct gp_sql *sql);
	int (*number_on)(struct gp_sql *sql, const char *table);
	int (*commit)(struct gp_sql *sql);
	void (*rollback)(struct gp_sql *sql);
	int (*save)(struct gp_sql *sql);
	int (*undo)(struct gp_sql *sql);
	int (*release)(struct gp_sql *sql);
};

/* Both begin an engine's own, which are allocated by calloc(). */
struct gp_sql {
	const struct gp_sql_engine *engine;
};

struct gp_sql_statement {
	const struct gp_sql_engine *engine;
};

/* gp_sql_open() of each. */
[[nodiscard]] int
gp_sqlite_open(const char *path, enum gp_reportdb_mode mode, struct gp_sql **ret);
[[nodiscard]] int
gp_postgres_open(const char *where, enum gp_reportdb_mode mode, struct gp_sql **ret);
