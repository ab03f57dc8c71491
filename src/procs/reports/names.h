/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host names of sources that others' reports tell of, looked up when nothing else is to do: by
 * their reverse zone, and confirmed by the name's own (core/targets/hosts.h). Strangers choose who
 * is told of, and so who is asked: only authenticated reports count, a few sources are asked about
 * at a time, and `reports.names_per_day` in a day of UTC. What was found is in received.db, with
 * the time of the next look.
 */
#pragma once

#include "core/targets/hosts.h"
#include "ipc/role.h"

enum names_limits {
	NAMES_BATCH = 16, /* sources that are asked about together */
	NAMES_QUESTIONS_MAX = NAMES_BATCH * GP_REVERSE_NEED_MAX,
};

/* 0 or -ENOMEM. */
[[nodiscard]] int
names_start(struct gp_role_env *env);
/* There may be sources without a name; the configuration may be another one. */
void
names_wake(void);
