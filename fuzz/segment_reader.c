/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a segment holds, opening the directory must neither crash nor hand out what does not
 * match its checksum. The first octet chooses: 0, the input is a record's meta and read as both
 * kinds; else it is what stands behind a good segment header, with checksums of records put right,
 * so that the fuzzer gets past them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "simdisk.h"
#include "spool/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MARK = 0x31415926 };

static void
read_meta(struct gp_slice meta)
{
	struct gp_arena arena = GP_ARENA_INIT(16 << 20);
	struct gp_message_meta m;
	struct gp_outcome_meta o;
	struct gp_buf again = GP_BUF_INIT(16 << 20);
	if (gp_message_meta_read(meta, &arena, &m)) {
		gp_message_meta_write(&again, &m.envelope, m.states, m.flags);
		gp_assert(again.failed || again.len == meta.len);
	}
	gp_buf_clear(&again);
	if (gp_outcome_meta_read(meta, &arena, &o)) {
		gp_outcome_meta_write(&again, &o);
		gp_assert(again.failed || again.len == meta.len);
	}
	gp_buf_free(&again);
	gp_arena_free(&arena);
}

/* Walks as far as heads make sense and signs them. */
static void
sign_records(struct gp_buf *file)
{
	struct gp_slice all = gp_buf_slice(file);
	for (uint64_t at = GP_SEGMENT_START; at + GP_RECORD_HEAD <= all.len;) {
		char *head = file->ptr + file->head + at;
		struct gp_record r;
		uint64_t mark = MARK;
		memcpy(head, &mark, sizeof(mark));
		if (!gp_record_head_read(gp_slice(head, GP_RECORD_HEAD), MARK, &r))
			return;
		struct gp_slice rest = gp_slice_drop(all, (size_t)at + GP_RECORD_HEAD);
		if (r.meta_len > rest.len || r.body_len > rest.len - r.meta_len)
			return;
		struct gp_record_place place = {MARK, 1, at};
		r.body_crc = gp_crc32c(
			0, gp_slice_take(gp_slice_drop(rest, r.meta_len), (size_t)r.body_len));
		gp_record_head_write(head, &place, &r, gp_slice_take(rest, r.meta_len));
		at += gp_record_size(r.meta_len, r.body_len);
	}
}

static void
read_everything(struct gp_store *s)
{
	for (struct gp_queued *q = gp_store_next(s, NULL); q; q = gp_store_next(s, q)) {
		struct gp_arena arena = GP_ARENA_INIT(16 << 20);
		struct gp_stored m;
		if (gp_store_read(s, q, &arena, &m) == 0)
			gp_assert(m.envelope.rcpts_len == q->rcpts_len);
		gp_arena_free(&arena);
	}
}

static void
open_segment(struct gp_slice records)
{
	struct sim *disk = sim_new();
	struct gp_buf file = GP_BUF_INIT(1 << 20);
	gp_segment_header_write(&file, &(struct gp_segment_header){.sequence = 1, .mark = MARK});
	gp_buf_put(&file, records);
	sign_records(&file);
	(void)sim_put(disk, "0000000000000001", gp_buf_slice(&file));
	gp_buf_free(&file);

	struct gp_store *s;
	struct gp_store_report report;
	struct gp_store_settings set = {.segment_size = 16 << 10, .batch_size = 16 << 10};
	int rc = gp_store_open(sim_io(disk), sim_root(disk), &set, 1, &s, &report);
	gp_assert(rc == 0);
	read_everything(s);
	while (gp_store_reclaim(s) == GP_STORE_MORE)
		continue;
	(void)gp_store_close(s);
	sim_free(disk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice input = gp_slice((const char *)data, size);
	if (size == 0)
		return 0;
	if (data[0] == 0)
		read_meta(gp_slice_drop(input, 1));
	else
		open_segment(gp_slice_drop(input, 1));
	return 0;
}
