/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, as sql.h has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "reportdb/engine.h"
#include "reportdb/sqlite_rows.h"
#include "sqlite/migrate.h"
#include "sys/clock.h"

static const char reading[] = "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cache_size = -32768;" /* KiB */
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA query_only = ON;";

static const char writing[] =
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA page_size = 8192;" /* of a new one: half as many to be written */
	"PRAGMA synchronous = FULL;"
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA cache_size = -65536;"
	"PRAGMA journal_size_limit = 67108864;";

/* Who reads does not wait for who writes. */
static const char with_log[] = "PRAGMA journal_mode = WAL;";

enum {
	TEXT_MAX = 2 << 10,
	LOG_AGAIN_MS = 20,
};

enum step { BEGIN = 0, COMMIT, ROLLBACK, SAVE, UNDO, RELEASE, STEPS };

static const char *const step_texts[STEPS] = {
	[BEGIN] = "BEGIN IMMEDIATE",     [COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",         [SAVE] = "SAVEPOINT document",
	[UNDO] = "ROLLBACK TO document", [RELEASE] = "RELEASE document",
};

struct statement;

struct database {
	struct gp_sql sql;
	sqlite3 *db;
	bool writes;
	bool logless; /* without a write-ahead log, as its pages are new: to be written once */
	bool filled;  /* something was committed meanwhile */
	sqlite3_stmt *steps[STEPS]; /* of a transaction; NULL: not needed yet */
	struct statement *waiting;  /* whose rows those are that wait; NULL: none do */
	struct sqlite_rows rows;
	char why[256]; /* what failed, from a rollback to the next transaction */
};

struct statement {
	struct gp_sql_statement st;
	struct database *db;
	sqlite3_stmt *it;

	/* Of one whose rows are put: all that wait are written by it. What is bound is a row's,
	   and behind its columns what is the same for all. */
	size_t columns, parameters; /* 0: they are not */
	struct sqlite_value row[SQLITE_ROWS_COLUMNS_MAX];
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

/* --- rows that wait --- */

static void
bind_value(sqlite3_stmt *it, int parameter, const struct sqlite_value *v)
{
	if (v->type == SQLITE_VALUE_NUMBER)
		sqlite3_bind_int64(it, parameter, v->number);
	else if (v->type == SQLITE_VALUE_TEXT)
		sqlite3_bind_text(it, parameter, v->octets, (int)v->len, SQLITE_STATIC);
	else if (v->type == SQLITE_VALUE_NULL)
		sqlite3_bind_null(it, parameter);
	else
		sqlite3_bind_blob(it, parameter, v->octets, (int)v->len, SQLITE_STATIC);
}

static void
forget_waiting(struct database *db)
{
	db->waiting = NULL;
	db->rows.len = 0;
}

static int
send_waiting(struct database *db)
{
	const struct statement *st = db->waiting;
	if (!st)
		return 0;
	for (size_t i = st->columns; i < st->parameters; i++)
		bind_value(st->it, (int)(i - st->columns) + 1, &st->row[i]);
	int code = sqlite3_step(st->it);
	sqlite3_reset(st->it);
	forget_waiting(db);
	return sqlite_error(code);
}

/* Those of one statement wait at a time. */
static int
put(struct gp_sql_statement *sql_st)
{
	struct statement *st = (struct statement *)sql_st;
	struct database *db = st->db;
	gp_assert(st->columns > 0);
	int r = db->waiting == st ? 0 : send_waiting(db);
	if (r < 0)
		return r;
	db->waiting = st;
	db->rows.columns = st->columns;
	memcpy(&db->rows.values[db->rows.len * st->columns], st->row,
	       st->columns * sizeof(*st->row));
	return ++db->rows.len < SQLITE_ROWS_MAX ? 0 : send_waiting(db);
}

/* --- statements --- */

static void
finalise(struct gp_sql_statement *sql_st)
{
	struct statement *st = (struct statement *)sql_st;
	if (st->db->waiting == st)
		forget_waiting(st->db);
	sqlite3_finalize(st->it);
	free(st);
}

static int
compile(sqlite3 *db, const char *text, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

/* Parameters are counted: each is a mark alone. */
static int
compile_puts(struct statement *st, const char *text)
{
	char insert[TEXT_MAX];
	st->columns = sqlite_rows_insert(text, insert, sizeof(insert));
	int code = st->columns > 0 ? compile(st->db->db, insert, &st->it) : SQLITE_TOOBIG;
	if (code == SQLITE_OK)
		st->parameters = st->columns + (size_t)sqlite3_bind_parameter_count(st->it);
	gp_assert(st->parameters <= SQLITE_ROWS_COLUMNS_MAX);
	return code;
}

static struct gp_sql_statement *
prepare(struct gp_sql *sql, const char *text, enum gp_sql_use use)
{
	struct statement *st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->st.engine = sql->engine;
	st->db = (struct database *)sql;
	int code =
		use == GP_SQL_PUTS ? compile_puts(st, text) : compile(handle(sql), text, &st->it);
	if (code == SQLITE_OK)
		return &st->st;
	finalise(&st->st);
	return NULL;
}

static int
error(const struct gp_sql *sql)
{
	int r = sqlite_error(sqlite3_errcode(handle(sql)));
	return r < 0 ? r : -ENOMEM;
}

static void
bind(struct gp_sql_statement *sql_st, int parameter, struct sqlite_value v)
{
	struct statement *st = (struct statement *)sql_st;
	if (st->columns > 0)
		st->row[parameter - 1] = v;
	else
		bind_value(st->it, parameter, &v);
}

static void
bind_int(struct gp_sql_statement *st, int parameter, int64_t n)
{
	bind(st, parameter, (struct sqlite_value){.type = SQLITE_VALUE_NUMBER, .number = n});
}

/* No text is so long that an int could not hold its length. */
static struct sqlite_value
octets_value(int type, struct gp_slice s)
{
	gp_assert(s.len <= INT32_MAX);
	return (struct sqlite_value){
		.type = type, .len = (uint32_t)s.len, .octets = s.len > 0 ? s.ptr : ""};
}

static void
bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text)
{
	bind(st, parameter, octets_value(SQLITE_VALUE_TEXT, text));
}

static void
bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets)
{
	bind(st, parameter, octets_value(SQLITE_VALUE_OCTETS, octets));
}

static void
bind_null(struct gp_sql_statement *st, int parameter)
{
	bind(st, parameter, (struct sqlite_value){.type = SQLITE_VALUE_NULL});
}

static void
reset(struct gp_sql_statement *st)
{
	sqlite3_reset(its(st));
}

static int
step(struct gp_sql_statement *st)
{
	int r = send_waiting(((struct statement *)st)->db);
	if (r < 0)
		return r;
	int code = sqlite3_step(its(st));
	if (code == SQLITE_ROW)
		return 1;
	reset(st);
	return sqlite_error(code);
}

static int
run(struct gp_sql_statement *st)
{
	int r = step(st);
	gp_assert(r != 1);
	return r;
}

/* Without what waits: that is of tables which nobody has asked for yet. */
static int
insert(struct gp_sql_statement *st, int64_t *ret_id)
{
	sqlite3 *db = handle(&((struct statement *)st)->db->sql);
	int r = sqlite_error(sqlite3_step(its(st)));
	reset(st);
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
	int code = *st ? SQLITE_OK : compile(db->db, step_texts[which], st);
	if (code != SQLITE_OK)
		return sqlite_error(code);
	code = sqlite3_step(*st);
	sqlite3_reset(*st);
	return sqlite_error(code);
}

/* One that somebody reads just now stays as it is until the next time. */
static void
begin_log(struct database *db)
{
	if (db->logless && sqlite_execute(db->db, with_log) == 0)
		db->logless = false;
}

static int
begin(struct gp_sql *sql)
{
	struct database *db = (struct database *)sql;
	db->why[0] = '\0';
	if (db->filled)
		begin_log(db);
	return take(sql, BEGIN);
}

static int
push(struct gp_sql *sql)
{
	return send_waiting((struct database *)sql);
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
	int r = push(sql);
	if (r == 0)
		r = take(sql, COMMIT);
	if (r == 0)
		((struct database *)sql)->filled = true;
	return r;
}

static void
rollback(struct gp_sql *sql)
{
	struct database *db = (struct database *)sql;
	forget_waiting(db);
	if (sqlite3_get_autocommit(db->db))
		return;
	/* SQLite itself forgets it. */
	if (sqlite_error(sqlite3_errcode(db->db)) < 0)
		snprintf(db->why, sizeof(db->why), "%s", sqlite3_errmsg(db->db));
	(void)take(sql, ROLLBACK);
}

static int
save(struct gp_sql *sql)
{
	int r = push(sql);
	return r == 0 ? take(sql, SAVE) : r;
}

static int
undo(struct gp_sql *sql)
{
	forget_waiting((struct database *)sql);
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
	(void)sqlite3_busy_timeout(db->db, 0); /* else the next who writes makes one */
	begin_log(db);
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
	const struct database *db = (const struct database *)sql;
	return db->why[0] ? db->why : sqlite3_errmsg(db->db);
}

static int
migrate(struct gp_sql *sql, const char *const *steps, size_t len)
{
	struct database *db = (struct database *)sql;
	if (!db->writes)
		return sqlite_expect(db->db, len);
	int version = sqlite_version(db->db);
	if (version < 0 || (size_t)version == len)
		return GP_MIN(version, 0);
	return sqlite_migrate(db->db, steps, len);
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
	.put = put,
	.insert = insert,
	.reset = reset,
	.int_at = int_at,
	.null_at = null_at,
	.text_at = text_at,
	.octets_at = octets_at,
	.begin = begin,
	.push = push,
	.number_on = number_on,
	.commit = commit,
	.rollback = rollback,
	.save = save,
	.undo = undo,
	.release = release,
};

/* Whoever filled a new one may have ended in the middle of writing it: nobody can read it before
   that is undone, which takes somebody who may write. What fails here is told by the next who
   reads. */
static void
undo_writing(struct database *db, const char *path)
{
	sqlite3 *writer = NULL;
	if (sqlite_version(db->db) < 0 &&
	    sqlite3_extended_errcode(db->db) == SQLITE_READONLY_ROLLBACK &&
	    sqlite3_open_v2(path, &writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK)
		(void)sqlite_version(writer);
	sqlite3_close(writer);
}

/* For as long as others wait for who writes, as whoever fills a new one does: SQLite itself waits
   only for those who read. */
static int
wait_for_log(struct database *db)
{
	uint64_t end_ms = gp_clock_monotonic_ms() + GP_REPORTDB_WAIT_MS;
	int r;
	while ((r = sqlite_execute(db->db, with_log)) == -EBUSY && gp_clock_monotonic_ms() < end_ms)
		sqlite3_sleep(LOG_AGAIN_MS);
	return r;
}

/* A new one has no tables, and no version. */
static int
set_up(struct database *db, enum gp_reportdb_mode mode, const char *path)
{
	if (!db->writes)
		undo_writing(db, path);
	int r = sqlite_execute(db->db, db->writes ? writing : reading);
	if (r < 0 || !db->writes)
		return r;
	int version = mode == GP_REPORTDB_FILL ? sqlite_version(db->db) : 1;
	db->logless = version == 0;
	return version > 0 ? wait_for_log(db) : version;
}

int
gp_sqlite_open(const char *path, enum gp_reportdb_mode mode, struct gp_sql **ret)
{
	struct database *db = calloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_NOMUTEX;
	/* None of our processes has threads. Too late, and without effect, where it has been used
	   before. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	/* What SQLite counts of its memory is for a limit on it, as a role has. */
	if (mode == GP_REPORTDB_FILL)
		(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	*ret = db ? &db->sql : NULL;
	if (!db)
		return -ENOMEM;
	db->sql.engine = &engine;
	db->writes = mode != GP_REPORTDB_READ;
	flags |= db->writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	if (mode >= GP_REPORTDB_MAKE)
		flags |= SQLITE_OPEN_CREATE;
	int code = sqlite3_open_v2(path, &db->db, flags, NULL);
	if (code == SQLITE_CANTOPEN)
		return -ENOENT;
	int r = sqlite_error(code);
	if (r == 0)
		r = sqlite_error(sqlite3_busy_timeout(db->db, GP_REPORTDB_WAIT_MS));
	if (r == 0)
		r = sqlite_rows_register(db->db, &db->rows);
	return r == 0 ? set_up(db, mode, path) : r;
}
