/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --sample: mails of the domains, whose signatures (RFC 6376 section 3.5) name the selectors that
 * no DNS can be asked for. Whether a signature holds does not matter: whose key is meant does.
 */
#pragma once

#include "cli/audit/options.h"

enum { AUDIT_SAMPLES_MAX = 1000 }; /* selectors of all domains; more are passed over */

struct audit_samples {
	struct audit_sample {
		struct gp_slice domain, selector; /* A-labels in lower case */
	} list[AUDIT_SAMPLES_MAX];
	size_t len;
};

/* The files of the options, zeroed before. Returns an exit code, after saying to standard error
   what is wrong. */
[[nodiscard]] int
audit_samples_read(struct audit_samples *s, const struct audit_options *o, struct gp_arena *arena);

/* Puts those of the query's domain, which are known then, before the selectors that it has. 0 or
   -ENOMEM. */
[[nodiscard]] int
audit_samples_apply(const struct audit_samples *s, struct gp_posture_query *query,
		    struct gp_arena *arena);
