/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procs/reports/tables.h"
#include "procs/reports/vfs.h"
#include "sqlite/migrate.h"
#include "sys/log.h"

/* One step from each version of the tables to the next. What has been shipped is never changed. */
static const char *const migrations[] = {
	"CREATE TABLE tls_policy ("
	" id INTEGER PRIMARY KEY,"
	" start_s INTEGER NOT NULL, end_s INTEGER NOT NULL,"
	" domain TEXT NOT NULL," /* that the report is for */
	" type TEXT NOT NULL, policy_domain TEXT NOT NULL,"
	" strings TEXT NOT NULL, mx TEXT NOT NULL," /* lines */
	" successes INTEGER NOT NULL, failures INTEGER NOT NULL);"
	"CREATE INDEX tls_policy_domain ON tls_policy (start_s, domain);"
	"CREATE TABLE tls_failure ("
	" policy INTEGER NOT NULL REFERENCES tls_policy ON DELETE CASCADE,"
	" result TEXT NOT NULL, sending_ip TEXT NOT NULL, mx_host TEXT NOT NULL,"
	" receiving_ip TEXT NOT NULL, reason TEXT NOT NULL, sessions INTEGER NOT NULL,"
	" PRIMARY KEY (policy, result, sending_ip, mx_host, receiving_ip, reason)) WITHOUT ROWID;"
	"CREATE TABLE tls_report ("
	" id INTEGER PRIMARY KEY,"
	" start_s INTEGER NOT NULL, end_s INTEGER NOT NULL, domain TEXT NOT NULL,"
	" unique_id TEXT NOT NULL,"
	" state TEXT NOT NULL DEFAULT 'open',"
	" due_s INTEGER NOT NULL, first_s INTEGER, tries INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (start_s, domain, end_s));"
	"CREATE INDEX tls_report_open ON tls_report (due_s) WHERE state = 'open';"
	"CREATE TABLE tls_place ("
	" report INTEGER NOT NULL REFERENCES tls_report ON DELETE CASCADE,"
	" uri TEXT NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL,"
	" PRIMARY KEY (report, uri)) WITHOUT ROWID;",

	/* Reports of another kind, which may go in parts. */
	"CREATE TABLE report ("
	" id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
	" start_s INTEGER NOT NULL, end_s INTEGER NOT NULL, domain TEXT NOT NULL,"
	" unique_id TEXT NOT NULL,"
	" state TEXT NOT NULL DEFAULT 'open',"
	" due_s INTEGER NOT NULL, first_s INTEGER, tries INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (kind, start_s, domain, end_s));"
	"CREATE INDEX report_open ON report (due_s) WHERE state = 'open';"
	"CREATE TABLE place ("
	" report INTEGER NOT NULL REFERENCES report ON DELETE CASCADE,"
	" part INTEGER NOT NULL," /* by the number of its first row */
	" uri TEXT NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL,"
	" PRIMARY KEY (report, part, uri)) WITHOUT ROWID;"
	"INSERT INTO report SELECT id, 'tls', start_s, end_s, domain, unique_id, state, due_s,"
	" first_s, tries FROM tls_report;"
	"INSERT INTO place SELECT report, 0, uri, state, said FROM tls_place;"
	"DROP TABLE tls_place;"
	"DROP TABLE tls_report;"
	"CREATE TABLE dmarc_period ("
	" start_s INTEGER NOT NULL, end_s INTEGER NOT NULL,"
	" domains INTEGER NOT NULL, kinds INTEGER NOT NULL," /* that it has, of all domains */
	" PRIMARY KEY (start_s, end_s)) WITHOUT ROWID;"
	"CREATE TABLE dmarc_policy ("
	" id INTEGER PRIMARY KEY,"
	" start_s INTEGER NOT NULL, end_s INTEGER NOT NULL, domain TEXT NOT NULL,"
	" p TEXT NOT NULL, sp TEXT NOT NULL, np TEXT NOT NULL,"
	" adkim_strict INTEGER NOT NULL, aspf_strict INTEGER NOT NULL,"
	" testing INTEGER NOT NULL, fo INTEGER NOT NULL, flaw TEXT NOT NULL,"
	" kinds INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (start_s, domain, end_s));"
	"CREATE TABLE dmarc_row ("
	" policy INTEGER NOT NULL REFERENCES dmarc_policy ON DELETE CASCADE,"
	" header_from TEXT NOT NULL, source TEXT NOT NULL,"
	" disposition TEXT NOT NULL, reason TEXT NOT NULL,"
	" dkim_aligned INTEGER NOT NULL, spf_aligned INTEGER NOT NULL,"
	" envelope_from TEXT NOT NULL, spf_domain TEXT NOT NULL, spf TEXT NOT NULL,"
	" signatures TEXT NOT NULL," /* lines: result, d=, s= */
	" messages INTEGER NOT NULL,"
	" PRIMARY KEY (policy, header_from, source, disposition, reason, dkim_aligned,"
	" spf_aligned, envelope_from, spf_domain, spf, signatures)) WITHOUT ROWID;",

	"CREATE TABLE failure ("
	" report INTEGER PRIMARY KEY REFERENCES report ON DELETE CASCADE,"
	" source TEXT NOT NULL, cause INTEGER NOT NULL,"
	" feedback TEXT NOT NULL, header TEXT NOT NULL, redacted INTEGER NOT NULL,"
	" incidents INTEGER NOT NULL);"
	"CREATE INDEX failure_like ON failure (source, cause);"
	"CREATE TABLE redaction (key TEXT NOT NULL);"
	"INSERT INTO redaction VALUES (lower(hex(randomblob(32))));",

	/* Whose failure reports those of the last day are; a network is the client's, in hex. */
	"CREATE TABLE failure_share (begun_s INTEGER NOT NULL, organization TEXT NOT NULL,"
	" network TEXT NOT NULL);"
	"CREATE INDEX failure_share_begun ON failure_share (begun_s);",
};

/* Before anything else is asked: from the first access on they hold. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
			       "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA mmap_size = 0;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF;"
			       "PRAGMA journal_size_limit = 16777216;";

#define POLICY_WHERE " WHERE start_s = ?1 AND domain = ?2 AND end_s = ?3"

/* A report of each domain of each period that is over, due at some time within the spread. */
#define END(kind_, policies_)                                                               \
	"INSERT OR IGNORE INTO report (kind, start_s, end_s, domain, unique_id, due_s)"     \
	" SELECT DISTINCT '" kind_ "', start_s, end_s, domain, lower(hex(randomblob(12)))," \
	" end_s + 1 + (random() & 0x7fffffff) % ?2"                                         \
	" FROM " policies_ " p WHERE end_s < ?1 AND NOT EXISTS (SELECT 1 FROM report r"     \
	" WHERE r.kind = '" kind_ "' AND r.start_s = p.start_s AND r.domain = p.domain"     \
	" AND r.end_s = p.end_s)"

static const char *const texts[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[FIND_POLICY] = "SELECT id FROM tls_policy" POLICY_WHERE
			" AND type = ?4 AND policy_domain = ?5 AND strings = ?6 AND mx = ?7",
	[COUNT_POLICIES] = "SELECT count(*) FROM tls_policy" POLICY_WHERE,
	[ADD_POLICY] = "INSERT INTO tls_policy (start_s, domain, end_s, type, policy_domain,"
		       " strings, mx, successes, failures) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)",
	[BUMP_POLICY] = "UPDATE tls_policy SET successes = successes + ?2,"
			" failures = failures + ?3 WHERE id = ?1",
	[FIND_FAILURE] = "SELECT 1 FROM tls_failure WHERE policy = ? AND result = ?"
			 " AND sending_ip = ? AND mx_host = ? AND receiving_ip = ? AND reason = ?",
	[COUNT_FAILURES] = "SELECT count(*) FROM tls_failure WHERE policy = ?",
	[BUMP_FAILURE] = "INSERT INTO tls_failure VALUES (?, ?, ?, ?, ?, ?, 1)"
			 " ON CONFLICT DO UPDATE SET sessions = sessions + 1",
	[READ_POLICIES] = "SELECT id, type, policy_domain, strings, mx, successes, failures"
			  " FROM tls_policy" POLICY_WHERE " ORDER BY id",
	[READ_FAILURES] = "SELECT result, sending_ip, mx_host, receiving_ip, reason, sessions"
			  " FROM tls_failure WHERE policy = ?",

	[FIND_PERIOD] = "SELECT domains, kinds FROM dmarc_period WHERE start_s = ? AND end_s = ?",
	[BUMP_PERIOD] = "INSERT INTO dmarc_period VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET"
			" domains = domains + ?3, kinds = kinds + ?4",
	[FIND_DMARC] = "SELECT id, kinds FROM dmarc_policy" POLICY_WHERE,
	[SET_DMARC] = "INSERT INTO dmarc_policy (start_s, domain, end_s, p, sp, np, adkim_strict,"
		      " aspf_strict, testing, fo, flaw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		      " ON CONFLICT DO UPDATE SET p = excluded.p, sp = excluded.sp,"
		      " np = excluded.np, adkim_strict = excluded.adkim_strict,"
		      " aspf_strict = excluded.aspf_strict, testing = excluded.testing,"
		      " fo = excluded.fo, flaw = excluded.flaw",
	[BUMP_DMARC] = "UPDATE dmarc_policy SET kinds = kinds + ?2, left_out = left_out + ?3"
		       " WHERE id = ?1",
	[FIND_ROW] = "SELECT 1 FROM dmarc_row WHERE policy = ? AND header_from = ? AND source = ?"
		     " AND disposition = ? AND reason = ? AND dkim_aligned = ? AND spf_aligned = ?"
		     " AND envelope_from = ? AND spf_domain = ? AND spf = ? AND signatures = ?",
	[BUMP_ROW] = "INSERT INTO dmarc_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
		     " ON CONFLICT DO UPDATE SET messages = messages + 1",
	[READ_DMARC] = "SELECT id, p, sp, np, adkim_strict, aspf_strict, testing, fo, flaw,"
		       " left_out FROM dmarc_policy" POLICY_WHERE,
	[READ_ROWS] = "SELECT header_from, source, disposition, reason, dkim_aligned, spf_aligned,"
		      " envelope_from, spf_domain, spf, signatures, messages FROM dmarc_row"
		      " WHERE policy = ?1 ORDER BY header_from, source, disposition, reason,"
		      " dkim_aligned, spf_aligned, envelope_from, spf_domain, spf, signatures"
		      " LIMIT ?3 OFFSET ?2",

	[COUNT_REPORTS] = "SELECT count(*) FROM report WHERE kind = ?1 AND start_s > ?2"
			  " AND (?3 = '' OR domain = ?3)",
	[ADD_REPORT] = "INSERT OR IGNORE INTO report (kind, start_s, end_s, domain, unique_id,"
		       " due_s) VALUES (?1, ?2, ?2, ?3, lower(hex(randomblob(12))), ?4)",
	[ADD_FAILURE_TEXTS] = "INSERT OR IGNORE INTO failure SELECT id, ?4, ?5, ?6, ?7, ?8, ?9"
			      " FROM report"
			      " WHERE kind = ?1 AND start_s = ?2 AND domain = ?3 AND end_s = ?2",
	[COUNT_SHARES] = "SELECT count(*) FROM failure_share WHERE begun_s > ?1"
			 " AND (?2 = '' OR organization = ?2) AND (?3 = '' OR network = ?3)",
	[ADD_SHARE] = "INSERT INTO failure_share VALUES (?, ?, ?)",
	[FORGET_SHARES] = "DELETE FROM failure_share WHERE begun_s <= ?",
	/* As many as RFC 5965 has room for. */
	[MERGE_FAILURE] = "UPDATE failure SET incidents = min(incidents + 1, 4294967295)"
			  " WHERE source = ?2 AND cause = ?3 AND EXISTS (SELECT 1 FROM report r"
			  " WHERE r.id = report AND r.domain = ?1 AND r.tries = 0) RETURNING 1",
	[READ_FAILURE_TEXTS] = "SELECT feedback, header, redacted, incidents FROM failure"
			       " WHERE report = ?",
	[FORGET_FAILURE_TEXTS] = "DELETE FROM failure WHERE report = ?",

	[END_TLS] = END("tls", "tls_policy"),
	[END_DMARC] = END("dmarc", "dmarc_policy"),
	[FORGET_REPORTS] = "DELETE FROM report WHERE kind = ? AND end_s < ?",
	[FORGET_POLICIES] = "DELETE FROM tls_policy WHERE end_s < ?",
	[FORGET_DMARC] = "DELETE FROM dmarc_policy WHERE end_s < ?",
	[FORGET_PERIODS] = "DELETE FROM dmarc_period WHERE end_s < ?",
	[FIND_DUE] = "SELECT id, start_s, end_s, domain, unique_id, coalesce(first_s, ?1), tries,"
		     " kind FROM report WHERE state = 'open' AND due_s <= ?1"
		     " ORDER BY due_s LIMIT 1",
	[TAKE] = "UPDATE report SET due_s = ?2, first_s = ?3, tries = tries + 1 WHERE id = ?1",
	[NEXT_DUE] = "SELECT due_s FROM report WHERE state = 'open' ORDER BY due_s LIMIT 1",
	[SETTLE] = "UPDATE report SET state = ?2 WHERE id = ?1",
	[SETTLE_PLACE] = "INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?, ?)",
	[FIND_PLACE] = "SELECT state FROM place WHERE report = ? AND part = ? AND uri = ?",
};

/* --- statements --- */

void
table_done(struct store *s, enum statement which)
{
	sqlite3_reset(s->statements[which]);
}

int
table_step(struct store *s, enum statement which)
{
	int code = sqlite3_step(s->statements[which]);
	if (code == SQLITE_ROW)
		return 1;
	table_done(s, which);
	return sqlite_error(code);
}

int
table_run_with(struct store *s, enum statement which, const struct value *values, size_t len)
{
	sqlite3_stmt *st = s->statements[which];
	for (int i = 0; i < (int)len; i++) {
		const struct value *v = &values[i];
		if (v->is_text)
			sqlite3_bind_text(st, i + 1, v->text.ptr ? v->text.ptr : "",
					  (int)v->text.len, SQLITE_STATIC);
		else
			sqlite3_bind_int64(st, i + 1, (sqlite3_int64)v->number);
	}
	return table_step(s, which);
}

uint64_t
table_number_at(struct store *s, enum statement which, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(s->statements[which], column);
	return n > 0 ? (uint64_t)n : 0;
}

struct gp_slice
table_text_at(struct store *s, enum statement which, int column)
{
	const void *p = sqlite3_column_text(s->statements[which], column);
	return gp_slice(p ? p : "", (size_t)sqlite3_column_bytes(s->statements[which], column));
}

int
table_number(struct store *s, enum statement which, const struct value *values, size_t len,
	     uint64_t *ret)
{
	int r = table_run_with(s, which, values, len);
	if (r == 1) {
		*ret = table_number_at(s, which, 0);
		table_done(s, which);
	}
	return r;
}

uint8_t
table_word(struct gp_slice word, const char *(*name)(uint8_t), uint8_t first, uint8_t end)
{
	for (uint8_t i = first; i < end; i++) {
		if (gp_slice_eq(word, gp_slice_str(name(i))))
			return i;
	}
	return 0;
}

/* --- transactions --- */

int
table_begin(struct store *s)
{
	if (s->writing)
		return 0;
	int r = table_step(s, BEGIN);
	s->writing = r == 0;
	return r;
}

int
store_sync(struct store *s)
{
	if (!s->writing)
		return 0;
	s->writing = false;
	/* A full disk may have ended the transaction before us. */
	int r = sqlite3_get_autocommit(s->db) ? -ENOSPC : table_step(s, COMMIT);
	if (r < 0 && !sqlite3_get_autocommit(s->db))
		(void)table_step(s, ROLLBACK);
	return r;
}

/* --- the beginning and the end --- */

static int
read_redaction(struct store *s)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite_error(sqlite3_prepare_v2(s->db, "SELECT key FROM redaction", -1, &st, NULL));
	if (r == 0 &&
	    (sqlite3_step(st) != SQLITE_ROW || sqlite3_column_bytes(st, 0) != STORE_REDACTION_LEN))
		r = -EIO;
	if (r == 0)
		memcpy(s->redaction, sqlite3_column_text(st, 0), STORE_REDACTION_LEN);
	sqlite3_finalize(st);
	return r;
}

struct gp_slice
store_redaction(const struct store *s)
{
	return gp_slice(s->redaction, sizeof(s->redaction));
}

static int
prepare(struct store *s)
{
	char limit[64];
	snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d", STORE_PAGES_MAX);
	int r = sqlite_execute(s->db, settings);
	if (r == 0)
		r = sqlite_execute(s->db, limit);
	if (r == 0)
		/* Also where nothing changes: a write opens the write-ahead log. */
		r = sqlite_migrate(s->db, migrations, GP_ARRAY_LEN(migrations));
	if (r == 0)
		r = read_redaction(s);
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = sqlite_error(sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
						    &s->statements[i], NULL));
	return r;
}

int
store_open(int folder, struct store **ret)
{
	char path[64], seed;
	int r = vfs_register();
	struct store *s = r == 0 ? calloc(1, sizeof(*s)) : NULL;
	*ret = NULL;
	if (!s)
		return r < 0 ? r : -ENOMEM;
	sqlite3_hard_heap_limit64(STORE_MEMORY_MAX);
	/* Seeded while it can be. */
	sqlite3_randomness(sizeof(seed), &seed);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/reports.db", folder);
	r = sqlite_error(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
					 VFS_NAME));
	if (r == 0)
		r = prepare(s);
	if (r < 0) {
		gp_error("reports_not_opened",
			 GP_FS("reason",
			       r == -EPROTO ? "a later version's" : sqlite3_errmsg(s->db)));
		store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct store *
store_close(struct store *s)
{
	if (!s)
		return NULL;
	int r = store_sync(s);
	if (r < 0)
		gp_error("reports_not_kept", GP_FS("reason", strerror(-r)));
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s);
	return NULL;
}
