/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mail came to, told to reports. Mail never waits for it: while reports is away, or behind,
 * what would be told is lost, and the log says so.
 */
#pragma once

#include "ipc/messages.h"
#include "ipc/role.h"

/* permit: of what reports may say to this role, which is nothing. */
void
tell_connect(struct gp_role_env *env, int fd, gp_permit permit);

void
tell_reports(const struct gp_message *m);
