/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/sent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "core/dmarc/walk.h"
#include "reportdb/server.h"

enum {
	DAY_S = 24 * 60 * 60,
	ARENA_MAX = 1 << 30,
	SCRATCH_MAX = 64 << 20, /* of one domain's rows, before they are chosen from */
	SOURCES_MAX = 50,
	PASSED_MAX = 100, /* of each mechanism */
};

/* One domain that is being read. */
struct reading {
	struct gp_reportdb *db;
	struct gp_arena *arena;   /* of what stays */
	struct gp_arena *scratch; /* of rows */
	struct gp_reportdb_range all, last, unused;
	struct gp_posture_sent *ret;
};

/* --- figures --- */

static int
read_days(struct reading *r)
{
	struct gp_reportdb_day *days;
	size_t len;
	int result = gp_reportdb_days(r->db, &r->all, r->scratch, &days, &len);
	if (result < 0)
		return result;
	r->ret->since_s = len > 0 ? (uint64_t)days[0].day * DAY_S : 0;
	for (size_t i = 0; i < len; i++) {
		bool recent = days[i].day >= r->last.from_day;
		r->ret->messages += recent ? days[i].figures.messages : 0;
		r->ret->aligned += recent ? days[i].figures.aligned : 0;
		r->ret->days += days[i].day >= r->unused.from_day;
	}
	return 0;
}

/* IPv4 is mapped there. */
static void
set_address(const uint8_t address[16], struct gp_posture_source *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
	ret->len = v4 ? 4 : 16;
	memcpy(ret->octets, v4 ? address + sizeof(mapped) : address, ret->len);
}

static int
read_sources(struct reading *r)
{
	struct gp_reportdb_source *rows;
	size_t len;
	int result = gp_reportdb_sources(r->db, &r->last, GP_REPORTDB_BY_UNALIGNED, SOURCES_MAX,
					 r->scratch, &rows, &len);
	if (result < 0)
		return result;
	struct gp_posture_source *list = gp_arena_array(r->arena, len, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		list[i] = (struct gp_posture_source){.messages = rows[i].figures.messages,
						     .aligned = rows[i].figures.aligned,
						     .foreign = rows[i].figures.foreign,
						     .forwarded = rows[i].figures.forwarded};
		set_address(rows[i].address, &list[i]);
	}
	r->ret->sources = list;
	r->ret->sources_len = len;
	return 0;
}

/* --- who passed --- */

static void
add_passed(struct reading *r, const struct gp_reportdb_auth *rows, size_t len, bool dkim,
	   struct gp_posture_passed *list)
{
	for (size_t i = 0, added = 0; i < len && added < PASSED_MAX; i++) {
		if (rows[i].result != GP_INGEST_RESULT_PASS)
			continue;
		struct gp_slice selector = dkim ? rows[i].selector : GP_SLICE("");
		list[r->ret->passed_len++] =
			(struct gp_posture_passed){.domain = gp_arena_dup(r->arena, rows[i].domain),
						   .selector = gp_arena_dup(r->arena, selector),
						   .dkim = dkim,
						   .messages = rows[i].messages,
						   .aligned = rows[i].aligned};
		added++;
	}
}

static int
read_passed(struct reading *r)
{
	struct gp_reportdb_auth *signatures, *envelopes;
	size_t signatures_len, envelopes_len;
	int result =
		gp_reportdb_selectors(r->db, &r->unused, r->scratch, &signatures, &signatures_len);
	if (result == 0)
		result = gp_reportdb_spf(r->db, &r->unused, r->scratch, &envelopes, &envelopes_len);
	if (result != 0)
		return result;
	size_t room = GP_MIN(signatures_len, (size_t)PASSED_MAX) +
		      GP_MIN(envelopes_len, (size_t)PASSED_MAX);
	struct gp_posture_passed *list = gp_arena_array(r->arena, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	add_passed(r, signatures, signatures_len, true, list);
	add_passed(r, envelopes, envelopes_len, false, list);
	r->ret->passed = list;
	return 0;
}

/* --- the policy --- */

/* Since the first day of p=none behind the last day of any other. */
static int
read_policy(struct reading *r)
{
	struct gp_reportdb_policy *rows;
	size_t len;
	int64_t since = INT64_MAX, other = INT64_MIN, until = INT64_MIN;
	int result = gp_reportdb_policies(r->db, &r->all, r->scratch, &rows, &len);
	if (result < 0)
		return result;
	for (size_t i = 0; i < len; i++) {
		if (!gp_slice_eq(rows[i].domain, r->all.domain))
			continue;
		if (rows[i].p != GP_INGEST_POLICY_NONE) {
			other = GP_MAX(other, rows[i].last_day);
			continue;
		}
		since = GP_MIN(since, rows[i].first_day);
		until = GP_MAX(until, rows[i].last_day);
	}
	if (other != INT64_MIN)
		since = GP_MAX(since, other + 1);
	if (since <= until)
		r->ret->none_since_s = (uint64_t)since * DAY_S;
	return 0;
}

/* --- all of it --- */

static int
read_domain(struct audit_sent *sent, struct gp_reportdb *db, struct gp_slice domain, uint64_t now_s,
	    struct gp_posture_sent *ret)
{
	struct gp_arena scratch = GP_ARENA_INIT(SCRATCH_MAX);
	int64_t today = (int64_t)(now_s / DAY_S);
	struct gp_reportdb_range all = {.from_day = 0, .to_day = today};
	struct reading r = {.db = db, .arena = &sent->arena, .scratch = &scratch, .ret = ret};
	*ret = (struct gp_posture_sent){};
	int result = gp_dmarc_domain(domain, &sent->arena, &all.domain);
	r.all = r.last = r.unused = all;
	r.last.from_day = today - GP_POSTURE_SENT_S / DAY_S;
	r.unused.from_day = today - GP_POSTURE_UNUSED_S / DAY_S;
	if (result == 0)
		result = read_days(&r);
	if (result == 0)
		result = read_sources(&r);
	if (result == 0)
		result = read_passed(&r);
	if (result == 0)
		result = read_policy(&r);
	gp_arena_free(&scratch);
	return sent->arena.failed ? -ENOMEM : GP_MIN(result, 0);
}

static int
fail(const char *path, const struct gp_reportdb *db, int error)
{
	fprintf(stderr, "gatepost audit: %s: %s\n",
		gp_reportdb_is_server(path) ? "the database of reports" : path,
		gp_reportdb_why(db, error));
	return GP_EXIT_ERROR;
}

int
audit_sent_read(struct audit_sent *ret, const char *path, bool optional,
		const struct gp_slice *domains, size_t domains_len, uint64_t now_s)
{
	struct gp_reportdb *db;
	*ret = (struct audit_sent){.arena = GP_ARENA_INIT(ARENA_MAX)};
	int r = gp_reportdb_open(path, GP_REPORTDB_READ, &db);
	if (r < 0) {
		int code = r == -ENOENT && optional ? GP_EXIT_OK : fail(path, db, r);
		(void)gp_reportdb_close(db);
		return code;
	}
	ret->list = gp_arena_array(&ret->arena, domains_len, sizeof(*ret->list));
	r = ret->list ? 0 : -ENOMEM;
	for (size_t i = 0; i < domains_len && r == 0; i++)
		r = read_domain(ret, db, domains[i], now_s, &ret->list[i]);
	int code = r < 0 ? fail(path, db, r) : GP_EXIT_OK;
	(void)gp_reportdb_close(db);
	return code;
}

void
audit_sent_free(struct audit_sent *sent)
{
	gp_arena_free(&sent->arena);
}

const struct gp_posture_sent *
audit_sent_of(const struct audit_sent *sent, size_t number)
{
	return sent->list ? &sent->list[number] : NULL;
}
