/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of a file of rules: a line is a word and what belongs to it. */
#include <errno.h>

#include "core/baseline/term.h"
#include "core/dmarc/record.h"

/* Who sends or takes mail, or could. */
enum {
	CLASSES_ALL =
		1U << GP_POSTURE_SENDING | 1U << GP_POSTURE_RECEIVING | 1U << GP_POSTURE_PARKED,
};

struct reader {
	struct gp_slice text; /* of the file, as far as it was not read */
	size_t lines;         /* read so far */
	struct gp_slice line; /* whole, with those that go on with it */
	struct gp_slice rest; /* of the line, as far as it was not read */
	size_t at;            /* the line's number */
	struct gp_arena *arena;
	struct gp_baseline *baseline;
	struct gp_baseline_rule *rules;
	struct gp_baseline_term *terms;
	size_t terms_len;
	bool or_begins; /* the next line of the rule is the first of an alternative */
	struct gp_baseline_error *error;
};

/* For `return wrong(...)`. */
static bool
wrong(struct reader *r, struct gp_slice why)
{
	*r->error = (struct gp_baseline_error){r->at, why};
	return false;
}

static bool
wrong_word(struct reader *r, const char *what, struct gp_slice word)
{
	return wrong(r, gp_arena_printf(r->arena, "%s: \"%.*s\"", what, GP_SLICE_FMT(word)));
}

/* --- lines and words --- */

static struct gp_slice
cut_line(struct reader *r)
{
	struct gp_slice line = gp_slice_cut(&r->text, '\n');
	r->lines++;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool
goes_on(const struct reader *r)
{
	return r->text.len > 0 && (r->text.ptr[0] == ' ' || r->text.ptr[0] == '\t');
}

static bool
has_controls(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

/* 1: there is none left. 0: in r->line, trimmed. -1: it is wrong. */
static int
next_line(struct reader *r)
{
	do {
		if (r->text.len == 0)
			return 1;
		r->line = gp_slice_trim(cut_line(r));
		r->at = r->lines;
	} while (r->line.len == 0 || r->line.ptr[0] == '#');
	while (goes_on(r)) {
		struct gp_slice more = gp_slice_trim(cut_line(r));
		if (r->line.len <= GP_BASELINE_LINE_MAX && more.len > 0)
			r->line = gp_arena_printf(
				r->arena, "%.*s %.*s", GP_SLICE_FMT(r->line),
				GP_SLICE_FMT(gp_slice_take(more, GP_BASELINE_LINE_MAX)));
	}
	r->rest = r->line;
	if (has_controls(r->line)) {
		(void)wrong(r, GP_SLICE("a file of rules has no control characters"));
		return -1;
	}
	if (r->line.len <= GP_BASELINE_LINE_MAX)
		return 0;
	(void)wrong(
		r, gp_arena_printf(r->arena, "a line has at most %d octets", GP_BASELINE_LINE_MAX));
	return -1;
}

/* Empty: there is none left. */
static struct gp_slice
next_word(struct gp_slice *rest)
{
	struct gp_slice word = gp_slice_cut(rest, ' ');
	*rest = gp_slice_trim(*rest);
	return word;
}

static bool
is_name(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.')
			return false;
	}
	return s.len > 0 && s.len <= GP_BASELINE_NAME_MAX;
}

/* NAME and a text that must be there. */
static bool
read_named(struct reader *r, struct gp_slice *ret_name, struct gp_slice *ret_text)
{
	*ret_name = next_word(&r->rest);
	*ret_text = r->rest;
	if (!is_name(*ret_name))
		return wrong_word(r, "no name of letters, digits, \"-\" and \".\"", *ret_name);
	return r->rest.len > 0 || wrong_word(r, "a text must follow the name", *ret_name);
}

/* --- what a line says --- */

static bool
read_baseline(struct reader *r)
{
	if (r->baseline->name.len > 0)
		return wrong(r, GP_SLICE("a file has one baseline"));
	return read_named(r, &r->baseline->name, &r->baseline->title);
}

static bool
read_document(struct reader *r)
{
	r->baseline->document = r->rest;
	return r->rest.len > 0 || wrong(r, GP_SLICE("say where the baseline is written"));
}

/* Its last alternative, too, holds something against the domain. */
static bool
end_rule(struct reader *r)
{
	const struct gp_baseline_rule *rule = &r->rules[r->baseline->len - 1];
	return !r->or_begins ||
	       wrong(r, gp_arena_printf(r->arena,
					"before this line, rule \"%.*s\" lacks a line of need, "
					"without or manual",
					GP_SLICE_FMT(rule->id)));
}

static bool
read_rule(struct reader *r)
{
	struct gp_baseline_rule *rule = &r->rules[r->baseline->len];
	if (r->baseline->len > 0 && !end_rule(r))
		return false;
	if (r->baseline->len == GP_BASELINE_RULES_MAX)
		return wrong(r, GP_SLICE("one rule too many"));
	*rule = (struct gp_baseline_rule){.classes = CLASSES_ALL, .terms = &r->terms[r->terms_len]};
	if (!read_named(r, &rule->id, &rule->text))
		return false;
	for (size_t i = 0; i < r->baseline->len; i++) {
		if (gp_slice_eq(r->rules[i].id, rule->id))
			return wrong_word(r, "there is such a rule already", rule->id);
	}
	r->baseline->len++;
	r->or_begins = true;
	return true;
}

static bool
read_section(struct reader *r, struct gp_baseline_rule *rule)
{
	rule->section = r->rest;
	return r->rest.len > 0 || wrong(r, GP_SLICE("name the section"));
}

static bool
read_for(struct reader *r, struct gp_baseline_rule *rule)
{
	rule->classes = 0;
	while (r->rest.len > 0) {
		struct gp_slice word = next_word(&r->rest);
		uint32_t classes = 0;
		for (int c = GP_POSTURE_SENDING; c <= GP_POSTURE_PARKED; c++) {
			if (gp_slice_eq(word, gp_slice_str(gp_posture_class_name((uint8_t)c))))
				classes = 1U << c;
		}
		if (classes == 0)
			return wrong_word(r, "none of sending, receiving and parked", word);
		rule->classes |= classes;
	}
	return rule->classes != 0 || wrong(r, GP_SLICE("say for which classes"));
}

static bool
read_policy(struct gp_slice word, uint64_t *ret)
{
	for (int p = GP_DMARC_P_NONE; p <= GP_DMARC_P_REJECT; p++) {
		*ret = (uint64_t)p;
		if (gp_slice_eq(word, gp_slice_str(gp_dmarc_policy_name((uint8_t)p))))
			return true;
	}
	return false;
}

static bool
read_value(struct reader *r, struct gp_baseline_term *t)
{
	struct gp_slice word = next_word(&r->rest);
	switch (baseline_facts[t->fact].type) {
	case BASELINE_NUMBER:
		return gp_slice_u64(word, UINT32_MAX, &t->value) ||
		       wrong_word(r, "no number", word);
	case BASELINE_YES_OR_NO:
		t->value = gp_slice_eq(word, GP_SLICE("yes"));
		return t->value || gp_slice_eq(word, GP_SLICE("no")) ||
		       wrong_word(r, "neither yes nor no", word);
	case BASELINE_POLICY:
		return read_policy(word, &t->value) ||
		       wrong_word(r, "none of none, quarantine and reject", word);
	default:
		t->text = word;
		return gp_slice_find(word, '@') > 0 || wrong_word(r, "no mail address", word);
	}
}

/* Which relations have a meaning for a fact of this type. */
static bool
fits(uint8_t type, uint8_t relation)
{
	if (type == BASELINE_ADDRESSES || relation == BASELINE_HAS)
		return type == BASELINE_ADDRESSES && relation == BASELINE_HAS;
	return relation == BASELINE_IS || type != BASELINE_YES_OR_NO;
}

static bool
read_relation(struct reader *r, struct gp_baseline_term *t)
{
	static const struct gp_slice words[] = {
		[BASELINE_IS] = GP_SLICE("="),
		[BASELINE_AT_LEAST] = GP_SLICE(">="),
		[BASELINE_AT_MOST] = GP_SLICE("<="),
		[BASELINE_HAS] = GP_SLICE("has"),
	};
	struct gp_slice word = next_word(&r->rest);
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		t->relation = (uint8_t)i;
		if (gp_slice_eq(word, words[i]) && fits(baseline_facts[t->fact].type, t->relation))
			return true;
	}
	return wrong_word(r, "such a fact is not compared so", word);
}

static bool
read_fact(struct reader *r, struct gp_baseline_term *t)
{
	struct gp_slice word = next_word(&r->rest);
	for (t->fact = 0; t->fact < baseline_facts_len; t->fact++) {
		if (gp_slice_eq(word, baseline_facts[t->fact].name))
			break;
	}
	if (t->fact == baseline_facts_len)
		return wrong_word(r, "no fact has this name", word);
	if (!read_relation(r, t) || !read_value(r, t))
		return false;
	return r->rest.len == 0 || wrong_word(r, "nothing stands behind the value", r->rest);
}

static bool
read_severity(struct reader *r, struct gp_slice word, uint8_t *ret)
{
	for (*ret = GP_SEVERITY_INFO; *ret <= GP_SEVERITY_CRITICAL; ++*ret) {
		if (gp_slice_eq(word, gp_slice_str(gp_severity_name(*ret))))
			return true;
	}
	return wrong_word(r, "none of info, low, medium, high and critical", word);
}

/* An id, or its beginning up to a final "*". */
static bool
is_pattern(struct gp_slice word)
{
	bool open = word.len > 0 && word.ptr[word.len - 1] == '*';
	return is_name(gp_slice_take(word, word.len - open)) && gp_slice_find(word, '.') > 0;
}

static bool
read_without(struct reader *r, struct gp_baseline_term *t)
{
	const char *begin = r->rest.ptr;
	size_t len = 0;
	while (r->rest.len > 0) {
		struct gp_slice word = next_word(&r->rest);
		if (gp_slice_eq(word, GP_SLICE(">=")) && len > 0)
			return read_severity(r, r->rest, &t->severity);
		if (!is_pattern(word))
			return wrong_word(r, "no finding's id", word);
		len = (size_t)(word.ptr - begin) + word.len;
		t->text = gp_slice(begin, len);
	}
	return len > 0 || wrong(r, GP_SLICE("say which findings there must not be"));
}

static bool
read_manual(struct reader *r, struct gp_baseline_term *t)
{
	t->text = r->rest;
	return r->rest.len > 0 || wrong(r, GP_SLICE("say why nobody but people can tell"));
}

static bool
read_or(struct reader *r)
{
	if (r->or_begins || r->rest.len > 0)
		return wrong(r, GP_SLICE("\"or\" stands alone, between lines of a rule"));
	r->or_begins = true;
	return true;
}

static const struct {
	struct gp_slice word;
	uint8_t kind;
	bool (*read)(struct reader *r, struct gp_baseline_term *t);
} terms[] = {
	{GP_SLICE("where"), BASELINE_WHERE, read_fact},
	{GP_SLICE("need"), BASELINE_NEED, read_fact},
	{GP_SLICE("without"), BASELINE_WITHOUT, read_without},
	{GP_SLICE("manual"), BASELINE_MANUAL, read_manual},
};

static bool
read_term(struct reader *r, struct gp_baseline_rule *rule, struct gp_slice word)
{
	size_t i = 0;
	while (i < GP_ARRAY_LEN(terms) && !gp_slice_eq(word, terms[i].word))
		i++;
	if (i == GP_ARRAY_LEN(terms))
		return wrong_word(r, "no line begins with this word", word);
	if (r->terms_len == GP_BASELINE_TERMS_MAX)
		return wrong(r, GP_SLICE("one line too many"));
	bool where = terms[i].kind == BASELINE_WHERE;
	if (where && rule->terms_len > 0 && r->terms[r->terms_len - 1].kind != BASELINE_WHERE)
		return wrong(r, GP_SLICE("\"where\" stands before what is asked"));
	struct gp_baseline_term *t = &r->terms[r->terms_len];
	*t = (struct gp_baseline_term){.kind = terms[i].kind, .begins = !where && r->or_begins};
	if (!terms[i].read(r, t))
		return false;
	r->terms_len++;
	rule->terms_len++;
	r->or_begins &= where;
	return true;
}

static bool
read_line(struct reader *r)
{
	struct gp_slice word = next_word(&r->rest);
	bool opens = gp_slice_eq(word, GP_SLICE("baseline"));
	if (!opens && r->baseline->name.len == 0)
		return wrong(r, GP_SLICE("a file begins with its baseline"));
	if (opens)
		return read_baseline(r);
	if (gp_slice_eq(word, GP_SLICE("rule")))
		return read_rule(r);
	if (r->baseline->len == 0)
		return gp_slice_eq(word, GP_SLICE("document"))
			       ? read_document(r)
			       : wrong_word(r, "no rule has begun", word);
	struct gp_baseline_rule *rule = &r->rules[r->baseline->len - 1];
	if (gp_slice_eq(word, GP_SLICE("section")))
		return read_section(r, rule);
	if (gp_slice_eq(word, GP_SLICE("for")))
		return read_for(r, rule);
	if (gp_slice_eq(word, GP_SLICE("or")))
		return read_or(r);
	return read_term(r, rule, word);
}

static bool
read_all(struct reader *r)
{
	int rc;
	while ((rc = next_line(r)) == 0) {
		if (!read_line(r))
			return false;
	}
	if (rc < 0)
		return false;
	if (r->baseline->len == 0) {
		r->at = 0;
		return wrong(r, GP_SLICE("there is no rule"));
	}
	r->at = r->lines;
	return end_rule(r);
}

/* There are no more rules, and no more of what they ask, than lines. */
static size_t
room_for(struct gp_slice text, size_t max)
{
	size_t lines = 1;
	for (size_t i = 0; i < text.len && lines < max; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

int
gp_baseline_read(struct gp_slice text, struct gp_arena *arena, struct gp_baseline *ret,
		 struct gp_baseline_error *ret_error)
{
	*ret = (struct gp_baseline){};
	struct reader r = {.text = text, .arena = arena, .baseline = ret, .error = ret_error};
	r.rules = gp_arena_array(arena, room_for(text, GP_BASELINE_RULES_MAX), sizeof(*r.rules));
	r.terms = gp_arena_array(arena, room_for(text, GP_BASELINE_TERMS_MAX), sizeof(*r.terms));
	if (!r.rules || !r.terms)
		return -ENOMEM;
	bool good = read_all(&r);
	ret->rules = r.rules;
	if (arena->failed)
		return -ENOMEM;
	return good ? 0 : 1;
}
