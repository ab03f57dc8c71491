/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a domain as lines of text. */
#pragma once

#include "../unit.h"

#include "auditdb/changes.h"

enum { MOST = 8 };

struct world {
	struct audit_kept kept[MOST];
	struct audit_fact facts[MOST];
	struct audit_look look;
};

/* "fail high spf.all x; pass low mx.null y; =dmarc.p none" */
static inline void
read_world(const char *text, struct world *w)
{
	struct gp_slice rest = gp_slice_str(text);
	*w = (struct world){};
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_trim(gp_slice_cut(&rest, ';'));
		struct gp_slice first = gp_slice_cut(&line, ' ');
		if (first.ptr[0] == '=') {
			w->facts[w->look.facts_len++] =
				(struct audit_fact){gp_slice_drop(first, 1), line};
			continue;
		}
		struct audit_kept *k = &w->kept[w->look.findings_len++];
		while (!gp_slice_eq(first, gp_slice_str(gp_finding_state_name(k->state))))
			k->state++;
		struct gp_slice severity = gp_slice_cut(&line, ' ');
		while (!gp_slice_eq(severity, gp_slice_str(gp_severity_name(k->severity))))
			k->severity++;
		k->id = gp_slice_cut(&line, ' ');
		k->evidence = k->hash = line;
	}
	w->look.findings = w->kept;
	w->look.facts = w->facts;
}
