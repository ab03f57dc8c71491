/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scan gives up before a server's first octet: new privileges, capabilities, core dumps, new
 * processes, all files but those that it will still write or read, and all system calls but few
 * (sys/sandbox.h). Whoever takes over a scan by a hostile reply has sockets, what was scanned, and
 * the folders of --resume, --metrics and --canary-list, as these files are replaced, or appear,
 * while it runs.
 */
#pragma once

#include "sys/sandbox.h"

/* What they may ask of the kernel; docs/sandbox.md has it in full. */
extern const struct gp_sandbox scan_sandbox;             /* sockets, and no file */
extern const struct gp_sandbox scan_files_sandbox;       /* and files */
extern const struct gp_sandbox scan_store_sandbox;       /* sockets, and a database that is open */
extern const struct gp_sandbox scan_store_files_sandbox; /* and files */
extern const struct gp_sandbox scan_replay_sandbox;      /* what is open already */

/* Files by their names. */
struct scan_files {
	const char *command;    /* "gatepost scan": for complaints; static */
	const char *written[2]; /* replaced, by scan/file.h; NULL: none */
	const char *read;       /* NULL: none */
	bool store;             /* there is a database of SQLite, whose files are open */
};

/* Of this process, for ever. Returns 0, or -errno after saying to standard error what is wrong. */
[[nodiscard]] int
scan_sandbox_enter(const struct scan_files *files);
[[nodiscard]] int
scan_sandbox_enter_replay(void);
