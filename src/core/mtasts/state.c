/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtasts/state.h"

#include <string.h>

/* A clock that went back makes things young, never negative. */
static uint64_t
age_ms(uint64_t since_ms, uint64_t now_ms)
{
	return now_ms > since_ms ? now_ms - since_ms : 0;
}

bool
gp_mtasts_valid(const struct gp_mtasts_state *s, uint64_t now_ms)
{
	return s->id_len > 0 && age_ms(s->fetched_ms, now_ms) < (uint64_t)s->max_age_s * 1000;
}

static bool
refresh_is_due(const struct gp_mtasts_state *s, uint64_t now_ms)
{
	uint64_t half_ms = (uint64_t)s->max_age_s * 1000 / 2;
	return age_ms(s->fetched_ms, now_ms) >= GP_MIN(half_ms, (uint64_t)GP_MTASTS_REFRESH_MS);
}

static bool
failed_just_now(const struct gp_mtasts_state *s, struct gp_slice id, uint64_t now_ms)
{
	struct gp_slice failed = gp_slice(s->failed_id, s->failed_id_len);
	return failed.len > 0 && gp_slice_eq(failed, id) && s->failed_ms <= now_ms &&
	       now_ms - s->failed_ms < GP_MTASTS_RETRY_MS;
}

/* The kept policy is the current one, as far as is known. */
static struct gp_mtasts_next
keep(const struct gp_mtasts_state *s, struct gp_slice id, uint64_t now_ms)
{
	bool refresh = refresh_is_due(s, now_ms) && !failed_just_now(s, id, now_ms);
	return (struct gp_mtasts_next){.action = refresh ? GP_MTASTS_REFRESH : GP_MTASTS_APPLY};
}

struct gp_mtasts_next
gp_mtasts_decide(const struct gp_mtasts_state *s, enum gp_mtasts_record record, struct gp_slice id,
		 uint64_t now_ms)
{
	struct gp_slice kept_id = gp_slice(s->id, s->id_len);
	bool valid = gp_mtasts_valid(s, now_ms);
	if (record == GP_MTASTS_RECORD_UNKNOWN && valid)
		return keep(s, kept_id, now_ms);
	if (record != GP_MTASTS_RECORD_OK)
		return (struct gp_mtasts_next){.action = valid ? GP_MTASTS_APPLY
							       : GP_MTASTS_DO_NOTHING};
	if (valid && gp_slice_eq(kept_id, id))
		return keep(s, id, now_ms);
	if (!failed_just_now(s, id, now_ms))
		return (struct gp_mtasts_next){.action = GP_MTASTS_FETCH};
	return (struct gp_mtasts_next){.action = valid ? GP_MTASTS_APPLY : GP_MTASTS_DO_NOTHING,
				       .failure = s->failure};
}

static uint8_t
copy_id(char to[GP_MTASTS_ID_MAX], struct gp_slice id)
{
	gp_assert(id.len > 0 && id.len <= GP_MTASTS_ID_MAX);
	memcpy(to, id.ptr, id.len);
	return (uint8_t)id.len;
}

void
gp_mtasts_kept(struct gp_mtasts_state *s, struct gp_slice id, const struct gp_mtasts_policy *policy,
	       uint64_t now_ms)
{
	if (id.len > 0)
		s->id_len = copy_id(s->id, id);
	gp_assert(s->id_len > 0);
	s->max_age_s = policy->max_age_s;
	s->fetched_ms = now_ms;
	s->failed_id_len = 0;
	s->failure = GP_MTASTS_FETCHED;
}

void
gp_mtasts_failed(struct gp_mtasts_state *s, struct gp_slice id, enum gp_mtasts_failure why,
		 uint64_t now_ms)
{
	gp_assert(why != GP_MTASTS_FETCHED);
	struct gp_slice about = id.len > 0 ? id : gp_slice(s->id, s->id_len);
	s->failed_id_len = copy_id(s->failed_id, about);
	s->failed_ms = now_ms;
	s->failure = (uint8_t)why;
}
