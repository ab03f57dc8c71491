/* SPDX-License-Identifier: Apache-2.0 */
/* A report that is kept, told again as its reader told it. */
#include <errno.h>
#include <stdlib.h>

#include "reportdb/parts.h"

/* The statement with a report's number bound; NULL: it cannot be had. */
static struct gp_sql_statement *
open_report(struct gp_reportdb *db, enum gp_reportdb_statement which, uint64_t number)
{
	struct gp_sql_statement *st = gp_statement(db, which);
	if (st)
		gp_sql_bind_int(st, 1, (int64_t)GP_MIN(number, (uint64_t)INT64_MAX));
	return st;
}

static int
broken(const struct gp_reportdb *db)
{
	return gp_sql_error(db->sql);
}

/* 0; 1: there is no such report, ret_kind is 0 then; -errno; or what the listener says. */
static int
tell_head(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *l,
	  uint8_t *ret_kind)
{
	struct gp_sql_statement *st = open_report(db, ST_HEAD, number);
	*ret_kind = 0;
	if (!st)
		return broken(db);
	int r = gp_next_row(db, ST_HEAD);
	if (r != 1)
		return r < 0 ? r : 1;
	struct gp_ingest_head h = {
		.kind = (uint8_t)gp_sql_int_at(st, 0),
		.org = gp_sql_text_at(st, 1),
		.email = gp_sql_text_at(st, 2),
		.contact = gp_sql_text_at(st, 3),
		.id = gp_sql_text_at(st, 4),
		.domain = gp_sql_text_at(st, 5),
		.begin = gp_sql_int_at(st, 6),
		.end = gp_sql_int_at(st, 7),
		.version = gp_sql_text_at(st, 8),
		.generator = gp_sql_text_at(st, 9),
		.p = (uint8_t)gp_sql_int_at(st, 10),
		.sp = (uint8_t)gp_sql_int_at(st, 11),
		.np = (uint8_t)gp_sql_int_at(st, 12),
		.adkim_strict = gp_sql_int_at(st, 13),
		.aspf_strict = gp_sql_int_at(st, 14),
		.testing = gp_sql_int_at(st, 15),
		.pct = (int)gp_sql_int_at(st, 16),
		.fo = gp_sql_text_at(st, 17),
		.discovery = gp_sql_text_at(st, 18),
	};
	*ret_kind = h.kind;
	r = l->head(l->context, &h);
	gp_reset(db, ST_HEAD);
	return r;
}

/* --- rows --- */

/* Returns how many of a list's lines there were. */
static size_t
read_auths(struct gp_slice lines, bool dkim, struct gp_ingest_auth *list)
{
	size_t len = 0;
	while (lines.len > 0 && len < GP_INGEST_RESULTS_MAX) {
		struct gp_slice line = gp_slice_cut(&lines, '\n');
		uint64_t result = 0;
		(void)gp_slice_u64(gp_slice_cut(&line, '\t'), UINT8_MAX, &result);
		struct gp_ingest_auth *a = &list[len++];
		*a = (struct gp_ingest_auth){.result = (uint8_t)result};
		a->domain = gp_slice_cut(&line, '\t');
		*(dkim ? &a->selector : &a->scope) = gp_slice_cut(&line, '\t');
		a->human = line;
	}
	return len;
}

static size_t
read_reasons(struct gp_slice lines, struct gp_ingest_reason *list)
{
	size_t len = 0;
	while (lines.len > 0 && len < GP_INGEST_REASONS_MAX) {
		struct gp_slice line = gp_slice_cut(&lines, '\n');
		uint64_t type = 0;
		(void)gp_slice_u64(gp_slice_cut(&line, '\t'), UINT8_MAX, &type);
		list[len++] = (struct gp_ingest_reason){.type = (uint8_t)type, .comment = line};
	}
	return len;
}

static void
read_record(struct gp_sql_statement *st, struct gp_ingest_row *ret)
{
	*ret = (struct gp_ingest_row){
		.number = gp_count_at(st, 0),
		.count = gp_count_at(st, 2),
		.disposition = (uint8_t)gp_sql_int_at(st, 3),
		.dkim = (uint8_t)gp_sql_int_at(st, 4),
		.spf = (uint8_t)gp_sql_int_at(st, 5),
		.header_from = gp_sql_text_at(st, 6),
		.envelope_from = gp_sql_text_at(st, 7),
		.envelope_to = gp_sql_text_at(st, 8),
	};
	gp_source_at(st, 1, ret->source);
	ret->reasons_len = read_reasons(gp_sql_text_at(st, 9), ret->reasons);
	ret->dkim_results_len = read_auths(gp_sql_text_at(st, 10), true, ret->dkim_results);
	ret->spf_results_len = read_auths(gp_sql_text_at(st, 11), false, ret->spf_results);
}

/* Rows that came before there were blocks. Of a statement that is bound. */
static int
tell_records(struct gp_reportdb *db, enum gp_reportdb_statement which,
	     const struct gp_ingest_listener *l)
{
	struct gp_ingest_row row;
	int r;
	while ((r = gp_next_row(db, which)) == 1) {
		read_record(db->statements[which], &row);
		r = l->row(l->context, &row);
		if (r != 0)
			break;
	}
	gp_reset(db, which);
	return r;
}

static int
tell_block_row(const struct gp_block_told *told, const struct gp_ingest_listener *l)
{
	struct gp_slice rest = gp_slice_drop(told->detail, 3);
	if (told->detail.len < 3)
		return -EIO;
	struct gp_ingest_row row = {
		.number = told->number,
		.count = told->messages,
		.disposition = (uint8_t)told->detail.ptr[0],
		.dkim = (uint8_t)told->detail.ptr[1],
		.spf = (uint8_t)told->detail.ptr[2],
	};
	memcpy(row.source, told->address, sizeof(row.source));
	row.header_from = gp_slice_cut(&rest, '\0');
	row.envelope_from = gp_slice_cut(&rest, '\0');
	row.envelope_to = gp_slice_cut(&rest, '\0');
	row.reasons_len = read_reasons(gp_slice_cut(&rest, '\0'), row.reasons);
	row.dkim_results_len = read_auths(gp_slice_cut(&rest, '\0'), true, row.dkim_results);
	row.spf_results_len = read_auths(gp_slice_cut(&rest, '\0'), false, row.spf_results);
	return l->row(l->context, &row);
}

/* Adds those of a block, whose octets stay in the arena. 0 or -errno. */
static int
add_told(struct gp_sql_statement *st, struct gp_buf *rows, struct gp_arena *arena)
{
	struct gp_block_reader b;
	struct gp_block_told told;
	size_t len = gp_count_at(st, 0);
	char *octets = gp_arena_alloc(arena, len);
	int r;
	if (!octets)
		return -ENOMEM;
	b.octets = gp_reader(gp_slice(octets, gp_sql_octets_at(st, 1, (uint8_t *)octets, len)));
	b.details_len = 0;
	while ((r = gp_block_next(&b, &told)) == 1)
		gp_buf_put(rows, gp_slice((const char *)&told, sizeof(told)));
	return r < 0 ? r : rows->failed ? -ENOMEM : 0;
}

static int
by_number(const void *a, const void *b)
{
	const struct gp_block_told *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* A report's rows, which are told in the order of their numbers; so all of them are in memory, some
 * 60 octets each. address: of one source alone; or NULL. */
static int
tell_blocks(struct gp_reportdb *db, uint64_t number, const uint8_t *address,
	    const struct gp_ingest_listener *l)
{
	const enum gp_reportdb_statement which = address ? ST_SOURCE_BLOCKS : ST_BLOCKS;
	struct gp_buf rows = GP_BUF_INIT(GP_TOLD_MEMORY_MAX);
	struct gp_arena arena = GP_ARENA_INIT(GP_TOLD_MEMORY_MAX);
	struct gp_sql_statement *st = open_report(db, which, number);
	int r = st ? 0 : broken(db);
	if (st && address)
		gp_sql_bind_octets(st, 2, gp_slice((const char *)address, 16));
	while (r == 0 && (r = gp_next_row(db, which)) == 1)
		r = add_told(st, &rows, &arena);
	if (st)
		gp_reset(db, which);
	struct gp_block_told *list = (void *)gp_buf_slice(&rows).ptr;
	size_t len = rows.len / sizeof(*list);
	if (len > 0)
		qsort(list, len, sizeof(*list), by_number);
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (!address || memcmp(list[i].address, address, 16) == 0)
			r = tell_block_row(&list[i], l);
	}
	gp_buf_free(&rows);
	gp_arena_free(&arena);
	return r;
}

static int
tell_rows(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *l)
{
	int r = tell_blocks(db, number, NULL, l);
	if (r != 0)
		return r;
	return open_report(db, ST_RECORDS, number) ? tell_records(db, ST_RECORDS, l) : broken(db);
}

static int
tell_rows_of(struct gp_reportdb *db, uint64_t number, const uint8_t address[16],
	     const struct gp_ingest_listener *l)
{
	int r = tell_blocks(db, number, address, l);
	if (r != 0)
		return r;
	struct gp_sql_statement *st = open_report(db, ST_SOURCE_RECORDS, number);
	if (!st)
		return broken(db);
	gp_bind_source(st, 2, address);
	return tell_records(db, ST_SOURCE_RECORDS, l);
}

/* --- TLS and failures --- */

static size_t
read_lines(struct gp_slice lines, struct gp_slice list[GP_INGEST_PATTERNS_MAX])
{
	size_t len = 0;
	while (lines.len > 0 && len < GP_INGEST_PATTERNS_MAX)
		list[len++] = gp_slice_cut(&lines, '\n');
	return len;
}

static int
tell_tls_failures(struct gp_reportdb *db, uint64_t number, uint64_t policy,
		  const struct gp_ingest_listener *l)
{
	struct gp_sql_statement *st = open_report(db, ST_FAILURES_OF_POLICY, number);
	int r;
	if (!st)
		return broken(db);
	gp_sql_bind_int(st, 2, (int64_t)policy);
	while ((r = gp_next_row(db, ST_FAILURES_OF_POLICY)) == 1) {
		struct gp_ingest_tls_failure f = {
			.result = gp_sql_text_at(st, 0),
			.sending_ip = gp_sql_text_at(st, 1),
			.receiving_mx = gp_sql_text_at(st, 2),
			.receiving_ip = gp_sql_text_at(st, 3),
			.receiving_helo = gp_sql_text_at(st, 4),
			.reason_code = gp_sql_text_at(st, 5),
			.info = gp_sql_text_at(st, 6),
			.sessions = gp_count_at(st, 7),
		};
		r = l->tls_failure(l->context, &f);
		if (r != 0)
			break;
	}
	gp_reset(db, ST_FAILURES_OF_POLICY);
	return r;
}

static int
tell_tls(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *l)
{
	struct gp_sql_statement *st = open_report(db, ST_TLS_POLICIES, number);
	int r;
	if (!st)
		return broken(db);
	while ((r = gp_next_row(db, ST_TLS_POLICIES)) == 1) {
		struct gp_ingest_tls_policy p = {
			.number = gp_count_at(st, 0),
			.type = gp_sql_text_at(st, 1),
			.domain = gp_sql_text_at(st, 2),
			.successful = gp_count_at(st, 5),
			.failed = gp_count_at(st, 6),
		};
		p.lines_len = read_lines(gp_sql_text_at(st, 3), p.lines);
		p.mx_len = read_lines(gp_sql_text_at(st, 4), p.mx);
		r = l->tls_policy(l->context, &p);
		if (r == 0)
			r = tell_tls_failures(db, number, p.number, l);
		if (r != 0)
			break;
	}
	gp_reset(db, ST_TLS_POLICIES);
	return r;
}

static int
tell_failure(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *l)
{
	struct gp_sql_statement *st = open_report(db, ST_FAILURE, number);
	if (!st)
		return broken(db);
	int r = gp_next_row(db, ST_FAILURE);
	if (r != 1)
		return r;
	struct gp_ingest_failure f = {
		.type = gp_sql_text_at(st, 0),
		.delivery = gp_sql_text_at(st, 1),
		.domain = gp_sql_text_at(st, 3),
		.header_from = gp_sql_text_at(st, 4),
		.envelope_from = gp_sql_text_at(st, 5),
		.envelope_to = gp_sql_text_at(st, 6),
		.subject = gp_sql_text_at(st, 7),
		.message_id = gp_sql_text_at(st, 8),
		.results = gp_sql_text_at(st, 9),
		.dkim_domain = gp_sql_text_at(st, 10),
		.dkim_selector = gp_sql_text_at(st, 11),
		.spf_record = gp_sql_text_at(st, 12),
		.arrived = gp_sql_int_at(st, 13),
		.incidents = gp_count_at(st, 14),
		.header = gp_sql_text_at(st, 15),
	};
	gp_source_at(st, 2, f.source);
	r = l->failure(l->context, &f);
	gp_reset(db, ST_FAILURE);
	return r;
}

static int
tell_flaws(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *l)
{
	struct gp_sql_statement *st = open_report(db, ST_FLAWS_OF_REPORT, number);
	int r;
	if (!st)
		return broken(db);
	while ((r = gp_next_row(db, ST_FLAWS_OF_REPORT)) == 1) {
		char why[GP_INGEST_TEXT_MAX + 1];
		struct gp_slice text = gp_slice_take(gp_sql_text_at(st, 2), GP_INGEST_TEXT_MAX);
		memcpy(why, text.ptr, text.len);
		why[text.len] = '\0';
		r = l->flaw(l->context, gp_count_at(st, 0), gp_sql_int_at(st, 1), why);
		if (r != 0)
			break;
	}
	gp_reset(db, ST_FLAWS_OF_REPORT);
	return r;
}

/* --- all of it --- */

int
gp_reportdb_tell(struct gp_reportdb *db, uint64_t number, const struct gp_ingest_listener *listener)
{
	uint8_t kind;
	int r = tell_head(db, number, listener, &kind);
	if (r == 0 && kind == GP_INGEST_AGGREGATE)
		r = tell_rows(db, number, listener);
	if (r == 0 && kind == GP_INGEST_TLS)
		r = tell_tls(db, number, listener);
	if (r == 0 && kind == GP_INGEST_FAILURE)
		r = tell_failure(db, number, listener);
	return r == 0 ? tell_flaws(db, number, listener) : r;
}

/* A head that is told once its report turns out to have rows. */
struct waiting {
	struct gp_reportdb *db;
	const struct gp_ingest_listener *to;
	uint64_t number;
	bool told;
};

static int
tell_waiting(void *context, const struct gp_ingest_row *row)
{
	struct waiting *w = context;
	uint8_t kind;
	int r = w->told ? 0 : tell_head(w->db, w->number, w->to, &kind);
	w->told = true;
	return r == 0 ? w->to->row(w->to->context, row) : r;
}

static int
bind_range(struct gp_reportdb *db, enum gp_reportdb_statement which,
	   const struct gp_reportdb_range *range)
{
	struct gp_sql_statement *st = gp_statement(db, which);
	if (!st)
		return broken(db);
	gp_sql_bind_int(st, 1, !range->unauthenticated);
	gp_sql_bind_text(st, 2, range->domain);
	gp_sql_bind_int(st, 3, range->from_day);
	gp_sql_bind_int(st, 4, range->to_day);
	return 0;
}

int
gp_reportdb_tell_source(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			const uint8_t address[16], const struct gp_ingest_listener *listener)
{
	int r = bind_range(db, ST_SOURCE_REPORTS, range);
	if (r < 0)
		return r;
	gp_sql_bind_int(db->statements[ST_SOURCE_REPORTS], 5, GP_REPORTDB_SOURCE_MAX);
	while ((r = gp_next_row(db, ST_SOURCE_REPORTS)) == 1) {
		struct waiting w = {db, listener, gp_count_at(db->statements[ST_SOURCE_REPORTS], 0),
				    false};
		struct gp_ingest_listener l = {.context = &w, .row = tell_waiting};
		r = tell_rows_of(db, w.number, address, &l);
		if (r != 0)
			break;
	}
	gp_reset(db, ST_SOURCE_REPORTS);
	return r;
}

int
gp_reportdb_tell_failures(struct gp_reportdb *db, const struct gp_reportdb_range *range, size_t max,
			  const struct gp_ingest_listener *listener)
{
	int r = bind_range(db, ST_FAILURE_REPORTS, range);
	if (r < 0)
		return r;
	gp_sql_bind_int(db->statements[ST_FAILURE_REPORTS], 5,
			(int64_t)GP_MIN(max, (size_t)GP_REPORTDB_LIST_MAX));
	while ((r = gp_next_row(db, ST_FAILURE_REPORTS)) == 1) {
		uint64_t number = gp_count_at(db->statements[ST_FAILURE_REPORTS], 0);
		uint8_t kind;
		r = tell_head(db, number, listener, &kind);
		if (r == 0)
			r = tell_failure(db, number, listener);
		if (r != 0)
			break;
	}
	gp_reset(db, ST_FAILURE_REPORTS);
	return r;
}
