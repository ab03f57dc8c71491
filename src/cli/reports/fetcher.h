/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap.h in a process of its own, which alone has the password and the keys of the connection: who
 * takes over a reader (reader.h) finds neither in its memory, nor does the server's side of a
 * library stand beside the database.
 */
#pragma once

#include "cli/reports/imap.h"

#define FETCHER_PASSWORD "GATEPOST_IMAP_PASSWORD" /* where no file has it */

/* The options are without a password, which is the first line of that file; NULL: it is in the
 * environment, where this process forgets it. Returns what imap_walk() does. */
[[nodiscard]] int
fetcher_walk(const struct imap_options *o, const char *password_file,
	     const struct imap_listener *listener);
