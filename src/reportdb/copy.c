/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "reportdb/parts.h"

enum {
	TEXT_MAX = 256, /* of a statement */
	COLUMNS_MAX = 32,
	OCTETS_MAX = GP_BLOCK_FULL + 2 * GP_DETAIL_MAX + 1, /* of a block, which has less */
	PAGE = 1000,        /* rows that go together; reports that are told between two syncs */
	HELD_MAX = 1 << 20, /* octets of rows that go together, but for the last one */
	ARENA_MAX = 8 << 20,
};

/* All of schema.c, but for `counts`. By column: i a number, t a text, o octets; I and O may be
 * NULL. */
struct table {
	const char *name, *columns;
};

static const struct table tables[] = {
	{"report", "iiitttiittttiiiiiiitttiiiii"},
	{"record", "ioiii"},
	{"detail", "iiiiitttttt"},
	{"block", "iiooo"},
	{"tls_policy", "iittttii"},
	{"tls_failure", "iiittttttti"},
	{"failure", "ittOttttttttttiit"},
	{"flaw", "iIiitti"},
	{"day", "itiiiiiiiiii"},
	{"source_day", "itioiiiiiiiii"},
	{"source_week", "iioiiiiiiiiii"},
	{"source_span", "itioiiiiiiiii"},
	{"source", "itoii"},
	{"selector_day", "itittiii"},
	{"spf_day", "itittiii"},
	{"override_day", "itiiii"},
	{"reporter_day", "itiitiiiii"},
	{"policy", "itiiiiiiiiii"},
	{"tls_day", "ititii"},
	{"tls_failure_day", "itittti"},
	{"tally", "ti"},
	{"kept", "iiii"},
	{"name", "otiii"},
};

/*
 * What is counted of no report that is kept. `known`: what a database has counted itself, which is
 * what it has without what others have, and what it knows of those; but for the one of number ?1,
 * and of days before ?2. Where it comes to, what that one has counted itself is left alone
 * (`without`), and all that is known of others is added to it in the end (`with`).
 */
static const struct counts {
	struct table rows;
	const char *known, *without, *put, *with;
} counts[] = {
	{{"tally", "iti"},
	 "SELECT origin, name, value FROM (SELECT origin, name, value - coalesce((SELECT"
	 " sum(value) FROM tally_of o WHERE o.name = t.name), 0) AS value FROM self, tally t"
	 " WHERE name IN ('duplicates', 'refused', 'old')"
	 " UNION ALL SELECT origin, name, value FROM tally_of) AS known WHERE origin <> ?1"
	 " AND value > 0",
	 "UPDATE tally SET value = value - (SELECT sum(value) FROM tally_of o"
	 " WHERE o.name = tally.name) WHERE name IN (SELECT name FROM tally_of)",
	 "INSERT INTO tally_of AS t (origin, name, value) VALUES (?, ?, ?)"
	 " ON CONFLICT (name, origin) DO UPDATE SET value = excluded.value"
	 " WHERE excluded.value > t.value",
	 "INSERT INTO tally AS t SELECT name, sum(value) FROM tally_of WHERE true GROUP BY name"
	 " ON CONFLICT (name) DO UPDATE SET value = t.value + excluded.value"},
	{{"over_limit", "iitii"},
	 "SELECT origin, day, reporter, reports, octets FROM (SELECT origin, day, reporter,"
	 " reports - coalesce((SELECT sum(reports) FROM over_limit_of o WHERE o.day = l.day"
	 " AND o.reporter = l.reporter), 0) AS reports, octets - coalesce((SELECT sum(octets)"
	 " FROM over_limit_of o WHERE o.day = l.day AND o.reporter = l.reporter), 0) AS octets"
	 " FROM self, over_limit l UNION ALL SELECT origin, day, reporter, reports, octets"
	 " FROM over_limit_of) AS known WHERE origin <> ?1 AND day >= ?2 AND reports > 0",
	 "UPDATE over_limit SET reports = reports - (SELECT sum(reports) FROM over_limit_of o"
	 " WHERE o.day = over_limit.day AND o.reporter = over_limit.reporter), octets = octets -"
	 " (SELECT sum(octets) FROM over_limit_of o WHERE o.day = over_limit.day"
	 " AND o.reporter = over_limit.reporter) WHERE EXISTS (SELECT 1 FROM over_limit_of o"
	 " WHERE o.day = over_limit.day AND o.reporter = over_limit.reporter)",
	 "INSERT INTO over_limit_of AS t (origin, day, reporter, reports, octets)"
	 " VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, reporter, origin) DO UPDATE SET"
	 " reports = excluded.reports, octets = excluded.octets"
	 " WHERE excluded.reports > t.reports",
	 "INSERT INTO over_limit AS t SELECT day, reporter, sum(reports), sum(octets)"
	 " FROM over_limit_of WHERE true GROUP BY day, reporter ON CONFLICT (day, reporter)"
	 " DO UPDATE SET reports = t.reports + excluded.reports,"
	 " octets = t.octets + excluded.octets"},
};

struct copy {
	struct gp_reportdb *from, *to;
	struct gp_reportdb_copied *counts;
	struct gp_reportdb *failed; /* NULL: neither of them */
	int64_t to_origin;          /* 0: it has none */
	uint8_t *octets;            /* of one value */
	struct gp_arena arena;
};

/* r, of a call about that database. */
static int
note(struct copy *c, struct gp_reportdb *db, int r)
{
	if (r < 0 && !c->failed)
		c->failed = db;
	return r;
}

/* --- statements that are needed once --- */

static struct gp_sql_statement *
prepare(struct copy *c, struct gp_reportdb *db, const char *text, enum gp_sql_use use)
{
	struct gp_sql_statement *st = gp_sql_prepare(db->sql, text, use);
	if (!st)
		(void)note(c, db, gp_sql_error(db->sql));
	return st;
}

static int
unprepared(const struct copy *c)
{
	gp_assert(c->failed); /* by prepare() */
	return gp_sql_error(c->failed->sql);
}

/* Whether it has a row; -errno. */
static int
has_row(struct copy *c, struct gp_reportdb *db, const char *text)
{
	struct gp_sql_statement *st = prepare(c, db, text, GP_SQL_FEW);
	if (!st)
		return unprepared(c);
	int r = note(c, db, gp_sql_step(st));
	gp_sql_finalise(st);
	return r;
}

static int
execute(struct copy *c, struct gp_reportdb *db, const char *text)
{
	struct gp_sql_statement *st = prepare(c, db, text, GP_SQL_FEW);
	if (!st)
		return unprepared(c);
	int r = note(c, db, gp_sql_run(st));
	gp_sql_finalise(st);
	return r;
}

/* --- rows from one to the other --- */

/* What goes together has no NULL. */
static bool
goes_together(const struct table *t)
{
	return !strpbrk(t->columns, "IO");
}

/* What was read of it, for as long as the arena has it. */
static struct gp_slice
octets_at(struct copy *c, struct gp_sql_statement *in, int column)
{
	size_t len = gp_sql_octets_at(in, column, c->octets, OCTETS_MAX);
	/* More than there can be. */
	if (len == OCTETS_MAX)
		c->arena.failed = true;
	return gp_arena_dup(&c->arena, gp_slice((const char *)c->octets, len));
}

/* Binds a row's values. Returns how many octets of the arena they take. */
static size_t
bind_row(struct copy *c, const char *columns, struct gp_sql_statement *in,
	 struct gp_sql_statement *out)
{
	size_t held = 0;
	for (int i = 0; columns[i]; i++) {
		bool is_text = columns[i] == 't',
		     is_number = columns[i] == 'i' || columns[i] == 'I';
		struct gp_slice value = {};
		if (is_text)
			value = gp_arena_dup(&c->arena, gp_sql_text_at(in, i));
		else if (!is_number)
			value = octets_at(c, in, i);
		held += value.len;
		if (gp_sql_null_at(in, i))
			gp_sql_bind_null(out, i + 1);
		else if (is_number)
			gp_sql_bind_int(out, i + 1, gp_sql_int_at(in, i));
		else if (is_text)
			gp_sql_bind_text(out, i + 1, value);
		else
			gp_sql_bind_octets(out, i + 1, value);
	}
	return held;
}

/* Rows that wait are held by the arena. */
static int
send_rows(struct copy *c)
{
	int r = note(c, c->to, c->arena.failed ? -ENOMEM : gp_sql_push(c->to->sql));
	gp_arena_reset(&c->arena);
	return r;
}

static int
copy_rows(struct copy *c, const struct table *t, struct gp_sql_statement *in,
	  struct gp_sql_statement *out)
{
	size_t rows = 0, held = 0;
	int r;
	gp_arena_reset(&c->arena);
	while ((r = note(c, c->from, gp_sql_step(in))) == 1) {
		held += bind_row(c, t->columns, in, out);
		r = note(c, c->to, goes_together(t) ? gp_sql_put(out) : gp_sql_run(out));
		if (r == 0 && (++rows % PAGE == 0 || held > HELD_MAX)) {
			r = send_rows(c);
			held = 0;
		}
		if (r < 0)
			break;
	}
	if (r == 0)
		r = send_rows(c);
	/* Those that wait go before their statement does. */
	return r < 0 ? gp_give_up(c->to, r) : 0;
}

/* --- what was counted --- */

/* The number by which others know the database; 0: it has none yet. */
static int
read_origin(struct copy *c, struct gp_reportdb *db, int64_t *ret)
{
	struct gp_sql_statement *st = prepare(c, db, "SELECT origin FROM self", GP_SQL_FEW);
	*ret = 0;
	if (!st)
		return unprepared(c);
	int r = note(c, db, gp_sql_step(st));
	if (r == 1)
		*ret = gp_sql_int_at(st, 0);
	gp_sql_finalise(st);
	return GP_MIN(r, 0);
}

/* It is on disk before anybody else has it. */
static int
make_origin(struct copy *c, struct gp_reportdb *db)
{
	int64_t number;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return note(c, db, -EIO);
	struct gp_sql_statement *st =
		prepare(c, db, "INSERT INTO self SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM self)",
			GP_SQL_FEW);
	if (!st)
		return unprepared(c);
	gp_sql_bind_int(st, 1, number);
	int r = note(c, db, gp_transaction(db));
	if (r == 0)
		r = note(c, db, gp_sql_run(st));
	gp_sql_finalise(st);
	return r == 0 ? note(c, db, gp_reportdb_sync(db)) : gp_give_up(db, r);
}

/* Between transactions. */
static int
number_origin(struct copy *c)
{
	int64_t number;
	int r = read_origin(c, c->from, &number);
	return r == 0 && number == 0 ? make_origin(c, c->from) : r;
}

static int
put_counts(struct copy *c, const struct counts *k)
{
	struct gp_sql_statement *in = prepare(c, c->from, k->known, GP_SQL_MANY);
	struct gp_sql_statement *out = in ? prepare(c, c->to, k->put, GP_SQL_PUTS) : NULL;
	int r = out ? 0 : unprepared(c);
	if (out) {
		gp_sql_bind_int(in, 1, c->to_origin);
		if (k->rows.columns[1] == 'i')
			gp_sql_bind_int(in, 2, c->to->forgotten_before);
		r = copy_rows(c, &k->rows, in, out);
	}
	gp_sql_finalise(in);
	gp_sql_finalise(out);
	return r;
}

/* Within a transaction of `to`, in which it gets no number: nobody has counts of one that has none,
 * and another copy may have brought its own to where these come from until then. */
static int
add_counts(struct copy *c)
{
	int r = read_origin(c, c->to, &c->to_origin);
	for (size_t i = 0; r == 0 && i < GP_ARRAY_LEN(counts); i++) {
		r = execute(c, c->to, counts[i].without);
		if (r == 0)
			r = put_counts(c, &counts[i]);
		if (r == 0)
			r = execute(c, c->to, counts[i].with);
	}
	return r;
}

/* --- all tables, as they are --- */

static int
copy_table(struct copy *c, const struct table *t)
{
	char select[TEXT_MAX], insert[TEXT_MAX], values[4 * COLUMNS_MAX] = "?";
	size_t columns = strlen(t->columns);
	gp_assert(columns <= COLUMNS_MAX);
	for (size_t i = 1; i < columns; i++)
		memcpy(values + 3 * i - 2, ", ?", sizeof(", ?"));
	snprintf(select, sizeof(select), "SELECT * FROM %s", t->name);
	snprintf(insert, sizeof(insert), "INSERT INTO %s VALUES (%s)", t->name, values);
	struct gp_sql_statement *in = prepare(c, c->from, select, GP_SQL_MANY);
	struct gp_sql_statement *out =
		in ? prepare(c, c->to, insert, goes_together(t) ? GP_SQL_PUTS : GP_SQL_FEW) : NULL;
	int r = out ? copy_rows(c, t, in, out) : unprepared(c);
	gp_sql_finalise(in);
	gp_sql_finalise(out);
	return r;
}

static int
count_copied(struct copy *c)
{
	struct gp_reportdb_health h;
	int r = note(c, c->to, gp_reportdb_health(c->to, &h));
	if (r < 0)
		return r;
	c->counts->reports = h.aggregates + h.tls + h.failures;
	struct gp_sql_statement *st =
		prepare(c, c->to, "SELECT count(*) FROM flaw WHERE report IS NULL", GP_SQL_FEW);
	if (!st)
		return unprepared(c);
	r = note(c, c->to, gp_sql_step(st));
	if (r == 1)
		c->counts->refused = gp_count_at(st, 0);
	gp_sql_finalise(st);
	c->to->forgotten_before = h.forgotten_before_day;
	return GP_MIN(r, 0);
}

/* Within transactions of both. */
static int
copy_tables(struct copy *c)
{
	/* Who opened it may have written down that nothing old is to come. */
	int r = execute(c, c->to, "DELETE FROM tally");
	for (size_t i = 0; r == 0 && i < GP_ARRAY_LEN(tables); i++)
		r = copy_table(c, &tables[i]);
	/* What was counted is another's here. */
	if (r == 0)
		r = execute(c, c->to,
			    "DELETE FROM tally WHERE name IN ('duplicates', 'refused', 'old')");
	if (r == 0)
		r = add_counts(c);
	/* Those of reports go on of themselves. */
	return r == 0 ? note(c, c->to, gp_sql_number_on(c->to->sql, "flaw")) : r;
}

static int
copy_all(struct copy *c)
{
	int64_t forgotten = c->to->forgotten_before;
	int r = note(c, c->from, gp_sql_begin(c->from->sql));
	if (r == 0)
		r = copy_tables(c);
	gp_sql_rollback(c->from->sql);
	if (r == 0)
		r = note(c, c->to, gp_reportdb_sync(c->to));
	if (r == 0)
		r = count_copied(c);
	return r == 0 ? note(c, c->to, gp_reportdb_forget(c->to, forgotten)) : r;
}

/* --- one report after the other --- */

/* 1: it is there; 0; -errno. */
static int
is_there(struct copy *c, const struct gp_reportdb_report *p)
{
	struct gp_sql_statement *st = gp_statement(c->to, ST_FIND_REPORT);
	if (!st)
		return note(c, c->to, gp_sql_error(c->to->sql));
	gp_sql_bind_int(st, 1, p->kind);
	gp_sql_bind_int(st, 2, p->authenticated);
	gp_sql_bind_text(st, 3, p->org);
	gp_sql_bind_text(st, 4, p->id);
	gp_sql_bind_text(st, 5, p->domain);
	gp_sql_bind_int(st, 6, p->begin);
	gp_sql_bind_int(st, 7, p->end);
	int r = note(c, c->to, gp_next_row(c->to, ST_FIND_REPORT));
	gp_reset(c->to, ST_FIND_REPORT);
	return r;
}

/* A document begins, and ends; between them it is told. */
static int
begin(struct copy *c, struct gp_slice file, bool authenticated, int64_t received_s)
{
	const struct gp_reportdb_origin origin = {file, authenticated, received_s};
	return note(c, c->to, gp_reportdb_begin(c->to, &origin));
}

static int
end(struct copy *c, const char *refused)
{
	struct gp_reportdb_result result;
	int r = note(c, c->to, gp_reportdb_end(c->to, refused, &result));
	if (r < 0)
		return r;
	c->counts->reports += result.outcome == GP_REPORTDB_KEPT;
	c->counts->there += result.outcome == GP_REPORTDB_DUPLICATE;
	c->counts->old += result.outcome == GP_REPORTDB_OLD;
	c->counts->refused += result.outcome == GP_REPORTDB_REFUSED;
	return 0;
}

/* Of many flaws the first are there; the others were counted, and are again. */
static int
tell_left_flaws(struct copy *c, const struct gp_reportdb_report *p)
{
	const struct gp_document *d = &c->to->doc;
	int r = 0;
	while (r == 0 && d->flaws_len == GP_REPORTDB_FLAWS_MAX && d->flaws_told < p->flaws)
		r = gp_document_flaw(c->to, 1, d->lost < p->lost, "");
	return note(c, c->to, GP_MIN(r, 0));
}

static int
copy_report(struct copy *c, uint64_t number)
{
	struct gp_reportdb_report p;
	gp_arena_reset(&c->arena);
	int r = note(c, c->from, gp_reportdb_report(c->from, number, &c->arena, &p));
	/* 1: it was forgotten meanwhile. */
	if (r != 0)
		return GP_MIN(r, 0);
	r = is_there(c, &p);
	if (r != 0) {
		c->counts->there += r == 1;
		return GP_MIN(r, 0);
	}
	r = begin(c, p.file, p.authenticated, p.received_s);
	if (r < 0)
		return r;
	struct gp_ingest_listener told = gp_reportdb_listener(c->to);
	r = gp_reportdb_tell(c->from, number, &told);
	/* What it could not take, its end says. */
	if (r < 0 && c->to->doc.error == 0)
		return note(c, c->from, r);
	r = c->to->doc.outcome == GP_REPORTDB_KEPT ? tell_left_flaws(c, &p) : 0;
	return r == 0 ? end(c, NULL) : r;
}

/* The numbers of reports behind that one. */
static int
read_page(struct copy *c, uint64_t after, uint64_t numbers[PAGE], size_t *ret_len)
{
	struct gp_sql_statement *st =
		prepare(c, c->from, "SELECT id FROM report WHERE id > ?1 ORDER BY id LIMIT 1000",
			GP_SQL_FEW);
	int r;
	*ret_len = 0;
	if (!st)
		return unprepared(c);
	gp_sql_bind_int(st, 1, (int64_t)after);
	while ((r = note(c, c->from, gp_sql_step(st))) == 1 && *ret_len < PAGE)
		numbers[(*ret_len)++] = gp_count_at(st, 0);
	gp_sql_finalise(st);
	return GP_MIN(r, 0);
}

static int
copy_reports(struct copy *c)
{
	uint64_t numbers[PAGE], last = 0;
	size_t len = 0;
	int r;
	do {
		r = read_page(c, last, numbers, &len);
		struct gp_reportdb_copied before = *c->counts;
		for (size_t i = 0; r == 0 && i < len; i++)
			r = copy_report(c, last = numbers[i]);
		if (r == 0)
			r = note(c, c->to, gp_reportdb_sync(c->to));
		if (r < 0)
			*c->counts = before;
	} while (r == 0 && len > 0);
	return r;
}

/* Documents in quarantine, each with its reason once. */
static int
copy_refused(struct copy *c, struct gp_sql_statement *in, struct gp_sql_statement *known)
{
	int r;
	while ((r = note(c, c->from, gp_sql_step(in))) == 1) {
		gp_arena_reset(&c->arena);
		struct gp_slice file = gp_arena_dup(&c->arena, gp_sql_text_at(in, 0));
		const char *why = gp_arena_str(&c->arena, gp_sql_text_at(in, 1));
		if (!why)
			return note(c, c->to, -ENOMEM);
		gp_sql_bind_text(known, 1, file);
		gp_sql_bind_text(known, 2, gp_slice_str(why));
		r = note(c, c->to, gp_sql_step(known));
		gp_sql_reset(known);
		if (r == 0)
			r = begin(c, file, true, gp_sql_int_at(in, 2));
		else if (r == 1)
			continue;
		if (r == 0)
			r = end(c, why);
		if (r < 0)
			return r;
	}
	return r;
}

static int
copy_quarantine(struct copy *c)
{
	struct gp_sql_statement *in =
		prepare(c, c->from,
			"SELECT file, why, received_s FROM flaw WHERE report IS NULL ORDER BY id",
			GP_SQL_MANY);
	struct gp_sql_statement *known =
		in ? prepare(c, c->to,
			     "SELECT 1 FROM flaw WHERE report IS NULL AND file = ?1 AND why = ?2",
			     GP_SQL_FEW)
		   : NULL;
	int r = known ? copy_refused(c, in, known) : unprepared(c);
	gp_sql_finalise(in);
	gp_sql_finalise(known);
	return r == 0 ? note(c, c->to, gp_reportdb_sync(c->to)) : r;
}

/* What was looked up last is what it is called. */
static int
copy_names(struct copy *c)
{
	static const struct table name = {"name", "otiii"};
	struct gp_sql_statement *in = prepare(c, c->from, "SELECT * FROM name", GP_SQL_MANY);
	struct gp_sql_statement *out =
		in ? prepare(c, c->to,
			     "INSERT INTO name VALUES (?, ?, ?, ?, ?) ON CONFLICT (source) DO "
			     "UPDATE"
			     " SET name = excluded.name, looked_s = excluded.looked_s,"
			     " next_s = excluded.next_s, failures = excluded.failures"
			     " WHERE excluded.looked_s > name.looked_s",
			     GP_SQL_PUTS)
		   : NULL;
	int r = out ? note(c, c->to, gp_transaction(c->to)) : unprepared(c);
	if (r == 0)
		r = copy_rows(c, &name, in, out);
	gp_sql_finalise(in);
	gp_sql_finalise(out);
	return r == 0 ? note(c, c->to, gp_reportdb_sync(c->to)) : r;
}

static int
copy_counts(struct copy *c)
{
	int r = note(c, c->to, gp_transaction(c->to));
	if (r == 0)
		r = add_counts(c);
	return r == 0 ? note(c, c->to, gp_reportdb_sync(c->to)) : r;
}

static int
tell_all(struct copy *c)
{
	int r = copy_reports(c);
	if (r == 0)
		r = copy_quarantine(c);
	if (r == 0)
		r = copy_names(c);
	return r == 0 ? copy_counts(c) : r;
}

/* --- either --- */

/* 0: it is, and nobody else puts something into it before its transaction ends; 1: it is not. */
static int
begin_if_empty(struct copy *c)
{
	int r = note(c, c->to, gp_transaction(c->to));
	if (r == 0)
		r = has_row(c, c->to,
			    "SELECT 1 FROM report UNION ALL SELECT 1 FROM flaw UNION ALL"
			    " SELECT 1 FROM tally WHERE name NOT LIKE 'forgotten%'"
			    " UNION ALL SELECT 1 FROM name UNION ALL SELECT 1 FROM kept UNION ALL"
			    " SELECT 1 FROM over_limit LIMIT 1");
	int synced = r == 1 ? note(c, c->to, gp_reportdb_sync(c->to)) : 0;
	return synced < 0 ? synced : r;
}

int
gp_reportdb_copy(struct gp_reportdb *from, struct gp_reportdb *to, struct gp_reportdb_copied *ret,
		 struct gp_reportdb **ret_failed)
{
	struct copy c = {.from = from, .to = to, .counts = ret, .octets = malloc(OCTETS_MAX)};
	c.arena = GP_ARENA_INIT(ARENA_MAX);
	*ret = (struct gp_reportdb_copied){};
	to->copies = true;
	int r = c.octets ? number_origin(&c) : -ENOMEM;
	if (r == 0)
		r = begin_if_empty(&c);
	if (r == 0)
		r = copy_all(&c);
	else if (r == 1)
		r = tell_all(&c);
	if (r < 0)
		(void)gp_give_up(to, r);
	to->copies = false;
	*ret_failed = c.failed ? c.failed : to;
	free(c.octets);
	gp_arena_free(&c.arena);
	return r;
}
