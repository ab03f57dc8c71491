/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "reportdb/parts.h"
#include "reportdb/schema.h"
#include "reportdb/server.h"

#define FIGURES                                                                         \
	" messages, aligned, dkim, spf, quarantined, rejected, forwarded, \"foreign\"," \
	" estimated"
#define FIGURES_SUM                                                                           \
	" sum(messages), sum(aligned), sum(dkim), sum(spf), sum(quarantined), sum(rejected)," \
	" sum(forwarded), sum(\"foreign\"), sum(estimated)"
/* Everywhere: ?1 trusted, ?2 domain, ?3 and ?4 the first and the last day. */
#define DAYS DAYS_BETWEEN("?3", "?4")
#define DAYS_BETWEEN(first_, last_) \
	" WHERE trusted = ?1 AND domain = ?2 AND day BETWEEN " first_ " AND " last_
/* A table without rows of all domains together: those of each, where all are asked for. */
#define DAYS_OF_ALL " WHERE trusted = ?1 AND (?2 = '' OR domain = ?2) AND day BETWEEN ?3 AND ?4"
#define REPORT_COLUMNS                                                                    \
	" id, kind, trusted, org, email, name, domain, file, begin_s, end_s, received_s," \
	" records, lost, flaws, messages"

/* The last ones that end until the second ?4, and then below the number ?7. */
#define REPORTS(which_)                                                  \
	" FROM report WHERE trusted = ?1" which_                         \
	" AND end_s BETWEEN ?3 * 86400 AND ?4 AND (?6 = 0 OR kind = ?6)" \
	" AND (?7 = 0 OR end_s < ?4 OR id < ?7)"                         \
	" ORDER BY end_s DESC, id DESC LIMIT ?5"

static const char *const texts[STATEMENTS] = {
	[ST_ADD_REPORT] =
		"INSERT INTO report (id, kind, trusted, org, name, domain, begin_s, end_s, email,"
		" contact, version, generator, p, sp, np, adkim_strict, aspf_strict, testing, pct,"
		" fo, discovery, file, received_s, records, lost, flaws, messages)"
		" VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?) ON CONFLICT DO NOTHING",
	[ST_FIND_REPORT] = "SELECT id FROM report WHERE kind = ? AND trusted = ? AND org = ?"
			   " AND name = ? AND domain = ? AND begin_s = ? AND end_s = ?",
	[ST_SET_REPORT] = "UPDATE report SET records = ?2, lost = ?3, flaws = ?4, messages = ?5"
			  " WHERE id = ?1",
	[ST_ADD_BLOCK] = "INSERT INTO block VALUES (?, ?, ?, ?, ?)",
	[ST_ADD_TLS_POLICY] = "INSERT INTO tls_policy VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[ST_ADD_TLS_FAILURE] = "INSERT INTO tls_failure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ST_ADD_FAILURE] = "INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
			   " ?, ?, ?)",
	[ST_ADD_FLAW] = "INSERT INTO flaw (report, record, lost, file, why, received_s)"
			" VALUES (?, ?, ?, ?, ?, ?)",
	[ST_DROP_FLAW] = "DELETE FROM flaw WHERE report IS NULL AND file = ?1 AND why = ?2",
	[ST_PRUNE_FLAWS] = "DELETE FROM flaw WHERE report IS NULL AND id <="
			   " (SELECT id FROM flaw WHERE report IS NULL ORDER BY id DESC"
			   " LIMIT 1 OFFSET ?1)",

	[ST_TOTAL] = "SELECT" FIGURES_SUM " FROM day" DAYS,
	[ST_DAYS] = "SELECT day," FIGURES " FROM day" DAYS " ORDER BY day LIMIT ?5",
	[ST_DOMAINS] = "SELECT domain, min(day), max(day)," FIGURES_SUM
		       " FROM day WHERE trusted = ?1 AND domain > '' AND day BETWEEN ?3 AND ?4"
		       " GROUP BY domain ORDER BY 4 DESC, domain LIMIT ?5",
	/* Whole spans, and the days before ?7 and from ?8 on that are in none. */
	[ST_SOURCES_DOMAIN] =
		"SELECT source," FIGURES_SUM " FROM (SELECT source," FIGURES
		" FROM source_day" DAYS_BETWEEN(
			"?3", "?7 - 1") " UNION ALL SELECT source," FIGURES
					" FROM source_span WHERE trusted = ?1 AND domain = ?2"
					" AND span BETWEEN ?7 / 28 AND ?8 / 28 - 1 UNION ALL "
					"SELECT source," FIGURES " FROM source_day" DAYS_BETWEEN(
						"?8", "?4") ") AS parts"
							    " GROUP BY source ORDER BY CASE ?6 "
							    "WHEN 0 THEN sum(messages)"
							    " ELSE sum(messages) - sum(aligned) "
							    "END DESC, source LIMIT ?5",
	/* Without statistics SQLite would rather read all of them. */
	[ST_SOURCES_TOP] = "SELECT source, sum(messages), sum(aligned) FROM source_week"
			   " INDEXED BY source_week_top WHERE top = 1 AND trusted = ?1 AND week "
			   "BETWEEN ?3 / 7 AND ?4 / 7"
			   " GROUP BY source ORDER BY CASE ?6 WHEN 0 THEN sum(messages)"
			   " ELSE sum(messages) - sum(aligned) END DESC, source LIMIT ?5",
	/* Whole spans, and the weeks before ?7 and from ?8 on. */
	[ST_SOURCE_WEEKS] =
		"WITH RECURSIVE w(week) AS (SELECT ?3 / 7 UNION ALL SELECT week + 1 FROM w"
		" WHERE week < ?4 / 7), p(span) AS (SELECT ?7 / 28 UNION ALL SELECT span + 1 FROM p"
		" WHERE span < ?8 / 28 - 1) SELECT" FIGURES_SUM " FROM (SELECT" FIGURES
		" FROM w CROSS JOIN source_week s WHERE (w.week < ?7 / 7 OR w.week >= ?8 / 7)"
		" AND s.trusted = ?1 AND s.week = w.week AND s.source = ?6 UNION ALL SELECT" FIGURES
		" FROM p CROSS JOIN source_span s WHERE ?7 < ?8 AND s.trusted = ?1"
		" AND s.domain = ?2 AND s.span = p.span AND s.source = ?6) AS parts",
	[ST_BOUNDS] = "SELECT min(day), max(day) FROM day WHERE trusted = ?1 AND domain = ?2"
		      " AND day BETWEEN ?3 AND ?4",
	[ST_SOURCE_SEEN] = "SELECT first_day, last_day FROM source"
			   " WHERE trusted = ? AND domain = ? AND source = ?",
	[ST_SOURCE_DAYS] = "SELECT day," FIGURES " FROM source_day" DAYS
			   " AND source = ?6 ORDER BY day LIMIT ?5",
	[ST_NEW_SOURCES] = "SELECT count(*) FROM source WHERE trusted = ?1 AND domain = ?2"
			   " AND first_day BETWEEN ?3 AND ?4",
	/* ?6: now; ?7: the source to go on behind. */
	[ST_UNNAMED] =
		"SELECT source, CASE WHEN last_day >= ?3 AND (next_s IS NULL OR next_s <= ?6) THEN"
		" (WITH RECURSIVE w(week) AS (SELECT ?3 / 7 UNION ALL SELECT week + 1 FROM w"
		" WHERE week < ?4 / 7) SELECT sum(messages) FROM w CROSS JOIN source_week s"
		" WHERE s.trusted = 1 AND s.week = w.week AND s.source = next.source) END"
		" FROM (SELECT source, last_day FROM source WHERE trusted = 1 AND domain = ''"
		" AND source > ?7 ORDER BY source LIMIT ?5) next LEFT JOIN name USING (source)"
		" ORDER BY source",
	[ST_NAME] = "SELECT name FROM name WHERE source = ?",
	/* ?4: until the next look, in seconds; ?5: the DNS did not answer. */
	[ST_KEEP_NAME] = "INSERT INTO name VALUES (?1, ?2, ?3, ?3 + ?4, ?5)"
			 " ON CONFLICT (source) DO UPDATE SET looked_s = ?3,"
			 " name = CASE WHEN ?5 = 1 THEN name.name ELSE ?2 END,"
			 " next_s = ?3 + CASE WHEN ?5 = 0 THEN ?4 WHEN name.failures < 16"
			 " AND ?4 << CAST(name.failures AS INT) < ?6"
			 " THEN ?4 << CAST(name.failures AS INT) ELSE ?6 END,"
			 " failures = CASE WHEN ?5 = 1 THEN name.failures + 1 ELSE 0 END",
	[ST_LOOKED_SINCE] = "SELECT count(*) FROM name WHERE looked_s >= ?",
	[ST_SELECTORS] = "SELECT signer, selector, result, sum(messages), sum(aligned)"
			 " FROM selector_day" DAYS_OF_ALL
			 " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT ?5",
	[ST_SPF] =
		"SELECT spf_domain, scope, result, sum(messages), sum(aligned)"
		" FROM spf_day" DAYS_OF_ALL " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT ?5",
	[ST_OVERRIDES] = "SELECT reason, disposition, sum(messages) FROM override_day" DAYS_OF_ALL
			 " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?5",
	[ST_REPORTERS] = "SELECT org, min(day), max(day), sum(reports), sum(records),"
			 " sum(messages), sum(lost), sum(flawed) FROM reporter_day" DAYS
			 " AND (?6 = 0 OR kind = ?6) GROUP BY org ORDER BY 6 DESC, org LIMIT ?5",
	[ST_POLICIES] = "SELECT domain, p, sp, np, adkim_strict, aspf_strict, testing, pct,"
			" first_day, last_day, reports FROM policy WHERE trusted = ?1"
			" AND (?2 = '' OR domain = ?2) AND last_day >= ?3 AND first_day <= ?4"
			" ORDER BY last_day DESC, reports DESC, domain LIMIT ?5",
	[ST_TLS_DOMAINS] = "SELECT DISTINCT domain FROM tls_day WHERE trusted = ?1"
			   " AND (?2 = '' OR domain = ?2) AND day BETWEEN ?3 AND ?4"
			   " ORDER BY domain LIMIT ?5",
	[ST_TLS_DAYS] = "SELECT day, type, sum(successful), sum(failed) FROM tls_day" DAYS_OF_ALL
			" GROUP BY day, type ORDER BY day, type LIMIT ?5",
	[ST_TLS_FAILURES] = "SELECT result, receiving_mx, org, min(day), max(day), sum(sessions)"
			    " FROM tls_failure_day" DAYS_OF_ALL
			    " GROUP BY 1, 2, 3 ORDER BY 6 DESC, 1, 2, 3 LIMIT ?5",
	[ST_LIST] = "SELECT" REPORT_COLUMNS REPORTS(" AND (?2 = '' OR domain = ?2)"),
	[ST_LIST_OF_DOMAIN] = "SELECT" REPORT_COLUMNS REPORTS(" AND domain = ?2"),
	/* SQLite knows the index of the few kinds by these words. */
	[ST_LIST_OF_FEW] =
		"SELECT" REPORT_COLUMNS REPORTS(" AND (?2 = '' OR domain = ?2) AND kind <> 1"),
	[ST_REPORT] = "SELECT" REPORT_COLUMNS " FROM report WHERE id = ?",
	[ST_HEAD] = "SELECT kind, org, email, contact, name, domain, begin_s, end_s, version,"
		    " generator, p, sp, np, adkim_strict, aspf_strict, testing, pct, fo, discovery"
		    " FROM report WHERE id = ?",
	[ST_RECORDS] = "SELECT r.number, r.source, r.messages, d.disposition, d.dkim_aligned,"
		       " d.spf_aligned, d.header_from, d.envelope_from, d.envelope_to, d.reasons,"
		       " d.dkim, d.spf FROM record r JOIN detail d"
		       " ON d.report = r.report AND d.number = r.detail"
		       " WHERE r.report = ?1 ORDER BY r.number",
	[ST_BLOCKS] = "SELECT length(octets), octets FROM block WHERE report = ?"
		      " ORDER BY part",
	[ST_SOURCE_BLOCKS] = "SELECT length(octets), octets FROM block WHERE report = ?1"
			     " AND ?2 BETWEEN first_source AND last_source ORDER BY part",
	[ST_TLS_POLICIES] = "SELECT number, type, domain, strings, mx, successful, failed"
			    " FROM tls_policy WHERE report = ? ORDER BY number",
	[ST_FAILURES_OF_POLICY] = "SELECT result, sending_ip, receiving_mx, receiving_ip,"
				  " receiving_helo, reason_code, info, sessions FROM tls_failure"
				  " WHERE report = ? AND policy = ? ORDER BY number",
	[ST_FAILURE] = "SELECT type, delivery, source, domain, header_from, envelope_from,"
		       " envelope_to, subject, message_id, results, dkim_domain, dkim_selector,"
		       " spf_record, arrived_s, incidents, header FROM failure WHERE report = ?",
	[ST_FLAWS_OF_REPORT] = "SELECT record, lost, why FROM flaw WHERE report = ? ORDER BY id",
	[ST_SOURCE_REPORTS] = "SELECT id FROM report WHERE domain = ?2 AND trusted = ?1"
			      " AND kind = 1 AND end_s >= ?3 * 86400"
			      " AND begin_s <= ?4 * 86400 + 86399"
			      " ORDER BY end_s DESC, id DESC LIMIT ?5",
	[ST_SOURCE_RECORDS] = "SELECT r.number, r.source, r.messages, d.disposition,"
			      " d.dkim_aligned, d.spf_aligned, d.header_from, d.envelope_from,"
			      " d.envelope_to, d.reasons, d.dkim, d.spf FROM record r"
			      " JOIN detail d ON d.report = r.report AND d.number = r.detail"
			      " WHERE r.report = ?1 AND r.source = ?2 ORDER BY r.number",
	[ST_FAILURE_REPORTS] = "SELECT id FROM report WHERE trusted = ?1"
			       " AND (?2 = '' OR domain = ?2) AND kind = 3 AND kind <> 1"
			       " AND end_s BETWEEN ?3 * 86400 AND ?4 * 86400 + 86399"
			       " ORDER BY end_s DESC, id DESC"
			       " LIMIT ?5",
	[ST_FLAWS] = "SELECT file, why, report, record, lost, received_s FROM flaw"
		     " WHERE (report IS NULL OR lost = 1) AND (report IS NULL OR ?1 = 0)"
		     " ORDER BY id DESC LIMIT ?2",
	[ST_TALLY] = "SELECT name, value FROM tally",
	[ST_KINDS] = "SELECT kind, trusted, reports, received_s FROM kept",
	[ST_OVER_LIMIT] = "SELECT day, reporter, reports, octets FROM over_limit"
			  " WHERE day BETWEEN ?3 AND ?4 ORDER BY day DESC, reports DESC, reporter"
			  " LIMIT ?5",
};

/* --- statements --- */

static enum gp_sql_use
use_of(enum gp_reportdb_statement which)
{
	switch (which) {
	case ST_ADD_BLOCK:
		return GP_SQL_PUTS;
	/* As many as a report has, or as there are reports. */
	case ST_BLOCKS:
	case ST_SOURCE_BLOCKS:
	case ST_RECORDS:
	case ST_TLS_POLICIES:
	case ST_FAILURES_OF_POLICY:
	case ST_SOURCE_REPORTS:
	case ST_SOURCE_RECORDS:
		return GP_SQL_MANY;
	default:
		return GP_SQL_FEW;
	}
}

struct gp_sql_statement *
gp_statement(struct gp_reportdb *db, enum gp_reportdb_statement which)
{
	if (!db->statements[which])
		db->statements[which] = gp_sql_prepare(db->sql, texts[which], use_of(which));
	return db->statements[which];
}

struct gp_slice
gp_source_octets(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct gp_slice all = gp_slice((const char *)address, 16);
	return memcmp(address, mapped, sizeof(mapped)) == 0 ? gp_slice_drop(all, 12) : all;
}

void
gp_bind_source(struct gp_sql_statement *st, int column, const uint8_t address[16])
{
	gp_sql_bind_octets(st, column, gp_source_octets(address));
}

int
gp_finish(struct gp_reportdb *db, enum gp_reportdb_statement which)
{
	struct gp_sql_statement *st = gp_statement(db, which);
	return st ? gp_sql_run(st) : gp_sql_error(db->sql);
}

int
gp_next_row(struct gp_reportdb *db, enum gp_reportdb_statement which)
{
	struct gp_sql_statement *st = gp_statement(db, which);
	return st ? gp_sql_step(st) : gp_sql_error(db->sql);
}

void
gp_reset(struct gp_reportdb *db, enum gp_reportdb_statement which)
{
	if (db->statements[which])
		gp_sql_reset(db->statements[which]);
}

uint64_t
gp_count_at(struct gp_sql_statement *st, int column)
{
	int64_t n = gp_sql_int_at(st, column);
	return n > 0 ? (uint64_t)n : 0;
}

void
gp_source_at(struct gp_sql_statement *st, int column, uint8_t ret_address[16])
{
	uint8_t octets[16];
	size_t len = gp_sql_octets_at(st, column, octets, sizeof(octets));
	memset(ret_address, 0, 16);
	if (len == 4)
		ret_address[10] = ret_address[11] = 0xff;
	if (len == 4 || len == 16)
		memcpy(ret_address + 16 - len, octets, len);
}

/* --- the beginning and the end --- */

/* What was written down of days that were forgotten. */
static int
read_forgotten(struct gp_reportdb *db)
{
	struct gp_reportdb_health health;
	int r = gp_reportdb_health(db, &health);
	db->forgotten_before = r < 0 ? INT64_MIN : health.forgotten_before_day;
	return r;
}

static int
prepare(struct gp_reportdb *db)
{
	int r = gp_sql_migrate(db->sql, gp_reportdb_steps, gp_reportdb_steps_len);
	if (r == 0 && db->writes)
		r = gp_cells_prepare(db->sql, db->cell_statements);
	return r == 0 ? read_forgotten(db) : r;
}

int
gp_reportdb_open(const char *path, enum gp_reportdb_mode mode, struct gp_reportdb **ret)
{
	struct gp_reportdb *db = calloc(1, sizeof(*db));
	*ret = NULL;
	if (!db || getrandom(db->seed, sizeof(db->seed), 0) != sizeof(db->seed)) {
		free(db);
		return -ENOMEM;
	}
	db->writes = mode != GP_REPORTDB_READ;
	db->batch = gp_cells(db->seed);
	db->current = gp_cells((const uint64_t[]){db->seed[1], db->seed[0]});
	db->key = GP_BUF_INIT(GP_CELLS_KEY_MAX);
	db->packed = GP_BUF_INIT(GP_DETAIL_MAX);
	db->lines = GP_BUF_INIT(GP_LINES_MAX);
	db->block.octets = GP_BUF_INIT(GP_BLOCK_FULL + 2 * GP_DETAIL_MAX);
	db->blocks = GP_ARENA_INIT(2 * GP_BLOCKS_MEMORY + 2 * GP_DETAIL_MAX);
	db->forgetting.at.domain = db->forgetting.to.domain = GP_BUF_INIT(GP_CELLS_KEY_MAX);
	db->doc.details = gp_map(GP_DETAILS_MAX, db->seed);
	db->doc.details_arena = GP_ARENA_INIT(GP_DETAILS_MEMORY_MAX);
	db->doc.arena = GP_ARENA_INIT(GP_DETAILS_MEMORY_MAX);
	*ret = db;
	int r = gp_sql_open(path, mode, &db->sql);
	return r == 0 ? prepare(db) : r;
}

struct gp_reportdb *
gp_reportdb_close(struct gp_reportdb *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < STATEMENTS; i++)
		gp_sql_finalise(db->statements[i]);
	for (size_t i = 0; i < GP_CELL_STATEMENTS; i++)
		gp_sql_finalise(db->cell_statements[i]);
	gp_forgetting_free(&db->forgetting);
	gp_sql_close(db->sql);
	gp_cells_free(&db->batch);
	gp_cells_free(&db->current);
	gp_map_free(&db->doc.details);
	gp_arena_free(&db->doc.details_arena);
	gp_arena_free(&db->doc.arena);
	gp_arena_free(&db->blocks);
	gp_buf_free(&db->key);
	gp_buf_free(&db->packed);
	gp_buf_free(&db->lines);
	gp_buf_free(&db->block.octets);
	free(db->rows);
	free(db);
	return NULL;
}

void
gp_reportdb_stay(struct gp_reportdb *db)
{
	gp_sql_stay(db->sql);
}

bool
gp_reportdb_lost(const struct gp_reportdb *db)
{
	return gp_sql_lost(db->sql);
}

const char *
gp_reportdb_why(const struct gp_reportdb *db, int error)
{
	switch (error) {
	case -EPROTO:
		return "its tables are of another version of gatepost; an earlier one's are "
		       "brought up to date by the gateway's start, or by an import";
	case -ENOENT:
		return "it is not there, or cannot be read";
	case -ENODATA:
		return "it is empty: it was not made by gatepost, or is just being made";
	case -EBUSY:
		return "somebody else writes to it";
	case -ENOMEM:
		return "no memory";
	case -EINVAL:
		return "what was told makes no sense";
	default:
		return db && db->sql ? gp_sql_why(db->sql) : "it cannot be opened";
	}
}
