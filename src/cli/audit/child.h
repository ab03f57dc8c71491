/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that hears strangers, where another one has something to do when it has ended: it
 * confines itself for ever (hosts.h), and what is done with files and programs behind it is done by
 * who has heard nobody.
 */
#pragma once

enum {
	/* Added to the exit code: the run came to its end, and what it wrote is whole. */
	AUDIT_CHILD_WHOLE = 0x40,
};

/*
 * Runs it in a child, which exits with what it returns, and waits. SIGINT and SIGTERM are handed
 * on; the child ends with us. Nothing may stand in a stream's buffer. Returns an exit code with or
 * without AUDIT_CHILD_WHOLE, after saying to standard error if it was killed.
 */
[[nodiscard]] int
audit_child_run(int (*run)(void *context), void *context);
