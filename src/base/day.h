/* SPDX-License-Identifier: Apache-2.0 */
/* Days of the calendar (Gregorian, UTC), counted from 1970-01-01. */
#pragma once

#include "base/buf.h"

/* 9999-12-31: the last one that has a text. */
#define GP_DAY_MAX INT64_C(2932896)

/* "2026-11-30", and nothing else; 1970 to 9999. */
[[nodiscard]] bool
gp_day_parse(struct gp_slice text, int64_t *ret);
/* 0 <= day <= GP_DAY_MAX */
void
gp_day_write(struct gp_buf *out, int64_t day);
