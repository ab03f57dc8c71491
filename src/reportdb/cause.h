/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why mail does not align (RFC 9989 section 4.10.2): by what reporters say of DKIM and SPF in the
 * rows in which neither aligned. Pure functions, but for the last one, which reads the database.
 *
 * Of several signatures the one counts that says most: one of ours before others', one that passes
 * before one that does not. Ours is what is the policy's domain, below it, or above it.
 */
#pragma once

#include "base/buf.h"
#include "reportdb/reportdb.h"

enum gp_cause_limits {
	GP_CAUSES_MAX = 64,        /* of one source; rarer ones are counted as no other */
	GP_CAUSE_ROWS_MAX = 1000,  /* that are looked at */
	GP_CAUSE_DAYS = 14,        /* before a source's last one, whose reports are */
	GP_CAUSE_WORDS_MAX = 1200, /* octets */
};

enum gp_cause_dkim {
	GP_CAUSE_NO_SIGNATURE = 0,
	GP_CAUSE_OTHER_SIGNER,     /* passes, for another's domain */
	GP_CAUSE_OTHER_BROKEN,     /* does not pass, and is another's */
	GP_CAUSE_BROKEN,           /* ours, does not verify: changed on its way, or forged */
	GP_CAUSE_NO_KEY,           /* ours, and its key cannot be had or used */
	GP_CAUSE_STRICT_SIGNER,    /* passes, and is ours, but adkim=s wants the very domain */
	GP_CAUSE_SIGNER_NOT_TAKEN, /* passes, and is ours; why it does not count is not told */
	GP_CAUSE_DKIMS,
};

enum gp_cause_spf {
	GP_CAUSE_SPF_UNTOLD = 0,
	GP_CAUSE_OTHER_ENVELOPE,     /* passes, for another's domain */
	GP_CAUSE_OTHER_REFUSED,      /* does not pass, and is another's */
	GP_CAUSE_NOT_LISTED,         /* our record does not have the address */
	GP_CAUSE_NO_RECORD,          /* of ours; or it is in error */
	GP_CAUSE_STRICT_ENVELOPE,    /* passes, and is ours, but aspf=s wants the very domain */
	GP_CAUSE_ENVELOPE_NOT_TAKEN, /* passes, and is ours: HELO's, or why is not told */
	GP_CAUSE_SPFS,
};

struct gp_cause {
	uint8_t dkim, spf;                /* of the enums above */
	struct gp_slice signer, selector; /* of the signature; empty: there is none */
	struct gp_slice envelope;         /* SPF's domain; or empty */
	struct gp_slice from;             /* the domain that was to align */
	uint64_t messages;                /* that do not align, and have this cause */
};

struct gp_causes {
	struct gp_arena *arena; /* for texts; latches what fails */
	struct gp_cause list[GP_CAUSES_MAX];
	size_t len, rows;
	uint64_t unaligned; /* messages of the rows that were added */
};

/* The cause of one row's messages, by its report's head. Texts are the row's and the head's. False:
 * it aligns. */
bool
gp_cause_of(const struct gp_ingest_head *head, const struct gp_ingest_row *row,
	    struct gp_cause *ret);
/* Adds a row; one that aligns is of no interest. */
void
gp_causes_add(struct gp_causes *c, const struct gp_ingest_head *head,
	      const struct gp_ingest_row *row);
/* The one of most messages; NULL: all aligns. */
const struct gp_cause *
gp_causes_first(const struct gp_causes *c);

/* "signed by sendgrid.net, not by example.org; SPF passes for bounce.sendgrid.net", with what is to
 * be done about it: a sentence without its full stop. Appends. */
void
gp_cause_put(const struct gp_cause *cause, struct gp_buf *out);
/* "other_signer"; "not_listed": their names, for programs. */
const char *
gp_cause_dkim_name(uint8_t dkim);
const char *
gp_cause_spf_name(uint8_t spf);

/* What most unaligned mail of a source has for its cause, in the last days of the range in which
 * it sent; the range has a domain, and s is of it. 0; 1: it is not known; -errno. */
[[nodiscard]] int
gp_reportdb_cause(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		  const struct gp_reportdb_source *s, struct gp_arena *arena, struct gp_cause *ret);
