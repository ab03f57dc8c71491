/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where reports are imported from: files; folders, with all that is below them but hidden names;
 * Maildirs, of which cur and new count, and those of their folders (Maildir++: .Sent beside cur);
 * mboxes, whose mails are told of one by one; standard input. Of files no more is looked at here
 * than how they begin, and of mboxes where a line "From " follows an empty one.
 */
#pragma once

#include "cli/reports/reader.h"

enum {
	PLACES_DEPTH_MAX = 16, /* folders in folders; links are not followed there */
};

struct places_listener {
	void *context;
	/* A file or a mail of an mbox. The descriptor becomes the listener's. 0; -errno ends
	 * all. */
	int (*file)(void *context, int fd, const struct reader_request *request, const char *name);
	/* A small file of a folder, whose octets are in memory until the call returns. */
	int (*octets)(void *context, struct gp_slice octets, const char *name);
	/* One that cannot be read; why: as a sentence. */
	int (*unreadable)(void *context, const char *name, const char *why);
};

/* path: "-" is standard input. 0, or what the listener returned, or -ENOMEM. */
[[nodiscard]] int
places_walk(const char *path, const struct places_listener *listener);
