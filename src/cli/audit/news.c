/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/news.h"

#include <errno.h>
#include <time.h>

#include "cli/audit/facts.h"

enum { DAY_S = 24 * 3600 };

struct finding_news {
	const struct audit_look *before, *now;
	uint8_t severity;
	struct gp_arena *arena;
	struct audit_change *changes;
	struct audit_expiry *expiries;
	struct audit_kept *faults; /* that are known from now on */
	struct audit_fact *facts;
	struct audit_news *ret;
};

static const struct gp_slice expires = GP_SLICE("expires.");

static bool
is_expiry(const struct audit_fact *f)
{
	return gp_slice_starts(f->name, expires);
}

/* --- changes --- */

/* Facts that say how others do, and change without anybody of ours. */
static bool
is_quiet(const struct audit_fact *f)
{
	static const struct gp_slice names[] = {GP_SLICE("spf.lookups"), GP_SLICE("dkim.keys"),
						GP_SLICE("dkim.revoked")};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (gp_slice_eq(f->name, names[i]))
			return true;
	}
	return is_expiry(f);
}

/* An empty value, and a class that nobody knows, are what the DNS did not say. */
static bool
is_said(const struct audit_fact *f)
{
	return f->value.len > 0 && !gp_slice_eq(f->value, GP_SLICE("unknown"));
}

static bool
is_told(const struct finding_news *n, const struct audit_change *c)
{
	uint8_t before = c->before ? c->before->severity : 0;
	uint8_t now = c->now ? c->now->severity : 0;
	bool grave = GP_MAX(before, now) >= n->severity;
	switch (c->kind) {
	case AUDIT_CAME:
	case AUDIT_WENT:
		return grave;
	case AUDIT_CHANGED:
		return grave && before != now;
	case AUDIT_FACT:
		return n->before && is_said(&c->fact) && !is_quiet(&c->fact);
	default:
		return false;
	}
}

static bool
is_worse(const struct audit_change *c)
{
	return c->kind == AUDIT_CAME ||
	       (c->kind == AUDIT_CHANGED && c->now->severity > c->before->severity);
}

static void
tell_changes(struct finding_news *n, const struct audit_changes *all)
{
	struct audit_news *ret = n->ret;
	for (size_t i = 0; i < all->len; i++) {
		if (!is_told(n, &all->items[i]))
			continue;
		n->changes[ret->changes_len++] = all->items[i];
		ret->worse |= is_worse(&all->items[i]);
	}
}

/* --- what ends --- */

/* RFC 3339 section 5.6, in UTC, as we write it. */
static bool
read_time(struct gp_slice text, int64_t *ret_s)
{
	char copy[sizeof("2026-11-22T02:46:47Z")];
	struct tm tm = {};
	if (text.len != sizeof(copy) - 1)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
	*ret_s = end && *end == '\0' ? timegm(&tm) : 0;
	return *ret_s > 0;
}

/* How many of the marks are behind: 0 a long time before the end, 5 when it is over. */
static unsigned
marks_passed(int64_t left_s)
{
	static const int64_t days[] = {30, 14, 7, 1, 0};
	unsigned n = 0;
	while (n < GP_ARRAY_LEN(days) && left_s <= days[n] * DAY_S)
		n++;
	return n;
}

static const struct audit_fact *
find_fact(const struct audit_look *look, struct gp_slice name)
{
	for (size_t i = 0; i < look->facts_len; i++) {
		if (gp_slice_eq(look->facts[i].name, name))
			return &look->facts[i];
	}
	return NULL;
}

static void
tell_expiry(struct finding_news *n, const struct audit_fact *now)
{
	const struct audit_fact *was = n->before ? find_fact(n->before, now->name) : NULL;
	int64_t end_s, left_s;
	unsigned told = 0;
	if (!read_time(now->value, &end_s))
		return;
	if (was && gp_slice_eq(was->value, now->value))
		told = marks_passed(end_s - (int64_t)n->before->time_s);
	left_s = end_s - (int64_t)n->now->time_s;
	if (marks_passed(left_s) <= told)
		return;
	n->expiries[n->ret->expiries_len++] = (struct audit_expiry){
		.what = gp_slice_drop(now->name, expires.len),
		.time = now->value,
		.days = left_s < 0 ? -1 : left_s / DAY_S,
	};
	n->ret->worse = true;
}

/* --- what is known afterwards --- */

static void
know_faults(struct finding_news *n, const struct audit_changes *all)
{
	struct audit_look *known = &n->ret->known;
	for (size_t i = 0; i < n->now->findings_len; i++) {
		if (n->now->findings[i].state == GP_FINDING_FAIL)
			n->faults[known->findings_len++] = n->now->findings[i];
	}
	for (size_t i = 0; i < all->len && known->findings_len < AUDIT_KEPT_MAX; i++) {
		if (all->items[i].kind == AUDIT_LOST)
			n->faults[known->findings_len++] = *all->items[i].before;
	}
}

/* Both lists are sorted by name, and so is what they make. */
static void
know_facts(struct finding_news *n)
{
	const struct audit_look *before = n->before, *now = n->now;
	size_t i = 0, j = 0, before_len = before ? before->facts_len : 0;
	while ((i < before_len || j < now->facts_len) &&
	       n->ret->known.facts_len < AUDIT_FACTS_MAX) {
		int order = i == before_len ? 1
			    : j == now->facts_len
				    ? -1
				    : gp_slice_cmp(before->facts[i].name, now->facts[j].name);
		const struct audit_fact *f = order <= 0 ? &before->facts[i++] : NULL;
		if (order >= 0) {
			const struct audit_fact *is = &now->facts[j++];
			if (!f || is_said(is))
				f = is;
		}
		if (is_said(f))
			n->facts[n->ret->known.facts_len++] = *f;
	}
}

static bool
make_room(struct finding_news *n, size_t changes_max)
{
	n->changes = gp_arena_array(n->arena, changes_max, sizeof(*n->changes));
	n->expiries = gp_arena_array(n->arena, n->now->facts_len, sizeof(*n->expiries));
	n->faults = gp_arena_array(n->arena, AUDIT_KEPT_MAX, sizeof(*n->faults));
	n->facts = gp_arena_array(n->arena, AUDIT_FACTS_MAX, sizeof(*n->facts));
	return !n->arena->failed;
}

int
audit_news_find(const struct audit_look *before, const struct audit_look *now, uint8_t severity,
		struct gp_arena *arena, struct audit_news *ret)
{
	static const struct audit_look nothing;
	struct finding_news n = {
		.before = before, .now = now, .severity = severity, .arena = arena, .ret = ret};
	struct audit_changes all;
	*ret = (struct audit_news){};
	int r = audit_changes_find(before ? before : &nothing, now, arena, &all);
	if (r < 0 || !make_room(&n, all.len))
		return -ENOMEM;
	tell_changes(&n, &all);
	for (size_t i = 0; i < now->facts_len; i++) {
		if (is_expiry(&now->facts[i]))
			tell_expiry(&n, &now->facts[i]);
	}
	know_faults(&n, &all);
	know_facts(&n);
	ret->changes = n.changes;
	ret->expiries = n.expiries;
	ret->known.findings = n.faults;
	ret->known.facts = n.facts;
	ret->known.run = now->run;
	ret->known.time_s = now->time_s;
	return 0;
}
