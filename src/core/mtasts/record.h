/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TXT record that says that a domain has an MTA-STS policy, and which version of it is the
 * current one: RFC 8461 section 3.1. The question is gp_mtasts_question's; aliases are followed by
 * whoever answers it.
 */
#pragma once

#include "base/arena.h"
#include "core/dns/record.h"

enum { GP_MTASTS_ID_MAX = 32 }; /* octets of an id, section 3.1 */

enum gp_mtasts_record {
	GP_MTASTS_RECORD_OK,      /* exactly one, well formed */
	GP_MTASTS_RECORD_NONE,    /* the DNS says that there is none */
	GP_MTASTS_RECORD_SEVERAL, /* more than one: as none */
	GP_MTASTS_RECORD_INVALID, /* one, malformed: as none */
	GP_MTASTS_RECORD_UNKNOWN, /* the DNS did not say: as none, but no word of the domain */
};

/* "_mta-sts.DOMAIN" TXT. domain: the recipient's own, A-labels, never a parent of it (section
 * 3.4). The name is in the arena; its ptr is NULL when there was no memory. */
struct gp_dns_question
gp_mtasts_question(struct gp_slice domain, struct gp_arena *arena);

/* Reads the answer to that question. *ret_id: a part of the answer, 1 to GP_MTASTS_ID_MAX letters
 * and digits; empty unless the result is OK. */
enum gp_mtasts_record
gp_mtasts_record_read(const struct gp_dns_answer *answer, struct gp_slice *ret_id);
