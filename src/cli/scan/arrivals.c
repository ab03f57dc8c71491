/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/arrivals.h"

#include <errno.h>

#include "cli/scan/canary.h"
#include "sys/small_file.h"

static bool
has_token(struct gp_slice line, struct gp_slice token)
{
	(void)gp_slice_cut(&line, ' ');
	return gp_slice_starts(line, token) && line.len > token.len && line.ptr[token.len] == '-';
}

static struct gp_slice
pick(struct gp_slice text, struct gp_slice token, struct gp_arena *arena)
{
	struct gp_buf lines = GP_BUF_INIT(GP_CANARY_LIST_MAX);
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		/* The last line may not be whole yet. */
		if (text.ptr && has_token(line, token)) {
			gp_buf_put(&lines, line);
			gp_buf_put_char(&lines, '\n');
		}
	}
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&lines));
	arena->failed |= lines.failed;
	gp_buf_free(&lines);
	return copy;
}

int
scan_arrivals_read(const char *list, struct gp_slice token, struct gp_arena *arena,
		   struct gp_slice *ret)
{
	struct gp_arena all = GP_ARENA_INIT(2 * (size_t)GP_CANARY_LIST_MAX);
	struct gp_slice text = {};
	int r = gp_file_read(gp_slice_str(list), GP_CANARY_LIST_MAX, &all, &text);
	if (r == 0)
		*ret = pick(text, token, arena);
	else if (r == -ENOENT)
		*ret = gp_slice("", 0);
	gp_arena_free(&all);
	return r == -ENOENT ? 0 : r < 0 ? r : arena->failed ? -ENOMEM : 0;
}

int
scan_arrivals_judge(struct gp_slice lines, struct gp_probe *probe)
{
	struct gp_arena arena = GP_ARENA_INIT(4 * (size_t)GP_CANARY_LIST_MAX);
	struct gp_probe_arrival *arrivals = NULL;
	ssize_t n = gp_canary_list_parse(lines, &arena, &arrivals);
	if (n > 0)
		gp_probe_arrived(probe, arrivals, (size_t)n);
	gp_arena_free(&arena);
	return (int)GP_MIN(n, 0);
}
