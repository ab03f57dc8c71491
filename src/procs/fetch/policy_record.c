/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/policy_record.h"

#include "base/crc32c.h"
#include "base/wire.h"
#include "core/mtasts/record.h"
#include "procs/fetch/policy_cache.h"
#include "procs/fetch/reach.h"

enum {
	MARK = 0x31535453, /* "STS1" */
	HEAD_SIZE = 12,    /* mark, length, checksum */
	/* fetched_ms, max_age_s and three lengths */
	FIXED_SIZE = 24,
	PAYLOAD_MAX = FIXED_SIZE + GP_MTASTS_ID_MAX + POLICY_DOMAIN_MAX + GP_MTASTS_BODY_MAX,
};

size_t
policy_record_size(const struct policy_record *r)
{
	return HEAD_SIZE + FIXED_SIZE + r->id.len + r->domain.len + r->text.len;
}

void
policy_record_write(struct gp_buf *out, const struct policy_record *r)
{
	struct gp_buf payload = GP_BUF_INIT(PAYLOAD_MAX);
	gp_write_u64(&payload, r->fetched_ms);
	gp_write_u32(&payload, r->max_age_s);
	gp_write_bytes(&payload, r->id);
	gp_write_bytes(&payload, r->domain);
	gp_write_bytes(&payload, r->text);
	struct gp_slice bytes = gp_buf_slice(&payload);
	out->failed = out->failed || payload.failed;
	gp_write_u32(out, MARK);
	gp_write_u32(out, (uint32_t)bytes.len);
	gp_write_u32(out, gp_crc32c(0, bytes));
	gp_buf_put(out, bytes);
	gp_buf_free(&payload);
}

static bool
read_payload(struct gp_slice payload, struct policy_record *ret)
{
	struct gp_reader r = gp_reader(payload);
	ret->fetched_ms = gp_read_u64(&r);
	ret->max_age_s = gp_read_u32(&r);
	ret->id = gp_read_bytes(&r, GP_MTASTS_ID_MAX);
	ret->domain = gp_read_bytes(&r, POLICY_DOMAIN_MAX);
	ret->text = gp_read_bytes(&r, GP_MTASTS_BODY_MAX);
	return gp_read_end(&r) && ret->id.len > 0 && ret->max_age_s <= GP_MTASTS_MAX_AGE_MAX_S &&
	       reach_host_valid(ret->domain);
}

/* A whole record at the front; its size, or 0. */
static size_t
read_here(struct gp_slice at, struct policy_record *ret)
{
	struct gp_reader r = gp_reader(at);
	uint32_t mark = gp_read_u32(&r), len = gp_read_u32(&r), sum = gp_read_u32(&r);
	if (r.failed || mark != MARK || len > PAYLOAD_MAX)
		return 0;
	struct gp_slice payload = gp_read_raw(&r, len);
	if (r.failed || gp_crc32c(0, payload) != sum || !read_payload(payload, ret))
		return 0;
	return HEAD_SIZE + len;
}

bool
policy_record_read(struct gp_slice *rest, struct policy_record *ret, size_t *ret_damaged)
{
	size_t size = 0;
	while (rest->len > 0 && (size = read_here(*rest, ret)) == 0) {
		*rest = gp_slice_drop(*rest, 1);
		++*ret_damaged;
	}
	*rest = gp_slice_drop(*rest, size);
	return size > 0;
}
