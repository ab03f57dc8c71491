/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/schema.h"

/*
 * Throughout: times are seconds since 1970, days are counted from then, weeks are days / 7;
 * trusted is 1 where the report's sender was authenticated; kinds, policies, dispositions,
 * results and reasons are numbers of core/ingest/report.h; a source is 4 or 16 octets. An empty
 * domain, where there is one, is all domains together. A table that comes here belongs into copy.c,
 * too.
 */

/* The columns of struct gp_reportdb_figures, in its order. */
#define FIGURES                                                                           \
	" messages INTEGER NOT NULL, aligned INTEGER NOT NULL, dkim INTEGER NOT NULL,"    \
	" spf INTEGER NOT NULL, quarantined INTEGER NOT NULL, rejected INTEGER NOT NULL," \
	" forwarded INTEGER NOT NULL, \"foreign\" INTEGER NOT NULL, estimated INTEGER NOT NULL,"

#define FIGURES_SUM                                                                           \
	" sum(messages), sum(aligned), sum(dkim), sum(spf), sum(quarantined), sum(rejected)," \
	" sum(forwarded), sum(\"foreign\"), sum(estimated)"

const char *const gp_reportdb_steps[] = {
	/* What was told. */
	"CREATE TABLE report ("
	" id INTEGER PRIMARY KEY,"
	" kind INTEGER NOT NULL, trusted INTEGER NOT NULL,"
	" org TEXT NOT NULL, name TEXT NOT NULL," /* its own id */
	" domain TEXT NOT NULL, begin_s INTEGER NOT NULL, end_s INTEGER NOT NULL,"
	" email TEXT NOT NULL, contact TEXT NOT NULL, version TEXT NOT NULL,"
	" generator TEXT NOT NULL,"
	" p INTEGER NOT NULL, sp INTEGER NOT NULL, np INTEGER NOT NULL,"
	" adkim_strict INTEGER NOT NULL, aspf_strict INTEGER NOT NULL,"
	" testing INTEGER NOT NULL, pct INTEGER NOT NULL,"
	" fo TEXT NOT NULL, discovery TEXT NOT NULL,"
	" file TEXT NOT NULL, received_s INTEGER NOT NULL,"
	" records INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,"
	" flaws INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0,"
	/* In this order it finds a domain's reports by their end, too. Files of before have the
	   same columns in another order, and an index for that, which serves as well: only its
	   space and its time are saved, so nothing is built anew for them. */
	" UNIQUE (domain, trusted, end_s, name, org, begin_s, kind));"
	"CREATE INDEX report_end ON report (end_s);"
	"CREATE TABLE record ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" source BLOB NOT NULL, number INTEGER NOT NULL,"
	" messages INTEGER NOT NULL,"
	" detail INTEGER NOT NULL,"
	" PRIMARY KEY (report, source, number)) WITHOUT ROWID;"
	/* What records have in common; texts have no controls, so lines of fields hold lists. */
	"CREATE TABLE detail ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" disposition INTEGER NOT NULL,"
	" dkim_aligned INTEGER NOT NULL, spf_aligned INTEGER NOT NULL," /* results */
	" header_from TEXT NOT NULL, envelope_from TEXT NOT NULL, envelope_to TEXT NOT NULL,"
	" reasons TEXT NOT NULL," /* type, comment */
	" dkim TEXT NOT NULL,"    /* result, domain, selector, why */
	" spf TEXT NOT NULL,"     /* result, domain, scope, why */
	" PRIMARY KEY (report, number)) WITHOUT ROWID;"
	"CREATE TABLE tls_policy ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" type TEXT NOT NULL, domain TEXT NOT NULL,"
	" strings TEXT NOT NULL, mx TEXT NOT NULL," /* lines */
	" successful INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" PRIMARY KEY (report, number)) WITHOUT ROWID;"
	"CREATE TABLE tls_failure ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" policy INTEGER NOT NULL, number INTEGER NOT NULL,"
	" result TEXT NOT NULL, sending_ip TEXT NOT NULL, receiving_mx TEXT NOT NULL,"
	" receiving_ip TEXT NOT NULL, receiving_helo TEXT NOT NULL,"
	" reason_code TEXT NOT NULL, info TEXT NOT NULL, sessions INTEGER NOT NULL,"
	" PRIMARY KEY (report, policy, number)) WITHOUT ROWID;"
	"CREATE TABLE failure ("
	" report INTEGER PRIMARY KEY REFERENCES report ON DELETE CASCADE,"
	" type TEXT NOT NULL, delivery TEXT NOT NULL, source BLOB," /* NULL: not told */
	" domain TEXT NOT NULL, header_from TEXT NOT NULL,"
	" envelope_from TEXT NOT NULL, envelope_to TEXT NOT NULL,"
	" subject TEXT NOT NULL, message_id TEXT NOT NULL, results TEXT NOT NULL,"
	" dkim_domain TEXT NOT NULL, dkim_selector TEXT NOT NULL, spf_record TEXT NOT NULL,"
	" arrived_s INTEGER NOT NULL, incidents INTEGER NOT NULL, header TEXT NOT NULL);"
	/* Documents that were refused, without a report; and what was odd in others. */
	"CREATE TABLE flaw ("
	" id INTEGER PRIMARY KEY,"
	" report INTEGER REFERENCES report ON DELETE CASCADE,"
	" record INTEGER NOT NULL, lost INTEGER NOT NULL,"
	" file TEXT NOT NULL, why TEXT NOT NULL, received_s INTEGER NOT NULL);"
	"CREATE INDEX flaw_report ON flaw (report, file);"

	/* And what it adds up to. */
	"CREATE TABLE day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL," FIGURES
	" PRIMARY KEY (trusted, domain, day)) WITHOUT ROWID;"
	"CREATE TABLE source_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" source BLOB NOT NULL," FIGURES
	" PRIMARY KEY (trusted, domain, day, source)) WITHOUT ROWID;"
	"CREATE TABLE source_week (" /* of all domains */
	" trusted INTEGER NOT NULL, week INTEGER NOT NULL, source BLOB NOT NULL," FIGURES
	" top INTEGER NOT NULL," /* had a thousandth of the week when it was added to */
	" PRIMARY KEY (trusted, week, source)) WITHOUT ROWID;"
	"CREATE INDEX source_week_top ON source_week (trusted, week, source, messages, aligned)"
	" WHERE top = 1;"
	"CREATE TABLE source ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, source BLOB NOT NULL,"
	" first_day INTEGER NOT NULL, last_day INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, source)) WITHOUT ROWID;"
	"CREATE INDEX source_first ON source (trusted, domain, first_day);"
	"CREATE TABLE selector_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" signer TEXT NOT NULL, selector TEXT NOT NULL, result INTEGER NOT NULL,"
	" messages INTEGER NOT NULL, aligned INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, signer, selector, result)) WITHOUT ROWID;"
	"CREATE TABLE spf_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" spf_domain TEXT NOT NULL, scope TEXT NOT NULL, result INTEGER NOT NULL,"
	" messages INTEGER NOT NULL, aligned INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, spf_domain, scope, result)) WITHOUT ROWID;"
	"CREATE TABLE override_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" reason INTEGER NOT NULL, disposition INTEGER NOT NULL, messages INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, reason, disposition)) WITHOUT ROWID;"
	"CREATE TABLE reporter_day (" /* by the day that a report ends */
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, org TEXT NOT NULL,"
	" reports INTEGER NOT NULL, records INTEGER NOT NULL, messages INTEGER NOT NULL,"
	" lost INTEGER NOT NULL, flawed INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, kind, org)) WITHOUT ROWID;"
	"CREATE TABLE policy ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL,"
	" p INTEGER NOT NULL, sp INTEGER NOT NULL, np INTEGER NOT NULL,"
	" adkim_strict INTEGER NOT NULL, aspf_strict INTEGER NOT NULL,"
	" testing INTEGER NOT NULL, pct INTEGER NOT NULL,"
	" first_day INTEGER NOT NULL, last_day INTEGER NOT NULL, reports INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, p, sp, np, adkim_strict, aspf_strict, testing, pct))"
	" WITHOUT ROWID;"
	"CREATE TABLE tls_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" type TEXT NOT NULL, successful INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, type)) WITHOUT ROWID;"
	"CREATE TABLE tls_failure_day ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, day INTEGER NOT NULL,"
	" result TEXT NOT NULL, receiving_mx TEXT NOT NULL, org TEXT NOT NULL,"
	" sessions INTEGER NOT NULL,"
	" PRIMARY KEY (trusted, domain, day, result, receiving_mx, org)) WITHOUT ROWID;"
	/* Numbers by name: duplicates, refused, old, records, lost, forgotten_before_day. */
	"CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",

	/* The host name of a source, by the DNS; '': it has none. failures: times in a row that the
	   DNS did not answer. */
	"CREATE TABLE name ("
	" source BLOB PRIMARY KEY, name TEXT NOT NULL,"
	" looked_s INTEGER NOT NULL, next_s INTEGER NOT NULL, failures INTEGER NOT NULL)"
	" WITHOUT ROWID;",

	/* Records, many together (block.h), with the first and the last source of those in it, in
	   16 octets. Reports that came before have theirs in record and detail. */
	"CREATE TABLE block ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" part INTEGER NOT NULL,"
	" first_source BLOB NOT NULL, last_source BLOB NOT NULL, octets BLOB NOT NULL,"
	" PRIMARY KEY (report, part)) WITHOUT ROWID;",

	/* How many reports are kept, so that nobody has to read all of them. received_s: of the
	   last one, ever. */
	"CREATE TABLE kept ("
	" kind INTEGER NOT NULL, trusted INTEGER NOT NULL,"
	" reports INTEGER NOT NULL, received_s INTEGER NOT NULL,"
	" PRIMARY KEY (kind, trusted)) WITHOUT ROWID;"
	"INSERT INTO kept SELECT kind, trusted, count(*), max(received_s) FROM report"
	" GROUP BY kind, trusted;",

	/* Reports that were not taken, as their reporter had sent so many that day: a domain, or
	   the network of somebody who is none; '': others. */
	"CREATE TABLE over_limit ("
	" day INTEGER NOT NULL, reporter TEXT NOT NULL,"
	" reports INTEGER NOT NULL, octets INTEGER NOT NULL,"
	" PRIMARY KEY (day, reporter)) WITHOUT ROWID;",

	/* What stands in tally and over_limit and was counted by other databases (copy.h): of each,
	   known by the number that it has given itself, as much as a copy has brought. So one that
	   comes again brings what is more since, whichever way it comes. */
	"CREATE TABLE self (origin INTEGER PRIMARY KEY);"
	"CREATE TABLE tally_of ("
	" name TEXT NOT NULL, origin INTEGER NOT NULL, value INTEGER NOT NULL,"
	" PRIMARY KEY (name, origin)) WITHOUT ROWID;"
	"CREATE TABLE over_limit_of ("
	" day INTEGER NOT NULL, reporter TEXT NOT NULL, origin INTEGER NOT NULL,"
	" reports INTEGER NOT NULL, octets INTEGER NOT NULL,"
	" PRIMARY KEY (day, reporter, origin)) WITHOUT ROWID;",

	/* Reports by their end, and the few that are of another kind by themselves; what is told
	   among all that was odd; what sources had in spans of GP_CELLS_SPAN_DAYS days, which are
	   day / 28, so that nobody adds up all of a year's days. */
	"DROP INDEX report_end;"
	"CREATE INDEX report_time ON report (trusted, end_s);"
	"CREATE INDEX report_kind ON report (kind, trusted, end_s) WHERE kind <> 1;"
	"CREATE INDEX flaw_shown ON flaw (id) WHERE report IS NULL OR lost = 1;"
	/* With `top`, or SQLite would look each of them up to see that it is one. */
	"DROP INDEX source_week_top;"
	"CREATE INDEX source_week_top ON source_week (trusted, week, source, messages, aligned, "
	"top)"
	" WHERE top = 1;"
	"CREATE TABLE source_span ("
	" trusted INTEGER NOT NULL, domain TEXT NOT NULL, span INTEGER NOT NULL,"
	" source BLOB NOT NULL," FIGURES
	" PRIMARY KEY (trusted, domain, span, source)) WITHOUT ROWID;"
	"INSERT INTO source_span SELECT trusted, domain, day / 28, source," FIGURES_SUM
	" FROM source_day GROUP BY 1, 2, 3, 4;"
	"INSERT INTO source_span SELECT trusted, '', span, source," FIGURES_SUM
	" FROM source_span GROUP BY 1, 3, 4;",
};

const size_t gp_reportdb_steps_len = GP_ARRAY_LEN(gp_reportdb_steps);
