/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sender remembers of one domain's MTA-STS policy, and what to do next: RFC 8461 sections
 * 3.3 and 5.1. Pure: whoever keeps the state, asks the DNS and fetches calls these functions with
 * what came of it.
 *
 * A policy that was fetched counts until its max_age is over, whatever becomes of the record and of
 * fetches meanwhile: neither taking the record away nor blocking the fetch is a way around it
 * (section 10.2).
 *
 *   kept policy    record           fetch failed just now    do
 *   none valid     OK               no                       FETCH, then ask again
 *   none valid     OK               yes                      NONE, report the failure
 *   none valid     any other        -                        NONE
 *   valid          same id          -                        APPLY; REFRESH when it is due
 *   valid          new id           no                       FETCH, then ask again
 *   valid          new id           yes                      APPLY the kept one, report the failure
 *   valid          unknown          -                        APPLY; REFRESH when it is due
 *   valid          none, bad        -                        APPLY
 */
#pragma once

#include "core/mtasts/policy.h"
#include "core/mtasts/record.h"

enum gp_mtasts_times {
	GP_MTASTS_RETRY_MS = 5 * 60 * 1000,         /* between fetches of one id that fail (3.3) */
	GP_MTASTS_REFRESH_MS = 24 * 60 * 60 * 1000, /* a kept policy is fetched anew after a day,
							or half of its max_age if that is less */
};

/* Why a fetch brought no policy; the words of RFC 8460 section 4.3.2.2. */
enum gp_mtasts_failure {
	GP_MTASTS_FETCHED = 0,
	GP_MTASTS_FETCH_ERROR,    /* no connection, no answer in time, a status other than 200 */
	GP_MTASTS_POLICY_INVALID, /* a body that is no policy, or of another media type */
	GP_MTASTS_WEBPKI_INVALID, /* the web server's certificate */
};

/* Of one domain; all zero: nothing is known. */
struct gp_mtasts_state {
	char id[GP_MTASTS_ID_MAX];        /* of the kept policy; id_len 0: none is kept */
	char failed_id[GP_MTASTS_ID_MAX]; /* whose fetch failed last; failed_id_len 0: none did */
	uint8_t id_len, failed_id_len;
	uint8_t failure; /* enum gp_mtasts_failure of that fetch */
	uint32_t max_age_s;
	uint64_t fetched_ms, failed_ms; /* since the epoch */
};

enum gp_mtasts_action {
	GP_MTASTS_DO_NOTHING, /* no policy is to be applied */
	GP_MTASTS_APPLY,      /* the kept policy, as it is */
	GP_MTASTS_REFRESH,    /* the same, and fetch it anew beside that; no delivery waits */
	GP_MTASTS_FETCH,      /* fetch first; then call gp_mtasts_kept or _failed, and ask again */
};

struct gp_mtasts_next {
	uint8_t action;  /* enum gp_mtasts_action */
	uint8_t failure; /* enum gp_mtasts_failure: to be reported with this delivery's session */
};

/*
 * What to do for a delivery at now_ms. record, id: as gp_mtasts_record_read gave them. Also to be
 * asked before mail fails for good because of a kept policy (section 5.1 step 3): a new id leads to
 * FETCH.
 */
struct gp_mtasts_next
gp_mtasts_decide(const struct gp_mtasts_state *state, enum gp_mtasts_record record,
		 struct gp_slice id, uint64_t now_ms);

/* True while the kept policy counts. */
bool
gp_mtasts_valid(const struct gp_mtasts_state *state, uint64_t now_ms);

/* A fetch brought a policy, which is now the kept one. id: of the record that led to it; empty when
 * there was no record to be had at a refresh: the old id stays. */
void
gp_mtasts_kept(struct gp_mtasts_state *state, struct gp_slice id,
	       const struct gp_mtasts_policy *policy, uint64_t now_ms);

/* A fetch failed; what is kept stays. id: as above. */
void
gp_mtasts_failed(struct gp_mtasts_state *state, struct gp_slice id, enum gp_mtasts_failure why,
		 uint64_t now_ms);
