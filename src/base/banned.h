/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that do not compile in this project, with what to use instead. Force-included last, after
 * the system's headers that declare them have been read by prelude users through <stdio.h> and
 * <string.h> here.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GP_BANNED(f) use_of_##f##_is_banned_see_banned_h

/* Unbounded writes: gp_buf_put, gp_buf_printf, gp_arena_printf. */
#undef strcpy
#define strcpy(d, s) GP_BANNED(strcpy)
#undef strcat
#define strcat(d, s) GP_BANNED(strcat)
#undef strncpy
#define strncpy(d, s, n) GP_BANNED(strncpy)
#undef strncat
#define strncat(d, s, n) GP_BANNED(strncat)
#undef sprintf
#define sprintf(...) GP_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) GP_BANNED(vsprintf)
#undef gets
#define gets(s) GP_BANNED(gets)

/* Silent on errors and overflow: gp_slice_u64. */
#undef atoi
#define atoi(s) GP_BANNED(atoi)
#undef atol
#define atol(s) GP_BANNED(atol)
#undef atoll
#define atoll(s) GP_BANNED(atoll)

/* Hidden state, or no bound on the input: the cursors of base/scan.h. */
#undef strtok
#define strtok(s, d) GP_BANNED(strtok)
#undef sscanf
#define sscanf(...) GP_BANNED(sscanf)

/* Data never becomes a command line. */
#undef system
#define system(s) GP_BANNED(system)
#undef popen
#define popen(s, m) GP_BANNED(popen)

/* Static buffers: the _r forms, or core/message/date.h. */
#undef gmtime
#define gmtime(t) GP_BANNED(gmtime)
#undef localtime
#define localtime(t) GP_BANNED(localtime)
#undef ctime
#define ctime(t) GP_BANNED(ctime)
#undef asctime
#define asctime(t) GP_BANNED(asctime)

/* No cap: gp_arena or gp_buf. */
#undef alloca
#define alloca(n) GP_BANNED(alloca)
#undef rand
#define rand() GP_BANNED(rand)
