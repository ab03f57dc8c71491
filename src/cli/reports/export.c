/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports export`: the records of many reports, one a line, for other programs. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/csv.h"
#include "cli/reports/networks.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"

enum {
	ARENA_MAX = 64 << 20,
	LINE_MAX_LEN = 1 << 20, /* octets of CSV */
	PAGE = 1000,            /* reports */
};

struct export
{
	const struct reports_options *o;
	struct gp_reportdb *db;
	struct asn_file networks;
	FILE *out;
	struct gp_buf line;
	struct gp_arena arena;
	const struct gp_reportdb_report *report; /* whose records are told */
};

/* --- CSV --- */

static const char *const columns[] = {
	[GP_INGEST_AGGREGATE] = "report,org,id,domain,begin,end,source,messages,disposition,dkim,"
				"spf,header_from,envelope_from,envelope_to,reasons,dkim_results,"
				"spf_results,asn,as_name\r\n",
	[GP_INGEST_TLS] = "report,org,id,domain,begin,end,type,policy_domain,successful,failed\r\n",
	[GP_INGEST_FAILURE] =
		"report,org,id,domain,begin,end,source,type,delivery,header_from,"
		"envelope_from,envelope_to,subject,message_id,incidents,asn,as_name\r\n",
};

static void
put_word(struct export *x, const char *word)
{
	gp_csv_put(&x->line, gp_slice_str(word), ",");
}

static void
put_number(struct export *x, uint64_t n)
{
	gp_buf_printf(&x->line, "%" PRIu64 ",", n);
}

static void
begin_line(struct export *x)
{
	const struct gp_reportdb_report *r = x->report;
	gp_buf_clear(&x->line);
	put_number(x, r->number);
	gp_csv_put(&x->line, r->org, ",");
	gp_csv_put(&x->line, r->id, ",");
	gp_csv_put(&x->line, r->domain, ",");
	put_word(x, reports_time_text(r->begin).s);
	put_word(x, reports_time_text(r->end).s);
}

static void
put_network(struct export *x, const uint8_t address[16])
{
	struct gp_asn asn;
	if (gp_asn_find(asn_file_db(&x->networks), address, &asn))
		put_number(x, asn.number);
	else
		put_word(x, "");
	gp_csv_put(&x->line, asn.organization, ",");
}

/* Instead of the last comma. */
static int
end_line(struct export *x)
{
	if (x->line.failed)
		return -ENOMEM;
	gp_buf_truncate(&x->line, x->line.len - 1);
	gp_buf_put_str(&x->line, "\r\n");
	struct gp_slice s = gp_buf_slice(&x->line);
	return fwrite(s.ptr, 1, s.len, x->out) == s.len ? 0 : -EIO;
}

/* "pass example.org s1; ..." */
static void
put_auths(struct export *x, const struct gp_ingest_auth *list, size_t len, bool dkim)
{
	struct gp_buf all = GP_BUF_INIT(LINE_MAX_LEN);
	for (size_t i = 0; i < len; i++)
		gp_buf_printf(&all, "%s%s %.*s %.*s", i > 0 ? "; " : "",
			      reports_result_word(list[i].result), GP_SLICE_FMT(list[i].domain),
			      GP_SLICE_FMT(dkim ? list[i].selector : list[i].scope));
	gp_csv_put(&x->line, gp_buf_slice(&all), ",");
	gp_buf_free(&all);
}

static void
put_reasons(struct export *x, const struct gp_ingest_row *row)
{
	struct gp_buf all = GP_BUF_INIT(LINE_MAX_LEN);
	for (size_t i = 0; i < row->reasons_len; i++)
		gp_buf_printf(&all, "%s%s %.*s", i > 0 ? "; " : "",
			      reports_reason_word(row->reasons[i].type),
			      GP_SLICE_FMT(row->reasons[i].comment));
	gp_csv_put(&x->line, gp_buf_slice(&all), ",");
	gp_buf_free(&all);
}

static int
csv_row(void *context, const struct gp_ingest_row *row)
{
	struct export *x = context;
	begin_line(x);
	put_word(x, reports_address_text(row->source).s);
	put_number(x, row->count);
	put_word(x, reports_disposition_word(row->disposition));
	put_word(x, reports_result_word(row->dkim));
	put_word(x, reports_result_word(row->spf));
	gp_csv_put(&x->line, row->header_from, ",");
	gp_csv_put(&x->line, row->envelope_from, ",");
	gp_csv_put(&x->line, row->envelope_to, ",");
	put_reasons(x, row);
	put_auths(x, row->dkim_results, row->dkim_results_len, true);
	put_auths(x, row->spf_results, row->spf_results_len, false);
	put_network(x, row->source);
	return end_line(x);
}

static int
csv_tls_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	struct export *x = context;
	begin_line(x);
	gp_csv_put(&x->line, p->type, ",");
	gp_csv_put(&x->line, p->domain, ",");
	put_number(x, p->successful);
	put_number(x, p->failed);
	return end_line(x);
}

static int
csv_failure(void *context, const struct gp_ingest_failure *f)
{
	struct export *x = context;
	const struct gp_slice texts[] = {f->type,          f->delivery,    f->header_from,
					 f->envelope_from, f->envelope_to, f->subject,
					 f->message_id};
	begin_line(x);
	put_word(x, reports_address_text(f->source).s);
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		gp_csv_put(&x->line, texts[i], ",");
	put_number(x, f->incidents);
	put_network(x, f->source);
	return end_line(x);
}

/* --- JSON --- */

static int
print_record(struct export *x, const char *what, json_t *o)
{
	const struct gp_reportdb_report *r = x->report;
	json_t *line = json_pack("{s:I, s:s, s:s}", "number", (json_int_t)r->number, "begin",
				 reports_time_text(r->begin).s, "end", reports_time_text(r->end).s);
	json_object_set_new(line, "org", told_text(r->org));
	json_object_set_new(line, "id", told_text(r->id));
	json_object_set_new(line, "domain", told_text(r->domain));
	json_object_set_new(line, what, o);
	int code = json_dumpf(line, x->out, JSON_COMPACT);
	json_decref(line);
	return code == 0 && fputc('\n', x->out) != EOF ? 0 : -EIO;
}

static int
json_row(void *context, const struct gp_ingest_row *row)
{
	struct export *x = context;
	json_t *o = told_row(row);
	networks_set(o, asn_file_db(&x->networks), row->source);
	return print_record(x, "row", o);
}

static int
json_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	return print_record(context, "policy", told_tls_policy(policy));
}

static int
json_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	return print_record(context, "tls_failure", told_tls_failure(failure));
}

static int
json_failure(void *context, const struct gp_ingest_failure *failure)
{
	struct export *x = context;
	json_t *o = told_failure(failure);
	networks_set(o, asn_file_db(&x->networks), failure->source);
	return print_record(x, "failure", o);
}

/* --- both --- */

static int
pass_head(void *context, const struct gp_ingest_head *head)
{
	(void)context;
	(void)head;
	return 0;
}

/* A line of CSV is a policy. */
static int
pass_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	(void)context;
	(void)failure;
	return 0;
}

static int
pass_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	(void)record;
	(void)lost;
	(void)why;
	return 0;
}

static int
export_page(struct export *x, uint8_t kind, struct gp_reportdb_report *last, size_t *ret_len)
{
	const struct reports_options *o = x->o;
	const struct gp_reportdb_range range = {o->domain, o->from_day, o->to_day,
						o->unauthenticated};
	const struct gp_ingest_listener csv = {
		x, pass_head, csv_row, csv_tls_policy, pass_tls_failure, csv_failure, pass_flaw};
	const struct gp_ingest_listener json = {
		x, pass_head, json_row, json_tls_policy, json_tls_failure, json_failure, pass_flaw};
	struct gp_reportdb_report *list;
	int r = gp_reportdb_list(x->db, &range, kind, last->number > 0 ? last : NULL, PAGE,
				 &x->arena, &list, ret_len);
	for (size_t i = 0; r == 0 && i < *ret_len; i++) {
		x->report = &list[i];
		*last = (struct gp_reportdb_report){.number = list[i].number, .end = list[i].end};
		r = gp_reportdb_tell(x->db, list[i].number, o->json ? &json : &csv);
	}
	gp_arena_reset(&x->arena);
	return r;
}

static int
export_all(struct export *x)
{
	uint8_t kind = x->o->kind > 0 ? x->o->kind : GP_INGEST_AGGREGATE;
	struct gp_reportdb_report last = {};
	size_t len = 0;
	int r = x->o->json || fputs(columns[kind], x->out) >= 0 ? 0 : -EIO;
	do
		r = r == 0 ? export_page(x, kind, &last, &len) : r;
	while (r == 0 && len == PAGE);
	if (r == -EIO && ferror(x->out))
		return GP_EXIT_ERROR;
	return r < 0 ? reports_fail(x->db, r) : GP_EXIT_OK;
}

static bool
close_file(FILE *file, const char *name)
{
	bool failed = ferror(file);
	if (fclose(file) == 0 && !failed)
		return true;
	fprintf(stderr, "gatepost reports: %s cannot be written\n", name);
	return false;
}

int
reports_export(const struct reports_options *o, struct gp_reportdb *db)
{
	struct export x = {.o = o,
			   .db = db,
			   .out = stdout,
			   .line = GP_BUF_INIT(LINE_MAX_LEN),
			   .arena = GP_ARENA_INIT(ARENA_MAX)};
	int code = networks_open(o, &x.networks);
	if (code == GP_EXIT_OK && o->output && strcmp(o->output, "-") != 0)
		x.out = fopen(o->output, "we");
	if (!x.out) {
		fprintf(stderr, "gatepost reports: %s: %s\n", o->output, strerror(errno));
		return GP_EXIT_ERROR;
	}
	if (code == GP_EXIT_OK)
		code = export_all(&x);
	if (x.out != stdout && !close_file(x.out, o->output))
		code = GP_EXIT_ERROR;
	asn_file_free(&x.networks);
	gp_buf_free(&x.line);
	gp_arena_free(&x.arena);
	return code;
}
