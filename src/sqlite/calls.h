/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls SQLite makes, for processes whose sandboxes know descriptors and no paths. All
   of it is for the whole process, and for ever. */
#pragma once

/* A file's size is asked for by fstat(2) itself, where libc may use a call that takes a path.
   0 or -ENOENT: SQLite has no VFS for Unix. */
[[nodiscard]] int
sqlite_stat_by_descriptor(void);

/* Whether an open file still has its name is not asked, and nothing else by its path: as if it were
   not permitted. Returns as above. */
[[nodiscard]] int
sqlite_stat_no_path(void);
