/* SPDX-License-Identifier: Apache-2.0 */
/* An archive while it is being read. Between the files of this folder. */
#pragma once

#define ZLIB_CONST /* what it reads it does not write */
#include <zlib.h>

#include "core/ingest/archive.h"

struct gp_unpack {
	z_stream z;
	char *out; /* GP_ARCHIVE_PIECE octets, of which out_len are not handed on yet */
	size_t out_len;
	const struct gp_archive_caps *caps;
	const struct gp_archive_sink *sink;
	struct gp_archive_result *result;
};

/* Sets the reason, and returns GP_ARCHIVE_REFUSED. */
int
gp_unpack_refuse(struct gp_unpack *u, const char *why);

/* Hands on what is in `out`, if the caps allow it; `in`: octets that it was made of so far. Returns
 * as gp_archive_read(). */
int
gp_unpack_flush(struct gp_unpack *u, uint64_t in);

/* Inflates one stream from the front of *in, from where z was reset to, and takes it off; before:
 * octets in that belong to what came out before it. Returns as gp_archive_read(). What is still in
 * `out` waits for a flush. */
int
gp_unpack_inflate(struct gp_unpack *u, struct gp_slice *in, uint64_t before);

/* A zip file. */
int
gp_unpack_zip(struct gp_unpack *u, struct gp_slice octets);
