/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as JSON: a line a subject, and SARIF 2.1.0 (the OASIS standard). */
#include <errno.h>

#include "cli/findings/parts.h"
#include "core/identity/visible.h"

static json_t *
string(struct gp_slice s)
{
	return json_stringn(s.ptr ? s.ptr : "", s.len);
}

static int
put_piece(const char *ptr, size_t len, void *data)
{
	return gp_buf_put((struct gp_buf *)data, gp_slice(ptr, len)) ? 0 : -1;
}

/* Takes the value, which may be NULL: no memory. */
static int
put_json(struct gp_buf *out, json_t *value)
{
	int r = value ? json_dump_callback(value, put_piece, out, JSON_COMPACT) : -1;
	json_decref(value);
	return r == 0 ? 0 : -ENOMEM;
}

static json_t *
records_json(const struct gp_finding *f, struct gp_arena *arena)
{
	json_t *all = json_array();
	for (size_t i = 0; i < f->records_len; i++) {
		const struct gp_finding_record *r = &f->records[i];
		json_array_append_new(all,
				      json_pack("{s:o, s:s, s:o}", "name",
						string(gp_visible(r->name, arena)), "type", r->type,
						"value", string(gp_visible(r->value, arena))));
	}
	return all;
}

static json_t *
finding_json(const struct gp_finding *f, struct gp_arena *arena)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "id", f->kind->id, "severity",
			 gp_severity_name(f->severity), "state", gp_finding_state_name(f->state),
			 "title", f->kind->title, "evidence",
			 string(gp_visible(f->evidence, arena)), "why", f->kind->why, "fix",
			 string(findings_lines(f->fix, arena)), "records", records_json(f, arena));
}

json_t *
findings_json(const struct gp_findings *list, struct gp_arena *arena)
{
	const struct gp_findings whole = findings_whole(list, arena);
	json_t *all = json_array();
	for (size_t i = 0; i < whole.len; i++) {
		if (json_array_append_new(all, finding_json(&whole.items[i], arena)) != 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

int
findings_put_json(const struct findings_part *p)
{
	int r = put_json(p->w->out, json_pack("{s:o, s:o}", p->w->key, string(p->subject),
					      "findings", findings_json(p->list, p->arena)));
	gp_buf_put_char(p->w->out, '\n');
	return r;
}

/* --- SARIF --- */

/* 3.27.10: a result that does not fail has no level. */
static const char *
level_of(uint8_t state, uint8_t severity)
{
	if (state != GP_FINDING_FAIL)
		return "none";
	if (severity >= GP_SEVERITY_HIGH)
		return "error";
	return severity == GP_SEVERITY_MEDIUM ? "warning" : "note";
}

/* 3.27.9: "open" is what could not be decided. */
static const char *
kind_of(uint8_t state)
{
	static const char *const kinds[] = {
		[GP_FINDING_FAIL] = "fail",
		[GP_FINDING_PASS] = "pass",
		[GP_FINDING_NOT_MEASURED] = "open",
	};
	return kinds[state];
}

/* The rule's place among those that findings_end_sarif describes; -1: there are too many. */
static int
rule_index(struct findings_writer *w, const struct gp_finding_kind *kind)
{
	for (size_t i = 0; i < w->kinds_len; i++) {
		if (gp_slice_eq(gp_slice_str(w->kinds[i]->id), gp_slice_str(kind->id)))
			return (int)i;
	}
	if (w->kinds_len == FINDINGS_KINDS_MAX)
		return -1;
	w->kinds[w->kinds_len] = kind;
	return (int)w->kinds_len++;
}

/* Which of its kind on this subject: evidence changes from day to day, the finding is the same. */
static size_t
ordinal_of(const struct gp_findings *list, size_t index)
{
	size_t n = 1;
	for (size_t i = 0; i < index; i++)
		n += list->items[i].kind == list->items[index].kind;
	return n;
}

static json_t *
result_json(const struct findings_part *p, size_t index)
{
	const struct gp_finding *f = &p->list->items[index];
	struct gp_slice shown = gp_visible(f->evidence, p->arena);
	struct gp_slice message =
		gp_arena_printf(p->arena, "%.*s: %s%s%.*s", GP_SLICE_FMT(p->subject),
				f->kind->title, shown.len > 0 ? ": " : "", GP_SLICE_FMT(shown));
	struct gp_slice print = gp_arena_printf(p->arena, "%.*s/%s/%zu", GP_SLICE_FMT(p->subject),
						f->kind->id, ordinal_of(p->list, index));
	return json_pack(
		"{s:s, s:i, s:s, s:s, s:{s:o}, s:[{s:[{s:o, s:s}]}], s:{s:o}, "
		"s:{s:s, s:o, s:o}}",
		"ruleId", f->kind->id, "ruleIndex", rule_index(p->w, f->kind), "kind",
		kind_of(f->state), "level", level_of(f->state, f->severity), "message", "text",
		string(message), "locations", "logicalLocations", "fullyQualifiedName",
		string(p->subject), "kind", "resource", "partialFingerprints", "gatepost/v1",
		string(print), "properties", "severity", gp_severity_name(f->severity), "fix",
		string(findings_lines(f->fix, p->arena)), "records", records_json(f, p->arena));
}

int
findings_put_sarif(const struct findings_part *p)
{
	for (size_t i = 0; i < p->list->len; i++) {
		gp_buf_put_str(p->w->out, p->w->results++ > 0 ? ",\n" : "\n");
		int r = put_json(p->w->out, result_json(p, i));
		if (r < 0)
			return r;
	}
	return 0;
}

static json_t *
rule_json(const struct gp_finding_kind *kind)
{
	return json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}}", "id", kind->id, "shortDescription",
			 "text", kind->title, "fullDescription", "text", kind->why,
			 "defaultConfiguration", "level",
			 level_of(GP_FINDING_FAIL, kind->severity));
}

int
findings_end_sarif(struct findings_writer *w)
{
	gp_buf_put_str(w->out, "\n],\"tool\":{\"driver\":{\"name\":\"Gatepost\",\"rules\":[");
	for (size_t i = 0; i < w->kinds_len; i++) {
		gp_buf_put_str(w->out, i > 0 ? ",\n" : "\n");
		int r = put_json(w->out, rule_json(w->kinds[i]));
		if (r < 0)
			return r;
	}
	gp_buf_put_str(w->out, "\n]}}}]}\n");
	return 0;
}
