/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/audits.h"

#include <errno.h>
#include <stdlib.h>

struct writer {
	struct gp_auditdb *db;
	struct gp_arena *arena;
	struct gp_json j;
};

/* --- values --- */

static void
put_counts(struct gp_json *j, const char *name, const struct gp_auditdb_counts *c)
{
	gp_json_open(j, name, '{');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--)
		gp_json_number(j, gp_severity_name((uint8_t)severity), c->faults[severity]);
	gp_json_number(j, "unmeasured", c->unmeasured);
	gp_json_close(j, '}');
}

static void
put_text(struct gp_json *j, const char *name, struct gp_slice text)
{
	if (text.len > 0)
		gp_json_text(j, name, text);
	else
		gp_json_null(j, name);
}

static void
put_domain(struct gp_json *j, const struct gp_auditdb_domain *d)
{
	put_text(j, "domain", d->name);
	gp_json_number(j, "time", (int64_t)d->last.time_s);
	put_counts(j, "counts", &d->last.counts);
	if (d->has_before) {
		gp_json_number(j, "time_before", (int64_t)d->before.time_s);
		put_counts(j, "counts_before", &d->before.counts);
	} else {
		gp_json_null(j, "time_before");
		gp_json_null(j, "counts_before");
	}
}

static int
put_runs(struct writer *w, struct gp_slice domain)
{
	struct gp_auditdb_run *runs;
	size_t len;
	int r = gp_auditdb_runs(w->db, domain, w->arena, &runs, &len);
	gp_json_open(&w->j, "runs", '[');
	for (size_t i = len; i-- > 0;) {
		gp_json_open(&w->j, NULL, '{');
		gp_json_number(&w->j, "time", (int64_t)runs[i].time_s);
		gp_json_number(&w->j, "looks", runs[i].looks);
		put_counts(&w->j, "counts", &runs[i].counts);
		gp_json_close(&w->j, '}');
	}
	gp_json_close(&w->j, ']');
	return r;
}

/* --- all of them --- */

/* The worst first: by the gravest faults, then those less grave; else by name. */
static int
compare(const void *a, const void *b)
{
	const struct gp_auditdb_domain *x = a, *y = b;
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO; severity--) {
		uint32_t of_x = x->last.counts.faults[severity];
		uint32_t of_y = y->last.counts.faults[severity];
		if (of_x != of_y)
			return of_x > of_y ? -1 : 1;
	}
	return gp_slice_cmp(x->name, y->name);
}

static int
put_domains(struct writer *w)
{
	struct gp_auditdb_domain *list;
	size_t len;
	bool more;
	int r = gp_auditdb_domains(w->db, w->arena, &list, &len, &more);
	if (r < 0)
		return r;
	qsort(list, len, sizeof(*list), compare);
	gp_json_open(&w->j, "domains", '[');
	for (size_t i = 0; i < GP_MIN(len, (size_t)AUDITS_DOMAINS_TOLD); i++) {
		gp_json_open(&w->j, NULL, '{');
		put_domain(&w->j, &list[i]);
		gp_json_close(&w->j, '}');
	}
	gp_json_close(&w->j, ']');
	gp_json_number(&w->j, "domains_more",
		       len > AUDITS_DOMAINS_TOLD ? (int64_t)len - AUDITS_DOMAINS_TOLD : 0);
	gp_json_bool(&w->j, "domains_cut", more);
	return put_runs(w, gp_slice("", 0));
}

/* --- a single one --- */

struct list {
	struct gp_auditdb_finding *items;
	size_t len;
};

/* The fault of the other look that this one is: the same evidence; else another of the same id.
 * NULL: it was not there. */
static const struct gp_auditdb_finding *
find_fault(const struct list *in, const struct gp_auditdb_finding *f)
{
	const struct gp_auditdb_finding *like = NULL;
	for (size_t i = 0; i < in->len; i++) {
		const struct gp_auditdb_finding *it = &in->items[i];
		if (it->state != GP_FINDING_FAIL || !gp_slice_eq(it->id, f->id))
			continue;
		if (gp_slice_eq(it->hash, f->hash))
			return it;
		like = it;
	}
	return like;
}

/* What nobody could measure has not gone: something of the fault's part, its id up to the dot. */
static bool
is_unmeasured(const struct list *now, struct gp_slice id)
{
	struct gp_slice rest = id, part = gp_slice_cut(&rest, '.');
	for (size_t i = 0; i < now->len; i++) {
		struct gp_slice other = now->items[i].id;
		if (now->items[i].state == GP_FINDING_NOT_MEASURED &&
		    gp_slice_eq(gp_slice_cut(&other, '.'), part))
			return true;
	}
	return false;
}

/* "came", "changed", NULL. */
static const char *
change_of(const struct gp_auditdb_finding *f, const struct list *before, bool has_before)
{
	if (!has_before || f->state != GP_FINDING_FAIL)
		return NULL;
	const struct gp_auditdb_finding *was = find_fault(before, f);
	if (!was)
		return "came";
	bool same = gp_slice_eq(was->hash, f->hash) && was->severity == f->severity;
	return same ? NULL : "changed";
}

static void
put_finding(struct gp_json *j, const struct gp_auditdb_finding *f, const char *change)
{
	gp_json_open(j, NULL, '{');
	put_text(j, "id", f->id);
	gp_json_str(j, "state", gp_finding_state_name(f->state));
	gp_json_str(j, "severity", gp_severity_name(f->severity));
	put_text(j, "evidence", f->evidence);
	put_text(j, "mend", f->mend);
	gp_json_str(j, "change", change);
	gp_json_close(j, '}');
}

/* Those that passed are a number; the faults stand by severity, then what was not measured. */
static void
put_findings(struct writer *w, const struct list *now, const struct list *before, bool has_before)
{
	int64_t passed = 0;
	gp_json_open(&w->j, "findings", '[');
	for (int severity = GP_SEVERITY_CRITICAL; severity >= GP_SEVERITY_INFO - 1; severity--) {
		for (size_t i = 0; i < now->len; i++) {
			const struct gp_auditdb_finding *f = &now->items[i];
			bool fault = f->state == GP_FINDING_FAIL && f->severity == severity;
			bool unknown =
				f->state == GP_FINDING_NOT_MEASURED && severity < GP_SEVERITY_INFO;
			if (fault || unknown)
				put_finding(&w->j, f, change_of(f, before, has_before));
			passed += f->state == GP_FINDING_PASS && severity < GP_SEVERITY_INFO;
		}
	}
	gp_json_close(&w->j, ']');
	gp_json_number(&w->j, "passed", passed);
	gp_json_open(&w->j, "gone", '[');
	for (size_t i = 0; i < before->len; i++) {
		const struct gp_auditdb_finding *f = &before->items[i];
		if (f->state == GP_FINDING_FAIL && !find_fault(now, f) &&
		    !is_unmeasured(now, f->id))
			put_finding(&w->j, f, "went");
	}
	gp_json_close(&w->j, ']');
}

static int
put_facts(struct writer *w, int64_t look)
{
	struct gp_auditdb_fact *facts;
	size_t len;
	int r = gp_auditdb_facts(w->db, look, w->arena, &facts, &len);
	gp_json_open(&w->j, "facts", '[');
	for (size_t i = 0; r == 0 && i < len; i++) {
		gp_json_open(&w->j, NULL, '{');
		put_text(&w->j, "name", facts[i].name);
		put_text(&w->j, "value", facts[i].value);
		put_text(&w->j, "before", facts[i].before);
		if (facts[i].since_s > 0)
			gp_json_number(&w->j, "since", (int64_t)facts[i].since_s);
		else
			gp_json_null(&w->j, "since");
		gp_json_close(&w->j, '}');
	}
	gp_json_close(&w->j, ']');
	return r;
}

static int
put_look(struct writer *w, const struct gp_auditdb_domain *d)
{
	struct list now = {}, before = {};
	put_domain(&w->j, d);
	int r = gp_auditdb_findings(w->db, d->last.id, w->arena, &now.items, &now.len);
	if (r == 0 && d->has_before)
		r = gp_auditdb_findings(w->db, d->before.id, w->arena, &before.items, &before.len);
	if (r < 0)
		return r;
	put_findings(w, &now, &before, d->has_before);
	return put_facts(w, d->last.id);
}

/* Of one that was never looked at, or is not any more, nothing but its name is told. */
static int
put_one(struct writer *w, struct gp_slice domain)
{
	struct gp_auditdb_domain d;
	int r = gp_auditdb_domain(w->db, domain, w->arena, &d);
	if (r == 0)
		r = put_look(w, &d);
	else if (r == 1)
		put_text(&w->j, "domain", d.name);
	return r < 0 ? r : put_runs(w, domain);
}

int
audits_write(struct gp_auditdb *db, struct gp_slice domain, struct gp_arena *arena,
	     struct gp_buf *out)
{
	struct writer w = {.db = db, .arena = arena, .j = {.out = out}};
	gp_json_open(&w.j, NULL, '{');
	gp_json_bool(&w.j, "configured", true);
	int r = domain.len > 0 ? put_one(&w, domain) : put_domains(&w);
	gp_json_close(&w.j, '}');
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}
