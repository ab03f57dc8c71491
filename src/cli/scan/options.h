/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `gatepost scan`. */
#pragma once

#include "cli/findings/findings.h"
#include "cli/scan/engine.h"
#include "cli/scan/progress.h"
#include "cli/scan/targets.h"

enum {
	SCAN_AUTHORISED_MAX = 500, /* octets of the text that says who permitted it */
};

/* All that was asked for. Texts are the command line's. */
struct scan_options {
	struct scan_engine_options engine;
	struct scan_target_options targets;
	uint64_t seed;
	bool has_seed;
	uint32_t shard, shards;
	const char *resume;     /* path; NULL: none */
	const char *authorised; /* who permitted what nobody should do unasked; NULL: nobody */
	uint8_t format;         /* enum findings_format */
	const char *output;     /* path; NULL: standard output */
	const char *log, *log_key, *replay; /* paths; NULL: none */
	const char *metrics;                /* path; NULL: none */
	const char *authorities;            /* path; NULL: the system's */
	int fail_on;                        /* of findings_fail_on_of() */
	bool quiet, progress, no_colour, dry_run, help;
	char hostname[256];
};

/* Returns GP_EXIT_OK, or GP_EXIT_USAGE after saying to standard error what is wrong. */
[[nodiscard]] int
scan_options_read(struct scan_options *ret, int argc, char **argv);

/* A screenful. */
extern const char scan_usage[];
