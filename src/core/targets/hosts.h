/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, and addresses to names, as pure functions of what is known of the DNS: they
 * answer, or ask and are run again, like core/mx/mx.h. Unlike that one, which looks for a few
 * addresses to deliver to, this one wants all of them.
 */
#pragma once

#include "core/dns/answers.h"

enum gp_hosts_limits {
	GP_HOSTS_MAX = 20, /* hosts of one domain; what is beyond is counted */
	GP_HOSTS_ADDRESSES_MAX = 60,
	GP_HOSTS_NEED_MAX = 2 * GP_HOSTS_MAX,
	GP_REVERSE_NAMES_MAX = 5, /* names of an address that are confirmed or not */
	GP_REVERSE_NEED_MAX = GP_REVERSE_NAMES_MAX,
};

enum gp_hosts_outcome {
	GP_HOSTS_DONE = 0,
	GP_HOSTS_NEED = 1,
	GP_HOSTS_NONE = 2, /* there is nothing: `why` */
};

struct gp_hosts_query {
	struct gp_slice name; /* A-labels */
	bool mx; /* its MX hosts; without MX records the name itself is the host (RFC 5321 section
		    5.1) */
	bool each_name; /* an address of several hosts is wanted for each of them */
};

struct gp_host_address {
	struct gp_slice host;      /* as the MX record has it, or the name */
	struct gp_slice canonical; /* where the host's aliases ended */
	uint8_t address[GP_DNS_ADDRESS_MAX];
	uint8_t address_len; /* 4 or 16 */
	bool secure;         /* its answer was DNSSEC-validated */
	uint16_t preference; /* 0 without MX records */
};

struct gp_hosts_result {
	const struct gp_host_address *addresses; /* DONE: one at least, each once (each_name: of a
						    host) */
	size_t addresses_len, dropped;           /* dropped: hosts or addresses over the limits */
	bool mx;                                 /* the addresses are those of MX records */
	bool mx_secure;                          /* the MX answer was DNSSEC-validated */
	const char *why;                         /* NONE: static */
	bool temporary;                          /* NONE: the DNS did not answer */
	const struct gp_dns_question *need;      /* NEED: none of them in the set */
	size_t need_len;
};

/* Returns enum gp_hosts_outcome, or -ENOMEM. Results live in the arena and in the set's. */
[[nodiscard]] int
gp_hosts_eval(const struct gp_hosts_query *query, const struct gp_answers *answers,
	      struct gp_arena *arena, struct gp_hosts_result *ret);

enum gp_reverse_state {
	GP_REVERSE_UNKNOWN,     /* not asked, or the DNS did not answer */
	GP_REVERSE_NONE,        /* no name */
	GP_REVERSE_UNCONFIRMED, /* a name, and none of its addresses is this one */
	GP_REVERSE_CONFIRMED,
};

struct gp_reverse {
	uint8_t state;        /* enum gp_reverse_state */
	struct gp_slice name; /* the confirmed one, or the first; empty: none */
	const struct gp_dns_question *need;
	size_t need_len;
};

/* The labels that an address has below zones about addresses, the last octet first: "1.2.0.192", or
   of an IPv6 address half an octet a label (RFC 5782 section 2.4). address_len: 4 or 16. ptr NULL:
   no memory. */
struct gp_slice
gp_address_labels(const uint8_t *address, size_t len, struct gp_arena *arena);

/* Does the name of an address lead back to it? address_len: 4 or 16. Returns GP_HOSTS_DONE, NEED,
   or -ENOMEM. */
[[nodiscard]] int
gp_reverse_eval(const uint8_t *address, size_t address_len, const struct gp_answers *answers,
		struct gp_arena *arena, struct gp_reverse *ret);
