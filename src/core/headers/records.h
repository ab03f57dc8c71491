/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message held against the gateway's journal (core/journal): whoever writes a trace field in our
 * name cannot write its id into our journal. So an id of ours tells what really came under it: from
 * which client, with which login, as which Message-ID.
 *
 *     len = gp_headers_claimed(&h, hostname, records);     before the journal is asked
 *     ... each record's `state` and `came` are filled in
 *     gp_headers_take_records(&h, records, len);           before gp_headers_judge
 */
#pragma once

#include "core/headers/headers.h"
#include "core/journal/journal.h"

enum gp_headers_record_state {
	GP_RECORD_UNKNOWN, /* the journal does not reach so far, or has gaps */
	GP_RECORD_FOUND,
	GP_RECORD_NONE, /* it reaches so far, and no message came under this id */
};

/* Of one hop that claims an id of ours. */
struct gp_headers_record {
	size_t hop; /* its place in path.hops */
	uint64_t id;
	uint8_t state;                /* enum gp_headers_record_state */
	struct gp_journal_entry came; /* FOUND: its ARRIVED */
};

/* The hops whose host is `hostname` and whose id is one of the queue's, the newest first. */
size_t
gp_headers_claimed(const struct gp_headers *h, struct gp_slice hostname,
		   struct gp_headers_record ret[GP_HEADERS_RECORDS_MAX]);

/* NULL: the record is of this message, and the hop tells it as it was. Else what is wrong with it,
 * static. */
const char *
gp_headers_contradiction(const struct gp_headers *h, const struct gp_headers_record *record);

/* What the journal says goes to the findings, and counts for the verdict. The records must outlive
 * h. */
void
gp_headers_take_records(struct gp_headers *h, const struct gp_headers_record *records, size_t len);

/* The record of a hop; NULL: none, or the journal was not asked. */
const struct gp_headers_record *
gp_headers_record_of(const struct gp_headers *h, size_t hop);
