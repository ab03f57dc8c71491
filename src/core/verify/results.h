/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification came to, as the Authentication-Results field says it (RFC 8601). */
#pragma once

#include "core/authres/authres.h"
#include "core/verify/verify.h"

enum {
	/* Of so many signatures the field tells; they stand in the order of the message. */
	GP_VERIFY_SIGNATURES_TOLD = 8,
};

/*
 * query: what was verified; its texts and those of the facts must outlive *ret. id: our
 * authserv-id. In this order: spf of the reverse-path, spf of HELO, each dkim, dmarc, arc where
 * there is a chain. What was left out is not in it. Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_verify_results(const struct gp_verify_query *query, const struct gp_verify_facts *facts,
		  struct gp_slice id, struct gp_arena *arena, struct gp_authres *ret);
