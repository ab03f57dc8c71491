/* SPDX-License-Identifier: Apache-2.0 */
/* Targets and opt-out lists from the command line, files and standard input. */
#pragma once

#include "core/targets/optout.h"
#include "core/targets/targets.h"

/* Always read, where it is there. */
#define SCAN_OPT_OUT "/etc/gatepost/scan-opt-out"

enum {
	SCAN_FILES_MAX = 64,
	SCAN_LINE_MAX = 64 * 1024, /* octets of a line */
};

struct scan_target_options {
	const char *command;         /* "gatepost scan": for complaints; static */
	const char *const *operands; /* "-": standard input */
	size_t operands_len;
	const char *files[SCAN_FILES_MAX]; /* "-": standard input */
	size_t files_len;
	const char *optouts[SCAN_FILES_MAX];
	size_t optouts_len;
	uint16_t ports[GP_TARGETS_PORTS_MAX];
	size_t ports_len;
};

struct scan_targets {
	struct gp_targets list;
	struct gp_optout optout;
};

/* All lives in the arena, or is the options'. Returns an exit code, after saying to standard error
   what is wrong. To be freed in any case. */
[[nodiscard]] int
scan_targets_read(struct scan_targets *ret, const struct scan_target_options *o,
		  struct gp_arena *arena);
void
scan_targets_free(struct scan_targets *t);
