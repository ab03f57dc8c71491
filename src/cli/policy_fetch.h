/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTA-STS policy of a domain for commands: its record and, where that is good, the policy
 * itself, from a file or by HTTPS as the gateway's role fetch gets it (RFC 8461 section 3.3). What
 * the gateway keeps is not looked at: this is what a sender finds who knows nothing yet.
 */
#pragma once

#include "cli/lookup.h"
#include "core/mtasts/state.h"

struct gp_fetched_policy {
	uint8_t record; /* enum gp_mtasts_record */
	struct gp_slice id;
	const struct gp_mtasts_policy *policy; /* NULL: none */
	struct gp_slice text;                  /* the policy's body; empty: none came */
	uint8_t failure;        /* enum gp_mtasts_failure: why there is no policy beside a record */
	struct gp_slice reason; /* in words; printable */
};

/*
 * file: the policy's text, instead of asking for it; NULL: none. Results live in l->arena. Returns
 * 0; what is wrong with the domain is in *ret. -errno: memory, the file, or the questions.
 */
[[nodiscard]] int
gp_policy_fetch(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice domain,
		const char *file, struct gp_fetched_policy *ret);

/* The same without looking at the record, which senders would not ask without: a domain's owner
 * publishes it last. *ret is empty before. */
[[nodiscard]] int
gp_policy_fetch_alone(struct gp_lookup *l, const struct gp_config *cfg, struct gp_slice domain,
		      const char *file, struct gp_fetched_policy *ret);
