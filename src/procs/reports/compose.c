/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/reports/compose.h"

#include <errno.h>
#include <zlib.h>

enum {
	GZIP_WINDOW = 15 + 16, /* deflateInit2: the largest window, a gzip header around it */
	MEMORY_LEVEL = 8,
	ROWS_MAX = 1000, /* of a part */
	ARENA_MAX = 32 << 20,
};

void
compose_sender(const struct gp_config *config, enum store_kind kind, struct gp_arena *arena,
	       struct gp_report *ret)
{
	struct gp_slice from = config->reports.from, domain;
	if (from.len == 0)
		from = gp_arena_printf(arena, "%s@%.*s", kind == STORE_TLS ? "tlsrpt" : "dmarcrpt",
				       GP_SLICE_FMT(config->hostname));
	domain = gp_slice_drop(from, (size_t)(gp_slice_rfind(from, '@') + 1));
	ret->contact = from;
	ret->submitter = domain;
	ret->organization = config->reports.organization.len > 0 ? config->reports.organization
								 : config->hostname;
}

/* All at once: the output is as large as it may be. */
static int
deflate_into(struct gp_slice in, struct gp_buf *out)
{
	z_stream z = {};
	size_t room = out->max - out->len;
	char *to = gp_buf_reserve(out, room);
	if (!to || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
				Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)in.ptr;
	z.avail_in = (uInt)in.len;
	z.next_out = (Bytef *)to;
	z.avail_out = (uInt)room;
	int r = deflate(&z, Z_FINISH);
	if (r == Z_STREAM_END)
		gp_buf_advance(out, room - z.avail_out);
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -E2BIG;
}

int
compose_tls(const struct gp_tlsrpt_report *report, struct gp_buf *out)
{
	struct gp_buf json = GP_BUF_INIT(COMPOSE_TEXT_MAX);
	int r = gp_tlsrpt_write_json(report, &json) ? 0 : -E2BIG;
	if (r == 0)
		r = deflate_into(gp_buf_slice(&json), out);
	gp_buf_free(&json);
	return r;
}

int
compose_dmarc(const struct gp_dmarcrpt_report *report, struct gp_buf *out)
{
	struct gp_buf xml = GP_BUF_INIT(COMPOSE_TEXT_MAX);
	int r = gp_dmarcrpt_write_xml(report, &xml) ? 0 : -E2BIG;
	if (r == 0)
		r = deflate_into(gp_buf_slice(&xml), out);
	gp_buf_free(&xml);
	return r;
}

/* --- from the database --- */

static int
part_tls(struct store *s, const struct store_report *row, struct gp_arena *arena,
	 struct compose_part *part)
{
	struct gp_tlsrpt_report report = {.head = part->head};
	int r = store_read_tls(s, row, arena, &report);
	part->form = &gp_tlsrpt_form;
	return r == 0 ? compose_tls(&report, &part->gzip) : r;
}

/* As many rows as fit: half of them, and so on, where all do not. */
static int
fit(struct gp_dmarcrpt_report *report, struct gp_buf *out)
{
	int r;
	while ((r = compose_dmarc(report, out)) == -E2BIG && report->rows_len > 1)
		report->rows_len /= 2;
	return r;
}

/* A part is known by its first row, so the same rows have the same id at each attempt. */
static int
part_dmarc(struct store *s, const struct store_report *row, uint64_t first, struct gp_arena *arena,
	   struct compose_part *part)
{
	struct gp_dmarcrpt_report report = {.head = part->head};
	/* One more than is written: is there another part? */
	int r = store_read_dmarc(s, row, first, ROWS_MAX + 1, arena, &report);
	if (r != 0)
		return r < 0 ? r : -EIO;
	size_t all = report.rows_len;
	report.rows_len = GP_MIN(all, (size_t)ROWS_MAX);
	report.left_out = first == 0 ? report.left_out : 0;
	r = fit(&report, &part->gzip);
	part->form = &gp_dmarcrpt_form;
	part->next = report.rows_len < all ? first + report.rows_len : 0;
	return r;
}

static int
part_of_kind(struct store *s, const struct store_report *row, uint64_t first,
	     struct gp_arena *arena, struct compose_part *part)
{
	struct gp_arena counts = GP_ARENA_INIT(ARENA_MAX);
	int r = row->kind == STORE_TLS       ? part_tls(s, row, &counts, part)
		: row->kind == STORE_FAILURE ? store_read_failure(s, row, arena, &part->failure)
					     : part_dmarc(s, row, first, &counts, part);
	gp_arena_free(&counts);
	return r;
}

int
compose_part(const struct gp_config *config, struct store *s, const struct store_report *row,
	     uint64_t first, struct gp_arena *arena, struct compose_part *ret)
{
	gp_buf_free(&ret->gzip);
	*ret = (struct compose_part){
		.head = {.unique = first == 0 ? row->unique
					      : gp_arena_printf(arena, "%.*sp%llu",
								GP_SLICE_FMT(row->unique),
								(unsigned long long)first),
			 .domain = row->domain,
			 .start_s = row->period.start_s,
			 .end_s = row->period.end_s},
		.gzip = GP_BUF_INIT(row->kind == STORE_TLS ? COMPOSE_GZIP_MAX
							   : config->reports.dmarc_size),
		.first = first,
	};
	compose_sender(config, row->kind, arena, &ret->head);
	return arena->failed ? -ENOMEM : part_of_kind(s, row, first, arena, ret);
}

bool
compose_mail(const struct compose_part *part, struct gp_slice to, uint64_t now_s,
	     struct gp_buf *out)
{
	const struct gp_report_mail report = {
		.form = part->form,
		.report = &part->head,
		.from = part->head.contact,
		.to = to,
		.gzip = gp_buf_slice(&part->gzip),
		.now_s = now_s,
	};
	const struct gp_failrpt_mail failure = {
		.report = &part->head, .to = to, .texts = part->failure, .now_s = now_s};
	return part->form ? gp_report_write_mail(&report, out)
			  : gp_failrpt_write_mail(&failure, out);
}
