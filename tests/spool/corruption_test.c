/* SPDX-License-Identifier: Apache-2.0 */
/* Every bit of a small segment turned over, every octet cut off: what is damaged is reported, what
 * is not comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static const struct gp_store_settings settings = {
	.segment_size = 16 << 10,
	.batch_size = 16 << 10,
	.free_min = 4096,
	.seed = {3, 4},
};

enum { MESSAGES = 6 };
static const char first_name[] = "0000000000000001";

static struct client base, copy; /* too large for the stack */

static bool
everything(void *arg, size_t i)
{
	(void)arg;
	(void)i;
	return true;
}

/* Six messages, one of them deferred, in the first segment. */
static void
begin(bool clean)
{
	int rc;
	client_begin(&base, sim_new(), &settings);
	assert_true(client_open(&base, &rc));
	for (int i = 0; i < MESSAGES; i++)
		assert_int_equal(client_append(&base, 60 + (uint64_t)i, false), 0);
	assert_int_equal(client_sync(&base), 0);
	assert_int_equal(client_defer(&base, 2), 0);
	assert_int_equal(client_sync(&base), 0);
	if (clean)
		assert_int_equal(gp_store_close(base.store), 0);
	else
		gp_store_free(base.store);
	base.store = NULL;
	base.lenient = true;
}

static size_t
open_copy(void)
{
	int rc;
	size_t missing = 0;
	assert_true(client_open(&copy, &rc));
	if (copy.wrong)
		fail_msg("%s", copy.wrong);
	for (size_t i = 0; i < MESSAGES; i++)
		missing += gp_store_find(copy.store, copy.sent[i].id) == NULL;
	return missing;
}

/* Where the records end in the first segment. */
static uint64_t
content_end(void)
{
	uint64_t size, end = 0;
	const char *bytes = sim_file(base.disk, NULL, first_name, &size);
	for (uint64_t i = 0; i < size; i++)
		end = bytes[i] ? i + 1 : end;
	return end;
}

static void
every_bit(void **state)
{
	(void)state;
	begin(true);
	uint64_t end = content_end(), detected = 0, harmless = 0;
	for (uint64_t bit = 0; bit < end * 8; bit++) {
		client_fork(&copy, &base, sim_after_cut(base.disk, everything, NULL));
		sim_flip(copy.disk, first_name, bit / 8, (uint8_t)(1 << bit % 8));
		size_t missing = open_copy();
		uint32_t attempts = copy.sent[2].attempts_acked;
		bool told = copy.report.damaged > 0 || copy.report.tail_size > 0;
		/* All in order, or one record damaged, set aside and reported. */
		if (missing > 1 || ((missing == 1 || attempts != 1) && !told))
			fail_msg("octet %lu bit %lu: %zu missing, %lu reported",
				 (unsigned long)(bit / 8), (unsigned long)(bit % 8), missing,
				 (unsigned long)copy.report.damaged);
		bool in_records = bit / 8 >= 4096;
		detected += in_records && told;
		harmless += in_records && !told;
		client_end(&copy);
	}
	print_message("%lu bits: %lu detected, %lu in padding\n", (unsigned long)(end * 8),
		      (unsigned long)detected, (unsigned long)harmless);
	assert_true(harmless <= (MESSAGES + 4) * 7 * 8);
	client_end(&base);
}

/* The last segment, of a process that died: the records before the cut are there. */
static void
every_length_of_the_last_segment(void **state)
{
	(void)state;
	begin(false);
	uint64_t end = content_end();
	size_t before = MESSAGES;
	for (uint64_t size = 0; size <= end; size++) {
		client_fork(&copy, &base, sim_after_cut(base.disk, everything, NULL));
		sim_shorten(copy.disk, first_name, size);
		size_t missing = open_copy();
		assert_true(missing <= before);
		before = missing;
		client_end(&copy);
	}
	assert_int_equal(before, 0);
	client_end(&base);
}

/* A segment that a later one vouches for: what is missing is damage. */
static void
every_length_of_an_earlier_segment(void **state)
{
	(void)state;
	begin(true);
	int rc;
	assert_true(client_open(&base, &rc));
	base.store = gp_store_free(base.store);
	uint64_t end = content_end();
	for (uint64_t size = 0; size < end; size++) {
		client_fork(&copy, &base, sim_after_cut(base.disk, everything, NULL));
		sim_shorten(copy.disk, first_name, size);
		(void)open_copy();
		assert_true(copy.report.damaged > 0);
		client_end(&copy);
	}
	client_end(&base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit),
		cmocka_unit_test(every_length_of_the_last_segment),
		cmocka_unit_test(every_length_of_an_earlier_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
