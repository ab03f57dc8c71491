/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/resume.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/scan/file.h"
#include "sys/small_file.h"

static int
complain(const char *path, const char *why)
{
	fprintf(stderr, "gatepost scan: --resume: %s: %s\n", path, why);
	return GP_EXIT_USAGE;
}

static bool
is_same(const struct gp_progress_start *a, const struct gp_progress_start *b, bool seed_also)
{
	return a->digest == b->digest && a->shard == b->shard && a->shards == b->shards &&
	       (!seed_also || a->seed == b->seed);
}

int
scan_resume_read(const char *path, bool fixed, struct gp_progress_start *start,
		 struct gp_progress *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(2 * GP_PROGRESS_TEXT_MAX);
	struct gp_progress_start was;
	struct gp_slice text;
	int code = GP_EXIT_OK;
	int r = gp_file_read(gp_slice_str(path), GP_PROGRESS_TEXT_MAX, &arena, &text);
	*ret = (struct gp_progress){};
	if (r == 0 && !gp_progress_read(text, ret, &was))
		code = complain(path, "it was not written by a scan");
	else if (r == 0 && !is_same(&was, start, fixed))
		code = complain(path, "it is of other targets, ports, shards or another seed");
	else if (r == 0)
		*start = was;
	else if (r != -ENOENT)
		code = complain(path, strerror(-r));
	gp_arena_free(&arena);
	return code;
}

int
scan_resume_write(const char *path, const struct gp_targets_walk *walk,
		  const struct gp_progress *progress, int told)
{
	struct gp_buf out = GP_BUF_INIT(GP_PROGRESS_TEXT_MAX);
	gp_progress_write(progress, walk, &out);
	int r = out.failed ? -ENOMEM : scan_file_keep(path, gp_buf_slice(&out), told);
	gp_buf_free(&out);
	return r;
}
