/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "procs/smtpd/smtpd.h"

/* The whole body as spool would take it: memory, then the part of the file that counts. */
static struct gp_slice
read_all(const struct body *b, char *to)
{
	size_t len = b->memory.len;
	memcpy(to, gp_buf_slice(&b->memory).ptr, len);
	if (b->stage >= 0) {
		size_t rest = (size_t)(b->staged - b->staged_at);
		assert_int_equal(pread(b->stage, to + len, rest, (off_t)b->staged_at), rest);
		len += rest;
	}
	assert_int_equal(body_size(b), len);
	return gp_slice(to, len);
}

static void
its_start_is_replaced(void **state)
{
	static const struct {
		const char *body;
		size_t len;
		const char *fresh, *want;
	} cases[] = {
		{"A: b\r\nC: d\r\n\r\nbody", 12, "C: d\r\n", "C: d\r\n\r\nbody"},
		{"A: b\r\nC: d\r\n\r\nbody", 12, "A: b\r\nC: d\r\n", "A: b\r\nC: d\r\n\r\nbody"},
		{"A: b\r\n\r\nbody", 6, "", "\r\nbody"},
		{"A: b\r\n", 6, "", ""},
	};
	char all[100];
	(void)state;
	for (size_t i = 0; i < 2 * GP_ARRAY_LEN(cases); i++) {
		struct body b;
		size_t k = i / 2;
		body_init(&b);
		assert_true(body_add(&b, gp_slice_str(cases[k].body)));
		if (i % 2)
			body_stage(&b, memfd_create("stage", MFD_CLOEXEC));
		body_replace_start(&b, cases[k].len, gp_slice_str(cases[k].fresh));
		assert_false(b.failed);
		assert_slice(read_all(&b, all), cases[k].want);
		body_reset(&b);
		/* The next one is whole again. */
		assert_true(body_add(&b, GP_SLICE("next")));
		assert_slice(read_all(&b, all), "next");
		body_reset(&b);
		gp_buf_free(&b.memory);
	}
	close(body_spare_stage());
}

/* Memory of all bodies is counted down again, whatever became of their starts. */
static void
memory_is_given_back(void **state)
{
	struct gp_slice piece = gp_slice(calloc(1, 64 * 1024), 64 * 1024);
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct body b;
		body_init(&b);
		for (int k = 0; k < 8; k++)
			assert_true(body_add(&b, piece));
		if (i % 2)
			body_stage(&b, memfd_create("stage", MFD_CLOEXEC));
		body_replace_start(&b, 32 * 1024, gp_slice_take(piece, 1024));
		body_reset(&b);
		gp_buf_free(&b.memory);
	}
	free((char *)piece.ptr);
	for (int fd; (fd = body_spare_stage()) >= 0;)
		close(fd);
}

/* Pieces of a staged body, which may be as small as a line without its dot. */
static void
small_pieces_make_few_writes(void **state)
{
	enum { PIECES = 100'000, LARGE = 40'000, WRITES_MAX = 2 * 3 * PIECES / (16 * 1024) };
	static char want[3 * PIECES + 3 * LARGE], got[sizeof(want)];
	static const char big[LARGE];
	struct body b;
	size_t len = 0, writes = 0;
	off_t before = 0;
	(void)state;
	body_init(&b);
	body_stage(&b, memfd_create("stage", MFD_CLOEXEC));
	for (size_t i = 0; i < PIECES; i++) {
		struct gp_slice piece = i % (PIECES / 2) == 1
						? gp_slice(big, sizeof(big))
						: gp_slice_take(GP_SLICE("ab\n"), i % 4);
		memcpy(want + len, piece.ptr, piece.len);
		len += piece.len;
		assert_true(body_add(&b, piece));
		assert_int_equal(body_size(&b), len);
		off_t size = lseek(b.stage, 0, SEEK_END);
		writes += size != before;
		before = size;
	}
	body_end(&b);
	assert_true(writes > 0 && writes <= WRITES_MAX);
	assert_false(b.failed);
	assert_int_equal(b.staged, len);
	assert_true(gp_slice_eq(read_all(&b, got), gp_slice(want, len)));
	body_reset(&b);
	gp_buf_free(&b.memory);
	close(body_spare_stage());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_start_is_replaced),
		cmocka_unit_test(memory_is_given_back),
		cmocka_unit_test(small_pieces_make_few_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
