/* SPDX-License-Identifier: Apache-2.0 */
/* What the history of audits says, as the JSON of docs/api.md: of all domains, or of one. */
#pragma once

#include "auditdb/auditdb.h"
#include "base/json.h"

enum { AUDITS_DOMAINS_TOLD = 500 }; /* those that are worst; how many more there are is told */

/* domain: empty: all of them. 0; -errno of the database, -ENOMEM. */
[[nodiscard]] int
audits_write(struct gp_auditdb *db, struct gp_slice domain, struct gp_arena *arena,
	     struct gp_buf *out);
