/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost headers --html: one page that needs nothing else. It loads nothing and runs nothing, as
 * its policy says; all text of the message goes through put_text, which escapes it.
 */
#include "cli/headers/headers.h"
#include "cli/markup.h"
#include "core/message/date.h"

static const char page_begin[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>Header analysis</title>\n<style>\n"
	":root{--ink:#1c2430;--soft:#5d6878;--line:#dde2e9;--page:#f5f6f8;--card:#fff;"
	"--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00;--bar:#5b8fd6}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333c48;"
	"--page:#14181e;--card:#1c222b;--good:#58c48c;--bad:#ff8a80;--warn:#f0b95a;"
	"--bar:#6ea3ee}}\n"
	"*{box-sizing:border-box}body{margin:0;padding:2rem 1rem;background:var(--page);"
	"color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n"
	"article{max-width:80rem;margin:0 auto 2rem;background:var(--card);border:1px solid "
	"var(--line);border-radius:10px;padding:1.5rem 2rem}\n"
	"h1{font-size:1.5rem;margin:0}h2{font-size:.85rem;letter-spacing:.06em;"
	"text-transform:uppercase;color:var(--soft);margin:2rem 0 .5rem}\n"
	".file{color:var(--soft);margin:0}.good{color:var(--good)}.bad{color:var(--bad)}"
	".warn{color:var(--warn)}.soft{color:var(--soft)}\n"
	"ol.reasons{margin:.5rem 0 0;padding-left:1.2rem;overflow-wrap:anywhere}\n"
	"table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
	"padding:.35rem .8rem .35rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}\n"
	"th{font-weight:600;color:var(--soft);border-top:0;white-space:nowrap}"
	"td.s{white-space:nowrap}td.n{text-align:right;white-space:nowrap;font-variant-numeric:"
	"tabular-nums}\n"
	"td.d{white-space:nowrap;font-variant-numeric:tabular-nums}td.h{min-width:18rem}"
	"td.w{min-width:12.5rem}td.h span,td.w span{color:var(--soft);font-size:.9rem}\n"
	"tr.claimed td{color:var(--soft)}tr.edge td{border-top:2px dashed var(--warn);"
	"color:var(--warn);font-size:.9rem}\n"
	"svg{display:block}rect.ok{fill:var(--bar)}rect.late{fill:var(--warn)}"
	"rect.back{fill:var(--bad)}\n"
	".tag{display:inline-block;min-width:4.5rem;font-size:.8rem;font-weight:600}\n"
	"dl{display:grid;grid-template-columns:8rem 1fr;gap:.2rem 1rem;margin:0}"
	"dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n"
	"ul{list-style:none;margin:0;padding:0}li.f{padding:.4rem 0;border-top:1px solid "
	"var(--line);overflow-wrap:anywhere}\n"
	/* On a small screen a hop is a paragraph. */
	"@media(max-width:46rem){body{padding:.5rem}article{padding:1rem}"
	"dl{grid-template-columns:6rem 1fr}.path tr:first-child{display:none}"
	".path tr{display:flex;flex-wrap:wrap;gap:0 .8rem;padding:.5rem 0;border-top:1px solid "
	"var(--line)}.path td{border:0;padding:0;min-width:0}.path td.h,.path td.w{flex:0 0 100%}"
	".path td.d br{display:none}}\n"
	"@media print{body{background:none;padding:0}article{border:0}}\n"
	"</style>\n</head>\n<body>\n";

struct page {
	struct gp_buf *out;
	const struct headers_view *view;
};

void
headers_begin_html(struct gp_buf *out)
{
	gp_buf_put_str(out, page_begin);
}

void
headers_end_html(struct gp_buf *out)
{
	gp_buf_put_str(out, "</body>\n</html>\n");
}

static void
put(struct page *p, const char *markup)
{
	gp_buf_put_str(p->out, markup);
}

/* The only way for text into the page. */
static void
put_text(struct page *p, struct gp_slice text)
{
	gp_markup_put(p->out, headers_visible(p->view, text));
}

static void
put_str(struct page *p, const char *text)
{
	put_text(p, gp_slice_str(text));
}

/* The same, which may break behind dots rather than anywhere. */
static void
put_host(struct page *p, struct gp_slice text)
{
	while (gp_slice_find(text, '.') >= 0) {
		put_text(p, gp_slice_cut(&text, '.'));
		put(p, ".<wbr>");
	}
	put_text(p, text);
}

static const char *
verdict_class(uint8_t verdict)
{
	static const char *const classes[] = {
		[GP_VERDICT_UNKNOWN] = "warn",
		[GP_VERDICT_AUTHENTIC] = "good",
		[GP_VERDICT_AUTHENTIC_FORWARDED] = "good",
		[GP_VERDICT_UNAUTHENTICATED] = "warn",
		[GP_VERDICT_SPOOFED] = "bad",
		[GP_VERDICT_LOOKALIKE] = "bad",
		[GP_VERDICT_COMPROMISED] = "bad",
	};
	return classes[verdict];
}

static void
write_verdict(struct page *p)
{
	const struct gp_headers *h = p->view->found;
	put(p, "<p class=\"file\">");
	put_str(p, p->view->file);
	gp_buf_printf(p->out, "</p>\n<h1 class=\"%s\">", verdict_class(h->verdict));
	put_str(p, gp_verdict_name(h->verdict));
	put(p, "</h1>\n<ol class=\"reasons\">\n");
	for (size_t i = 0; i < h->reasons_len; i++) {
		put(p, "<li>");
		put_text(p, h->reasons[i]);
		put(p, "</li>\n");
	}
	put(p, "</ol>\n");
}

/* --- identities --- */

static void
write_pair(struct page *p, const char *name, struct gp_slice text)
{
	if (text.len == 0)
		return;
	put(p, "<dt>");
	put_str(p, name);
	put(p, "</dt><dd>");
	put_host(p, text);
	put(p, "</dd>\n");
}

static void
write_identity(struct page *p, const char *name, const struct gp_identity *id)
{
	write_pair(p, name, id->text);
	if (id->shown.len > 0 && !gp_slice_eq(id->shown, id->domain))
		write_pair(p, "",
			   gp_arena_printf(p->view->arena, "%.*s is %.*s", GP_SLICE_FMT(id->shown),
					   GP_SLICE_FMT(id->domain)));
}

static void
write_identities(struct page *p)
{
	const struct gp_headers *h = p->view->found;
	put(p, "<h2>Identities</h2>\n<dl>\n");
	write_identity(p, "From", &h->identities.from);
	write_identity(p, "Sender", &h->identities.sender);
	write_identity(p, "Reply-To", &h->identities.reply_to);
	write_identity(p, "Return-Path", &h->identities.return_path);
	write_pair(p, "Message-ID", h->identities.message_id);
	write_pair(p, "Subject", h->identities.subject);
	if (h->path.date.known)
		write_pair(p, "Date",
			   gp_slice_str(gp_date_stamp((uint64_t)h->path.date.epoch_s).s));
	put(p, "</dl>\n");
}

/* --- the path --- */

static void
write_delay(struct page *p, const struct gp_path_hop *h)
{
	enum { STEP = 5, WIDTH = HEADERS_BAR_MAX * STEP };
	const char *kind = h->delay_s < 0 ? "back" : h->delay_s >= 3600 ? "late" : "ok";
	put(p, "<td class=\"d\">");
	if (h->has_delay)
		gp_buf_printf(p->out,
			      "%s<svg width=\"%d\" height=\"10\" role=\"img\" "
			      "aria-label=\"delay\">"
			      "<rect class=\"%s\" width=\"%zu\" height=\"8\" rx=\"2\"/></svg>",
			      headers_span(h->delay_s).s, WIDTH, kind, headers_bar(h) * STEP);
	put(p, "</td>");
}

/* Behind what stands in the cell already. */
static void
write_small(struct page *p, const char *what, struct gp_slice text)
{
	if (text.len == 0)
		return;
	gp_buf_printf(p->out, "<br><span>%s", what);
	put_host(p, text);
	put(p, "</span>");
}

static void
write_hosts(struct page *p, const struct gp_hop *hop)
{
	put(p, "<td class=\"h\">");
	put_host(p, hop->understood ? hop->by : gp_slice_take(hop->value, 200));
	write_small(p, "from ", headers_client(p->view, hop));
	write_small(p, "id ", hop->id);
	put(p, "</td><td class=\"w\">");
	put_text(p, hop->with);
	write_small(p, "", headers_tls(p->view, hop));
	put(p, "</td>");
}

/* Day and time below each other. */
static void
write_time(struct page *p, const struct gp_when *when)
{
	struct gp_slice time = gp_slice("", 0), day = GP_SLICE("unknown");
	struct gp_date_text stamp;
	if (when->known) {
		stamp = gp_date_stamp((uint64_t)when->epoch_s);
		time = gp_slice_str(stamp.s);
		day = gp_slice_cut(&time, 'T');
	}
	put(p, "<td class=\"d\">");
	put_text(p, day);
	put(p, " <br>");
	put_text(p, time);
	put(p, "</td>");
}

static void
write_hop(struct page *p, size_t i)
{
	const struct gp_path_hop *h = &p->view->found->path.hops[i];
	gp_buf_printf(p->out, "<tr class=\"%s\"><td class=\"n\">%zu</td>",
		      h->trusted ? "ours" : "claimed", i + 1);
	write_delay(p, h);
	write_hosts(p, &h->hop);
	write_time(p, &h->hop.when);
	gp_buf_printf(p->out, "<td class=\"s\">%s</td></tr>\n", h->trusted ? "ours" : "claimed");
}

static void
write_boundary(struct page *p)
{
	const struct gp_path *path = &p->view->found->path;
	struct gp_slice client = headers_client(p->view, &path->hops[path->boundary].hop);
	put(p, "<tr class=\"edge\"><td colspan=\"6\">It came in from ");
	put_text(p, client.len > 0 ? client : GP_SLICE("the host itself"));
	put(p, "; what is above anybody may have written");
	put(p, path->assumed ? " (which hosts are ours is assumed)</td></tr>\n" : "</td></tr>\n");
}

static void
write_path(struct page *p)
{
	const struct gp_path *path = &p->view->found->path;
	put(p, "<h2>Path</h2>\n<table class=\"path\">\n<tr><th></th><th>delay</th><th>host</th>"
	       "<th>with</th><th>time</th><th></th></tr>\n");
	for (size_t i = 0; i < path->len; i++) {
		if (path->boundary == (int)i)
			write_boundary(p);
		write_hop(p, i);
	}
	if (path->boundary < 0)
		put(p, "<tr class=\"edge\"><td colspan=\"6\">No hop is ours: all of it anybody "
		       "may have written</td></tr>\n");
	put(p, "</table>\n");
	if (path->more > 0)
		gp_buf_printf(p->out, "<p class=\"soft\">%zu older hops are not shown.</p>\n",
			      path->more);
	if (path->has_total && path->len > 1)
		gp_buf_printf(p->out, "<p class=\"soft\">%s in all</p>\n",
			      headers_span(path->total_s).s);
}

/* --- the rest --- */

static const char *
result_class(struct gp_slice result)
{
	if (gp_slice_eq(result, GP_SLICE("pass")))
		return "good";
	return gp_slice_eq(result, GP_SLICE("fail")) ? "bad" : "warn";
}

static void
write_verified(struct page *p)
{
	const char *nothing = p->view->verification->nothing;
	bool before = p->view->found->verified_before;
	size_t len;
	const struct headers_verified_line *lines = headers_verified_lines(p->view, &len);
	gp_buf_printf(p->out, "<h2>%s</h2>\n<dl>\n", headers_verified_title(p->view));
	for (size_t i = 0; i < len && (before || !nothing); i++) {
		const struct headers_verified_line *l = &lines[i];
		gp_buf_printf(p->out, "<dt>%s</dt><dd><b class=\"%s\">", l->method,
			      result_class(l->result));
		put_text(p, l->result);
		put(p, "</b> ");
		put_text(p, l->because);
		put(p, "</dd>\n");
	}
	put(p, "</dl>\n");
	if (!nothing)
		return;
	put(p, before ? "<p class=\"soft\">Not verified now: " : "<p class=\"soft\">Nothing: ");
	put_str(p, nothing);
	put(p, "</p>\n");
}

static void
write_claims(struct page *p)
{
	const struct gp_claims *c = &p->view->found->claims;
	if (c->len == 0)
		return;
	put(p, "<h2>What others say</h2>\n<table>\n");
	for (size_t i = 0; i < c->len; i++) {
		const struct gp_claim *claim = &c->items[i];
		put(p, claim->trusted ? "<tr>" : "<tr class=\"claimed\">");
		gp_buf_printf(p->out, "<td class=\"s\">%s</td>", claim->product);
		put(p, claim->leaning == GP_CLAIM_SPAM ? "<td class=\"bad\">" : "<td>");
		put_text(p, claim->text);
		put(p, "</td>");
		gp_buf_printf(p->out, "<td class=\"s\">%s</td></tr>\n",
			      claim->trusted ? "ours" : "claimed");
	}
	put(p, "</table>\n");
}

static void
write_finding(struct page *p, const struct gp_finding *f)
{
	const char *kind = f->severity >= GP_SEVERITY_HIGH     ? "bad"
			   : f->severity == GP_SEVERITY_MEDIUM ? "warn"
							       : "soft";
	gp_buf_printf(p->out, "<li class=\"f\"><span class=\"tag %s\">%s</span> <b>", kind,
		      gp_severity_name(f->severity));
	put_str(p, f->kind->title);
	put(p, "</b>: ");
	put_text(p, f->evidence);
	put(p, "<br><span class=\"soft\">");
	put_str(p, f->kind->why);
	put(p, "</span></li>\n");
}

static void
write_findings(struct page *p)
{
	const struct gp_findings *all = &p->view->found->findings;
	put(p, "<h2>Findings</h2>\n<ul>\n");
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		for (size_t i = 0; i < all->len; i++) {
			if (all->items[i].severity == severity)
				write_finding(p, &all->items[i]);
		}
	}
	put(p, "</ul>\n");
}

void
headers_write_html(struct gp_buf *out, const struct headers_view *view)
{
	struct page p = {out, view};
	put(&p, "<article>\n");
	write_verdict(&p);
	write_identities(&p);
	write_path(&p);
	write_verified(&p);
	write_claims(&p);
	write_findings(&p);
	put(&p, "</article>\n");
}
