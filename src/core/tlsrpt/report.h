/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS report: what a day's sessions towards one domain came to. RFC 8460 section 4 (the JSON),
 * and what is its own of its name (5.1) and of the mail that carries it (5.3).
 *
 * Texts from outside, the reasons above all, come out as UTF-8 without control characters, cut at
 * GP_REPORT_TEXT_MAX; none can end a string, a header field or a part.
 */
#pragma once

#include "core/report/mail.h"
#include "core/tlsrpt/words.h"

enum gp_tlsrpt_limits {
	GP_TLSRPT_POLICIES_MAX = 256,  /* in a report */
	GP_TLSRPT_FAILURES_MAX = 1000, /* details of a policy; whoever counts adds up the rest */
};

/* Sessions that failed alike. What is empty is left out. */
struct gp_tlsrpt_failure {
	uint8_t result;             /* enum gp_tlsrpt_result, above SUCCESS */
	struct gp_slice sending_ip; /* ours */
	struct gp_slice mx_host;    /* theirs: name and address */
	struct gp_slice receiving_ip;
	struct gp_slice reason; /* failure-reason-code */
	uint64_t sessions;
};

struct gp_tlsrpt_counts {
	uint8_t policy;                 /* enum gp_tlsrpt_policy */
	struct gp_slice domain;         /* A-labels */
	const struct gp_slice *strings; /* the policy's text, or none */
	size_t strings_len;
	const struct gp_slice *mx; /* an MTA-STS policy's patterns, or none */
	size_t mx_len;
	uint64_t successes;
	uint64_t failures; /* sessions: fewer than the details' sum when one failed twice over */
	const struct gp_tlsrpt_failure *details;
	size_t details_len; /* up to GP_TLSRPT_FAILURES_MAX */
};

struct gp_tlsrpt_report {
	struct gp_report head;
	const struct gp_tlsrpt_counts *counts;
	size_t counts_len; /* 1 to GP_TLSRPT_POLICIES_MAX */
};

/* Appends the report as JSON; report-id is unique@submitter. False: the buffer's cap, or memory. */
[[nodiscard]] bool
gp_tlsrpt_write_json(const struct gp_tlsrpt_report *report, struct gp_buf *out);

/*
 * Its mail says `TLS-Required: No` (RFC 8689 section 3): news of broken TLS must not wait for TLS.
 * Receivers ignore one that has no DKIM signature of the submitter's domain.
 */
extern const struct gp_report_form gp_tlsrpt_form;
