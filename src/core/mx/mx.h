/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where mail for a domain goes: RFC 5321 section 5.1, RFC 7505 (null MX), RFC 3463 (codes).
 *
 * A pure function of the question and of what is known of the DNS. It answers with the addresses to
 * try, in order; or with questions, all that it can use now, to be run again when their answers
 * (failures too) are in the set; or with the reply that tells why there is nothing to try. At most
 * one round for the MX records and one for each preference; every round makes progress.
 */
#pragma once

#include "core/dns/answers.h"
#include "core/smtp/reply.h"

enum gp_mx_limits {
	GP_MX_ADDRESSES_MAX = 5, /* to try in one delivery; the next one shuffles anew */
	GP_MX_RECORDS_MAX = 100, /* MX records looked at, the best preferred ones */
};

/* An address, or network, and port where we ourselves listen. */
struct gp_mx_endpoint {
	uint8_t address[GP_DNS_ADDRESS_MAX];
	uint8_t address_len; /* 4 or 16 */
	uint8_t prefix_len;  /* in bits: 32 or 128 for one address; 0 of either kind for all */
	uint16_t port;
};

/* How to know ourselves, so that mail does not come back. */
struct gp_mx_self {
	const struct gp_slice *names; /* that MX records may have for us: the hostname */
	size_t names_len;
	const struct gp_mx_endpoint *endpoints;
	size_t endpoints_len;
};

struct gp_mx_query {
	struct gp_slice domain; /* of the recipients: a name (U-labels too), or "[192.0.2.1]",
				   "[IPv6:...]" */
	struct gp_slice host;   /* fixed next hop: name or address (brackets allowed); empty: MX */
	uint16_t port;          /* 0: 25 */
	const struct gp_mx_self *self; /* NULL: nothing is us */
	uint64_t seed; /* random, kept over the rounds of one delivery: shuffles equals */
};

struct gp_mx_target {
	struct gp_slice host; /* name as the MX record has it; for a literal, the literal */
	uint8_t address[GP_DNS_ADDRESS_MAX];
	uint8_t address_len; /* 4 or 16; IPv4-mapped IPv6 comes as IPv4 */
	uint16_t preference; /* 0 without MX */
	uint16_t port;
	struct gp_slice canonical; /* where the host's aliases ended; empty for an address that was
				      given as such */
	bool secure; /* the answer that has this address, aliases too, was DNSSEC-validated */
};

/* How the hosts were found: what a proof of theirs can stand on (RFC 7672 section 2.2.1). */
struct gp_mx_way {
	struct gp_slice domain;    /* the name that was looked up: lower case, A-labels */
	struct gp_slice canonical; /* where its aliases ended; as domain without MX lookup */
	bool mx;     /* by MX records; else the name is itself the host, or an address */
	bool secure; /* the MX answer (that there are none, too) was DNSSEC-validated, or none was
			asked for: a fixed next hop, an address */
};

struct gp_mx_result {
	const struct gp_mx_target *targets; /* GP_MX_DONE: 1 to GP_MX_ADDRESSES_MAX */
	size_t targets_len;
	struct gp_mx_way way;               /* GP_MX_DONE */
	const struct gp_dns_question *need; /* GP_MX_NEED: each once, none of them in the set */
	size_t need_len;
	struct gp_reply reply; /* GP_MX_FAILED, below; text in the arena */
};

enum gp_mx_outcome {
	GP_MX_DONE = 0,
	GP_MX_NEED = 1,
	/*
	 * Nothing to try. The reply is one of
	 *   556 5.1.10  null MX (RFC 7505 section 4.1)
	 *   550 5.1.2   the domain does not exist, or is no domain name
	 *   550 5.4.4   it exists, and neither it nor its MX hosts have a usable address
	 *   554 5.4.6   the mail would come back to us (RFC 5321 section 5.1)
	 *   451 4.4.3   the DNS did not answer
	 *   451 4.4.4   we are a backup for it and no better host has an address; or the fixed next
	 *               hop has none: a mistake at home makes no mail bounce
	 *   451 4.3.5   the fixed next hop is this server
	 */
	GP_MX_FAILED = 2,
};

/* Returns enum gp_mx_outcome, or -ENOMEM. Results live in the arena and in the set's arena. */
[[nodiscard]] int
gp_mx_eval(const struct gp_mx_query *query, const struct gp_answers *answers,
	   struct gp_arena *arena, struct gp_mx_result *ret);
