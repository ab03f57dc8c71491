/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is news of a run, for people as text and for programs as JSON. It has a cap on its length;
 * what is over it is counted, and to be read by gatepost audit diff. So have the texts of each
 * piece of news, as strangers write them.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/audit/news.h"

enum {
	AUDIT_ALERT_ITEMS_MAX = 500,       /* news that are told */
	AUDIT_ALERT_DOMAIN_ITEMS_MAX = 20, /* of one domain */
	AUDIT_ALERT_TEXT_MAX = 4 << 20,    /* octets, which so many cannot reach */
};

struct audit_alert {
	uint64_t run, time_s;
	size_t looked_at; /* domains and addresses */
	size_t domains;   /* of those with news */
	size_t came, went, graver, milder, facts, expiries, left_out;
	size_t items;                 /* told */
	struct gp_slice first_domain; /* with news */
	struct gp_buf body;
	json_t *list;
};

/* Begins an empty one. To be freed. */
struct audit_alert
audit_alert(uint64_t run, uint64_t time_s, size_t looked_at);
void
audit_alert_free(struct audit_alert *a);

/* Adds what is news of a domain, if anything is; first: it was never told of. domain: lives as long
   as the alert; all else may go. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_alert_add(struct audit_alert *a, struct gp_slice domain, bool first,
		const struct audit_news *news);

/* One line that says how much there is; printable ASCII. Appends. */
void
audit_alert_subject(const struct audit_alert *a, struct gp_buf *out);
/* Lines of UTF-8. Appends. */
void
audit_alert_text(const struct audit_alert *a, struct gp_buf *out);
/* One object. Returns 0 or -ENOMEM. */
[[nodiscard]] int
audit_alert_json(const struct audit_alert *a, struct gp_buf *out);
