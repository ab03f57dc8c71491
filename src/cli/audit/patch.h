/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that would mend a domain, put together: the records of one finding are taken as published,
 * the domain is looked at again, and so on until no finding has any that was not taken. So they fit
 * each other, where those of single findings are alternatives.
 */
#pragma once

#include "base/buf.h"
#include "core/posture/posture.h"

enum {
	PATCH_FINDINGS_MAX = 64,
	PATCH_RECORDS_MAX = 128,
	PATCH_TTL_S = 3600,
};

struct audit_patch {
	struct gp_arena *arena; /* of the texts; lives as long as the answers */
	struct {
		const struct gp_finding_kind *kind;
		struct gp_finding_record first; /* the place that it is at, without a value */
		struct gp_slice fix;
	} taken[PATCH_FINDINGS_MAX];
	size_t taken_len;
	struct gp_finding_record records[PATCH_RECORDS_MAX]; /* what is to be there in the end */
	size_t records_len;
	struct gp_finding_record
		replaced[PATCH_RECORDS_MAX]; /* what is there now at their places */
	size_t replaced_len;
};

enum audit_patch_form {
	AUDIT_PATCH_ZONE,     /* lines of a zone file (RFC 1035 section 5.1), with comments */
	AUDIT_PATCH_NSUPDATE, /* commands of nsupdate(1): one transaction a domain */
	AUDIT_PATCH_OCTODNS,  /* octodns.h */
};

/*
 * Takes the gravest finding that has records and was not taken before at this place, and puts these
 * into the set as if they were published. Returns 0; 1 when there is none; -ENOMEM.
 */
[[nodiscard]] int
audit_patch_next(struct audit_patch *p, struct gp_answers *set, const struct gp_findings *findings);

/* enum gp_dns_type of a finding's record. */
uint16_t
audit_patch_type(const struct gp_finding_record *r);

/* form: the first two of enum audit_patch_form. set: where the records are taken as published.
   `left` is what was found in the end. */
void
audit_patch_write(const struct audit_patch *p, uint8_t form, const struct gp_answers *set,
		  const struct gp_posture_result *left, struct gp_arena *arena, struct gp_buf *out);
