/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarcrpt/report.h"

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/spf/spf.h"

/* --- elements --- */

static void
put_open(struct gp_buf *out, const char *name)
{
	gp_buf_printf(out, "<%s>\n", name);
}

static void
put_close(struct gp_buf *out, const char *name)
{
	gp_buf_printf(out, "</%s>\n", name);
}

static void
put_text(struct gp_buf *out, const char *name, struct gp_slice text)
{
	gp_buf_printf(out, "<%s>", name);
	gp_report_put_clean(out, text, GP_REPORT_CLEAN_XML);
	put_close(out, name);
}

static void
put_word(struct gp_buf *out, const char *name, const char *word)
{
	put_text(out, name, gp_slice_str(word));
}

static void
put_number(struct gp_buf *out, const char *name, uint64_t n)
{
	gp_buf_printf(out, "<%s>%llu</%s>\n", name, (unsigned long long)n, name);
}

/* --- report_metadata --- */

static void
put_error(struct gp_buf *out, const struct gp_dmarcrpt_report *r)
{
	bool flawed = r->policy.flaw.len > 0;
	if (!flawed && r->left_out == 0)
		return;
	gp_buf_put_str(out, "<error>");
	if (flawed) {
		gp_buf_put_str(out, "passed over in the record: ");
		gp_report_put_clean(out, r->policy.flaw, GP_REPORT_CLEAN_XML);
	}
	if (r->left_out > 0)
		gp_buf_printf(out, "%s%llu messages are not told of: there were too many kinds",
			      flawed ? "; " : "", (unsigned long long)r->left_out);
	gp_buf_put_str(out, "</error>\n");
}

static void
put_metadata(struct gp_buf *out, const struct gp_dmarcrpt_report *r)
{
	put_open(out, "report_metadata");
	put_text(out, "org_name", r->head.organization);
	put_text(out, "email", r->head.contact);
	put_text(out, "report_id", r->head.unique);
	put_open(out, "date_range");
	put_number(out, "begin", r->head.start_s);
	put_number(out, "end", r->head.end_s);
	put_close(out, "date_range");
	put_error(out, r);
	put_word(out, "generator", "Gatepost");
	put_close(out, "report_metadata");
}

/* --- policy_published --- */

/* RFC 9989 section 4.7: "0" where nothing is said. */
static void
put_fo(struct gp_buf *out, uint8_t fo)
{
	static const struct {
		uint8_t bit;
		char letter;
	} options[] = {{GP_DMARC_FO_ALL, '0'},
		       {GP_DMARC_FO_ANY, '1'},
		       {GP_DMARC_FO_DKIM, 'd'},
		       {GP_DMARC_FO_SPF, 's'}};
	bool first = true;
	gp_buf_put_str(out, "<fo>");
	for (size_t i = 0; i < GP_ARRAY_LEN(options); i++) {
		if (!(fo & options[i].bit))
			continue;
		gp_buf_printf(out, "%s%c", first ? "" : ":", options[i].letter);
		first = false;
	}
	gp_buf_put_str(out, first ? "0</fo>\n" : "</fo>\n");
}

static void
put_policy(struct gp_buf *out, const struct gp_dmarcrpt_policy *p)
{
	put_open(out, "policy_published");
	put_text(out, "domain", p->domain);
	put_word(out, "p", gp_dmarc_policy_name(p->p));
	put_word(out, "sp", gp_dmarc_policy_name(p->sp));
	put_word(out, "np", gp_dmarc_policy_name(p->np));
	put_word(out, "adkim", p->adkim_strict ? "s" : "r");
	put_word(out, "aspf", p->aspf_strict ? "s" : "r");
	put_word(out, "discovery_method", "treewalk");
	put_fo(out, p->fo);
	put_word(out, "testing", p->testing ? "y" : "n");
	put_close(out, "policy_published");
}

/* --- record --- */

static void
put_reason(struct gp_buf *out, uint8_t override)
{
	if (override == GP_DMARCRPT_AS_PUBLISHED)
		return;
	put_open(out, "reason");
	put_word(out, "type", gp_dmarcrpt_override_type(override));
	if (override == GP_DMARCRPT_OTHER)
		put_word(out, "comment", "the DNS did not answer");
	else if (override == GP_DMARCRPT_ARC)
		put_word(out, "comment", "arc=pass"); /* RFC 8617 section 7.2.2 */
	put_close(out, "reason");
}

static void
put_row(struct gp_buf *out, const struct gp_dmarcrpt_row *r)
{
	put_open(out, "row");
	put_text(out, "source_ip", r->source);
	put_number(out, "count", r->messages);
	put_open(out, "policy_evaluated");
	put_word(out, "disposition", gp_dmarcrpt_disposition_name(r->disposition));
	put_word(out, "dkim", r->dkim_aligned ? "pass" : "fail");
	put_word(out, "spf", r->spf_aligned ? "pass" : "fail");
	put_reason(out, r->override);
	put_close(out, "policy_evaluated");
	put_close(out, "row");
}

static void
put_signature(struct gp_buf *out, const struct gp_dmarcrpt_signature *s)
{
	put_open(out, "dkim");
	put_text(out, "domain", s->domain);
	put_text(out, "selector", s->selector);
	put_word(out, "result", gp_dkim_result_name(s->result));
	put_close(out, "dkim");
}

static void
put_record(struct gp_buf *out, const struct gp_dmarcrpt_row *r)
{
	gp_assert(r->signatures_len <= GP_DMARCRPT_SIGNATURES_MAX);
	put_open(out, "record");
	put_row(out, r);
	put_open(out, "identifiers");
	put_text(out, "header_from", r->header_from);
	put_text(out, "envelope_from", r->envelope_from);
	put_close(out, "identifiers");
	put_open(out, "auth_results");
	for (size_t i = 0; i < r->signatures_len; i++)
		put_signature(out, &r->signatures[i]);
	if (r->spf_domain.len > 0) {
		put_open(out, "spf");
		put_text(out, "domain", r->spf_domain);
		put_word(out, "scope", "mfrom");
		put_word(out, "result", gp_spf_verdict_name(r->spf));
		put_close(out, "spf");
	}
	put_close(out, "auth_results");
	put_close(out, "record");
}

bool
gp_dmarcrpt_write_xml(const struct gp_dmarcrpt_report *r, struct gp_buf *out)
{
	gp_report_check(&r->head);
	gp_assert(r->rows_len > 0);
	gp_buf_put_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			    "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
			    "<version>1.0</version>\n");
	put_metadata(out, r);
	put_policy(out, &r->policy);
	for (size_t i = 0; i < r->rows_len && !out->failed; i++)
		put_record(out, &r->rows[i]);
	put_close(out, "feedback");
	return !out->failed;
}

const struct gp_report_form gp_dmarcrpt_form = {
	.extension = ".xml.gz",
	.media_type = "application/gzip",
	.content_type = "multipart/mixed",
	.text = "This is a DMARC aggregate report (RFC 9990) about mail from",
};
