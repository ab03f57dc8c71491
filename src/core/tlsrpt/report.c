/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tlsrpt/report.h"

#include "core/message/date.h"

/*
 * JSON straight onto a capped buffer: the shape is fixed, and a library's tree would stand outside
 * every cap. `comma`: the next member or element is not the first one.
 */
struct writer {
	struct gp_buf *out;
	bool comma;
};

static void
separate(struct writer *w)
{
	if (w->comma)
		gp_buf_put_char(w->out, ',');
	w->comma = true;
}

static void
put_string(struct writer *w, struct gp_slice s)
{
	gp_buf_put_char(w->out, '"');
	gp_report_put_clean(w->out, s, GP_REPORT_CLEAN_JSON);
	gp_buf_put_char(w->out, '"');
}

static void
put_key(struct writer *w, const char *name)
{
	separate(w);
	gp_buf_printf(w->out, "\"%s\":", name);
}

/* Left out when empty. */
static void
put_text(struct writer *w, const char *name, struct gp_slice s)
{
	if (s.len == 0)
		return;
	put_key(w, name);
	put_string(w, s);
}

static void
put_number(struct writer *w, const char *name, uint64_t n)
{
	put_key(w, name);
	gp_buf_put_u64(w->out, n);
}

static void
put_open(struct writer *w, char bracket)
{
	gp_buf_put_char(w->out, bracket);
	w->comma = false;
}

static void
put_close(struct writer *w, char bracket)
{
	gp_buf_put_char(w->out, bracket);
	w->comma = true;
}

static void
put_list(struct writer *w, const char *name, const struct gp_slice *list, size_t len)
{
	if (len == 0)
		return;
	put_key(w, name);
	put_open(w, '[');
	for (size_t i = 0; i < len; i++) {
		separate(w);
		put_string(w, list[i]);
	}
	put_close(w, ']');
}

static void
put_failure(struct writer *w, const struct gp_tlsrpt_failure *f)
{
	gp_assert(f->result > GP_TLSRPT_SUCCESS);
	separate(w);
	put_open(w, '{');
	put_text(w, "result-type", gp_slice_str(gp_tlsrpt_result_name(f->result)));
	put_text(w, "sending-mta-ip", f->sending_ip);
	put_text(w, "receiving-mx-hostname", f->mx_host);
	put_text(w, "receiving-ip", f->receiving_ip);
	put_number(w, "failed-session-count", f->sessions);
	put_text(w, "failure-reason-code", f->reason);
	put_close(w, '}');
}

static void
put_policy(struct writer *w, const struct gp_tlsrpt_counts *c)
{
	put_key(w, "policy");
	put_open(w, '{');
	put_text(w, "policy-type", gp_slice_str(gp_tlsrpt_policy_name(c->policy)));
	put_list(w, "policy-string", c->strings, c->strings_len);
	put_text(w, "policy-domain", c->domain);
	put_list(w, "mx-host", c->mx, c->mx_len);
	put_close(w, '}');
}

static void
put_counts(struct writer *w, const struct gp_tlsrpt_counts *c)
{
	gp_assert(c->details_len <= GP_TLSRPT_FAILURES_MAX);
	separate(w);
	put_open(w, '{');
	put_policy(w, c);
	put_key(w, "summary");
	put_open(w, '{');
	put_number(w, "total-successful-session-count", c->successes);
	put_number(w, "total-failure-session-count", c->failures);
	put_close(w, '}');
	if (c->details_len > 0) {
		put_key(w, "failure-details");
		put_open(w, '[');
		for (size_t i = 0; i < c->details_len; i++)
			put_failure(w, &c->details[i]);
		put_close(w, ']');
	}
	put_close(w, '}');
}

static void
put_range(struct writer *w, const struct gp_report *r)
{
	put_key(w, "date-range");
	put_open(w, '{');
	put_text(w, "start-datetime", gp_slice_str(gp_date_stamp(r->start_s).s));
	put_text(w, "end-datetime", gp_slice_str(gp_date_stamp(r->end_s).s));
	put_close(w, '}');
}

bool
gp_tlsrpt_write_json(const struct gp_tlsrpt_report *r, struct gp_buf *out)
{
	struct writer w = {.out = out};
	const struct gp_report *head = &r->head;
	gp_report_check(head);
	gp_assert(r->counts_len > 0 && r->counts_len <= GP_TLSRPT_POLICIES_MAX);
	put_open(&w, '{');
	put_text(&w, "organization-name", head->organization);
	put_range(&w, head);
	put_text(&w, "contact-info", head->contact);
	put_key(&w, "report-id");
	gp_buf_printf(out, "\"%.*s@", GP_SLICE_FMT(head->unique));
	gp_report_put_clean(out, head->submitter, GP_REPORT_CLEAN_JSON);
	gp_buf_put_char(out, '"');
	put_key(&w, "policies");
	put_open(&w, '[');
	for (size_t i = 0; i < r->counts_len; i++)
		put_counts(&w, &r->counts[i]);
	put_close(&w, ']');
	put_close(&w, '}');
	return !out->failed;
}

static void
put_fields(struct gp_buf *out, const struct gp_report *r)
{
	gp_report_put_field(out, "TLS-Report-Domain: ", r->domain);
	gp_report_put_field(out, "TLS-Report-Submitter: ", r->submitter);
	gp_buf_put_str(out, "TLS-Required: No\r\n");
}

const struct gp_report_form gp_tlsrpt_form = {
	.extension = ".json.gz",
	.media_type = "application/tlsrpt+gzip",
	.content_type = "multipart/report; report-type=\"tlsrpt\"",
	.text = "This is an aggregate report on TLS (RFC 8460) about mail to",
	.id_has_submitter = true,
	.put_fields = put_fields,
};
