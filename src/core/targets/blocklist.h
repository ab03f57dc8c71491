/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is an address on DNS block lists? (RFC 5782) As a pure function of what is known of the DNS, like
 * hosts.h. Names of lists are the caller's: whom to ask, and whether he may, is his to know.
 *
 * An answer from 127.0.0.0/8 is a listing; 127.255.255.0/24 is what lists of today say to who may
 * not ask them, or asks wrongly: it says nothing of the address. Anything else is no answer of a
 * block list, such as that of a domain whose new owner has an address for every name.
 */
#pragma once

#include "core/dns/answers.h"

enum gp_blocklist_limits {
	GP_BLOCKLISTS_MAX = 16,
	GP_BLOCKLIST_ZONE_MAX = 180,   /* octets of a name: an IPv6 address takes 64 more */
	GP_BLOCKLIST_REASON_MAX = 255, /* octets that are kept of a list's text */
};

enum gp_listing_state {
	GP_LISTING_UNKNOWN, /* the DNS did not answer */
	GP_LISTING_NO,
	GP_LISTING_YES,
	GP_LISTING_REFUSED,
	GP_LISTING_ODD,
};

struct gp_listing {
	struct gp_slice zone;
	uint8_t state;   /* enum gp_listing_state */
	uint8_t code[4]; /* YES, REFUSED, ODD: the address that was answered, the first one */
	struct gp_slice reason; /* YES: the list's text, any octets; empty: none */
};

struct gp_listings {
	struct gp_listing *items; /* one a zone, in their order */
	size_t len;
	const struct gp_dns_question *need;
	size_t need_len;
};

/* What a list says of the addresses of which each list says the same (RFC 5782 section 5). */
enum gp_blocklist_health {
	GP_BLOCKLIST_UNKNOWN, /* the DNS did not answer */
	GP_BLOCKLIST_WORKS,
	GP_BLOCKLIST_REFUSES, /* it does not answer who asks by this resolver */
	GP_BLOCKLIST_EMPTY,   /* it does not have what each list has: it is none, or it has ended */
	GP_BLOCKLIST_ALL,     /* it has what no list has: all are on it */
};

struct gp_blocklist_tests {
	uint8_t health[GP_BLOCKLISTS_MAX]; /* enum gp_blocklist_health; one a zone */
	const struct gp_dns_question *need;
	size_t need_len;
};

/* May this be the name of a list? */
bool
gp_blocklist_is_zone(struct gp_slice name);

/* address_len: 4 or 16; at most GP_BLOCKLISTS_MAX zones. Returns GP_HOSTS_DONE or
   GP_HOSTS_NEED of hosts.h, or -ENOMEM. */
[[nodiscard]] int
gp_blocklists_eval(const uint8_t *address, size_t address_len, const struct gp_slice *zones,
		   size_t zones_len, const struct gp_answers *answers, struct gp_arena *arena,
		   struct gp_listings *ret);

/* Do the lists work, as lists of addresses of this length? One that does not says nothing of any
   address. Arguments and results as above. */
[[nodiscard]] int
gp_blocklists_test(size_t address_len, const struct gp_slice *zones, size_t zones_len,
		   const struct gp_answers *answers, struct gp_arena *arena,
		   struct gp_blocklist_tests *ret);
