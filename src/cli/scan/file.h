/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a run writes again and again, for others to read. */
#pragma once

#include "base/slice.h"

/* Writes the text beside the file, as PATH.new, and then in its place, so that whoever reads finds
   all of it, or what was there before. 0 or -errno. */
[[nodiscard]] int
scan_file_replace(const char *path, struct gp_slice text);

/* The same for a file that says how far a run is, from which another goes on, after a power cut,
   too: first what was told is on disk, where `told` is a file, then the text that speaks of it. */
[[nodiscard]] int
scan_file_keep(const char *path, struct gp_slice text, int told);
