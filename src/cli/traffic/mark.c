/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/mark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 4096 };

bool
gp_mark_run_valid(struct gp_slice s)
{
	if (s.len == 0 || s.len > GP_MARK_RUN_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_ascii_is_alnum(s.ptr[i]))
			return false;
	}
	return true;
}

bool
gp_mark_parse(struct gp_slice s, struct gp_mark *ret)
{
	struct gp_mark mark = {};
	struct gp_slice run = gp_slice_cut(&s, '-');
	struct gp_slice number = gp_slice_cut(&s, '-');
	if (!gp_mark_run_valid(run) || !gp_slice_u64(number, GP_MARK_NUMBER_MAX, &mark.number) ||
	    mark.number == 0 || !gp_slice_u64(s, UINT64_MAX, &mark.time_us))
		return false;
	memcpy(mark.run, run.ptr, run.len);
	*ret = mark;
	return true;
}

void
gp_mark_print(struct gp_buf *out, const struct gp_mark *mark)
{
	gp_buf_printf(out, "%s-%010" PRIu64 "-%" PRIu64, mark->run, mark->number, mark->time_us);
}

void
gp_mark_book_free(struct gp_mark_book *book)
{
	for (size_t i = 0; i < book->runs_len; i++)
		free(book->runs[i].seen);
	*book = (struct gp_mark_book){};
}

struct gp_mark_run *
gp_mark_book_find(struct gp_mark_book *book, struct gp_slice name)
{
	/* The newest first: that is the run whose messages arrive now. */
	for (size_t i = book->runs_len; i-- > 0;) {
		if (gp_slice_eq(gp_slice_str(book->runs[i].name), name))
			return &book->runs[i];
	}
	return NULL;
}

static struct gp_mark_run *
find_or_open(struct gp_mark_book *book, struct gp_slice name)
{
	gp_assert(gp_mark_run_valid(name));
	struct gp_mark_run *run = gp_mark_book_find(book, name);
	if (run)
		return run;
	if (book->runs_len == GP_ARRAY_LEN(book->runs))
		return NULL;
	run = &book->runs[book->runs_len++];
	*run = (struct gp_mark_run){};
	memcpy(run->name, name.ptr, name.len);
	return run;
}

int
gp_mark_book_expect(struct gp_mark_book *book, struct gp_slice name, uint64_t expected)
{
	gp_assert(expected <= GP_MARK_NUMBER_MAX);
	struct gp_mark_run *run = find_or_open(book, name);
	if (!run)
		return -ENOSPC;
	run->told = true;
	run->expected = expected;
	return 0;
}

static int
make_room(struct gp_mark_run *run, uint64_t number)
{
	uint64_t room = GP_MAX(GP_MAX(run->room * 2, number), (uint64_t)ROOM_MIN);
	room = GP_MIN(room, (uint64_t)GP_MARK_NUMBER_MAX);
	uint8_t *seen = realloc(run->seen, room);
	if (!seen)
		return -ENOMEM;
	memset(seen + run->room, 0, room - run->room);
	run->seen = seen;
	run->room = room;
	return 0;
}

int
gp_mark_book_add(struct gp_mark_book *book, const struct gp_mark *mark)
{
	gp_assert(mark->number > 0 && mark->number <= GP_MARK_NUMBER_MAX);
	struct gp_mark_run *run = find_or_open(book, gp_slice_str(mark->run));
	if (!run)
		return -ENOSPC;
	if (mark->number > run->room) {
		int r = make_room(run, mark->number);
		if (r < 0)
			return r;
	}
	if (!run->told)
		run->expected = GP_MAX(run->expected, mark->number);
	uint8_t *seen = &run->seen[mark->number - 1];
	if (*seen == 0) {
		*seen = 1;
		run->distinct++;
		return 0;
	}
	if (*seen < UINT8_MAX)
		(*seen)++;
	run->repeats++;
	return 1;
}

uint8_t
gp_mark_run_seen(const struct gp_mark_run *run, uint64_t number)
{
	return number > 0 && number <= run->room ? run->seen[number - 1] : 0;
}

uint64_t
gp_mark_run_missing(const struct gp_mark_run *run)
{
	uint64_t missing = 0;
	for (uint64_t n = 1; n <= run->expected; n++)
		missing += gp_mark_run_seen(run, n) == 0;
	return missing;
}

uint64_t
gp_mark_run_next_missing(const struct gp_mark_run *run, uint64_t from)
{
	for (uint64_t n = GP_MAX(from, UINT64_C(1)); n <= run->expected; n++) {
		if (gp_mark_run_seen(run, n) == 0)
			return n;
	}
	return 0;
}

uint64_t
gp_mark_run_next_doubled(const struct gp_mark_run *run, uint64_t from)
{
	for (uint64_t n = GP_MAX(from, UINT64_C(1)); n <= run->room; n++) {
		if (gp_mark_run_seen(run, n) > 1)
			return n;
	}
	return 0;
}
