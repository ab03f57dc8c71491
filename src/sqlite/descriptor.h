/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database in a descriptor, for reading: of a file that another process writes when it likes, and
 * that whoever reads may neither open by its name, nor lock, nor write beside. What stands in a
 * write-ahead log is not seen before it is in the file.
 *
 * Nothing keeps the file as it is meanwhile. Whoever has read it looks whether it is still what it
 * was when it was opened, by its size and time; else what was read may be nonsense, as of two
 * times, but never more: SQLite is told that no page is trusted.
 */
#pragma once

#include <sqlite3.h>

/* Of SQLite's machine, for all that a statement is asked: some ten for a row, a second in all. One
 * that wants more fails (-EIO). */
enum { SQLITE_DESCRIPTOR_STEPS_MAX = 50'000'000 };

/* fd: the caller's, and open for as long as the database is; behind it a file. *ret is to be closed
 * also when this fails. 0 or -errno: -EIO: it is no database. */
[[nodiscard]] int
sqlite_open_descriptor(int fd, sqlite3 **ret);
