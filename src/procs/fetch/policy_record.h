/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy on disk: a mark, its length, a checksum of what follows, then the fetch's time, max_age,
 * id, domain and text. Records follow each other; what is between two that are whole is damage, and
 * passed over.
 */
#pragma once

#include "base/buf.h"
#include "core/mtasts/policy.h"

struct policy_record {
	uint64_t fetched_ms; /* since the epoch */
	uint32_t max_age_s;
	struct gp_slice id, domain, text;
};

/* Octets that the record takes. */
size_t
policy_record_size(const struct policy_record *r);

void
policy_record_write(struct gp_buf *out, const struct policy_record *r);

/* Takes the next whole record off *rest; *ret points into it. What was passed over before it, or
   where there is none up to the end, is added to *ret_damaged. False: there is none. */
[[nodiscard]] bool
policy_record_read(struct gp_slice *rest, struct policy_record *ret, size_t *ret_damaged);
