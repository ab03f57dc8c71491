/* SPDX-License-Identifier: Apache-2.0 */
/* The running gateway's control socket. */
#pragma once

#include "core/config/config.h"

struct gp_control {
	char path[4096]; /* for complaints */
	int fd;          /* for a gp_channel */
};

/* Connects to the gateway of this configuration. 0, or -errno: is it running? */
[[nodiscard]] int
gp_control_connect(const struct gp_config *cfg, struct gp_control *ret);
