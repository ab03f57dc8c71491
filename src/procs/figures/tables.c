/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/figures.h"

#include "base/day.h"
#include "core/config/value.h"
#include "core/senders/senders.h"
#include "reportdb/cause.h"
#include "reportdb/classify.h"

/* --- values --- */

/* Numbers of core/ingest/report.h in the words of the RFCs. */
static const char *const policies[] = {NULL, "none", "quarantine", "reject"};
static const char *const dispositions[] = {NULL, "none", "pass", "quarantine", "reject"};
static const char *const reasons[] = {NULL,           "other",
				      "forwarded",    "local_policy",
				      "mailing_list", "policy_test_mode",
				      "sampled_out",  "trusted_forwarder"};
static const char *const results[] = {NULL,      "none",   "pass",      "fail",     "softfail",
				      "neutral", "policy", "temperror", "permerror"};
static const char *const kinds[] = {NULL, "dmarc", "tls", "failure"};

#define WORD(words, n) ((n) < GP_ARRAY_LEN(words) ? (words)[n] : NULL)

void
figures_put(struct figures *f, const char *name, const struct gp_reportdb_figures *of)
{
	struct gp_json *j = &f->j;
	gp_json_open(j, name, '{');
	gp_json_number(j, "messages", (int64_t)of->messages);
	gp_json_number(j, "aligned", (int64_t)of->aligned);
	gp_json_number(j, "dkim", (int64_t)of->dkim);
	gp_json_number(j, "spf", (int64_t)of->spf);
	gp_json_number(j, "quarantined", (int64_t)of->quarantined);
	gp_json_number(j, "rejected", (int64_t)of->rejected);
	gp_json_number(j, "forwarded", (int64_t)of->forwarded);
	gp_json_number(j, "foreign", (int64_t)of->foreign);
	gp_json_number(j, "estimated", (int64_t)of->estimated);
	gp_json_close(j, '}');
}

void
figures_put_day(struct figures *f, const char *name, int64_t day)
{
	struct gp_buf text = GP_BUF_INIT(16);
	if (day < 0 || day > GP_DAY_MAX) {
		gp_json_null(&f->j, name);
		return;
	}
	gp_day_write(&text, day);
	gp_json_text(&f->j, name, gp_buf_slice(&text));
	f->j.out->failed |= text.failed;
	gp_buf_free(&text);
}

static void
put_count(struct figures *f, const char *name, uint64_t n)
{
	gp_json_number(&f->j, name, (int64_t)n);
}

static void
put_days(struct figures *f, int64_t first, int64_t last)
{
	figures_put_day(f, "first_day", first);
	figures_put_day(f, "last_day", last);
}

static void
put_address(struct figures *f, const char *name, const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, none[16] = {};
	struct gp_buf text = GP_BUF_INIT(64);
	bool four = memcmp(address, mapped, sizeof(mapped)) == 0;
	if (memcmp(address, none, sizeof(none)) == 0) {
		gp_json_null(&f->j, name);
		return;
	}
	gp_ip_write(&text, four ? address + 12 : address, four ? 4 : 16);
	gp_json_text(&f->j, name, gp_buf_slice(&text));
	f->j.out->failed |= text.failed;
	gp_buf_free(&text);
}

/* Of a list, as many as are shown; then how many more there are is a member beside it. */
static size_t
begin_list(struct figures *f, const char *name, size_t len)
{
	gp_json_open(&f->j, name, '[');
	return GP_MIN(len, (size_t)FIGURES_ROWS_MAX);
}

static void
end_list(struct figures *f, const char *more, size_t len)
{
	gp_json_close(&f->j, ']');
	put_count(f, more, len - GP_MIN(len, (size_t)FIGURES_ROWS_MAX));
}

/* --- DMARC --- */

int
figures_put_days(struct figures *f)
{
	struct gp_reportdb_day *days;
	size_t len;
	int r = gp_reportdb_days(f->db, &f->range, f->arena, &days, &len);
	if (r < 0)
		return r;
	gp_json_open(&f->j, "days", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		figures_put_day(f, "day", days[i].day);
		figures_put(f, "figures", &days[i].figures);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	return 0;
}

int
figures_put_domains(struct figures *f)
{
	struct gp_reportdb_domain *list;
	size_t len;
	int r = gp_reportdb_domains(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	size_t shown = begin_list(f, "domains", len);
	for (size_t i = 0; i < shown; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "domain", list[i].domain);
		put_days(f, list[i].first_day, list[i].last_day);
		figures_put(f, "figures", &list[i].figures);
		gp_json_close(&f->j, '}');
	}
	end_list(f, "domains_more", len);
	return 0;
}

static void
put_text_or_null(struct figures *f, const char *name, struct gp_slice text)
{
	if (text.len > 0)
		gp_json_text(&f->j, name, text);
	else
		gp_json_null(&f->j, name);
}

/* What a source is called, whose it is, and what it looks like. */
static void
put_identity(struct figures *f, const struct gp_reportdb_source *s)
{
	struct gp_asn asn;
	struct gp_sender sender;
	bool in_network = gp_asn_find(f->asn, s->address, &asn);
	bool known = gp_sender_find(s->name, asn.number, &sender);
	put_text_or_null(f, "name", s->name);
	put_text_or_null(f, "provider", sender.provider);
	if (in_network)
		gp_json_number(&f->j, "asn", asn.number);
	else
		gp_json_null(&f->j, "asn");
	put_text_or_null(f, "as_name", asn.organization);
	enum gp_reportdb_class c = gp_reportdb_classify_source(s, known ? &sender : NULL);
	gp_json_str(&f->j, "class", gp_reportdb_class_name(c));
	put_days(f, s->first_day, s->last_day);
}

int
figures_put_sources(struct figures *f, enum gp_reportdb_order order, size_t max)
{
	struct gp_reportdb_source *list;
	size_t len;
	int r = gp_reportdb_sources(f->db, &f->range, order, max, f->arena, &list, &len);
	if (r < 0)
		return r;
	const struct gp_reportdb_range counted = gp_reportdb_sources_range(&f->range);
	figures_put_day(f, "sources_from", counted.from_day);
	figures_put_day(f, "sources_to", GP_MIN(counted.to_day, GP_DAY_MAX));
	gp_json_open(&f->j, "sources", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		put_address(f, "address", list[i].address);
		put_identity(f, &list[i]);
		figures_put(f, "figures", &list[i].figures);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	return 0;
}

int
figures_put_policies(struct figures *f)
{
	struct gp_reportdb_policy *list;
	size_t len;
	int r = gp_reportdb_policies(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	size_t shown = begin_list(f, "policies", len);
	for (size_t i = 0; i < shown; i++) {
		const struct gp_reportdb_policy *p = &list[i];
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "domain", p->domain);
		gp_json_str(&f->j, "p", WORD(policies, p->p));
		gp_json_str(&f->j, "sp", WORD(policies, p->sp));
		gp_json_str(&f->j, "np", WORD(policies, p->np));
		gp_json_str(&f->j, "adkim", p->adkim_strict ? "strict" : "relaxed");
		gp_json_str(&f->j, "aspf", p->aspf_strict ? "strict" : "relaxed");
		gp_json_bool(&f->j, "testing", p->testing);
		if (p->pct >= 0)
			gp_json_number(&f->j, "pct", p->pct);
		else
			gp_json_null(&f->j, "pct");
		put_days(f, p->first_day, p->last_day);
		put_count(f, "reports", p->reports);
		gp_json_close(&f->j, '}');
	}
	end_list(f, "policies_more", len);
	return 0;
}

int
figures_put_overrides(struct figures *f)
{
	struct gp_reportdb_override *list;
	size_t len;
	int r = gp_reportdb_overrides(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	size_t shown = begin_list(f, "overrides", len);
	for (size_t i = 0; i < shown; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_str(&f->j, "reason", WORD(reasons, list[i].reason));
		gp_json_str(&f->j, "disposition", WORD(dispositions, list[i].disposition));
		put_count(f, "messages", list[i].messages);
		gp_json_close(&f->j, '}');
	}
	end_list(f, "overrides_more", len);
	return 0;
}

static void
put_auths(struct figures *f, const struct gp_reportdb_auth *list, size_t len, const char *second)
{
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		struct gp_sender sender = {};
		(void)gp_sender_of_domain(list[i].domain, &sender);
		gp_json_text(&f->j, "domain", list[i].domain);
		put_text_or_null(f, "provider", sender.provider);
		gp_json_text(&f->j, second, list[i].selector);
		gp_json_str(&f->j, "result", WORD(results, list[i].result));
		put_count(f, "messages", list[i].messages);
		put_count(f, "aligned", list[i].aligned);
		gp_json_close(&f->j, '}');
	}
}

int
figures_put_signers(struct figures *f)
{
	struct gp_reportdb_auth *list;
	size_t len;
	int r = gp_reportdb_selectors(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	put_auths(f, list, begin_list(f, "dkim", len), "selector");
	end_list(f, "dkim_more", len);
	return 0;
}

int
figures_put_spf(struct figures *f)
{
	struct gp_reportdb_auth *list;
	size_t len;
	int r = gp_reportdb_spf(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	put_auths(f, list, begin_list(f, "spf", len), "scope");
	end_list(f, "spf_more", len);
	return 0;
}

int
figures_put_reporters(struct figures *f)
{
	struct gp_reportdb_reporter *list;
	size_t len;
	int r = gp_reportdb_reporters(f->db, &f->range, 0, f->arena, &list, &len);
	if (r < 0)
		return r;
	size_t shown = begin_list(f, "reporters", len);
	for (size_t i = 0; i < shown; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "organisation", list[i].org);
		put_days(f, list[i].first_day, list[i].last_day);
		put_count(f, "reports", list[i].reports);
		put_count(f, "records", list[i].records);
		put_count(f, "messages", list[i].messages);
		put_count(f, "lost", list[i].lost);
		put_count(f, "flawed", list[i].flawed);
		gp_json_close(&f->j, '}');
	}
	end_list(f, "reporters_more", len);
	return 0;
}

/* --- a single source --- */

struct rows {
	struct figures *f;
	struct gp_slice org;
	size_t left, more, all;     /* rows that are shown yet, that are not, and both */
	struct gp_ingest_head head; /* of what causes are found by */
	struct gp_causes causes;
};

static int
take_head(void *context, const struct gp_ingest_head *head)
{
	struct rows *rows = context;
	rows->org = gp_arena_dup(rows->f->arena, head->org);
	rows->head = (struct gp_ingest_head){.domain = rows->f->range.domain,
					     .adkim_strict = head->adkim_strict,
					     .aspf_strict = head->aspf_strict};
	return 0;
}

static void
put_results(struct figures *f, const char *name, const struct gp_ingest_auth *list, size_t len)
{
	gp_json_open(&f->j, name, '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "domain", list[i].domain);
		gp_json_text(&f->j, "selector", list[i].selector);
		gp_json_str(&f->j, "result", WORD(results, list[i].result));
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
}

static int
take_row(void *context, const struct gp_ingest_row *row)
{
	struct rows *rows = context;
	struct figures *f = rows->f;
	bool enough = ++rows->all == GP_CAUSE_ROWS_MAX;
	gp_causes_add(&rows->causes, &rows->head, row);
	if (rows->left == 0 || f->j.out->len > FIGURES_SAMPLES_OCTETS) {
		rows->more++;
		return enough;
	}
	rows->left--;
	gp_json_open(&f->j, NULL, '{');
	gp_json_text(&f->j, "organisation", rows->org);
	put_count(f, "messages", row->count);
	gp_json_str(&f->j, "disposition", WORD(dispositions, row->disposition));
	gp_json_text(&f->j, "header_from", row->header_from);
	gp_json_text(&f->j, "envelope_from", row->envelope_from);
	gp_json_str(&f->j, "dkim_aligned", WORD(results, row->dkim));
	gp_json_str(&f->j, "spf_aligned", WORD(results, row->spf));
	put_results(f, "dkim", row->dkim_results, row->dkim_results_len);
	put_results(f, "spf", row->spf_results, row->spf_results_len);
	gp_json_open(&f->j, "reasons", '[');
	for (size_t i = 0; i < row->reasons_len; i++)
		gp_json_str(&f->j, NULL, WORD(reasons, row->reasons[i].type));
	gp_json_close(&f->j, ']');
	gp_json_close(&f->j, '}');
	return enough;
}

static int
ignore_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context, (void)record, (void)lost, (void)why;
	return 0;
}

/* Of what does not align; null: all does. */
static void
put_cause(struct figures *f, const struct gp_cause *cause)
{
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	if (!cause) {
		gp_json_null(&f->j, "cause");
		return;
	}
	gp_cause_put(cause, &words);
	gp_json_open(&f->j, "cause", '{');
	gp_json_str(&f->j, "dkim", gp_cause_dkim_name(cause->dkim));
	gp_json_str(&f->j, "spf", gp_cause_spf_name(cause->spf));
	put_count(f, "messages", cause->messages);
	gp_json_text(&f->j, "signer", cause->signer);
	gp_json_text(&f->j, "selector", cause->selector);
	gp_json_text(&f->j, "envelope", cause->envelope);
	gp_json_text(&f->j, "words", gp_buf_slice(&words));
	gp_json_close(&f->j, '}');
	gp_buf_free(&words);
}

int
figures_put_source(struct figures *f, const uint8_t address[16])
{
	struct gp_reportdb_day *days;
	size_t len;
	struct rows rows = {.f = f, .left = FIGURES_SAMPLES, .causes.arena = f->arena};
	const struct gp_ingest_listener listener = {
		.context = &rows, .head = take_head, .row = take_row, .flaw = ignore_flaw};
	struct gp_reportdb_source source;
	int r = gp_reportdb_source(f->db, &f->range, address, f->arena, &source);
	if (r == 0)
		r = gp_reportdb_source_days(f->db, &f->range, address, f->arena, &days, &len);
	if (r != 0)
		return r;
	put_address(f, "address", address);
	put_identity(f, &source);
	gp_json_open(&f->j, "days", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		figures_put_day(f, "day", days[i].day);
		figures_put(f, "figures", &days[i].figures);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	/* From the day on which it was seen last: those behind it would be read for nothing. */
	struct gp_reportdb_range seen = f->range;
	seen.to_day = len > 0 ? days[len - 1].day : seen.from_day;
	gp_json_open(&f->j, "rows", '[');
	r = gp_reportdb_tell_source(f->db, &seen, address, &listener);
	gp_json_close(&f->j, ']');
	put_count(f, "rows_more", rows.more);
	put_cause(f, gp_causes_first(&rows.causes));
	return GP_MIN(r, 0);
}

/* --- TLS --- */

int
figures_put_tls_days(struct figures *f)
{
	struct gp_reportdb_tls_day *days;
	size_t len;
	int r = gp_reportdb_tls_days(f->db, &f->range, f->arena, &days, &len);
	if (r < 0)
		return r;
	gp_json_open(&f->j, "days", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		figures_put_day(f, "day", days[i].day);
		gp_json_text(&f->j, "type", days[i].type);
		put_count(f, "successful", days[i].successful);
		put_count(f, "failed", days[i].failed);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	return 0;
}

int
figures_put_tls_failures(struct figures *f)
{
	struct gp_reportdb_tls_failure *list;
	size_t len;
	int r = gp_reportdb_tls_failures(f->db, &f->range, f->arena, &list, &len);
	if (r < 0)
		return r;
	size_t shown = begin_list(f, "failures", len);
	for (size_t i = 0; i < shown; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "result", list[i].result);
		gp_json_text(&f->j, "mx", list[i].receiving_mx);
		gp_json_text(&f->j, "organisation", list[i].org);
		put_days(f, list[i].first_day, list[i].last_day);
		put_count(f, "sessions", list[i].sessions);
		gp_json_close(&f->j, '}');
	}
	end_list(f, "failures_more", len);
	return 0;
}

/* --- single messages --- */

static int
take_failure(void *context, const struct gp_ingest_failure *m)
{
	struct rows *rows = context;
	struct figures *f = rows->f;
	struct gp_json *j = &f->j;
	gp_json_open(j, NULL, '{');
	gp_json_text(j, "organisation", rows->org);
	gp_json_text(j, "type", m->type);
	gp_json_text(j, "delivery", m->delivery);
	put_address(f, "source", m->source);
	gp_json_text(j, "domain", m->domain);
	gp_json_text(j, "header_from", m->header_from);
	gp_json_text(j, "envelope_from", m->envelope_from);
	gp_json_text(j, "envelope_to", m->envelope_to);
	gp_json_text(j, "subject", m->subject);
	gp_json_text(j, "message_id", m->message_id);
	gp_json_text(j, "results", m->results);
	gp_json_text(j, "dkim_domain", m->dkim_domain);
	gp_json_text(j, "dkim_selector", m->dkim_selector);
	if (m->arrived > 0)
		gp_json_number(j, "arrived", m->arrived);
	else
		gp_json_null(j, "arrived");
	put_count(f, "incidents", m->incidents);
	gp_json_text(j, "header", gp_slice_take(m->header, FIGURES_HEADER_MAX));
	gp_json_close(j, '}');
	return 0;
}

int
figures_put_failures(struct figures *f)
{
	struct rows rows = {.f = f};
	const struct gp_ingest_listener listener = {
		.context = &rows, .head = take_head, .failure = take_failure, .flaw = ignore_flaw};
	gp_json_open(&f->j, "failures", '[');
	int r = gp_reportdb_tell_failures(f->db, &f->range, FIGURES_SAMPLES, &listener);
	gp_json_close(&f->j, ']');
	return r;
}

/* --- health --- */

int
figures_put_health(struct figures *f)
{
	struct gp_reportdb_health h;
	int r = gp_reportdb_health(f->db, &h);
	if (r < 0)
		return r;
	gp_json_open(&f->j, "store", '{');
	put_count(f, kinds[GP_INGEST_AGGREGATE], h.aggregates);
	put_count(f, kinds[GP_INGEST_TLS], h.tls);
	put_count(f, kinds[GP_INGEST_FAILURE], h.failures);
	put_count(f, "unauthenticated", h.unauthenticated);
	put_count(f, "duplicates", h.duplicates);
	put_count(f, "refused", h.refused);
	put_count(f, "old", h.old);
	put_count(f, "records", h.records);
	put_count(f, "lost", h.lost);
	if (h.last_received_s > 0)
		gp_json_number(&f->j, "last_received", h.last_received_s);
	else
		gp_json_null(&f->j, "last_received");
	figures_put_day(f, "forgotten_before", h.forgotten_before_day);
	gp_json_close(&f->j, '}');
	return 0;
}

int
figures_put_flaws(struct figures *f)
{
	struct gp_reportdb_flaw *list;
	size_t len;
	int r = gp_reportdb_flaws(f->db, false, FIGURES_SAMPLES, f->arena, &list, &len);
	if (r < 0)
		return r;
	gp_json_open(&f->j, "flaws", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		gp_json_text(&f->j, "file", list[i].file);
		gp_json_text(&f->j, "why", list[i].why);
		put_count(f, "report", list[i].report);
		put_count(f, "record", list[i].record);
		gp_json_bool(&f->j, "lost", list[i].lost);
		gp_json_number(&f->j, "received", list[i].received_s);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	return 0;
}

int
figures_put_over_limit(struct figures *f)
{
	struct gp_reportdb_over_limit *list;
	size_t len;
	int r = gp_reportdb_over_limit(f->db, &f->range, FIGURES_SAMPLES, f->arena, &list, &len);
	if (r < 0)
		return r;
	gp_json_open(&f->j, "over_limit", '[');
	for (size_t i = 0; i < len; i++) {
		gp_json_open(&f->j, NULL, '{');
		figures_put_day(f, "day", list[i].day);
		if (list[i].reporter.len > 0)
			gp_json_text(&f->j, "reporter", list[i].reporter);
		else
			gp_json_null(&f->j, "reporter");
		put_count(f, "reports", list[i].reports);
		put_count(f, "octets", list[i].octets);
		gp_json_close(&f->j, '}');
	}
	gp_json_close(&f->j, ']');
	return 0;
}
