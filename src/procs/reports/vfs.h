/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How SQLite gets at files: as its own VFS for Unix has it, but a path is taken as it is. That one
 * would follow /proc/self/fd/N to a name, which this role may not even be able to reach. It is the
 * process's own from then on, for whoever names none. And it asks for a file's size by fstat(2)
 * itself, where libc may use a call that takes a path.
 */
#pragma once

#define VFS_NAME "gatepost"

/* 0 or -ENOENT: SQLite has no VFS for Unix. */
[[nodiscard]] int
vfs_register(void);
