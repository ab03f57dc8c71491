/* SPDX-License-Identifier: Apache-2.0 */
#include "core/software/software.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "core/identity/visible.h"
#include "core/software/match.h"
#include "core/software/print.h"

enum {
	WHOLE = 1000,
	DOUBT_MIN = 10, /* that is left whatever was seen */
	QUOTE_SHOWN_MAX = 2 * GP_SOFTWARE_QUOTE_MAX,
	/* A lie is a claim of at least this weight, by a product whose traits weigh less than that,
	   where the traits of another have at least this. */
	LIE_CLAIM_MIN = 300,
	LIE_TRAITS_MAX = 300,
	TRUTH_TRAITS_MIN = 700,
};

/* What the clues of one product came to. */
struct verdict {
	const struct gp_print *print;
	uint32_t traits; /* by what is compiled in alone, */
	uint32_t weight; /* and by claims too */
	uint32_t claim_weight;
	bool contradicted;
	struct gp_slice claim; /* the heaviest one */
	struct gp_slice version;
	struct gp_slice lines[GP_SOFTWARE_FIELDS]; /* those that matched */
};

static const char *const names[] = {
	[GP_SOFTWARE_GREETING] = "greeting",   [GP_SOFTWARE_EHLO] = "ehlo",
	[GP_SOFTWARE_EHLO_TLS] = "ehlo_tls",   [GP_SOFTWARE_HELO] = "helo",
	[GP_SOFTWARE_HELP] = "help",           [GP_SOFTWARE_UNKNOWN] = "unknown",
	[GP_SOFTWARE_MALFORMED] = "malformed", [GP_SOFTWARE_LONG] = "long",
	[GP_SOFTWARE_NOOP] = "noop",           [GP_SOFTWARE_STARTTLS] = "starttls",
	[GP_SOFTWARE_QUIT] = "quit",           [GP_SOFTWARE_VRFY] = "vrfy",
	[GP_SOFTWARE_EXPN] = "expn",           [GP_SOFTWARE_RSET] = "rset",
	[GP_SOFTWARE_MAIL] = "mail",           [GP_SOFTWARE_RCPT] = "rcpt",
};

const char *
gp_software_field_name(enum gp_software_field field)
{
	gp_assert(field < GP_SOFTWARE_FIELDS);
	return names[field];
}

/* --- one product --- */

/* Where all was said within TLS, that EHLO is as good as one in clear. */
static struct gp_slice
reply_to(const struct gp_software_observed *observed, uint8_t field)
{
	gp_assert(field < GP_SOFTWARE_FIELDS);
	if (field == GP_SOFTWARE_EHLO && observed->replies[field].len == 0)
		field = GP_SOFTWARE_EHLO_TLS;
	return gp_slice_take(observed->replies[field], GP_SOFTWARE_TEXT_MAX);
}

static bool
matches(const struct gp_print_clue *clue, const struct gp_software_observed *observed,
	struct gp_slice *line, struct gp_slice *version)
{
	struct gp_slice reply = reply_to(observed, clue->field);
	switch ((enum gp_print_clue_kind)clue->kind) {
	case GP_PRINT_CLAIM:
	case GP_PRINT_TRAIT:
		return gp_match_reply(clue->pattern, reply, line, version);
	case GP_PRINT_ORDER:
		*line = clue->pattern;
		return gp_match_order(clue->pattern, reply);
	case GP_PRINT_PAUSE:
		*line = gp_slice_cut(&reply, '\n');
		return line->len > 0 && reply.len > 0 &&
		       observed->greeting_pause_ms >= clue->pause_ms;
	case GP_PRINT_OTHER:
		return false;
	}
	gp_unreachable("a kind of clue");
}

static uint32_t
less(uint32_t of, uint32_t part)
{
	return of * (WHOLE - part) / WHOLE;
}

/* What of each reply the heaviest clue weighs, claims apart from all else. */
struct weights {
	uint32_t claims[GP_SOFTWARE_FIELDS], others[GP_SOFTWARE_FIELDS];
};

static void
look_for(const struct gp_print_clue *clue, const struct gp_software_observed *observed,
	 struct verdict *v, struct weights *w)
{
	bool claim = clue->kind == GP_PRINT_CLAIM;
	uint32_t *weight = claim ? &w->claims[clue->field] : &w->others[clue->field];
	struct gp_slice line = {}, version = {};
	if (!matches(clue, observed, &line, &version))
		return;
	if (claim && clue->weight > v->claim_weight) {
		v->claim_weight = clue->weight;
		v->claim = line;
	}
	if (clue->weight > GP_MAX(w->claims[clue->field], w->others[clue->field]))
		v->lines[clue->field] = line;
	*weight = GP_MAX(*weight, clue->weight);
	if (v->version.len == 0 && version.len <= GP_SOFTWARE_VERSION_MAX)
		v->version = version;
}

static struct verdict
judge(const struct gp_print *print, const struct gp_software_observed *observed)
{
	struct verdict v = {.print = print};
	struct weights w = {};
	uint32_t doubt = WHOLE, claim_doubt = WHOLE, kept = WHOLE;
	for (size_t i = 0; i < print->clues_len; i++)
		look_for(&print->clues[i], observed, &v, &w);
	for (size_t i = 0; i < GP_SOFTWARE_FIELDS; i++) {
		doubt = less(doubt, w.others[i]);
		claim_doubt = less(claim_doubt, w.claims[i]);
	}
	doubt = GP_MAX(doubt, DOUBT_MIN);
	for (size_t i = 0; i < print->clues_len; i++) {
		const struct gp_print_clue *clue = &print->clues[i];
		if (clue->kind != GP_PRINT_OTHER || reply_to(observed, clue->field).len == 0 ||
		    w.others[clue->field] > 0)
			continue;
		v.contradicted = true;
		kept = less(kept, clue->weight);
	}
	v.traits = (WHOLE - doubt) * kept / WHOLE;
	v.weight = (WHOLE - doubt * claim_doubt / WHOLE) * kept / WHOLE;
	return v;
}

/* --- all of them --- */

/* A control takes eight octets to be shown: of a line that is full of them, less is. */
static struct gp_slice
show(struct gp_slice line, struct gp_arena *arena)
{
	struct gp_slice shown = gp_visible(gp_slice_take(line, GP_SOFTWARE_QUOTE_MAX), arena);
	if (shown.len <= QUOTE_SHOWN_MAX)
		return shown;
	return gp_visible(gp_slice_take(line, QUOTE_SHOWN_MAX / 8), arena);
}

static void
quote(struct gp_buf *out, const char *what, struct gp_slice line, struct gp_arena *arena)
{
	struct gp_slice shown = show(line, arena);
	size_t needs = strlen(what) + shown.len + sizeof("; : ");
	if (out->len + needs <= out->max)
		gp_buf_printf(out, "%s%s: %.*s", out->len > 0 ? "; " : "", what,
			      GP_SLICE_FMT(shown));
}

static struct gp_slice
evidence_of(const struct verdict *v, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(GP_SOFTWARE_EVIDENCE_MAX);
	for (size_t i = 0; i < GP_SOFTWARE_FIELDS; i++) {
		if (v->lines[i].len > 0)
			quote(&text, names[i], v->lines[i], arena);
	}
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return copy;
}

static bool
is_base(const struct gp_print *base, const struct gp_print *of)
{
	return of->base && strcmp(of->base, base->product) == 0;
}

static void
take_over(struct verdict *base, struct verdict *v)
{
	uint32_t own = v->weight;
	v->weight += less(base->weight * own / WHOLE, own);
	base->weight = less(base->weight, own);
	if (v->version.len == 0)
		v->version = base->version;
}

static void
specialise(struct verdict *all)
{
	for (size_t i = 0; i < gp_prints_len; i++) {
		for (size_t j = 0; j < gp_prints_len; j++) {
			if (is_base(all[i].print, all[j].print))
				take_over(&all[i], &all[j]);
		}
	}
}

static struct verdict *
heaviest(struct verdict *all)
{
	struct verdict *best = &all[0];
	for (size_t i = 1; i < gp_prints_len; i++) {
		if (all[i].weight > best->weight)
			best = &all[i];
	}
	return best;
}

static bool
lies(const struct verdict *claimed, const struct verdict *true_one)
{
	return claimed->claim_weight >= LIE_CLAIM_MIN && true_one->claim_weight < LIE_CLAIM_MIN &&
	       claimed->contradicted && claimed->traits < LIE_TRAITS_MAX &&
	       true_one->traits >= TRUTH_TRAITS_MIN && !is_base(claimed->print, true_one->print) &&
	       !is_base(true_one->print, claimed->print);
}

static void
find_lie(const struct verdict *all, const struct verdict *best, struct gp_arena *arena,
	 struct gp_software *ret)
{
	for (size_t i = 0; i < gp_prints_len && !ret->belied; i++) {
		if (!lies(&all[i], best))
			continue;
		ret->belied = all[i].print->product;
		ret->claim = show(all[i].claim, arena);
	}
}

int
gp_software_find(const struct gp_software_observed *observed, struct gp_arena *arena,
		 struct gp_software *ret)
{
	struct verdict *all = gp_arena_array(arena, gp_prints_len, sizeof(*all));
	struct gp_software_candidate *items =
		gp_arena_array(arena, GP_SOFTWARE_CANDIDATES_MAX, sizeof(*items));
	*ret = (struct gp_software){.items = items};
	if (!all || !items)
		return -ENOMEM;
	for (size_t i = 0; i < gp_prints_len; i++)
		all[i] = judge(&gp_prints[i], observed);
	specialise(all);
	find_lie(all, heaviest(all), arena, ret);
	while (ret->len < GP_SOFTWARE_CANDIDATES_MAX) {
		struct verdict *v = heaviest(all);
		if (v->weight < GP_SOFTWARE_WEIGHT_MIN)
			break;
		items[ret->len++] = (struct gp_software_candidate){
			.name = v->print->product,
			.base = v->print->base,
			.version = gp_arena_dup(arena, v->version),
			.weight = (uint16_t)v->weight,
			.evidence = evidence_of(v, arena),
		};
		v->weight = 0;
	}
	return arena->failed ? -ENOMEM : 0;
}
