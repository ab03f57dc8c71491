/* SPDX-License-Identifier: Apache-2.0 */
/* Where a report goes, by the records that its domain has now. An evaluator over DNS answers. */
#pragma once

#include "core/dns/answers.h"
#include "procs/reports/store.h"

enum {
	WHERE_PLACES_MAX = 10,
	WHERE_ANSWERS_MAX = 256, /* more than DMARC's places may ask */
};

/* A mailbox, or a web server. */
struct place {
	struct gp_slice uri;        /* as it is written */
	struct gp_slice address;    /* mailto:, else empty */
	struct gp_slice host, path; /* https:, else empty */
	uint16_t port;
};

enum where_wish {
	WHERE_WISHED,
	WHERE_UNWISHED, /* the domain wants no report */
	WHERE_UNKNOWN,  /* the DNS did not say */
};

struct where {
	uint8_t wish;    /* enum where_wish */
	const char *why; /* UNWISHED: static, where there is something to say; else NULL */
	struct place list[WHERE_PLACES_MAX];
	size_t len;
	size_t refused;                     /* places that never agreed */
	size_t unknown;                     /* of which the DNS did not say whether they did */
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum where_outcome {
	WHERE_DONE = 0,
	WHERE_NEED = 1,
};

/* Returns enum where_outcome, or -ENOMEM. The result lives in the arena and the set's. At most
 * three rounds. */
[[nodiscard]] int
where_find(const struct store_report *report, const struct gp_answers *answers,
	   struct gp_arena *arena, struct where *ret);
