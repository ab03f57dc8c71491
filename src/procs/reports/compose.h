/* SPDX-License-Identifier: Apache-2.0 */
/* A report from what was counted: who it is from, and what it says, compressed. */
#pragma once

#include "core/config/config.h"
#include "procs/reports/store.h"

enum compose_limits {
	COMPOSE_TEXT_MAX = 8 << 20, /* octets of a report; more is not sent */
	COMPOSE_GZIP_MAX = 1 << 20, /* the same, compressed: what a `fetch` may carry */
};

/* What goes in one mail: a whole report, or those rows of it that fit `reports.dmarc_size`. */
struct compose_part {
	struct gp_report head;
	const struct gp_report_form *form; /* NULL: of a failure */
	struct gp_buf gzip;
	struct gp_failrpt_texts failure; /* in the arena */
	uint64_t first;                  /* the number of its first row, by which it is known */
	uint64_t next;                   /* that of the next part's; 0: there is no other */
};

/* Who a report is from, out of the configuration; texts live in the arena and the configuration. */
void
compose_sender(const struct gp_config *config, enum store_kind kind, struct gp_arena *arena,
	       struct gp_report *ret);

/* The JSON or XML, compressed, appended to a buffer with a cap. 0; -E2BIG; -ENOMEM. */
[[nodiscard]] int
compose_tls(const struct gp_tlsrpt_report *report, struct gp_buf *out);
[[nodiscard]] int
compose_dmarc(const struct gp_dmarcrpt_report *report, struct gp_buf *out);

/* Appends its mail to this address, not signed yet. False: the buffer's cap, or memory. */
[[nodiscard]] bool
compose_mail(const struct compose_part *part, struct gp_slice to, uint64_t now_s,
	     struct gp_buf *out);

/* Puts the part that begins with this row in the place of *ret. Texts live in the arena, in the
 * row and the configuration. 0; -E2BIG: never; -errno. */
[[nodiscard]] int
compose_part(const struct gp_config *config, struct store *s, const struct store_report *row,
	     uint64_t first, struct gp_arena *arena, struct compose_part *ret);
