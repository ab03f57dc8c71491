/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is news of a domain to somebody who was told of it before, or never: a pure function of what
 * he knows and of the look now.
 *
 * He knows faults and facts. One that nobody can measure now is still known, so that a DNS that
 * fails for a night is no news, neither when it fails nor when it is back; and a look's evidence
 * that changed alone is known without being told.
 *
 * A fact "expires.WHAT" holds the time at which something ends (RFC 3339, UTC). It is news 30, 14,
 * 7 and 1 days before, and when it has ended.
 */
#pragma once

#include "auditdb/changes.h"

struct audit_expiry {
	struct gp_slice what, time; /* of the fact: behind "expires.", and its value */
	int64_t days;               /* left, whole ones; negative: it has ended */
};

struct audit_news {
	/* CAME, WENT, CHANGED where the severity did, FACT; in the order of changes.h. */
	const struct audit_change *changes;
	size_t changes_len;
	const struct audit_expiry *expiries;
	size_t expiries_len;
	bool worse;              /* something came, became graver, or is about to end */
	struct audit_look known; /* what he knows once he was told */
};

/* before: NULL for one who was never told; then facts are no news. severity: what is less grave,
   before and now, is not told. Into the arena, out of both looks. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_news_find(const struct audit_look *before, const struct audit_look *now, uint8_t severity,
		struct gp_arena *arena, struct audit_news *ret);
