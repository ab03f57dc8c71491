/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Authentication-Results field of somebody (RFC 8601), read tolerantly for showing it: Outlook's
 * have no authserv-id, and others leave out quotes.
 */
#pragma once

#include "base/arena.h"

enum { GP_CLAIMED_MAX = 32 }; /* results of one field */

struct gp_claimed_result {
	struct gp_slice method, result; /* "dkim", "pass": as written */
	struct gp_slice domain;         /* of header.from, header.d, header.i or smtp.mailfrom */
	struct gp_slice reason;
};

struct gp_claimed_results {
	struct gp_slice field_value; /* unfolded */
	struct gp_slice authserv;    /* empty: none */
	struct gp_claimed_result items[GP_CLAIMED_MAX];
	size_t len;
	bool ours;    /* its authserv-id is one of our hosts */
	bool trusted; /* ours, and it stands where only we write */
};

/* value: unfolded, and it must outlive the results, whose slices are parts of it. */
void
gp_claimed_results_parse(struct gp_slice value, struct gp_claimed_results *ret);

/* The first result of a method; NULL: none. */
const struct gp_claimed_result *
gp_claimed_result_of(const struct gp_claimed_results *results, struct gp_slice method);
