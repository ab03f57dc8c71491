/* SPDX-License-Identifier: Apache-2.0 */
#include "auditdb/changes.h"

#include <errno.h>

struct comparing {
	const struct audit_look *before, *now;
	/* Of each finding of a look the one of the other that it is, or NULL. */
	const struct audit_kept **before_is, **now_is;
	struct audit_change *items;
	size_t len;
	bool worse;
};

const char *
audit_change_name(uint8_t kind)
{
	static const char *const names[] = {[AUDIT_CAME] = "came",
					    [AUDIT_WENT] = "went",
					    [AUDIT_CHANGED] = "changed",
					    [AUDIT_LOST] = "lost",
					    [AUDIT_FACT] = "fact"};
	return kind < GP_ARRAY_LEN(names) ? names[kind] : "?";
}

/* --- which is which --- */

static bool
fails(const struct audit_kept *k)
{
	return k && k->state == GP_FINDING_FAIL;
}

/* Of one id, the surest first. */
enum sameness { SAME_EVIDENCE, BOTH_FAIL, SAME_ID };

static bool
is_same(const struct audit_kept *a, const struct audit_kept *b, enum sameness how)
{
	return gp_slice_eq(a->id, b->id) &&
	       (how != SAME_EVIDENCE || gp_slice_eq(a->hash, b->hash)) &&
	       (how != BOTH_FAIL || (fails(a) && fails(b)));
}

static void
pair(struct comparing *c, enum sameness how)
{
	for (size_t i = 0; i < c->now->findings_len; i++) {
		const struct audit_kept *now = &c->now->findings[i];
		for (size_t j = 0; j < c->before->findings_len && !c->now_is[i]; j++) {
			const struct audit_kept *before = &c->before->findings[j];
			if (c->before_is[j] || !is_same(now, before, how))
				continue;
			c->now_is[i] = before;
			c->before_is[j] = now;
		}
	}
}

/* --- what is told --- */

static void
tell(struct comparing *c, uint8_t kind, const struct audit_kept *before,
     const struct audit_kept *now)
{
	c->items[c->len++] = (struct audit_change){.kind = kind, .before = before, .now = now};
}

static struct gp_slice
part_of(const struct audit_kept *k)
{
	struct gp_slice id = k->id;
	return gp_slice_cut(&id, '.');
}

static bool
nothing_is_known(const struct audit_look *look)
{
	for (size_t i = 0; i < look->facts_len; i++) {
		if (gp_slice_eq(look->facts[i].name, GP_SLICE("class")))
			return gp_slice_eq(look->facts[i].value, GP_SLICE("unknown"));
	}
	return false;
}

/* What had no room in the list may be any fault. */
static bool
is_cut(const struct audit_kept *k)
{
	return gp_slice_eq(k->id, GP_SLICE(GP_FINDINGS_CUT_ID));
}

/* Why nobody can say that the fault is not there; NULL: it is not. */
static const struct audit_kept *
doubt(const struct audit_look *look, const struct audit_kept *fault)
{
	bool any = nothing_is_known(look);
	for (size_t i = 0; i < look->findings_len; i++) {
		const struct audit_kept *k = &look->findings[i];
		if (k->state == GP_FINDING_NOT_MEASURED &&
		    (any || is_cut(k) || gp_slice_eq(part_of(k), part_of(fault))))
			return k;
	}
	return NULL;
}

static void
miss(struct comparing *c, const struct audit_kept *fault)
{
	const struct audit_kept *why = doubt(c->now, fault);
	tell(c, why ? AUDIT_LOST : AUDIT_WENT, fault, why);
}

static void
compare(struct comparing *c, const struct audit_kept *before, const struct audit_kept *now)
{
	if (fails(now) && !fails(before)) {
		tell(c, AUDIT_CAME, NULL, now);
		c->worse |= now->severity > GP_SEVERITY_INFO;
	} else if (fails(now) &&
		   (now->severity != before->severity || !gp_slice_eq(now->hash, before->hash))) {
		tell(c, AUDIT_CHANGED, before, now);
		c->worse |= now->severity > before->severity;
	} else if (fails(before) && now->state == GP_FINDING_NOT_MEASURED) {
		tell(c, AUDIT_LOST, before, now);
	} else if (fails(before) && now->state == GP_FINDING_PASS) {
		tell(c, AUDIT_WENT, before, NULL);
	}
}

static void
compare_findings(struct comparing *c)
{
	pair(c, SAME_EVIDENCE);
	pair(c, BOTH_FAIL);
	pair(c, SAME_ID);
	for (size_t i = 0; i < c->now->findings_len; i++)
		compare(c, c->now_is[i], &c->now->findings[i]);
	for (size_t i = 0; i < c->before->findings_len; i++) {
		if (!c->before_is[i] && fails(&c->before->findings[i]))
			miss(c, &c->before->findings[i]);
	}
}

/* Both lists are sorted by name. */
static void
compare_facts(struct comparing *c)
{
	size_t i = 0, j = 0;
	while (i < c->before->facts_len || j < c->now->facts_len) {
		struct audit_change change = {.kind = AUDIT_FACT};
		int order = i == c->before->facts_len ? 1
			    : j == c->now->facts_len
				    ? -1
				    : gp_slice_cmp(c->before->facts[i].name, c->now->facts[j].name);
		if (order <= 0)
			change.fact_before = c->before->facts[i++];
		if (order >= 0)
			change.fact = c->now->facts[j++];
		if (order < 0)
			change.fact.name = change.fact_before.name;
		change.fact_before.name = change.fact.name;
		if (!gp_slice_eq(change.fact_before.value, change.fact.value))
			c->items[c->len++] = change;
	}
}

int
audit_changes_find(const struct audit_look *before, const struct audit_look *now,
		   struct gp_arena *arena, struct audit_changes *ret)
{
	size_t most = before->findings_len + now->findings_len + before->facts_len + now->facts_len;
	struct comparing c = {
		.before = before,
		.now = now,
		.before_is = gp_arena_array(arena, before->findings_len, sizeof(*c.before_is)),
		.now_is = gp_arena_array(arena, now->findings_len, sizeof(*c.now_is)),
		.items = gp_arena_array(arena, most, sizeof(*c.items)),
	};
	*ret = (struct audit_changes){};
	if (!c.before_is || !c.now_is || !c.items)
		return -ENOMEM;
	compare_findings(&c);
	compare_facts(&c);
	*ret = (struct audit_changes){.items = c.items, .len = c.len, .worse = c.worse};
	return 0;
}
