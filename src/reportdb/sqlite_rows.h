/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in memory, as a table that SQLite reads: `waiting`, whose columns are c0, c1 and so on. An
 * INSERT from it writes all of them, where one for each row would cost as much again to be run,
 * and one with many rows of VALUES to be compiled. Within one statement SQLite keeps a copy of
 * every page that it changes, to undo that one alone; so the fewer statements, the less is copied.
 */
#pragma once

#include <sqlite3.h>

#include "base/slice.h"

enum {
	SQLITE_ROWS_MAX = 256,
	SQLITE_ROWS_COLUMNS_MAX = 32,
};

/* Octets are somebody else's. */
struct sqlite_value {
	enum {
		SQLITE_VALUE_NUMBER = 0,
		SQLITE_VALUE_TEXT,
		SQLITE_VALUE_OCTETS,
		SQLITE_VALUE_NULL,
	} type;
	uint32_t len;
	union {
		int64_t number;
		const char *octets;
	};
};

struct sqlite_rows {
	size_t columns; /* of each */
	size_t len;
	struct sqlite_value values[SQLITE_ROWS_MAX * SQLITE_ROWS_COLUMNS_MAX];
};

/* The table, for all statements of that database from now on; it shows what is there when one is
 * run. 0 or -errno. */
[[nodiscard]] int
sqlite_rows_register(sqlite3 *db, struct sqlite_rows *rows);

/* An INSERT of one row of VALUES, each "?", as one of all that wait, written to ret with its
 * NUL. Returns how many columns a row has; 0: it is too long for size. */
[[nodiscard]] size_t
sqlite_rows_insert(const char *text, char *ret, size_t size);
