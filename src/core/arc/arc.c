/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arc/arc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { NOTE_MAX = 512 };

const char *
gp_arc_result_name(uint8_t result)
{
	static const char *const names[] = {
		[GP_ARC_NONE] = "none",
		[GP_ARC_PASS] = "pass",
		[GP_ARC_FAIL] = "fail",
	};
	gp_assert(result > 0 && result < GP_ARRAY_LEN(names));
	return names[result];
}

/* One judgement on its way. */
struct judging {
	const struct gp_arc_chain *chain;
	const struct gp_dkim_body *body;
	const struct gp_dkim_world *world;
	struct gp_arc_verdict *verdict;
	struct gp_dns_question *need;
};

GP_PRINTF(2, 3)
static void
note(struct judging *j, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	if (!j->world->trail)
		return;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0 && j->verdict->trail_len < GP_ARC_TRAIL_MAX);
	struct gp_slice line = gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1));
	j->verdict->trail[j->verdict->trail_len++] = gp_arena_dup(j->world->arena, line);
}

/* The end of it, when the chain does not pass. section: of RFC 8617. */
static int
fail(struct judging *j, struct gp_slice reason, const char *section)
{
	j->verdict->result = GP_ARC_FAIL;
	j->verdict->reason = reason;
	note(j, "fail: %.*s (RFC 8617 section %s)", GP_SLICE_FMT(reason), section);
	return GP_DKIM_DONE;
}

/* What a part of a set fails by, which is the chain's failure. */
static int
fail_of_set(struct judging *j, unsigned i, enum gp_arc_part part, const char *reason,
	    const char *section)
{
	struct gp_slice name = gp_arc_part_name(part);
	return fail(
		j,
		gp_arena_printf(j->world->arena, "%.*s of i=%u: %s", GP_SLICE_FMT(name), i, reason),
		section);
}

/* --- without the DNS --- */

/* Steps 1 to 3. Returns the result, or 0 when there is nothing to say against the chain. */
static uint8_t
judge_structure(struct judging *j)
{
	const struct gp_arc_chain *chain = j->chain;
	j->verdict->instances = chain->len;
	if (chain->len == 0 && !chain->fault) {
		j->verdict->result = GP_ARC_NONE;
		note(j, "none: there is no field of ARC (RFC 8617 section 5.2, step 1)");
		return GP_ARC_NONE;
	}
	note(j, "the highest i= is %u", chain->len);
	if (chain->closed)
		fail(j, gp_slice_str("the newest seal says that the chain was broken"),
		     "5.2, step 2");
	else if (chain->fault)
		fail(j, gp_slice_str(chain->fault), "5.2, step 3");
	return j->verdict->result;
}

/* What is malformed decides, before anything is asked for it. */
static uint8_t
judge_signatures(struct judging *j)
{
	unsigned newest = j->chain->len;
	const struct gp_dkim_signature *message = &j->chain->sets[newest - 1].message;
	if (message->result)
		fail_of_set(j, newest, GP_ARC_MESSAGE, message->reason, "5.2, step 4");
	for (unsigned i = newest; i > 0 && !j->verdict->result; i--) {
		const struct gp_dkim_signature *seal = &j->chain->sets[i - 1].seal;
		if (seal->result)
			fail_of_set(j, i, GP_ARC_SEAL, seal->reason, "5.2, step 6");
	}
	return j->verdict->result;
}

/* --- keys --- */

static int
ask(struct judging *j, const struct gp_dkim_signature *sig)
{
	struct gp_arc_verdict *v = j->verdict;
	struct gp_dns_answer answer;
	struct gp_dns_question q;
	if (sig->result)
		return 0;
	q = gp_dkim_question(sig, j->world->arena);
	if (!q.name.ptr)
		return -ENOMEM;
	if (gp_answers_find(j->world->answers, q.name, q.type, &answer))
		return 0;
	for (size_t i = 0; i < v->need_len; i++) {
		if (gp_slice_eq(j->need[i].name, q.name))
			return 0;
	}
	j->need[v->need_len++] = q;
	return 0;
}

/* What decides first comes first; the older signatures of the message only tell more about a chain
 * that passes. */
static int
ask_all(struct judging *j)
{
	const struct gp_arc_set *sets = j->chain->sets;
	unsigned newest = j->chain->len;
	j->need = gp_arena_array(j->world->arena, 2 * (size_t)newest, sizeof(*j->need));
	if (!j->need)
		return -ENOMEM;
	j->verdict->need = j->need;
	int r = ask(j, &sets[newest - 1].message);
	for (unsigned i = newest; i > 0 && r == 0; i--)
		r = ask(j, &sets[i - 1].seal);
	for (unsigned i = newest - 1; i > 0 && r == 0; i--)
		r = ask(j, &sets[i - 1].message);
	if (r == 0 && j->verdict->need_len > 0)
		r = GP_DKIM_NEED;
	return r;
}

/* --- signatures of the message --- */

/* Notes what came of a signature, with all that led to it when it decides. */
static void
tell(struct judging *j, unsigned i, enum gp_arc_part part, const struct gp_dkim_verdict *of,
     bool whole)
{
	struct gp_slice name = gp_arc_part_name(part);
	for (size_t n = 0; whole && n < of->trail_len; n++)
		note(j, "  %.*s", GP_SLICE_FMT(of->trail[n]));
	note(j, "i=%u, %.*s of %.*s: %s%s%s", i, GP_SLICE_FMT(name),
	     GP_SLICE_FMT(of->signature->domain), gp_dkim_result_name(of->result),
	     of->reason ? ": " : "", of->reason ? of->reason : "");
}

static int
verify_message(struct judging *j, unsigned i, struct gp_dkim_verdict *ret)
{
	const struct gp_arc_set *set = &j->chain->sets[i - 1];
	return gp_dkim_verify(j->chain->header, set->fields[GP_ARC_MESSAGE], &set->message, j->body,
			      set->body_hash, j->world, ret);
}

/* Is every From there covered? DKIM's own signatures have to name it, ARC's not. */
static bool
covers_from(const struct gp_header *header, const struct gp_dkim_signature *sig)
{
	size_t named = 0, there = gp_header_count(header, GP_SLICE("from"));
	for (size_t i = 0; i < sig->names_len; i++)
		named += gp_slice_eq_nocase(sig->names[i], GP_SLICE("from"));
	return named > 0 && named >= there;
}

/* Step 4. Returns as gp_arc_eval does; the verdict's result is 0 while all is well. */
static int
judge_newest(struct judging *j)
{
	struct gp_dkim_verdict v;
	unsigned newest = j->chain->len;
	int r = verify_message(j, newest, &v);
	if (r != GP_DKIM_DONE)
		return r;
	bool pass = v.result == GP_DKIM_PASS;
	tell(j, newest, GP_ARC_MESSAGE, &v, !pass);
	j->verdict->loose = v.partial || !covers_from(j->chain->header, v.signature);
	if (j->verdict->loose)
		note(j, "it does not cover %s: the chain is no proof of what the message was",
		     v.partial ? "all of the body" : "From");
	j->verdict->trouble = v.result == GP_DKIM_TEMPERROR;
	return pass ? GP_DKIM_DONE
		    : fail_of_set(j, newest, GP_ARC_MESSAGE, v.reason, "5.2, step 4");
}

/* Step 5: since when has nobody changed the message? */
static int
find_oldest_pass(struct judging *j)
{
	for (unsigned i = j->chain->len - 1; i > 0; i--) {
		struct gp_dkim_verdict v;
		int r = verify_message(j, i, &v);
		if (r != GP_DKIM_DONE)
			return r;
		tell(j, i, GP_ARC_MESSAGE, &v, false);
		if (v.result != GP_DKIM_PASS) {
			j->verdict->oldest_pass = i + 1;
			note(j,
			     "the message was changed before i=%u (RFC 8617 section 5.2, "
			     "step 5)",
			     i + 1);
			return GP_DKIM_DONE;
		}
	}
	return GP_DKIM_DONE;
}

/* --- seals --- */

/* The input of seal i: the text of all sets up to it, which ends at `before`, and itself. */
static int
seal_digest(struct judging *j, unsigned i, struct gp_slice before, struct gp_dkim_digest *ret)
{
	const struct gp_arc_set *set = &j->chain->sets[i - 1];
	struct gp_buf own = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	struct gp_dkim_hash *hash = gp_dkim_hash_new();
	int r = gp_dkim_put_own(gp_header_raw(j->chain->header, set->fields[GP_ARC_SEAL]),
				set->seal.raw, GP_DKIM_RELAXED, j->world->arena, &own);
	if (!hash)
		r = -ENOMEM;
	if (r == 0) {
		gp_dkim_hash_feed(hash, before);
		gp_dkim_hash_feed(hash, gp_buf_slice(&own));
		r = gp_dkim_hash_end(hash, ret);
	}
	gp_dkim_hash_free(hash);
	gp_buf_free(&own);
	return r;
}

static int
judge_seal(struct judging *j, unsigned i, struct gp_slice before)
{
	struct gp_dkim_digest digest;
	struct gp_dkim_verdict v;
	int r = seal_digest(j, i, before, &digest);
	if (r == 0)
		r = gp_dkim_verify_digest(&j->chain->sets[i - 1].seal, &digest, j->world, &v);
	if (r != GP_DKIM_DONE)
		return r;
	bool pass = v.result == GP_DKIM_PASS;
	tell(j, i, GP_ARC_SEAL, &v, !pass);
	j->verdict->trouble = v.result == GP_DKIM_TEMPERROR;
	return pass ? GP_DKIM_DONE : fail_of_set(j, i, GP_ARC_SEAL, v.reason, "5.2, step 6");
}

/* Step 6. */
static int
judge_seals(struct judging *j)
{
	struct gp_buf text = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	size_t before[GP_ARC_SETS_MAX];
	int r = GP_DKIM_DONE;
	for (unsigned i = 1; i <= j->chain->len; i++)
		before[i - 1] = gp_arc_put_set(j->chain, i, &text);
	if (text.failed)
		r = -ENOMEM;
	for (unsigned i = j->chain->len; i > 0 && r == GP_DKIM_DONE && !j->verdict->result; i--)
		r = judge_seal(j, i, gp_slice_take(gp_buf_slice(&text), before[i - 1]));
	gp_buf_free(&text);
	return r;
}

/* --- the whole --- */

static int
pass(struct judging *j)
{
	unsigned len = j->chain->len;
	struct gp_slice *sealers = gp_arena_array(j->world->arena, len, sizeof(*sealers));
	for (unsigned i = 0; sealers && i < len; i++)
		sealers[i] = j->chain->sets[i].seal.domain;
	j->verdict->sealers = sealers;
	j->verdict->sealers_len = sealers ? len : 0;
	j->verdict->result = GP_ARC_PASS;
	note(j, "pass: all seals fit (RFC 8617 section 5.2, step 7)");
	return GP_DKIM_DONE;
}

int
gp_arc_eval(const struct gp_arc_chain *chain, const struct gp_dkim_body *body,
	    const struct gp_dkim_world *world, struct gp_arc_verdict *ret)
{
	struct judging j = {.chain = chain, .body = body, .world = world, .verdict = ret};
	*ret = (struct gp_arc_verdict){};
	int r = GP_DKIM_DONE;
	if (!judge_structure(&j) && !judge_signatures(&j)) {
		r = ask_all(&j);
		if (r == GP_DKIM_DONE && !body)
			r = GP_DKIM_BODY;
		if (r == GP_DKIM_DONE)
			r = judge_newest(&j);
		if (r == GP_DKIM_DONE && !ret->result)
			r = find_oldest_pass(&j);
		if (r == GP_DKIM_DONE && !ret->result)
			r = judge_seals(&j);
		if (r == GP_DKIM_DONE && !ret->result)
			r = pass(&j);
	}
	return r >= 0 && world->arena->failed ? -ENOMEM : r;
}
