/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/told.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "cli/reports/words.h"

/* Names of files are of any octets, unlike texts of reports (core/ingest/report.h). */
static json_t *
mended(struct gp_slice text)
{
	struct gp_buf utf8 = GP_BUF_INIT(3 * text.len + 1);
	while (text.len > 0) {
		char octets[4];
		uint32_t c = gp_utf8_take(&text);
		size_t n = gp_utf8_write(c == GP_UTF8_INVALID ? 0xfffd : c, octets);
		gp_buf_put(&utf8, gp_slice(octets, n));
	}
	struct gp_slice all = gp_buf_slice(&utf8);
	json_t *ret = json_stringn(all.ptr ? all.ptr : "", all.len);
	gp_buf_free(&utf8);
	return ret;
}

json_t *
told_text(struct gp_slice text)
{
	json_t *whole = json_stringn(text.ptr ? text.ptr : "", text.len);
	return whole ? whole : mended(text);
}

static void
set_text(json_t *o, const char *name, struct gp_slice text)
{
	json_object_set_new(o, name, told_text(text));
}

static void
set_word(json_t *o, const char *name, const char *word)
{
	json_object_set_new(o, name, json_string(word));
}

static void
set_count(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

static void
set_time(json_t *o, const char *name, int64_t time_s)
{
	set_word(o, name, reports_time_text(time_s).s);
}

/* --- heads --- */

static json_t *
policy_of(const struct gp_ingest_head *h)
{
	json_t *o = json_object();
	set_word(o, "p", reports_policy_word(h->p));
	set_word(o, "sp", reports_policy_word(h->sp));
	set_word(o, "np", reports_policy_word(h->np));
	set_word(o, "adkim", h->adkim_strict ? "s" : "r");
	set_word(o, "aspf", h->aspf_strict ? "s" : "r");
	json_object_set_new(o, "t", json_boolean(h->testing));
	json_object_set_new(o, "pct", h->pct < 0 ? json_null() : json_integer(h->pct));
	set_text(o, "fo", h->fo);
	set_text(o, "discovery", h->discovery);
	return o;
}

json_t *
told_head(const struct gp_ingest_head *h)
{
	json_t *o = json_object();
	set_word(o, "kind", reports_kind_word(h->kind));
	set_text(o, "org", h->org);
	set_text(o, "email", h->email);
	set_text(o, "contact", h->contact);
	set_text(o, "id", h->id);
	set_text(o, "domain", h->domain);
	set_time(o, "begin", h->begin);
	set_time(o, "end", h->end);
	if (h->kind != GP_INGEST_AGGREGATE)
		return o;
	set_text(o, "version", h->version);
	set_text(o, "generator", h->generator);
	json_object_set_new(o, "policy", policy_of(h));
	return o;
}

/* --- records --- */

static json_t *
auths_of(const struct gp_ingest_auth *list, size_t len, bool dkim)
{
	json_t *all = json_array();
	for (size_t i = 0; i < len; i++) {
		json_t *o = json_object();
		set_word(o, "result", reports_result_word(list[i].result));
		set_text(o, "domain", list[i].domain);
		set_text(o, dkim ? "selector" : "scope", dkim ? list[i].selector : list[i].scope);
		if (list[i].human.len > 0)
			set_text(o, "reason", list[i].human);
		json_array_append_new(all, o);
	}
	return all;
}

json_t *
told_row(const struct gp_ingest_row *row)
{
	json_t *o = json_object(), *reasons = json_array();
	set_count(o, "record", row->number);
	set_word(o, "source", reports_address_text(row->source).s);
	set_count(o, "messages", row->count);
	set_word(o, "disposition", reports_disposition_word(row->disposition));
	set_word(o, "dkim", reports_result_word(row->dkim));
	set_word(o, "spf", reports_result_word(row->spf));
	set_text(o, "header_from", row->header_from);
	set_text(o, "envelope_from", row->envelope_from);
	set_text(o, "envelope_to", row->envelope_to);
	for (size_t i = 0; i < row->reasons_len; i++) {
		json_t *reason = json_object();
		set_word(reason, "type", reports_reason_word(row->reasons[i].type));
		set_text(reason, "comment", row->reasons[i].comment);
		json_array_append_new(reasons, reason);
	}
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "dkim_results",
			    auths_of(row->dkim_results, row->dkim_results_len, true));
	json_object_set_new(o, "spf_results",
			    auths_of(row->spf_results, row->spf_results_len, false));
	return o;
}

static json_t *
texts_of(const struct gp_slice *list, size_t len)
{
	json_t *all = json_array();
	for (size_t i = 0; i < len; i++)
		json_array_append_new(all, told_text(list[i]));
	return all;
}

json_t *
told_tls_policy(const struct gp_ingest_tls_policy *p)
{
	json_t *o = json_object();
	set_count(o, "record", p->number);
	set_text(o, "type", p->type);
	set_text(o, "domain", p->domain);
	json_object_set_new(o, "policy", texts_of(p->lines, p->lines_len));
	json_object_set_new(o, "mx", texts_of(p->mx, p->mx_len));
	set_count(o, "successful", p->successful);
	set_count(o, "failed", p->failed);
	return o;
}

json_t *
told_tls_failure(const struct gp_ingest_tls_failure *f)
{
	json_t *o = json_object();
	set_text(o, "result", f->result);
	set_text(o, "sending_ip", f->sending_ip);
	set_text(o, "receiving_mx", f->receiving_mx);
	set_text(o, "receiving_ip", f->receiving_ip);
	set_text(o, "receiving_helo", f->receiving_helo);
	set_text(o, "reason_code", f->reason_code);
	set_text(o, "info", f->info);
	set_count(o, "sessions", f->sessions);
	return o;
}

json_t *
told_failure(const struct gp_ingest_failure *f)
{
	static const uint8_t nowhere[16];
	bool told = memcmp(f->source, nowhere, sizeof(nowhere)) != 0;
	json_t *o = json_object();
	set_text(o, "type", f->type);
	set_text(o, "delivery", f->delivery);
	set_word(o, "source", told ? reports_address_text(f->source).s : "");
	set_text(o, "domain", f->domain);
	set_text(o, "header_from", f->header_from);
	set_text(o, "envelope_from", f->envelope_from);
	set_text(o, "envelope_to", f->envelope_to);
	set_text(o, "subject", f->subject);
	set_text(o, "message_id", f->message_id);
	set_text(o, "results", f->results);
	set_text(o, "dkim_domain", f->dkim_domain);
	set_text(o, "dkim_selector", f->dkim_selector);
	set_text(o, "spf_record", f->spf_record);
	if (f->arrived > 0)
		set_time(o, "arrived", f->arrived);
	set_count(o, "incidents", f->incidents);
	set_text(o, "header", f->header);
	return o;
}

json_t *
told_flaw(uint64_t record, bool lost, const char *why)
{
	json_t *o = json_object();
	if (record > 0)
		set_count(o, "record", record);
	json_object_set_new(o, "lost", json_boolean(lost));
	set_word(o, "why", why);
	return o;
}
