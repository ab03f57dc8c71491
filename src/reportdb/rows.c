/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an aggregate report. Many have all in common but their source and their count; so
 * what they have in common is kept once, as a detail, and the figures that follow from it alone
 * are added up there, not row by row.
 */
#include <errno.h>

#include "reportdb/parts.h"

/* --- details --- */

/* A list, as lines of fields between tabs; texts have neither. */
static void
pack_auths(struct gp_buf *out, const struct gp_ingest_auth *list, size_t len, bool dkim)
{
	for (size_t i = 0; i < len; i++) {
		gp_buf_put_u64(out, list[i].result);
		gp_buf_put_char(out, '\t');
		gp_buf_put(out, list[i].domain);
		gp_buf_put_char(out, '\t');
		gp_buf_put(out, dkim ? list[i].selector : list[i].scope);
		gp_buf_put_char(out, '\t');
		gp_buf_put(out, list[i].human);
		gp_buf_put_char(out, '\n');
	}
	gp_buf_put_char(out, '\0');
}

/* What a detail is known by, and the columns of its table: three numbers, six texts. */
static struct gp_slice
pack(struct gp_buf *out, const struct gp_ingest_row *row)
{
	const struct gp_slice names[] = {row->header_from, row->envelope_from, row->envelope_to};
	gp_buf_clear(out);
	gp_buf_put_char(out, (char)row->disposition);
	gp_buf_put_char(out, (char)row->dkim);
	gp_buf_put_char(out, (char)row->spf);
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		gp_buf_put(out, names[i]);
		gp_buf_put_char(out, '\0');
	}
	for (size_t i = 0; i < row->reasons_len; i++) {
		gp_buf_put_u64(out, row->reasons[i].type);
		gp_buf_put_char(out, '\t');
		gp_buf_put(out, row->reasons[i].comment);
		gp_buf_put_char(out, '\n');
	}
	gp_buf_put_char(out, '\0');
	pack_auths(out, row->dkim_results, row->dkim_results_len, true);
	pack_auths(out, row->spf_results, row->spf_results_len, false);
	return gp_buf_slice(out);
}

static struct gp_slice
packed_text(struct gp_slice packed, size_t number)
{
	struct gp_slice rest = gp_slice_drop(packed, 3), text;
	do
		text = gp_slice_cut(&rest, '\0');
	while (number-- > 0);
	return text;
}

static bool
is_forwarded(const struct gp_ingest_row *row)
{
	bool found = false;
	for (size_t i = 0; i < row->reasons_len; i++)
		found |= row->reasons[i].type == GP_INGEST_REASON_FORWARDED ||
			 row->reasons[i].type == GP_INGEST_REASON_MAILING_LIST ||
			 row->reasons[i].type == GP_INGEST_REASON_TRUSTED_FORWARDER;
	return found;
}

static bool
has_pass(const struct gp_ingest_auth *list, size_t len)
{
	bool found = false;
	for (size_t i = 0; i < len; i++)
		found |= list[i].result == GP_INGEST_RESULT_PASS;
	return found;
}

/* Something passed that is not aligned; of signatures nobody says which one was. */
static bool
is_foreign(const struct gp_ingest_row *row)
{
	if (row->spf == GP_INGEST_RESULT_PASS)
		return false;
	return has_pass(row->spf_results, row->spf_results_len) ||
	       (row->dkim != GP_INGEST_RESULT_PASS &&
		has_pass(row->dkim_results, row->dkim_results_len));
}

static int
store_detail(struct gp_reportdb *db, const struct gp_detail *detail)
{
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_DETAIL);
	if (!st)
		return -ENOMEM;
	struct gp_slice rest = gp_slice_drop(detail->packed, 3);
	gp_sql_bind_int(st, 1, db->doc.report);
	gp_sql_bind_int(st, 2, (int64_t)detail->number);
	for (int i = 0; i < 3; i++)
		gp_sql_bind_int(st, 3 + i, (uint8_t)detail->packed.ptr[i]);
	for (int i = 0; i < 6; i++)
		gp_sql_bind_text(st, 6 + i, gp_slice_cut(&rest, '\0'));
	return gp_sql_put(st);
}

/* --- figures that follow from details --- */

/* A mechanism's lines: each signature, or domain, that is told is counted once, how often it may
   stand there. */
static int
add_auths(struct gp_reportdb *db, enum gp_cell_table table, struct gp_slice lines, bool aligned,
	  int64_t day, int64_t messages)
{
	struct gp_slice all = lines;
	int r = 0;
	while (r == 0 && lines.len > 0) {
		struct gp_slice before = gp_slice_take(all, all.len - lines.len);
		struct gp_slice line = gp_slice_cut(&lines, '\n'), rest = line;
		struct gp_slice result = gp_slice_cut(&rest, '\t');
		struct gp_slice domain = gp_slice_cut(&rest, '\t');
		struct gp_slice third = gp_slice_cut(&rest, '\t');
		bool again = false;
		while (before.len > 0)
			again |= gp_slice_starts(gp_slice_cut(&before, '\n'),
						 gp_slice_take(line, line.len - rest.len));
		uint64_t number = 0;
		if (again || !gp_slice_u64(result, UINT8_MAX, &number))
			continue;
		gp_document_key(db, table, db->doc.domain);
		gp_cells_key_number(&db->key, day);
		gp_cells_key_text(&db->key, domain);
		gp_cells_key_text(&db->key, third);
		gp_cells_key_number(&db->key, (int64_t)number);
		bool counts = aligned && number == GP_INGEST_RESULT_PASS;
		r = gp_document_add(db, (const int64_t[]){messages, counts ? messages : 0});
	}
	return r;
}

static int
add_overrides(struct gp_reportdb *db, struct gp_slice lines, uint8_t disposition, int64_t day,
	      int64_t messages)
{
	uint32_t seen = 0;
	int r = 0;
	while (r == 0 && lines.len > 0) {
		struct gp_slice line = gp_slice_cut(&lines, '\n');
		uint64_t type = 0;
		if (!gp_slice_u64(gp_slice_cut(&line, '\t'), 31, &type) || (seen >> type & 1))
			continue;
		seen |= UINT32_C(1) << type;
		gp_document_key(db, GP_CELL_OVERRIDE, db->doc.domain);
		gp_cells_key_number(&db->key, day);
		gp_cells_key_number(&db->key, (int64_t)type);
		gp_cells_key_number(&db->key, disposition);
		r = gp_document_add(db, &messages);
	}
	return r;
}

static int
add_detail_figures(struct gp_reportdb *db, const struct gp_detail *detail)
{
	const struct gp_document *d = &db->doc;
	struct gp_slice p = detail->packed;
	int r = 0;
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		int64_t day = d->days.first_day + (int64_t)i, n = (int64_t)detail->messages[i];
		if (n == 0 || day < db->forgotten_before)
			continue;
		r = add_overrides(db, packed_text(p, 3), (uint8_t)p.ptr[0], day, n);
		if (r == 0)
			r = add_auths(db, GP_CELL_SELECTOR, packed_text(p, 4),
				      p.ptr[1] == GP_INGEST_RESULT_PASS, day, n);
		if (r == 0)
			r = add_auths(db, GP_CELL_SPF, packed_text(p, 5),
				      p.ptr[2] == GP_INGEST_RESULT_PASS, day, n);
	}
	return r;
}

/* All details in memory, which are forgotten: those that come again get new numbers. */
static int
end_details(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	const struct gp_map_entry *e;
	size_t at = 0;
	int r = 0;
	while (r == 0 && (e = gp_map_next(&d->details, &at)) != NULL)
		r = add_detail_figures(db, e->value);
	gp_map_clear(&d->details);
	gp_arena_reset(&d->details_arena);
	return r;
}

/* The row's, made where it is new. */
static int
find_detail(struct gp_reportdb *db, const struct gp_ingest_row *row, struct gp_detail **ret)
{
	struct gp_document *d = &db->doc;
	struct gp_slice packed = pack(&db->packed, row);
	if (db->packed.failed)
		return -ENOMEM;
	*ret = gp_map_get(&d->details, packed);
	if (*ret)
		return 0;
	if (d->details.len == GP_DETAILS_MAX || d->details_arena.used > GP_DETAILS_MEMORY_MAX / 2) {
		int r = end_details(db);
		if (r < 0)
			return r;
	}
	struct gp_detail *detail = gp_arena_new(&d->details_arena, struct gp_detail);
	if (!detail)
		return -ENOMEM;
	*detail = (struct gp_detail){
		.number = ++d->details_len,
		.packed = gp_arena_dup(&d->details_arena, packed),
		.messages = gp_arena_array(&d->details_arena, d->days.days, sizeof(uint64_t)),
		.forwarded = is_forwarded(row),
		.foreign = is_foreign(row),
	};
	if (d->details_arena.failed || !gp_map_set(&d->details, detail->packed, detail))
		return -ENOMEM;
	*ret = detail;
	return store_detail(db, detail);
}

/* --- rows --- */

static struct gp_reportdb_figures
figures_of(const struct gp_ingest_row *row, const struct gp_detail *detail, uint64_t n,
	   bool estimated)
{
	bool dkim = row->dkim == GP_INGEST_RESULT_PASS, spf = row->spf == GP_INGEST_RESULT_PASS;
	return (struct gp_reportdb_figures){
		.messages = n,
		.aligned = dkim || spf ? n : 0,
		.dkim = dkim ? n : 0,
		.spf = spf ? n : 0,
		.quarantined = row->disposition == GP_INGEST_DISPOSITION_QUARANTINE ? n : 0,
		.rejected = row->disposition == GP_INGEST_DISPOSITION_REJECT ? n : 0,
		.forwarded = detail->forwarded ? n : 0,
		.foreign = detail->foreign ? n : 0,
		.estimated = estimated ? n : 0,
	};
}

static void
figures_add(struct gp_reportdb_figures *to, const struct gp_reportdb_figures *f)
{
	to->messages += f->messages;
	to->aligned += f->aligned;
	to->dkim += f->dkim;
	to->spf += f->spf;
	to->quarantined += f->quarantined;
	to->rejected += f->rejected;
	to->forwarded += f->forwarded;
	to->foreign += f->foreign;
	to->estimated += f->estimated;
}

/* In the order of the tables' columns. */
static int
add_figures(struct gp_reportdb *db, const struct gp_reportdb_figures *f)
{
	const int64_t values[GP_FIGURES] = {
		(int64_t)f->messages,  (int64_t)f->aligned,     (int64_t)f->dkim,
		(int64_t)f->spf,       (int64_t)f->quarantined, (int64_t)f->rejected,
		(int64_t)f->forwarded, (int64_t)f->foreign,     (int64_t)f->estimated,
	};
	return gp_document_add(db, values);
}

static int
store_record(struct gp_reportdb *db, const struct gp_ingest_row *row, uint64_t detail)
{
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_RECORD);
	if (!st)
		return -ENOMEM;
	gp_sql_bind_int(st, 1, db->doc.report);
	gp_bind_source(st, 2, row->source);
	gp_sql_bind_int(st, 3, (int64_t)row->number);
	gp_sql_bind_int(st, 4, (int64_t)row->count);
	gp_sql_bind_int(st, 5, (int64_t)detail);
	return gp_sql_put(st);
}

/* Its messages, by day, for its source, its detail and its report. */
static int
count_row(struct gp_reportdb *db, const struct gp_ingest_row *row, struct gp_detail *detail)
{
	struct gp_document *d = &db->doc;
	uint64_t parts[GP_REPORTDB_DAYS_MAX];
	int r = 0;
	gp_apportion_count(&d->days, row->count, parts);
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		int64_t day = d->days.first_day + (int64_t)i;
		if (parts[i] == 0 || day < db->forgotten_before)
			continue;
		struct gp_reportdb_figures f = figures_of(row, detail, parts[i], d->days.days > 1);
		detail->messages[i] += parts[i];
		figures_add(&d->figures[i], &f);
		gp_document_key(db, GP_CELL_SOURCE_DAY, d->domain);
		gp_cells_key_number(&db->key, day);
		gp_cells_key_octets(&db->key, gp_source_octets(row->source));
		r = add_figures(db, &f);
	}
	return r;
}

int
gp_document_row(struct gp_reportdb *db, const struct gp_ingest_row *row)
{
	struct gp_document *d = &db->doc;
	struct gp_detail *detail = NULL;
	if (!gp_document_number(d, row->number))
		return -EINVAL;
	if (!gp_document_count(d, row->count))
		return gp_document_flaw(db, row->number, true,
					"its messages are too many to be true");
	int r = find_detail(db, row, &detail);
	if (r < 0)
		return r;
	d->records++;
	r = store_record(db, row, detail->number);
	if (r == 0)
		r = count_row(db, row, detail);
	return r == 0 && gp_cells_full(&db->current) ? gp_document_spill(db) : r;
}

int
gp_document_figures(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	int r = end_details(db);
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		const struct gp_slice domains[] = {d->domain, GP_SLICE("")};
		if (d->figures[i].messages == 0)
			continue;
		for (size_t k = d->domain.len > 0 ? 0 : 1; r == 0 && k < 2; k++) {
			gp_document_key(db, GP_CELL_DAY, domains[k]);
			gp_cells_key_number(&db->key, d->days.first_day + (int64_t)i);
			r = add_figures(db, &d->figures[i]);
		}
	}
	return r;
}
