/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comes before every file of a gateway that does not keep its promise, to show that the crash
 * laboratory notices: power_cuts.py --mutant.
 */
#pragma once

#include <unistd.h>

static inline int
mutant_sync(int fd)
{
	(void)fd;
	return 0;
}

/* Without parameters, so that members of that name are renamed wherever they are used. */
#ifdef MUTANT_FDATASYNC /* of the spool's segments */
#define fdatasync mutant_sync
#endif
#ifdef MUTANT_FSYNC /* of directories, and of mails in Maildirs */
#define fsync mutant_sync
#endif
