/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention. What is forgotten at once is little, so that nobody waits for long for who forgets,
 * nor a server's time is up. So each statement finds its rows by their key and does not look
 * through a table, and how many they are is known beforehand, but where they are few.
 *
 * First it is written down that nothing old may come any more, and last that all of it has gone.
 * Between them it may end at any point, and begins again then: where nothing is left there is
 * little to do.
 */
#include <errno.h>

#include "reportdb/parts.h"

/* What a slice may cost, and what costs how much: in rows that are deleted. */
enum {
	SLICE = 10'000,
	QUESTION = 50,    /* its answer is waited for */
	REPORT = 10,      /* without its records, */
	RECORDS_PER = 10, /* of which so many cost one */

	PAGE = 100,      /* reports that are asked for at once */
	SOURCES = 2000,  /* that go, or are looked at, at once */
	TRUSTED_MAX = 1, /* the columns of that name */
	KINDS = GP_INGEST_FAILURE + 1,
};

/* The next day of a domain behind another one. */
#define NEXT(table_)                               \
	"SELECT trusted, domain, day FROM " table_ \
	" WHERE (trusted, domain, day) > (?1, ?2, ?3) ORDER BY trusted, domain, day LIMIT 1"
#define DROP(table_) "DELETE FROM " table_ " WHERE trusted = ?1 AND domain = ?2 AND day = ?3"
#define OF_REPORT(table_) "DELETE FROM " table_ " WHERE report = ?1"

enum statement {
	BEGIN = 0,
	IS_FORGOTTEN,
	OLD_REPORTS,
	LESS_KEPT,
	DROP_BLOCKS, /* of a report, and then itself */
	DROP_RECORDS,
	DROP_DETAILS,
	DROP_TLS_POLICIES,
	DROP_TLS_FAILURES,
	DROP_FAILURE,
	DROP_FLAWS,
	DROP_REPORT,
	SOURCE_DAY, /* the next one; the following three are what goes of it */
	SOURCE_DAY_BOUND,
	SOURCE_DAY_PART,
	SOURCE_DAY_DROP,
	SOURCE_WEEK,
	SOURCE_WEEK_BOUND,
	SOURCE_WEEK_PART,
	SOURCE_WEEK_DROP,
	SOURCE_SPAN,
	SOURCE_SPAN_BOUND,
	SOURCE_SPAN_PART,
	SOURCE_SPAN_DROP,
	DAY, /* and other tables: the next one, and what goes */
	DAY_DROP,
	SELECTOR_DAY,
	SELECTOR_DAY_DROP,
	SPF_DAY,
	SPF_DAY_DROP,
	OVERRIDE_DAY,
	OVERRIDE_DAY_DROP,
	REPORTER_DAY,
	REPORTER_DAY_DROP,
	TLS_DAY,
	TLS_DAY_DROP,
	TLS_FAILURE_DAY,
	TLS_FAILURE_DAY_DROP,
	SOURCE_BOUND,
	SOURCE_DROP,
	NAME_BOUND,
	NAME_DROP,
	REST,
	END = REST + 4,
	STATEMENTS_HERE,
};
static_assert((int)STATEMENTS_HERE == (int)GP_FORGET_STATEMENTS);

static const char *const texts[STATEMENTS_HERE] = {
	[BEGIN] = "INSERT INTO tally VALUES ('forgotten_before_day', ?1)"
		  " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	[IS_FORGOTTEN] = "SELECT value FROM tally WHERE name = 'forgotten_all_before_day'",
	[OLD_REPORTS] = "SELECT id, kind, records FROM report WHERE trusted = ?3"
			" AND end_s <= ?1 * 86400 AND begin_s < ?1 * 86400"
			" ORDER BY end_s, id LIMIT ?2",
	[LESS_KEPT] = "UPDATE kept SET reports = reports - ?3 WHERE kind = ?1 AND trusted = ?2",
	[DROP_BLOCKS] = OF_REPORT("block"),
	[DROP_RECORDS] = OF_REPORT("record"),
	[DROP_DETAILS] = OF_REPORT("detail"),
	[DROP_TLS_POLICIES] = OF_REPORT("tls_policy"),
	[DROP_TLS_FAILURES] = OF_REPORT("tls_failure"),
	[DROP_FAILURE] = OF_REPORT("failure"),
	[DROP_FLAWS] = OF_REPORT("flaw"),
	[DROP_REPORT] = "DELETE FROM report WHERE id = ?1",
	/* ?4: so many sources further, and the source that is there. */
	[SOURCE_DAY] = NEXT("source_day"),
	[SOURCE_DAY_BOUND] = "SELECT source FROM source_day WHERE trusted = ?1 AND domain = ?2"
			     " AND day = ?3 ORDER BY source LIMIT 1 OFFSET ?4",
	[SOURCE_DAY_PART] = DROP("source_day") " AND source < ?4",
	[SOURCE_DAY_DROP] = DROP("source_day"),
	/* Of all domains. */
	[SOURCE_WEEK] = "SELECT trusted, ?2, week FROM source_week"
			" WHERE (trusted, week) > (?1, ?3) ORDER BY trusted, week LIMIT 1",
	[SOURCE_WEEK_BOUND] = "SELECT source FROM source_week WHERE trusted = ?1 AND week = ?3"
			      " ORDER BY source LIMIT 1 OFFSET ?4",
	[SOURCE_WEEK_PART] = "DELETE FROM source_week WHERE trusted = ?1 AND week = ?3"
			     " AND source < ?4",
	[SOURCE_WEEK_DROP] = "DELETE FROM source_week WHERE trusted = ?1 AND week = ?3",
	[SOURCE_SPAN] =
		"SELECT trusted, domain, span FROM source_span WHERE (trusted, domain, span)"
		" > (?1, ?2, ?3) ORDER BY trusted, domain, span LIMIT 1",
	[SOURCE_SPAN_BOUND] = "SELECT source FROM source_span WHERE trusted = ?1 AND domain = ?2"
			      " AND span = ?3 ORDER BY source LIMIT 1 OFFSET ?4",
	[SOURCE_SPAN_PART] = "DELETE FROM source_span WHERE trusted = ?1 AND domain = ?2"
			     " AND span = ?3 AND source < ?4",
	[SOURCE_SPAN_DROP] = "DELETE FROM source_span WHERE trusted = ?1 AND domain = ?2"
			     " AND span = ?3",
	[DAY] = NEXT("day"),
	[DAY_DROP] = DROP("day"),
	[SELECTOR_DAY] = NEXT("selector_day"),
	[SELECTOR_DAY_DROP] = DROP("selector_day"),
	[SPF_DAY] = NEXT("spf_day"),
	[SPF_DAY_DROP] = DROP("spf_day"),
	[OVERRIDE_DAY] = NEXT("override_day"),
	[OVERRIDE_DAY_DROP] = DROP("override_day"),
	[REPORTER_DAY] = NEXT("reporter_day"),
	[REPORTER_DAY_DROP] = DROP("reporter_day"),
	[TLS_DAY] = NEXT("tls_day"),
	[TLS_DAY_DROP] = DROP("tls_day"),
	[TLS_FAILURE_DAY] = NEXT("tls_failure_day"),
	[TLS_FAILURE_DAY_DROP] = DROP("tls_failure_day"),
	[SOURCE_BOUND] = "SELECT trusted, domain, source FROM source"
			 " WHERE (trusted, domain, source) > (?1, ?2, ?3)"
			 " ORDER BY trusted, domain, source LIMIT 1 OFFSET ?4",
	[SOURCE_DROP] = "DELETE FROM source WHERE (trusted, domain, source) > (?1, ?2, ?3)"
			" AND (trusted, domain, source) <= (?4, ?5, ?6) AND last_day < ?7",
	[NAME_BOUND] =
		"SELECT source FROM name WHERE source > ?1 ORDER BY source LIMIT 1 OFFSET ?2",
	[NAME_DROP] = "DELETE FROM name WHERE source > ?1 AND source <= ?2 AND NOT EXISTS"
		      " (SELECT 1 FROM source WHERE trusted = 1 AND domain = ''"
		      " AND source.source = name.source)",
	[REST] = "DELETE FROM flaw WHERE report IS NULL AND received_s < ?1 * 86400",
	[REST + 1] = "DELETE FROM policy WHERE last_day < ?1",
	[REST + 2] = "DELETE FROM over_limit WHERE day < ?1",
	[REST + 3] = "DELETE FROM over_limit_of WHERE day < ?1",
	[END] = "INSERT INTO tally VALUES ('forgotten_all_before_day', ?1)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

/* --- statements --- */

/* They are few, and stay: a server has them by name. */
static struct gp_sql_statement *
statement(struct gp_reportdb *db, enum statement which)
{
	struct gp_sql_statement **st = &db->forgetting.statements[which];
	if (!*st)
		*st = gp_sql_prepare(db->sql, texts[which], GP_SQL_FEW);
	return *st;
}

static int
run(struct gp_reportdb *db, enum statement which, int64_t value)
{
	struct gp_sql_statement *st = statement(db, which);
	if (!st)
		return gp_sql_error(db->sql);
	gp_sql_bind_int(st, 1, value);
	return gp_sql_run(st);
}

/* Of one whose values are bound, which has one row at most: 1: it is there, until its reset. */
static int
ask(struct gp_reportdb *db, struct gp_sql_statement *st)
{
	db->forgetting.left -= QUESTION;
	return gp_sql_step(st);
}

/* --- reports --- */

struct old_report {
	int64_t id, kind, trusted;
	uint64_t records;
};

static int
read_page(struct gp_reportdb *db, struct old_report page[PAGE], size_t *ret_len)
{
	struct gp_sql_statement *st = statement(db, OLD_REPORTS);
	int r = st ? 0 : gp_sql_error(db->sql);
	*ret_len = 0;
	for (int64_t trusted = 0; r == 0 && *ret_len == 0 && trusted <= TRUSTED_MAX; trusted++) {
		db->forgetting.left -= QUESTION;
		gp_sql_bind_int(st, 1, db->forgetting.before_day);
		gp_sql_bind_int(st, 2, PAGE);
		gp_sql_bind_int(st, 3, trusted);
		while ((r = gp_sql_step(st)) == 1)
			page[(*ret_len)++] = (struct old_report){
				.id = gp_sql_int_at(st, 0),
				.kind = gp_sql_int_at(st, 1),
				.trusted = trusted,
				.records = gp_count_at(st, 2),
			};
	}
	return r;
}

static int
drop_report(struct gp_reportdb *db, const struct old_report *p)
{
	int r = 0;
	for (int i = DROP_BLOCKS; r == 0 && i <= DROP_REPORT; i++)
		r = run(db, (enum statement)i, p->id);
	db->forgetting.left -= REPORT + (int64_t)(p->records / RECORDS_PER);
	return r;
}

static int
count_gone(struct gp_reportdb *db, const struct old_report *page, size_t len)
{
	int64_t gone[KINDS][TRUSTED_MAX + 1] = {};
	struct gp_sql_statement *st = statement(db, LESS_KEPT);
	int r = st ? 0 : gp_sql_error(db->sql);
	for (size_t i = 0; i < len; i++)
		gone[page[i].kind % KINDS][page[i].trusted & TRUSTED_MAX]++;
	for (int64_t kind = 0; kind < KINDS; kind++) {
		for (int64_t trusted = 0; r == 0 && trusted <= TRUSTED_MAX; trusted++) {
			if (gone[kind][trusted] == 0)
				continue;
			gp_sql_bind_int(st, 1, kind);
			gp_sql_bind_int(st, 2, trusted);
			gp_sql_bind_int(st, 3, gone[kind][trusted]);
			r = gp_sql_run(st);
		}
	}
	return r;
}

/* As all parts: 1: there is more of it; 0: it is over; -errno. */
static int
forget_reports(struct gp_reportdb *db)
{
	struct old_report page[PAGE];
	size_t len, gone = 0;
	int r = read_page(db, page, &len);
	for (; r == 0 && gone < len && db->forgetting.left > 0; gone++)
		r = drop_report(db, &page[gone]);
	if (r == 0)
		r = count_gone(db, page, gone);
	return r < 0 ? r : len > 0;
}

/* --- figures by the day --- */

static int
place(struct gp_forget_place *p, int64_t trusted, struct gp_slice domain, int64_t day)
{
	p->trusted = trusted;
	p->day = day;
	gp_buf_clear(&p->domain);
	return gp_buf_put(&p->domain, domain) ? 0 : -ENOMEM;
}

static void
bind_day(struct gp_sql_statement *st, const struct gp_forget_place *at)
{
	gp_sql_bind_int(st, 1, at->trusted);
	gp_sql_bind_text(st, 2, gp_buf_slice(&at->domain));
	gp_sql_bind_int(st, 3, at->day);
}

/* The next day that there is. 1; 0: there is none; -errno. */
static int
go_to_next_day(struct gp_reportdb *db, enum statement next)
{
	struct gp_forget_place *at = &db->forgetting.at;
	struct gp_sql_statement *st = statement(db, next);
	if (!st)
		return gp_sql_error(db->sql);
	bind_day(st, at);
	int r = ask(db, st);
	if (r != 1)
		return r;
	r = place(at, gp_sql_int_at(st, 0), gp_sql_text_at(st, 1), gp_sql_int_at(st, 2));
	gp_sql_reset(st);
	return r < 0 ? r : 1;
}

static int
drop_day(struct gp_reportdb *db, enum statement drop)
{
	struct gp_sql_statement *st = statement(db, drop);
	if (!st)
		return gp_sql_error(db->sql);
	bind_day(st, &db->forgetting.at);
	return gp_sql_run(st);
}

/* The place is behind a day that is over; the others of its domain are newer than one that is
 * kept. */
static int
forget_days_before(struct gp_reportdb *db, enum statement next, int64_t before,
		   int (*drop)(struct gp_reportdb *db, enum statement next))
{
	struct gp_forget_place *at = &db->forgetting.at;
	int r = go_to_next_day(db, next);
	if (r != 1)
		return r;
	if (at->day >= before)
		at->day = INT64_MAX;
	else
		r = drop(db, next);
	return r < 0 ? r : 1;
}

static int
drop_whole_day(struct gp_reportdb *db, enum statement next)
{
	return drop_day(db, next + 1);
}

/* The source that many further, of the day; it is 16 octets at most. 1; 0: there is none. */
static int
find_bound(struct gp_reportdb *db, enum statement bound, uint8_t ret[16], size_t *ret_len)
{
	struct gp_sql_statement *st = statement(db, bound);
	if (!st)
		return gp_sql_error(db->sql);
	bind_day(st, &db->forgetting.at);
	gp_sql_bind_int(st, 4, SOURCES);
	int r = ask(db, st);
	if (r == 1) {
		*ret_len = gp_sql_octets_at(st, 0, ret, 16);
		gp_sql_reset(st);
	}
	return r;
}

/* The first sources of the day; it is over when there are no more. */
static int
drop_sources(struct gp_reportdb *db, enum statement next)
{
	uint8_t bound[16];
	size_t len = 0;
	int r = find_bound(db, next + 1, bound, &len);
	if (r < 0)
		return r;
	db->forgetting.left -= SOURCES;
	if (r == 0)
		return drop_day(db, next + 3);
	struct gp_sql_statement *st = statement(db, next + 2);
	if (!st)
		return gp_sql_error(db->sql);
	bind_day(st, &db->forgetting.at);
	gp_sql_bind_octets(st, 4, gp_slice((const char *)bound, len));
	r = gp_sql_run(st);
	db->forgetting.at.day--;
	return r;
}

/* --- sources, and their names --- */

static void
bind_source_at(struct gp_sql_statement *st, int column, const struct gp_forget_place *at)
{
	gp_sql_bind_octets(st, column, gp_slice((const char *)at->source, at->source_len));
}

static void
bind_place(struct gp_sql_statement *st, int column, const struct gp_forget_place *at)
{
	gp_sql_bind_int(st, column, at->trusted);
	gp_sql_bind_text(st, column + 1, gp_buf_slice(&at->domain));
	bind_source_at(st, column + 2, at);
}

static void
swap(struct gp_forget_place *a, struct gp_forget_place *b)
{
	struct gp_forget_place before = *a;
	*a = *b;
	*b = before;
}

/* Where the next ones end, behind all where there are no more: 1, or 0. */
static int
find_end_of_sources(struct gp_reportdb *db)
{
	struct gp_forgetting *f = &db->forgetting;
	struct gp_sql_statement *st = statement(db, SOURCE_BOUND);
	if (!st)
		return gp_sql_error(db->sql);
	bind_place(st, 1, &f->at);
	gp_sql_bind_int(st, 4, SOURCES);
	f->to.source_len = 0;
	int r = ask(db, st);
	if (r != 1)
		return r < 0 ? r : place(&f->to, TRUSTED_MAX + 1, GP_SLICE(""), 0);
	f->to.source_len = gp_sql_octets_at(st, 2, f->to.source, sizeof(f->to.source));
	r = place(&f->to, gp_sql_int_at(st, 0), gp_sql_text_at(st, 1), 0);
	gp_sql_reset(st);
	return r < 0 ? r : 1;
}

/* Drops them by that statement; the next ones begin where these end. */
static int
end_slice(struct gp_forgetting *f, struct gp_sql_statement *drop, int more)
{
	int r = gp_sql_run(drop);
	swap(&f->at, &f->to);
	f->left -= SOURCES;
	return r < 0 ? r : more;
}

static int
forget_sources(struct gp_reportdb *db)
{
	struct gp_forgetting *f = &db->forgetting;
	int more = find_end_of_sources(db);
	struct gp_sql_statement *st = more >= 0 ? statement(db, SOURCE_DROP) : NULL;
	if (!st)
		return more < 0 ? more : gp_sql_error(db->sql);
	bind_place(st, 1, &f->at);
	bind_place(st, 4, &f->to);
	gp_sql_bind_int(st, 7, f->before_day);
	return end_slice(f, st, more);
}

static int
find_end_of_names(struct gp_reportdb *db)
{
	struct gp_forget_place *to = &db->forgetting.to;
	struct gp_sql_statement *st = statement(db, NAME_BOUND);
	if (!st)
		return gp_sql_error(db->sql);
	bind_source_at(st, 1, &db->forgetting.at);
	gp_sql_bind_int(st, 2, SOURCES);
	/* Behind all of them, as it is longer. */
	memset(to->source, 0xff, sizeof(to->source));
	to->source_len = sizeof(to->source);
	int r = ask(db, st);
	if (r == 1) {
		to->source_len = gp_sql_octets_at(st, 0, to->source, sizeof(to->source));
		gp_sql_reset(st);
	}
	return r;
}

static int
forget_names(struct gp_reportdb *db)
{
	struct gp_forgetting *f = &db->forgetting;
	int more = find_end_of_names(db);
	struct gp_sql_statement *st = more >= 0 ? statement(db, NAME_DROP) : NULL;
	if (!st)
		return more < 0 ? more : gp_sql_error(db->sql);
	bind_source_at(st, 1, &f->at);
	bind_source_at(st, 2, &f->to);
	return end_slice(f, st, more);
}

/* --- all of it, in its order --- */

/* Of tables that have a row for each day or policy, or less. */
static int
forget_rest(struct gp_reportdb *db)
{
	int r = 0;
	for (int i = REST; r == 0 && i <= END; i++)
		r = run(db, (enum statement)i, db->forgetting.before_day);
	return r;
}

static const enum statement by_day[] = {
	DAY, SELECTOR_DAY, SPF_DAY, OVERRIDE_DAY, REPORTER_DAY, TLS_DAY, TLS_FAILURE_DAY,
};

enum {
	REPORTS_PART = 0,
	SOURCE_DAYS,
	SOURCE_WEEKS,
	SOURCE_SPANS,
	DAYS,
	SOURCES_PART = DAYS + GP_ARRAY_LEN(by_day),
	NAMES,
	REST_PART,
	PARTS
};

/* A piece of the part that it is at. */
static int
forget_piece(struct gp_reportdb *db)
{
	const struct gp_forgetting *f = &db->forgetting;
	switch (f->part) {
	case REPORTS_PART:
		return forget_reports(db);
	case SOURCE_DAYS:
		return forget_days_before(db, SOURCE_DAY, f->before_day, drop_sources);
	case SOURCE_WEEKS:
		return forget_days_before(db, SOURCE_WEEK, f->before_day / 7, drop_sources);
	case SOURCE_SPANS:
		return forget_days_before(db, SOURCE_SPAN, f->before_day / GP_CELLS_SPAN_DAYS,
					  drop_sources);
	case SOURCES_PART:
		return forget_sources(db);
	case NAMES:
		return forget_names(db);
	case REST_PART:
		return forget_rest(db);
	default:
		return forget_days_before(db, by_day[f->part - DAYS], f->before_day,
					  drop_whole_day);
	}
}

/* Before all that there is. */
static int
begin_part(struct gp_forgetting *f, size_t part)
{
	f->part = part;
	f->at.source_len = 0;
	return place(&f->at, -1, GP_SLICE(""), INT64_MIN);
}

/* 1: there is more; 0: it is over. */
static int
forget_slice(struct gp_reportdb *db)
{
	struct gp_forgetting *f = &db->forgetting;
	int r = 0;
	for (f->left = SLICE; r >= 0 && f->left > 0 && f->part < PARTS;) {
		r = forget_piece(db);
		if (r == 0)
			r = begin_part(f, f->part + 1);
	}
	return r < 0 ? r : f->part < PARTS;
}

/* Whether all of it has gone already: 1; 0; -errno. */
static int
is_forgotten(struct gp_reportdb *db, int64_t before_day)
{
	struct gp_sql_statement *st = statement(db, IS_FORGOTTEN);
	if (!st)
		return gp_sql_error(db->sql);
	int r = gp_sql_step(st);
	bool is = r == 1 && gp_sql_int_at(st, 0) >= before_day;
	gp_sql_reset(st);
	return r < 0 ? r : is;
}

/* A day that is another one than that of the last slice. 1: nothing is to be done; 0; -errno. */
static int
begin(struct gp_reportdb *db, int64_t before_day)
{
	struct gp_forgetting *f = &db->forgetting;
	int r = is_forgotten(db, before_day);
	if (r != 0)
		return r;
	r = begin_part(f, 0);
	if (r == 0)
		r = gp_transaction(db);
	if (r == 0)
		r = run(db, BEGIN, before_day);
	f->before_day = before_day;
	return r;
}

int
gp_reportdb_forget_some(struct gp_reportdb *db, int64_t before_day)
{
	struct gp_forgetting *f = &db->forgetting;
	int r = gp_reportdb_sync(db);
	before_day = GP_MAX(before_day, db->forgotten_before);
	if (r < 0 || before_day == INT64_MIN)
		return r;
	bool goes_on = f->under_way && f->before_day == before_day;
	f->under_way = false;
	r = goes_on ? gp_transaction(db) : begin(db, before_day);
	if (r == 1)
		return 0;
	int more = r == 0 ? forget_slice(db) : r;
	if (more < 0)
		return gp_give_up(db, more);
	r = gp_reportdb_sync(db);
	if (r < 0)
		return r;
	db->forgotten_before = before_day;
	f->under_way = more == 1;
	return more;
}

int
gp_reportdb_forget(struct gp_reportdb *db, int64_t before_day)
{
	int r;
	do
		r = gp_reportdb_forget_some(db, before_day);
	while (r == 1);
	return r;
}

void
gp_forgetting_free(struct gp_forgetting *f)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(f->statements); i++)
		gp_sql_finalise(f->statements[i]);
	gp_buf_free(&f->at.domain);
	gp_buf_free(&f->to.domain);
}
