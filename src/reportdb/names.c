/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the names of sources, and until when. */
#include "reportdb/parts.h"
#include "sqlite/migrate.h"

int
gp_reportdb_keep_name(struct gp_reportdb *db, const uint8_t address[16],
		      enum gp_reportdb_looked looked, struct gp_slice name, int64_t now_s)
{
	static const int64_t waits[] = {
		[GP_REPORTDB_NAMED] = GP_REPORTDB_NAMED_S,
		[GP_REPORTDB_NAMELESS] = GP_REPORTDB_NAMELESS_S,
		[GP_REPORTDB_NO_ANSWER] = GP_REPORTDB_NO_ANSWER_S,
	};
	gp_assert(!db->doc.open);
	int r = gp_transaction(db);
	sqlite3_stmt *st = r == 0 ? gp_statement(db, ST_KEEP_NAME) : NULL;
	if (!st)
		return gp_give_up(db, r < 0 ? r : sqlite_error(sqlite3_errcode(db->db)));
	gp_bind_source(st, 1, address);
	gp_bind_text(st, 2, looked == GP_REPORTDB_NAMED ? name : GP_SLICE(""));
	sqlite3_bind_int64(st, 3, now_s);
	sqlite3_bind_int64(st, 4, waits[looked]);
	sqlite3_bind_int(st, 5, looked == GP_REPORTDB_NO_ANSWER);
	sqlite3_bind_int64(st, 6, GP_REPORTDB_NO_ANSWER_MAX_S);
	r = gp_finish(db, ST_KEEP_NAME);
	return r < 0 ? gp_give_up(db, r) : 0;
}
