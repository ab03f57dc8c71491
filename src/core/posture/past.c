/* SPDX-License-Identifier: Apache-2.0 */
#include "core/posture/past.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "core/message/date.h"
#include "core/posture/parts.h"

const struct gp_posture_past *
posture_past(struct posture_run *run, struct gp_slice name)
{
	const struct gp_posture_query *q = run->query;
	for (size_t i = 0; i < q->past_len; i++) {
		if (gp_slice_eq(q->past[i].name, name))
			return &q->past[i];
	}
	return NULL;
}

const struct gp_posture_past *
posture_unchanged(struct posture_run *run, struct gp_slice name, struct gp_slice value)
{
	const struct gp_posture_past *past = posture_past(run, name);
	return past && gp_slice_eq(past->value, value) ? past : NULL;
}

uint64_t
posture_age_s(struct posture_run *run, uint64_t since_s)
{
	return run->query->now_s - GP_MIN(since_s, run->query->now_s);
}

struct gp_slice
posture_fingerprint(struct posture_run *run, struct gp_slice octets)
{
	enum { OCTETS = 16 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * OCTETS + 1] = "";
	bool good = EVP_Digest(octets.ptr, octets.len, digest, NULL, EVP_sha256(), NULL);
	run->arena->failed |= !good;
	for (size_t i = 0; good && i < OCTETS; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return gp_arena_dup(run->arena, gp_slice_str(text));
}

struct gp_slice
posture_day(struct posture_run *run, uint64_t time_s)
{
	enum { DAY_LEN = sizeof("2026-11-30") - 1 };
	return gp_arena_printf(run->arena, "%.*s", DAY_LEN, gp_date_stamp(time_s).s);
}
