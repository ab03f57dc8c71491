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

/* What changed about the finding; NULL: nothing. */
static const char *
change_of(const struct audit_changes *changes, const struct audit_kept *f)
{
	for (size_t i = 0; i < changes->len; i++) {
		const struct audit_change *c = &changes->items[i];
		if (c->now == f && (c->kind == AUDIT_CAME || c->kind == AUDIT_CHANGED))
			return audit_change_name(c->kind);
	}
	return NULL;
}

static void
put_finding(struct gp_json *j, const struct audit_kept *f, const char *change)
{
	gp_json_open(j, NULL, '{');
	put_text(j, "id", f->id);
	put_text(j, "title", f->title);
	put_text(j, "why", f->why);
	gp_json_str(j, "state", gp_finding_state_name(f->state));
	gp_json_str(j, "severity", gp_severity_name(f->severity));
	put_text(j, "evidence", f->evidence);
	put_text(j, "mend", f->mend);
	gp_json_str(j, "change", change);
	gp_json_close(j, '}');
}

/* Where it stands in the list: the gravest fault first, then what was not measured; 0: it passed,
 * and is a number. */
static int
weight_of(const struct audit_kept *f)
{
	if (f->state == GP_FINDING_FAIL)
		return 2 + f->severity;
	return f->state == GP_FINDING_NOT_MEASURED ? 1 : 0;
}

static void
put_findings(struct writer *w, const struct audit_look *now, const struct audit_changes *changes)
{
	int64_t passed = 0;
	gp_json_open(&w->j, "findings", '[');
	for (int weight = 2 + GP_SEVERITY_CRITICAL; weight > 0; weight--) {
		for (size_t i = 0; i < now->findings_len; i++) {
			const struct audit_kept *f = &now->findings[i];
			if (weight_of(f) == weight)
				put_finding(&w->j, f, change_of(changes, f));
		}
	}
	gp_json_close(&w->j, ']');
	for (size_t i = 0; i < now->findings_len; i++)
		passed += weight_of(&now->findings[i]) == 0;
	gp_json_number(&w->j, "passed", passed);
	gp_json_open(&w->j, "gone", '[');
	for (size_t i = 0; i < changes->len; i++) {
		const struct audit_change *c = &changes->items[i];
		if (c->kind == AUDIT_WENT || c->kind == AUDIT_LOST)
			put_finding(&w->j, c->before, audit_change_name(c->kind));
	}
	gp_json_close(&w->j, ']');
}

static void
put_facts(struct writer *w, const struct gp_auditdb_fact *facts, size_t len)
{
	gp_json_open(&w->j, "facts", '[');
	for (size_t i = 0; i < len; i++) {
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
}

/* The look as it is compared with another; *facts: what of it is told. */
static int
read_look(struct writer *w, int64_t id, struct audit_look *ret, struct gp_auditdb_fact **facts)
{
	struct audit_kept *findings;
	*ret = (struct audit_look){};
	int r = gp_auditdb_findings(w->db, id, w->arena, &findings, &ret->findings_len);
	if (r == 0)
		r = gp_auditdb_facts(w->db, id, w->arena, facts, &ret->facts_len);
	struct audit_fact *list =
		r == 0 ? gp_arena_array(w->arena, ret->facts_len, sizeof(*list)) : NULL;
	if (!list)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < ret->facts_len; i++)
		list[i] = (struct audit_fact){(*facts)[i].name, (*facts)[i].value};
	ret->findings = findings;
	ret->facts = list;
	return 0;
}

static int
put_look(struct writer *w, const struct gp_auditdb_domain *d)
{
	struct audit_look now, before;
	struct audit_changes changes = {};
	struct gp_auditdb_fact *facts, *facts_before;
	int r = read_look(w, d->last.id, &now, &facts);
	if (r == 0 && d->has_before)
		r = read_look(w, d->before.id, &before, &facts_before);
	if (r == 0 && d->has_before)
		r = audit_changes_find(&before, &now, w->arena, &changes);
	if (r < 0)
		return r;
	put_domain(&w->j, d);
	put_findings(w, &now, &changes);
	put_facts(w, facts, now.facts_len);
	return 0;
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
