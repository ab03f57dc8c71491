/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of autonomous systems as a process has it: read whole, so that whoever writes over
 * the file, or cuts it off, harms nobody who asks.
 */
#pragma once

#include "core/asn/asn.h"

struct asn_file {
	char *octets; /* NULL: there is none */
	struct gp_mmdb db;
};

/* Reads a regular file from its beginning, in place of what was there before. NULL; or why it
 * cannot be used, as a sentence without its full stop: then there is none. The descriptor stays
 * open. */
const char *
asn_file_read(struct asn_file *f, int fd);
void
asn_file_free(struct asn_file *f);
/* For gp_asn_find(). */
const struct gp_mmdb *
asn_file_db(const struct asn_file *f);
