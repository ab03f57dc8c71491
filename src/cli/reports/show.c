/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports show`: all that one report says. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/networks.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"
#include "reportdb/cause.h"

/* One object on a line; what it is stands first. */
static int
print_object(const char *what, json_t *o)
{
	json_t *line = json_object();
	json_object_set_new(line, what, o);
	int r = o ? json_dumpf(line, stdout, JSON_COMPACT) : -1;
	json_decref(line);
	putchar('\n');
	return r == 0 ? 0 : -EIO;
}

/* The context throughout: what the causes of rows need of their head, which is told before them. */
struct showing {
	const struct gp_mmdb *networks; /* NULL: none */
	struct gp_ingest_head head;
	char domain[GP_INGEST_NAME_MAX + 1];
};

static void
keep_head(struct showing *s, const struct gp_ingest_head *head)
{
	size_t len = GP_MIN(head->domain.len, sizeof(s->domain));
	memcpy(s->domain, head->domain.ptr ? head->domain.ptr : "", len);
	s->head = (struct gp_ingest_head){.domain = gp_slice(s->domain, len),
					  .adkim_strict = head->adkim_strict,
					  .aspf_strict = head->aspf_strict};
}

/* Why a row does not align; empty: it does. */
static void
put_cause(const struct showing *s, const struct gp_ingest_row *row, struct gp_buf *out)
{
	struct gp_cause cause;
	if (gp_cause_of(&s->head, row, &cause))
		gp_cause_put(&cause, out);
}

static int
json_head(void *context, const struct gp_ingest_head *head)
{
	keep_head(context, head);
	return print_object("report", told_head(head));
}

static int
json_row(void *context, const struct gp_ingest_row *row)
{
	const struct showing *s = context;
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	json_t *o = told_row(row);
	networks_set(o, s->networks, row->source);
	put_cause(s, row, &words);
	json_object_set_new(o, "cause",
			    words.len > 0 ? told_text(gp_buf_slice(&words)) : json_null());
	gp_buf_free(&words);
	return print_object("row", o);
}

static int
json_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	(void)context;
	return print_object("policy", told_tls_policy(policy));
}

static int
json_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	(void)context;
	return print_object("tls_failure", told_tls_failure(failure));
}

static int
json_failure(void *context, const struct gp_ingest_failure *failure)
{
	json_t *o = told_failure(failure);
	networks_set(o, ((const struct showing *)context)->networks, failure->source);
	return print_object("failure", o);
}

static int
json_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	return print_object("flaw", told_flaw(record, lost, why));
}

/* --- text --- */

static void
print_field(const char *name, struct gp_slice text)
{
	if (text.len > 0)
		printf("  %-16s %.*s\n", name, GP_SLICE_FMT(text));
}

/* Without what is not told. */
static void
print_policy(const struct gp_ingest_head *h)
{
	const char *sp = reports_policy_word(h->sp), *np = reports_policy_word(h->np);
	printf("  %-16s p=%s%s%s%s%s adkim=%s aspf=%s%s\n", "policy", reports_policy_word(h->p),
	       *sp ? " sp=" : "", sp, *np ? " np=" : "", np, h->adkim_strict ? "s" : "r",
	       h->aspf_strict ? "s" : "r", h->testing ? " t=y" : "");
}

static int
text_head(void *context, const struct gp_ingest_head *h)
{
	keep_head(context, h);
	printf("%s report of %.*s about %.*s\n", reports_kind_word(h->kind), GP_SLICE_FMT(h->org),
	       GP_SLICE_FMT(h->domain));
	print_field("id", h->id);
	printf("  %-16s %s to %s\n", "range", reports_time_text(h->begin).s,
	       reports_time_text(h->end).s);
	print_field("email", h->email);
	print_field("contact", h->contact);
	print_field("generator", h->generator);
	if (h->kind == GP_INGEST_AGGREGATE)
		print_policy(h);
	return 0;
}

/* Behind what the line has so far; nothing where it is not told. */
static void
print_more(const char *before, struct gp_slice text)
{
	if (text.len > 0)
		printf("%s%.*s", before, GP_SLICE_FMT(text));
}

static void
print_auths(const char *name, const struct gp_ingest_auth *list, size_t len, bool dkim)
{
	for (size_t i = 0; i < len; i++) {
		printf("      %-5s %-9s", name, reports_result_word(list[i].result));
		print_more(" ", list[i].domain);
		print_more(" ", dkim ? list[i].selector : list[i].scope);
		print_more(" ", list[i].human);
		putchar('\n');
	}
}

static int
text_row(void *context, const struct gp_ingest_row *row)
{
	const struct showing *s = context;
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	put_cause(s, row, &words);
	printf("%5" PRIu64 "  %s", row->number, reports_address_text(row->source).s);
	networks_print(s->networks, row->source);
	printf(": %" PRIu64 " message%s, %s; aligned: dkim %s, spf %s\n", row->count,
	       row->count == 1 ? "" : "s", reports_disposition_word(row->disposition),
	       reports_result_word(row->dkim), reports_result_word(row->spf));
	const struct gp_slice from = row->header_from, envelope = row->envelope_from;
	printf("      from %.*s", GP_SLICE_FMT(from.len > 0 ? from : GP_SLICE("what is not told")));
	print_more(", envelope ", envelope);
	putchar('\n');
	print_auths("dkim", row->dkim_results, row->dkim_results_len, true);
	print_auths("spf", row->spf_results, row->spf_results_len, false);
	for (size_t i = 0; i < row->reasons_len; i++) {
		printf("      reason %s", reports_reason_word(row->reasons[i].type));
		print_more(" ", row->reasons[i].comment);
		putchar('\n');
	}
	reports_print_folded(6, gp_buf_slice(&words));
	gp_buf_free(&words);
	return 0;
}

static int
text_tls_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	(void)context;
	printf("%5" PRIu64 "  %.*s for %.*s: %" PRIu64 " sessions successful, %" PRIu64 " failed\n",
	       p->number, GP_SLICE_FMT(p->type), GP_SLICE_FMT(p->domain), p->successful, p->failed);
	return 0;
}

static int
text_tls_failure(void *context, const struct gp_ingest_tls_failure *f)
{
	(void)context;
	printf("      %" PRIu64 " %.*s", f->sessions, GP_SLICE_FMT(f->result));
	print_more(" at ", f->receiving_mx);
	print_more(" ", f->receiving_ip);
	print_more(" ", f->info);
	putchar('\n');
	return 0;
}

static int
text_failure(void *context, const struct gp_ingest_failure *f)
{
	printf("  %-16s %s", "source", reports_address_text(f->source).s);
	networks_print(((const struct showing *)context)->networks, f->source);
	putchar('\n');
	print_field("failed", f->type);
	print_field("delivery", f->delivery);
	print_field("from", f->header_from);
	print_field("envelope from", f->envelope_from);
	print_field("envelope to", f->envelope_to);
	print_field("subject", f->subject);
	print_field("message-id", f->message_id);
	print_field("results", f->results);
	printf("  %-16s %" PRIu64 "\n\n%.*s", "incidents", f->incidents, GP_SLICE_FMT(f->header));
	return 0;
}

static int
text_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	if (record > 0)
		printf("%5" PRIu64 "  ", record);
	printf("%s: %s\n", lost ? "lost" : "odd", why);
	return 0;
}

int
reports_show(const struct reports_options *o, struct gp_reportdb *db)
{
	struct asn_file networks;
	struct showing showing = {};
	const struct gp_ingest_listener text = {&showing,        text_head,        text_row,
						text_tls_policy, text_tls_failure, text_failure,
						text_flaw};
	const struct gp_ingest_listener json = {&showing,        json_head,        json_row,
						json_tls_policy, json_tls_failure, json_failure,
						json_flaw};
	uint64_t number;
	if (!gp_slice_u64(gp_slice_str(o->operands[0]), INT64_MAX, &number)) {
		fprintf(stderr, "gatepost reports: %s is no number\n", o->operands[0]);
		return GP_EXIT_USAGE;
	}
	int code = networks_open(o, &networks);
	showing.networks = asn_file_db(&networks);
	int r = code == GP_EXIT_OK ? gp_reportdb_tell(db, number, o->json ? &json : &text) : 0;
	asn_file_free(&networks);
	if (code != GP_EXIT_OK)
		return code;
	if (r == 1)
		fprintf(stderr, "gatepost reports: there is no report %s\n", o->operands[0]);
	if (r != 0)
		return r == 1 ? GP_EXIT_BAD : reports_fail(db, r);
	return fflush(stdout) == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}
