/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SPF records: which TXT record is one (RFC 7208 section 4.5), and its terms (sections 4.6.1, 5, 6
 * and 12), read one after the other and not kept, so that a record of any length costs no memory.
 */
#pragma once

#include "core/dns/record.h"

enum gp_spf_kind {
	GP_SPF_ALL,
	GP_SPF_INCLUDE,
	GP_SPF_A,
	GP_SPF_MX,
	GP_SPF_PTR,
	GP_SPF_IP4,
	GP_SPF_IP6,
	GP_SPF_EXISTS,
	GP_SPF_REDIRECT,
	GP_SPF_EXP,
	GP_SPF_OTHER, /* a modifier that nobody knows: ignored (section 6) */
};

struct gp_spf_term {
	uint8_t kind;      /* enum gp_spf_kind */
	uint8_t qualifier; /* of a directive: enum gp_spf_verdict that its match gives */
	uint8_t uses;      /* macros in spec: enum gp_spf_macro_use */
	uint8_t prefix4;   /* IP4, A, MX: bits that count, of an IPv4 address */
	uint8_t prefix6;   /* IP6, A, MX */
	uint8_t address[GP_DNS_ADDRESS_MAX]; /* IP4: first 4 octets; IP6 */
	struct gp_slice text;                /* without qualifier; printable ASCII */
	struct gp_slice spec;                /* the domain-spec; empty: none */
};

/* How many of the answer's records are SPF records; *ret_terms: what follows the version in the
 * last of them. */
size_t
gp_spf_select(const struct gp_dns_answer *answer, struct gp_slice *ret_terms);

/*
 * Takes the next term off *terms. 0: here it is. 1: there are no more. -EINVAL: the text is not of
 * the grammar; ret->text is the term (any octets).
 */
[[nodiscard]] int
gp_spf_next(struct gp_slice *terms, struct gp_spf_term *ret);

/* Does it ask the DNS, and count (section 4.6.4)? */
bool
gp_spf_term_asks(const struct gp_spf_term *term);
