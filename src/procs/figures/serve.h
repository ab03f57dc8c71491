/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role that keeps others' reports (src/reportdb) answers web's questions about them: the
 * database is opened before the sandbox and read in it, while others may write. web has no database
 * and no file.
 *
 *     prepare:  figures_serve_open()
 *     on_peer:  figures_serve(), when web is a peer, and again when it is a new one
 */
#pragma once

#include "ipc/role.h"

/* Opens the database, and makes it where it is not there. One that cannot be opened is logged, and
   told to whoever asks: the role has other work. */
void
figures_serve_open(const char *path);

/* Whether it was a server's, and the connection is lost. */
bool
figures_serve_lost(void);

/* The database of autonomous systems from now on, in place of the one before; the descriptor stays
   open. One that cannot be used is logged, and is none; so is an empty file, without a word; -1:
   there is none. */
void
figures_serve_asn(int fd);

struct figures_serve_owner {
	/* What web says besides its questions. False: that makes no sense, and the channel ends. */
	bool (*take)(const struct gp_message *m);
	/* It is gone; all that it said was taken, but for what made no sense. */
	void (*gone)(void);
};

/* Takes fd over: the channel to web. permit: of what it may say to this role. The owner stays. */
void
figures_serve(struct gp_role_env *env, int fd, gp_permit permit,
	      const struct figures_serve_owner *owner);

/* Whether web is there. */
bool
figures_serve_asked(void);
