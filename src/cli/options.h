/* SPDX-License-Identifier: Apache-2.0 */
/* What commands share that work with the configuration: where it is, and reading it. */
#pragma once

#include "core/config/config.h"

#define GP_CONFIG_DEFAULT "/etc/gatepost/gatepost.yaml"

/* The name as an absolute path, with a NUL behind it, so that what is relative to the file is
   absolute too. A folder that exists is given without links, . and .. in it. 0 or -errno. */
[[nodiscard]] int
gp_cli_absolute(const char *path, struct gp_arena *arena, struct gp_slice *ret);

/* Reads files for gp_config_parse. */
extern const struct gp_config_reader gp_cli_files;

/*
 * Reads and checks the configuration. path: of -c; NULL: GP_CONFIG_DEFAULT. Returns GP_EXIT_OK;
 * GP_EXIT_USAGE when it has mistakes (all in *ret_complaints, nothing printed) or cannot be read
 * (printed to standard error, no complaints); GP_EXIT_ERROR: memory (printed).
 */
[[nodiscard]] int
gp_cli_config(const char *path, struct gp_arena *arena, struct gp_config *ret,
	      struct gp_complaints *ret_complaints);

/* Where reports of others are kept, as gp_reportdb_open() takes it: with a NUL behind it; NULL: no
 * memory. */
const char *
gp_cli_received(const struct gp_config *config, struct gp_arena *arena);

/* To standard error, one a line. */
void
gp_cli_print_complaints(const struct gp_complaints *complaints);
