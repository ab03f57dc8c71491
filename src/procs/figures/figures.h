/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the database of others' reports says, as the JSON of docs/api.md. figures.c: a question and
 * its range; tables.c: the lists.
 */
#pragma once

#include "base/json.h"
#include "core/asn/asn.h"
#include "ipc/messages.h"
#include "reportdb/reportdb.h"

enum {
	FIGURES_ARENA_MAX = 64 << 20,
	FIGURES_RANGE_MAX = 3660,         /* days: ten years */
	FIGURES_ROWS_MAX = 500,           /* of a list; how many more there are is told */
	FIGURES_TOP = 5,                  /* of a list beside others */
	FIGURES_SAMPLES = 100,            /* single messages, and rows of a source */
	FIGURES_SAMPLES_OCTETS = 2 << 20, /* of rows: all texts of 100 would not fit in an answer */
	FIGURES_HEADER_MAX = 4096,        /* octets of a sample's header */
};

/* Answers. asn: NULL where there is no such database. 0; 1: there is no such question; -errno of
 * the database, -ENOMEM. */
[[nodiscard]] int
figures_write(struct gp_reportdb *db, const struct gp_mmdb *asn,
	      const struct gp_msg_figures_wanted *q, struct gp_arena *arena, struct gp_buf *out);

/* --- one answer --- */

struct figures {
	struct gp_reportdb *db;
	const struct gp_mmdb *asn;
	struct gp_reportdb_range range;
	struct gp_arena *arena;
	struct gp_json j;
};

/* Each writes a member of the object that is open, and returns 0 or -errno. */
typedef int
figures_table(struct figures *f);
figures_table figures_put_days, figures_put_domains, figures_put_policies, figures_put_overrides;
figures_table figures_put_signers, figures_put_spf, figures_put_reporters, figures_put_tls_days;
figures_table figures_put_tls_failures, figures_put_failures, figures_put_health, figures_put_flaws,
	figures_put_over_limit;

/* The `max` first in that order, as "sources". */
int
figures_put_sources(struct figures *f, enum gp_reportdb_order order, size_t max);
/* One source: whose it is, its days, and rows of reports. */
int
figures_put_source(struct figures *f, const uint8_t address[16]);

/* A day that no calendar has is null. */
void
figures_put_day(struct figures *f, const char *name, int64_t day);

void
figures_put(struct figures *f, const char *name, const struct gp_reportdb_figures *of);
