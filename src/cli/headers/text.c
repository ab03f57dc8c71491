/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost headers, for people at a terminal. */
#include "cli/headers/headers.h"
#include "core/message/date.h"

static const char plain[] = "\033[0m", bold[] = "\033[1m", dim[] = "\033[2m", red[] = "\033[31m",
		  green[] = "\033[32m", yellow[] = "\033[33m";

struct writer {
	struct gp_buf *out;
	const struct headers_view *view;
};

static void
paint(struct writer *w, const char *colour)
{
	if (w->view->colour)
		gp_buf_put_str(w->out, colour);
}

static const char *
verdict_colour(uint8_t verdict)
{
	static const char *const colours[] = {
		[GP_VERDICT_UNKNOWN] = yellow,
		[GP_VERDICT_AUTHENTIC] = green,
		[GP_VERDICT_AUTHENTIC_FORWARDED] = green,
		[GP_VERDICT_UNAUTHENTICATED] = yellow,
		[GP_VERDICT_SPOOFED] = red,
		[GP_VERDICT_LOOKALIKE] = red,
		[GP_VERDICT_COMPROMISED] = red,
	};
	return colours[verdict];
}

static void
write_verdict(struct writer *w)
{
	const struct gp_headers *h = w->view->found;
	paint(w, bold);
	paint(w, verdict_colour(h->verdict));
	gp_buf_put_str(w->out, gp_verdict_name(h->verdict));
	paint(w, plain);
	for (size_t i = 0; i < h->reasons_len; i++)
		gp_buf_printf(w->out, "%s%.*s", i == 0 ? ": " : "; ",
			      GP_SLICE_FMT(headers_visible(w->view, h->reasons[i])));
	gp_buf_put_str(w->out, "\n");
}

static void
write_title(struct writer *w, const char *title)
{
	gp_buf_put_char(w->out, '\n');
	paint(w, bold);
	gp_buf_put_str(w->out, title);
	paint(w, plain);
	gp_buf_put_char(w->out, '\n');
}

/* --- identities --- */

static void
write_line(struct writer *w, const char *name, struct gp_slice text)
{
	if (text.len > 0)
		gp_buf_printf(w->out, "  %-12s %.*s\n", name,
			      GP_SLICE_FMT(headers_visible(w->view, text)));
}

static void
write_identity(struct writer *w, const char *name, const struct gp_identity *id)
{
	write_line(w, name, id->text);
	if (id->shown.len > 0 && !gp_slice_eq(id->shown, id->domain))
		write_line(w, "",
			   gp_arena_printf(w->view->arena, "%.*s is %.*s", GP_SLICE_FMT(id->shown),
					   GP_SLICE_FMT(id->domain)));
}

static void
write_identities(struct writer *w)
{
	const struct gp_headers *h = w->view->found;
	write_title(w, "Identities");
	write_identity(w, "From", &h->identities.from);
	write_identity(w, "Sender", &h->identities.sender);
	write_identity(w, "Reply-To", &h->identities.reply_to);
	write_identity(w, "Return-Path", &h->identities.return_path);
	write_line(w, "Message-ID", h->identities.message_id);
	write_line(w, "Subject", h->identities.subject);
	if (h->path.date.known)
		write_line(w, "Date",
			   gp_slice_str(gp_date_stamp((uint64_t)h->path.date.epoch_s).s));
}

/* --- the path --- */

static void
write_bar(struct writer *w, const struct gp_path_hop *hop)
{
	size_t len = headers_bar(hop);
	bool back = hop->has_delay && hop->delay_s < 0;
	paint(w, back ? red : hop->delay_s >= 3600 ? yellow : green);
	for (size_t i = 0; i < HEADERS_BAR_MAX; i++)
		gp_buf_put_char(w->out, i >= len ? ' ' : back ? '<' : '#');
	paint(w, plain);
}

static void
write_hop(struct writer *w, size_t i)
{
	const struct gp_path_hop *h = &w->view->found->path.hops[i];
	const struct gp_hop *hop = &h->hop;
	struct gp_slice client = headers_client(w->view, hop), tls = headers_tls(w->view, hop);
	gp_buf_printf(w->out, "%4zu %14s ", i + 1, h->has_delay ? headers_span(h->delay_s).s : "");
	write_bar(w, h);
	if (!h->trusted)
		paint(w, dim);
	if (!hop->understood)
		gp_buf_printf(
			w->out, " not understood: %.*s",
			GP_SLICE_FMT(headers_visible(w->view, gp_slice_take(hop->value, 100))));
	if (hop->by.len > 0)
		gp_buf_printf(w->out, " %.*s", GP_SLICE_FMT(headers_visible(w->view, hop->by)));
	if (client.len > 0)
		gp_buf_printf(w->out, " from %.*s", GP_SLICE_FMT(client));
	if (hop->with.len > 0)
		gp_buf_printf(w->out, ", %.*s", GP_SLICE_FMT(headers_visible(w->view, hop->with)));
	if (tls.len > 0)
		gp_buf_printf(w->out, ", %.*s", GP_SLICE_FMT(tls));
	gp_buf_put_str(w->out, h->trusted ? ", ours" : ", claimed");
	paint(w, plain);
	gp_buf_put_char(w->out, '\n');
}

static void
write_boundary(struct writer *w)
{
	const struct gp_path *p = &w->view->found->path;
	const struct gp_hop *hop = &p->hops[p->boundary].hop;
	struct gp_slice client = headers_client(w->view, hop);
	gp_buf_printf(w->out,
		      "     ---- it came in from %.*s; what is above anybody may have "
		      "written%s ----\n",
		      GP_SLICE_FMT(client.len > 0 ? client : GP_SLICE("the host itself")),
		      p->assumed ? " (which hosts are ours is assumed)" : "");
}

static void
write_path(struct writer *w)
{
	const struct gp_path *p = &w->view->found->path;
	write_title(w, "Path");
	if (p->len == 0)
		gp_buf_put_str(w->out, "  none\n");
	if (p->more > 0)
		gp_buf_printf(w->out, "  %zu older hops are not shown\n", p->more);
	for (size_t i = 0; i < p->len; i++) {
		if (p->boundary == (int)i)
			write_boundary(w);
		write_hop(w, i);
	}
	if (p->boundary < 0 && p->len > 0)
		gp_buf_put_str(w->out, "     ---- no hop is ours: all of it anybody may have "
				       "written ----\n");
	if (p->has_total && p->len > 1)
		gp_buf_printf(w->out, "  %17s in all\n", headers_span(p->total_s).s);
}

/* --- the rest --- */

static const char *
result_colour(struct gp_slice result)
{
	if (gp_slice_eq(result, GP_SLICE("pass")))
		return green;
	return gp_slice_eq(result, GP_SLICE("fail")) ? red : yellow;
}

static void
write_verified(struct writer *w)
{
	const char *nothing = w->view->verification->nothing;
	size_t len;
	const struct headers_verified_line *lines = headers_verified_lines(w->view, &len);
	write_title(w, headers_verified_title(w->view));
	if (nothing && !w->view->found->verified_before) {
		gp_buf_printf(w->out, "  nothing: %s\n", nothing);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		const struct headers_verified_line *l = &lines[i];
		gp_buf_printf(w->out, "  %-6s ", l->method);
		paint(w, result_colour(l->result));
		gp_buf_printf(w->out, "%-9.*s",
			      GP_SLICE_FMT(l->result.len > 0 ? l->result : GP_SLICE("-")));
		paint(w, plain);
		gp_buf_printf(w->out, " %.*s\n", GP_SLICE_FMT(l->because));
	}
	if (nothing)
		gp_buf_printf(w->out, "  not verified now: %s\n", nothing);
}

static void
write_claims(struct writer *w)
{
	const struct gp_claims *c = &w->view->found->claims;
	if (c->len == 0)
		return;
	write_title(w, "What others say");
	for (size_t i = 0; i < c->len; i++) {
		const struct gp_claim *claim = &c->items[i];
		bool spam = claim->leaning == GP_CLAIM_SPAM;
		gp_buf_printf(w->out, "  %s ", claim->trusted ? "ours   " : "claimed");
		paint(w, spam ? red : plain);
		gp_buf_printf(w->out, "%s: %.*s\n", claim->product, GP_SLICE_FMT(claim->text));
		paint(w, plain);
	}
	if (c->dropped > 0)
		gp_buf_printf(w->out, "  and %zu more\n", c->dropped);
}

static void
write_finding(struct writer *w, const struct gp_finding *f)
{
	const char *colour = f->severity >= GP_SEVERITY_HIGH     ? red
			     : f->severity == GP_SEVERITY_MEDIUM ? yellow
								 : dim;
	paint(w, colour);
	gp_buf_printf(w->out, "  %-8s", gp_severity_name(f->severity));
	paint(w, plain);
	gp_buf_printf(w->out, " %s: %.*s\n", f->kind->title,
		      GP_SLICE_FMT(headers_visible(w->view, f->evidence)));
	if (f->severity < GP_SEVERITY_MEDIUM)
		return;
	paint(w, dim);
	gp_buf_printf(w->out, "           %s\n", f->kind->why);
	paint(w, plain);
}

static void
write_findings(struct writer *w)
{
	const struct gp_findings *all = &w->view->found->findings;
	if (all->len == 0)
		return;
	write_title(w, "Findings");
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		for (size_t i = 0; i < all->len; i++) {
			if (all->items[i].severity == severity)
				write_finding(w, &all->items[i]);
		}
	}
	if (all->dropped > 0)
		gp_buf_printf(w->out, "  and %zu more\n", all->dropped);
}

void
headers_write_text(struct gp_buf *out, const struct headers_view *view)
{
	struct writer w = {out, view};
	write_verdict(&w);
	write_identities(&w);
	write_path(&w);
	write_verified(&w);
	write_claims(&w);
	write_findings(&w);
}
