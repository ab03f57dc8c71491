/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of an entry of the journal, with its frame made right; what is read is written back
 * the same. Answers in it are read too. */
#include <string.h>

#include "base/crc32c.h"
#include "base/wire.h"
#include "core/dns/answers.h"
#include "core/journal/journal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUF_MAX = 1 << 20 };

static void
read_answers(struct gp_slice kept, struct gp_arena *arena)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_answers *set;
	struct gp_buf again = GP_BUF_INIT(BUF_MAX);
	int rc = gp_answers_read(kept, arena, seed, &set);
	gp_assert((rc == 0) == (set != NULL));
	if (rc == 0)
		gp_assert(gp_answers_write(set, &again));
	gp_buf_free(&again);
	gp_answers_free(set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_slice payload =
		gp_slice((const char *)data, GP_MIN(size, (size_t)GP_JOURNAL_ENTRY_MAX));
	struct gp_buf file = GP_BUF_INIT(BUF_MAX), again = GP_BUF_INIT(BUF_MAX);
	struct gp_journal_entry e;
	gp_write_u32(&file, (uint32_t)payload.len);
	gp_write_u32(&file, gp_crc32c(0, payload));
	gp_buf_put(&file, payload);
	struct gp_slice rest = gp_buf_slice(&file);
	if (gp_journal_read(&rest, &arena, &e) == 0) {
		gp_assert(rest.len == 0);
		gp_assert(gp_journal_write(&again, &e));
		gp_assert(gp_slice_eq(gp_buf_slice(&again), gp_buf_slice(&file)));
		read_answers(e.answers, &arena);
	}
	gp_buf_free(&file);
	gp_buf_free(&again);
	gp_arena_free(&arena);
	return 0;
}
