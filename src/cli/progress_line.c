/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "sys/clock.h"

enum {
	LINE_LEN_MAX = 1024,
	LINES_MS = 9500, /* a tick more or less */
};

struct gp_progress_line
gp_progress_line(bool terminal, uint64_t done)
{
	uint64_t now = gp_clock_monotonic_ms();
	return (struct gp_progress_line){
		.terminal = terminal,
		.begun_ms = now,
		.begun_done = done,
		.last_ms = now,
		.last_done = done,
	};
}

static double
per_second(uint64_t n, uint64_t ms)
{
	return ms > 0 ? (double)n * 1000 / (double)ms : 0;
}

/* "1:02:03", by how fast it has gone so far. */
static void
put_to_go(struct gp_buf *out, const struct gp_progress_line *p, uint64_t done, uint64_t all,
	  uint64_t now)
{
	double rate = per_second(done - p->begun_done, now - p->begun_ms);
	double rest = rate > 0 ? (double)(all - done) / rate : 0;
	if (rate <= 0 || rest > 1e7) {
		gp_buf_put_str(out, "?");
		return;
	}
	uint64_t s = (uint64_t)rest;
	gp_buf_printf(out, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60),
		      (unsigned)(s % 60));
}

static void
put_line(struct gp_buf *out, const struct gp_progress_line *p, uint64_t done, uint64_t all,
	 uint64_t now, bool last)
{
	double rate = last ? per_second(done - p->begun_done, now - p->begun_ms)
			   : per_second(done - p->last_done, now - p->last_ms);
	gp_buf_printf(out, "%" PRIu64 " of %" PRIu64 ", %.1f/s", done, all, rate);
	if (last)
		return;
	gp_buf_put_str(out, ", ");
	put_to_go(out, p, done, all, now);
	gp_buf_put_str(out, " to go");
}

void
gp_progress_line_show(struct gp_progress_line *p, uint64_t done, uint64_t all, struct gp_slice rest,
		      bool last)
{
	uint64_t now = gp_clock_monotonic_ms();
	struct gp_buf out = GP_BUF_INIT(LINE_LEN_MAX);
	if (!p->terminal && !last && now - p->last_ms < LINES_MS)
		return;
	/* What is wider than the terminal is cut there: wrapped it could not be written over. */
	gp_buf_put_str(&out, p->terminal ? "\r\033[K\033[?7l" : "");
	put_line(&out, p, done, all, now, last);
	gp_buf_put(&out, rest);
	gp_buf_put_str(&out, p->terminal ? "\033[?7h" : "");
	p->standing = p->terminal && !last;
	gp_buf_put_str(&out, p->standing ? "" : "\n");
	struct gp_slice text = gp_buf_slice(&out);
	fwrite(text.ptr, 1, text.len, stderr);
	gp_buf_free(&out);
	p->last_ms = now;
	p->last_done = done;
}

void
gp_progress_line_hide(struct gp_progress_line *p)
{
	if (p->standing)
		fputs("\r\033[K", stderr);
	p->standing = false;
}

double
gp_progress_line_seconds(const struct gp_progress_line *p)
{
	return (double)(gp_clock_monotonic_ms() - p->begun_ms) / 1000;
}
