/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others reported about the mail in a domain's name (RFC 9990), for findings that no record
 * shows: keys that sign nothing, own mail that nothing lets pass, what a stricter policy would hit.
 *
 * It is what strangers say: whoever can send reports can make up a source or a selector. So it
 * never makes a finding critical, and selectors are asked about only if they are names.
 */
#pragma once

#include "base/slice.h"
#include "core/dns/record.h"

enum gp_posture_sent_limits {
	GP_POSTURE_SENT_S = 30 * 86400,   /* that figures and sources are of */
	GP_POSTURE_UNUSED_S = 90 * 86400, /* that signatures and envelopes are of */
	GP_POSTURE_UNUSED_DAYS = 30,      /* of them with reports, for a key to be unused */
	GP_POSTURE_LEARNT_MAX = 20,       /* selectors that are taken from reports */
	GP_POSTURE_SOURCE_MIN = 10,       /* messages for a source to count */
};

/* An address that mail came from. */
struct gp_posture_source {
	uint8_t octets[GP_DNS_ADDRESS_MAX];
	uint8_t len; /* 4 or 16 */
	uint64_t messages;
	uint64_t aligned;   /* by DKIM or SPF: what DMARC passes */
	uint64_t foreign;   /* that passed for some other domain */
	uint64_t forwarded; /* that the reporter calls so */
};

/* Who passed, by one mechanism. */
struct gp_posture_passed {
	struct gp_slice domain;
	struct gp_slice selector; /* DKIM; empty: the reports do not say */
	bool dkim;                /* else SPF */
	uint64_t messages;
	uint64_t aligned; /* of these, those that it aligned for */
};

/* Days without mail in the domain's name have no reports. */
struct gp_posture_sent {
	uint64_t messages, aligned; /* of the last GP_POSTURE_SENT_S */
	uint64_t since_s;           /* the first day with reports, since 1970; 0: there is none */
	unsigned days;              /* with reports, of the last GP_POSTURE_UNUSED_S */
	uint64_t none_since_s;      /* reports have seen p=none since, and no other; 0: not so */
	const struct gp_posture_source *sources; /* those with most that did not align first */
	size_t sources_len;
	const struct gp_posture_passed *passed; /* of the last GP_POSTURE_UNUSED_S, largest first */
	size_t passed_len;
};
