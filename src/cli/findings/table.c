/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as rows: CSV and Markdown. */
#include "cli/csv.h"
#include "cli/findings/parts.h"
#include "core/identity/visible.h"

/* --- CSV --- */

/* Lines of "name type value". */
static struct gp_slice
records_of(const struct gp_finding *f, struct gp_arena *arena)
{
	struct gp_slice all = gp_slice("", 0);
	for (size_t i = 0; i < f->records_len; i++) {
		const struct gp_finding_record *r = &f->records[i];
		struct gp_slice name = gp_visible(r->name, arena);
		struct gp_slice value = gp_visible(r->value, arena);
		all = gp_arena_printf(arena, "%.*s%s%.*s %s %.*s", GP_SLICE_FMT(all),
				      i > 0 ? "\n" : "", GP_SLICE_FMT(name), r->type,
				      GP_SLICE_FMT(value));
	}
	return all;
}

void
findings_put_csv(const struct findings_part *p)
{
	struct gp_buf *out = p->w->out;
	for (size_t i = 0; i < p->list->len; i++) {
		const struct gp_finding *f = &p->list->items[i];
		gp_csv_put(out, p->subject, ",");
		gp_csv_put(out, gp_slice_str(f->kind->id), ",");
		gp_csv_put(out, gp_slice_str(gp_severity_name(f->severity)), ",");
		gp_csv_put(out, gp_slice_str(gp_finding_state_name(f->state)), ",");
		gp_csv_put(out, gp_slice_str(f->kind->title), ",");
		gp_csv_put(out, gp_visible(f->evidence, p->arena), ",");
		gp_csv_put(out, findings_lines(f->fix, p->arena), ",");
		gp_csv_put(out, records_of(f, p->arena), "\r\n");
	}
}

/* --- Markdown --- */

/* No octet of the text is markup, a link or a mention: each sign is escaped, "@" and what HTML is
   made of as entities. */
static void
put_cell(struct gp_buf *out, struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '\n')
			gp_buf_put_str(out, "<br>");
		else if (gp_slice_find(GP_SLICE("&<>@"), c) >= 0)
			gp_buf_printf(out, "&#%d;", c);
		else if (gp_slice_find(GP_SLICE("!\"#$%'()*+-.:;=?[\\]^_`{|}~/"), c) >= 0)
			gp_buf_printf(out, "\\%c", c);
		else
			gp_buf_put_char(out, c);
	}
	gp_buf_put_str(out, " |");
}

void
findings_put_markdown(const struct findings_part *p)
{
	struct gp_buf *out = p->w->out;
	for (size_t i = 0; i < p->list->len; i++) {
		const struct gp_finding *f = &p->list->items[i];
		if (f->state == GP_FINDING_PASS)
			continue;
		gp_buf_printf(out, "| %s | ",
			      f->state == GP_FINDING_FAIL ? gp_severity_name(f->severity)
							  : "not measured");
		put_cell(out, p->subject);
		gp_buf_put_char(out, ' ');
		put_cell(out, gp_slice_str(f->kind->title));
		gp_buf_put_char(out, ' ');
		put_cell(out, gp_visible(f->evidence, p->arena));
		gp_buf_put_char(out, ' ');
		put_cell(out, findings_lines(f->fix, p->arena));
		gp_buf_put_char(out, '\n');
	}
}
