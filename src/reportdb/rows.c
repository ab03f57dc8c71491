/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an aggregate report. Many have all in common but their source and their count; so
 * what they have in common is kept once, as a detail, and the figures that follow from it alone
 * are added up there, not row by row.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

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

/* What a detail is known by, as block.h has it. */
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
		gp_document_key(db, table, db->doc.head.domain);
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
		gp_document_key(db, GP_CELL_OVERRIDE, db->doc.head.domain);
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
	struct gp_slice p = detail->packed, rest = gp_slice_drop(p, 3);
	struct gp_slice texts[6]; /* three names, reasons, signatures, SPF */
	int r = 0;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		texts[i] = gp_slice_cut(&rest, '\0');
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		int64_t day = d->days.first_day + (int64_t)i, n = (int64_t)detail->messages[i];
		if (n == 0 || day < db->forgotten_before)
			continue;
		r = add_overrides(db, texts[3], (uint8_t)p.ptr[0], day, n);
		if (r == 0)
			r = add_auths(db, GP_CELL_SELECTOR, texts[4],
				      p.ptr[1] == GP_INGEST_RESULT_PASS, day, n);
		if (r == 0)
			r = add_auths(db, GP_CELL_SPF, texts[5], p.ptr[2] == GP_INGEST_RESULT_PASS,
				      day, n);
	}
	return r;
}

/* All details in memory, which are forgotten. */
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
	memset(d->known, 0, sizeof(d->known));
	return r;
}

/* --- figures --- */

static struct gp_reportdb_figures
figures_of(const struct gp_detail *detail, uint64_t n, bool estimated)
{
	uint8_t disposition = (uint8_t)detail->packed.ptr[0];
	bool dkim = detail->packed.ptr[1] == GP_INGEST_RESULT_PASS;
	bool spf = detail->packed.ptr[2] == GP_INGEST_RESULT_PASS;
	return (struct gp_reportdb_figures){
		.messages = n,
		.aligned = dkim || spf ? n : 0,
		.dkim = dkim ? n : 0,
		.spf = spf ? n : 0,
		.quarantined = disposition == GP_INGEST_DISPOSITION_QUARANTINE ? n : 0,
		.rejected = disposition == GP_INGEST_DISPOSITION_REJECT ? n : 0,
		.forwarded = detail->forwarded ? n : 0,
		.foreign = detail->foreign ? n : 0,
		.estimated = estimated ? n : 0,
	};
}

void
gp_figures_add(struct gp_reportdb_figures *to, const struct gp_reportdb_figures *f)
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

/* A row's messages, by day, for its detail and its source. */
static void
count_row(struct gp_reportdb *db, const struct gp_block_row *row, struct gp_reportdb_figures *sums)
{
	struct gp_document *d = &db->doc;
	uint64_t parts[GP_REPORTDB_DAYS_MAX];
	gp_apportion_count(&d->days, row->messages, parts);
	for (size_t i = 0; i < d->days.days; i++) {
		if (parts[i] == 0 || d->days.first_day + (int64_t)i < db->forgotten_before)
			continue;
		struct gp_reportdb_figures f = figures_of(row->detail, parts[i], d->days.days > 1);
		row->detail->messages[i] += parts[i];
		gp_figures_add(&sums[i], &f);
	}
}

/* All rows of one source, which stand together. */
static int
count_source(struct gp_reportdb *db, const struct gp_block_row *rows, size_t len)
{
	struct gp_document *d = &db->doc;
	struct gp_reportdb_figures *sums = db->of_source;
	uint8_t address[16];
	int r = 0;
	memset(sums, 0, d->days.days * sizeof(*sums));
	for (size_t i = 0; i < len; i++)
		count_row(db, &rows[i], sums);
	gp_block_source(rows, address);
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		if (sums[i].messages == 0)
			continue;
		gp_figures_add(&d->figures[i], &sums[i]);
		gp_document_key(db, GP_CELL_SOURCE_DAY, d->head.domain);
		gp_cells_key_number(&db->key, d->days.first_day + (int64_t)i);
		gp_cells_key_octets(&db->key, gp_source_octets(address));
		r = add_figures(db, &sums[i]);
	}
	return r == 0 ? gp_document_spill(db) : r;
}

static bool
same_source(const struct gp_block_row *a, const struct gp_block_row *b)
{
	return a->source[0] == b->source[0] && a->source[1] == b->source[1];
}

/* --- rows --- */

/* Blocks that were put are in the database, and what they were made of is forgotten. */
static int
push_blocks(struct gp_reportdb *db)
{
	int r = gp_sql_push(db->sql);
	gp_arena_reset(&db->blocks);
	return r;
}

/* Its source's 16 octets, for as long as its block has to live. */
static struct gp_slice
keep_source(struct gp_reportdb *db, const struct gp_block_row *row)
{
	uint8_t address[16];
	gp_block_source(row, address);
	return gp_arena_dup(&db->blocks, gp_slice((const char *)address, sizeof(address)));
}

static int
store_block(struct gp_reportdb *db, const struct gp_block_row *rows, size_t len)
{
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_BLOCK);
	int r = db->blocks.used >= GP_BLOCKS_MEMORY ? push_blocks(db) : 0;
	if (r < 0 || !st || db->block.octets.failed)
		return GP_MIN(r, -ENOMEM);
	gp_sql_bind_int(st, 1, db->doc.report);
	gp_sql_bind_int(st, 2, db->doc.blocks++);
	gp_sql_bind_octets(st, 3, keep_source(db, &rows[0]));
	gp_sql_bind_octets(st, 4, keep_source(db, &rows[len - 1]));
	gp_sql_bind_octets(st, 5, gp_arena_dup(&db->blocks, gp_buf_slice(&db->block.octets)));
	return db->blocks.failed ? -ENOMEM : gp_sql_put(st);
}

/* All rows in memory, which are forgotten: into the database, and into the figures. */
static int
end_rows(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	size_t len = d->rows_len, n;
	int r = 0;
	d->rows_len = 0;
	if (len > 0)
		gp_block_sort(db->rows, len);
	for (size_t at = 0; r == 0 && at < len; at += n) {
		n = gp_block_fill(&db->block, &db->rows[at], len - at);
		r = store_block(db, &db->rows[at], n);
	}
	for (size_t at = 0; r == 0 && at < len; at += n) {
		n = 1;
		while (at + n < len && same_source(&db->rows[at], &db->rows[at + n]))
			n++;
		r = count_source(db, &db->rows[at], n);
	}
	return r;
}

/* As gp_document_enter(). */
static int
make_room(struct gp_reportdb *db, bool for_details)
{
	int r = gp_document_enter(db);
	if (r == 0)
		r = end_rows(db);
	return r == 0 && for_details ? end_details(db) : r;
}

static bool
details_full(const struct gp_document *d)
{
	return d->details.len == GP_DETAILS_MAX ||
	       d->details_arena.used > GP_DETAILS_MEMORY_MAX / 2;
}

/* As gp_document_enter(). */
static int
add_detail(struct gp_reportdb *db, const struct gp_ingest_row *row, struct gp_slice packed,
	   struct gp_detail **ret)
{
	struct gp_document *d = &db->doc;
	int r = details_full(d) ? make_room(db, true) : 0;
	if (r != 0)
		return r;
	struct gp_detail *detail = gp_arena_new(&d->details_arena, struct gp_detail);
	if (!detail)
		return -ENOMEM;
	*detail = (struct gp_detail){
		.packed = gp_arena_dup(&d->details_arena, packed),
		.messages = gp_arena_array(&d->details_arena, d->days.days, sizeof(uint64_t)),
		.forwarded = is_forwarded(row),
		.foreign = is_foreign(row),
	};
	*ret = detail;
	if (d->details_arena.failed || !gp_map_set(&d->details, detail->packed, detail))
		return -ENOMEM;
	return 0;
}

/* The row's, made where it is new. As gp_document_enter(). */
static int
find_detail(struct gp_reportdb *db, const struct gp_ingest_row *row, struct gp_detail **ret)
{
	struct gp_document *d = &db->doc;
	size_t at = row->detail % GP_KNOWN;
	*ret = d->known[at].detail;
	if (row->detail > 0 && d->known[at].number == row->detail)
		return 0;
	struct gp_slice packed = pack(&db->packed, row);
	if (db->packed.failed)
		return -ENOMEM;
	*ret = gp_map_get(&d->details, packed);
	int r = *ret ? 0 : add_detail(db, row, packed, ret);
	if (r == 0) {
		d->known[at].number = row->detail;
		d->known[at].detail = *ret;
	}
	return r;
}

static int
add_row(struct gp_reportdb *db, const struct gp_ingest_row *row, struct gp_detail *detail)
{
	uint64_t halves[2];
	if (!db->rows)
		db->rows = malloc(GP_ROWS_MAX * sizeof(*db->rows));
	if (!db->rows)
		return -ENOMEM;
	memcpy(halves, row->source, sizeof(halves));
	db->rows[db->doc.rows_len++] = (struct gp_block_row){
		.source = {be64toh(halves[0]), be64toh(halves[1])},
		.number = row->number,
		.messages = row->count,
		.detail = detail,
	};
	db->doc.records++;
	return 0;
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
	int r = d->rows_len == GP_ROWS_MAX ? make_room(db, false) : 0;
	if (r == 0)
		r = find_detail(db, row, &detail);
	return r == 0 ? add_row(db, row, detail) : r;
}

int
gp_document_figures(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	int r = end_rows(db);
	if (r == 0)
		r = end_details(db);
	/* What all domains have follows from it. */
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		if (d->figures[i].messages == 0)
			continue;
		gp_document_key(db, GP_CELL_DAY, d->head.domain);
		gp_cells_key_number(&db->key, d->days.first_day + (int64_t)i);
		r = add_figures(db, &d->figures[i]);
	}
	return r;
}
