/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "procs/reports/vfs.h"
#include "sys/address.h"
#include "sys/log.h"

enum { PAUSES_MAX = 10 }; /* doublings of the pause between attempts */

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

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	FIND_POLICY,
	COUNT_POLICIES,
	ADD_POLICY,
	BUMP_POLICY,
	FIND_FAILURE,
	COUNT_FAILURES,
	BUMP_FAILURE,
	END_PERIODS,
	FORGET_REPORTS,
	FORGET_POLICIES,
	FIND_DUE,
	TAKE,
	NEXT_DUE,
	READ_POLICIES,
	READ_FAILURES,
	SETTLE,
	SETTLE_PLACE,
	FIND_PLACE,
	STATEMENTS,
};

#define POLICY_WHERE " WHERE start_s = ?1 AND domain = ?2 AND end_s = ?3"

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
	[END_PERIODS] = "INSERT OR IGNORE INTO tls_report"
			" (start_s, end_s, domain, unique_id, due_s)"
			" SELECT DISTINCT start_s, end_s, domain, lower(hex(randomblob(12))),"
			" end_s + 1 + (random() & 0x7fffffff) % ?2"
			" FROM tls_policy p WHERE end_s < ?1 AND NOT EXISTS (SELECT 1"
			" FROM tls_report r WHERE r.start_s = p.start_s"
			" AND r.domain = p.domain AND r.end_s = p.end_s)",
	[FORGET_REPORTS] = "DELETE FROM tls_report WHERE end_s < ?",
	[FORGET_POLICIES] = "DELETE FROM tls_policy WHERE end_s < ?",
	[FIND_DUE] = "SELECT id, start_s, end_s, domain, unique_id, coalesce(first_s, ?1), tries"
		     " FROM tls_report WHERE state = 'open' AND due_s <= ?1"
		     " ORDER BY due_s LIMIT 1",
	[TAKE] = "UPDATE tls_report SET due_s = ?2, first_s = ?3, tries = tries + 1 WHERE id = ?1",
	[NEXT_DUE] = "SELECT due_s FROM tls_report WHERE state = 'open' ORDER BY due_s LIMIT 1",
	[READ_POLICIES] = "SELECT id, type, policy_domain, strings, mx, successes, failures"
			  " FROM tls_policy" POLICY_WHERE " ORDER BY id",
	[READ_FAILURES] = "SELECT result, sending_ip, mx_host, receiving_ip, reason, sessions"
			  " FROM tls_failure WHERE policy = ?",
	[SETTLE] = "UPDATE tls_report SET state = ?2 WHERE id = ?1",
	[SETTLE_PLACE] = "INSERT OR REPLACE INTO tls_place VALUES (?, ?, ?, ?)",
	[FIND_PLACE] = "SELECT state FROM tls_place WHERE report = ? AND uri = ?",
};

static const char *const state_words[] = {
	[STORE_OPEN] = "open",
	[STORE_SENT] = "sent",
	[STORE_FAILED] = "failed",
	[STORE_UNASKED] = "unasked",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	bool writing; /* a transaction is open */
};

/* --- statements --- */

struct value {
	bool is_text;
	uint64_t number;
	struct gp_slice text;
};
#define N(n_) ((struct value){.number = (n_)})
#define T(text_) ((struct value){.is_text = true, .text = (text_)})

static int
error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

static void
done(struct store *s, enum statement which)
{
	sqlite3_reset(s->statements[which]);
}

/* One step: 1 when there is a row, to be read before done(); else 0 or -errno. */
static int
step(struct store *s, enum statement which)
{
	int code = sqlite3_step(s->statements[which]);
	if (code == SQLITE_ROW)
		return 1;
	done(s, which);
	return error_of(code);
}

/* Texts must live until done(). */
static int
run_with(struct store *s, enum statement which, const struct value *values, size_t len)
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
	return step(s, which);
}
#define run(s, which, ...)                                      \
	run_with(s, which, (const struct value[]){__VA_ARGS__}, \
		 GP_ARRAY_LEN(((const struct value[]){__VA_ARGS__})))

static uint64_t
number_at(struct store *s, enum statement which, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(s->statements[which], column);
	return n > 0 ? (uint64_t)n : 0;
}

/* Valid until the next step. */
static struct gp_slice
text_at(struct store *s, enum statement which, int column)
{
	const void *p = sqlite3_column_text(s->statements[which], column);
	return gp_slice(p ? p : "", (size_t)sqlite3_column_bytes(s->statements[which], column));
}

/* The one number that a query gives. */
static int
ask_number(struct store *s, enum statement which, const struct value *values, size_t len,
	   uint64_t *ret)
{
	int r = run_with(s, which, values, len);
	if (r == 1) {
		*ret = number_at(s, which, 0);
		done(s, which);
	}
	return r;
}

/* --- transactions --- */

static int
begin(struct store *s)
{
	if (s->writing)
		return 0;
	int r = step(s, BEGIN);
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
	int r = sqlite3_get_autocommit(s->db) ? -ENOSPC : step(s, COMMIT);
	if (r < 0 && !sqlite3_get_autocommit(s->db))
		(void)step(s, ROLLBACK);
	return r;
}

/* --- the beginning and the end --- */

static int
execute(struct store *s, const char *sql)
{
	return error_of(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static int
migrate(struct store *s)
{
	sqlite3_stmt *st = NULL;
	int version = -1;
	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (version < 0)
		return -EIO;
	if ((size_t)version > GP_ARRAY_LEN(migrations))
		return -EPROTO;
	int r = execute(s, "BEGIN IMMEDIATE");
	for (size_t i = (size_t)version; r == 0 && i < GP_ARRAY_LEN(migrations); i++)
		r = execute(s, migrations[i]);
	/* Also where nothing changed: a write opens the write-ahead log. */
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu; COMMIT", GP_ARRAY_LEN(migrations));
	return r == 0 ? execute(s, sql) : r;
}

static int
prepare(struct store *s)
{
	char limit[64];
	snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d", STORE_PAGES_MAX);
	int r = execute(s, settings);
	if (r == 0)
		r = execute(s, limit);
	if (r == 0)
		r = migrate(s);
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = error_of(sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
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
	r = error_of(sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
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

/* --- counting --- */

static struct gp_slice
address_text(struct gp_slice octets, struct gp_sockaddr_text *buffer)
{
	if (octets.len == 0)
		return octets;
	struct gp_sockaddr a = gp_sockaddr_from_octets((const uint8_t *)octets.ptr, octets.len, 0);
	*buffer = gp_sockaddr_text(&a, false);
	return gp_slice_str(buffer->s);
}

/* The policy's row. 1: it would be one too many. */
static int
find_policy(struct store *s, const struct store_period *p, struct gp_slice domain,
	    const struct gp_tls_count *c, uint64_t *ret)
{
	const struct value v[] = {
		N(p->start_s), T(domain),
		N(p->end_s),   T(gp_slice_str(gp_tlsrpt_policy_name(c->type))),
		T(c->domain),  T(c->strings),
		T(c->mx),
	};
	uint64_t len = 0;
	int r = ask_number(s, FIND_POLICY, v, GP_ARRAY_LEN(v), ret);
	if (r != 0)
		return r < 0 ? r : 0;
	r = ask_number(s, COUNT_POLICIES, v, 3, &len);
	if (r < 0 || len >= STORE_POLICIES_MAX)
		return r < 0 ? r : 1;
	r = run_with(s, ADD_POLICY, v, GP_ARRAY_LEN(v));
	*ret = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return r;
}

static int
count_failure(struct store *s, uint64_t policy, const struct gp_msg_tls_result *m,
	      const struct gp_tls_count *c)
{
	struct gp_sockaddr_text sending, receiving;
	struct value v[] = {
		N(policy),
		T(gp_slice_str(gp_tlsrpt_result_name(c->result))),
		T(address_text(m->sending, &sending)),
		T(m->mx_host),
		T(address_text(m->receiving, &receiving)),
		T(c->reason),
	};
	uint64_t known = 0, len = 0;
	int r = ask_number(s, FIND_FAILURE, v, GP_ARRAY_LEN(v), &known);
	if (r >= 0)
		r = ask_number(s, COUNT_FAILURES, v, 1, &len);
	if (known == 0 && len >= STORE_FAILURES_MAX) {
		for (size_t i = 2; i < GP_ARRAY_LEN(v); i++)
			v[i].text = gp_slice("", 0);
	}
	return r < 0 ? r : run_with(s, BUMP_FAILURE, v, GP_ARRAY_LEN(v));
}

static int
count_one(struct store *s, const struct store_period *period, const struct gp_msg_tls_result *m,
	  const struct gp_tls_count *c)
{
	uint64_t policy = 0, failed = c->result > GP_TLSRPT_SUCCESS;
	int r = find_policy(s, period, m->domain, c, &policy);
	if (r != 0)
		return r;
	r = run(s, BUMP_POLICY, N(policy), N(1 - failed), N(failed));
	return r == 0 && failed ? count_failure(s, policy, m, c) : r;
}

int
store_count(struct store *s, const struct store_period *period, const struct gp_msg_tls_result *m)
{
	int lost = 0, r = begin(s);
	for (size_t i = 0; r >= 0 && i < m->counts_len; i++) {
		r = count_one(s, period, m, &m->counts[i]);
		lost |= r == 1;
	}
	return r < 0 ? r : lost;
}

/* --- reports --- */

int
store_end_periods(struct store *s, uint64_t now_s, uint64_t spread_s)
{
	uint64_t kept_s = now_s > STORE_KEEP_S ? now_s - STORE_KEEP_S : 0;
	int r = begin(s);
	if (r == 0)
		r = run(s, END_PERIODS, N(now_s), N(GP_MAX(spread_s, 1ull)));
	if (r == 0)
		r = run(s, FORGET_REPORTS, N(kept_s));
	return r == 0 ? run(s, FORGET_POLICIES, N(kept_s)) : r;
}

int
store_take(struct store *s, uint64_t now_s, uint64_t pause_s, struct gp_arena *arena,
	   struct store_report *ret)
{
	int r = run(s, FIND_DUE, N(now_s));
	if (r != 1)
		return r < 0 ? r : 1;
	*ret = (struct store_report){
		.id = number_at(s, FIND_DUE, 0),
		.period = {number_at(s, FIND_DUE, 1), number_at(s, FIND_DUE, 2)},
		.domain = gp_arena_dup(arena, text_at(s, FIND_DUE, 3)),
		.unique = gp_arena_dup(arena, text_at(s, FIND_DUE, 4)),
		.first_s = number_at(s, FIND_DUE, 5),
	};
	uint64_t tries = number_at(s, FIND_DUE, 6);
	done(s, FIND_DUE);
	pause_s <<= GP_MIN(tries, (uint64_t)PAUSES_MAX);
	r = arena->failed ? -ENOMEM : begin(s);
	return r == 0 ? run(s, TAKE, N(ret->id), N(now_s + pause_s), N(ret->first_s)) : r;
}

uint64_t
store_next_s(struct store *s)
{
	uint64_t next;
	return ask_number(s, NEXT_DUE, NULL, 0, &next) == 1 ? next : UINT64_MAX;
}

/* A word of the tables as its number in an enum; 0: none of them. */
static uint8_t
number_of(struct gp_slice word, const char *(*name)(uint8_t), uint8_t first, uint8_t end)
{
	for (uint8_t i = first; i < end; i++) {
		if (gp_slice_eq(word, gp_slice_str(name(i))))
			return i;
	}
	return 0;
}

static const struct gp_slice *
split(struct gp_slice lines, struct gp_arena *arena, size_t *ret_len)
{
	size_t len = lines.len > 0;
	*ret_len = 0;
	for (size_t i = 0; i < lines.len; i++)
		len += lines.ptr[i] == '\n';
	struct gp_slice *list = gp_arena_array(arena, len, sizeof(*list));
	struct gp_slice rest = gp_arena_dup(arena, lines);
	while (list && rest.ptr && *ret_len < len)
		list[(*ret_len)++] = gp_slice_cut(&rest, '\n');
	return list;
}

static int
read_failures(struct store *s, uint64_t policy, struct gp_arena *arena,
	      struct gp_tlsrpt_counts *ret)
{
	/* Those beyond the limit are one for each result. */
	const size_t max = (size_t)STORE_FAILURES_MAX + GP_TLSRPT_RESULTS;
	static_assert(STORE_FAILURES_MAX + (int)GP_TLSRPT_RESULTS <= (int)GP_TLSRPT_FAILURES_MAX);
	struct gp_tlsrpt_failure *f = gp_arena_array(arena, max, sizeof(*f));
	int r = f ? run(s, READ_FAILURES, N(policy)) : -ENOMEM;
	ret->details = f;
	for (; r == 1 && ret->details_len < max; r = step(s, READ_FAILURES)) {
		struct gp_tlsrpt_failure *one = &f[ret->details_len];
		one->result = number_of(text_at(s, READ_FAILURES, 0), gp_tlsrpt_result_name,
					GP_TLSRPT_SUCCESS + 1, GP_TLSRPT_RESULTS);
		one->sending_ip = gp_arena_dup(arena, text_at(s, READ_FAILURES, 1));
		one->mx_host = gp_arena_dup(arena, text_at(s, READ_FAILURES, 2));
		one->receiving_ip = gp_arena_dup(arena, text_at(s, READ_FAILURES, 3));
		one->reason = gp_arena_dup(arena, text_at(s, READ_FAILURES, 4));
		one->sessions = number_at(s, READ_FAILURES, 5);
		ret->details_len += one->result > 0;
	}
	done(s, READ_FAILURES);
	return r < 0 ? r : 0;
}

static int
read_policy(struct store *s, struct gp_arena *arena, struct gp_tlsrpt_counts *ret)
{
	uint64_t id = number_at(s, READ_POLICIES, 0);
	*ret = (struct gp_tlsrpt_counts){
		.policy = number_of(text_at(s, READ_POLICIES, 1), gp_tlsrpt_policy_name,
				    GP_TLSRPT_TLSA, GP_TLSRPT_POLICIES),
		.domain = gp_arena_dup(arena, text_at(s, READ_POLICIES, 2)),
		.successes = number_at(s, READ_POLICIES, 5),
		.failures = number_at(s, READ_POLICIES, 6),
	};
	ret->strings = split(text_at(s, READ_POLICIES, 3), arena, &ret->strings_len);
	ret->mx = split(text_at(s, READ_POLICIES, 4), arena, &ret->mx_len);
	return ret->policy == 0 ? -EIO : read_failures(s, id, arena, ret);
}

int
store_read(struct store *s, const struct store_report *report, struct gp_arena *arena,
	   struct gp_tlsrpt_report *ret)
{
	const struct store_period *p = &report->period;
	struct gp_tlsrpt_counts *counts =
		gp_arena_array(arena, STORE_POLICIES_MAX, sizeof(*counts));
	int r = counts ? run(s, READ_POLICIES, N(p->start_s), T(report->domain), N(p->end_s))
		       : -ENOMEM;
	size_t len = 0;
	while (r == 1 && len < STORE_POLICIES_MAX) {
		r = read_policy(s, arena, &counts[len++]);
		if (r == 0)
			r = step(s, READ_POLICIES);
	}
	done(s, READ_POLICIES);
	ret->counts = counts;
	ret->counts_len = len;
	if (r >= 0 && arena->failed)
		r = -ENOMEM;
	/* What is counted is what a report is made of: without it somebody was at the file. */
	return r < 0 ? r : len == 0 ? -EIO : 0;
}

int
store_settle(struct store *s, uint64_t report, enum store_state state)
{
	int r = begin(s);
	return r == 0 ? run(s, SETTLE, N(report), T(gp_slice_str(state_words[state]))) : r;
}

int
store_settle_place(struct store *s, uint64_t report, struct gp_slice uri, enum store_state state,
		   struct gp_slice said)
{
	int r = begin(s);
	return r == 0 ? run(s, SETTLE_PLACE, N(report), T(uri), T(gp_slice_str(state_words[state])),
			    T(said))
		      : r;
}

enum store_state
store_place(struct store *s, uint64_t report, struct gp_slice uri)
{
	enum store_state state = STORE_OPEN;
	if (run(s, FIND_PLACE, N(report), T(uri)) != 1)
		return state;
	if (gp_slice_eq(text_at(s, FIND_PLACE, 0), gp_slice_str(state_words[STORE_SENT])))
		state = STORE_SENT;
	else
		state = STORE_FAILED;
	done(s, FIND_PLACE);
	return state;
}
