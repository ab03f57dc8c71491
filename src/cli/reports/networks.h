/* SPDX-License-Identifier: Apache-2.0 */
/* Whose networks sources are in, by a database on the disk, where there is one. */
#pragma once

#include <jansson.h>

#include "cli/reports/options.h"
#include "procs/asn/asn_file.h"

/* Reads the one that --asn-database names, or else the configuration, where the command has one.
 * An exit code: what the option names must be right, while what is wrong with the configuration's
 * is said on standard error, and then there is none. asn_file_free() it in any case. */
[[nodiscard]] int
networks_open(const struct reports_options *o, struct asn_file *ret);
/* " (AS64500 Example Networks)"; or nothing. */
void
networks_print(const struct gp_mmdb *db, const uint8_t address[16]);
/* Sets "asn" and "as_name", null where they are not known. */
void
networks_set(json_t *o, const struct gp_mmdb *db, const uint8_t address[16]);
