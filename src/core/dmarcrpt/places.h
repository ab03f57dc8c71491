/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the reports about a domain go: the places of the record that is published now, those of
 * them that have agreed (core/dmarc/destination.h). An evaluator: it answers, or asks and is run
 * again.
 */
#pragma once

#include "core/dmarc/destination.h"

enum {
	/* Of one report; a host that has agreed may name some for one. More are passed over. */
	GP_DMARCRPT_PLACES_MAX = 10,
};

enum gp_dmarcrpt_wish {
	GP_DMARCRPT_WISHED,
	GP_DMARCRPT_UNWISHED, /* there is no record any more, or none with such a tag */
	GP_DMARCRPT_UNKNOWN,  /* the DNS did not say */
};

struct gp_dmarcrpt_places {
	uint8_t wish;                                     /* enum gp_dmarcrpt_wish */
	struct gp_dmarc_uri list[GP_DMARCRPT_PLACES_MAX]; /* mailto: alone, each address once,
							      in the record's order */
	size_t len;
	size_t refused;                     /* that did not agree, or are of another scheme */
	size_t unknown;                     /* of these the DNS did not say whether they have */
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_dmarcrpt_places_outcome {
	GP_DMARCRPT_PLACES_DONE = 0,
	GP_DMARCRPT_PLACES_NEED = 1,
};

/*
 * domain: where the record is, lower case, A-labels; kind: enum gp_dmarc_report_kind, rua or ruf.
 * Of a public suffix (psd=y) rua alone counts (RFC 9990). Returns enum gp_dmarcrpt_places_outcome,
 * or -ENOMEM. The result lives in the arena and the set's arena. At most three rounds.
 */
[[nodiscard]] int
gp_dmarcrpt_places_eval(struct gp_slice domain, uint8_t kind, const struct gp_answers *answers,
			struct gp_arena *arena, struct gp_dmarcrpt_places *ret);
