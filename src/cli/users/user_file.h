/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of users as `gatepost user` changes it: one change at a time, whole or not at all. While
 * it is open no other of these commands changes it.
 */
#pragma once

#include "core/users/users.h"

struct user_file {
	const char *path; /* without links at its end */
	int folder;       /* open and locked */
	struct gp_arena arena;
	struct gp_slice text; /* empty when there is no file yet */
	struct gp_users users;
	struct gp_complaints complaints;
};

/* Opens and reads the file of the configuration, or none where there is none yet. config: of -c, or
   NULL. Returns an exit code; what is wrong was printed. */
[[nodiscard]] int
user_file_open(struct user_file *f, const char *config);
/* Accepts one that could not be opened. */
void
user_file_close(struct user_file *f);

/* Writes the file with the user's line in place of the one it has, or added. The new file has the
   old one's owner and mode, or 0600; the old one stays until the new one is on disk. Returns an
   exit code; what is wrong was printed. */
[[nodiscard]] int
user_file_write(struct user_file *f, const struct gp_user *user);
