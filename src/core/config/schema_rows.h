/* SPDX-License-Identifier: Apache-2.0 */
/* How rows of the schema are written; for its files alone. */
#pragma once

#include "core/config/schema.h"

#define KB UINT64_C(1000)
#define MB (1000 * KB)
#define GB (1000 * MB)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define AT(member)                                    \
	.offset = offsetof(struct gp_config, member), \
	.wide = sizeof(((struct gp_config *)NULL)->member) == sizeof(uint64_t)
#define GROUP(keys_)                                             \
	{                                                        \
		.keys = (keys_), .keys_len = GP_ARRAY_LEN(keys_) \
	}
#define LATER(name_, doc_)                                           \
	{                                                            \
		.name = (name_), .type = GP_KEY_LATER, .doc = (doc_) \
	}

/* Of `limits` and of `relay_networks` (schema_limits.c). */
extern const struct gp_key_group gp_schema_limits, gp_schema_relay_limits;

/* Of `reports` (schema_reports.c). */
extern const struct gp_key_group gp_schema_reports;

/* Of `web` (schema_web.c). */
extern const struct gp_key_group gp_schema_web;
