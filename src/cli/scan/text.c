/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost scan, for people. */
#include "cli/scan/report.h"
#include "core/targets/special.h"

/* A label in a column of its own, and what a server said. */
static void
line(const struct scan_report *report, struct gp_buf *out, const char *label, struct gp_slice text)
{
	struct gp_slice shown = scan_visible(report, text);
	if (shown.len > 0)
		gp_buf_printf(out, "  %-12s %.*s\n", label, GP_SLICE_FMT(shown));
}

static void
put_software(const struct scan_report *report, struct gp_buf *out)
{
	const struct gp_software *s = &report->software;
	for (size_t i = 0; i < s->len; i++) {
		const struct gp_software_candidate *c = &s->items[i];
		struct gp_slice version = scan_visible(report, c->version);
		gp_buf_printf(out, "  %-12s %s%s%.*s (%u %%)\n", i == 0 ? "software" : "or",
			      c->name, version.len > 0 ? " " : "", GP_SLICE_FMT(version),
			      c->weight / 10u);
	}
}

static void
put_tls(const struct scan_report *report, struct gp_buf *out)
{
	const struct scan_tls *tls = &report->view->result->tls;
	if (!tls->tried)
		return;
	if (!tls->ok) {
		line(report, out, "TLS", gp_slice_str(tls->error));
		return;
	}
	gp_buf_printf(out, "  %-12s %s %s", "TLS", tls->version, tls->cipher);
	if (tls->shown.group)
		gp_buf_printf(out, " %s", tls->shown.group);
	gp_buf_put_str(out, "\n");
	line(report, out, "names", tls->certificate.names);
	line(report, out, "issuer", tls->certificate.issuer);
}

void
scan_report_text(const struct scan_report *report, struct gp_buf *out)
{
	const struct scan_result *r = report->view->result;
	struct gp_slice target = scan_visible(report, report->view->target);
	gp_buf_printf(out, "%.*s", GP_SLICE_FMT(target));
	if (!r) {
		gp_buf_printf(out, " port %u: %s\n", report->view->port, report->view->why);
		return;
	}
	struct gp_sockaddr a = gp_sockaddr_from_octets(r->address, r->address_len, r->port);
	gp_buf_printf(out, " %s", gp_sockaddr_text(&a, true).s);
	if (!r->probe) {
		const struct gp_special *special = gp_special_of(r->address, r->address_len);
		bool may = special && !special->never && strcmp(special->what, r->left_out) == 0;
		gp_buf_printf(out, " left out: %s%s\n", r->left_out,
			      may ? "; --private looks at it, too" : "");
		return;
	}
	const struct gp_probe_record *record = gp_probe_record(r->probe);
	struct gp_slice greeting = record->replies[GP_PROBE_GREETING].text;
	gp_buf_printf(out, " %s\n", scan_end_name(record->end));
	line(report, out, "banner", gp_probe_line(&greeting));
	put_software(report, out);
	put_tls(report, out);
	if (r->survey)
		scan_survey_text(report, r->survey, out);
}
