/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/aggregate_parts.h"

#include <errno.h>

#include "core/ingest/text.h"

/* --- words --- */

struct word {
	struct gp_slice text; /* in lower case */
	uint8_t value;
};

static const struct word policies[] = {
	{GP_SLICE("none"), GP_INGEST_POLICY_NONE},
	{GP_SLICE("quarantine"), GP_INGEST_POLICY_QUARANTINE},
	{GP_SLICE("reject"), GP_INGEST_POLICY_REJECT},
};

static const struct word dispositions[] = {
	{GP_SLICE("none"), GP_INGEST_DISPOSITION_NONE},
	{GP_SLICE("pass"), GP_INGEST_DISPOSITION_PASS},
	{GP_SLICE("quarantine"), GP_INGEST_DISPOSITION_QUARANTINE},
	{GP_SLICE("reject"), GP_INGEST_DISPOSITION_REJECT},
};

static const struct word reasons[] = {
	{GP_SLICE("forwarded"), GP_INGEST_REASON_FORWARDED},
	{GP_SLICE("local_policy"), GP_INGEST_REASON_LOCAL_POLICY},
	{GP_SLICE("mailing_list"), GP_INGEST_REASON_MAILING_LIST},
	{GP_SLICE("other"), GP_INGEST_REASON_OTHER},
	{GP_SLICE("policy_test_mode"), GP_INGEST_REASON_POLICY_TEST_MODE},
	{GP_SLICE("sampled_out"), GP_INGEST_REASON_SAMPLED_OUT},
	{GP_SLICE("trusted_forwarder"), GP_INGEST_REASON_TRUSTED_FORWARDER},
};

/* RFC 7489 appendix C says of two what many write in their stead. */
static const struct word results[] = {
	{GP_SLICE("pass"), GP_INGEST_RESULT_PASS},
	{GP_SLICE("fail"), GP_INGEST_RESULT_FAIL},
	{GP_SLICE("none"), GP_INGEST_RESULT_NONE},
	{GP_SLICE("softfail"), GP_INGEST_RESULT_SOFTFAIL},
	{GP_SLICE("neutral"), GP_INGEST_RESULT_NEUTRAL},
	{GP_SLICE("policy"), GP_INGEST_RESULT_POLICY},
	{GP_SLICE("temperror"), GP_INGEST_RESULT_TEMPERROR},
	{GP_SLICE("permerror"), GP_INGEST_RESULT_PERMERROR},
	{GP_SLICE("hardfail"), GP_INGEST_RESULT_FAIL},
	{GP_SLICE("error"), GP_INGEST_RESULT_TEMPERROR},
	{GP_SLICE("unknown"), GP_INGEST_RESULT_PERMERROR},
};

static bool
find_word(const struct word *words, size_t len, struct gp_slice text, uint8_t *ret)
{
	for (size_t i = 0; i < len; i++) {
		if (words[i].text.len == text.len && gp_slice_eq_nocase(words[i].text, text)) {
			*ret = words[i].value;
			return true;
		}
	}
	return false;
}

/* --- one kind of value each: false: it cannot be read --- */

static bool
take_text(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	*(struct gp_slice *)to = text;
	return true;
}

static bool
take_name(struct gp_slice text, struct gp_arena *arena, void *to)
{
	return gp_ingest_name(text, arena, to);
}

static bool
take_time(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return gp_ingest_seconds(text, to) != GP_INGEST_TIME_BAD;
}

static bool
take_policy(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return find_word(policies, GP_ARRAY_LEN(policies), text, to);
}

static bool
take_choice(struct gp_slice text, char yes, char no, bool *ret)
{
	char c = text.len > 0 ? gp_ascii_lower(text.ptr[0]) : '\0';
	*ret = c == yes;
	return c == yes || c == no;
}

/* "s" and "r", or the words that they stand for. */
static bool
take_alignment(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return take_choice(text, 's', 'r', to);
}

static bool
take_testing(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return take_choice(text, 'y', 'n', to);
}

static bool
take_percent(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	uint64_t n;
	bool good = gp_slice_u64(text, 100, &n);
	if (good)
		*(int *)to = (int)n;
	return good;
}

static bool
take_address(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return gp_ingest_address(text, to);
}

static bool
take_count(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return gp_ingest_count(text, to);
}

static bool
take_disposition(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return find_word(dispositions, GP_ARRAY_LEN(dispositions), text, to);
}

static bool
take_result(struct gp_slice text, struct gp_arena *arena, void *to)
{
	(void)arena;
	return find_word(results, GP_ARRAY_LEN(results), text, to);
}

/* Whatever is no pass did not align. */
static bool
take_aligned(struct gp_slice text, struct gp_arena *arena, void *to)
{
	uint8_t result;
	if (!take_result(text, arena, &result))
		return false;
	*(uint8_t *)to =
		result == GP_INGEST_RESULT_PASS ? GP_INGEST_RESULT_PASS : GP_INGEST_RESULT_FAIL;
	return true;
}

/* --- what is where --- */

#define HEAD(member) offsetof(struct gp_ingest_head, member)
#define ROW(member) offsetof(struct gp_ingest_row, member)
#define REASON(member) offsetof(struct gp_ingest_reason, member)
#define AUTH(member) offsetof(struct gp_ingest_auth, member)

/* `to` is an offset in what the place belongs to. */
static const struct {
	bool (*take)(struct gp_slice text, struct gp_arena *arena, void *to);
	size_t to;
} values[PLACES] = {
	[PLACE_VERSION] = {take_text, HEAD(version)},
	[PLACE_ORG] = {take_text, HEAD(org)},
	[PLACE_EMAIL] = {take_text, HEAD(email)},
	[PLACE_CONTACT] = {take_text, HEAD(contact)},
	[PLACE_ID] = {take_text, HEAD(id)},
	[PLACE_GENERATOR] = {take_text, HEAD(generator)},
	[PLACE_BEGIN] = {take_time, HEAD(begin)},
	[PLACE_END] = {take_time, HEAD(end)},
	[PLACE_DOMAIN] = {take_name, HEAD(domain)},
	[PLACE_P] = {take_policy, HEAD(p)},
	[PLACE_SP] = {take_policy, HEAD(sp)},
	[PLACE_NP] = {take_policy, HEAD(np)},
	[PLACE_ADKIM] = {take_alignment, HEAD(adkim_strict)},
	[PLACE_ASPF] = {take_alignment, HEAD(aspf_strict)},
	[PLACE_PCT] = {take_percent, HEAD(pct)},
	[PLACE_FO] = {take_text, HEAD(fo)},
	[PLACE_TESTING] = {take_testing, HEAD(testing)},
	[PLACE_DISCOVERY] = {take_text, HEAD(discovery)},

	[PLACE_SOURCE] = {take_address, ROW(source)},
	[PLACE_COUNT] = {take_count, ROW(count)},
	[PLACE_DISPOSITION] = {take_disposition, ROW(disposition)},
	[PLACE_DKIM_ALIGNED] = {take_aligned, ROW(dkim)},
	[PLACE_SPF_ALIGNED] = {take_aligned, ROW(spf)},
	[PLACE_HEADER_FROM] = {take_name, ROW(header_from)},
	[PLACE_ENVELOPE_FROM] = {take_name, ROW(envelope_from)},
	[PLACE_ENVELOPE_TO] = {take_name, ROW(envelope_to)},

	[PLACE_COMMENT] = {take_text, REASON(comment)},

	[PLACE_DKIM_DOMAIN] = {take_name, AUTH(domain)},
	[PLACE_DKIM_SELECTOR] = {take_name, AUTH(selector)},
	[PLACE_DKIM_RESULT] = {take_result, AUTH(result)},
	[PLACE_DKIM_HUMAN] = {take_text, AUTH(human)},

	[PLACE_SPF_DOMAIN] = {take_name, AUTH(domain)},
	[PLACE_SPF_SCOPE] = {take_text, AUTH(scope)},
	[PLACE_SPF_RESULT] = {take_result, AUTH(result)},
	[PLACE_SPF_HUMAN] = {take_text, AUTH(human)},
};

/* What the place belongs to: of a list, the last one. */
static char *
owner(struct gp_aggregate *a, enum place place)
{
	struct gp_ingest_row *row = &a->row;
	if (place < PLACE_ROW)
		return (char *)&a->head;
	if (place == PLACE_COMMENT)
		return (char *)&row->reasons[row->reasons_len - 1];
	if (place >= PLACE_SPF_DOMAIN)
		return (char *)&row->spf_results[row->spf_results_len - 1];
	if (place >= PLACE_DKIM_DOMAIN)
		return (char *)&row->dkim_results[row->dkim_results_len - 1];
	return (char *)row;
}

bool
gp_aggregate_has_text(enum place place)
{
	return values[place].take || place == PLACE_ERROR || place == PLACE_REASON ||
	       place == PLACE_TYPE;
}

/* Without these a record is worth nothing. */
static bool
is_needed(enum place place)
{
	return place == PLACE_SOURCE || place == PLACE_COUNT;
}

/* Where the text itself is kept, or told. */
static bool
is_kept(enum place place)
{
	return values[place].take == take_text || place == PLACE_TYPE || place == PLACE_ERROR;
}

/* What cannot be read stays as it was: not told. */
static void
complain(struct gp_aggregate *a, enum place place, struct gp_slice text)
{
	enum { SHOWN_MAX = 64 };
	struct gp_arena *arena = place < PLACE_ROW ? &a->head_arena : &a->row_arena;
	struct gp_slice shown =
		gp_ingest_cut(gp_ingest_text(text, GP_INGEST_TEXT_MAX, arena), SHOWN_MAX);
	static const char fmt[] = "its %s (%s) cannot be read: \"%.*s\"";
	const char *name = gp_aggregate_name(place), *parent = gp_aggregate_parent_name(place);
	if (is_needed(place))
		gp_aggregate_lose_row(a, fmt, name, parent, GP_SLICE_FMT(shown));
	else
		gp_aggregate_flaw(a, fmt, name, parent, GP_SLICE_FMT(shown));
}

static void
take_type(struct gp_aggregate *a, struct gp_slice text)
{
	struct gp_ingest_reason *reason = &a->row.reasons[a->row.reasons_len - 1];
	if (!find_word(reasons, GP_ARRAY_LEN(reasons), text, &reason->type))
		a->odd_type = text;
}

void
gp_aggregate_take(struct gp_aggregate *a, enum place place, struct gp_slice text)
{
	struct gp_arena *arena = place < PLACE_ROW ? &a->head_arena : &a->row_arena;
	text = is_kept(place) ? gp_ingest_text(text, GP_INGEST_TEXT_MAX, arena)
			      : gp_ingest_trim(text);
	if (gp_ingest_is_reference(text))
		complain(a, place, text);
	else if (place == PLACE_ERROR && text.len > 0)
		gp_aggregate_flaw(a, "its writer tells of an error: %.*s", GP_SLICE_FMT(text));
	else if (place == PLACE_TYPE)
		take_type(a, text);
	else if (values[place].take && (text.len > 0 || is_needed(place)) &&
		 !values[place].take(text, arena, owner(a, place) + values[place].to))
		complain(a, place, text);
	if (arena->failed)
		gp_aggregate_fail(a, -ENOMEM);
}

/* What no RFC knows is told among the words of the comment. One that says nothing is none. */
void
gp_aggregate_take_reason(struct gp_aggregate *a, struct gp_slice text)
{
	struct gp_ingest_reason *reason = &a->row.reasons[a->row.reasons_len - 1];
	if (!gp_aggregate_saw(a, PLACE_TYPE) && !gp_aggregate_saw(a, PLACE_COMMENT))
		take_type(a, gp_ingest_text(text, GP_INGEST_TEXT_MAX, &a->row_arena));
	struct gp_slice odd = a->odd_type, comment = reason->comment;
	if (odd.len > 0 && comment.len > 0)
		reason->comment = gp_arena_printf(&a->row_arena, "%.*s: %.*s", GP_SLICE_FMT(odd),
						  GP_SLICE_FMT(comment));
	else if (odd.len > 0)
		reason->comment = odd;
	reason->comment = gp_ingest_cut(reason->comment, GP_INGEST_TEXT_MAX);
	if (reason->type == 0 && reason->comment.len == 0)
		a->row.reasons_len--;
	else if (reason->type == 0)
		reason->type = GP_INGEST_REASON_OTHER;
	if (a->row_arena.failed)
		gp_aggregate_fail(a, -ENOMEM);
}
