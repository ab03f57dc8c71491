/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this folder: the evaluation under way. */
#pragma once

#include "core/spf/macro.h"
#include "core/spf/record.h"
#include "core/spf/spf.h"

struct gp_spf_eval {
	const struct gp_spf_query *query;
	const struct gp_answers *answers;
	struct gp_arena *arena;
	struct gp_spf_result *result;
	struct gp_spf_values values; /* domain and validated: set before each expansion */
	bool odd_local;              /* the sender's local-part is not ASCII */
	struct gp_dns_question *need;
	size_t questions; /* charged for, asked or not */
	size_t ahead;     /* of these, for terms that are not reached yet */
	size_t octets;
	bool client_charged; /* for the client's names */
	const char *detail;  /* about the term under evaluation, for the trail; or NULL */
	struct gp_slice *trail;
	struct gp_spf_term exp;     /* of the record that failed the client; spec empty: none */
	struct gp_slice exp_domain; /* that record's */
};

/* One record under evaluation: a call of check_host() in the RFC's words. */
struct gp_spf_check {
	struct gp_spf_name domain;        /* <domain>, the current one */
	struct gp_slice terms;            /* of its record */
	struct gp_spf_term redirect, exp; /* spec empty: there is none */
	bool charged;   /* what its terms ask first is charged for, and may be asked ahead */
	unsigned depth; /* of includes */
};

/* --- mechanism.c --- */

enum gp_spf_match {
	GP_SPF_NO,
	GP_SPF_YES,
	GP_SPF_STOP,    /* the check ends with result->verdict */
	GP_SPF_UNKNOWN, /* answers are missing, or memory */
};

/* ALL, A, MX, PTR, IP4, IP6, EXISTS; enum gp_spf_match. */
int
gp_spf_match(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t);

/* The name that a term is about. NO: there is none that could be looked up. */
int
gp_spf_target(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	      struct gp_spf_name *ret);

/* Asks for what the term would ask first, as far as its name is known. */
void
gp_spf_ask_ahead(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t);

/* Sets values.validated: a name of the client, the best for the current domain, or "unknown"
 * (section 7.3). YES, UNKNOWN or STOP. */
int
gp_spf_find_validated(struct gp_spf_eval *e, const struct gp_spf_check *c);

/* --- spf.c --- */

/* True: *ret is the answer. False: it was asked for. */
bool
gp_spf_look_up(struct gp_spf_eval *e, struct gp_slice name, uint16_t type,
	       struct gp_dns_answer *ret);

/* Counts n questions that are about to be asked. False: they are too many; the check stops. */
bool
gp_spf_charge(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	      size_t n);

/* Counts a term's lookup that found nothing: NO, or STOP at the third. */
int
gp_spf_void(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t);

/* Sets the verdict and the reason; t: NULL when it is about no term. STOP. */
int
gp_spf_stop(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	    uint8_t verdict, const char *why);
