/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a role is told by its control channel. Descriptors are copied or opened anew for each
 * message; those of keys and secrets are opened and never read. False: it could not be told, and
 * what it has is not what it should have. At its start its end is noticed like any other; one that
 * runs is killed by whoever tells it.
 */
#pragma once

#include "procs/supervisor/supervisor.h"

/* fd: goes with the message, as a copy; -1: none. */
bool
tell(struct instance *in, struct gp_message m, int fd);

bool
tell_config(const struct supervisor *s, struct instance *in);

/* All else that it needs before it starts, by its row of role_specs. */
bool
tell_resources(const struct supervisor *s, struct instance *in);

/* Keys and secrets, where it needs them. */
bool
tell_private(const struct supervisor *s, struct instance *in);

/* The file, where it is configured and the role needs it. */
bool
tell_file(struct instance *in, const struct watched_file *w);

/* Connects it with each of its peers that is there: both are told. What cannot be connected is
   logged. */
void
tell_peers(struct supervisor *s, struct instance *in);

/* To those who show how all roles are: one of them is ready, silent or gone. */
void
tell_of_roles(struct supervisor *s);
