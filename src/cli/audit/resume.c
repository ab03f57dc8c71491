/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "cli/command.h"
#include "cli/scan/file.h"
#include "sys/small_file.h"

static void
put_head(const struct audit_domains *list, struct gp_buf *out)
{
	uint32_t crc = 0;
	for (size_t i = 0; i < list->len; i++) {
		crc = gp_crc32c(crc, list->list[i]);
		crc = gp_crc32c(crc, GP_SLICE("\n"));
	}
	gp_buf_printf(out, "gatepost audit 1\nlist %08" PRIx32 " %zu\ndone ", crc, list->len);
}

void
audit_resume_put(const struct audit_domains *list, size_t done, struct gp_buf *out)
{
	put_head(list, out);
	gp_buf_printf(out, "%zu\n", done);
}

ptrdiff_t
audit_resume_parse(struct gp_slice text, const struct audit_domains *list)
{
	struct gp_buf head = GP_BUF_INIT(AUDIT_RESUME_TEXT_MAX);
	uint64_t done = 0;
	put_head(list, &head);
	bool good = gp_slice_starts(text, gp_buf_slice(&head));
	struct gp_slice rest = gp_slice_drop(text, head.len);
	struct gp_slice number = gp_slice_cut(&rest, '\n');
	good = good && rest.len == 0 && gp_slice_u64(number, list->len, &done);
	gp_buf_free(&head);
	return good ? (ptrdiff_t)done : -1;
}

static int
complain(const char *path, const char *why)
{
	fprintf(stderr, "gatepost audit: --resume: %s: %s\n", path, why);
	return GP_EXIT_USAGE;
}

int
audit_resume_read(const char *path, const struct audit_domains *list, size_t *ret_done)
{
	struct gp_arena arena = GP_ARENA_INIT(2 * AUDIT_RESUME_TEXT_MAX);
	struct gp_slice text;
	int code = GP_EXIT_OK;
	int r = gp_file_read(gp_slice_str(path), AUDIT_RESUME_TEXT_MAX, &arena, &text);
	ptrdiff_t done = r == 0 ? audit_resume_parse(text, list) : 0;
	if (r < 0 && r != -ENOENT)
		code = complain(path, strerror(-r));
	else if (done < 0)
		code = complain(path, "it was not written by an audit of these domains");
	*ret_done = (size_t)GP_MAX(done, 0);
	gp_arena_free(&arena);
	return code;
}

int
audit_resume_write(const char *path, const struct audit_domains *list, size_t done, int told)
{
	struct gp_buf out = GP_BUF_INIT(AUDIT_RESUME_TEXT_MAX);
	audit_resume_put(list, done, &out);
	int r = out.failed ? -ENOMEM : scan_file_keep(path, gp_buf_slice(&out), told);
	gp_buf_free(&out);
	return r;
}
