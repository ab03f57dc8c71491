/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file of `gatepost scan --json` says, as the JSON of docs/api.md: the hosts, the worst
 * first, a part of them at a time. What a scanned server said is in it, and who wrote the file is
 * not known: it is read under caps, each line for itself, and a line that cannot be read is
 * counted.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

enum {
	SCANS_FILE_MAX = 16 << 20,  /* octets; a larger file is not read */
	SCANS_LINE_MAX = 256 << 10, /* octets: what a server may say at most is 1 MB, and rare */
	SCANS_DEPTH_MAX = 16,       /* lists and objects within each other */
	SCANS_HOSTS_MAX = 10'000,   /* lines that count; that there are more is told */
	SCANS_HOSTS_TOLD = 100,     /* of one answer; how many more there are is told */
	SCANS_FINDINGS_TOLD = 64,   /* of a host, the gravest */
	SCANS_TEXT_MAX = 600,       /* octets of a text; longer ones are cut */
	SCANS_ENOUGH = 1'500 << 10, /* octets of an answer, after which no host is begun */
	SCANS_ARENA_MAX = 64 << 20,
};

struct scans;

/* Reads the text, which stays the caller's, and as it is as long as this is there. time_s: when the
 * file was written. seed is random: tables of members are hashed by it. NULL: no memory. */
struct scans *
scans_new(struct gp_slice text, int64_t time_s, uint64_t seed);
/* Accepts NULL, returns NULL. */
struct scans *
scans_free(struct scans *s);

/* Which hosts. */
struct scans_wish {
	uint8_t severity;     /* 1 + enum gp_severity: with a fault as grave at least; 0: all */
	struct gp_slice text; /* somewhere in what is told of them, in either case; empty: all */
	uint32_t start;       /* so many of these are passed over */
};

/* Returns 0 or -ENOMEM. */
[[nodiscard]] int
scans_write(const struct scans *s, const struct scans_wish *wish, struct gp_arena *arena,
	    struct gp_buf *out);
