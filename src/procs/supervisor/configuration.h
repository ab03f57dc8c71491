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
/* The same again with the certificates as they are on disk now, each looked at as the first time.
   Returns 0, -EINVAL for mistakes, or -errno: then the old one is as good as it was. */
int
configuration_renew_certificates(const struct configuration *old, struct configuration *ret);

/* What the files of certificates, keys (DKIM's too) and secrets look like from outside (their
   inodes, sizes and times), as one number: another one means that one of them was changed or
   replaced. */
uint64_t
configuration_tls_files(const struct gp_config *cfg);

void
configuration_free(struct configuration *c);
