/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: the header field by which `load` makes each message known and `sink` finds it again.
 *
 *	X-Gatepost-Mark: RUN-NUMBER-TIME
 *
 * RUN is 1 to 16 letters and digits, the same for all messages of one `load`; NUMBER counts from 1
 * and is written with ten digits, so that all messages of a run are equally long; TIME is when the
 * message was begun, microseconds since 1970 by the sender's clock.
 *
 * A book of marks remembers, of each run, which numbers were seen, so that it can name those that
 * are missing and those that came twice. One octet a number.
 */
#pragma once

#include "base/buf.h"

enum {
	GP_MARK_RUN_MAX = 16,
	GP_MARK_TEXT_MAX = GP_MARK_RUN_MAX + 1 + 20 + 1 + 20,
	GP_MARK_RUNS_MAX = 64,            /* runs in one book */
	GP_MARK_NUMBER_MAX = 100'000'000, /* greatest number: 100 MB of memory */
};

/* As it stands at the start of a line. */
#define GP_MARK_FIELD "X-Gatepost-Mark: "

struct gp_mark {
	char run[GP_MARK_RUN_MAX + 1]; /* ends in NUL */
	uint64_t number;               /* 1 to GP_MARK_NUMBER_MAX */
	uint64_t time_us;
};

/* True when s is a usable name of a run. */
bool
gp_mark_run_valid(struct gp_slice s);

/* Reads RUN-NUMBER-TIME, all of s and nothing else. False: it is not a mark. */
[[nodiscard]] bool
gp_mark_parse(struct gp_slice s, struct gp_mark *ret);

/* Appends RUN-NUMBER-TIME. */
void
gp_mark_print(struct gp_buf *out, const struct gp_mark *mark);

struct gp_mark_run {
	char name[GP_MARK_RUN_MAX + 1];
	bool told;         /* `expected` was given, not counted */
	uint64_t expected; /* numbers 1 to this are to come; if not told, the greatest seen */
	uint64_t distinct; /* numbers seen */
	uint64_t repeats;  /* arrivals of a number after its first */
	uint64_t room;     /* numbers that `seen` has a place for */
	uint8_t *seen;     /* by number - 1: arrivals, at most 255 */
};

/* All zero is an empty book. */
struct gp_mark_book {
	size_t runs_len;
	struct gp_mark_run runs[GP_MARK_RUNS_MAX];
};

void
gp_mark_book_free(struct gp_mark_book *book);

/* The run of that name, or NULL. */
struct gp_mark_run *
gp_mark_book_find(struct gp_mark_book *book, struct gp_slice name);

/* Says how many messages of a run are to come. -ENOSPC: too many runs. */
[[nodiscard]] int
gp_mark_book_expect(struct gp_mark_book *book, struct gp_slice name, uint64_t expected);

/*
 * Counts an arrival. 0: the first of its number; 1: it came before. -ENOSPC: too many runs;
 * -ENOMEM.
 */
[[nodiscard]] int
gp_mark_book_add(struct gp_mark_book *book, const struct gp_mark *mark);

/* How often the number came; numbers that no book can hold came 0 times. */
uint8_t
gp_mark_run_seen(const struct gp_mark_run *run, uint64_t number);

/* How many of 1 to `expected` did not come. */
uint64_t
gp_mark_run_missing(const struct gp_mark_run *run);

/* The first number from `from` on, up to `expected`, that did not come; 0: none. */
uint64_t
gp_mark_run_next_missing(const struct gp_mark_run *run, uint64_t from);

/* The first number from `from` on that came more than once; 0: none. */
uint64_t
gp_mark_run_next_doubled(const struct gp_mark_run *run, uint64_t from);
