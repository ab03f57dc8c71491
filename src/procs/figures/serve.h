/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role that keeps others' reports (src/reportdb) answers web's questions about them, and about
 * the history of audits (src/auditdb), which it was given to read: the
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

/* The history of audits from now on, in place of one before; fd stays the caller's. One that is
   empty, or is no file, is as if nothing had been audited yet. */
void
figures_serve_audits(int fd);

/* Takes fd over: the channel to web. permit: of what it may say to this role. */
void
figures_serve(struct gp_role_env *env, int fd, gp_permit permit);
