/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/weekly_page.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/markup.h"
#include "cli/reports/words.h"

enum {
	SENTENCES_MAX = 1024, /* octets; what is said has no long names in it */
	/* Columns of the text, which a mail of plain text has room for (RFC 5322 section 2.1.1). */
	TEXT_WIDTH = 78,
	INDENT = 2,
	CELL_WIDTH = 10,
	NAME_WIDTH = TEXT_WIDTH - INDENT - (WEEKLY_COLUMNS_MAX - 1) * (1 + CELL_WIDTH),
};

/* Mail readers ignore style sheets, mostly, so styles stand where they are used. */
static const char cell_style[] = "padding:3px 14px 3px 0;text-align:";

static void
put(struct weekly_page *p, struct gp_slice text)
{
	if (p->html)
		gp_markup_put(p->out, text);
	else
		gp_buf_put(p->out, text);
}

struct weekly_page
weekly_page_begin(struct gp_buf *out, bool html, struct gp_slice title)
{
	struct weekly_page p = {.out = out, .html = html};
	if (html)
		gp_buf_put_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
				    "<meta charset=\"utf-8\"><title>");
	put(&p, title);
	if (!html) {
		gp_buf_put_str(out, "\n");
		return p;
	}
	gp_buf_put_str(out, "</title></head>\n<body style=\"font-family:sans-serif;"
			    "max-width:52em;line-height:1.4\">\n<h1 style=\"font-size:1.4em\">");
	put(&p, title);
	gp_buf_put_str(out, "</h1>\n");
	return p;
}

void
weekly_page_end(struct weekly_page *p)
{
	if (p->html)
		gp_buf_put_str(p->out, "</body></html>\n");
}

void
weekly_page_heading(struct weekly_page *p, struct gp_slice text)
{
	gp_buf_put_str(p->out, p->html ? "<h2 style=\"font-size:1.1em\">" : "\n");
	put(p, text);
	gp_buf_put_str(p->out, p->html ? "</h2>\n" : "\n");
}

void
weekly_page_say(struct weekly_page *p, const char *fmt, ...)
{
	char text[SENTENCES_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct gp_slice rest = gp_slice_str(text);
	if (p->html) {
		gp_buf_put_str(p->out, "<p>");
		put(p, rest);
		gp_buf_put_str(p->out, "</p>\n");
		return;
	}
	while (rest.len > 0) {
		struct gp_slice line = reports_cut_line(&rest, TEXT_WIDTH - INDENT);
		gp_buf_printf(p->out, "%*s%.*s\n", INDENT, "", GP_SLICE_FMT(line));
	}
}

/* A name that is too long has a line of its own. */
static void
put_text_cell(struct weekly_page *p, size_t column, struct gp_slice text)
{
	if (column > 0) {
		gp_buf_printf(p->out, " %*.*s", CELL_WIDTH, GP_SLICE_FMT(text));
		return;
	}
	gp_buf_printf(p->out, "%*s%-*.*s", INDENT, "", NAME_WIDTH, GP_SLICE_FMT(text));
	if (text.len > NAME_WIDTH)
		gp_buf_printf(p->out, "\n%*s", INDENT + NAME_WIDTH, "");
}

/* A cell of text, or one of HTML of that kind. */
static void
put_cell(struct weekly_page *p, size_t column, const char *kind, struct gp_slice text)
{
	if (p->html) {
		gp_buf_printf(p->out, "<%s style=\"%s%s\">", kind, cell_style,
			      column == 0 ? "left" : "right");
		put(p, text);
		gp_buf_printf(p->out, "</%s>", kind);
	} else {
		put_text_cell(p, column, text);
	}
}

static void
put_row(struct weekly_page *p, const char *kind, const struct gp_slice *cells)
{
	gp_buf_put_str(p->out, p->html ? "<tr>" : "");
	for (size_t i = 0; i < p->columns; i++)
		put_cell(p, i, kind, cells[i]);
	gp_buf_put_str(p->out, p->html ? "</tr>\n" : "\n");
}

void
weekly_page_table(struct weekly_page *p, const char *const *heads, size_t columns)
{
	struct gp_slice cells[WEEKLY_COLUMNS_MAX];
	gp_assert(columns > 0 && columns <= WEEKLY_COLUMNS_MAX);
	for (size_t i = 0; i < columns; i++)
		cells[i] = gp_slice_str(heads[i]);
	p->columns = columns;
	gp_buf_put_str(p->out, p->html ? "<table style=\"border-collapse:collapse\">\n" : "\n");
	put_row(p, "th", cells);
}

void
weekly_page_row(struct weekly_page *p, const struct gp_slice *cells)
{
	put_row(p, "td", cells);
}

void
weekly_page_table_end(struct weekly_page *p)
{
	gp_buf_put_str(p->out, p->html ? "</table>\n" : "\n");
}
