/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a report, one file each; dsn.c puts them together. */
#pragma once

#include "core/dsn/dsn.h"

struct gp_dsn_part {
	struct gp_buf body;
	const char *type;     /* Content-Type */
	const char *encoding; /* Content-Transfer-Encoding: "7bit", "8bit", "quoted-printable" */
};

/* text.c: the words for people. */
void
gp_dsn_text(const struct gp_dsn *d, struct gp_dsn_part *part);

/* status.c: RFC 3464. utf8: the report travels with SMTPUTF8, so its addresses need no escapes. */
void
gp_dsn_status(const struct gp_dsn *d, bool utf8, struct gp_arena *arena, struct gp_dsn_part *part);

/* original.c: the message or its header. */
void
gp_dsn_original(const struct gp_dsn *d, struct gp_dsn_part *part);

/* The worst of the events, as the report's subject: failed before delayed, relayed, delivered. */
enum gp_dsn_event
gp_dsn_worst(const struct gp_dsn *d);
