/* SPDX-License-Identifier: Apache-2.0 */
/* What a database of SQLite's does to the process that has it, and to others that open its file. */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reportdb/refused.h"
#include "reportdb/reportdb.h"

static char folder[] = "/tmp/gp-sqlite-XXXXXX", path[64];

static int
make_folder(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/received.db", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(ends); i++) {
		char file[80];
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	return rmdir(folder);
}

/* A role that has such a database limits the memory of all of SQLite, this one's too. */
static void
the_memory_of_sqlite_can_still_be_limited(void **state)
{
	struct gp_reportdb *db;
	(void)state;
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + (1 << 20));
	void *within = sqlite3_malloc(1 << 19), *beyond = sqlite3_malloc(2 << 20);
	assert_non_null(within);
	assert_null(beyond);
	sqlite3_free(within);
	sqlite3_hard_heap_limit64(0);
	gp_reportdb_close(db);
}

/* Fills a new file, for half a second until its first sync, from when the other end hears that it
   has begun. */
static void
fill(int ready)
{
	const struct gp_reportdb_origin origin = {.received_s = 1'790'000'000};
	struct gp_reportdb *db;
	bool good = gp_reportdb_open(path, GP_REPORTDB_FILL, &db) == 0 &&
		    gp_reportdb_begin(db, &origin) == 0 && write(ready, "", 1) == 1;
	sqlite3_sleep(500);
	good = good && gp_reportdb_drop(db) == 0 && gp_reportdb_sync(db) == 0;
	gp_reportdb_close(db);
	_exit(good ? 0 : 1);
}

/* A gateway that starts while an import fills its file, or a second import. */
static void
who_opens_a_file_that_is_being_filled_waits(void **state)
{
	struct gp_reportdb *db;
	char octet;
	int ends[2], status;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t filler = fork();
	if (filler == 0)
		fill(ends[1]);
	assert_true(filler > 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	close(ends[0]);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
	gp_reportdb_close(db);
	assert_int_equal(waitpid(filler, &status, 0), filler);
	assert_int_equal(status, 0);
}

/* As whoever makes one has it at first. */
static void
make_empty_file(void)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void
who_reads_a_file_waits_for_its_first_tables(void **state)
{
	struct gp_reportdb *db;
	int status;
	(void)state;
	make_empty_file();
	pid_t maker = fork();
	if (maker == 0) {
		sqlite3_sleep(200);
		bool good = gp_reportdb_open(path, GP_REPORTDB_MAKE, &db) == 0;
		gp_reportdb_close(db);
		_exit(good ? 0 : 1);
	}
	assert_true(maker > 0);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &db), 0);
	gp_reportdb_close(db);
	assert_int_equal(waitpid(maker, &status, 0), maker);
	assert_int_equal(status, 0);
}

static void
an_empty_file_is_told_from_one_of_another_version(void **state)
{
	struct gp_reportdb *db;
	struct gp_refused *q;
	sqlite3 *other;
	(void)state;
	make_empty_file();
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &db), -ENODATA);
	assert_non_null(strstr(gp_reportdb_why(db, -ENODATA), "empty"));
	gp_reportdb_close(db);
	assert_int_equal(gp_refused_open(path, GP_REFUSED_READ, &q), -ENODATA);
	assert_non_null(strstr(gp_refused_why(-ENODATA), "empty"));
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "CREATE TABLE a (b)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_READ, &db), -EPROTO);
	gp_reportdb_close(db);
	assert_int_equal(gp_refused_open(path, GP_REFUSED_READ, &q), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_memory_of_sqlite_can_still_be_limited),
		TEST(who_opens_a_file_that_is_being_filled_waits),
		TEST(who_reads_a_file_waits_for_its_first_tables),
		TEST(an_empty_file_is_told_from_one_of_another_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
