/* SPDX-License-Identifier: Apache-2.0 */
/* check_host() in the order of RFC 7208 section 4; the mechanisms are in mechanism.c. */
#include "core/spf/spf.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "core/dns/idn.h"
#include "core/spf/parts.h"

enum {
	UNKNOWN = -1, /* beside enum gp_spf_verdict: answers are missing, or memory */
	INDENT = 2,   /* columns of the trail for each include */
	PATH_QUESTIONS = GP_SPF_QUESTIONS_MAX - 1, /* one is left for exp */
};

/* --- words for people --- */

/* Outside text becomes printable ASCII, and no longer than a line. */
static struct gp_slice
clean(struct gp_spf_eval *e, const char *text, size_t len)
{
	char *copy = gp_arena_str(e->arena, gp_slice(text, GP_MIN(len, (size_t)GP_SPF_LINE_MAX)));
	len = copy ? GP_MIN(len, (size_t)GP_SPF_LINE_MAX) : 0;
	for (size_t i = 0; i < len; i++) {
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	}
	return gp_slice(copy, len);
}

GP_PRINTF(3, 4)
static void
note(struct gp_spf_eval *e, const struct gp_spf_check *c, const char *fmt, ...)
{
	char text[2 * GP_SPF_LINE_MAX];
	va_list args;
	if (!e->trail || e->result->trail_len == GP_SPF_TRAIL_MAX)
		return;
	int at = snprintf(text, sizeof(text), "%*s%.*s: ", (int)c->depth * INDENT, "",
			  GP_SLICE_FMT(c->domain.text));
	at = GP_MIN(at, (int)sizeof(text) - 1);
	va_start(args, fmt);
	int len = vsnprintf(text + at, sizeof(text) - (size_t)at, fmt, args);
	va_end(args);
	len = GP_MIN(at + len, (int)sizeof(text) - 1);
	bool last = e->result->trail_len == GP_SPF_TRAIL_MAX - 1;
	e->trail[e->result->trail_len++] =
		last ? GP_SLICE("and more") : clean(e, text, (size_t)len);
}

/* The reason: "domain: term: why", without the cost of printf. */
static void
set_reason(struct gp_spf_eval *e, struct gp_slice domain, const struct gp_spf_term *t,
	   const char *why)
{
	char text[2 * GP_SPF_LINE_MAX];
	size_t len = 0;
	struct gp_slice parts[] = {gp_slice_take(domain, GP_SPF_LINE_MAX / 3), GP_SLICE(": "),
				   t ? gp_slice_take(t->text, GP_SPF_LINE_MAX / 3) : GP_SLICE(""),
				   t ? GP_SLICE(": ") : GP_SLICE(""), gp_slice_str(why)};
	for (size_t i = 0; i < GP_ARRAY_LEN(parts); i++) {
		gp_assert(parts[i].len <= sizeof(text) - len);
		if (parts[i].len > 0)
			memcpy(text + len, parts[i].ptr, parts[i].len);
		len += parts[i].len;
	}
	e->result->reason = clean(e, text, len);
}

int
gp_spf_stop(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	    uint8_t verdict, const char *why)
{
	e->result->verdict = verdict;
	set_reason(e, c->domain.text, t, why);
	note(e, c, "%.*s%s%s: %s", GP_SLICE_FMT(t ? t->text : GP_SLICE("")), t ? ": " : "",
	     gp_spf_verdict_name(verdict), why);
	return GP_SPF_STOP;
}

/* --- section 4.6.4: limits --- */

bool
gp_spf_charge(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t,
	      size_t n)
{
	e->questions += n;
	if (e->questions <= PATH_QUESTIONS)
		return true;
	(void)gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
			  "more than 64 questions to the DNS (RFC 7208 section 4.6.4)");
	return false;
}

int
gp_spf_void(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	e->detail = "nothing there: a void lookup";
	if (++e->result->void_lookups > GP_SPF_VOID_MAX)
		return gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				   "the third void lookup (RFC 7208 section 4.6.4)");
	return GP_SPF_NO;
}

static bool
count_lookup(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	if (!gp_spf_term_asks(t) || ++e->result->lookups <= GP_SPF_LOOKUPS_MAX)
		return true;
	(void)gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
			  "the eleventh term that asks the DNS (RFC 7208 section 4.6.4)");
	return false;
}

static bool
is_asked(const struct gp_spf_result *r, struct gp_slice name, uint16_t type)
{
	for (size_t i = 0; i < r->need_len; i++) {
		if (r->need[i].type == type && gp_slice_eq_nocase(r->need[i].name, name))
			return true;
	}
	return false;
}

bool
gp_spf_look_up(struct gp_spf_eval *e, struct gp_slice name, uint16_t type,
	       struct gp_dns_answer *ret)
{
	struct gp_spf_result *r = e->result;
	if (gp_answers_find(e->answers, name, type, ret))
		return true;
	if (is_asked(r, name, type))
		return false;
	if (!e->need)
		e->need = gp_arena_array(e->arena, GP_SPF_QUESTIONS_MAX, sizeof(*e->need));
	if (!e->need)
		return false;
	gp_assert(r->need_len < GP_SPF_QUESTIONS_MAX);
	r->need = e->need;
	e->need[r->need_len++] = (struct gp_dns_question){name, type};
	return false;
}

/*
 * What the record's terms ask first is charged for when the record is read, as far as there is
 * room: so the sum is the same in every round, whatever is already known.
 */
static bool
charge_ahead(struct gp_spf_eval *e, struct gp_spf_check *c, size_t lookups)
{
	size_t left = GP_SPF_LOOKUPS_MAX - GP_MIN(e->result->lookups, (unsigned)GP_SPF_LOOKUPS_MAX);
	size_t n = GP_MIN(lookups, left);
	c->charged = e->ahead + n <= GP_SPF_AHEAD_MAX;
	if (!c->charged)
		return true;
	e->ahead += n;
	return gp_spf_charge(e, c, NULL, n);
}

/* The terms that follow one whose answer is missing, if it does not match. */
static void
ask_ahead(struct gp_spf_eval *e, const struct gp_spf_check *c, struct gp_slice terms)
{
	struct gp_spf_term t;
	unsigned lookups = e->result->lookups;
	while (c->charged && gp_spf_next(&terms, &t) == 0) {
		bool asks = gp_spf_term_asks(&t) && t.kind != GP_SPF_REDIRECT;
		if (t.kind == GP_SPF_ALL || ((t.kind == GP_SPF_IP4 || t.kind == GP_SPF_IP6) &&
					     gp_spf_match(e, c, &t) == GP_SPF_YES))
			return;
		if (asks && ++lookups > GP_SPF_LOOKUPS_MAX)
			return;
		if (asks)
			gp_spf_ask_ahead(e, c, &t);
	}
	if (c->charged && c->redirect.spec.len > 0 && lookups < GP_SPF_LOOKUPS_MAX)
		gp_spf_ask_ahead(e, c, &c->redirect);
}

/* --- sections 4.3 to 4.5: the domain and its record --- */

static int
check_host(struct gp_spf_eval *e, const struct gp_spf_name *domain, unsigned depth);

/* YES: its terms are in c->terms. */
static int
find_record(struct gp_spf_eval *e, struct gp_spf_check *c)
{
	struct gp_dns_answer answer;
	if (gp_slice_find(c->domain.text, '.') < 0)
		return gp_spf_stop(e, c, NULL, GP_SPF_NONE,
				   "a domain of one label has no policy (RFC 7208 section 4.3)");
	if (!gp_spf_look_up(e, c->domain.name, GP_DNS_TXT, &answer))
		return GP_SPF_UNKNOWN;
	if (gp_dns_status_temporary(answer.status))
		return gp_spf_stop(e, c, NULL, GP_SPF_TEMPERROR,
				   "the DNS did not answer for the record (RFC 7208 section 4.4)");
	switch (gp_spf_select(&answer, &c->terms)) {
	case 0:
		return gp_spf_stop(e, c, NULL, GP_SPF_NONE, "no SPF record (RFC 7208 section 4.5)");
	case 1:
		return GP_SPF_YES;
	default:
		return gp_spf_stop(e, c, NULL, GP_SPF_PERMERROR,
				   "more than one SPF record (RFC 7208 section 4.5)");
	}
}

/* --- section 4.6: the record's syntax, all of it before any of it counts --- */

/* A modifier that may stand there once (section 6). */
static bool
keep_modifier(struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_spf_term *place = t->kind == GP_SPF_EXP ? &c->exp : &c->redirect;
	if (t->kind != GP_SPF_EXP && t->kind != GP_SPF_REDIRECT)
		return true;
	if (place->spec.len > 0)
		return false;
	*place = *t;
	return true;
}

static int
read_record(struct gp_spf_eval *e, struct gp_spf_check *c)
{
	struct gp_slice terms = c->terms;
	struct gp_spf_term t;
	size_t lookups = 0;
	int rc;
	note(e, c, "v=spf1%.*s (RFC 7208 section 4.5)", GP_SLICE_FMT(c->terms));
	e->octets += c->terms.len;
	if (e->octets > GP_SPF_OCTETS_MAX)
		return gp_spf_stop(e, c, NULL, GP_SPF_PERMERROR,
				   "more than 65536 octets of records");
	while ((rc = gp_spf_next(&terms, &t)) == 0) {
		lookups += gp_spf_term_asks(&t);
		if (!keep_modifier(c, &t))
			return gp_spf_stop(e, c, &t, GP_SPF_PERMERROR,
					   "stands there twice (RFC 7208 section 6)");
	}
	if (rc < 0)
		return gp_spf_stop(e, c, &t, GP_SPF_PERMERROR,
				   "a syntax error (RFC 7208 section 4.6)");
	return charge_ahead(e, c, lookups) ? GP_SPF_YES : GP_SPF_STOP;
}

/* --- section 4.6.2 and on: evaluation --- */

/* Section 5.2: the included record's verdict, as a match. Errors keep the reason found there. */
static int
match_include(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	struct gp_spf_name target;
	int found = gp_spf_target(e, c, t, &target);
	if (found == GP_SPF_NO && !(t->uses & GP_SPF_USES_LOCAL && e->odd_local))
		return gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				   "its target is no name (RFC 7208 section 5.2)");
	if (found != GP_SPF_YES)
		return found;
	if (!c->charged && !gp_spf_charge(e, c, t, 1))
		return GP_SPF_STOP;
	switch (check_host(e, &target, c->depth + 1)) {
	case UNKNOWN:
		return GP_SPF_UNKNOWN;
	case GP_SPF_PASS:
		return GP_SPF_YES;
	case GP_SPF_TEMPERROR:
	case GP_SPF_PERMERROR:
		return GP_SPF_STOP;
	case GP_SPF_NONE:
		return gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				   "the domain has no SPF record (RFC 7208 section 5.2)");
	default:
		return GP_SPF_NO;
	}
}

static const char *
section_of(uint8_t kind)
{
	static const char *const sections[] = {
		[GP_SPF_ALL] = "5.1", [GP_SPF_INCLUDE] = "5.2", [GP_SPF_A] = "5.3",
		[GP_SPF_MX] = "5.4",  [GP_SPF_PTR] = "5.5",     [GP_SPF_IP4] = "5.6",
		[GP_SPF_IP6] = "5.6", [GP_SPF_EXISTS] = "5.7",
	};
	gp_assert(kind < GP_ARRAY_LEN(sections));
	return sections[kind];
}

static int
match_term(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	e->detail = NULL;
	if (!count_lookup(e, c, t))
		return GP_SPF_STOP;
	int match = t->kind == GP_SPF_INCLUDE ? match_include(e, c, t) : gp_spf_match(e, c, t);
	if (match == GP_SPF_YES || match == GP_SPF_NO)
		note(e, c, "%.*s: %s%s%s (RFC 7208 section %s)", GP_SLICE_FMT(t->text),
		     match == GP_SPF_YES ? "match" : "no match", e->detail ? ", " : "",
		     e->detail ? e->detail : "", section_of(t->kind));
	return match;
}

/* The directive decides this record; outside of includes, the check (section 4.6.2). */
static int
decide(struct gp_spf_eval *e, const struct gp_spf_check *c, const struct gp_spf_term *t)
{
	if (c->depth > 0)
		return t->qualifier;
	e->result->mechanism = t->text;
	set_reason(e, c->domain.text, t, "match (RFC 7208 section 4.6.2)");
	if (t->qualifier == GP_SPF_FAIL) {
		e->exp = c->exp;
		e->exp_domain = c->domain.text;
	}
	return t->qualifier;
}

/* Section 6.1. */
static int
follow_redirect(struct gp_spf_eval *e, const struct gp_spf_check *c)
{
	const struct gp_spf_term *t = &c->redirect;
	struct gp_spf_name target;
	if (!count_lookup(e, c, t))
		return e->result->verdict;
	int found = gp_spf_target(e, c, t, &target);
	if (found == GP_SPF_NO)
		(void)gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
				  "its target is no name (RFC 7208 section 6.1)");
	if (found == GP_SPF_UNKNOWN)
		return UNKNOWN;
	if (found != GP_SPF_YES || (!c->charged && !gp_spf_charge(e, c, t, 1)))
		return e->result->verdict;
	note(e, c, "%.*s: its record decides (RFC 7208 section 6.1)", GP_SLICE_FMT(t->text));
	int verdict = check_host(e, &target, c->depth);
	if (verdict != GP_SPF_NONE)
		return verdict;
	(void)gp_spf_stop(e, c, t, GP_SPF_PERMERROR,
			  "the domain has no SPF record (RFC 7208 section 6.1)");
	return GP_SPF_PERMERROR;
}

static int
evaluate(struct gp_spf_eval *e, const struct gp_spf_check *c)
{
	struct gp_slice terms = c->terms;
	struct gp_spf_term t;
	while (gp_spf_next(&terms, &t) == 0) {
		if (t.kind >= GP_SPF_REDIRECT)
			continue;
		int match = match_term(e, c, &t);
		if (match == GP_SPF_YES)
			return decide(e, c, &t);
		if (match == GP_SPF_STOP)
			return e->result->verdict;
		if (match == GP_SPF_UNKNOWN) {
			ask_ahead(e, c, terms);
			return UNKNOWN;
		}
	}
	if (c->redirect.spec.len > 0)
		return follow_redirect(e, c);
	note(e, c, "nothing matched: neutral (RFC 7208 section 4.7)");
	if (c->depth == 0)
		set_reason(e, c->domain.text, NULL, "nothing matched (RFC 7208 section 4.7)");
	return GP_SPF_NEUTRAL;
}

/* A verdict, or UNKNOWN. Recursion ends by the limit on lookups: each call but the first is one. */
static int
check_host(struct gp_spf_eval *e, const struct gp_spf_name *domain, unsigned depth)
{
	struct gp_spf_check c = {.domain = *domain, .depth = depth};
	int found = find_record(e, &c);
	if (found == GP_SPF_YES)
		found = read_record(e, &c);
	if (found == GP_SPF_YES)
		return evaluate(e, &c);
	return found == GP_SPF_UNKNOWN ? UNKNOWN : e->result->verdict;
}

/* --- section 6.2: the explanation of a fail; whatever is wrong with it, there is none --- */

/* UNKNOWN, or anything else when it is done. */
static int
explain(struct gp_spf_eval *e)
{
	struct gp_spf_check c = {.domain = {e->exp_domain, e->exp_domain}};
	struct gp_spf_name target;
	struct gp_dns_answer answer;
	uint8_t uses;
	int found = gp_spf_target(e, &c, &e->exp, &target);
	if (found != GP_SPF_YES)
		return found;
	if (!gp_spf_look_up(e, target.name, GP_DNS_TXT, &answer))
		return GP_SPF_UNKNOWN;
	if (answer.records_len != 1 || !gp_spf_explanation_valid(answer.records[0].data, &uses))
		return GP_SPF_NO;
	if (uses & GP_SPF_USES_VALIDATED)
		found = gp_spf_find_validated(e, &c);
	if (found != GP_SPF_YES)
		return found;
	e->values.domain = e->exp_domain;
	found = gp_spf_expand_explanation(answer.records[0].data, &e->values,
					  GP_SPF_EXPLANATION_MAX, e->arena,
					  &e->result->explanation);
	return found < 0 ? GP_SPF_UNKNOWN : GP_SPF_NO;
}

/* --- section 2 and 4.1: whose identity --- */

static const uint8_t *
unmap(const struct gp_spf_query *q, uint8_t *ret_len)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool is_mapped = q->address_len == 16 && memcmp(q->address, mapped, sizeof(mapped)) == 0;
	*ret_len = is_mapped ? 4 : q->address_len;
	return is_mapped ? q->address + sizeof(mapped) : q->address;
}

static struct gp_slice
join_address(struct gp_arena *arena, struct gp_slice local, struct gp_slice domain)
{
	size_t len = local.len + 1 + domain.len;
	char *text = gp_arena_alloc(arena, len);
	if (!text)
		return gp_slice(NULL, 0);
	memcpy(text, local.ptr, local.len);
	text[local.len] = '@';
	if (domain.len > 0)
		memcpy(text + local.len + 1, domain.ptr, domain.len);
	return gp_slice(text, len);
}

/* U-labels become A-labels; what is no name stays as it is, and *ret_valid says so. */
static int
to_ascii(struct gp_spf_eval *e, struct gp_slice s, struct gp_slice *ret, bool *ret_valid)
{
	int rc = gp_idn_to_ascii(s, e->arena, ret);
	*ret_valid = rc == 0;
	if (rc > 0)
		*ret = s;
	return GP_MIN(rc, 0);
}

/* Splits the identity's address (section 4.3: without a local-part it is postmaster's). */
static int
read_identity(struct gp_spf_eval *e, bool *ret_valid)
{
	const struct gp_spf_query *q = e->query;
	struct gp_spf_values *v = &e->values;
	bool by_helo = q->scope == GP_SPF_HELO || q->sender.len == 0;
	ptrdiff_t at = by_helo ? -1 : gp_slice_rfind(q->sender, '@');
	const uint8_t *address = unmap(q, &v->address_len);
	memcpy(v->address, address, v->address_len);
	v->receiver = q->receiver;
	v->now_s = q->now_s;
	int rc = to_ascii(e, q->helo, &v->helo, ret_valid);
	v->local = at > 0 ? gp_slice_take(q->sender, (size_t)at) : GP_SLICE("postmaster");
	e->odd_local = gp_slice_has_8bit(v->local);
	v->sender_domain = v->helo;
	if (rc == 0 && !by_helo)
		rc = to_ascii(e, gp_slice_drop(q->sender, (size_t)(at + 1)), &v->sender_domain,
			      ret_valid);
	if (rc < 0)
		return rc;
	bool as_given =
		at > 0 && gp_slice_eq(gp_slice_drop(q->sender, (size_t)at + 1), v->sender_domain);
	v->sender = as_given ? q->sender : join_address(e->arena, v->local, v->sender_domain);
	return v->sender.ptr ? 0 : -ENOMEM;
}

/* The octets of a host's name, and the underscore that some have: no address literal, no garbage of
 * HELO is asked about. */
static bool
is_hostlike(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!gp_ascii_is_alnum(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

/* Section 4.3. */
static int
check_identity(struct gp_spf_eval *e, bool valid)
{
	struct gp_slice domain = e->values.sender_domain;
	struct gp_spf_check c = {.domain = {domain, domain}};
	struct gp_spf_name name;
	int rc = valid && is_hostlike(domain) ? gp_spf_make_name(domain, e->arena, &name) : 1;
	if (rc < 0)
		return UNKNOWN;
	if (rc == 0)
		return check_host(e, &name, 0);
	(void)gp_spf_stop(e, &c, NULL, GP_SPF_NONE, "not a domain name (RFC 7208 section 4.3)");
	return GP_SPF_NONE;
}

static int
run(struct gp_spf_eval *e)
{
	bool valid;
	int rc = read_identity(e, &valid);
	if (rc < 0)
		return rc;
	e->result->domain = clean(e, e->values.sender_domain.ptr, e->values.sender_domain.len);
	e->questions = 1;
	int verdict = check_identity(e, valid);
	bool done = verdict != UNKNOWN;
	struct gp_slice reason = e->result->reason;
	if (verdict == GP_SPF_FAIL && e->query->explain && e->exp.spec.len > 0)
		done = explain(e) != GP_SPF_UNKNOWN;
	if (e->arena->failed)
		return -ENOMEM;
	gp_assert(done || e->result->need_len > 0);
	if (!done)
		return GP_SPF_NEED;
	e->result->verdict = (uint8_t)verdict;
	e->result->reason = reason;
	return GP_SPF_DONE;
}

int
gp_spf_eval(const struct gp_spf_query *query, const struct gp_answers *answers,
	    struct gp_arena *arena, struct gp_spf_result *ret)
{
	struct gp_spf_eval e = {.query = query, .answers = answers, .arena = arena, .result = ret};
	gp_assert(query->address_len == 4 || query->address_len == 16);
	*ret = (struct gp_spf_result){0};
	if (query->trail) {
		e.trail = gp_arena_array(arena, GP_SPF_TRAIL_MAX, sizeof(*e.trail));
		ret->trail = e.trail;
	}
	return run(&e);
}

const char *
gp_spf_verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[GP_SPF_NONE] = "none",           [GP_SPF_NEUTRAL] = "neutral",
		[GP_SPF_PASS] = "pass",           [GP_SPF_FAIL] = "fail",
		[GP_SPF_SOFTFAIL] = "softfail",   [GP_SPF_TEMPERROR] = "temperror",
		[GP_SPF_PERMERROR] = "permerror",
	};
	gp_assert(verdict < GP_ARRAY_LEN(names));
	return names[verdict];
}

const char *
gp_spf_scope_name(uint8_t scope)
{
	return scope == GP_SPF_HELO ? "helo" : "mfrom";
}
