/* SPDX-License-Identifier: Apache-2.0 */
/* A domain held against rules. */
#include <inttypes.h>

#include "core/baseline/term.h"
#include "core/dmarc/record.h"

/* A rule under way. */
struct judge {
	const struct gp_posture_query *query;
	const struct gp_posture_result *posture;
	struct gp_arena *arena;
	/* What was noted for each outcome: that of the rule is told in the end. */
	struct note {
		struct gp_slice text;
		const struct gp_finding **findings;
		size_t findings_len;
	} notes[GP_BASELINE_NOT_MEASURED + 1];
};

/* --- outcomes --- */

/* Of lines that must all hold. */
static uint8_t
both(uint8_t a, uint8_t b)
{
	if (a == GP_BASELINE_FAIL || b == GP_BASELINE_FAIL)
		return GP_BASELINE_FAIL;
	return a == GP_BASELINE_PASS ? b : a;
}

/* Of alternatives. */
static uint8_t
either(uint8_t a, uint8_t b)
{
	if (a == GP_BASELINE_PASS || b == GP_BASELINE_PASS)
		return GP_BASELINE_PASS;
	return a == GP_BASELINE_FAIL ? b : a;
}

/* --- what is told --- */

static void
note(struct judge *j, uint8_t outcome, struct gp_slice text)
{
	struct note *n = &j->notes[outcome];
	if (n->text.len + text.len > GP_BASELINE_EVIDENCE_MAX)
		return;
	n->text = gp_arena_printf(j->arena, "%.*s%s%.*s", GP_SLICE_FMT(n->text),
				  n->text.len > 0 ? "; " : "", GP_SLICE_FMT(text));
}

static void
note_finding(struct judge *j, uint8_t outcome, const struct gp_finding *f)
{
	struct note *n = &j->notes[outcome];
	note(j, outcome,
	     gp_arena_printf(j->arena, "%s: %.*s", f->kind->id, GP_SLICE_FMT(f->evidence)));
	if (!n->findings)
		n->findings = gp_arena_array(j->arena, GP_BASELINE_FINDINGS_MAX,
					     sizeof(struct gp_finding *));
	if (n->findings && n->findings_len < GP_BASELINE_FINDINGS_MAX)
		n->findings[n->findings_len++] = f;
}

/* --- facts --- */

/* Of what a name is about, an id's or a fact's. */
static bool
is_silent(const struct gp_posture_facts *f, struct gp_slice name)
{
	return (!f->mx.known && gp_slice_starts(name, GP_SLICE("mx."))) ||
	       (!f->spf.known && gp_slice_starts(name, GP_SLICE("spf."))) ||
	       (!f->dmarc.known && gp_slice_starts(name, GP_SLICE("dmarc.")));
}

static bool
is_unmeasured(const struct judge *j, const char *id)
{
	const struct gp_finding *f = gp_finding_of(&j->posture->findings, id);
	return f && f->state == GP_FINDING_NOT_MEASURED;
}

/* NULL: it is known. A key that was found is one, whatever else was not; how SPF ends may be for
   another domain to say. */
static const char *
why_unknown(const struct judge *j, uint8_t fact)
{
	const struct gp_posture_facts *f = &j->posture->facts;
	bool no_key = fact == BASELINE_DKIM_KEYS && f->dkim.keys == f->dkim.revoked;
	if (no_key && (!j->query->selectors_known || is_unmeasured(j, "dkim.none.found")))
		return "no key was found, and not all selectors are known";
	bool open = fact == BASELINE_SPF_CLOSED && !f->spf.closed;
	bool star = fact == BASELINE_DKIM_WILDCARD_REVOKED && !f->dkim.wildcard_revoked;
	if (is_silent(f, baseline_facts[fact].name) ||
	    (open && is_unmeasured(j, "spf.temperror")) ||
	    (star && is_unmeasured(j, "dkim.wildcard")))
		return "the DNS did not say";
	return NULL;
}

static uint64_t
value_of(const struct gp_posture_facts *f, uint8_t fact)
{
	switch (fact) {
	case BASELINE_MX_HOSTS:
		return f->mx.len;
	case BASELINE_MX_NULL:
		return f->mx.null;
	case BASELINE_SPF_PRESENT:
		return f->spf.present;
	case BASELINE_SPF_VALID:
		return f->spf.valid;
	case BASELINE_SPF_NOBODY:
		return f->spf.nobody;
	case BASELINE_SPF_CLOSED:
		return f->spf.closed;
	case BASELINE_SPF_LOOKUPS:
		return f->spf.lookups;
	case BASELINE_DMARC_PRESENT:
		return f->dmarc.present;
	case BASELINE_DMARC_P:
		return f->dmarc.present ? f->dmarc.p : GP_DMARC_P_ABSENT;
	case BASELINE_DMARC_SP:
		return f->dmarc.present ? f->dmarc.sp : GP_DMARC_P_ABSENT;
	case BASELINE_DMARC_TESTING:
		return f->dmarc.testing;
	case BASELINE_DKIM_KEYS:
		return f->dkim.keys - f->dkim.revoked;
	default:
		gp_assert(fact == BASELINE_DKIM_WILDCARD_REVOKED);
		return f->dkim.wildcard_revoked;
	}
}

static bool
has_address(const struct gp_dmarc_uris *uris, struct gp_slice address)
{
	for (size_t i = 0; uris && i < uris->len; i++) {
		if (gp_slice_eq_nocase(uris->list[i].address, address))
			return true;
	}
	return false;
}

static bool
holds(const struct gp_posture_facts *f, const struct gp_baseline_term *t)
{
	if (t->relation == BASELINE_HAS)
		return has_address(f->dmarc.rua, t->text);
	uint64_t value = value_of(f, t->fact);
	return t->relation == BASELINE_AT_LEAST  ? value >= t->value
	       : t->relation == BASELINE_AT_MOST ? value <= t->value
						 : value == t->value;
}

static struct gp_slice
show_fact(const struct judge *j, uint8_t fact)
{
	const struct gp_posture_facts *f = &j->posture->facts;
	struct gp_slice name = baseline_facts[fact].name;
	if (baseline_facts[fact].type == BASELINE_ADDRESSES)
		return gp_arena_printf(j->arena, "%.*s has %zu", GP_SLICE_FMT(name),
				       f->dmarc.rua ? f->dmarc.rua->len : 0);
	uint64_t value = value_of(f, fact);
	const char *word = value ? "yes" : "no";
	if (baseline_facts[fact].type == BASELINE_NUMBER)
		return gp_arena_printf(j->arena, "%.*s is %" PRIu64, GP_SLICE_FMT(name), value);
	if (baseline_facts[fact].type == BASELINE_POLICY)
		word = value == GP_DMARC_P_ABSENT ? "absent" : gp_dmarc_policy_name((uint8_t)value);
	return gp_arena_printf(j->arena, "%.*s is %s", GP_SLICE_FMT(name), word);
}

static uint8_t
judge_fact(struct judge *j, const struct gp_baseline_term *t)
{
	const char *why = why_unknown(j, t->fact);
	bool good = !why && holds(&j->posture->facts, t);
	uint8_t bad = t->kind == BASELINE_WHERE ? GP_BASELINE_NOT_APPLICABLE : GP_BASELINE_FAIL;
	uint8_t outcome = why ? GP_BASELINE_NOT_MEASURED : good ? GP_BASELINE_PASS : bad;
	struct gp_slice shown =
		why ? gp_arena_printf(j->arena, "%.*s: %s",
				      GP_SLICE_FMT(baseline_facts[t->fact].name), why)
		    : show_fact(j, t->fact);
	if (t->relation == BASELINE_HAS && !why)
		shown = gp_arena_printf(j->arena, "dmarc.rua %s %.*s", good ? "has" : "lacks",
					GP_SLICE_FMT(t->text));
	note(j, outcome, shown);
	return outcome;
}

/* --- findings --- */

static bool
matches(struct gp_slice pattern, struct gp_slice id)
{
	if (pattern.len == 0 || pattern.ptr[pattern.len - 1] != '*')
		return gp_slice_eq(pattern, id);
	return gp_slice_starts(id, gp_slice_take(pattern, pattern.len - 1));
}

static bool
is_in(struct gp_slice pattern, const char *const *ids, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (matches(pattern, gp_slice_str(ids[i])))
			return true;
	}
	return false;
}

/* A pattern may be for both: then all of it is looked for with hosts only. */
static const char *
why_not_looked_for(const struct judge *j, struct gp_slice pattern)
{
	if (is_in(pattern, gp_posture_host_ids, gp_posture_host_ids_len))
		return j->query->hosts ? NULL : "the hosts were not looked at";
	return is_in(pattern, gp_posture_ids, gp_posture_ids_len) ? NULL : "not looked for";
}

/* That no finding is there proves nothing: why? NULL: it does. */
static const char *
why_no_proof(const struct judge *j, struct gp_slice pattern)
{
	const struct gp_posture_result *p = j->posture;
	const char *why = why_not_looked_for(j, pattern);
	if (why)
		return why;
	if (is_silent(&p->facts, pattern))
		return "the DNS did not say";
	return p->findings.dropped > 0 ? "more was found than is kept" : NULL;
}

static uint8_t
judge_pattern(struct judge *j, struct gp_slice pattern, uint8_t severity)
{
	const struct gp_findings *list = &j->posture->findings;
	uint8_t outcome = GP_BASELINE_PASS;
	for (size_t i = 0; i < list->len; i++) {
		const struct gp_finding *f = &list->items[i];
		if (f->state == GP_FINDING_PASS || f->severity < severity ||
		    !matches(pattern, gp_slice_str(f->kind->id)))
			continue;
		uint8_t one =
			f->state == GP_FINDING_FAIL ? GP_BASELINE_FAIL : GP_BASELINE_NOT_MEASURED;
		note_finding(j, one, f);
		outcome = both(outcome, one);
	}
	if (outcome != GP_BASELINE_PASS)
		return outcome;
	const char *why = why_no_proof(j, pattern);
	outcome = why ? GP_BASELINE_NOT_MEASURED : GP_BASELINE_PASS;
	note(j, outcome,
	     gp_arena_printf(j->arena, "%.*s: %s", GP_SLICE_FMT(pattern), why ? why : "not found"));
	return outcome;
}

/* --- a rule --- */

static uint8_t
judge_term(struct judge *j, const struct gp_baseline_term *t)
{
	struct gp_slice rest = t->text;
	uint8_t outcome = GP_BASELINE_PASS;
	switch (t->kind) {
	case BASELINE_NEED:
		return judge_fact(j, t);
	case BASELINE_MANUAL:
		note(j, GP_BASELINE_NOT_MEASURED, t->text);
		return GP_BASELINE_NOT_MEASURED;
	default:
		gp_assert(t->kind == BASELINE_WITHOUT);
		while (rest.len > 0) {
			struct gp_slice pattern = gp_slice_cut(&rest, ' ');
			rest = gp_slice_trim(rest);
			outcome = both(outcome, judge_pattern(j, pattern, t->severity));
		}
		return outcome;
	}
}

/* PASS where the rule is for this domain. */
static uint8_t
judge_place(struct judge *j, const struct gp_baseline_rule *rule)
{
	uint8_t class = j->posture->facts.class;
	if (class == GP_POSTURE_UNKNOWN) {
		note(j, GP_BASELINE_NOT_MEASURED,
		     GP_SLICE("the DNS did not say what domain it is"));
		return GP_BASELINE_NOT_MEASURED;
	}
	uint8_t outcome = GP_BASELINE_PASS;
	if ((rule->classes & 1U << class) == 0) {
		note(j, GP_BASELINE_NOT_APPLICABLE,
		     gp_arena_printf(j->arena, "the domain is %s", gp_posture_class_name(class)));
		return GP_BASELINE_NOT_APPLICABLE;
	}
	for (size_t i = 0; i < rule->terms_len && outcome == GP_BASELINE_PASS; i++) {
		if (rule->terms[i].kind == BASELINE_WHERE)
			outcome = judge_fact(j, &rule->terms[i]);
	}
	j->notes[GP_BASELINE_PASS] = (struct note){}; /* that it is for it is no evidence */
	return outcome;
}

/* The evidence of a pass is that of the alternative which holds. */
static uint8_t
judge_terms(struct judge *j, const struct gp_baseline_rule *rule)
{
	uint8_t all = GP_BASELINE_FAIL, one = GP_BASELINE_FAIL;
	for (size_t i = 0; i < rule->terms_len; i++) {
		const struct gp_baseline_term *t = &rule->terms[i];
		if (t->kind == BASELINE_WHERE)
			continue;
		if (t->begins) {
			all = either(all, one);
			if (all == GP_BASELINE_PASS)
				return all;
			j->notes[GP_BASELINE_PASS] = (struct note){};
		}
		uint8_t outcome = judge_term(j, t);
		one = t->begins ? outcome : both(one, outcome);
	}
	return either(all, one);
}

static struct gp_baseline_result
judge_rule(struct judge *j, const struct gp_baseline_rule *rule)
{
	uint8_t outcome = judge_place(j, rule);
	if (outcome == GP_BASELINE_PASS)
		outcome = judge_terms(j, rule);
	const struct note *n = &j->notes[outcome];
	return (struct gp_baseline_result){.rule = rule,
					   .outcome = outcome,
					   .evidence = n->text,
					   .findings = n->findings,
					   .findings_len = n->findings_len};
}

const struct gp_baseline_result *
gp_baseline_judge(const struct gp_baseline *baseline, const struct gp_posture_query *query,
		  const struct gp_posture_result *posture, struct gp_arena *arena)
{
	struct gp_baseline_result *all = gp_arena_array(arena, baseline->len, sizeof(*all));
	for (size_t i = 0; all && i < baseline->len; i++) {
		struct judge j = {.query = query, .posture = posture, .arena = arena};
		all[i] = judge_rule(&j, &baseline->rules[i]);
	}
	return arena->failed ? NULL : all;
}

const char *
gp_baseline_outcome_name(uint8_t outcome)
{
	static const char *const names[] = {
		[GP_BASELINE_PASS] = "pass",
		[GP_BASELINE_FAIL] = "fail",
		[GP_BASELINE_NOT_APPLICABLE] = "not_applicable",
		[GP_BASELINE_NOT_MEASURED] = "not_measured",
	};
	gp_assert(outcome < GP_ARRAY_LEN(names));
	return names[outcome];
}
