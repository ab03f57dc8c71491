/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (Linux 5.13 and later), through its three system calls. Debian 12's headers stop at the
 * first version of the interface, so the later constants are in landlock.c.
 */
#pragma once

#include "sys/sandbox.h"

/* Forbids all files but those below dirs, TCP connect unless the rules dial (to one port: but to
   that), TCP bind unless they ask the DNS, and signals and abstract sockets out of this process.
   Logs what the kernel cannot do. Returns 0, also when there is no Landlock at all, or -errno when
   there is and it fails. */
[[nodiscard]] int
gp_landlock_enter(const struct gp_sandbox *rules, const struct gp_sandbox_dir *dirs,
		  size_t dirs_len);
