/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Authentication-Results field of somebody (RFC 8601), read by core/authres, as far as it is
 * shown and judged: each method's result, and whom it is about.
 */
#pragma once

#include "base/arena.h"

struct gp_claimed_result {
	struct gp_slice method, result; /* "dkim", "pass": as written */
	struct gp_slice domain; /* of header.from, header.d, header.i, smtp.mailfrom or smtp.helo */
	struct gp_slice reason;
};

struct gp_claimed_results {
	struct gp_slice authserv; /* empty: none */
	const struct gp_claimed_result *items;
	size_t len;
	const char *why; /* it cannot be read; NULL: it can */
	bool ours;       /* its authserv-id is one of our hosts */
	bool trusted;    /* ours, and it stands where only we write */
};

/* value: of the field, which must outlive the results. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_claimed_results_read(struct gp_slice value, struct gp_arena *arena,
			struct gp_claimed_results *ret);
