/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of the fetch role: takes requests from its peers, and gives each exactly one answer
 * within its time limit, in any order.
 */
#pragma once

#include "core/config/config.h"
#include "ipc/channel.h"

enum { PEERS_MAX = 128 };

struct fetch;

/* Before the sandbox; config is not kept. Returns 0 or -errno. */
[[nodiscard]] int
fetch_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2],
	  struct fetch **ret);
/* Accepts NULL, returns NULL. */
struct fetch *
fetch_free(struct fetch *f);

/* The folder where policies are kept over a restart; before the sandbox. */
void
fetch_use_folder(struct fetch *f, int folder);

/* Takes fd over: the end of a channel of one who asks. permit: what it may say. */
void
fetch_add_peer(struct fetch *f, int fd, gp_permit permit);
