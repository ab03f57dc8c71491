/* SPDX-License-Identifier: Apache-2.0 */
#include "core/report/mail.h"

#include "base/base64.h"
#include "core/message/date.h"

enum { LINE_OCTETS = 57 }; /* make 76 of base64 (RFC 2045 section 6.8) */

void
gp_report_check(const struct gp_report *r)
{
	gp_assert(r->unique.len > 0 && r->unique.len <= GP_REPORT_UNIQUE_MAX);
	for (size_t i = 0; i < r->unique.len; i++)
		gp_assert(gp_ascii_is_alnum(r->unique.ptr[i]));
}

void
gp_report_write_filename(const struct gp_report *r, const struct gp_report_form *form,
			 struct gp_buf *out)
{
	gp_report_check(r);
	gp_report_put_clean(out, r->submitter, GP_REPORT_CLEAN_NAME);
	gp_buf_put_char(out, '!');
	gp_report_put_clean(out, r->domain, GP_REPORT_CLEAN_NAME);
	gp_buf_printf(out, "!%llu!%llu!%.*s%s", (unsigned long long)r->start_s,
		      (unsigned long long)r->end_s, GP_SLICE_FMT(r->unique), form->extension);
}

void
gp_report_put_field(struct gp_buf *out, const char *name, struct gp_slice value)
{
	gp_buf_put_str(out, name);
	gp_report_put_clean(out, value, GP_REPORT_CLEAN_FIELD);
	gp_buf_put_str(out, "\r\n");
}

/* <unique@submitter> */
static void
put_id(struct gp_buf *out, const struct gp_report *r)
{
	gp_buf_printf(out, "<%.*s@", GP_SLICE_FMT(r->unique));
	gp_report_put_clean(out, r->submitter, GP_REPORT_CLEAN_NAME);
	gp_buf_put_str(out, ">\r\n");
}

static void
put_subject(struct gp_buf *out, const struct gp_report_mail *m)
{
	const struct gp_report *r = m->report;
	gp_report_put_field(out, "Subject: Report Domain: ", r->domain);
	gp_report_put_field(out, " Submitter: ", r->submitter);
	gp_buf_put_str(out, " Report-ID: ");
	if (m->form->id_has_submitter)
		put_id(out, r);
	else
		gp_buf_printf(out, "<%.*s>\r\n", GP_SLICE_FMT(r->unique));
}

void
gp_report_put_origin(struct gp_buf *out, const struct gp_report *r, struct gp_slice from,
		     struct gp_slice to, uint64_t now_s)
{
	gp_report_put_field(out, "From: ", from);
	gp_report_put_field(out, "To: ", to);
	gp_report_put_field(out, "Date: ", gp_slice_str(gp_date_text(now_s).s));
	gp_buf_put_str(out, "Message-ID: ");
	put_id(out, r);
}

static void
put_header(struct gp_buf *out, const struct gp_report_mail *m)
{
	const struct gp_report *r = m->report;
	gp_report_put_origin(out, r, m->from, m->to, m->now_s);
	put_subject(out, m);
	if (m->form->put_fields)
		m->form->put_fields(out, r);
	gp_buf_printf(out,
		      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		      "Content-Type: %s;\r\n boundary=\"=_%.*s\"\r\n\r\n",
		      m->form->content_type, GP_SLICE_FMT(r->unique));
}

static void
put_text(struct gp_buf *out, const struct gp_report_mail *m)
{
	const struct gp_report *r = m->report;
	gp_buf_printf(out,
		      "--=_%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n"
		      "Content-Transfer-Encoding: 7bit\r\n\r\n%s\r\n",
		      GP_SLICE_FMT(r->unique), m->form->text);
	gp_report_put_field(out, "    ", r->domain);
	gp_buf_printf(out, "from %s until %s, sent by\r\n", gp_date_stamp(r->start_s).s,
		      gp_date_stamp(r->end_s).s);
	gp_report_put_field(out, "    ", r->submitter);
}

/* base64 has no "_", so no line of it can be the boundary (RFC 2046 section 5.1.1). */
static void
put_attachment(struct gp_buf *out, const struct gp_report_mail *m)
{
	gp_buf_printf(out,
		      "\r\n--=_%.*s\r\nContent-Type: %s\r\n"
		      "Content-Transfer-Encoding: base64\r\n"
		      "Content-Disposition: attachment;\r\n filename=\"",
		      GP_SLICE_FMT(m->report->unique), m->form->media_type);
	gp_report_write_filename(m->report, m->form, out);
	gp_buf_put_str(out, "\"\r\n\r\n");
	for (struct gp_slice rest = m->gzip; rest.len > 0 && !out->failed;
	     rest = gp_slice_drop(rest, LINE_OCTETS)) {
		gp_base64_put(out, gp_slice_take(rest, LINE_OCTETS));
		gp_buf_put_str(out, "\r\n");
	}
	gp_buf_printf(out, "\r\n--=_%.*s--\r\n", GP_SLICE_FMT(m->report->unique));
}

bool
gp_report_write_mail(const struct gp_report_mail *m, struct gp_buf *out)
{
	put_header(out, m);
	put_text(out, m);
	put_attachment(out, m);
	return !out->failed;
}
