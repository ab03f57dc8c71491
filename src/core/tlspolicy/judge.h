/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session came to, held against the verdict it was made under: deliver, or not; and what the
 * TLS report counts it as (RFC 8460 section 4.3). Asked once EHLO is answered inside TLS, or once
 * it is clear that there will be no TLS; before MAIL.
 *
 *   session              nothing demanded    `encrypt`       `binding`
 *   no TLS               CLEAR               NEXT            NEXT
 *   TLS, no proof        DELIVER             DELIVER         NEXT
 *   TLS and the proof    DELIVER             DELIVER         DELIVER
 *
 * and NEXT always when REQUIRETLS is demanded and not offered.
 */
#pragma once

#include "core/tlspolicy/tlspolicy.h"

/* How far TLS came. */
enum gp_tlspolicy_stage {
	GP_TLSPOLICY_UNUSED = 0,  /* level NONE: STARTTLS was not said */
	GP_TLSPOLICY_NOT_OFFERED, /* EHLO did not have STARTTLS, or failed */
	GP_TLSPOLICY_REFUSED,     /* STARTTLS was answered by 4yz, 5yz, or by what is no reply */
	GP_TLSPOLICY_HANDSHAKE_FAILED, /* before the certificate's worth was known */
	GP_TLSPOLICY_UP,
};

/* What one way of proof says of the certificate. */
enum gp_tlspolicy_proof {
	GP_PROOF_UNCHECKED = 0, /* as good as none */
	GP_PROOF_GOOD,
	GP_PROOF_HOST_MISMATCH, /* chain good, none of the names */
	GP_PROOF_EXPIRED,       /* or not yet valid */
	GP_PROOF_NOT_TRUSTED,   /* no chain to an authority that counts; self-signed */
	GP_PROOF_NO_MATCH,      /* DANE, fingerprint: none of those given */
	GP_PROOF_BROKEN,        /* any other reason */
};

struct gp_tlspolicy_session {
	uint8_t stage;           /* enum gp_tlspolicy_stage */
	uint8_t dane;            /* enum gp_tlspolicy_proof: by the verdict's records and names */
	uint8_t pkix;            /* the same: by known authorities and the target's host; also
				    beside DANE where an MTA-STS policy is to be reported on */
	uint8_t fingerprint;     /* the same */
	bool requiretls_offered; /* EHLO inside TLS had REQUIRETLS */
	struct gp_slice reason;  /* REFUSED, HANDSHAKE_FAILED, BROKEN: what the other side or TLS
				    said, or empty */
};

enum gp_tlspolicy_decision {
	GP_TLSPOLICY_DELIVER = 1,
	GP_TLSPOLICY_CLEAR, /* deliver without TLS: on this connection if it speaks SMTP yet, else
			 on a new one that does not say STARTTLS */
	GP_TLSPOLICY_NEXT,  /* QUIT, try the next target; at the last one, `reply` is the result */
};

/* What the session is for one of the verdict's reports. */
struct gp_tlspolicy_count {
	uint8_t result;         /* enum gp_tlsrpt_result */
	struct gp_slice reason; /* failure-reason-code, or empty */
};

struct gp_tlspolicy_judgement {
	uint8_t decision; /* enum gp_tlspolicy_decision */
	/*
	 * NEXT:
	 *   451 4.7.10  TLS is demanded and not offered
	 *   451 4.7.5   TLS was refused or failed, or the proof is missing
	 *   550 5.7.10  the same two under REQUIRETLS, when it is more than a bad moment
	 *   550 5.7.30  REQUIRETLS, and the server does not support it
	 * or the reply of a verdict that said to skip the host.
	 * CLEAR: its text alone, why there is no TLS, for the log
	 */
	struct gp_reply reply;
	struct gp_tlspolicy_count
		counts[GP_TLSPOLICY_REPORTS_MAX]; /* one for each of the verdict's reports */
};

/*
 * Judges. session: NULL for a verdict that says `skip`: there was none, and what is counted is why.
 * 0 or -ENOMEM; texts live in the arena and in what the arguments point to.
 */
[[nodiscard]] int
gp_tlspolicy_judge(const struct gp_tlspolicy_verdict *verdict,
		   const struct gp_tlspolicy_session *session, struct gp_arena *arena,
		   struct gp_tlspolicy_judgement *ret);
