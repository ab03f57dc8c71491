/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <zlib.h>

#include "procs/reports/reports.h"

enum {
	GZIP_WINDOW = 15 + 16, /* deflateInit2: the largest window, a gzip header around it */
	MEMORY_LEVEL = 8,
};

void
compose_sender(const struct gp_config *config, struct gp_arena *arena, struct gp_tlsrpt_report *ret)
{
	struct gp_slice from = config->reports.from, domain;
	if (from.len == 0)
		from = gp_arena_printf(arena, "tlsrpt@%.*s", GP_SLICE_FMT(config->hostname));
	domain = gp_slice_drop(from, (size_t)(gp_slice_rfind(from, '@') + 1));
	ret->contact = from;
	ret->submitter = domain;
	ret->organization = config->reports.organization.len > 0 ? config->reports.organization
								 : config->hostname;
}

/* All at once: the output is as large as it may be. */
static int
deflate_into(struct gp_slice in, struct gp_buf *out)
{
	z_stream z = {};
	size_t room = out->max - out->len;
	char *to = gp_buf_reserve(out, room);
	if (!to || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
				Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)in.ptr;
	z.avail_in = (uInt)in.len;
	z.next_out = (Bytef *)to;
	z.avail_out = (uInt)room;
	int r = deflate(&z, Z_FINISH);
	if (r == Z_STREAM_END)
		gp_buf_advance(out, room - z.avail_out);
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -E2BIG;
}

int
compose_gzip(const struct gp_tlsrpt_report *report, struct gp_buf *out)
{
	struct gp_buf json = GP_BUF_INIT(REPORTS_JSON_MAX);
	int r = gp_tlsrpt_write_json(report, &json) ? 0 : -E2BIG;
	if (r == 0)
		r = deflate_into(gp_buf_slice(&json), out);
	gp_buf_free(&json);
	return r;
}
