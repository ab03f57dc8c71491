/* SPDX-License-Identifier: Apache-2.0 */
/* A page of headings, sentences and tables, as plain text or as HTML: said once, for both. Whatever
 * is said is text and never markup; it has no controls in it. */
#pragma once

#include "base/buf.h"

enum { WEEKLY_COLUMNS_MAX = 6 };

struct weekly_page {
	struct gp_buf *out; /* latches what fails */
	bool html;
	size_t columns; /* of the table that is being written */
};

struct weekly_page
weekly_page_begin(struct gp_buf *out, bool html, struct gp_slice title);
void
weekly_page_end(struct weekly_page *p);
void
weekly_page_heading(struct weekly_page *p, struct gp_slice text);
/* One sentence or more. */
[[gnu::format(printf, 2, 3)]] void
weekly_page_say(struct weekly_page *p, const char *fmt, ...);

/* The first column is wide and has names, the others have figures and words. */
void
weekly_page_table(struct weekly_page *p, const char *const *heads, size_t columns);
/* As many cells as there are columns. */
void
weekly_page_row(struct weekly_page *p, const struct gp_slice *cells);
void
weekly_page_table_end(struct weekly_page *p);
