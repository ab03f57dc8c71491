/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are changed whole or not at all. */
#pragma once

#include <sys/stat.h>

#include "base/slice.h"

/*
 * Writes the text to a file of that name in the folder, in place of the one that is there, if any.
 * It lies beside that one, as NAME.new, until it is on disk; so whatever breaks leaves the old file
 * or the new one. like: whose owner, group and mode it gets; NULL: ours and 0600. The caller holds
 * a lock on the folder. Returns 0 or -errno.
 */
[[nodiscard]] int
gp_cli_replace_file(int folder, const char *name, struct gp_slice text, const struct stat *like);
