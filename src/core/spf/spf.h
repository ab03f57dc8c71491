/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this client send mail as this domain: check_host() of RFC 7208, with RFC 8616 for names and
 * addresses in UTF-8.
 *
 * A pure function of the query and of what is known of the DNS. Like core/mx/mx.h it answers, or
 * asks and is run again with the answers (failures too) in the set. A round asks for what the
 * evaluation stands at, and for what all later terms of the records that it is in would ask first;
 * it takes one round for each record on the way, and one more for an mx, a ptr or %{p}, and exp.
 *
 * Limits are counted on the path evaluated, includes and redirects summed. Beside those of section
 * 4.6.4 there are two that no honest record comes near: on questions, what is asked ahead and never
 * used counted in, and on octets read; they bound what a hostile zone makes us send and compute.
 * Over any of them: permerror. The time (20 s at least, same section) is for whoever asks the
 * questions: what has no answer by then is GP_DNS_TIMEOUT, and comes out as temperror.
 *
 * Where the RFC leaves a choice:
 * - a void lookup (section 4.6.4) is a term's: one for an mx without records, or whose hosts all
 *   lack addresses; one for a ptr without a name; none for what exp and %{p} ask;
 * - a target that is no name (section 4.8: undefined) does not match and is not asked about; as the
 *   target of include or redirect it is a permerror, as section 4.3 makes it "none" first;
 * - an mx with more than ten hosts is a permerror wherever among them the client is;
 * - the hosts of an mx come in any order, so one that matches counts before one that fails;
 * - terms with a local-part that is not ASCII do not match (RFC 8616 section 4).
 */
#pragma once

#include "core/dns/answers.h"

enum gp_spf_limits {
	GP_SPF_LOOKUPS_MAX = 10,      /* include, a, mx, ptr, exists, redirect (4.6.4) */
	GP_SPF_VOID_MAX = 2,          /* of these, with nothing to find (4.6.4) */
	GP_SPF_HOSTS_MAX = 10,        /* of an mx; and names of the client that are looked at */
	GP_SPF_QUESTIONS_MAX = 64,    /* all that one evaluation ever asks */
	GP_SPF_AHEAD_MAX = 24,        /* of these, what terms not yet reached would ask */
	GP_SPF_ROUNDS_MAX = 24,       /* record, two for each lookup and for %{p}, exp */
	GP_SPF_OCTETS_MAX = 65'536,   /* of records read, and of names made by macros */
	GP_SPF_EXPLANATION_MAX = 400, /* octets: the rest is cut; fits a line of a reply */
	GP_SPF_TRAIL_MAX = 100,       /* lines; more are left out, and it says so */
	GP_SPF_LINE_MAX = 300,        /* octets of one, and of the reason; the rest is cut */
};

/* Which identity is checked (section 2). */
enum gp_spf_scope {
	GP_SPF_MFROM, /* MAIL FROM; null: postmaster at the HELO name (2.4) */
	GP_SPF_HELO,
};

struct gp_spf_query {
	uint8_t address[GP_DNS_ADDRESS_MAX]; /* the client's; IPv4-mapped counts as IPv4 */
	uint8_t address_len;                 /* 4 or 16 */
	uint8_t scope;                       /* enum gp_spf_scope */
	bool explain;             /* ask for the explanation of a fail: a text of somebody else's */
	bool trail;               /* write the trail, for people to read */
	struct gp_slice helo;     /* as it was said */
	struct gp_slice sender;   /* reverse-path without brackets; empty: null. U-labels too */
	struct gp_slice receiver; /* our name, for explanations; empty: "unknown" */
	uint64_t now_s;           /* Unix time, for explanations */
};

/* Section 2.6. */
enum gp_spf_verdict {
	GP_SPF_NONE,
	GP_SPF_NEUTRAL,
	GP_SPF_PASS,
	GP_SPF_FAIL,
	GP_SPF_SOFTFAIL,
	GP_SPF_TEMPERROR,
	GP_SPF_PERMERROR,
};

struct gp_spf_result {
	uint8_t verdict;             /* enum gp_spf_verdict */
	struct gp_slice domain;      /* the identity's: lower case, A-labels; printable ASCII, with
					? for octets that are not */
	struct gp_slice mechanism;   /* the directive that matched, without qualifier, as in the
					identity's record or the one that it was redirected to;
					printable ASCII; empty: none did */
	struct gp_slice explanation; /* printable ASCII, and still a stranger's word; empty: none */
	unsigned lookups;            /* terms that asked, the one over the limit included */
	unsigned void_lookups;       /* of these, with nothing to find */
	struct gp_slice reason;      /* what decided, where, and its section; printable ASCII */
	const struct gp_slice *trail; /* what became of each term; printable ASCII */
	size_t trail_len;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
};

enum gp_spf_outcome {
	GP_SPF_DONE = 0,
	GP_SPF_NEED = 1,
};

/*
 * Returns enum gp_spf_outcome, or -ENOMEM. Results live in the arena, in the set's arena and in
 * what the query points to.
 */
[[nodiscard]] int
gp_spf_eval(const struct gp_spf_query *query, const struct gp_answers *answers,
	    struct gp_arena *arena, struct gp_spf_result *ret);

/* "pass", "fail", ... */
const char *
gp_spf_verdict_name(uint8_t verdict);

/* "mfrom", "helo" */
const char *
gp_spf_scope_name(uint8_t scope);
