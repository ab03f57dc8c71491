/* SPDX-License-Identifier: Apache-2.0 */
#include "reportdb/refused.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite/migrate.h"

enum {
	WAIT_MS = 10'000, /* for another who writes */
	/* Read, and written, at once: a mail may be larger than we have memory for. */
	PIECE = 256 * 1024,
	LIST_MEMORY_MAX = 64 << 20,
};

static const char *const steps[] = {
	"CREATE TABLE mail ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, why TEXT NOT NULL,"
	" trusted INTEGER NOT NULL, received_s INTEGER NOT NULL, size INTEGER NOT NULL);"
	"CREATE TABLE piece ("
	" mail INTEGER NOT NULL REFERENCES mail ON DELETE CASCADE,"
	" number INTEGER NOT NULL, octets BLOB NOT NULL, UNIQUE (mail, number));",
};

static const char settings[] = "PRAGMA trusted_schema = OFF;"
			       "PRAGMA cache_size = -4096;" /* KiB */
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA foreign_keys = ON;";
static const char writing[] = "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA secure_delete = FAST;"
			      "PRAGMA journal_size_limit = 16777216;";

enum statement {
	DROP,
	ROOM,
	DROP_OLDEST,
	ADD,
	ADD_PIECE,
	FORGET,
	LIST,
	FIND,
	FIND_FILE,
	PIECES,
	FIND_PIECE,
	STATEMENTS,
};

static const char *const texts[STATEMENTS] = {
	[DROP] = "DELETE FROM mail WHERE file = ?1",
	[ROOM] = "SELECT count(*), coalesce(sum(size), 0) FROM mail WHERE trusted = ?1",
	[DROP_OLDEST] = ("DELETE FROM mail WHERE id = (SELECT id FROM mail WHERE trusted = ?1"
			 " ORDER BY received_s, id LIMIT 1) AND received_s < ?2"),
	[ADD] = "INSERT INTO mail (file, why, trusted, received_s, size) VALUES (?, ?, ?, ?, ?)",
	[ADD_PIECE] = "INSERT INTO piece VALUES (?, ?, ?)",
	[FORGET] = "DELETE FROM mail WHERE received_s < ?1",
	[LIST] = ("SELECT id, file, why, trusted, received_s, size FROM mail"
		  " ORDER BY received_s DESC, id DESC LIMIT ?1"),
	[FIND] = "SELECT 1 FROM mail WHERE id = ?1",
	[FIND_FILE] = "SELECT 1 FROM mail WHERE file = ?1 AND received_s >= ?2",
	[PIECES] = "SELECT octets FROM piece WHERE mail = ?1 ORDER BY number",
	[FIND_PIECE] = "SELECT octets FROM piece WHERE mail = ?1 AND number = ?2",
};

struct gp_refused {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	char piece[PIECE];
};

/* --- statements --- */

static void
bind_text(sqlite3_stmt *st, int column, struct gp_slice text)
{
	sqlite3_bind_text64(st, column, text.len > 0 ? text.ptr : "", text.len, SQLITE_STATIC,
			    SQLITE_UTF8);
}

static struct gp_slice
octets_at(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	int len = sqlite3_column_bytes(st, column);
	return gp_slice(p ? p : "", p ? (size_t)len : 0);
}

/* 1: a row is there, until the statement is reset; else it is: 0 or -errno. */
static int
step(struct gp_refused *q, enum statement which)
{
	int code = sqlite3_step(q->statements[which]);
	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(q->statements[which]);
	return sqlite_error(code);
}

static int
run(struct gp_refused *q, enum statement which, int64_t value)
{
	sqlite3_bind_int64(q->statements[which], 1, value);
	return step(q, which);
}

/* --- the beginning and the end --- */

static int
prepare(struct gp_refused *q, bool writes)
{
	int r = sqlite_error(sqlite3_busy_timeout(q->db, WAIT_MS));
	if (r == 0)
		r = sqlite_execute(q->db, settings);
	if (r == 0 && writes)
		r = sqlite_execute(q->db, writing);
	if (r == 0 && writes)
		r = sqlite_migrate(q->db, steps, GP_ARRAY_LEN(steps));
	if (r == 0)
		r = sqlite_expect(q->db, GP_ARRAY_LEN(steps));
	for (size_t i = 0; r == 0 && i < STATEMENTS; i++)
		r = sqlite_error(sqlite3_prepare_v3(q->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
						    &q->statements[i], NULL));
	return r;
}

int
gp_refused_open(const char *path, enum gp_refused_mode mode, struct gp_refused **ret)
{
	struct gp_refused *q = calloc(1, sizeof(*q));
	bool writes = mode == GP_REFUSED_MAKE;
	int flags = writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	*ret = NULL;
	if (!q)
		return -ENOMEM;
	int code = sqlite3_open_v2(path, &q->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	int r = code == SQLITE_CANTOPEN ? -ENOENT : sqlite_error(code);
	if (r == 0)
		r = prepare(q, writes);
	*ret = r == 0 ? q : gp_refused_close(q);
	return r;
}

struct gp_refused *
gp_refused_close(struct gp_refused *q)
{
	if (!q)
		return NULL;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(q->statements[i]);
	sqlite3_close(q->db);
	free(q);
	return NULL;
}

const char *
gp_refused_why(int error)
{
	switch (error) {
	case -EPROTO:
		return "its tables are of another version of gatepost";
	case -ENODATA:
		return "it is empty: it was not made by gatepost, or is just being made";
	case -EBUSY:
		return "somebody else writes to it";
	default:
		return strerrordesc_np(-error);
	}
}

/* --- write --- */

/* Room for one more of this size in its half, by those that came before then. 0; 1: there is none;
 * -errno. */
static int
make_room(struct gp_refused *q, const struct gp_refused_mail *m, uint64_t half, int64_t before_s)
{
	for (;;) {
		sqlite3_stmt *st = q->statements[ROOM];
		int r = run(q, ROOM, m->authenticated);
		if (r != 1)
			return r < 0 ? r : -EIO;
		uint64_t mails = (uint64_t)sqlite3_column_int64(st, 0);
		uint64_t octets = (uint64_t)sqlite3_column_int64(st, 1);
		sqlite3_reset(st);
		if (mails == 0 || (mails < GP_REFUSED_MAILS_MAX / 2 && octets + m->size <= half))
			return 0;
		sqlite3_bind_int64(q->statements[DROP_OLDEST], 2, before_s);
		r = run(q, DROP_OLDEST, m->authenticated);
		if (r < 0 || sqlite3_changes(q->db) == 0)
			return r < 0 ? r : 1;
	}
}

static int
add_pieces(struct gp_refused *q, int64_t id, uint64_t size, const struct gp_refused_source *source)
{
	sqlite3_stmt *st = q->statements[ADD_PIECE];
	int r = 0;
	for (uint64_t at = 0; r == 0 && at < size; at += PIECE) {
		size_t len = (size_t)GP_MIN(size - at, (uint64_t)PIECE);
		r = source->read(source->context, at, q->piece, len);
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_int64(st, 2, (sqlite3_int64)(at / PIECE));
		sqlite3_bind_blob64(st, 3, q->piece, len, SQLITE_STATIC);
		if (r == 0)
			r = step(q, ADD_PIECE);
	}
	return r;
}

static int
add(struct gp_refused *q, const struct gp_refused_mail *m, const struct gp_refused_source *source,
    uint64_t half, int64_t before_s)
{
	sqlite3_stmt *st = q->statements[ADD];
	bind_text(q->statements[DROP], 1, m->file);
	int r = step(q, DROP);
	if (r == 0)
		r = make_room(q, m, half, before_s);
	if (r != 0)
		return r;
	bind_text(st, 1, m->file);
	bind_text(st, 2, m->why);
	sqlite3_bind_int(st, 3, m->authenticated);
	sqlite3_bind_int64(st, 4, m->received_s);
	sqlite3_bind_int64(st, 5, (sqlite3_int64)m->size);
	r = step(q, ADD);
	return r == 0 ? add_pieces(q, sqlite3_last_insert_rowid(q->db), m->size, source) : r;
}

/* In place of those that came before then. 0; 1: there is no room for it; -errno. */
static int
keep(struct gp_refused *q, const struct gp_refused_mail *mail,
     const struct gp_refused_source *source, uint64_t octets_max, int64_t before_s)
{
	if (mail->size > octets_max / 2)
		return 1;
	int r = sqlite_execute(q->db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = add(q, mail, source, octets_max / 2, before_s);
	if (r == 0)
		r = sqlite_execute(q->db, "COMMIT");
	if (r != 0)
		(void)sqlite_execute(q->db, "ROLLBACK");
	return r;
}

int
gp_refused_keep(struct gp_refused *q, const struct gp_refused_mail *mail,
		const struct gp_refused_source *source, uint64_t octets_max)
{
	return keep(q, mail, source, octets_max, INT64_MAX);
}

int
gp_refused_forget(struct gp_refused *q, int64_t before_s)
{
	return run(q, FORGET, before_s);
}

/* --- copy --- */

struct copied_mail {
	struct gp_refused *from;
	uint64_t number;
	bool unread; /* what failed was its reading */
};

/* It is asked for as it was put: piece by piece. */
static int
find_piece(const struct copied_mail *m, uint64_t at, char *to, size_t len)
{
	sqlite3_stmt *st = m->from->statements[FIND_PIECE];
	sqlite3_bind_int64(st, 2, (sqlite3_int64)(at / PIECE));
	int r = run(m->from, FIND_PIECE, (int64_t)m->number);
	if (r != 1)
		return r < 0 ? r : -EIO;
	struct gp_slice octets = octets_at(st, 0);
	bool whole = octets.len == len;
	if (whole)
		memcpy(to, octets.ptr, len);
	sqlite3_reset(st);
	return whole ? 0 : -EIO;
}

static int
read_piece(void *context, uint64_t at, char *to, size_t len)
{
	struct copied_mail *m = context;
	int r = find_piece(m, at, to, len);
	m->unread = r < 0;
	return r;
}

/* 1: it is kept there, or has no room; 0: it is now; -errno, of *ret_failed. */
static int
copy_mail(struct gp_refused *from, struct gp_refused *to, const struct gp_refused_mail *m,
	  uint64_t octets_max, struct gp_refused **ret_failed)
{
	struct copied_mail copied = {.from = from, .number = m->number};
	const struct gp_refused_source source = {&copied, read_piece};
	sqlite3_stmt *known = to->statements[FIND_FILE];
	bind_text(known, 1, m->file);
	sqlite3_bind_int64(known, 2, m->received_s);
	int r = step(to, FIND_FILE);
	sqlite3_reset(known);
	if (r == 0)
		r = keep(to, m, &source, octets_max, m->received_s);
	*ret_failed = copied.unread ? from : to;
	return r;
}

static int
copy_all(struct gp_refused *from, struct gp_refused *to, uint64_t octets_max, uint64_t *ret_copied,
	 struct gp_refused **ret_failed)
{
	struct gp_arena arena = GP_ARENA_INIT(LIST_MEMORY_MAX);
	struct gp_refused_mail *list;
	size_t len;
	int r = gp_refused_list(from, &arena, &list, &len);
	for (size_t i = 0; r >= 0 && i < len; i++) {
		r = copy_mail(from, to, &list[i], octets_max, ret_failed);
		*ret_copied += r == 0;
	}
	gp_arena_free(&arena);
	return GP_MIN(r, 0);
}

int
gp_refused_copy(struct gp_refused *from, struct gp_refused *to, uint64_t octets_max,
		uint64_t *ret_copied, struct gp_refused **ret_failed)
{
	*ret_copied = 0;
	*ret_failed = from;
	/* What its gateway drops meanwhile is there until the end. */
	int r = sqlite_execute(from->db, "BEGIN");
	if (r < 0)
		return r;
	r = copy_all(from, to, octets_max, ret_copied, ret_failed);
	(void)sqlite_execute(from->db, "ROLLBACK");
	return r;
}

/* --- read --- */

int
gp_refused_list(struct gp_refused *q, struct gp_arena *arena, struct gp_refused_mail **ret,
		size_t *ret_len)
{
	sqlite3_stmt *st = q->statements[LIST];
	*ret = gp_arena_array(arena, GP_REFUSED_LIST_MAX, sizeof(**ret));
	*ret_len = 0;
	sqlite3_bind_int64(st, 1, GP_REFUSED_LIST_MAX);
	int r = 0;
	while (*ret && (r = step(q, LIST)) == 1)
		(*ret)[(*ret_len)++] = (struct gp_refused_mail){
			.number = (uint64_t)sqlite3_column_int64(st, 0),
			.file = gp_arena_dup(arena, octets_at(st, 1)),
			.why = gp_arena_dup(arena, octets_at(st, 2)),
			.authenticated = sqlite3_column_int(st, 3),
			.received_s = sqlite3_column_int64(st, 4),
			.size = (uint64_t)sqlite3_column_int64(st, 5),
		};
	return arena->failed ? -ENOMEM : r;
}

int
gp_refused_tell(struct gp_refused *q, uint64_t number,
		int (*piece)(void *context, struct gp_slice octets), void *context)
{
	sqlite3_stmt *st = q->statements[PIECES];
	int64_t id = (int64_t)GP_MIN(number, (uint64_t)INT64_MAX);
	int r = run(q, FIND, id);
	sqlite3_reset(q->statements[FIND]);
	if (r != 1)
		return r < 0 ? r : 1;
	sqlite3_bind_int64(st, 1, id);
	while ((r = step(q, PIECES)) == 1) {
		int stop = piece(context, octets_at(st, 0));
		if (stop != 0) {
			sqlite3_reset(st);
			return stop;
		}
	}
	return r;
}
