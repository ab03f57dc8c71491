/* SPDX-License-Identifier: Apache-2.0 */
#include "core/targets/progress.h"

#include <inttypes.h>

#include "base/scan.h"

#define HEAD "gatepost-scan 1\n"

static bool
bit(const struct gp_progress *p, uint64_t turn)
{
	uint64_t at = turn % GP_PROGRESS_WINDOW;
	return p->ahead[at / 8] >> at % 8 & 1;
}

bool
gp_progress_is_done(const struct gp_progress *p, uint64_t turn)
{
	return turn < p->done || (turn - p->done < GP_PROGRESS_WINDOW && bit(p, turn));
}

bool
gp_progress_may(const struct gp_progress *p, uint64_t turn)
{
	return turn >= p->done && turn - p->done < GP_PROGRESS_WINDOW && !bit(p, turn);
}

void
gp_progress_note(struct gp_progress *p, uint64_t turn)
{
	uint64_t at = turn % GP_PROGRESS_WINDOW;
	if (turn < p->done)
		return;
	gp_assert(turn - p->done < GP_PROGRESS_WINDOW);
	p->ahead[at / 8] |= (uint8_t)(1u << at % 8);
	for (; bit(p, p->done); p->done++) {
		at = p->done % GP_PROGRESS_WINDOW;
		p->ahead[at / 8] &= (uint8_t) ~(1u << at % 8);
	}
}

uint64_t
gp_progress_count(const struct gp_progress *p)
{
	uint64_t n = p->done;
	for (uint64_t i = p->done; i < p->done + GP_PROGRESS_WINDOW; i++)
		n += bit(p, i);
	return n;
}

void
gp_progress_write(const struct gp_progress *p, const struct gp_targets_walk *walk,
		  struct gp_buf *out)
{
	gp_buf_printf(out,
		      HEAD "digest %" PRIu64 "\nseed %" PRIu64 "\nshard %" PRIu32 " %" PRIu32
			   "\ndone %" PRIu64 "\nalso",
		      walk->list->digest, walk->order.seed, walk->shard, walk->shards, p->done);
	for (uint64_t i = p->done; i < p->done + GP_PROGRESS_WINDOW; i++) {
		if (bit(p, i))
			gp_buf_printf(out, " %" PRIu64, i);
	}
	gp_buf_put_str(out, "\n");
}

static bool
take_number(struct gp_scan *c, uint64_t max, uint64_t *ret)
{
	return gp_slice_u64(gp_scan_while(c, gp_ascii_is_digit), max, ret);
}

static bool
take_field(struct gp_scan *c, struct gp_slice word, uint64_t max, uint64_t *ret)
{
	return gp_scan_word(c, word) && gp_scan_char(c, ' ') && take_number(c, max, ret);
}

static bool
take_line(struct gp_scan *c, struct gp_slice word, uint64_t *ret)
{
	return take_field(c, word, UINT64_MAX, ret) && gp_scan_char(c, '\n');
}

static bool
take_ahead(struct gp_scan *c, struct gp_progress *p)
{
	while (gp_scan_char(c, ' ')) {
		uint64_t turn;
		if (!take_number(c, UINT64_MAX, &turn) || !gp_progress_may(p, turn))
			return false;
		gp_progress_note(p, turn);
	}
	return gp_scan_char(c, '\n') && gp_scan_end(c);
}

bool
gp_progress_read(struct gp_slice text, struct gp_progress *p, struct gp_progress_start *ret)
{
	struct gp_scan c = gp_scan(text);
	uint64_t shard, shards;
	*p = (struct gp_progress){};
	if (!gp_scan_word(&c, GP_SLICE(HEAD)) || !take_line(&c, GP_SLICE("digest"), &ret->digest) ||
	    !take_line(&c, GP_SLICE("seed"), &ret->seed) ||
	    !take_field(&c, GP_SLICE("shard"), UINT32_MAX, &shard) || !gp_scan_char(&c, ' ') ||
	    !take_number(&c, UINT32_MAX, &shards) || !gp_scan_char(&c, '\n') || shard >= shards ||
	    !take_line(&c, GP_SLICE("done"), &p->done) ||
	    p->done > (uint64_t)1 << GP_SHUFFLE_BITS_MAX || !gp_scan_word(&c, GP_SLICE("also")))
		return false;
	ret->shard = (uint32_t)shard;
	ret->shards = (uint32_t)shards;
	return take_ahead(&c, p);
}
