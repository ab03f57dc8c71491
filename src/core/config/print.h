/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of configuration text share. */
#pragma once

#include "core/config/schema.h"

/* Double-quoted YAML on one line, whatever s holds. */
void
print_quoted(struct gp_buf *out, struct gp_slice s);

/* Two spaces for each level. */
void
print_indent(struct gp_buf *out, unsigned int depth);

/* The value of a SIZE, TIME or COUNT key with its unit. */
void
print_number(struct gp_buf *out, const struct gp_key *key, uint64_t value);
