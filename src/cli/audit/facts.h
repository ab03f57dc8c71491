/* SPDX-License-Identifier: Apache-2.0 */
/* What a domain publishes, as words under names: what is kept of it, and compared. */
#pragma once

#include "auditdb/changes.h"
#include "core/posture/posture.h"

enum { AUDIT_FACTS_MAX = 64 };

/* Sorted by name. What the DNS did not say is left out. Returns how many; when memory runs out the
   arena has failed. */
size_t
audit_facts(const struct gp_posture_facts *f, struct gp_arena *arena,
	    struct audit_fact ret[AUDIT_FACTS_MAX]);
