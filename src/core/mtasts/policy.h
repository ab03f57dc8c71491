/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MTA-STS policy: what a domain says about the hosts that take its mail. RFC 8461 section 3.2
 * (the body), 4.1 (which hosts it names).
 *
 * Lines end in LF or CRLF, the last one may do without; spaces and tabs may follow a value; empty
 * lines are let pass at the end only. Keys and values are case-sensitive. Of a key that may stand
 * once the first counts; unknown keys must be well formed and are passed over.
 */
#pragma once

#include "base/arena.h"

enum gp_mtasts_limits {
	GP_MTASTS_BODY_MAX = 64 * 1024,     /* octets of a body (section 3.3) */
	GP_MTASTS_MX_MAX = 256,             /* patterns; no domain is known with over a dozen */
	GP_MTASTS_MAX_AGE_MAX_S = 31557600, /* a year; what is above is taken for it */
};

enum gp_mtasts_mode {
	GP_MTASTS_NONE = 1, /* as without a policy */
	GP_MTASTS_TESTING,  /* report, but deliver */
	GP_MTASTS_ENFORCE,  /* never deliver to a host that does not prove itself */
};

struct gp_mtasts_policy {
	uint8_t mode; /* enum gp_mtasts_mode */
	uint32_t max_age_s;
	const struct gp_slice *mx; /* lower case, A-labels, no final dot; "*." may lead */
	size_t mx_len;             /* at most GP_MTASTS_MX_MAX; 0 only with mode none */
};

/*
 * Reads a body. *ret lives in the arena and does not point into the body.
 * Returns 0; 1 when it is no policy (*ret_why: what is wrong and in which line, in the arena);
 * -ENOMEM.
 */
[[nodiscard]] int
gp_mtasts_policy_parse(struct gp_slice body, struct gp_arena *arena, struct gp_mtasts_policy *ret,
		       struct gp_slice *ret_why);

/* Is a Content-Type one that a policy may come with: text/plain, whatever its parameters (section
 * 3.2)? */
bool
gp_mtasts_content_type_valid(struct gp_slice value);

/*
 * Does the policy name this host (section 4.1)? "*.example.com" stands for one label before
 * example.com, not for none and not for two. host: as the MX record has it, A-labels; case and a
 * final dot do not matter.
 */
bool
gp_mtasts_policy_names(const struct gp_mtasts_policy *policy, struct gp_slice host);

/* "enforce", "testing" or "none". */
const char *
gp_mtasts_mode_name(uint8_t mode);
