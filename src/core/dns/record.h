/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS questions, records and answers as values, whoever gave them: the resolver, a file, a test.
 *
 * Names are in presentation form: lower case, A-labels, no final dot, escapes as RFC 1035 section
 * 5.1; the root is ".". See name.h.
 */
#pragma once

#include "base/slice.h"

/* The types that mail asks for (RFC 1035, 3596, 6698), and those that audits ask for on top (RFC
   4034, 8659). */
enum gp_dns_type {
	GP_DNS_A = 1,
	GP_DNS_NS = 2,
	GP_DNS_CNAME = 5,
	GP_DNS_PTR = 12,
	GP_DNS_MX = 15,
	GP_DNS_TXT = 16,
	GP_DNS_AAAA = 28,
	GP_DNS_DS = 43,
	GP_DNS_DNSKEY = 48,
	GP_DNS_TLSA = 52,
	GP_DNS_SPF = 99, /* as TXT; nobody should publish it (RFC 7208 section 3.1) */
	GP_DNS_CAA = 257,
};

enum gp_dns_limits {
	GP_DNS_NAME_MAX = 255,       /* octets of a name on the wire (RFC 1035 section 2.3.4) */
	GP_DNS_LABEL_MAX = 63,       /* octets of a label, same place */
	GP_DNS_NAME_TEXT_MAX = 1008, /* of a name in presentation form: every octet may be \DDD */
	GP_DNS_RECORDS_MAX = 512,    /* records that are taken from one answer */
	GP_DNS_CNAMES_MAX = 8,       /* aliases followed from one question */
	GP_DNS_ADDRESS_MAX = 16,     /* octets of an address */
};

enum gp_dns_status {
	GP_DNS_OK = 1,       /* one record or more */
	GP_DNS_NODATA = 2,   /* the name is there, no record of this type is */
	GP_DNS_NXDOMAIN = 3, /* the name is not there */
	GP_DNS_SERVFAIL = 4, /* no usable answer; DNSSEC's "bogus" is one of these */
	GP_DNS_TIMEOUT = 5,  /* no answer in time */
};

/* True when asking again later may bring another answer. */
static inline bool
gp_dns_status_temporary(uint8_t status)
{
	return status == GP_DNS_SERVFAIL || status == GP_DNS_TIMEOUT;
}

struct gp_dns_question {
	struct gp_slice name;
	uint16_t type; /* enum gp_dns_type */
};

/* The data of one record; its type says which members count. */
struct gp_dns_record {
	uint16_t type;                       /* enum gp_dns_type */
	uint16_t preference;                 /* MX */
	struct gp_slice name;                /* MX: exchange; CNAME, NS, PTR: target */
	uint8_t address[GP_DNS_ADDRESS_MAX]; /* A: first 4 octets; AAAA: all 16 */
	uint8_t usage, selector, matching;   /* TLSA */
	uint16_t key_tag, key_flags;         /* DS; DNSKEY */
	uint8_t algorithm, digest_type;      /* DS, DNSKEY; DS */
	uint8_t flags;                       /* CAA */
	struct gp_slice tag;                 /* CAA: letters and digits, of any case */
	struct gp_slice data;                /* TXT: the character-strings joined; TLSA: the
						association data; CAA: the value; DS: the digest;
						DNSKEY: the key */
};

struct gp_dns_answer {
	struct gp_slice name;      /* as asked */
	struct gp_slice canonical; /* where the chain of aliases ended; `name` without any */
	uint16_t type;             /* as asked */
	uint8_t status;            /* enum gp_dns_status */
	bool secure;               /* the whole answer, aliases too, was DNSSEC-validated */
	const struct gp_dns_record *records; /* all of the asked type; none unless status is OK */
	size_t records_len;
	bool bogus;              /* SERVFAIL, since DNSSEC proves the answer to be wrong */
	struct gp_slice trouble; /* SERVFAIL: the resolver's own words, for people; or empty */
};
