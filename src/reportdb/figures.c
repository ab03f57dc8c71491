/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the database: lists of figures, of reports, of flaws. */
#include <errno.h>
#include <stdlib.h>

#include "base/day.h"
#include "reportdb/names.h"
#include "reportdb/parts.h"

enum { WEEK_DAYS = 7, DAY_S = 24 * 3600, SPAN = GP_CELLS_SPAN_DAYS, MORE = 100 };

/* --- lists --- */

/* A statement whose rows become a list in an arena. */
struct list {
	struct gp_reportdb *db;
	enum gp_reportdb_statement which;
	struct gp_sql_statement *st;
	struct gp_arena *arena;
	size_t size; /* of an entry */
	char *items;
	size_t len, room;
};

/* The statement with the range bound to its first five parameters. 0 or -errno. */
static int
open_list(struct list *l, const struct gp_reportdb_range *range, size_t max)
{
	l->st = gp_statement(l->db, l->which);
	if (!l->st)
		return gp_sql_error(l->db->sql);
	gp_sql_bind_int(l->st, 1, !range->unauthenticated);
	gp_sql_bind_text(l->st, 2, range->domain);
	gp_sql_bind_int(l->st, 3, range->from_day);
	gp_sql_bind_int(l->st, 4, range->to_day);
	gp_sql_bind_int(l->st, 5, (int64_t)GP_MIN(max, (size_t)GP_REPORTDB_LIST_MAX));
	return 0;
}

/* The next row's entry, zeroed; NULL at the end, with *ret_error. */
static void *
next_entry(struct list *l, int *ret_error)
{
	int r = gp_next_row(l->db, l->which);
	*ret_error = GP_MIN(r, 0);
	if (r != 1)
		return NULL;
	if (l->len == l->room) {
		l->room = GP_MAX(2 * l->room, (size_t)32);
		char *more = gp_arena_array(l->arena, l->room, l->size);
		if (!more) {
			gp_reset(l->db, l->which);
			*ret_error = -ENOMEM;
			return NULL;
		}
		if (l->len > 0)
			memcpy(more, l->items, l->len * l->size);
		l->items = more;
	}
	return l->items + l->len++ * l->size;
}

static struct gp_slice
copy_at(const struct list *l, int column)
{
	return gp_arena_dup(l->arena, gp_sql_text_at(l->st, column));
}

/* Hands the list over. */
static int
close_list(const struct list *l, int r, void *ret_items, size_t *ret_len)
{
	memcpy(ret_items, &l->items, sizeof(void *));
	*ret_len = l->len;
	return r == 0 && l->arena->failed ? -ENOMEM : r;
}

static struct gp_reportdb_figures
figures_at(struct gp_sql_statement *st, int column)
{
	return (struct gp_reportdb_figures){
		.messages = gp_count_at(st, column),
		.aligned = gp_count_at(st, column + 1),
		.dkim = gp_count_at(st, column + 2),
		.spf = gp_count_at(st, column + 3),
		.quarantined = gp_count_at(st, column + 4),
		.rejected = gp_count_at(st, column + 5),
		.forwarded = gp_count_at(st, column + 6),
		.foreign = gp_count_at(st, column + 7),
		.estimated = gp_count_at(st, column + 8),
	};
}

#define LIST(db_, which_, arena_, type_)                                                        \
	(struct list)                                                                           \
	{                                                                                       \
		.db = (db_), .which = (which_), .arena = (arena_), .size = sizeof(struct type_) \
	}

/* --- DMARC --- */

int
gp_reportdb_total(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		  struct gp_reportdb_figures *ret)
{
	struct list l = LIST(db, ST_TOTAL, NULL, gp_reportdb_figures);
	*ret = (struct gp_reportdb_figures){};
	int r = open_list(&l, range, 1);
	if (r == 0)
		r = gp_next_row(db, ST_TOTAL);
	if (r == 1)
		*ret = figures_at(l.st, 0);
	gp_reset(db, ST_TOTAL);
	return GP_MIN(r, 0);
}

static int
list_days(struct list *l, struct gp_reportdb_day **ret, size_t *ret_len, int r)
{
	struct gp_reportdb_day *e;
	while (r == 0 && (e = next_entry(l, &r)) != NULL)
		*e = (struct gp_reportdb_day){gp_sql_int_at(l->st, 0), figures_at(l->st, 1)};
	return close_list(l, r, ret, ret_len);
}

int
gp_reportdb_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		 struct gp_arena *arena, struct gp_reportdb_day **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_DAYS, arena, gp_reportdb_day);
	return list_days(&l, ret, ret_len, open_list(&l, range, SIZE_MAX));
}

int
gp_reportdb_source_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			const uint8_t address[16], struct gp_arena *arena,
			struct gp_reportdb_day **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_SOURCE_DAYS, arena, gp_reportdb_day);
	int r = open_list(&l, range, SIZE_MAX);
	if (r == 0)
		gp_bind_source(l.st, 6, address);
	return list_days(&l, ret, ret_len, r);
}

int
gp_reportdb_domains(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		    struct gp_arena *arena, struct gp_reportdb_domain **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_DOMAINS, arena, gp_reportdb_domain);
	struct gp_reportdb_domain *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_domain){
			.domain = copy_at(&l, 0),
			.first_day = gp_sql_int_at(l.st, 1),
			.last_day = gp_sql_int_at(l.st, 2),
			.figures = figures_at(l.st, 3),
		};
	return close_list(&l, r, ret, ret_len);
}

/* When a source was seen, ever. */
static int
find_seen(struct gp_reportdb *db, const struct gp_reportdb_range *range,
	  struct gp_reportdb_source *s)
{
	struct gp_sql_statement *st = gp_statement(db, ST_SOURCE_SEEN);
	if (!st)
		return -ENOMEM;
	gp_sql_bind_int(st, 1, !range->unauthenticated);
	gp_sql_bind_text(st, 2, range->domain);
	gp_bind_source(st, 3, s->address);
	int r = gp_next_row(db, ST_SOURCE_SEEN);
	if (r == 1) {
		s->first_day = gp_sql_int_at(st, 0);
		s->last_day = gp_sql_int_at(st, 1);
	}
	gp_reset(db, ST_SOURCE_SEEN);
	return GP_MIN(r, 0);
}

static int
find_name(struct gp_reportdb *db, struct gp_arena *arena, struct gp_reportdb_source *s)
{
	struct gp_sql_statement *st = gp_statement(db, ST_NAME);
	if (!st)
		return -ENOMEM;
	gp_bind_source(st, 1, s->address);
	int r = gp_next_row(db, ST_NAME);
	if (r == 1)
		s->name = gp_arena_dup(arena, gp_sql_text_at(st, 0));
	gp_reset(db, ST_NAME);
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}

struct gp_reportdb_range
gp_reportdb_sources_range(const struct gp_reportdb_range *range)
{
	struct gp_reportdb_range weeks = *range;
	if (range->domain.len == 0) {
		weeks.from_day -= range->from_day % WEEK_DAYS;
		weeks.to_day += WEEK_DAYS - 1 - range->to_day % WEEK_DAYS;
	}
	return weeks;
}

/* The range without the days at its ends that have no messages. */
static int
find_bounds(struct gp_reportdb *db, struct gp_reportdb_range *range)
{
	struct list l = LIST(db, ST_BOUNDS, NULL, gp_reportdb_day);
	int r = open_list(&l, range, 1);
	if (r == 0)
		r = gp_next_row(db, ST_BOUNDS);
	if (r == 1 && !gp_sql_null_at(l.st, 0)) {
		range->from_day = gp_sql_int_at(l.st, 0);
		range->to_day = gp_sql_int_at(l.st, 1);
	} else if (r == 1) {
		range->to_day = range->from_day;
	}
	gp_reset(db, ST_BOUNDS);
	return GP_MIN(r, 0);
}

static int
list_sources(struct list *l, const struct gp_reportdb_range *range, enum gp_reportdb_order order,
	     size_t max, bool whole)
{
	struct gp_reportdb_source *e;
	int r = open_list(l, range, max);
	if (r == 0)
		gp_sql_bind_int(l->st, 6, order);
	while (r == 0 && (e = next_entry(l, &r)) != NULL) {
		gp_source_at(l->st, 0, e->address);
		if (whole)
			e->figures = figures_at(l->st, 1);
	}
	return r;
}

/* Whole spans are added up already: from the first parameter on to before the second one. */
static void
bind_spans(struct gp_sql_statement *st, const struct gp_reportdb_range *range)
{
	int64_t first = (range->from_day + SPAN - 1) / SPAN * SPAN;
	int64_t end = (range->to_day + 1) / SPAN * SPAN;
	bool some = first < end;
	gp_sql_bind_int(st, 7, some ? first : range->to_day + 1);
	gp_sql_bind_int(st, 8, some ? end : range->to_day + 1);
}

/* All that a source had in the range's weeks, in those, too, of which it was not a top. */
static int
sum_weeks(struct gp_reportdb *db, const struct gp_reportdb_range *range,
	  struct gp_reportdb_source *s)
{
	struct list l = LIST(db, ST_SOURCE_WEEKS, NULL, gp_reportdb_source);
	int r = open_list(&l, range, 1);
	if (r == 0) {
		gp_bind_source(l.st, 6, s->address);
		bind_spans(l.st, range);
		r = gp_next_row(db, ST_SOURCE_WEEKS);
	}
	if (r == 1)
		s->figures = figures_at(l.st, 0);
	gp_reset(db, ST_SOURCE_WEEKS);
	return GP_MIN(r, 0);
}

static int
compare_messages(const void *a, const void *b)
{
	const struct gp_reportdb_source *x = a, *y = b;
	uint64_t m = x->figures.messages, n = y->figures.messages;
	return m != n ? (m < n) - (m > n) : memcmp(x->address, y->address, sizeof(x->address));
}

static int
compare_unaligned(const void *a, const void *b)
{
	const struct gp_reportdb_source *x = a, *y = b;
	uint64_t m = x->figures.messages - x->figures.aligned;
	uint64_t n = y->figures.messages - y->figures.aligned;
	return m != n ? (m < n) - (m > n) : memcmp(x->address, y->address, sizeof(x->address));
}

/* Not by the first span where some of its days are forgotten. */
static int
list_of_domain(struct list *l, const struct gp_reportdb_range *range, enum gp_reportdb_order order,
	       size_t max)
{
	struct gp_reportdb_range known = *range;
	int r = find_bounds(l->db, &known);
	if (r < 0)
		return r;
	known.to_day = range->to_day;
	l->st = gp_statement(l->db, l->which);
	if (!l->st)
		return gp_sql_error(l->db->sql);
	bind_spans(l->st, &known);
	return list_sources(l, &known, order, max, true);
}

/* Of all domains: those that are tops of weeks, and more than are asked for, as their order changes
   by what they had in other weeks. */
static int
list_tops(struct list *l, const struct gp_reportdb_range *range, enum gp_reportdb_order order,
	  size_t max)
{
	struct gp_reportdb_range weeks = *range;
	int r = find_bounds(l->db, &weeks);
	if (r == 0)
		r = list_sources(l, &weeks, order, GP_MIN(max, (size_t)GP_REPORTDB_LIST_MAX) + MORE,
				 false);
	struct gp_reportdb_source *list = (struct gp_reportdb_source *)l->items;
	for (size_t i = 0; r == 0 && i < l->len; i++)
		r = sum_weeks(l->db, &weeks, &list[i]);
	if (r == 0 && l->len > 0)
		qsort(list, l->len, sizeof(*list),
		      order == GP_REPORTDB_BY_MESSAGES ? compare_messages : compare_unaligned);
	l->len = GP_MIN(l->len, max);
	return r;
}

int
gp_reportdb_sources(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		    enum gp_reportdb_order order, size_t max, struct gp_arena *arena,
		    struct gp_reportdb_source **ret, size_t *ret_len)
{
	bool all = range->domain.len == 0;
	struct list l =
		LIST(db, all ? ST_SOURCES_TOP : ST_SOURCES_DOMAIN, arena, gp_reportdb_source);
	int r = all ? list_tops(&l, range, order, max) : list_of_domain(&l, range, order, max);
	r = close_list(&l, r, ret, ret_len);
	for (size_t i = 0; r == 0 && i < *ret_len; i++) {
		r = find_seen(db, range, &(*ret)[i]);
		if (r == 0)
			r = find_name(db, arena, &(*ret)[i]);
	}
	return r;
}

int
gp_reportdb_source(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		   const uint8_t address[16], struct gp_arena *arena,
		   struct gp_reportdb_source *ret)
{
	struct gp_reportdb_day *days;
	size_t len;
	*ret = (struct gp_reportdb_source){.first_day = -1, .last_day = -1};
	memcpy(ret->address, address, sizeof(ret->address));
	int r = gp_reportdb_source_days(db, range, address, arena, &days, &len);
	for (size_t i = 0; r == 0 && i < len; i++)
		gp_figures_add(&ret->figures, &days[i].figures);
	if (r == 0)
		r = find_seen(db, range, ret);
	return r == 0 ? find_name(db, arena, ret) : r;
}

/* --- sources without a name --- */

static int
compare_unnamed(const void *a, const void *b)
{
	const struct gp_reportdb_unnamed *x = a, *y = b;
	if (x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return memcmp(x->address, y->address, sizeof(x->address));
}

/* Those that are too many go. */
static void
cut_found(struct gp_reportdb_search *s)
{
	if (s->len > 1)
		qsort(s->found, s->len, sizeof(*s->found), compare_unnamed);
	s->len = GP_MIN(s->len, s->max);
}

int
gp_reportdb_search(struct gp_reportdb *db, const struct gp_reportdb_range *range, int64_t now_s,
		   size_t max, struct gp_arena *arena, struct gp_reportdb_search *ret)
{
	gp_assert(max > 0 && max <= GP_REPORTDB_LIST_MAX);
	*ret = (struct gp_reportdb_search){
		.range = {.from_day = range->from_day, .to_day = range->to_day},
		.now_s = now_s,
		.max = max,
		.found = gp_arena_array(arena, 2 * max, sizeof(*ret->found)),
	};
	return ret->found ? find_bounds(db, &ret->range) : -ENOMEM;
}

int
gp_reportdb_search_on(struct gp_reportdb *db, struct gp_reportdb_search *s, size_t sources)
{
	struct list l = LIST(db, ST_UNNAMED, NULL, gp_reportdb_unnamed);
	size_t seen = 0;
	int r = open_list(&l, &s->range, sources);
	if (r < 0)
		return r;
	gp_sql_bind_int(l.st, 6, s->now_s);
	gp_sql_bind_octets(l.st, 7, gp_slice((const char *)s->after, s->after_len));
	for (; (r = gp_next_row(db, ST_UNNAMED)) == 1; seen++) {
		s->after_len = gp_sql_octets_at(l.st, 0, s->after, sizeof(s->after));
		if (gp_sql_null_at(l.st, 1))
			continue;
		if (s->len == 2 * s->max)
			cut_found(s);
		struct gp_reportdb_unnamed *e = &s->found[s->len++];
		gp_source_at(l.st, 0, e->address);
		e->messages = gp_count_at(l.st, 1);
	}
	if (r == 0 && seen == 0)
		cut_found(s);
	return r < 0 ? r : seen > 0;
}

int
gp_reportdb_unnamed(struct gp_reportdb *db, const struct gp_reportdb_range *range, int64_t now_s,
		    size_t max, struct gp_arena *arena, struct gp_reportdb_unnamed **ret,
		    size_t *ret_len)
{
	struct gp_reportdb_search s;
	int r = gp_reportdb_search(db, range, now_s, GP_MIN(max, (size_t)GP_REPORTDB_LIST_MAX),
				   arena, &s);
	*ret = s.found;
	if (r == 0) {
		do {
			r = gp_reportdb_search_on(db, &s, GP_REPORTDB_LIST_MAX);
		} while (r == 1);
	}
	*ret_len = s.len;
	return r;
}

/* --- the rest of DMARC --- */

int
gp_reportdb_new_sources(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			uint64_t *ret)
{
	struct list l = LIST(db, ST_NEW_SOURCES, NULL, gp_reportdb_source);
	*ret = 0;
	int r = open_list(&l, range, 1);
	if (r == 0)
		r = gp_next_row(db, ST_NEW_SOURCES);
	if (r == 1)
		*ret = gp_count_at(l.st, 0);
	gp_reset(db, ST_NEW_SOURCES);
	return GP_MIN(r, 0);
}

static int
list_auths(struct gp_reportdb *db, enum gp_reportdb_statement which,
	   const struct gp_reportdb_range *range, struct gp_arena *arena,
	   struct gp_reportdb_auth **ret, size_t *ret_len)
{
	struct list l = LIST(db, which, arena, gp_reportdb_auth);
	struct gp_reportdb_auth *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_auth){
			.domain = copy_at(&l, 0),
			.selector = copy_at(&l, 1),
			.result = (uint8_t)gp_sql_int_at(l.st, 2),
			.messages = gp_count_at(l.st, 3),
			.aligned = gp_count_at(l.st, 4),
		};
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_selectors(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		      struct gp_arena *arena, struct gp_reportdb_auth **ret, size_t *ret_len)
{
	return list_auths(db, ST_SELECTORS, range, arena, ret, ret_len);
}

int
gp_reportdb_spf(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		struct gp_arena *arena, struct gp_reportdb_auth **ret, size_t *ret_len)
{
	return list_auths(db, ST_SPF, range, arena, ret, ret_len);
}

int
gp_reportdb_overrides(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		      struct gp_arena *arena, struct gp_reportdb_override **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_OVERRIDES, arena, gp_reportdb_override);
	struct gp_reportdb_override *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_override){
			.reason = (uint8_t)gp_sql_int_at(l.st, 0),
			.disposition = (uint8_t)gp_sql_int_at(l.st, 1),
			.messages = gp_count_at(l.st, 2),
		};
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_reporters(struct gp_reportdb *db, const struct gp_reportdb_range *range, uint8_t kind,
		      struct gp_arena *arena, struct gp_reportdb_reporter **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_REPORTERS, arena, gp_reportdb_reporter);
	struct gp_reportdb_reporter *e;
	int r = open_list(&l, range, SIZE_MAX);
	if (r == 0)
		gp_sql_bind_int(l.st, 6, kind);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_reporter){
			.org = copy_at(&l, 0),
			.first_day = gp_sql_int_at(l.st, 1),
			.last_day = gp_sql_int_at(l.st, 2),
			.reports = gp_count_at(l.st, 3),
			.records = gp_count_at(l.st, 4),
			.messages = gp_count_at(l.st, 5),
			.lost = gp_count_at(l.st, 6),
			.flawed = gp_count_at(l.st, 7),
		};
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_policies(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		     struct gp_arena *arena, struct gp_reportdb_policy **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_POLICIES, arena, gp_reportdb_policy);
	struct gp_reportdb_policy *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_policy){
			.domain = copy_at(&l, 0),
			.p = (uint8_t)gp_sql_int_at(l.st, 1),
			.sp = (uint8_t)gp_sql_int_at(l.st, 2),
			.np = (uint8_t)gp_sql_int_at(l.st, 3),
			.adkim_strict = gp_sql_int_at(l.st, 4),
			.aspf_strict = gp_sql_int_at(l.st, 5),
			.testing = gp_sql_int_at(l.st, 6),
			.pct = (int)gp_sql_int_at(l.st, 7),
			.first_day = gp_sql_int_at(l.st, 8),
			.last_day = gp_sql_int_at(l.st, 9),
			.reports = gp_count_at(l.st, 10),
		};
	return close_list(&l, r, ret, ret_len);
}

/* --- TLS --- */

int
gp_reportdb_tls_domains(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			struct gp_arena *arena, struct gp_slice **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_TLS_DOMAINS, arena, gp_slice);
	struct gp_slice *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = copy_at(&l, 0);
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_tls_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		     struct gp_arena *arena, struct gp_reportdb_tls_day **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_TLS_DAYS, arena, gp_reportdb_tls_day);
	struct gp_reportdb_tls_day *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_tls_day){
			.day = gp_sql_int_at(l.st, 0),
			.type = copy_at(&l, 1),
			.successful = gp_count_at(l.st, 2),
			.failed = gp_count_at(l.st, 3),
		};
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_tls_failures(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			 struct gp_arena *arena, struct gp_reportdb_tls_failure **ret,
			 size_t *ret_len)
{
	struct list l = LIST(db, ST_TLS_FAILURES, arena, gp_reportdb_tls_failure);
	struct gp_reportdb_tls_failure *e;
	int r = open_list(&l, range, SIZE_MAX);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_tls_failure){
			.result = copy_at(&l, 0),
			.receiving_mx = copy_at(&l, 1),
			.org = copy_at(&l, 2),
			.first_day = gp_sql_int_at(l.st, 3),
			.last_day = gp_sql_int_at(l.st, 4),
			.sessions = gp_count_at(l.st, 5),
		};
	return close_list(&l, r, ret, ret_len);
}

/* --- reports --- */

static struct gp_reportdb_report
report_at(const struct list *l)
{
	struct gp_apportion days;
	struct gp_reportdb_report report = {
		.number = gp_count_at(l->st, 0),
		.kind = (uint8_t)gp_sql_int_at(l->st, 1),
		.authenticated = gp_sql_int_at(l->st, 2),
		.org = copy_at(l, 3),
		.email = copy_at(l, 4),
		.id = copy_at(l, 5),
		.domain = copy_at(l, 6),
		.file = copy_at(l, 7),
		.begin = gp_sql_int_at(l->st, 8),
		.end = gp_sql_int_at(l->st, 9),
		.received_s = gp_sql_int_at(l->st, 10),
		.records = gp_count_at(l->st, 11),
		.lost = gp_count_at(l->st, 12),
		.flaws = gp_count_at(l->st, 13),
		.messages = gp_count_at(l->st, 14),
	};
	report.estimated = gp_apportion_begin(&days, report.begin, report.end) && days.days > 1;
	return report;
}

/* The statement that finds them by an index in which most are of those that are wanted. */
static enum gp_reportdb_statement
list_by(const struct gp_reportdb_range *range, uint8_t kind)
{
	if (kind == GP_INGEST_FAILURE || (kind == GP_INGEST_TLS && range->domain.len == 0))
		return ST_LIST_OF_FEW;
	return range->domain.len > 0 ? ST_LIST_OF_DOMAIN : ST_LIST;
}

int
gp_reportdb_list(struct gp_reportdb *db, const struct gp_reportdb_range *range, uint8_t kind,
		 const struct gp_reportdb_report *behind, size_t max, struct gp_arena *arena,
		 struct gp_reportdb_report **ret, size_t *ret_len)
{
	struct list l = LIST(db, list_by(range, kind), arena, gp_reportdb_report);
	struct gp_reportdb_report *e;
	int r = open_list(&l, range, max);
	if (r == 0) {
		int64_t last_s = GP_MIN(range->to_day, GP_DAY_MAX) * DAY_S + DAY_S - 1;
		bool within = behind && behind->end <= last_s;
		gp_sql_bind_int(l.st, 4, within ? behind->end : last_s);
		gp_sql_bind_int(l.st, 6, kind);
		gp_sql_bind_int(l.st, 7, within ? (int64_t)behind->number : 0);
	}
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = report_at(&l);
	return close_list(&l, r, ret, ret_len);
}

int
gp_reportdb_report(struct gp_reportdb *db, uint64_t number, struct gp_arena *arena,
		   struct gp_reportdb_report *ret)
{
	struct list l = LIST(db, ST_REPORT, arena, gp_reportdb_report);
	l.st = gp_statement(db, ST_REPORT);
	if (!l.st)
		return gp_sql_error(db->sql);
	gp_sql_bind_int(l.st, 1, (int64_t)GP_MIN(number, (uint64_t)INT64_MAX));
	int r = gp_next_row(db, ST_REPORT);
	if (r == 1)
		*ret = report_at(&l);
	gp_reset(db, ST_REPORT);
	if (r == 1 && arena->failed)
		return -ENOMEM;
	return r < 0 ? r : !r;
}

/* --- health --- */

int
gp_reportdb_flaws(struct gp_reportdb *db, bool refused_only, size_t max, struct gp_arena *arena,
		  struct gp_reportdb_flaw **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_FLAWS, arena, gp_reportdb_flaw);
	struct gp_reportdb_flaw *e;
	int r = 0;
	l.st = gp_statement(db, ST_FLAWS);
	if (!l.st)
		return gp_sql_error(db->sql);
	gp_sql_bind_int(l.st, 1, refused_only);
	gp_sql_bind_int(l.st, 2, (int64_t)GP_MIN(max, (size_t)GP_REPORTDB_LIST_MAX));
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_flaw){
			.file = copy_at(&l, 0),
			.why = copy_at(&l, 1),
			.report = gp_count_at(l.st, 2),
			.record = gp_count_at(l.st, 3),
			.lost = gp_sql_int_at(l.st, 4),
			.received_s = gp_sql_int_at(l.st, 5),
		};
	return close_list(&l, r, ret, ret_len);
}

static int
read_tally(struct gp_reportdb *db, struct gp_reportdb_health *ret)
{
	const struct {
		const char *name;
		uint64_t *to;
	} names[] = {{"duplicates", &ret->duplicates},
		     {"refused", &ret->refused},
		     {"old", &ret->old},
		     {"records", &ret->records},
		     {"lost", &ret->lost}};
	int r;
	while ((r = gp_next_row(db, ST_TALLY)) == 1) {
		struct gp_sql_statement *st = db->statements[ST_TALLY];
		struct gp_slice name = gp_sql_text_at(st, 0);
		for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
			if (gp_slice_eq(name, gp_slice_str(names[i].name)))
				*names[i].to = gp_count_at(st, 1);
		}
		if (gp_slice_eq(name, GP_SLICE("forgotten_before_day")))
			ret->forgotten_before_day = gp_sql_int_at(st, 1);
	}
	return r;
}

int
gp_reportdb_health(struct gp_reportdb *db, struct gp_reportdb_health *ret)
{
	*ret = (struct gp_reportdb_health){.forgotten_before_day = INT64_MIN};
	int r = read_tally(db, ret);
	while (r == 0 && (r = gp_next_row(db, ST_KINDS)) == 1) {
		struct gp_sql_statement *st = db->statements[ST_KINDS];
		uint64_t n = gp_count_at(st, 2);
		int kind = (int)gp_sql_int_at(st, 0);
		*(kind == GP_INGEST_AGGREGATE ? &ret->aggregates
		  : kind == GP_INGEST_TLS     ? &ret->tls
					      : &ret->failures) += n;
		if (!gp_sql_int_at(st, 1))
			ret->unauthenticated += n;
		ret->last_received_s = GP_MAX(ret->last_received_s, gp_sql_int_at(st, 3));
		r = 0;
	}
	return GP_MIN(r, 0);
}

int
gp_reportdb_over_limit(struct gp_reportdb *db, const struct gp_reportdb_range *range, size_t max,
		       struct gp_arena *arena, struct gp_reportdb_over_limit **ret, size_t *ret_len)
{
	struct list l = LIST(db, ST_OVER_LIMIT, arena, gp_reportdb_over_limit);
	struct gp_reportdb_over_limit *e;
	int r = open_list(&l, range, max);
	while (r == 0 && (e = next_entry(&l, &r)) != NULL)
		*e = (struct gp_reportdb_over_limit){
			.day = gp_sql_int_at(l.st, 0),
			.reporter = copy_at(&l, 1),
			.reports = gp_count_at(l.st, 2),
			.octets = gp_count_at(l.st, 3),
		};
	return close_list(&l, r, ret, ret_len);
}
