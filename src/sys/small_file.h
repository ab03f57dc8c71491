/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read whole: configuration and what it names. */
#pragma once

#include "base/arena.h"

/* Reads a regular file of at most max octets; path ends in a NUL behind its len. 0, -EFBIG,
 * -EISDIR, -errno. */
[[nodiscard]] int
gp_file_read(struct gp_slice path, size_t max, struct gp_arena *arena,
	     struct gp_slice *ret_content);
