/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may send to whom, and which way mail to an address goes: the configuration turned into
 * answers. Built once per configuration, then read only; no function here waits for anything.
 */
#pragma once

#include "core/config/config.h"
#include "core/smtp/address.h"
#include "core/smtp/reply.h"
#include "core/srs/srs.h"

struct gp_policy;

/* Builds the indexes over cfg, which must outlive it. NULL: no memory. seed: for keyed hashes,
 * random. */
struct gp_policy *
gp_policy_new(const struct gp_config *cfg, const uint64_t seed[2]);
struct gp_policy *
gp_policy_free(struct gp_policy *p);

/* What is known of the peer when it says RCPT. address: 4 or 16 octets, IPv4-mapped as IPv4. */
struct gp_client {
	uint8_t address[16];
	uint8_t address_len;
	bool relay; /* in relay_networks: gp_policy_client_relays() */
	/* Of the transaction. */
	bool null_sender;         /* MAIL FROM:<> */
	const struct gp_srs *srs; /* NULL: there is no key now */
};

bool
gp_policy_client_relays(const struct gp_policy *p, const struct gp_client *c);

struct gp_target {
	struct gp_slice address;
	bool forwarded; /* an alias of ours leads to a domain that is not: gp_policy_forward() */
};

struct gp_admission {
	struct gp_reply
		reply; /* 250 2.1.5, or the refusal: 550 5.7.1 not ours, 550 5.1.1 unknown, ... */
	const struct gp_target
		*targets; /* accepted: final addresses after aliases, at least one, each once */
	size_t targets_len;
};

/*
 * Decides on one recipient. Ours are found as gp_directory_look_up() of config/directory.h says:
 * exactly, then without subaddress, then by `any`. Aliases are followed to a depth of 10 and 1,000
 * targets, equal ones once; a loop or a target that nobody is called is a configuration mistake
 * that config check names, and here answers 451 4.3.5. Targets keep the spelling and the subaddress
 * that they were addressed with.
 *
 * postmaster is accepted in every domain of ours: as an alias or recipient of that name, else as a
 * mailbox like others of that domain. "<postmaster>" and postmaster@HOSTNAME are that of the first
 * domain. A literal, of whatever address, is not ours: strangers are refused; clients in
 * relay_networks may use it, unless it is an address that we listen at, loopback or multicast.
 *
 * A recipient at srs.domain of the form of core/srs/srs.h is the sender that it was made of,
 * whoever asks, and whatever else is called so. Only with the null reverse-path, as a bounce has it
 * (RFC 5321 sections 4.5.5 and 6.1) and an automatic reply should (RFC 3834 section 3.3): with
 * another one we should be a way for anybody to that sender, and that mail again be from where SPF
 * does not know it. Else 550 5.7.1; 550 5.1.1 when it is forged or too old; 451 4.3.5 without a
 * key.
 *
 * Results live in the arena. Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_policy_rcpt(const struct gp_policy *p, const struct gp_client *c, const struct gp_address *rcpt,
	       struct gp_arena *arena, struct gp_admission *ret);

/*
 * The reverse-path under which mail of this sender (canonical text, or empty) is forwarded; srs:
 * NULL when there is no key. Returns 0; 1: under its own, as srs.domain is not configured, it is of
 * a domain of ours or the hostname, which may send from here, or gp_srs_forward() says so; -ENOMEM.
 */
[[nodiscard]] int
gp_policy_forward(const struct gp_policy *p, const struct gp_srs *srs, struct gp_slice sender,
		  struct gp_arena *arena, struct gp_slice *ret);

/*
 * The way back from there: whom a reverse-path of ours (canonical text, or empty) stands for. Mail
 * has such a one when it was forwarded from here and has come back; what is told its sender must
 * not go to the path, which leads to here. Returns 0; 1: it is no such path, or nobody's any more;
 * -ENOMEM.
 */
[[nodiscard]] int
gp_policy_forwarded_for(const struct gp_policy *p, const struct gp_srs *srs, struct gp_slice path,
			struct gp_arena *arena, struct gp_slice *ret);

enum gp_transport {
	GP_TRANSPORT_MAILDIR = 1,
	GP_TRANSPORT_LMTP,
	GP_TRANSPORT_SMTP, /* to `host` when it is set, else by MX of `domain` */
	GP_TRANSPORT_DISCARD,
	GP_TRANSPORT_REPORTS, /* read as a report of somebody else's */
};

struct gp_route {
	uint8_t transport;       /* enum gp_transport */
	struct gp_slice host;    /* SMTP: fixed next hop; LMTP: host or "unix:/path" ; empty: MX */
	uint16_t port;           /* 0: the transport's own (25) */
	struct gp_slice domain;  /* of the address: for MX, TLS policy, maildir */
	struct gp_slice mailbox; /* MAILDIR: path of the mailbox with {domain} and {local} filled in
				    safely */
	struct gp_slice destination; /* the schedule's key: mail with equal keys shares connections
					and limits */
};

/*
 * The way of an admitted address (canonical text): for a domain of ours as it says; for others the
 * domain's route, the longest route with a leading dot above it, the smarthost, then MX, or for a
 * literal its address. Keys of destinations:
 *
 *   maildir:PATH   reports   discard   smarthost   lmtp:TARGET   smtp:HOST:PORT   mx:DOMAIN
 *
 * in lower case and A-labels, IPv6 hosts in brackets (`host` itself has none). Results live in the
 * arena or the configuration. Returns 0, -ENOMEM, or 1 when the address cannot be routed at all
 * (ret_reply says why: bounce it).
 */
[[nodiscard]] int
gp_policy_route(const struct gp_policy *p, struct gp_slice address, struct gp_arena *arena,
		struct gp_route *ret, struct gp_reply *ret_reply);
