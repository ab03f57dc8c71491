/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arc/chain.h"

#include <errno.h>

#include "base/scan.h"
#include "core/taglist/taglist.h"

struct gp_slice
gp_arc_part_name(enum gp_arc_part part)
{
	static const char *const names[] = {
		[GP_ARC_RESULTS] = "ARC-Authentication-Results",
		[GP_ARC_MESSAGE] = "ARC-Message-Signature",
		[GP_ARC_SEAL] = "ARC-Seal",
	};
	return gp_slice_str(names[part]);
}

/* A chain on its way. */
struct collecting {
	struct gp_arena *arena;
	struct gp_arc_chain *chain;
	struct gp_arc_set *sets;
	bool there[GP_ARC_SETS_MAX][GP_ARC_PARTS];
};

/* The first fault is the one that is told. */
static void
wrong(struct collecting *c, const char *fault)
{
	if (!c->chain->fault)
		c->chain->fault = fault;
}

/* --- numbers (section 4.2.1) --- */

/* 1 to 50, as it is written by all; 0: it is none. */
static unsigned
read_position(struct gp_slice digits)
{
	uint64_t n;
	if (gp_slice_starts(digits, GP_SLICE("0")) || !gp_slice_u64(digits, GP_ARC_SETS_MAX, &n))
		return 0;
	return (unsigned)n;
}

/* Steps over spaces and comments, which may be within each other. */
static void
skip_comments(struct gp_scan *c)
{
	size_t depth = 0;
	for (gp_scan_wsp(c); !gp_scan_end(c); depth ? (void)0 : gp_scan_wsp(c)) {
		if (gp_scan_char(c, '('))
			depth++;
		else if (depth == 0)
			return;
		else if (gp_scan_char(c, ')'))
			depth--;
		else
			c->at += gp_scan_peek(c) == '\\' ? 2 : 1;
	}
}

/* "i=N;" in front of the results. */
static unsigned
read_results_position(struct gp_slice value, struct gp_arena *arena)
{
	struct gp_scan c = gp_scan(gp_header_unfold(value, arena));
	skip_comments(&c);
	if (!gp_scan_char(&c, 'i'))
		return 0;
	skip_comments(&c);
	if (!gp_scan_char(&c, '='))
		return 0;
	skip_comments(&c);
	struct gp_slice digits = gp_scan_while(&c, gp_ascii_is_digit);
	skip_comments(&c);
	return gp_scan_char(&c, ';') ? read_position(digits) : 0;
}

static struct gp_slice
value_of(const struct gp_taglist *list, struct gp_slice name)
{
	const struct gp_tag *tag = gp_taglist_find(list, name);
	return tag ? tag->value : gp_slice(NULL, 0);
}

/* --- one field --- */

/* cv= of a seal (section 4.1.3): what it has to be at this place is known, but for the newest,
 * which may also say that the chain was broken when it came. */
static void
judge_seal(struct collecting *c, const struct gp_taglist *tags, unsigned at)
{
	struct gp_slice cv = value_of(tags, GP_SLICE("cv"));
	struct gp_slice want = at == 1 ? GP_SLICE("none") : GP_SLICE("pass");
	if (at == c->chain->len)
		c->chain->closed = gp_slice_eq(cv, GP_SLICE("fail"));
	if (!gp_slice_eq(cv, want))
		wrong(c, at == 1 ? "cv= of the first seal is not none"
				 : "cv= of a later seal is not pass");
	if (gp_taglist_find(tags, GP_SLICE("h")))
		wrong(c, "a seal has h=");
}

/* Section 4.1.2: a signature that a later seal would have to break is none. */
static void
judge_message(struct collecting *c, const struct gp_taglist *tags)
{
	struct gp_slice names = value_of(tags, GP_SLICE("h")), name;
	while (names.ptr && gp_taglist_item(&names, ':', &name)) {
		if (gp_slice_eq_nocase(name, gp_arc_part_name(GP_ARC_SEAL)))
			wrong(c, "a signature of the message names ARC-Seal in h=");
	}
}

/* Which number field i has; 0: none that counts. */
static unsigned
position(struct collecting *c, size_t i, enum gp_arc_part part)
{
	struct gp_slice value = gp_header_value(c->chain->header, i);
	struct gp_taglist tags;
	if (part == GP_ARC_RESULTS)
		return read_results_position(value, c->arena);
	if (gp_taglist_read(value, &tags) != GP_TAGLIST_OK)
		return 0;
	return read_position(value_of(&tags, GP_SLICE("i")));
}

static void
place(struct collecting *c, size_t i, enum gp_arc_part part)
{
	unsigned at = position(c, i, part);
	if (at == 0) {
		wrong(c, "a field has no i= from 1 to 50");
		return;
	}
	if (c->there[at - 1][part])
		wrong(c, "a number stands in two fields of the same name");
	c->there[at - 1][part] = true;
	c->sets[at - 1].fields[part] = i;
	c->chain->len = GP_MAX(c->chain->len, at);
}

/* --- the chain --- */

/* Puts all fields where they belong. False: there is no chain. */
static bool
place_all(struct collecting *c)
{
	const struct gp_header *h = c->chain->header;
	size_t found = 0;
	for (unsigned part = 0; part < GP_ARC_PARTS; part++)
		found += gp_header_count(h, gp_arc_part_name(part));
	if (found > (size_t)GP_ARC_SETS_MAX * GP_ARC_PARTS) {
		wrong(c, "there are more than 50 sets");
		c->chain->len = GP_ARC_SETS_MAX;
		return true;
	}
	for (unsigned part = 0; part < GP_ARC_PARTS; part++) {
		struct gp_slice name = gp_arc_part_name(part);
		size_t at = gp_header_find(h, name, 0);
		for (; at < h->fields_len; at = gp_header_find(h, name, at + 1))
			place(c, at, part);
	}
	return found > 0;
}

static void
judge_sets(struct collecting *c)
{
	const struct gp_header *h = c->chain->header;
	struct gp_taglist tags;
	for (unsigned at = c->chain->len; at > 0; at--) {
		const bool *there = c->there[at - 1];
		const size_t *fields = c->sets[at - 1].fields;
		for (unsigned part = 0; part < GP_ARC_PARTS; part++) {
			if (!there[part])
				wrong(c, "a set is not whole");
		}
		if (there[GP_ARC_SEAL] &&
		    gp_taglist_read(gp_header_value(h, fields[GP_ARC_SEAL]), &tags) == 0)
			judge_seal(c, &tags, at);
		if (there[GP_ARC_MESSAGE] &&
		    gp_taglist_read(gp_header_value(h, fields[GP_ARC_MESSAGE]), &tags) == 0)
			judge_message(c, &tags);
	}
}

/* Of a signature whose body is one too many the chain must not say that it fits. */
static int
want_body(struct gp_arc_set *set, struct gp_dkim_body *body)
{
	struct gp_dkim_signature *sig = &set->message;
	if (sig->result || !body)
		return 0;
	int r = gp_dkim_body_want(body, sig->body_canon, sig->length, &set->body_hash);
	if (r == 1) {
		sig->result = GP_DKIM_POLICY;
		sig->reason = "the signatures have too many different bodies";
	}
	return GP_MIN(r, 0);
}

/* The newest first: if hashes run out, older ones can be done without. */
static int
read_signatures(struct collecting *c, struct gp_dkim_body *body)
{
	const struct gp_header *h = c->chain->header;
	for (unsigned at = c->chain->len; at > 0; at--) {
		struct gp_arc_set *set = &c->sets[at - 1];
		struct gp_slice message = gp_header_value(h, set->fields[GP_ARC_MESSAGE]);
		struct gp_slice seal = gp_header_value(h, set->fields[GP_ARC_SEAL]);
		int r = gp_dkim_signature_read(message, GP_DKIM_ARC_MESSAGE, c->arena,
					       &set->message);
		if (r == 0)
			r = gp_dkim_signature_read(seal, GP_DKIM_ARC_SEAL, c->arena, &set->seal);
		if (r == 0)
			r = want_body(set, body);
		if (r < 0)
			return r;
	}
	return 0;
}

int
gp_arc_collect(const struct gp_header *header, struct gp_dkim_body *body, struct gp_arena *arena,
	       struct gp_arc_chain *ret)
{
	struct collecting c = {.arena = arena, .chain = ret};
	*ret = (struct gp_arc_chain){.header = header};
	c.sets = gp_arena_array(arena, GP_ARC_SETS_MAX, sizeof(*c.sets));
	if (!c.sets)
		return -ENOMEM;
	ret->sets = c.sets;
	if (!place_all(&c))
		return 0;
	judge_sets(&c);
	if (arena->failed)
		return -ENOMEM;
	return ret->fault || ret->closed ? 0 : read_signatures(&c, body);
}

size_t
gp_arc_put_set(const struct gp_arc_chain *chain, unsigned i, struct gp_buf *out)
{
	size_t before = 0;
	gp_assert(i > 0 && i <= chain->len);
	for (unsigned part = 0; part < GP_ARC_PARTS; part++) {
		struct gp_slice raw = gp_header_raw(chain->header, chain->sets[i - 1].fields[part]);
		before = out->len;
		gp_dkim_canon_field(raw, GP_DKIM_RELAXED, out);
	}
	return before;
}
