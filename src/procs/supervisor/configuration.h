/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as the supervisor holds it: the value, and the text that the roles get. */
#pragma once

#include "core/config/config.h"

struct configuration {
	struct gp_arena arena;
	const struct gp_config *value;
	int image_fd; /* sealed memfd: the effective configuration as YAML */
};

/* Reads and checks the file; every mistake goes to standard error as file:line:column. Returns 0,
   -EINVAL for mistakes, or -errno. */
int
configuration_load(struct configuration *c, const char *path);
void
configuration_free(struct configuration *c);
