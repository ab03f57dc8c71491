/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS report: what a day's sessions towards one domain came to. RFC 8460 section 4 (the JSON),
 * 5.1 (its name), 5.3 (the mail that carries it).
 *
 * Texts from outside, the reasons above all, come out as UTF-8 without control characters, cut at
 * GP_TLSRPT_TEXT_MAX; none can end a string, a header field or a part.
 */
#pragma once

#include "base/buf.h"
#include "core/tlsrpt/words.h"

enum gp_tlsrpt_limits {
	GP_TLSRPT_POLICIES_MAX = 256,  /* in a report */
	GP_TLSRPT_FAILURES_MAX = 1000, /* details of a policy; whoever counts adds up the rest */
	GP_TLSRPT_TEXT_MAX = 512,      /* octets of a reason, a name, an address */
	GP_TLSRPT_UNIQUE_MAX = 64,     /* letters and digits of a report's id */
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
	struct gp_slice organization; /* organization-name: who we are, for people */
	struct gp_slice contact;      /* contact-info: an address */
	struct gp_slice unique;       /* 1 to GP_TLSRPT_UNIQUE_MAX letters and digits, different for
					 every report ever made */
	struct gp_slice submitter;    /* our domain, A-labels: that of contact */
	struct gp_slice domain;       /* that the report is for, A-labels */
	uint64_t start_s, end_s;      /* since the epoch: first and last second of a UTC day */
	const struct gp_tlsrpt_counts *counts;
	size_t counts_len; /* 1 to GP_TLSRPT_POLICIES_MAX */
};

/* Appends the report as JSON; report-id is unique@submitter. False: the buffer's cap, or memory. */
[[nodiscard]] bool
gp_tlsrpt_write_json(const struct gp_tlsrpt_report *report, struct gp_buf *out);

/* Appends its file's name (section 5.1): "submitter!domain!start!end!unique.json.gz". */
void
gp_tlsrpt_write_filename(const struct gp_tlsrpt_report *report, struct gp_buf *out);

struct gp_tlsrpt_mail {
	const struct gp_tlsrpt_report *report;
	struct gp_slice from; /* addresses */
	struct gp_slice to;
	struct gp_slice gzip; /* the JSON, compressed by gzip */
	uint64_t now_s;       /* since the epoch */
};

/*
 * Appends the message: 7-bit lines of at most 998 octets with CRLF, not signed yet (receivers
 * ignore what has no DKIM signature of the submitter's domain). It says `TLS-Required: No` (RFC
 * 8689 section 3): news of broken TLS must not wait for TLS. False: the buffer's cap, or memory.
 */
[[nodiscard]] bool
gp_tlsrpt_write_mail(const struct gp_tlsrpt_mail *mail, struct gp_buf *out);
