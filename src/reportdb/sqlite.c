/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite, as sql.h has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
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

enum {
	ROWS = 16, /* that are put together: to run a statement costs as much as a row itself */
	TEXT_MAX = 4 << 10,
};

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
	struct statement *waiting;  /* whose rows may wait */
	char why[256];              /* what failed, from a rollback to the next transaction */
};

/* What is bound to a parameter of a row that waits: a number; or octets, which are the caller's. */
struct value {
	enum { NUMBER = 0, TEXT, OCTETS } type;
	int64_t n; /* or how many octets */
	const char *octets;
};

struct statement {
	struct gp_sql_statement st;
	struct database *db;
	sqlite3_stmt *it;

	/* Of one whose rows are put. */
	const char *text;
	sqlite3_stmt *together; /* of ROWS of them; NULL: not needed yet */
	int columns, parameters;
	struct value *values; /* of ROWS rows, one behind the other; NULL: its rows are not put */
	struct value *row;    /* of the one that is being bound */
	size_t rows;          /* that wait */
	bool listed;          /* among those of the database */
	struct statement *next;
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

static int
compile(sqlite3 *db, const char *text, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

/* What stands in the parentheses of VALUES, with them. */
static struct gp_slice
values_of(const char *text)
{
	const char *begin = strstr(text, " VALUES (");
	gp_assert(begin);
	begin += strlen(" VALUES ");
	const char *end = strchr(begin, ')');
	gp_assert(end);
	return gp_slice(begin, (size_t)(end + 1 - begin));
}

/* Parameters are counted: each is a mark alone. 0 or -ENOMEM. */
static int
prepare_rows(struct statement *st, const char *text)
{
	struct gp_slice values = values_of(text);
	st->text = text;
	st->parameters = sqlite3_bind_parameter_count(st->it);
	for (size_t i = 0; i < values.len; i++)
		st->columns += values.ptr[i] == '?';
	st->row = st->values = calloc(ROWS * (size_t)st->parameters, sizeof(*st->values));
	return st->values ? 0 : -ENOMEM;
}

/* The same statement, of ROWS rows. 0 or -errno. */
static int
prepare_together(struct statement *st)
{
	struct gp_buf text = GP_BUF_INIT(TEXT_MAX);
	struct gp_slice all = gp_slice_str(st->text), values = values_of(st->text);
	size_t before = (size_t)(values.ptr - all.ptr);
	gp_buf_put(&text, gp_slice_take(all, before));
	for (size_t i = 0; i < ROWS; i++) {
		gp_buf_put_str(&text, i > 0 ? ", " : "");
		gp_buf_put(&text, values);
	}
	gp_buf_put(&text, gp_slice_drop(all, before + values.len));
	gp_buf_put_char(&text, '\0');
	int r = text.failed
			? -ENOMEM
			: sqlite_error(compile(st->db->db, gp_buf_slice(&text).ptr, &st->together));
	gp_buf_free(&text);
	return r;
}

static void
bind_value(sqlite3_stmt *it, int parameter, const struct value *v)
{
	if (v->type == NUMBER)
		sqlite3_bind_int64(it, parameter, v->n);
	else if (v->type == TEXT)
		sqlite3_bind_text(it, parameter, v->octets, (int)v->n, SQLITE_STATIC);
	else
		sqlite3_bind_blob(it, parameter, v->octets, (int)v->n, SQLITE_STATIC);
}

/* Runs a statement of so many rows. */
static int
write_rows(struct statement *st, sqlite3_stmt *it, const struct value *row, size_t rows)
{
	const struct value *others = row + st->columns;
	int to = 1;
	for (size_t i = 0; i < rows; i++, row += st->parameters) {
		for (int k = 0; k < st->columns; k++)
			bind_value(it, to++, &row[k]);
	}
	for (int k = st->columns; k < st->parameters; k++)
		bind_value(it, to++, others++);
	int code = sqlite3_step(it);
	sqlite3_reset(it);
	return sqlite_error(code);
}

static void
forget_rows(struct statement *st)
{
	st->rows = 0;
	st->row = st->values;
}

static int
send_rows(struct statement *st)
{
	size_t rows = st->rows;
	const struct value *row = st->values;
	int r = 0;
	forget_rows(st);
	if (rows == ROWS) {
		r = st->together ? 0 : prepare_together(st);
		return r == 0 ? write_rows(st, st->together, row, ROWS) : r;
	}
	for (; r == 0 && rows > 0; rows--, row += st->parameters)
		r = write_rows(st, st->it, row, 1);
	return r;
}

static void
forget_waiting(struct database *db)
{
	for (struct statement *st = db->waiting; st; st = st->next) {
		forget_rows(st);
		st->listed = false;
	}
	db->waiting = NULL;
}

static int
send_waiting(struct database *db)
{
	int r = 0;
	for (struct statement *st = db->waiting; r == 0 && st; st = st->next)
		r = send_rows(st);
	forget_waiting(db);
	return r;
}

static int
put(struct gp_sql_statement *sql_st)
{
	struct statement *st = (struct statement *)sql_st;
	struct database *db = st->db;
	gp_assert(st->values);
	if (!st->listed) {
		st->next = db->waiting;
		st->listed = true;
		db->waiting = st;
	}
	st->row += st->parameters;
	return ++st->rows < ROWS ? 0 : send_rows(st);
}

/* --- statements --- */

static void
finalise(struct gp_sql_statement *sql_st)
{
	struct statement *st = (struct statement *)sql_st, **at = &st->db->waiting;
	while (*at && *at != st)
		at = &(*at)->next;
	if (*at)
		*at = st->next;
	sqlite3_finalize(st->it);
	sqlite3_finalize(st->together);
	free(st->values);
	free(st);
}

static struct gp_sql_statement *
prepare(struct gp_sql *sql, const char *text, enum gp_sql_use use)
{
	struct statement *st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	*st = (struct statement){.st.engine = sql->engine, .db = (struct database *)sql};
	int code = compile(handle(sql), text, &st->it);
	if (code == SQLITE_OK && (use != GP_SQL_PUTS || prepare_rows(st, text) == 0))
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
bind_int(struct gp_sql_statement *sql_st, int parameter, int64_t n)
{
	struct statement *st = (struct statement *)sql_st;
	if (!st->row) {
		sqlite3_bind_int64(st->it, parameter, n);
		return;
	}
	struct value *v = &st->row[parameter - 1];
	v->type = NUMBER;
	v->n = n;
}

/* No text is so long that an int could not hold its length. */
static void
bind_slice(struct statement *st, int parameter, int type, struct gp_slice s)
{
	const struct value v = {type, (int64_t)s.len, s.len > 0 ? s.ptr : ""};
	gp_assert(s.len <= INT32_MAX);
	if (st->row)
		st->row[parameter - 1] = v;
	else
		bind_value(st->it, parameter, &v);
}

static void
bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text)
{
	bind_slice((struct statement *)st, parameter, TEXT, text);
}

static void
bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets)
{
	bind_slice((struct statement *)st, parameter, OCTETS, octets);
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

static int
begin(struct gp_sql *sql)
{
	((struct database *)sql)->why[0] = '\0';
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
	return r == 0 ? take(sql, COMMIT) : r;
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
