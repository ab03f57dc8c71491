/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role gives up before its first octet from outside: identity, capabilities, new privileges,
 * core dumps, files (Landlock), system calls (seccomp). All of it is one way.
 *
 * A kernel without a newer feature gives less: gp_sandbox_enter uses what there is and logs what is
 * missing.
 */
#pragma once

#include <sys/types.h>

#include "base/slice.h"

/* What a role may do below a directory. */
enum gp_sandbox_access {
	GP_SANDBOX_READ = 1,
	GP_SANDBOX_WRITE = 2, /* make, write, rename and remove files */
	GP_SANDBOX_DIRS = 4,  /* make directories */
};

struct gp_sandbox_dir {
	int fd;
	unsigned access; /* enum gp_sandbox_access */
};

struct gp_sandbox {
	const int *calls; /* system calls beyond those that every role needs; see sandbox.c */
	size_t calls_len;
	bool dial;           /* socket(2) for TCP and Unix streams, connect(2) */
	uint16_t dial_port;  /* not 0: TCP to this port alone, where Landlock can hold it to that */
	bool dial_unix;      /* socket(2) for Unix streams alone, connect(2) */
	bool dns;            /* socket(2) for UDP and TCP, connect(2), bind(2) */
	bool locks;          /* fcntl(2) for locks of files, as SQLite shares a database by */
	bool crypto;         /* what OpenSSL needs: random octets, and to end its pthread_once(3) */
	unsigned dir_access; /* enum gp_sandbox_access, for every directory it is given */
};

/* Becomes uid and gid with no other groups, unless uid is 0: then nothing changes. Returns 0 or
 * -errno. */
[[nodiscard]] int
gp_sandbox_drop_identity(uid_t uid, gid_t gid);

/* What the process may allocate from now on, what it has among it. Builds for a sanitizer have no
 * limit: its shadow is larger than any. Returns 0 or -errno. */
[[nodiscard]] int
gp_sandbox_limit_memory(uint64_t octets);

/* The rest. dirs: where files may be touched; none: no file at all. */
[[nodiscard]] int
gp_sandbox_enter(const struct gp_sandbox *rules, const struct gp_sandbox_dir *dirs,
		 size_t dirs_len);
