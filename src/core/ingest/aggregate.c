/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/aggregate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/ingest/aggregate_parts.h"
#include "core/ingest/text.h"

enum {
	FLAW_MAX = 512, /* octets */
	NO_TIME = -1,
	HEAD_ARENA_MAX = 64 << 10,
	ROW_ARENA_MAX = 256 << 10, /* all that a row may hold, twice over */
};

/* --- flaws --- */

void
gp_aggregate_fail(struct gp_aggregate *a, int error)
{
	if (error == 0 || a->error != 0)
		return;
	a->error = error;
	a->over = true;
}

static void
tell(struct gp_aggregate *a, uint64_t record, bool lost, const char *why)
{
	if (a->error == 0)
		gp_aggregate_fail(a, a->listener->flaw(a->listener->context, record, lost, why));
}

static bool
in_record(const struct gp_aggregate *a)
{
	for (size_t i = 0; i < a->depth; i++) {
		if (a->stack[i] == PLACE_RECORD)
			return true;
	}
	return false;
}

GP_PRINTF(4, 0)
static void
tell_va(struct gp_aggregate *a, uint64_t record, bool lost, const char *fmt, va_list args)
{
	char why[FLAW_MAX];
	vsnprintf(why, sizeof(why), fmt, args);
	size_t len = gp_ingest_cut(gp_slice_str(why), sizeof(why) - 5).len;
	why[len] = '\0';
	tell(a, record, lost, why);
}

void
gp_aggregate_flaw(struct gp_aggregate *a, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell_va(a, in_record(a) ? a->records : 0, false, fmt, args);
	va_end(args);
}

void
gp_aggregate_lose_row(struct gp_aggregate *a, const char *fmt, ...)
{
	if (a->row_lost)
		return;
	a->row_lost = true;
	va_list args;
	va_start(args, fmt);
	tell_va(a, a->records, true, fmt, args);
	va_end(args);
}

/* Nothing of it is kept. */
static void
lose(struct gp_aggregate *a, const char *why)
{
	tell(a, 0, true, why);
	a->lost = true;
	a->over = true;
}

/* Of the report, wherever in it we are. */
GP_PRINTF(2, 3)
static void
flaw_report(struct gp_aggregate *a, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	tell_va(a, 0, false, fmt, args);
	va_end(args);
}

/* "a, b, c": another one, if it is missing. */
static struct gp_slice
list_missing(struct gp_arena *arena, struct gp_slice list, bool missing, enum place place)
{
	if (!missing)
		return list;
	return gp_arena_printf(arena, "%.*s%s%s", GP_SLICE_FMT(list), list.len > 0 ? ", " : "",
			       gp_aggregate_name(place));
}

static struct gp_slice
list_unseen(struct gp_aggregate *a, const enum place *places, size_t len)
{
	struct gp_slice list = GP_SLICE("");
	for (size_t i = 0; i < len; i++)
		list = list_missing(&a->row_arena, list, !gp_aggregate_saw(a, places[i]),
				    places[i]);
	return list;
}

/* --- the head --- */

static void
check_head(struct gp_aggregate *a)
{
	struct gp_arena *arena = &a->head_arena;
	struct gp_slice list = GP_SLICE("");
	list = list_missing(arena, list, a->head.org.len == 0, PLACE_ORG);
	list = list_missing(arena, list, a->head.id.len == 0, PLACE_ID);
	list = list_missing(arena, list, !gp_aggregate_saw(a, PLACE_POLICY), PLACE_POLICY);
	if (list.len > 0)
		flaw_report(a, "it has no %.*s", GP_SLICE_FMT(list));
	const char *why = gp_ingest_mend_range(&a->head);
	if (why)
		flaw_report(a, "%s", why);
}

/* What is told of a report comes before its rows; a row's domain stands in for a policy's. */
static void
tell_head(struct gp_aggregate *a, struct gp_slice domain)
{
	struct gp_ingest_head *head = &a->head;
	if (a->head_told)
		return;
	if (head->begin == NO_TIME || head->end == NO_TIME) {
		lose(a, "it does not say what time it is about");
		return;
	}
	if (head->domain.len == 0)
		head->domain = domain;
	if (head->domain.len == 0) {
		lose(a, "it does not say what domain it is about");
		return;
	}
	check_head(a);
	a->head_told = true;
	if (a->error == 0)
		gp_aggregate_fail(a, a->listener->head(a->listener->context, head));
}

/* --- records --- */

/* Forgets what was seen of the places from first to last. */
static void
forget(struct gp_aggregate *a, enum place first, enum place last)
{
	uint64_t mask = (UINT64_MAX >> (63 - last)) & (UINT64_MAX << first);
	a->seen &= ~mask;
	a->told &= ~mask;
}

static void
clear_row(struct gp_ingest_row *row)
{
	memset(row, 0, offsetof(struct gp_ingest_row, reasons));
}

static void
begin_record(struct gp_aggregate *a)
{
	if (a->records == a->records_max) {
		/* A part of it would count as all, and the whole be a duplicate when it comes. */
		char why[64];
		snprintf(why, sizeof(why), "it has more than %llu records",
			 (unsigned long long)a->records_max);
		lose(a, why);
		return;
	}
	gp_arena_reset(&a->row_arena);
	clear_row(&a->row);
	a->row.number = ++a->records;
	a->row_lost = false;
	forget(a, PLACE_ROW, PLACES - 1);
}

/* Those that stand in what is missing too are not told. */
static void
check_record(struct gp_aggregate *a)
{
	static const enum place wanted[] = {PLACE_EVALUATED, PLACE_IDENTIFIERS, PLACE_RESULTS};
	static const enum place evaluated[] = {PLACE_DISPOSITION, PLACE_DKIM_ALIGNED,
					       PLACE_SPF_ALIGNED};
	struct gp_slice list = list_unseen(a, wanted, GP_ARRAY_LEN(wanted));
	if (list.len > 0)
		gp_aggregate_flaw(a, "it has no %.*s", GP_SLICE_FMT(list));
	if (gp_aggregate_saw(a, PLACE_EVALUATED)) {
		list = list_unseen(a, evaluated, GP_ARRAY_LEN(evaluated));
		if (list.len > 0)
			gp_aggregate_flaw(a, "its policy_evaluated has no %.*s",
					  GP_SLICE_FMT(list));
	}
	if (gp_aggregate_saw(a, PLACE_IDENTIFIERS) && !gp_aggregate_saw(a, PLACE_HEADER_FROM))
		gp_aggregate_flaw(a, "its identifiers have no header_from");
	if (a->row.count == 0)
		gp_aggregate_flaw(a, "its count is 0");
}

static void
end_record(struct gp_aggregate *a)
{
	static const enum place needed[] = {PLACE_SOURCE, PLACE_COUNT};
	struct gp_slice list = list_unseen(a, needed, GP_ARRAY_LEN(needed));
	if (list.len > 0)
		gp_aggregate_lose_row(a, "it has no %.*s", GP_SLICE_FMT(list));
	if (a->row_lost)
		return;
	check_record(a);
	tell_head(a, a->row.header_from);
	if (!a->over)
		gp_aggregate_fail(a, a->listener->row(a->listener->context, &a->row));
}

/* --- elements --- */

/* One more than may be. Of many, one is told. */
static enum place
surplus(struct gp_aggregate *a, enum place place)
{
	if (!(a->told >> place & 1))
		gp_aggregate_flaw(a, "it has more %s (%s) than are kept", gp_aggregate_name(place),
				  gp_aggregate_parent_name(place));
	a->told |= UINT64_C(1) << place;
	return PLACE_UNKNOWN;
}

/* What an element that begins is taken for. */
static enum place
admit(struct gp_aggregate *a, enum place place)
{
	struct gp_ingest_row *row = &a->row;
	if (gp_aggregate_once(place) && gp_aggregate_saw(a, place))
		return surplus(a, place);
	if ((place == PLACE_REASON && row->reasons_len == GP_INGEST_REASONS_MAX) ||
	    (place == PLACE_DKIM && row->dkim_results_len == GP_INGEST_RESULTS_MAX) ||
	    (place == PLACE_SPF && row->spf_results_len == GP_INGEST_RESULTS_MAX))
		return surplus(a, place);
	a->seen |= UINT64_C(1) << place;
	if (place == PLACE_RECORD) {
		begin_record(a);
	} else if (place == PLACE_REASON) {
		row->reasons[row->reasons_len++] = (struct gp_ingest_reason){};
		a->odd_type = GP_SLICE("");
		forget(a, PLACE_TYPE, PLACE_COMMENT);
	} else if (place == PLACE_DKIM) {
		row->dkim_results[row->dkim_results_len++] = (struct gp_ingest_auth){};
		forget(a, PLACE_DKIM_DOMAIN, PLACE_DKIM_HUMAN);
	} else if (place == PLACE_SPF) {
		row->spf_results[row->spf_results_len++] = (struct gp_ingest_auth){};
		forget(a, PLACE_SPF_DOMAIN, PLACE_SPF_HUMAN);
	}
	return place;
}

static enum place
here(const struct gp_aggregate *a)
{
	return a->depth > 0 ? (enum place)a->stack[a->depth - 1] : PLACE_OUTSIDE;
}

static void
on_start(struct gp_aggregate *a, struct gp_slice name)
{
	if (a->closed) {
		a->over = true;
		gp_aggregate_flaw(a, "something follows its end");
		return;
	}
	enum place place = admit(a, gp_aggregate_child(here(a), name));
	if (place != PLACE_UNKNOWN)
		a->text_len = 0;
	a->stack[a->depth++] = (uint8_t)place;
}

static void
on_end(struct gp_aggregate *a)
{
	enum place place = here(a);
	struct gp_slice text = gp_slice(a->text, a->text_len);
	if (place == PLACE_RECORD)
		end_record(a);
	else if (place == PLACE_FEEDBACK)
		a->closed = true;
	else if (place == PLACE_REASON)
		gp_aggregate_take_reason(a, text);
	else if (gp_aggregate_has_text(place))
		gp_aggregate_take(a, place, text);
	if (place != PLACE_UNKNOWN)
		a->text_len = 0;
	a->depth--;
}

static void
on_text(struct gp_aggregate *a, struct gp_slice text)
{
	if (a->closed && gp_ingest_trim(text).len > 0) {
		a->over = true;
		gp_aggregate_flaw(a, "something follows its end");
	} else if (gp_aggregate_has_text(here(a))) {
		text = gp_slice_take(text, sizeof(a->text) - a->text_len);
		memcpy(a->text + a->text_len, text.ptr, text.len);
		a->text_len += text.len;
	}
}

/* --- the whole --- */

struct gp_aggregate *
gp_aggregate_new(const struct gp_ingest_listener *listener, uint64_t records_max)
{
	struct gp_aggregate *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->head_arena = GP_ARENA_INIT(HEAD_ARENA_MAX);
	a->row_arena = GP_ARENA_INIT(ROW_ARENA_MAX);
	gp_xml_init(&a->xml);
	gp_aggregate_again(a, listener, records_max);
	return a;
}

void
gp_aggregate_again(struct gp_aggregate *a, const struct gp_ingest_listener *listener,
		   uint64_t records_max)
{
	memset(a, 0, offsetof(struct gp_aggregate, xml));
	a->listener = listener;
	a->records_max = records_max;
	a->head = (struct gp_ingest_head){
		.kind = GP_INGEST_AGGREGATE, .begin = NO_TIME, .end = NO_TIME, .pct = -1};
	gp_xml_again(&a->xml);
	gp_arena_reset(&a->head_arena);
	gp_arena_reset(&a->row_arena);
	clear_row(&a->row);
}

struct gp_aggregate *
gp_aggregate_free(struct gp_aggregate *a)
{
	if (!a)
		return NULL;
	gp_xml_free(&a->xml);
	gp_arena_free(&a->head_arena);
	gp_arena_free(&a->row_arena);
	free(a);
	return NULL;
}

/* The XML ends before the report does. A head that nothing follows is worth nothing. */
static void
break_off(struct gp_aggregate *a, const char *why)
{
	char text[FLAW_MAX];
	if (in_record(a))
		gp_aggregate_lose_row(a, "the XML breaks off in it");
	snprintf(text, sizeof(text), "the XML breaks off: %s", why);
	if (!a->head_told)
		lose(a, text);
	else
		tell(a, 0, false, text);
	a->over = true;
}

static void
feed_piece(struct gp_aggregate *a, struct gp_slice piece)
{
	struct gp_xml_event e;
	enum gp_xml_result r = GP_XML_EVENT;
	gp_aggregate_fail(a, gp_xml_feed(&a->xml, piece));
	while (!a->over && (r = gp_xml_next(&a->xml, &e)) == GP_XML_EVENT) {
		if (e.kind == GP_XML_START)
			on_start(a, e.text);
		else if (e.kind == GP_XML_END)
			on_end(a);
		else
			on_text(a, e.text);
	}
	if (!a->over && r > GP_XML_EVENT && a->closed)
		gp_aggregate_flaw(a, "something follows its end");
	else if (!a->over && r > GP_XML_EVENT)
		break_off(a, gp_xml_why(r));
	a->over |= r > GP_XML_EVENT;
}

int
gp_aggregate_feed(struct gp_aggregate *a, struct gp_slice octets)
{
	while (octets.len > 0 && !a->over) {
		feed_piece(a, gp_slice_take(octets, GP_XML_PIECE_MAX));
		octets = gp_slice_drop(octets, GP_XML_PIECE_MAX);
	}
	return a->error;
}

/* Of what ended early the last piece decides how much was recoded behind that end: nothing is said
 * of its octets then. */
static void
tell_mended(struct gp_aggregate *a, bool ended_early)
{
	static const char *const odds[] = {
		"a \"<\" stands in a text",
		"a \"&\" stands in a text",
		"something stands before its first element",
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(odds); i++) {
		if (a->xml.odd >> i & 1)
			tell(a, 0, false, odds[i]);
	}
	if (a->xml.octets.mended && !ended_early)
		tell(a, 0, false, "octets that are no UTF-8 are read as windows-1252");
}

int
gp_aggregate_end(struct gp_aggregate *a)
{
	bool ended_early = a->over;
	if (!a->over && !gp_aggregate_saw(a, PLACE_FEEDBACK))
		lose(a, "no feedback element is in it");
	else if (!a->over && !a->closed)
		break_off(a, gp_xml_why(GP_XML_MORE));
	if (!a->lost)
		tell_head(a, GP_SLICE(""));
	a->over = true;
	if (a->lost)
		return a->error;
	if (a->records == 0)
		tell(a, 0, false, "it has no record");
	if (a->closed && a->depth > 0)
		tell(a, 0, false, "an element around it is not closed");
	tell_mended(a, ended_early);
	return a->error;
}
