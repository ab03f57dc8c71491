/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running gateway remembers (core/journal/journal.h). Its files are had over the control
 * socket, as descriptors, and read here: however large they are, the gateway goes on.
 */
#pragma once

#include "core/config/config.h"
#include "core/journal/journal.h"
#include "ipc/values.h"

struct gp_records;

/*
 * Asks the gateway of this configuration. 0; or -errno, and *ret_why says in the arena what is
 * wrong: mostly that none is running.
 */
[[nodiscard]] int
gp_records_open(const struct gp_config *cfg, struct gp_arena *arena, struct gp_records **ret,
		struct gp_slice *ret_why);
/* Accepts NULL, returns NULL. */
struct gp_records *
gp_records_close(struct gp_records *r);

/*
 * Hands each entry of the kind to each(), in the order of time; what it points to lives until that
 * returns. False ends the walk. What is not whole is left out. 0 or -errno.
 */
[[nodiscard]] int
gp_records_walk(struct gp_records *r, enum gp_journal_file_kind kind,
		bool (*each)(void *ctx, const struct gp_journal_entry *e), void *ctx);

/* An entry with its texts, copied into the arena, which has failed when there was no memory. */
struct gp_journal_entry
gp_records_copy(const struct gp_journal_entry *e, struct gp_arena *arena);
