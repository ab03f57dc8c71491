/* SPDX-License-Identifier: Apache-2.0 */
/* What every database of ours does with SQLite: its codes as ours, and older tables brought up to
   date. The version of the tables is the file's user_version: how many steps were taken. */
#pragma once

#include <sqlite3.h>

#include "base/slice.h"

/* 0 where the code is no error; else -ENOMEM, -ENOSPC, -EBUSY, -EIO. */
int
sqlite_error(int code);

/* Statements whose rows are of no interest. 0 or -errno. */
[[nodiscard]] int
sqlite_execute(sqlite3 *db, const char *sql);

/* How many steps the tables have behind them, or -EIO. */
[[nodiscard]] int
sqlite_version(sqlite3 *db);

/*
 * For who only reads: whether as many steps are behind the tables. Where there are none, somebody
 * may just be making them, which is waited for, for SQLITE_EMPTY_WAIT_MS.
 * 0; -ENODATA: there are none still; -EPROTO: they are of another version; -EIO.
 */
enum { SQLITE_EMPTY_WAIT_MS = 2000 };
[[nodiscard]] int
sqlite_expect(sqlite3 *db, size_t len);

/*
 * Takes the steps that are still ahead, all of them or none. What has been shipped is never
 * changed, so each step is one from what the one before has left. It writes, also where there are
 * none.
 * 0; -EPROTO: the tables are a later version's; -errno.
 */
[[nodiscard]] int
sqlite_migrate(sqlite3 *db, const char *const *steps, size_t len);
