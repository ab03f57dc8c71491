/* SPDX-License-Identifier: Apache-2.0 */
/* A Received field while it is being read. Between the files of this folder. */
#pragma once

#include "core/trace/hop.h"

enum { GP_HOP_TIME_MAX = 120 }; /* octets that a time is looked for in */

enum gp_hop_clause {
	CLAUSE_NONE,
	CLAUSE_FROM,
	CLAUSE_BY,
	CLAUSE_WITH,
	CLAUSE_VIA,
	CLAUSE_ID,
	CLAUSE_FOR,
	CLAUSE_SENDER,
};

struct gp_hop_reading {
	struct gp_hop *hop;
	struct gp_arena *arena;
	enum gp_hop_clause clause;
	size_t words; /* of the clause so far, this one included */
	/* of the clause `from` */
	struct gp_slice name; /* its first word */
	bool name_literal;    /* that stood in brackets */
	bool helo_said;       /* the HELO stands apart from the name */
	bool claiming;        /* "claiming to be" was read: the HELO is next */
	bool bracketed;       /* the address stood in brackets */
	bool plain_address;   /* it stood alone in its comment, without brackets */
	bool verified;        /* the name was looked up: CommuniGate says so */
	bool exim;            /* Exim wrote it */
	bool tls_word;        /* the cipher is next */
};

/* Reads a comment about TLS. False: it is about something else. */
bool
gp_hop_read_tls(struct gp_hop_reading *r, struct gp_slice comment);
