/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/progress.h"

#include <errno.h>
#include <inttypes.h>

#include "cli/scan/file.h"

enum { METRICS_MAX = 16 * 1024 };

static void
show_line(struct audit_progress *p, const struct gp_asks_counts *dns, bool last)
{
	struct gp_buf rest = GP_BUF_INIT(512);
	gp_buf_printf(&rest,
		      "; %" PRIu64 " questions, %" PRIu64 " without an answer; %" PRIu64
		      " critical, %" PRIu64 " high",
		      dns->asked, dns->timed_out, p->findings[GP_SEVERITY_CRITICAL],
		      p->findings[GP_SEVERITY_HIGH]);
	gp_progress_line_show(&p->shown, p->told, p->domains, gp_buf_slice(&rest), last);
	gp_buf_free(&rest);
}

/* --- metrics --- */

static void
put_head(struct gp_buf *out, const char *name, const char *type, const char *help)
{
	gp_buf_printf(out, "# HELP gatepost_audit_%s %s\n# TYPE gatepost_audit_%s %s\n", name, help,
		      name, type);
}

static void
put_number(struct gp_buf *out, const char *name, const char *type, const char *help, uint64_t n)
{
	put_head(out, name, type, help);
	gp_buf_printf(out, "gatepost_audit_%s %" PRIu64 "\n", name, n);
}

void
audit_metrics_write(struct gp_buf *out, const struct audit_progress *p,
		    const struct gp_asks_counts *dns, double seconds)
{
	put_number(out, "domains", "gauge", "domains to look at", p->domains);
	put_number(out, "domains_done_total", "counter", "those that were told of", p->told);
	put_number(out, "questions_total", "counter", "questions to the DNS", dns->asked);
	put_number(out, "answers_total", "counter", "those that were answered", dns->answered);
	put_number(out, "timeouts_total", "counter", "those that nobody answered", dns->timed_out);
	put_head(out, "findings_total", "counter", "findings that failed, by severity");
	for (int i = 0; i <= GP_SEVERITY_CRITICAL; i++)
		gp_buf_printf(out, "gatepost_audit_findings_total{severity=\"%s\"} %" PRIu64 "\n",
			      gp_severity_name((uint8_t)i), p->findings[i]);
	put_head(out, "seconds", "gauge", "since the run began");
	gp_buf_printf(out, "gatepost_audit_seconds %.3f\n", seconds);
}

static int
write_metrics(const struct audit_progress *p, const struct gp_asks_counts *dns)
{
	struct gp_buf out = GP_BUF_INIT(METRICS_MAX);
	audit_metrics_write(&out, p, dns, gp_progress_line_seconds(&p->shown));
	int r = out.failed ? -ENOMEM : scan_file_replace(p->metrics, gp_buf_slice(&out));
	gp_buf_free(&out);
	return r;
}

int
audit_progress_tell(struct audit_progress *p, const struct gp_asks_counts *dns, bool last)
{
	if (p->line)
		show_line(p, dns, last);
	return p->metrics ? write_metrics(p, dns) : 0;
}
