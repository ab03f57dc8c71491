/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder. */
#pragma once

#include "core/tlspolicy/tlspolicy.h"

/* What the verdict about one target is made from. */
struct gp_tlspolicy_weigh {
	const struct gp_tlspolicy_query *query;
	const struct gp_mx_target *target;
	struct gp_arena *arena; /* its `failed` is looked at once, at the end */
	struct gp_tlspolicy_verdict *verdict;
	struct gp_dane_host host;
	struct gp_dane_result dane;
	int dane_outcome; /* enum gp_dane_outcome, not NEED */
};

/* Adds a line to the trail. */
GP_PRINTF(2, 3)
void
gp_tlspolicy_note(struct gp_tlspolicy_weigh *w, const char *fmt, ...);

/* report.c: adds a policy that the session will be counted for; failure, reason: as the struct. */
void
gp_tlspolicy_report_tlsa(struct gp_tlspolicy_weigh *w, uint8_t failure, const char *reason);
void
gp_tlspolicy_report_sts(struct gp_tlspolicy_weigh *w, uint8_t failure, const char *reason);
void
gp_tlspolicy_report_no_policy(struct gp_tlspolicy_weigh *w);
