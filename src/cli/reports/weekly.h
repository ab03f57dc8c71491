/* SPDX-License-Identifier: Apache-2.0 */
/* What a week's mail tells of it: asked of the database in weekly.c, said in weekly_words.c. The
 * database's texts have no controls in them: core/ingest has seen to that. */
#pragma once

#include "base/buf.h"
#include "core/asn/asn.h"
#include "reportdb/classify.h"

enum weekly_limits {
	WEEKLY_DAYS = 7,
	WEEKLY_DOMAINS_MAX = 20, /* told of one by one, those with most messages */
	WEEKLY_SOURCES_MAX = 5,  /* of a domain; new ones, and TLS failures, so many as well */
};

struct weekly_domain {
	struct gp_slice name;
	struct gp_reportdb_figures now, before;
	uint8_t policy; /* that was published last; GP_INGEST_POLICY_ABSENT: nobody says */
	struct gp_reportdb_source *sources; /* with most messages */
	size_t sources_len;
	uint64_t new_sources;             /* seen for the first time */
	struct gp_reportdb_source *fresh; /* of these, those that do not align, at most as above */
	size_t fresh_len;
	/* Messages that do not align and were delivered, by the class of their source. */
	uint64_t let_in[GP_REPORTDB_THREAT + 1];
};

struct weekly {
	struct gp_slice domain;         /* empty: all */
	int64_t from_day, to_day;       /* both belong to it */
	const struct gp_mmdb *networks; /* whose sources are in; NULL: nobody knows */
	struct gp_reportdb_figures now, before;
	struct weekly_domain *domains;
	size_t domains_len, domains_left;                          /* left: not told of */
	uint64_t sessions, failed, sessions_before, failed_before; /* TLS */
	struct gp_reportdb_tls_failure *failures;
	size_t failures_len;
};

/* By its figures, its name and its network. */
enum gp_reportdb_class
weekly_class(const struct gp_reportdb_source *s, const struct gp_mmdb *networks);
/* One line of printable ASCII. Appends; latches out->failed, as the next one does. */
void
weekly_subject(const struct weekly *w, struct gp_buf *out);
/* Lines of UTF-8 without controls; or the same as an HTML document that loads nothing and runs
 * nothing. */
void
weekly_put(const struct weekly *w, bool html, struct gp_buf *out);
