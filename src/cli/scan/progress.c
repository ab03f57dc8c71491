/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/scan/file.h"
#include "sys/clock.h"

enum {
	METRICS_MAX = 16 * 1024,
	LINES_MS = 9500, /* a tick more or less */
};

void
scan_progress_begin(struct scan_progress *p, uint64_t turns_done)
{
	p->begun_ms = p->last_ms = gp_clock_monotonic_ms();
	p->begun_turns = p->last_turns = turns_done;
}

static double
per_second(uint64_t n, uint64_t ms)
{
	return ms > 0 ? (double)n * 1000 / (double)ms : 0;
}

/* "1:02:03", by how fast it has gone so far. */
static void
put_rest(struct gp_buf *out, const struct scan_progress *p, const struct scan_counts *c,
	 uint64_t now)
{
	double rate = per_second(c->turns_done - p->begun_turns, now - p->begun_ms);
	double rest = rate > 0 ? (double)(c->turns - c->turns_done) / rate : 0;
	if (rate <= 0 || rest > 1e7) {
		gp_buf_put_str(out, "?");
		return;
	}
	uint64_t s = (uint64_t)rest;
	gp_buf_printf(out, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
		      (unsigned)(s % 60));
}

static void
put_line(struct gp_buf *out, const struct scan_progress *p, const struct scan_counts *c,
	 uint64_t now, bool last)
{
	double rate = last ? per_second(c->turns_done - p->begun_turns, now - p->begun_ms)
			   : per_second(c->turns_done - p->last_turns, now - p->last_ms);
	gp_buf_printf(out, "%" PRIu64 " of %" PRIu64 ", %.1f/s", c->turns_done, c->turns, rate);
	if (!last) {
		gp_buf_put_str(out, ", ");
		put_rest(out, p, c, now);
		gp_buf_put_str(out, " to go");
	}
	gp_buf_printf(out,
		      "; %" PRIu64 " answered, %" PRIu64 " refused, %" PRIu64 " silent, %" PRIu64
		      " left out",
		      c->answered, c->refused, c->silent, c->left_out + c->unresolved);
}

static void
write_line(struct gp_buf *out)
{
	struct gp_slice text = gp_buf_slice(out);
	fwrite(text.ptr, 1, text.len, stderr);
	gp_buf_free(out);
}

static void
show_line(struct scan_progress *p, const struct scan_counts *c, bool last)
{
	uint64_t now = gp_clock_monotonic_ms();
	struct gp_buf out = GP_BUF_INIT(512);
	if (!p->terminal && !last && now - p->last_ms < LINES_MS)
		return;
	/* What is wider than the terminal is cut there: wrapped it could not be written over. */
	gp_buf_put_str(&out, p->terminal ? "\r\033[K\033[?7l" : "");
	put_line(&out, p, c, now, last);
	gp_buf_put_str(&out, p->terminal ? "\033[?7h" : "");
	p->standing = p->terminal && !last;
	gp_buf_put_str(&out, p->standing ? "" : "\n");
	write_line(&out);
	p->last_ms = now;
	p->last_turns = c->turns_done;
}

void
scan_progress_hide(struct scan_progress *p)
{
	if (p->standing)
		fputs("\r\033[K", stderr);
	p->standing = false;
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
	double seconds = (double)(gp_clock_monotonic_ms() - p->begun_ms) / 1000;
	scan_metrics_write(&out, counts, p, seconds);
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
