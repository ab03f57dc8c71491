/* SPDX-License-Identifier: Apache-2.0 */
/* A history that somebody else writes, read in a descriptor: what stands in the file, never what
 * stands beside it, and whatever its octets are. */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../prng.h"
#include "auditdb/auditdb.h"
#include "sqlite/descriptor.h"
#include "sqlite/migrate.h"

enum { ARENA_MAX = 16 << 20, DAMAGES = 400 };

/* As cli/audit/store.c has made them; system tests show that the one reads what the other wrote. */
static const char tables[] =
	"CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, time_s INTEGER NOT NULL);"
	"CREATE TABLE look (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, domain TEXT NOT NULL,"
	" answers BLOB, UNIQUE (domain, run));"
	"CREATE INDEX look_run ON look (run);"
	"CREATE TABLE fact (look INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (look, name)) WITHOUT ROWID;"
	"CREATE TABLE finding (look INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL,"
	" state TEXT NOT NULL, severity TEXT NOT NULL, evidence TEXT NOT NULL,"
	" evidence_sha256 BLOB NOT NULL, mend TEXT NOT NULL DEFAULT '',"
	" PRIMARY KEY (look, number)) WITHOUT ROWID;"
	"CREATE TABLE past (domain TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
	" before TEXT NOT NULL, since_s INTEGER NOT NULL, PRIMARY KEY (domain, name)) WITHOUT "
	"ROWID;"
	"CREATE TABLE kind (id TEXT PRIMARY KEY, title TEXT NOT NULL, why TEXT NOT NULL)"
	" WITHOUT ROWID;"
	"PRAGMA user_version = 4;";

/* Of before ids were told of. */
static const char older[] = "DROP TABLE kind; PRAGMA user_version = 3;";

static const char rows[] =
	"INSERT INTO run VALUES (1, 100), (2, 200), (3, 300);"
	"INSERT INTO look VALUES (1, 1, 'a.test', NULL), (2, 2, 'a.test', x'00'), (3, 2, 'b.test', "
	"NULL), (4, 3, 'b.test', NULL);"
	"INSERT INTO fact VALUES (2, 'dmarc.p', 'none'), (2, 'mx', 'x');"
	"INSERT INTO past VALUES ('a.test', 'dmarc.p', 'none', 'reject', 200),"
	" ('a.test', 'mx', 'y', 'x', 50);"
	"INSERT INTO kind VALUES ('spf.all', 'Anybody' || char(27), 'They pass'), ('x', 'y', 'z');"
	"INSERT INTO finding VALUES"
	" (1, 0, 'spf.none', 'fail', 'high', 'e', x'01', ''),"
	" (2, 0, 'spf.all', 'fail', 'critical', 'x' || char(27) || 'y', x'02', 'one' || char(10) "
	"|| "
	"'two'),"
	" (2, 1, 'spf.a', 'fail', 'critical', '', x'03', ''),"
	" (2, 2, 'spf.b', 'pass', 'low', '', x'03', ''),"
	" (2, 3, 'spf.c', 'not_measured', 'low', 'why', x'03', ''),"
	" (2, 4, 'spf.d', 'nonsense', 'nonsense', '', x'03', '');";

/* In place of a table, what gives rows for ever, or nothing for ever. */
static const char endless[] =
	"DROP TABLE run; DROP TABLE past; DROP TABLE kind;"
	"INSERT INTO look VALUES (2, 2, 'a.test', NULL); INSERT INTO fact VALUES (2, 'mx', 'x');"
	"INSERT INTO finding VALUES (2, 0, 'spf.all', 'fail', 'high', '', x'01', '');"
	"CREATE VIEW kind AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	" SELECT 'spf.all' AS id, 'x' AS title, i AS why FROM n WHERE i < 0;"
	"CREATE VIEW past AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	" SELECT 'a.test' AS domain, 'mx' AS name, 'x' AS value, '' AS before, i AS since_s FROM n"
	" WHERE i < 0;"
	"CREATE VIEW run AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	" SELECT i AS id, i AS time_s FROM n;"
	"PRAGMA user_version = 4;";

static char path[] = "/tmp/gp-auditdb-XXXXXX";
static sqlite3 *writer;
static int fd;

static int
set_up(void **state)
{
	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
	assert_int_equal(sqlite_execute(writer, "PRAGMA journal_mode = WAL;"), 0);
	assert_int_equal(sqlite_execute(writer, tables), 0);
	assert_int_equal(sqlite_execute(writer, rows), 0);
	assert_int_equal(sqlite_execute(writer, "PRAGMA wal_checkpoint(TRUNCATE);"), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	sqlite3_close(writer);
	close(fd);
	assert_int_equal(unlink(path), 0);
	return 0;
}

static struct gp_auditdb *
open_history(void)
{
	int for_reading = open(path, O_RDONLY | O_CLOEXEC);
	struct gp_auditdb *db = gp_auditdb_open(for_reading);
	assert_non_null(db);
	return db;
}

static void
domains_and_their_looks(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_auditdb *db = open_history();
	struct gp_auditdb_domain *list, one;
	size_t len;
	bool more;
	(void)state;
	assert_int_equal(gp_auditdb_domains(db, &arena, &list, &len, &more), 0);
	assert_int_equal(len, 2);
	assert_false(more);
	assert_slice(list[0].name, "a.test");
	assert_int_equal(list[0].last.time_s, 200);
	assert_true(list[0].has_before);
	assert_int_equal(list[0].before.time_s, 100);
	assert_int_equal(list[0].last.counts.faults[GP_SEVERITY_CRITICAL], 2);
	assert_int_equal(list[0].last.counts.unmeasured, 1);
	assert_int_equal(list[0].before.counts.faults[GP_SEVERITY_HIGH], 1);
	assert_int_equal(list[1].last.time_s, 300);
	assert_int_equal(gp_auditdb_domain(db, GP_SLICE("b.test"), &arena, &one), 0);
	assert_int_equal(one.last.id, 4);
	assert_int_equal(gp_auditdb_domain(db, GP_SLICE("none.test"), &arena, &one), 1);
	gp_auditdb_close(db);
	gp_arena_free(&arena);
}

static void
findings_facts_and_runs(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_auditdb *db = open_history();
	struct audit_kept *findings;
	struct gp_auditdb_fact *facts;
	struct gp_auditdb_run *runs;
	size_t len;
	(void)state;
	assert_int_equal(gp_auditdb_findings(db, 2, &arena, &findings, &len), 0);
	assert_int_equal(len, 5);
	assert_slice(findings[0].mend, "one\ntwo");
	assert_null(memchr(findings[0].title.ptr, 27, findings[0].title.len));
	assert_slice(findings[0].why, "They pass");
	assert_int_equal(findings[1].title.len + findings[1].why.len, 0);
	assert_null(memchr(findings[0].evidence.ptr, 27, findings[0].evidence.len));
	assert_int_equal(findings[3].state, GP_FINDING_NOT_MEASURED);
	assert_int_equal(gp_auditdb_facts(db, 2, &arena, &facts, &len), 0);
	assert_int_equal(len, 2);
	assert_slice(facts[0].before, "reject");
	assert_int_equal(facts[0].since_s, 200);
	/* What is known of the past is about another value. */
	assert_int_equal(facts[1].since_s, 0);
	assert_int_equal(gp_auditdb_runs(db, GP_SLICE(""), &arena, &runs, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(runs[1].looks, 2);
	assert_int_equal(gp_auditdb_runs(db, GP_SLICE("a.test"), &arena, &runs, &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(runs[0].time_s, 200);
	gp_auditdb_close(db);
	gp_arena_free(&arena);
}

/* What is in the log beside the file is not seen; once it is in the file, it is, and whoever has
 * the file open knows that it has changed. */
static void
a_file_that_is_written(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_auditdb *db = open_history();
	struct gp_auditdb_run *runs;
	size_t len;
	(void)state;
	assert_int_equal(sqlite_execute(writer, "INSERT INTO run VALUES (4, 400);"
						"INSERT INTO look VALUES (5, 4, 'c.test', NULL);"),
			 0);
	assert_int_equal(gp_auditdb_runs(db, GP_SLICE(""), &arena, &runs, &len), 0);
	assert_int_equal(len, 3);
	assert_false(gp_auditdb_is_torn(db));
	/* The file's time goes by ticks of the kernel. */
	(void)nanosleep(&(struct timespec){.tv_nsec = 20'000'000}, NULL);
	assert_int_equal(sqlite_execute(writer, "PRAGMA wal_checkpoint(TRUNCATE);"), 0);
	assert_true(gp_auditdb_is_torn(db));
	gp_auditdb_close(db);
	db = open_history();
	assert_int_equal(gp_auditdb_runs(db, GP_SLICE(""), &arena, &runs, &len), 0);
	assert_int_equal(len, 4);
	gp_auditdb_close(db);
	gp_arena_free(&arena);
}

static void
nothing_is_written(void **state)
{
	sqlite3 *db;
	(void)state;
	assert_int_equal(sqlite_open_descriptor(open(path, O_RDWR | O_CLOEXEC), &db), 0);
	assert_true(sqlite_execute(db, "DELETE FROM run") < 0);
	assert_true(sqlite_execute(db, "PRAGMA user_version = 9") < 0);
	assert_int_equal(sqlite_version(db), 4);
	sqlite3_close(db);
}

static void
what_is_no_history(void **state)
{
	char text[] = "/tmp/gp-auditdb-XXXXXX";
	int other = mkstemp(text), ends[2];
	(void)state;
	assert_null(gp_auditdb_open(-1));
	assert_null(gp_auditdb_open(other));
	assert_int_equal(write(other, "SQLite format 3", 16), 16);
	assert_null(gp_auditdb_open(other));
	assert_int_equal(pipe(ends), 0);
	assert_null(gp_auditdb_open(ends[0]));
	close(ends[0]);
	close(ends[1]);
	close(other);
	unlink(text);
}

/* All that is ever asked; what comes is right or a failure, and never more than the lists hold. */
static void
read_all(int damaged)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_auditdb *db = gp_auditdb_open(damaged);
	struct gp_auditdb_domain *domains, one;
	struct audit_kept *findings;
	struct gp_auditdb_fact *facts;
	struct gp_auditdb_run *runs;
	size_t len;
	bool more;
	if (db) {
		(void)!gp_auditdb_domains(db, &arena, &domains, &len, &more);
		(void)!gp_auditdb_domain(db, GP_SLICE("a.test"), &arena, &one);
		(void)!gp_auditdb_findings(db, 2, &arena, &findings, &len);
		(void)!gp_auditdb_facts(db, 2, &arena, &facts, &len);
		(void)!gp_auditdb_runs(db, GP_SLICE(""), &arena, &runs, &len);
		assert_true(len <= GP_AUDITDB_RUNS_MAX);
	}
	gp_auditdb_close(db);
	gp_arena_free(&arena);
}

static void
a_damaged_file(void **state)
{
	struct stat st;
	struct prng random = {1};
	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	size_t size = (size_t)st.st_size;
	char *whole = malloc(size), *damaged = malloc(size);
	assert_true(whole && damaged);
	assert_int_equal(pread(fd, whole, size, 0), size);
	int beside = memfd_create("damaged", MFD_CLOEXEC);
	assert_true(beside >= 0);
	for (int i = 0; i < DAMAGES; i++) {
		memcpy(damaged, whole, size);
		for (size_t n = 1 + prng_below(&random, 40); n > 0; n--)
			damaged[prng_below(&random, size)] = (char)prng_below(&random, 256);
		assert_int_equal(ftruncate(beside, 0), 0);
		size_t kept = i % 3 == 0 ? prng_below(&random, size) : size;
		assert_int_equal(pwrite(beside, damaged, kept, 0), kept);
		read_all(beside);
	}
	close(beside);
	free(whole);
	free(damaged);
}

static void
views_without_end(void **state)
{
	char other[] = "/tmp/gp-auditdb-XXXXXX";
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct audit_kept *findings;
	struct gp_auditdb_fact *facts;
	struct gp_auditdb_run *runs;
	size_t len;
	sqlite3 *hostile;
	int beside = mkstemp(other);
	(void)state;
	assert_int_equal(sqlite3_open(other, &hostile), SQLITE_OK);
	assert_int_equal(sqlite_execute(hostile, tables), 0);
	assert_int_equal(sqlite_execute(hostile, endless), 0);
	sqlite3_close(hostile);
	struct gp_auditdb *db = gp_auditdb_open(beside);
	assert_non_null(db);
	assert_int_equal(gp_auditdb_runs(db, GP_SLICE(""), &arena, &runs, &len), -EIO);
	assert_int_equal(gp_auditdb_facts(db, 2, &arena, &facts, &len), -EIO);
	assert_int_equal(gp_auditdb_findings(db, 2, &arena, &findings, &len), -EIO);
	gp_auditdb_close(db);
	close(beside);
	assert_int_equal(unlink(other), 0);
	gp_arena_free(&arena);
}

/* The next audit adds the table. */
static void
a_history_that_is_older(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct audit_kept *findings;
	size_t len;
	(void)state;
	assert_int_equal(sqlite_execute(writer, older), 0);
	assert_int_equal(sqlite_execute(writer, "PRAGMA wal_checkpoint(TRUNCATE);"), 0);
	struct gp_auditdb *db = open_history();
	assert_int_equal(gp_auditdb_findings(db, 2, &arena, &findings, &len), 0);
	assert_int_equal(len, 5);
	assert_slice(findings[0].id, "spf.all");
	assert_int_equal(findings[0].title.len + findings[0].why.len, 0);
	gp_auditdb_close(db);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_and_their_looks),
		cmocka_unit_test(findings_facts_and_runs),
		cmocka_unit_test(nothing_is_written),
		cmocka_unit_test(what_is_no_history),
		cmocka_unit_test(a_damaged_file),
		cmocka_unit_test(views_without_end),
		cmocka_unit_test(a_file_that_is_written),
		cmocka_unit_test(a_history_that_is_older),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
