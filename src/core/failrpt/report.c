/* SPDX-License-Identifier: Apache-2.0 */
#include "core/failrpt/report.h"

#include "core/authres/authres.h"
#include "core/failrpt/redact.h"
#include "core/message/date.h"

/* --- the fields of the report --- */

static void
put_word(struct gp_buf *out, const char *name, const char *word)
{
	gp_report_put_field(out, name, gp_slice_str(word));
}

/* RFC 6591 section 3.3. */
static const char *
cause_name(uint8_t cause)
{
	static const char *const names[GP_FAILRPT_CAUSES] = {
		[GP_FAILRPT_DMARC] = "dmarc",
		[GP_FAILRPT_SIGNATURE] = "signature",
		[GP_FAILRPT_BODY_HASH] = "bodyhash",
		[GP_FAILRPT_SPF] = "spf",
	};
	gp_assert(cause > 0 && cause < GP_FAILRPT_CAUSES);
	return names[cause];
}

/* RFC 6591 section 3.2. */
static const char *
delivery_name(uint8_t delivery)
{
	static const char *const names[GP_FAILRPT_DELIVERIES] = {
		[GP_FAILRPT_DELIVERED] = "delivered",
		[GP_FAILRPT_SPAM] = "spam",
		[GP_FAILRPT_REJECTED] = "reject",
	};
	gp_assert(delivery > 0 && delivery < GP_FAILRPT_DELIVERIES);
	return names[delivery];
}

/* RFC 9991: what failed to be aligned, not what succeeded. */
static const char *
alignment(const struct gp_failrpt_incident *i)
{
	if (!i->dkim_aligned && !i->spf_aligned)
		return "dkim, spf";
	if (!i->dkim_aligned)
		return "dkim";
	return i->spf_aligned ? "none" : "spf";
}

/* A malformed signature may name its domain in anything. */
static void
put_ascii(struct gp_buf *out, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		gp_buf_put_char(out, (unsigned char)s.ptr[i] < 127 ? s.ptr[i] : '?');
}

/* With domains alone where RFC 8601 would have addresses. */
static void
put_results(struct gp_buf *out, const struct gp_failrpt_incident *i, struct gp_slice id)
{
	const struct gp_authres_property from = {GP_SLICE("header"), GP_SLICE("from"),
						 i->header_from};
	const struct gp_authres_property sender = {GP_SLICE("smtp"), GP_SLICE("mailfrom"),
						   i->spf_domain};
	const struct gp_authres_property signer[] = {
		{GP_SLICE("header"), GP_SLICE("d"), i->dkim_domain},
		{GP_SLICE("header"), GP_SLICE("s"), i->dkim_selector},
	};
	struct gp_authres_result results[3] = {
		{.method = GP_SLICE("dmarc"),
		 .result = gp_slice_str(i->passed ? "pass" : "fail"),
		 .properties = &from,
		 .properties_len = 1},
		{.method = GP_SLICE("spf"),
		 .result = gp_slice_str(gp_spf_verdict_name(i->spf)),
		 .properties = &sender,
		 .properties_len = 1},
	};
	const struct gp_authres all = {id, results, i->dkim != 0 ? 3 : 2};
	if (i->dkim != 0)
		results[2] = (struct gp_authres_result){
			.method = GP_SLICE("dkim"),
			.result = gp_slice_str(gp_dkim_result_name(i->dkim)),
			.properties = signer,
			.properties_len = GP_ARRAY_LEN(signer),
		};
	struct gp_buf text = GP_BUF_INIT(GP_FAILRPT_FEEDBACK_MAX);
	gp_authres_write(&text, &all);
	out->failed = out->failed || text.failed;
	gp_buf_put_str(out, "Authentication-Results: ");
	put_ascii(out, gp_buf_slice(&text));
	gp_buf_put_str(out, "\r\n");
	gp_buf_free(&text);
}

static void
put_address(struct gp_buf *out, const char *name, struct gp_slice key, struct gp_slice address)
{
	struct gp_buf told = GP_BUF_INIT(GP_REPORT_TEXT_MAX);
	if (key.len > 0)
		gp_redact_address(&told, key, address);
	else
		gp_buf_put(&told, gp_slice_take(address, GP_FAILRPT_IDENTITY_MAX));
	out->failed = out->failed || told.failed;
	gp_buf_put_str(out, name);
	gp_report_put_clean(out, gp_buf_slice(&told), GP_REPORT_CLEAN_FIELD);
	gp_buf_free(&told);
}

static void
put_signature(struct gp_buf *out, const struct gp_failrpt_incident *i, struct gp_slice key)
{
	if (i->dkim == 0)
		return;
	gp_report_put_field(out, "DKIM-Domain: ", i->dkim_domain);
	gp_report_put_field(out, "DKIM-Selector: ", i->dkim_selector);
	/* "@d" stands for one that names nobody. */
	if (gp_slice_find(i->dkim_identity, '@') == 0)
		gp_report_put_field(out, "DKIM-Identity: ", i->dkim_identity);
	else if (i->dkim_identity.len > 0) {
		put_address(out, "DKIM-Identity: ", key, i->dkim_identity);
		gp_buf_put_str(out, "\r\n");
	}
}

/* RFC 6591 section 3.2: as a quoted string. */
static void
put_spf(struct gp_buf *out, const struct gp_failrpt_incident *i)
{
	if (i->spf_aligned || i->spf_domain.len == 0 || i->spf_record.len == 0)
		return;
	gp_buf_put_str(out, "SPF-DNS: txt : ");
	gp_report_put_clean(out, i->spf_domain, GP_REPORT_CLEAN_NAME);
	gp_buf_put_str(out, " :\r\n \"");
	struct gp_slice text = gp_slice_take(i->spf_record, GP_FAILRPT_RECORD_MAX);
	for (size_t k = 0; k < text.len; k++) {
		char c = text.ptr[k];
		if (c == '"' || c == '\\')
			gp_buf_put_char(out, '\\');
		gp_buf_put_char(out, c >= ' ' && c < 127 ? c : '?');
	}
	gp_buf_put_str(out, "\"\r\n");
}

void
gp_failrpt_write_feedback(const struct gp_failrpt_incident *i, struct gp_slice key,
			  struct gp_slice id, struct gp_buf *out)
{
	put_word(out, "Feedback-Type: ", "auth-failure");
	put_word(out, "User-Agent: ", "Gatepost");
	put_word(out, "Version: ", "1");
	put_word(out, "Auth-Failure: ", cause_name(i->cause));
	put_results(out, i, id);
	put_word(out, "Identity-Alignment: ", alignment(i));
	put_word(out, "Delivery-Result: ", delivery_name(i->delivery));
	gp_report_put_field(out, "Reported-Domain: ", i->header_from);
	put_address(out, "Original-Mail-From: <", key, i->sender);
	gp_buf_put_str(out, ">\r\n");
	put_word(out, "Arrival-Date: ", gp_date_text(i->arrival_s).s);
	if (i->source.len > 0)
		gp_report_put_field(out, "Source-IP: ", i->source);
	put_signature(out, i, key);
	put_spf(out, i);
}

/* --- the mail --- */

static void
put_head(struct gp_buf *out, const struct gp_failrpt_mail *m)
{
	const struct gp_report *r = m->report;
	gp_report_put_origin(out, r, r->contact, m->to, m->now_s);
	gp_report_put_field(out, "Subject: DMARC failure report for ", r->domain);
	gp_buf_printf(out,
		      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		      "Content-Type: multipart/report; report-type=feedback-report;\r\n"
		      " boundary=\"=_%.*s\"\r\n\r\n",
		      GP_SLICE_FMT(r->unique));
}

static void
begin_part(struct gp_buf *out, const struct gp_failrpt_mail *m, const char *type)
{
	gp_buf_printf(out,
		      "--=_%.*s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
		      GP_SLICE_FMT(m->report->unique), type);
}

static void
put_text(struct gp_buf *out, const struct gp_failrpt_mail *m)
{
	const struct gp_report *r = m->report;
	begin_part(out, m, "text/plain; charset=us-ascii");
	gp_buf_put_str(out, "This is a DMARC failure report (RFC 9991) about a message\r\n"
			    "to which the record applies of\r\n");
	gp_report_put_field(out, "    ", r->domain);
	gp_buf_printf(out, "and which came at %s. It is sent by\r\n", gp_date_stamp(r->start_s).s);
	gp_report_put_field(out, "    ", r->submitter);
	if (m->texts.incidents > 1)
		gp_buf_printf(out,
			      "It is the first of %u messages in a short time that came from\r\n"
			      "the same address and failed alike.\r\n",
			      (unsigned)m->texts.incidents);
	if (m->texts.redacted)
		gp_buf_put_str(out,
			       "Recipients, the subject and whatever else may be private are\r\n"
			       "hidden: the same text is the same token in reports about mail\r\n"
			       "from the same address (RFC 6590).\r\n");
	gp_buf_put_str(out, "\r\n");
}

bool
gp_failrpt_write_mail(const struct gp_failrpt_mail *m, struct gp_buf *out)
{
	gp_report_check(m->report);
	put_head(out, m);
	put_text(out, m);
	begin_part(out, m, "message/feedback-report");
	gp_buf_put(out, m->texts.feedback);
	/* RFC 5965 section 3.2. */
	gp_buf_printf(out, "Incidents: %u\r\n\r\n", (unsigned)m->texts.incidents);
	begin_part(out, m, "text/rfc822-headers");
	gp_buf_put(out, m->texts.header);
	gp_buf_printf(out, "\r\n--=_%.*s--\r\n", GP_SLICE_FMT(m->report->unique));
	return !out->failed;
}
