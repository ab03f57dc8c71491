/* SPDX-License-Identifier: Apache-2.0 */
/* The tables. */
#pragma once

#include <stddef.h>

/* One step from each version of them to the next. What has been shipped is never changed. */
extern const char *const gp_reportdb_steps[];
extern const size_t gp_reportdb_steps_len;
