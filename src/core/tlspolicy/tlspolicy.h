/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a delivery's TLS has to be: one verdict for each of its targets, from which the session, the
 * log, the TLS report and whoever asks `queue why` all read the same.
 *
 * A pure function of the targets, of what is known of the DNS and of the recipient's domain, and of
 * what we were told to do. Like core/mx/mx.h it answers, or asks and is run again. What a session
 * then came to is judged by judge.h.
 *
 * In this order, each RFC's rule:
 *
 *   what               rule                                            level         when it fails
 *   fingerprints       pinned by us: nothing else is asked             FINGERPRINT   next host
 *   TLSA usable        RFC 7672 section 2.2                            DANE          next host
 *   TLSA unusable      TLS without proof; an MTA-STS policy adds one   ENCRYPT       next host
 *   TLSA trouble       RFC 7672 section 2.1.2: no fall back            -             host skipped
 *   MTA-STS enforce    RFC 8461 section 4; host not named: skipped     STS           next host
 *   MTA-STS testing    the same, but only reported                     STS           delivered
 *   nothing            RFC 7435                                        OPPORTUNISTIC delivered
 *
 * DANE decides alone where DNSSEC vouches for the MX records. Where it does not, an MTA-STS policy
 * in mode enforce must name the host too, or forged MX records could lead to a stranger's DANE.
 *
 * What is configured for the destination is added, and the stricter counts: ENCRYPT demands TLS,
 * VERIFY a proof (DANE's will do, as it is one), DANE_ONLY DANE's with a secure MX. NONE wishes no
 * TLS, and gives way to every policy. REQUIRETLS (RFC 8689) demands a proof, a way to the host that
 * is itself proven (secure MX, or an MTA-STS policy in mode enforce that names it), and the next
 * server's support. Without it, `TLS-Required: No` lets what DANE and MTA-STS say be reported only;
 * what is configured still holds.
 */
#pragma once

#include "base/buf.h"
#include "core/dane/dane.h"
#include "core/mtasts/state.h"
#include "core/mx/mx.h"
#include "core/tlsrpt/words.h"

enum gp_tlspolicy_limits {
	GP_TLSPOLICY_REPORTS_MAX = 3, /* policies that one session is counted for */
	GP_TLSPOLICY_TRAIL_MAX = 16,  /* lines of reasoning about one target */
	GP_TLSPOLICY_NEED_MAX = GP_MX_ADDRESSES_MAX * GP_DANE_NEED_MAX,
};

/* Configured for a destination. */
enum gp_tlspolicy_want {
	GP_TLSPOLICY_WANT_MAY = 0, /* as the policies say, else opportunistic */
	GP_TLSPOLICY_WANT_NONE,
	GP_TLSPOLICY_WANT_ENCRYPT,
	GP_TLSPOLICY_WANT_VERIFY,
	GP_TLSPOLICY_WANT_DANE_ONLY,
	GP_TLSPOLICY_WANT_FINGERPRINT,
};

enum gp_tlspolicy_message {
	GP_TLSPOLICY_REQUIRETLS =
		1, /* MAIL had REQUIRETLS, and the reverse-path is not null: a bounce
				  goes on without (RFC 8689 section 5) */
	GP_TLSPOLICY_OPTIONAL = 2, /* its header says `TLS-Required: No`; REQUIRETLS beats it */
};

/* What is known of an MTA-STS policy. */
struct gp_tlspolicy_sts {
	const struct gp_mtasts_policy *policy; /* valid now; NULL: none */
	uint8_t failure; /* enum gp_mtasts_failure: of the last fetch, gp_mtasts_next's */
};

struct gp_tlspolicy_query {
	struct gp_slice domain; /* whose policies count, A-labels: the recipient's; with a fixed
				   next hop that host's (RFC 8461 section 3.4) */
	const struct gp_mx_way *way;
	const struct gp_mx_target *targets; /* 1 to GP_MX_ADDRESSES_MAX */
	size_t targets_len;
	struct gp_tlspolicy_sts sts;
	uint8_t want;    /* enum gp_tlspolicy_want */
	uint8_t message; /* enum gp_tlspolicy_message, or'ed */
	const struct gp_slice
		*fingerprints; /* with GP_TLSPOLICY_WANT_FINGERPRINT, any of them does */
	size_t fingerprints_len;
};

enum gp_tlspolicy_level {
	GP_TLSPOLICY_NONE,          /* no STARTTLS is said */
	GP_TLSPOLICY_OPPORTUNISTIC, /* TLS if it is to be had, by whomever */
	GP_TLSPOLICY_ENCRYPT,       /* TLS, by whomever */
	GP_TLSPOLICY_VERIFY,        /* a chain to a known authority, for one of `names` */
	GP_TLSPOLICY_STS,           /* the same, as RFC 8461 section 4.2 has it */
	GP_TLSPOLICY_DANE,          /* one of `records` */
	GP_TLSPOLICY_FINGERPRINT,   /* one of `fingerprints` */
};

/* A policy that the session is counted for in a TLS report (RFC 8460 section 4.2). */
struct gp_tlspolicy_report {
	uint8_t policy;     /* enum gp_tlsrpt_policy */
	uint8_t failure;    /* enum gp_tlsrpt_result: fails whatever the session is like; or 0 */
	const char *reason; /* failure-reason-code that goes with it, or NULL */
	struct gp_slice domain;         /* the TLSA base domain; else the query's domain */
	const struct gp_slice *strings; /* policy-string: its text */
	size_t strings_len;
	const struct gp_slice *mx; /* mx-host: an MTA-STS policy's patterns */
	size_t mx_len;
};

struct gp_tlspolicy_verdict {
	struct gp_slice host; /* the target's */
	uint8_t level;        /* enum gp_tlspolicy_level: what is tried */
	bool skip;            /* this host must not be used; `reply` says why */
	bool encrypt;         /* without TLS nothing is delivered here */
	bool binding;         /* without the level's proof nothing is delivered here; implies
				 encrypt. False: a missing proof is only reported */
	bool requiretls;      /* EHLO inside TLS must offer REQUIRETLS, and MAIL says it */
	struct gp_slice sni;  /* to send in the handshake; empty: none */
	const struct gp_slice
		*names; /* VERIFY, STS, DANE usage 2: one must be in the certificate */
	size_t names_len;
	const struct gp_dns_record *records; /* DANE */
	size_t records_len;
	const struct gp_slice *fingerprints; /* FINGERPRINT: the query's */
	size_t fingerprints_len;
	struct gp_tlspolicy_report reports[GP_TLSPOLICY_REPORTS_MAX]; /* 1 at least */
	size_t reports_len;
	struct gp_slice trail[GP_TLSPOLICY_TRAIL_MAX]; /* the reasoning, in lines for people */
	size_t trail_len;
	struct gp_reply reply; /* skip */
};

struct gp_tlspolicy_result {
	const struct gp_tlspolicy_verdict
		*verdicts; /* DONE, FAILED: one a target, in their order */
	size_t verdicts_len;
	const struct gp_dns_question *need; /* NEED: each once, none of them in the set */
	size_t need_len;
	struct gp_reply reply; /* FAILED: a skipped target's, a transient one if there is any */
};

enum gp_tlspolicy_outcome {
	GP_TLSPOLICY_DONE = 0,
	GP_TLSPOLICY_NEED = 1,
	/*
	 * Every target is skipped. The reply is one of
	 *   451 4.4.3   the DNS did not say whether there are TLSA records
	 *   451 4.7.5   the domain's MTA-STS policy does not name the host; or DANE is demanded by
	 *               the configuration, and there is none
	 *   550 5.7.10  REQUIRETLS, and nothing proves that the host is the domain's
	 */
	GP_TLSPOLICY_FAILED = 2,
};

/* Returns enum gp_tlspolicy_outcome, or -ENOMEM. Results live in the arena, the set's arena and in
 * what
 * the query points to. At most three rounds. */
[[nodiscard]] int
gp_tlspolicy_eval(const struct gp_tlspolicy_query *query, const struct gp_answers *answers,
		  struct gp_arena *arena, struct gp_tlspolicy_result *ret);

/* "opportunistic", "dane", ... */
const char *
gp_tlspolicy_level_name(uint8_t level);

/*
 * Writes the proof that a verdict demands of its host, as octets: two verdicts demand the same one
 * when these are equal. Then what a session showed under one of them (judge.h) holds under the
 * other too, and a TLS session of the first may be resumed under the second.
 */
void
gp_tlspolicy_put_proof(struct gp_buf *out, const struct gp_tlspolicy_verdict *v);
