/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor for parsers of text: looks at one octet at a time, never past the end. At the end, peek
 * gives -1 and the takers take nothing. A parser that cannot go on sets `failed` by gp_scan_fail;
 * from then on the cursor is at its end, so that no loop over it runs on.
 */
#pragma once

#include "base/slice.h"

struct gp_scan {
	struct gp_slice all;
	size_t at;
	bool failed;
};

static inline struct gp_scan
gp_scan(struct gp_slice s)
{
	return (struct gp_scan){.all = s};
}

/* The octet under the cursor as 0 to 255, or -1 at the end. */
static inline int
gp_scan_peek(const struct gp_scan *c)
{
	return c->at < c->all.len ? (unsigned char)c->all.ptr[c->at] : -1;
}

static inline bool
gp_scan_end(const struct gp_scan *c)
{
	return c->at >= c->all.len;
}

/* What is still ahead. */
static inline struct gp_slice
gp_scan_rest(const struct gp_scan *c)
{
	return gp_slice_drop(c->all, c->at);
}

/* What was passed since `from`, an earlier value of c->at. */
static inline struct gp_slice
gp_scan_since(const struct gp_scan *c, size_t from)
{
	gp_assert(from <= c->at);
	return gp_slice_take(gp_slice_drop(c->all, from), c->at - from);
}

/* Steps over the octet if it is there. */
bool
gp_scan_char(struct gp_scan *c, char want);

/* Steps over the word if it is there, letters in either case. */
bool
gp_scan_word(struct gp_scan *c, struct gp_slice want);

/* Steps over octets while the test holds, and returns them. */
struct gp_slice
gp_scan_while(struct gp_scan *c, bool (*test)(char));

/* Steps over spaces and tabs. */
void
gp_scan_wsp(struct gp_scan *c);

/* Latches the failure, moves to the end. Returns false, for `return gp_scan_fail(c);`. */
bool
gp_scan_fail(struct gp_scan *c);
