/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarc/dmarc.h"

#include <errno.h>
#include <stdarg.h>

enum { NOTE_MAX = 512 };

struct eval {
	const struct gp_dmarc_query *query;
	struct gp_dmarc_asking asking;
	struct gp_dmarc_walk walk; /* of the author's domain */
	struct gp_dmarc_result *result;
	bool inherited;      /* the record stands above the author's domain */
	bool policy_unknown; /* sp or np: the DNS did not say whether the domain exists */
};

/* A text for people, in the arena: what strangers wrote comes out as printable ASCII. */
GP_PRINTF(2, 0)
static struct gp_slice
print_line(struct eval *e, const char *fmt, va_list args)
{
	char text[NOTE_MAX];
	int len = vsnprintf(text, sizeof(text), fmt, args);
	gp_assert(len >= 0);
	struct gp_slice line = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1));
	for (size_t i = 0; i < line.len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
	return gp_arena_dup(e->asking.arena, line);
}

GP_PRINTF(2, 3)
static void
note(struct eval *e, const char *fmt, ...)
{
	va_list args;
	if (!e->query->trail)
		return;
	gp_assert(e->result->trail_len < GP_DMARC_TRAIL_MAX);
	va_start(args, fmt);
	e->result->trail[e->result->trail_len++] = print_line(e, fmt, args);
	va_end(args);
}

/* --- the end --- */

GP_PRINTF(3, 4)
static int
conclude(struct eval *e, uint8_t verdict, const char *fmt, ...)
{
	struct gp_dmarc_result *r = e->result;
	va_list args;
	va_start(args, fmt);
	r->reason = print_line(e, fmt, args);
	va_end(args);
	r->verdict = verdict;
	r->disposition = verdict == GP_DMARC_FAIL ? r->policy : GP_DMARC_P_NONE;
	note(e, "%s: %.*s", gp_dmarc_verdict_name(verdict), GP_SLICE_FMT(r->reason));
	return e->asking.arena->failed ? -ENOMEM : GP_DMARC_DONE;
}

static int
ask_more(struct eval *e)
{
	e->result->need = e->asking.need;
	e->result->need_len = e->asking.need_len;
	return e->asking.arena->failed ? -ENOMEM : GP_DMARC_NEED;
}

/* --- the record (section 4.10.1) --- */

static void
note_walk(struct eval *e)
{
	static const char *const words[] = {
		[GP_DMARC_FOUND_NONE] = "no record",
		[GP_DMARC_FOUND_SEVERAL] = "several records, which count as none",
		[GP_DMARC_FOUND_UNKNOWN] = "the DNS did not answer",
	};
	for (size_t i = 0; i < e->walk.len; i++) {
		const struct gp_dmarc_step *s = &e->walk.steps[i];
		if (s->record)
			note(e, "_dmarc.%.*s: \"%.*s\"", GP_SLICE_FMT(s->name),
			     GP_SLICE_FMT(s->record->text));
		else
			note(e, "_dmarc.%.*s: %s (RFC 9989 section 4.10)", GP_SLICE_FMT(s->name),
			     words[s->found]);
	}
	if (!e->walk.broken)
		note(e, "the organisational domain is %.*s (RFC 9989 section 4.10.2)",
		     GP_SLICE_FMT(e->walk.org));
}

static void
note_record(struct eval *e, const struct gp_dmarc_step *s)
{
	const struct gp_dmarc_record *r = s->record;
	note(e, "the record of %.*s applies to %.*s (RFC 9989 section 4.10.1)",
	     GP_SLICE_FMT(s->name), GP_SLICE_FMT(e->result->from_domain));
	for (size_t i = 0; i < r->flaws_len; i++)
		note(e, "passed over in it: \"%.*s\" (RFC 9989 section 4.8)",
		     GP_SLICE_FMT(r->flaws[i]));
	if (r->monitors)
		note(e, "its policy cannot be read: p=none, as rua is there (RFC 9989 section "
			"4.10.1)");
}

/* The record that applies to the author's domain, or NULL. */
static const struct gp_dmarc_step *
choose_record(const struct gp_dmarc_walk *w)
{
	if (w->steps[0].record)
		return &w->steps[0];
	for (size_t i = 1; !w->broken && i < w->len; i++) {
		if (w->steps[i].record && gp_slice_eq(w->steps[i].name, w->org))
			return &w->steps[i];
	}
	return w->psd;
}

/* --- the policy (section 4.7) --- */

enum existence { EXISTS, ABSENT, UNSAID, QUESTION };

/*
 * Is the author's domain there (section 3.2.13)? NXDOMAIN says that it is not, any other answer
 * that it is; of a name below it, too.
 */
static enum existence
find_existence(struct eval *e)
{
	struct gp_dns_answer answer;
	uint8_t below = e->walk.steps[0].status;
	if (below == GP_DNS_OK || below == GP_DNS_NODATA)
		return EXISTS;
	if (!gp_dmarc_ask(&e->asking, e->result->from_domain, GP_DNS_A, &answer))
		return QUESTION;
	if (gp_dns_status_temporary(answer.status))
		return UNSAID;
	return answer.status == GP_DNS_NXDOMAIN ? ABSENT : EXISTS;
}

/* Of a record above the author's domain: sp, or np. */
static uint8_t
choose_inherited(struct eval *e)
{
	const struct gp_dmarc_record *record = e->result->record;
	const char *tag = record->sp != GP_DMARC_P_ABSENT ? "sp" : "p";
	uint8_t policy = record->sp != GP_DMARC_P_ABSENT ? record->sp : record->p;
	enum existence existence = EXISTS;
	if (record->np != GP_DMARC_P_ABSENT && record->np != policy)
		existence = find_existence(e);
	e->policy_unknown = existence == UNSAID;
	if (existence == ABSENT) {
		tag = "np";
		policy = record->np;
	}
	note(e, "%.*s %s: %s=%s counts (RFC 9989 section 4.7)",
	     GP_SLICE_FMT(e->result->from_domain),
	     existence == ABSENT   ? "does not exist"
	     : existence == UNSAID ? "may exist or not, the DNS did not answer"
				   : "is below the record",
	     tag, gp_dmarc_policy_name(policy));
	return policy;
}

static void
choose_policy(struct eval *e)
{
	struct gp_dmarc_result *r = e->result;
	r->policy = e->inherited ? choose_inherited(e) : r->record->p;
	if (r->record->testing && r->policy > GP_DMARC_P_NONE) {
		r->policy--;
		note(e, "t=y: one step milder, %s (RFC 9989 section 4.7)",
		     gp_dmarc_policy_name(r->policy));
	}
}

/* --- alignment (section 4.10.2) --- */

enum alignment { NOT_ALIGNED, ALIGNED, UNKNOWN, ASKED };

/* With an organisational domain that is not known: could it be an ancestor of both? */
static bool
may_share_org(struct gp_slice a, struct gp_slice b)
{
	ptrdiff_t dot = gp_slice_rfind(a, '.');
	return gp_dmarc_is_within(b, gp_slice_drop(a, (size_t)(dot + 1)));
}

/* Returns enum alignment of a name in the form of gp_dmarc_domain, or -ENOMEM. */
static int
align_relaxed(struct eval *e, struct gp_slice name)
{
	struct gp_dmarc_walk walk;
	struct gp_slice org = e->walk.org;
	if (e->walk.broken)
		return may_share_org(e->result->from_domain, name) ? UNKNOWN : NOT_ALIGNED;
	/* Its organisational domain is the name itself or an ancestor. */
	if (!gp_dmarc_is_within(name, org))
		return NOT_ALIGNED;
	int rc = gp_dmarc_walk(name, &e->asking, &walk);
	if (rc != GP_DMARC_WALKED)
		return rc < 0 ? rc : ASKED;
	if (walk.broken)
		return UNKNOWN;
	return gp_slice_eq(walk.org, org) ? ALIGNED : NOT_ALIGNED;
}

static int
align(struct eval *e, const struct gp_dmarc_proof *proof, bool strict)
{
	struct gp_slice name;
	int rc = gp_dmarc_domain(proof->domain, e->asking.arena, &name);
	if (rc != 0)
		return rc < 0 ? rc : NOT_ALIGNED;
	if (gp_slice_eq(name, e->result->from_domain))
		return ALIGNED;
	return strict ? NOT_ALIGNED : align_relaxed(e, name);
}

static void
note_alignment(struct eval *e, const char *what, struct gp_slice domain, int alignment, bool strict)
{
	static const char *const words[] = {
		[NOT_ALIGNED] = "is not aligned",
		[ALIGNED] = "is aligned",
		[UNKNOWN] = "may be aligned or not: the DNS did not answer",
	};
	if (alignment == ASKED)
		return;
	note(e, "%s %.*s %s, %s (RFC 9989 section 4.10.2)", what, GP_SLICE_FMT(domain),
	     words[alignment], strict ? "strict" : "relaxed");
}

/*
 * What the identifiers of one mechanism that are in this state come to, together: ALIGNED when one
 * of them is. Returns enum alignment, or -ENOMEM.
 */
static int
align_all(struct eval *e, const char *what, const struct gp_dmarc_proof *proofs, size_t len,
	  uint8_t state, bool strict)
{
	int all = NOT_ALIGNED;
	size_t counted = 0, asked = e->asking.need_len;
	for (size_t i = 0; i < len && counted < GP_DMARC_SIGNATURES_MAX; i++) {
		if (proofs[i].state != state)
			continue;
		counted++;
		int one = align(e, &proofs[i], strict);
		if (one < 0)
			return one;
		note_alignment(e, what, proofs[i].domain, one, strict);
		if (one == ALIGNED) {
			e->asking.need_len = asked; /* what others needed does not matter now */
			return ALIGNED;
		}
		all = GP_MAX(all, one);
	}
	return all;
}

/* Both mechanisms, of the identifiers in this state. */
static int
align_both(struct eval *e, uint8_t state, int *ret_spf, int *ret_dkim)
{
	const struct gp_dmarc_query *q = e->query;
	const struct gp_dmarc_record *record = e->result->record;
	bool proven = state == GP_DMARC_PROVEN;
	*ret_spf = align_all(e, proven ? "SPF pass of" : "SPF temperror of", &q->spf, 1, state,
			     record->aspf_strict);
	*ret_dkim = align_all(e, proven ? "DKIM pass of" : "DKIM temperror of", q->dkim,
			      q->dkim_len, state, record->adkim_strict);
	return GP_MIN(GP_MIN(*ret_spf, *ret_dkim), 0);
}

/* --- the verdict (section 5.3.5) --- */

static const char *
mechanisms(const struct gp_dmarc_result *r)
{
	if (r->spf_aligned && r->dkim_aligned)
		return "SPF and DKIM";
	return r->spf_aligned ? "SPF" : "DKIM";
}

/* No identifier is aligned; would one be that the DNS kept from proving itself? */
static int
judge_unaligned(struct eval *e, bool unknown)
{
	struct gp_slice from = e->result->from_domain;
	int spf, dkim;
	int rc = align_both(e, GP_DMARC_TROUBLE, &spf, &dkim);
	if (rc < 0)
		return rc;
	if (e->asking.need_len > 0)
		return ask_more(e);
	if (unknown || spf != NOT_ALIGNED || dkim != NOT_ALIGNED)
		return conclude(e, GP_DMARC_TEMPERROR,
				"the DNS did not say whether what passed is aligned with %.*s",
				GP_SLICE_FMT(from));
	if (e->policy_unknown)
		return conclude(e, GP_DMARC_TEMPERROR, "the DNS did not say whether %.*s exists",
				GP_SLICE_FMT(from));
	return conclude(e, GP_DMARC_FAIL, "nothing that passed is aligned with %.*s",
			GP_SLICE_FMT(from));
}

static int
judge(struct eval *e)
{
	struct gp_dmarc_result *r = e->result;
	int spf, dkim;
	choose_policy(e);
	int rc = align_both(e, GP_DMARC_PROVEN, &spf, &dkim);
	if (rc < 0)
		return rc;
	if (e->asking.need_len > 0)
		return ask_more(e);
	r->spf_aligned = spf == ALIGNED;
	r->dkim_aligned = dkim == ALIGNED;
	if (!r->spf_aligned && !r->dkim_aligned)
		return judge_unaligned(e, spf == UNKNOWN || dkim == UNKNOWN);
	return conclude(e, GP_DMARC_PASS, "aligned with %.*s: %s", GP_SLICE_FMT(r->from_domain),
			mechanisms(r));
}

/* --- the whole --- */

static int
eval_domain(struct eval *e)
{
	struct gp_dmarc_result *r = e->result;
	int rc = gp_dmarc_walk(r->from_domain, &e->asking, &e->walk);
	if (rc != GP_DMARC_WALKED)
		return rc < 0 ? rc : ask_more(e);
	r->org_domain = e->walk.org;
	note_walk(e);
	const struct gp_dmarc_step *step = choose_record(&e->walk);
	if (!step && e->walk.broken)
		return conclude(e, GP_DMARC_TEMPERROR,
				"the DNS did not say whether %.*s has a DMARC record",
				GP_SLICE_FMT(r->from_domain));
	if (!step)
		return conclude(e, GP_DMARC_NONE, "%.*s has no DMARC record",
				GP_SLICE_FMT(r->from_domain));
	if (!step->record->applies)
		return conclude(e, GP_DMARC_NONE,
				"the DMARC record of %.*s has no policy (RFC 9989 section 4.10.1)",
				GP_SLICE_FMT(step->name));
	r->record = step->record;
	r->policy_domain = step->name;
	e->inherited = step != &e->walk.steps[0];
	note_record(e, step);
	return judge(e);
}

int
gp_dmarc_eval(const struct gp_dmarc_query *query, const struct gp_answers *answers,
	      struct gp_arena *arena, struct gp_dmarc_result *ret)
{
	struct eval e = {
		.query = query,
		.asking = {.answers = answers, .arena = arena, .need_max = GP_DMARC_NEED_MAX},
		.result = ret,
	};
	*ret = (struct gp_dmarc_result){};
	e.asking.need = gp_arena_array(arena, GP_DMARC_NEED_MAX, sizeof(*e.asking.need));
	if (!e.asking.need)
		return -ENOMEM;
	if (query->author.state != GP_DMARC_AUTHOR_OK) {
		bool literal = query->author.state == GP_DMARC_AUTHOR_LITERAL;
		return conclude(&e, literal ? GP_DMARC_NONE : GP_DMARC_PERMERROR,
				"%s (RFC 9989 section 5.3.1)",
				gp_dmarc_author_text(query->author.state));
	}
	ret->from_domain = query->author.domain;
	return eval_domain(&e);
}

const char *
gp_dmarc_verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[GP_DMARC_NONE] = "none",           [GP_DMARC_PASS] = "pass",
		[GP_DMARC_FAIL] = "fail",           [GP_DMARC_TEMPERROR] = "temperror",
		[GP_DMARC_PERMERROR] = "permerror",
	};
	gp_assert(verdict < GP_ARRAY_LEN(names));
	return names[verdict];
}
