/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Received field that somebody else wrote: RFC 5321 section 4.4 says how, and hardly anybody
 * keeps to it. Read by what is common to the dialects (Postfix, Exim, Sendmail, Exchange, qmail,
 * Gmail, Zimbra, Haraka, CommuniGate and older ones): clauses that begin with a keyword, comments
 * that are told apart by what is in them, a time at the end. It cannot fail: what is not understood
 * is left empty, and `understood` says so.
 */
#pragma once

#include "base/arena.h"
#include "core/trace/when.h"

/* All slices are parts of the value or live in the arena; empty: not said. */
struct gp_hop {
	struct gp_slice value;
	/* The client, as the host that wrote the field tells it. */
	struct gp_slice helo;    /* what it called itself */
	struct gp_slice rdns;    /* the name that the DNS has for its address, never "unknown" */
	struct gp_slice address; /* canonical text, without brackets */
	uint8_t octets[16];      /* the same; IPv4-mapped as IPv4 */
	size_t octets_len;       /* 0, 4 or 16 */
	struct gp_slice ident;   /* RFC 1413, or what is in its place: often a login */
	bool rdns_forged;        /* the name does not lead back to the address */
	bool rdns_from_name; /* rdns is the clause's name, which not every program has checked */
	/* The host that wrote it. */
	struct gp_slice by;
	struct gp_slice with, via;               /* protocols, as written */
	struct gp_slice id;                      /* without the brackets around it */
	struct gp_slice rcpt;                    /* the address of `for` */
	struct gp_slice sender;                  /* the envelope's sender */
	struct gp_slice tls_version, tls_cipher; /* "TLSv1.3"; as written */
	struct gp_slice login;                   /* of an authenticated client */
	bool tls;           /* a version is named, or `with` says so (RFC 3848) */
	bool authenticated; /* `with` or a comment says so; of web mail too */
	bool local;         /* handed over within the host: no client is named */
	bool understood;    /* at least who wrote it, or from whom it came */
	struct gp_when when;
};

/* value: unfolded (gp_header_unfold); it must outlive the hop. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_hop_parse(struct gp_slice value, struct gp_arena *arena, struct gp_hop *ret);
