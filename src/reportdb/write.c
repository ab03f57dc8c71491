/* SPDX-License-Identifier: Apache-2.0 */
/* A document comes in: its head, what is not a row of DMARC's, its end. Rows are rows.c's. */
#include <errno.h>
#include <stdio.h>

#include "core/ingest/text.h"
#include "reportdb/parts.h"

/* --- transactions --- */

/* What fails takes all with it that was told since the last sync. Returns the error. */
int
gp_give_up(struct gp_reportdb *db, int error)
{
	gp_sql_rollback(db->sql);
	db->in_transaction = false;
	db->refused = false;
	gp_cells_clear(&db->batch);
	gp_cells_clear(&db->current);
	gp_arena_reset(&db->blocks); /* nothing waits that is in it, and it may have failed */
	db->doc.open = false;
	return error;
}

int
gp_transaction(struct gp_reportdb *db)
{
	int r = db->in_transaction ? 0 : gp_sql_begin(db->sql);
	if (r == 0)
		db->in_transaction = true;
	return r;
}

static int
flush(struct gp_reportdb *db, struct gp_cells *cells)
{
	return gp_cells_flush(cells, db->sql, db->cell_statements);
}

int
gp_reportdb_sync(struct gp_reportdb *db)
{
	gp_assert(!db->doc.open);
	if (!db->in_transaction && db->batch.len == 0)
		return 0;
	int r = gp_transaction(db);
	if (r == 0)
		r = flush(db, &db->batch);
	if (r == 0 && db->refused) {
		struct gp_sql_statement *st = gp_statement(db, ST_PRUNE_FLAWS);
		if (st)
			gp_sql_bind_int(st, 1, GP_REPORTDB_REFUSED_MAX);
		r = gp_finish(db, ST_PRUNE_FLAWS);
	}
	if (r == 0)
		r = gp_sql_commit(db->sql);
	if (r < 0)
		return gp_give_up(db, r);
	db->in_transaction = false;
	db->refused = false;
	return 0;
}

/* --- the current document's cells --- */

void
gp_document_key(struct gp_reportdb *db, enum gp_cell_table table, struct gp_slice domain)
{
	gp_cells_key(&db->key, table);
	gp_cells_key_number(&db->key, db->doc.authenticated);
	gp_cells_key_text(&db->key, domain);
}

static struct gp_cells *
cells_of(struct gp_reportdb *db)
{
	return db->doc.entered ? &db->current : &db->batch;
}

int
gp_document_add(struct gp_reportdb *db, const int64_t *values)
{
	if (db->key.failed || !gp_cells_add(cells_of(db), gp_buf_slice(&db->key), values))
		return -ENOMEM;
	return 0;
}

/* Those of one that entered before its end go when it does, as they are within its savepoint; what
 * others added stays where it is meanwhile. */
int
gp_document_spill(struct gp_reportdb *db)
{
	return gp_cells_full(cells_of(db)) ? flush(db, cells_of(db)) : 0;
}

static int
tally(struct gp_reportdb *db, struct gp_slice name, uint64_t n)
{
	if (n == 0)
		return 0;
	gp_cells_key(&db->key, GP_CELL_TALLY);
	gp_cells_key_text(&db->key, name);
	return gp_document_add(db, (const int64_t[]){(int64_t)n});
}

/* --- the head --- */

int
gp_reportdb_begin(struct gp_reportdb *db, const struct gp_reportdb_origin *origin)
{
	struct gp_document *d = &db->doc;
	gp_assert(db->writes && !d->open);
	struct gp_map details = d->details;
	struct gp_arena details_arena = d->details_arena, arena = d->arena;
	gp_map_clear(&details);
	gp_arena_reset(&details_arena);
	gp_arena_reset(&arena);
	*d = (struct gp_document){
		.authenticated = origin->authenticated,
		.received_s = origin->received_s,
		.file = gp_arena_dup(&arena, gp_slice_take(origin->file, GP_INGEST_TEXT_MAX)),
		.details = details,
		.details_arena = details_arena,
		.arena = arena,
	};
	int r = gp_transaction(db);
	if (r < 0)
		return gp_give_up(db, r);
	d->open = true;
	return 0;
}

void
gp_reportdb_distrust(struct gp_reportdb *db)
{
	if (!db->doc.told)
		db->doc.authenticated = false;
}

/* The reading may end. */
static int
refuse(struct gp_document *d, const char *why)
{
	if (d->outcome != GP_REPORTDB_REFUSED)
		snprintf(d->reason, sizeof(d->reason), "%s", why);
	d->outcome = GP_REPORTDB_REFUSED;
	return 1;
}

/* A report that can be kept has a range near to now, as its figures are by day. 0 or 1. */
static int
check_range(struct gp_reportdb *db, const struct gp_ingest_head *head)
{
	struct gp_document *d = &db->doc;
	int64_t begin = head->begin, end = head->end;
	/* A failure is a moment, and some do not say which. */
	if (head->kind == GP_INGEST_FAILURE && end <= 0)
		begin = end = d->received_s;
	if (end < begin)
		return refuse(d, "its range ends before it begins");
	if (end > d->received_s + GP_REPORTDB_FUTURE_S)
		return refuse(d, "its range is in the future");
	if (!gp_apportion_begin(&d->days, begin, end))
		return refuse(d, "its range is longer than a month, or before 1970");
	if (d->days.last_day < db->forgotten_before) {
		d->outcome = GP_REPORTDB_OLD;
		return 1;
	}
	return 0;
}

static void
bind_identity(struct gp_sql_statement *st, const struct gp_document *d)
{
	const struct gp_ingest_head *h = &d->head;
	gp_sql_bind_int(st, 1, h->kind);
	gp_sql_bind_int(st, 2, d->authenticated);
	gp_sql_bind_text(st, 3, h->org);
	gp_sql_bind_text(st, 4, h->id);
	gp_sql_bind_text(st, 5, h->domain);
	gp_sql_bind_int(st, 6, h->begin);
	gp_sql_bind_int(st, 7, h->end);
}

static void
bind_counts(struct gp_sql_statement *st, int first, const struct gp_document *d)
{
	const uint64_t counts[] = {d->records, d->lost, d->flaws_told, d->messages};
	for (size_t i = 0; i < GP_ARRAY_LEN(counts); i++)
		gp_sql_bind_int(st, first + (int)i, (int64_t)counts[i]);
}

/* It is here already: which one is it? */
static int
find_report(struct gp_reportdb *db)
{
	struct gp_sql_statement *st = gp_statement(db, ST_FIND_REPORT);
	if (!st)
		return -ENOMEM;
	bind_identity(st, &db->doc);
	int r = gp_next_row(db, ST_FIND_REPORT);
	if (r == 1)
		db->doc.report = gp_sql_int_at(st, 0);
	gp_reset(db, ST_FIND_REPORT);
	return r == 0 ? -EIO : GP_MIN(r, 0);
}

/* With what is known of it by now. 0; 1: it is a duplicate; -errno. */
static int
add_report(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	const struct gp_ingest_head *h = &d->head;
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_REPORT);
	if (!st)
		return -ENOMEM;
	bind_identity(st, d);
	gp_sql_bind_text(st, 8, h->email);
	gp_sql_bind_text(st, 9, h->contact);
	gp_sql_bind_text(st, 10, h->version);
	gp_sql_bind_text(st, 11, h->generator);
	gp_sql_bind_int(st, 12, h->p);
	gp_sql_bind_int(st, 13, h->sp);
	gp_sql_bind_int(st, 14, h->np);
	gp_sql_bind_int(st, 15, h->adkim_strict);
	gp_sql_bind_int(st, 16, h->aspf_strict);
	gp_sql_bind_int(st, 17, h->testing);
	gp_sql_bind_int(st, 18, h->pct);
	gp_sql_bind_text(st, 19, h->fo);
	gp_sql_bind_text(st, 20, h->discovery);
	gp_sql_bind_text(st, 21, d->file);
	gp_sql_bind_int(st, 22, d->received_s);
	bind_counts(st, 23, d);
	int r = gp_sql_insert(st, &d->report);
	if (r != 1)
		return r;
	d->outcome = GP_REPORTDB_DUPLICATE;
	r = find_report(db);
	return r < 0 ? r : 1;
}

int
gp_document_enter(struct gp_reportdb *db)
{
	if (db->doc.entered)
		return 0;
	int r = gp_sql_save(db->sql);
	if (r < 0)
		return r;
	db->doc.entered = true;
	return add_report(db);
}

/* The policy that it names, seen from the first to the last of its days. */
static int
add_policy(struct gp_reportdb *db)
{
	const struct gp_document *d = &db->doc;
	const struct gp_ingest_head *h = &d->head;
	const int64_t columns[] = {h->p,           h->sp,      h->np, h->adkim_strict,
				   h->aspf_strict, h->testing, h->pct};
	gp_document_key(db, GP_CELL_POLICY, d->head.domain);
	for (size_t i = 0; i < GP_ARRAY_LEN(columns); i++)
		gp_cells_key_number(&db->key, columns[i]);
	return gp_document_add(db, (const int64_t[]){d->days.first_day, d->days.last_day, 1});
}

/* False: no memory. */
static bool
copy_head(struct gp_document *d, const struct gp_ingest_head *head)
{
	struct gp_ingest_head *h = &d->head;
	struct gp_slice *const texts[] = {&h->org,       &h->email,  &h->contact,
					  &h->id,        &h->domain, &h->version,
					  &h->generator, &h->fo,     &h->discovery};
	*h = *head;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		*texts[i] = gp_arena_dup(&d->arena, *texts[i]);
	d->figures = gp_arena_array(&d->arena, d->days.days, sizeof(*d->figures));
	return !d->arena.failed;
}

static int
take_head(struct gp_reportdb *db, const struct gp_ingest_head *head)
{
	struct gp_document *d = &db->doc;
	if (!d->open)
		return -EINVAL;
	if (d->outcome != GP_REPORTDB_KEPT)
		return 1;
	if (d->told || head->kind < GP_INGEST_AGGREGATE || head->kind > GP_INGEST_FAILURE)
		return -EINVAL;
	int r = check_range(db, head);
	if (r != 0)
		return r;
	d->told = true;
	return copy_head(d, head) ? 0 : -ENOMEM;
}

/* --- records that are no rows --- */

int
gp_document_flaw(struct gp_reportdb *db, uint64_t record, bool lost, const char *why)
{
	struct gp_document *d = &db->doc;
	if (!d->open)
		return -EINVAL;
	if (lost && record == 0)
		return refuse(d, why);
	d->flaws_told++;
	d->lost += lost;
	if (d->flaws_len == GP_REPORTDB_FLAWS_MAX)
		return 0;
	const char *copy =
		gp_arena_str(&d->arena, gp_slice_take(gp_slice_str(why), GP_INGEST_TEXT_MAX));
	if (!copy)
		return -ENOMEM;
	d->flaws[d->flaws_len++] = (struct gp_flaw){record, lost, copy};
	return 0;
}

/* A record of this kind may come: 0; 1: nobody wants to hear more; -EINVAL. */
static int
expect(const struct gp_document *d, uint8_t kind)
{
	if (!d->open)
		return -EINVAL;
	if (d->outcome != GP_REPORTDB_KEPT)
		return 1;
	return d->told && d->head.kind == kind ? 0 : -EINVAL;
}

bool
gp_document_number(struct gp_document *d, uint64_t number)
{
	if (number <= d->last_number || number > INT64_MAX)
		return false;
	d->last_number = number;
	return true;
}

bool
gp_document_count(struct gp_document *d, uint64_t count)
{
	if (count > GP_INGEST_COUNT_MAX - d->messages)
		return false;
	d->messages += count;
	return true;
}

struct gp_slice
gp_lines(struct gp_buf *to, const struct gp_slice *list, size_t len)
{
	gp_buf_clear(to);
	for (size_t i = 0; i < len; i++) {
		gp_buf_put(to, list[i]);
		gp_buf_put_char(to, '\n');
	}
	return gp_buf_slice(to);
}

/* The sessions of a policy, by day. */
static int
add_sessions(struct gp_reportdb *db, const struct gp_ingest_tls_policy *p)
{
	struct gp_document *d = &db->doc;
	uint64_t good[GP_REPORTDB_DAYS_MAX], bad[GP_REPORTDB_DAYS_MAX];
	int r = 0;
	gp_apportion_count(&d->days, p->successful, good);
	gp_apportion_count(&d->days, p->failed, bad);
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		int64_t day = d->days.first_day + (int64_t)i;
		if (day < db->forgotten_before || good[i] + bad[i] == 0)
			continue;
		gp_document_key(db, GP_CELL_TLS, d->tls_domain);
		gp_cells_key_number(&db->key, day);
		gp_cells_key_text(&db->key, p->type);
		r = gp_document_add(db, (const int64_t[]){(int64_t)good[i], (int64_t)bad[i]});
	}
	return r;
}

static int
take_tls_policy(struct gp_reportdb *db, const struct gp_ingest_tls_policy *p)
{
	struct gp_document *d = &db->doc;
	int r = expect(d, GP_INGEST_TLS);
	if (r != 0)
		return r;
	if (!gp_document_number(d, p->number))
		return -EINVAL;
	if (p->failed > GP_INGEST_COUNT_MAX || p->successful > GP_INGEST_COUNT_MAX ||
	    !gp_document_count(d, p->successful + p->failed))
		return gp_document_flaw(db, p->number, true,
					"its sessions are too many to be true");
	r = gp_document_enter(db);
	if (r != 0)
		return r;
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_TLS_POLICY);
	if (!st)
		return -ENOMEM;
	d->tls_domain = gp_arena_dup(&d->arena, p->domain.len > 0 ? p->domain : d->head.domain);
	if (d->arena.failed)
		return gp_document_flaw(db, p->number, true, "its report has too many policies");
	d->tls_policy = p->number;
	d->records++;
	gp_sql_bind_int(st, 1, d->report);
	gp_sql_bind_int(st, 2, (int64_t)d->tls_policy);
	gp_sql_bind_text(st, 3, p->type);
	gp_sql_bind_text(st, 4, p->domain);
	gp_sql_bind_text(st, 5, gp_lines(&db->lines, p->lines, p->lines_len));
	gp_sql_bind_text(st, 6, gp_lines(&db->packed, p->mx, p->mx_len));
	gp_sql_bind_int(st, 7, (int64_t)p->successful);
	gp_sql_bind_int(st, 8, (int64_t)p->failed);
	bool cut = db->lines.failed || db->packed.failed;
	r = cut ? -ENOMEM : gp_finish(db, ST_ADD_TLS_POLICY);
	return r < 0 ? r : add_sessions(db, p);
}

/* A word and a host's name are no longer than a name: what is, is cut, as four long texts would not
 * fit into a key of PostgreSQL's, which are at most 2.7 KB. */
static int
add_failed_sessions(struct gp_reportdb *db, const struct gp_ingest_tls_failure *f)
{
	struct gp_document *d = &db->doc;
	uint64_t parts[GP_REPORTDB_DAYS_MAX];
	int r = 0;
	gp_apportion_count(&d->days, f->sessions, parts);
	for (size_t i = 0; r == 0 && i < d->days.days; i++) {
		int64_t day = d->days.first_day + (int64_t)i;
		if (day < db->forgotten_before || parts[i] == 0)
			continue;
		gp_document_key(db, GP_CELL_TLS_FAILURE, d->tls_domain);
		gp_cells_key_number(&db->key, day);
		gp_cells_key_text(&db->key, gp_ingest_cut(f->result, GP_INGEST_NAME_MAX));
		gp_cells_key_text(&db->key, gp_ingest_cut(f->receiving_mx, GP_INGEST_NAME_MAX));
		gp_cells_key_text(&db->key, d->head.org);
		r = gp_document_add(db, (const int64_t[]){(int64_t)parts[i]});
	}
	return r;
}

static int
take_tls_failure(struct gp_reportdb *db, const struct gp_ingest_tls_failure *f)
{
	struct gp_document *d = &db->doc;
	int r = expect(d, GP_INGEST_TLS);
	if (r != 0)
		return r;
	/* Its policy may have been lost. */
	if (d->tls_policy == 0 || f->sessions > GP_INGEST_COUNT_MAX)
		return gp_document_flaw(db, 0, false, "a failure of it makes no sense");
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_TLS_FAILURE);
	if (!st)
		return -ENOMEM;
	gp_sql_bind_int(st, 1, d->report);
	gp_sql_bind_int(st, 2, (int64_t)d->tls_policy);
	gp_sql_bind_int(st, 3, (int64_t)++d->tls_failures);
	const struct gp_slice columns[] = {f->result,       f->sending_ip,     f->receiving_mx,
					   f->receiving_ip, f->receiving_helo, f->reason_code,
					   f->info};
	for (size_t i = 0; i < GP_ARRAY_LEN(columns); i++)
		gp_sql_bind_text(st, 4 + (int)i, columns[i]);
	gp_sql_bind_int(st, 11, (int64_t)f->sessions);
	r = gp_finish(db, ST_ADD_TLS_FAILURE);
	if (r == 0)
		r = add_failed_sessions(db, f);
	return r == 0 ? gp_document_spill(db) : r;
}

static int
take_failure(struct gp_reportdb *db, const struct gp_ingest_failure *f)
{
	static const uint8_t nowhere[16];
	struct gp_document *d = &db->doc;
	int r = expect(d, GP_INGEST_FAILURE);
	if (r != 0)
		return r;
	if (d->records > 0)
		return -EINVAL;
	r = gp_document_enter(db);
	if (r != 0)
		return r;
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_FAILURE);
	if (!st)
		return -ENOMEM;
	uint64_t incidents = GP_MIN(f->incidents, GP_INGEST_COUNT_MAX);
	d->records = 1;
	d->messages = incidents;
	const struct gp_slice columns[] = {
		f->domain,     f->header_from, f->envelope_from, f->envelope_to,   f->subject,
		f->message_id, f->results,     f->dkim_domain,   f->dkim_selector, f->spf_record};
	gp_sql_bind_int(st, 1, d->report);
	gp_sql_bind_text(st, 2, f->type);
	gp_sql_bind_text(st, 3, f->delivery);
	gp_sql_bind_null(st, 4);
	if (memcmp(f->source, nowhere, sizeof(nowhere)) != 0)
		gp_bind_source(st, 4, f->source);
	for (size_t i = 0; i < GP_ARRAY_LEN(columns); i++)
		gp_sql_bind_text(st, 5 + (int)i, columns[i]);
	gp_sql_bind_int(st, 15, f->arrived);
	gp_sql_bind_int(st, 16, (int64_t)incidents);
	gp_sql_bind_text(st, 17, f->header);
	return gp_finish(db, ST_ADD_FAILURE);
}

/* --- what listens --- */

/* A failure stays: the document cannot be kept. */
static int
note(struct gp_reportdb *db, int r)
{
	if (r < 0 && db->doc.error == 0)
		db->doc.error = r;
	return r;
}

static int
listen_head(void *context, const struct gp_ingest_head *head)
{
	return note(context, take_head(context, head));
}

static int
listen_row(void *context, const struct gp_ingest_row *row)
{
	struct gp_reportdb *db = context;
	int r = expect(&db->doc, GP_INGEST_AGGREGATE);
	return note(db, r == 0 ? gp_document_row(db, row) : r);
}

static int
listen_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	return note(context, take_tls_policy(context, policy));
}

static int
listen_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	return note(context, take_tls_failure(context, failure));
}

static int
listen_failure(void *context, const struct gp_ingest_failure *failure)
{
	return note(context, take_failure(context, failure));
}

static int
listen_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	return note(context, gp_document_flaw(context, record, lost, why));
}

struct gp_ingest_listener
gp_reportdb_listener(struct gp_reportdb *db)
{
	return (struct gp_ingest_listener){
		.context = db,
		.head = listen_head,
		.row = listen_row,
		.tls_policy = listen_tls_policy,
		.tls_failure = listen_tls_failure,
		.failure = listen_failure,
		.flaw = listen_flaw,
	};
}

/* --- the end --- */

static int
add_flaw(struct gp_reportdb *db, const struct gp_flaw *f, bool of_report)
{
	const struct gp_document *d = &db->doc;
	struct gp_sql_statement *st = gp_statement(db, ST_ADD_FLAW);
	if (!st)
		return -ENOMEM;
	gp_sql_bind_null(st, 1);
	if (of_report)
		gp_sql_bind_int(st, 1, d->report);
	gp_sql_bind_int(st, 2, (int64_t)GP_MIN(f->record, (uint64_t)INT64_MAX));
	gp_sql_bind_int(st, 3, f->lost);
	gp_sql_bind_text(st, 4, d->file);
	gp_sql_bind_text(st, 5, gp_slice_str(f->why));
	gp_sql_bind_int(st, 6, d->received_s);
	return gp_finish(db, ST_ADD_FLAW);
}

/* The document as one of its reporter's, for its domain and for all. */
static int
add_reporter(struct gp_reportdb *db)
{
	const struct gp_document *d = &db->doc;
	const struct gp_slice domains[] = {d->head.domain, GP_SLICE("")};
	int r = 0;
	for (size_t i = d->head.domain.len > 0 ? 0 : 1; r == 0 && i < GP_ARRAY_LEN(domains); i++) {
		gp_document_key(db, GP_CELL_REPORTER, domains[i]);
		gp_cells_key_number(&db->key, d->days.last_day);
		gp_cells_key_number(&db->key, d->head.kind);
		gp_cells_key_text(&db->key, d->head.org);
		r = gp_document_add(db,
				    (const int64_t[]){1, (int64_t)d->records, (int64_t)d->messages,
						      (int64_t)d->lost, d->flaws_told > 0});
	}
	return r;
}

static int
count_kept(struct gp_reportdb *db)
{
	const struct gp_document *d = &db->doc;
	gp_cells_key(&db->key, GP_CELL_KEPT);
	gp_cells_key_number(&db->key, d->head.kind);
	gp_cells_key_number(&db->key, d->authenticated);
	return gp_document_add(db, (const int64_t[]){1, d->received_s});
}

/* Of one that entered before they were known. */
static int
set_counts(struct gp_reportdb *db)
{
	struct gp_sql_statement *st = gp_statement(db, ST_SET_REPORT);
	if (!st)
		return -ENOMEM;
	gp_sql_bind_int(st, 1, db->doc.report);
	bind_counts(st, 2, &db->doc);
	return gp_finish(db, ST_SET_REPORT);
}

static int
keep(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	int r = gp_document_figures(db);
	if (r == 0 && d->head.kind == GP_INGEST_AGGREGATE)
		r = add_policy(db);
	if (r == 0)
		r = add_reporter(db);
	for (size_t i = 0; r == 0 && i < d->flaws_len; i++)
		r = add_flaw(db, &d->flaws[i], true);
	if (r == 0 && d->entered)
		r = set_counts(db);
	if (r == 0)
		r = count_kept(db);
	if (r == 0)
		r = tally(db, GP_SLICE("records"), d->records);
	if (r == 0)
		r = tally(db, GP_SLICE("lost"), d->lost);
	return r;
}

/* One more document that is no report here. */
static int
count_document(struct gp_reportdb *db, struct gp_slice as)
{
	return db->copies ? 0 : tally(db, as, 1);
}

/* What was told is forgotten, and in quarantine with its reason: once, however often it comes. */
static int
quarantine(struct gp_reportdb *db)
{
	const struct gp_document *d = &db->doc;
	struct gp_sql_statement *st = gp_statement(db, ST_DROP_FLAW);
	int r = !st ? -ENOMEM : d->entered ? gp_sql_undo(db->sql) : 0;
	if (r < 0)
		return r;
	gp_cells_clear(&db->current);
	gp_sql_bind_text(st, 1, d->file);
	gp_sql_bind_text(st, 2, gp_slice_str(d->reason));
	r = gp_finish(db, ST_DROP_FLAW);
	if (r == 0)
		r = add_flaw(db, &(struct gp_flaw){0, true, d->reason}, false);
	db->refused = true;
	return r < 0 ? r : count_document(db, GP_SLICE("refused"));
}

static int
settle(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	int r = d->outcome == GP_REPORTDB_KEPT && !d->entered ? add_report(db) : 0;
	if (r < 0)
		return r;
	switch (d->outcome) {
	case GP_REPORTDB_KEPT:
		return keep(db);
	case GP_REPORTDB_DUPLICATE:
		gp_cells_clear(&db->current);
		return count_document(db, GP_SLICE("duplicates"));
	case GP_REPORTDB_OLD:
		gp_cells_clear(&db->current);
		return count_document(db, GP_SLICE("old"));
	case GP_REPORTDB_REFUSED:
		return quarantine(db);
	}
	gp_unreachable("an outcome is one of these");
}

int
gp_reportdb_end(struct gp_reportdb *db, const char *refused, struct gp_reportdb_result *ret)
{
	struct gp_document *d = &db->doc;
	*ret = (struct gp_reportdb_result){};
	if (!d->open)
		return -EINVAL;
	if (d->error < 0 && d->error != -EINVAL)
		return gp_give_up(db, d->error);
	if (d->error < 0)
		(void)refuse(d, "what was told of it makes no sense");
	if (d->outcome == GP_REPORTDB_KEPT && refused)
		(void)refuse(d, refused);
	else if (d->outcome == GP_REPORTDB_KEPT && !d->told)
		(void)refuse(d, "it holds no report");
	int r = settle(db);
	if (r == 0 && d->entered)
		r = gp_sql_release(db->sql);
	if (r == 0 && !gp_cells_add_all(&db->batch, &db->current))
		r = -ENOMEM;
	gp_cells_clear(&db->current);
	if (r == 0 && gp_cells_full(&db->batch))
		r = flush(db, &db->batch);
	if (r < 0)
		return gp_give_up(db, r);
	d->open = false;
	ret->outcome = d->outcome;
	bool kept = d->outcome == GP_REPORTDB_KEPT;
	if (kept || d->outcome == GP_REPORTDB_DUPLICATE)
		ret->report = (uint64_t)d->report;
	ret->records = kept ? d->records : 0;
	ret->lost = kept ? d->lost : 0;
	snprintf(ret->reason, sizeof(ret->reason), "%s", d->reason);
	return 0;
}

int
gp_reportdb_drop(struct gp_reportdb *db)
{
	struct gp_document *d = &db->doc;
	if (!d->open)
		return 0;
	int r = d->error < 0 && d->error != -EINVAL ? d->error : 0;
	if (r == 0 && d->entered)
		r = gp_sql_undo(db->sql);
	if (r == 0 && d->entered)
		r = gp_sql_release(db->sql);
	gp_cells_clear(&db->current);
	d->open = false;
	return r < 0 ? gp_give_up(db, r) : 0;
}

/* --- who is over his limit --- */

int
gp_reportdb_add_over_limit(struct gp_reportdb *db, int64_t day, struct gp_slice reporter,
			   uint64_t octets)
{
	uint64_t counted = GP_MIN(octets, (uint64_t)GP_INGEST_COUNT_MAX);
	gp_cells_key(&db->key, GP_CELL_OVER_LIMIT);
	gp_cells_key_number(&db->key, day);
	gp_cells_key_text(&db->key, reporter);
	bool added = !db->key.failed && gp_cells_add(&db->batch, gp_buf_slice(&db->key),
						     (const int64_t[]){1, (int64_t)counted});
	return added ? 0 : -ENOMEM;
}
