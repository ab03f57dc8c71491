/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What earlier looks at a domain saw, for findings that need time: a key that never changes, a
 * policy that was to be stricter long ago.
 */
#pragma once

#include "base/slice.h"

enum gp_posture_past_limits {
	GP_POSTURE_POLICY_AGE_S = 90 * 86400, /* p=none is for finding out, and that takes weeks */
	GP_POSTURE_STAGE_S = 30 * 86400,      /* of clean reports, before the next policy */
	GP_POSTURE_KEY_AGE_S = 365 * 86400,   /* a DKIM key is to be another after a year */
};

/*
 * A fact as it was last seen: "dmarc.p", "none". Asked for are "dmarc" ("none": no record),
 * "dmarc.p", "dkim.key.SELECTOR" (a fingerprint), "sts.id" and "sts.policy" (a fingerprint).
 */
struct gp_posture_past {
	struct gp_slice name, value;
	struct gp_slice before; /* the value that it had until then; empty: none was seen */
	uint64_t since_s;       /* when it was seen first, and since then in all looks */
};
