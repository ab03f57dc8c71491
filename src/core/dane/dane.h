/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DANE for SMTP: which TLSA records hold for a host. RFC 7672 sections 2.2 and 3, RFC 7671 section
 * 9, RFC 6698.
 *
 * A pure function of the host and of what is known of the DNS, run again with answers like
 * core/mx/mx.h. It decides what is to be proven; the proof itself is TLS code's.
 *
 *   address answer       TLSA answer for a base domain           result
 *   insecure             not asked                               ABSENT (7672 section 2.2.2)
 *   secure               none there, or insecure                 the next base, or ABSENT
 *   secure               secure, a usable record                 USABLE: TLS, and a match
 *   secure               secure, no usable record                UNUSABLE: TLS, without proof
 *   secure               SERVFAIL, bogus, no answer              TROUBLE: the host must not be used
 *
 * Base domains are, when the host is an alias and the chain is secure, the name at its end and then
 * the host's own; when only the first alias is secure, the host's own (7672 section 2.2.2).
 */
#pragma once

#include "core/dns/answers.h"

enum gp_dane_limits {
	GP_DANE_RECORDS_MAX = 64, /* usable records taken; a host needs two, four in a rollover */
	GP_DANE_NEED_MAX = 2,     /* questions at once */
	GP_DANE_NAMES_MAX = 3,    /* names to match */
};

/* RFC 7671 section 2.1, 2.2, 2.3 */
enum gp_dane_usage {
	GP_DANE_TA = 2, /* a certificate of the chain, which then has to verify, with a name */
	GP_DANE_EE = 3, /* the server's own; names and dates do not matter */
};
enum gp_dane_selector {
	GP_DANE_CERT = 0,
	GP_DANE_SPKI = 1,
};
enum gp_dane_matching {
	GP_DANE_FULL = 0,
	GP_DANE_SHA256 = 1,
	GP_DANE_SHA512 = 2,
};

struct gp_dane_host {
	struct gp_slice name;      /* as the MX record has it, or the fixed next hop: A-labels */
	struct gp_slice canonical; /* where its aliases ended; empty: it is an address (7672 section
				      2.2.2: no DANE) */
	bool secure;               /* of the answer that its address is from, aliases too */
	uint16_t port;
};

enum gp_dane_outcome {
	GP_DANE_ABSENT = 0, /* DANE does not apply */
	GP_DANE_NEED = 1,   /* answer the questions and run it again */
	GP_DANE_USABLE,     /* records, at least one */
	GP_DANE_UNUSABLE,   /* there are records, and we can use none of them */
	GP_DANE_TROUBLE,    /* the DNS did not answer, or was tampered with */
};

struct gp_dane_result {
	struct gp_slice base; /* USABLE, UNUSABLE, TROUBLE: the TLSA base domain, also for SNI */
	const struct gp_dns_record *records; /* USABLE: those to match, any of them suffices */
	size_t records_len;                  /* at most GP_DANE_RECORDS_MAX */
	const struct gp_dns_record *rrset; /* USABLE, UNUSABLE: all that the DNS has, for reports */
	size_t rrset_len;
	struct gp_dns_question need[GP_DANE_NEED_MAX]; /* none of them in the set */
	size_t need_len;
};

/* Returns enum gp_dane_outcome, or -ENOMEM. Results live in the arena and in the set's arena. */
[[nodiscard]] int
gp_dane_eval(const struct gp_dane_host *host, const struct gp_answers *answers,
	     struct gp_arena *arena, struct gp_dane_result *ret);

/*
 * Is the record one that we can match: usage 2 or 3, selector 0 or 1, matching type 0 to 2, a
 * digest of its length, or data that has the outline of a certificate or key in DER? RFC 7672
 * section 3.1.3 has 0 and 1 among the unusable usages. TLS code that cannot read data of such an
 * outline takes the record for unusable, too.
 */
bool
gp_dane_record_usable(const struct gp_dns_record *record);

/*
 * The usable records of an RRset: copies them to `ret`, which has room for GP_DANE_RECORDS_MAX,
 * and returns how many there are. Of a usage and selector that have digests of both kinds only the
 * stronger ones are taken (RFC 7671 section 9).
 */
size_t
gp_dane_select(const struct gp_dns_record *records, size_t len, struct gp_dns_record *ret);

/*
 * How the next hop led to the host. Without MX lookup, or without MX records, the host is the next
 * hop itself.
 */
struct gp_dane_next_hop {
	struct gp_slice domain;    /* A-labels */
	struct gp_slice canonical; /* where its aliases ended in the MX lookup */
	bool mx;                   /* the host comes from an MX record */
	bool secure;               /* that MX answer was secure */
};

/*
 * The names one of which the certificate must have for usage 2 (RFC 7672 section 3.2.2): the base;
 * with a secure MX the next hop's name and the end of its aliases; without MX the host's own.
 * Returns how many, each once.
 */
size_t
gp_dane_names(const struct gp_dane_host *host, struct gp_slice base,
	      const struct gp_dane_next_hop *hop, struct gp_slice ret[GP_DANE_NAMES_MAX]);
