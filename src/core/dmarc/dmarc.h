/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a message what its From field says it is: DMARC, RFC 9989 section 5.3.
 *
 * A pure function of the author's domain, of what SPF and DKIM came to, and of what is known of the
 * DNS. It answers, or asks and is run again. In the order of the RFC:
 *
 *   what                   rule                                                          section
 *   From                   unusable: permerror; an address in place of a domain: none    5.3.1
 *   the record             at the author's domain, else at its organisational domain,
 *                          else at the public suffix; none: DMARC does not apply         4.10.1
 *   the policy             p at the author's domain itself; from above sp, or np where
 *                          the author's domain does not exist; t=y: one step milder      4.7
 *   identifiers            SPF's domain of a pass, d= of each signature that passed      4.4
 *   alignment              strict: the same name; relaxed: the same organisational
 *                          domain                                                        4.10.2
 *   pass                   one identifier is aligned, whatever else went wrong           5.3.5
 *   temperror              none is, and the DNS failed where it mattered
 *   fail                   none is, and all is known
 *
 * What a domain wishes is no order: p=reject alone is no reason to refuse a message (section 7.4).
 */
#pragma once

#include "core/dmarc/author.h"
#include "core/dmarc/walk.h"

enum gp_dmarc_limits {
	GP_DMARC_SIGNATURES_MAX =
		10,              /* that passed, or had a temporary error: the first ones count */
	GP_DMARC_TRAIL_MAX = 40, /* lines */
	/* The author's walk and one question about its domain; then each identifier's walk. */
	GP_DMARC_NEED_MAX = GP_DMARC_WALK_MAX * (GP_DMARC_SIGNATURES_MAX + 1) + 1,
};

/* What SPF or a signature came to, as far as it matters here. */
enum gp_dmarc_proof_state {
	GP_DMARC_UNPROVEN = 0, /* anything else */
	GP_DMARC_PROVEN,       /* pass */
	GP_DMARC_TROUBLE,      /* temperror */
};

struct gp_dmarc_proof {
	struct gp_slice domain; /* as it stood there; what is no domain name proves nothing */
	uint8_t state;          /* enum gp_dmarc_proof_state */
};

struct gp_dmarc_query {
	struct gp_dmarc_author author;
	/*
	 * MAIL FROM's domain; HELO's name for a null reverse-path, and then only (section 4.4.2).
	 */
	struct gp_dmarc_proof spf;
	const struct gp_dmarc_proof *dkim; /* d= of each signature */
	size_t dkim_len;
	bool trail; /* write the trail, for people to read */
};

enum gp_dmarc_verdict {
	GP_DMARC_NONE = 0,
	GP_DMARC_PASS,
	GP_DMARC_FAIL,
	GP_DMARC_TEMPERROR,
	GP_DMARC_PERMERROR,
};

struct gp_dmarc_result {
	uint8_t verdict;                      /* enum gp_dmarc_verdict */
	struct gp_slice from_domain;          /* the author's; empty where From is unusable */
	struct gp_slice org_domain;           /* its organisational domain; empty: not known */
	struct gp_slice policy_domain;        /* where the record is; empty: no record applies */
	const struct gp_dmarc_record *record; /* NULL: the same */
	uint8_t policy; /* enum gp_dmarc_policy: the record's for this author, t=y heeded; ABSENT
				without a record */
	uint8_t disposition; /* enum gp_dmarc_policy: what the domain wishes for this message: the
				policy if it failed, else NONE */
	bool spf_aligned, dkim_aligned;
	struct gp_slice reason;                    /* why, in a few words for people */
	struct gp_slice trail[GP_DMARC_TRAIL_MAX]; /* the reasoning, in lines for people; both
						      printable ASCII */
	size_t trail_len;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_dmarc_outcome {
	GP_DMARC_DONE = 0,
	GP_DMARC_NEED = 1,
};

/*
 * Returns enum gp_dmarc_outcome, or -ENOMEM. The result lives in the arena, the set's arena and in
 * what the query points to. At most three rounds.
 */
[[nodiscard]] int
gp_dmarc_eval(const struct gp_dmarc_query *query, const struct gp_answers *answers,
	      struct gp_arena *arena, struct gp_dmarc_result *ret);

/* "none", "pass", ...: as Authentication-Results has it (section 9.2). */
const char *
gp_dmarc_verdict_name(uint8_t verdict);
