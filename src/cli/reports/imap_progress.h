/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a folder of an IMAP server was read, in a file of one line: SERVER USER FOLDER
 * UIDVALIDITY UID, names as in a URL.
 */
#pragma once

#include "cli/reports/imap_url.h"

struct imap_progress {
	uint32_t validity; /* what UIDs count by (RFC 3501 section 2.3.1.1); 0: there was no file */
	uint32_t last;     /* the last UID that is done */
};

/* 0; 1: it is another folder's, or no such file; -errno. */
[[nodiscard]] int
imap_progress_read(const char *path, const struct imap_url *url, struct imap_progress *ret);
/* Whole or not at all. 0 or -errno. */
[[nodiscard]] int
imap_progress_write(const char *path, const struct imap_url *url, const struct imap_progress *p);
