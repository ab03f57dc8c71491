/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, as sql.h has it. */
#include <errno.h>
#include <stdlib.h>

#include "reportdb/engine.h"
#include "sqlite/migrate.h"

static const char reading[] = "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cache_size = -32768;" /* KiB */
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA query_only = ON;";

static const char writing[] =
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA page_size = 8192;" /* of a new one: half as many to be written */
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA cache_size = -65536;"
	"PRAGMA journal_size_limit = 67108864;";

enum step { BEGIN = 0, COMMIT, ROLLBACK, SAVE, UNDO, RELEASE, STEPS };

static const char *const step_texts[STEPS] = {
	[BEGIN] = "BEGIN IMMEDIATE",     [COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",         [SAVE] = "SAVEPOINT document",
	[UNDO] = "ROLLBACK TO document", [RELEASE] = "RELEASE document",
};

struct database {
	struct gp_sql sql;
	sqlite3 *db;
	bool writes;
	sqlite3_stmt *steps[STEPS]; /* of a transaction; NULL: not needed yet */
};

struct statement {
	struct gp_sql_statement st;
	sqlite3_stmt *it;
};

static sqlite3 *
handle(const struct gp_sql *sql)
{
	return ((const struct database *)sql)->db;
}

static sqlite3_stmt *
its(struct gp_sql_statement *st)
{
	return ((struct statement *)st)->it;
}

/* --- statements --- */

static struct gp_sql_statement *
prepare(struct gp_sql *sql, const char *text, bool many)
{
	(void)many;
	struct statement *st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->st.engine = sql->engine;
	if (sqlite3_prepare_v3(handle(sql), text, -1, SQLITE_PREPARE_PERSISTENT, &st->it, NULL) ==
	    SQLITE_OK)
		return &st->st;
	free(st);
	return NULL;
}

static int
error(const struct gp_sql *sql)
{
	int r = sqlite_error(sqlite3_errcode(handle(sql)));
	return r < 0 ? r : -ENOMEM;
}

static void
finalise(struct gp_sql_statement *st)
{
	sqlite3_finalize(its(st));
	free(st);
}

static void
bind_int(struct gp_sql_statement *st, int parameter, int64_t n)
{
	sqlite3_bind_int64(its(st), parameter, n);
}

static void
bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text)
{
	sqlite3_bind_text64(its(st), parameter, text.len > 0 ? text.ptr : "", text.len,
			    SQLITE_STATIC, SQLITE_UTF8);
}

static void
bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets)
{
	sqlite3_bind_blob64(its(st), parameter, octets.len > 0 ? octets.ptr : "", octets.len,
			    SQLITE_STATIC);
}

static void
bind_null(struct gp_sql_statement *st, int parameter)
{
	sqlite3_bind_null(its(st), parameter);
}

static void
reset(struct gp_sql_statement *st)
{
	sqlite3_reset(its(st));
}

static int
step(struct gp_sql_statement *st)
{
	int code = sqlite3_step(its(st));
	if (code == SQLITE_ROW)
		return 1;
	reset(st);
	return sqlite_error(code);
}

static int
run(struct gp_sql_statement *st)
{
	int code = sqlite3_step(its(st));
	reset(st);
	return sqlite_error(code);
}

static int
insert(struct gp_sql_statement *st, int64_t *ret_id)
{
	sqlite3 *db = sqlite3_db_handle(its(st));
	int r = run(st);
	if (r < 0)
		return r;
	*ret_id = sqlite3_last_insert_rowid(db);
	return sqlite3_changes(db) > 0 ? 0 : 1;
}

static int64_t
int_at(struct gp_sql_statement *st, int column)
{
	return sqlite3_column_int64(its(st), column);
}

static bool
null_at(struct gp_sql_statement *st, int column)
{
	return sqlite3_column_type(its(st), column) == SQLITE_NULL;
}

static struct gp_slice
text_at(struct gp_sql_statement *st, int column)
{
	const void *p = sqlite3_column_blob(its(st), column);
	int len = sqlite3_column_bytes(its(st), column);
	return gp_slice(p ? p : "", p ? (size_t)len : 0);
}

static size_t
octets_at(struct gp_sql_statement *st, int column, uint8_t *ret, size_t size)
{
	struct gp_slice s = gp_slice_take(text_at(st, column), size);
	if (s.len > 0)
		memcpy(ret, s.ptr, s.len);
	return s.len;
}

/* --- transactions --- */

static int
take(struct gp_sql *sql, enum step which)
{
	struct database *db = (struct database *)sql;
	sqlite3_stmt **st = &db->steps[which];
	int code = *st ? SQLITE_OK
		       : sqlite3_prepare_v3(db->db, step_texts[which], -1,
					    SQLITE_PREPARE_PERSISTENT, st, NULL);
	if (code != SQLITE_OK)
		return sqlite_error(code);
	code = sqlite3_step(*st);
	sqlite3_reset(*st);
	return sqlite_error(code);
}

static int
begin(struct gp_sql *sql)
{
	return take(sql, BEGIN);
}

/* Nobody measures it. */
static int
take_time(struct gp_sql *sql)
{
	(void)sql;
	return 0;
}

/* Each row is there at once. */
static int
push(struct gp_sql *sql)
{
	(void)sql;
	return 0;
}

/* A number is one more than the largest. */
static int
number_on(struct gp_sql *sql, const char *table)
{
	(void)sql, (void)table;
	return 0;
}

static int
commit(struct gp_sql *sql)
{
	return take(sql, COMMIT);
}

static void
rollback(struct gp_sql *sql)
{
	if (!sqlite3_get_autocommit(handle(sql)))
		(void)take(sql, ROLLBACK);
}

static int
save(struct gp_sql *sql)
{
	return take(sql, SAVE);
}

static int
undo(struct gp_sql *sql)
{
	return take(sql, UNDO);
}

static int
release(struct gp_sql *sql)
{
	return take(sql, RELEASE);
}

/* --- the database --- */

static struct gp_sql *
close_database(struct gp_sql *sql)
{
	struct database *db = (struct database *)sql;
	for (size_t i = 0; i < STEPS; i++)
		sqlite3_finalize(db->steps[i]);
	sqlite3_close(db->db);
	free(db);
	return NULL;
}

static void
stay(struct gp_sql *sql)
{
	(void)sql;
}

static bool
lost(const struct gp_sql *sql)
{
	(void)sql;
	return false;
}

static const char *
why(const struct gp_sql *sql)
{
	return sqlite3_errmsg(handle(sql));
}

static int
migrate(struct gp_sql *sql, const char *const *steps, size_t len)
{
	struct database *db = (struct database *)sql;
	int version = sqlite_version(db->db);
	if (version < 0 || (size_t)version == len)
		return GP_MIN(version, 0);
	return db->writes ? sqlite_migrate(db->db, steps, len) : -EPROTO;
}

static const struct gp_sql_engine engine = {
	.close = close_database,
	.stay = stay,
	.lost = lost,
	.why = why,
	.migrate = migrate,
	.prepare = prepare,
	.error = error,
	.finalise = finalise,
	.bind_int = bind_int,
	.bind_text = bind_text,
	.bind_octets = bind_octets,
	.bind_null = bind_null,
	.step = step,
	.run = run,
	.put = run,
	.insert = insert,
	.reset = reset,
	.int_at = int_at,
	.null_at = null_at,
	.text_at = text_at,
	.octets_at = octets_at,
	.begin = begin,
	.take_time = take_time,
	.push = push,
	.number_on = number_on,
	.commit = commit,
	.rollback = rollback,
	.save = save,
	.undo = undo,
	.release = release,
};

int
gp_sqlite_open(const char *path, enum gp_reportdb_mode mode, struct gp_sql **ret)
{
	struct database *db = calloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_NOMUTEX;
	/* None of our processes has threads, or asks how much memory it takes: a tenth of the time.
	   Too late, and without effect, where it has been used before. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	*ret = db ? &db->sql : NULL;
	if (!db)
		return -ENOMEM;
	db->sql.engine = &engine;
	db->writes = mode != GP_REPORTDB_READ;
	flags |= db->writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	if (mode == GP_REPORTDB_MAKE)
		flags |= SQLITE_OPEN_CREATE;
	int code = sqlite3_open_v2(path, &db->db, flags, NULL);
	if (code == SQLITE_CANTOPEN)
		return -ENOENT;
	int r = sqlite_error(code);
	if (r == 0)
		r = sqlite_error(sqlite3_busy_timeout(db->db, GP_REPORTDB_WAIT_MS));
	return r == 0 ? sqlite_execute(db->db, db->writes ? writing : reading) : r;
}
