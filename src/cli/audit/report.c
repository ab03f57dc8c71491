/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/report.h"

#include <errno.h>

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

static int
write_json(struct findings_writer *w, const struct gp_posture_result *r,
	   const struct audit_judged *judged, struct gp_arena *arena)
{
	const struct gp_posture_facts *f = &r->facts;
	json_t *o = json_pack("{s:s%, s:s, s:o, s:o}", "domain", f->domain.ptr, f->domain.len,
			      "class", gp_posture_class_name(f->class), "findings",
			      findings_json(&r->findings, arena), "baselines",
			      audit_baselines_json(judged, arena));
	bool good = o && json_dump_callback(o, put_piece, w->out, JSON_COMPACT) == 0;
	json_decref(o);
	return good && gp_buf_put_char(w->out, '\n') ? 0 : -ENOMEM;
}

int
audit_report_write(struct findings_writer *w, const struct gp_posture_result *r,
		   const struct audit_judged *judged, struct gp_arena *arena)
{
	struct gp_slice subject = r->facts.domain;
	if (w->format == FINDINGS_JSON)
		return write_json(w, r, judged, arena);
	if (w->format != FINDINGS_TEXT) {
		struct gp_findings all = audit_baselines_findings(judged, &r->findings, arena);
		return findings_write(w, subject, &all, arena);
	}
	subject = gp_arena_printf(arena, "%.*s (%s)", GP_SLICE_FMT(subject),
				  gp_posture_class_name(r->facts.class));
	int rc = findings_write(w, subject, &r->findings, arena);
	audit_baselines_text(judged, arena, w->out);
	return rc < 0 || arena->failed || w->out->failed ? -ENOMEM : 0;
}
