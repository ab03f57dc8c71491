/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/store.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/audit/facts.h"
#include "cli/findings/findings.h"
#include "core/identity/visible.h"
#include "sqlite/calls.h"
#include "sqlite/migrate.h"

enum { DIGEST_LEN = 32 };

/* One step from each version of the tables to the next. What has been shipped is never changed. */
static const char *const migrations[] = {
	"CREATE TABLE run ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again */
	" time_s INTEGER NOT NULL);"
	"CREATE TABLE look ("
	" id INTEGER PRIMARY KEY,"
	" run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
	" domain TEXT NOT NULL, answers BLOB,"
	" UNIQUE (domain, run));"
	"CREATE INDEX look_run ON look (run);"
	"CREATE TABLE fact ("
	" look INTEGER NOT NULL REFERENCES look ON DELETE CASCADE,"
	" name TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (look, name)) WITHOUT ROWID;"
	"CREATE TABLE finding ("
	" look INTEGER NOT NULL REFERENCES look ON DELETE CASCADE,"
	" number INTEGER NOT NULL,"
	" id TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL,"
	" evidence TEXT NOT NULL, evidence_sha256 BLOB NOT NULL,"
	" PRIMARY KEY (look, number)) WITHOUT ROWID;",
	"ALTER TABLE finding ADD COLUMN mend TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE told ("
	" channel TEXT NOT NULL, domain TEXT NOT NULL, time_s INTEGER NOT NULL,"
	" PRIMARY KEY (channel, domain)) WITHOUT ROWID;"
	"CREATE TABLE told_fact ("
	" channel TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (channel, domain, name),"
	" FOREIGN KEY (channel, domain) REFERENCES told ON DELETE CASCADE) WITHOUT ROWID;"
	"CREATE TABLE told_finding ("
	" channel TEXT NOT NULL, domain TEXT NOT NULL, number INTEGER NOT NULL,"
	" id TEXT NOT NULL, severity TEXT NOT NULL,"
	" evidence TEXT NOT NULL, evidence_sha256 BLOB NOT NULL,"
	" PRIMARY KEY (channel, domain, number),"
	" FOREIGN KEY (channel, domain) REFERENCES told ON DELETE CASCADE) WITHOUT ROWID;",
	"CREATE TABLE past ("
	" domain TEXT NOT NULL, name TEXT NOT NULL,"
	" value TEXT NOT NULL, before TEXT NOT NULL, since_s INTEGER NOT NULL,"
	" PRIMARY KEY (domain, name)) WITHOUT ROWID;",
	/* In parentheses, as clang takes two pieces for a comma that is missing. */
	("CREATE TABLE kind ("
	 " id TEXT PRIMARY KEY, title TEXT NOT NULL, why TEXT NOT NULL) WITHOUT ROWID;"),
};

static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA trusted_schema = OFF;";

enum statement {
	BEGIN,
	COMMIT,
	ADD_RUN,
	ADD_LOOK,
	ADD_FACT,
	ADD_PAST,
	ADD_FINDING,
	ADD_KIND,
	FORGET_RUNS,
	READ_DOMAINS,
	FIND_LOOK,
	READ_FACTS,
	READ_FINDINGS,
	NEWEST_RUN,
	READ_RUN,
	FIND_TOLD,
	READ_TOLD_FACTS,
	READ_TOLD_FINDINGS,
	FORGET_TOLD,
	ADD_TOLD,
	ADD_TOLD_FACT,
	ADD_TOLD_FINDING,
	READ_PAST,
	STATEMENTS,
};

static const char *const texts[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ADD_RUN] = "INSERT INTO run (time_s) VALUES (?)",
	[ADD_LOOK] = "INSERT INTO look (run, domain, answers) VALUES (?, ?, ?)",
	[ADD_FACT] = "INSERT INTO fact VALUES (?, ?, ?)",
	[ADD_PAST] = ("INSERT INTO past VALUES (?, ?, ?, '', ?) ON CONFLICT DO UPDATE"
		      " SET before = value, value = excluded.value, since_s = excluded.since_s"
		      " WHERE value <> excluded.value"),
	[ADD_FINDING] = "INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[ADD_KIND] = ("INSERT INTO kind VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
		      " SET title = excluded.title, why = excluded.why"
		      " WHERE title <> excluded.title OR why <> excluded.why"),
	[FORGET_RUNS] = "DELETE FROM run WHERE time_s < ?1 AND id <> ?2",
	[READ_DOMAINS] = "SELECT DISTINCT domain FROM look ORDER BY domain",
	[FIND_LOOK] = ("SELECT l.id, r.id, r.time_s FROM look l JOIN run r ON r.id = l.run"
		       " WHERE l.domain = ? AND l.run <= ? ORDER BY l.run DESC LIMIT 1"),
	[READ_FACTS] = "SELECT name, value FROM fact WHERE look = ? ORDER BY name LIMIT ?",
	[READ_FINDINGS] =
		("SELECT id, evidence, evidence_sha256, state, severity, mend FROM finding"
		 " WHERE look = ? ORDER BY number LIMIT ?"),
	[NEWEST_RUN] = "SELECT coalesce(max(id), 0) FROM run",
	[READ_RUN] = "SELECT domain FROM look WHERE run = ? ORDER BY id",
	[FIND_TOLD] = "SELECT time_s FROM told WHERE channel = ? AND domain = ?",
	[READ_TOLD_FACTS] = ("SELECT name, value FROM told_fact"
			     " WHERE channel = ?1 AND domain = ?2 ORDER BY name LIMIT ?3"),
	[READ_TOLD_FINDINGS] = ("SELECT id, evidence, evidence_sha256, 'fail', severity, ''"
				" FROM told_finding WHERE channel = ?1 AND domain = ?2"
				" ORDER BY number LIMIT ?3"),
	[FORGET_TOLD] = "DELETE FROM told WHERE channel = ? AND domain = ?",
	[ADD_TOLD] = "INSERT INTO told VALUES (?, ?, ?)",
	[ADD_TOLD_FACT] = "INSERT INTO told_fact VALUES (?, ?, ?, ?)",
	[ADD_TOLD_FINDING] = "INSERT INTO told_finding VALUES (?, ?, ?, ?, ?, ?, ?)",
	[READ_PAST] = ("SELECT name, value, before, since_s FROM past"
		       " WHERE domain = ? AND since_s <= ? ORDER BY name LIMIT ?"),
};

struct audit_store {
	const char *path; /* the caller's */
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	sqlite3_int64 run; /* under way */
	uint64_t time_s;   /* of that run */
	struct gp_buf answers;
};

/* --- statements --- */

static bool
complain(const struct audit_store *s, int error)
{
	const char *why = error == -EPROTO  ? "its tables are of a later version of gatepost"
			  : error == -EBUSY ? "another run is under way"
			  : s->db           ? sqlite3_errmsg(s->db)
					    : "no memory";
	fprintf(stderr, "gatepost audit: %s: %s\n", s->path, why);
	return false;
}

static void
bind_text(sqlite3_stmt *st, int column, struct gp_slice text)
{
	sqlite3_bind_text64(st, column, text.len > 0 ? text.ptr : "", text.len, SQLITE_STATIC,
			    SQLITE_UTF8);
}

static void
bind_octets(sqlite3_stmt *st, int column, struct gp_slice octets)
{
	sqlite3_bind_blob64(st, column, octets.len > 0 ? octets.ptr : "", octets.len,
			    SQLITE_STATIC);
}

/* Of a statement without rows, whose values are bound. */
static bool
finish(struct audit_store *s, enum statement which)
{
	int code = sqlite3_step(s->statements[which]);
	sqlite3_reset(s->statements[which]);
	sqlite3_clear_bindings(s->statements[which]);
	return code == SQLITE_DONE || complain(s, sqlite_error(code));
}

/* The next row: 1; 0: there is none; -1: it failed. But for 1 the statement is over. */
static int
next_row(struct audit_store *s, enum statement which)
{
	int code = sqlite3_step(s->statements[which]);
	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(s->statements[which]);
	if (code != SQLITE_DONE)
		complain(s, sqlite_error(code));
	return code == SQLITE_DONE ? 0 : -1;
}

static uint64_t
number_at(struct audit_store *s, enum statement which, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(s->statements[which], column);
	return n > 0 ? (uint64_t)n : 0;
}

/* Until the next row. */
static struct gp_slice
octets_at(struct audit_store *s, enum statement which, int column)
{
	const void *p = sqlite3_column_blob(s->statements[which], column);
	int len = sqlite3_column_bytes(s->statements[which], column);
	return gp_slice(p ? p : "", p ? (size_t)len : 0);
}

/* A copy, visible whoever wrote the file. */
static struct gp_slice
text_at(struct audit_store *s, enum statement which, int column, struct gp_arena *arena)
{
	return gp_visible(octets_at(s, which, column), arena);
}

/* --- the beginning and the end --- */

static int
prepare(struct audit_store *s)
{
	int r = sqlite_execute(s->db, settings);
	if (r == 0 && sqlite_version(s->db) != GP_ARRAY_LEN(migrations))
		r = sqlite_migrate(s->db, migrations, GP_ARRAY_LEN(migrations));
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = sqlite_error(sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
						    &s->statements[i], NULL));
	return r;
}

struct audit_store *
audit_store_open(const char *path, bool make)
{
	struct audit_store *s = calloc(1, sizeof(*s));
	int flags = SQLITE_OPEN_READWRITE | (make ? SQLITE_OPEN_CREATE : 0);
	if (!s)
		return NULL;
	s->path = path;
	s->answers = GP_BUF_INIT(AUDIT_STORE_ANSWERS_MAX);
	int r = sqlite_error(sqlite3_open_v2(path, &s->db, flags, NULL));
	if (r == 0)
		r = sqlite_error(sqlite3_busy_timeout(s->db, AUDIT_STORE_WAIT_MS));
	if (r == 0)
		r = prepare(s);
	if (r == 0)
		return s;
	complain(s, r);
	return audit_store_close(s);
}

struct audit_store *
audit_store_close(struct audit_store *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	gp_buf_free(&s->answers);
	free(s);
	return NULL;
}

bool
audit_store_hold(struct audit_store *s)
{
	int stay = 1;
	int r = sqlite_error(sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &stay));
	if (r == 0)
		r = sqlite_execute(s->db, "PRAGMA temp_store = MEMORY");
	if (r == 0)
		r = sqlite_stat_by_descriptor();
	if (r == 0)
		r = sqlite_stat_no_path();
	return r == 0 || complain(s, r);
}

/* --- a run is kept --- */

bool
audit_store_begin(struct audit_store *s, uint64_t time_s)
{
	if (!finish(s, BEGIN))
		return false;
	sqlite3_bind_int64(s->statements[ADD_RUN], 1, (sqlite3_int64)time_s);
	if (!finish(s, ADD_RUN))
		return false;
	s->run = sqlite3_last_insert_rowid(s->db);
	s->time_s = time_s;
	return true;
}

static bool
add_look(struct audit_store *s, struct gp_slice domain, const struct gp_answers *answers)
{
	sqlite3_stmt *st = s->statements[ADD_LOOK];
	sqlite3_bind_int64(st, 1, s->run);
	bind_text(st, 2, domain);
	gp_buf_clear(&s->answers);
	if (answers && !gp_answers_write(answers, &s->answers))
		return complain(s, -ENOMEM);
	if (answers)
		bind_octets(st, 3, gp_buf_slice(&s->answers));
	return finish(s, ADD_LOOK);
}

/* Since when the fact has been so. */
static bool
add_past(struct audit_store *s, struct gp_slice domain, const struct audit_fact *fact)
{
	sqlite3_stmt *st = s->statements[ADD_PAST];
	bind_text(st, 1, domain);
	bind_text(st, 2, fact->name);
	bind_text(st, 3, fact->value);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)s->time_s);
	return finish(s, ADD_PAST);
}

static bool
add_facts(struct audit_store *s, sqlite3_int64 look, const struct gp_posture_facts *facts,
	  struct gp_arena *arena)
{
	struct audit_fact list[AUDIT_FACTS_MAX];
	size_t len = audit_facts(facts, arena, list);
	bool good = true;
	for (size_t i = 0; i < len && good; i++) {
		sqlite3_stmt *st = s->statements[ADD_FACT];
		sqlite3_bind_int64(st, 1, look);
		bind_text(st, 2, list[i].name);
		bind_text(st, 3, list[i].value);
		good = finish(s, ADD_FACT) && add_past(s, facts->domain, &list[i]);
	}
	return good;
}

/* What to publish, a record a line; or what to do. */
static struct gp_slice
mend_text(const struct gp_finding *f, struct gp_arena *arena)
{
	struct gp_slice text = GP_SLICE("");
	if (f->records_len == 0 || f->state != GP_FINDING_FAIL)
		return f->state == GP_FINDING_FAIL ? f->fix : text;
	for (size_t i = 0; i < f->records_len; i++) {
		const struct gp_finding_record *r = &f->records[i];
		text = gp_arena_printf(arena, "%.*s%s%.*s %s %.*s", GP_SLICE_FMT(text),
				       i > 0 ? "\n" : "", GP_SLICE_FMT(r->name), r->type,
				       GP_SLICE_FMT(gp_visible(r->value, arena)));
	}
	return text;
}

static bool
add_finding(struct audit_store *s, sqlite3_int64 look, size_t number, const struct gp_finding *f,
	    struct gp_arena *arena)
{
	sqlite3_stmt *st = s->statements[ADD_FINDING];
	unsigned char digest[DIGEST_LEN];
	struct gp_slice evidence = f->evidence.len > 0 ? f->evidence : GP_SLICE("");
	if (!EVP_Digest(evidence.ptr, evidence.len, digest, NULL, EVP_sha256(), NULL))
		return complain(s, -ENOMEM);
	sqlite3_bind_int64(st, 1, look);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)number);
	bind_text(st, 3, gp_slice_str(f->kind->id));
	bind_text(st, 4, gp_slice_str(gp_finding_state_name(f->state)));
	bind_text(st, 5, gp_slice_str(gp_severity_name(f->severity)));
	bind_text(st, 6, gp_visible(evidence, arena));
	bind_octets(st, 7, gp_slice((const char *)digest, sizeof(digest)));
	bind_text(st, 8, mend_text(f, arena));
	return finish(s, ADD_FINDING);
}

/* What it means, as this version says it: whoever reads the file may know no such id. */
static bool
add_kind(struct audit_store *s, const struct gp_finding_kind *kind)
{
	sqlite3_stmt *st = s->statements[ADD_KIND];
	bind_text(st, 1, gp_slice_str(kind->id));
	bind_text(st, 2, gp_slice_str(kind->title));
	bind_text(st, 3, gp_slice_str(kind->why));
	return finish(s, ADD_KIND);
}

static bool
add_findings(struct audit_store *s, sqlite3_int64 look, const struct gp_findings *findings,
	     struct gp_arena *arena)
{
	const struct gp_findings whole = findings_whole(findings, arena);
	bool good = true;
	for (size_t i = 0; i < whole.len && good; i++)
		good = add_finding(s, look, i, &whole.items[i], arena) &&
		       add_kind(s, whole.items[i].kind);
	return good && (!arena->failed || complain(s, -ENOMEM));
}

bool
audit_store_add(struct audit_store *s, const struct gp_posture_result *r,
		const struct gp_answers *answers, struct gp_arena *arena)
{
	if (!add_look(s, r->facts.domain, answers))
		return false;
	sqlite3_int64 look = sqlite3_last_insert_rowid(s->db);
	return add_facts(s, look, &r->facts, arena) && add_findings(s, look, &r->findings, arena);
}

bool
audit_store_add_address(struct audit_store *s, struct gp_slice address,
			const struct gp_findings *findings, struct gp_arena *arena)
{
	return add_look(s, address, NULL) &&
	       add_findings(s, sqlite3_last_insert_rowid(s->db), findings, arena);
}

bool
audit_store_end(struct audit_store *s, uint64_t keep_from_s)
{
	sqlite3_bind_int64(s->statements[FORGET_RUNS], 1, (sqlite3_int64)keep_from_s);
	sqlite3_bind_int64(s->statements[FORGET_RUNS], 2, s->run);
	return finish(s, FORGET_RUNS) && finish(s, COMMIT);
}

/* --- and read --- */

bool
audit_store_past(struct audit_store *s, struct gp_slice domain, struct gp_arena *arena,
		 struct gp_posture_past **ret, size_t *ret_len)
{
	sqlite3_stmt *st = s->statements[READ_PAST];
	struct gp_posture_past *list = gp_arena_array(arena, AUDIT_STORE_PAST_MAX, sizeof(*list));
	size_t len = 0;
	int r = -1;
	bind_text(st, 1, domain);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)s->time_s);
	sqlite3_bind_int64(st, 3, AUDIT_STORE_PAST_MAX);
	while (list && (r = next_row(s, READ_PAST)) == 1)
		list[len++] = (struct gp_posture_past){
			.name = text_at(s, READ_PAST, 0, arena),
			.value = text_at(s, READ_PAST, 1, arena),
			.before = text_at(s, READ_PAST, 2, arena),
			.since_s = number_at(s, READ_PAST, 3),
		};
	*ret = list;
	*ret_len = len;
	if (arena->failed)
		complain(s, -ENOMEM);
	return r == 0 && !arena->failed;
}

/* The names that are the statement's first column. */
static bool
read_names(struct audit_store *s, enum statement which, struct gp_arena *arena,
	   struct gp_slice **ret, size_t *ret_len)
{
	struct gp_slice *list = NULL;
	size_t len = 0, room = 0;
	int r;
	while ((r = next_row(s, which)) == 1) {
		if (len == room) {
			room = GP_MAX(2 * room, (size_t)64);
			struct gp_slice *more = gp_arena_array(arena, room, sizeof(*more));
			if (!more)
				break;
			if (len > 0)
				memcpy(more, list, len * sizeof(*list));
			list = more;
		}
		list[len++] = text_at(s, which, 0, arena);
	}
	sqlite3_reset(s->statements[which]);
	*ret = list;
	*ret_len = len;
	return r == 0 && (!arena->failed || complain(s, -ENOMEM));
}

bool
audit_store_domains(struct audit_store *s, struct gp_arena *arena, struct gp_slice **ret,
		    size_t *ret_len)
{
	return read_names(s, READ_DOMAINS, arena, ret, ret_len);
}

bool
audit_store_newest(struct audit_store *s, struct gp_arena *arena, uint64_t *ret_run,
		   struct gp_slice **ret, size_t *ret_len)
{
	if (next_row(s, NEWEST_RUN) != 1)
		return false;
	*ret_run = number_at(s, NEWEST_RUN, 0);
	sqlite3_reset(s->statements[NEWEST_RUN]);
	sqlite3_bind_int64(s->statements[READ_RUN], 1, (sqlite3_int64)*ret_run);
	return read_names(s, READ_RUN, arena, ret, ret_len);
}

static uint8_t
word_at(struct audit_store *s, enum statement which, int column, const char *(*name)(uint8_t),
	uint8_t last)
{
	const void *p = sqlite3_column_text(s->statements[which], column);
	for (uint8_t i = 0; p && i <= last; i++) {
		if (gp_slice_eq(gp_slice_str(p), gp_slice_str(name(i))))
			return i;
	}
	return 0;
}

/* Rows of name and value, of a statement whose other values are bound: whose last one is how many
   they may be. Returns as next_row() does at the end. */
static int
read_facts(struct audit_store *s, enum statement which, struct gp_arena *arena,
	   struct audit_look *ret)
{
	sqlite3_stmt *st = s->statements[which];
	struct audit_fact *list = gp_arena_array(arena, AUDIT_FACTS_MAX, sizeof(*list));
	sqlite3_bind_int64(st, sqlite3_bind_parameter_count(st), AUDIT_FACTS_MAX);
	int r;
	while (list && (r = next_row(s, which)) == 1)
		list[ret->facts_len++] = (struct audit_fact){text_at(s, which, 0, arena),
							     text_at(s, which, 1, arena)};
	ret->facts = list;
	return list ? r : -1;
}

/* The same of findings. */
static int
read_findings(struct audit_store *s, enum statement which, struct gp_arena *arena,
	      struct audit_look *ret)
{
	sqlite3_stmt *st = s->statements[which];
	struct audit_kept *list = gp_arena_array(arena, AUDIT_KEPT_MAX, sizeof(*list));
	sqlite3_bind_int64(st, sqlite3_bind_parameter_count(st), AUDIT_KEPT_MAX);
	int r;
	while (list && (r = next_row(s, which)) == 1)
		list[ret->findings_len++] = (struct audit_kept){
			.id = text_at(s, which, 0, arena),
			.evidence = text_at(s, which, 1, arena),
			.hash = gp_arena_dup(arena, octets_at(s, which, 2)),
			.state = word_at(s, which, 3, gp_finding_state_name,
					 GP_FINDING_NOT_MEASURED),
			.severity = word_at(s, which, 4, gp_severity_name, GP_SEVERITY_CRITICAL),
			.mend = findings_lines(octets_at(s, which, 5), arena),
		};
	ret->findings = list;
	return list ? r : -1;
}

int
audit_store_look(struct audit_store *s, struct gp_slice domain, uint64_t run,
		 struct gp_arena *arena, struct audit_look *ret)
{
	sqlite3_stmt *st = s->statements[FIND_LOOK];
	*ret = (struct audit_look){};
	bind_text(st, 1, domain);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)GP_MIN(run, (uint64_t)INT64_MAX));
	int r = next_row(s, FIND_LOOK);
	if (r != 1)
		return r;
	sqlite3_int64 look = sqlite3_column_int64(st, 0);
	ret->run = number_at(s, FIND_LOOK, 1);
	ret->time_s = number_at(s, FIND_LOOK, 2);
	sqlite3_reset(st);
	sqlite3_bind_int64(s->statements[READ_FACTS], 1, look);
	sqlite3_bind_int64(s->statements[READ_FINDINGS], 1, look);
	if (read_facts(s, READ_FACTS, arena, ret) < 0 ||
	    read_findings(s, READ_FINDINGS, arena, ret) < 0)
		return -1;
	if (arena->failed)
		complain(s, -ENOMEM);
	return arena->failed ? -1 : 1;
}

/* --- what was told --- */

static void
bind_channel(struct audit_store *s, enum statement which, struct gp_slice channel,
	     struct gp_slice domain)
{
	bind_text(s->statements[which], 1, channel);
	bind_text(s->statements[which], 2, domain);
}

int
audit_store_told(struct audit_store *s, struct gp_slice channel, struct gp_slice domain,
		 struct gp_arena *arena, struct audit_look *ret)
{
	*ret = (struct audit_look){};
	bind_channel(s, FIND_TOLD, channel, domain);
	int r = next_row(s, FIND_TOLD);
	if (r != 1)
		return r;
	ret->time_s = number_at(s, FIND_TOLD, 0);
	sqlite3_reset(s->statements[FIND_TOLD]);
	bind_channel(s, READ_TOLD_FACTS, channel, domain);
	bind_channel(s, READ_TOLD_FINDINGS, channel, domain);
	if (read_facts(s, READ_TOLD_FACTS, arena, ret) < 0 ||
	    read_findings(s, READ_TOLD_FINDINGS, arena, ret) < 0)
		return -1;
	if (arena->failed)
		complain(s, -ENOMEM);
	return arena->failed ? -1 : 1;
}

bool
audit_store_tell_begin(struct audit_store *s)
{
	return finish(s, BEGIN);
}

bool
audit_store_tell(struct audit_store *s, struct gp_slice channel, struct gp_slice domain,
		 const struct audit_look *known)
{
	bind_channel(s, FORGET_TOLD, channel, domain);
	if (!finish(s, FORGET_TOLD))
		return false;
	bind_channel(s, ADD_TOLD, channel, domain);
	sqlite3_bind_int64(s->statements[ADD_TOLD], 3, (sqlite3_int64)known->time_s);
	bool good = finish(s, ADD_TOLD);
	for (size_t i = 0; i < known->facts_len && good; i++) {
		bind_channel(s, ADD_TOLD_FACT, channel, domain);
		bind_text(s->statements[ADD_TOLD_FACT], 3, known->facts[i].name);
		bind_text(s->statements[ADD_TOLD_FACT], 4, known->facts[i].value);
		good = finish(s, ADD_TOLD_FACT);
	}
	for (size_t i = 0; i < known->findings_len && good; i++) {
		sqlite3_stmt *st = s->statements[ADD_TOLD_FINDING];
		const struct audit_kept *k = &known->findings[i];
		bind_channel(s, ADD_TOLD_FINDING, channel, domain);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)i);
		bind_text(st, 4, k->id);
		bind_text(st, 5, gp_slice_str(gp_severity_name(k->severity)));
		bind_text(st, 6, k->evidence);
		bind_octets(st, 7, k->hash);
		good = finish(s, ADD_TOLD_FINDING);
	}
	return good;
}

bool
audit_store_tell_end(struct audit_store *s)
{
	return finish(s, COMMIT);
}
