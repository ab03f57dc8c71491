/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the judges of DMARC share: dmarc.c finds the record in force and judges its form, then the
 * record as it was meant is given to those of its policies, its tags and its reports. A proposal is
 * the record as it was understood, with the one thing mended: it can be published without looking
 * at the other findings. It has no flaws, and no policy stricter than may be proposed yet.
 *
 * Texts live in the run's arena. When memory runs out the arena has failed, and what was made then
 * is thrown away with the round.
 */
#pragma once

#include "core/posture/parts.h"

struct posture_dmarc {
	struct gp_dmarc_walk walk;
	struct gp_dns_answer answer; /* at the name that counts: where the record is, or would be */
	struct gp_slice owner;       /* that name */
	const struct gp_dmarc_record *record; /* in force; NULL: none is */
	bool several;                         /* at that name, which counts as none */
};

/* --- judges --- */

/* Policies, and is_org: of names below, where it is the organisational domain's record. */
void
posture_judge_dmarc_policy(struct posture_run *run, const struct gp_dmarc_record *record);
void
posture_judge_dmarc_below(struct posture_run *run, const struct gp_dmarc_record *record,
			  bool is_org);
/* t and psd. */
void
posture_judge_dmarc_modes(struct posture_run *run, const struct gp_dmarc_record *record);
/* Tags that no longer count, and those that never did. */
void
posture_judge_dmarc_tags(struct posture_run *run, const struct gp_dmarc_record *record);
/* rua and ruf. */
void
posture_judge_dmarc_reports(struct posture_run *run, const struct gp_dmarc_record *record);

/* --- tags --- */

/* The tag that one letter makes of a name that is none; NULL: there is no such tag. */
const char *
posture_dmarc_tag_near(struct gp_slice name);

/* Is this flaw of the record's text a whole tag, and not one URI of several? */
bool
posture_dmarc_is_whole_tag(struct gp_slice text, struct gp_slice flaw);

/* --- places for reports --- */

bool
posture_dmarc_is_listed(const struct gp_dmarc_uris *uris, const struct gp_dmarc_uri *uri);

/* Those that count: mailto, each once, two. */
struct gp_dmarc_uris
posture_dmarc_useful_uris(const struct gp_dmarc_uris *uris);

/* Those of them that mail can reach. */
struct gp_dmarc_uris
posture_dmarc_living_uris(struct posture_run *run, const struct gp_dmarc_uris *uris);

/* A place for who has none: the query's reporter, or one in the domain that has the record, so that
   nobody need agree. */
struct gp_dmarc_uri
posture_dmarc_first_uri(struct posture_run *run);

/* The mailboxes that the record names in a way that counts for nothing, as without "mailto:": the
   organisation's own, as others would have to agree. */
struct gp_dmarc_uris
posture_dmarc_meant_uris(struct posture_run *run, const struct gp_dmarc_record *record);

/* The places that a new record has: those of the record in force, or that it means, else the first
   one. */
struct gp_dmarc_uris
posture_dmarc_wanted_uris(struct posture_run *run);

/* The record by which a host agrees to take the reports (RFC 9990 section 4). */
struct gp_finding_record
posture_dmarc_agreement(struct posture_run *run, struct gp_slice host);

/* --- proposals --- */

/* The text with semicolons where other things stand before a tag, and its version in front. */
struct gp_slice
posture_dmarc_respace(struct posture_run *run, struct gp_slice text);

/* Makes a record of it that is one: with a policy, and places that count. What is passed over is
   gone. */
void
posture_dmarc_complete(struct posture_run *run, struct gp_dmarc_record *r);

/* A mended record in place of what is there; what the reports' host must publish goes with it. */
struct posture_mend
posture_dmarc_mend(struct posture_run *run, const struct gp_dmarc_record *r, const char *fix);

/* The same for a policy that is to be stricter, from the record as it is to what it should be: with
   no record while it may not be yet. */
struct posture_mend
posture_dmarc_climb(struct posture_run *run, const struct gp_dmarc_record *from,
		    const struct gp_dmarc_record *to, const char *fix);

/* Findings with such a mend, and their kind's severity. */
void
posture_dmarc_find(struct posture_run *run, const struct gp_finding_kind *kind,
		   const struct gp_dmarc_record *r, const char *fix);
void
posture_dmarc_find_weak(struct posture_run *run, const struct gp_finding_kind *kind,
			const struct gp_dmarc_record *from, const struct gp_dmarc_record *to,
			const char *fix);

/* --- stages --- */

/* Which policy may be proposed: facts.dmarc.stage. in_force: the record; NULL: none is. */
void
posture_dmarc_find_stage(struct posture_run *run, const struct gp_dmarc_record *in_force);

/* Lowers the record's policies to that. True: they were stricter. */
bool
posture_dmarc_limit(const struct posture_run *run, struct gp_dmarc_record *record);

/* The way from the policy in force (GP_DMARC_P_ABSENT: none is) to p=reject: records, the day on
   which each may be published, and what must be so before. The first is what is proposed, if
   anything is. */
struct gp_slice
posture_dmarc_stages(struct posture_run *run, const struct gp_dmarc_record *wanted, uint8_t policy);
