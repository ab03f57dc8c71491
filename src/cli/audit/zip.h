/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of files in the ZIP format, as APPNOTE 6.3 of PKWARE has it: deflated, with names of
 * ASCII, without anything that tells whose files they were. The same files in the same order make
 * the same octets.
 */
#pragma once

#include <stdio.h>

#include "base/slice.h"

enum {
	ZIP_FILES_MAX = 256,
	ZIP_NAME_MAX = 255,
};

struct zip {
	FILE *out; /* the caller's */
	struct zip_file {
		char name[ZIP_NAME_MAX + 1];
		uint32_t crc, size, packed, at;
	} files[ZIP_FILES_MAX];
	size_t len;
	uint16_t dos_date, dos_time; /* of all files */
};

/* out: open for writing, at its begin, and seekable. time_s: since 1970. */
void
zip_begin(struct zip *z, FILE *out, uint64_t time_s);

/* Adds all of a file, from its begin. Returns 0; -EFBIG: larger than 4 GiB, in which the format
   changes, or one file too many; -ENOMEM, -EIO. */
[[nodiscard]] int
zip_add(struct zip *z, const char *name, FILE *from);

/* Writes the directory. Returns as above. */
[[nodiscard]] int
zip_end(struct zip *z);
