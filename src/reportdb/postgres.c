/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL, as sql.h has it. What is written is sent and not waited for: whether it was done is
 * known when next something is asked, or at the transaction's end. Rows of many go as arrays of
 * their columns, a thousand with one statement.
 *
 * One writes at a time, as in SQLite: a transaction that writes holds an advisory lock until its
 * end. Most add to the same rows, those of all domains, and would wait for each other anyway; so
 * nobody runs into a deadlock, and whoever holds it knows all that is there.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "reportdb/dialect.h"
#include "reportdb/engine.h"
#include "reportdb/pglink.h"

enum {
	PARAMETERS_MAX = 32,
	CHUNK_ROWS = 1000,   /* of a statement with many, at a time */
	BATCH_ROWS = 1000,   /* of a table that go in one statement, */
	BATCH_MAX = 1 << 20, /* in so many octets */
	COLUMN_MAX = 4 << 20,
	STATEMENT_MAX = 64 << 10,
	NAME_SIZE = 32,
};

/* Of pg_type. */
enum type { UNKNOWN = 0, OCTETS = 17, NUMBER = 20, TEXT = 25 };

#define LOCK "SELECT pg_advisory_xact_lock(7449363237674382196)" /* "gatepost" */
#define CHUNK "FETCH 1000 FROM"

struct parameter {
	enum type type;
	char number[8]; /* as it goes over the wire */
	struct gp_slice value;
	struct gp_buf mended; /* a text that was none */
	struct gp_buf column; /* its values in rows that wait */
};

struct statement;

struct database {
	struct gp_sql sql;
	struct gp_pglink link;
	bool makes;                /* tables, where there are none */
	unsigned statements;       /* so many names were given */
	unsigned readers;          /* statements with many rows that are not over */
	struct statement *waiting; /* those with rows that wait to be sent */
};

struct statement {
	struct gp_sql_statement st;
	struct database *db;
	const char *text;
	bool many;
	enum gp_dialect_form form;
	unsigned number, generation; /* its name there */
	int parameters, columns;     /* of rows that go together */
	struct parameter parameter[PARAMETERS_MAX];

	size_t rows, octets; /* that wait */
	struct statement *next;

	PGresult *result; /* NULL: it is over */
	int row;
};

static struct gp_pglink *
its_link(struct gp_sql *sql)
{
	return &((struct database *)sql)->link;
}

static struct statement *
its(struct gp_sql_statement *st)
{
	return (struct statement *)st;
}

static struct parameter *
its_parameter(struct gp_sql_statement *st, int parameter)
{
	gp_assert(parameter >= 1 && parameter <= PARAMETERS_MAX);
	return &its(st)->parameter[parameter - 1];
}

/* --- parameters --- */

static void
bind_int(struct gp_sql_statement *st, int parameter, int64_t n)
{
	struct parameter *p = its_parameter(st, parameter);
	uint64_t big = htobe64((uint64_t)n);
	memcpy(p->number, &big, sizeof(big));
	p->type = NUMBER;
	p->value = gp_slice(p->number, sizeof(p->number));
}

static bool
is_text(struct gp_slice s)
{
	while (s.len > 0) {
		uint32_t c = gp_utf8_take(&s);
		if (c == 0 || c == GP_UTF8_INVALID)
			return false;
	}
	return true;
}

/* What is no UTF-8, and NUL, which no text there may have, becomes a question mark, so that no text
 * grows: names of files may be of any octets, and one report must not stop those beside it. */
static struct gp_slice
mend(struct gp_buf *to, struct gp_slice text)
{
	gp_buf_clear(to);
	while (text.len > 0) {
		char octets[4];
		uint32_t c = gp_utf8_take(&text);
		size_t len = gp_utf8_write(c == 0 || c == GP_UTF8_INVALID ? '?' : c, octets);
		gp_buf_put(to, gp_slice(octets, len));
	}
	return gp_buf_slice(to);
}

static void
bind_text(struct gp_sql_statement *st, int parameter, struct gp_slice text)
{
	struct parameter *p = its_parameter(st, parameter);
	p->type = TEXT;
	p->value = is_text(text) ? text : mend(&p->mended, text);
}

static void
bind_octets(struct gp_sql_statement *st, int parameter, struct gp_slice octets)
{
	struct parameter *p = its_parameter(st, parameter);
	p->type = OCTETS;
	p->value = octets;
}

static void
bind_null(struct gp_sql_statement *st, int parameter)
{
	its_parameter(st, parameter)->type = UNKNOWN;
}

/* --- what is sent --- */

static Oid
array_of(enum type type)
{
	switch (type) {
	case OCTETS:
		return 1001;
	case NUMBER:
		return 1016;
	case TEXT:
		return 1009;
	case UNKNOWN:
		break;
	}
	gp_unreachable("rows that go together have no NULL");
}

/* Its parameters as libpq wants them. */
struct arguments {
	Oid types[PARAMETERS_MAX];
	const char *values[PARAMETERS_MAX];
	int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
};

static void
collect(const struct statement *st, struct arguments *ret)
{
	for (int i = 0; i < st->parameters; i++) {
		const struct parameter *p = &st->parameter[i];
		bool rows = st->form == GP_DIALECT_ROWS && i < st->columns;
		struct gp_slice value = rows ? gp_buf_slice(&p->column) : p->value;
		ret->types[i] = rows ? array_of(p->type) : (Oid)p->type;
		ret->values[i] = p->type == UNKNOWN ? NULL : value.len > 0 ? value.ptr : "";
		ret->lengths[i] = (int)value.len;
		ret->formats[i] = 1;
	}
}

static void
write_name(const struct statement *st, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, "s%u_%u", st->number, st->generation);
}

/* Sends it, under a name that it has from then on, or as a cursor's. */
static int
send_text(struct statement *st, struct arguments *ret)
{
	struct gp_pglink *l = &st->db->link;
	struct gp_buf text = GP_BUF_INIT(STATEMENT_MAX);
	char name[NAME_SIZE];
	if (st->many)
		gp_buf_printf(&text, "DECLARE c%u NO SCROLL CURSOR FOR ", st->number);
	(void)gp_dialect_translate(&text, st->text, st->form, NULL);
	gp_buf_put_char(&text, '\0');
	collect(st, ret);
	st->generation = l->generation;
	write_name(st, name);
	const char *sql = gp_buf_slice(&text).ptr;
	int r = text.failed ? gp_pglink_fail(l, -ENOMEM, "no memory")
		: st->many
			? gp_pglink_sent(l, gp_pq.sendQueryParams(
						    l->connection, sql, st->parameters, ret->types,
						    ret->values, ret->lengths, ret->formats, 0))
			: gp_pglink_sent(l, gp_pq.sendPrepare(l->connection, name, sql,
							      st->parameters, ret->types));
	gp_buf_free(&text);
	return r;
}

/* Behind what waits, which it may be about. */
static int
send_bound(struct statement *st)
{
	struct gp_pglink *l = &st->db->link;
	struct arguments a;
	char name[NAME_SIZE];
	if (l->failed < 0)
		return l->failed;
	if (st->many || st->generation != l->generation) {
		int r = send_text(st, &a);
		if (r < 0 || st->many)
			return r;
	}
	collect(st, &a);
	write_name(st, name);
	return gp_pglink_sent(l, gp_pq.sendQueryPrepared(l->connection, name, st->parameters,
							 a.values, a.lengths, a.formats, 0));
}

/* --- rows that wait --- */

static void
put_u32(struct gp_buf *to, uint32_t n)
{
	uint32_t big = htobe32(n);
	char octets[4];
	memcpy(octets, &big, sizeof(big));
	gp_buf_put(to, gp_slice(octets, sizeof(octets)));
}

/* An array of one dimension, of elements without NULL, as array_recv() reads it. Where a column
   begins its length is not known yet. */
static void
begin_column(struct parameter *p)
{
	const uint32_t header[] = {1, 0, p->type, 0, 1};
	gp_buf_clear(&p->column);
	for (size_t i = 0; i < GP_ARRAY_LEN(header); i++)
		put_u32(&p->column, header[i]);
}

static void
end_column(struct parameter *p, size_t rows)
{
	uint32_t big = htobe32((uint32_t)rows);
	memcpy(p->column.ptr + p->column.head + 12, &big, sizeof(big));
}

static int
send_rows(struct statement *st)
{
	for (int i = 0; i < st->columns; i++)
		end_column(&st->parameter[i], st->rows);
	st->rows = st->octets = 0;
	return send_bound(st);
}

static void
forget_waiting(struct database *db)
{
	for (struct statement *st = db->waiting; st; st = st->next)
		st->rows = st->octets = 0;
	db->waiting = NULL;
}

/* Behind a failure nothing waits either: a later transaction's rows would stand behind it. */
static int
send_waiting(struct database *db)
{
	int r = 0;
	for (struct statement *st = db->waiting; r == 0 && st; st = st->next)
		r = send_rows(st);
	forget_waiting(db);
	return r;
}

/* Adds the row that is bound. */
static int
put(struct gp_sql_statement *sql_st)
{
	struct statement *st = its(sql_st);
	struct database *db = st->db;
	bool good = true;
	if (db->link.failed < 0)
		return db->link.failed;
	st->form = GP_DIALECT_ROWS;
	if (st->rows == 0) {
		st->next = db->waiting;
		db->waiting = st;
	}
	for (int i = 0; i < st->columns; i++) {
		struct parameter *p = &st->parameter[i];
		/* A column's array has none. */
		if (p->type == UNKNOWN)
			return gp_pglink_fail(&db->link, -EIO, "a value that may not be NULL is");
		if (st->rows == 0)
			begin_column(p);
		put_u32(&p->column, (uint32_t)p->value.len);
		gp_buf_put(&p->column, p->value);
		st->octets += p->value.len;
		good = good && !p->column.failed;
	}
	st->rows++;
	if (!good)
		return gp_pglink_fail(&db->link, -ENOMEM, "no memory");
	return st->rows < BATCH_ROWS && st->octets < BATCH_MAX ? 0 : send_waiting(db);
}

/* --- statements --- */

static struct gp_sql_statement *
prepare(struct gp_sql *sql, const char *text, enum gp_sql_use use)
{
	struct database *db = (struct database *)sql;
	struct gp_buf translated = GP_BUF_INIT(STATEMENT_MAX);
	struct statement *st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	*st = (struct statement){
		.st.engine = sql->engine,
		.db = db,
		.text = text,
		.many = use == GP_SQL_MANY,
		.number = ++db->statements,
	};
	st->parameters = gp_dialect_translate(&translated, text, GP_DIALECT_ROWS, &st->columns);
	gp_buf_free(&translated);
	gp_assert(st->parameters <= PARAMETERS_MAX);
	for (size_t i = 0; i < PARAMETERS_MAX; i++) {
		st->parameter[i].mended = GP_BUF_INIT(COLUMN_MAX);
		st->parameter[i].column = GP_BUF_INIT(COLUMN_MAX);
	}
	return &st->st;
}

/* There is no other reason. */
static int
error(const struct gp_sql *sql)
{
	(void)sql;
	return -ENOMEM;
}

static int
run(struct gp_sql_statement *sql_st)
{
	struct statement *st = its(sql_st);
	int r = send_waiting(st->db);
	return r == 0 ? send_bound(st) : r;
}

/* Many rows come by a cursor, which has to stand in a transaction. */
static int
open_rows(struct statement *st)
{
	struct database *db = st->db;
	bool alone = st->many && !db->link.in_transaction && db->readers == 0;
	int r = send_waiting(db);
	if (r == 0 && !db->link.in_transaction && db->readers == 0)
		r = gp_pglink_mend(&db->link);
	if (r == 0 && alone)
		r = gp_pglink_send(&db->link, "BEGIN");
	if (r == 0)
		r = send_bound(st);
	if (r == 0 && st->many)
		db->readers++;
	return r;
}

static int
fetch_chunk(struct statement *st)
{
	char text[NAME_SIZE];
	snprintf(text, sizeof(text), CHUNK " c%u", st->number);
	return gp_pglink_send(&st->db->link, text);
}

/* The cursor goes with its transaction, which goes with its last reader. */
static void
close_rows(struct statement *st)
{
	struct database *db = st->db;
	char text[NAME_SIZE];
	if (!st->many)
		return;
	db->readers--;
	snprintf(text, sizeof(text), "CLOSE c%u", st->number);
	bool alone = !db->link.in_transaction && db->readers == 0;
	/* Whatever it says, nothing was written. */
	if (gp_pglink_send(&db->link, alone ? "COMMIT" : text) == 0)
		(void)gp_pglink_settle(&db->link, NULL);
}

static void
reset(struct gp_sql_statement *sql_st)
{
	struct statement *st = its(sql_st);
	if (!st->result)
		return;
	gp_pq.clear(st->result);
	st->result = NULL;
	close_rows(st);
}

static int
ask_once(struct statement *st)
{
	int r = open_rows(st);
	bool open = r == 0;
	if (r == 0 && st->many)
		r = fetch_chunk(st);
	if (r == 0)
		r = gp_pglink_settle(&st->db->link, &st->result);
	st->row = -1;
	if (r < 0 && open)
		close_rows(st);
	return r;
}

/* 0; -errno: it is over. */
static int
ask(struct statement *st)
{
	const struct database *db = st->db;
	int r = ask_once(st);
	/* That a connection was lost is known when next something is asked. */
	return r == -ENOTCONN && !db->link.in_transaction && db->readers == 0 ? ask_once(st) : r;
}

static int
ask_more(struct statement *st)
{
	gp_pq.clear(st->result);
	st->result = NULL;
	st->row = -1;
	int r = fetch_chunk(st);
	if (r == 0)
		r = gp_pglink_settle(&st->db->link, &st->result);
	if (r < 0)
		close_rows(st);
	return r;
}

static int
step(struct gp_sql_statement *sql_st)
{
	struct statement *st = its(sql_st);
	int r = st->result ? 0 : ask(st);
	if (r == 0 && st->many && st->row == CHUNK_ROWS - 1)
		r = ask_more(st);
	if (r < 0)
		return r;
	if (++st->row < gp_pq.ntuples(st->result))
		return 1;
	reset(sql_st);
	return 0;
}

static int64_t
int_at(struct gp_sql_statement *sql_st, int column)
{
	const struct statement *st = its(sql_st);
	/* A sum is a number of any length; a NULL is an empty text, and 0. */
	return strtoll(gp_pq.getvalue(st->result, st->row, column), NULL, 10);
}

static bool
null_at(struct gp_sql_statement *sql_st, int column)
{
	const struct statement *st = its(sql_st);
	return gp_pq.getisnull(st->result, st->row, column);
}

static struct gp_slice
text_at(struct gp_sql_statement *sql_st, int column)
{
	const struct statement *st = its(sql_st);
	return gp_slice(gp_pq.getvalue(st->result, st->row, column),
			(size_t)gp_pq.getlength(st->result, st->row, column));
}

/* "\x0a01ff" */
static size_t
octets_at(struct gp_sql_statement *sql_st, int column, uint8_t *ret, size_t size)
{
	struct gp_slice hex = gp_slice_drop(text_at(sql_st, column), 2);
	size_t len = 0;
	for (; len < size && hex.len >= 2; hex = gp_slice_drop(hex, 2))
		ret[len++] = (uint8_t)(gp_ascii_hex(hex.ptr[0]) << 4 | gp_ascii_hex(hex.ptr[1]));
	return len;
}

static int
insert(struct gp_sql_statement *sql_st, int64_t *ret_id)
{
	its(sql_st)->form = GP_DIALECT_INSERT;
	int r = step(sql_st);
	if (r != 1)
		return r < 0 ? r : 1;
	*ret_id = int_at(sql_st, 0);
	reset(sql_st);
	return 0;
}

static void
finalise(struct gp_sql_statement *sql_st)
{
	struct statement *st = its(sql_st), **at = &st->db->waiting;
	while (*at && *at != st)
		at = &(*at)->next;
	if (*at)
		*at = st->next;
	reset(sql_st);
	for (size_t i = 0; i < PARAMETERS_MAX; i++) {
		gp_buf_free(&st->parameter[i].mended);
		gp_buf_free(&st->parameter[i].column);
	}
	free(st);
}

/* --- transactions --- */

static int
push(struct gp_sql *sql)
{
	return send_waiting((struct database *)sql);
}

static int
number_on(struct gp_sql *sql, const char *table)
{
	char text[128];
	int r = push(sql);
	snprintf(text, sizeof(text),
		 "SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %s", table,
		 table);
	return r == 0 ? gp_pglink_send(its_link(sql), text) : r;
}

static int
begin(struct gp_sql *sql)
{
	struct gp_pglink *l = its_link(sql);
	int r = gp_pglink_mend(l);
	if (r < 0)
		return r;
	l->in_transaction = true;
	/* What others did before the lock was had has to be seen. */
	r = gp_pglink_send(l, "BEGIN ISOLATION LEVEL READ COMMITTED");
	return r == 0 ? gp_pglink_send(l, LOCK) : r;
}

static int
commit(struct gp_sql *sql)
{
	struct gp_pglink *l = its_link(sql);
	PGresult *result = NULL;
	int r = push(sql);
	if (r == 0)
		r = gp_pglink_send(l, "COMMIT");
	if (r == 0)
		r = gp_pglink_settle(l, &result);
	/* It says ROLLBACK where that is what it did. */
	if (r == 0 && strcmp(gp_pq.cmdStatus(result), "COMMIT") != 0)
		r = gp_pglink_fail(l, -EIO, "the transaction was not kept");
	gp_pq.clear(result);
	if (r == 0)
		gp_pglink_end(l);
	return r;
}

static void
rollback(struct gp_sql *sql)
{
	forget_waiting((struct database *)sql);
	if (its_link(sql)->in_transaction)
		gp_pglink_rollback(its_link(sql));
}

static int
save(struct gp_sql *sql)
{
	int r = push(sql);
	return r == 0 ? gp_pglink_send(its_link(sql), "SAVEPOINT document") : r;
}

static int
undo(struct gp_sql *sql)
{
	forget_waiting((struct database *)sql);
	return gp_pglink_send(its_link(sql), "ROLLBACK TO document");
}

static int
release(struct gp_sql *sql)
{
	int r = push(sql);
	return r == 0 ? gp_pglink_send(its_link(sql), "RELEASE document") : r;
}

/* --- the database --- */

static struct gp_sql *
close_database(struct gp_sql *sql)
{
	gp_pglink_close(its_link(sql));
	free(sql);
	return NULL;
}

static void
stay(struct gp_sql *sql)
{
	/* What fails here says the next who asks. */
	(void)gp_pglink_stay(its_link(sql));
}

static bool
lost(const struct gp_sql *sql)
{
	return gp_pglink_lost(&((const struct database *)sql)->link);
}

static const char *
why(const struct gp_sql *sql)
{
	return ((const struct database *)sql)->link.why;
}

/* How many steps were taken: 0 where there are no tables yet. */
static int
read_version(struct gp_pglink *l, size_t *ret)
{
	PGresult *result = NULL;
	*ret = 0;
	/* By way of a table: what others did meanwhile is known once one was looked at. */
	int r = gp_pglink_execute(
		l, "SELECT count(*) FROM pg_class WHERE oid = to_regclass('gatepost_tables')",
		&result);
	bool there = r == 0 && strcmp(gp_pq.getvalue(result, 0, 0), "0") != 0;
	gp_pq.clear(result);
	if (!there)
		return r;
	r = gp_pglink_execute(l, "SELECT max(version) FROM gatepost_tables", &result);
	if (r < 0)
		return r;
	*ret = (size_t)strtoull(gp_pq.getvalue(result, 0, 0), NULL, 10);
	gp_pq.clear(result);
	return 0;
}

static int
take_step(struct gp_pglink *l, const char *step)
{
	struct gp_buf text = GP_BUF_INIT(STATEMENT_MAX);
	(void)gp_dialect_translate(&text, step, GP_DIALECT_PLAIN, NULL);
	gp_buf_put_char(&text, '\0');
	int r = text.failed ? -ENOMEM : gp_pglink_execute(l, gp_buf_slice(&text).ptr, NULL);
	gp_buf_free(&text);
	return r;
}

/* Nobody else takes the same ones meanwhile. */
static int
take_steps(struct gp_pglink *l, const char *const *steps, size_t len)
{
	size_t version = 0;
	char text[128];
	int r = gp_pglink_execute(l, "BEGIN; " LOCK, NULL);
	if (r == 0)
		r = gp_pglink_take_time(l);
	if (r == 0)
		r = gp_pglink_settle(l, NULL);
	if (r == 0)
		r = read_version(l, &version);
	if (r == 0 && version > len)
		r = -EPROTO;
	if (r == 0 && version == 0)
		r = gp_pglink_execute(l, "CREATE TABLE gatepost_tables (version BIGINT NOT NULL)",
				      NULL);
	for (size_t i = version; r == 0 && i < len; i++)
		r = take_step(l, steps[i]);
	snprintf(text, sizeof(text), "INSERT INTO gatepost_tables VALUES (%zu); COMMIT", len);
	if (r == 0)
		r = gp_pglink_execute(l, text, NULL);
	if (r < 0) {
		struct gp_pglink before = *l;
		(void)gp_pglink_execute(l, "ROLLBACK", NULL);
		memcpy(l->why, before.why, sizeof(l->why));
	}
	gp_pglink_end(l);
	return r;
}

static int
migrate(struct gp_sql *sql, const char *const *steps, size_t len)
{
	struct gp_pglink *l = its_link(sql);
	size_t version = 0;
	int r = read_version(l, &version);
	if (r < 0 || version == len)
		return r;
	if (version > len)
		return -EPROTO;
	if (version == 0 && !((const struct database *)sql)->makes)
		return -ENOENT;
	if (!l->writes)
		return -EPROTO;
	return take_steps(l, steps, len);
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
gp_postgres_open(const char *where, enum gp_reportdb_mode mode, struct gp_sql **ret)
{
	struct database *db = calloc(1, sizeof(*db));
	*ret = db ? &db->sql : NULL;
	if (!db)
		return -ENOMEM;
	db->sql.engine = &engine;
	db->makes = mode >= GP_REPORTDB_MAKE;
	return gp_pglink_open(&db->link, where, mode != GP_REPORTDB_READ);
}
