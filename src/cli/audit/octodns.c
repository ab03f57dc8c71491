/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/octodns.h"

#include <string.h>

#include "core/dkim/signature.h"
#include "core/identity/visible.h"

/* --- order --- */

static struct gp_slice
take_run(struct gp_slice *s, bool digits)
{
	size_t n = 0;
	while (n < s->len && gp_ascii_is_digit(s->ptr[n]) == digits)
		n++;
	struct gp_slice run = gp_slice_take(*s, n);
	*s = gp_slice_drop(*s, n);
	return run;
}

static int
compare_numbers(struct gp_slice a, struct gp_slice b)
{
	while (a.len > 1 && a.ptr[0] == '0')
		a = gp_slice_drop(a, 1);
	while (b.len > 1 && b.ptr[0] == '0')
		b = gp_slice_drop(b, 1);
	return a.len != b.len ? (a.len < b.len ? -1 : 1) : gp_slice_cmp(a, b);
}

/* Texts with numbers in them in the order of these: "mx2" stands before "mx10". As strcmp(). */
static int
compare_labels(struct gp_slice a, struct gp_slice b)
{
	for (bool digits = false; a.len > 0 || b.len > 0; digits = !digits) {
		struct gp_slice x = take_run(&a, digits), y = take_run(&b, digits);
		/* Where one has ended it stands first, whatever the other goes on with. */
		int order = digits && x.len > 0 && y.len > 0 ? compare_numbers(x, y)
							     : gp_slice_cmp(x, y);
		if (order != 0)
			return order;
	}
	return 0;
}

/* --- the sets --- */

/* One that is to be there, by the first of its records. */
struct set {
	struct gp_slice label; /* its name, relative to the domain; empty: the domain */
	const struct gp_finding_record *first;
};

static bool
stands_before(const struct set *a, const struct set *b)
{
	int order = compare_labels(a->label, b->label);
	return order != 0 ? order < 0 : strcmp(a->first->type, b->first->type) < 0;
}

/* Sorted, each once. */
static size_t
find_sets(const struct audit_patch *p, struct gp_slice domain, struct set ret[PATCH_RECORDS_MAX])
{
	size_t len = 0;
	for (size_t i = 0; i < p->records_len; i++) {
		const struct gp_finding_record *r = &p->records[i];
		struct set one = {.first = r};
		size_t at = 0;
		if (!gp_dkim_is_below(r->name, domain))
			continue;
		if (r->name.len > domain.len)
			one.label = gp_slice_take(r->name, r->name.len - domain.len - 1);
		while (at < len && stands_before(&ret[at], &one))
			at++;
		if (at < len && !stands_before(&one, &ret[at]))
			continue;
		memmove(&ret[at + 1], &ret[at], (len - at) * sizeof(*ret));
		ret[at] = one;
		len++;
	}
	return len;
}

/* --- writing --- */

/* YAML's double quotes, which end a line nowhere. */
static void
put_octet(struct gp_buf *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		gp_buf_printf(out, "\\%c", c);
	else if (c < ' ' || c > '~')
		gp_buf_printf(out, "\\\\%03u", c); /* it refuses what is not ASCII */
	else
		gp_buf_put_char(out, (char)c);
}

static void
put_text(struct gp_buf *out, struct gp_slice text)
{
	gp_buf_put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		/* It takes a bare one for the beginning of a comment that somebody forgot. */
		if (text.ptr[i] == ';')
			gp_buf_put_str(out, "\\\\;");
		else
			put_octet(out, (unsigned char)text.ptr[i]);
	}
	gp_buf_put_char(out, '"');
}

static void
put_word(struct gp_buf *out, struct gp_slice word, const char *end)
{
	gp_buf_put_char(out, '"');
	for (size_t i = 0; i < word.len; i++)
		put_octet(out, (unsigned char)word.ptr[i]);
	gp_buf_put_str(out, end);
}

static void
put_tlsa(struct gp_buf *out, const struct gp_dns_record *r)
{
	gp_buf_put_str(out, "  - certificate_association_data: \"");
	for (size_t i = 0; i < r->data.len; i++)
		gp_buf_printf(out, "%02x", (unsigned char)r->data.ptr[i]);
	gp_buf_printf(out,
		      "\"\n    certificate_usage: %u\n    matching_type: %u\n    selector: %u\n",
		      r->usage, r->matching, r->selector);
}

static void
put_value(struct gp_buf *out, const struct gp_dns_record *r)
{
	switch (r->type) {
	case GP_DNS_MX:
		gp_buf_put_str(out, "  - exchange: ");
		put_word(out, r->name, gp_slice_ends_nocase(r->name, GP_SLICE(".")) ? "\"" : ".\"");
		gp_buf_printf(out, "\n    preference: %u\n", r->preference);
		break;
	case GP_DNS_TLSA:
		put_tlsa(out, r);
		break;
	case GP_DNS_CAA:
		gp_buf_printf(out, "  - flags: %u\n    tag: ", r->flags);
		put_word(out, r->tag, "\"\n    value: ");
		put_word(out, r->data, "\"\n");
		break;
	default:
		gp_buf_put_str(out, "  - ");
		put_text(out, r->data);
		gp_buf_put_char(out, '\n');
	}
}

static void
put_set(struct gp_buf *out, const struct gp_answers *published, const struct set *s)
{
	struct gp_dns_answer answer;
	if (!gp_answers_find(published, s->first->name, audit_patch_type(s->first), &answer))
		return;
	gp_buf_printf(out, "- ttl: %d\n  type: %s\n  values:\n", PATCH_TTL_S, s->first->type);
	for (size_t i = 0; i < answer.records_len; i++)
		put_value(out, &answer.records[i]);
}

static void
put_comment(struct gp_buf *out, const char *id, struct gp_slice text, struct gp_arena *arena)
{
	gp_buf_printf(out, "# %s", id);
	for (const char *before = text.len > 0 ? ": " : ""; text.len > 0; before = "\n#   ") {
		struct gp_slice line = gp_visible(gp_slice_cut(&text, '\n'), arena);
		gp_buf_printf(out, "%s%.*s", before, GP_SLICE_FMT(line));
	}
	gp_buf_put_char(out, '\n');
}

static void
put_others(struct gp_buf *out, const struct audit_patch *p, struct gp_slice domain,
	   struct gp_arena *arena)
{
	for (size_t i = 0; i < p->records_len; i++) {
		const struct gp_finding_record *r = &p->records[i];
		if (gp_dkim_is_below(r->name, domain))
			continue;
		struct gp_slice text =
			gp_arena_printf(arena, "%.*s. %s %.*s", GP_SLICE_FMT(r->name), r->type,
					GP_SLICE_FMT(r->value));
		put_comment(out, "in another zone", text, arena);
	}
}

void
audit_octodns_write(const struct audit_patch *p, const struct gp_answers *set,
		    const struct gp_posture_result *left, struct gp_arena *arena,
		    struct gp_buf *out)
{
	struct set sets[PATCH_RECORDS_MAX];
	struct gp_slice domain = left->facts.domain;
	size_t len = find_sets(p, domain, sets);
	gp_buf_printf(out, "---\n# %.*s.yaml (%s)\n", GP_SLICE_FMT(domain),
		      gp_posture_class_name(left->facts.class));
	for (size_t i = 0; i < p->taken_len; i++)
		put_comment(out, p->taken[i].kind->id, p->taken[i].fix, arena);
	put_others(out, p, domain, arena);
	for (size_t i = 0; i < left->findings.len; i++) {
		const struct gp_finding *f = &left->findings.items[i];
		struct gp_slice text = gp_arena_printf(arena, "not mended by records: %.*s",
						       GP_SLICE_FMT(f->evidence));
		if (f->state == GP_FINDING_FAIL)
			put_comment(out, f->kind->id, text, arena);
	}
	for (size_t i = 0; i < len; i++) {
		bool same = i > 0 && gp_slice_eq(sets[i].label, sets[i - 1].label);
		if (!same)
			put_word(out, sets[i].label, "\":\n");
		put_set(out, set, &sets[i]);
	}
	if (len == 0)
		gp_buf_put_str(out, "{}\n");
}
