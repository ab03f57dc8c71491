/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of CSV. */
#pragma once

#include "base/buf.h"

/*
 * RFC 4180 section 2, rules 5 to 7: all are quoted, a quote is doubled. What a spreadsheet would
 * calculate gets a quote in front. after: "," or "\r\n".
 */
void
gp_csv_put(struct gp_buf *out, struct gp_slice s, const char *after);
