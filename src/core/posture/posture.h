/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail posture of a domain: what its DNS says about mail, what an attacker gains by it, and the
 * records to publish instead.
 *
 * A pure function of the question, of what is known of the DNS, and of what was found over HTTPS
 * and at the domain's MX hosts. It answers; or with questions, all that it can use now, to be run
 * again when their answers (failures too) are in the set. Every round makes progress.
 *
 *     for (;;)
 *             switch (gp_posture_eval(&query, answers, arena, &result)) {
 *             NEED:  have result.need answered, into the set; reset the arena; again
 *             DONE:  if result.policy_wanted, fetch it, and look at result.hosts; put what that
 *                    gave into the query, and again: or else it is "not measured"
 *             }
 *
 * The first error in a record does not hide the second. What the DNS did not say is not measured,
 * and nothing is concluded from it.
 */
#pragma once

#include "core/dmarc/walk.h"
#include "core/dns/answers.h"
#include "core/finding/finding.h"

enum gp_posture_limits {
	GP_POSTURE_NEED_MAX = 512, /* questions of a round */
	GP_POSTURE_HOSTS_MAX = 20, /* MX hosts looked at, the best preferred ones */
	GP_POSTURE_SELECTORS_MAX = 200,
	GP_POSTURE_ARENA = 8 * 1024 * 1024, /* octets that are enough for any domain */
};

/* What became of the MTA-STS policy's fetch. */
struct gp_posture_policy {
	bool fetched;        /* text is what came, by a proven host, with status 200 */
	struct gp_slice why; /* else what went wrong, for people */
	struct gp_slice text, media_type;
};

/* What a probe found at one address of an MX host. */
struct gp_posture_host {
	struct gp_slice name; /* as the MX record has it */
	struct gp_slice address;
	const char *not_measured; /* NULL: it was; else why not, static */
	bool starttls;
	bool verified;            /* its chain is PKIX-valid for its name */
	struct gp_slice chain_error; /* else why not, for people */
	int64_t expires_s;        /* of its certificate, since 1970 */
	const struct gp_slice *certificates; /* DER, its own first */
	size_t certificates_len;
	struct gp_findings findings; /* the scanner's own of this host */
};

struct gp_posture_query {
	struct gp_slice domain; /* U-labels too */
	uint64_t now_s;         /* since 1970 */
	/* DKIM selectors that it may have: A-labels. */
	const struct gp_slice *selectors;
	size_t selectors_len;
	bool selectors_known; /* they are from its mail or its reports, not guessed */
	struct gp_slice reporter; /* mail address for rua in proposals; empty: one in the domain */
	const struct gp_posture_policy *policy; /* NULL: not fetched yet */
	const struct gp_posture_host *hosts;    /* NULL: not looked at yet */
	size_t hosts_len;
};

enum gp_posture_class {
	GP_POSTURE_UNKNOWN,
	GP_POSTURE_SENDING,   /* it publishes who may send */
	GP_POSTURE_RECEIVING, /* it has MX hosts, and nobody may send */
	GP_POSTURE_PARKED,    /* neither: the lock-down set is what it should have */
	GP_POSTURE_ABSENT,    /* there is no such domain */
};

/* What the parts found out for each other, and for the baselines; `known` is false where the DNS
   did not say. */
struct gp_posture_facts {
	struct gp_slice domain; /* lower case, A-labels */
	struct gp_slice org;    /* its organisational domain; empty: not known */
	uint8_t class;          /* enum gp_posture_class */
	struct {
		bool known, null, implicit, secure;
		const struct gp_dns_record *records; /* by preference */
		size_t len;
	} mx;
	struct {
		bool known, present, valid;
		uint8_t all; /* qualifier of what ends it: enum gp_spf_verdict; neutral without any */
		bool nobody; /* it authorises nobody: "-all" alone */
		unsigned lookups;
	} spf;
	struct {
		bool known, present;
		struct gp_slice at;  /* the name that has the record in force */
		uint8_t p;           /* enum gp_dmarc_policy in force for the domain itself */
		uint8_t sp, np;      /* in force for names below that are there, and that are not */
		bool testing, reports; /* reports: some rua can be reached */
	} dmarc;
	struct {
		bool known;
		unsigned keys, weak, revoked; /* found; of them under 2048 bits; with an empty p */
		bool wildcard_revoked;
	} dkim;
	struct {
		bool known, record, policy;
		uint8_t mode; /* enum gp_mtasts_mode of the policy */
		bool covered; /* all MX hosts by the policy */
	} sts;
	struct {
		bool known, present;
	} tlsrpt;
	struct {
		bool known;
		unsigned hosts, with, usable; /* MX hosts; with TLSA records; with DNSSEC-validated
						 ones that can be used */
	} dane;
	bool dnssec_known, dnssec;
};

struct gp_posture_result {
	struct gp_posture_facts facts;
	struct gp_findings findings;
	bool policy_wanted; /* it says that there is one */
	const struct gp_slice *hosts; /* MX hosts, to be looked at */
	size_t hosts_len;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_posture_outcome {
	GP_POSTURE_DONE = 0,
	GP_POSTURE_NEED = 1,
	GP_POSTURE_NO_NAME = 2, /* the text is no domain name */
};

/* Returns enum gp_posture_outcome, or -ENOMEM. Results live in the arena, the set's arena and the
   query. */
[[nodiscard]] int
gp_posture_eval(const struct gp_posture_query *query, const struct gp_answers *answers,
		struct gp_arena *arena, struct gp_posture_result *ret);
