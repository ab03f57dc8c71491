/* SPDX-License-Identifier: Apache-2.0 */
/* What an SPF record should be, made of what it is. */
#include <string.h>

#include "core/posture/spf_tree.h"

/* --- one term that is not of the grammar --- */

static bool
is_valid(struct gp_slice text)
{
	struct gp_spf_term t;
	return text.len > 0 && gp_spf_next(&text, &t) == 0 && t.kind != GP_SPF_OTHER;
}

/* The octets of a minus at its front that a word processor made another sign of: U+2010 to U+2015,
   U+2212; 0: there is none. */
static size_t
dash_len(struct gp_slice s)
{
	bool dash = gp_slice_starts(s, GP_SLICE("\xe2\x80")) && s.len > 2 &&
		    (uint8_t)s.ptr[2] >= 0x90 && (uint8_t)s.ptr[2] <= 0x95;
	return dash || gp_slice_starts(s, GP_SLICE("\xe2\x88\x92")) ? 3 : 0;
}

/* Without the quotes, straight or typographic, and the punctuation around it. */
static struct gp_slice
strip(struct gp_slice s)
{
	static const char junk[] = "\"',;.()<>";
	while (s.len > 0 && dash_len(s) == 0 &&
	       (memchr(junk, s.ptr[0], sizeof(junk) - 1) || (s.ptr[0] & 0x80)))
		s = gp_slice_drop(s, 1);
	while (s.len > dash_len(s) &&
	       (memchr(junk, s.ptr[s.len - 1], sizeof(junk) - 1) || (s.ptr[s.len - 1] & 0x80)))
		s.len--;
	return s;
}

/* The words that people write for those that there are. */
static const struct {
	struct gp_slice wrong, right;
} spellings[] = {
	{{"ipv4", 4}, {"ip4", 3}},        {{"ipv6", 4}, {"ip6", 3}},
	{{"ip", 2}, {"ip4", 3}},          {{"ip4", 3}, {"ip6", 3}},
	{{"ip6", 3}, {"ip4", 3}},         {{"includes", 8}, {"include", 7}},
	{{"inlcude", 7}, {"include", 7}}, {{"incude", 6}, {"include", 7}},
	{{"inclue", 6}, {"include", 7}},  {{"includ", 6}, {"include", 7}},
	{{"host", 4}, {"a", 1}},          {{"redirect", 8}, {"redirect", 8}},
	{{"include", 7}, {"include", 7}}, {{"a", 1}, {"a", 1}},
	{{"mx", 2}, {"mx", 2}},           {{"ip4", 3}, {"ip4", 3}},
	{{"ip6", 3}, {"ip6", 3}},         {{"exists", 6}, {"exists", 6}},
};

/* NAME SEPARATOR REST, spelt as the grammar has it; empty: that is none either. */
static struct gp_slice
respell(struct posture_run *run, struct gp_slice qualifier, struct gp_slice name,
	struct gp_slice rest)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(spellings); i++) {
		if (!gp_slice_eq_nocase(name, spellings[i].wrong))
			continue;
		struct gp_slice right = spellings[i].right;
		char separator = gp_slice_eq(right, GP_SLICE("redirect")) ? '=' : ':';
		struct gp_slice text =
			gp_arena_printf(run->arena, "%.*s%.*s%c%.*s", GP_SLICE_FMT(qualifier),
					GP_SLICE_FMT(right), separator, GP_SLICE_FMT(rest));
		if (is_valid(text))
			return text;
		if (rest.len == 0 && is_valid(right))
			return right;
	}
	return GP_SLICE("");
}

/* What it was meant to be; empty: who knows. */
static struct gp_slice
correct(struct posture_run *run, struct gp_slice text)
{
	struct gp_slice qualifier = GP_SLICE("");
	if (is_valid(text))
		return text;
	if (text.len > 0 && gp_slice_find(GP_SLICE("+-~?"), text.ptr[0]) >= 0) {
		qualifier = gp_slice_take(text, 1);
		text = gp_slice_drop(text, 1);
	}
	size_t at = 0;
	while (at < text.len && text.ptr[at] != ':' && text.ptr[at] != '=')
		at++;
	return respell(run, qualifier, gp_slice_take(text, at), gp_slice_drop(text, at + 1));
}

/* --- drafts --- */

static bool
is_stricter(struct gp_slice all, struct gp_slice than)
{
	const struct gp_slice order = GP_SLICE("+?~-");
	ptrdiff_t a = gp_slice_find(order, all.ptr[0]), b = gp_slice_find(order, than.ptr[0]);
	return GP_MAX(a, (ptrdiff_t)0) > GP_MAX(b, (ptrdiff_t)0);
}

static void
put(struct posture_spf_draft *d, struct gp_slice text)
{
	struct gp_slice rest = text;
	struct gp_spf_term t;
	if (text.len == 0 || gp_spf_next(&rest, &t) != 0) {
		d->lost = true;
		return;
	}
	if (t.kind == GP_SPF_ALL) {
		if (d->all.len == 0 || is_stricter(text, d->all))
			d->all = text;
		return;
	}
	for (size_t i = 0; i < d->len; i++) {
		if (gp_slice_eq_nocase(d->terms[i], text))
			return;
	}
	if (d->len == SPF_DRAFT_MAX)
		return;
	d->redirects |= t.kind == GP_SPF_REDIRECT;
	d->terms[d->len++] = text;
}

/* A word that is no term may be several, and the sign of the one behind it: "- all" lets nobody
   send, and is not to become "all", by which everybody may. sign: of a word before, if any. */
static void
put_word(struct posture_run *run, struct posture_spf_draft *d, struct gp_slice *sign,
	 struct gp_slice word)
{
	size_t dash = dash_len(word);
	if (dash > 0)
		word = gp_arena_printf(run->arena, "-%.*s",
				       GP_SLICE_FMT(gp_slice_drop(word, dash)));
	if (word.len == 1 && gp_slice_find(GP_SLICE("+-~?"), word.ptr[0]) >= 0) {
		d->lost |= sign->len > 0;
		*sign = word;
		return;
	}
	struct gp_slice text =
		gp_arena_printf(run->arena, "%.*s%.*s", GP_SLICE_FMT(*sign), GP_SLICE_FMT(word));
	bool alone = sign->len > 0 && !is_valid(text) && is_valid(word);
	d->lost |= alone;
	if (alone)
		text = word;
	else if (!is_valid(text))
		text = correct(run, text);
	*sign = GP_SLICE("");
	put(d, text);
}

/* Blanks of other kinds and commas part terms for who wrote them, though not for the grammar. */
static void
put_words(struct posture_run *run, struct posture_spf_draft *d, struct gp_slice *sign,
	  struct gp_slice raw)
{
	static const char blanks[] = " \t\r\n,;";
	const struct gp_slice no_break = GP_SLICE("\xc2\xa0");
	if (is_valid(raw) && sign->len == 0) {
		put(d, raw);
		return;
	}
	for (size_t at = 0; raw.len > 0; raw = gp_slice_drop(raw, at)) {
		for (at = 0; at < raw.len && !memchr(blanks, raw.ptr[at], sizeof(blanks) - 1) &&
			     !gp_slice_starts(gp_slice_drop(raw, at), no_break);
		     at++)
			;
		struct gp_slice word = strip(gp_slice_take(raw, at));
		if (word.len > 0)
			put_word(run, d, sign, word);
		at += at < raw.len && raw.ptr[at] == no_break.ptr[0] ? no_break.len : 1;
	}
}

/* Of two redirects, or explanations, one alone is no error (RFC 7208 section 6). */
static void
drop_second(struct posture_spf_draft *d, struct gp_slice modifier)
{
	size_t kept = 0;
	bool seen = false;
	for (size_t i = 0; i < d->len; i++) {
		bool is = gp_slice_starts_nocase(d->terms[i], modifier);
		d->lost |= is && seen;
		if (!is || !seen)
			d->terms[kept++] = d->terms[i];
		seen |= is;
	}
	d->len = kept;
}

static void
end_draft(struct posture_spf_draft *d, const struct gp_slice *sign)
{
	d->lost |= sign->len > 0;
	drop_second(d, GP_SLICE("redirect="));
	drop_second(d, GP_SLICE("exp="));
}

void
posture_spf_draft(struct posture_run *run, const struct posture_spf_node *node,
		  const struct posture_spf_term *skip, struct posture_spf_draft *ret)
{
	struct gp_slice sign = GP_SLICE("");
	*ret = (struct posture_spf_draft){};
	for (size_t i = 0; i < node->len; i++) {
		const struct posture_spf_term *t = &node->terms[i];
		bool idle =
			t->moot && (t->term.kind == GP_SPF_REDIRECT || t->term.kind == GP_SPF_ALL);
		if (t != skip && !idle)
			put_words(run, ret, &sign, t->raw);
	}
	end_draft(ret, &sign);
}

static void
append(char *to, size_t *at, struct gp_slice text)
{
	if (*at > 0)
		to[(*at)++] = ' ';
	memcpy(to + *at, text.ptr, text.len);
	*at += text.len;
}

struct gp_slice
posture_spf_write(struct posture_run *run, const struct posture_spf_draft *draft)
{
	struct gp_slice version = GP_SLICE("v=spf1");
	size_t size = version.len + 1 + draft->all.len, at = 0;
	for (size_t i = 0; i < draft->len; i++)
		size += 1 + draft->terms[i].len;
	char *text = gp_arena_alloc(run->arena, size);
	if (!text)
		return GP_SLICE("");
	append(text, &at, version);
	for (size_t i = 0; i < draft->len; i++)
		append(text, &at, draft->terms[i]);
	if (draft->all.len > 0)
		append(text, &at, draft->all);
	return gp_slice(text, at);
}

/* --- what was meant --- */

/* Where "spf1" ends in the text's beginning; 0: nowhere. */
static size_t
version_end(struct gp_slice text)
{
	enum { NEAR_FRONT = 12 };
	text = gp_slice_take(text, NEAR_FRONT);
	for (size_t i = 0; i + 4 <= text.len; i++) {
		if (gp_slice_eq_nocase(gp_slice_take(gp_slice_drop(text, i), 4), GP_SLICE("spf1")))
			return i + 4;
	}
	return 0;
}

bool
posture_spf_looks_like(struct gp_slice text)
{
	return version_end(text) > 0;
}

/* An end is said by "all"; of several records, what a redirect led to is included. */
static void
settle(struct posture_run *run, struct posture_spf_draft *d)
{
	struct gp_slice redirect = GP_SLICE("redirect=");
	for (size_t i = 0; i < d->len; i++) {
		if (gp_slice_starts_nocase(d->terms[i], redirect))
			d->terms[i] = gp_arena_printf(
				run->arena, "include:%.*s",
				GP_SLICE_FMT(gp_slice_drop(d->terms[i], redirect.len)));
	}
	d->redirects = false;
}

bool
posture_spf_guess(struct posture_run *run, const struct gp_dns_answer *answer,
		  struct posture_spf_draft *ret)
{
	size_t found = 0;
	struct gp_slice sign = GP_SLICE("");
	*ret = (struct posture_spf_draft){};
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice text = answer->records[i].data;
		size_t at = version_end(text);
		if (at == 0)
			continue;
		found++;
		text = gp_slice_drop(text, at);
		while (text.ptr && !run->arena->failed) {
			struct gp_slice word = gp_slice_trim(gp_slice_cut(&text, ' '));
			if (word.len > 0)
				put_words(run, ret, &sign, word);
		}
	}
	if (found > 1)
		settle(run, ret);
	end_draft(ret, &sign);
	return found > 0;
}
