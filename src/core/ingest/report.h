/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report of somebody else's says about mail in a domain's name: DMARC aggregate reports
 * (RFC 9990, and those written for RFC 7489), TLS reports (RFC 8460), DMARC failure reports (RFC
 * 9991, ARF of RFC 5965). One shape for all that reads them (aggregate.h, tls.h, failure.h) and all
 * that keeps them.
 *
 * A report is told in pieces, so that one of a million records needs no more memory than one of
 * ten: first its head, then each record, then its end. Whatever is odd in it is told as a flaw
 * beside what could be read; a record that cannot be kept is left out with its reason, and the rest
 * is kept. Texts are UTF-8 without control characters and marks of direction, cut at
 * GP_INGEST_TEXT_MAX; names are lower case without the last dot, of letters, digits, "-", "_", "."
 * and U-labels' octets; they live until the call returns.
 */
#pragma once

#include "base/slice.h"

enum gp_ingest_limits {
	GP_INGEST_TEXT_MAX = 1024,   /* octets of any text */
	GP_INGEST_NAME_MAX = 253,    /* octets of a domain's name */
	GP_INGEST_REASONS_MAX = 8,   /* of a row */
	GP_INGEST_RESULTS_MAX = 16,  /* DKIM's, and SPF's, of a row */
	GP_INGEST_PATTERNS_MAX = 32, /* lines of a policy, and patterns of its MX */
	GP_INGEST_RANGE_MAX =
		31 * 86400, /* seconds: who spreads a report over its days is bounded */
};

/* Of messages or sessions in one place: 9 million such are summed up in an int64_t. */
#define GP_INGEST_COUNT_MAX UINT64_C(1000000000000)

enum gp_ingest_kind {
	GP_INGEST_AGGREGATE = 1,
	GP_INGEST_TLS,
	GP_INGEST_FAILURE,
};

enum gp_ingest_policy { /* p=, sp=, np= */
			GP_INGEST_POLICY_ABSENT = 0,
			GP_INGEST_POLICY_NONE,
			GP_INGEST_POLICY_QUARANTINE,
			GP_INGEST_POLICY_REJECT,
};

/* What was done with the mail. */
enum gp_ingest_disposition {
	GP_INGEST_DISPOSITION_UNKNOWN = 0,
	GP_INGEST_DISPOSITION_NONE,
	GP_INGEST_DISPOSITION_PASS,
	GP_INGEST_DISPOSITION_QUARANTINE,
	GP_INGEST_DISPOSITION_REJECT,
};

/* Why that differs from what was published; the words of both RFCs. */
enum gp_ingest_reason_type {
	GP_INGEST_REASON_OTHER = 1,
	GP_INGEST_REASON_FORWARDED,
	GP_INGEST_REASON_LOCAL_POLICY,
	GP_INGEST_REASON_MAILING_LIST,
	GP_INGEST_REASON_POLICY_TEST_MODE,
	GP_INGEST_REASON_SAMPLED_OUT,
	GP_INGEST_REASON_TRUSTED_FORWARDER,
};

/* Of DKIM or SPF; words that no RFC knows ("hardfail", "error") are read as what they mean. */
enum gp_ingest_result {
	GP_INGEST_RESULT_UNKNOWN = 0,
	GP_INGEST_RESULT_NONE,
	GP_INGEST_RESULT_PASS,
	GP_INGEST_RESULT_FAIL,
	GP_INGEST_RESULT_SOFTFAIL,
	GP_INGEST_RESULT_NEUTRAL,
	GP_INGEST_RESULT_POLICY,
	GP_INGEST_RESULT_TEMPERROR,
	GP_INGEST_RESULT_PERMERROR,
};

struct gp_ingest_head {
	uint8_t kind;            /* enum gp_ingest_kind */
	struct gp_slice org;     /* who wrote it; empty: it does not say */
	struct gp_slice email;   /* whom to ask about it */
	struct gp_slice contact; /* further: a page, mostly */
	struct gp_slice id;      /* its own name for itself; not unique by itself */
	struct gp_slice domain;  /* aggregate: the published policy's, never empty; TLS: the first
				  * policy's that has one, or empty */
	int64_t begin, end;      /* seconds since 1970, UTC; both belong to it; begin <= end */

	/* Aggregate alone: the policy that was found. */
	struct gp_slice version;
	struct gp_slice generator;
	uint8_t p, sp, np;              /* enum gp_ingest_policy */
	bool adkim_strict, aspf_strict; /* absent: relaxed */
	bool testing;                   /* t=y */
	int pct;                        /* -1: it does not say */
	struct gp_slice fo;
	struct gp_slice discovery; /* "psl" or "treewalk"; or empty */
};

struct gp_ingest_reason {
	uint8_t type; /* enum gp_ingest_reason_type */
	struct gp_slice comment;
};

struct gp_ingest_auth {
	struct gp_slice domain;
	struct gp_slice selector; /* DKIM */
	struct gp_slice scope;    /* SPF: "mfrom", "helo"; or empty */
	struct gp_slice human;    /* why, in words of the reporter's */
	uint8_t result;           /* enum gp_ingest_result */
};

/* A row of an aggregate report: messages of which the same is told. */
struct gp_ingest_row {
	uint64_t number;     /* in its report, from 1 */
	uint64_t detail;     /* not 0: rows of one report that have the same one differ by number,
			      * source and count alone */
	uint8_t source[16];  /* IPv6, or IPv4 mapped */
	uint64_t count;      /* may be 0, which is told */
	uint8_t disposition; /* enum gp_ingest_disposition */
	uint8_t dkim,
		spf; /* aligned and passed: RESULT_PASS, else RESULT_FAIL; UNKNOWN: not told */
	struct gp_slice header_from, envelope_from, envelope_to;
	size_t reasons_len, dkim_results_len, spf_results_len;
	/* Anything stands behind those that there are: most of it is never touched. */
	struct gp_ingest_reason reasons[GP_INGEST_REASONS_MAX];
	struct gp_ingest_auth dkim_results[GP_INGEST_RESULTS_MAX];
	struct gp_ingest_auth spf_results[GP_INGEST_RESULTS_MAX];
};

/* A policy of a TLS report, with what its sessions came to. */
struct gp_ingest_tls_policy {
	uint64_t number;      /* in its report, from 1 */
	struct gp_slice type; /* "tlsa", "sts", "no-policy-found" */
	struct gp_slice domain;
	struct gp_slice lines[GP_INGEST_PATTERNS_MAX]; /* policy-string */
	size_t lines_len;
	struct gp_slice mx[GP_INGEST_PATTERNS_MAX]; /* mx-host */
	size_t mx_len;
	uint64_t successful, failed; /* sessions */
};

/* Told after the policy that it belongs to. */
struct gp_ingest_tls_failure {
	struct gp_slice result; /* "starttls-not-supported", and section 4.3's other words */
	struct gp_slice sending_ip, receiving_mx, receiving_ip, receiving_helo;
	struct gp_slice reason_code, info;
	uint64_t sessions;
};

/* One message that failed. */
struct gp_ingest_failure {
	struct gp_slice type;     /* Auth-Failure: "dmarc", "dkim", ..., or Feedback-Type */
	struct gp_slice delivery; /* Delivery-Result */
	uint8_t source[16];       /* all zero: not told */
	struct gp_slice domain;   /* Reported-Domain, or what stands for it */
	struct gp_slice header_from, envelope_from, envelope_to, subject, message_id;
	struct gp_slice results; /* Authentication-Results, as it stands */
	struct gp_slice dkim_domain, dkim_selector, spf_record;
	int64_t arrived;        /* seconds since 1970; 0: not told */
	uint64_t incidents;     /* 1 at least */
	struct gp_slice header; /* of the message, as far as it was sent: lines that end in LF */
};

/* What is told, in this order: head, then rows or policies and their failures or a failure. A
 * function that returns not 0 ends the reading, with that value. All must be set. */
struct gp_ingest_listener {
	void *context;
	int (*head)(void *context, const struct gp_ingest_head *head);
	int (*row)(void *context, const struct gp_ingest_row *row);
	int (*tls_policy)(void *context, const struct gp_ingest_tls_policy *policy);
	int (*tls_failure)(void *context, const struct gp_ingest_tls_failure *failure);
	int (*failure)(void *context, const struct gp_ingest_failure *failure);
	/* Something is odd. record: the row or policy, 0: the report's own; lost: that record, or
	 * with 0 the report, is not kept. why: a sentence without its full stop, such as "its
	 * source address cannot be read". May come before head. */
	int (*flaw)(void *context, uint64_t record, bool lost, const char *why);
};
