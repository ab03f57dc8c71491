/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a TLS failure that others reported (RFC 8460 section 4.3) is there still, by what its
 * server shows now: a pure function of what was seen. Servers are those that the domain's MX
 * records name now; a name that is in a report alone is gone, and nobody has looked for it.
 */
#pragma once

#include "core/dns/answers.h"
#include "core/posture/hosts.h"

enum tls_now {
	TLS_NOW_UNKNOWN, /* it could not be looked at, or looking does not tell */
	TLS_NOW_STILL,
	TLS_NOW_MENDED,
	TLS_NOW_GONE, /* the server is none of the domain's */
};

enum { TLS_HOSTS_MAX = 10 }; /* of a domain, that are asked for; more are not judged */

struct tls_seen {
	struct gp_slice domain;
	const struct gp_answers *answers;     /* to tls_questions() */
	bool validated;                       /* their `secure` means something */
	struct gp_posture_hosts hosts;        /* of all domains */
	const struct gp_posture_file *policy; /* MTA-STS's; NULL: nobody asked for one */
	int64_t now_s;
};

struct tls_verdict {
	uint8_t now; /* enum tls_now */
	struct gp_slice words;
};

/* "unknown", "still", "mended", "gone" */
const char *
tls_now_name(uint8_t now);

/* What is to be asked yet: its MX records, and then addresses and TLSA records of the hosts, so in
   two rounds. 0, or -ENOMEM. */
[[nodiscard]] int
tls_questions(struct gp_slice domain, const struct gp_answers *answers, struct gp_arena *arena,
	      struct gp_dns_question **ret, size_t *ret_len);

/* result, mx: as they were reported. Words are in the arena; when memory runs out it has failed. */
struct tls_verdict
tls_judge(const struct tls_seen *seen, struct gp_slice result, struct gp_slice mx,
	  struct gp_arena *arena);
