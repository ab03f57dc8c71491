/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/cells.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

enum { TOP_PART = 1000 }; /* of a week: what a source has to have to be one of its top */

/* How a value of a row changes. */
enum change {
	SUM = 0,
	FIRST, /* the smaller one */
	LAST,
};

/* Columns of a key: n a number, t a text, o octets. */
struct table {
	const char *key;
	size_t values;
	enum change changes[GP_CELLS_VALUES_MAX];
	const char *sql;
};

/* t is the row that is there, excluded what comes to it. */
#define PLUS(column_) column_ " = t." column_ " + excluded." column_
#define FIRST_DAY                                                \
	"first_day = CASE WHEN excluded.first_day < t.first_day" \
	" THEN excluded.first_day ELSE t.first_day END"
#define LAST_DAY                                              \
	"last_day = CASE WHEN excluded.last_day > t.last_day" \
	" THEN excluded.last_day ELSE t.last_day END"
#define ADD_FIGURES                                                                           \
	" messages = t.messages + excluded.messages, aligned = t.aligned + excluded.aligned," \
	" dkim = t.dkim + excluded.dkim, spf = t.spf + excluded.spf,"                         \
	" quarantined = t.quarantined + excluded.quarantined,"                                \
	" rejected = t.rejected + excluded.rejected,"                                         \
	" forwarded = t.forwarded + excluded.forwarded,"                                      \
	" \"foreign\" = t.\"foreign\" + excluded.\"foreign\","                                \
	" estimated = t.estimated + excluded.estimated"

static const struct table tables[GP_CELL_TABLES] = {
	[GP_CELL_DAY] = {"ntn",
			 9,
			 {},
			 "INSERT INTO day AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
			 " ON CONFLICT (trusted, domain, day) DO UPDATE SET" ADD_FIGURES},
	[GP_CELL_SOURCE_DAY] =
		{"ntno",
		 9,
		 {},
		 "INSERT INTO source_day AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		 " ON CONFLICT (trusted, domain, day, source) DO UPDATE SET" ADD_FIGURES},
	/* What makes one of a week's top is the same for all of a week: see bind_top(). */
	[GP_CELL_SOURCE_WEEK] =
		{"nno",
		 9,
		 {},
		 "INSERT INTO source_week AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		 " ON CONFLICT (trusted, week, source) DO UPDATE SET" ADD_FIGURES
		 ", top = CASE WHEN t.top = 1 OR t.messages + excluded.messages >= ? OR"
		 " t.messages - t.aligned + excluded.messages - excluded.aligned >= ?"
		 " THEN 1 ELSE 0 END"},
	[GP_CELL_SOURCE_SPAN] =
		{"ntno",
		 9,
		 {},
		 "INSERT INTO source_span AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		 " ON CONFLICT (trusted, domain, span, source) DO UPDATE SET" ADD_FIGURES},
	/* Most have been seen before, and later: those are not written again. */
	[GP_CELL_SOURCE] = {"nto",
			    2,
			    {FIRST, LAST},
			    "INSERT INTO source AS t VALUES (?, ?, ?, ?, ?)"
			    " ON CONFLICT (trusted, domain, source) DO UPDATE SET " FIRST_DAY
			    ", " LAST_DAY " WHERE excluded.first_day < t.first_day"
			    " OR excluded.last_day > t.last_day"},
	[GP_CELL_SELECTOR] = {"ntnttn",
			      2,
			      {},
			      "INSERT INTO selector_day AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
			      " ON CONFLICT (trusted, domain, day, signer, selector, result)"
			      " DO UPDATE SET " PLUS("messages") ", " PLUS("aligned")},
	[GP_CELL_SPF] = {"ntnttn",
			 2,
			 {},
			 "INSERT INTO spf_day AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
			 " ON CONFLICT (trusted, domain, day, spf_domain, scope, result)"
			 " DO UPDATE SET " PLUS("messages") ", " PLUS("aligned")},
	[GP_CELL_OVERRIDE] = {"ntnnn",
			      1,
			      {},
			      "INSERT INTO override_day AS t VALUES (?, ?, ?, ?, ?, ?)"
			      " ON CONFLICT (trusted, domain, day, reason, disposition)"
			      " DO UPDATE SET " PLUS("messages")},
	[GP_CELL_REPORTER] =
		{"ntnnt",
		 5,
		 {},
		 "INSERT INTO reporter_day AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		 " ON CONFLICT (trusted, domain, day, kind, org) DO UPDATE SET"
		 " reports = t.reports + excluded.reports, records = t.records + excluded.records,"
		 " messages = t.messages + excluded.messages, lost = t.lost + excluded.lost,"
		 " flawed = t.flawed + excluded.flawed"},
	[GP_CELL_POLICY] =
		{"ntnnnnnnn",
		 3,
		 {FIRST, LAST},
		 "INSERT INTO policy AS t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT"
		 " (trusted, domain, p, sp, np, adkim_strict, aspf_strict, testing, pct)"
		 " DO UPDATE SET " FIRST_DAY ", " LAST_DAY ", " PLUS("reports")},
	[GP_CELL_TLS] = {"ntnt",
			 2,
			 {},
			 "INSERT INTO tls_day AS t VALUES (?, ?, ?, ?, ?, ?)"
			 " ON CONFLICT (trusted, domain, day, type)"
			 " DO UPDATE SET " PLUS("successful") ", " PLUS("failed")},
	[GP_CELL_TLS_FAILURE] = {"ntnttt",
				 1,
				 {},
				 "INSERT INTO tls_failure_day AS t VALUES (?, ?, ?, ?, ?, ?, ?)"
				 " ON CONFLICT (trusted, domain, day, result, receiving_mx, org)"
				 " DO UPDATE SET " PLUS("sessions")},
	[GP_CELL_TALLY] = {"t",
			   1,
			   {},
			   "INSERT INTO tally AS t VALUES (?, ?)"
			   " ON CONFLICT (name) DO UPDATE SET " PLUS("value")},
	[GP_CELL_KEPT] = {"nn",
			  2,
			  {SUM, LAST},
			  "INSERT INTO kept AS t VALUES (?, ?, ?, ?)"
			  " ON CONFLICT (kind, trusted) DO UPDATE SET"
			  " received_s = CASE WHEN excluded.received_s > t.received_s"
			  " THEN excluded.received_s ELSE t.received_s END, " PLUS("reports")},
	[GP_CELL_OVER_LIMIT] = {"nt",
				2,
				{},
				"INSERT INTO over_limit AS t VALUES (?, ?, ?, ?)"
				" ON CONFLICT (day, reporter)"
				" DO UPDATE SET " PLUS("reports") ", " PLUS("octets")},
};

/* --- keys --- */

/* A number as 8 octets that sort as numbers do, negative ones first. */
static uint64_t
flip(int64_t n)
{
	return (uint64_t)n ^ UINT64_C(1) << 63;
}

void
gp_cells_key(struct gp_buf *key, enum gp_cell_table table)
{
	gp_buf_clear(key);
	gp_buf_put_char(key, (char)table);
}

void
gp_cells_key_number(struct gp_buf *key, int64_t n)
{
	uint64_t bits = htobe64(flip(n));
	gp_buf_put(key, gp_slice((const char *)&bits, sizeof(bits)));
}

void
gp_cells_key_text(struct gp_buf *key, struct gp_slice text)
{
	gp_buf_put(key, text);
	gp_buf_put_char(key, '\0');
}

void
gp_cells_key_octets(struct gp_buf *key, struct gp_slice octets)
{
	gp_assert(octets.len <= UINT8_MAX);
	gp_buf_put_char(key, (char)octets.len);
	gp_buf_put(key, octets);
}

static const struct table *
take_table(struct gp_slice *key)
{
	gp_assert(key->len > 0 && (uint8_t)key->ptr[0] < GP_CELL_TABLES);
	const struct table *t = &tables[(uint8_t)key->ptr[0]];
	*key = gp_slice_drop(*key, 1);
	return t;
}

static int64_t
take_number(struct gp_slice *key)
{
	uint64_t bits;
	gp_assert(key->len >= sizeof(bits));
	memcpy(&bits, key->ptr, sizeof(bits));
	*key = gp_slice_drop(*key, sizeof(bits));
	return (int64_t)(be64toh(bits) ^ UINT64_C(1) << 63);
}

static struct gp_slice
take_octets(struct gp_slice *key)
{
	gp_assert(key->len > 0 && key->len > (uint8_t)key->ptr[0]);
	struct gp_slice octets = gp_slice_take(gp_slice_drop(*key, 1), (uint8_t)key->ptr[0]);
	*key = gp_slice_drop(*key, 1 + octets.len);
	return octets;
}

/* --- sets --- */

struct gp_cells
gp_cells(const uint64_t seed[2])
{
	return (struct gp_cells){
		.arena = GP_ARENA_INIT(GP_CELLS_MEMORY_MAX),
		.seed = {seed[0], seed[1]},
	};
}

void
gp_cells_free(struct gp_cells *c)
{
	gp_arena_free(&c->arena);
	for (size_t i = 0; i < GP_CELL_TABLES; i++)
		free(c->tables[i].cells);
	free(c->hashes);
	free(c->places);
	*c = gp_cells(c->seed);
}

void
gp_cells_clear(struct gp_cells *c)
{
	if (c->len > 0)
		memset(c->hashes, 0, c->cap * sizeof(*c->hashes));
	gp_arena_reset(&c->arena);
	for (size_t i = 0; i < GP_CELL_TABLES; i++) {
		c->tables[i].len = 0;
		c->tables[i].recent = NULL;
	}
	c->len = 0;
}

bool
gp_cells_full(const struct gp_cells *c)
{
	return c->len >= GP_CELLS_MAX ||
	       c->arena.used >= GP_CELLS_MEMORY_MAX / 8; /* others follow from them */
}

/* The place of that key, or the free one where it would go. */
static size_t
find_place(const struct gp_cells *c, struct gp_slice key, uint32_t hash)
{
	size_t at = hash & (c->cap - 1);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): grow() has put new ones there */
	while (c->hashes[at] != 0 &&
	       (c->hashes[at] != hash || !gp_slice_eq(c->places[at]->key, key)))
		at = (at + 1) & (c->cap - 1);
	return at;
}

/* Half of the places may be taken, so that a free one is always near. */
static bool
grow(struct gp_cells *c)
{
	struct gp_cells more = *c;
	more.cap = GP_MAX(4 * c->cap, (size_t)1024);
	more.hashes = calloc(more.cap, sizeof(*more.hashes));
	more.places = calloc(more.cap, sizeof(struct gp_cell *));
	if (!more.hashes || !more.places) {
		free(more.hashes);
		free(more.places);
		return false;
	}
	for (size_t i = 0; i < c->cap; i++) {
		if (c->hashes[i] == 0)
			continue;
		size_t at = find_place(&more, c->places[i]->key, c->hashes[i]);
		more.hashes[at] = c->hashes[i];
		more.places[at] = c->places[i];
	}
	free(c->hashes);
	free(c->places);
	*c = more;
	return true;
}

/* Room for more. False: no memory. */
static bool
grow_table(struct gp_cells_of_table *t)
{
	size_t cap = GP_MAX(2 * t->cap, (size_t)64);
	struct gp_cell **more = reallocarray(t->cells, cap, sizeof(*more));
	if (!more)
		return false;
	t->cells = more;
	t->cap = cap;
	return true;
}

/* The last of its table. Returns NULL: no memory. */
static struct gp_cell *
new_cell(struct gp_cells *c, struct gp_slice key, const int64_t *values, size_t len)
{
	size_t size = len * sizeof(*values);
	struct gp_cells_of_table *table = &c->tables[(uint8_t)key.ptr[0]];
	if (table->len == table->cap && !grow_table(table))
		return NULL;
	struct gp_cell *cell = gp_arena_alloc(&c->arena, sizeof(*cell) + size + key.len);
	if (!cell)
		return NULL;
	char *copy = (char *)cell->values + size;
	memcpy(cell->values, values, size);
	memcpy(copy, key.ptr, key.len);
	cell->key = gp_slice(copy, key.len);
	table->cells[table->len++] = cell;
	c->len++;
	return cell;
}

/* The table's cell of that key, made with these values where it is new. NULL: no memory. */
static struct gp_cell *
find_cell(struct gp_cells *c, struct gp_slice key, const int64_t *values, size_t len, bool *ret_new)
{
	if (c->len >= c->cap / 2 && !grow(c))
		return NULL;
	uint32_t hash = (uint32_t)gp_siphash13(c->seed, key);
	hash += hash == 0;
	size_t at = find_place(c, key, hash);
	*ret_new = c->hashes[at] == 0;
	if (*ret_new) {
		c->places[at] = new_cell(c, key, values, len);
		c->hashes[at] = c->places[at] ? hash : 0;
	}
	return c->places[at];
}

/* What is added to is often what was before: reports come by domain and day. */
bool
gp_cells_add(struct gp_cells *c, struct gp_slice key, const int64_t *values)
{
	struct gp_slice rest = key;
	const struct table *t = take_table(&rest);
	struct gp_cells_of_table *of = &c->tables[t - tables];
	bool is_new = false;
	if (!of->recent || !gp_slice_eq(of->recent->key, key))
		of->recent = find_cell(c, key, values, t->values, &is_new);
	if (!of->recent || is_new)
		return of->recent != NULL;
	/* NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult): there are as many as the
	 * key's table has */
	for (size_t i = 0; i < t->values; i++) {
		int64_t *v = &of->recent->values[i];
		*v = t->changes[i] == FIRST  ? GP_MIN(*v, values[i])
		     : t->changes[i] == LAST ? GP_MAX(*v, values[i])
					     : *v + values[i];
	}
	/* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	return true;
}

/* What a domain had on a day, as what all had. */
static bool
derive_all(struct gp_cells *c, const struct gp_cell *cell, struct gp_buf *key)
{
	struct gp_slice rest = gp_slice_drop(cell->key, 1);
	int64_t trusted = take_number(&rest);
	if (gp_slice_cut(&rest, '\0').len == 0)
		return true;
	gp_cells_key(key, GP_CELL_DAY);
	gp_cells_key_number(key, trusted);
	gp_cells_key_text(key, GP_SLICE(""));
	gp_cells_key_number(key, take_number(&rest));
	return gp_cells_add(c, gp_buf_slice(key), cell->values);
}

static bool
add_seen(struct gp_cells *c, int64_t trusted, struct gp_slice domain, struct gp_slice source,
	 const int64_t days[2], struct gp_buf *key)
{
	gp_cells_key(key, GP_CELL_SOURCE);
	gp_cells_key_number(key, trusted);
	gp_cells_key_text(key, domain);
	gp_cells_key_octets(key, source);
	return gp_cells_add(c, gp_buf_slice(key), days);
}

/* What a source had on a day, as what it had in that week, of all domains, and in that span; and
 * when it was seen, by that domain. */
static bool
derive_from_day(struct gp_cells *c, const struct gp_cell *cell, struct gp_buf *key)
{
	struct gp_slice rest = gp_slice_drop(cell->key, 1);
	int64_t trusted = take_number(&rest);
	struct gp_slice domain = gp_slice_cut(&rest, '\0');
	int64_t day = take_number(&rest);
	struct gp_slice source = take_octets(&rest);

	gp_cells_key(key, GP_CELL_SOURCE_WEEK);
	gp_cells_key_number(key, trusted);
	gp_cells_key_number(key, day / 7);
	gp_cells_key_octets(key, source);
	if (!gp_cells_add(c, gp_buf_slice(key), cell->values))
		return false;
	gp_cells_key(key, GP_CELL_SOURCE_SPAN);
	gp_cells_key_number(key, trusted);
	gp_cells_key_text(key, domain);
	gp_cells_key_number(key, day / GP_CELLS_SPAN_DAYS);
	gp_cells_key_octets(key, source);
	return gp_cells_add(c, gp_buf_slice(key), cell->values) &&
	       add_seen(c, trusted, domain, source, (const int64_t[]){day, day}, key);
}

/* And by all. */
static bool
derive_from_source(struct gp_cells *c, const struct gp_cell *cell, struct gp_buf *key)
{
	struct gp_slice rest = gp_slice_drop(cell->key, 1);
	int64_t trusted = take_number(&rest);
	(void)gp_slice_cut(&rest, '\0');
	return add_seen(c, trusted, GP_SLICE(""), take_octets(&rest), cell->values, key);
}

/* And what it had in a span, by all. */
static bool
derive_from_span(struct gp_cells *c, const struct gp_cell *cell, struct gp_buf *key)
{
	struct gp_slice rest = gp_slice_drop(cell->key, 1);
	int64_t trusted = take_number(&rest);
	(void)gp_slice_cut(&rest, '\0');
	gp_cells_key(key, GP_CELL_SOURCE_SPAN);
	gp_cells_key_number(key, trusted);
	gp_cells_key_text(key, GP_SLICE(""));
	gp_cells_key_number(key, take_number(&rest));
	gp_cells_key_octets(key, take_octets(&rest));
	return gp_cells_add(c, gp_buf_slice(key), cell->values);
}

bool
gp_cells_add_all(struct gp_cells *c, const struct gp_cells *other)
{
	bool good = true;
	for (size_t i = 0; i < GP_CELL_TABLES; i++) {
		const struct gp_cells_of_table *t = &other->tables[i];
		for (size_t k = 0; good && k < t->len; k++)
			good = gp_cells_add(c, t->cells[k]->key, t->cells[k]->values);
	}
	return good;
}

/* --- into the database --- */

/* A week, of all domains, as it is in the database. */
struct week {
	int64_t trusted, week; /* -1: none yet */
	int64_t messages, unaligned;
};

/* The days' table stands before the weeks', so it has what is being added already. */
static int
find_week(struct week *w, struct gp_sql_statement *st, struct gp_slice key)
{
	int64_t trusted = take_number(&key), week = take_number(&key);
	if (w->trusted == trusted && w->week == week)
		return 0;
	*w = (struct week){.trusted = trusted, .week = week};
	gp_sql_bind_int(st, 1, trusted);
	gp_sql_bind_int(st, 2, week);
	int r = gp_sql_step(st);
	if (r == 1) {
		w->messages = gp_sql_int_at(st, 0);
		w->unaligned = gp_sql_int_at(st, 1);
		gp_sql_reset(st);
	}
	return GP_MIN(r, 0);
}

/* Whether it is one of its week's top by itself, and what makes it one together with what is there:
 * the thousandth part of the week's messages, or of those that do not align. */
static void
bind_top(struct gp_sql_statement *st, int column, const struct gp_cell *cell,
	 const struct week *week)
{
	int64_t messages = 1 + week->messages / TOP_PART;
	int64_t unaligned = 1 + week->unaligned / TOP_PART;
	gp_sql_bind_int(st, column,
			cell->values[0] >= messages ||
				cell->values[0] - cell->values[1] >= unaligned);
	gp_sql_bind_int(st, column + 1, messages);
	gp_sql_bind_int(st, column + 2, unaligned);
}

static int
write_cell(const struct gp_cell *cell,
	   struct gp_sql_statement *const statements[GP_CELL_STATEMENTS], struct week *week)
{
	struct gp_slice rest = cell->key;
	struct gp_sql_statement *st = statements[(uint8_t)cell->key.ptr[0]];
	const struct table *t = take_table(&rest);
	bool of_week = t == &tables[GP_CELL_SOURCE_WEEK];
	int column = 1, r = of_week ? find_week(week, statements[GP_CELL_WEEK], rest) : 0;
	if (r < 0)
		return r;
	for (const char *c = t->key; *c; c++, column++) {
		if (*c == 'n') {
			gp_sql_bind_int(st, column, take_number(&rest));
			continue;
		}
		struct gp_slice s = *c == 't' ? gp_slice_cut(&rest, '\0') : take_octets(&rest);
		if (*c == 't')
			gp_sql_bind_text(st, column, s);
		else
			gp_sql_bind_octets(st, column, s);
	}
	for (size_t i = 0; i < t->values; i++)
		gp_sql_bind_int(st, column++, cell->values[i]);
	if (of_week)
		bind_top(st, column, cell, week);
	return gp_sql_put(st);
}

static int
compare(const void *a, const void *b)
{
	const struct gp_cell *const *x = a, *const *y = b;
	return gp_slice_cmp((*x)->key, (*y)->key);
}

/* What all cells of a table come to in others. */
static bool
derive(struct gp_cells *c, enum gp_cell_table table,
       bool (*from)(struct gp_cells *c, const struct gp_cell *cell, struct gp_buf *key))
{
	struct gp_buf key = GP_BUF_INIT(GP_CELLS_KEY_MAX);
	size_t len = c->tables[table].len; /* without those that are added now */
	bool good = true;
	for (size_t i = 0; good && i < len; i++)
		good = from(c, c->tables[table].cells[i], &key);
	good = good && !key.failed;
	gp_buf_free(&key);
	return good;
}

/* In the order of their keys. */
static int
write_table(struct gp_cells_of_table *table,
	    struct gp_sql_statement *const statements[GP_CELL_STATEMENTS])
{
	struct week week = {.trusted = -1};
	int r = 0;
	/* Most come in order, as reports do: so qsort(3) finds little to do. */
	if (table->len > 0)
		qsort(table->cells, table->len, sizeof(struct gp_cell *), compare);
	for (size_t i = 0; r == 0 && i < table->len; i++)
		r = write_cell(table->cells[i], statements, &week);
	return r;
}

int
gp_cells_flush(struct gp_cells *c, struct gp_sql *sql,
	       struct gp_sql_statement *const statements[GP_CELL_STATEMENTS])
{
	int r = 0;
	if (c->len == 0)
		return 0;
	if (!derive(c, GP_CELL_DAY, derive_all) ||
	    !derive(c, GP_CELL_SOURCE_DAY, derive_from_day) ||
	    !derive(c, GP_CELL_SOURCE, derive_from_source) ||
	    !derive(c, GP_CELL_SOURCE_SPAN, derive_from_span))
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < GP_CELL_TABLES; i++)
		r = write_table(&c->tables[i], statements);
	if (r == 0)
		r = gp_sql_push(sql);
	gp_cells_clear(c);
	return r;
}

int
gp_cells_prepare(struct gp_sql *sql, struct gp_sql_statement *ret_statements[GP_CELL_STATEMENTS])
{
	static const char of_week[] =
		"SELECT sum(messages), sum(messages - aligned) FROM day WHERE trusted = ?1"
		" AND domain = '' AND day BETWEEN ?2 * 7 AND ?2 * 7 + 6";
	for (size_t i = 0; i < GP_CELL_STATEMENTS; i++) {
		bool asks = i == GP_CELL_WEEK;
		ret_statements[i] = gp_sql_prepare(sql, asks ? of_week : tables[i].sql,
						   asks ? GP_SQL_FEW : GP_SQL_PUTS);
		if (!ret_statements[i])
			return gp_sql_error(sql);
	}
	return 0;
}
