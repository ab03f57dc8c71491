/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of findings_*.c tell each other. */
#pragma once

#include "cli/findings/findings.h"

/* One subject on its way out; its name is visible already. */
struct findings_part {
	struct findings_writer *w;
	struct gp_slice subject;
	const struct gp_findings *list;
	struct gp_arena *arena;
};

/* What is wrong first, then what nobody can say, then what is well; of each the gravest first. */
void
findings_each(const struct findings_part *p,
	      void (*put)(const struct findings_part *p, const struct gp_finding *f));

void
findings_put_csv(const struct findings_part *p);
void
findings_put_markdown(const struct findings_part *p);
int
findings_put_json(const struct findings_part *p);
int
findings_put_sarif(const struct findings_part *p);
int
findings_end_sarif(struct findings_writer *w);
void
findings_put_junit(const struct findings_part *p);
void
findings_begin_html(struct findings_writer *w);
void
findings_put_html(const struct findings_part *p);
