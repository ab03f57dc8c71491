/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a format, and the one for people at a terminal. */
#include "cli/findings/findings.h"

#include <errno.h>
#include <string.h>

#include "cli/findings/parts.h"
#include "core/identity/visible.h"

int
findings_format_of(const char *name)
{
	static const char *const names[] = {
		[FINDINGS_TEXT] = "text",   [FINDINGS_JSON] = "json",
		[FINDINGS_CSV] = "csv",     [FINDINGS_MARKDOWN] = "markdown",
		[FINDINGS_SARIF] = "sarif", [FINDINGS_JUNIT] = "junit",
		[FINDINGS_HTML] = "html",
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	}
	return -1;
}

int
findings_fail_on_of(const char *name)
{
	for (int s = GP_SEVERITY_INFO; s <= GP_SEVERITY_CRITICAL; s++) {
		if (strcmp(name, gp_severity_name((uint8_t)s)) == 0)
			return s;
	}
	return strcmp(name, "never") == 0 ? FINDINGS_FAIL_NEVER : -1;
}

struct gp_slice
findings_lines(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_slice all = gp_visible(gp_slice_cut(&text, '\n'), arena);
	while (text.ptr) {
		struct gp_slice line = gp_visible(gp_slice_cut(&text, '\n'), arena);
		all = gp_arena_printf(arena, "%.*s\n%.*s", GP_SLICE_FMT(all), GP_SLICE_FMT(line));
	}
	return all;
}

const struct gp_finding_kind findings_cut = {
	GP_FINDINGS_CUT_ID, GP_SEVERITY_INFO, "More was found than is told",
	"a list has an end, so that nobody can fill it with what is read in vain"};

struct gp_findings
findings_whole(const struct gp_findings *list, struct gp_arena *arena)
{
	struct gp_findings all = *list;
	if (list->dropped == 0)
		return all;
	struct gp_finding *items = gp_arena_array(arena, list->len + 1, sizeof(*items));
	if (!items)
		return all;
	memcpy(items, list->items, list->len * sizeof(*items));
	items[all.len++] = (struct gp_finding){
		.kind = &findings_cut,
		.state = GP_FINDING_NOT_MEASURED,
		.severity = GP_SEVERITY_INFO,
		.evidence = gp_arena_printf(arena, "%zu more are not told", list->dropped)};
	all.items = items;
	all.dropped = 0;
	return all;
}

/* --- text --- */

static const char *const colours[] = {
	[GP_SEVERITY_INFO] = "\033[2m",        [GP_SEVERITY_LOW] = "\033[36m",
	[GP_SEVERITY_MEDIUM] = "\033[33m",     [GP_SEVERITY_HIGH] = "\033[31m",
	[GP_SEVERITY_CRITICAL] = "\033[1;31m",
};

static void
put_indented(struct gp_buf *out, const char *label, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		gp_buf_printf(out, "  %-12s %.*s\n", label, GP_SLICE_FMT(line));
		label = "";
	}
}

static void
put_finding(const struct findings_part *p, const struct gp_finding *f)
{
	struct gp_buf *out = p->w->out;
	gp_buf_printf(out, "  %s%-12s%s %s [%s]\n", p->w->colour ? colours[f->severity] : "",
		      gp_severity_name(f->severity), p->w->colour ? "\033[0m" : "", f->kind->title,
		      f->kind->id);
	put_indented(out, "", gp_visible(f->evidence, p->arena));
	if (f->severity >= GP_SEVERITY_MEDIUM)
		put_indented(out, "why", gp_slice_str(f->kind->why));
	put_indented(out, "fix", findings_lines(f->fix, p->arena));
	for (size_t i = 0; i < f->records_len; i++) {
		const struct gp_finding_record *r = &f->records[i];
		put_indented(
			out, "record",
			gp_visible(gp_arena_printf(p->arena, "%.*s %s %.*s", GP_SLICE_FMT(r->name),
						   r->type, GP_SLICE_FMT(r->value)),
				   p->arena));
	}
}

static void
each_of(const struct findings_part *p, uint8_t state,
	void (*put)(const struct findings_part *p, const struct gp_finding *f))
{
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		for (size_t i = 0; i < p->list->len; i++) {
			const struct gp_finding *f = &p->list->items[i];
			if (f->severity == severity && f->state == state)
				put(p, f);
		}
	}
}

void
findings_each(const struct findings_part *p,
	      void (*put)(const struct findings_part *p, const struct gp_finding *f))
{
	each_of(p, GP_FINDING_FAIL, put);
	each_of(p, GP_FINDING_NOT_MEASURED, put);
	each_of(p, GP_FINDING_PASS, put);
}

static bool
is_unknown_for(const struct gp_finding *f, struct gp_slice why)
{
	return f->state == GP_FINDING_NOT_MEASURED && gp_slice_eq(f->evidence, why);
}

static bool
was_told(const struct findings_part *p, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (is_unknown_for(&p->list->items[i], p->list->items[index].evidence))
			return true;
	}
	return false;
}

/* All that nobody can say for this reason, in a line: most have the same one. */
static void
put_unknown(const struct findings_part *p, struct gp_slice why)
{
	struct gp_buf *out = p->w->out;
	const char *before = "";
	gp_buf_printf(out, "  %s%-12s%s ", p->w->colour ? "\033[2m" : "", "not measured",
		      p->w->colour ? "\033[0m" : "");
	for (size_t i = 0; i < p->list->len; i++) {
		if (!is_unknown_for(&p->list->items[i], why))
			continue;
		gp_buf_printf(out, "%s%s", before, p->list->items[i].kind->id);
		before = ", ";
	}
	gp_buf_printf(out, ": %.*s\n", GP_SLICE_FMT(gp_visible(why, p->arena)));
}

/* Of two findings, the one's record undoes the other's. */
static bool
clash(const struct gp_finding *a, const struct gp_finding *b)
{
	for (size_t i = 0; i < a->records_len; i++) {
		const struct gp_finding_record *x = &a->records[i];
		for (size_t j = 0; j < b->records_len; j++) {
			const struct gp_finding_record *y = &b->records[j];
			if (gp_slice_eq(x->name, y->name) && strcmp(x->type, y->type) == 0 &&
			    !gp_slice_eq(x->value, y->value))
				return true;
		}
	}
	return false;
}

/* Whoever copies one record after the other would be where he began. */
static void
put_together(const struct findings_part *p)
{
	struct gp_slice rest = p->subject;
	struct gp_slice name = gp_slice_cut(&rest, ' ');
	for (size_t i = 0; i < p->list->len; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!clash(&p->list->items[i], &p->list->items[j]))
				continue;
			gp_buf_printf(
				p->w->out,
				"  together     records of one name undo each other above, as "
				"each mends one finding:\n"
				"               %s --zone %.*s has what mends them all\n",
				p->w->command, GP_SLICE_FMT(name));
			return;
		}
	}
}

static void
put_lines(const struct findings_part *p)
{
	each_of(p, GP_FINDING_FAIL, put_finding);
	for (size_t i = 0; i < p->list->len; i++) {
		const struct gp_finding *f = &p->list->items[i];
		if (f->state == GP_FINDING_NOT_MEASURED && !was_told(p, i))
			put_unknown(p, f->evidence);
	}
	put_together(p);
}

/* --- the choice --- */

void
findings_begin(struct findings_writer *w)
{
	switch (w->format) {
	case FINDINGS_CSV:
		gp_buf_put_str(w->out, "subject,id,severity,state,title,evidence,fix,records\r\n");
		break;
	case FINDINGS_MARKDOWN:
		gp_buf_printf(w->out,
			      "# %s\n\n| severity | subject | finding | evidence | fix |\n"
			      "|---|---|---|---|---|\n",
			      w->command);
		break;
	case FINDINGS_SARIF:
		gp_buf_put_str(w->out, "{\"$schema\":\"https://json.schemastore.org/"
				       "sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{"
				       "\"columnKind\":\"unicodeCodePoints\",\"results\":[");
		break;
	case FINDINGS_JUNIT:
		gp_buf_printf(w->out,
			      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			      "<testsuites name=\"%s\">\n",
			      w->command);
		break;
	case FINDINGS_HTML:
		findings_begin_html(w);
		break;
	default:
		break;
	}
}

int
findings_write(struct findings_writer *w, struct gp_slice subject, const struct gp_findings *list,
	       struct gp_arena *arena)
{
	const struct gp_findings whole = findings_whole(list, arena);
	const struct findings_part p = {w, gp_visible(subject, arena), &whole, arena};
	int r = 0;
	switch (w->format) {
	case FINDINGS_TEXT:
		gp_buf_printf(w->out, "%.*s\n", GP_SLICE_FMT(p.subject));
		put_lines(&p);
		break;
	case FINDINGS_JSON:
		r = findings_put_json(&p);
		break;
	case FINDINGS_CSV:
		findings_put_csv(&p);
		break;
	case FINDINGS_MARKDOWN:
		findings_put_markdown(&p);
		break;
	case FINDINGS_SARIF:
		r = findings_put_sarif(&p);
		break;
	case FINDINGS_JUNIT:
		findings_put_junit(&p);
		break;
	case FINDINGS_HTML:
		findings_put_html(&p);
		break;
	}
	return r < 0 || arena->failed || w->out->failed ? -ENOMEM : 0;
}

int
findings_write_lines(struct findings_writer *w, const struct gp_findings *list,
		     struct gp_arena *arena)
{
	const struct gp_findings whole = findings_whole(list, arena);
	const struct findings_part p = {.w = w, .list = &whole, .arena = arena};
	put_lines(&p);
	return arena->failed || w->out->failed ? -ENOMEM : 0;
}

int
findings_end(struct findings_writer *w)
{
	int r = 0;
	if (w->format == FINDINGS_SARIF)
		r = findings_end_sarif(w);
	else if (w->format == FINDINGS_JUNIT)
		gp_buf_put_str(w->out, "</testsuites>\n");
	else if (w->format == FINDINGS_HTML)
		gp_buf_put_str(w->out, "</main>\n</body>\n</html>\n");
	return r < 0 || w->out->failed ? -ENOMEM : 0;
}
