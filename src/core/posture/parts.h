/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of an evaluation share. Each looks at one matter and is run in every round, in the
 * order below, from nothing: it asks for what it lacks and goes on with what it has, so that all
 * that can be asked is asked at once. What it finds in a round that needs more is thrown away.
 */
#pragma once

#include "core/posture/posture.h"

struct posture_run {
	const struct gp_posture_query *query;
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_posture_result *ret;
	struct gp_posture_facts *facts; /* ret's */
	struct gp_findings *findings;   /* ret's */
	struct gp_dns_question *need;
	size_t need_len;
};

/* Looks a question up, or adds it to what is needed, unless it is there or there is no room; name
   must live in the arena, the set's arena or the query. True: known, in *ret. */
[[nodiscard]] bool
posture_ask(struct posture_run *run, struct gp_slice name, uint16_t type,
	    struct gp_dns_answer *ret);

/* The name label.domain, in the arena. A name that is too long for the DNS is answered as one that
   does not exist. When memory runs out the arena has failed. */
struct gp_slice
posture_name(struct posture_run *run, const char *label, struct gp_slice domain);

/* A finding with what to do: evidence printable; records may be none. */
struct posture_mend {
	struct gp_slice evidence;
	struct gp_slice fix;
	const struct gp_finding_record *records;
	size_t records_len;
};
void
posture_add(struct posture_run *run, const struct gp_finding_kind *kind, uint8_t severity,
	    const struct posture_mend *mend);

/* What could not be measured, and why: the question and what the DNS said. */
void
posture_unknown(struct posture_run *run, const struct gp_finding_kind *kind,
		const struct gp_dns_answer *answer);

/* One TXT record in an array of its own, as the fix. */
struct gp_finding_record *
posture_txt(struct posture_run *run, struct gp_slice name, struct gp_slice value);

/* In their order: each may use the facts of those above it. */
void
posture_mx(struct posture_run *run);
void
posture_dmarc(struct posture_run *run);
void
posture_spf(struct posture_run *run);
void
posture_dkim(struct posture_run *run);
void
posture_sts(struct posture_run *run);
void
posture_tlsrpt(struct posture_run *run);
void
posture_dane(struct posture_run *run);
void
posture_other(struct posture_run *run); /* BIMI, CAA, names below, wildcards */
void
posture_class(struct posture_run *run); /* what kind of domain it is, and the lock-down set */
