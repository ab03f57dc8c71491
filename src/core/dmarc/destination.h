/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May reports about a domain go where its record says? A host of another organisation must have
 * agreed, or anybody could have floods of reports sent to anybody: RFC 9990, "Verifying External
 * Destinations"; the same for failure reports.
 *
 *   the host is the domain's own organisation                                    INTERNAL
 *   "POLICY-DOMAIN._report._dmarc.HOST" TXT has records                          AUTHORISED
 *   these name another place at the same host                                    REPLACED
 *   these name places at other hosts alone; or there are none                    REFUSED
 *   the DNS did not say                                                          UNKNOWN
 */
#pragma once

#include "core/dmarc/walk.h"

enum gp_dmarc_destination_limits {
	/* The domain's walk and each host's; later a record at each host. */
	GP_DMARC_DESTINATION_NEED_MAX = GP_DMARC_WALK_MAX * (GP_DMARC_URIS_MAX + 1),
};

enum gp_dmarc_report_kind {
	GP_DMARC_RUA,
	GP_DMARC_RUF,
};

enum gp_dmarc_destination_state {
	GP_DMARC_DESTINATION_INTERNAL,
	GP_DMARC_DESTINATION_AUTHORISED,
	GP_DMARC_DESTINATION_REPLACED,
	GP_DMARC_DESTINATION_REFUSED,
	GP_DMARC_DESTINATION_UNKNOWN, /* may be tried again */
	GP_DMARC_DESTINATION_SCHEME,  /* no mailto: nothing was asked, nothing can be sent */
};

struct gp_dmarc_destination {
	const struct gp_dmarc_uri *from; /* of the record */
	uint8_t state;                   /* enum gp_dmarc_destination_state */
	const struct gp_dmarc_uri *to;   /* to send to: INTERNAL, AUTHORISED: from; REPLACED: one or
					    more at the same host; else none */
	size_t to_len;
};

struct gp_dmarc_destinations {
	struct gp_dmarc_destination list[GP_DMARC_URIS_MAX]; /* one a URI, in their order */
	size_t len;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_dmarc_destination_outcome {
	GP_DMARC_DESTINATION_DONE = 0,
	GP_DMARC_DESTINATION_NEED = 1,
};

/*
 * policy_domain: where the record is, lower case, A-labels; uris: its rua or ruf. Returns enum
 * gp_dmarc_destination_outcome, or -ENOMEM. The result lives in the arena, the set's arena and in
 * uris. At most two rounds.
 */
[[nodiscard]] int
gp_dmarc_destinations_eval(struct gp_slice policy_domain, const struct gp_dmarc_uris *uris,
			   uint8_t kind, const struct gp_answers *answers, struct gp_arena *arena,
			   struct gp_dmarc_destinations *ret);
