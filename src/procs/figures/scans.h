/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file of `gatepost scan --json` says, as the JSON of docs/api.md: the hosts, the worst
 * first. What a scanned server said is in it, and who wrote the file is not known: it is read
 * under caps, each line for itself, and a line that cannot be read is counted.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

enum {
	SCANS_FILE_MAX = 16 << 20,  /* octets; a larger file is not read */
	SCANS_LINE_MAX = 256 << 10, /* octets: what a server may say at most is 1 MB, and rare */
	SCANS_DEPTH_MAX = 16,       /* lists and objects within each other */
	SCANS_HOSTS_MAX = 10'000,   /* lines that count; that there are more is told */
	SCANS_HOSTS_TOLD = 500,     /* those that are worst; how many more there are is told */
	SCANS_FINDINGS_TOLD = 64,   /* of a host, the gravest */
	SCANS_TEXT_MAX = 600,       /* octets of a text; longer ones are cut */
	SCANS_ENOUGH = 1'500 << 10, /* octets of an answer, after which no host is begun */
	SCANS_ARENA_MAX = 64 << 20,
};

/* time_s: when the file was written. seed is random: tables of members are hashed by it. Returns 0
   or -ENOMEM. */
[[nodiscard]] int
scans_write(struct gp_slice text, int64_t time_s, uint64_t seed, struct gp_arena *arena,
	    struct gp_buf *out);
