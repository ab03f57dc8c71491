/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are put, and wait for others: none is lost, none comes twice, and what is undone stays
 * undone. In SQLite; or where GATEPOST_TEST_POSTGRES says, an empty database of PostgreSQL's. */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reportdb/sql.h"

static char folder[] = "/tmp/gp-put-XXXXXX";
static char path[512];
static const char *server; /* NULL: a file */
static struct gp_sql *sql;
static struct gp_sql_statement *add, *ask;

static int
run(const char *text)
{
	struct gp_sql_statement *st = gp_sql_prepare(sql, text, GP_SQL_FEW);
	assert_non_null(st);
	int r = gp_sql_run(st);
	gp_sql_finalise(st);
	return r;
}

static int
open_database(void **state)
{
	static const char *const steps[] = {
		"CREATE TABLE word (text TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;",
	};
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	server = getenv("GATEPOST_TEST_POSTGRES");
	snprintf(path, sizeof(path), "%s%s", server ? server : folder, server ? "" : "/put.db");
	assert_int_equal(gp_sql_open(path, GP_REPORTDB_MAKE, &sql), 0);
	assert_int_equal(gp_sql_migrate(sql, steps, GP_ARRAY_LEN(steps)), 0);
	add = gp_sql_prepare(sql,
			     "INSERT INTO word AS t VALUES (?, ?) ON CONFLICT (text)"
			     " DO UPDATE SET n = t.n + excluded.n + ?",
			     GP_SQL_PUTS);
	ask = gp_sql_prepare(sql, "SELECT count(*), sum(n) FROM word", GP_SQL_FEW);
	assert_non_null(add);
	assert_non_null(ask);
	assert_int_equal(gp_sql_begin(sql), 0);
	/* Tests before this one have left theirs on a server. */
	assert_int_equal(run("DELETE FROM word"), 0);
	assert_int_equal(gp_sql_commit(sql), 0);
	return gp_sql_begin(sql);
}

static int
close_database(void **state)
{
	(void)state;
	gp_sql_finalise(add);
	gp_sql_finalise(ask);
	sql = gp_sql_close(sql);
	if (!server)
		unlink(path);
	return rmdir(folder);
}

/* So many rows, from that word on, each with n; `more` is what comes to those that are there. */
static void
put(unsigned first, unsigned len, int64_t n, int64_t more)
{
	static char words[2048][5];
	for (unsigned i = first; i < first + len; i++) {
		snprintf(words[i], sizeof(words[i]), "%04u", i);
		gp_sql_bind_text(add, 1, gp_slice_str(words[i]));
		gp_sql_bind_int(add, 2, n);
		gp_sql_bind_int(add, 3, more);
		assert_int_equal(gp_sql_put(add), 0);
	}
}

static void
assert_words(int64_t rows, int64_t sum)
{
	assert_int_equal(gp_sql_step(ask), 1);
	assert_int_equal(gp_sql_int_at(ask, 0), rows);
	assert_int_equal(gp_sql_int_at(ask, 1), sum);
	gp_sql_reset(ask);
}

/* However many they are, and whatever waited before. */
static void
all_are_there_when_somebody_asks(void **state)
{
	static const unsigned lens[] = {1, 255, 256, 257, 512, 513, 1};
	unsigned rows = 0;
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(lens); i++) {
		put(rows, lens[i], 3, 0);
		rows += lens[i];
		assert_words(rows, 3 * rows);
	}
	assert_int_equal(gp_sql_commit(sql), 0);
	assert_int_equal(gp_sql_begin(sql), 0);
	assert_words(rows, 3 * rows);
}

/* The parameter outside of VALUES, of one row and of many. */
static void
those_that_are_there_are_added_to(void **state)
{
	(void)state;
	put(0, 300, 1, 7);
	assert_words(300, 300);
	put(0, 300, 2, 10);
	assert_words(300, 300 + 300 * 12);
	put(0, 3, 5, 100);
	assert_words(300, 300 + 300 * 12 + 3 * 105);
}

/* Those of one statement and of another in turns: each row keeps its own values. */
static void
rows_of_several_statements(void **state)
{
	struct gp_sql_statement *other =
		gp_sql_prepare(sql, "INSERT INTO word (n, text) VALUES (?, ?)", GP_SQL_PUTS);
	static char words[300][8];
	(void)state;
	assert_non_null(other);
	for (unsigned i = 0; i < GP_ARRAY_LEN(words); i++) {
		put(i, 1, 1, 0);
		if (i % 3 == 0)
			continue;
		snprintf(words[i], sizeof(words[i]), "o%u", i);
		gp_sql_bind_int(other, 1, 1000);
		gp_sql_bind_text(other, 2, gp_slice_str(words[i]));
		assert_int_equal(gp_sql_put(other), 0);
	}
	assert_words(500, 300 + 200 * 1000);
	gp_sql_finalise(other);
}

static void
a_commit_takes_what_waits(void **state)
{
	(void)state;
	put(0, 5, 1, 0);
	assert_int_equal(gp_sql_commit(sql), 0);
	assert_int_equal(gp_sql_begin(sql), 0);
	gp_sql_rollback(sql);
	assert_int_equal(gp_sql_begin(sql), 0);
	assert_words(5, 5);
}

/* A part that is undone takes what waits of it, and nothing of what waited before. */
static void
what_is_undone_takes_its_own(void **state)
{
	(void)state;
	put(0, 5, 1, 0);
	assert_int_equal(gp_sql_save(sql), 0);
	put(5, 20, 1, 0);
	assert_int_equal(gp_sql_undo(sql), 0);
	assert_int_equal(gp_sql_release(sql), 0);
	put(30, 2, 1, 0);
	assert_words(7, 7);
}

static void
what_is_rolled_back_takes_all(void **state)
{
	(void)state;
	put(0, 20, 1, 0);
	gp_sql_rollback(sql);
	assert_int_equal(gp_sql_begin(sql), 0);
	assert_words(0, 0);
	put(0, 2, 1, 0);
	assert_words(2, 2);
}

/* What waits of it goes with it, and is not looked at again. */
static void
a_statement_may_end_first(void **state)
{
	struct gp_sql_statement *other =
		gp_sql_prepare(sql, "INSERT INTO word VALUES (?, ?)", GP_SQL_PUTS);
	(void)state;
	assert_non_null(other);
	put(0, 2, 1, 0);
	gp_sql_bind_text(other, 1, GP_SLICE("other"));
	gp_sql_bind_int(other, 2, 1);
	assert_int_equal(gp_sql_put(other), 0);
	gp_sql_finalise(other);
	put(2, 1, 1, 0);
	assert_words(3, 3);
}

/* A server is waited for now and then, and may say what is wrong while rows of several statements
 * wait: at any of them. */
static void
what_fails_leaves_nothing_that_waits(void **state)
{
	struct gp_sql_statement *other =
		gp_sql_prepare(sql, "INSERT INTO word VALUES (?, ?)", GP_SQL_PUTS);
	struct gp_sql_statement *same =
		gp_sql_prepare(sql, "INSERT INTO word VALUES ('same', 0)", GP_SQL_FEW);
	(void)state;
	for (unsigned before = 0; before < 210; before++) {
		int r = 0;
		for (unsigned i = 0; r == 0 && i < before + 2; i++)
			r = gp_sql_run(same);
		for (unsigned i = 0; r == 0 && i < 2; i++) {
			gp_sql_bind_text(i ? other : add, 1, i ? GP_SLICE("b") : GP_SLICE("a"));
			gp_sql_bind_int(i ? other : add, 2, 1);
			if (i == 0)
				gp_sql_bind_int(add, 3, 0);
			r = gp_sql_put(i ? other : add);
		}
		assert_true(r < 0 || gp_sql_commit(sql) < 0);
		gp_sql_rollback(sql);
		assert_non_null(strcasestr(gp_sql_why(sql), "unique"));
		assert_int_equal(gp_sql_begin(sql), 0);
		put(0, 1, 1, 0);
		gp_sql_bind_text(other, 1, GP_SLICE("other"));
		gp_sql_bind_int(other, 2, 1);
		assert_int_equal(gp_sql_put(other), 0);
		assert_words(2, 2);
		gp_sql_rollback(sql);
		assert_int_equal(gp_sql_begin(sql), 0);
	}
	gp_sql_finalise(other);
	gp_sql_finalise(same);
}

/* As a file that somebody else made may have it: it is not what stood there in the row before. */
static void
null_is_a_value_too(void **state)
{
	(void)state;
	put(0, 1, 7, 0);
	gp_sql_bind_text(add, 1, GP_SLICE("none"));
	gp_sql_bind_null(add, 2);
	assert_true(gp_sql_put(add) < 0 || gp_sql_commit(sql) < 0);
	assert_non_null(strcasestr(gp_sql_why(sql), "null"));
	gp_sql_rollback(sql);
	assert_int_equal(gp_sql_begin(sql), 0);
	assert_words(0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_database, close_database)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_there_when_somebody_asks),
		TEST(those_that_are_there_are_added_to),
		TEST(rows_of_several_statements),
		TEST(a_commit_takes_what_waits),
		TEST(what_is_undone_takes_its_own),
		TEST(what_is_rolled_back_takes_all),
		TEST(a_statement_may_end_first),
		TEST(what_fails_leaves_nothing_that_waits),
		TEST(null_is_a_value_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
