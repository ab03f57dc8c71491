/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost verify: who handed a message to our servers. */
#include <errno.h>
#include <string.h>

#include "cli/verify.h"

/* The topmost Return-Path: who delivered the message wrote it (RFC 5321 section 4.4). False: there
 * is none, or it is no path. */
static bool
find_sender(const struct gp_header *h, struct gp_arena *arena, struct gp_slice *ret)
{
	size_t at = gp_header_find(h, GP_SLICE("Return-Path"), 0);
	if (at == h->fields_len)
		return false;
	struct gp_slice path = gp_header_unfold(gp_header_value(h, at), arena);
	bool bracketed = path.len >= 2 && path.ptr[0] == '<' && path.ptr[path.len - 1] == '>';
	*ret = bracketed ? gp_slice_take(gp_slice_drop(path, 1), path.len - 2) : path;
	return bracketed;
}

int
verify_find_client(struct gp_slice message, const struct gp_trust *trust, struct gp_arena *arena,
		   struct gp_verify_query *query)
{
	struct gp_findings findings = gp_findings(arena);
	struct gp_header header;
	struct gp_path path;
	struct gp_slice sender;
	int r = gp_header_split(message, arena, &header);
	if (r != 0 || !findings.items)
		return GP_MIN(r, 0);
	r = gp_path_read(&header, trust, (int64_t)query->now_s, arena, &findings, &path);
	if (r < 0 || path.boundary == GP_PATH_NONE || !find_sender(&header, arena, &sender))
		return r;
	const struct gp_hop *hop = &path.hops[path.boundary].hop;
	if (hop->octets_len == 0)
		return 0;
	memcpy(query->address, hop->octets, hop->octets_len);
	query->address_len = (uint8_t)hop->octets_len;
	query->helo = hop->helo;
	query->sender = sender;
	return 0;
}
