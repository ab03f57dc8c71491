/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain's SPF record and all that it includes, as far as it can be known without a message: who
 * asks what, and how much of it (RFC 7208 section 4.6.4) a client that nothing matches would cost.
 *
 * It is read breadth first, so that each round asks what the one before has named, and the order
 * never changes. What one tree may ask is limited; what is beyond is cut, and said to be.
 */
#pragma once

#include "core/posture/parts.h"
#include "core/spf/record.h"
#include "core/spf/spf.h"

enum posture_spf_limits {
	SPF_NODES_MAX = 64,  /* records; six times what any verifier would read */
	SPF_TERMS_MAX = 256, /* of one record */
	SPF_ASK_MAX = 400,   /* questions */
	SPF_PATH_MAX = 300,  /* octets of a way, without its last name */
};

struct posture_spf_term {
	struct gp_spf_term term;
	struct gp_slice raw;            /* with its qualifier, as it stands */
	bool bad;                       /* not of the grammar, or a modifier for the second time */
	bool moot;                      /* never reached: behind "all", or a redirect beside it */
	bool macro;                     /* its target depends on the message */
	bool no_name;                   /* its target is none */
	bool loop;                      /* its target is a record on the way here */
	bool nxdomain;                  /* its target does not exist */
	bool trouble;                   /* the DNS did not answer all */
	bool void4, void6;              /* a void lookup, for clients of IPv4 and of IPv6 */
	struct gp_slice target;         /* empty: it has none, or none that is known */
	unsigned hosts;                 /* MX */
	struct posture_spf_node *child; /* INCLUDE, REDIRECT: or NULL */
};

enum posture_spf_state {
	SPF_UNKNOWN, /* not asked, or cut */
	SPF_TROUBLE, /* the DNS did not answer */
	SPF_NONE,
	SPF_SEVERAL,
	SPF_RECORD,
};

struct posture_spf_node {
	const struct posture_spf_node *parent; /* NULL: the domain's own */
	struct gp_slice name;
	struct gp_slice path; /* the way to it, "a.test > b.test" */
	uint8_t state;        /* enum posture_spf_state */
	struct gp_dns_answer answer;
	struct posture_spf_term *terms; /* of the domain's own: as they were meant, if they are not
					   of the grammar, or no record, or of several */
	size_t len;
	size_t bad;                        /* terms that were not of the grammar */
	struct posture_list faults;        /* of the domain's own record: these */
	bool lost;                         /* and some of them were not understood */
	bool cut;                          /* it has more terms than are looked at */
	struct posture_spf_term *all;      /* the first; NULL: none */
	struct posture_spf_term *redirect; /* that counts; NULL: none */
};

/* Where on a walk over the tree something went over its limit. */
struct posture_spf_place {
	const struct posture_spf_node *node;
	const struct posture_spf_term *term;
};

struct posture_spf_count {
	unsigned lookups, void4, void6;
	struct posture_spf_place lookups_over, void_over; /* node NULL: nowhere */
};

struct posture_spf {
	struct posture_spf_node nodes[SPF_NODES_MAX]; /* the domain's own first */
	size_t len;
	bool cut; /* over a limit */
	struct posture_spf_count count;
};

/* What one term costs, with all that it leads to. */
struct posture_spf_count
posture_spf_count_term(const struct posture_spf_node *node, const struct posture_spf_term *t);

/* The node whose "all" ends the evaluation, at the end of redirects; NULL: not known, or a loop. */
const struct posture_spf_node *
posture_spf_end(const struct posture_spf_node *node);

/* --- the domain's own record, rewritten --- */

enum { SPF_DRAFT_MAX = SPF_TERMS_MAX + 1 };

/* Terms of a record to be, each once, without its "all". */
struct posture_spf_draft {
	struct gp_slice terms[SPF_DRAFT_MAX];
	size_t len;
	struct gp_slice all; /* empty: none */
	bool redirects;
	bool lost; /* a term that nobody understands was left out */
};

/* Of all that the record says; skip: a term that is left out, or NULL. */
void
posture_spf_draft(struct posture_run *run, const struct posture_spf_node *node,
		  const struct posture_spf_term *skip, struct posture_spf_draft *ret);

/* "v=spf1 ..." */
struct gp_slice
posture_spf_write(struct posture_run *run, const struct posture_spf_draft *draft);

/* Does it begin somewhat like a record? */
bool
posture_spf_looks_like(struct gp_slice text);

/* All texts of the answer that look like records as one: what was meant, with the strictest end.
   False: there is none. */
bool
posture_spf_guess(struct posture_run *run, const struct gp_dns_answer *answer,
		  struct posture_spf_draft *ret);
