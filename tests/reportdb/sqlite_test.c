/* SPDX-License-Identifier: Apache-2.0 */
/* What a database of SQLite's does to the process that has it. */
#include "../unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reportdb/reportdb.h"

/* A role that has such a database limits the memory of all of SQLite, this one's too. */
static void
the_memory_of_sqlite_can_still_be_limited(void **state)
{
	char folder[] = "/tmp/gp-sqlite-XXXXXX", path[64];
	struct gp_reportdb *db;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/received.db", folder);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + (1 << 20));
	void *within = sqlite3_malloc(1 << 19), *beyond = sqlite3_malloc(2 << 20);
	assert_non_null(within);
	assert_null(beyond);
	sqlite3_free(within);
	sqlite3_hard_heap_limit64(0);
	gp_reportdb_close(db);
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_memory_of_sqlite_can_still_be_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
