/* SPDX-License-Identifier: Apache-2.0 */
#include "auditdb/auditdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/identity/visible.h"
#include "sqlite/descriptor.h"
#include "sqlite/migrate.h"
#include "sys/small_file.h"

/* The first version with all columns that are read here; later ones add to it. */
enum { VERSION_MIN = 3, VERSION_KINDS = 4 };

enum statement {
	NEXT_DOMAIN,
	LOOKS,
	COUNTS,
	FINDINGS,
	FACTS,
	RUNS,
	RUN_LOOKS,
	RUN_LOOK,
	STATEMENTS,
};

static const char *const texts[STATEMENTS] = {
	[NEXT_DOMAIN] = "SELECT domain FROM look WHERE domain > ? ORDER BY domain LIMIT 1",
	[LOOKS] = "SELECT l.id, r.id, r.time_s FROM look l JOIN run r ON r.id = l.run"
		  " WHERE l.domain = ? ORDER BY l.run DESC LIMIT 2",
	[COUNTS] = "SELECT state, severity, count(*) FROM finding WHERE look = ? GROUP BY 1, 2",
	[FINDINGS] = "SELECT f.id, evidence, mend, evidence_sha256, state, severity, title, why"
		     " FROM finding f LEFT JOIN kind USING (id)"
		     " WHERE look = ? ORDER BY number LIMIT ?",
	[FACTS] = "SELECT f.name, f.value, p.before, p.since_s FROM fact f JOIN look l ON l.id = "
		  "f.look LEFT JOIN past p ON p.domain = l.domain AND p.name = f.name"
		  " AND p.value = f.value WHERE f.look = ? ORDER BY f.name LIMIT ?",
	[RUNS] = "SELECT id, time_s FROM run ORDER BY id DESC LIMIT ?",
	[RUN_LOOKS] = "SELECT id FROM look WHERE run = ?",
	[RUN_LOOK] = "SELECT id FROM look WHERE domain = ? AND run = ?",
};

/* Before what ids stand for was kept. */
static const char findings_alone[] =
	"SELECT id, evidence, mend, evidence_sha256, state, severity, NULL, NULL FROM finding"
	" WHERE look = ? ORDER BY number LIMIT ?";

struct gp_auditdb {
	int fd; /* the caller's */
	struct stat seen;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
};

/* --- the beginning and the end --- */

static int
prepare(struct gp_auditdb *db)
{
	int version = sqlite_version(db->db), r = version < VERSION_MIN ? -EIO : 0;
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++) {
		bool alone = i == FINDINGS && version < VERSION_KINDS;
		r = sqlite_error(sqlite3_prepare_v2(db->db, alone ? findings_alone : texts[i], -1,
						    &db->statements[i], NULL));
	}
	return r;
}

struct gp_auditdb *
gp_auditdb_open(int fd)
{
	struct gp_auditdb *db = calloc(1, sizeof(*db));
	if (!db)
		return NULL;
	db->fd = fd;
	bool is_file = gp_file_stat(fd, &db->seen) == 0 && S_ISREG(db->seen.st_mode);
	if (is_file && sqlite_open_descriptor(fd, &db->db) == 0 && prepare(db) == 0)
		return db;
	return gp_auditdb_close(db);
}

struct gp_auditdb *
gp_auditdb_close(struct gp_auditdb *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->db);
	free(db);
	return NULL;
}

bool
gp_auditdb_is_torn(const struct gp_auditdb *db)
{
	struct stat now;
	return gp_file_stat(db->fd, &now) < 0 || now.st_size != db->seen.st_size ||
	       now.st_mtim.tv_sec != db->seen.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != db->seen.st_mtim.tv_nsec;
}

/* --- rows --- */

static sqlite3_stmt *
begin(struct gp_auditdb *db, enum statement which)
{
	sqlite3_reset(db->statements[which]);
	return db->statements[which];
}

static void
bind_text(sqlite3_stmt *st, int column, struct gp_slice text)
{
	sqlite3_bind_text64(st, column, text.len > 0 ? text.ptr : "", text.len, SQLITE_STATIC,
			    SQLITE_UTF8);
}

/* The next row: 1; 0: there is none; -EIO, -ENOMEM. */
static int
next_row(sqlite3_stmt *st)
{
	int code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(st);
	return code == SQLITE_DONE ? 0 : sqlite_error(code) < 0 ? sqlite_error(code) : -EIO;
}

static struct gp_slice
octets_at(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	int len = sqlite3_column_bytes(st, column);
	return gp_slice(p ? p : "", p ? (size_t)len : 0);
}

static struct gp_slice
text_at(sqlite3_stmt *st, int column, struct gp_arena *arena)
{
	return gp_visible(octets_at(st, column), arena);
}

/* Lines stay lines. */
static struct gp_slice
lines_at(sqlite3_stmt *st, int column, struct gp_arena *arena)
{
	struct gp_slice rest = octets_at(st, column), text = gp_slice("", 0);
	for (bool first = true; rest.len > 0; first = false) {
		struct gp_slice line = gp_visible(gp_slice_cut(&rest, '\n'), arena);
		text = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(text), first ? "" : "\n",
				       GP_SLICE_FMT(line));
	}
	return text;
}

static uint64_t
number_at(sqlite3_stmt *st, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(st, column);
	return n > 0 ? (uint64_t)n : 0;
}

static uint8_t
word_at(sqlite3_stmt *st, int column, const char *(*name)(uint8_t), uint8_t last)
{
	struct gp_slice word = octets_at(st, column);
	for (uint8_t i = 0; i <= last; i++) {
		if (gp_slice_eq(word, gp_slice_str(name(i))))
			return i;
	}
	return 0;
}

static uint8_t
state_at(sqlite3_stmt *st, int column)
{
	return word_at(st, column, gp_finding_state_name, GP_FINDING_NOT_MEASURED);
}

static uint8_t
severity_at(sqlite3_stmt *st, int column)
{
	return word_at(st, column, gp_severity_name, GP_SEVERITY_CRITICAL);
}

/* --- looks --- */

/* Adds those of the look; *rows: how many there were. */
static int
add_counts(struct gp_auditdb *db, int64_t look, struct gp_auditdb_counts *to, uint64_t *rows)
{
	sqlite3_stmt *st = begin(db, COUNTS);
	int r;
	sqlite3_bind_int64(st, 1, look);
	while ((r = next_row(st)) == 1) {
		uint8_t state = state_at(st, 0);
		uint32_t n = (uint32_t)number_at(st, 2);
		*rows += n;
		if (state == GP_FINDING_FAIL)
			to->faults[severity_at(st, 1)] += n;
		else if (state == GP_FINDING_NOT_MEASURED)
			to->unmeasured += n;
	}
	return r;
}

static int
read_looks(struct gp_auditdb *db, struct gp_auditdb_domain *d)
{
	sqlite3_stmt *st = begin(db, LOOKS);
	struct gp_auditdb_look looks[2] = {};
	size_t len = 0;
	uint64_t rows = 0;
	int r;
	bind_text(st, 1, d->name);
	while ((r = next_row(st)) == 1 && len < GP_ARRAY_LEN(looks))
		looks[len++] = (struct gp_auditdb_look){.id = sqlite3_column_int64(st, 0),
							.run = sqlite3_column_int64(st, 1),
							.time_s = number_at(st, 2)};
	for (size_t i = 0; r == 0 && i < len; i++)
		r = add_counts(db, looks[i].id, &looks[i].counts, &rows);
	d->last = looks[0];
	d->before = looks[1];
	d->has_before = len == 2;
	return r != 0 ? r : len == 0;
}

/* The names as they stand in the file, to be asked for by them. */
static int
next_domain(struct gp_auditdb *db, struct gp_slice after, struct gp_arena *arena,
	    struct gp_slice *ret)
{
	sqlite3_stmt *st = begin(db, NEXT_DOMAIN);
	bind_text(st, 1, after);
	int r = next_row(st);
	if (r == 1)
		*ret = gp_arena_dup(arena, octets_at(st, 0));
	sqlite3_reset(st);
	return r;
}

int
gp_auditdb_domains(struct gp_auditdb *db, struct gp_arena *arena, struct gp_auditdb_domain **ret,
		   size_t *ret_len, bool *ret_more)
{
	struct gp_auditdb_domain *list =
		gp_arena_array(arena, GP_AUDITDB_DOMAINS_MAX, sizeof(*list));
	struct gp_slice name = gp_slice("", 0);
	size_t len = 0;
	int r = list ? 1 : -ENOMEM;
	while (r == 1 && len < GP_AUDITDB_DOMAINS_MAX) {
		r = next_domain(db, name, arena, &name);
		if (r != 1)
			break;
		list[len].name = name;
		/* 1: a look without its run, in a file that is damaged. */
		if (read_looks(db, &list[len]) != 0)
			return -EIO;
		list[len++].name = gp_visible(name, arena);
	}
	*ret = list;
	*ret_len = len;
	*ret_more = r == 1;
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}

int
gp_auditdb_domain(struct gp_auditdb *db, struct gp_slice name, struct gp_arena *arena,
		  struct gp_auditdb_domain *ret)
{
	*ret = (struct gp_auditdb_domain){.name = name};
	int r = read_looks(db, ret);
	ret->name = gp_visible(name, arena);
	return r;
}

/* --- what a look found --- */

int
gp_auditdb_findings(struct gp_auditdb *db, int64_t look, struct gp_arena *arena,
		    struct audit_kept **ret, size_t *ret_len)
{
	sqlite3_stmt *st = begin(db, FINDINGS);
	struct audit_kept *list = gp_arena_array(arena, AUDIT_KEPT_MAX, sizeof(*list));
	size_t len = 0;
	int r = -ENOMEM;
	sqlite3_bind_int64(st, 1, look);
	sqlite3_bind_int64(st, 2, AUDIT_KEPT_MAX);
	while (list && (r = next_row(st)) == 1)
		list[len++] = (struct audit_kept){
			.id = text_at(st, 0, arena),
			.evidence = text_at(st, 1, arena),
			.mend = lines_at(st, 2, arena),
			.hash = gp_arena_dup(arena, octets_at(st, 3)),
			.state = state_at(st, 4),
			.severity = severity_at(st, 5),
			.title = text_at(st, 6, arena),
			.why = text_at(st, 7, arena),
		};
	*ret = list;
	*ret_len = len;
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}

int
gp_auditdb_facts(struct gp_auditdb *db, int64_t look, struct gp_arena *arena,
		 struct gp_auditdb_fact **ret, size_t *ret_len)
{
	sqlite3_stmt *st = begin(db, FACTS);
	struct gp_auditdb_fact *list = gp_arena_array(arena, GP_AUDITDB_FACTS_MAX, sizeof(*list));
	size_t len = 0;
	int r = -ENOMEM;
	sqlite3_bind_int64(st, 1, look);
	sqlite3_bind_int64(st, 2, GP_AUDITDB_FACTS_MAX);
	while (list && (r = next_row(st)) == 1)
		list[len++] = (struct gp_auditdb_fact){
			.name = text_at(st, 0, arena),
			.value = text_at(st, 1, arena),
			.before = text_at(st, 2, arena),
			.since_s = number_at(st, 3),
		};
	*ret = list;
	*ret_len = len;
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}

/* --- runs --- */

static int
count_run(struct gp_auditdb *db, struct gp_slice name, struct gp_auditdb_run *run, uint64_t *rows)
{
	bool all = name.len == 0;
	sqlite3_stmt *st = begin(db, all ? RUN_LOOKS : RUN_LOOK);
	int r;
	if (!all)
		bind_text(st, 1, name);
	sqlite3_bind_int64(st, all ? 1 : 2, run->id);
	while ((r = next_row(st)) == 1 && *rows <= GP_AUDITDB_ROWS_MAX) {
		run->looks++;
		r = add_counts(db, sqlite3_column_int64(st, 0), &run->counts, rows);
		if (r < 0)
			return r;
	}
	return GP_MIN(r, 0);
}

int
gp_auditdb_runs(struct gp_auditdb *db, struct gp_slice name, struct gp_arena *arena,
		struct gp_auditdb_run **ret, size_t *ret_len)
{
	sqlite3_stmt *st = begin(db, RUNS);
	struct gp_auditdb_run *list = gp_arena_array(arena, GP_AUDITDB_RUNS_MAX, sizeof(*list));
	size_t len = 0;
	uint64_t rows = 0;
	int r = -ENOMEM;
	sqlite3_bind_int64(st, 1, GP_AUDITDB_RUNS_MAX);
	while (list && rows <= GP_AUDITDB_ROWS_MAX && (r = next_row(st)) == 1) {
		list[len] = (struct gp_auditdb_run){.id = sqlite3_column_int64(st, 0),
						    .time_s = number_at(st, 1)};
		r = count_run(db, name, &list[len], &rows);
		if (r < 0)
			break;
		/* The one in which there was too much is not whole. */
		len += rows <= GP_AUDITDB_ROWS_MAX && list[len].looks > 0;
	}
	sqlite3_reset(st);
	*ret = list;
	*ret_len = len;
	return GP_MIN(r, 0);
}
