/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever arrives: reports begin and end by themselves, each is kept or lost, and where there is
 * none there is a reason. */
#include "core/ingest/intake.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t begun, ended;
	bool open, head, lost; /* of the report that is told of */
};

static int
see_begin(void *context)
{
	struct seen *s = context;
	gp_assert(!s->open);
	s->begun++;
	s->open = true;
	s->head = s->lost = false;
	return 0;
}

static int
see_end(void *context)
{
	struct seen *s = context;
	gp_assert(s->open && (s->head || s->lost));
	s->ended++;
	s->open = false;
	return 0;
}

static int
see_head(void *context, const struct gp_ingest_head *head)
{
	struct seen *s = context;
	gp_assert(s->open && !s->head && head->begin <= head->end);
	s->head = true;
	return 0;
}

static int
see_row(void *context, const struct gp_ingest_row *row)
{
	gp_assert(((struct seen *)context)->head && row->number >= 1);
	return 0;
}

static int
see_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	gp_assert(((struct seen *)context)->head && policy->number >= 1);
	return 0;
}

static int
see_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	gp_assert(((struct seen *)context)->head && failure->result.len <= GP_INGEST_TEXT_MAX);
	return 0;
}

static int
see_failure(void *context, const struct gp_ingest_failure *failure)
{
	gp_assert(((struct seen *)context)->head && failure->incidents >= 1);
	return 0;
}

static int
see_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct seen *s = context;
	gp_assert(s->open && why[0] != '\0');
	s->lost |= lost && record == 0;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {};
	const struct gp_ingest_listener listener = {
		&seen, see_head, see_row, see_tls_policy, see_tls_failure, see_failure, see_flaw};
	struct gp_intake intake = {
		.caps = {.archive = {1 << 20, 100}, .records_max = 100},
		.seed = 7,
		.listener = &listener,
		.begin = see_begin,
		.end = see_end,
	};
	struct gp_arena arena = GP_ARENA_INIT(64 << 20);
	struct gp_intake_result result;
	gp_assert(gp_intake_read(&intake, gp_slice((const char *)data, size), &arena, &result) ==
		  0);
	gp_assert(seen.begun == result.reports && seen.ended == result.reports);
	gp_assert(result.reports > 0 || result.why);
	gp_aggregate_free(intake.aggregate);
	gp_arena_free(&arena);
	return 0;
}
