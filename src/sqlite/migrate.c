/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite/migrate.h"

#include <errno.h>
#include <stdio.h>

enum { AGAIN_MS = 20 };

int
sqlite_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

int
sqlite_execute(sqlite3 *db, const char *sql)
{
	return sqlite_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int
sqlite_version(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int version = -EIO;
	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return version;
}

static bool
has_tables(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	bool found = sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_master LIMIT 1", -1, &st, NULL) ==
			     SQLITE_OK &&
		     sqlite3_step(st) == SQLITE_ROW;
	sqlite3_finalize(st);
	return found;
}

/* Tables come with their version: who sees the former first and then none of the latter has another
 * one's before him. */
int
sqlite_expect(sqlite3 *db, size_t len)
{
	for (int slept_ms = 0;; slept_ms += AGAIN_MS) {
		bool empty = !has_tables(db);
		int version = sqlite_version(db);
		if (version < 0 || (size_t)version == len)
			return GP_MIN(version, 0);
		if (version > 0 || !empty)
			return -EPROTO;
		if (slept_ms >= SQLITE_EMPTY_WAIT_MS)
			return -ENODATA;
		sqlite3_sleep(AGAIN_MS);
	}
}

/* Within a transaction, so that nobody else takes the same steps meanwhile. */
static int
take_steps(sqlite3 *db, const char *const *steps, size_t len)
{
	char sql[64];
	int version = sqlite_version(db), r = 0;
	if (version < 0)
		return -EIO;
	if ((size_t)version > len)
		return -EPROTO;
	for (size_t i = (size_t)version; r == 0 && i < len; i++)
		r = sqlite_execute(db, steps[i]);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu; COMMIT", len);
	return r == 0 ? sqlite_execute(db, sql) : r;
}

int
sqlite_migrate(sqlite3 *db, const char *const *steps, size_t len)
{
	int r = sqlite_execute(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = take_steps(db, steps, len);
	/* A failure may have ended it already. */
	if (r < 0 && !sqlite3_get_autocommit(db))
		(void)sqlite_execute(db, "ROLLBACK");
	return r;
}
