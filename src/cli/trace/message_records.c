/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace/message_records.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

struct finding {
	struct gp_message_records *records;
	struct gp_arena *arena;
	uint64_t first_id; /* from it on all ids were given since the journal begins */
	uint64_t lost;     /* entries */
};

static bool
on_mail(void *ctx, const struct gp_journal_entry *e)
{
	struct finding *f = ctx;
	if (e->kind == GP_JOURNAL_BEGAN)
		f->first_id = GP_MIN(f->first_id, e->id);
	f->lost += e->kind == GP_JOURNAL_LOST ? e->count : 0;
	for (size_t i = 0; e->kind == GP_JOURNAL_ARRIVED && i < f->records->len; i++) {
		struct gp_headers_record *r = &f->records->items[i];
		if (r->id != e->id || r->state == GP_RECORD_FOUND)
			continue;
		r->state = GP_RECORD_FOUND;
		r->came = gp_records_copy(e, f->arena);
	}
	return !f->arena->failed;
}

static bool
on_answers(void *ctx, const struct gp_journal_entry *e)
{
	struct finding *f = ctx;
	if (e->kind != GP_JOURNAL_ANSWERS || e->id != f->records->verified->id)
		return true;
	f->records->answers = gp_arena_dup(f->arena, e->answers);
	return false;
}

/* What was given since the journal begins is in it, if nothing of it was lost. */
static void
settle_unknown(struct finding *f)
{
	for (size_t i = 0; i < f->records->len; i++) {
		struct gp_headers_record *r = &f->records->items[i];
		if (r->state == GP_RECORD_UNKNOWN && f->lost == 0 && r->id >= f->first_id)
			r->state = GP_RECORD_NONE;
	}
}

/* The newest that is borne out. What came with a login was not verified. */
static const struct gp_headers_record *
find_verified(const struct gp_headers *h, const struct gp_message_records *records)
{
	for (size_t i = 0; i < records->len; i++) {
		const struct gp_headers_record *r = &records->items[i];
		if (r->came.origin == GP_JOURNAL_STRANGER && !gp_headers_contradiction(h, r))
			return r;
	}
	return NULL;
}

int
gp_message_records_find(struct gp_records *journal, const struct gp_headers *h,
			struct gp_arena *arena, struct gp_message_records *ret)
{
	struct finding f = {.records = ret, .arena = arena, .first_id = UINT64_MAX};
	int rc = gp_records_walk(journal, GP_JOURNAL_FILE_MAIL, on_mail, &f);
	if (rc < 0)
		return rc;
	settle_unknown(&f);
	ret->verified = find_verified(h, ret);
	if (ret->verified)
		rc = gp_records_walk(journal, GP_JOURNAL_FILE_ANSWERS, on_answers, &f);
	if (ret->answers.len == 0)
		ret->verified = NULL;
	return rc == 0 && arena->failed ? -ENOMEM : rc;
}

bool
gp_message_records_client(const struct gp_headers_record *record, struct gp_verify_query *query)
{
	const struct gp_journal_entry *came = &record->came;
	bool six = gp_slice_find(came->client, ':') >= 0;
	char text[INET6_ADDRSTRLEN + 1] = {};
	memcpy(text, came->client.ptr, GP_MIN(came->client.len, sizeof(text) - 1));
	query->now_s = came->time_ms / 1000;
	query->helo = came->helo;
	query->sender = came->sender;
	query->address_len = six ? 16 : 4;
	if (inet_pton(six ? AF_INET6 : AF_INET, text, query->address) == 1)
		return true;
	query->address_len = 0;
	return false;
}
