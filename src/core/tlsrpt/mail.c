/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "core/message/date.h"
#include "core/tlsrpt/clean.h"
#include "core/tlsrpt/report.h"

enum { LINE_OCTETS = 57 }; /* make 76 of base64 (RFC 2045 section 6.8) */

static void
put_field(struct gp_buf *out, const char *name, struct gp_slice value)
{
	gp_buf_put_str(out, name);
	gp_tlsrpt_put_clean(out, value, GP_TLSRPT_CLEAN_FIELD);
	gp_buf_put_str(out, "\r\n");
}

/* <unique@submitter> */
static void
put_id(struct gp_buf *out, const struct gp_tlsrpt_report *r)
{
	gp_buf_printf(out, "<%.*s@", GP_SLICE_FMT(r->unique));
	gp_tlsrpt_put_clean(out, r->submitter, GP_TLSRPT_CLEAN_NAME);
	gp_buf_put_str(out, ">\r\n");
}

static void
put_subject(struct gp_buf *out, const struct gp_tlsrpt_report *r)
{
	put_field(out, "Subject: Report Domain: ", r->domain);
	put_field(out, " Submitter: ", r->submitter);
	gp_buf_put_str(out, " Report-ID: ");
	put_id(out, r);
}

static void
put_header(struct gp_buf *out, const struct gp_tlsrpt_mail *m)
{
	const struct gp_tlsrpt_report *r = m->report;
	put_field(out, "From: ", m->from);
	put_field(out, "To: ", m->to);
	put_field(out, "Date: ", gp_slice_str(gp_date_text(m->now_s).s));
	gp_buf_put_str(out, "Message-ID: ");
	put_id(out, r);
	put_subject(out, r);
	put_field(out, "TLS-Report-Domain: ", r->domain);
	put_field(out, "TLS-Report-Submitter: ", r->submitter);
	gp_buf_put_str(out, "TLS-Required: No\r\nAuto-Submitted: auto-generated\r\n"
			    "MIME-Version: 1.0\r\n");
	gp_buf_printf(out,
		      "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
		      " boundary=\"=_%.*s\"\r\n\r\n",
		      GP_SLICE_FMT(r->unique));
}

static void
put_text(struct gp_buf *out, const struct gp_tlsrpt_report *r)
{
	gp_buf_printf(out,
		      "--=_%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n"
		      "Content-Transfer-Encoding: 7bit\r\n\r\n"
		      "This is an aggregate report on TLS (RFC 8460) about mail to\r\n",
		      GP_SLICE_FMT(r->unique));
	put_field(out, "    ", r->domain);
	gp_buf_printf(out, "from %s until %s, sent by\r\n", gp_date_stamp(r->start_s).s,
		      gp_date_stamp(r->end_s).s);
	put_field(out, "    ", r->submitter);
}

/* base64 has no "_", so no line of it can be the boundary (RFC 2046 section 5.1.1). */
static void
put_attachment(struct gp_buf *out, const struct gp_tlsrpt_mail *m)
{
	gp_buf_printf(out,
		      "\r\n--=_%.*s\r\nContent-Type: application/tlsrpt+gzip\r\n"
		      "Content-Transfer-Encoding: base64\r\n"
		      "Content-Disposition: attachment;\r\n filename=\"",
		      GP_SLICE_FMT(m->report->unique));
	gp_tlsrpt_write_filename(m->report, out);
	gp_buf_put_str(out, "\"\r\n\r\n");
	for (struct gp_slice rest = m->gzip; rest.len > 0 && !out->failed;
	     rest = gp_slice_drop(rest, LINE_OCTETS)) {
		gp_base64_put(out, gp_slice_take(rest, LINE_OCTETS));
		gp_buf_put_str(out, "\r\n");
	}
	gp_buf_printf(out, "\r\n--=_%.*s--\r\n", GP_SLICE_FMT(m->report->unique));
}

bool
gp_tlsrpt_write_mail(const struct gp_tlsrpt_mail *m, struct gp_buf *out)
{
	put_header(out, m);
	put_text(out, m->report);
	put_attachment(out, m);
	return !out->failed;
}
