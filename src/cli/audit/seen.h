/* SPDX-License-Identifier: Apache-2.0 */
/* What the scanner saw, as facts for core/posture: nothing is judged here. */
#pragma once

#include "cli/scan/scan.h"
#include "core/posture/hosts.h"

/* Of one address. The view has a result, or the address of a host that asked to be left out; texts
   are copied to the arena. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_seen_host(const struct scan_view *view, struct gp_arena *arena, struct gp_posture_host *ret);

/* An address that TLS was asked of once more, in another name: as it was met, with what it showed
   then. False: nothing came of that look. */
[[nodiscard]] bool
audit_seen_otherwise(const struct gp_posture_host *met, const struct gp_posture_host *brief,
		     struct gp_posture_host *ret);

/* Of what came of a request by HTTPS (enum gp_fetch_result): enum gp_posture_fetch. */
uint8_t
audit_seen_fetch(uint8_t result);

/* Of a domain with a record for a policy; when memory runs out the arena has failed. */
struct gp_posture_file
audit_seen_policy(const struct scan_policy *policy, struct gp_arena *arena);
