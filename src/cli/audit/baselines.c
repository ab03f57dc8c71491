/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/baselines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message_file.h"
#include "core/identity/visible.h"

enum { FILE_MAX = 1 << 20 };

/* --- reading --- */

static const struct gp_baseline_file *
find_shipped(const char *name)
{
	for (size_t i = 0; i < gp_baseline_files_len; i++) {
		if (strcmp(gp_baseline_files[i].name, name) == 0)
			return &gp_baseline_files[i];
	}
	return NULL;
}

static int
no_such_name(const char *name)
{
	fprintf(stderr, "gatepost audit: --baseline %s: no file, and none of", name);
	for (size_t i = 0; i < gp_baseline_files_len; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", gp_baseline_files[i].name);
	fputs("\n", stderr);
	return GP_EXIT_USAGE;
}

static int
read_file(const char *path, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_buf text = GP_BUF_INIT(FILE_MAX);
	int r = gp_message_read(path, &text);
	*ret = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	if (r == -ENOENT && !strchr(path, '/'))
		return no_such_name(path);
	if (r == 0 && !ret->ptr)
		r = -ENOMEM;
	if (r == 0)
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost audit: --baseline %s: %s\n", path, strerror(-r));
	return GP_EXIT_USAGE;
}

static int
complain(const char *path, const struct gp_baseline_error *e, struct gp_arena *arena)
{
	struct gp_slice why = gp_visible(e->why, arena);
	if (e->line == 0)
		fprintf(stderr, "gatepost audit: %s: %.*s\n", path, GP_SLICE_FMT(why));
	else
		fprintf(stderr, "gatepost audit: %s:%zu: %.*s\n", path, e->line, GP_SLICE_FMT(why));
	return GP_EXIT_USAGE;
}

/* What findings of its rules are made of; they live as long as it. */
static const struct gp_finding_kind *
make_kinds(const struct gp_baseline *b, struct gp_arena *arena)
{
	struct gp_finding_kind *kinds = gp_arena_array(arena, b->len, sizeof(*kinds));
	for (size_t i = 0; kinds && i < b->len; i++) {
		const struct gp_baseline_rule *rule = &b->rules[i];
		struct gp_slice why = gp_arena_printf(arena, "%.*s: %.*s", GP_SLICE_FMT(b->title),
						      GP_SLICE_FMT(rule->section));
		kinds[i] = (struct gp_finding_kind){
			.id = gp_arena_printf(arena, "%.*s.%.*s", GP_SLICE_FMT(b->name),
					      GP_SLICE_FMT(rule->id))
				      .ptr,
			.severity = GP_SEVERITY_MEDIUM,
			.title = gp_arena_str(arena, gp_visible(rule->text, arena)),
			.why = gp_arena_str(arena, gp_visible(why, arena)),
		};
	}
	return arena->failed ? NULL : kinds;
}

static int
read_one(struct audit_baselines *all, const char *name, struct gp_arena *arena)
{
	struct gp_baseline *b = &all->list[all->len];
	struct gp_baseline_error e = {};
	const struct gp_baseline_file *shipped = find_shipped(name);
	struct gp_slice text = shipped ? shipped->text : gp_slice(NULL, 0);
	int code = shipped ? GP_EXIT_OK : read_file(name, arena, &text);
	if (code != GP_EXIT_OK)
		return code;
	int r = gp_baseline_read(text, arena, b, &e);
	if (r > 0)
		return complain(name, &e, arena);
	for (size_t i = 0; r == 0 && i < all->len; i++) {
		if (gp_slice_eq(all->list[i].name, b->name)) {
			fprintf(stderr, "gatepost audit: --baseline %s: %.*s was given before\n",
				name, GP_SLICE_FMT(b->name));
			return GP_EXIT_USAGE;
		}
	}
	all->texts[all->len] = text;
	all->kinds[all->len] = r == 0 ? make_kinds(b, arena) : NULL;
	if (!all->kinds[all->len]) {
		fprintf(stderr, "gatepost audit: %s\n", strerror(ENOMEM));
		return GP_EXIT_ERROR;
	}
	all->len++;
	return GP_EXIT_OK;
}

int
audit_baselines_read(struct audit_baselines *ret, const struct audit_options *o,
		     struct gp_arena *arena)
{
	int code = GP_EXIT_OK;
	ret->len = 0;
	for (size_t i = 0; i < o->baselines_len && code == GP_EXIT_OK; i++)
		code = read_one(ret, o->baselines[i], arena);
	return code;
}

int
audit_baselines_judge(const struct audit_baselines *baselines, const struct gp_posture_query *query,
		      const struct gp_posture_result *posture, struct gp_arena *arena,
		      struct audit_judged *ret)
{
	*ret = (struct audit_judged){.baselines = baselines};
	for (size_t i = 0; i < baselines->len; i++) {
		const struct gp_baseline *b = &baselines->list[i];
		ret->results[i] = gp_baseline_judge(b, query, posture, arena);
		if (!ret->results[i])
			return -ENOMEM;
		for (size_t k = 0; k < b->len; k++)
			ret->failed |= ret->results[i][k].outcome == GP_BASELINE_FAIL;
	}
	return 0;
}

/* --- telling --- */

static void
put_rules(const struct gp_baseline *b, const struct gp_baseline_result *results, uint8_t outcome,
	  struct gp_arena *arena, struct gp_buf *out)
{
	const char *label = outcome == GP_BASELINE_FAIL ? "fail" : "not measured";
	for (size_t i = 0; i < b->len; i++) {
		const struct gp_baseline_result *r = &results[i];
		if (r->outcome == outcome)
			gp_buf_printf(out, "  %-12s %.*s [%.*s]\n  %-12s %.*s\n", label,
				      GP_SLICE_FMT(gp_visible(r->rule->text, arena)),
				      GP_SLICE_FMT(r->rule->id), "",
				      GP_SLICE_FMT(gp_visible(r->evidence, arena)));
	}
}

void
audit_baselines_text(const struct audit_judged *judged, struct gp_arena *arena, struct gp_buf *out)
{
	for (size_t i = 0; i < judged->baselines->len; i++) {
		const struct gp_baseline *b = &judged->baselines->list[i];
		size_t n[GP_BASELINE_NOT_MEASURED + 1] = {};
		for (size_t k = 0; k < b->len; k++)
			n[judged->results[i][k].outcome]++;
		gp_buf_printf(out,
			      "  %-12s %.*s: %zu pass, %zu fail, %zu not measured, %zu not "
			      "applicable\n",
			      "baseline", GP_SLICE_FMT(b->name), n[GP_BASELINE_PASS],
			      n[GP_BASELINE_FAIL], n[GP_BASELINE_NOT_MEASURED],
			      n[GP_BASELINE_NOT_APPLICABLE]);
		put_rules(b, judged->results[i], GP_BASELINE_FAIL, arena, out);
		put_rules(b, judged->results[i], GP_BASELINE_NOT_MEASURED, arena, out);
	}
}

static json_t *
string(struct gp_slice s, struct gp_arena *arena)
{
	struct gp_slice shown = gp_visible(s, arena);
	return json_stringn(shown.ptr ? shown.ptr : "", shown.len);
}

static json_t *
rule_json(const struct gp_baseline *b, const struct gp_baseline_result *r, struct gp_arena *arena)
{
	json_t *findings = json_array();
	for (size_t i = 0; i < r->findings_len; i++)
		json_array_append_new(findings, json_string(r->findings[i]->kind->id));
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "id", string(r->rule->id, arena),
			 "text", string(r->rule->text, arena), "document",
			 string(b->document, arena), "section", string(r->rule->section, arena),
			 "result", gp_baseline_outcome_name(r->outcome), "evidence",
			 string(r->evidence, arena), "findings", findings);
}

json_t *
audit_baselines_json(const struct audit_judged *judged, struct gp_arena *arena)
{
	json_t *all = json_object();
	for (size_t i = 0; i < judged->baselines->len; i++) {
		const struct gp_baseline *b = &judged->baselines->list[i];
		json_t *rules = json_array();
		int r = 0;
		for (size_t k = 0; k < b->len && r == 0; k++)
			r = json_array_append_new(rules,
						  rule_json(b, &judged->results[i][k], arena));
		if (json_object_setn_new(all, b->name.ptr, b->name.len, rules) != 0 || r != 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

struct gp_findings
audit_baselines_findings(const struct audit_judged *judged, const struct gp_findings *list,
			 struct gp_arena *arena)
{
	static const uint8_t states[] = {
		[GP_BASELINE_PASS] = GP_FINDING_PASS,
		[GP_BASELINE_FAIL] = GP_FINDING_FAIL,
		[GP_BASELINE_NOT_MEASURED] = GP_FINDING_NOT_MEASURED,
	};
	struct gp_findings all = gp_findings(arena);
	for (size_t i = 0; i < list->len; i++)
		gp_finding_put(&all, &list->items[i]);
	all.dropped += list->dropped;
	for (size_t i = 0; i < judged->baselines->len; i++) {
		for (size_t k = 0; k < judged->baselines->list[i].len; k++) {
			const struct gp_baseline_result *r = &judged->results[i][k];
			if (r->outcome == GP_BASELINE_NOT_APPLICABLE)
				continue;
			const struct gp_finding f = {.kind = &judged->baselines->kinds[i][k],
						     .state = states[r->outcome],
						     .severity = GP_SEVERITY_MEDIUM,
						     .evidence = gp_visible(r->evidence, arena)};
			gp_finding_put(&all, &f);
		}
	}
	return all;
}
