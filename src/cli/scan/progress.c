/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/scan/file.h"

enum { METRICS_MAX = 16 * 1024 };

void
scan_progress_begin(struct scan_progress *p, uint64_t turns_done)
{
	p->shown = gp_progress_line(p->shown.terminal, turns_done);
}

static void
show_line(struct scan_progress *p, const struct scan_counts *c, bool last)
{
	struct gp_buf rest = GP_BUF_INIT(512);
	gp_buf_printf(&rest,
		      "; %" PRIu64 " answered, %" PRIu64 " refused, %" PRIu64 " silent, %" PRIu64
		      " left out",
		      c->answered, c->refused, c->silent, c->left_out + c->unresolved);
	gp_progress_line_show(&p->shown, c->turns_done, c->turns, gp_buf_slice(&rest), last);
	gp_buf_free(&rest);
}

/* --- metrics --- */

static void
put_head(struct gp_buf *out, const char *name, const char *type, const char *help)
{
	gp_buf_printf(out, "# HELP gatepost_scan_%s %s\n# TYPE gatepost_scan_%s %s\n", name, help,
		      name, type);
}

static void
put_number(struct gp_buf *out, const char *name, const char *type, const char *help, uint64_t n)
{
	put_head(out, name, type, help);
	gp_buf_printf(out, "gatepost_scan_%s %" PRIu64 "\n", name, n);
}

static void
put_hosts(struct gp_buf *out, const struct scan_counts *c)
{
	const struct {
		const char *word;
		uint64_t n;
	} classes[] = {
		{"answered", c->answered}, {"refused", c->refused},       {"silent", c->silent},
		{"left_out", c->left_out}, {"unresolved", c->unresolved},
	};
	put_head(out, "hosts_total", "counter", "addresses and ports, by what they came to");
	for (size_t i = 0; i < GP_ARRAY_LEN(classes); i++)
		gp_buf_printf(out, "gatepost_scan_hosts_total{result=\"%s\"} %" PRIu64 "\n",
			      classes[i].word, classes[i].n);
}

void
scan_metrics_write(struct gp_buf *out, const struct scan_counts *c, const struct scan_progress *p,
		   double seconds)
{
	put_number(out, "turns", "gauge", "targets and ports of this run", c->turns);
	put_number(out, "turns_done_total", "counter", "those that are done", c->turns_done);
	put_number(out, "connections_total", "counter", "connections that stood", c->connections);
	put_number(out, "octets_total", "counter", "octets that servers sent", c->octets);
	put_hosts(out, c);
	put_head(out, "findings_total", "counter", "findings that failed, by severity");
	for (int i = 0; i <= GP_SEVERITY_CRITICAL; i++)
		gp_buf_printf(out, "gatepost_scan_findings_total{severity=\"%s\"} %" PRIu64 "\n",
			      gp_severity_name((uint8_t)i), p->findings[i]);
	put_head(out, "seconds", "gauge", "since the run began");
	gp_buf_printf(out, "gatepost_scan_seconds %.3f\n", seconds);
}

static int
write_metrics(const struct scan_progress *p, const struct scan_counts *counts)
{
	struct gp_buf out = GP_BUF_INIT(METRICS_MAX);
	scan_metrics_write(&out, counts, p, gp_progress_line_seconds(&p->shown));
	int r = out.failed ? -ENOMEM : scan_file_replace(p->metrics, gp_buf_slice(&out));
	gp_buf_free(&out);
	return r;
}

int
scan_progress_tell(struct scan_progress *p, const struct scan_counts *counts, bool last)
{
	if (p->line)
		show_line(p, counts, last);
	return p->metrics ? write_metrics(p, counts) : 0;
}
