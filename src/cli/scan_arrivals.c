/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan_arrivals.h"

#include <errno.h>

#include "cli/canary.h"
#include "sys/small_file.h"

int
scan_arrivals_judge(const char *list, struct gp_probe *probe)
{
	struct gp_arena arena = GP_ARENA_INIT(4 * (size_t)GP_CANARY_LIST_MAX);
	struct gp_probe_arrival *arrivals = NULL;
	struct gp_slice text = {};
	ssize_t r = gp_file_read(gp_slice_str(list), GP_CANARY_LIST_MAX, &arena, &text);
	if (r == -ENOENT)
		r = 0;
	else if (r == 0)
		r = gp_canary_list_parse(text, &arena, &arrivals);
	if (r > 0)
		gp_probe_arrived(probe, arrivals, (size_t)r);
	gp_arena_free(&arena);
	return (int)GP_MIN(r, 0);
}
