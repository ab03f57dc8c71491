/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of aggregate.h: places.c knows the elements, values.c their texts, aggregate.c
 * the course of a report. */
#pragma once

#include "base/arena.h"
#include "core/ingest/aggregate.h"
#include "core/ingest/xml.h"

/* Elements that mean something, by where they stand; the children of each stand together. */
enum place {
	PLACE_OUTSIDE = 0, /* of the report: what wraps it is of no matter */
	PLACE_UNKNOWN,
	PLACE_FEEDBACK,

	PLACE_VERSION,
	PLACE_METADATA,
	PLACE_POLICY,
	PLACE_RECORD,

	PLACE_ORG,
	PLACE_EMAIL,
	PLACE_CONTACT,
	PLACE_ID,
	PLACE_RANGE,
	PLACE_ERROR,
	PLACE_GENERATOR,

	PLACE_BEGIN,
	PLACE_END,

	PLACE_DOMAIN,
	PLACE_P,
	PLACE_SP,
	PLACE_NP,
	PLACE_ADKIM,
	PLACE_ASPF,
	PLACE_PCT,
	PLACE_FO,
	PLACE_TESTING,
	PLACE_DISCOVERY,

	PLACE_ROW, /* the first that is a record's */
	PLACE_IDENTIFIERS,
	PLACE_RESULTS,

	PLACE_SOURCE,
	PLACE_COUNT,
	PLACE_EVALUATED,

	PLACE_DISPOSITION,
	PLACE_DKIM_ALIGNED,
	PLACE_SPF_ALIGNED,
	PLACE_REASON,

	PLACE_TYPE,
	PLACE_COMMENT,

	PLACE_HEADER_FROM,
	PLACE_ENVELOPE_FROM,
	PLACE_ENVELOPE_TO,

	PLACE_DKIM,
	PLACE_SPF,

	PLACE_DKIM_DOMAIN,
	PLACE_DKIM_SELECTOR,
	PLACE_DKIM_RESULT,
	PLACE_DKIM_HUMAN,

	PLACE_SPF_DOMAIN,
	PLACE_SPF_SCOPE,
	PLACE_SPF_RESULT,
	PLACE_SPF_HUMAN,

	PLACES,
};
static_assert(PLACES <= 64, "a set of places is a uint64_t");

struct gp_aggregate {
	const struct gp_ingest_listener *listener;
	uint64_t records_max;

	uint8_t stack[GP_XML_DEPTH_MAX]; /* enum place, of the elements that are open */
	size_t depth;
	uint64_t seen; /* places, of this report, record and item */
	uint64_t told; /* those of which a surplus was told, of this report and record */
	size_t text_len;

	struct gp_ingest_head head;
	struct gp_slice odd_type; /* of the last reason, which no RFC knows */
	uint64_t records;         /* that were begun */
	bool row_lost;

	int error; /* what the listener said, or -ENOMEM: final */
	bool head_told;
	bool closed; /* the report's end was read */
	bool lost;   /* nothing is kept */
	bool over;   /* nothing more is wanted */

	/* What is above begins anew with each report; these see to themselves. */
	struct gp_xml xml;
	struct gp_arena head_arena, row_arena;
	struct gp_ingest_row row;
	char text[GP_INGEST_TEXT_MAX + 4]; /* of the element that is open; a character may be cut */
};

/* --- places.c --- */

/* The place of a child of that name; or PLACE_UNKNOWN. */
enum place
gp_aggregate_child(enum place parent, struct gp_slice name);

/* Where something may stand only once. */
bool
gp_aggregate_once(enum place place);

/* The element's name, and that of the one around it. */
const char *
gp_aggregate_name(enum place place);
const char *
gp_aggregate_parent_name(enum place place);

/* --- values.c --- */

/* Has the place a text that is wanted? */
bool
gp_aggregate_has_text(enum place place);

/* The element is complete, with that text. */
void
gp_aggregate_take(struct gp_aggregate *a, enum place place, struct gp_slice text);

/* A reason is complete. text stood in it, rather than in elements of its own. */
void
gp_aggregate_take_reason(struct gp_aggregate *a, struct gp_slice text);

/* --- aggregate.c --- */

static inline bool
gp_aggregate_saw(const struct gp_aggregate *a, enum place place)
{
	return a->seen >> place & 1;
}

/* Ends the reading, if error is not 0. The first error stays. */
void
gp_aggregate_fail(struct gp_aggregate *a, int error);

/* Tells a flaw of the record that is open, or of the report where none is. */
GP_PRINTF(2, 3)
void
gp_aggregate_flaw(struct gp_aggregate *a, const char *fmt, ...);

/* The same, by which the record is lost. Only the first such is told. */
GP_PRINTF(2, 3)
void
gp_aggregate_lose_row(struct gp_aggregate *a, const char *fmt, ...);
