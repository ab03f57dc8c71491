/* SPDX-License-Identifier: Apache-2.0 */
/* The tables. */
#pragma once

#include <stddef.h>

/* One step from each version of them to the next. What has been shipped is never changed; but the
   columns by which a report is one of its own stand in another order in databases of before, where
   they serve as well (schema.c). */
extern const char *const gp_reportdb_steps[];
extern const size_t gp_reportdb_steps_len;
