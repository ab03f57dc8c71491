/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the names of sources, and until when. */
#include "reportdb/names.h"

#include "reportdb/parts.h"

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
	struct gp_sql_statement *st = r == 0 ? gp_statement(db, ST_KEEP_NAME) : NULL;
	if (!st)
		return gp_give_up(db, r < 0 ? r : gp_sql_error(db->sql));
	gp_bind_source(st, 1, address);
	gp_sql_bind_text(st, 2, looked == GP_REPORTDB_NAMED ? name : GP_SLICE(""));
	gp_sql_bind_int(st, 3, now_s);
	gp_sql_bind_int(st, 4, waits[looked]);
	gp_sql_bind_int(st, 5, looked == GP_REPORTDB_NO_ANSWER);
	gp_sql_bind_int(st, 6, GP_REPORTDB_NO_ANSWER_MAX_S);
	r = gp_finish(db, ST_KEEP_NAME);
	return r < 0 ? gp_give_up(db, r) : 0;
}

int
gp_reportdb_looked_since(struct gp_reportdb *db, int64_t since_s, uint64_t *ret)
{
	struct gp_sql_statement *st = gp_statement(db, ST_LOOKED_SINCE);
	*ret = 0;
	if (!st)
		return gp_sql_error(db->sql);
	gp_sql_bind_int(st, 1, since_s);
	int r = gp_next_row(db, ST_LOOKED_SINCE);
	if (r == 1)
		*ret = gp_count_at(st, 0);
	gp_reset(db, ST_LOOKED_SINCE);
	return GP_MIN(r, 0);
}
