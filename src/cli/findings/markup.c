/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings as JUnit XML and as one HTML page. The page loads nothing and runs nothing, as its
 * policy says; what it hides and shows are boxes and rules of style.
 */
#include "cli/markup.h"
#include "cli/findings/parts.h"
#include "core/identity/visible.h"

static void
put_str(struct gp_buf *out, const char *text)
{
	gp_markup_put(out, gp_slice_str(text));
}

static size_t
count(const struct gp_findings *list, uint8_t state)
{
	size_t n = 0;
	for (size_t i = 0; i < list->len; i++)
		n += list->items[i].state == state;
	return n;
}

/* --- JUnit --- */

static void
put_case(const struct findings_part *p, const struct gp_finding *f)
{
	struct gp_buf *out = p->w->out;
	bool fails = f->state == GP_FINDING_FAIL;
	struct gp_slice evidence = gp_visible(f->evidence, p->arena);
	gp_buf_put_str(out, "<testcase classname=\"");
	gp_markup_put(out, p->subject);
	gp_buf_printf(out, "\" name=\"%s\"", f->kind->id);
	if (f->state == GP_FINDING_PASS) {
		gp_buf_put_str(out, "/>\n");
		return;
	}
	gp_buf_printf(out, "><%s message=\"", fails ? "failure" : "skipped");
	put_str(out, fails ? f->kind->title : "not measured");
	if (fails) {
		gp_buf_printf(out, "\" type=\"%s\">", gp_severity_name(f->severity));
		gp_markup_put(out, evidence);
		gp_buf_put_str(out, "\n");
		gp_markup_put(out, findings_lines(f->fix, p->arena));
		gp_buf_put_str(out, "</failure></testcase>\n");
		return;
	}
	gp_buf_put_str(out, ": ");
	gp_markup_put(out, evidence);
	gp_buf_put_str(out, "\"/></testcase>\n");
}

void
findings_put_junit(const struct findings_part *p)
{
	struct gp_buf *out = p->w->out;
	gp_buf_put_str(out, "<testsuite name=\"");
	gp_markup_put(out, p->subject);
	gp_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", p->list->len,
		      count(p->list, GP_FINDING_FAIL), count(p->list, GP_FINDING_NOT_MEASURED));
	for (size_t i = 0; i < p->list->len; i++)
		put_case(p, &p->list->items[i]);
	gp_buf_put_str(out, "</testsuite>\n");
}

/* --- HTML --- */

static const char page_begin[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n";

static const char page_style[] =
	"<style>\n"
	":root{color-scheme:light dark;--ink:#1c2430;--soft:#5d6878;--line:#dde2e9;"
	"--page:#f5f6f8;--card:#fff;--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333c48;"
	"--page:#14181e;--card:#1c222b;--good:#58c48c;--bad:#ff8a80;--warn:#f0b95a}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:80rem;padding:2rem 1rem;"
	"background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.05rem;margin:0;"
	"overflow-wrap:anywhere}label{display:inline-block;margin-right:1rem}main{margin-top:1rem}"
	"\n"
	"section{background:var(--card);border:1px solid var(--line);border-radius:10px;"
	"padding:1rem 1.5rem;margin:0 0 1rem}ul{list-style:none;margin:0;padding:0}\n"
	"li{padding:.5rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}"
	"ul{margin-top:.5rem}.fix,.soft{color:var(--soft)}.fix{white-space:pre-line}"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere}p{margin:0}.tag{display:inline-block;min-"
	"width:7rem;font-size:.8rem;"
	"font-weight:600}\n"
	".critical .tag,.high .tag{color:var(--bad)}.medium .tag{color:var(--warn)}"
	".pass .tag{color:var(--good)}\n"
	/* What is not ticked is not shown. */
	"body:has(#critical:not(:checked)) .critical,body:has(#high:not(:checked)) .high,"
	"body:has(#medium:not(:checked)) .medium,body:has(#low:not(:checked)) .low,"
	"body:has(#info:not(:checked)) .info,body:has(#pass:not(:checked)) .pass,"
	"body:has(#not_measured:not(:checked)) .not_measured{display:none}\n"
	"@media(max-width:46rem){body{padding:.5rem}section{padding:.8rem}.tag{display:block}}\n"
	".record{font:.85rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}\n"
	/* Paper is white, whatever the screen is; a heading stays with what is below it. */
	"@page{size:A4;margin:18mm 16mm;@bottom-right{content:counter(page) \" / \" counter(pages);"
	"font:8pt sans-serif;color:#5d6878}}\n"
	"@media print{:root{color-scheme:light;--ink:#1c2430;--soft:#4a5463;--line:#c9d0d9;"
	"--page:#fff;--card:#fff;--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00}"
	"body{padding:0;max-width:none;font-size:9.5pt;print-color-adjust:exact}"
	"label{display:none}section{border:0;padding:0;margin:0 0 8mm}"
	"h1{font-size:16pt;border-bottom:2pt solid var(--ink);padding-bottom:2mm}"
	"h1,h2,summary{break-after:avoid}h2{font-size:12pt}.record{font-size:8pt}"
	"ul{margin-top:2mm}li{break-inside:avoid;padding:1.5mm 0}p{orphans:2;widows:2}}\n"
	"</style>\n";

void
findings_begin_html(struct findings_writer *w)
{
	static const struct {
		const char *class, *words;
		bool ticked;
	} boxes[] = {
		{"critical", "critical", true},
		{"high", "high", true},
		{"medium", "medium", true},
		{"low", "low", true},
		{"info", "info", true},
		{"pass", "pass", false},
		{"not_measured", "not measured", true},
	};
	gp_buf_put_str(w->out, page_begin);
	gp_buf_printf(w->out, "<title>%s</title>\n", w->command);
	gp_buf_put_str(w->out, page_style);
	gp_buf_printf(w->out, "</head>\n<body>\n<h1>%s</h1>\n", w->command);
	for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++)
		gp_buf_printf(w->out, "<label><input type=\"checkbox\" id=\"%s\"%s> %s</label>\n",
			      boxes[i].class, boxes[i].ticked ? " checked" : "", boxes[i].words);
	gp_buf_put_str(w->out, "<main>\n");
}

static void
put_line(struct gp_buf *out, const char *class, struct gp_slice text)
{
	if (text.len == 0)
		return;
	gp_buf_printf(out, "<p class=\"%s\">", class);
	gp_markup_put(out, text);
	gp_buf_put_str(out, "</p>");
}

static void
put_item(const struct findings_part *p, const struct gp_finding *f)
{
	struct gp_buf *out = p->w->out;
	const char *word = f->state == GP_FINDING_FAIL ? gp_severity_name(f->severity)
						       : gp_finding_state_name(f->state);
	gp_buf_printf(out, "<li class=\"%s\"><span class=\"tag\">%s</span> <b>", word,
		      f->state == GP_FINDING_NOT_MEASURED ? "not measured" : word);
	put_str(out, f->kind->title);
	gp_buf_printf(out, "</b> <span class=\"soft\">%s</span>", f->kind->id);
	put_line(out, "evidence", gp_visible(f->evidence, p->arena));
	put_line(out, "soft", gp_slice_str(f->kind->why));
	put_line(out, "fix", findings_lines(f->fix, p->arena));
	for (size_t i = 0; i < f->records_len; i++) {
		const struct gp_finding_record *r = &f->records[i];
		struct gp_slice text =
			gp_arena_printf(p->arena, "%.*s %s %.*s", GP_SLICE_FMT(r->name), r->type,
					GP_SLICE_FMT(r->value));
		put_line(out, "record", gp_visible(text, p->arena));
	}
	gp_buf_put_str(out, "</li>\n");
}

/* The first line is the summary, and all that there may be. */
static void
put_details(const struct findings_part *p, struct gp_slice rest)
{
	struct gp_buf *out = p->w->out;
	struct gp_slice first = gp_visible(gp_slice_cut(&rest, '\n'), p->arena);
	if (rest.len == 0) {
		put_line(out, "soft", first);
		return;
	}
	gp_buf_put_str(out, "<details><summary>");
	gp_markup_put(out, first);
	gp_buf_put_str(out, "</summary><pre>");
	while (rest.len > 0) {
		gp_markup_put(out, gp_visible(gp_slice_cut(&rest, '\n'), p->arena));
		gp_buf_put_char(out, '\n');
	}
	gp_buf_put_str(out, "</pre></details>");
}

void
findings_put_html(const struct findings_part *p)
{
	struct gp_buf *out = p->w->out;
	gp_buf_put_str(out, "<section><h2>");
	gp_markup_put(out, p->subject);
	gp_buf_put_str(out, "</h2>");
	put_details(p, p->w->details);
	gp_buf_put_str(out, "<ul>\n");
	findings_each(p, put_item);
	gp_buf_put_str(out, "</ul></section>\n");
}
