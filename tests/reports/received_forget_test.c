/* SPDX-License-Identifier: Apache-2.0 */
/* When others' reports are forgotten, by clocks of our own: what fails is tried again. */
#include "../unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/config/config.h"
#include "procs/reports/names.h"
#include "procs/reports/received.h"
#include "procs/reports/refused_mail.h"
#include "sqlite/migrate.h"

enum { MINUTE_MS = 60 * 1000, DAY = 20000, DAY_S = 24 * 3600 };

static uint64_t now_ms, day;
static char received[128], refused[128];
static sqlite3 *reports, *mails;
static const uint64_t seed[2] = {1, 2};
static struct gp_config config;

uint64_t
__wrap_gp_clock_monotonic_ms(void);
uint64_t
__wrap_gp_clock_wall_us(void);

uint64_t
__wrap_gp_clock_monotonic_ms(void)
{
	return now_ms;
}

uint64_t
__wrap_gp_clock_wall_us(void)
{
	return day * DAY_S * 1'000'000 + now_ms * 1000;
}

/* The real one asks the DNS. */
void
names_wake(void)
{
}

static int
open_all(void **state)
{
	char folder[] = "/tmp/gatepost-received-XXXXXX";
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(received, sizeof(received), "%s/received.db", folder);
	snprintf(refused, sizeof(refused), "%s/refused.db", folder);
	day = DAY;
	config.reports.keep_received = 100ull * DAY_S * 1000;
	refused_mail_open(refused);
	received_open(received, seed);
	return sqlite3_open(received, &reports) == SQLITE_OK &&
			       sqlite3_open(refused, &mails) == SQLITE_OK
		       ? 0
		       : -1;
}

static uint64_t
forget(void)
{
	uint64_t wait_ms, slices = 0;
	while ((wait_ms = received_forget(&config)) == 1 && ++slices < 1000)
		now_ms++;
	return wait_ms;
}

/* The day before which nothing is left. */
static int64_t
forgotten_day(void)
{
	static const char text[] =
		"SELECT value FROM tally WHERE name = 'forgotten_all_before_day'";
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_prepare_v2(reports, text, -1, &st, NULL), SQLITE_OK);
	int64_t found = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	sqlite3_finalize(st);
	return found;
}

static void
test_all_of_a_day_is_forgotten_once(void **state)
{
	(void)state;
	assert_int_equal(forget(), 0);
	assert_int_equal(forgotten_day(), DAY - 100);
	assert_int_equal(sqlite_execute(reports, "DELETE FROM tally"), 0);
	assert_int_equal(forget(), 0);
	assert_int_equal(forgotten_day(), -1);
	day++;
	assert_int_equal(forget(), 0);
	assert_int_equal(forgotten_day(), DAY + 1 - 100);
}

/* An hour at most; whoever asks before that hears how long it still is, and nothing is tried. */
static void
test_what_fails_is_tried_again_later_and_later(void **state)
{
	static const uint64_t pauses[] = {5, 10, 20, 40, 60, 60};
	(void)state;
	day++;
	assert_int_equal(sqlite_execute(reports, "ALTER TABLE policy RENAME TO elsewhere"), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(pauses); i++) {
		assert_int_equal(forget(), pauses[i] * MINUTE_MS);
		now_ms += 2 * MINUTE_MS;
		assert_int_equal(forget(), (pauses[i] - 2) * MINUTE_MS);
		now_ms += (pauses[i] - 2) * MINUTE_MS;
	}
	assert_int_equal(sqlite_execute(reports, "ALTER TABLE elsewhere RENAME TO policy"), 0);
	assert_int_equal(forgotten_day(), DAY + 1 - 100);
	assert_int_equal(forget(), 0);
	assert_int_equal(forgotten_day(), DAY + 2 - 100);
	/* What fails the next day begins anew. */
	day++;
	assert_int_equal(sqlite_execute(reports, "ALTER TABLE policy RENAME TO elsewhere"), 0);
	assert_int_equal(forget(), 5 * MINUTE_MS);
	assert_int_equal(sqlite_execute(reports, "ALTER TABLE elsewhere RENAME TO policy"), 0);
	now_ms += 5 * MINUTE_MS;
	assert_int_equal(forget(), 0);
}

static int
mails_left(void)
{
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_prepare_v2(mails, "SELECT count(*) FROM mail", -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int found = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return found;
}

/* They are in another file than the rest, and neither waits for the other. */
static void
test_mails_that_could_not_be_forgotten_are_tried_again(void **state)
{
	(void)state;
	day++;
	assert_int_equal(sqlite_execute(mails,
					"INSERT INTO mail (file, why, trusted, received_s, size)"
					" VALUES ('a', 'b', 1, 1000, 0);"
					"CREATE TRIGGER stays BEFORE DELETE ON mail BEGIN"
					" SELECT raise(ABORT, 'it stays'); END"),
			 0);
	assert_int_equal(forget(), 5 * MINUTE_MS);
	assert_int_equal(forgotten_day(), (int64_t)day - 100);
	assert_int_equal(mails_left(), 1);
	assert_int_equal(sqlite_execute(mails, "DROP TRIGGER stays"), 0);
	now_ms += 5 * MINUTE_MS;
	assert_int_equal(forget(), 0);
	assert_int_equal(mails_left(), 0);
}

static int
close_all(void **state)
{
	(void)state;
	sqlite3_close(reports);
	sqlite3_close(mails);
	for (size_t i = 0; i < 3; i++) {
		static const char *const ends[] = {"", "-wal", "-shm"};
		char path[160];
		snprintf(path, sizeof(path), "%s%s", received, ends[i]);
		unlink(path);
		snprintf(path, sizeof(path), "%s%s", refused, ends[i]);
		unlink(path);
	}
	*strrchr(received, '/') = '\0';
	return rmdir(received);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_a_day_is_forgotten_once),
		cmocka_unit_test(test_what_fails_is_tried_again_later_and_later),
		cmocka_unit_test(test_mails_that_could_not_be_forgotten_are_tried_again),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
