/* SPDX-License-Identifier: Apache-2.0 */
/* The TXT record that says where a domain wants its TLS reports: RFC 8460 section 3. */
#pragma once

#include "base/arena.h"
#include "core/dns/record.h"

enum { GP_TLSRPT_RUA_MAX = 10 }; /* places taken from one record; more are passed over */

enum gp_tlsrpt_record {
	GP_TLSRPT_RECORD_OK = 0,
	GP_TLSRPT_RECORD_NONE,    /* the DNS says that there is none */
	GP_TLSRPT_RECORD_SEVERAL, /* more than one: as none */
	GP_TLSRPT_RECORD_INVALID, /* one, malformed or without a place that we can send to */
	GP_TLSRPT_RECORD_UNKNOWN, /* the DNS did not say */
};

/* A place: a mailbox, or a web server. */
struct gp_tlsrpt_rua {
	struct gp_slice uri;     /* as it is written */
	struct gp_slice address; /* mailto: local@domain; else empty. What the URI says besides,
				    such as a subject, is passed over (RFC 6068 section 2) */
	struct gp_slice host;    /* https: a name in lower case; else empty */
	struct gp_slice path;    /* https: path and query, at least "/" */
	uint16_t port;           /* https: 443 unless said */
};

struct gp_tlsrpt_places {
	struct gp_tlsrpt_rua rua[GP_TLSRPT_RUA_MAX];
	size_t len;
};

/* Reads one URI. Returns 0; 1: it is malformed, or of another scheme than those two; -ENOMEM.
   *ret points into it and into the arena. */
[[nodiscard]] int
gp_tlsrpt_rua_read(struct gp_slice uri, struct gp_arena *arena, struct gp_tlsrpt_rua *ret);

/* "_smtp._tls.DOMAIN" TXT. domain: the policy domain, A-labels. The name is in the arena; its ptr
 * is NULL when there was no memory. */
struct gp_dns_question
gp_tlsrpt_question(struct gp_slice domain, struct gp_arena *arena);

/*
 * Reads the answer to that question. Several rua fields add up; URIs of other schemes are passed
 * over; one malformed URI spoils the record, as does any other mistake in its grammar. Returns enum
 * gp_tlsrpt_record, or -ENOMEM; *ret is empty unless that is OK, and points into the answer and the
 * arena.
 */
[[nodiscard]] int
gp_tlsrpt_record_read(const struct gp_dns_answer *answer, struct gp_arena *arena,
		      struct gp_tlsrpt_places *ret);
