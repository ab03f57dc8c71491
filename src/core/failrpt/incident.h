/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message of which the owner of the name in its From is told: RFC 9991.
 *
 * Told is what a record with ruf asks for by fo (RFC 9989 section 4.7), any of:
 *
 *   0   DMARC failed                                                  DMARC
 *   1   SPF or DKIM gave no aligned pass                              DMARC
 *   d   a signature failed, aligned or not                            SIGNATURE, BODY_HASH
 *   s   SPF failed, softly too, aligned or not                        SPF
 *
 * Nothing is told of what the DNS kept from being judged; to a public suffix, which has no business
 * with single messages (RFC 9990); of a client that was asked to come again; and of mail that may
 * itself be a report, or the answer to one, since two hosts would tell each other of the telling
 * for ever:
 *
 *   - from the null reverse-path, as bounces and our own reports are,
 *   - Content-Type multipart/report, or an Auto-Submitted that is not "no" (RFC 3834 section 5),
 *   - a subject of aggregate reports, "Report Domain:",
 *   - with an Authentication-Results of ours: it has been here before, and was told of then.
 */
#pragma once

#include "core/authpolicy/authpolicy.h"

enum gp_failrpt_limits {
	GP_FAILRPT_HEADER_MAX = 32 * 1024, /* octets of whole fields, from the top */
	GP_FAILRPT_RECORD_MAX = 512,       /* octets of an SPF record */
	GP_FAILRPT_IDENTITY_MAX = 320,     /* octets of an address */
};

/* What set it off, the first in this order. */
enum gp_failrpt_cause {
	GP_FAILRPT_DMARC = 1,
	GP_FAILRPT_SIGNATURE,
	GP_FAILRPT_BODY_HASH,
	GP_FAILRPT_SPF,
	GP_FAILRPT_CAUSES,
};

/* What became of the message. */
enum gp_failrpt_delivery {
	GP_FAILRPT_DELIVERED = 1,
	GP_FAILRPT_SPAM,
	GP_FAILRPT_REJECTED,
	GP_FAILRPT_DELIVERIES,
};

/* Texts are as they came, but names are in lower case and A-labels. */
struct gp_failrpt_incident {
	uint8_t cause;                 /* enum gp_failrpt_cause */
	uint8_t delivery;              /* enum gp_failrpt_delivery */
	uint64_t arrival_s;            /* since 1970 */
	struct gp_slice policy_domain; /* where the record is */
	struct gp_slice organization;  /* whose that name is; that name, where it is not known */
	struct gp_slice header_from;   /* the author's domain */
	struct gp_slice source;        /* the client's address, as text */
	struct gp_slice sender;        /* reverse-path, never null */
	bool passed;                   /* DMARC: pass, else fail */
	bool dkim_aligned, spf_aligned;
	/* A signature that failed: one of the author's organisation, where there is such a one. */
	uint8_t dkim; /* enum gp_dkim_result; 0: there is none */
	struct gp_slice dkim_domain, dkim_selector, dkim_identity;
	uint8_t spf;                /* enum gp_spf_verdict */
	struct gp_slice spf_domain; /* empty: SPF had nothing to look at */
	struct gp_slice spf_record; /* empty: there is none, or it is not known */
	struct gp_slice header;     /* whole fields; may be less than all */
};

/* A message that was verified and decided about. */
struct gp_failrpt_message {
	const struct gp_verify_query *query;
	const struct gp_verify_facts *facts;
	const struct gp_authpolicy_decision *decision;
	const struct gp_answers *answers; /* what the DNS said about it */
	struct gp_slice id;               /* our authserv-id */
};

/*
 * Returns 0; 1: nothing is told; -ENOMEM. Texts live in the arena and in what is given.
 */
[[nodiscard]] int
gp_failrpt_of_message(const struct gp_failrpt_message *message, struct gp_arena *arena,
		      struct gp_failrpt_incident *ret);
