/* SPDX-License-Identifier: Apache-2.0 */
/* Values of reports as report.h promises them, whatever stands in the document. */
#pragma once

#include "base/arena.h"
#include "core/ingest/report.h"

/*
 * A copy of s without the blanks at its ends, cut at max octets, in which nothing acts or hides:
 * tabs and ends of lines come out as spaces; other controls, marks of direction, characters that
 * nobody sees (visible.h), and octets that are no UTF-8 as "?". NULL ptr: no memory.
 */
struct gp_slice
gp_ingest_text(struct gp_slice s, size_t max, struct gp_arena *arena);

/* Without the blanks at both ends, ends of lines among them. */
struct gp_slice
gp_ingest_trim(struct gp_slice s);

/* "HASH(0x55d)": what Perl writes where a program took a structure for a text. */
bool
gp_ingest_is_reference(struct gp_slice s);

/* The first n octets of UTF-8, or fewer: no character is cut. */
struct gp_slice
gp_ingest_cut(struct gp_slice s, size_t n);

/*
 * A domain's name, out of an address if it stands in one, in lower case. False, and *ret is empty:
 * it is none; letters, digits, "-", "_", ".", and U-labels are what may stand in it. An empty s is
 * an empty name.
 */
[[nodiscard]] bool
gp_ingest_name(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret);

/* An IPv4 address, as mapped into IPv6, or an IPv6 address; brackets and "IPv6:" may stand around
 * it (RFC 5321 section 4.1.3), a zone may not. */
[[nodiscard]] bool
gp_ingest_address(struct gp_slice s, uint8_t ret[16]);

/* A count of messages or sessions: digits alone, up to GP_INGEST_COUNT_MAX. */
[[nodiscard]] bool
gp_ingest_count(struct gp_slice s, uint64_t *ret);

enum gp_ingest_time_result {
	GP_INGEST_TIME_OK = 0,
	GP_INGEST_TIME_ODD, /* of another form, or without a zone, which is read as UTC */
	GP_INGEST_TIME_BAD, /* none, or not of the years 1970 to 9999 */
};

/* Seconds since 1970, a fraction of which is dropped. */
enum gp_ingest_time_result
gp_ingest_seconds(struct gp_slice s, int64_t *ret_s);

/* A time of RFC 3339 section 5.6. */
enum gp_ingest_time_result
gp_ingest_stamp(struct gp_slice s, int64_t *ret_s);

/* What is wrong with a report's range, which comes out as promised: it begins before it ends, and
 * lasts GP_INGEST_RANGE_MAX at most. NULL: nothing. */
const char *
gp_ingest_mend_range(struct gp_ingest_head *head);
