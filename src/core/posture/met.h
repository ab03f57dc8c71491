/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MX hosts of a domain as they were met, address by address, for the judges that look at hosts.
 * A judge's look is at one address; what all of its looks came to is told at once, as one finding.
 */
#pragma once

#include "core/mtasts/policy.h"
#include "core/posture/parts.h"

enum posture_met_limits {
	MET_MAX = 60,        /* addresses of a domain; more are not looked at */
	MET_RECORDS_MAX = 8, /* TLSA records of a host that are made of its keys */
};

struct posture_met {
	struct gp_slice name; /* of the MX record */
	uint16_t preference;
	bool secure; /* its address is proven by DNSSEC */
	const struct gp_dns_record *address;
	const struct gp_posture_host *host; /* one that nobody met says so */
};

struct posture_met_list {
	struct posture_met list[MET_MAX];
	size_t len;
	const struct gp_mtasts_policy *policy; /* MTA-STS's; NULL: none that can be read, because */
	struct gp_slice policy_why;
};

/* What the looks at each address came to. */
struct posture_verdict {
	struct posture_list bad, unknown;
	uint8_t severity;     /* the gravest of what is bad */
	const char *software; /* of the first that is */
};

/* "mx1.example.org 192.0.2.1" */
struct gp_slice
posture_met_show(struct posture_run *run, const struct posture_met *m);

GP_PRINTF(5, 6)
void
posture_bad(struct posture_run *run, struct posture_verdict *v, const struct posture_met *m,
	    uint8_t severity, const char *fmt, ...);
/* why: static. */
void
posture_cannot_tell(struct posture_run *run, struct posture_verdict *v, const struct posture_met *m,
		    const char *why);

/* One finding of what is bad, or else that it could not be measured; nothing where all is well. */
void
posture_tell(struct posture_run *run, const struct gp_finding_kind *kind,
	     const struct posture_verdict *v, struct gp_slice fix);

/* Why nobody knows about its TLS, static; NULL: it is known. */
const char *
posture_tls_unknown(const struct posture_met *m);

/* Was the address asked for another name, so that it may have another certificate for this one (RFC
   6066 section 3)? Then `posture_other_name` says so. */
extern const char posture_other_name[];
bool
posture_met_otherwise(const struct posture_met *m);

/* Does the chain prove itself as PKIX wants it at that time, but for the name? NULL: yes; or what
   is wrong. */
const char *
posture_chain_wrong(const struct gp_posture_chain *c, uint64_t now_s);

/*
 * TLSA records of the host's keys as they are now: "3 1 1" of each chain, and "2 1 1" of the
 * certificate above it, where that one's chain would pass (RFC 7671 section 5.2, 8.1). Returns how
 * many; none where no key was seen, or somebody else's may be the one that is shown.
 */
size_t
posture_live_tlsa(struct posture_run *run, struct gp_slice host,
		  struct gp_finding_record ret[MET_RECORDS_MAX]);

/* "ADVICE: serve as URL", and behind that line an MTA-STS policy for all MX hosts. */
struct gp_slice
posture_sts_policy(struct posture_run *run, const char *advice, uint8_t mode, uint32_t max_age_s);
